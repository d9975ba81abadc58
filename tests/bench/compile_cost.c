/*
 * What a translation costs: compile_cost ELF [ROUNDS [LOG]] translates a program's whole text, trace after
 * trace, without running any of it, and prints nanoseconds per guest instruction and stage. With LOG it
 * translates the traces of a real run instead, whose standard error LOG is:
 *
 *     kitemu --log=jit PROGRAM 2>LOG
 *
 * Under callgrind it gives instruction counts that do not depend on the machine's load:
 *
 *     valgrind --tool=callgrind build/tests/unit/compile_cost PROGRAM   (in a build with -Dstatic=false)
 *
 * The hash is of all code and tables: a change that only saves time leaves it as it is.
 */
#include "arch/guest.h"
#include "arch/host.h"
#include "lib/base/hash.h"
#include "lib/jit/compile.h"
#include "lib/opt/pass.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { CODE_BYTES = 256 << 10 };

struct text {
	gaddr start;
	uint64_t size_bytes;
	const uint8_t *bytes;
};

static unsigned read_text(void *ctx, gaddr pc, void *buf, unsigned want)
{
	const struct text *t = ctx;
	gaddr off = pc - t->start;

	if (off >= t->size_bytes)
		return 0;
	if (want > t->size_bytes - off)
		want = (unsigned)(t->size_bytes - off);
	memcpy(buf, t->bytes + off, want);
	return want;
}

/* The executable segment of the file. */
static bool open_text(const char *path, struct text *t)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	const uint8_t *p;
	const Elf64_Ehdr *eh;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof *eh)
		return false;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	eh = (const Elf64_Ehdr *)(const void *)p;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = (const Elf64_Phdr *)(const void *)(p + eh->e_phoff) + i;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		t->start = eh->e_entry;
		t->bytes = p + ph->p_offset + (eh->e_entry - ph->p_vaddr);
		t->size_bytes = ph->p_filesz - (eh->e_entry - ph->p_vaddr);
		return true;
	}
	return false;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

enum stage { LIFT, OPT, ISEL, RA, EMIT, STAGES };

static const char *const stage_name[STAGES] = { "lift", "passes", "selection", "allocation",
						"emission" };

struct cost {
	double ns[STAGES];
	unsigned long units, insns, code_bytes, failed;
	uint64_t hash;
};

struct bench {
	struct text text;
	struct guest_decoder *dec;
	const struct jit_host *host;
	struct jit_opts opts;
	struct ra_target target;
	struct arena arena;
};

/* What ends a stage; gives the next one's beginning. */
static double lap(struct cost *c, enum stage s, double begin)
{
	double now = now_ns();

	c->ns[s] += now - begin;
	return now;
}

static void add_hash(struct cost *c, const struct code *out)
{
	c->hash = kit_mix64(c->hash ^ kit_hash(out->bytes, out->size_bytes));
	c->hash ^= kit_hash(out->fault, out->fault_count * sizeof *out->fault);
	c->code_bytes += out->size_bytes;
}

/* The stages of jit_compile, one by one. Gives the end of the first range. */
static gaddr translate(struct bench *b, gaddr pc, struct cost *c)
{
	static uint8_t code[CODE_BYTES];
	const struct guest_fetch f = { .read = read_text, .ctx = &b->text };
	const struct guest_limits limits = { .max_insns = 64, .max_branches = 4 };
	double at = now_ns();
	struct codebuf cb;
	struct ir_unit u;
	struct lir_unit lir;
	struct code out;
	bool ok;

	arena_reset(&b->arena);
	ir_unit_init(&u, &b->arena, rv64_guest.regs, pc);
	rv64_guest.translate(b->dec, &f, pc, &limits, &u);
	at = lap(c, LIFT, at);
	opt_level1(&u);
	at = lap(c, OPT, at);
	b->host->isel(&u, &b->target, &b->opts, &lir);
	at = lap(c, ISEL, at);
	ok = ra_run(&lir, &b->target);
	at = lap(c, RA, at);
	cb_init(&cb, code, sizeof code);
	ok = ok && b->host->emit(&lir, &b->target, &b->opts, &cb, &out);
	lap(c, EMIT, at);
	if (ok)
		add_hash(c, &out);
	else
		c->failed++;
	c->units++;
	c->insns += u.guest_insns;
	return u.range_count ? u.range[0].start + u.range[0].size_bytes : pc + 2;
}

static void whole_text(struct bench *b, struct cost *c)
{
	for (gaddr pc = b->text.start; pc < b->text.start + b->text.size_bytes;)
		pc = translate(b, pc, c);
}

/* The units that a log names. */
static bool traces_of(struct bench *b, const char *path, struct cost *c)
{
	FILE *f = fopen(path, "r");
	char line[256];

	if (!f)
		return false;
	while (fgets(line, sizeof line, f)) {
		const char *unit = strstr(line, "unit 0x");

		if (unit)
			translate(b, strtoull(unit + 5, NULL, 16), c);
	}
	fclose(f);
	return true;
}

static void print(const struct cost *c)
{
	double all = 0;

	printf("%lu units, %lu guest instructions, %lu code bytes, %lu failed, hash %016lx\n",
	       c->units, c->insns, c->code_bytes, c->failed, (unsigned long)c->hash);
	printf("ns an instruction:");
	for (unsigned s = 0; s < STAGES; s++) {
		all += c->ns[s];
		printf(" %s %.0f,", stage_name[s], c->ns[s] / (double)c->insns);
	}
	printf(" all %.0f\n", all / (double)c->insns);
}

int main(int argc, char **argv)
{
	struct bench b = { .opts = { .host_features = ~UINT64_C(0) } };
	int rounds = argc > 2 ? atoi(argv[2]) : 1;

	b.dec = rv64_guest.decoder_new(rv64_guest.default_features);
	b.host = host_native();
	if (argc < 2 || !b.dec || !open_text(argv[1], &b.text)) {
		fprintf(stderr, "usage: compile_cost ELF [ROUNDS [LOG]]\n");
		return 2;
	}
	arena_init(&b.arena);
	b.host->target(rv64_guest.regs, &b.opts, &b.target);
	for (int i = 0; i < rounds; i++) {
		struct cost c = { 0 };

		if (argc <= 3)
			whole_text(&b, &c);
		else if (!traces_of(&b, argv[3], &c))
			return 2;
		print(&c);
	}
	arena_fini(&b.arena);
	rv64_guest.decoder_free(b.dec);
	return 0;
}
