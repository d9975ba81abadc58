/* ptrace as debuggers use it: breakpoints, single steps, a look at running programs. */
#include "tests/sys/trace.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>

static int fds[2];
static volatile long go_on = 1;

/* ---- breakpoints ----------------------------------------------------------------------------------------------- */

static volatile long sum;

__attribute__((noinline)) static long adds(long n)
{
	__asm__ volatile("" : "+r"(n));
	sum += n;
	return sum;
}

static int adds_ten(void)
{
	for (long i = 1; i <= 10; i++)
		adds(i);
	return (int)sum;
}

static long old_word;

static void put_breakpoint(pid_t pid, const void *at)
{
	old_word = word_at(pid, at);
	EQ(trace(PTRACE_POKETEXT, pid, (unsigned long)at,
		 ((unsigned long)old_word & ~0ul << 8 * TRAP_BYTES) | TRAP_INSN),
	   0);
}

static void take_breakpoint(pid_t pid, const void *at)
{
	EQ(trace(PTRACE_POKETEXT, pid, (unsigned long)at, (unsigned long)old_word), 0);
}

#if defined(__riscv)
#define FIRST_ARG(r) (r).x[9]
#else
#define FIRST_ARG(r) (r).rdi
#endif

/* By the step that each machine has: over the instruction, with the breakpoint away. */
static void breakpoints(void)
{
	pid_t pid = traced(adds_ten, 0);
	struct regs r;

	put_breakpoint(pid, adds);
	for (long i = 1; i <= 10; i++) {
		EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
		r = get_regs(pid);
		EQ(TRAP_PC(PC(r)), (unsigned long)adds);
		EQ(FIRST_ARG(r), i);
		EQ(word_at(pid, &sum), i * (i - 1) / 2 + (i > 5 ? 95 : 0));
		CHECK(siginfo_of(pid).si_code > 0);
		if (i == 5)
			FIRST_ARG(r) = 100;
		PC(r) = (unsigned long)adds;
		set_regs(pid, r);
		take_breakpoint(pid, adds);
		EQ(go(PTRACE_SINGLESTEP, pid, 0), STOP(SIGTRAP));
		CHECK(PC(get_regs(pid)) != (unsigned long)adds);
		put_breakpoint(pid, adds);
	}
	take_breakpoint(pid, adds);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(150));
}

/* Code that has run many times before. */
static int adds_on(void)
{
	long n = 0;

	while (go_on)
		n = adds(1);
	return n > 1000 ? 9 : 1;
}

static void into_hot_code(void)
{
	pid_t pid;
	struct regs r;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(adds_on());
	usleep(50000);
	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	CHECK(word_at(pid, &sum) > 1000);
	for (int i = 0; i < 5; i++) {
		long before = word_at(pid, &sum);

		put_breakpoint(pid, adds);
		EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
		CHECK(word_at(pid, &sum) <= before + 1);
		r = get_regs(pid);
		PC(r) = (unsigned long)adds;
		set_regs(pid, r);
		take_breakpoint(pid, adds);
		trace(PTRACE_CONT, pid, 0, 0);
		usleep(5000);
		EQ(waitpid(pid, NULL, WNOHANG), 0);
		kill(pid, SIGSTOP);
		EQ(next_of(pid), STOP(SIGSTOP));
	}
	EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&go_on, 0), 0);
	EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
	EQ(next_of(pid), EXITED(9));
}

