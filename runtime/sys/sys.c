/*
 * The way of a system call through the table (rows.c).
 *
 *   registers -> row -> arguments by kind -> handler or host kernel -> restart code -> run loop
 *
 * Most calls do not come here: translated code makes those of sys_call_rows itself (lib/ir/state.h has the rules), as
 * long as nobody wants to see them (enum kit_calls). What it leaves, for whatever reason, comes here and is carried
 * out in full.
 *
 * A call goes through native_syscall, so that a signal that comes before the host kernel looks for one still
 * interrupts it; a call that does not wait then runs after the handler. A call that fails with EFAULT while pages are guarded
 * (read-only on the host because they hold translated code), or were in the meantime, since other threads put guards up
 * and drop them, may have met such a page: the guards are dropped and it runs again. Calls that lose something by a first failure (read, recvmsg)
 * do not get that far: what they will write is known from the row, and is not guarded from before the call until after it (mem_write_begin).
 *
 * Threads: the table is constant; a call touches its own thread only.
 */
#include "runtime/sys/sys.h"

#include "arch/native.h"
#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/sig/trace.h"
#include "runtime/sys/marshal.h"
#include "runtime/sys/seccomp.h"
#include "runtime/sys/strace.h"
#include "runtime/sys/strace_conf.h"
#include "runtime/sys/sys_priv.h"

#include <sys/socket.h>
#include <sys/time.h>

/* A page is guarded anew only after more guest code ran there: a few tries are plenty. */
enum { EFAULT_TRIES = 16 };

/* The arguments as the kernel's prototypes cut them. */
static void cut_args(const struct sys_row *row, const uint64_t *reg, uint64_t *a)
{
	for (unsigned i = 0; i < 6; i++) {
		switch (sys_kinds[row->kind[i]].class) {
		case SYS_CLASS_I32:
			a[i] = (uint64_t)(int32_t)reg[i];
			break;
		case SYS_CLASS_U32:
			a[i] = (uint32_t)reg[i];
			break;
		default:
			a[i] = reg[i];
			break;
		}
	}
}

/* True when the socket fd has a timeout of that kind: then an interrupted call is not restarted. */
static bool has_timeout(int fd, int option)
{
	struct timeval tv;
	socklen_t len = sizeof tv;

	return getsockopt(fd, SOL_SOCKET, option, &tv, &len) == 0 && (tv.tv_sec || tv.tv_usec);
}

/* What becomes of a call that a signal interrupted. */
static int64_t interrupted(const struct sys_row *row, const uint64_t *reg)
{
	switch (row->block) {
	case SYS_BLOCK_QUICK: /* the signal came before the call was made */
		return -SIG_ERESTARTNOINTR;
	case SYS_BLOCK_RESTART:
		return -SIG_ERESTARTSYS;
	case SYS_BLOCK_RCV:
		return has_timeout((int)reg[0], SO_RCVTIMEO) ? -EINTR : -SIG_ERESTARTSYS;
	case SYS_BLOCK_SND:
		return has_timeout((int)reg[0], SO_SNDTIMEO) ? -EINTR : -SIG_ERESTARTSYS;
	case SYS_BLOCK_NOHAND:
		return -SIG_ERESTARTNOHAND;
	default:
		return -EINTR;
	}
}

static int64_t forward(struct kit_thread *t, const struct sys_row *row, const uint64_t *a)
{
	return native_syscall(t->signal_taken, row->host_nr, (const long *)a);
}

/* A PASS row. The host kernel cuts arguments by the same prototypes. */
static int64_t pass(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	uint64_t a[6];

	if (KIT_UNLIKELY(row->nested))
		return marshal_call(t, row, reg, forward);
	for (unsigned i = 0; i < 6; i++)
		a[i] = reg[i];
	for (unsigned m = row->pointers; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctz(m);

		a[i] = (uint64_t)host_ptr(t, reg[i]);
	}
	return forward(t, row, a);
}

/* The same with --sysroot. */
static int64_t pass_lookup(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	const unsigned at = (unsigned)__builtin_ctz(row->lookups);
	char room[SYS_PATH_MAX];
	uint64_t a[6];

	for (unsigned i = 0; i < 6; i++)
		a[i] = row->pointers >> i & 1 ? (uint64_t)host_ptr(t, reg[i]) : reg[i];
	a[at] = (uint64_t)sys_lookup(t, reg[at], room);
	return forward(t, row, a);
}

static int64_t run_once(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	uint64_t a[6];

	if (row->how == SYS_HOW_PASS && KIT_UNLIKELY(t->proc->opt.sysroot && row->lookups))
		return pass_lookup(t, row, reg);
	if (row->how == SYS_HOW_PASS)
		return pass(t, row, reg);
	cut_args(row, reg, a);
	return row->fn(t, a);
}

