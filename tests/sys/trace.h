/* For programs of the sys suite that trace others: registers by the same names on riscv64 and natively. */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "tests/sys/sys.h"

#include <elf.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__riscv)
struct regs {
	unsigned long pc, x[31];
};
struct fregs {
	unsigned long f[32];
	unsigned fcsr, pad;
};
#define PC(r)             (r).pc
#define SP(r)             (r).x[1]
#define RES(r)            (r).x[9]  /* a0: result */
#define NR(r)             (r).x[16] /* a7 */
#define ARG1(r)           (r).x[10] /* second argument */
#define KEPT(r)           (r).x[17] /* s2: a register that nobody else wants */
#define AUDIT             0xc00000f3
#define TRAP              "ebreak"
#define NO_SHORT_FORM     ".option push\n.option norvc\n"
#define END_OF_IT         "\n.option pop"
#define TRAP_INSN         0x00100073ul
#define TRAP_BYTES        4
#define TRAP_PC(pc)       (pc)
#define FREG(r)           (r).f[8] /* fs0 */
#define NT_GENERAL_BYTES  256
#define NT_FLOATING_BYTES 264
#else
#define regs              user_regs_struct
#define fregs             user_fpregs_struct
#define PC(r)             (r).rip
#define SP(r)             (r).rsp
#define RES(r)            (r).rax
#define NR(r)             (r).orig_rax
#define ARG1(r)           (r).rsi
#define KEPT(r)           (r).r12
#define AUDIT             0xc000003e
#define TRAP              "int3"
#define NO_SHORT_FORM     ""
#define END_OF_IT         ""
#define TRAP_INSN         0xccul
#define TRAP_BYTES        1
#define TRAP_PC(pc)       ((pc)-1)
#define FREG(r)           (*(unsigned long *)&(r).xmm_space[32]) /* xmm8 */
#define NT_GENERAL_BYTES  216
#define NT_FLOATING_BYTES 512
#endif

static inline long trace(long request, pid_t pid, unsigned long addr, unsigned long data)
{
	return syscall(SYS_ptrace, request, (long)pid, addr, data);
}

static inline long word_at(pid_t pid, const volatile void *at)
{
	long w = -1;

	trace(PTRACE_PEEKDATA, pid, (unsigned long)at, (unsigned long)&w);
	return w;
}

static inline long regset(long request, pid_t pid, unsigned long type, void *at, size_t *len)
{
	struct iovec v = { .iov_base = at, .iov_len = *len };
	long r = trace(request, pid, type, (unsigned long)&v);

	*len = v.iov_len;
	return r;
}

static inline struct regs get_regs(pid_t pid)
{
	struct regs r;
	size_t len = sizeof r;

	memset(&r, 0, sizeof r);
	EQ(regset(PTRACE_GETREGSET, pid, NT_PRSTATUS, &r, &len), 0);
	return r;
}

static inline void set_regs(pid_t pid, struct regs r)
{
	size_t len = sizeof r;

	EQ(regset(PTRACE_SETREGSET, pid, NT_PRSTATUS, &r, &len), 0);
}

/* The next stop or end of pid. */
static inline int next_of(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		return -1;
	return status;
}

#define STOP(sig)         ((sig) << 8 | 0x7f)
#define STOP_EVENT(event) (STOP(SIGTRAP) | (event) << 16)
#define STOP_CALL         STOP(SIGTRAP | 0x80)
#define EXITED(status)    ((status) << 8)

static inline siginfo_t siginfo_of(pid_t pid)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	EQ(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), 0);
	return info;
}

/* Starts fn in a child that is traced and stands in its own SIGSTOP. */
static inline pid_t traced(int (*fn)(void), unsigned long options)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (trace(PTRACE_TRACEME, 0, 0, 0))
			_exit(101);
		kill(getpid(), SIGSTOP);
		_exit(fn());
	}
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(trace(PTRACE_SETOPTIONS, pid, 0, options), 0);
	return pid;
}

/* Goes on, with a signal or 0, to the next stop or end. */
static inline int go(long request, pid_t pid, int sig)
{
	if (trace(request, pid, 0, (unsigned long)sig))
		return -2;
	return next_of(pid);
}

#endif
