/*
 * seccomp of guests: strict mode, and classic BPF filters over the guest's system call numbers (seccomp(2),
 * kernel/seccomp.c). The host kernel hears nothing of them: its numbers are others.
 *
 *     thread -> newest filter -> ... -> oldest filter
 *
 * A filter never changes and is never dropped while a thread or a younger filter leads to it, so threads and forked
 * children share chains by count. A program that a guest executes gets the chain in a file (sys_seccomp_save); a host program is
 * refused then, since nothing would hold it to the filters.
 *
 * SECCOMP_RET_USER_NOTIF is notify.c's.
 */
#include "runtime/sys/seccomp.h"
#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/sig/trace.h"
#include "runtime/sys/sys_priv.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum {
	CHAIN_INSNS_MOST = 32768 / 8, /* MAX_INSNS_PER_PATH */
	CHAIN_PENALTY_INSNS = 4,
	ECALL_BYTES = 4,
	SYS_SECCOMP_CODE = 1,
	ERRNO_MOST = 4095,
	NR_READ = 63,
	NR_WRITE = 64,
	NR_EXIT = 93,
	NR_SIGRETURN = 139,
};

struct sys_filter {
	uint32_t refs; /* atomic */
	bool strict;   /* read, write, exit and rt_sigreturn alone; no insns */
	bool listened; /* it has a listener */
	struct sys_filter *prev;
	unsigned count;
	struct sock_filter insn[];
};

/* ---- chains ------------------------------------------------------------------------------------ */

struct sys_filter *sys_filter_ref(struct sys_filter *f)
{
	if (f)
		__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
	return f;
}

void sys_filter_unref(struct sys_filter *f)
{
	while (f && __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct sys_filter *prev = f->prev;

		free(f);
		f = prev;
	}
}

static struct sys_filter *filter_new(unsigned count)
{
	struct sys_filter *f = calloc(1, sizeof *f + count * sizeof *f->insn);

	if (f) {
		f->refs = 1;
		f->count = count;
	}
	return f;
}

static bool is_ancestor(const struct sys_filter *old, const struct sys_filter *f)
{
	while (f && f != old)
		f = f->prev;
	return f == old;
}

/* ---- checking ---------------------------------------------------------------------------------- */

/* What a filter may do, of classic BPF: seccomp_check_filter. Loads are of aligned words of struct seccomp_data. */
static bool may_use(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return i->k < sizeof(struct seccomp_data) && i->k % 4 == 0;
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_ADD | BPF_K:
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return true;
	case BPF_ALU | BPF_DIV | BPF_K:
		return i->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

static bool jumps_inside(const struct sock_filter *i, unsigned left)
{
	if (BPF_CLASS(i->code) != BPF_JMP)
		return true;
	return BPF_OP(i->code) == BPF_JA ? i->k < left : i->jt < left && i->jf < left;
}

/* Memory that is read was written on every way there: check_load_and_stores of net/core/filter.c. */
static bool loads_what_is_stored(const struct sys_filter *f)
{
	uint16_t valid = 0, *masks = malloc(f->count * sizeof *masks);
	bool ok = masks != NULL;

	if (ok)
		memset(masks, 0xff, f->count * sizeof *masks);
	for (unsigned pc = 0; ok && pc < f->count; pc++) {
		const struct sock_filter *i = &f->insn[pc];

		valid &= masks[pc];
		switch (BPF_CLASS(i->code)) {
		case BPF_ST:
		case BPF_STX:
			valid |= (uint16_t)(1u << i->k);
			break;
		case BPF_LD:
		case BPF_LDX:
			ok = BPF_MODE(i->code) != BPF_MEM || valid >> i->k & 1;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA) {
				masks[pc + 1 + i->k] &= valid;
			} else {
				masks[pc + 1 + i->jt] &= valid;
				masks[pc + 1 + i->jf] &= valid;
			}
			valid = UINT16_MAX;
			break;
		default:
			break;
		}
	}
	free(masks);
	return ok;
}

static bool is_valid(const struct sys_filter *f)
{
	for (unsigned n = 0; n < f->count; n++)
		if (!may_use(&f->insn[n]) || !jumps_inside(&f->insn[n], f->count - n - 1))
			return false;
	return BPF_CLASS(f->insn[f->count - 1].code) == BPF_RET && loads_what_is_stored(f);
}

/* ---- running ------------------------------------------------------------------------------------ */

struct bpf_state {
	uint32_t a, x, mem[BPF_MEMWORDS];
};