static int64_t refuse(const struct kit_thread *t, const struct sys_row *row, uint64_t nr)
{
	if (!row) {
		KIT_LOG(sys, "[%d] no row for system call %llu", t->tid, (unsigned long long)nr);
		return -ENOSYS;
	}
	KIT_LOG(sys, "[%d] %s refused: %s", t->tid, row->name, row->why);
	return -row->error;
}

/* The same again when a guard may have made it fail. What is emulated minds guards itself (mem_copy_out), and outputs that are known (mem_write_add) meet none. */
static int64_t run_unguarded(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	struct mem_space *m = t->proc->mem;
	uint64_t guards = mem_guards(m);
	bool guarded = mem_any_guarded(m);
	int64_t r = run_once(t, row, reg);

	for (int tries = 0; KIT_UNLIKELY(r == -EFAULT) && tries < EFAULT_TRIES; tries++) {
		if (row->how == SYS_HOW_EMUL || !row->hides
		    || !(guarded || mem_any_guarded(m) || mem_guards(m) != guards))
			break;
		mem_unguard(m, 0, mem_limit(m));
		guards = mem_guards(m);
		guarded = mem_any_guarded(m);
		r = run_once(t, row, reg);
	}
	return r;
}

/* The call itself: its result, -errno, -SIG_ERESTART*, or SYS_R_*. */
static int64_t run(struct kit_thread *t, const struct sys_row *row, uint64_t nr,
		   const uint64_t *reg)
{
	struct mem_space *m = t->proc->mem;
	int64_t r;

	if (!row || row->how == SYS_HOW_DENY)
		return refuse(t, row, nr);
	if (row->how != SYS_HOW_CONV || row->block != SYS_BLOCK_OWN)
		sys_arm_restart(t, false);
	if (KIT_UNLIKELY(mem_may_guard(m) && row->how != SYS_HOW_EMUL
			 && (row->pointers || row->nested))) {
		struct mem_write w;

		mem_write_begin(m, &w);
		t->writing = &w;
		marshal_outputs(t, row, reg);
		r = run_unguarded(t, row, reg);
		t->writing = NULL;
		mem_write_end(m, &w);
	} else {
		r = run_unguarded(t, row, reg);
	}
	return r == -EINTR ? interrupted(row, reg) : r;
}

static enum sys_after call(struct kit_thread *t, int64_t *result)
{
	uint64_t nr = t->st.reg[RV64_A7];
	const struct sys_row *row = sys_row_find(nr);
	struct strace_line line;
	bool traced = t->proc->opt.strace && strace_wants(row, nr);
	uint64_t reg[6];
	int64_t r;

	for (unsigned i = 0; i < 6; i++)
		reg[i] = t->st.reg[RV64_A0 + i];
	if (row && row->ops)
		row = sys_row_of_op(row, reg);
	if (KIT_UNLIKELY(traced))
		strace_enter(&line, t, row, nr, reg);
	if (!t->seccomp || sys_seccomp_admits(t, nr, reg, &r))
		r = run(t, row, nr, reg);
	if (KIT_UNLIKELY(traced))
		strace_leave(&line, r);
	if (r == SYS_R_DONE)
		return SYS_DONE;
	if (r == SYS_R_EXIT) {
		if (t->proc->opt.strace)
			strace_exits(t);
		return SYS_EXIT;
	}
	if (r == SYS_R_AGAIN)
		return SYS_AGAIN;
	*result = r;
	return SYS_RESULT;
}

/* A call that a tracer may want to see, change or forbid. */
static enum sys_after call_traced(struct kit_thread *t, int64_t *result)
{
	enum sys_after after = trace_call_begins(t, result) ? SYS_AGAIN : SYS_RESULT;

	while (after == SYS_AGAIN)
		after = call(t, result);
	if (after != SYS_EXIT)
		trace_call_ends(t, after == SYS_DONE, result);
	return after;
}

enum sys_after sys_call(struct kit_thread *t, int64_t *result)
{
	return KIT_UNLIKELY(trace_is_on(t)) ? call_traced(t, result) : call(t, result);
}

enum sys_after sys_called(struct kit_thread *t, int64_t *result)
{
	const struct sys_row *row = &sys_rows[t->st.reg[RV64_A7]];
	struct mem_space *m = t->proc->mem;

	KIT_DCHECK(*result == -EINTR || *result == -EFAULT, "%lld is for translated code",
		   (long long)*result);
	if (*result == -EINTR)
		*result = interrupted(row, &t->st.reg[RV64_A0]);
	else if (row->pointers && (mem_any_guarded(m) || mem_guards(m) != t->st.scratch[1]))
		return sys_call(t, result); /* another thread's guard may have been in the way */
	return SYS_RESULT;
}
