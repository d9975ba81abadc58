/* A signal interrupts libc's routines, however long they run: each is left by a jump out of the handler. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

enum { PIECE = 2 << 20, PIECES = 512, TRIES = 50 };

static sigjmp_buf out;
static volatile sig_atomic_t seen, armed;
static char *same, *other; /* PIECES views of one piece of memory each */
static volatile size_t found;

static void handler(int sig)
{
	if (armed && ++seen == 2)
		siglongjmp(out, 1);
}

/* A long range that takes little memory. */
static char *views(void)
{
	int fd = memfd_create("piece", 0);
	char *p = mmap(NULL, (size_t)PIECE * PIECES, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (fd < 0 || p == MAP_FAILED || ftruncate(fd, PIECE)) {
		perror("views");
		exit(1);
	}
	for (size_t i = 0; i < PIECES; i++)
		mmap(p + i * PIECE, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
	return p;
}

enum what { MEMCPY, MEMMOVE, OVERLAP, MEMSET, MEMCHR, MEMCMP, STRLEN, WHATS };

static void run(enum what w)
{
	const size_t n = (size_t)PIECE * PIECES;

	switch (w) {
	case MEMCPY:
		memcpy(other, same, n);
		break;
	case MEMMOVE:
		memmove(same, other, n);
		break;
	case OVERLAP:
		memmove(same, same + 100, n - 100);
		break;
	case MEMSET:
		memset(same, 'x', n);
		break;
	case MEMCHR:
		found = (size_t)memchr(same, 'y', n);
		break;
	case MEMCMP:
		found = (size_t)memcmp(same, other, n);
		break;
	case STRLEN:
		same[PIECE - 1] = 'x';
		found = strlen(same);
		break;
	default:
		break;
	}
}

/* Two signals in one call have interrupted it. The memory is read through other pages each time, which takes long enough. */
static int interrupted(enum what w)
{
	if (sigsetjmp(out, 1))
		return 1;
	for (int i = 0; i < TRIES; i++) {
		madvise(same, (size_t)PIECE * PIECES, MADV_DONTNEED);
		seen = 0;
		armed = 1;
		run(w);
		armed = 0;
	}
	return 0;
}

int main(void)
{
	static const char *const name[WHATS] = { "memcpy", "memmove", "memmove within", "memset",
						 "memchr", "memcmp",  "strlen" };
	struct sigaction sa = { .sa_handler = handler };
	struct itimerval t = { { 0, 2000 }, { 0, 2000 } };

	same = views();
	other = views();
	memset(same, 'x', PIECE);
	memset(other, 'x', PIECE);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	for (int w = 0; w < WHATS; w++) {
		int ok = interrupted((enum what)w);

		armed = 0;
		printf("%s: %s\n", name[w], ok ? "interrupted" : "not interrupted");
	}
	return 0;
}
