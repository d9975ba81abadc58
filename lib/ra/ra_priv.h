/*
 * What the parts of the allocator share. One run over a unit goes block by block:
 *
 *     live.c   backward: how long each value lives, where it would like to be
 *     scan.c   forward: gives registers, emits
 *       pick.c   chooses a register, or whom to evict
 *       exits.c  ways out: stubs, fault records, bringing guest registers home
 *       moves.c  parallel moves
 *     region.c a convention of its own for a unit of several blocks
 *
 * Values
 * ------
 * A value has a number below ra.value_count:
 *
 *     [0, vreg_count)          the unit's virtual registers
 *     ra.entry + g             what guest register g held when the block was entered
 *     ra.synced + g            what the home of g holds after a LF_SYNC, when that is no other
 *                              value's place: a second copy, or the result of a LIR_FIX
 *
 * A pinned guest register that the block neither uses nor PUTs has no value as a rule: its
 * home is simply taken, neither free nor held, up to the last way out. Should the register be wanted after
 * all, ra_touch makes the value late.
 *
 * A sum (lir_vreg.is_sum) is in no place and has no life of its own: guest registers alone have it, and their need is a need of
 * its operands.
 *
 * A value is in at most one register (reg), and may have a copy in struct ir_state that is good
 * (mem). A constant has no copy in memory; it is made again where it is needed. A live
 * value that is no constant is in at least one of the two.
 *
 * Positions
 * ---------
 * Insn i reads its operands at RA_EARLY(i) and writes its results after it; what is read or needed
 * after a result was written is read at RA_LATE(i). A register whose value
 * dies early may take a result of the same insn. What dies at the very end of the block is not listed as
 * dying: nothing looks at the books any more.
 */
#ifndef KIT_RA_PRIV_H
#define KIT_RA_PRIV_H

#include "lib/ir/state.h"
#include "lib/ra/ra.h"

enum { RA_NOVALUE = UINT16_MAX, RA_NOGREG = UINT8_MAX, RA_NOSLOT = UINT8_MAX };
#define RA_NOUSE UINT32_MAX
#define RA_NEVER UINT32_MAX
#define RA_NOMEM (-1)

#define RA_EARLY(i)  (2 * (i) + 2)
#define RA_LATE(i)   (2 * (i) + 3)
#define RA_INSN(pos) ((pos) / 2 - 1)
_Static_assert((RA_EARLY(7) | LO_LATE) == RA_LATE(7), "live.c makes one of the other so");

#define RA_BIT(n) (UINT64_C(1) << (n))
/* for (RA_EACH(r, set)): each bit r of a set. */
#define RA_EACH(r, set)                                                                            \
	uint64_t r##_left = (set), r = r##_left ? (uint64_t)__builtin_ctzll(r##_left) : 0;         \
	r##_left;                                                                                  \
	r##_left &= r##_left - 1, r = r##_left ? (uint64_t)__builtin_ctzll(r##_left) : 0

struct ra_value {
	uint64_t cur_of; /* guest registers whose present value this is (exits.c) */
	uint32_t death;  /* position of its last need; below ra.block_pos: not seen in this block */
	uint32_t uses;   /* list in ra.use: insns that want it as an operand */
	uint32_t def;    /* insn that defines it */
	uint32_t dest_end; /* insn up to which it wants to be in the home of dest undisturbed */
	uint32_t fixed_at; /* insn that wants it in register fixed */
	int32_t mem;       /* offset of its copy in struct ir_state, or RA_NOMEM */
	uint16_t next_want, next_dying;
	uint8_t cls;   /* enum lir_class */
	uint8_t reg;   /* LIR_PHYS_NONE: in none */
	uint8_t dest;  /* the guest register whose home would suit it, or RA_NOGREG */
	uint8_t fixed; /* a fixed operand that it will be, or LIR_PHYS_NONE */
	uint8_t slot;  /* its spill slot, or RA_NOSLOT */
	bool is_const;
};

/* A node of the ascending lists of insns that use a value or a fixed register. */
struct ra_use {
	uint32_t insn, next;
};

/* What live.c says of an insn. */
enum ra_has {
	RA_HAS_FIXED = 1,      /* an operand in a fixed register */
	RA_HAS_DEF = 2,        /* a result */
	RA_HAS_LATE_DEATH = 8, /* a value of dying outlives its early operands */
};

struct ra_step {
	uint16_t dying; /* values that die here, linked by next_dying */
	uint8_t has;    /* enum ra_has */
};

/* A list of insns being written. */
struct ra_out {
	struct arena *arena;
	struct lir_insn *insn;
	unsigned count, cap;
	int32_t gpc_off; /* for the insns that ra_emit adds */
};

struct ra {
	struct lir_unit *u;
	const struct ra_target *t;
	struct ra_value *value;
	uint16_t entry, synced;
	bool out_of_slots; /* the run has failed */
	/* Regions: guest registers that are elsewhere inside than at the boundary. */
	uint64_t displaced;
	struct ra_out out, stub;

