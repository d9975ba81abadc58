/*
 * kit-ir interp: one run of the unit on a state of zeros, with one window of private memory and the
 * cells that the command line names, and what it changed. All other guest addresses fault.
 */
#include "lib/ir/interp.h"
#include "arch/guest.h"
#include "cmd/kit-ir/kit_ir.h"
#include "lib/ir/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WINDOW_BYTES = 64 << 10, CELLS_MAX = 512 };

static const gaddr WINDOW_AT = 0x100000;
static uint8_t window[WINDOW_BYTES], window_before[WINDOW_BYTES];

/* Memory beside the window: aligned groups of 8 bytes. */
static struct cell {
	gaddr addr;
	uint8_t now[8], before[8];
} cell[CELLS_MAX];
static unsigned cell_count;

/* ---- memory -------------------------------------------------------------------------------------- */

static uint8_t *byte_at(gaddr addr)
{
	if (addr - WINDOW_AT < WINDOW_BYTES)
		return window + (addr - WINDOW_AT);
	for (unsigned i = 0; i < cell_count; i++)
		if (addr - cell[i].addr < sizeof cell[i].now)
			return cell[i].now + (addr - cell[i].addr);
	return NULL;
}

/* True when all of the access hits memory; else the fault is noted. */
static bool reach(struct ir_state *st, gaddr addr, unsigned size_bytes, bool write)
{
	for (unsigned i = 0; i < size_bytes; i++)
		if (!byte_at(addr + i)) {
			st->fault_kind = IR_FAULT_SEGV;
			st->fault_code = 1; /* SEGV_MAPERR */
			st->fault_addr = addr;
			st->fault_write = write;
			return false;
		}
	return true;
}

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	*value = 0;
	if (!reach(st, addr, size_bytes, false))
		return false;
	for (unsigned i = 0; i < size_bytes; i++)
		*value |= (uint64_t)*byte_at(addr + i) << 8 * i;
	return true;
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	if (!reach(st, addr, size_bytes, true))
		return false;
	for (unsigned i = 0; i < size_bytes; i++)
		*byte_at(addr + i) = (uint8_t)(value >> 8 * i);
	return true;
}

static bool cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		uint64_t desired)
{
	uint64_t old;

	if (!reach(st, addr, size_bytes, true))
		return false;
	load(st, addr, size_bytes, &old);
	if (old == *expected)
		store(st, addr, size_bytes, desired);
	*expected = old;
	return true;
}

/* Memory for 8 bytes at addr; false when that needs more cells than there are. */
static bool make_cells(gaddr addr)
{
	for (unsigned i = 0; i < 8; i++) {
		if (byte_at(addr + i))
			continue;
		if (cell_count == CELLS_MAX)
			return false;
		cell[cell_count++] = (struct cell){ .addr = (addr + i) & ~UINT64_C(7) };
	}
	return true;
}

static const struct ir_memory memory = { load, store, cas };

/* ---- before and after ------------------------------------------------------------------------------ */

static uint64_t *reg_at(struct ir_state *st, const struct ir_reg *r)
{
	return (uint64_t *)(void *)((char *)st + r->offset_bytes);
}

/* NAME=VALUE */
static bool set(struct ir_state *st, const struct ir_regfile *rf, const char *arg, struct diag *d)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : 0;
	uint64_t v, addr;
	char name[32];

	if (!eq || len >= sizeof name || !kit_ir_number(eq + 1, &v))
		return diag_fail(d, 1, "'%s' is not NAME=NUMBER", arg);
	memcpy(name, arg, len);
	name[len] = '\0';
	for (unsigned r = 0; r < rf->count; r++)
		if (strcmp(rf->reg[r].name, name) == 0) {
			*reg_at(st, &rf->reg[r]) = v;
			return true;
		}
	if (strcmp(name, "fflags") == 0)
		st->fflags = v & 31;
	else if (strcmp(name, "frm") == 0)
		st->frm = v & 7;
	else if (strcmp(name, "stop") == 0)
		st->stop = v != 0;
	else if (!kit_ir_number(name, &addr))
		return diag_fail(d, 1, "'%s' is no register and no address", name);
	else if (!make_cells(addr) || !store(st, addr, 8, v))
		return diag_fail(d, 1, "%s: too many addresses outside the window", name);
	return true;
}

static void print_exit(const struct ir_state *st, enum ir_exit reason)
{
	printf("exit %s 0x%" PRIx64 "\n", ir_exit_names[reason], st->pc);
	if (reason == IR_EXIT_FAULT)
		printf("fault %s %s 0x%" PRIx64 "\n", ir_fault_names[st->fault_kind],
		       st->fault_write ? "write" : "read", st->fault_addr);
	if (st->owed)
		printf("owed %" PRIu32 "\n", st->owed);
}

static void print_memory(gaddr addr, const uint8_t *before, const uint8_t *after)
{
	uint64_t v;

	memcpy(&v, after, sizeof v);
	if (memcmp(before, after, sizeof v) != 0)
		printf("[0x%" PRIx64 "] = 0x%" PRIx64 "\n", addr, v);
}

static void print_changes(struct ir_state *before, struct ir_state *after,
			  const struct ir_regfile *rf)
{
	for (unsigned r = 0; r < rf->count; r++)
		if (*reg_at(before, &rf->reg[r]) != *reg_at(after, &rf->reg[r]))
			printf("%s = 0x%" PRIx64 "\n", rf->reg[r].name,
			       *reg_at(after, &rf->reg[r]));
	if (before->fflags != after->fflags)
		printf("fflags = 0x%x\n", after->fflags);
	if (before->frm != after->frm)
		printf("frm = %u\n", after->frm);
	for (unsigned k = 0; k < WINDOW_BYTES; k += 8)
		print_memory(WINDOW_AT + k, window_before + k, window + k);
	for (unsigned i = 0; i < cell_count; i++)
		print_memory(cell[i].addr, cell[i].before, cell[i].now);
}

bool kit_ir_interp(struct kit_ir *k, char **args, int count, struct diag *d)
{
	static struct ir_state st, before;
	struct arena scratch;
	enum ir_exit reason;

	st = (struct ir_state){ .resv_addr = 1, .helpers = rv64_guest.helpers };
	memset(window, 0, sizeof window);
	cell_count = 0;
	for (int i = 0; i < count; i++)
		if (!set(&st, k->unit.regs, args[i], d))
			return false;
	before = st;
	memcpy(window_before, window, sizeof window);
	for (unsigned i = 0; i < cell_count; i++)
		memcpy(cell[i].before, cell[i].now, sizeof cell[i].now);
	arena_init(&scratch);
	reason = ir_interp(&k->unit, &st, &memory, &scratch);
	arena_fini(&scratch);
	print_exit(&st, reason);
	print_changes(&before, &st, k->unit.regs);
	return true;
}
