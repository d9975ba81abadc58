/*
 * Calls that take something away wait for it, or take it, while another thread runs code in the very page that they will write
 * to: nothing of it is lost. And pointers that are bad are looked at once.
 */
#include "tests/sys/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PAGE = 4096, RWX = PROT_READ | PROT_WRITE | PROT_EXEC, AT = 1024 };

static char *page;
static int s[2], p[2], event, queue, sigs;
static atomic_int waits, what;
static long result;

enum { RECV, RECVMSG, RECVFROM, READV, READ, EVENT, QUEUE, SIGNALS, CALLS };

static long take(int call)
{
	struct iovec v = { page + AT, 8 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	socklen_t *len = (socklen_t *)(void *)(page + 2048);

	switch (call) {
	case RECV:
		return recv(s[1], page + AT, 8, 0);
	case RECVMSG:
		return recvmsg(s[1], &m, 0);
	case RECVFROM:
		*len = 100;
		return recvfrom(s[1], page + AT, 8, 0, (struct sockaddr *)(page + 3000), len);
	case READV:
		return readv(s[1], &v, 1);
	case READ:
		return read(p[0], page + AT, 8);
	case EVENT:
		return read(event, page + AT, 8);
	case QUEUE:
		return msgrcv(queue, page + AT - 8, 8, 0, 0);
	default:
		return read(sigs, page + AT, sizeof(struct signalfd_siginfo));
	}
}

/* What the taking thread waits for. */
static void give(int call, uint64_t v)
{
	struct {
		long type;
		uint64_t v;
	} msg = { 1, v };

	switch (call) {
	case READ:
		write(p[1], &v, 8);
		break;
	case EVENT:
		write(event, &v, 8);
		break;
	case QUEUE:
		msgsnd(queue, &msg, 8, 0);
		break;
	case SIGNALS:
		sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = (int)v });
		break;
	default:
		send(s[0], &v, 8, 0);
	}
}

static void *taker(void *arg)
{
	for (int call; (call = atomic_load(&what)) != CALLS;) {
		if (call < 0 || atomic_load(&waits)) {
			sched_yield();
			continue;
		}
		atomic_store(&waits, 1);
		result = take(call);
		atomic_store(&waits, 2);
	}
	return NULL;
}

static void test_waiting(void)
{
	int lost[CALLS] = { 0 };
	pthread_t t;

	atomic_store(&what, -1);
	pthread_create(&t, NULL, taker, NULL);
	for (int round = 1; round <= 3; round++)
		for (int call = 0; call < CALLS; call++) {
			struct signalfd_siginfo *info = (void *)(page + AT);
			uint64_t got;

			atomic_store(&waits, 0);
			atomic_store(&what, call);
			while (!atomic_load(&waits))
				sched_yield();
			usleep(3000); /* now it waits in the kernel, most likely */
			lost[call] += run_code(page, call + 1, 300) != 300 * (call + 1);
			atomic_store(&what, -1);
			give(call, (uint64_t)(call + 7));
			for (int i = 0; i < 1000 && atomic_load(&waits) != 2; i++)
				usleep(1000);
			if (atomic_load(&waits) != 2) { /* lost: let it go on */
				lost[call]++;
				give(call, 1);
				while (atomic_load(&waits) != 2)
					usleep(1000);
				continue;
			}
			got = call == SIGNALS ? (uint64_t)info->ssi_int
					      : *(uint64_t *)(void *)(page + AT);
			lost[call] += result != (call == SIGNALS ? (long)sizeof *info : 8)
				      || got != (uint64_t)(call + 7);
			lost[call] += run_code(page, 9, 300) != 2700;
		}
	atomic_store(&what, CALLS);
	pthread_join(t, NULL);
	for (int call = 0; call < CALLS; call++)
		EQ(lost[call], 0);
}

/* The kernel finds out that a pointer is bad after it has taken the message: one is gone, not two. */
static void test_bad_pointers(void)
{
	uint64_t v = 1;

	run_code(page, 5, 300);
	send(s[0], &v, 8, 0);
	v = 2;
	send(s[0], &v, 8, 0);
	FAILS(recv(s[1], (void *)8, 8, 0), EFAULT);
	EQ(recv(s[1], &v, 8, MSG_DONTWAIT), 8);
	EQ(v, 2);
	v = 5;
	write(event, &v, 8);
	run_code(page, 6, 300);
	FAILS(read(event, (void *)8, 8), EFAULT);
	FAILS(read(event, &v, 8), EAGAIN);
	EQ(run_code(page, 7, 300), 2100);
}

int main(void)
{
	sigset_t set;

	page = mmap(NULL, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigs = signalfd(-1, &set, 0);
	event = eventfd(0, 0);
	queue = msgget(IPC_PRIVATE, 0600);
	if (pipe(p) || socketpair(AF_UNIX, SOCK_DGRAM, 0, s) || event < 0 || queue < 0)
		return 1;
	test_waiting();
	fcntl(event, F_SETFL, O_NONBLOCK);
	test_bad_pointers();
	msgctl(queue, IPC_RMID, NULL);
	return done();
}
