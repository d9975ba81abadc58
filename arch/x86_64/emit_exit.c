/*
 * Emission: ways out of a unit.
 *
 * A link field must be patchable while other threads run the code, so its four bytes lie within one line
 * of code_align bytes. Unlinked, it leads to its stub (lib/jit/code.h): call [rbp + thunk STUB].
 *
 * The conventions of the thunks: rcx guest pc (CALL: of the instruction), eax reason (EXIT).
 */
#include "arch/x86_64/emit_priv.h"

_Static_assert((IR_JUMP_ENTRIES & (IR_JUMP_ENTRIES - 1)) == 0, "index is a mask");
_Static_assert(sizeof(struct ir_jump_entry) == 16 && offsetof(struct ir_jump_entry, code) == 8,
	       "code scales the index by 8 and probes at 0 and 8");

void x64_jmp_thunk(struct x64_emit *e, enum ir_thunk thunk)
{
	x64_m(e->cb, X64_JMP_M, 0, x64_state(X64_ST(thunk[thunk])));
}

void x64_call_thunk(struct x64_emit *e, enum ir_thunk thunk)
{
	x64_m(e->cb, X64_CALL_M, 0, x64_state(X64_ST(thunk[thunk])));
}

/* To the run loop; rcx is the guest pc. */
static void leave(struct x64_emit *e, enum ir_exit reason)
{
	x64_mov_imm(e->cb, X64_RAX, reason);
	x64_jmp_thunk(e, IR_THUNK_EXIT);
}

static void leave_at(struct x64_emit *e, gaddr pc, enum ir_exit reason)
{
	x64_mov_imm(e->cb, X64_RCX, pc);
	leave(e, reason);
}

/* The same, by a stub. */
static void leave_by_stub(struct x64_emit *e, gaddr pc, enum ir_exit reason)
{
	jit_add_stub(&e->tables, e->cb, reason, pc);
	x64_call_thunk(e, IR_THUNK_STUB);
}

/* All is at home, and x leaves the unit: from a region's homes to the boundary's. */
static void leave_region(struct x64_emit *e, const struct lir_exit *x)
{
	if (x->to == IR_NOBLOCK)
		x64_emit_list(e, e->lir->leave, e->lir->leave_count);
}

/* Does exit x need nothing between the guest's registers coming home and the jump? */
static bool leaves_plainly(const struct x64_emit *e, const struct lir_exit *x)
{
	return x->to != IR_NOBLOCK || !e->lir->leave_count;
}

/* ---- counting ----------------------------------------------------------------------------------------- */

static void cold_hot(struct x64_emit *e, const struct x64_cold *c)
{
	leave_by_stub(e, e->lir->ir->block[c->in->imm].gpc, IR_EXIT_HOT);
}

/* All registers are at home, so the way out is short. */
void x64_count_entry(struct x64_emit *e, const struct lir_insn *in)
{
	const int32_t at =
	    (int32_t)(sizeof(uint16_t) * ir_counter_of(e->lir->ir->block[in->imm].gpc));

	x64_m(e->cb, X64_INC16, 0, x64_state(X64_ST(entries[0]) + at));
	x64_cold(e, x64_jcc32(e->cb, X64_CC_E), cold_hot);
}

static struct x64_mem counter(const struct lir_insn *in)
{
	return x64_state(X64_ST(counted[0]) + (int32_t)sizeof(uint64_t) * (int32_t)(in->imm >> 32));
}

void x64_emit_COUNT(struct x64_emit *e, const struct lir_insn *in)
{
	x64_alu_mi(e->cb, X64_ADD, 1, counter(in), (int32_t)in->imm);
}

void x64_emit_COUNTBY(struct x64_emit *e, const struct lir_insn *in)
{
	x64_rm(e->cb, X64_ALU_MR + ((uint32_t)X64_ADD << 3), 1, x64_opreg(in, 0), counter(in));
}

/* The counter of the class that is in register class: of runs, or of the bytes by which they were longer. */
static struct x64_mem run_counter(const struct lir_insn *in, unsigned class, bool longer)
{
	struct x64_mem m = counter(in);

	m.index = (uint8_t) class;
	m.scale = 3;
	m.disp += longer ? IR_RUN_CLASSES * (int32_t)sizeof(uint64_t) : 0;
	return m;
}

