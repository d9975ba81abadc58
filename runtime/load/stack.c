/*
 * The initial stack, as fs/exec.c and fs/binfmt_elf.c of Linux lay it out for riscv64:
 *
 *     stack_high
 *         8 zero bytes
 *         the file's name (AT_EXECFN)
 *         environment strings            env_start .. env_end
 *         argument strings               arg_start .. arg_end
 *         16 random bytes (AT_RANDOM)
 *         auxiliary vector
 *         envp[], NULL
 *         argv[], NULL
 *     sp: argc                           16-byte aligned
 *         ...
 *     stack_low
 *         a gap where mappings without a hint do not go
 */
#include "runtime/load/load_priv.h"

#include "arch/rv64/abi.h"
#include "arch/rv64/cpu.h"
#include "lib/base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/resource.h>

enum { CANNOT_RUN = 126 };

#define STACK_TOP         (UINT64_C(1) << 38)              /* of Sv39 */
#define STACK_GAP_BYTES   (UINT64_C(256) * MEM_PAGE_BYTES) /* stack_guard_gap */
#define STACK_LEAST_BYTES (UINT64_C(64) << 10)
#define STACK_UNLIMITED                                                                            \
	(UINT64_C(1) << 30) /* for "ulimit -s unlimited": untouched pages cost nothing */
#define STACK_USUAL_BYTES (UINT64_C(8) << 20)
#define STACK_MOST_BYTES  (UINT64_C(64) << 30)
#define STACK_ROOM_BYTES  (UINT64_C(32) << 10) /* left for the program beside its arguments */

enum {
	/* Names that a host's or libc's headers may lack. */
	AUX_SYSINFO_EHDR = 33,
	AUX_MINSIGSTKSZ = 51,
	MADVISE_NOHUGEPAGE = 15,
	MOST_AUX = 40,
};

struct strings {
	unsigned count;
	uint64_t bytes; /* with the zeros */
};

static struct strings measure(char *const *v)
{
	struct strings s = { 0 };

	for (; v[s.count]; s.count++)
		s.bytes += strlen(v[s.count]) + 1;
	return s;
}

/* Copies strings upwards from host; their guest addresses go to ptr, with a NULL behind. */
static char *copy_strings(const struct mem_space *m, char *host, char *const *v, uint64_t *ptr)
{
	for (; *v; v++) {
		size_t n = strlen(*v) + 1;

		memcpy(host, *v, n);
		*ptr++ = mem_guest(m, host);
		host += n;
	}
	*ptr = 0;
	return host;
}

struct auxv {
	uint64_t v[2 * MOST_AUX];
	unsigned count; /* pairs */
};

static void aux(struct auxv *a, uint64_t type, uint64_t value)
{
	KIT_CHECK(a->count < MOST_AUX, "too many auxiliary entries");
	a->v[2 * a->count] = type;
	a->v[2 * a->count++ + 1] = value;
}

/* AT_HWCAP: a bit for each extension whose name is one letter. */
static uint64_t hwcap(uint64_t features)
{
	static const char *const names[] = {
#define X(name) #name,
		RV64_EXTENSIONS(X)
#undef X
	};
	uint64_t v = 0;

	for (unsigned i = 0; i < RV64_EXT_COUNT; i++)
		if (features >> i & 1 && !names[i][1])
			v |= UINT64_C(1) << (names[i][0] - 'A');
	return v;
}

/* In the kernel's order. riscv has no AT_PLATFORM and no AT_HWCAP2; rseq is not offered. */
static void fill_auxv(struct auxv *a, const struct kit_process *p, const struct load_image *im,
		      const struct load_place *at, gaddr random, gaddr execfn)
{
	/* Its functions multiply, and read a CSR. */
	if (RV64_HAS(p->features, M) && RV64_HAS(p->features, Zicsr))
		aux(a, AUX_SYSINFO_EHDR, p->vdso_base);
	/* Sizes and geometries of the caches: 0 as on a machine whose device tree does not tell. */
	for (unsigned type = LOAD_AUX_CACHES; type <= LOAD_AUX_CACHES_END; type++)
		aux(a, type, 0);
	aux(a, AUX_MINSIGSTKSZ, align_up(sizeof(struct rv64_rt_sigframe), 16));
	aux(a, AT_HWCAP, hwcap(p->features));
	aux(a, AT_PAGESZ, MEM_PAGE_BYTES);
	aux(a, AT_CLKTCK, 100);
	aux(a, AT_PHDR, at->phdr);
	aux(a, AT_PHENT, im->phent);
	aux(a, AT_PHNUM, im->phnum);
	aux(a, AT_BASE, 0);
	aux(a, AT_FLAGS, 0);
	aux(a, AT_ENTRY, at->entry);
	aux(a, AT_UID, getauxval(AT_UID));
	aux(a, AT_EUID, getauxval(AT_EUID));
	aux(a, AT_GID, getauxval(AT_GID));
	aux(a, AT_EGID, getauxval(AT_EGID));
	aux(a, AT_SECURE, getauxval(AT_SECURE));
	aux(a, AT_RANDOM, random);
	aux(a, AT_EXECFN, execfn);
	aux(a, AT_NULL, 0);
}