/* The same through the file that stands for the process's memory. */
static void by_file(void)
{
	pid_t pid;
	char name[64];
	unsigned long insn = TRAP_INSN, old = 0;
	struct regs r;
	int fd;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(adds_on());
	usleep(50000);
	snprintf(name, sizeof name, "/proc/%d/mem", pid);
	fd = open(name, O_RDWR);
	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	for (int i = 0; i < 5; i++) {
		EQ(pread(fd, &old, TRAP_BYTES, (off_t)adds), TRAP_BYTES);
		EQ(pwrite(fd, &insn, TRAP_BYTES, (off_t)adds), TRAP_BYTES);
		EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
		r = get_regs(pid);
		PC(r) = (unsigned long)adds;
		set_regs(pid, r);
		EQ(pwrite(fd, &old, TRAP_BYTES, (off_t)adds), TRAP_BYTES);
		trace(PTRACE_CONT, pid, 0, 0);
		usleep(5000);
		EQ(waitpid(pid, NULL, WNOHANG), 0);
		kill(pid, SIGSTOP);
		EQ(next_of(pid), STOP(SIGSTOP));
	}
	kill(pid, SIGKILL);
	EQ(next_of(pid), SIGKILL);
	close(fd);
}

/* With a memory base the file's addresses are the host's. */
static int addresses_are_shifted(void)
{
	FILE *f = fopen("/proc/self/stat", "r");
	char line[1024] = "", *s;
	unsigned long code = 0;

	fgets(line, sizeof line, f);
	fclose(f);
	s = strrchr(line, ')');
	sscanf(s + 2,
	       "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	       "%*s %*s %*s %lu",
	       &code);
	return code > (unsigned long)adds;
}

/* A breakpoint of the program's own is a signal to its own handler. */
static volatile int traps;

static void on_trap(int sig, siginfo_t *info, void *uc)
{
	traps++;
#if defined(__riscv)
	((ucontext_t *)uc)->uc_mcontext.__gregs[REG_PC] += TRAP_BYTES;
#endif
}

static int traps_itself(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile(NO_SHORT_FORM TRAP END_OF_IT);
	__asm__ volatile(NO_SHORT_FORM TRAP END_OF_IT);
	return traps;
}

static void own_traps(void)
{
	pid_t pid = traced(traps_itself, 0);
	struct regs r;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
	EQ(go(PTRACE_CONT, pid, SIGTRAP), STOP(SIGTRAP));
	r = get_regs(pid);
	PC(r) = TRAP_PC(PC(r)) + TRAP_BYTES; /* over it, unseen by the program */
	set_regs(pid, r);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(1));
}

/* ---- single steps ----------------------------------------------------------------------------------------------- */

extern const char steps_begin[], steps_end[], handler_begin[];

static volatile long cell = 5;

/* Twelve instructions between the labels, a loop of three turns and a system call among them. */
static int steps(void)
{
	long n = 3, c = 0;

	kill(getpid(), SIGSTOP);
#if defined(__riscv)
	__asm__ volatile(".globl steps_begin, steps_end\n"
			 "li t0, 3\n mv t1, zero\n"
			 "steps_begin:\n"
			 "1: addi t1, t1, 5\n addi t0, t0, -1\n bnez t0, 1b\n"
			 "mv a7, %1\n ecall\n"
			 "addi t1, t1, 1\n"
			 "steps_end:\n"
			 "mv %0, t1"
			 : "=r"(c)
			 : "r"((long)SYS_getppid)
			 : "t0", "t1", "a0", "a7", "memory");
#else
	__asm__ volatile(".globl steps_begin, steps_end\n"
			 "mov $3, %%ecx\n xor %%edx, %%edx\n"
			 "steps_begin:\n"
			 "1: add $5, %%rdx\n dec %%ecx\n jnz 1b\n"
			 "mov %1, %%rax\n syscall\n"
			 "inc %%rdx\n"
			 "steps_end:\n"
			 "mov %%rdx, %0"
			 : "=r"(c)
			 : "r"((long)SYS_getppid)
			 : "rcx", "rdx", "rax", "r11", "memory");
#endif
	return (int)c;
}

/* Runs to a place by a breakpoint. */
static void run_to(pid_t pid, const void *at)
{
	struct regs r;

	put_breakpoint(pid, at);
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGTRAP));
	r = get_regs(pid);
	EQ(TRAP_PC(PC(r)), (unsigned long)at);
	PC(r) = (unsigned long)at;
	set_regs(pid, r);
	take_breakpoint(pid, at);
}

