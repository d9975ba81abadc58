/*
 * The report of a crash; see backtrace.h. It is written at once, so that those of several processes do not mix.
 *
 * Unless asked for it is printed for the process that the user has started and for crashes alone, and to a terminal: what goes to
 * a file or a pipe is the guest's, and scripts compare it.
 */
#include "runtime/backtrace.h"

#include "arch/rv64/cpu.h"
#include "lib/base/strbuf.h"
#include "runtime/mem/mem.h"
#include "runtime/unwind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_MOST = 64, REGISTERS_A_LINE = 4 };

static bool is_wanted(const struct kit_thread *t, const siginfo_t *info)
{
	const struct kit_process *p = t->proc;

	switch (p->opt.backtrace) {
	case KIT_BACKTRACE_CRASH:
		return true;
	case KIT_BACKTRACE_NEVER:
		return false;
	case KIT_BACKTRACE_AUTO:
		break;
	}
	return info->si_code > 0 && !p->is_child && isatty(STDERR_FILENO);
}

/* Where, and why there. */
static void put_address(struct strbuf *b, struct kit_process *p, const siginfo_t *info)
{
	const gaddr addr = (uintptr_t)info->si_addr;
	struct mem_vma v;

	switch (info->si_signo) {
	case SIGSEGV:
	case SIGBUS:
		if (info->si_code == SI_KERNEL)
			strbuf_puts(b, ", no address");
		else
			strbuf_printf(b, ", address %#llx%s", (unsigned long long)addr,
				      info->si_signo == SIGBUS     ? ""
				      : mem_find(p->mem, addr, &v) ? " (not permitted)"
								   : " (nothing there)");
		break;
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
		strbuf_printf(b, ", instruction at %#llx", (unsigned long long)addr);
		break;
	default:
		break;
	}
}

static void put_head(struct strbuf *b, const struct kit_thread *t, const siginfo_t *info)
{
	const int sig = info->si_signo;
	const char *name = sigabbrev_np(sig);

	strbuf_printf(b, "kitemu: %s (process %d, thread %d): signal %d", t->proc->exe_path,
		      (int)getpid(), t->tid, sig);
	if (name)
		strbuf_printf(b, " (SIG%s)", name);
	if (info->si_code > 0)
		put_address(b, t->proc, info);
	else if (info->si_pid && info->si_pid != getpid())
		strbuf_printf(b, ", sent by process %d", (int)info->si_pid);
	strbuf_putc(b, '\n');
}

static void put_register(struct strbuf *b, unsigned n, const char *name, uint64_t v)
{
	strbuf_printf(b, " %3s %016llx", name, (unsigned long long)v);
	if (n % REGISTERS_A_LINE == REGISTERS_A_LINE - 1)
		strbuf_putc(b, '\n');
}

static void put_registers(struct strbuf *b, const struct ir_state *st)
{
	static const char *const names[] = { "pc", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
					     "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
					     "a6", "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
					     "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		put_register(b, i, names[i], i ? st->reg[i] : st->pc);
}

static void put_frame(struct strbuf *b, unsigned n, const struct unwind *u)
{
	const struct load_symbol *y = unwind_symbol(u);

	if (u->pc == u->proc->sigreturn_pc) {
		strbuf_printf(b, " #%-2u <signal handler called>\n", n);
		return;
	}
	strbuf_printf(b, " #%-2u %#llx", n, (unsigned long long)u->pc);
	if (y)
		strbuf_printf(b, " %s+%#llx", y->name, (unsigned long long)(u->pc - y->start));
	strbuf_puts(b, u->guessed ? " (perhaps)\n" : "\n");
}

static void put_frames(struct strbuf *b, const struct kit_thread *t)
{
	struct load_symbols *s = load_symbols_read(t->proc->exe_fd, t->proc->load_bias);
	struct unwind u;
	unsigned n = 0;

	unwind_begin(&u, t, s);
	do
		put_frame(b, n, &u);
	while (++n < FRAMES_MOST && unwind_next(&u));
	if (n == FRAMES_MOST)
		strbuf_puts(b, " ...\n");
	load_symbols_free(s);
}

void backtrace_print(struct kit_thread *t, const siginfo_t *info)
{
	struct strbuf b = STRBUF_INIT;
	size_t done = 0;
	ssize_t n = 0;

	if (!is_wanted(t, info))
		return;
	put_head(&b, t, info);
	put_registers(&b, &t->st);
	put_frames(&b, t);
	while (done < b.len && (n > 0 || !n || errno == EINTR)) {
		n = write(STDERR_FILENO, b.s + done, b.len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	strbuf_fini(&b);
}
