/*
 * ptrace: requests of a guest to a thread that it traces. The host's ptrace carries out what is about processes; registers,
 * stops and memory are the guest's (runtime/core/trace.h).
 *
 * As on riscv64 Linux there are register sets and no PTRACE_GETREGS. PTRACE_SINGLESTEP, which Linux has on few riscv64
 * kernels, is there. Words are read and written by the host's PEEK and POKE, which get past the protection
 * of pages; what was written is noted in the other process's directory, where its threads find it when they
 * go on.
 *
 * Only guests can be traced: EPERM for anything else, and for a guest that another build of kitemu runs. A traced guest that
 * executes a host program goes on as such a program: it stops at signals and events, but has no registers (EIO).
 * PTRACE_TRACEME of a guest whose parent is a host program succeeds and has no effect.
 */
#include "runtime/sys/ptrace.h"

#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/sig/trace.h"

#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum {
	NT_GENERAL = 1,  /* NT_PRSTATUS */
	NT_FLOATING = 2, /* NT_PRFPREG */
};

/* ---- beginning and end ----------------------------------------------------------------------------------- */

static int64_t trace_parent(struct kit_thread *t)
{
	struct peer p;
	int64_t r;

	peer_find(&p, getppid());
	if (p.kind != PEER_GUEST) {
		/* Programs ask so to find out whether they are traced. A host program could make nothing of the stops. */
		KIT_LOG(sys, "[%d] ptrace: the parent is no guest, nobody traces", t->tid);
		if (t->trace.alone || trace_is_on(t))
			return -EPERM;
		t->trace.alone = true;
		return 0;
	}
	r = host_ptrace(PTRACE_TRACEME, 0, 0, 0);
	if (r == 0)
		trace_me(t);
	return r;
}

static int64_t attach(struct kit_thread *t, pid_t tid)
{
	struct peer p;
	int64_t r = peer_find_guest(&p, tid);

	if (r == 0)
		r = host_ptrace(PTRACE_ATTACH, tid, 0, 0);
	if (r < 0)
		return r;
	tracees_add(t, tid);
	return tracer_begin(&p, TRACE_ON, 0);
}

