/* ioctl and fcntl: terminals, files, sockets, interfaces, loop and tun devices, random numbers; pointers and numbers. */
#include "tests/sys/sys.h"

#include <linux/fiemap.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>

#define IOCTL(fd, cmd, arg) RAW(SYS_ioctl, G(fd), G(cmd), arg)

static void test_terminal(void)
{
	int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), s, n = -1, zero = 0, peer;
	unsigned char t[64], u[64];
	struct winsize w = { 24, 80, 1, 2 }, got = { 0 };

	if (!CHECK(m >= 0))
		return;
	EQ(IOCTL(m, TIOCSPTLCK, &zero), 0);
	EQ(IOCTL(m, TIOCGPTN, &n), 0);
	CHECK(n >= 0);
	peer = (int)IOCTL(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	CHECK(peer >= 0);
	memset(t, 0xaa, sizeof t);
	EQ(IOCTL(peer, 0x5401 /* TCGETS */, t), 0);
	EQ(t[36], 0xaa); /* 36 bytes, no more */
	CHECK(t[35] != 0xaa);
	t[12] &= ~ECHO;
	EQ(IOCTL(peer, 0x5403 /* TCSETSW */, t), 0);
	EQ(IOCTL(peer, 0x802c542a /* TCGETS2 */, u), 0);
	EQ(memcmp(t, u, 36), 0);
	EQ(IOCTL(peer, TIOCSWINSZ, &w), 0);
	EQ(IOCTL(m, TIOCGWINSZ, &got), 0);
	EQ(memcmp(&w, &got, sizeof w), 0);
	EQ(IOCTL(m, TIOCGWINSZ, 8), -EFAULT);
	EQ(write(m, "line\n", 5), 5);
	EQ(poll(&(struct pollfd){ peer, POLLIN, 0 }, 1, 5000), 1); /* it takes its time */
	EQ(IOCTL(peer, FIONREAD, &n), 0);
	EQ(n, 5);
	EQ(IOCTL(peer, TCFLSH, TCIFLUSH), 0);
	EQ(IOCTL(peer, FIONREAD, &n), 0);
	EQ(n, 0);
	EQ(IOCTL(peer, TCSBRK, 1), 0);
	EQ(IOCTL(peer, TIOCEXCL, 0), 0);
	EQ(IOCTL(peer, TIOCNXCL, ~0ul), 0);
	EQ(IOCTL(m, 0x54ff, 0), -ENOTTY);
	EQ(IOCTL(m, 0x54ff, 1ul << 62), -ENOTTY);
	EQ(IOCTL(-1, 0x54ff, 1ul << 62), -EBADF);
	EQ(IOCTL(m, _IOR('%', 99, long), &n), -ENOTTY);
	close(m), close(peer);
}