static void fill_random(const struct kit_options *o, void *bytes)
{
	uint64_t seeded[2] = { kit_mix64(o->seed), kit_mix64(o->seed + 1) };
	const void *from_kernel = (const void *)getauxval(AT_RANDOM);

	if (o->seeded)
		memcpy(bytes, seeded, sizeof seeded);
	else if (getrandom(bytes, 16, GRND_NONBLOCK) != 16 && from_kernel)
		memcpy(bytes, from_kernel, 16);
}

static uint64_t stack_size(const struct kit_process *p)
{
	uint64_t size = p->opt.stack_bytes;
	struct rlimit limit;

	if (!size && !getrlimit(RLIMIT_STACK, &limit)) {
		size = limit.rlim_cur == RLIM_INFINITY ? STACK_UNLIMITED : limit.rlim_cur;
		if (size > STACK_MOST_BYTES)
			size = STACK_MOST_BYTES;
		if (size > mem_limit(p->mem) / 8)
			size = mem_limit(p->mem) / 8;
	}
	if (size < STACK_LEAST_BYTES)
		size = STACK_LEAST_BYTES;
	return size > STACK_TOP ? size : align_up(size, MEM_PAGE_BYTES);
}

bool stack_map(struct kit_process *p, const struct load_image *im, struct diag *d)
{
	const int flags =
	    MEM_MAP_PRIVATE | MEM_MAP_ANONYMOUS | MEM_MAP_NORESERVE | MEM_MAP_FIXED_NOREPLACE;
	int prot = MEM_PROT_READ | MEM_PROT_WRITE | (im->exec_stack ? MEM_PROT_EXEC : 0);
	gaddr top = mem_limit(p->mem) < STACK_TOP ? mem_limit(p->mem) : STACK_TOP;
	uint64_t size = stack_size(p);
	int64_t got = -ENOMEM;

	if (size < top)
		got = mem_mmap(p->mem, top - size, size, prot, flags, -1, 0);
	if (got == -ENOMEM && !p->opt.stack_bytes && size > STACK_USUAL_BYTES) {
		/* A generous limit, and less memory than that (RLIMIT_AS, no overcommitment). */
		size = STACK_USUAL_BYTES;
		got = mem_mmap(p->mem, top - size, size, prot, flags, -1, 0);
	}
	if (got == -EEXIST)
		return diag_fail(
		    d, CANNOT_RUN,
		    "lies where its stack goes, below 0x%" PRIx64 ": link it elsewhere", top);
	if (got < 0)
		return diag_fail(d, CANNOT_RUN,
				 "its stack of %" PRIu64
				 " KiB cannot be mapped (%s): give a smaller one with -s",
				 size >> 10, strerror((int)-got));
	mem_set_name(p->mem, (gaddr)got, "[stack]");
	/* One touched page must not become a huge one. */
	mem_madvise(p->mem, (gaddr)got, size, MADVISE_NOHUGEPAGE);
	p->stack_low = (gaddr)got;
	p->stack_high = top;
	mem_set_mmap_top(p->mem, p->stack_low > STACK_GAP_BYTES ? p->stack_low - STACK_GAP_BYTES
								: p->stack_low);
	return true;
}

gaddr stack_fill(struct kit_process *p, const struct load_image *im, const struct load_place *at,
		 const char *path, char *const *argv, char *const *envp, struct diag *d)
{
	const struct strings args = measure(argv), env = measure(envp);
	const uint64_t size = p->stack_high - p->stack_low,
		       words_bytes = 8 * ((uint64_t)args.count + env.count + 3);
	const uint64_t text = args.bytes + env.bytes + strlen(path) + 1;
	struct auxv aux_v = { .count = 0 };
	gaddr execfn, random, sp;
	uint64_t *words;
	char *host;

	if (text + words_bytes + sizeof aux_v.v + STACK_ROOM_BYTES > size) {
		diag_fail(d, CANNOT_RUN,
			  "its arguments and environment (%" PRIu64
			  " bytes) do not fit the stack of %" PRIu64
			  " bytes: give a larger one with -s",
			  text, size);
		return 0;
	}
	p->arg_start = p->stack_high - 8 - text;
	p->arg_end = p->env_start = p->arg_start + args.bytes;
	p->env_end = execfn = p->env_start + env.bytes;
	random = align_down(p->arg_start - 16, 16);
	fill_auxv(&aux_v, p, im, at, random, execfn);
	sp = align_down(random - 16 * aux_v.count - words_bytes, 16);

	fill_random(&p->opt, mem_host(p->mem, random));
	words = mem_host(p->mem, sp);
	*words++ = args.count;
	host = copy_strings(p->mem, mem_host(p->mem, p->arg_start), argv, words);
	words += args.count + 1;
	host = copy_strings(p->mem, host, envp, words);
	words += env.count + 1;
	memcpy(host, path, strlen(path) + 1);
	memcpy(words, aux_v.v, 16 * (size_t)aux_v.count);
	p->auxv_start = mem_guest(p->mem, words);
	p->auxv_end = p->auxv_start + 16 * (uint64_t)aux_v.count;
	return sp;
}