static int64_t seize(struct kit_thread *t, pid_t tid, uint64_t addr, uint64_t options)
{
	struct peer p;
	int64_t r;

	if (addr || tracer_check_options(options))
		return -EIO;
	r = peer_find_guest(&p, tid);
	if (r == 0)
		r = tracer_seize(&p, options);
	if (r == 0)
		tracees_add(t, tid);
	return r;
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static int64_t peek(struct kit_thread *t, const struct peer *p, gaddr addr, gaddr to)
{
	uint64_t word;
	int64_t r = peer_peek(p, addr, &word);

	if (r == 0 && !copy_out(t, to, &word, sizeof word))
		r = -EFAULT;
	return r;
}

/* The number of the process whose memory a path means; 0: none. */
static pid_t owner_of_mem(const char *path)
{
	static const char proc[] = "/proc/";
	char *end;
	long pid;

	if (strncmp(path, proc, sizeof proc - 1) != 0)
		return 0;
	pid = strtol(path + sizeof proc - 1, &end, 10);
	if (!strncmp(end, "/task/", 6))
		strtol(end + 6, &end, 10);
	return strcmp(end, "/mem") == 0 ? (pid_t)pid : 0;
}

void peer_note_open(const struct kit_thread *t, gaddr path)
{
	const uint32_t yes = 1;
	char s[64];
	struct peer p;
	pid_t pid;

	if (mem_copy_str(t->proc->mem, s, path, sizeof s) < 0 || !(pid = owner_of_mem(s)))
		return;
	peer_find(&p, pid);
	if (p.kind == PEER_GUEST || p.kind == PEER_STARTING)
		peer_write(&p,
			   (uintptr_t)&trace_directory
			       + offsetof(struct trace_directory, written_unseen),
			   &yes, sizeof yes);
}

/* ---- registers --------------------------------------------------------------------------------------------- */

/* ptrace_regset of kernel/ptrace.c: a length that is no multiple of a register's is refused, a longer one cut. */
static int64_t regset(struct kit_thread *t, const struct peer *p, bool set, uint64_t type, gaddr at)
{
	struct {
		uint64_t base, len;
	} iov;
	uint64_t v[PEER_FLOATING] = { 0 };
	const bool general = type == NT_GENERAL;
	const size_t most = (general ? PEER_GENERAL : PEER_FLOATING) * sizeof *v;
	struct ir_state st;
	bool ok;

	if (!copy_in(t, &iov, at, sizeof iov))
		return -EFAULT;
	if ((!general && type != NT_FLOATING) || iov.len % sizeof *v)
		return -EINVAL;
	if (iov.len > most)
		iov.len = most;
	if (!peer_state(p, &st))
		return -ESRCH;
	if (general)
		peer_general(p, &st, v);
	else
		peer_floating(&st, v);
	if (!set) {
		ok = copy_out(t, iov.base, v, iov.len);
	} else {
		ok = copy_in(t, v, iov.base, iov.len);
		if (ok && !(general ? peer_set_general(p, v) : peer_set_floating(p, v)))
			return -ESRCH;
	}
	if (!ok || !copy_out(t, at + sizeof iov.base, &iov.len, sizeof iov.len))
		return -EFAULT;
	return 0;
}

/* ---- what the stop is --------------------------------------------------------------------------------------- */

/* Events that the host makes itself; all others are the thread's own. */
static int64_t event_message(struct kit_thread *t, const struct peer *p, gaddr to)
{
	uint64_t message = p->trace.message;
	int64_t r = 0;

	if (p->kind != PEER_GUEST || !p->trace.stop)
		r = host_ptrace(PTRACE_GETEVENTMSG, p->tid, 0, (uintptr_t)&message);
	return r == 0 && !copy_out(t, to, &message, sizeof message) ? -EFAULT : r;
}

static int64_t get_siginfo(struct kit_thread *t, const struct peer *p, gaddr to)
{
	siginfo_t info = { 0 };
	int64_t r = host_ptrace(PTRACE_GETSIGINFO, p->tid, 0, (uintptr_t)&info);

	/* Stands for a group-stop, which is no signal's. */
	if (r == 0 && peer_is_held(p) && !(p->trace.orders & TRACE_SEIZED))
		return -EINVAL;
	return r == 0 && !copy_out(t, to, &info, sizeof info) ? -EFAULT : r;
}

static int64_t set_siginfo(struct kit_thread *t, const struct peer *p, gaddr from)
{
	siginfo_t info;

	if (!copy_in(t, &info, from, sizeof info))
		return -EFAULT;
	return host_ptrace(PTRACE_SETSIGINFO, p->tid, 0, (uintptr_t)&info);
}

static int64_t blocked_signals(struct kit_thread *t, struct peer *p, bool set, uint64_t size,
			       gaddr at)
{
	if (size != sizeof p->trace.mask)
		return -EINVAL;
	if (!set)
		return copy_out(t, at, &p->trace.mask, sizeof p->trace.mask) ? 0 : -EFAULT;
	if (!copy_in(t, &p->trace.mask, at, sizeof p->trace.mask))
		return -EFAULT;
	p->trace.mask &= ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1));
	return peer_put(p, mask) ? 0 : -ESRCH;
}

static void entry_info(const struct peer *p, const struct ir_state *st,
		       struct ptrace_syscall_info *s)
{
	s->entry.nr = st->reg[RV64_A7];
	s->entry.args[0] = p->trace.call_a0;
	for (unsigned i = 1; i < ARRAY_LEN(s->entry.args); i++)
		s->entry.args[i] = st->reg[RV64_A0 + i];
}

/* The result is the size of all there is to say; addr is how much of it is wanted. */
static int64_t syscall_info(struct kit_thread *t, const struct peer *p, uint64_t size, gaddr to)
{
	const struct kit_trace *tr = &p->trace;
	const bool good = tr->options & PTRACE_O_TRACESYSGOOD;
	struct ptrace_syscall_info s = { .arch = AUDIT_ARCH_RISCV64 };
	size_t all = offsetof(struct ptrace_syscall_info, entry);
	struct ir_state st;
	int64_t rval;

	if (!peer_state(p, &st))
		return -ESRCH;
	s.instruction_pointer = peer_pc(p, &st);
	s.stack_pointer = st.reg[RV64_SP];
	if (tr->stop == TRACE_CALL && good) {
		s.op = PTRACE_SYSCALL_INFO_ENTRY;
		entry_info(p, &st, &s);
		all += sizeof s.entry;
	} else if (tr->stop == TRACE_CALL_END && good) {
		rval = (int64_t)st.reg[RV64_A0];
		s.op = PTRACE_SYSCALL_INFO_EXIT;
		s.exit.rval = rval;
		s.exit.is_error = rval < 0 && rval >= -4095;
		all += offsetof(struct ptrace_syscall_info, exit.is_error) + sizeof s.exit.is_error
		       - offsetof(struct ptrace_syscall_info, exit);
	} else if (tr->stop == TRACE_EVENT && tr->event == PTRACE_EVENT_SECCOMP) {
		s.op = PTRACE_SYSCALL_INFO_SECCOMP;
		entry_info(p, &st, &s);
		s.seccomp.ret_data = (uint32_t)tr->message;
		all += offsetof(struct ptrace_syscall_info, seccomp.ret_data)
		       + sizeof s.seccomp.ret_data - offsetof(struct ptrace_syscall_info, seccomp);
	}
	if (!copy_out(t, to, &s, size < all ? size : all))
		return -EFAULT;
	return (int64_t)all;
}

