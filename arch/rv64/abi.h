/*
 * The riscv64 Linux ABI where its layout differs from some host's: kernel structures in
 * guest layout. Little-endian as every host kitemu runs on.
 * Sources: arch/riscv/include/uapi/asm/ and include/uapi/asm-generic/ of Linux.
 */
#ifndef KIT_ARCH_RV64_ABI_H
#define KIT_ARCH_RV64_ABI_H

#include <stdint.h>

/* struct sigaction of the rt_sigaction system call: no sa_restorer on riscv. */
struct rv64_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t mask;
};

/* stack_t */
struct rv64_stack {
	uint64_t sp;
	int32_t flags;
	int32_t pad;
	uint64_t size;
};

/* struct stat, asm-generic */
struct rv64_stat {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, pad1;
	int64_t size;
	int32_t blksize, pad2;
	int64_t blocks;
	int64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint32_t unused[2];
};

/* struct epoll_event: not packed on riscv64 */
struct rv64_epoll_event {
	uint32_t events, pad;
	uint64_t data;
};

/* struct user_regs_struct and the signal frame's sigcontext: pc, then x1..x31 */
struct rv64_sigcontext {
	uint64_t pc, x[31];
	/* union __riscv_fp_state: the Q layout is the largest, 528 bytes, 16-byte aligned */
	union {
		struct {
			uint64_t f[32];
			uint32_t fcsr;
		} d;
		uint64_t q[66];
	} fp __attribute__((aligned(16)));
};

struct rv64_ucontext {
	uint64_t flags, link;
	struct rv64_stack stack;
	uint64_t sigmask;
	uint8_t unused[1024 / 8 - sizeof(uint64_t)];
	struct rv64_sigcontext mc __attribute__((aligned(16)));
};

/* What the kernel pushes at delivery: siginfo (128 bytes), then the ucontext. */
struct rv64_rt_sigframe {
	uint8_t info[128];
	struct rv64_ucontext uc;
};

_Static_assert(sizeof(struct rv64_stat) == 128, "riscv64 struct stat");
_Static_assert(sizeof(struct rv64_sigaction) == 24, "riscv64 struct sigaction");
_Static_assert(sizeof(struct rv64_epoll_event) == 16, "riscv64 struct epoll_event");

#endif
