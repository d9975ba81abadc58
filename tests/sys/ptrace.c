/* ptrace: a tracer and what it traces. Signals, system calls, memory, registers, execve, children. */
#include "tests/sys/trace.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static volatile int usr1_seen, usr2_seen, value_seen;
static volatile long data = 0x1234567;
static const long constant = 0x7654321;

static void on_usr(int sig, siginfo_t *info, void *uc)
{
	if (sig == SIGUSR1)
		usr1_seen++;
	else
		usr2_seen++;
	value_seen = info->si_value.sival_int;
}

static void handle_usr(void)
{
	struct sigaction sa = { .sa_sigaction = on_usr, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
}

/* ---- who may ----------------------------------------------------------------------------------------------- */

static int twice(void) { return trace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM ? 7 : 1; }

static int nothing(void) { return 0; }

static void refusals(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	FAILS(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
	FAILS(trace(PTRACE_PEEKDATA, pid, 0, 0), ESRCH);
	FAILS(trace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	FAILS(trace(PTRACE_ATTACH, 0x3fffffff, 0, 0), ESRCH);
	FAILS(trace(PTRACE_SEIZE, pid, 0, 1 << 30), EIO);
	FAILS(trace(PTRACE_SEIZE, pid, 1, 0), EIO);
	FAILS(trace(PTRACE_INTERRUPT, pid, 0, 0), ESRCH);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = traced(twice, 0);
	FAILS(trace(PTRACE_ATTACH, pid, 0, 0), EPERM);
	FAILS(trace(0x7777, pid, 0, 0), EIO);
	FAILS(trace(PTRACE_SETOPTIONS, pid, 0, 1 << 30), EINVAL);
	FAILS(trace(PTRACE_CONT, pid, 0, 1000), EIO);
	FAILS(trace(PTRACE_LISTEN, pid, 0, 0), EIO);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(7));
	FAILS(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
}

/* ---- signals ------------------------------------------------------------------------------------------------ */

static int raises(void)
{
	handle_usr();
	signal(SIGWINCH, SIG_IGN);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGWINCH);
	raise(SIGURG);
	return usr1_seen * 10 + usr2_seen + (value_seen == 77) * 100;
}

static void signals(void)
{
	pid_t pid = traced(raises, 0);
	siginfo_t info = siginfo_of(pid);

	EQ(info.si_signo, SIGSTOP);
	EQ(info.si_code, SI_USER);
	EQ(info.si_pid, pid);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGUSR1));
	info = siginfo_of(pid);
	EQ(info.si_code, SI_TKILL);
	EQ(info.si_pid, pid);
	EQ(go(PTRACE_CONT, pid, SIGUSR1), STOP(SIGUSR1)); /* delivered */
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGUSR1));       /* dropped */
	EQ(go(PTRACE_CONT, pid, SIGUSR2), STOP(SIGUSR1)); /* another one */
	info = siginfo_of(pid);
	info.si_code = SI_QUEUE;
	info.si_value.sival_int = 77;
	EQ(trace(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info), 0);
	EQ(go(PTRACE_CONT, pid, SIGUSR1), STOP(SIGWINCH)); /* changed, and delivered */
	EQ(go(PTRACE_CONT, pid, SIGWINCH), STOP(SIGURG));
	EQ(go(PTRACE_CONT, pid, SIGURG), EXITED(121));
}

static int dies(void)
{
	raise(SIGTERM);
	return 4;
}

static int faults(void)
{
	*(volatile int *)8 = 1;
	return 5;
}

static void deaths(void)
{
	pid_t pid = traced(dies, 0);

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTERM));
	EQ(go(PTRACE_CONT, pid, SIGTERM), SIGTERM);
	pid = traced(dies, 0);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTERM));
	EQ(go(PTRACE_CONT, pid, 0), EXITED(4));
	pid = traced(dies, 0);
	EQ(go(PTRACE_CONT, pid, SIGTERM),
	   SIGTERM); /* in place of the SIGSTOP: no stop of its own */
	pid = traced(faults, 0);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSEGV));
	EQ(siginfo_of(pid).si_code, SEGV_MAPERR);
	EQ((long)siginfo_of(pid).si_addr, 8);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSEGV)); /* the same again */
	EQ(go(PTRACE_CONT, pid, SIGSEGV) & 0x7f, SIGSEGV);
	pid = traced(nothing, 0);
	EQ(kill(pid, SIGKILL), 0);
	EQ(next_of(pid), SIGKILL);
}

