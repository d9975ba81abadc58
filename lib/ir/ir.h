/*
 * The IR: what a piece of guest code means, independent of guest and host.
 *
 * A unit is what is compiled at once. It holds blocks; a block is a straight
 * list of insns with one entry at its top, side exits (br) on the way and one
 * final exit at its end. At level 1 a unit is one block: a trace of guest
 * instructions. At level 2 it is a region of several blocks; insn.to names the
 * block that an exit goes to when that is in the same unit. Calls leave the unit, and come back to that block.
 *
 * Values are in SSA form: an insn is named by its index (ir_ref), is defined
 * once and used only by later insns of the same block. Between blocks values
 * travel in guest registers alone: getreg reads one, putreg writes one. There may be
 * several blocks for one pc, which differ in what they know of registers at their entry. Insns are
 * executed in order. Guest registers, memory and the exits see exactly what an
 * in-order execution gives: at a load or store that faults, and at each exit,
 * every guest register holds what the last putreg before it wrote.
 *
 * Example: "loop: ld a5,0(a0); addi a0,a0,8; bne a0,a1,loop" is
 *
 *     block 0x10074 {
 *       %0 = getreg.i64 a0
 *       %1 = ld64 %0
 *       putreg.i64 a5, %1
 *       at 0x10076
 *       %3 = const.i64 8
 *       %4 = add.i64 %0, %3
 *       putreg.i64 a0, %4
 *       at 0x10078
 *       %6 = getreg.i64 a1
 *       br.i64 ne %4, %6, 0x10074
 *       exit jump 0x1007c
 *     }
 *
 * "at" lines show insn.gpc_off: the guest instruction an insn belongs to, which
 * is the pc reported when it faults. A constant is an insn (const) and may stand
 * anywhere before its use.
 *
 * Threads: a unit belongs to the thread that builds it. It lives in an arena.
 */
#ifndef KIT_IR_IR_H
#define KIT_IR_IR_H

#include "lib/base/arena.h"
#include "lib/base/bits.h"
#include "lib/base/diag.h"
#include "lib/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ir_type { IR_NONE, IR_I32, IR_I64, IR_F32, IR_F64 };

enum ir_op {
#define OP(name, ...) IR_##name,
#include "lib/ir/ops.def"
#undef OP
	IR_OP_COUNT
};

/* Conditions of br and set. Bit 0 inverts. */
enum ir_cc { IR_EQ, IR_NE, IR_LT, IR_GE, IR_LTU, IR_GEU };

static inline enum ir_cc ir_cc_invert(enum ir_cc cc) { return (enum ir_cc)(cc ^ 1); }

/* What op count counts: guest instructions that have begun, and those of them that are system calls. */
enum ir_counted { IR_COUNT_INSNS, IR_COUNT_CALLS, IR_COUNTED };
/* Numbers of counters are below it: hosts reach them with 32 bits. */
enum { IR_COUNTERS_MOST = 1 << 27 };

/*
 * Op countrun: a run of a routine over a of c bytes is of class b, and the counter imm >> 32 behind which classes begin grows by one there.
 * The class has the length a at bit at, and the rest c - a at bit rest_at unless rest_log2 is 0. Runs are of one class however many
 * periods of 2^log2 bytes they have from two on, and rests from one of 2^rest_log2 on: the others are taken off
 * the class, and the bytes of the length's counted IR_RUN_CLASSES behind it.
 *
 *     a < 3 << log2, c - a < 2 << rest_log2: counted[what + b]++
 */
struct ir_run {
	unsigned log2, at, rest_log2, rest_at;
};

enum { IR_RUN_CLASSES = 11 << 16 };

/* The bytes below which neither the length nor the rest is folded. */
static inline uint64_t ir_run_short(const struct ir_run *r)
{
	const uint64_t all = UINT64_C(2) << r->rest_log2, length = UINT64_C(3) << r->log2;

	return r->rest_log2 && all < length ? all : length;
}

/* The low half of countrun's imm. */
static inline uint32_t ir_run_pack(const struct ir_run *r)
{
	return r->log2 | r->at << 4 | r->rest_log2 << 9 | r->rest_at << 13;
}

static inline struct ir_run ir_run_of(int64_t imm)
{
	return (struct ir_run){ imm & 15, imm >> 4 & 31, imm >> 9 & 15, imm >> 13 & 31 };
}

