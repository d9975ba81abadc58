/* Asynchronous I/O: libaio's calls and io_uring, with rings, vectors, waiting and cancelling. */
#include "tests/sys/sys.h"

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#ifndef SYS_io_pgetevents
#define SYS_io_pgetevents 333
#endif

static void on_signal(int sig) {}

static struct iocb command(int fd, int op, const void *buf, size_t n, off_t at)
{
	return (struct iocb){ .aio_fildes = (unsigned)fd,
			      .aio_lio_opcode = (unsigned short)op,
			      .aio_buf = (unsigned long)buf,
			      .aio_nbytes = n,
			      .aio_offset = at,
			      .aio_data = 0x1234 };
}

static void test_aio(void)
{
	aio_context_t ctx = 0;
	struct io_event ev[8] = { { 0 } };
	struct timespec now = { 0, 0 }, soon = { 0, 20000000 };
	char buf[64] = "", part[2][8] = { "", "" };
	struct iovec v[2] = { { part[0], 4 }, { part[1], 4 } }, bad = { (void *)8, 4 };
	int fd = open("aio", O_RDWR | O_CREAT | O_TRUNC, 0600), e = eventfd(0, 0), p[2];
	struct iocb w = command(fd, IOCB_CMD_PWRITE, "asynchronous", 12, 0);
	struct iocb r = command(fd, IOCB_CMD_PREAD, buf, 12, 0);
	struct iocb rv = command(fd, IOCB_CMD_PREADV, v, 2, 2);
	struct iocb wrong = command(fd, IOCB_CMD_PREAD, (void *)8, 12, 0);
	struct iocb wrongv = command(fd, IOCB_CMD_PWRITEV, &bad, 1, 0);
	struct iocb poll, *list[3] = { &w, NULL, NULL };
	uint64_t count = 0;

	EQ(RAW(SYS_io_setup, 0, &ctx), -EINVAL);
	EQ(RAW(SYS_io_setup, G(4), 8), -EFAULT);
	EQ(RAW(SYS_io_setup, G(4), &ctx), 0);
	CHECK(ctx != 0);
	CHECK(*(unsigned *)ctx < 1000); /* the ring is there to be read */
	EQ(RAW(SYS_io_submit, ctx, 0, list), 0);
	EQ(RAW(SYS_io_submit, ctx, -1, list), -EINVAL);
	EQ(RAW(SYS_io_submit, 0x123000, 1, list), -EINVAL);
	EQ(RAW(SYS_io_submit, ctx, 2, list), 1);
	EQ(RAW(SYS_io_submit, ctx, 1, list + 1), -EFAULT);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, 0), 1);
	EQ(ev[0].res, 12);
	EQ(ev[0].data, 0x1234);
	EQ(ev[0].obj, (unsigned long)&w);
	EQ(w.aio_buf != 0 && !strcmp((char *)w.aio_buf, "asynchronous"), 1);
	list[0] = &r, list[1] = &rv;
	r.aio_flags = IOCB_FLAG_RESFD, r.aio_resfd = (unsigned)e;
	EQ(RAW(SYS_io_submit, ctx, 2, list), 2);
	EQ(RAW(SYS_io_getevents, ctx, 2, 8, ev, 0), 2);
	EQ(ev[0].res + ev[1].res, 20);
	CHECK(!strcmp(buf, "asynchronous"));
	CHECK(!memcmp(part[0], "ynch", 4) && !memcmp(part[1], "rono", 4));
	EQ(rv.aio_buf, (unsigned long)v);
	EQ(read(e, &count, 8), 8);
	EQ(count, 1);
	list[0] = &wrong;
	list[1] = &wrongv;
	EQ(RAW(SYS_io_submit, ctx, 1, list), 1);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, 0), 1);
	EQ(ev[0].res, -EFAULT);
	EQ(RAW(SYS_io_submit, ctx, 1, list + 1) == 1 ? RAW(SYS_io_getevents, ctx, 1, 8, ev, 0) : 1,
	   1);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, &now), 0);
	/* A poll that waits, is cancelled, and is interrupted while it is waited for. */
	if (pipe(p))
		return;
	poll = command(p[0], IOCB_CMD_POLL, (void *)(long)POLLIN, 0, 0);
	list[0] = &poll;
	EQ(RAW(SYS_io_submit, ctx, 1, list), 1);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, &soon), 0);
	signal(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 30000 } }, NULL);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, 0), -EINTR);
	{
		uint64_t none = 0, all = ~0ul;
		struct {
			const void *set;
			size_t size;
		} mask = { &all, 8 };

		setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 1000 } }, NULL);
		EQ(RAW(SYS_io_pgetevents, ctx, 1, 8, ev, &soon, &mask), 0);
		mask.set = &none;
		setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 30000 } }, NULL);
		EQ(RAW(SYS_io_pgetevents, ctx, 1, 8, ev, 0, &mask), -EINTR);
		mask.size = 4;
		EQ(RAW(SYS_io_pgetevents, ctx, 1, 8, ev, 0, &mask), -EINVAL);
	}
	EQ(write(p[1], "x", 1), 1);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, 0), 1);
	EQ(ev[0].res & POLLIN, POLLIN);
	read(p[0], buf, 1);
	EQ(RAW(SYS_io_submit, ctx, 1, list), 1);
	EQ(RAW(SYS_io_cancel, ctx, &poll, ev), -EINPROGRESS);
	EQ(RAW(SYS_io_getevents, ctx, 1, 8, ev, 0), 1);
	EQ(ev[0].res == 0 || ev[0].res == -ECANCELED, 1);
	EQ(RAW(SYS_io_cancel, ctx, &w, ev), -EINVAL);
	EQ(RAW(SYS_io_destroy, ctx), 0);
	EQ(RAW(SYS_io_destroy, ctx), -EINVAL);
	close(fd), close(e), close(p[0]), close(p[1]);
}