static int blocked_and_waiting(void)
{
	sigset_t set;

	handle_usr();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 5 });
	raise(SIGSTOP);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, NULL, &set);
	return usr1_seen * 10 + usr2_seen + sigismember(&set, SIGUSR1) * 100;
}

static void masks(void)
{
	struct {
		unsigned long off;
		unsigned flags;
		int nr;
	} from = { 0, 0, 4 }, shared = { 0, 1, 4 };
	pid_t pid = traced(blocked_and_waiting, 0);
	unsigned long mask = 0;
	siginfo_t info[4];

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSTOP));
	EQ(trace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&from, (unsigned long)info), 1);
	EQ(info[0].si_signo, SIGUSR1);
	EQ(trace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&shared, (unsigned long)info), 1);
	EQ(info[0].si_signo, SIGUSR2);
	EQ(info[0].si_value.sival_int, 5);
	FAILS(trace(PTRACE_GETSIGMASK, pid, 4, (unsigned long)&mask), EINVAL);
	EQ(trace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask), 0);
	EQ(mask, 1ul << (SIGUSR1 - 1) | 1ul << (SIGUSR2 - 1));
	mask &= ~(1ul << (SIGUSR2 - 1));
	EQ(trace(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask), 0);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGUSR2));
	EQ(go(PTRACE_CONT, pid, SIGUSR2), EXITED(101));
}

/* Queued signals keep their order and their values, each with its stop. */
static volatile int last_value, in_order;

static void on_queued(int sig, siginfo_t *info, void *uc)
{
	in_order += info->si_value.sival_int == last_value + 1;
	last_value = info->si_value.sival_int;
}

static int queues(void)
{
	struct sigaction sa = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaction(SIGRTMIN, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 1; i <= 20; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i });
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return in_order;
}

static void queued(void)
{
	pid_t pid = traced(queues, 0);

	for (int i = 1; i <= 20; i++) {
		EQ(go(PTRACE_CONT, pid, i == 1 ? 0 : SIGRTMIN), STOP(SIGRTMIN));
		EQ(siginfo_of(pid).si_value.sival_int, i);
		EQ(siginfo_of(pid).si_code, SI_QUEUE);
	}
	EQ(go(PTRACE_CONT, pid, SIGRTMIN), EXITED(20));
}

/* ---- system calls -------------------------------------------------------------------------------------------- */

static int calls(void)
{
	long sum = RAW(SYS_getppid) == 4242;

	sum += 2 * (RAW(SYS_getuid, 0) == -ENOSYS);
	sum += 4 * (RAW(SYS_kill, getpid(), 0, 0) == 99);
	sum += 8 * (RAW(SYS_close, 12345) == 77);
	return (int)sum;
}

static unsigned long message_of(pid_t pid)
{
	unsigned long m = 12345;

	EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&m), 0);
	return m;
}

static struct ptrace_syscall_info call_of(pid_t pid, long *size)
{
	struct ptrace_syscall_info s;

	memset(&s, 0, sizeof s);
	*size = trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof s, (unsigned long)&s);
	return s;
}

/* To the entry of system call nr. */
static void to_call(pid_t pid, long nr)
{
	for (;;) {
		long size;

		if (go(PTRACE_SYSCALL, pid, 0) != STOP_CALL || !CHECK(1))
			break;
		struct ptrace_syscall_info s = call_of(pid, &size);

		if (s.op == PTRACE_SYSCALL_INFO_ENTRY && s.entry.nr == (unsigned long)nr)
			return;
	}
	CHECK(!"the call comes");
}

