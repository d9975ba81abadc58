/*
 * Lines of --strace; see strace.h.
 *
 *     PID TIME name(argument, argument...) = result <TIME>
 *
 * Threads: a line belongs to its thread; current is the one whose call runs. While it runs, another thread that tells of the
 * process's end may read what there is of the line:
 *
 *     NONE --strace_enter--> WAITS --another thread--> READ --that thread--> WAITS --strace_leave--> NONE
 *
 * Where the end is certain it stays READ, and a call that comes back all the same waits for it.
 */
#include "runtime/sys/strace.h"

#include "arch/rv64/abi.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/strace_conf.h"
#include "runtime/sys/strace_out.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CALL_NONE, CALL_WAITS, CALL_READ };

static _Thread_local struct strace_line *current;

static void give_line(struct kit_thread *t, struct strace_line *l)
{
	t->shown_call.line = l;
	__atomic_store_n(&t->shown_call.state, CALL_WAITS, __ATOMIC_RELEASE);
}

static bool take_line(struct kit_thread *t, uint32_t state)
{
	uint32_t waits = CALL_WAITS;

	return __atomic_compare_exchange_n(&t->shown_call.state, &waits, state, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void take_line_back(struct kit_thread *t)
{
	while (!take_line(t, CALL_NONE)
	       && __atomic_load_n(&t->shown_call.state, __ATOMIC_RELAXED) != CALL_NONE)
		sched_yield();
}

static void put_args(struct strace_line *l)
{
	unsigned n = l->row ? l->row->nargs : 6;

	for (; l->next < n; l->next++) {
		const struct sys_kind_info *k = l->row ? &sys_kinds[l->row->kind[l->next]] : NULL;

		if (k && k->written && !l->after)
			return; /* the kernel writes there: wait */
		if (k)
			k->print(l, l->next);
		else
			strbuf_printf(&l->b, "0x%llx", (unsigned long long)l->a[l->next]);
		if (l->next + 1 < n)
			strbuf_puts(&l->b, ", ");
	}
}

/* ---- what stands before a call, and behind it ---------------------------------------------- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void put_clock(struct strbuf *b)
{
	const enum strace_clock clock = strace_conf.clock;
	uint64_t ns = now_ns(CLOCK_REALTIME);
	time_t seconds = (time_t)(ns / 1000000000u);
	unsigned us = (unsigned)(ns / 1000 % 1000000);
	struct tm tm;

	if (clock == STRACE_EPOCH) {
		strbuf_printf(b, "%llu.%06u ", (unsigned long long)seconds, us);
		return;
	}
	localtime_r(&seconds, &tm);
	strbuf_printf(b, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (clock == STRACE_MICROSECONDS)
		strbuf_printf(b, ".%06u", us);
	strbuf_putc(b, ' ');
}

/* Since the line before, of whatever thread. */
static void put_relative(struct strbuf *b)
{
	static uint64_t last;
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	uint64_t before = __atomic_exchange_n(&last, now, __ATOMIC_RELAXED);
	uint64_t us = before && now > before ? (now - before) / 1000 : 0;

	strbuf_printf(b, "%6llu.%06llu ", (unsigned long long)(us / 1000000),
		      (unsigned long long)(us % 1000000));
}

static void put_head(struct strbuf *b, const struct kit_thread *t)
{
	if (!ownfile_is_by_thread(strace_conf.file ? KIT_STRACE_FILE : KIT_LOG_FILE))
		strbuf_printf(b, "%-5d ", t->tid);
	if (strace_conf.relative)
		put_relative(b);
	if (strace_conf.clock)
		put_clock(b);
}

static void put_call_head(const struct strace_line *l, struct strbuf *b)
{
	put_head(b, l->t);
	if (strace_conf.numbers)
		strbuf_printf(b, "[%4llu] ", (unsigned long long)l->nr);
	if (strace_conf.at_pc)
		strbuf_printf(b, "[%016llx] ", (unsigned long long)l->t->st.pc);
}

static void put_lines(struct kit_thread *t, const struct strbuf *b)
{
	strace_out_begin(t);
	strace_out_put(t, b, NULL);
	strace_out_end(t);
}

/* The arguments are over: results stand below each other, as strace has them. */
static void put_equals(struct strbuf *b)
{
	strbuf_puts(b, ") ");
	while (b->len < strace_conf.column)
		strbuf_putc(b, ' ');
	strbuf_puts(b, "= ");
}

/* ---- calls --------------------------------------------------------------------------------- */

static void put_name(const struct strace_line *l, struct strbuf *b)
{
	if (l->row)
		strbuf_puts(b, l->row->name);
	else
		strbuf_printf(b, "syscall_%llu", (unsigned long long)l->nr);
}

static void put_half(struct strace_line *l)
{
	strace_out_begin(l->t);
	strace_out_put(l->t, &l->b, l);
	strace_out_end(l->t);
	l->written = l->b.len;
}

/* The rest of a line, or all of it. mark stands behind the arguments. */
static void put_rest(struct strace_line *l, const char *mark, const char *result)
{
	struct strbuf b = STRBUF_INIT;
	const size_t from = l->id ? l->written : 0;
	bool goes_on;

	strace_out_begin(l->t);
	goes_on = strace_out_is_open(l);
	if (l->id && !goes_on) {
		put_call_head(l, &b);
		strbuf_puts(&b, "<... ");
		put_name(l, &b);
		strbuf_puts(&b, " resumed>");
		strbuf_add(&b, strbuf_str(&l->b) + from, l->b.len - from);
	} else {
		strbuf_add(&b, strbuf_str(&l->b), l->b.len);
	}
	strbuf_puts(&b, mark);
	put_equals(&b);
	strbuf_printf(&b, "%s\n", result);
	if (goes_on) {
		memmove(b.s, b.s + from, b.len - from);
		b.len -= from;
		strace_out_add(l->t, &b);
	} else {
		strace_out_put(l->t, &b, NULL);
	}
	strace_out_end(l->t);
	strbuf_fini(&b);
}

/* Told once: a thread that ends by itself, and is not gone yet, may be met by who tells of the process's end. */
static void put_end(struct kit_thread *t, bool certain, const char *how, const char *what)
{
	struct strbuf b = STRBUF_INIT;

	if (strace_conf.quiet > 1 || !strace_conf.lines
	    || __atomic_load_n(&t->shown_call.ended, __ATOMIC_RELAXED)
	    || (certain && __atomic_exchange_n(&t->shown_call.ended, true, __ATOMIC_RELAXED)))
		return;
	put_head(&b, t);
	strbuf_printf(&b, "+++ %s %s +++\n", how, what);
	put_lines(t, &b);
	strbuf_fini(&b);
}

/* A call that will not come back; certain: the line stays taken. */
static void put_unfinished(struct kit_thread *t, bool certain)
{
	struct strace_line *l;

	if (!take_line(t, CALL_READ))
		return;
	l = t->shown_call.line;
	if (strace_conf.lines && strace_conf.unfinished)
		put_rest(l, l->next < (l->row ? l->row->nargs : 0) ? " <unfinished ...>" : "", "?");
	if (!certain)
		give_line(t, l);
}

/* All threads but t end, as how and what say: with the process, or with the program that it has been. certain: as for put_unfinished. */
static void others_end(struct kit_thread *t, bool certain, const char *how, const char *what)
{
	struct kit_process *p = t->proc;

	kit_lock(&p->list_lock);
	for (struct kit_thread *o = p->first_thread; o; o = o->next) {
		if (o == t)
			continue;
		put_unfinished(o, certain);
		put_end(o, certain, how, what);
	}
	kit_unlock(&p->list_lock);
}

static void killed(struct kit_thread *t, int sig, bool certain)
{
	put_unfinished(t, certain);
	others_end(t, certain, "killed by", strace_signal_name(sig));
	put_end(t, certain, "killed by", strace_signal_name(sig));
}

void strace_killed(struct kit_thread *t, int sig) { killed(t, sig, true); }

void strace_exits(struct kit_thread *t)
{
	char status[16];

	(void)snprintf(status, sizeof status, "%d", t->exit_status & 0xff);
	if (t->exit_group)
		others_end(t, true, "exited with", status);
	put_end(t, true, "exited with", status);
}

static bool sends_signal(const struct sys_row *row)
{
	return row->nargs && row->kind[row->nargs - 1] == SYS_KIND_SIG;
}

/* kill and its like: nothing of the process is left to tell of it. */
static bool kills_itself(const struct strace_line *l)
{
	const int self = getpid();
	const struct sys_row *row = l->row;

	if (!row || !sends_signal(row) || l->a[row->nargs - 1] != SIGKILL || self == 1
	    || l->t->seccomp)
		return false;
	return row->nargs == 2 ? (int)l->a[0] == self || (int)l->a[0] == l->t->tid
			       : (int)l->a[0] == self && (int)l->a[1] == l->t->tid;
}

/* Calls whose line is begun before they are made: those that may wait, and those that may kill the process. */
static bool may_wait(const struct sys_row *row)
{
	return row && row->how != SYS_HOW_DENY && row->result != SYS_KIND_NONE
	       && row->fn != sys_execve && row->fn != sys_execveat
	       && (row->block != SYS_BLOCK_QUICK || sends_signal(row));
}

void strace_enter(struct strace_line *l, struct kit_thread *t, const struct sys_row *row,
		  uint64_t nr, const uint64_t *reg)
{
	*l = (struct strace_line){ .t = t, .tid = t->tid, .row = row, .nr = nr };
	for (unsigned i = 0; i < 6; i++) {
		unsigned class = row ? sys_kinds[row->kind[i]].class : SYS_CLASS_U64;

		l->a[i] = class == SYS_CLASS_I32   ? (uint64_t)(int32_t)reg[i]
			  : class == SYS_CLASS_U32 ? (uint32_t)reg[i]
						   : reg[i];
	}
	current = l;
	l->hidden = strace_conf.only_count && !strace_concerns(l);
	if (strace_conf.took || strace_conf.counts)
		l->begin_ns = now_ns(CLOCK_MONOTONIC);
	if (l->hidden)
		return;
	put_call_head(l, &l->b);
	put_name(l, &l->b);
	strbuf_putc(&l->b, '(');
	put_args(l);
	if (row && row->result == SYS_KIND_NONE) {
		/* It does not come back: neither a success nor a failure. */
		if (strace_conf.lines && strace_conf.unfinished)
			put_rest(l, "", "?");
		return;
	}
	if (strace_conf.lines && strace_conf.succeeded && strace_conf.failed && may_wait(row))
		put_half(l);
	give_line(t, l);
	if (kills_itself(l))
		killed(t, SIGKILL, false);
}

static void put_restart(struct strbuf *b, const char *name, const char *when)
{
	strbuf_printf(b, "? %s (To be restarted%s)", name, when);
}

static void put_result(const struct strace_line *l, struct strbuf *b)
{
	int64_t r = l->result;
	const char *name;

	if (r == -SIG_ERESTARTSYS) {
		put_restart(b, "ERESTARTSYS", " if SA_RESTART is set");
	} else if (r == -SIG_ERESTARTNOINTR) {
		put_restart(b, "ERESTARTNOINTR", "");
	} else if (r == -SIG_ERESTARTNOHAND) {
		put_restart(b, "ERESTARTNOHAND", " if no handler");
	} else if (r < 0 && r > -4096) {
		name = strace_errno_name((int)-r);
		if (name)
			strbuf_printf(b, "-1 %s (%s)", name, strerror((int)-r));
		else
			strbuf_printf(b, "-1 %lld", (long long)r);
	} else if (!l->row) {
		strbuf_printf(b, "%lld", (long long)r);
	} else {
		switch ((enum sys_kind)l->row->result) {
		case SYS_KIND_ADDR:
			strbuf_printf(b, "0x%llx", (unsigned long long)r);
			break;
		case SYS_KIND_MODE:
			strbuf_printf(b, "%#llo", (unsigned long long)r);
			break;
		case SYS_KIND_SIG:
			strbuf_printf(b, "%lld (%s)", (long long)r, strace_signal_name((int)r));
			break;
		default:
			strbuf_printf(b, "%lld", (long long)r);
			break;
		}
	}
}

static bool is_failure(int64_t result) { return result < 0 && result > -4096; }

void strace_leave(struct strace_line *l, int64_t result)
{
	uint64_t ns = l->begin_ns ? now_ns(CLOCK_MONOTONIC) - l->begin_ns : 0;

	current = NULL;
	if (l->hidden)
		return;
	take_line_back(l->t);
	if (strace_conf.counts && result > SYS_R_AGAIN && l->tid == l->t->tid)
		strace_count(l->nr, !l->counted_ns, ns - l->counted_ns, is_failure(result));
	/* Neither the kernel nor strace has a forked child's return. */
	if (strace_conf.lines && result > SYS_R_AGAIN && l->tid == l->t->tid
	    && (is_failure(result) ? strace_conf.failed : strace_conf.succeeded)) {
		struct strbuf b = STRBUF_INIT;

		l->after = true;
		l->result = result;
		put_args(l);
		put_result(l, &b);
		if (strace_conf.took)
			strbuf_printf(&b, " <%llu.%06llu>", (unsigned long long)(ns / 1000000000u),
				      (unsigned long long)(ns / 1000 % 1000000));
		put_rest(l, "", strbuf_str(&b));
		strbuf_fini(&b);
	}
	strbuf_fini(&l->b);
}

void strace_exec(struct kit_thread *t)
{
	struct strace_line *l = current;

	if (!l || l->t != t || l->hidden)
		return;
	/* Should it fail after all, that is counted, too, and its line follows. */
	if (strace_conf.counts && !l->counted_ns) {
		l->counted_ns = now_ns(CLOCK_MONOTONIC) - l->begin_ns;
		strace_count(l->nr, 1, l->counted_ns, false);
	}
	if (!strace_conf.lines)
		return;
	take_line_back(t);
	if (strace_conf.succeeded) {
		if (t->proc->first_thread != t || t->next)
			put_half(l);
		others_end(t, false, "exited with", "0");
		put_rest(l, "", "0");
	}
	l->id = 0;
	give_line(t, l);
}

/* What a code means: for all signals (0), or for one. */
static const struct {
	int sig, code;
	const char *name;
} codes[] = {
	{ 0, 0, "SI_USER" },           { 0, -1, "SI_QUEUE" },
	{ 0, -2, "SI_TIMER" },         { 0, -3, "SI_MESGQ" },
	{ 0, -4, "SI_ASYNCIO" },       { 0, -5, "SI_SIGIO" },
	{ 0, -6, "SI_TKILL" },         { 0, 0x80, "SI_KERNEL" },
	{ SIGCHLD, 1, "CLD_EXITED" },  { SIGCHLD, 2, "CLD_KILLED" },
	{ SIGCHLD, 3, "CLD_DUMPED" },  { SIGCHLD, 4, "CLD_TRAPPED" },
	{ SIGCHLD, 5, "CLD_STOPPED" }, { SIGCHLD, 6, "CLD_CONTINUED" },
	{ SIGSEGV, 1, "SEGV_MAPERR" }, { SIGSEGV, 2, "SEGV_ACCERR" },
	{ SIGBUS, 1, "BUS_ADRALN" },   { SIGBUS, 2, "BUS_ADRERR" },
	{ SIGILL, 1, "ILL_ILLOPC" },   { SIGTRAP, 1, "TRAP_BRKPT" },
	{ SIGSYS, 1, "SYS_SECCOMP" },
};

static void put_code(struct strbuf *b, const siginfo_t *s)
{
	for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].code == s->si_code && (!codes[i].sig || codes[i].sig == s->si_signo)) {
			strbuf_puts(b, codes[i].name);
			return;
		}
	}
	strbuf_printf(b, "%d", s->si_code);
}