static void test_files(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2], on = 1, n = -1;
	long size = 0;
	struct {
		struct fiemap map;
		struct fiemap_extent e[4];
	} f = { { .fm_length = ~0ull, .fm_extent_count = 4 } };

	EQ(IOCTL(fd, FIOCLEX, 0), 0);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(IOCTL(fd, FIONCLEX, 0), 0);
	EQ(fcntl(fd, F_GETFD), 0);
	EQ(write(fd, "12345", 5), 5);
	lseek(fd, 2, SEEK_SET);
	EQ(IOCTL(fd, FIONREAD, &n), 0);
	EQ(n, 3);
	EQ(IOCTL(fd, FIGETBSZ, &n), 0);
	CHECK(n >= 512);
	EQ(IOCTL(fd, FS_IOC_FIEMAP, &f), 0);
	CHECK(f.map.fm_mapped_extents <= 4);
	EQ(IOCTL(fd, FS_IOC_GETFLAGS, &n), 0);
	EQ(IOCTL(fd, FS_IOC_GETFLAGS, 8), -EFAULT);
	EQ(IOCTL(fd, FICLONE, -1), -EBADF);
	EQ(IOCTL(fd, BLKGETSIZE64, &size), -ENOTTY);
	if (pipe(p))
		return;
	EQ(IOCTL(p[0], FIONBIO, &on), 0);
	EQ(read(p[0], &n, 1) == -1 && errno == EAGAIN, 1);
	EQ(RAW(SYS_fcntl, G(p[0]), G(F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
	EQ(RAW(SYS_fcntl, G(p[0]), G(F_SETPIPE_SZ), G(65536)), 65536);
	EQ(RAW(SYS_fcntl, G(p[0]), G(F_GETPIPE_SZ)), 65536);
	close(fd), close(p[0]), close(p[1]);
}

static void test_fcntl(void)
{
	int fd = open("locked", O_RDWR | O_CREAT, 0600), m = (int)RAW(SYS_memfd_create, "m", G(3));
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };
	struct {
		int type, pid;
	} owner = { 1, getpid() };
	uint64_t hint = 2;

	EQ(RAW(SYS_fcntl, fd, G(F_SETLK), &l), 0);
	EQ(RAW(SYS_fcntl, fd, F_GETLK, &l), 0);
	EQ(l.l_type, F_UNLCK);
	EQ(RAW(SYS_fcntl, fd, F_GETLK, 8), -EFAULT);
	l = (struct flock){ .l_type = F_RDLCK, .l_start = 100, .l_len = 1 };
	EQ(RAW(SYS_fcntl, fd, F_OFD_SETLK, &l), 0);
	EQ(RAW(SYS_fcntl, fd, F_SETOWN_EX, &owner), 0);
	owner.pid = 0;
	EQ(RAW(SYS_fcntl, fd, F_GETOWN_EX, &owner), 0);
	EQ(owner.pid, getpid());
	EQ(RAW(SYS_fcntl, fd, F_SETSIG, SIGUSR1), 0);
	EQ(RAW(SYS_fcntl, fd, F_GETSIG), SIGUSR1);
	EQ(RAW(SYS_fcntl, m, F_ADD_SEALS, F_SEAL_GROW), 0);
	EQ(RAW(SYS_fcntl, m, F_GET_SEALS), F_SEAL_GROW);
	EQ(RAW(SYS_fcntl, fd, F_SET_RW_HINT, &hint), 0);
	hint = 0;
	EQ(RAW(SYS_fcntl, fd, F_GET_RW_HINT, &hint), 0);
	EQ(hint, 2);
	EQ(RAW(SYS_fcntl, fd, G(77), 0), -EINVAL);
	EQ(RAW(SYS_fcntl, G(-1), G(77), 0), -EBADF);
	close(fd), close(m);
}

static void test_network(void)
{
	struct sock_filter accept_all[] = { { 6, 0, 0, 0xffff } };
	struct sock_fprog prog = { 1, accept_all };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_DGRAM, 0), n = -1;
	struct ifreq list[16] = { 0 }, r = { 0 };
	struct ifconf c = { .ifc_len = sizeof list, .ifc_req = list };
	unsigned info[64] = { 10 /* ETHTOOL_GLINK */ };
	struct timeval tv;
	char b[4];

	EQ(IOCTL(s, SIOCGIFCONF, &c), 0);
	CHECK(c.ifc_req == list && c.ifc_len % sizeof *list == 0);
	EQ(IOCTL(s, SIOCGIFCONF, 8), -EFAULT);
	strcpy(r.ifr_name, "lo");
	EQ(IOCTL(s, SIOCGIFINDEX, &r), 0);
	EQ(r.ifr_ifindex, 1);
	EQ(IOCTL(s, SIOCGIFFLAGS, &r), 0);
	EQ(r.ifr_flags & IFF_LOOPBACK, IFF_LOOPBACK);
	r.ifr_data = (char *)info;
	EQ(IOCTL(s, SIOCETHTOOL, &r), 0);
	CHECK(info[1] == 1 && r.ifr_data == (char *)info);
	r.ifr_data = (char *)8;
	EQ(IOCTL(s, SIOCETHTOOL, &r), -EFAULT);
	EQ(RAW(SYS_setsockopt, G(s), G(SOL_SOCKET), G(SO_ATTACH_FILTER), &prog, G(sizeof prog)), 0);
	prog.filter = (struct sock_filter *)8;
	EQ(RAW(SYS_setsockopt, s, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog), -EFAULT);
	EQ(bind(s, (struct sockaddr *)&a, sizeof a), 0);
	EQ(getsockname(s, (struct sockaddr *)&a, &(socklen_t){ sizeof a }), 0);
	EQ(IOCTL(s, SIOCGSTAMP, &tv), -ENOENT);
	EQ(sendto(s, "abc", 3, 0, (struct sockaddr *)&a, sizeof a), 3);
	EQ(IOCTL(s, SIOCINQ, &n), 0);
	EQ(n, 3);
	EQ(recv(s, b, 4, 0), 3);
	EQ(IOCTL(s, SIOCGSTAMP, &tv), 0);
	CHECK(tv.tv_sec > 1600000000);
	close(s);
}

