/* What only a riscv64 kernel has: hwprobe, flush_icache, its uname; and calls that are refused with a reason. */
#include "tests/sys/sys.h"

#include <sched.h>
#include <sys/utsname.h>

struct pair {
	long key;
	unsigned long value;
};

static int count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

/* Whichever way it is reached, with a hart for each cpu that is online. */
static void test_cpuinfo(void)
{
	int dir = open("/proc", O_RDONLY | O_DIRECTORY);
	const char *paths[] = { "/proc/cpuinfo", "cpuinfo", "self/../cpuinfo" };
	static char text[1 << 20];

	for (int i = 0; i < 3; i++) {
		int fd = openat(dir, paths[i], O_RDONLY);
		ssize_t n = read(fd, text, sizeof text - 1);

		text[n > 0 ? n : 0] = 0;
		EQ(count(text, "processor\t: "), sysconf(_SC_NPROCESSORS_ONLN));
		EQ(count(text, "\nhart\t\t: "), sysconf(_SC_NPROCESSORS_ONLN));
		EQ(count(text, "\nisa\t\t: rv64imafdc"), sysconf(_SC_NPROCESSORS_ONLN));
		EQ(count(text, "vendor_id"), 0);
		close(fd);
	}
	dir = open("/proc/sys/kernel/arch", O_RDONLY);
	CHECK(read(dir, text, 100) == 8 && !memcmp(text, "riscv64\n", 8));
	close(dir);
}

/* From here on the process keeps to the last cpu that it may run on: hwprobe is about those that are online. */
static void keep_to_one_cpu(void)
{
	cpu_set_t all, one;
	int last = CPU_SETSIZE - 1;

	CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
	while (last > 0 && !CPU_ISSET(last, &all))
		last--;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

int main(void)
{
	struct pair p[3] = { { 3, 77 }, { 4, 77 }, { 12345, 77 } };
	unsigned long cpus[16] = { 0 };
	struct utsname u;

	EQ(RAW(258, p, 3, 0, 0, 0), 0);
	EQ(p[0].key, 3);
	EQ(p[0].value, 1);
	EQ(p[1].value & 3, 3);
	EQ(p[2].key, -1);
	EQ(p[2].value, 0);
	EQ(RAW(258, p, 3, 0, 0, 2), -EINVAL);
	EQ(RAW(258, 8, 1, 0, 0, 0), -EFAULT);
	EQ(RAW(258, p, 1, 8, cpus, 0), -EINVAL); /* no cpu chosen */
	keep_to_one_cpu();
	cpus[0] = 1;
	EQ(RAW(258, p, 1, 8, cpus, 0), 0);
	EQ(RAW(258, p, 1, 8, 8, 0), -EFAULT);
	/* Which cpus have these? */
	cpus[0] = 0;
	EQ(RAW(258, p, 1, 8, cpus, 1), 0);
	CHECK(cpus[0] & 1);
	p[1] = (struct pair){ 4, 1ul << 2 }; /* vectors: none of them */
	cpus[0] = 0;
	EQ(RAW(258, p, 2, 8, cpus, 1), 0);
	EQ(cpus[0], 0);
	EQ(RAW(258, p, 1, 0, 0, 1), -EINVAL);
	EQ(RAW(259, 0, 0, 0), 0);
	EQ(RAW(259, &u, &u + 1, 1), 0);
	EQ(RAW(259, 0, 0, 2), -EINVAL);
	EQ(uname(&u), 0);
	CHECK(!strcmp(u.machine, "riscv64"));
	EQ(RAW(SYS_rseq, &u, 32, 0, 0), -ENOSYS);
	EQ(RAW(SYS_pkey_alloc, 0, 0), -ENOSYS);
	EQ(RAW(SYS_pkey_mprotect, 0, 0, 0, 3), -EINVAL);
	/* PR_RISCV_*: no vectors; fence.i acts for all threads without being asked. */
	EQ(RAW(SYS_prctl, G(69), 2, 0, 0, 0), -EINVAL);
	EQ(RAW(SYS_prctl, G(70), 0, 0, 0, 0), -EINVAL);
	EQ(RAW(SYS_prctl, G(71), 0, 0, 0, 0), 0);
	EQ(RAW(SYS_prctl, G(71), 1, 1, 0, 0), 0);
	EQ(RAW(SYS_prctl, G(71), 2, 0, 0, 0), -EINVAL);
	EQ(RAW(SYS_prctl, G(71), 0, 2, 0, 0), -EINVAL);
	test_cpuinfo();
	return done();
}
