/* guest: levels=O0,O2 peer=no */
/* What a riscv64 process finds at its start: auxiliary vector, vDSO, uname, hwprobe, counters, its own stack and names. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

extern char _start[];

static void test_auxv(int argc, char **argv)
{
	const ElfW(Phdr) *ph = (void *)getauxval(AT_PHDR);
	unsigned long load = 0;

	printf("page %lu, clock %lu, hwcap %lx, entry %d\n", getauxval(AT_PAGESZ),
	       getauxval(AT_CLKTCK), getauxval(AT_HWCAP),
	       getauxval(AT_ENTRY) == (unsigned long)_start);
	for (unsigned i = 0; i < getauxval(AT_PHNUM); i++)
		load += ph[i].p_type == PT_LOAD;
	printf("phent %lu, %d loads, secure %lu\n", getauxval(AT_PHENT), load >= 2,
	       getauxval(AT_SECURE));
	printf("ids %d %d %d %d\n", getauxval(AT_UID) == getuid(), getauxval(AT_EUID) == geteuid(),
	       getauxval(AT_GID) == getgid(), getauxval(AT_EGID) == getegid());
	unsigned char *r = (void *)getauxval(AT_RANDOM), any = 0;
	for (int i = 0; i < 16; i++)
		any |= r[i];
	printf("random %d, execfn %d, minsigstksz %d\n", any != 0,
	       !strcmp((char *)getauxval(AT_EXECFN), argv[0]), getauxval(AT_MINSIGSTKSZ) >= 1024);
	printf("argc in front of argv %d, stack aligned %d\n", ((long *)argv)[-1] == argc,
	       ((unsigned long)((long *)argv - 1) & 15) == 0);
}

/* A symbol of the vDSO by its name. */
static void *vdso(const char *name)
{
	const char *base = (void *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *eh = (void *)base;
	const Elf64_Dyn *dyn = NULL;
	const Elf64_Sym *sym = NULL;
	const char *str = NULL;
	const unsigned *hash = NULL;
	long bias = 0;
	unsigned count = 0;

	if (!base)
		return NULL;
	const Elf64_Phdr *ph = (void *)(base + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			bias = (long)base + (long)ph[i].p_offset - (long)ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (void *)(base + ph[i].p_offset);
	}
	for (; dyn && dyn->d_tag; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			sym = (void *)(bias + (long)dyn->d_un.d_ptr);
		if (dyn->d_tag == DT_STRTAB)
			str = (void *)(bias + (long)dyn->d_un.d_ptr);
		if (dyn->d_tag == DT_HASH)
			hash = (void *)(bias + (long)dyn->d_un.d_ptr);
	}
	count = hash ? hash[1] : 12;
	for (unsigned i = 0; sym && str && i < count; i++)
		if (sym[i].st_shndx && !strcmp(str + sym[i].st_name, name))
			return (void *)(bias + (long)sym[i].st_value);
	return NULL;
}

static void test_vdso(void)
{
	static const char *const names[] = { "__vdso_rt_sigreturn", "__vdso_clock_gettime",
					     "__vdso_gettimeofday", "__vdso_clock_getres",
					     "__vdso_getcpu",       "__vdso_flush_icache",
					     "__vdso_riscv_hwprobe" };
	int (*gettime)(int, struct timespec *) = vdso("__vdso_clock_gettime");
	int (*getcpu_)(unsigned *, unsigned *, void *) = vdso("__vdso_getcpu");
	struct timespec a, b;
	unsigned cpu = 9999;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		printf("%s %s\n", names[i], vdso(names[i]) ? "is there" : "IS NOT");
	if (!gettime || !getcpu_)
		return;
	int r = gettime(CLOCK_MONOTONIC, &a);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &b);
	long ns = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
	printf("clock_gettime %d, agrees %d; getcpu %d %d\n", r, ns >= 0 && ns < 1000000000,
	       getcpu_(&cpu, NULL, NULL), cpu < 9999);
	printf("bad clock %d\n", gettime(12345, &a));
}

static void test_counters(void)
{
	unsigned long c0, c1, t0, t1, i0, i1;
	struct timespec ts = { 0, 20000000 };

	asm volatile("rdtime %0" : "=r"(t0));
	asm volatile("rdcycle %0" : "=r"(c0));
	asm volatile("rdinstret %0" : "=r"(i0));
	nanosleep(&ts, NULL);
	for (volatile int i = 0; i < 1000; i++)
		;
	asm volatile("rdinstret %0" : "=r"(i1));
	asm volatile("rdcycle %0" : "=r"(c1));
	asm volatile("rdtime %0" : "=r"(t1));
	printf("time %s, cycle %d, instret %d\n",
	       t1 - t0 >= 200000 && t1 - t0 < 100000000 ? "10 MHz" : "WRONG", c1 > c0, i1 > i0);
}

struct pair {
	long key;
	unsigned long value;
};

static void test_probe(const char *argv0)
{
	struct pair p[] = { { 0 }, { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 8 }, { 1000 } };
	struct utsname u;
	long r = syscall(258, p, 8, 0, NULL, 0);

	printf("hwprobe %ld:", r);
	for (int i = 0; i < 8; i++)
		printf(" %ld=%lx", p[i].key, i == 4 ? p[i].value & 3 : p[i].value);
	puts("");
	uname(&u);
	printf("uname %s %s\n", u.sysname, u.machine);
	char line[128] = "";
	FILE *f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof line, f) && strncmp(line, "isa", 3))
		;
	printf("cpuinfo %.18s\n", strrchr(line, ':') ? strrchr(line, ':') + 2 : "?");
	char exe[4096] = "";
	struct stat a, b;
	readlink("/proc/self/exe", exe, sizeof exe - 1);
	printf("exe %d %d\n",
	       stat(exe, &a) == 0 && stat("/proc/self/exe", &b) == 0 && a.st_ino == b.st_ino,
	       strstr(exe, strrchr(argv0, '/')) != NULL);
}

int main(int argc, char **argv)
{
	test_auxv(argc, argv);
	test_vdso();
	test_counters();
	test_probe(argv[0]);
	return 0;
}
