/*
 * Every row of the system call table, called for real: with bad pointers of each sort, bad descriptors, and garbage in
 * the high halves of int arguments.
 *
 * The rows and the kinds of their arguments come from kitemu's own tables. For each call of a row a line is
 * printed: the row, the pattern, and how it ended: "ok", an error number, or a signal. The runner compares the lines
 * with those of the native program. Each call is made in a child of its own, without privileges.
 *
 * usage: rows ADDRESS [PATTERN]: ADDRESS (hexadecimal, a multiple of 64 KiB) is one of the emulator's own memory.
 */
#include "tests/sys/sys.h"

#if !defined(__riscv)
#include "runtime/sys/host_nr.h"
#define __NR_riscv_hwprobe      (-1)
#define __NR_riscv_flush_icache (-1)
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#endif
#include <grp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

enum class { I32, U32, U64, PTR, DEEP };

enum kind {
#define KIND(name, class, written, printer) K_##name,
#include "runtime/sys/kinds.def"
#undef KIND
};

static const enum class class_of[] = {
#define KIND(name, class, written, printer) class,
#include "runtime/sys/kinds.def"
#undef KIND
};

struct row {
	const char *call, *op;
	int nr, selector; /* selector: the operation's argument, -1 without one */
	unsigned op_value;
	enum kind kind[7];
};

#define KINDS6(a, b, c, d, e, f, ...)                                                              \
	{                                                                                          \
		K_##a, K_##b, K_##c, K_##d, K_##e, K_##f                                           \
	}
#define KINDS(...) KINDS6(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE, NONE)
#if defined(__riscv)
#define NR(nr, name) nr
#else
#define NR(nr, name) __NR_##name
#endif

