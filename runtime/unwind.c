/* See unwind.h. */
#include "runtime/unwind.h"

#include "arch/rv64/abi.h"
#include "arch/rv64/cpu.h"
#include "runtime/mem/mem.h"

#include <stddef.h>
#include <string.h>

enum {
	WORD_BYTES = 8,
	CODE_MOST_BYTES = 65536,
	SCAN_BYTES = 4096,
	CALL_BYTES = 4,
	SHORT_CALL_BYTES = 2
};

void unwind_begin(struct unwind *u, const struct kit_thread *t, const struct load_symbols *s)
{
	*u = (struct unwind){
		.proc = t->proc,
		.symbols = s,
		.pc = t->st.pc,
		.sp = t->st.reg[RV64_SP],
		.ra = t->st.reg[RV64_RA],
		.s0 = t->st.reg[RV64_S0],
		.exact = true,
	};
}

const struct load_symbol *unwind_symbol(const struct unwind *u)
{
	/* A call that never returns may be a function's last instruction. */
	return load_symbols_find(u->symbols, u->exact ? u->pc : u->pc - 1);
}

static bool load(const struct unwind *u, gaddr at, void *to, size_t n)
{
	return mem_copy_in(u->proc->mem, to, at, n);
}

/* ---- instructions -------------------------------------------------------------------------------------------------- */

/* What of an instruction matters here. */
enum effect_kind {
	OTHER,
	MOVES_SP, /* by imm */
	SETS_S0,  /* to sp + imm */
	SAVES_RA, /* at sp + imm */
	SAVES_S0,
	LOADS,    /* imm into reg */
	ADDS,     /* imm to reg */
	ADDS_REG, /* reg to sp */
	LEAVES,   /* what follows is reached from elsewhere */
	UNKNOWN_SP,
};

struct effect {
	enum effect_kind kind;
	unsigned reg;
	int64_t imm;
};

static int64_t sext(uint32_t v, unsigned bits)
{
	return (int64_t)((uint64_t)v << (64 - bits)) >> (64 - bits);
}

static uint32_t cut(uint32_t w, unsigned high, unsigned low)
{
	return w >> low & ((1u << (high - low + 1)) - 1);
}

static enum effect_kind saves(unsigned reg)
{
	return reg == RV64_RA ? SAVES_RA : reg == RV64_S0 ? SAVES_S0 : OTHER;
}

/* The compressed forms: "C" extension, instruction listings. */
static struct effect short_effect(uint32_t w)
{
	const unsigned rd = cut(w, 11, 7), rs2 = cut(w, 6, 2);
	const int64_t imm6 = sext(cut(w, 12, 12) << 5 | rs2, 6);
	struct effect e = { .reg = rd, .imm = imm6 };

	switch ((w & 3) << 3 | cut(w, 15, 13)) {
	case 0 << 3 | 0: /* c.addi4spn */
		e.imm = (int64_t)(cut(w, 12, 11) << 4 | cut(w, 10, 7) << 6 | cut(w, 6, 6) << 2
				  | cut(w, 5, 5) << 3);
		e.kind = cut(w, 4, 2) + 8 == RV64_S0 && e.imm ? SETS_S0 : OTHER;
		break;
	case 1 << 3 | 0: /* c.addi */
	case 1 << 3 | 1: /* c.addiw */
		e.kind = rd == RV64_SP ? MOVES_SP : ADDS;
		break;
	case 1 << 3 | 2: /* c.li */
		e.kind = LOADS;
		break;
	case 1 << 3 | 3: /* c.lui, c.addi16sp */
		e.kind = rd == RV64_SP ? MOVES_SP : LOADS;
		e.imm = rd != RV64_SP
			    ? imm6 * 4096
			    : sext(cut(w, 12, 12) << 9 | cut(w, 6, 6) << 4 | cut(w, 5, 5) << 6
				       | cut(w, 4, 3) << 7 | cut(w, 2, 2) << 5,
				   10);
		break;
	case 1 << 3 | 5: /* c.j */
		e.kind = LEAVES;
		break;
	case 2 << 3 | 4: /* c.jr, c.mv, c.jalr, c.add */
		if (!cut(w, 12, 12) && !rs2 && rd)
			e.kind = LEAVES;
		else if (rd == RV64_SP)
			e.kind = cut(w, 12, 12) ? ADDS_REG : UNKNOWN_SP;
		e.reg = rs2;
		break;
	case 2 << 3 | 7: /* c.sdsp */
		e.imm = (int64_t)(cut(w, 12, 10) << 3 | cut(w, 9, 7) << 6);
		e.kind = saves(rs2);
		break;
	default:
		break;
	}
	return e;
}