static void test_devices(void)
{
	int fd = open("/dev/urandom", O_RDONLY), n = -1, file;
	struct loop_info64 info = { 0 }, old64;
	struct loop_info old = { 0 };
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char name[32];

	EQ(IOCTL(fd, RNDGETENTCNT, &n), 0);
	CHECK(n >= 0);
	close(fd);
	fd = open("/dev/net/tun", O_RDWR);
	if (fd >= 0) {
		EQ(IOCTL(fd, TUNGETFEATURES, &n), 0);
		EQ(n & IFF_TUN, IFF_TUN);
		if (IOCTL(fd, TUNSETIFF, &r) == 0) {
			CHECK(!strncmp(r.ifr_name, "tun", 3));
			EQ(IOCTL(fd, TUNSETPERSIST, 0), 0);
			EQ(IOCTL(fd, TUNGETIFF, &r), 0);
			EQ(r.ifr_flags & IFF_TUN, IFF_TUN);
		}
		close(fd);
	}
	fd = open("/dev/loop-control", O_RDWR);
	n = fd < 0 ? -1 : (int)IOCTL(fd, LOOP_CTL_GET_FREE, 0);
	close(fd);
	snprintf(name, sizeof name, "/dev/loop%d", n);
	if (n < 0 || (fd = open(name, O_RDWR)) < 0) {
		printf("# no loop devices\n");
		return;
	}
	file = open("disk", O_RDWR | O_CREAT, 0600);
	ftruncate(file, 1 << 20);
	if (IOCTL(fd, LOOP_SET_FD, file) == 0) {
		unsigned long long size = 0;

		strcpy((char *)info.lo_file_name, "a name");
		info.lo_offset = 4096;
		EQ(IOCTL(fd, LOOP_SET_STATUS64, &info), 0);
		EQ(IOCTL(fd, LOOP_GET_STATUS64, &old64), 0);
		EQ(old64.lo_offset, 4096);
		EQ(IOCTL(fd, LOOP_GET_STATUS, &old), 0);
		EQ(old.lo_offset, 4096);
		CHECK(!strcmp(old.lo_name, "a name"));
		EQ(IOCTL(fd, BLKGETSIZE64, &size), 0);
		EQ(size, (1 << 20) - 4096);
		EQ(IOCTL(fd, BLKSSZGET, &n), 0);
		EQ(n, 512);
		EQ(IOCTL(fd, BLKFLSBUF, 0), 0);
		EQ(IOCTL(fd, LOOP_CLR_FD, 0), 0);
	}
	close(fd), close(file);
}

int main(void)
{
	test_terminal();
	test_files();
	test_fcntl();
	test_network();
	test_devices();
	return done();
}
