/*
 * The decoder: words to instructions, by a table of shapes (shape.h).
 *
 * The table that the build made (gen_shapes.c asked Capstone about every shape) is what a decoder starts
 * from: nearly all programs need no other. A decoder gets a table of its own, which grows as it
 * asks Capstone, when its guest lacks one of the usual extensions, or when a shape is met that is
 * valid and not in the table.
 */
#include "arch/rv64/decode.h"

#include "arch/rv64/identify.h"
#include "arch/rv64/shape.h"
#include "lib/base/panic.h"

#include <stdlib.h>
#include <string.h>

struct guest_decoder {
	const struct rv64_shape *slot; /* the table: own or the build's */
	struct rv64_shape *own;        /* NULL: it has none */
	unsigned shapes;
	uint64_t features;
	struct rv64_identifier *identifier; /* NULL: not asked yet */
	void *memo;                         /* NULL: not asked for yet */
};

/* The build's table, for a guest with RV64_FEATURES_GC. Shape 0 finds an empty slot, which is illegal. */
static const struct rv64_shape built[RV64_SHAPE_SLOTS] = {
#define SHAPE(slot, shape, op, format) [slot] = { shape, RV64_OP_##op, RV64_FMT_##format },
#include "arch/rv64/shapes.inc"
#undef SHAPE
};

enum {
#define SHAPE(...) +1
	BUILT_SHAPES =
#include "arch/rv64/shapes.inc"
#undef SHAPE
};

