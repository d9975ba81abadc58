/*
 * What a translation costs: compile_cost ELF [ROUNDS] translates a program's whole text, trace after trace,
 * without running any of it, and prints nanoseconds per guest instruction and stage. Under callgrind it gives
 * instruction counts that do not depend on the machine's load:
 *
 *     valgrind --tool=callgrind build/tests/unit/compile_cost PROGRAM   (in a build with -Dstatic=false)
 */
#include "arch/guest.h"
#include "arch/host.h"
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

struct cost {
	double lift_ns, all_ns;
	unsigned long units, insns, code_bytes, failed;
};

static void one_round(const struct text *t, struct guest_decoder *dec, struct cost *c)
{
	static uint8_t code[CODE_BYTES];
	const struct guest_fetch f = { .read = read_text, .ctx = (void *)(uintptr_t)t };
	const struct guest_limits limits = { .max_insns = 64, .max_branches = 4 };
	const struct jit_host *host = host_native();
	const struct jit_opts opts = { .host_features = ~UINT64_C(0) };
	struct ra_target target;
	struct arena a;

	arena_init(&a);
	host->target(rv64_guest.regs, &opts, &target);
	for (gaddr pc = t->start; pc < t->start + t->size_bytes;) {
		double begin = now_ns(), lifted;
		struct codebuf cb;
		struct ir_unit u;
		struct code out;

		arena_reset(&a);
		ir_unit_init(&u, &a, rv64_guest.regs, pc);
		rv64_guest.translate(dec, &f, pc, &limits, &u);
		lifted = now_ns();
		cb_init(&cb, code, sizeof code);
		pc = u.range[0].start + u.range[0].size_bytes;
		if (jit_compile(&u, host, &target, &opts, &cb, &out) != JIT_OK)
			c->failed++;
		else
			c->code_bytes += out.size_bytes;
		c->lift_ns += lifted - begin;
		c->all_ns += now_ns() - begin;
		c->units++;
		c->insns += u.guest_insns;
	}
	arena_fini(&a);
}

int main(int argc, char **argv)
{
	struct text t;
	struct guest_decoder *dec = rv64_guest.decoder_new(rv64_guest.default_features);
	int rounds = argc > 2 ? atoi(argv[2]) : 1;

	if (argc < 2 || !dec || !open_text(argv[1], &t)) {
		fprintf(stderr, "usage: compile_cost ELF [ROUNDS]\n");
		return 2;
	}
	for (int i = 0; i < rounds; i++) {
		struct cost c = { 0 };

		one_round(&t, dec, &c);
		printf("%lu units, %lu guest instructions, %lu code bytes, %lu failed; ns an "
		       "instruction: "
		       "lift %.0f, passes and back end %.0f, all %.0f\n",
		       c.units, c.insns, c.code_bytes, c.failed, c.lift_ns / (double)c.insns,
		       (c.all_ns - c.lift_ns) / (double)c.insns, c.all_ns / (double)c.insns);
	}
	rv64_guest.decoder_free(dec);
	return 0;
}