static void system_calls(void)
{
	pid_t pid = traced(calls, PTRACE_O_TRACESYSGOOD);
	struct ptrace_syscall_info s;
	struct regs r;
	long size;

	s = call_of(pid, &size);
	EQ(size, 24);
	EQ(s.op, PTRACE_SYSCALL_INFO_NONE);
	to_call(pid, SYS_getppid);
	s = call_of(pid, &size);
	EQ(size, 80);
	EQ(s.arch, AUDIT);
	EQ(s.entry.nr, SYS_getppid);
	r = get_regs(pid);
	EQ(s.instruction_pointer, PC(r));
	EQ(s.stack_pointer, SP(r));
	EQ(NR(r), SYS_getppid);
	EQ(message_of(pid), PTRACE_EVENTMSG_SYSCALL_ENTRY);
	EQ(siginfo_of(pid).si_code, SIGTRAP | 0x80);
	EQ(siginfo_of(pid).si_pid, pid);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	s = call_of(pid, &size);
	EQ(size, 33);
	EQ(s.op, PTRACE_SYSCALL_INFO_EXIT);
	EQ(s.exit.rval, getpid());
	EQ(s.exit.is_error, 0);
	EQ(message_of(pid), PTRACE_EVENTMSG_SYSCALL_EXIT);
	EQ(PC(get_regs(pid)), PC(r));
	r = get_regs(pid);
	EQ(RES(r), getpid());
	RES(r) = 4242;
	set_regs(pid, r);
	/* no call at all */
	to_call(pid, SYS_getuid);
	r = get_regs(pid);
	NR(r) = -1;
	set_regs(pid, r);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	s = call_of(pid, &size);
	EQ(s.exit.rval, -ENOSYS);
	EQ(s.exit.is_error, 1);
	/* no call, and a result */
	to_call(pid, SYS_kill);
	EQ(call_of(pid, &size).entry.args[0], pid);
	r = get_regs(pid);
	NR(r) = -1;
	RES(r) = 99;
	set_regs(pid, r);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	/* another call */
	to_call(pid, SYS_close);
	EQ(call_of(pid, &size).entry.args[0], 12345);
	r = get_regs(pid);
	NR(r) = SYS_getppid;
	set_regs(pid, r);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	r = get_regs(pid);
	EQ(RES(r), getpid());
	RES(r) = 77;
	set_regs(pid, r);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(15));
	/* without PTRACE_O_TRACESYSGOOD */
	pid = traced(calls, 0);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP(SIGTRAP));
	EQ(siginfo_of(pid).si_code, SIGTRAP);
	EQ(call_of(pid, &size).op, PTRACE_SYSCALL_INFO_NONE);
	EQ(trace(PTRACE_KILL, pid, 0, 0), 0);
	EQ(next_of(pid), SIGKILL);
}

/* A call that a signal interrupts ends before the signal's stop, and begins again behind it. */
static int pipe_fd[2];

static int reads(void)
{
	char c = 0;

	handle_usr();
	RAW(SYS_getppid);
	return read(pipe_fd[0], &c, 1) == 1 ? c : errno;
}

static int reads_again(void)
{
	struct sigaction sa = { .sa_sigaction = on_usr, .sa_flags = SA_SIGINFO | SA_RESTART };
	char c = 0;

	sigaction(SIGUSR1, &sa, NULL);
	return read(pipe_fd[0], &c, 1) == 1 ? c : errno;
}

static void interrupted_call(int (*fn)(void), int sig, int status)
{
	pid_t pid;
	long size;

	pipe(pipe_fd);
	pid = traced(fn, PTRACE_O_TRACESYSGOOD);
	to_call(pid, SYS_read);
	EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
	usleep(20000);
	EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGUSR1);
	EQ(next_of(pid), STOP_CALL);
	EQ(call_of(pid, &size).exit.rval, -512); /* ERESTARTSYS */
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP(SIGUSR1));
	write(pipe_fd[1], "\1", 1);
	if (!sig) {
		EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
		EQ(call_of(pid, &size).op, PTRACE_SYSCALL_INFO_ENTRY);
		EQ(call_of(pid, &size).entry.nr, SYS_read);
		EQ(call_of(pid, &size).entry.args[0], pipe_fd[0]);
	}
	EQ(go(PTRACE_CONT, pid, sig), EXITED(status));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* ---- memory and registers ------------------------------------------------------------------------------------- */

static int stops(void)
{
	raise(SIGSTOP);
	return data == 42 && *(const volatile long *)&constant == 43;
}

static void memory(void)
{
	pid_t pid = traced(stops, 0);
	long w;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSTOP));
	EQ(word_at(pid, &data), 0x1234567);
	EQ(word_at(pid, &constant), 0x7654321);
	EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&data, 42), 0);
	EQ(trace(PTRACE_POKETEXT, pid, (unsigned long)&constant, 43), 0);
	EQ(word_at(pid, &data), 42);
	EQ(word_at(pid, &constant), 43);
	EQ(constant, 0x7654321); /* only there */
	FAILS(trace(PTRACE_PEEKDATA, pid, -8ul, (unsigned long)&w), EIO);
	FAILS(trace(PTRACE_POKEDATA, pid, 1ul << 60, 0), EIO);
	FAILS(trace(PTRACE_PEEKDATA, pid, (unsigned long)&data, 8), EFAULT);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(1));
}