/* Rounding modes, the frm encoding; IR_RM_DYN: the one in ir_state.frm, which is then RNE..RUP. */
enum ir_rm { IR_RM_RNE, IR_RM_RTZ, IR_RM_RDN, IR_RM_RUP, IR_RM_RMM, IR_RM_DYN = 7 };

enum ir_amo {
	IR_AMO_SWAP,
	IR_AMO_ADD,
	IR_AMO_XOR,
	IR_AMO_AND,
	IR_AMO_OR,
	IR_AMO_MIN,
	IR_AMO_MAX,
	IR_AMO_MINU,
	IR_AMO_MAXU,
};

/* A bit of sub of plain loads and stores: ops.def. */
enum { IR_REDO = 1 };

enum { IR_AMO_MASK = 15, IR_AMO_RL = 1 << 4, IR_AMO_AQ = 1 << 5, IR_LRSC_RL = 1, IR_LRSC_AQ = 2 };

/* How an exit leaves: calls and returns are paired on the host's stack. */
enum ir_jump { IR_JUMP_PLAIN, IR_JUMP_CALL, IR_JUMP_RET };

/*
 * Why translated code, or the interpreter, came back to the run loop. The
 * names after the number are what the run loop does; pc is always right.
 */
enum ir_exit {
	IR_EXIT_NONE,
	IR_EXIT_SYSCALL, /* ecall at pc; pc is not yet advanced */
	IR_EXIT_BREAK,   /* ebreak at pc */
	IR_EXIT_ILLEGAL, /* an instruction at pc that this guest does not have */
	IR_EXIT_FETCH,   /* pc cannot be fetched: no execute permission or unmapped */
	IR_EXIT_FENCEI,  /* fence.i was executed; pc is behind it */
	IR_EXIT_FRM,     /* the dynamic rounding mode changed; pc is behind it */
	IR_EXIT_STOP,    /* ir_state.stop was seen at a safe point */
	IR_EXIT_LOOKUP,  /* no translation of pc is at hand */
	IR_EXIT_LINK,    /* as LOOKUP, by a link that may lead there from now on */
	IR_EXIT_FAULT,   /* a memory access at pc faulted: ir_state.fault_* say how */
	IR_EXIT_HOT, /* the counter of the block at pc ran over (ir_state.entries); it has not run */
	IR_EXIT_CALLED, /* the system call at pc was made, and failed as state.h has it: ir_state.exit_arg is its result */
	IR_EXIT_REDO, /* the guest's own instructions from pc on have to be interpreted */
	IR_EXIT_STUB, /* of code alone: ir_state.exit_arg says by which stub it left, its tables why and for which pc (lib/jit/code.h) */
	IR_EXIT_COUNT
};

/* A value: the index of the insn that defines it. Units have fewer insns than fit; traces and regions are bounded. */
typedef struct {
	uint16_t idx;
} ir_ref;

#define IR_NOREF   ((ir_ref){ UINT16_MAX })
#define IR_NOBLOCK UINT16_MAX

enum { IR_INSNS_MAX = UINT16_MAX };

static inline bool ir_ref_ok(ir_ref r) { return r.idx != UINT16_MAX; }
/* Index in a table by operand whose entry 0 stands for IR_NOREF. */
static inline unsigned ir_ref_slot(ir_ref r) { return (uint16_t)(r.idx + 1); }

struct ir_insn {
	uint8_t op;            /* enum ir_op */
	uint8_t type;          /* T of the row, IR_NONE when the row has none */
	uint8_t sub;           /* what the row's sub column says; exitr: enum ir_exit */
	uint8_t dead : 1;      /* set by passes: skip this insn; ir_compact drops it */
	uint8_t ret_bytes : 7; /* calls: how far behind the calling instruction's pc they return */
	int32_t gpc_off;       /* guest pc of the instruction it belongs to, minus unit.gpc */
	ir_ref a, b, c;        /* operands, IR_NOREF where there is none */
	uint16_t to; /* block in this unit that it goes to, calls: return to; or IR_NOBLOCK */
	int64_t imm;
};

/* The most that ret_bytes holds. */
enum { IR_RET_BYTES_MAX = 127 };
_Static_assert(sizeof(struct ir_insn) == 24, "lifted traces are kept, so they are small");

