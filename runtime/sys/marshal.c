/*
 * Converting arguments of forwarded calls; see marshal.h.
 *
 * Pointers inside flat memory are converted for iovec and msghdr. Any other structure that holds
 * pointers (kind DEEP) cannot be passed on with a base: the call is then refused and logged.
 */
#include "runtime/sys/marshal.h"

#include "lib/base/log.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { IOV_MOST = 1024 }; /* UIO_MAXIOV */

uint64_t sys_oflags_to_host(uint64_t flags)
{
	uint64_t f = flags;

	if (SYS_OFLAGS_EQUAL)
		return f;
	f &= ~(uint64_t)(RV64_O_DIRECT | RV64_O_LARGEFILE | RV64_O_DIRECTORY | RV64_O_NOFOLLOW);
	if (flags & RV64_O_DIRECT)
		f |= O_DIRECT;
	if (flags & RV64_O_DIRECTORY)
		f |= O_DIRECTORY;
	if (flags & RV64_O_NOFOLLOW)
		f |= O_NOFOLLOW;
	return f; /* O_LARGEFILE: every open of a 64-bit kernel has it */
}

uint64_t sys_oflags_to_guest(uint64_t flags)
{
	uint64_t f = flags;

	if (SYS_OFLAGS_EQUAL)
		return f;
	f &= ~(uint64_t)(O_DIRECT | O_DIRECTORY | O_NOFOLLOW);
	f |= RV64_O_LARGEFILE;
	if (flags & O_DIRECT)
		f |= RV64_O_DIRECT;
	if (flags & O_DIRECTORY)
		f |= RV64_O_DIRECTORY;
	if (flags & O_NOFOLLOW)
		f |= RV64_O_NOFOLLOW;
	return f;
}

/* Storage of one call: two iovec arguments (process_vm_readv) or one message. */
struct room {
	struct iovec iov[2][IOV_MOST];
	unsigned used;
	struct msghdr msg;
	gaddr msg_at;
};

/* A guest iovec array as the host's; count as the kernel takes it. */
static int64_t host_iovec(struct kit_thread *t, struct room *room, gaddr at, uint64_t count,
			  struct iovec **out)
{
	struct iovec *v = room->iov[room->used++];

	if (count > IOV_MOST)
		return -EINVAL;
	if (!copy_in(t, v, at, count * sizeof *v))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++)
		v[i].iov_base = (void *)host_ptr(t, (gaddr)v[i].iov_base);
	*out = v;
	return 0;
}

static int64_t host_msg(struct kit_thread *t, struct room *room, gaddr at)
{
	struct msghdr *m = &room->msg;
	int64_t err;

	if (!copy_in(t, m, at, sizeof *m))
		return -EFAULT;
	room->msg_at = at;
	if (m->msg_iovlen > IOV_MOST)
		return -EMSGSIZE;
	err = host_iovec(t, room, (gaddr)m->msg_iov, m->msg_iovlen, &m->msg_iov);
	m->msg_name = (void *)host_ptr(t, (gaddr)m->msg_name);
	m->msg_control = (void *)host_ptr(t, (gaddr)m->msg_control);
	return err;
}

/* What recvmsg changed goes back into the guest's header; the rest of it stays as it was. */
static bool guest_msg(struct kit_thread *t, const struct room *room)
{
	struct msghdr g;

	if (!copy_in(t, &g, room->msg_at, sizeof g))
		return false;
	g.msg_namelen = room->msg.msg_namelen;
	g.msg_controllen = room->msg.msg_controllen;
	g.msg_flags = room->msg.msg_flags;
	return copy_out(t, room->msg_at, &g, sizeof g);
}

