/*
 * System calls that translated code makes itself (IR_THUNK_CALL, by the rules of lib/ir/state.h): made for real, and left
 * alone where they have to be; interrupted at each single instruction; seen from outside while they wait.
 */
#include "tests/unit/check.h"
#include "tests/unit/nativerun.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PC = 0x1000, INSN_BYTES = 6, PAGE = 4096, REGS = 14, FP_REGS = 3, LOOK_US = 5000 };

/* r0 number, r1..r6 arguments, r7 result in one of them; r1 both in the other. pin: at home in a host register, or not. */
static const struct ir_reg mixed_list[] = { R(0, 40), R(1, 2),  R(2, 41), R(3, 5),   R(4, 0),
					    R(5, 3),  R(6, 42), R(7, 43), R(8, 1),   R(9, 4),
					    R(10, 6), R(11, 7), R(12, 8), R(13, 44), F(0, 0),
					    F(1, 1),  F(2, 40) };
static const struct ir_regfile mixed = {
	ARRAY_LEN(mixed_list),
	mixed_list,
	{ .number = 0, .arg = { 1, 2, 3, 4, 5, 6 }, .result = 7, .insn_bytes = INSN_BYTES },
};
static const struct ir_reg pinned_list[] = { R(0, 0),   R(1, 1),   R(2, 2),   R(3, 3),   R(4, 4),
					     R(5, 5),   R(6, 6),   R(7, 7),   R(8, 8),   R(9, 9),
					     R(10, 40), R(11, 41), R(12, 42), R(13, 43), F(0, 12),
					     F(1, 1),   F(2, 2) };
static const struct ir_regfile pinned = {
	ARRAY_LEN(pinned_list),
	pinned_list,
	{ .number = 0, .arg = { 1, 2, 3, 4, 5, 6 }, .result = 1, .insn_bytes = INSN_BYTES },
};

enum { F1 = REGS + 1, GETPPID = 7, READ, MMAP, REFUSED };
static const uint32_t rows[IR_CALL_ROWS] = {
	[GETPPID] = IR_CALL_HERE | SYS_getppid,
	[READ] = IR_CALL_HERE | SYS_read | UINT32_C(1) << (IR_CALL_POINTERS + 1),
	[MMAP] = IR_CALL_HERE | SYS_mmap | UINT32_C(1) << IR_CALL_POINTERS,
	[REFUSED] = SYS_getppid,
};

/* Above the test's own stack. */
#define LIMIT (UINT64_C(1) << 62)

static struct nativerun n;
static struct ir_call_guards guards;
static uint64_t before[IR_MAX_REGS];

static void begin(const struct ir_regfile *regs)
{
	static struct arena a;
	struct ir_unit u;
	struct ir_builder b = { .unit = &u, .gpc = PC };
	struct diag d = DIAG_INIT;

	arena_init(&a);
	nativerun_init(&n, regs, (struct jit_opts){ 0 }, 0x100000);
	ir_unit_init(&u, &a, regs, PC);
	ir_block_begin(&u, PC);
	/* Two registers change first, which the state does not know yet when they are at home. */
	ir_putreg(&b, 8, ir_op1(&b, IR_sext8, IR_I64, ir_getreg(&b, 8)));
	ir_putreg(&b, F1, ir_op1(&b, IR_fneg, IR_F64, ir_getreg(&b, F1)));
	ir_exitr(&b, IR_EXIT_SYSCALL, PC);
	CHECK_EQ(nativerun_compile(&n, &u, &d), NATIVERUN_OK);
	arena_fini(&a);
	guards = (struct ir_call_guards){ .times = 77 };
	n.st->call_row = rows;
	n.st->call_guards = &guards;
	n.st->call_limit = LIMIT;
	n.st->calls_leave = 0;
}

static enum ir_exit run(void) { return nativerun_run(&n, NULL, true); }

/* Sets the registers for call nr, the others to something of their own. */
static void set(unsigned nr, const uint64_t arg[6])
{
	struct ir_state *st = n.st;

	for (unsigned r = 0; r < REGS; r++)
		st->reg[r] = UINT64_C(0x1111111111111111) * r;
	for (unsigned f = 0; f < FP_REGS; f++)
		st->reg[32 + f] = 0x3ff0000000000000 + f;
	st->reg[0] = nr;
	for (unsigned i = 0; i < 6; i++)
		st->reg[1 + i] = arg[i];
	st->pc = PC;
	st->stop = 0;
	memcpy(before, st->reg, sizeof before);
	before[8] = (uint64_t)(int64_t)(int8_t)before[8];
	before[32 + 1] ^= UINT64_C(1) << 63;
}

static const uint64_t none[6] = { 1, 2, 3, 4, 5, 6 };

