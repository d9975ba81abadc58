/*
 * insn_run ENGINE: runs the cases on standard input in an engine of this process and writes
 * their results to standard output (record.h).
 */
#include "arch/rv64/cpu.h"
#include "tests/insn/engine.h"
#include "tests/insn/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *const code = (uint8_t *)(uintptr_t)INSN_CODE;
static uint8_t *const window = (uint8_t *)(uintptr_t)INSN_MEM;

static void map(uintptr_t at, size_t size_bytes)
{
	void *want = (void *)at;

	if (mmap(want, size_bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
	    != want) {
		fprintf(stderr, "insn_run: cannot map %zu bytes at %p\n", size_bytes, want);
		exit(2);
	}
}

static void place(const struct insn_input *in, size_t count)
{
	uint16_t *text = (uint16_t *)(uintptr_t)INSN_TEXT;

	for (unsigned k = 0; k < INSN_TEXT_BYTES / 2; k++)
		text[k] = INSN_C_EBREAK;
	for (size_t k = 0; k < count; k++)
		memcpy(code + k * INSN_SLOT, in[k].code, in[k].code_bytes);
}

static enum insn_stop stop_of(enum ir_exit why, const struct ir_state *st, struct insn_output *out)
{
	switch (why) {
	case IR_EXIT_BREAK:
		return INSN_STOP_BREAK;
	case IR_EXIT_ILLEGAL:
		return INSN_STOP_ILLEGAL;
	case IR_EXIT_SYSCALL:
		return INSN_STOP_SYSCALL;
	case IR_EXIT_FETCH:
		out->fault_addr = st->pc;
		return INSN_STOP_SEGV;
	case IR_EXIT_FAULT:
		out->fault_addr = st->fault_addr;
		return st->fault_kind == IR_FAULT_SEGV ? INSN_STOP_SEGV : INSN_STOP_BUS;
	default:
		return INSN_STOP_OTHER;
	}
}

static void run_one(const struct insn_engine *e, struct ir_state *st, const struct insn_input *in,
		    unsigned slot, struct insn_output *out)
{
	memset(out, 0, sizeof *out);
	memcpy(st->reg, in->x, sizeof in->x);
	st->reg[0] = 0;
	memcpy(st->reg + RV64_F0, in->f, sizeof in->f);
	st->frm = in->fcsr >> 5 & 7;
	st->fflags = in->fcsr & 31;
	st->resv_addr = 1;
	st->fault_addr = 0;
	st->pc = (gaddr)INSN_CODE + slot * INSN_SLOT;
	memcpy(window, in->mem, INSN_WINDOW);
	out->stop = stop_of(e->run(st), st, out);
	memcpy(out->x, st->reg, sizeof out->x);
	memcpy(out->f, st->reg + RV64_F0, sizeof out->f);
	out->pc = st->pc;
	out->fcsr = st->frm << 5 | st->fflags;
	memcpy(out->mem, window, INSN_WINDOW);
}

int main(int argc, char **argv)
{
	static struct insn_input in[INSN_BATCH];
	static struct insn_output out[INSN_BATCH];
	static struct ir_state st;
	const struct insn_engine *e = NULL;
	size_t n;

	for (unsigned k = 0; argc == 2 && insn_engines[k]; k++)
		if (strcmp(argv[1], insn_engines[k]->name) == 0)
			e = insn_engines[k];
	if (!e) {
		fprintf(stderr, "usage: insn_run ENGINE <CASES >RESULTS\nengines:");
		for (unsigned k = 0; insn_engines[k]; k++)
			fprintf(stderr, " %s", insn_engines[k]->name);
		fprintf(stderr, "\n");
		return 2;
	}
	map(INSN_PAGE, INSN_PAGE_BYTES);
	map(INSN_TEXT, INSN_TEXT_BYTES);
	if (!e->open()) {
		fprintf(stderr, "insn_run: %s cannot run here\n", e->name);
		return 3;
	}
	while ((n = fread(in, sizeof in[0], INSN_BATCH, stdin)) > 0) {
		place(in, n);
		e->new_code();
		for (unsigned k = 0; k < n; k++)
			run_one(e, &st, &in[k], k, &out[k]);
		fwrite(out, sizeof out[0], n, stdout);
	}
	e->close();
	return fflush(stdout) == 0 ? 0 : 2;
}