/*
 * Takes all periods but keep that bytes has, as whole ones, off class at bit at, unless there is none: a jump for then is returned.
 * bytes becomes what was taken.
 */
static uint32_t fold(struct x64_emit *e, unsigned class, unsigned bytes, unsigned log2,
		     unsigned keep, unsigned at, unsigned temp)
{
	const int32_t period = 1 << log2;
	uint32_t is_short;

	x64_alu_ri(e->cb, X64_CMP, 1, bytes, ((int32_t)keep + 1) * period);
	is_short = x64_jcc8(e->cb, X64_CC_B);
	x64_alu_ri(e->cb, X64_SUB, 1, bytes, (int32_t)keep * period);
	x64_alu_ri(e->cb, X64_AND, 1, bytes, -period);
	x64_mov_rr(e->cb, 1, temp, bytes);
	x64_ri8(e->cb, X64_SHL_I, 1, temp, (int32_t)at);
	x64_alu_rr(e->cb, X64_SUB, 1, class, temp);
	return is_short;
}

/* A run that goes on for more periods than its class. In registers that are none of its operands, which are put back. */
static void cold_run(struct x64_emit *e, const struct x64_cold *c)
{
	enum { LENGTH, CLASS, REST, TEMP, COUNT };
	const struct lir_insn *in = c->in;
	const struct ir_run r = ir_run_of(in->imm);
	unsigned reg[COUNT], n = 0;
	uint32_t is_short;

	for (unsigned i = X64_RAX; n < COUNT; i++) {
		bool used = i == X64_RSP || i == X64_RBP;

		for (unsigned o = 0; o < in->nopnd; o++)
			used |= x64_opreg(in, o) == i;
		if (!used)
			reg[n++] = i;
	}
	for (n = 0; n < COUNT; n++)
		x64_rm(e->cb, X64_MOV_MR, 1, reg[n],
		       x64_state(X64_ST(scratch[0]) + 8 * (int32_t)n));
	for (n = 0; n < in->nopnd; n++)
		x64_mov_rr(e->cb, 1, reg[n], x64_opreg(in, n));
	if (r.rest_log2) {
		x64_alu_rr(e->cb, X64_SUB, 1, reg[REST], reg[LENGTH]);
		x64_here8(e->cb,
			  fold(e, reg[CLASS], reg[REST], r.rest_log2, 1, r.rest_at, reg[TEMP]));
	}
	is_short = fold(e, reg[CLASS], reg[LENGTH], r.log2, 2, r.at, reg[TEMP]);
	x64_rm(e->cb, X64_ALU_MR + ((uint32_t)X64_ADD << 3), 1, reg[LENGTH],
	       run_counter(in, reg[CLASS], true));
	x64_here8(e->cb, is_short);
	x64_alu_mi(e->cb, X64_ADD, 1, run_counter(in, reg[CLASS], false), 1);
	for (n = 0; n < COUNT; n++)
		x64_rm(e->cb, X64_MOV_RM, 1, reg[n],
		       x64_state(X64_ST(scratch[0]) + 8 * (int32_t)n));
	x64_jmp_to(e->cb, c->back);
}

void x64_emit_COUNTRUN(struct x64_emit *e, const struct lir_insn *in)
{
	const struct ir_run r = ir_run_of(in->imm);
	const unsigned cold = e->cold_count;

	x64_alu_ri(e->cb, X64_CMP, 1, x64_opreg(in, r.rest_log2 ? 2 : 0),
		   (int32_t)ir_run_short(&r));
	x64_cold(e, x64_jcc32(e->cb, X64_CC_AE), cold_run);
	x64_alu_mi(e->cb, X64_ADD, 1, run_counter(in, x64_opreg(in, 1), false), 1);
	e->cold[cold].back = cb_pos(e->cb);
}

static void note_by_helper(struct x64_emit *e, uint32_t from)
{
	x64_mov_imm(e->cb, X64_RDX, from);
	x64_mov_imm(e->cb, X64_RAX, IR_HELPER_note_call);
	x64_call_thunk(e, IR_THUNK_HELPER);
}

static void cold_edge(struct x64_emit *e, const struct x64_cold *c)
{
	note_by_helper(e, c->arg);
	x64_jmp_to(e->cb, c->back);
}