	/* What live.c says of the block at hand. */
	const struct lir_block *blk;
	uint32_t first, end, block_pos;
	struct ra_use *use;
	unsigned use_count, use_cap;
	uint64_t read;                  /* guest registers that are used as of its entry */
	uint64_t touched;               /* pinned guest registers that have a value */
	struct ra_step *step;           /* by insn */
	uint64_t wanted;                /* guest registers with a want list ... */
	uint16_t want[IR_MAX_REGS];     /* ... values defined that would like g's home */
	uint64_t fixed_any;             /* registers with a fixed list ... */
	uint32_t fixed[LIR_PHYS_COUNT]; /* ... insns with an operand fixed to it */

	/* The state at insn i of the scan. */
	uint32_t i;
	unsigned next_owe;            /* in lir_unit.owe */
	uint32_t horizon;             /* i before, i + 1 after its uses are in place */
	uint64_t free;                /* allocatable registers that hold no value */
	uint64_t held;                /* registers that hold a value ... */
	uint16_t occ[LIR_PHYS_COUNT]; /* ... this one */
	uint16_t cur[IR_MAX_REGS];    /* value of each guest register that is touched or away */
	uint64_t sums;                /* guest registers whose value is a sum */
	uint64_t fixes;               /* those to which a conversion is still to be applied ... */
	uint8_t fix[IR_MAX_REGS];     /* ... this one */
	uint64_t kept;  /* at a LF_SYNC: those of fixes that where it goes takes as they are */
	uint64_t away;  /* guest registers not plainly at home */
	uint64_t owned; /* unpinned guest registers in whose place is the mem ... */
	uint16_t mem_owner[IR_MAX_REGS]; /* ... of this value */
	uint64_t slots;                  /* spill slots that are free */
	uint32_t loc_first, loc_count;   /* the last fault record's locations ... */
	bool loc_valid;                  /* ... still say where everything is */
};

/* ---- region.c */

/* Makes enter and leave of the unit. */
void ra_region_moves(struct ra *s);
/* Makes unfix of each block. */
void ra_region_fixes(struct ra *s);

/* ---- live.c */

/* Prepares block b of the unit: fills the part of ra above and values' wishes. */
void ra_live(struct ra *s, unsigned b);

/* ---- scan.c */

void ra_scan(struct ra *s);
/* Brings value v, which is in no register, into r, which is free. */
void ra_fetch(struct ra *s, uint16_t v, unsigned r);

/* ---- pick.c */

/* Moves the books: v is now in register r or in none (LIR_PHYS_NONE). Emits nothing. */
void ra_set_reg(struct ra *s, uint16_t v, unsigned r);
/* v's copy in memory is no longer good. */
void ra_drop_mem(struct ra *s, uint16_t v);
/* Takes v out of its register, storing it first when that held the only copy. */
void ra_evict(struct ra *s, uint16_t v);
/* The insn that defines the next value that would like g's home, or RA_NEVER. */
uint32_t ra_next_want(struct ra *s, unsigned g);
/* The best register for v out of avail, or LIR_PHYS_NONE when v's class has none in it. */
unsigned ra_pick(struct ra *s, uint16_t v, uint64_t avail, unsigned hint);
/* A register for v that becomes free by evicting a value from one of evictable. */
unsigned ra_vacate(struct ra *s, uint16_t v, uint64_t evictable);

static inline unsigned ra_take(struct ra *s, uint16_t v, uint64_t avail, uint64_t evictable,
			       unsigned hint)
{
	unsigned r = ra_pick(s, v, avail, hint);

	return r != LIR_PHYS_NONE ? r : ra_vacate(s, v, evictable);
}

/* ---- exits.c */

void ra_begin_block(struct ra *s);
/* Gives guest register g, whose home is r, the value that it did without so far. */
uint16_t ra_touch(struct ra *s, unsigned r);
void ra_end_block(struct ra *s);
void ra_put(struct ra *s, const struct lir_insn *in);
/* Stores unpinned guest register g, which is away. */
void ra_store_greg(struct ra *s, unsigned g);
/* Records for the insn that is emitted next. */
void ra_note_exit(struct ra *s, const struct lir_insn *in);
void ra_note_fault(struct ra *s);
/* Emits a LF_SYNC insn with all that goes before it. */
void ra_sync(struct ra *s, const struct lir_insn *sel);
/* After it: the books for a block that goes on. */
void ra_settle(struct ra *s);

/* ---- moves.c */

/* A set of moves that happen at once: each register of dst has one source. */
struct ra_moves {
	uint64_t from_reg, from_mem, from_const; /* destinations by kind of source */
	uint64_t srcs;                           /* source registers */
	uint8_t src[LIR_PHYS_COUNT];
	int64_t imm[LIR_PHYS_COUNT]; /* offset in struct ir_state, or constant */
};

static inline void ra_moves_init(struct ra_moves *m)
{
	m->from_reg = m->from_mem = m->from_const = m->srcs = 0;
}