/* Stops with known values in registers, and tells what it finds there afterwards. */
static int holds_values(void)
{
	unsigned long kept = 0x1111222233334444, f = 0x4045000000000000, call = SYS_gettid;

#if defined(__riscv)
	__asm__ volatile("mv s2, %0\n fmv.d.x fs0, %1\n fsrmi 2\n"
			 "mv a7, %2\n ecall\n"
			 "mv %0, s2\n fmv.x.d %1, fs0\n frrm %2\n fsrmi 0"
			 : "+r"(kept), "+r"(f), "+r"(call)
			 :
			 : "s2", "fs0", "a0", "a7", "memory");
	return kept == 0x5555 && f == 0x4000000000000000 && call == 1;
#else
	__asm__ volatile("mov %0, %%r12\n movq %1, %%xmm8\n"
			 "mov %2, %%rax\n syscall\n"
			 "mov %%r12, %0\n movq %%xmm8, %1"
			 : "+r"(kept), "+r"(f)
			 : "r"(call)
			 : "r12", "xmm8", "rax", "rcx", "r11", "memory");
	return kept == 0x5555 && f == 0x4000000000000000;
#endif
}

static void registers(void)
{
	pid_t pid = traced(holds_values, PTRACE_O_TRACESYSGOOD);
	char big[1024];
	struct fregs f;
	struct regs r;
	size_t len;

	to_call(pid, SYS_gettid);
	len = sizeof big;
	EQ(regset(PTRACE_GETREGSET, pid, NT_PRSTATUS, big, &len), 0);
	EQ(len, NT_GENERAL_BYTES);
	len = 7;
	FAILS(regset(PTRACE_GETREGSET, pid, NT_PRSTATUS, big, &len), EINVAL);
	len = 8;
	EQ(regset(PTRACE_GETREGSET, pid, NT_PRSTATUS, big, &len), 0);
	EQ(len, 8);
	len = 8;
	FAILS(regset(PTRACE_GETREGSET, pid, 0x7777, big, &len), EINVAL);
	FAILS(trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, 8), EFAULT);
	len = 512;
	EQ(regset(PTRACE_GETREGSET, pid, NT_PRFPREG, big, &len), 0);
	EQ(len, NT_FLOATING_BYTES);
	r = get_regs(pid);
	EQ(KEPT(r), 0x1111222233334444);
	KEPT(r) = 0x5555;
	set_regs(pid, r);
	len = sizeof f;
	EQ(regset(PTRACE_GETREGSET, pid, NT_PRFPREG, &f, &len), 0);
	EQ(FREG(f), 0x4045000000000000);
	FREG(f) = 0x4000000000000000;
#if defined(__riscv)
	EQ(f.fcsr >> 5 & 7, 2);
	f.fcsr = 1 << 5;
	FAILS(trace(12 /* PTRACE_GETREGS elsewhere */, pid, 0, (unsigned long)&r), EIO);
	FAILS(trace(PTRACE_PEEKUSR, pid, 0, (unsigned long)&r), EIO);
#endif
	EQ(regset(PTRACE_SETREGSET, pid, NT_PRFPREG, &f, &len), 0);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(1));
}

/* ---- execve and children --------------------------------------------------------------------------------------- */

static int executes(void)
{
	char *argv[] = { "ptrace", "executed", NULL }, *envp[] = { NULL };

	execve("/proc/self/exe", argv, envp);
	return 9;
}

static void programs(void)
{
	pid_t pid = traced(executes, 0);
	struct regs r;
	unsigned long here;
	long size;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
	EQ(siginfo_of(pid).si_code, SI_USER);
	EQ(siginfo_of(pid).si_pid, pid);
	/* It stands before its first instruction, with its program in memory. */
	r = get_regs(pid);
	EQ(word_at(pid, &constant), 0x7654321);
	EQ(word_at(pid, (void *)SP(r)), 2);
	here = (unsigned long)PC(r);
	EQ(word_at(pid, (void *)here), *(long *)here);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(55));
	pid = traced(executes, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	to_call(pid, SYS_execve);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_EVENT(PTRACE_EVENT_EXEC));
	EQ(message_of(pid), pid);
	EQ(siginfo_of(pid).si_code, STOP_EVENT(PTRACE_EVENT_EXEC) >> 8);
	EQ(PC(get_regs(pid)), here);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	EQ(call_of(pid, &size).exit.rval, 0);
	EQ(go(PTRACE_SYSCALL, pid, 0), STOP_CALL);
	EQ(call_of(pid, &size).op, PTRACE_SYSCALL_INFO_ENTRY);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(55));
	/* all in one: the parent learns of it by the SIGTRAP alone */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		trace(PTRACE_TRACEME, 0, 0, 0);
		_exit(executes());
	}
	EQ(next_of(pid), STOP(SIGTRAP));
	EQ(go(PTRACE_CONT, pid, 0), EXITED(55));
}

