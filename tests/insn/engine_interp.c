/*
 * The IR interpreter as an engine, and lift functions that are carried out at once. Units are kept until the code is
 * replaced, one for each pc. Memory is this process's own, within the ranges that record.h names.
 */
#include "arch/guest.h"
#include "arch/rv64/cpu.h"
#include "lib/ir/interp.h"
#include "tests/insn/engine.h"
#include "tests/insn/record.h"

#include <stdlib.h>
#include <string.h>

static struct {
	struct guest_decoder *decoder;
	struct arena units, scratch;
	/* By pc. */
	struct ir_unit *unit[INSN_TEXT_BYTES / 2];
	struct guest_run *ran[INSN_TEXT_BYTES / 2];
} in;

static void *host(gaddr a) { return (void *)(uintptr_t)a; }

/* How many of n bytes at a lie in the range. */
static unsigned within(gaddr a, unsigned n, gaddr start, gaddr size_bytes)
{
	gaddr off = a - start;

	if (off >= size_bytes)
		return 0;
	return size_bytes - off < n ? (unsigned)(size_bytes - off) : n;
}

static bool check(struct ir_state *st, gaddr a, unsigned n, bool write)
{
	unsigned ok = within(a, n, INSN_PAGE, INSN_PAGE_BYTES);

	if (!ok)
		ok = within(a, n, INSN_TEXT, INSN_TEXT_BYTES);
	if (ok == n)
		return true;
	st->fault_kind = IR_FAULT_SEGV;
	st->fault_addr = a + ok; /* the first byte that is not there, as hosts report it */
	st->fault_write = write;
	return false;
}

static bool load(struct ir_state *st, gaddr a, unsigned n, uint64_t *value)
{
	if (!check(st, a, n, false))
		return false;
	*value = 0;
	memcpy(value, host(a), n);
	return true;
}

static bool store(struct ir_state *st, gaddr a, unsigned n, uint64_t value)
{
	if (!check(st, a, n, true))
		return false;
	memcpy(host(a), &value, n);
	return true;
}

static bool cas(struct ir_state *st, gaddr a, unsigned n, uint64_t *expected, uint64_t desired)
{
	uint64_t old;

	if (!load(st, a, n, &old))
		return false;
	if (old == *expected)
		memcpy(host(a), &desired, n);
	*expected = old;
	return true;
}

static const struct ir_memory memory = { load, store, cas };

static unsigned fetch(void *ctx, gaddr pc, void *buf, unsigned want)
{
	unsigned n = within(pc, want, INSN_TEXT, INSN_TEXT_BYTES);

	memcpy(buf, host(pc), n);
	return n;
}

static const struct guest_fetch fetcher = { .read = fetch };
static const struct guest_limits limits = { .max_insns = 64, .max_branches = 4 };

static const struct ir_unit *unit_at(gaddr pc)
{
	struct ir_unit **u, *outside;

	u = pc - INSN_TEXT < INSN_TEXT_BYTES ? &in.unit[(pc - INSN_TEXT) / 2] : &outside;
	if (u == &outside || !*u) {
		*u = arena_new(&in.units, struct ir_unit, 1);
		ir_unit_init(*u, &in.units, rv64_guest.regs, pc);
		rv64_guest.translate(in.decoder, &fetcher, pc, &limits, *u);
		struct diag d = DIAG_INIT;

		KIT_CHECK(ir_verify(*u, &d), "%s", d.text);
	}
	return *u;
}

static enum ir_exit run(struct ir_state *st)
{
	enum ir_exit why;

	st->helpers = rv64_guest.helpers;
	do {
		why = ir_interp(unit_at(st->pc), st, &memory, &in.scratch);
	} while (why == IR_EXIT_LOOKUP || why == IR_EXIT_FRM || why == IR_EXIT_FENCEI);
	return why;
}

/* The first time at a pc by run, then by rerun where that is possible. */
static enum ir_exit run_trace(struct ir_state *st)
{
	struct guest_run **kept, *outside = NULL;

	kept = st->pc - INSN_TEXT < INSN_TEXT_BYTES ? &in.ran[(st->pc - INSN_TEXT) / 2] : &outside;
	if (*kept && (*kept)->end)
		return rv64_guest.rerun(in.decoder, &fetcher, (*kept)->insn, (*kept)->count,
					&limits, st, &memory);
	*kept = arena_new(&in.units, struct guest_run, 1);
	return rv64_guest.run(in.decoder, &fetcher, &limits, st, &memory, *kept);
}

static enum ir_exit run_direct(struct ir_state *st)
{
	enum ir_exit why;

	st->helpers = rv64_guest.helpers;
	do {
		why = run_trace(st);
	} while (why == IR_EXIT_LOOKUP || why == IR_EXIT_FRM || why == IR_EXIT_FENCEI);
	return why;
}

static void new_code(void)
{
	memset(in.unit, 0, sizeof in.unit);
	memset(in.ran, 0, sizeof in.ran);
	arena_reset(&in.units);
}

static bool open_interp(void)
{
	arena_init(&in.units);
	arena_init(&in.scratch);
	in.decoder = rv64_guest.decoder_new(RV64_FEATURES_GC);
	return in.decoder != NULL;
}

static void close_interp(void)
{
	rv64_guest.decoder_free(in.decoder);
	arena_fini(&in.units);
	arena_fini(&in.scratch);
}

const struct insn_engine insn_engine_interp = { "interp", open_interp, new_code, run,
						close_interp };
const struct insn_engine insn_engine_direct = { "direct", open_interp, new_code, run_direct,
						close_interp };