struct ir_block {
	gaddr gpc;             /* where it starts */
	uint32_t first, count; /* its insns in unit.insn[] */
	uint32_t exec_count;   /* how often level 1 ran it, as far as known; for level 2 */
	uint32_t owes; /* op owe as of its entry, for faults and for safe points on the way to it */
	/*
	 * What holds at its entry whatever way it is come to, as sets of F64 registers: boxed ones hold a float below 32
	 * one bits; canon: that float, or of a register that is not boxed the double, is no NaN but the canonical one.
	 * And of I64 registers: sext, those that are the sign extension of their low half.
	 * Block 0 is entered from outside: of it nothing is known.
	 */
	uint64_t boxed, canon, sext;
};

struct ir_unit {
	struct arena *arena;           /* everything below lives there */
	gaddr gpc;                     /* entry of block 0 */
	const struct ir_regfile *regs; /* the guest's registers */
	struct ir_insn *insn;
	unsigned insn_count, insn_cap;
	struct ir_block *block;
	unsigned block_count, block_cap;
	struct ir_block *open; /* the block opened last: insns are added to it */
	/* The guest bytes that were read, as ranges: [start, start + size_bytes). */
	struct ir_range {
		gaddr start;
		uint32_t size_bytes;
	} * range;
	unsigned range_count, range_cap;
	unsigned guest_insns; /* number of guest instructions in it */
	/*
	 * What an address, a value to be stored or a branch was computed from orders accesses in the guest's memory
	 * model, also where the result does not depend on it (xor x, x), and the host has nothing else to keep that order:
	 * no pass may make a constant of what is computed from other than constants, nor take such a branch away.
	 */
	bool keep_deps;
	/*
	 * Some of it does what functions of the guest do in another way than their code: registers that their ABI lets them
	 * change keep what they held.
	 */
	bool replaces;
};

/* One guest register, as passes and hosts see it. A unit may have something else in one that it does not use, at another place. */
struct ir_reg {
	const char *name;
	uint32_t offset_bytes; /* in struct ir_state, or behind it */
	uint8_t type;          /* IR_I64 or IR_F64 */
	uint8_t
	    pin; /* rank among the registers of its class that want a host register; 0 the first */
};

enum { IR_MAX_REGS = 64 };

/* The registers of a system call, and the length of the instruction that makes one. */
struct ir_call_regs {
	uint8_t number, arg[6], result;
	uint8_t insn_bytes;
};

struct ir_regfile {
	unsigned count; /* at most IR_MAX_REGS; numbers of getreg and putreg are below it */
	const struct ir_reg *reg;
	struct ir_call_regs call;
};

/* Where call i returns to. */
static inline gaddr ir_ret(const struct ir_unit *u, const struct ir_insn *i)
{
	return u->gpc + (gaddr)(int64_t)i->gpc_off + i->ret_bytes;
}

static inline bool ir_is_call(const struct ir_insn *i)
{
	return (i->op == IR_exit || i->op == IR_exiti) && i->sub == IR_JUMP_CALL;
}

/* The block that i, any insn, goes to without leaving the unit, or IR_NOBLOCK. */
static inline unsigned ir_goes_to(const struct ir_insn *i)
{
	return ir_is_call(i) ? IR_NOBLOCK : i->to;
}

/* What ops.def says of an operation. */
enum ir_flag {
	IR_P = 1,     /* pure */
	IR_C = 2,     /* a and b may be swapped */
	IR_L = 4,     /* reads guest memory; may fault */
	IR_S = 8,     /* writes guest memory; may fault */
	IR_E = 16,    /* has another effect */
	IR_X = 32,    /* may leave the block */
	IR_Z = 64,    /* ends the block */
	IR_F = 128,   /* floating point: accrues flags, may be dropped only if they cannot differ */
	IR_TI = 256,  /* T is i32 or i64 */
	IR_T64 = 512, /* T is i64 */
	IR_TF = 1024, /* T is f32 or f64 */
	/* Of NaNs: */
	IR_NA = 2048,  /* all quiet ones are one to it as an operand */
	IR_NP = 4096,  /* an operand that is one makes the result one */
	IR_NQ = 8192,  /* one that it gives is quiet */
	IR_NC = 16384, /* one that it gives is the canonical one */
};

enum ir_sub {
	IR_SUB_N,
	IR_SUB_CC,
	IR_SUB_RM,
	IR_SUB_KIND,
	IR_SUB_REDO,
	IR_SUB_AQRL,
	IR_SUB_AMO,
	IR_SUB_EXIT
};