static enum effect_kind add_effect(unsigned rd, unsigned rs1)
{
	if (rd == RV64_SP)
		return rs1 == RV64_SP ? MOVES_SP : UNKNOWN_SP;
	if (rd == RV64_S0 && rs1 == RV64_SP)
		return SETS_S0;
	return rs1 == RV64_ZERO ? LOADS : rs1 == rd ? ADDS : OTHER;
}

static struct effect wide_effect(uint32_t w)
{
	enum {
		OP_IMM = 0x13,
		OP_IMM_32 = 0x1b,
		STORE = 0x23,
		OP = 0x33,
		LUI = 0x37,
		JALR = 0x67,
		JAL = 0x6f,
		DOUBLE = 3
	};
	const unsigned rd = cut(w, 11, 7), rs1 = cut(w, 19, 15), rs2 = cut(w, 24, 20);
	struct effect e = { .reg = rd, .imm = sext(w >> 20, 12) };

	switch (w & 0x7f) {
	case OP_IMM:
	case OP_IMM_32:
		if (!cut(w, 14, 12))
			e.kind = add_effect(rd, rs1);
		else if (rd == RV64_SP)
			e.kind = UNKNOWN_SP;
		break;
	case LUI:
		e.kind = LOADS;
		e.imm = sext(w & 0xfffff000, 32);
		break;
	case OP:
		if (rd == RV64_SP)
			e.kind =
			    rs1 == RV64_SP && !(w >> 25) && !cut(w, 14, 12) ? ADDS_REG : UNKNOWN_SP;
		e.reg = rs2;
		break;
	case STORE:
		e.imm = sext(cut(w, 31, 25) << 5 | rd, 12);
		e.kind = rs1 == RV64_SP && cut(w, 14, 12) == DOUBLE ? saves(rs2) : OTHER;
		break;
	case JALR:
	case JAL:
		e.kind = rd == RV64_ZERO ? LEAVES : OTHER;
		break;
	default:
		break;
	}
	return e;
}

/* ---- a function's frame --------------------------------------------------------------------------------------------- */

/* Offsets are from the frame's upper end, where sp was at the function's start. */
struct frame {
	int64_t sp, ra, s0, fp;
	bool saved_ra, saved_s0, has_fp, lost_sp;
	/* Constants in registers, for frames that are too large for one instruction. */
	uint32_t known; /* bit n: constant[n] holds */
	int64_t constant[32];
};

static void apply(struct frame *f, struct effect e)
{
	switch (e.kind) {
	case MOVES_SP:
		f->sp += e.imm;
		break;
	case SETS_S0:
		f->has_fp = f->saved_s0;
		f->fp = f->sp + e.imm;
		break;
	case SAVES_RA:
		/* The first time: a later one may be another value's. */
		f->ra = f->saved_ra ? f->ra : f->sp + e.imm;
		f->saved_ra = true;
		break;
	case SAVES_S0:
		f->s0 = f->saved_s0 ? f->s0 : f->sp + e.imm;
		f->saved_s0 = true;
		break;
	case LOADS:
		f->known |= 1u << e.reg;
		f->constant[e.reg] = e.imm;
		break;
	case ADDS:
		f->constant[e.reg] += e.imm;
		break;
	case ADDS_REG:
		if (f->known >> e.reg & 1)
			f->sp += f->constant[e.reg];
		else
			f->lost_sp = true;
		break;
	case UNKNOWN_SP:
		f->lost_sp = true;
		break;
	case OTHER:
	case LEAVES:
		break;
	}
}