/* A call goes to rcx. Mostly the edge is the one at its first place already, [rdx + 8 rax]; else make's code notes it. */
static void note_call(struct x64_emit *e, uint32_t from,
		      void (*make)(struct x64_emit *e, const struct x64_cold *c))
{
	const int32_t bias = 2 * (int32_t)ir_edge_bias(from), mask = (IR_EDGES - 1) << 2;
	struct x64_mem at = { X64_RDX, X64_RAX, 3, offsetof(struct ir_edge, to) };
	struct x64_cold *c;
	uint32_t other;

	_Static_assert(sizeof(struct ir_edge) == 32, "four times a place is scaled by 8");
	x64_rm(e->cb, X64_LEA, 0, X64_RAX, (struct x64_mem){ X64_RCX, X64_RCX, 0, bias });
	x64_alu_ri(e->cb, X64_AND, 0, X64_RAX, mask);
	x64_rm(e->cb, X64_MOV_RM, 1, X64_RDX, x64_state(X64_ST(edge)));
	x64_alu_rm(e->cb, X64_CMP, 1, X64_RCX, at);
	other = x64_jcc32(e->cb, X64_CC_NE);
	at.disp = offsetof(struct ir_edge, from);
	x64_alu_mi(e->cb, X64_CMP, 0, at, (int32_t)from);
	c = x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), make);
	c->from[1] = other;
	c->arg = from;
	at.disp = offsetof(struct ir_edge, count);
	x64_alu_mi(e->cb, X64_ADD, 1, at, 1);
	c->back = cb_pos(e->cb);
}

void x64_emit_EDGE(struct x64_emit *e, const struct lir_insn *in)
{
	note_call(e, (uint32_t)in->imm, cold_edge);
}

/* ---- links -------------------------------------------------------------------------------------------- */

enum branch { BRANCH_JMP, BRANCH_CALL, BRANCH_JCC };

static uint32_t branch32(struct codebuf *cb, enum branch b, enum x64_cc cc)
{
	if (b == BRANCH_JCC)
		return x64_jcc32(cb, cc);
	return b == BRANCH_CALL ? x64_call32(cb) : x64_jmp32(cb);
}

/* The stub of a link is here. */
static void put_stub(struct x64_emit *e, unsigned link)
{
	e->tables.link[link].stub = cb_pos(e->cb);
	x64_call_thunk(e, IR_THUNK_STUB);
}

static void cold_link(struct x64_emit *e, const struct x64_cold *c) { put_stub(e, c->arg); }

/* A branch whose field is a link site. Returns the link's number: its stub is still to be put somewhere. */
static unsigned link_field(struct x64_emit *e, enum branch b, enum x64_cc cc, gaddr target)
{
	struct code_link link = { .kind = b == BRANCH_CALL ? CODE_LINK_CALL : CODE_LINK_JUMP,
				  .target = target };
	uint32_t opcode_bytes = b == BRANCH_JCC ? 2 : 1;
	uint32_t in_line = (cb_pos(e->cb) + opcode_bytes) % X64_LINE_BYTES;

	if (in_line > X64_LINE_BYTES - 4)
		x64_nop(e->cb, X64_LINE_BYTES - in_line);
	link.at = branch32(e->cb, b, cc);
	return jit_add_link(&e->tables, link);
}

/* The same with the stub out of line. The jump at stopped, if it is not UINT32_MAX, leads to that, too. */
static void link_branch(struct x64_emit *e, enum branch b, enum x64_cc cc, gaddr target,
			uint32_t stopped)
{
	unsigned link = link_field(e, b, cc, target);
	struct x64_cold *c = x64_cold(e, e->tables.link[link].at, cold_link);

	c->from[1] = stopped;
	c->arg = link;
}

static void to_block(struct x64_emit *e, enum branch b, enum x64_cc cc, unsigned block)
{
	uint32_t target = e->block_at[block];

	if (target == UINT32_MAX || b == BRANCH_CALL) {
		uint32_t at = branch32(e->cb, b, cc);

		if (target != UINT32_MAX) {
			x64_fix32(e->cb, at, target);
			return;
		}
		arena_grow(e->lir->arena, e->forward, e->forward_count, e->forward_cap);
		e->forward[e->forward_count++] = (struct x64_forward){ at, block };
	} else if (b == BRANCH_JCC) {
		x64_jcc_to(e->cb, cc, target);
	} else {
		x64_jmp_to(e->cb, target);
	}
}