enum { IR_FITS_SIGNED = 128, IR_FITS_BITS = 127 };

/* Operand and result columns: an enum ir_type, or IR_T for the insn's own. */
enum { IR_T = 5 };

struct ir_op_info {
	const char *name;
	uint8_t result, a, b, c; /* enum ir_type or IR_T */
	uint8_t sub;             /* enum ir_sub */
	uint8_t
	    fits; /* bits of an integer result, 0 when unknown; | IR_FITS_SIGNED: sign-extended */
	uint16_t flags; /* enum ir_flag */
};

extern const struct ir_op_info ir_ops[IR_OP_COUNT];

static inline const struct ir_op_info *ir_info(const struct ir_insn *i) { return &ir_ops[i->op]; }
/* The type of the value an insn defines, IR_NONE when it defines none. */
static inline enum ir_type ir_result_type(const struct ir_insn *i)
{
	uint8_t r = ir_ops[i->op].result;

	return (enum ir_type)(r == IR_T ? i->type : r);
}
/* The type that operand column col (info->a, b or c) asks for in insn i. */
static inline enum ir_type ir_operand_type(const struct ir_insn *i, uint8_t col)
{
	return (enum ir_type)(col == IR_T ? i->type : col);
}
/* True when the insn may raise a guest fault. */
static inline bool ir_may_fault(const struct ir_insn *i)
{
	return ir_ops[i->op].flags & (IR_L | IR_S);
}

/* Is the result of a 64-bit insn, by its operation alone, the sign or zero extension of its low half? */
static inline bool ir_fits_i32(const struct ir_insn *i)
{
	unsigned f = ir_ops[i->op].fits;

	return f && (f & IR_FITS_SIGNED || f < 32);
}
static inline bool ir_fits_u32(const struct ir_insn *i)
{
	unsigned f = ir_ops[i->op].fits;

	return f && !(f & IR_FITS_SIGNED);
}

/*
 * Safe points: which ways out look at ir_state.stop, so that no cycle of guest code goes round without a look.
 *
 * A cycle has a jump back in it. Looked at are jumps out of a unit that lead back in the guest, and jumps in it, or calls
 * that return to it, that lead back in the order of its blocks. A unit may also go back in the guest from one insn to
 * the next, or to a later block: what leaves it behind that always looks. Hosts feed this with what they select, in
 * order; indirect jumps they know.
 */
struct ir_safe {
	int32_t gpc_off; /* of the insn at hand */
	unsigned block;
	bool went_back;
};

static inline void ir_safe_block(struct ir_safe *s, const struct ir_unit *u, unsigned block)
{
	s->block = block;
	s->gpc_off = (int32_t)(u->block[block].gpc - u->gpc);
}

static inline void ir_safe_insn(struct ir_safe *s, int32_t gpc_off)
{
	s->went_back |= gpc_off < s->gpc_off;
	s->gpc_off = gpc_off;
}

/* Whether br or exit i at hand looks. */
static inline bool ir_safe_exit(struct ir_safe *s, const struct ir_unit *u, const struct ir_insn *i)
{
	bool back = (gaddr)i->imm <= u->gpc + (gaddr)(int64_t)s->gpc_off;

	if (i->to <= s->block)
		return true;
	if (ir_goes_to(i) == IR_NOBLOCK)
		return back || s->went_back;
	s->went_back |= back;
	return false;
}

/* ---- building (build.c) ------------------------------------------------------------------- */

void ir_unit_init(struct ir_unit *u, struct arena *a, const struct ir_regfile *regs, gaddr gpc);
/* Opens a block at gpc; insns are added to the block opened last. Returns its number. */
unsigned ir_block_begin(struct ir_unit *u, gaddr gpc);
/* Notes that the guest bytes [start, start + size_bytes) were read; joins adjacent ranges. */
void ir_unit_cover(struct ir_unit *u, gaddr start, uint32_t size_bytes);

/*
 * A builder adds insns to the last block and stamps them with the guest pc.
 * ir_build_* fold nothing and check nothing but types (debug builds): meaning
 * stays in one place, the passes.
 */
struct ir_builder {
	struct ir_unit *unit;
	gaddr gpc; /* of the guest instruction being lifted */
};