static const struct row rows[] = {
#define PASS(nr, name, block, result, ...) { #name, "", NR(nr, name), -1, 0, KINDS(__VA_ARGS__) },
#define CONV                               PASS
#define EMUL                               PASS
#define DENY                               PASS
#define OPS(nr, name, selector, block, result, ...)                                                \
	{ #name, "", NR(nr, name), selector, 0xfffe, KINDS(__VA_ARGS__) },
#include "runtime/sys/syscalls.def"
#undef PASS
#undef CONV
#undef EMUL
#undef DENY
#undef OPS
#define OPERATION(op, value, ...)                                                                  \
	{ CALL, op, NUMBER, SELECTOR, value, KINDS(FIRST __VA_OPT__(, ) __VA_ARGS__) },
#define OP(op, value, ...)                  OPERATION(#op, value, __VA_ARGS__)
#define OP_CONV(op, value, fn, ...)         OPERATION(#op, value, __VA_ARGS__)
#define OP_DENY(op, value, error, why, ...) OPERATION(#op, value, __VA_ARGS__)
#define CALL                                "fcntl"
#define NUMBER                              SYS_fcntl
#define SELECTOR                            1
#define FIRST                               FD, FCNTLCMD
#include "runtime/sys/fcntls.def"
#undef CALL
#undef NUMBER
#undef FIRST
#define CALL   "ioctl"
#define NUMBER SYS_ioctl
#define FIRST  FD, IOCTLCMD
#include "runtime/sys/ioctls.def"
#undef CALL
#undef NUMBER
#undef FIRST
#undef SELECTOR
#define CALL     "prctl"
#define NUMBER   SYS_prctl
#define SELECTOR 0
#define FIRST    PRCTLOP
#include "runtime/sys/prctls.def"
#undef CALL
#undef NUMBER
#undef FIRST
#define CALL   "keyctl"
#define NUMBER SYS_keyctl
#define FIRST  KEYCTLOP
#include "runtime/sys/keyctls.def"
};

/* What each pattern gives for descriptors, pointers, ints and long values. */
enum { BAD_FD, LOW, HIGH, TOP, OWN, NIL, EDGE, GOOD, GOOD_SOCKET, GOOD_TTY, INSIDE, BIG, PATTERNS };
static const char *const pattern_name[PATTERNS] = { "bad-fd", "low",  "high",   "top",
						    "own",    "null", "edge",   "good",
						    "socket", "tty",  "inside", "big" };

static char *room, *edge;
static int file, sock, tty;
static unsigned long own;

static unsigned long pointer(int pattern)
{
	switch (pattern) {
	case LOW:
		return 8;
	case HIGH:
		return 1ul << 63 | 4096;
	case TOP:
		return 0x7fffffffe000; /* the last page of 47 bits: never mapped */
	case OWN:
		return own;
	case NIL:
		return 0;
	case EDGE:
		return (unsigned long)edge - 2;
	default:
		return (unsigned long)room;
	}
}

static unsigned long argument(const struct row *r, unsigned i, int pattern)
{
	enum kind k = r->kind[i];

	if (r->selector == (int)i)
		return G(r->op_value);
	switch (k) {
	case K_FD:
		return G(pattern == BAD_FD                             ? -1
			 : pattern == GOOD_SOCKET || pattern == INSIDE ? sock
			 : pattern == GOOD_TTY                         ? tty
								       : file);
	case K_DIRFD:
		return G(pattern == BAD_FD ? -1 : AT_FDCWD);
	case K_SIG: /* none is sent */
		return G(pattern == BIG ? 65 : 0);
	case K_PID:
		return G(pattern == BIG ? 0x7fffffff : 0);
	case K_SIZE: /* of sets and structures too */
		return pattern == BIG ? 1ul << 62 : 8;
	case K_IPCFLAGS: /* none is made */
		return G(0);
	default:
		break;
	}
	switch (class_of[k]) {
	case I32:
	case U32:
		return G(pattern == BIG ? 0x7fffffff : pattern >= GOOD);
	case U64:
		return pattern == BIG ? 1ul << 62 : 0;
	default:
		return pointer(pattern);
	}
}

/* What the child says: it may not have a descriptor left to say it with. */
static struct answer {
	volatile long made, result;
} * answer;

static void child(const struct row *r, int pattern)
{
	struct itimerval limit = { .it_value = { 0, 250000 } };
	unsigned long a[6];

	for (unsigned i = 0; i < 6; i++)
		a[i] = r->kind[i] == K_NONE ? 0 : argument(r, i, pattern);
	/* Structures full of the emulator's addresses, as vectors of 8 bytes there. */
	for (unsigned i = 0; pattern == INSIDE && i < 4096 / sizeof own; i++)
		((unsigned long *)room)[i] = i % 2 ? 8 : own;
	setitimer(ITIMER_REAL, &limit, NULL);
	answer->result = raw6(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	answer->made = 1;
}

static void call(const struct row *r, int pattern)
{
	int status;
	pid_t pid;

	answer->made = 0;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		child(r, pattern);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("%s%s%s %s ", r->call, *r->op ? " " : "", r->op, pattern_name[pattern]);
	if (!answer->made)
		printf("signal %d\n", WTERMSIG(status));
	else if (answer->result < 0)
		printf("%ld\n", answer->result);
	else
		printf("ok\n");
}

/* Rows that do not come back, or start what this test cannot watch, or disturb others. */
static int left_out(const struct row *r)
{
	static const char *const names[] = { "exit",  "exit_group", "rt_sigreturn",
					     "clone", "clone3",     "sync" };

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], r->call))
			return 1;
	return r->nr < 0;
}

int main(int argc, char **argv)
{
	char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned count = 0;

	own = strtoul(argv[1], NULL, 16);
	answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	munmap(m + (1 << 20) - 4096, 4096); /* last: the next mapping may come here */
	room = m;
	edge = m + (1 << 20) - 4096;
	file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	tty = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (tty < 0 || file < 0 || sock < 0)
		return 2;
	if (getuid() == 0
	    && (setgroups(0, NULL) || setresgid(65534, 65534, 65534)
		|| setresuid(65534, 65534, 65534)))
		return 3;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		int used = 0;

		if (left_out(&rows[i]))
			continue;
		for (unsigned k = 0; k < 6; k++)
			used |= class_of[rows[i].kind[k]] >= PTR ? 1
				: rows[i].kind[k] == K_FD        ? 2
								 : 0;
		for (int p = 0; p < PATTERNS; p++) {
			if (argc > 2 ? strcmp(argv[2], pattern_name[p])
				     : (((p >= LOW && p <= EDGE) || p == INSIDE) && !(used & 1))
					   || ((p == BAD_FD || p == GOOD_SOCKET || p == GOOD_TTY)
					       && !(used & 2)))
				continue;
			call(&rows[i], p);
			count++;
		}
	}
	printf("%u calls\n", count);
	return 0;
}
