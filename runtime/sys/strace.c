/*
 * Lines of --strace; see strace.h.
 *
 *     PID name(argument, argument...) = result
 *
 * Threads: a line belongs to its thread; current is the one whose call runs.
 */
#include "runtime/sys/strace.h"

#include "arch/rv64/abi.h"
#include "lib/base/log.h"

#include <stdio.h>
#include <string.h>

static _Thread_local struct strace_line *current;

static void put_args(struct strace_line *l)
{
	unsigned n = l->row ? l->row->nargs : 6;

	for (; l->next < n; l->next++) {
		const struct sys_kind_info *k = l->row ? &sys_kinds[l->row->kind[l->next]] : NULL;

		if (k && k->written && !l->after)
			return; /* the kernel writes there: wait */
		if (l->next)
			strbuf_puts(&l->b, ", ");
		if (k)
			k->print(l, l->next);
		else
			strbuf_printf(&l->b, "0x%llx", (unsigned long long)l->a[l->next]);
	}
}

static void begin(struct strace_line *l)
{
	strbuf_printf(&l->b, "%d ", l->t->tid);
	if (l->row)
		strbuf_puts(&l->b, l->row->name);
	else
		strbuf_printf(&l->b, "syscall_%llu", (unsigned long long)l->nr);
	strbuf_putc(&l->b, '(');
	put_args(l);
}

static void flush(struct strace_line *l)
{
	strbuf_putc(&l->b, '\n');
	if (write(kit_log_fd(), l->b.s, l->b.len) < 0)
		return; /* a closed stderr must not stop the guest */
}

void strace_enter(struct strace_line *l, struct kit_thread *t, const struct sys_row *row,
		  uint64_t nr, const uint64_t *reg)
{
	*l = (struct strace_line){ .t = t, .row = row, .nr = nr };
	for (unsigned i = 0; i < 6; i++) {
		unsigned class = row ? sys_kinds[row->kind[i]].class : SYS_CLASS_U64;

		l->a[i] = class == SYS_CLASS_I32   ? (uint64_t)(int32_t)reg[i]
			  : class == SYS_CLASS_U32 ? (uint32_t)reg[i]
						   : reg[i];
	}
	current = l;
	begin(l);
	/* exit does not come back. */
	if (row && row->result == SYS_KIND_NONE) {
		strbuf_puts(&l->b, ") = ?");
		flush(l);
	}
}

static void put_restart(struct strace_line *l, const char *name, const char *when)
{
	strbuf_printf(&l->b, "? %s (To be restarted%s)", name, when);
}

static void put_result(struct strace_line *l)
{
	int64_t r = l->result;
	const char *name;

	if (r == -SIG_ERESTARTSYS) {
		put_restart(l, "ERESTARTSYS", " if SA_RESTART is set");
	} else if (r == -SIG_ERESTARTNOINTR) {
		put_restart(l, "ERESTARTNOINTR", "");
	} else if (r == -SIG_ERESTARTNOHAND) {
		put_restart(l, "ERESTARTNOHAND", " if no handler");
	} else if (r < 0 && r > -4096) {
		name = strace_errno_name((int)-r);
		if (name)
			strbuf_printf(&l->b, "-1 %s (%s)", name, strerror((int)-r));
		else
			strbuf_printf(&l->b, "-1 %lld", (long long)r);
	} else if (!l->row) {
		strbuf_printf(&l->b, "%lld", (long long)r);
	} else {
		switch ((enum sys_kind)l->row->result) {
		case SYS_KIND_ADDR:
			strbuf_printf(&l->b, "0x%llx", (unsigned long long)r);
			break;
		case SYS_KIND_MODE:
			strbuf_printf(&l->b, "%#llo", (unsigned long long)r);
			break;
		case SYS_KIND_SIG:
			strbuf_printf(&l->b, "%lld (%s)", (long long)r, strace_signal_name((int)r));
			break;
		default:
			strbuf_printf(&l->b, "%lld", (long long)r);
			break;
		}
	}
}

void strace_leave(struct strace_line *l, int64_t result)
{
	current = NULL;
	if (result > SYS_R_AGAIN) {
		l->after = true;
		l->result = result;
		/* A forked child has its parent's half line. */
		if (l->b.len && result == 0 && l->row && l->row->block == SYS_BLOCK_OWN) {
			l->b.len = 0;
			l->next = 0;
			begin(l);
		}
		put_args(l);
		strbuf_puts(&l->b, ") = ");
		put_result(l);
		flush(l);
	}
	strbuf_fini(&l->b);
}

void strace_exec(struct kit_thread *t)
{
	struct strace_line *l = current;
	size_t len;

	if (!l || l->t != t)
		return;
	len = l->b.len;
	strbuf_puts(&l->b, ") = 0");
	flush(l);
	l->b.len = len; /* should it fail after all, its line follows */
}

/* Where si_code of a signal points at a field: the union of siginfo_t. */
static void put_siginfo(struct strbuf *b, const siginfo_t *s)
{
	strbuf_printf(b, "{si_signo=%s, si_code=%d", strace_signal_name(s->si_signo), s->si_code);
	if (s->si_signo == SIGCHLD && s->si_code > 0)
		strbuf_printf(b, ", si_pid=%d, si_uid=%u, si_status=%d", s->si_pid, s->si_uid,
			      s->si_status);
	else if (s->si_code <= 0)
		strbuf_printf(b, ", si_pid=%d, si_uid=%u", s->si_pid, s->si_uid);
	else
		strbuf_printf(b, ", si_addr=%p", s->si_addr);
	strbuf_putc(b, '}');
}

void strace_signal(struct kit_thread *t, const siginfo_t *info)
{
	struct strace_line l = { .t = t };

	strbuf_printf(&l.b, "%d --- %s ", t->tid, strace_signal_name(info->si_signo));
	put_siginfo(&l.b, info);
	strbuf_puts(&l.b, " ---");
	flush(&l);
	strbuf_fini(&l.b);
}
