/*
 * Inside runtime/sys: rows, handlers, and the few ways to reach guest memory and the host kernel.
 *
 * A handler gets the arguments as the kernel would see them: int kinds cut to 32 bits and extended
 * by their sign (the high halves of registers hold garbage), pointers as guest addresses. It
 * returns a result, -errno, or -SIG_ERESTART*; a plain -EINTR of a row that says RESTART, RCV, SND or
 * NOHAND becomes a restart in sys.c.
 */
#ifndef KIT_RUNTIME_SYS_SYS_PRIV_H
#define KIT_RUNTIME_SYS_SYS_PRIV_H

#include "runtime/core/thread.h"
#include "runtime/mem/mem.h"
#include "runtime/sig/sig.h"
#include "runtime/sys/host_nr.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

enum sys_kind {
#define KIND(name, class, written, printer) SYS_KIND_##name,
#include "runtime/sys/kinds.def"
#undef KIND
	SYS_KIND_COUNT
};

enum sys_class {
	SYS_CLASS_I32,
	SYS_CLASS_U32,
	SYS_CLASS_U64,
	SYS_CLASS_PTR,
	SYS_CLASS_DEEP,
/* For constant expressions: SYS_CLASS_OF_FD is SYS_CLASS_I32. */
#define KIND(name, class, written, printer) SYS_CLASS_OF_##name = SYS_CLASS_##class,
#include "runtime/sys/kinds.def"
#undef KIND
};

/* How many bytes the kernel writes, where it is not a constant. */
enum {
	OUT_NEXT = -1,
	OUT_PREV = -2,
	OUT_MSGBUF = -3,
	OUT_POLLFDS = -4,
	OUT_FDSET = -5,
	OUT_NAME = -6,
	OUT_IOC = -7,
	OUT_LATER = -8
};

struct strace_line;

struct sys_kind_info {
	uint8_t class;
	int16_t written;
	void (*print)(struct strace_line *l, unsigned i); /* argument i */
};

extern const struct sys_kind_info sys_kinds[SYS_KIND_COUNT];

enum sys_how { SYS_HOW_NONE, SYS_HOW_PASS, SYS_HOW_CONV, SYS_HOW_EMUL, SYS_HOW_DENY };

enum sys_block {
	SYS_BLOCK_QUICK,
	SYS_BLOCK_OWN,
	SYS_BLOCK_INTR,
	SYS_BLOCK_RESTART,
	SYS_BLOCK_RCV,
	SYS_BLOCK_SND,
	SYS_BLOCK_NOHAND,
};

typedef int64_t sys_fn(struct kit_thread *t, const uint64_t *a);

struct sys_row {
	const char *name; /* NULL: no such row */
	const char *op;   /* the operation's name, in the row of one */
	sys_fn *fn;       /* CONV and EMUL */
	const char *why;  /* DENY */
	int error;
	/* The operations of ioctl and its like, by ascending value; argument selector says which. */
	const struct sys_op *ops;
	uint16_t op_count, selector;
	uint8_t how, block, result, nargs;
	uint8_t pointers; /* bit i: argument i is of class PTR */
	uint8_t lookups;  /* bit i: argument i is of kind LOOKUP */
	bool nested;      /* some argument takes more than a pointer's conversion: marshal_call */
	bool hides; /* the kernel may write to some argument, and the kinds do not say how much */
	uint8_t kind[6];
	int16_t host_nr; /* PASS */
};

struct sys_op {
	uint32_t value;
	struct sys_row row;
};

enum { SYS_ROWS = 512 };

extern const struct sys_row sys_rows[SYS_ROWS];

/* The row of a system call number; NULL when there is none. */
static inline const struct sys_row *sys_row_find(uint64_t nr)
{
	return nr < SYS_ROWS && sys_rows[nr].name ? &sys_rows[nr] : NULL;
}

/* The row of the operation that the arguments ask for; the call's own row when it is unknown. */
const struct sys_row *sys_row_of_op(const struct sys_row *row, const uint64_t *reg);

/* A handler's way to say that the registers are set already, or that the thread ends. */
#define SYS_R_DONE INT64_MIN
#define SYS_R_EXIT (INT64_MIN + 1)
/* Or that a tracer has changed the call, which begins again. */
#define SYS_R_AGAIN (INT64_MIN + 2)

/* All handlers, by the table. */
#define PASS(nr, name, ...)
#define CONV(nr, name, ...) sys_fn sys_##name;
#define EMUL(nr, name, ...) sys_fn sys_##name;
#define DENY(nr, name, ...)
#define OPS(nr, name, ...) sys_fn sys_##name;
#define OP(...)
#define OP_CONV(op, value, fn, ...) sys_fn sys_##fn;
#define OP_DENY(...)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls" /* one handler for several operations */
#include "runtime/sys/fcntls.def"
#include "runtime/sys/ioctls.def"
#include "runtime/sys/keyctls.def"
#include "runtime/sys/prctls.def"
#include "runtime/sys/syscalls.def"
#pragma GCC diagnostic pop
#undef PASS
#undef CONV
#undef EMUL
#undef DENY
#undef OPS
#undef OP
#undef OP_CONV
#undef OP_DENY

/* A host system call that does not block: its result or -errno. */
static inline int64_t host_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r == -1 ? -errno : r;
}

