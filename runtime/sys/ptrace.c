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
#include <linux/ptrace.h>
#include <string.h>
#include <sys/syscall.h>

enum {
	ECALL_BYTES = 4,
	GREGS = 32,
	FPREGS = 33, /* f0 .. f31, fcsr */
	WORD_BYTES = 8,
	SIGNALS = 64,
	NT_GENERAL = 1,  /* NT_PRSTATUS */
	NT_FLOATING = 2, /* NT_PRFPREG */
};

/* Options that the host carries out; the others are the thread's own business. */
static const uint64_t host_options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
				     | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT
				     | PTRACE_O_EXITKILL;
static const uint64_t own_options =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;

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

/* A thread that may be traced; it may need a moment to get into the directory. */
static int64_t find_guest(const struct kit_thread *t, struct peer *p, pid_t tid)
{
	enum { TRIES = 1000, WAIT_US = 100 };

	if (tid <= 0)
		return -ESRCH;
	for (unsigned i = 0; i < TRIES; i++) {
		peer_find(p, tid);
		if (p->kind != PEER_STARTING)
			break;
		usleep(WAIT_US);
	}
	if (p->kind == PEER_GUEST)
		return 0;
	if (p->kind == PEER_GONE && syscall(SYS_tkill, tid, 0) < 0 && errno == ESRCH)
		return -ESRCH;
	KIT_LOG(sys, "[%d] ptrace: thread %d is no guest", t->tid, tid);
	return -EPERM;
}

static int64_t begin(struct kit_thread *t, struct peer *p, uint32_t orders, uint32_t options)
{
	tracees_add(t, p->tid);
	p->trace.orders = orders;
	p->trace.options = options;
	return peer_put(p, options) && peer_put(p, orders) ? 0 : -ESRCH;
}

static int64_t attach(struct kit_thread *t, pid_t tid)
{
	struct peer p;
	int64_t r = find_guest(t, &p, tid);

	if (r == 0)
		r = host_ptrace(PTRACE_ATTACH, tid, 0, 0);
	return r < 0 ? r : begin(t, &p, TRACE_ON, 0);
}

static int64_t check_options(uint64_t options)
{
	return options & ~(host_options | own_options) ? -EINVAL : 0;
}

static int64_t seize(struct kit_thread *t, pid_t tid, uint64_t addr, uint64_t options)
{
	struct peer p;
	int64_t r;

	if (addr || check_options(options))
		return -EIO;
	r = find_guest(t, &p, tid);
	if (r == 0)
		r = host_ptrace(PTRACE_SEIZE, tid, 0, options & host_options);
	return r < 0 ? r : begin(t, &p, TRACE_ON | TRACE_SEIZED, (uint32_t)options);
}

/*
 * The thread is about to be resumed with a signal: which one the host gets. In a stop for a signal the kernel delivers it,
 * unless the thread blocks it. All are blocked there: the mask that counts is the guest's, but for the signal that
 * the stop is for.
 */
static uint64_t hand_in(struct peer *p, uint64_t signo)
{
	const struct kit_trace *tr = &p->trace;
	uint64_t blocked = ~UINT64_C(0), bit = UINT64_C(1) << (signo - 1);

	if (signo && tr->stop == TRACE_SIGNAL) {
		if (signo == (uint64_t)tr->shown.si_signo || !(tr->mask & bit))
			blocked &= ~bit;
		host_ptrace(PTRACE_SETSIGMASK, p->tid, sizeof blocked, (uintptr_t)&blocked);
		return signo;
	}
	/* The kernel sends it then, in a stop at a system call. */
	if (signo && (tr->stop == TRACE_CALL || tr->stop == TRACE_CALL_END))
		syscall(SYS_tgkill, p->tgid, p->tid, (int)signo);
	return 0;
}

static int64_t resume(struct peer *p, long request, uint32_t orders, uint64_t signo)
{
	if (signo > SIGNALS)
		return -EIO;
	if (p->kind == PEER_GUEST) {
		p->trace.orders = orders;
		p->trace.resumed = 1;
		if (request == PTRACE_DETACH) {
			p->trace.options = 0;
			peer_put(p, options);
		}
		peer_put(p, orders);
		peer_put(p, resumed);
		signo = hand_in(p, signo);
	}
	return host_ptrace(request, p->tid, 0, signo);
}