static void single_steps(void)
{
	pid_t pid = traced(steps, 0);
	int n = 0;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSTOP));
	run_to(pid, steps_begin);
	while (PC(get_regs(pid)) != (unsigned long)steps_end && n < 100) {
		EQ(go(PTRACE_SINGLESTEP, pid, 0), STOP(SIGTRAP));
		n++;
	}
	EQ(n, 12);
	EQ(siginfo_of(pid).si_signo, SIGTRAP);
	EQ(siginfo_of(pid).si_code, TRAP_TRACE);
	EQ(go(PTRACE_CONT, pid, 0), EXITED(16));
}

/* Every instruction of a whole function, by the count of its loop. */
static int counts(void)
{
	volatile long n = 0;

	raise(SIGSTOP);
	for (long i = 0; i < 100; i++)
		n += cell;
	return (int)(n % 251);
}

static void many_steps(void)
{
	pid_t pid = traced(counts, 0);
	int status, n = 0;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSTOP));
	while ((status = go(PTRACE_SINGLESTEP, pid, 0)) == STOP(SIGTRAP) && n < 100000)
		n++;
	EQ(status, EXITED(500 % 251));
	CHECK(n > 300);
}

static void on_usr1(int sig) { cell = 77; }

static int faults_when_stepped(void)
{
	signal(SIGUSR1, on_usr1);
	raise(SIGSTOP);
	raise(SIGUSR1);
	*(volatile long *)8 = 1;
	return 3;
}

static void steps_and_signals(void)
{
	pid_t pid = traced(faults_when_stepped, 0);
	int status, n = 0;

	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGSTOP));
	while ((status = go(PTRACE_SINGLESTEP, pid, 0)) == STOP(SIGTRAP) && n++ < 10000)
		continue;
	EQ(status, STOP(SIGUSR1));
	/* the step into a handler ends before its first instruction */
	EQ(go(PTRACE_SINGLESTEP, pid, SIGUSR1), STOP(SIGTRAP));
	EQ(PC(get_regs(pid)), (unsigned long)on_usr1);
	EQ(word_at(pid, &cell), 5);
	while ((status = go(PTRACE_SINGLESTEP, pid, 0)) == STOP(SIGTRAP) && n++ < 10000)
		continue;
	EQ(status, STOP(SIGSEGV));
	EQ(word_at(pid, &cell), 77);
	EQ(go(PTRACE_SINGLESTEP, pid, 0), STOP(SIGSEGV)); /* not delivered: the same again */
	EQ(go(PTRACE_CONT, pid, SIGSEGV) & 0x7f, SIGSEGV);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

static volatile long visits[3];

__attribute__((noinline)) static void visit(volatile long *at) { ++*at; }

static void *visitor(void *at)
{
	while (go_on)
		visit(at);
	return NULL;
}

static int visitors(void)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, visitor, (void *)&visits[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	return 6;
}

/* What a debugger does with all threads of a process: stop them, one after the other, then wait for each. */
static void all_stop(const pid_t *tid, const char *stopped)
{
	for (int i = 0; i < 4; i++)
		if (!stopped[i])
			syscall(SYS_tkill, tid[i], SIGSTOP);
	for (int i = 0; i < 4; i++) {
		int status = stopped[i] ? STOP(SIGSTOP) : next_of(tid[i]);

		/* a breakpoint came first: it is hit again later, and the SIGSTOP is still to come */
		if (status == STOP(SIGTRAP)) {
			struct regs r = get_regs(tid[i]);

			PC(r) = TRAP_PC(PC(r));
			set_regs(tid[i], r);
			status = go(PTRACE_CONT, tid[i], 0);
			while (status == STOP(SIGTRAP)) {
				r = get_regs(tid[i]);
				PC(r) = TRAP_PC(PC(r));
				set_regs(tid[i], r);
				status = go(PTRACE_CONT, tid[i], 0);
			}
		}
		EQ(status, STOP(SIGSTOP));
	}
}

