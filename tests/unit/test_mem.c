/*
 * The guest's address space: the kernel's rules, checked against the host kernel itself, in both placements
 * (guest address = host address, and at a base); guards, access, fetch.
 *
 * KIT_MEM_STEPS: steps of the random comparison (each placement), default 3000; KIT_MEM_SEED.
 */
#include "tests/unit/check.h"

#include "arch/native.h"
#include "runtime/mem/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE = MEM_PAGE_BYTES,
	RW = PROT_READ | PROT_WRITE,
	RWX = PROT_READ | PROT_WRITE | PROT_EXEC,
	ANON = MAP_PRIVATE | MAP_ANONYMOUS,
};

#define SV39_TOP (UINT64_C(1) << 38)

/* What the listener heard. */
static struct heard {
	unsigned count;
	gaddr start;
	uint64_t size;
} heard;

static void listen(void *ctx, gaddr start, uint64_t size)
{
	(void)ctx;
	heard.count++;
	heard.start = start;
	heard.size = size;
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	(void)info;
	if (!native_fixup(uc)) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static struct mem_space *new_space(bool want_base)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct diag d = DIAG_INIT;
	struct mem_space *m = mem_new(&(struct mem_want){ .base = want_base }, &d);

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	if (!m) {
		printf("  mem_new: %s\n", d.text);
		exit(1);
	}
	mem_set_listener(m, (struct mem_listener){ .code_changed = listen });
	heard = (struct heard){ 0 };
	return m;
}

/* Runs a test in both placements. */
static void both(void (*test)(struct mem_space *m))
{
	for (int base = 0; base < 2; base++) {
		struct mem_space *m = new_space(base);

		CHECK_AT("%s", base ? "at a base" : "direct");
		test(m);
		mem_free(m);
	}
	check_where[0] = 0;
}

static int64_t map_anon(struct mem_space *m, gaddr at, uint64_t len, int prot)
{
	return mem_mmap(m, at, len, prot, ANON | (at ? MAP_FIXED : 0), -1, 0);
}

static uint64_t rng_state;

static uint64_t rnd(uint64_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (rng_state >> 8) % n;
}

/* ---- random sequences, side by side with the host kernel ------------------------------------ */

enum { REGION_PAGES = 48, REGION_AND_TAIL = REGION_PAGES + 16, FILE_PAGES = 20 };

#define GUEST_REGION UINT64_C(0x1234560000)
#define HOST_REGION  UINT64_C(0x540000000000)

struct page_state {
	bool mapped, shared;
	int prot;
	uint64_t offset;
};

/* One side of the comparison. */
struct side {
	struct mem_space *m; /* NULL: the host kernel */
	uint64_t region;
	int fd;
};

static int64_t kernel_result(long r) { return r == -1 ? -errno : r; }

static int64_t do_mmap(struct side *s, uint64_t a, uint64_t len, int prot, int flags, int fd,
		       int64_t off)
{
	if (s->m)
		return mem_mmap(s->m, a, len, prot, flags, fd, off);
	return kernel_result(syscall(SYS_mmap, a, len, prot, flags, fd, off));
}

static int64_t do_munmap(struct side *s, uint64_t a, uint64_t len)
{
	return s->m ? mem_munmap(s->m, a, len) : kernel_result(syscall(SYS_munmap, a, len));
}

static int64_t do_mprotect(struct side *s, uint64_t a, uint64_t len, int prot)
{
	return s->m ? mem_mprotect(s->m, a, len, prot)
		    : kernel_result(syscall(SYS_mprotect, a, len, prot));
}

static int64_t do_mremap(struct side *s, uint64_t a, uint64_t len, uint64_t nlen, int flags,
			 uint64_t to)
{
	if (s->m)
		return mem_mremap(s->m, a, len, nlen, flags, to);
	return kernel_result(syscall(SYS_mremap, a, len, nlen, flags, to));
}

static int64_t do_other(struct side *s, int op, uint64_t a, uint64_t len, int arg)
{
	switch (op) {
	case 0:
		return s->m ? mem_madvise(s->m, a, len, arg)
			    : kernel_result(syscall(SYS_madvise, a, len, arg));
	case 1:
		return s->m ? mem_msync(s->m, a, len, arg)
			    : kernel_result(syscall(SYS_msync, a, len, arg));
	default:
		return s->m ? mem_munlock(s->m, a, len)
			    : kernel_result(syscall(SYS_munlock, a, len));
	}
}

struct step {
	int op;
	uint64_t page, pages, to_page, new_pages;
	unsigned skew, skew2; /* bytes added to the address, taken from the length */
	int prot, flags, fd;  /* fd: 0 the file, 1 none, 2 bad */
	int64_t offset;
	char text[160];
};

static void make_mmap(struct step *s)
{
	static const int how[] = { MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0 };

	s->prot = (int)rnd(8);
	s->flags = how[rnd(4)] | (rnd(3) ? MAP_PRIVATE : MAP_SHARED);
	if (rnd(2)) {
		s->flags |= MAP_ANONYMOUS;
		s->fd = 1;
	}
	if (!rnd(40))
		s->fd = 2;
	if (!rnd(60))
		s->flags &= ~MAP_TYPE;
	if (!rnd(8))
		s->flags |= MAP_NORESERVE;
	s->offset = (int64_t)rnd(FILE_PAGES) * PAGE + (rnd(50) ? 0 : 512);
}

