/*
 * Converting arguments of forwarded calls; see marshal.h.
 *
 * For a structure that cannot be read the kernel gets an address where nothing is: it says EFAULT, after what it
 * finds wrong with earlier arguments or with the structure's size. It never reads a structure of the guest's
 * itself, since what that holds could lead it into kitemu's memory.
 */
#include "runtime/sys/marshal.h"

#include "lib/base/panic.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { IOV_MOST = 1024 }; /* UIO_MAXIOV */

/* struct xattr_args of linux/xattr.h */
struct host_xattr_args {
	uint64_t value;
	uint32_t size, flags;
};

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

/*
 * Storage of one call. Vectors and messages are copied, base or not: each address in them is the
 * guest's and has to be looked at, and another guest thread may change the original.
 */
struct room {
	struct iovec iov[2][IOV_MOST]; /* process_vm_readv has two */
	struct futex_waitv wait[FUTEX_WAITV_MAX];
	union {
		struct host_xattr_args known;
		char all[MEM_PAGE_BYTES]; /* a later kernel's form: the rest must be 0 */
	} xattr;
	struct msghdr msg;
	unsigned vecs;
	struct mmsghdr *msgs; /* heap: sendmmsg, recvmmsg */
	struct iovec *msgs_iov;
};

/* The kernel will write there. */
static void note_output(struct kit_thread *t, gaddr at, uint64_t n)
{
	if (t->writing)
		mem_write_add(t->proc->mem, t->writing, at, n);
}

bool marshal_iovec(struct kit_thread *t, gaddr at, uint64_t count, bool written, struct iovec *v)
{
	if (count > IOV_MOST || !copy_in(t, v, at, count * sizeof *v))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		gaddr base = (gaddr)v[i].iov_base;

		if (written && v[i].iov_len)
			note_output(t, base, v[i].iov_len);
		v[i].iov_base = (void *)host_ptr(t, base);
	}
	return true;
}

long marshal_mapped(struct kit_thread *t, gaddr a)
{
	bool hole = a && t->st.guest_base && !mem_access_ok(t->proc->mem, a, 1, 0);

	return hole ? host_no_ptr(a) : host_ptr(t, a);
}

/* A message's header, and its vector into v; false when the header cannot be read. */
static bool host_msg(struct kit_thread *t, gaddr at, bool written, struct msghdr *m,
		     struct iovec *v)
{
	if (!copy_in(t, m, at, sizeof *m))
		return false;
	if (!marshal_iovec(t, (gaddr)m->msg_iov, m->msg_iovlen, written, v))
		v = (struct iovec *)host_no_ptr(0);
	if (written && m->msg_namelen)
		note_output(t, (gaddr)m->msg_name, m->msg_namelen);
	if (written && m->msg_controllen)
		note_output(t, (gaddr)m->msg_control, m->msg_controllen);
	m->msg_iov = v;
	m->msg_name = (void *)host_ptr(t, (gaddr)m->msg_name);
	m->msg_control = (void *)host_ptr(t, (gaddr)m->msg_control);
	return true;
}

/* What recvmsg changed goes back into the guest's header; the rest of it stays as it was. */
static bool guest_msg(struct kit_thread *t, gaddr at, const struct msghdr *m)
{
	struct msghdr g;

	if (!copy_in(t, &g, at, sizeof g))
		return false;
	g.msg_namelen = m->msg_namelen;
	g.msg_controllen = m->msg_controllen;
	g.msg_flags = m->msg_flags;
	return copy_out(t, at, &g, sizeof g);
}

/* Appends a vector to the heap's, which may move. */
static bool keep_iovec(struct room *room, const struct iovec *v, size_t n, size_t *used)
{
	struct iovec *all = realloc(room->msgs_iov, (*used + n + 1) * sizeof *all);

	if (!all)
		return false;
	room->msgs_iov = all;
	for (size_t i = 0; i < n; i++)
		all[(*used)++] = v[i];
	return true;
}