/* To where exit x goes: a block of this unit, or a link site. */
static void branch_out(struct x64_emit *e, enum branch b, enum x64_cc cc, const struct lir_exit *x)
{
	if (x->to != IR_NOBLOCK)
		to_block(e, b, cc, x->to);
	else
		link_branch(e, b, cc, x->target, UINT32_MAX);
}

/* ---- safe points ----------------------------------------------------------------------------------------

   A way out by a link stops by the link's stub: whoever comes out so looks at ir_state.stop. A computed one
   stops by the thunk LOOKUP, which is a safe point itself. */

/*
 * The bits of stop are set in rbp, wherever the state lies. So it can be tested with that register: a test of memory with a register and the
 * jump behind it are one operation to the cpu, where a comparison with a constant is not (Intel's optimization reference manual, macro-fusion).
 */
_Static_assert((X64_STATE_BIAS & IR_STOP_ANY) == IR_STOP_ANY && IR_STOP_ANY < IR_STATE_ALIGN,
	       "rbp has the bits of stop");

static void compare_stop(struct x64_emit *e)
{
	x64_rm(e->cb, X64_TEST_MR, 0, X64_RBP, x64_state(X64_ST(stop)));
}

/* What block x->to owes at its entry. */
static uint32_t owed_at(const struct x64_emit *e, const struct lir_exit *x)
{
	return e->lir->ir->block[x->to].owes;
}

/* A jump within a region leaves it after all. */
static void cold_stopped(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_exit *x = &e->lir->exit[c->in->exit];
	const struct lir_block *to = &e->lir->block[x->to];

	if (owed_at(e, x))
		x64_rmi(e->cb, X64_MOV_MI, 0, 0, x64_state(X64_ST(owed)), (int32_t)owed_at(e, x),
			4);
	x64_emit_fixes(e, to->unfix, to->unfix_count, 0);
	x64_emit_list(e, e->lir->leave, e->lir->leave_count);
	leave_by_stub(e, x->target, IR_EXIT_STOP);
}

/* Takes x unless the thread is to stop. Nothing comes behind. */
static void branch_out_polled(struct x64_emit *e, const struct lir_exit *x)
{
	compare_stop(e);
	if (x->to == IR_NOBLOCK) {
		put_stub(e, link_field(e, BRANCH_JCC, X64_CC_E, x->target));
		return;
	}
	to_block(e, BRANCH_JCC, X64_CC_E, x->to);
	if (e->lir->leave_count || e->lir->block[x->to].unfix_count || owed_at(e, x))
		x64_cold(e, x64_jmp32(e->cb), cold_stopped);
	else
		leave_by_stub(e, x->target, IR_EXIT_STOP);
}

/* A jump, where x is polled, for when the thread is to stop; else UINT32_MAX. */
static uint32_t poll_before(struct x64_emit *e, const struct lir_exit *x)
{
	if (!x->poll)
		return UINT32_MAX;
	compare_stop(e);
	return x64_jcc32(e->cb, X64_CC_NE);
}

/* Calls where x goes, unless the thread is to stop. */
static void call_out(struct x64_emit *e, const struct lir_exit *x)
{
	uint32_t stopped = poll_before(e, x);

	if (x->to == IR_NOBLOCK) {
		link_branch(e, BRANCH_CALL, X64_CC_O, x->target, stopped);
		return;
	}
	if (x->poll)
		x64_cold(e, stopped, cold_stopped);
	to_block(e, BRANCH_CALL, X64_CC_O, x->to);
}

/* ---- side exits ------------------------------------------------------------------------------------------- */

/* The moves that bring the guest's registers home, then the exit. */
static void cold_exit(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_exit *x = &e->lir->exit[c->in->exit];

	x64_emit_stub(e, x);
	if (x->poll)
		branch_out_polled(e, x);
	else
		branch_out(e, BRANCH_JMP, X64_CC_O, x);
}