static void make_step(struct step *s)
{
	static const int advice[] = { MADV_DONTNEED, MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED,
				      1000 };
	static const int sync[] = { MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_ASYNC | MS_SYNC };

	*s = (struct step){ .op = (int)rnd(12),
			    .page = rnd(REGION_PAGES),
			    .to_page = rnd(REGION_PAGES) };
	s->pages = 1 + rnd(8);
	s->new_pages = 1 + rnd(8);
	if (!rnd(60))
		s->pages = rnd(2) ? 0 : UINT64_C(1) << 40;
	if (!rnd(30))
		s->skew = 1 + (unsigned)rnd(PAGE - 1);
	if (!rnd(10))
		s->skew2 = (unsigned)rnd(PAGE - 1);
	s->prot = (int)rnd(8);
	if (!rnd(40))
		s->prot |= (int[]){ 8, 16, PROT_GROWSDOWN, PROT_GROWSUP,
				    PROT_GROWSDOWN | PROT_GROWSUP }[rnd(5)];
	if (s->op < 4)
		make_mmap(s);
	else if (s->op == 9 || s->op == 10)
		s->flags = (int)rnd(8) | (rnd(40) ? 0 : 8);
	else if (s->op == 11)
		s->fd = (int)rnd(3);
	if (s->op == 11 && s->pages > 8)
		s->pages = 8; /* the kernel would discard this test's own memory as well */
	if (s->op == 11)
		s->flags = s->fd == 1 ? sync[rnd(4)] : advice[rnd(5)];
	if (!rnd(8) && s->op >= 9)
		s->pages = s->new_pages;
	snprintf(s->text, sizeof s->text,
		 "op %d page %" PRIu64 "+%" PRIu64 " to %" PRIu64 "+%" PRIu64
		 " skew %u %u prot %d flags 0x%x fd %d off %" PRId64,
		 s->op, s->page, s->pages, s->to_page, s->new_pages, s->skew, s->skew2, s->prot,
		 (unsigned)s->flags, s->fd, s->offset);
}

/* A result that lies in the region becomes relative to it; an address elsewhere is given back, and is 1 << 62. */
static int64_t relative(struct side *s, int64_t r, uint64_t len)
{
	if (r < 0)
		return r;
	if ((uint64_t)r >= s->region && (uint64_t)r < s->region + REGION_PAGES * PAGE)
		return r - (int64_t)s->region;
	do_munmap(s, (uint64_t)r, len);
	return INT64_C(1) << 62;
}

static int64_t run_step(struct side *s, const struct step *t)
{
	uint64_t a = s->region + t->page * PAGE + t->skew, len = t->pages * PAGE;
	int fd = t->fd == 0 ? s->fd : t->fd == 1 ? -1 : 999;

	if (len)
		len -= t->skew2;
	switch (t->op) {
	case 0:
	case 1:
	case 2:
	case 3:
		return relative(s, do_mmap(s, a, len, t->prot, t->flags, fd, t->offset), len);
	case 4:
	case 5:
		return do_munmap(s, a, len);
	case 6:
	case 7:
	case 8:
		return do_mprotect(s, a, len, t->prot);
	case 9:
	case 10:
		return relative(s,
				do_mremap(s, a, len, t->new_pages * PAGE, t->flags,
					  s->region + t->to_page * PAGE),
				t->new_pages * PAGE);
	default:
		return do_other(s, t->fd, a, len, t->flags);
	}
}

struct page_list {
	uint64_t region;
	struct page_state p[REGION_AND_TAIL];
};

static void set_pages(struct page_list *l, uint64_t start, uint64_t end,
		      const struct page_state *st)
{
	for (unsigned i = 0; i < ARRAY_LEN(l->p); i++) {
		uint64_t a = l->region + i * PAGE;

		if (a < start || a >= end)
			continue;
		l->p[i] = *st;
		l->p[i].offset = st->offset + (a - start);
	}
}

/* The pages of host_region as /proc/self/maps has them. */
static void read_host(struct page_list *l, uint64_t host_region)
{
	static char text[1 << 17];
	FILE *f = fopen("/proc/self/maps", "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	memset(l->p, 0, sizeof l->p);
	l->region = host_region;
	if (f)
		fclose(f);
	text[n] = '\0';
	for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		unsigned long start, end, offset;
		struct page_state st = { .mapped = true };
		char prot[5];

		if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, prot, &offset) != 4)
			continue;
		if (end <= host_region || start >= host_region + sizeof l->p / sizeof *l->p * PAGE)
			continue;
		st.prot = (prot[0] == 'r') | (prot[1] == 'w') << 1 | (prot[2] == 'x') << 2;
		st.shared = prot[3] == 's';
		st.offset = offset;
		set_pages(l, start, end, &st);
	}
}

