/* Sockets: UNIX, TCP and UDP on the loopback, messages with descriptors, options, timeouts. */
#include "tests/sys/sys.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

static void test_pair(void)
{
	int s[2], p[2], got = -1;
	char buf[64], control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v[2] = { { "two ", 4 }, { "parts", 5 } },
		     in[2] = { { buf, 6 }, { buf + 32, 10 } };
	struct msghdr m = { .msg_iov = v,
			    .msg_iovlen = 2,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct ucred cred;
	socklen_t len = sizeof cred;

	EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
	EQ(send(s[0], "hello", 5, 0), 5);
	EQ(recv(s[1], buf, 64, MSG_PEEK), 5);
	EQ(read(s[1], buf, 64), 5);
	FAILS(recv(s[1], buf, 64, MSG_DONTWAIT), EAGAIN);
	if (pipe(p))
		return;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[1], sizeof(int));
	EQ(sendmsg(s[0], &m, 0), 9);
	memset(control, 0, sizeof control);
	m.msg_iov = in;
	EQ(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC), 9);
	CHECK(!memcmp(buf, "two pa", 6) && !memcmp(buf + 32, "rts", 3));
	EQ(m.msg_controllen, CMSG_SPACE(sizeof(int)));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
	EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	EQ(write(got, "through", 7), 7);
	EQ(read(p[0], buf, 64), 7);
	EQ(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
	EQ(cred.pid, getpid());
	FAILS(sendmsg(s[0], (void *)8, 0), EFAULT);
	m.msg_iovlen = 5000;
	FAILS(recvmsg(s[1], &m, 0), EMSGSIZE);
	EQ(shutdown(s[0], SHUT_WR), 0);
	EQ(recv(s[1], buf, 64, 0), 0);
	signal(SIGPIPE, SIG_IGN);
	FAILS(send(s[0], "x", 1, 0), EPIPE);
	close(s[0]), close(s[1]), close(got), close(p[0]), close(p[1]);
}

static void test_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" }, b;
	socklen_t len = sizeof b;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s;

	FAILS(connect(c, (void *)&a, sizeof a), ENOENT);
	EQ(bind(l, (void *)&a, sizeof a), 0);
	CHECK(bind(l, (void *)&a, sizeof a) < 0 && (errno == EINVAL || errno == EADDRINUSE));
	FAILS(connect(c, (void *)&a, sizeof a), ECONNREFUSED);
	EQ(listen(l, 5), 0);
	EQ(connect(c, (void *)&a, sizeof a), 0);
	CHECK((s = accept4(l, (void *)&b, &len, SOCK_NONBLOCK)) >= 0);
	CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
	len = sizeof b;
	EQ(getpeername(c, (void *)&b, &len), 0);
	CHECK(!strcmp(b.sun_path, "socket"));
	FAILS(accept4(l, NULL, NULL, 12345), EINVAL);
	close(l), close(c), close(s);
	unlink("socket");
}

static int serve_fd;
static int serve(void)
{
	char buf[70000];
	long n, total = 0;
	int s = accept(serve_fd, NULL, NULL);

	while ((n = read(s, buf, sizeof buf)) > 0)
		total += n;
	return total == 300000 ? 42 : 1;
}

static void test_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } }, b;
	socklen_t len = sizeof a;
	int one = 1, type = 0, c = socket(AF_INET, SOCK_STREAM, 0), status;
	struct timeval tv = { 0, 30000 };
	char buf[1000] = "";
	pid_t pid;

	serve_fd = socket(AF_INET, SOCK_STREAM, 0);
	EQ(setsockopt(serve_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	EQ(bind(serve_fd, (void *)&a, sizeof a), 0);
	EQ(getsockname(serve_fd, (void *)&a, &len), 0);
	EQ(listen(serve_fd, 1), 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(serve());
	EQ(connect(c, (void *)&a, sizeof a), 0);
	EQ(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	len = sizeof type;
	EQ(getsockopt(c, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	EQ(type, SOCK_STREAM);
	EQ(setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	FAILS(recv(c, buf, sizeof buf, 0), EAGAIN);
	for (int i = 0; i < 300; i++)
		if (send(c, buf, sizeof buf, MSG_NOSIGNAL) != sizeof buf)
			CHECK(!"send");
	shutdown(c, SHUT_WR); /* the child has a copy of c */
	waitpid(pid, &status, 0);
	close(c);
	EQ(WEXITSTATUS(status), 42);
	close(serve_fd);
	c = socket(AF_INET, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&a, sizeof a), ECONNREFUSED);
	len = sizeof b;
	FAILS(getpeername(c, (void *)&b, &len), ENOTCONN);
	FAILS(setsockopt(c, SOL_SOCKET, 9999, &one, sizeof one), ENOPROTOOPT);
	close(c);
	FAILS(socket(AF_INET, 77, 0), EINVAL);
	FAILS(socket(999, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(listen(0x7fff, 1), EBADF);
}

static void test_udp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } },
			   from;
	socklen_t len = sizeof a;
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
	char x[4][16], buf[64];
	struct iovec v[4] = { { x[0], 16 }, { x[1], 16 }, { x[2], 16 }, { x[3], 16 } };
	struct mmsghdr m[4] = { { { .msg_iov = &v[0], .msg_iovlen = 1 } },
				{ { .msg_iov = &v[1], .msg_iovlen = 1 } },
				{ { .msg_iov = &v[2], .msg_iovlen = 1 } },
				{ { .msg_iov = &v[3], .msg_iovlen = 1 } } };

	EQ(bind(s, (void *)&a, sizeof a), 0);
	EQ(getsockname(s, (void *)&a, &len), 0);
	EQ(sendto(c, "datagram", 8, 0, (void *)&a, sizeof a), 8);
	len = sizeof from;
	EQ(recvfrom(s, buf, sizeof buf, 0, (void *)&from, &len), 8);
	EQ(len, sizeof from);
	EQ(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	FAILS(recvfrom(s, buf, sizeof buf, 0, NULL, NULL), EAGAIN);
	EQ(connect(c, (void *)&a, sizeof a), 0);
	for (int i = 0; i < 4; i++)
		snprintf(x[i], 16, "message %d", i);
	long r = sendmmsg(c, m, 3, 0);
	CHECK(r == 3 || errno == ENOSYS); /* not with a memory base */
	if (r == 3) {
		memset(x, 0, sizeof x);
		EQ(recvmmsg(s, m, 4, 0, NULL), 3);
		EQ(m[2].msg_len, 16);
		CHECK(!strncmp(x[2], "message 2", 9));
	}
	EQ(sendto(c, buf, 0, 0, NULL, 0), 0);
	EQ(recv(s, buf, sizeof buf, 0), 0);
	FAILS(sendto(c, buf, 70000, 0, NULL, 0), EMSGSIZE);
	close(s), close(c);
}

int main(void)
{
	test_pair();
	test_unix();
	test_tcp();
	test_udp();
	return done();
}