/* False: a division by zero, which ends the filter with 0. */
static bool alu(struct bpf_state *s, const struct sock_filter *i)
{
	uint32_t v = BPF_SRC(i->code) == BPF_X ? s->x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		s->a += v;
		break;
	case BPF_SUB:
		s->a -= v;
		break;
	case BPF_MUL:
		s->a *= v;
		break;
	case BPF_DIV:
		if (!v)
			return false;
		s->a /= v;
		break;
	case BPF_AND:
		s->a &= v;
		break;
	case BPF_OR:
		s->a |= v;
		break;
	case BPF_XOR:
		s->a ^= v;
		break;
	case BPF_LSH:
		s->a <<= v & 31;
		break;
	case BPF_RSH:
		s->a >>= v & 31;
		break;
	default: /* BPF_NEG */
		s->a = 0 - s->a;
		break;
	}
	return true;
}

static bool holds(const struct bpf_state *s, const struct sock_filter *i)
{
	uint32_t v = BPF_SRC(i->code) == BPF_X ? s->x : i->k;

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return s->a == v;
	case BPF_JGE:
		return s->a >= v;
	case BPF_JGT:
		return s->a > v;
	default: /* BPF_JSET */
		return s->a & v;
	}
}

static uint32_t loaded(const struct bpf_state *s, const struct sock_filter *i,
		       const struct seccomp_data *d)
{
	uint32_t v;

	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		memcpy(&v, (const char *)d + i->k, sizeof v);
		return v;
	case BPF_LEN:
		return sizeof *d;
	case BPF_MEM:
		return s->mem[i->k];
	default: /* BPF_IMM */
		return i->k;
	}
}

static uint32_t run_filter(const struct sys_filter *f, const struct seccomp_data *d)
{
	struct bpf_state s = { 0 };

	for (unsigned pc = 0;; pc++) {
		const struct sock_filter *i = &f->insn[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			s.a = loaded(&s, i, d);
			break;
		case BPF_LDX:
			s.x = loaded(&s, i, d);
			break;
		case BPF_ST:
			s.mem[i->k] = s.a;
			break;
		case BPF_STX:
			s.mem[i->k] = s.x;
			break;
		case BPF_ALU:
			if (!alu(&s, i))
				return 0;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += holds(&s, i) ? i->jt : i->jf;
			break;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				s.x = s.a;
			else
				s.a = s.x;
			break;
		default: /* BPF_RET */
			return BPF_RVAL(i->code) == BPF_A ? s.a : i->k;
		}
	}
}

static uint32_t run_strict(uint64_t nr)
{
	return nr == NR_READ || nr == NR_WRITE || nr == NR_EXIT || nr == NR_SIGRETURN
		   ? SECCOMP_RET_ALLOW
		   : SECCOMP_RET_KILL_THREAD;
}

/* The strictest answer of the chain; of several alike the newest filter's, *whose. Actions compare as signed numbers. */
static uint32_t ask(const struct sys_filter *f, const struct seccomp_data *d,
		    const struct sys_filter **whose)
{
	uint32_t ret = SECCOMP_RET_ALLOW;

	*whose = NULL;
	for (; f; f = f->prev) {
		uint32_t r = f->strict ? run_strict((uint64_t)d->nr) : run_filter(f, d);

		if ((int32_t)(r & SECCOMP_RET_ACTION_FULL)
		    < (int32_t)(ret & SECCOMP_RET_ACTION_FULL)) {
			ret = r;
			*whose = f;
		}
	}
	return ret;
}

static siginfo_t sigsys(const struct seccomp_data *d, uint32_t reason)
{
	siginfo_t info = { .si_signo = SIGSYS,
			   .si_code = SYS_SECCOMP_CODE,
			   .si_errno = (int)reason };

	info.si_call_addr = (void *)(uintptr_t)d->instruction_pointer;
	info.si_syscall = d->nr;
	info.si_arch = d->arch;
	return info;
}

/* A thread that a filter kills; with the last one the process dies of SIGSYS, or of SIGKILL in strict mode. */
static int64_t kill_thread(struct kit_thread *t, const struct seccomp_data *d)
{
	siginfo_t info = t->seccomp->strict ? (siginfo_t){ .si_signo = SIGKILL } : sigsys(d, 0);

	if (__atomic_load_n(&t->proc->threads, __ATOMIC_ACQUIRE) == 1)
		sig_die_by(t, &info);
	t->exiting = true;
	t->exit_group = false;
	t->exit_status = info.si_signo;
	return SYS_R_EXIT;
}