static bool note_vma(void *ctx, const struct mem_vma *v)
{
	struct page_state st = { .mapped = true,
				 .prot = v->prot,
				 .shared = (v->flags & MAP_TYPE) == MAP_SHARED,
				 .offset = v->offset };

	set_pages(ctx, v->start, v->end, &st);
	return true;
}

/* A failed comparison of page i. */
static void page_differs(unsigned i, const struct page_state *a, const struct page_state *b,
			 const char *what)
{
	if (check_failed++ < CHECK_MOST)
		printf("  [%s] page %u: %s: mapped %d prot %d shared %d, and %d %d %d\n",
		       check_where, i, what, a->mapped, a->prot, a->shared, b->mapped, b->prot,
		       b->shared);
}

static void compare_pages(struct mem_space *m)
{
	struct page_list host, guest = { .region = GUEST_REGION }, real;

	read_host(&host, HOST_REGION);
	read_host(&real, GUEST_REGION + mem_base(m));
	mem_each(m, note_vma, &guest);
	for (unsigned i = 0; i < ARRAY_LEN(host.p); i++) {
		const struct page_state *h = &host.p[i], *g = &guest.p[i], *r = &real.p[i];
		int want = g->prot & RW;

		if (g->prot & PROT_EXEC)
			want |= PROT_READ;
		if (h->mapped != g->mapped || h->prot != g->prot || h->shared != g->shared)
			page_differs(i, h, g, "kernel and list");
		if (r->mapped != (g->mapped || mem_base(m) != 0) || r->prot != want
		    || r->shared != g->shared)
			page_differs(i, g, r, "list and what is mapped");
	}
}

/* Writes the same byte to a page on both sides, or compares a page of both. */
static void touch(struct mem_space *m, unsigned page, int value)
{
	char *host = (char *)(uintptr_t)(HOST_REGION + page * PAGE + 8), h, g; /* NOLINT */
	gaddr guest = GUEST_REGION + page * PAGE + 8;
	bool host_ok, guest_ok;

	if (value) {
		h = (char)value;
		host_ok = native_copy(host, &h, 1);
		guest_ok = mem_copy_out(m, guest, &h, 1);
		CHECK_EQ(guest_ok, host_ok);
		return;
	}
	h = g = 0;
	host_ok = native_copy(&h, host, 1);
	guest_ok = mem_copy_in(m, &g, guest, 1);
	CHECK_EQ(guest_ok, host_ok);
	CHECK_EQ(g, h);
}

static bool is_exec_only(struct mem_space *m, unsigned page)
{
	struct mem_vma v;

	return mem_find(m, GUEST_REGION + page * PAGE, &v) && v.prot == PROT_EXEC;
}

static int make_file(void)
{
	int fd = memfd_create("test_mem", MFD_CLOEXEC);

	/* Its last page is half full, and mappings reach beyond it. */
	if (ftruncate(fd, (FILE_PAGES - 6) * PAGE - PAGE / 2))
		exit(1);
	for (unsigned i = 0; i < FILE_PAGES - 6; i++)
		(void)!pwrite(fd, &i, sizeof i, (off_t)i * PAGE + 8);
	return fd;
}

static void compare_with_kernel(struct mem_space *m)
{
	const char *steps = getenv("KIT_MEM_STEPS"), *seed = getenv("KIT_MEM_SEED");
	unsigned count = steps ? (unsigned)atoi(steps) : 3000, unclear = 0;
	struct side host = { .region = HOST_REGION, .fd = make_file() };
	struct side guest = { .m = m, .region = GUEST_REGION, .fd = make_file() };

	rng_state = 88172645463325252u + (seed ? (uint64_t)atoll(seed) * 7919 : 0);
	for (unsigned i = 0; i < count && check_failed < 5; i++) {
		struct step t;
		int64_t want, got;

		make_step(&t);
		want = run_step(&host, &t);
		got = run_step(&guest, &t);
		CHECK_AT("base %d step %u: %s", mem_base(m) != 0, i, t.text);
		if (t.op >= 9 && t.op <= 10 && got != want && (got == -EFAULT || want == -EFAULT)) {
			/* Whether the kernel merged two mappings depends on more than a program can see. */
			unclear++;
			do_munmap(&host, HOST_REGION, REGION_AND_TAIL * PAGE);
			do_munmap(&guest, GUEST_REGION, REGION_AND_TAIL * PAGE);
			continue;
		}
		CHECK_EQ(got, want);
		if (t.op >= 9 && t.op <= 10 && want < 0 && (t.flags & MREMAP_FIXED)) {
			/* Nor may it see whether what lay at the new place is gone after that. */
			do_munmap(&host, HOST_REGION + t.to_page * PAGE, t.new_pages * PAGE);
			do_munmap(&guest, GUEST_REGION + t.to_page * PAGE, t.new_pages * PAGE);
		}
		compare_pages(m);
		for (unsigned n = 0; n < 4; n++) {
			unsigned page = (unsigned)rnd(REGION_PAGES);

			if (!is_exec_only(m, page))
				touch(m, page, rnd(2) ? 1 + (int)rnd(100) : 0);
		}
	}
	for (unsigned page = 0; page < REGION_PAGES; page++)
		if (!is_exec_only(m, page))
			touch(m, page, 0);
	CHECK(unclear <= 2 + count / 1000);
	munmap((void *)(uintptr_t)HOST_REGION, REGION_AND_TAIL * PAGE);
	close(host.fd);
	close(guest.fd);
}

