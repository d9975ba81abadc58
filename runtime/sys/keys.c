/* keyctl: what is not in keyctls.def, and the operation whose structure holds pointers. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <linux/keyctl.h>

int64_t sys_keyctl(struct kit_thread *t, const uint64_t *a)
{
	KIT_LOG(sys, "[%d] keyctl operation %d is unknown", t->tid, (int)a[0]);
	return -EOPNOTSUPP;
}

int64_t sys_keyctl_dh_compute(struct kit_thread *t, const uint64_t *a)
{
	struct keyctl_kdf_params kdf;
	long arg = host_ptr(t, a[4]);

	if (a[4] && copy_in(t, &kdf, a[4], sizeof kdf)) {
		kdf.hashname = (char *)host_ptr(t, (gaddr)kdf.hashname);
		kdf.otherinfo = (char *)host_ptr(t, (gaddr)kdf.otherinfo);
		arg = (long)&kdf;
	}
	return host_call(__NR_keyctl, KEYCTL_DH_COMPUTE, host_ptr(t, a[1]), host_ptr(t, a[2]),
			 (long)a[3], arg, 0);
}