/* An array of messages. As in the kernel, one that cannot be read stops those behind it. */
static void host_msgs(struct kit_thread *t, struct room *room, bool written, gaddr at, uint64_t *a)
{
	uint32_t count = (uint32_t)a[1] < IOV_MOST ? (uint32_t)a[1] : IOV_MOST, n = 0;
	struct iovec *v = room->iov[0];
	size_t used = 0, first = 0;

	room->msgs = calloc(count + 1, sizeof *room->msgs);
	for (; room->msgs && n < count; n++) {
		struct msghdr *m = &room->msgs[n].msg_hdr;

		if (!host_msg(t, at + n * sizeof *room->msgs, written, m, v)
		    || !keep_iovec(room, v, m->msg_iov == v ? m->msg_iovlen : 0, &used))
			break;
	}
	if (n == 0 && count)
		return; /* the kernel is to say what is wrong with it */
	for (uint32_t k = 0; k < n; k++) {
		struct msghdr *m = &room->msgs[k].msg_hdr;

		if (m->msg_iov != v)
			continue;
		m->msg_iov = room->msgs_iov + first;
		first += m->msg_iovlen;
	}
	a[0] = (uint64_t)room->msgs;
	a[1] = n;
}

/* The lengths, and what recvmmsg changed, of the first count messages. False when they cannot be written. */
static bool guest_msgs(struct kit_thread *t, gaddr at, const struct room *room, int64_t count,
		       bool written)
{
	for (int64_t k = 0; k < count; k++, at += sizeof(struct mmsghdr)) {
		const struct mmsghdr *m = &room->msgs[k];

		if (written && !guest_msg(t, at, &m->msg_hdr))
			return false;
		if (!copy_out(t, at + offsetof(struct mmsghdr, msg_len), &m->msg_len,
			      sizeof m->msg_len))
			return false;
	}
	return true;
}

static void host_waits(struct kit_thread *t, struct room *room, gaddr at, uint64_t count,
		       uint64_t *a)
{
	if (count > FUTEX_WAITV_MAX || !copy_in(t, room->wait, at, count * sizeof *room->wait))
		return;
	for (uint64_t k = 0; k < count; k++)
		room->wait[k].uaddr = (uint64_t)host_ptr(t, room->wait[k].uaddr);
	*a = (uint64_t)room->wait;
}

static void host_xattr(struct kit_thread *t, struct room *room, gaddr at, uint64_t size,
		       uint64_t *a)
{
	if (size < sizeof room->xattr.known || size > sizeof room->xattr
	    || !copy_in(t, &room->xattr, at, size))
		return;
	room->xattr.known.value = (uint64_t)host_ptr(t, room->xattr.known.value);
	*a = (uint64_t)&room->xattr;
}

/* The argument at a, a structure that holds pointers; a[1] is the next one. */
static void host_deep(struct kit_thread *t, enum sys_kind kind, struct room *room, uint64_t *a)
{
	const gaddr at = a[0];
	bool written = sys_kinds[kind].written != 0;
	struct iovec *v = room->iov[room->vecs & 1];

	a[0] = at ? (uint64_t)host_no_ptr(at) : 0;
	switch (kind) {
	case SYS_KIND_IOVEC:
	case SYS_KIND_IOVEC_OUT: /* the kernel looks at 32 bits of this count */
		room->vecs++;
		if (marshal_iovec(t, at, (uint32_t)a[1], written, v))
			a[0] = (uint64_t)v;
		break;
	case SYS_KIND_IOVEC_REMOTE:
	case SYS_KIND_IOVEC_REMOTE_OUT: /* another guest at the same base, or this one */
		room->vecs++;
		if (marshal_iovec(t, at, a[1], written, v))
			a[0] = (uint64_t)v;
		break;
	case SYS_KIND_MSGHDR:
	case SYS_KIND_MSGHDR_IO:
		if (host_msg(t, at, written, &room->msg, v))
			a[0] = (uint64_t)&room->msg;
		break;
	case SYS_KIND_MSGVEC:
	case SYS_KIND_MSGVEC_IO:
		host_msgs(t, room, written, at, a);
		break;
	case SYS_KIND_FUTEXVEC:
		host_waits(t, room, at, (uint32_t)a[1], a);
		break;
	case SYS_KIND_FUTEXPAIR:
		host_waits(t, room, at, 2, a);
		break;
	case SYS_KIND_MAPPED:
		a[0] = (uint64_t)marshal_mapped(t, at);
		break;
	case SYS_KIND_XATTRARGS:
		host_xattr(t, room, at, a[1], a);
		break;
	default:
		KIT_PANIC("kind %d is DEEP and has no conversion", (int)kind);
	}
}

