/*
 * Mutations of a program's file: none crashes the loader, hangs it, or leaves something mapped.
 *
 * KIT_LOAD_ELF: a riscv64 program that is mutated instead of the small one made here;
 * KIT_LOAD_MUTATIONS: how many (default 3000); KIT_LOAD_SEED.
 */
#include "tests/unit/check.h"
#include "tests/unit/loadfile.h"

#include "arch/rv64/cpu.h"
#include "runtime/load/load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/wait.h>

static struct kit_process proc;
static struct kit_thread thread;

static char *const some_args[] = { (char *)(uintptr_t) "./prog", (char *)(uintptr_t) "",
				   (char *)(uintptr_t) "b c", NULL };
static char *const some_env[] = { (char *)(uintptr_t) "A=1", (char *)(uintptr_t) "PATH=/bin",
				  NULL };

static bool count_vma(void *ctx, const struct mem_vma *v)
{
	(void)v;
	++*(unsigned *)ctx;
	return true;
}

static unsigned mappings(void)
{
	unsigned n = 0;

	mem_each(proc.mem, count_vma, &n);
	return n;
}

static uint64_t rng_state;

static uint64_t rnd(uint64_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (rng_state >> 8) % n;
}

/* The file that is mutated, its descriptor, and the unharmed bytes. */
static struct {
	int fd;
	unsigned char *bytes;
	size_t size;
} victim;

enum { BATCH = 250, BATCH_LIMIT_S = 60, HEAD_BYTES = 4096 };

static uint64_t odd_value(unsigned bytes)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		7,
		55,
		56,
		57,
		63,
		64,
		0xfff,
		0x1000,
		0x1001,
		0x7fff,
		0x8000,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		UINT64_C(1) << 38,
		(UINT64_C(1) << 38) - 0x1000,
		UINT64_C(1) << 40,
		UINT64_C(0x500000000000),
		UINT64_C(0x610000000000),
		UINT64_C(0x7ffffffff000),
		UINT64_C(1) << 47,
		(UINT64_C(1) << 47) - 1,
		INT64_MAX,
		UINT64_C(1) << 63,
		UINT64_MAX - 0xfff,
		UINT64_MAX,
	};
	uint64_t v = values[rnd(sizeof values / sizeof *values)];

	switch (rnd(4)) {
	case 0:
		v = rnd(UINT64_MAX);
		return bytes < 8 ? v : v >> rnd(64);
	case 1:
		return victim.size + rnd(3) - 1;
	default:
		return v;
	}
}

/* Overwrites a header field, or moves it a little. */
static void mutate_field(unsigned char *at, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, at, bytes);
	switch (rnd(5)) {
	case 0:
		v += rnd(9) - 4;
		break;
	case 1:
		v += (rnd(9) - 4) * PAGE;
		break;
	case 2:
		v ^= UINT64_C(1) << rnd(8 * bytes);
		break;
	default:
		v = odd_value(bytes);
	}
	memcpy(at, &v, bytes);
}

/* One mutation; *size is the file's new size. */
static void mutate(unsigned char *b, size_t *size)
{
	static const unsigned char eh_field[][2] = { { 4, 1 },  { 5, 1 },  { 6, 1 },  { 7, 1 },
						     { 16, 2 }, { 18, 2 }, { 20, 4 }, { 24, 8 },
						     { 32, 8 }, { 40, 8 }, { 48, 4 }, { 52, 2 },
						     { 54, 2 }, { 56, 2 }, { 58, 2 }, { 60, 2 },
						     { 62, 2 } };
	static const unsigned char ph_field[][2] = { { 0, 4 },  { 4, 4 },  { 8, 8 },  { 16, 8 },
						     { 24, 8 }, { 32, 8 }, { 40, 8 }, { 48, 8 } };
	unsigned phnum = ((const Elf64_Ehdr *)(const void *)victim.bytes)->e_phnum;
	unsigned char *ph = b + sizeof(Elf64_Ehdr) + rnd(phnum) * sizeof(Elf64_Phdr);
	const unsigned char *field;

	switch (rnd(10)) {
	case 0:
	case 1:
		field = eh_field[rnd(sizeof eh_field / sizeof *eh_field)];
		mutate_field(b + field[0], field[1]);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		field = ph_field[rnd(sizeof ph_field / sizeof *ph_field)];
		mutate_field(ph + field[0], field[1]);
		break;
	case 6:
		memcpy(ph, b + sizeof(Elf64_Ehdr) + rnd(phnum) * sizeof(Elf64_Phdr),
		       sizeof(Elf64_Phdr));
		break;
	case 7:
		b[rnd(HEAD_BYTES)] = (unsigned char)rnd(256);
		break;
	case 8:
		*size = rnd(3) ? rnd(victim.size) : rnd(600);
		break;
	default:
		for (unsigned i = 0; i < 8; i++)
			b[rnd(sizeof(Elf64_Ehdr) + phnum * sizeof(Elf64_Phdr))] =
			    (unsigned char)rnd(256);
	}
}

/*
 * /proc/self/maps without this program's heap, and without names in brackets: which mapping the kernel calls heap and
 * stack changes with what a loaded program tells it.
 */
static void read_maps(char *buf, size_t cap)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t heap_end = (uintptr_t)sbrk(0), start, end;
	char line[512];
	size_t n = 0;

	buf[0] = '\0';
	while (f && fgets(line, sizeof line, f) && n < cap) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || end == heap_end)
			continue;
		end = strcspn(line, "[\n");
		while (end && line[end - 1] == ' ')
			end--;
		line[end] = '\0';
		n += (size_t)snprintf(buf + n, cap - n, "%s\n", line);
	}
	if (f)
		fclose(f);
}