/* Reads the code of [start, pc). An epilogue in its middle is undone behind it. False: it cannot be read. */
static bool read_frame(const struct unwind *u, gaddr start, gaddr pc, struct frame *f)
{
	struct frame before = { 0 };
	bool ends = false;

	memset(f, 0, sizeof *f);
	if (pc - start > CODE_MOST_BYTES)
		return false;
	while (start < pc) {
		uint32_t w = 0;
		struct effect e;
		bool wide;

		if (!load(u, start, &w, SHORT_CALL_BYTES))
			return false;
		wide = (w & 3) == 3;
		if (wide && !load(u, start, &w, CALL_BYTES))
			return false;
		e = wide ? wide_effect(w) : short_effect(w);
		start += wide ? CALL_BYTES : SHORT_CALL_BYTES;
		if (((e.kind == MOVES_SP && e.imm > 0)
		     || (e.kind == ADDS_REG && f->constant[e.reg] > 0))
		    && !ends) {
			before = *f;
			ends = true;
		}
		apply(f, e);
		if (e.kind == LEAVES && ends) {
			*f = before;
			ends = false;
		}
	}
	return true;
}

/* ---- callers -------------------------------------------------------------------------------------------------------- */

static bool is_code(const struct unwind *u, gaddr pc)
{
	struct mem_vma v;

	return pc && mem_find(u->proc->mem, pc, &v) && v.prot & MEM_PROT_EXEC;
}

/* True when a call stands before pc. */
static bool is_behind_call(const struct unwind *u, gaddr pc)
{
	uint32_t w = 0;
	uint16_t s;

	if (pc % SHORT_CALL_BYTES || !is_code(u, pc))
		return false;
	if (load(u, pc - CALL_BYTES, &w, sizeof w) && ((w & 0x7f) == 0x6f || (w & 0x707f) == 0x67)
	    && cut(w, 11, 7) == RV64_RA)
		return true;
	/* c.jalr */
	return load(u, pc - SHORT_CALL_BYTES, &s, sizeof s) && (s & 0xf07f) == 0x9002
	       && cut(s, 11, 7);
}

/* The caller's frame. ra is its own no more. */
static bool go_to(struct unwind *u, gaddr pc, uint64_t sp)
{
	/* The stack grows down; a frame that takes no room has called nothing. */
	if (!is_code(u, pc) || sp < u->sp || (sp == u->sp && !u->exact) || sp % WORD_BYTES)
		return false;
	u->pc = pc;
	u->sp = sp;
	u->exact = u->guessed = false;
	return true;
}

/* The frame of a signal: what it interrupted goes on where it was. */
static bool next_of_signal(struct unwind *u)
{
	struct rv64_sigcontext c;

	if (!load(u, u->sp + offsetof(struct rv64_rt_sigframe, uc.mc), &c, sizeof c))
		return false;
	u->pc = c.pc;
	u->ra = c.x[RV64_RA - 1];
	u->sp = c.x[RV64_SP - 1];
	u->s0 = c.x[RV64_S0 - 1];
	u->exact = true;
	u->guessed = false;
	return true;
}

enum found { FOUND, NOT_FOUND, FIRST };

/* To the caller, whose stack begins at top. */
static enum found go_up(struct unwind *u, uint64_t ra, uint64_t s0, uint64_t top)
{
	if (!ra)
		return FIRST;
	if (!go_to(u, ra, top))
		return NOT_FOUND;
	u->s0 = s0;
	return FOUND;
}

/* FIRST: a function that calls others and has not kept where it was called from, as the first one of a program. */
static enum found next_by_code(struct unwind *u, const struct load_symbol *y)
{
	struct frame f;
	uint64_t top, ra = u->ra, s0 = u->s0;