static void threads(void)
{
	pid_t tid[4] = { 0 };
	char none[4] = { 0 };
	unsigned long message;
	int n = 0, status;

	tid[0] = traced(visitors, PTRACE_O_TRACECLONE);
	for (int i = 1; i < 4; i++) {
		EQ(go(PTRACE_CONT, tid[0], 0), STOP_EVENT(PTRACE_EVENT_CLONE));
		EQ(trace(PTRACE_GETEVENTMSG, tid[0], 0, (unsigned long)&message), 0);
		tid[i] = (pid_t)message;
		EQ(next_of(tid[i]), STOP(SIGSTOP));
		EQ(trace(PTRACE_CONT, tid[i], 0, 0), 0);
	}
	EQ(trace(PTRACE_CONT, tid[0], 0, 0), 0);
	for (int round = 0; round < 20; round++) {
		char stopped[4] = { 0 };
		struct regs r;
		pid_t who;
		int i = 0;

		usleep(1000);
		all_stop(tid, none);
		put_breakpoint(tid[0], visit);
		for (int k = 0; k < 4; k++)
			EQ(trace(PTRACE_CONT, tid[k], 0, 0), 0);
		who = waitpid(-1, &status, __WALL);
		while (i < 3 && tid[i] != who)
			i++;
		EQ(status, STOP(SIGTRAP));
		r = get_regs(who);
		EQ(TRAP_PC(PC(r)), (unsigned long)visit);
		EQ(FIRST_ARG(r), (unsigned long)&visits[i - 1]);
		PC(r) = TRAP_PC(PC(r));
		set_regs(who, r);
		stopped[i] = 1;
		all_stop(tid, stopped);
		take_breakpoint(tid[1 + round % 3], visit);
		for (int k = 0; k < 4; k++)
			EQ(trace(PTRACE_CONT, tid[k], 0, 0), 0);
	}
	all_stop(tid, none);
	EQ(trace(PTRACE_POKEDATA, tid[0], (unsigned long)&go_on, 0), 0);
	for (int k = 0; k < 4; k++)
		EQ(trace(PTRACE_CONT, tid[k], 0, 0), 0);
	do {
		pid_t who = waitpid(-1, &status, __WALL);

		if (WIFSTOPPED(status)) {
			CHECK(!"nothing stops any more");
			trace(PTRACE_CONT, who, 0, 0);
		}
		n += who > 0;
	} while (n < 4);
	EQ(status, EXITED(6));
}

/* ---- code that a program makes itself ------------------------------------------------------------------------------ */

static int makes_code(void)
{
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int total = 0;

	for (int i = 0; i < 200; i++) {
#if defined(__riscv)
		((unsigned *)code)[0] = 0x00000513u | (unsigned)i % 8 << 20; /* li a0, i */
		((unsigned *)code)[1] = 0x00008067u;                         /* ret */
		__builtin___clear_cache((char *)code, (char *)code + 8);
#else
		memcpy(code, "\xb8\0\0\0\0\xc3", 6); /* mov $i, %eax; ret */
		code[1] = (unsigned char)(i % 8);
#endif
		total += ((int (*)(void))code)();
		code[2048]++;
	}
	write(fds[1], "x", 1);
	return total == 700 && code[2048] == 200 ? 4 : 1;
}

/* Its writes to code are nobody's business: the program ends, though its tracer does not look. */
static void makes_code_unwatched(void)
{
	pid_t pid;
	char c;

	pipe(fds);
	pid = traced(makes_code, 0);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	EQ(read(fds[0], &c, 1), 1);
	EQ(next_of(pid), EXITED(4));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	breakpoints();
	into_hot_code();
	if (!addresses_are_shifted())
		by_file();
	own_traps();
	single_steps();
	many_steps();
	steps_and_signals();
	threads();
	makes_code_unwatched();
	return done();
}