/* True when the maps are not what they were at the first call. */
static bool maps_differ(void)
{
	static char before[1 << 16], now[1 << 16];

	read_maps(now, sizeof now);
	if (!before[0])
		memcpy(before, now, sizeof now);
	return strcmp(before, now) != 0;
}

/* A loaded mutant must at least be able to start. */
static bool is_startable(void)
{
	uint32_t word;
	struct mem_vma v;

	return mem_find(proc.mem, thread.st.pc, &v) && (v.prot & PROT_EXEC)
	       && mem_find(proc.mem, thread.st.reg[RV64_SP], &v) && (v.prot & PROT_WRITE)
	       && mem_copy_in(proc.mem, &word, thread.st.reg[RV64_SP], 4)
	       && thread.st.reg[RV64_SP] % 16 == 0
	       && mem_fetch(proc.mem, thread.st.pc, &word, 2) == 2;
}

/* Loads mutant number i; a message to the parent's output when something is wrong. */
static bool try_mutant(unsigned i, unsigned *loaded)
{
	static unsigned char head[HEAD_BYTES];
	struct diag d = DIAG_INIT;
	size_t size = victim.size;
	const char *wrong = NULL;

	memcpy(head, victim.bytes, HEAD_BYTES);
	rng_state = 0x9e3779b97f4a7c15u * (i + 1);
	for (unsigned n = 1 + (unsigned)rnd(3); n; n--)
		mutate(head, &size);
	if (pwrite(victim.fd, head, HEAD_BYTES, 0) != HEAD_BYTES
	    || ftruncate(victim.fd, (off_t)size))
		abort();
	if (load_program(&proc, &thread, victim.fd, "mutant", some_args, some_env, &d)) {
		++*loaded;
		if (!is_startable())
			wrong = "cannot start";
		mem_munmap(proc.mem, 0, mem_limit(proc.mem));
	} else if (!d.text[0] || d.exit_status != 126) {
		wrong = "no message or wrong status";
	} else if (mappings()) {
		wrong = "a mapping is left";
	}
	if (!wrong && maps_differ())
		wrong = "the host's maps differ";
	mem_set_mmap_top(proc.mem, UINT64_C(1) << 38);
	if (size < victim.size
	    && pwrite(victim.fd, victim.bytes + size, victim.size - size, (off_t)size)
		   != (ssize_t)(victim.size - size))
		abort();
	if (wrong)
		dprintf(STDOUT_FILENO, "  mutant %u: %s (%s)\n", i, wrong, d.text);
	return !wrong;
}

/* One batch in a child: its exit status says whether all went well; *loaded is shared memory. */
static int run_batch(unsigned first, unsigned count, unsigned *loaded, unsigned *at)
{
	struct diag d = DIAG_INIT;
	bool ok = true;

	alarm(BATCH_LIMIT_S);
	memset(&proc, 0, sizeof proc);
	memset(&thread, 0, sizeof thread);
	proc.features = RV64_FEATURES_GC;
	proc.mem = mem_new(&(struct mem_want){ 0 }, &d);
	/* Anything that is allocated once is allocated now. */
	load_program(&proc, &thread, victim.fd, "mutant", some_args, some_env, &d);
	mem_munmap(proc.mem, 0, mem_limit(proc.mem));
	mem_set_mmap_top(proc.mem, UINT64_C(1) << 38);
	maps_differ();
	for (unsigned i = first; i < first + count; i++) {
		*at = i;
		ok &= try_mutant(i, loaded);
	}
	return ok ? 0 : 1;
}

static void make_victim(void)
{
	const char *path = getenv("KIT_LOAD_ELF");
	struct file f = good_file();
	int fd = path && *path ? open(path, O_RDONLY) : file_fd(&f, FILE_BYTES);
	off_t size = lseek(fd, 0, SEEK_END);

	victim.size = size > 0 ? (size_t)size : 0;
	victim.bytes = malloc(victim.size + 1);
	victim.fd = memfd_create("mutant", MFD_CLOEXEC);
	if (pread(fd, victim.bytes, victim.size, 0) != size || victim.size < HEAD_BYTES
	    || write(victim.fd, victim.bytes, victim.size) != size)
		victim.size = 0;
	close(fd);
}

static void test_mutations(void)
{
	const char *count_text = getenv("KIT_LOAD_MUTATIONS"), *seed = getenv("KIT_LOAD_SEED");
	unsigned count = count_text ? (unsigned)atoi(count_text) : 3000;
	unsigned first = seed ? (unsigned)atoi(seed) * 1000000 : 0;
	unsigned *shared =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	make_victim();
	REQUIRE(victim.size != 0);
	catch_faults();
	for (unsigned done = 0; done < count; done += BATCH) {
		unsigned n = count - done < BATCH ? count - done : BATCH;
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(run_batch(first + done, n, &shared[0], &shared[1]));
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status))
			printf("  mutant %u: signal %d\n", shared[1], WTERMSIG(status));
		CHECK_EQ(status, 0);
	}
	printf("  %u mutants, %u of them loaded\n", count, shared[0]);
	munmap(shared, PAGE);
	close(victim.fd);
	free(victim.bytes);
}

CHECK_MAIN(test_mutations)