static int forks(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(3);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) + 10;
}

static int vforks(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid)
		_exit(3);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) + 10;
}

/* The signal that a child's exit gives its parent stops the parent, too. */
static int past_sigchld(pid_t pid)
{
	int status = go(PTRACE_CONT, pid, 0);

	return status == STOP(SIGCHLD) ? go(PTRACE_CONT, pid, SIGCHLD) : status;
}

static void children(void)
{
	pid_t pid = traced(forks, PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT), child;
	struct regs r;

	EQ(go(PTRACE_CONT, pid, 0), STOP_EVENT(PTRACE_EVENT_FORK));
	child = (pid_t)message_of(pid);
	CHECK(child > 0 && child != pid);
	EQ(siginfo_of(pid).si_code, STOP_EVENT(PTRACE_EVENT_FORK) >> 8);
	EQ(next_of(child), STOP(SIGSTOP));
	r = get_regs(child);
	EQ(RES(r), 0);
	EQ(PC(r), PC(get_regs(pid)));
	EQ(go(PTRACE_CONT, child, 0), STOP_EVENT(PTRACE_EVENT_EXIT));
	EQ(message_of(child), EXITED(3));
	EQ(go(PTRACE_CONT, child, 0), EXITED(3));
	EQ(past_sigchld(pid), STOP_EVENT(PTRACE_EVENT_EXIT));
	EQ(message_of(pid), EXITED(13));
	EQ(go(PTRACE_CONT, pid, 0), EXITED(13));
	/* followed by none */
	pid = traced(forks, PTRACE_O_TRACEVFORK);
	EQ(past_sigchld(pid), EXITED(13));
	/* vfork: its parent stops when it begins and when it is over */
	pid = traced(vforks, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
	EQ(go(PTRACE_CONT, pid, 0), STOP_EVENT(PTRACE_EVENT_VFORK));
	child = (pid_t)message_of(pid);
	EQ(next_of(child), STOP(SIGSTOP));
	EQ(RES(get_regs(child)), 0);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	EQ(go(PTRACE_CONT, child, 0), EXITED(3));
	EQ(next_of(pid), STOP_EVENT(PTRACE_EVENT_VFORK_DONE));
	EQ(message_of(pid), child);
	EQ(past_sigchld(pid), EXITED(13));
}

/* ---- the end of the tracer --------------------------------------------------------------------------------------- */

static int tracer_with(unsigned long options)
{
	pid_t pid;
	int fds[2], told[2];
	char c;

	pipe(fds);
	pipe(told);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		pid_t inner = fork();

		if (!inner) {
			close(fds[0]);
			trace(PTRACE_TRACEME, 0, 0, 0);
			raise(SIGSTOP);
			read(told[0], &c, 1);
			for (int i = 0; i < 1000; i++)
				getppid();
			write(fds[1], "x", 1);
			_exit(0);
		}
		next_of(inner);
		trace(PTRACE_SETOPTIONS, inner, 0, options);
		go(PTRACE_SYSCALL, inner,
		   0); /* to the read, which then is under way when the tracer ends */
		trace(PTRACE_SYSCALL, inner, 0, 0);
		usleep(20000);
		_exit(0);
	}
	close(fds[1]);
	waitpid(pid, NULL, 0);
	write(told[1], "x", 1);
	pid = (pid_t)read(fds[0], &c, 1);
	close(fds[0]);
	return (int)pid;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 55;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	refusals();
	signals();
	deaths();
	masks();
	queued();
	system_calls();
	interrupted_call(reads, SIGUSR1, EINTR);
	interrupted_call(reads_again, SIGUSR1, 1);
	interrupted_call(reads_again, 0, 1);
	memory();
	registers();
	programs();
	children();
	EQ(tracer_with(0), 1);
	EQ(tracer_with(PTRACE_O_EXITKILL), 0);
	return done();
}