	if (!y || !read_frame(u, y->start, u->pc, &f))
		return NOT_FOUND;
	if (!f.saved_ra && !u->exact)
		return FIRST;
	if (f.lost_sp && !f.has_fp)
		return NOT_FOUND;
	top = f.has_fp ? u->s0 - (uint64_t)f.fp : u->sp - (uint64_t)f.sp;
	if (f.saved_ra && !load(u, top + (uint64_t)f.ra, &ra, sizeof ra))
		return NOT_FOUND;
	if (f.saved_s0 && !load(u, top + (uint64_t)f.s0, &s0, sizeof s0))
		return NOT_FOUND;
	return go_up(u, ra, s0, top);
}

/* As the file's call frame information has it. */
static enum found next_by_rules(struct unwind *u)
{
	struct load_frame f;
	uint64_t top, ra = u->ra, s0 = u->s0;

	if (!load_symbols_frame(u->symbols, u->exact ? u->pc : u->pc - 1, &f)
	    || (f.reg != RV64_SP && f.reg != RV64_S0))
		return NOT_FOUND;
	top = (f.reg == RV64_SP ? u->sp : u->s0) + (uint64_t)f.offset;
	if (f.ra.kind == LOAD_LOST)
		return FIRST;
	if (f.ra.kind == LOAD_KEPT && !u->exact)
		return NOT_FOUND;
	if (f.ra.kind == LOAD_SAVED && !load(u, top + (uint64_t)f.ra.offset, &ra, sizeof ra))
		return NOT_FOUND;
	if (f.s0.kind == LOAD_SAVED && !load(u, top + (uint64_t)f.s0.offset, &s0, sizeof s0))
		return NOT_FOUND;
	return go_up(u, ra, s0, top);
}

/* s0 is the frame's upper end where it is a frame pointer, with ra and the caller's s0 right below. */
static bool next_by_pointer(struct unwind *u)
{
	uint64_t v[2], caller;
	const uint64_t top = u->s0;

	if (top <= u->sp || !load(u, top - sizeof v, v, sizeof v))
		return false;
	if (is_behind_call(u, v[1])) {
		caller = v[0];
		if (!go_to(u, v[1], top))
			return false;
	} else {
		/* A function that calls none keeps s0 alone. */
		caller = v[1];
		if (!u->exact || caller <= top || !load(u, caller - sizeof v, v, sizeof v)
		    || !is_behind_call(u, v[1]) || !is_behind_call(u, u->ra)
		    || !go_to(u, u->ra, top))
			return false;
	}
	u->s0 = caller;
	return true;
}

static bool next_by_scan(struct unwind *u)
{
	uint64_t word;

	for (unsigned off = 0; off < SCAN_BYTES; off += WORD_BYTES) {
		if (!load(u, u->sp + off, &word, sizeof word))
			return false;
		if (is_behind_call(u, word) && go_to(u, word, u->sp + off + WORD_BYTES)) {
			u->guessed = true;
			return true;
		}
	}
	return false;
}

bool unwind_next(struct unwind *u)
{
	enum found found;

	if (u->pc == u->proc->sigreturn_pc)
		return next_of_signal(u);
	if (u->sp % WORD_BYTES)
		return false;
	found = next_by_rules(u);
	if (found == NOT_FOUND)
		found = next_by_code(u, unwind_symbol(u));
	if (found != NOT_FOUND)
		return found == FOUND;
	/* A call to where no code is: it has had no time to do anything. */
	if (u->exact && !is_code(u, u->pc))
		return is_behind_call(u, u->ra) && go_to(u, u->ra, u->sp);
	if (next_by_pointer(u))
		return true;
	/* ra may be the caller's still. */
	if (u->exact && is_behind_call(u, u->ra) && go_to(u, u->ra, u->sp)) {
		u->guessed = true;
		return true;
	}
	return next_by_scan(u);
}