bool sys_seccomp_admits(struct kit_thread *t, uint64_t nr, const uint64_t *reg, int64_t *result)
{
	struct seccomp_data d = {
		.nr = (int)nr,
		.arch = AUDIT_ARCH_RISCV64,
		.instruction_pointer = t->st.pc + ECALL_BYTES,
	};
	const struct sys_filter *whose;
	uint32_t ret, data;
	siginfo_t info;

	memcpy(d.args, reg, sizeof d.args);
	ret = ask(t->seccomp, &d, &whose);
	data = ret & SECCOMP_RET_DATA;
	if ((ret & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ALLOW)
		KIT_LOG(sys, "[%d] seccomp: call %d gets action 0x%x", t->tid, d.nr, ret);
	switch (ret & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return true;
	case SECCOMP_RET_ERRNO:
		*result = -(int64_t)(data < ERRNO_MOST ? data : ERRNO_MOST);
		return false;
	case SECCOMP_RET_TRAP:
		info = sigsys(&d, data);
		t->st.pc += ECALL_BYTES;
		sig_force(t, &info);
		*result = SYS_R_DONE;
		return false;
	case SECCOMP_RET_USER_NOTIF:
		if (whose->listened)
			return sys_notify_ask(t, &d, result);
		*result = -ENOSYS;
		return false;
	case SECCOMP_RET_TRACE:
		if (t->trace.judged)
			return true;
		*result = -ENOSYS; /* nobody listens */
		if (trace_seccomp(t, data, result))
			*result = SYS_R_AGAIN;
		return false;
	case SECCOMP_RET_KILL_THREAD:
		*result = kill_thread(t, &d);
		return false;
	default:
		info = sigsys(&d, data);
		sig_die_by(t, &info);
	}
}

/* ---- installing --------------------------------------------------------------------------------- */

static bool has_cap_sys_admin(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	return host_call(__NR_capget, (long)&h, (long)d, 0, 0, 0, 0) == 0
	       && d[0].effective >> CAP_SYS_ADMIN & 1;
}

static int64_t read_filter(struct kit_thread *t, gaddr prog, struct sys_filter **out)
{
	struct {
		uint16_t len, pad[3];
		uint64_t insns;
	} p;
	struct sys_filter *f;

	if (!copy_in(t, &p, prog, sizeof p))
		return -EFAULT;
	if (!p.len || p.len > BPF_MAXINSNS)
		return -EINVAL;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 && !has_cap_sys_admin())
		return -EACCES;
	if (!p.insns)
		return -EINVAL;
	f = filter_new(p.len);
	if (!f)
		return -ENOMEM;
	if (!copy_in(t, f->insn, p.insns, p.len * sizeof *f->insn)) {
		free(f);
		return -EFAULT;
	}
	if (!is_valid(f)) {
		free(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

static bool chain_is_too_long(const struct kit_thread *t, const struct sys_filter *f)
{
	unsigned total = f->count;

	for (const struct sys_filter *p = t->seccomp; p; p = p->prev)
		total += p->count + CHAIN_PENALTY_INSNS;
	return total > CHAIN_INSNS_MOST;
}

/* SECCOMP_FILTER_FLAG_TSYNC: 0, or the id of a thread whose chain is another one. The list is locked. */
static int64_t first_that_differs(const struct kit_thread *t)
{
	for (const struct kit_thread *o = t->proc->first_thread; o; o = o->next)
		if (o != t && !is_ancestor(o->seccomp, t->seccomp))
			return o->tid;
	return 0;
}

static void put_chain(struct kit_thread *t, struct sys_filter *f)
{
	struct sys_filter *old = __atomic_exchange_n(&t->seccomp, f, __ATOMIC_ACQ_REL);

	__atomic_fetch_or(&t->st.calls_leave, KIT_CALLS_FILTERED, __ATOMIC_RELEASE);
	/* Another thread may be reading what it had: a chain that f grows from lives on with f. */
	if (old && f && is_ancestor(old, f))
		__atomic_sub_fetch(&old->refs, 1, __ATOMIC_ACQ_REL);
}

/* 0 or the listener; an id or -errno. */
static int64_t install(struct kit_thread *t, struct sys_filter *f, uint64_t flags)
{
	struct kit_process *p = t->proc;
	int64_t differs = 0, r = 0;

	kit_lock(&p->list_lock);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		differs = first_that_differs(t);
	if (!differs && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		r = sys_notify_listener(flags & ~(uint64_t)SECCOMP_FILTER_FLAG_LOG);
	if (!differs && r >= 0) {
		f->listened = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
		f->prev = sys_filter_ref(t->seccomp);
		put_chain(t, f);
		for (struct kit_thread *o = p->first_thread; o && flags & SECCOMP_FILTER_FLAG_TSYNC;
		     o = o->next)
			if (o != t)
				put_chain(o, sys_filter_ref(f));
	}
	kit_unlock(&p->list_lock);
	if (!differs && r >= 0)
		return r;
	free(f);
	if (r < 0)
		return r;
	return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : differs;
}

static int64_t set_filter(struct kit_thread *t, uint64_t flags, gaddr prog)
{
	const uint64_t known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG
			       | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH
			       | SECCOMP_FILTER_FLAG_NEW_LISTENER
			       | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	const bool listener = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	struct sys_filter *f;
	int64_t r;

	if (flags & ~known)
		return -EINVAL;
	/* An id and a descriptor could not be told apart. */
	if (listener && flags & SECCOMP_FILTER_FLAG_TSYNC
	    && !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if (!listener && flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		return -EINVAL;
	if (t->seccomp && t->seccomp->strict)
		return -EINVAL;
	r = read_filter(t, prog, &f);
	if (r < 0)
		return r;
	if (chain_is_too_long(t, f)) {
		free(f);
		return -ENOMEM;
	}
	return install(t, f, flags);
}

static int64_t set_strict(struct kit_thread *t)
{
	struct sys_filter *f;

	if (t->seccomp)
		return t->seccomp->strict ? 0 : -EINVAL;
	f = filter_new(0);
	if (!f)
		return -ENOMEM;
	f->strict = true;
	return install(t, f, 0);
}

static int64_t action_available(struct kit_thread *t, gaddr at)
{
	uint32_t action;

	if (!copy_in(t, &action, at, sizeof action))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

int64_t sys_seccomp(struct kit_thread *t, const uint64_t *a)
{
	switch ((uint32_t)a[0]) {
	case SECCOMP_SET_MODE_STRICT:
		return a[1] || a[2] ? -EINVAL : set_strict(t);
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(t, a[1], a[2]);
	case SECCOMP_GET_ACTION_AVAIL:
		return a[1] ? -EINVAL : action_available(t, a[2]);
	case SECCOMP_GET_NOTIF_SIZES:
		return a[1] ? -EINVAL
			    : host_call(__NR_seccomp, (long)a[0], 0, host_ptr(t, a[2]), 0, 0, 0);
	default:
		return -EINVAL;
	}
}

int64_t sys_prctl_set_seccomp(struct kit_thread *t, const uint64_t *a)
{
	if (a[1] == SECCOMP_MODE_STRICT)
		return set_strict(t);
	return a[1] == SECCOMP_MODE_FILTER ? set_filter(t, 0, a[2]) : -EINVAL;
}

int64_t sys_prctl_get_seccomp(struct kit_thread *t, const uint64_t *a)
{
	(void)a;
	if (!t->seccomp)
		return SECCOMP_MODE_DISABLED;
	return t->seccomp->strict ? SECCOMP_MODE_STRICT : SECCOMP_MODE_FILTER;
}

/* ---- over execve -------------------------------------------------------------------------------- */

/* In the file, oldest first: the number of insns and whether there is a listener, then the insns. Strict mode does not come here: it forbids execve. */
static bool save_chain(int fd, const struct sys_filter *f)
{
	const size_t bytes = f ? f->count * sizeof *f->insn : 0;
	const unsigned head[] = { f ? f->count : 0, f && f->listened };

	return !f
	       || (save_chain(fd, f->prev) && write(fd, head, sizeof head) == sizeof head
		   && write(fd, f->insn, bytes) == (ssize_t)bytes);
}

int sys_seccomp_save(const struct kit_thread *t)
{
	int fd;

	if (!t->seccomp)
		return -1;
	fd = (int)host_call(__NR_memfd_create, (long)"seccomp", 0, 0, 0, 0, 0);
	if (fd < 0)
		return fd == -1 ? -EPERM : fd;
	if (save_chain(fd, t->seccomp))
		return fd;
	close(fd);
	return -ENOMEM;
}

bool sys_seccomp_restore(struct kit_thread *t, int fd)
{
	unsigned head[2], count;
	bool ok = lseek(fd, 0, SEEK_SET) == 0;

	while (ok && read(fd, head, sizeof head) == sizeof head) {
		struct sys_filter *f =
		    (count = head[0]) && count <= BPF_MAXINSNS ? filter_new(count) : NULL;

		ok = f
		     && read(fd, f->insn, count * sizeof *f->insn)
			    == (ssize_t)(count * sizeof *f->insn)
		     && is_valid(f);
		if (!ok) {
			free(f);
			break;
		}
		f->listened = head[1];
		f->prev = t->seccomp;
		put_chain(t, f);
	}
	close(fd);
	return ok;
}
