/*
 * Merging of narrow accesses: what bytes_find.c finds and bytes.c writes.
 *
 * A group of loads reads n adjacent bytes, a group of stores writes them; each becomes one wide access at the place of
 * its first member. What is made of the loads' values, up to the tree that joins them, becomes a field of
 * the wide value, so that nothing of the tree is needed but what somebody else looks at.
 */
#ifndef KIT_OPT_BYTES_PRIV_H
#define KIT_OPT_BYTES_PRIV_H

#include "lib/opt/pass.h"

enum { BYTES_GROUPS_MAX = 32, BYTES_NO_GROUP = UINT8_MAX };

enum bytes_order { BYTES_LITTLE = 1, BYTES_BIG = 2 };

/* A value whose bytes are bytes of memory, each for itself. */
struct bytes_value {
	ir_ref base;   /* IR_NOREF: it is none */
	uint8_t mask;  /* those of its bytes (bit n: byte n) that are; the others are 0 ... */
	uint8_t sign;  /* ... or, from this one on (0: none), copies of the sign of the one below */
	uint8_t order; /* enum bytes_order; a single byte has both */
	uint8_t group; /* the group of loads that it becomes a field of */
	int32_t little; /* byte n is that at base + little + n ... */
	int32_t big;    /* ... and, in the other order, that at base + big - n */
};

struct bytes_loads {
	uint32_t first; /* of the loads */
	ir_ref base;
	int32_t disp;   /* of the lowest byte, from base */
	uint8_t n;      /* how many bytes: 2, 4 or 8 */
	bool big;       /* somebody wants them in the opposite order */
	bool is_signed; /* ... sign-extended */
	bool is_single; /* one load, which stays one */
};

struct bytes_stores {
	uint32_t first;
	int64_t imm; /* displacement of the lowest byte, from the first store's operand */
	uint8_t n;
	uint8_t loads; /* its bytes are those of this group, from byte on; or BYTES_NO_GROUP */
	uint8_t byte;  /* of loads or value, the lowest of them */
	bool big;      /* the bytes of value in the opposite order */
	ir_ref value;  /* IR_NOREF: the constant konst */
	int64_t konst;
};

enum bytes_role {
	BYTES_KEEP,
	BYTES_FIELD, /* becomes a field of value[].group */
	BYTES_STORE, /* the first store of a group: becomes the wide one */
	BYTES_GONE,  /* another one */
};

struct bytes {
	struct ir_unit *u;
	struct bytes_value *value; /* by insn */
	uint8_t *role;             /* enum bytes_role, by insn */
	struct bytes_loads loads[BYTES_GROUPS_MAX];
	struct bytes_stores stores[BYTES_GROUPS_MAX];
	unsigned loads_count, stores_count;
};

/* bytes_find.c: says of the values of blk which bytes they are, then finds groups of loads. */
void bytes_find_loads(struct bytes *s, const struct ir_block *blk);
/* bytes_stores.c: finds groups of stores, and of loads that they copy. */
void bytes_find_stores(struct bytes *s, const struct ir_block *blk);

/* r as base + *disp. */
ir_ref bytes_base(const struct bytes *s, ir_ref r, int64_t *disp);
bool bytes_konst(const struct bytes *s, ir_ref r, int64_t *v);
/*
 * May an access to the n bytes from base + disp change places with insn i? Only with one that leaves nothing, looks
 * at nothing, and accesses no byte of them: other bytes of the same base, since any other address may be the same.
 */
bool bytes_may_cross(const struct bytes *s, const struct ir_insn *i, ir_ref base, int64_t disp,
		     unsigned n);
/*
 * Makes a group of these loads of the n bytes from base + disp, unless one of them may not move up to the
 * first. Its number, or BYTES_NO_GROUP.
 */
unsigned bytes_group_loads(struct bytes *s, const uint32_t *load, unsigned count, ir_ref base,
			   int64_t disp, unsigned n);

/* How many bytes plain integer load or store op accesses; 0: op is none. */
static inline unsigned bytes_size(unsigned op)
{
	static const uint8_t size[] = { 1, 1, 2, 2, 4, 4, 8, 0, 1, 2, 4, 8 };

	_Static_assert(IR_st64 - IR_ld8u == 11 && IR_ldf - IR_ld8u == 7, "row order");
	return op >= IR_ld8u && op <= IR_st64 ? size[op - IR_ld8u] : 0;
}

static inline bool bytes_is_load(unsigned op) { return op >= IR_ld8u && op <= IR_ld64; }

/* Bytes lowest and up, without a gap: their number, or 0. */
static inline unsigned bytes_run(uint8_t mask, unsigned *lowest)
{
	unsigned m;

	if (!mask)
		return 0;
	*lowest = (unsigned)__builtin_ctz(mask);
	m = mask >> *lowest;
	return m & (m + 1) ? 0 : (unsigned)__builtin_popcount(m);
}

#endif
