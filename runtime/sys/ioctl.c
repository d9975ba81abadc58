/* ioctls that need more than ioctls.def: structures that hold addresses or differ, and commands that are not known. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/loop.h>
#include <linux/route.h>
#include <scsi/sg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static int64_t host_ioctl(struct kit_thread *t, const uint64_t *a, void *arg)
{
	return sig_safe_syscall(t, __NR_ioctl, (long)a[0], (long)a[1], (long)arg, 0, 0, 0);
}

/* An ioctl whose structure of n bytes holds addresses at these offsets, and is written too. */
static int64_t with_pointers(struct kit_thread *t, const uint64_t *a, void *s, size_t n,
			     const size_t *at, unsigned count)
{
	uint64_t guest[4];
	int64_t r;

	KIT_DCHECK(count <= ARRAY_LEN(guest));
	if (!copy_in(t, s, a[2], n))
		return host_ioctl(t, a, (void *)host_ptr(t, a[2]));
	for (unsigned i = 0; i < count; i++) {
		uint64_t *p = (uint64_t *)((char *)s + at[i]);

		guest[i] = *p;
		*p = (uint64_t)host_ptr(t, *p);
	}
	r = host_ioctl(t, a, s);
	for (unsigned i = 0; i < count; i++)
		*(uint64_t *)((char *)s + at[i]) = guest[i];
	return r < 0 || copy_out(t, a[2], s, n) ? r : -EFAULT;
}

#define WITH_POINTERS(type, ...)                                                                   \
	do {                                                                                       \
		static const size_t at_[] = { __VA_ARGS__ };                                       \
		type s_;                                                                           \
                                                                                                   \
		return with_pointers(t, a, &s_, sizeof s_, at_, ARRAY_LEN(at_));                   \
	} while (0)

int64_t sys_ioctl_ifconf(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(struct ifconf, offsetof(struct ifconf, ifc_buf));
}

int64_t sys_ioctl_ifdata(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(struct ifreq, offsetof(struct ifreq, ifr_data));
}

int64_t sys_ioctl_rtentry(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(struct rtentry, offsetof(struct rtentry, rt_dev));
}

int64_t sys_ioctl_fprog(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(struct sock_fprog, offsetof(struct sock_fprog, filter));
}

int64_t sys_ioctl_blkpg(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(struct blkpg_ioctl_arg, offsetof(struct blkpg_ioctl_arg, data));
}

/* A list of buffers (iovec_count) stays in guest memory: with a base it is left out of what works. */
int64_t sys_ioctl_sg_io(struct kit_thread *t, const uint64_t *a)
{
	WITH_POINTERS(sg_io_hdr_t, offsetof(sg_io_hdr_t, dxferp), offsetof(sg_io_hdr_t, cmdp),
		      offsetof(sg_io_hdr_t, sbp));
}

/* struct loop_info: device numbers are 32 bits wide there. */
struct rv64_loop_info {
	int32_t number;
	uint32_t device;
	uint64_t inode;
	uint32_t rdevice;
	int32_t offset, encrypt_type, encrypt_key_size, flags;
	char name[64], encrypt_key[32];
	uint64_t init[2];
	char reserved[4];
};
_Static_assert(sizeof(struct rv64_loop_info) == 160, "riscv64 struct loop_info");

int64_t sys_ioctl_loop_status(struct kit_thread *t, const uint64_t *a)
{
	struct rv64_loop_info g;
	struct loop_info h = { 0 };
	int64_t r;

	if (!copy_in(t, &g, a[2], sizeof g)) /* read or written, both have the kernel look at it */
		return host_ioctl(t, a, (void *)host_ptr(t, a[2]));
	h.lo_number = g.number;
	h.lo_offset = g.offset;
	h.lo_encrypt_type = g.encrypt_type;
	h.lo_encrypt_key_size = g.encrypt_key_size;
	h.lo_flags = g.flags;
	memcpy(h.lo_name, g.name, sizeof g.name);
	memcpy(h.lo_encrypt_key, g.encrypt_key, sizeof g.encrypt_key);
	memcpy(h.lo_init, g.init, sizeof g.init);
	r = host_ioctl(t, a, &h);
	if (r < 0 || (unsigned)a[1] != LOOP_GET_STATUS)
		return r;
	g = (struct rv64_loop_info){
		.number = h.lo_number,
		.device = (uint32_t)h.lo_device,
		.inode = h.lo_inode,
		.rdevice = (uint32_t)h.lo_rdevice,
		.offset = h.lo_offset,
		.encrypt_type = h.lo_encrypt_type,
		.encrypt_key_size = h.lo_encrypt_key_size,
		.flags = h.lo_flags,
	};
	memcpy(g.name, h.lo_name, sizeof g.name);
	memcpy(g.encrypt_key, h.lo_encrypt_key, sizeof g.encrypt_key);
	memcpy(g.init, h.lo_init, sizeof g.init);
	return copy_out(t, a[2], &g, sizeof g) ? r : -EFAULT;
}

/*
 * Not in ioctls.def. A command that carries its structure's size has an address for argument, and structures of one size
 * have the same layout on both sides, unless they hold addresses. One that does not may have a number or an address: where these
 * are the same to the host, it is passed on too. Else the device does not know it.
 */
int64_t sys_ioctl(struct kit_thread *t, const uint64_t *a)
{
	unsigned cmd = (unsigned)a[1];
	bool sized = _IOC_DIR(cmd) != _IOC_NONE && _IOC_SIZE(cmd) != 0;
	bool number = a[2] < mem_min(t->proc->mem); /* no address of the guest is so low */
	bool equal = !t->st.guest_base && a[2] < mem_limit(t->proc->mem);

	KIT_LOG(sys, "[%d] ioctl %#x is unknown: %s", t->tid, cmd,
		sized || number || equal ? "passed on" : "refused");
	if (sized && !number)
		return sig_safe_syscall(t, __NR_ioctl, (long)a[0], cmd, host_ptr(t, a[2]), 0, 0, 0);
	if (number || equal)
		return sig_safe_syscall(t, __NR_ioctl, (long)a[0], cmd, (long)a[2], 0, 0, 0);
	return fcntl((int)a[0], F_GETFD) < 0 ? -EBADF : -ENOTTY;
}