/* All registers are as before, but for the result's when a call was made. */
static void check_regs(bool made, uint64_t result)
{
	for (unsigned r = 0; r < IR_MAX_REGS; r++) {
		bool is_result = made && r == n.target.regs->call.result;

		CHECK_AT("register %u", r);
		CHECK_EQ(n.st->reg[r], is_result ? result : before[r]);
	}
	CHECK_AT_END();
}

static void check_made(uint64_t result)
{
	CHECK_EQ(n.st->pc, PC + INSN_BYTES);
	check_regs(true, result);
}

static void check_left(enum ir_exit why)
{
	CHECK_EQ(why, IR_EXIT_SYSCALL);
	CHECK_EQ(n.st->pc, PC);
	check_regs(false, 0);
}

/* ---- made and left ------------------------------------------------------------------------------------ */

static void made(void)
{
	char text[] = "abc", buf[4] = "";
	int p[2], fd = memfd_create("page", 0);
	uint64_t r;

	set(GETPPID, none);
	CHECK_EQ(run(), IR_EXIT_LOOKUP);
	check_made((uint64_t)getppid());

	REQUIRE(pipe(p) == 0 && write(p[1], text, 3) == 3);
	set(READ, (uint64_t[6]){ (uint64_t)p[0], (uintptr_t)buf, 3 });
	n.st->call_limit = (uintptr_t)buf + 1;
	CHECK_EQ(run(), IR_EXIT_LOOKUP);
	check_made(3);
	CHECK_STR(buf, text);
	n.st->call_limit = LIMIT;

	/* An error, and a call that takes all six. */
	set(READ, (uint64_t[6]){ (uint64_t)-1, (uintptr_t)buf, 3 });
	CHECK_EQ(run(), IR_EXIT_LOOKUP);
	check_made((uint64_t)-EBADF);
	REQUIRE(fd >= 0 && pwrite(fd, text, 3, PAGE) == 3);
	set(MMAP, (uint64_t[6]){ 0, PAGE, PROT_READ, MAP_PRIVATE, (uint64_t)fd, PAGE });
	CHECK_EQ(run(), IR_EXIT_LOOKUP);
	r = n.st->reg[n.target.regs->call.result];
	check_made(r);
	CHECK_EQ(memcmp((void *)(uintptr_t)r, text, 3), 0);
	munmap((void *)(uintptr_t)r, PAGE);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void left(void)
{
	static const uint64_t numbers[] = { REFUSED, 6, IR_CALL_ROWS, UINT64_MAX,
					    UINT64_C(1) << 32 | GETPPID };
	char byte;
	const uint64_t pointer[6] = { (uint64_t)-1, (uintptr_t)&byte, 1 };

	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
		set((unsigned)REFUSED, none);
		n.st->reg[0] = before[0] = numbers[i];
		check_left(run());
	}
	set(GETPPID, none);
	n.st->calls_leave = 4;
	check_left(run());
	n.st->calls_leave = 0;
	set(GETPPID, none);
	n.st->stop = IR_STOP_SIGNAL;
	check_left(run());
	/* Pointers at the limit; and below it, but with a page guarded, which does not matter to other calls. */
	set(READ, pointer);
	n.st->call_limit = (uintptr_t)&byte;
	check_left(run());
	n.st->call_limit = LIMIT;
	guards.now = 1;
	set(READ, pointer);
	check_left(run());
	set(GETPPID, none);
	CHECK_EQ(run(), IR_EXIT_LOOKUP);
	guards.now = 0;
}

/* What the kernel could not write to may have been guarded meanwhile: the run loop is to look. */
static void failed(void)
{
	int p[2];

	REQUIRE(pipe(p) == 0 && write(p[1], "abc", 3) == 3);
	set(READ, (uint64_t[6]){ (uint64_t)p[0], 1, 3 });
	CHECK_EQ(run(), IR_EXIT_CALLED);
	CHECK_EQ(n.st->pc, PC);
	CHECK_EQ(n.st->exit_arg, (uint64_t)-EFAULT);
	CHECK_EQ(n.st->scratch[1], guards.times);
	check_regs(false, 0);
	close(p[0]);
	close(p[1]);
}

static void test_made(void)
{
	begin(&mixed);
	made();
	nativerun_fini(&n);
	begin(&pinned);
	made();
	nativerun_fini(&n);
}

static void test_left(void)
{
	begin(&mixed);
	left();
	failed();
	nativerun_fini(&n);
	begin(&pinned);
	left();
	failed();
	nativerun_fini(&n);
}

/* ---- signals -------------------------------------------------------------------------------------------- */

static volatile unsigned arrived;

