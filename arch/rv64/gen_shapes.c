/*
 * Makes the table of shapes that decoders start from, at build time: asks Capstone and the supplement about
 * every shape there is, and prints the valid ones in the order of their slots.
 *
 * usage: gen_shapes FILE
 */
#include "arch/rv64/identify.h"
#include "arch/rv64/shape.h"
#include "lib/base/panic.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const format_name[] = {
#define FORMAT(name, ...) #name,
#include "arch/rv64/formats.def"
#undef FORMAT
};

struct table {
	struct rv64_shape slot[RV64_SHAPE_SLOTS];
	unsigned count;
};

static void add(struct table *t, struct rv64_identifier *q, uint32_t w)
{
	uint32_t shape = rv64_shape_of(rv64_width_of(w), w), k = rv64_shape_find(t->slot, shape);
	enum rv64_op op;

	if (t->slot[k].shape == shape)
		return;
	op = rv64_identifier_ask(q, RV64_FEATURES_GC, w);
	if (op == RV64_OP_illegal)
		return;
	KIT_CHECK(t->count < RV64_SHAPE_MOST, "%u shapes", t->count);
	t->slot[k] = (struct rv64_shape){ shape, (uint16_t)op, rv64_insns[op].format };
	t->count++;
}

/* Short instructions first: the most frequent ones are then where they belong. */
static void fill(struct table *t, struct rv64_identifier *q)
{
	for (uint32_t w = 0; w < 0x10000; w++)
		if ((w & 3) != 3)
			add(t, q, w);
	/* Of a long one, funct3 (or rm) and rs2 may belong to the shape. */
	for (unsigned op = 1; op < RV64_OP_COUNT; op++) {
		const struct rv64_insn_info *info = &rv64_insns[op];

		for (uint32_t k = 0; k < 8 * 32 && info->size_bytes == 4; k++)
			add(t, q, info->match | (((k & 7) << 12 | k >> 3 << 20) & ~info->mask));
	}
}

int main(int argc, char **argv)
{
	struct table t = { 0 };
	struct rv64_identifier *q = rv64_can_identify() ? rv64_identifier_new() : NULL;
	FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;

	if (!q || !f) {
		fprintf(stderr, q ? "usage: gen_shapes FILE\n"
				  : "gen_shapes: Capstone was built without RISC-V\n");
		return 1;
	}
	fill(&t, q);
	fputs("/* SHAPE(slot, shape, op, format); made by gen_shapes.c */\n", f);
	for (unsigned k = 0; k < RV64_SHAPE_SLOTS; k++)
		if (t.slot[k].shape)
			fprintf(f, "SHAPE(%u, 0x%08x, %s, %s)\n", k, t.slot[k].shape,
				rv64_insns[t.slot[k].op].name, format_name[t.slot[k].format]);
	rv64_identifier_free(q);
	return fclose(f) ? 1 : 0;
}