/* Gives the guest what the call changed in structures that were copied. */
static bool guest_deep(struct kit_thread *t, const struct sys_row *row, gaddr at,
		       const struct room *room, const uint64_t *a, int64_t r)
{
	/* These are always the second argument. */
	if (row->kind[1] == SYS_KIND_MSGHDR_IO && a[1] == (uint64_t)&room->msg)
		return guest_msg(t, at, &room->msg);
	if (room->msgs && a[1] == (uint64_t)room->msgs)
		return guest_msgs(t, at, room, r, row->kind[1] == SYS_KIND_MSGVEC_IO);
	return true;
}

int64_t marshal_call(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg,
		     marshal_forward *forward)
{
	struct room room;
	uint64_t a[6];
	int64_t r;

	room.vecs = 0;
	room.msgs = NULL;
	room.msgs_iov = NULL;
	for (unsigned i = 0; i < 6; i++)
		a[i] = reg[i];
	for (unsigned i = 0; i < row->nargs; i++) {
		enum sys_kind kind = row->kind[i];

		if (kind == SYS_KIND_OFLAGS || kind == SYS_KIND_PIPEFLAGS)
			a[i] = sys_oflags_to_host(reg[i]);
		else if (sys_kinds[kind].class == SYS_CLASS_PTR)
			a[i] = (uint64_t)host_ptr(t, reg[i]);
		else if (sys_kinds[kind].class == SYS_CLASS_DEEP)
			host_deep(t, kind, &room, a + i);
	}
	r = forward(t, row, a);
	if (r >= 0 && !guest_deep(t, row, reg[1], &room, a, r))
		r = -EFAULT;
	free(room.msgs);
	free(room.msgs_iov);
	return r;
}

/* Bytes that the kernel may write at argument i of a kind whose size is not in the table. */
static uint64_t out_bytes(struct kit_thread *t, const struct sys_row *row, unsigned i,
			  const uint64_t *reg)
{
	int written = sys_kinds[row->kind[i]].written;
	uint64_t next;
	uint32_t len;

	switch (written) {
	case OUT_NEXT:
	case OUT_MSGBUF: /* msgrcv's size leaves out the type in front */
		next = sys_kinds[row->kind[i + 1]].class == SYS_CLASS_U64 ? reg[i + 1]
									  : (uint32_t)reg[i + 1];
		return written == OUT_NEXT ? next : next + sizeof(long);
	case OUT_PREV:
		return (uint32_t)reg[i - 1];
	case OUT_POLLFDS:
		return (uint64_t)(uint32_t)reg[i + 1] * 8;
	case OUT_FDSET:
		return ((uint64_t)(uint32_t)reg[0] + 63) / 64 * 8;
	case OUT_IOC:
		return reg[1] >> 16 & 0x3fff; /* _IOC_SIZE */
	case OUT_NAME:
		return copy_in(t, &len, reg[i + 1], sizeof len) ? len : 0;
	case OUT_LATER:
		return 0;
	default:
		return (uint64_t)written;
	}
}

void marshal_outputs(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg)
{
	for (unsigned m = row->pointers; m; m &= m - 1) {
		unsigned i = (unsigned)__builtin_ctz(m);
		uint64_t n = reg[i] ? out_bytes(t, row, i, reg) : 0;

		if (n)
			note_output(t, reg[i], n);
	}
}
