/* Mappings of huge pages: sizes, rounding, what is refused. None is touched, so none needs to be there. */
#include "tests/sys/sys.h"

#include <linux/memfd.h>
#include <sys/mman.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

enum { KB = 1024, MB = 1024 * KB, ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

static char *map(void *at, size_t len, int flags, int fd)
{
	return mmap(at, len, PROT_READ | PROT_WRITE, flags, fd, 0);
}

/* Whether the page at p is mapped. */
static int is_mapped(char *p) { return msync(p, 4096, MS_ASYNC) == 0; }

/* A mapping that asks for less than a page is one page, on its boundary. */
static void check_page(char *p, size_t page)
{
	if (!CHECK(p != MAP_FAILED))
		return;
	EQ((uintptr_t)p % page, 0);
	CHECK(is_mapped(p) && is_mapped(p + page - 4096));
	FAILS(munmap(p, 4096), EINVAL);
	FAILS(munmap(p + 4096, page - 4096), EINVAL);
	FAILS(mprotect(p, 4096, PROT_READ), EINVAL);
	EQ(munmap(p, page), 0);
	CHECK(!is_mapped(p) && !is_mapped(p + page - 4096));
}

static void test_fixed(void)
{
	/* A range of our own, with room for one page on its boundary in the middle. */
	char *room = map(NULL, 6 * MB, ANON, -1);
	char *at = (char *)(((uintptr_t)room + 2 * MB + 2 * MB - 1) & -(uintptr_t)(2 * MB));
	char *p;

	EQ(map(at + 4096, 4096, ANON | MAP_FIXED | MAP_HUGETLB, -1), MAP_FAILED);
	EQ(errno, EINVAL);
	EQ(map(at, 4096, ANON | MAP_FIXED_NOREPLACE | MAP_HUGETLB, -1), MAP_FAILED);
	EQ(errno, EEXIST);
	at[-1] = at[2 * MB] = 7;
	p = map(at, 4096, ANON | MAP_FIXED | MAP_HUGETLB, -1);
	EQ(p, at);
	check_page(p, 2 * MB);
	CHECK(at[-1] == 7 && at[2 * MB] == 7);
	/* What is in the way of the whole page is in the way, though it lies behind the bytes asked for. */
	EQ(map(at + MB, 4096, ANON | MAP_FIXED, -1), at + MB);
	EQ(map(at, 4096, ANON | MAP_FIXED_NOREPLACE | MAP_HUGETLB, -1), MAP_FAILED);
	EQ(errno, EEXIST);
	EQ(munmap(room, 6 * MB), 0);
}

int main(void)
{
	int fd = syscall(SYS_memfd_create, "huge", MFD_HUGETLB);
	size_t gb = (size_t)1 << 30;
	char *p;

	check_page(map(NULL, 4096, ANON | MAP_HUGETLB, -1), 2 * MB);
	check_page(map(NULL, 1, ANON | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1), 2 * MB);
	p = map(NULL, 4096, ANON | MAP_HUGETLB | 30 << MAP_HUGE_SHIFT, -1);
	if (p != MAP_FAILED) /* not every cpu has these */
		check_page(p, gb);
	/* Sizes that there are not. */
	for (int shift = 1; shift < 64; shift++)
		if (shift != 16 && shift != 21 && shift != 25 && shift != 30 && shift != 34) {
			EQ(map(NULL, 4096, ANON | MAP_HUGETLB | (unsigned)shift << MAP_HUGE_SHIFT,
			       -1),
			   MAP_FAILED);
			EQ(errno, EINVAL);
		}
	EQ(map(NULL, (size_t)1 << 60, ANON | MAP_HUGETLB | 23 << MAP_HUGE_SHIFT, -1), MAP_FAILED);
	EQ(errno, EINVAL);
	EQ(map(NULL, (size_t)1 << 60, ANON | MAP_HUGETLB, -1), MAP_FAILED);
	EQ(errno, ENOMEM);
	test_fixed();
	/* A file of huge pages needs no flag; no other file takes it. */
	if (CHECK(fd >= 0))
		check_page(map(NULL, 4096, MAP_SHARED | MAP_NORESERVE, fd), 2 * MB);
	fd = open("/proc/self/exe", O_RDONLY);
	EQ(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0), MAP_FAILED);
	EQ(errno, EINVAL);
	return done();
}