static inline uint64_t ra_moves_dst(const struct ra_moves *m)
{
	return m->from_reg | m->from_mem | m->from_const;
}

/* Adds: register dst becomes value v, from wherever it is now. */
void ra_moves_add(struct ra *s, struct ra_moves *m, unsigned dst, uint16_t v);
/* temps: registers that hold nothing of worth. Those that m mentions do not count. */
void ra_moves_emit(const struct ra_moves *m, uint64_t temps, struct ra_out *out);

/* Appends an insn of the allocator's own; a, b: LIR_PHYS_NONE for no operand. */
struct lir_insn *ra_emit(struct ra_out *out, enum lir_op op, unsigned a, unsigned b, int64_t imm);

static inline struct lir_insn *ra_append(struct ra_out *out)
{
	arena_grow(out->arena, out->insn, out->count, out->cap);
	return &out->insn[out->count++];
}

/* ---- small questions */

static inline struct ra_value *ra_init_value(struct ra *s, uint16_t v, uint8_t cls, bool is_const)
{
	struct ra_value *x = &s->value[v];

	*x = (struct ra_value){
		.cls = cls,
		.is_const = is_const,
		.uses = RA_NOUSE,
		.mem = RA_NOMEM,
		.reg = LIR_PHYS_NONE,
		.dest = RA_NOGREG,
		.fixed = LIR_PHYS_NONE,
		.slot = RA_NOSLOT,
	};
	return x;
}

/* The value that virtual register r is. */
static inline uint16_t ra_value_of(const struct ra *s, lreg r)
{
	KIT_DCHECK(r < LIR_ENTRY || s->read >> (r - LIR_ENTRY) & 1,
		   "insn %u: guest register %u is not in lir_block.entries", s->i, r - LIR_ENTRY);
	return r < LIR_ENTRY ? r : (uint16_t)(s->entry + (r - LIR_ENTRY));
}

/* Needed after insn i has read its early operands. */
static inline bool ra_outlives_early(const struct ra *s, uint16_t v)
{
	return s->value[v].death > RA_EARLY(s->i);
}

/* The sum that v is, or NULL. */
static inline const struct lir_vreg *ra_sum(const struct ra *s, uint16_t v)
{
	return v < s->entry && s->u->vreg[v].is_sum ? &s->u->vreg[v] : NULL;
}

static inline bool ra_outlives(const struct ra *s, uint16_t v)
{
	return s->value[v].death > RA_LATE(s->i);
}

/* What register r holds, or RA_NOVALUE. */
static inline uint16_t ra_occupant(const struct ra *s, unsigned r)
{
	return s->held >> r & 1 ? s->occ[r] : RA_NOVALUE;
}

static inline uint64_t ra_allocatable(const struct ra *s)
{
	return s->t->alloc[LIR_INT] | s->t->alloc[LIR_FP];
}

/* v is not needed any more. */
static inline void ra_free_value(struct ra *s, uint16_t v)
{
	struct ra_value *x = &s->value[v];
	unsigned r = x->reg;

	if (r != LIR_PHYS_NONE) {
		if (ra_occupant(s, r) == v) {
			s->held &= ~RA_BIT(r);
			s->free |= RA_BIT(r) & ra_allocatable(s);
		}
		x->reg = LIR_PHYS_NONE;
		if (x->cur_of) {
			s->away |= x->cur_of;
			s->loc_valid = false;
		}
	}
	if (x->mem != RA_NOMEM)
		ra_drop_mem(s, v);
}

/* v, which has no place yet, gets register r. */
static inline void ra_give(struct ra *s, uint16_t v, unsigned r)
{
	KIT_DCHECK(ra_occupant(s, r) == RA_NOVALUE, "register %u holds value %u at insn %u", r,
		   s->occ[r], s->i);
	s->value[v].reg = (uint8_t)r;
	s->occ[r] = v;
	s->held |= RA_BIT(r);
	s->free &= ~RA_BIT(r);
}

/* Does the block of the unit that exit goes to, if it does, take guest register g with its fix pending? */
static inline bool ra_stays_pending(const struct ra *s, uint16_t exit, unsigned g, uint8_t fix)
{
	const struct lir_block *to;

	if (exit == UINT16_MAX || s->u->exit[exit].to == IR_NOBLOCK)
		return false;
	to = &s->u->block[s->u->exit[exit].to];
	return to->fixes >> g & 1 && ra_fix_stays(s->t, fix, to->fix[g]);
}

static inline unsigned ra_lowest(uint64_t set) { return (unsigned)__builtin_ctzll(set); }

static inline uint8_t ra_greg_class(const struct ra *s, unsigned g)
{
	return s->t->regs->reg[g].type == IR_F64 ? LIR_FP : LIR_INT;
}

static inline int32_t ra_greg_mem(const struct ra *s, unsigned g)
{
	return (int32_t)s->t->regs->reg[g].offset_bytes;
}

#endif
