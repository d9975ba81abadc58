/* What a process says of itself and sets for itself: uname, prctl, limits. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <linux/prctl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

int64_t sys_uname(struct kit_thread *t, const uint64_t *a)
{
	struct utsname u;

	if (uname(&u) < 0)
		return -errno;
	memset(u.machine, 0, sizeof u.machine);
	strcpy(u.machine, "riscv64");
	return copy_out(t, a[0], &u, sizeof u) ? 0 : -EFAULT;
}

enum prctl_arg { PRCTL_NUMBERS, PRCTL_POINTER, PRCTL_REFUSED };

/* What the second argument of a prctl is. Refused: not on riscv64, or it would act on kitemu's own code. */
static enum prctl_arg prctl_arg(int op)
{
	switch (op) {
	case PR_SET_NAME:
	case PR_GET_NAME:
	case PR_GET_PDEATHSIG:
	case PR_GET_CHILD_SUBREAPER:
	case PR_GET_TID_ADDRESS:
		return PRCTL_POINTER;
	case PR_SET_MM:
	case PR_SET_SECCOMP:
	case PR_SET_SYSCALL_USER_DISPATCH:
	case PR_SET_TSC:
	case PR_GET_TSC:
	case PR_SET_UNALIGN:
	case PR_GET_UNALIGN:
	case PR_SET_FPEMU:
	case PR_GET_FPEMU:
	case PR_SET_FPEXC:
	case PR_GET_FPEXC:
	case PR_SET_ENDIAN:
	case PR_GET_ENDIAN:
	case PR_SET_FP_MODE:
	case PR_GET_FP_MODE:
	case PR_SVE_SET_VL:
	case PR_SVE_GET_VL:
	case PR_SET_TAGGED_ADDR_CTRL:
	case PR_GET_TAGGED_ADDR_CTRL:
	case PR_PAC_RESET_KEYS:
	case 65: /* PR_SET_MDWE: translated code needs executable memory */
		return PRCTL_REFUSED;
	default:
		return PRCTL_NUMBERS;
	}
}

int64_t sys_prctl(struct kit_thread *t, const uint64_t *a)
{
	int op = (int)a[0];
	enum prctl_arg kind = prctl_arg(op);
	uint64_t clear = t->clear_child_tid;

	if (kind == PRCTL_REFUSED) {
		KIT_LOG(sys, "[%d] prctl %d refused", t->tid, op);
		return -EINVAL;
	}
	if (op == PR_GET_TID_ADDRESS)
		return copy_out(t, a[1], &clear, sizeof clear) ? 0 : -EFAULT;
	if (op == PR_SET_VMA) /* names an anonymous mapping */
		return host_call(__NR_prctl, op, (long)a[1], host_ptr(t, a[2]), (long)a[3],
				 host_ptr(t, a[4]), 0);
	return host_call(__NR_prctl, op, kind == PRCTL_POINTER ? host_ptr(t, a[1]) : (long)a[1],
			 (long)a[2], (long)a[3], (long)a[4], 0);
}

/* Limits are the host's. Whether core files are written also decides whose they are. */
static int64_t limit_set(struct kit_thread *t, int64_t result, int resource)
{
	if (result == 0 && resource == RLIMIT_CORE)
		sig_core_limit(t->proc);
	return result;
}

int64_t sys_setrlimit(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_setrlimit, (long)a[0], host_ptr(t, a[1]), 0, 0, 0, 0);

	return limit_set(t, r, (int)a[0]);
}

int64_t sys_prlimit64(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_prlimit64, (long)a[0], (long)a[1], host_ptr(t, a[2]),
			      host_ptr(t, a[3]), 0, 0);

	return a[2] ? limit_set(t, r, (int)a[1]) : r;
}
