/*
 * System calls that write into pages from which code has run: nothing is lost, and the new code counts. Pages are
 * readable, writable and executable; a function in them runs before each call.
 */
#include "tests/sys/sys.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static unsigned char *page;
static int p[2], s[2], fd;

/* The page holds code that is translated from now on. */
static void run_page(int v) { EQ(run_code(page, v, 3), 3 * v); }

#define AT(T) ((T *)(void *)(page + 256))

/* What these take away is gone when it cannot be stored, or is stored later. */
static void test_rare(void)
{
	struct {
		long type;
		char text[8];
	} msg = { 3, "queue" };
	struct iovec v = { page + 300, 7 };
	struct mmsghdr mm[2] = { { .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } } };
	struct iocb cb = { .aio_fildes = (unsigned)fd,
			   .aio_lio_opcode = IOCB_CMD_PREAD,
			   .aio_buf = (unsigned long)page + 64,
			   .aio_nbytes = 4 },
		    *list[1] = { &cb };
	struct io_event *ev = AT(struct io_event);
	aio_context_t ctx = 0;
	int q = msgget(IPC_PRIVATE, 0600);

	for (int i = 0; i < 12; i++) {
		EQ(send(s[0], "message", 7, 0), 7);
		run_page(i);
		EQ(recvmmsg(s[1], mm, 1, 0, NULL), 1);
		EQ(mm[0].msg_len, 7);
		CHECK(!memcmp(page + 300, "message", 7));
		EQ(msgsnd(q, &msg, 6, 0), 0);
		run_page(i + 20);
		EQ(msgrcv(q, page + 2048, 8, 0, 0), 6);
		CHECK(*(long *)(page + 2048) == 3 && !strcmp((char *)page + 2056, "queue"));
		v.iov_len = 6;
		run_page(i + 40);
		EQ(process_vm_readv(getpid(), &v, 1, &(struct iovec){ msg.text, 6 }, 1, 0), 6);
		CHECK(!memcmp(page + 300, "queue", 6));
		run_page(i + 60);
		EQ(process_vm_writev(getpid(), &(struct iovec){ "writev", 6 }, 1, &v, 1, 0), 6);
		CHECK(!memcmp(page + 300, "writev", 6));
		v.iov_len = 7;
		EQ(write(p[1], "123", 3), 3);
		run_page(i + 80);
		EQ(ioctl(p[0], FIONREAD, AT(int)), 0);
		EQ(*AT(int), 3);
		EQ(read(p[0], msg.text + 6, 1) + read(p[0], msg.text + 6, 1)
		       + read(p[0], msg.text + 6, 1),
		   3);
		strcpy(msg.text, "queue");
	}
	msgctl(q, IPC_RMID, NULL);
	if (syscall(SYS_io_setup, 4, &ctx))
		return;
	for (int i = 0; i < 12; i++) {
		memset(page + 64, 0, 8);
		run_page(i);
		EQ(syscall(SYS_io_submit, ctx, 1, list), 1);
		run_page(i + 20);
		EQ(syscall(SYS_io_getevents, ctx, 1, 4, ev, NULL), 1);
		EQ(ev->res, 4);
		CHECK(!memcmp(page + 64, "\177ELF", 4));
	}
	EQ(syscall(SYS_io_destroy, ctx), 0);
}

int main(void)
{
	struct iovec v[2];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	struct epoll_event ev = { .events = EPOLLOUT, .data.u64 = 99 };
	int ep;
	pid_t pid;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	fd = open("/proc/self/exe", O_RDONLY);
	if (pipe(p) || socketpair(AF_UNIX, SOCK_DGRAM, 0, s))
		return 1;
	for (int i = 0; i < 20; i++) {
		run_page(i);
		EQ(write(p[1], "0123456789", 10), 10);
		EQ(read(p[0], page + 4096 - 5, 10), 10); /* two pages at once */
		CHECK(!memcmp(page + 4096 - 5, "0123456789", 10));
		run_page(i);
		EQ(pread(fd, page + 64, 4, 0), 4);
		CHECK(!memcmp(page + 64, "\177ELF", 4));
		run_page(i);
		v[0] = (struct iovec){ page + 100, 3 };
		v[1] = (struct iovec){ page + 4095, 4 };
		EQ(send(s[0], "message", 7, 0), 7);
		EQ(recvmsg(s[1], &m, 0), 7); /* a datagram is lost when it cannot be stored */
		CHECK(!memcmp(page + 100, "mes", 3) && !memcmp(page + 4095, "sage", 4));
		run_page(i);
		EQ(fstat(fd, AT(struct stat)), 0);
		CHECK(AT(struct stat)->st_size > 1000);
		run_page(i);
		pid = fork();
		if (!pid)
			_exit(i);
		EQ(waitpid(pid, AT(int), 0), pid); /* a child is waited for only once */
		EQ(WEXITSTATUS(*AT(int)), i);
	}
	run_page(1);
	EQ(clock_gettime(CLOCK_REALTIME, AT(struct timespec)), 0);
	run_page(2);
	EQ(uname(AT(struct utsname)), 0);
	CHECK(!strcmp(AT(struct utsname)->sysname, "Linux"));
	run_page(3);
	EQ(getrusage(RUSAGE_SELF, AT(struct rusage)), 0);
	run_page(4);
	EQ(pipe(AT(int)), 0);
	close(AT(int)[0]), close(AT(int)[1]);
	run_page(5);
	*AT(struct pollfd) = (struct pollfd){ p[1], POLLOUT, 0 };
	run_page(5);
	EQ(poll(AT(struct pollfd), 1, 0), 1);
	EQ(AT(struct pollfd)->revents, POLLOUT);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &ev);
	run_page(6);
	EQ(epoll_wait(ep, AT(struct epoll_event), 4, 0), 1);
	EQ(AT(struct epoll_event)->data.u64, 99);
	run_page(7);
	EQ(readlink("/proc/self/exe", (char *)page + 64, 100) > 5, 1);
	run_page(8);
	CHECK(getcwd((char *)page + 64, 1000) == (char *)page + 64);
	run_page(9);
	EQ(sigprocmask(SIG_BLOCK, NULL, AT(sigset_t)), 0);
	run_page(10);
	CHECK(times(AT(struct tms)) > 0);
	test_rare();
	/* And the call that changes the code itself. */
	for (int i = 0; i < 20; i++) {
		unsigned char code[8];

		run_page(i + 100);
		memcpy(code, page, 8);
		run_page(1);
		if (write(p[1], code, 8) != 8 || read(p[0], page, 8) != 8)
			return 1;
		__builtin___clear_cache((char *)page, (char *)page + 8);
		EQ(((int (*)(void))page)(), i + 100);
	}
	return done();
}