static struct io_uring_params params;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

static void put(int op, int fd, const void *addr, unsigned len, uint64_t off, uint64_t data)
{
	unsigned at = *sq_tail & *sq_mask;

	memset(&sqes[at], 0, sizeof *sqes);
	sqes[at].opcode = (unsigned char)op;
	sqes[at].fd = fd;
	sqes[at].addr = (unsigned long)addr;
	sqes[at].len = len;
	sqes[at].off = off;
	sqes[at].user_data = data;
	sq_array[at] = at;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
}

static int take(uint64_t *data)
{
	int res = -1000;

	if (__atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) != *cq_head) {
		res = cqes[*cq_head & *cq_mask].res;
		*data = cqes[*cq_head & *cq_mask].user_data;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
	return res;
}

static void test_uring(void)
{
	int ring = (int)RAW(SYS_io_uring_setup, G(8), &params), fd, p[2];
	char *sq, *cq, buf[64] = "", fixed[16] = "", one[4] = "", two[8] = "";
	struct iovec v[2] = { { one, 3 }, { two, 5 } }, reg = { fixed, sizeof fixed };
	struct __kernel_timespec ts = { 0, 20000000 };
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&ts };
	uint64_t data = 0, none = 0;

	EQ(RAW(SYS_io_uring_setup, G(8), 8) == -EFAULT || ring < 0, 1);
	if (ring < 0) {
		printf("# io_uring: %s\n", strerror(-ring));
		return;
	}
	sq = mmap(NULL, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof *cqes,
		  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (!CHECK(sq != MAP_FAILED && cq != MAP_FAILED && sqes != MAP_FAILED))
		return;
	sq_tail = (unsigned *)(sq + params.sq_off.tail);
	sq_mask = (unsigned *)(sq + params.sq_off.ring_mask);
	sq_array = (unsigned *)(sq + params.sq_off.array);
	cq_head = (unsigned *)(cq + params.cq_off.head);
	cq_tail = (unsigned *)(cq + params.cq_off.tail);
	cq_mask = (unsigned *)(cq + params.cq_off.ring_mask);
	cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);

	put(IORING_OP_NOP, -1, NULL, 0, 0, 7);
	EQ(RAW(SYS_io_uring_enter, G(ring), G(1), G(1), G(IORING_ENTER_GETEVENTS), 0, 0), 1);
	EQ(take(&data), 0);
	EQ(data, 7);
	put(IORING_OP_OPENAT, AT_FDCWD, "uring", 0600, 0, 1);
	sqes[(*sq_tail - 1) & *sq_mask].open_flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	EQ(RAW(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0), 1);
	CHECK((fd = take(&data)) >= 0);
	put(IORING_OP_WRITE, fd, "ringringring", 12, 0, 2);
	EQ(RAW(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0), 1);
	EQ(take(&data), 12);
	put(IORING_OP_READ, fd, buf, 12, 0, 3);
	put(IORING_OP_READV, fd, v, 2, 4, 4);
	EQ(RAW(SYS_io_uring_enter, ring, 2, 2, IORING_ENTER_GETEVENTS, 0, 0), 2);
	EQ(take(&data) + take(&data), 20);
	CHECK(!strcmp(buf, "ringringring") && !memcmp(one, "rin", 3) && !memcmp(two, "gring", 5));
	put(IORING_OP_READ, fd, (void *)8, 12, 0, 5);
	EQ(RAW(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0), 1);
	EQ(take(&data), -EFAULT);
	EQ(RAW(SYS_io_uring_register, G(ring), G(IORING_REGISTER_BUFFERS), &reg, G(1)), 0);
	put(IORING_OP_READ_FIXED, fd, fixed, 12, 0, 6);
	EQ(RAW(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0), 1);
	EQ(take(&data), 12);
	CHECK(!strcmp(fixed, "ringringring"));
	EQ(RAW(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, 8, 1), -EBUSY);
	EQ(RAW(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, 0, 0), 0);
	EQ(RAW(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, 8, 1), -EFAULT);
	/* A poll that takes its time: a time limit, a signal, then what it waits for. */
	if (pipe(p))
		return;
	put(IORING_OP_POLL_ADD, p[0], NULL, 0, 0, 8);
	sqes[(*sq_tail - 1) & *sq_mask].poll32_events = POLLIN;
	EQ(RAW(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
	       sizeof arg),
	   1);
	EQ(RAW(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
	       sizeof arg),
	   -ETIME);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = { 0, 30000 } }, NULL);
	EQ(RAW(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, &none, 8), -EINTR);
	EQ(RAW(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, &none, 4), -EINVAL);
	EQ(write(p[1], "x", 1), 1);
	EQ(RAW(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, 0, 0), 0);
	EQ(take(&data) & POLLIN, POLLIN);
	EQ(data, 8);
	close(fd), close(ring), close(p[0]), close(p[1]);
}

int main(void)
{
	test_aio();
	test_uring();
	return done();
}
