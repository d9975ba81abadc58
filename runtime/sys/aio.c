/*
 * Linux asynchronous I/O (io_setup and its like; libaio).
 *
 * The kernel names a context by the address of its ring of events, which it maps where it likes: in
 * kitemu's part of the address space. The ring is moved into the guest's memory, so that the name is a guest address, libaio
 * can read the ring, and munmap is right. The kernel hands back the address of each iocb: with a base that
 * is not what the guest gave, so it is converted, and the ring's magic is taken away, without which libaio
 * does not read the ring but asks the kernel.
 */
#include "runtime/sys/marshal.h"
#include "runtime/sys/sys_priv.h"

#include <linux/aio_abi.h>
#include <sys/uio.h>

/* fs/aio.c; libaio knows it too. */
struct aio_ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_bytes;
};

static uint64_t ring_bytes(const struct aio_ring *r)
{
	return align_up(sizeof *r + (uint64_t)r->nr * sizeof(struct io_event), MEM_PAGE_BYTES);
}

int64_t sys_io_setup(struct kit_thread *t, const uint64_t *a)
{
	aio_context_t ctx;
	struct aio_ring *ring;
	int64_t r, at;

	if (!copy_in(t, &ctx, a[1], sizeof ctx))
		return -EFAULT;
	r = host_call(__NR_io_setup, (long)a[0], (long)&ctx, 0, 0, 0, 0);
	if (r < 0)
		return r;
	ring = (struct aio_ring *)ctx;
	if (t->st.guest_base)
		ring->magic = 0;
	at = mem_take(t->proc->mem, ring, ring_bytes(ring));
	if (at >= 0 && copy_out(t, a[1], &at, sizeof at))
		return 0;
	if (at >= 0)
		return sys_io_destroy(t, (uint64_t[6]){ (uint64_t)at }), -EFAULT;
	host_call(__NR_io_destroy, (long)ctx, 0, 0, 0, 0, 0);
	return at;
}

int64_t sys_io_destroy(struct kit_thread *t, const uint64_t *a)
{
	struct aio_ring ring;
	bool known = copy_in(t, &ring, a[0], sizeof ring);
	int64_t r = host_call(__NR_io_destroy, host_ptr(t, a[0]), 0, 0, 0, 0, 0);

	if (r == 0 && known) /* the kernel has unmapped it on the host */
		mem_munmap(t->proc->mem, a[0], ring_bytes(&ring));
	return r;
}

/*
 * Submits one iocb. What the kernel reads of it while it submits has the host's addresses: the
 * buffer's is put into the guest's own iocb for that time, since its address is its name.
 */
static int64_t submit(struct kit_thread *t, long ctx, gaddr at)
{
	enum { IOV_MOST = 1024 };
	struct iovec v[IOV_MOST];
	struct iocb cb;
	uint64_t buf;
	long name = host_ptr(t, at);
	int64_t r;

	if (!copy_in(t, &cb, at, sizeof cb))
		return -EFAULT;
	buf = cb.aio_buf;
	switch (cb.aio_lio_opcode) {
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		buf = (uint64_t)host_no_ptr(buf);
		if (cb.aio_nbytes <= IOV_MOST
		    && marshal_iovec(t, cb.aio_buf, cb.aio_nbytes,
				     cb.aio_lio_opcode == IOCB_CMD_PREADV, v))
			buf = (uint64_t)v;
		break;
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
		if (cb.aio_lio_opcode == IOCB_CMD_PREAD)
			mem_unguard(t->proc->mem, buf, cb.aio_nbytes);
		buf = (uint64_t)host_ptr(t, buf);
		break;
	default: /* POLL has a number there, FSYNC nothing */
		break;
	}
	if (buf == cb.aio_buf)
		return host_call(__NR_io_submit, ctx, 1, (long)&name, 0, 0, 0);
	at += offsetof(struct iocb, aio_buf);
	if (!copy_out(t, at, &buf, sizeof buf))
		return -EFAULT;
	r = host_call(__NR_io_submit, ctx, 1, (long)&name, 0, 0, 0);
	buf = cb.aio_buf;
	copy_out(t, at, &buf, sizeof buf);
	return r;
}

int64_t sys_io_submit(struct kit_thread *t, const uint64_t *a)
{
	long ctx = host_ptr(t, a[0]);
	int64_t n = (int64_t)a[1], r;
	gaddr cb;

	/* The context is looked at first, and a bad count. */
	r = host_call(__NR_io_submit, ctx, n < 0 ? -1 : 0, 0, 0, 0, 0);
	if (r < 0)
		return r;
	for (int64_t i = 0; i < n; i++) {
		r = copy_in(t, &cb, a[2] + (uint64_t)i * sizeof cb, sizeof cb) ? submit(t, ctx, cb)
									       : -EFAULT;
		if (r <= 0)
			return i ? i : r;
	}
	return n;
}

int64_t sys_io_cancel(struct kit_thread *t, const uint64_t *a)
{
	return host_call(__NR_io_cancel, host_ptr(t, a[0]), host_ptr(t, a[1]), host_ptr(t, a[2]), 0,
			 0, 0);
}

/* iocbs' names as the guest knows them. */
static void name_events(struct kit_thread *t, gaddr at, int64_t n)
{
	struct io_event e;

	for (; t->st.guest_base && n > 0; n--, at += sizeof e) {
		if (!copy_in(t, &e, at, sizeof e))
			return;
		e.obj -= t->st.guest_base;
		copy_out(t, at, &e, sizeof e);
	}
}

static int64_t get_events(struct kit_thread *t, long nr, const uint64_t *a)
{
	enum { RING_MOST = 1 << 16 };
	int64_t r;

	if (a[2] && a[2] <= RING_MOST)
		mem_unguard(t->proc->mem, a[3], a[2] * sizeof(struct io_event));
	r = sig_safe_syscall(t, nr, host_ptr(t, a[0]), (long)a[1], (long)a[2], host_ptr(t, a[3]),
			     host_ptr(t, a[4]), 0);
	name_events(t, a[3], r);
	return r;
}

int64_t sys_io_getevents(struct kit_thread *t, const uint64_t *a)
{
	return get_events(t, __NR_io_getevents, a);
}

int64_t sys_io_pgetevents(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = sys_set_sigset_arg(t, a[5]);

	return r < 0 ? r : get_events(t, __NR_io_pgetevents, a);
}