/* The final exit right behind in, when it is a plain jump that is not polled: else NULL. */
static const struct lir_exit *plain_exit_behind(const struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *end = e->lir->insn + e->lir->insn_count;
	const struct lir_exit *x;

	do
		in++;
	while (in < end && in->op == LIR_NOP);
	if (in >= end || in->op != X64_OP_EXIT)
		return NULL;
	x = &e->lir->exit[in->exit];
	return x->kind == IR_JUMP_PLAIN && !x->poll && leaves_plainly(e, x) ? x : NULL;
}

/*
 * A polled side exit in line: a loop's branch. When the final exit behind it is plain, its jump
 * becomes the way past the poll:
 *
 *     jncc final (link); cmp [stop], 0; je head; leave
 */
static void polled_in_line(struct x64_emit *e, const struct lir_insn *in, enum x64_cc cc,
			   bool merge)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];
	const struct lir_exit *final = merge ? plain_exit_behind(e, in) : NULL;
	uint32_t past;

	if (final) {
		branch_out(e, BRANCH_JCC, (enum x64_cc)(cc ^ 1), final);
		branch_out_polled(e, x);
		e->skip_exit = true;
		return;
	}
	past = x64_jcc8(e->cb, (enum x64_cc)(cc ^ 1));
	branch_out_polled(e, x);
	x64_here8(e->cb, past);
}

void x64_side_exit(struct x64_emit *e, const struct lir_insn *in, enum x64_cc cc, bool merge)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	if (x->stub_count || (x->poll && !(in->flags & LF_SYNC)) || !leaves_plainly(e, x))
		x64_cold(e, x64_jcc32(e->cb, cc), cold_exit);
	else if (x->poll)
		polled_in_line(e, in, cc, merge);
	else
		branch_out(e, BRANCH_JCC, cc, x);
}

/* Equal is "zero and not parity" after ucomis, not equal the reverse (SDM 2B, UCOMISD). */
void x64_emit_FBR(struct x64_emit *e, const struct lir_insn *in)
{
	uint32_t op = x64_fp(in->imm ? X64_UCOMIS : X64_COMIS, in->sub2);
	unsigned a = x64_opreg(in, 0);
	uint32_t unordered;
	struct x64_cold *c;

	if (x64_opmem(in, 1) && e->avx)
		x64_vrm(e->cb, op, 0, a, 0, x64_slot(in));
	else if (e->avx)
		x64_vrr(e->cb, op, 0, a, 0, x64_opreg(in, 1));
	else
		x64_op_rx(e, op, 0, a, in, 1);
	if (!in->imm) {
		x64_side_exit(e, in, (enum x64_cc)in->sub, true);
	} else if (in->sub == X64_CC_E) {
		unordered = x64_jcc8(e->cb, X64_CC_P);
		x64_side_exit(e, in, X64_CC_E, false);
		x64_here8(e->cb, unordered);
	} else {
		unordered = x64_jcc32(e->cb, X64_CC_P);
		c = x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_exit);
		c->from[1] = unordered;
	}
}

/* ---- final exits --------------------------------------------------------------------------------------------- */

static bool goes_to_next(const struct x64_emit *e, unsigned block)
{
	const struct lir_insn *next = e->in + 1;

	return next < e->lir->insn + e->lir->insn_count && next->op == LIR_BLOCK
	       && next->imm == block;
}

static void cold_unpaired(struct x64_emit *e, const struct x64_cold *c)
{
	(void)c;
	x64_jmp_thunk(e, IR_THUNK_RESYNC);
}

/* Behind a call: the guest has come back, or not (longjmp, a changed return address). */
static void landing(struct x64_emit *e, const struct lir_exit *x)
{
	if (fits_i32((int64_t)x->ret)) {
		x64_alu_ri(e->cb, X64_CMP, 1, X64_RCX, (int32_t)x->ret);
	} else {
		x64_mov_imm(e->cb, X64_RAX, x->ret);
		x64_alu_rr(e->cb, X64_CMP, 1, X64_RCX, X64_RAX);
	}
	if (x->back_to == IR_NOBLOCK) {
		link_branch(e, BRANCH_JCC, X64_CC_E, x->ret, UINT32_MAX);
		x64_jmp_thunk(e, IR_THUNK_RESYNC);
		return;
	}
	x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_unpaired);
	x64_emit_list(e, e->lir->enter, e->lir->enter_count);
	if (!goes_to_next(e, x->back_to))
		to_block(e, BRANCH_JMP, X64_CC_O, x->back_to);
}