/* As the runtime's handler of a guest's signal. */
static void on_signal(int sig, siginfo_t *info, void *uc)
{
	uint64_t at = native_ctx_pc(uc) - (uintptr_t)n.rx;

	(void)sig, (void)info;
	arrived++;
	n.st->stop |= IR_STOP_SIGNAL;
	if (at - n.thunks.call_begin < n.thunks.call_end - n.thunks.call_begin)
		native_ctx_set_pc(uc, (uintptr_t)n.rx + n.thunks.call_left);
}

static void on(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaction(sig, &sa, NULL);
}

/* The call waits for a byte that never comes: were the signal overlooked, it would wait until the alarm. */
static void interrupted_child(int fd)
{
	char byte;
	enum ir_exit why;

	alarm(10);
	set(READ, (uint64_t[6]){ (uint64_t)fd, (uintptr_t)&byte, 1 });
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	why = run();
	if (why == IR_EXIT_CALLED) {
		CHECK_EQ(n.st->exit_arg, (uint64_t)-EINTR);
		CHECK_EQ(n.st->pc, PC);
		check_regs(false, 0);
	} else {
		check_left(why);
	}
	CHECK_EQ(arrived, 1);
	fflush(stdout);
	_exit(check_failed ? 1 : why == IR_EXIT_CALLED ? 2 : 0);
}

/* One instruction of a child. False: it does not come to its end. */
static bool step(pid_t pid)
{
	int status;

	ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	for (unsigned i = 0; i < 500; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return true;
		if (i > 50)
			usleep(100);
	}
	return false;
}

/* Sends a child the signal after so many instructions. 0: it left the call alone, 2: it was in it; -1: no ptrace. */
static int interrupted_after(int fd, unsigned steps)
{
	pid_t pid = fork();
	int status = 0, sig;

	if (pid == 0)
		interrupted_child(fd);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	while (steps && step(pid))
		steps--;
	kill(pid, SIGUSR1);
	if (!steps)
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)sig);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static void test_interrupted(void)
{
	unsigned steps = 0;
	int p[2], r;

	begin(&mixed);
	on(SIGUSR1, on_signal);
	REQUIRE(pipe(p) == 0);
	while ((r = interrupted_after(p[0], steps)) == 0)
		steps++;
	if (r == -1) { /* qemu-user */
		printf("skip interrupted nothing can be traced here\n");
	} else {
		CHECK_EQ(r, 2);
		/* raise, set and enter are a few instructions at least, and the thunk is. */
		CHECK(steps > 60 && steps < 5000);
	}
	close(p[0]);
	close(p[1]);
	nativerun_fini(&n);
}

/* ---- other threads ---------------------------------------------------------------------------------------- */

static uint32_t stop_then;
static uint64_t code_sp_then;
static int seen[2];

/* While the call waits: the state is whole, and the thread is not inside. */
static void on_look(int sig, siginfo_t *info, void *uc)
{
	(void)sig, (void)info, (void)uc;
	if (n.st->inside) { /* too early */
		ualarm(LOOK_US, 0);
		return;
	}
	CHECK_EQ(n.st->pc, PC);
	check_regs(false, 0);
	code_sp_then = n.st->code_sp;
	n.st->stop = stop_then;
	CHECK_EQ(write(seen[1], "x", 1), 1);
}

/* A call that others may see, with some return addresses on the stack. */
static void look(uint32_t stop)
{
	struct sigaction sa = { .sa_sigaction = on_look,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	char byte;
	int p[2];

	begin(&mixed);
	sigaction(SIGALRM, &sa, NULL);
	REQUIRE(pipe(p) == 0 && pipe(seen) == 0);
	if (fork() == 0)
		_exit(read(seen[0], &byte, 1) != 1 || write(p[1], &byte, 1) != 1);
	set(READ, (uint64_t[6]){ (uint64_t)p[0], (uintptr_t)&byte, 1 });
	n.st->inside = 1;
	n.st->code_sp = n.st->code_sp_top - 64;
	code_sp_then = 0;
	stop_then = stop;
	ualarm(LOOK_US, 0);
	CHECK_EQ(nativerun_run(&n, n.rx + n.keep, true), stop ? IR_EXIT_STOP : IR_EXIT_LOOKUP);
	check_made(1);
	CHECK_EQ(n.st->inside, 1);
	CHECK_EQ(code_sp_then, n.st->code_sp_top - 64);
	/* Who stops others may be taking away what return addresses lead to. */
	CHECK_EQ(n.st->code_sp, stop == IR_STOP_WORLD ? n.st->code_sp_top : code_sp_then);
	wait(NULL);
	close(p[0]);
	close(p[1]);
	close(seen[0]);
	close(seen[1]);
	nativerun_fini(&n);
}

static void test_outside(void)
{
	look(0);
	look(IR_STOP_SIGNAL);
	look(IR_STOP_WORLD);
}

CHECK_MAIN(test_made, test_left, test_interrupted, test_outside)