ir_ref ir_emit(struct ir_builder *b, struct ir_insn insn);
ir_ref ir_const(struct ir_builder *b, enum ir_type t, int64_t value);
ir_ref ir_op1(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x);
ir_ref ir_op2(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y);
ir_ref ir_op3(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y, ir_ref z);
/* Floating-point operations that round: sub is rm. */
ir_ref ir_fop(struct ir_builder *b, enum ir_op op, enum ir_type t, enum ir_rm rm, ir_ref x,
	      ir_ref y, ir_ref z);
ir_ref ir_set(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y);
ir_ref ir_getreg(struct ir_builder *b, unsigned reg);
void ir_putreg(struct ir_builder *b, unsigned reg, ir_ref v);
/* op: ld8u .. ld64, ldf (t counts for ldf only). */
ir_ref ir_load(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp);
void ir_store(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp,
	      ir_ref v);
/* op: lr (v: IR_NOREF), sc, amo; sub as ops.def says. */
ir_ref ir_atomic(struct ir_builder *b, enum ir_op op, enum ir_type t, unsigned sub, ir_ref addr,
		 ir_ref v);
void ir_fence(struct ir_builder *b, unsigned sets);
/* op: getfflags, getfrm; setfflags, setfrm. */
ir_ref ir_get_state(struct ir_builder *b, enum ir_op op);
void ir_set_state(struct ir_builder *b, enum ir_op op, ir_ref v);
/* helper: enum ir_helper. */
ir_ref ir_call(struct ir_builder *b, unsigned helper, ir_ref x, ir_ref y);
/* what: enum ir_counted, or beyond it a counter of whoever asked for one (guest_limits.tally). */
void ir_count(struct ir_builder *b, uint32_t what, int32_t n);
/* The same where it is a value that tells by how much. */
void ir_count_by(struct ir_builder *b, uint32_t what, ir_ref n);
/* Op countrun: the run of r over length of all bytes, whose class is at; what as above. */
void ir_count_run(struct ir_builder *b, uint32_t what, const struct ir_run *r, ir_ref length,
		  ir_ref at, ir_ref all);
void ir_edge(struct ir_builder *b, uint32_t from, ir_ref to);
void ir_br(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y, gaddr target);
void ir_exit(struct ir_builder *b, enum ir_jump kind, gaddr target, gaddr ret);
void ir_exiti(struct ir_builder *b, enum ir_jump kind, ir_ref target, gaddr ret);
void ir_exitr(struct ir_builder *b, enum ir_exit reason, gaddr pc);
/*
 * After lifting: sets insn.to of br, of exit jump and of calls to blocks of this unit (loops back to an entry).
 * Calls and returns leave it all the same: they are paired on the host's stack.
 */
void ir_resolve_exits(struct ir_unit *u);
/* Undoes that: every exit leaves the unit, so that a loop comes back to the caller at each turn. */
void ir_cut_loops(struct ir_unit *u);
/* Drops insns marked dead and renumbers; keeps order. */
void ir_compact(struct ir_unit *u);

/* ---- checking (verify.c) ------------------------------------------------------------------ */

/* Checks the invariants (verify.c lists them); false and a message naming the insn at the first fault. */
bool ir_verify(const struct ir_unit *u, struct diag *d);

/* ---- meaning of pure and floating-point operations (eval.c) --------------------------------- */

/*
 * The value of insn i for operand values a, b, c (raw bits; i32 and f32 in the
 * low half, upper half ignored; results of i32 and f32 are zero-extended). rm is the rounding mode to use
 * where sub says IR_RM_DYN. Flags raised are ORed into *fflags. i->op must be
 * P or F and not getreg.
 */
uint64_t ir_eval(const struct ir_insn *i, uint64_t a, uint64_t b, uint64_t c, unsigned rm,
		 uint32_t *fflags);
bool ir_cc_holds(enum ir_cc cc, enum ir_type t, uint64_t a, uint64_t b);

/* ---- text (print.c, parse.c) --------------------------------------------------------------- */

void ir_print(const struct ir_unit *u, struct strbuf *out);
void ir_print_insn(const struct ir_unit *u, uint32_t idx, struct strbuf *out);
/*
 * Parses one unit. What ir_print wrote gives the same unit again. Comments run
 * from ';' to the end of the line. On a fault: false, and "line N: ..." in d.
 */
bool ir_parse(const char *text, struct ir_unit *u, struct diag *d);

#endif