static void test_kernel_rules(void) { both(compare_with_kernel); }

/* ---- where mappings go --------------------------------------------------------------------- */

static void placement(struct mem_space *m)
{
	int64_t a, b;

	a = map_anon(m, 0, 3 * PAGE, RW);
	b = map_anon(m, 0, PAGE, PROT_READ);
	CHECK_EQ(a, SV39_TOP - 3 * PAGE);
	CHECK_EQ(b, a - PAGE);
	/* A hole is used by what fits it. */
	CHECK_EQ(mem_munmap(m, (gaddr)a + PAGE, PAGE), 0);
	CHECK_EQ(map_anon(m, 0, 2 * PAGE, RW), b - 2 * PAGE);
	CHECK_EQ(map_anon(m, 0, PAGE, RW), a + PAGE);
	/* Hints. */
	CHECK_EQ(mem_mmap(m, 0x7001123, PAGE, RW, ANON, -1, 0), 0x7001000);
	CHECK_EQ(mem_mmap(m, PAGE, PAGE, RW, ANON, -1, 0), mem_min(m));
	CHECK_EQ(mem_mmap(m, 8, PAGE, RW, ANON, -1, 0), b - 3 * PAGE);
	CHECK_EQ(mem_mmap(m, 0x7001000, PAGE, RW, ANON, -1, 0), b - 4 * PAGE);
	CHECK_EQ(mem_mmap(m, 0x7001000, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
	mem_set_mmap_top(m, 0x2000000000);
	CHECK_EQ(map_anon(m, 0, PAGE, RW), 0x2000000000 - PAGE);
}

static void test_placement(void) { both(placement); }

static uint64_t resident_kib(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

static void test_huge_reservations(void)
{
	struct mem_space *m = new_space(false);
	uint64_t before = resident_kib();
	int64_t a = mem_mmap(m, 0, UINT64_C(4) << 40, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	int64_t b = mem_mmap(m, 0, UINT64_C(1) << 37, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	CHECK(a > (int64_t)SV39_TOP);
	CHECK(b > 0 && b < (int64_t)SV39_TOP);
	CHECK_EQ(mem_mprotect(m, (gaddr)a + (UINT64_C(1) << 40), PAGE, RW), 0);
	CHECK(mem_copy_out(m, (gaddr)a + (UINT64_C(1) << 40), "x", 1));
	CHECK(resident_kib() < before + 200);
	/* What Go asks for: a hint beyond Sv39. */
	CHECK_EQ(mem_mmap(m, 0xc000000000, 64 << 20, PROT_NONE, ANON | MAP_NORESERVE, -1, 0),
		 0xc000000000);
	CHECK_EQ(mem_mmap(m, 0, UINT64_C(1) << 47, PROT_NONE, ANON | MAP_NORESERVE, -1, 0),
		 -ENOMEM);
	mem_free(m);
}

static bool find_ours(void *ctx, const struct mem_vma *v)
{
	(void)ctx, (void)v;
	CHECK(false);
	return true;
}

/* Neither kitemu's text, data, heap and stack nor the host's vDSO can be touched through the guest's calls. */
static void untouchable(struct mem_space *m)
{
	static int data = 42;
	void *heap = malloc(64);
	const void *own[] = { (const void *)(uintptr_t)&untouchable, &data, heap, &heap };

	for (unsigned i = 0; i < ARRAY_LEN(own); i++) {
		gaddr a = mem_guest(m, own[i]) & ~(gaddr)(PAGE - 1), top = mem_limit(m);

		CHECK_EQ(mem_mmap(m, a, PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
		CHECK_EQ(mem_mmap(m, a, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), -ENOMEM);
		CHECK_EQ(mem_mmap(m, top - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), -ENOMEM);
		CHECK_EQ(mem_munmap(m, a, PAGE), -EINVAL);
		CHECK_EQ(mem_mprotect(m, a, PAGE, PROT_NONE), -ENOMEM);
		CHECK_EQ(mem_madvise(m, a, PAGE, MADV_DONTNEED), -ENOMEM);
		CHECK_EQ(mem_mremap(m, a, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x100000),
			 -EFAULT);
		CHECK(!mem_copy_in(m, heap, a, 8));
		CHECK(!mem_copy_out(m, a, heap, 8));
		CHECK(!mem_access_ok(m, a, 1, 0));
		CHECK_EQ(mem_fetch(m, a, heap, 4), 0);
		CHECK(mem_mmap(m, a, PAGE, RW, ANON, -1, 0) > 0); /* a hint that cannot be taken */
		CHECK_EQ(mem_munmap(m, mem_limit(m) - PAGE, PAGE), 0);
	}
	CHECK_EQ(data, 42);
	mem_munmap(m, 0, mem_limit(m));
	mem_each(m, find_ours, NULL);
	CHECK_EQ(data, 42);
	free(heap);
}

static void test_untouchable(void) { both(untouchable); }

/* ---- brk ----------------------------------------------------------------------------------- */

static void brk_rules(struct mem_space *m)
{
	const gaddr start = 0x4000000;
	struct mem_vma v;
	char c = 0;

	mem_set_brk(m, start - 100);
	CHECK_EQ(mem_brk(m, 0), start);
	CHECK_EQ(mem_brk(m, start + 10), start + 10);
	CHECK(mem_copy_out(m, start + PAGE - 1, "z", 1));
	CHECK_EQ(mem_brk(m, start + 5 * PAGE + 1), start + 5 * PAGE + 1);
	CHECK(mem_find(m, start, &v));
	CHECK_STR(v.name, "[heap]");
	CHECK_EQ(v.end, start + 6 * PAGE);
	CHECK(mem_copy_in(m, &c, start + PAGE - 1, 1));
	CHECK_EQ(c, 'z');
	/* Down and up again: fresh pages. */
	CHECK(mem_copy_out(m, start + 4 * PAGE, "y", 1));
	CHECK_EQ(mem_brk(m, start + PAGE), start + PAGE);
	CHECK(!mem_copy_in(m, &c, start + 4 * PAGE, 1));
	CHECK_EQ(mem_brk(m, start + 8 * PAGE), start + 8 * PAGE);
	CHECK(mem_copy_in(m, &c, start + 4 * PAGE, 1));
	CHECK_EQ(c, 0);
	/* Neighbours, with a page between; silly addresses. */
	CHECK_EQ(map_anon(m, start + 16 * PAGE, PAGE, RW), start + 16 * PAGE);
	CHECK_EQ(mem_brk(m, start + 16 * PAGE), start + 8 * PAGE);
	CHECK_EQ(mem_brk(m, start + 15 * PAGE), start + 15 * PAGE);
	CHECK_EQ(mem_brk(m, start - 1), start + 15 * PAGE);
	CHECK_EQ(mem_brk(m, mem_limit(m)), start + 15 * PAGE);
	CHECK_EQ(mem_brk(m, UINT64_MAX), start + 15 * PAGE);
	CHECK_EQ(mem_brk(m, mem_guest(m, &v)), start + 15 * PAGE);
}

static void test_brk(void) { both(brk_rules); }

static void test_brk_limit(void)
{
	/* In a child: RLIMIT_DATA counts for the whole process. */
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct mem_space *m = new_space(false);
		struct rlimit lim = { 64 << 20, 64 << 20 };

		mem_set_brk(m, 0x4000000);
		setrlimit(RLIMIT_DATA, &lim);
		_exit(mem_brk(m, 0x4000000 + (32 << 20)) == 0x4000000 + (32 << 20)
			      && mem_brk(m, 0x4000000 + (65 << 20)) == 0x4000000 + (32 << 20)
			  ? 0
			  : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
}

/* ---- guards, fetch, access ----------------------------------------------------------------- */

static void guards(struct mem_space *m)
{
	const gaddr a = 0x5000000;
	char c = 1;
	uint64_t times;

	CHECK_EQ(map_anon(m, a, 4 * PAGE, RWX), a);
	CHECK(!mem_any_guarded(m));
	for (unsigned i = 1; i <= 8; i++) {
		times = mem_guards(m);
		CHECK(mem_guard(m, a + PAGE - 2, 4));
		CHECK(mem_guards(m) > times);
		times = mem_guards(m);
		CHECK(mem_guard(m, a, PAGE));
		CHECK(mem_guards(m) == times);
		CHECK(mem_any_guarded(m));
		CHECK(!native_store(mem_host(m, a), 1, i));
		CHECK(native_store(mem_host(m, a + 2 * PAGE), 1, i));
		CHECK(mem_guard_hit(m, a + 5));
		CHECK_EQ(heard.count, i);
		CHECK_EQ(heard.start, a);
		CHECK_EQ(heard.size, PAGE);
		CHECK(native_store(mem_host(m, a), 1, i));
		CHECK(mem_guard_hit(m, a + 5)); /* as a second thread would find it */
		CHECK_EQ(heard.count, i);
	}
	CHECK(!mem_guard(m, a, 4)); /* written too often */
	CHECK(mem_guard(m, a + PAGE, 4));
	CHECK(native_store(mem_host(m, a), 1, 1));
	CHECK(!native_store(mem_host(m, a + PAGE), 1, 1));
	/* A system call's copy opens the page by itself; a host system call wants it opened. */
	CHECK(mem_copy_out(m, a + PAGE, &c, 1));
	CHECK_EQ(heard.count, 9);
	CHECK(!mem_any_guarded(m));
	CHECK(mem_guard(m, a + PAGE, 4));
	mem_unguard(m, a, 4 * PAGE);
	CHECK_EQ(heard.count, 10);
	CHECK(!mem_any_guarded(m));
	/* Addresses without a guard are real faults. */
	CHECK(!mem_guard_hit(m, a + 3 * PAGE));
	CHECK(!mem_guard_hit(m, a + 100 * PAGE));
	/* A page that is mapped anew forgets. */
	CHECK_EQ(map_anon(m, a, PAGE, RWX), a);
	CHECK_EQ(heard.count, 11);
	CHECK(mem_guard(m, a, 4));
	CHECK_EQ(mem_munmap(m, a, 4 * PAGE), 0);
	CHECK_EQ(heard.count, 12);
	CHECK(!mem_any_guarded(m));
}

static void test_guards(void) { both(guards); }

/* Who tells the listener, and who does not. */
static void telling(struct mem_space *m)
{
	const gaddr a = 0x5000000;
	const int rx = PROT_READ | PROT_EXEC;

	map_anon(m, a, 4 * PAGE, rx);
	CHECK_EQ(mem_mprotect(m, a, 4 * PAGE, rx), 0);
	CHECK_EQ(heard.count, 0);
	CHECK(mem_guard(m, a, PAGE));
	CHECK(!mem_any_guarded(m)); /* not writable: no guard is needed ... */
	CHECK_EQ(mem_mprotect(m, a, PAGE, RWX), 0);
	CHECK_EQ(heard.count, 1); /* ... until it is */
	CHECK(mem_guard(m, a, PAGE));
	CHECK_EQ(mem_mprotect(m, a, PAGE, rx), 0);
	CHECK_EQ(heard.count, 1);
	CHECK(!mem_any_guarded(m));
	CHECK_EQ(mem_mprotect(m, a, PAGE, RW), 0);
	CHECK_EQ(heard.count, 2);
	CHECK_EQ(mem_mprotect(m, a, PAGE, rx), 0);
	CHECK_EQ(heard.count, 2);
	CHECK_EQ(mem_madvise(m, a, PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(heard.count, 3);
	CHECK_EQ(mem_mremap(m, a, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 16 * PAGE),
		 a + 16 * PAGE);
	CHECK_EQ(heard.count, 4);
	CHECK_EQ(map_anon(m, a + 2 * PAGE, PAGE, RW), a + 2 * PAGE);
	CHECK_EQ(heard.count, 5);
	CHECK_EQ(mem_munmap(m, a + 2 * PAGE, PAGE), 0);
	CHECK_EQ(heard.count, 5);
	CHECK_EQ(mem_munmap(m, a, 32 * PAGE), 0);
	CHECK_EQ(heard.count, 6);
	CHECK_EQ(heard.size, 32 * PAGE);
	/* Another view could write: no guard. */
	CHECK_EQ(mem_mmap(m, a, PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0), a);
	CHECK(!mem_guard(m, a, 4));
	CHECK(!mem_guard(m, a + PAGE, 4)); /* nothing there */
}

static void test_telling(void) { both(telling); }

static void many_guards(struct mem_space *m)
{
	const gaddr a = 0x5000000;
	enum { N = 400 };

	map_anon(m, a, 2 * N * PAGE, RWX);
	for (unsigned i = 0; i < N; i++)
		CHECK(mem_guard(m, a + 2 * i * PAGE, 4));
	for (unsigned i = 0; i < N; i += 3)
		CHECK_EQ(mem_munmap(m, a + 2 * i * PAGE, PAGE), 0);
	for (unsigned i = 0; i < N; i++)
		CHECK_EQ(mem_guard_hit(m, a + 2 * i * PAGE), i % 3 != 0);
	CHECK(!mem_any_guarded(m));
	for (unsigned i = 1; i < N; i += 3)
		CHECK(mem_guard(m, a + 2 * i * PAGE, 4));
	CHECK_EQ(mem_munmap(m, 0x10000, UINT64_C(1) << 30),
		 0); /* far more pages than the table has */
	CHECK(!mem_any_guarded(m));
	for (unsigned i = 0; i < N; i++)
		CHECK(!mem_guard_hit(m, a + 2 * i * PAGE));
}

static void test_many_guards(void) { both(many_guards); }

static void fetch(struct mem_space *m)
{
	const gaddr a = 0x5000000;
	unsigned char buf[64];
	int fd = memfd_create("code", 0);

	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK_EQ(pwrite(fd, "\1\2\3\4", 4, PAGE - 4), 4);
	CHECK_EQ(mem_mmap(m, a, 2 * PAGE, PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0), a);
	CHECK_EQ(mem_fetch(m, a + PAGE - 4, buf, 64), 4); /* the second page is beyond the file */
	CHECK_MEM(buf, "\1\2\3\4", 4);
	CHECK_EQ(mem_fetch(m, a + PAGE, buf, 4), 0);
	CHECK_EQ(mem_fetch(m, a - 2, buf, 4), 0);
	CHECK_EQ(map_anon(m, a + PAGE, PAGE, PROT_READ), a + PAGE);
	CHECK_EQ(mem_fetch(m, a + PAGE - 2, buf, 8), 2); /* readable is not executable */
	CHECK_EQ(map_anon(m, a + PAGE, PAGE, PROT_EXEC), a + PAGE);
	CHECK_EQ(mem_fetch(m, a + PAGE - 2, buf, 8), 8);
	CHECK_MEM(buf, "\3\4\0\0", 4);
	CHECK_EQ(mem_fetch(m, UINT64_MAX - 1, buf, 8), 0);
	CHECK_EQ(mem_fetch(m, mem_limit(m) - 1, buf, 8), 0);
	close(fd);
}

static void test_fetch(void) { both(fetch); }

static void access_rules(struct mem_space *m)
{
	const gaddr a = 0x5000000;
	char buf[200] = "";

	map_anon(m, a, PAGE, RW);
	map_anon(m, a + PAGE, PAGE, PROT_READ);
	CHECK(mem_copy_out(m, a + PAGE - 6, "hello", 6));
	CHECK_EQ(mem_copy_str(m, buf, a + PAGE - 6, sizeof buf), 5);
	CHECK_STR(buf, "hello");
	CHECK_EQ(mem_copy_str(m, buf, a + PAGE - 6, 5), -ENAMETOOLONG);
	CHECK_EQ(mem_copy_str(m, buf, a + PAGE - 6, 6), 5);
	CHECK(mem_copy_out(m, a + PAGE - 6, "helloo", 6));
	CHECK_EQ(mem_copy_str(m, buf, a + PAGE - 6, sizeof buf), 6);
	CHECK_EQ(mem_mprotect(m, a + PAGE, PAGE, PROT_NONE), 0);
	CHECK_EQ(mem_copy_str(m, buf, a + PAGE - 6, sizeof buf), -EFAULT);
	CHECK_EQ(mem_copy_str(m, buf, 0, sizeof buf), -EFAULT);
	CHECK(mem_copy_out(m, UINT64_MAX, buf, 0));
	CHECK(!mem_copy_out(m, a + PAGE - 4, buf, 8));
	CHECK(!mem_copy_in(m, buf, a + PAGE - 4, 8));
	CHECK(!mem_copy_in(m, buf, UINT64_MAX - 3, 8));
	CHECK(mem_access_ok(m, a, PAGE, RW));
	CHECK(mem_access_ok(m, a, 2 * PAGE, PROT_NONE));
	CHECK(!mem_access_ok(m, a, PAGE + 1, PROT_READ));
	CHECK(!mem_access_ok(m, a - 1, 2, PROT_NONE));
	CHECK(!mem_access_ok(m, a, UINT64_MAX, PROT_NONE));
}

static void test_access(void) { both(access_rules); }

/* ---- the rest ------------------------------------------------------------------------------ */

static void mincore_rules(struct mem_space *m)
{
	const gaddr a = 0x5000000, vec = 0x6000000;
	unsigned char out[4];

	map_anon(m, a, 1000 * PAGE, RW);
	map_anon(m, vec, PAGE, RW);
	CHECK(mem_copy_out(m, a + PAGE, "x", 1));
	CHECK(mem_copy_out(m, a + 900 * PAGE, "x", 1));
	CHECK_EQ(mem_mincore(m, a, 1000 * PAGE, vec), 0);
	CHECK(mem_copy_in(m, out, vec, 3));
	CHECK_EQ(out[1] & 1, 1);
	CHECK_EQ(out[0] & 1, 0);
	CHECK(mem_copy_in(m, out, vec + 899, 3));
	CHECK_EQ(out[1] & 1, 1);
	CHECK_EQ(mem_mincore(m, a, 1001 * PAGE, vec), -ENOMEM);
	CHECK_EQ(mem_mincore(m, a + 1, PAGE, vec), -EINVAL);
	CHECK_EQ(mem_mincore(m, a, PAGE, 0x7000000), -EFAULT);
	CHECK_EQ(mem_mincore(m, a, 0, vec), 0);
}

static void test_mincore(void) { both(mincore_rules); }

static void shm_rules(struct mem_space *m)
{
	int id = shmget(IPC_PRIVATE, 3 * PAGE - 5, IPC_CREAT | 0600);
	int64_t a = mem_shmat(m, id, 0, 0), b;
	char c = 0;

	CHECK(a > 0);
	CHECK(mem_copy_out(m, (gaddr)a + PAGE, "s", 1));
	b = mem_shmat(m, id, 0x5000123, SHM_RND | SHM_RDONLY);
	CHECK_EQ(b, 0x5000000);
	CHECK(mem_copy_in(m, &c, (gaddr)b + PAGE, 1));
	CHECK_EQ(c, 's');
	CHECK(!mem_copy_out(m, (gaddr)b, &c, 1));
	CHECK_EQ(mem_shmat(m, id, (gaddr)b + PAGE, 0), -EINVAL);
	CHECK_EQ(mem_shmat(m, id, (gaddr)b + PAGE, SHM_REMAP), b + PAGE);
	CHECK_EQ(mem_shmdt(m, (gaddr)b + PAGE), 0);
	CHECK(!mem_access_ok(m, (gaddr)b + PAGE, 1, 0));
	CHECK(mem_access_ok(m, (gaddr)b, 1, 0));
	CHECK_EQ(mem_mprotect(m, (gaddr)a + PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(mem_shmdt(m, (gaddr)a + PAGE), -EINVAL);
	CHECK_EQ(mem_shmdt(m, (gaddr)a), 0);
	CHECK(!mem_access_ok(m, (gaddr)a + 2 * PAGE, 1, 0));
	CHECK_EQ(mem_shmdt(m, (gaddr)a), -EINVAL);
	CHECK_EQ(mem_shmat(m, 0x7fffff00, 0, 0), -EINVAL);
	shmctl(id, IPC_RMID, NULL);
}

static void test_shm(void) { both(shm_rules); }

static void test_growsdown(void)
{
	struct mem_space *m = new_space(false);
	const gaddr a = 0x50000000;
	struct mem_vma v;

	CHECK_EQ(mem_mmap(m, a, 4 * PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0), a);
	CHECK(mem_copy_out(m, a - 8, "x", 1));
	CHECK(mem_copy_out(m, a - PAGE - 8, "x", 1));
	CHECK(mem_find(m, a - PAGE - 8, &v));
	CHECK_EQ(v.start, a - 2 * PAGE);
	CHECK_EQ(mem_mprotect(m, a + PAGE, PAGE, RWX | PROT_GROWSDOWN), 0);
	CHECK(mem_find(m, a - PAGE, &v));
	CHECK_EQ(v.prot, RWX);
	CHECK_EQ(v.end, a + 2 * PAGE);
	CHECK_EQ(mem_munmap(m, a - 2 * PAGE, 8 * PAGE), 0);
	mem_free(m);
}

/* Thousands of mappings: what inserting and searching costs, and that nothing is lost. */
static void test_many_mappings(void)
{
	struct mem_space *m = new_space(false);
	enum { N = 10000 };
	struct timespec from, to;
	struct mem_vma v;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < N; i++)
		REQUIRE(map_anon(m, 0, PAGE, i & 1 ? RW : PROT_READ) > 0);
	for (unsigned i = 0; i < N; i += 7)
		REQUIRE(mem_munmap(m, SV39_TOP - (i + 1) * PAGE, PAGE) == 0);
	for (unsigned i = 0; i < N; i += 7)
		REQUIRE(map_anon(m, 0, PAGE, PROT_NONE) == (int64_t)(SV39_TOP - (i + 1) * PAGE));
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("  %.1f us a call at %d mappings\n",
	       ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3
		   / (N * 9 / 7),
	       N);
	for (unsigned i = 0; i < N; i++) {
		REQUIRE(mem_find(m, SV39_TOP - (i + 1) * PAGE, &v));
		REQUIRE(v.prot == (i % 7 ? i & 1 ? RW : PROT_READ : PROT_NONE));
	}
	mem_free(m);
}

struct racer {
	struct mem_space *m;
	gaddr own;
	unsigned bad;
};

/* Maps, fills, checks and unmaps, without a look at the other threads. */
static void *race(void *arg)
{
	struct racer *r = arg;
	uint64_t seed = r->own;

	for (unsigned i = 0; i < 2000; i++) {
		gaddr a = r->own;
		uint64_t got = 0;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (seed >> 63)
			a = (gaddr)mem_mmap(r->m, 0, PAGE * (1 + (seed >> 60 & 7)), RW, ANON, -1,
					    0);
		else
			mem_mmap(r->m, a, PAGE, RW, ANON | MAP_FIXED, -1, 0);
		r->bad += !mem_copy_out(r->m, a, &seed, 8) || !mem_copy_in(r->m, &got, a, 8)
			  || got != seed;
		mem_mprotect(r->m, a, PAGE, PROT_READ);
		r->bad += mem_copy_out(r->m, a, &seed, 8);
		r->bad += mem_munmap(r->m, a, PAGE) != 0 || mem_copy_in(r->m, &got, r->own, 0) == 0;
	}
	return NULL;
}

static void threads(struct mem_space *m)
{
	struct racer r[3];
	pthread_t id[3];

	for (unsigned i = 0; i < 3; i++) {
		r[i] = (struct racer){ .m = m, .own = 0x5000000 + i * 64 * PAGE };
		pthread_create(&id[i], NULL, race, &r[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(id[i], NULL);
		CHECK_EQ(r[i].bad, 0);
	}
}

static void test_threads(void) { both(threads); }

/* Nothing of one space is left on the host when it goes. */
static void test_free(void)
{
	for (int base = 0; base < 2; base++) {
		struct mem_space *m = new_space(base);
		void *host = mem_host(m, 0x5000000);

		map_anon(m, 0x5000000, PAGE, RW);
		CHECK(native_store(host, 1, 1));
		mem_free(m);
		CHECK(!native_store(host, 1, 1));
	}
}

CHECK_MAIN(test_kernel_rules, test_placement, test_huge_reservations, test_untouchable, test_brk,
	   test_brk_limit, test_guards, test_telling, test_many_guards, test_fetch, test_access,
	   test_mincore, test_shm, test_growsdown, test_many_mappings, test_threads, test_free)