/* ---- the call ------------------------------------------------------------------------------------------------ */

/* A request that needs the thread's registers or memory. */
static int64_t inspect(struct kit_thread *t, struct peer *p, const uint64_t *a)
{
	if (p->kind != PEER_GUEST)
		return -EIO;
	switch (a[0]) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(t, p, a[2], a[3]);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return peer_poke(p, a[2], a[3]);
	case PTRACE_GETREGSET:
		return regset(t, p, false, (uint32_t)a[2], a[3]);
	case PTRACE_SETREGSET:
		return regset(t, p, true, (uint32_t)a[2], a[3]);
	case PTRACE_GETSIGMASK:
		return blocked_signals(t, p, false, a[2], a[3]);
	case PTRACE_SETSIGMASK:
		return blocked_signals(t, p, true, a[2], a[3]);
	default: /* PTRACE_GET_SYSCALL_INFO */
		return syscall_info(t, p, a[2], a[3]);
	}
}

/* A request to a thread that stands in a stop. */
static int64_t request(struct kit_thread *t, struct peer *p, const uint64_t *a)
{
	const uint32_t on = p->trace.orders & (TRACE_ON | TRACE_SEIZED);
	int64_t r;

	switch (a[0]) {
	case PTRACE_CONT:
		return tracer_resume(p, PTRACE_CONT, on, a[3]);
	case PTRACE_SYSCALL:
		return tracer_resume(p, PTRACE_CONT, on | TRACE_CALLS, a[3]);
	case PTRACE_SINGLESTEP:
		return tracer_resume(p, PTRACE_CONT, on | TRACE_STEP, a[3]);
	case PTRACE_DETACH:
		r = tracer_resume(p, PTRACE_DETACH, 0, a[3]);
		if (r == 0)
			tracees_remove(t, p->tid);
		return r;
	case PTRACE_SETOPTIONS:
		return tracer_set_options(p, a[3]);
	case PTRACE_GETEVENTMSG:
		return event_message(t, p, a[3]);
	case PTRACE_GETSIGINFO:
		return get_siginfo(t, p, a[3]);
	case PTRACE_SETSIGINFO:
		return set_siginfo(t, p, a[3]);
	case PTRACE_PEEKSIGINFO:
		return host_ptrace(PTRACE_PEEKSIGINFO, p->tid, (uint64_t)host_ptr(t, a[2]),
				   (uint64_t)host_ptr(t, a[3]));
	case PTRACE_LISTEN:
		return host_ptrace(PTRACE_LISTEN, p->tid, 0, 0);
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
	case PTRACE_GET_SYSCALL_INFO:
		return inspect(t, p, a);
	default:
		return -EIO;
	}
}

int64_t sys_ptrace(struct kit_thread *t, const uint64_t *a)
{
	const pid_t tid = (pid_t)a[1];
	uint64_t message;
	struct peer p;
	int64_t r;

	switch (a[0]) {
	case PTRACE_TRACEME:
		return trace_parent(t);
	case PTRACE_ATTACH:
		return attach(t, tid);
	case PTRACE_SEIZE:
		return seize(t, tid, a[2], a[3]);
	case PTRACE_INTERRUPT:
	case PTRACE_KILL:
		return host_ptrace((long)a[0], tid, 0, 0);
	default:
		/* The kernel says whether it is ours and stands still. */
		r = host_ptrace(PTRACE_GETEVENTMSG, tid, 0, (uintptr_t)&message);
		if (r < 0)
			return r;
		peer_find(&p, tid);
		return request(t, &p, a);
	}
}