static const struct rv64_fields fields[RV64_FMT_COUNT] = {
/* clang-format off */
#define RD(n)    { 1u << (8 - (n)), 31u << 8 }
#define RS1(n)   { 1u << (16 - (n)), 31u << 16 }
#define RS2(n)   { 1u << (24 - (n)), 31u << 24 }
#define RD_RS1   { 1u << (8 - 7), 31u << 8 | 31u << 16 }
#define RD3(n)   { 1u << (8 - (n)), 7u << 8 }
#define RS1_3(n) { 1u << (16 - (n)), 7u << 16 }
#define RS2_3(n) { 1u << (24 - (n)), 7u << 24 }
#define TO(r, mask) { UINT64_C(1) << (32 - (r)), (uint64_t)(mask) << 32 }
#define IS(rd, rs1, rs2) (rd) << 8 | (rs1) << 16 | (rs2) << 24
#define FORMAT(name, regs, width, ...)                                                             \
	[RV64_FMT_##name] = { { __VA_ARGS__ }, regs, (width) == 32 ? 0 : 1u << ((width) - 1), { 0 } },
#include "arch/rv64/formats.def"
#undef FORMAT
#undef IS
#undef TO
#undef RS2_3
#undef RS1_3
#undef RD3
#undef RD_RS1
#undef RS2
#undef RS1
#undef RD
};
/* clang-format on */

/* ---- a new shape -------------------------------------------------------------------------- */

static struct rv64_identifier *identifier(struct guest_decoder *d)
{
	if (!d->identifier)
		d->identifier = rv64_identifier_new();
	return d->identifier;
}

enum rv64_op rv64_identify(struct guest_decoder *d, uint32_t w)
{
	return rv64_identifier_ask(identifier(d), d->features, w);
}

/* Puts a new shape into the decoder's own table. There is room: shapes are few. */
static const struct rv64_shape *remember(struct guest_decoder *d, uint32_t shape, enum rv64_op op)
{
	struct rv64_shape *s;

	if (!d->own) {
		d->own = malloc(sizeof built);
		KIT_CHECK(d->own, "no memory for the table of instructions");
		memcpy(d->own, built, sizeof built);
		d->slot = d->own;
	}
	KIT_CHECK(d->shapes < RV64_SHAPE_MOST, "%u shapes", d->shapes);
	d->shapes++;
	s = &d->own[rv64_shape_find(d->own, shape)];
	*s = (struct rv64_shape){ shape, (uint16_t)op, rv64_insns[op].format };
	return s;
}

/* A shape that is not where it belongs in the table: it is behind that, or new. */
static __attribute__((noinline)) const struct rv64_shape *find_elsewhere(struct guest_decoder *d,
									 uint32_t shape, uint32_t w)
{
	static const struct rv64_shape illegal = { 0, RV64_OP_illegal, RV64_FMT_NONE };
	const struct rv64_shape *s = &d->slot[rv64_shape_find(d->slot, shape)];

	if (s->shape == shape)
		return s;
	enum rv64_op op = rv64_identify(d, w & rv64_width_of(w)->word);

	return op == RV64_OP_illegal ? &illegal : remember(d, shape, op);
}

/* ---- decoding ----------------------------------------------------------------------------- */

/*
 * The instruction in w, or in its lower half: no mask of a short one looks at the upper one. Returns its format.
 * Without a branch on what it is: that costs a mispredicted jump an instruction.
 */
static inline unsigned decode_word(struct guest_decoder *d, const struct rv64_width *v, uint32_t w,
				   struct rv64_insn *i)
{
	uint32_t shape = rv64_shape_of(v, w), regs;
	const struct rv64_shape *s = &d->slot[rv64_shape_home(shape)];

	if (KIT_UNLIKELY(s->shape != shape))
		s = find_elsewhere(d, shape, w);
	const struct rv64_fields *f = &fields[s->format];
	uint64_t sum = rv64_slice(f, w);

	i->word = w & v->word;
	i->imm = rv64_slice_imm(f, sum);
	regs = (uint32_t)sum | v->size_bytes;
	memcpy(&i->size_bytes, &regs, sizeof regs);
	i->op = s->op;
	return s->format;
}

_Static_assert(offsetof(struct rv64_insn, rd) == offsetof(struct rv64_insn, size_bytes) + 1
		   && offsetof(struct rv64_insn, rs1) == offsetof(struct rv64_insn, rd) + 1
		   && offsetof(struct rv64_insn, rs2) == offsetof(struct rv64_insn, rs1) + 1,
	       "written at once");

/* The formats of instructions that jump or leave; B and CB: on a condition. */
#define FMT(name)    (UINT64_C(1) << RV64_FMT_##name)
#define FMT_BRANCHES (FMT(B) | FMT(CB))
#define FMT_JUMPS    (FMT(J) | FMT(JR) | FMT(CJ) | FMT(CR_JR) | FMT(CR_JALR) | FMT(NONE))
_Static_assert(RV64_FMT_COUNT <= 64, "formats in a set");

unsigned rv64_decode_run(struct guest_decoder *d, const uint8_t *bytes, unsigned avail,
			 unsigned max_insns, unsigned max_branches, struct rv64_insn *out)
{
	unsigned n = 0, at = 0;

	while (n < max_insns) {
		struct rv64_insn *i = &out[n];
		const struct rv64_width *v;
		uint64_t format;
		uint32_t w;

		memcpy(&w, bytes + at, sizeof w);
		v = rv64_width_of(w);
		at += v->size_bytes; /* the next word need not wait for all of this one */
		if (at > avail)
			break;
		n++;
		format = UINT64_C(1) << decode_word(d, v, w, i);
		if (KIT_UNLIKELY(format & (FMT_BRANCHES | FMT_JUMPS))
		    && (format & FMT_JUMPS || i->imm <= 0
			|| (i->imm > RV64_ARM_BYTES && max_branches-- == 0)))
			break;
	}
	return n;
}

unsigned rv64_decode(struct guest_decoder *d, const void *bytes, unsigned avail,
		     struct rv64_insn *i)
{
	uint8_t copy[4 + 4] = { 0 };
	unsigned n = avail < 4 ? avail : 4;

	memcpy(copy, bytes, n);
	return rv64_decode_run(d, copy, n, 1, 0, i) ? i->size_bytes : 0;
}

uint64_t rv64_decoder_features(const struct guest_decoder *d) { return d->features; }

unsigned rv64_decoder_shapes(const struct guest_decoder *d) { return d->shapes; }

/* ---- life, text ---------------------------------------------------------------------------- */

struct guest_decoder *rv64_decoder_new(uint64_t features)
{
	struct guest_decoder *d = rv64_can_identify() ? calloc(1, sizeof *d) : NULL;

	if (!d)
		return NULL;
	d->features = features;
	d->slot = built;
	d->shapes = BUILT_SHAPES;
	if (features != RV64_FEATURES_GC) {
		d->slot = d->own = calloc(RV64_SHAPE_SLOTS, sizeof *d->own);
		KIT_CHECK(d->own, "no memory for the table of instructions");
		d->shapes = 0;
	}
	return d;
}

void rv64_decoder_free(struct guest_decoder *d)
{
	if (!d)
		return;
	rv64_identifier_free(d->identifier);
	free(d->memo);
	free(d->own);
	free(d);
}

void *rv64_decoder_memo(struct guest_decoder *d, size_t size_bytes)
{
	if (!d->memo) {
		d->memo = calloc(1, size_bytes);
		KIT_CHECK(d->memo, "no memory for known routines");
	}
	return d->memo;
}

bool rv64_capstone_text(struct guest_decoder *d, uint32_t w, gaddr pc, struct strbuf *out)
{
	return rv64_identifier_text(identifier(d), w, pc, out);
}