void x64_emit_EXIT(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	if (e->skip_exit) {
		e->skip_exit = false;
		return;
	}
	leave_region(e, x);
	if (x->kind == IR_JUMP_CALL) {
		call_out(e, x);
		landing(e, x);
	} else if (x->poll) {
		branch_out_polled(e, x);
	} else if (x->to == IR_NOBLOCK || !goes_to_next(e, x->to)) {
		branch_out(e, BRANCH_JMP, X64_CC_O, x);
	}
}

void x64_emit_EXITR(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	leave_region(e, x);
	if (x->reason == IR_EXIT_SYSCALL) {
		x64_mov_imm(e->cb, X64_RCX, x->target);
		x64_jmp_thunk(e, IR_THUNK_CALL);
	} else {
		leave_at(e, x->target, (enum ir_exit)x->reason);
	}
}

/* [rdx + 8 rax] is the entry of rcx in the jump table, which it is compared with; an odd target matches none. */
static void entry_of_target(struct x64_emit *e)
{
	const int32_t mask = (IR_JUMP_ENTRIES - 1) << 1;

	x64_mov_rr(e->cb, 0, X64_RAX, X64_RCX);
	x64_alu_ri(e->cb, X64_AND, 0, X64_RAX, mask);
	x64_rm(e->cb, X64_MOV_RM, 1, X64_RDX, x64_state(X64_ST(jump)));
	x64_alu_rm(e->cb, X64_CMP, 1, X64_RCX, (struct x64_mem){ X64_RDX, X64_RAX, 3, 0 });
}

static void cold_lookup(struct x64_emit *e, const struct x64_cold *c)
{
	(void)c;
	x64_jmp_thunk(e, IR_THUNK_LOOKUP);
}

static void cold_call_lookup(struct x64_emit *e, const struct x64_cold *c)
{
	x64_call_thunk(e, IR_THUNK_LOOKUP);
	x64_jmp_to(e->cb, c->back);
}

/* An edge that is not at its place: LOOKUP is a safe point as well. */
static void cold_noted_call(struct x64_emit *e, const struct x64_cold *c)
{
	note_by_helper(e, c->arg);
	cold_call_lookup(e, c);
}

/* Calls what lies disp_bytes from [rdx + 8 rax]; cold item number cold calls otherwise. */
static void call_entry(struct x64_emit *e, const struct lir_exit *x, size_t disp_bytes,
		       unsigned cold)
{
	x64_m(e->cb, X64_CALL_M, 0, (struct x64_mem){ X64_RDX, X64_RAX, 3, (int32_t)disp_bytes });
	e->cold[cold].back = cb_pos(e->cb);
	landing(e, x);
}

static void poll_call(struct x64_emit *e, const struct lir_exit *x)
{
	if (x->poll)
		x64_cold(e, poll_before(e, x), cold_lookup);
}

static void noted_call(struct x64_emit *e, const struct lir_exit *x)
{
	const unsigned cold = e->cold_count;

	note_call(e, x->edge - 1, cold_noted_call);
	poll_call(e, x);
	call_entry(e, x, offsetof(struct ir_edge, code), cold);
}

static void indirect_call(struct x64_emit *e, const struct lir_exit *x)
{
	unsigned cold;

	poll_call(e, x);
	entry_of_target(e);
	cold = e->cold_count;
	x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_call_lookup);
	call_entry(e, x, offsetof(struct ir_jump_entry, code), cold);
}

/* The jump at stopped, if it is not UINT32_MAX, is for when the thread is to stop. */
static void indirect_jump(struct x64_emit *e, uint32_t stopped)
{
	entry_of_target(e);
	x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_lookup)->from[1] = stopped;
	x64_m(e->cb, X64_JMP_M, 0, (struct x64_mem){ X64_RDX, X64_RAX, 3, 8 });
}

void x64_emit_EXITI(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	leave_region(e, x);
	if (x->kind
	    == IR_JUMP_RET) /* an odd target differs from what the landing expects; LOOKUP makes it even */
		x64_ret(e->cb);
	else if (x->edge)
		noted_call(e, x);
	else if (x->kind == IR_JUMP_CALL)
		indirect_call(e, x);
	else
		indirect_jump(e, poll_before(e, x));
}