static int64_t set_options(struct peer *p, uint64_t options)
{
	int64_t r = check_options(options);

	if (r == 0)
		r = host_ptrace(PTRACE_SETOPTIONS, p->tid, 0, options & host_options);
	if (r == 0) {
		p->trace.options = (uint32_t)options;
		peer_put(p, options);
	}
	return r;
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static bool is_inside(const struct peer *p, gaddr addr)
{
	return addr < p->limit && addr + WORD_BYTES <= p->limit;
}

static int64_t peek(struct kit_thread *t, const struct peer *p, gaddr addr, gaddr to)
{
	uint64_t word;
	int64_t r;

	if (!is_inside(p, addr))
		return -EIO;
	r = host_ptrace(PTRACE_PEEKDATA, p->tid, addr + p->base, (uintptr_t)&word);
	if (r == 0 && !copy_out(t, to, &word, sizeof word))
		r = -EFAULT;
	return r;
}

static int64_t poke(const struct peer *p, gaddr addr, uint64_t word)
{
	const uint64_t at = (uintptr_t)&trace_directory;
	struct trace_directory d;
	int64_t r;

	if (!is_inside(p, addr))
		return -EIO;
	r = host_ptrace(PTRACE_POKEDATA, p->tid, addr + p->base, word);
	if (r < 0 || !peer_read(p, at, &d, sizeof d))
		return r;
	d.range[d.changes % TRACE_RANGES].start = addr;
	d.range[d.changes % TRACE_RANGES].size_bytes = WORD_BYTES;
	d.changes++;
	peer_write(p, at + offsetof(struct trace_directory, range), d.range, sizeof d.range);
	peer_write(p, at + offsetof(struct trace_directory, changes), &d.changes, sizeof d.changes);
	return 0;
}

/* ---- registers --------------------------------------------------------------------------------------------- */

static uint64_t state_at(const struct peer *p, size_t offset)
{
	return p->at + offsetof(struct kit_thread, st) + offset;
}

/* The pc that the guest's kernel would have: behind the ecall of a call under way. */
static uint64_t shown_pc(const struct peer *p, const struct ir_state *st)
{
	return st->pc + (p->trace.in_call ? ECALL_BYTES : 0);
}

static bool read_state(const struct peer *p, struct ir_state *st)
{
	return peer_read(p, state_at(p, 0), st, offsetof(struct ir_state, stop));
}

static void general_out(const struct peer *p, const struct ir_state *st, uint64_t *v)
{
	v[0] = shown_pc(p, st);
	memcpy(v + 1, &st->reg[1], (GREGS - 1) * sizeof *v);
}

static bool general_in(const struct peer *p, const uint64_t *v)
{
	uint64_t pc = v[0] - (p->trace.in_call ? ECALL_BYTES : 0);

	return peer_write(p, state_at(p, offsetof(struct ir_state, reg[1])), v + 1,
			  (GREGS - 1) * sizeof *v)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, pc)), &pc, sizeof pc);
}

static void floating_out(const struct ir_state *st, uint64_t *v)
{
	memcpy(v, &st->reg[RV64_F0], (FPREGS - 1) * sizeof *v);
	v[FPREGS - 1] = st->frm << 5 | st->fflags;
}

static bool floating_in(const struct peer *p, const uint64_t *v)
{
	const uint32_t frm = v[FPREGS - 1] >> 5 & 7, fflags = v[FPREGS - 1] & 31;

	return peer_write(p, state_at(p, offsetof(struct ir_state, reg[RV64_F0])), v,
			  (FPREGS - 1) * sizeof *v)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, frm)), &frm, sizeof frm)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, fflags)), &fflags,
			     sizeof fflags);
}

/* ptrace_regset of kernel/ptrace.c: a length that is no multiple of a register's is refused, a longer one cut. */
static int64_t regset(struct kit_thread *t, const struct peer *p, bool set, uint64_t type, gaddr at)
{
	struct {
		uint64_t base, len;
	} iov;
	uint64_t v[FPREGS] = { 0 };
	const bool general = type == NT_GENERAL;
	const size_t most = (general ? GREGS : FPREGS) * sizeof *v;
	struct ir_state st;
	bool ok;

	if (!copy_in(t, &iov, at, sizeof iov))
		return -EFAULT;
	if ((!general && type != NT_FLOATING) || iov.len % sizeof *v)
		return -EINVAL;
	if (iov.len > most)
		iov.len = most;
	if (!read_state(p, &st))
		return -ESRCH;
	if (general)
		general_out(p, &st, v);
	else
		floating_out(&st, v);
	if (!set) {
		ok = copy_out(t, iov.base, v, iov.len);
	} else {
		ok = copy_in(t, v, iov.base, iov.len);
		if (ok && !(general ? general_in(p, v) : floating_in(p, v)))
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

	if (!read_state(p, &st))
		return -ESRCH;
	s.instruction_pointer = shown_pc(p, &st);
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
		return poke(p, a[2], a[3]);
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
		return resume(p, PTRACE_CONT, on, a[3]);
	case PTRACE_SYSCALL:
		return resume(p, PTRACE_CONT, on | TRACE_CALLS, a[3]);
	case PTRACE_SINGLESTEP:
		return resume(p, PTRACE_CONT, on | TRACE_STEP, a[3]);
	case PTRACE_DETACH:
		r = resume(p, PTRACE_DETACH, 0, a[3]);
		if (r == 0)
			tracees_remove(t, p->tid);
		return r;
	case PTRACE_SETOPTIONS:
		return set_options(p, a[3]);
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