static int64_t host_arg(struct kit_thread *t, const struct sys_row *row, unsigned i,
			const uint64_t *reg, struct room *room, uint64_t *a)
{
	enum sys_kind kind = row->kind[i];
	struct iovec *v;
	int64_t err;

	switch (kind) {
	case SYS_KIND_OFLAGS:
	case SYS_KIND_PIPEFLAGS:
		a[i] = sys_oflags_to_host(reg[i]);
		return 0;
	case SYS_KIND_IOVEC:
	case SYS_KIND_IOVEC_OUT:
		if (!t->st.guest_base)
			break;
		err = host_iovec(t, room, reg[i], reg[i + 1], &v);
		a[i] = (uint64_t)v;
		return err;
	case SYS_KIND_MSGHDR:
	case SYS_KIND_MSGHDR_IO:
		if (!t->st.guest_base)
			break;
		a[i] = (uint64_t)&room->msg;
		return host_msg(t, room, reg[i]);
	default:
		break;
	}
	a[i] = reg[i];
	if (sys_kinds[kind].class == SYS_CLASS_PTR)
		a[i] = (uint64_t)host_ptr(t, reg[i]);
	if (sys_kinds[kind].class != SYS_CLASS_DEEP || !t->st.guest_base || !reg[i])
		return 0;
	KIT_LOG(sys, "[%d] %s refused: its structures hold pointers, and guest memory has a base",
		t->tid, row->name);
	return -ENOSYS;
}

int64_t marshal_call(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg,
		     marshal_forward *forward)
{
	struct room room;
	uint64_t a[6] = { 0 };
	int64_t r;

	room.used = 0;
	room.msg_at = 0;
	for (unsigned i = 0; i < row->nargs; i++) {
		r = host_arg(t, row, i, reg, &room, a);
		if (r < 0)
			return r;
	}
	r = forward(t, row, a);
	if (r >= 0 && row->kind[1] == SYS_KIND_MSGHDR_IO && room.msg_at && !guest_msg(t, &room))
		return -EFAULT;
	return r;
}

static void unguard_iovec(struct kit_thread *t, gaddr at, uint64_t count)
{
	struct iovec v;

	for (uint64_t i = 0; i < count && i < IOV_MOST; i++) {
		if (!copy_in(t, &v, at + i * sizeof v, sizeof v))
			return;
		if (v.iov_len)
			mem_unguard(t->proc->mem, (gaddr)v.iov_base, v.iov_len);
	}
}

static void unguard_msg(struct kit_thread *t, gaddr at)
{
	struct mem_space *m = t->proc->mem;
	struct msghdr g;

	if (!copy_in(t, &g, at, sizeof g))
		return;
	mem_unguard(m, at, sizeof g);
	if (g.msg_namelen)
		mem_unguard(m, (gaddr)g.msg_name, g.msg_namelen);
	if (g.msg_controllen)
		mem_unguard(m, (gaddr)g.msg_control, g.msg_controllen);
	unguard_iovec(t, (gaddr)g.msg_iov, g.msg_iovlen);
}

/* Bytes that the kernel may write at argument i of a kind whose size is not in the table. */
static uint64_t out_bytes(struct kit_thread *t, int written, unsigned i, const uint64_t *reg)
{
	uint32_t len;

	switch (written) {
	case OUT_NEXT:
		return reg[i + 1];
	case OUT_PREV:
		return (uint32_t)reg[i - 1];
	case OUT_POLLFDS:
		return (uint64_t)(uint32_t)reg[i + 1] * 8;
	case OUT_FDSET:
		return ((uint64_t)(uint32_t)reg[0] + 63) / 64 * 8;
	case OUT_NAME:
		return copy_in(t, &len, reg[i + 1], sizeof len) ? len : 0;
	default:
		return (uint64_t)written;
	}
}

void marshal_unguard(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	for (unsigned i = 0; i < row->nargs; i++) {
		int written = sys_kinds[row->kind[i]].written;
		uint64_t n;

		if (!written || written == OUT_LATER || !reg[i])
			continue;
		if (written == OUT_IOVEC) {
			unguard_iovec(t, reg[i], reg[i + 1]);
		} else if (written == OUT_MSG) {
			unguard_msg(t, reg[i]);
		} else if ((n = out_bytes(t, written, i, reg)) != 0) {
			mem_unguard(t->proc->mem, reg[i], n);
		}
	}
}