/* What the kernel takes for an address that can never be a guest's. */
static inline long host_no_ptr(gaddr a)
{
	/* Not a user's address anywhere: access_ok fails. Else one in a page that nobody can map (mmap_min_addr). */
	return (long)(a >> 47 ? a | UINT64_C(1) << 63 : MEM_PAGE_BYTES | a % MEM_PAGE_BYTES);
}

/*
 * The host's address of a guest pointer, as the kernel takes it. NULL stays NULL. What can never be a guest's
 * address may be kitemu's own: it becomes one where nothing is, so that the kernel itself says
 * EFAULT, by its own rules for what comes first and which lengths count.
 */
static inline long host_ptr(const struct kit_thread *t, gaddr a)
{
	if (KIT_UNLIKELY(a >= mem_limit(t->proc->mem)))
		return host_no_ptr(a);
	return (long)(a ? a + t->st.guest_base : 0);
}

static inline bool copy_in(struct kit_thread *t, void *dst, gaddr src, size_t n)
{
	return mem_copy_in(t->proc->mem, dst, src, n);
}

/*
 * A structure whose later forms are larger, as copy_struct_from_user of the kernel reads it: size is the caller's, from
 * least on, what kitemu does not know of it must be 0. 0 or -errno; what the caller does not know stays as it is in dst.
 */
int64_t sys_copy_grown(struct kit_thread *t, void *dst, size_t known, size_t least, gaddr src,
		       uint64_t size);

static inline bool copy_out(struct kit_thread *t, gaddr dst, const void *src, size_t n)
{
	return mem_copy_out(t->proc->mem, dst, src, n);
}

enum { SYS_PATH_MAX = 4096 };

/* Copies a path; 0, -EFAULT or -ENAMETOOLONG. */
int64_t sys_copy_path(struct kit_thread *t, char dst[SYS_PATH_MAX], gaddr src);
/* The host's pointer to the name of a file that is there: the guest's own, or, with --sysroot, to one below that, in room. */
long sys_lookup(struct kit_thread *t, gaddr path, char room[SYS_PATH_MAX]);

/*
 * open(2) flags between asm-generic values and the host's (AArch64 numbers four of them in another way).
 * Equal and free on x86-64.
 */
enum {
	RV64_O_DIRECT = 040000,
	RV64_O_LARGEFILE = 0100000,
	RV64_O_DIRECTORY = 0200000,
	RV64_O_NOFOLLOW = 0400000,
};
uint64_t sys_oflags_to_host(uint64_t flags);
uint64_t sys_oflags_to_guest(uint64_t flags);

/*
 * Descriptors of kitemu's own (its binary, the guest's file): the guest may not close or
 * replace them by accident. sys_fd_hide (exec.h) moves one to a high number; sys_fd_is_ours tells them.
 */
bool sys_fd_is_ours(const struct kit_thread *t, int fd);

/* dumped.c: takes over what an execve brought along (a descriptor and one; 0: nothing). t is about to have a child. */
void sys_dumped_inherit(unsigned inherited);
void sys_dumped_prepare(const struct kit_thread *t);

/* proc.c: a path that means a file of /proc which must show the guest, or another guest. */
enum sys_proc {
	SYS_PROC_NONE,
	SYS_PROC_EXE,
	SYS_PROC_CPUINFO,
	SYS_PROC_MAPS,
	SYS_PROC_SMAPS,
	SYS_PROC_ARCH,
};
struct sys_proc_file {
	enum sys_proc what;
	int pid; /* 0: this process */
};
/* Looks at a guest's path, or at a copy; cheap when its last name is none of these. */
struct sys_proc_file sys_proc_find(struct kit_thread *t, int dirfd, gaddr path);
struct sys_proc_file sys_proc_find_copy(struct kit_thread *t, int dirfd, const char *path);
/* Opens what sys_proc_find found; flags are the host's. A descriptor or -errno. */
int64_t sys_proc_open(struct kit_thread *t, struct sys_proc_file file, int flags);
/* The absolute path of a guest's program (pid as above), with a final zero: its length or -errno. */
int64_t sys_proc_exe_path(struct kit_thread *t, int pid, char dst[SYS_PATH_MAX + 1]);
/* /proc/cpuinfo as a riscv64 kernel writes it; for tests too. */
struct strbuf;
int64_t sys_proc_maps(struct kit_thread *t, bool smaps, struct strbuf *out);
int64_t sys_proc_maps_of(struct kit_thread *t, int pid, bool smaps, struct strbuf *out);
void sys_cpuinfo(struct strbuf *b, uint64_t features, unsigned cpus);

/* poll.c: the temporary mask of a call that has a { pointer to a set, its size } at the address; 0: none. 0 or -errno. */
int64_t sys_set_sigset_arg(struct kit_thread *t, gaddr at);

/* time.c: a sleep that was interrupted may go on (KIT_CALLS_RESTART); any other call makes it false. */
static inline void sys_arm_restart(struct kit_thread *t, bool armed)
{
	if (armed)
		__atomic_fetch_or(&t->st.calls_leave, KIT_CALLS_RESTART, __ATOMIC_RELAXED);
	else if (t->st.calls_leave & KIT_CALLS_RESTART)
		__atomic_fetch_and(&t->st.calls_leave, ~(uint32_t)KIT_CALLS_RESTART,
				   __ATOMIC_RELAXED);
}

#endif