/* Where si_code of a signal points at a field: the union of siginfo_t. */
static void put_siginfo(struct strbuf *b, const siginfo_t *s)
{
	strbuf_printf(b, "{si_signo=%s, si_code=", strace_signal_name(s->si_signo));
	put_code(b, s);
	if (s->si_signo == SIGCHLD && s->si_code > 0)
		strbuf_printf(b, ", si_pid=%d, si_uid=%u, si_status=%d", s->si_pid, s->si_uid,
			      s->si_status);
	else if (s->si_code <= 0)
		strbuf_printf(b, ", si_pid=%d, si_uid=%u", s->si_pid, s->si_uid);
	else if (s->si_code < SI_KERNEL && s->si_addr)
		strbuf_printf(b, ", si_addr=%p", s->si_addr);
	else if (s->si_code < SI_KERNEL)
		strbuf_puts(b, ", si_addr=NULL");
	strbuf_putc(b, '}');
}

void strace_signal(struct kit_thread *t, const siginfo_t *info)
{
	struct strbuf b = STRBUF_INIT;

	if (!(strace_conf.signals >> (info->si_signo - 1) & 1))
		return;
	put_head(&b, t);
	strbuf_printf(&b, "--- %s ", strace_signal_name(info->si_signo));
	put_siginfo(&b, info);
	strbuf_puts(&b, " ---\n");
	put_lines(t, &b);
	strbuf_fini(&b);
}
