/*
 * Emission: ways out of a unit.
 *
 * A link field is a b or bl, which other threads may run while it is patched (DDI 0487, B2.2.5); a conditional
 * way out therefore goes by a b out of line. Unlinked, it leads to its stub (lib/jit/code.h):
 *
 *     ldr x17, [x28, thunk STUB]; blr x17
 *
 * The conventions of the thunks: x0 guest pc (CALL: of the instruction), x16 reason (EXIT).
 */
#include "arch/aarch64/emit_priv.h"

_Static_assert((IR_JUMP_ENTRIES & (IR_JUMP_ENTRIES - 1)) == 0, "index is a bit field");
_Static_assert(sizeof(struct ir_jump_entry) == 16 && offsetof(struct ir_jump_entry, code) == 8,
	       "an entry is loaded as a pair");

void a64_jump_thunk(struct a64_emit *e, enum ir_thunk thunk)
{
	a64_load_state(e, A64_TMP2, A64_ST(thunk[thunk]));
	a64_jump(e->cb, A64_BR, A64_TMP2);
}

/* To the run loop; x0 is the guest pc. */
static void leave(struct a64_emit *e, enum ir_exit reason)
{
	a64_mov_imm(e->cb, 0, A64_TMP, reason);
	a64_jump_thunk(e, IR_THUNK_EXIT);
}

static void leave_at(struct a64_emit *e, gaddr pc, enum ir_exit reason)
{
	a64_mov_imm(e->cb, 1, A64_PC, pc);
	leave(e, reason);
}

/* The same, by a stub. */
static void leave_by_stub(struct a64_emit *e, gaddr pc, enum ir_exit reason)
{
	jit_add_stub(&e->tables, e->cb, reason, pc);
	a64_call_thunk(e, IR_THUNK_STUB);
}

/* Does exit x need nothing between the guest's registers coming home and the jump? */
static bool leaves_plainly(const struct a64_emit *e, const struct lir_exit *x)
{
	return x->to != IR_NOBLOCK || !e->lir->leave_count;
}

/* ---- counting ----------------------------------------------------------------------------------------- */

static void cold_hot(struct a64_emit *e, const struct a64_cold *c)
{
	leave_by_stub(e, e->lir->ir->block[c->in->imm].gpc, IR_EXIT_HOT);
}

/* All registers are at home, so the way out is short. A counter that runs over carries into bit 16. */
void a64_count_entry(struct a64_emit *e, const struct lir_insn *in)
{
	const struct a64_test over = { .kind = A64_TEST_BIT, .set = true, .reg = A64_TMP, .w = 16 };
	int32_t disp = A64_ST(entries) + 2 * (int32_t)ir_counter_of(e->lir->ir->block[in->imm].gpc);
	struct a64_mem m = a64_state_far(e, 1, disp);

	a64_ls(e->cb, A64_LDRH, A64_TMP, m);
	a64_rri(e->cb, A64_ADD_I, 0, A64_TMP, A64_TMP, 1);
	a64_ls(e->cb, A64_STRH, A64_TMP, m);
	a64_cold(e, a64_branch_if(e, over), cold_hot);
}

/* ---- links -------------------------------------------------------------------------------------------- */

static void cold_link(struct a64_emit *e, const struct a64_cold *c)
{
	e->tables.link[c->arg].stub = cb_pos(e->cb);
	a64_call_thunk(e, IR_THUNK_STUB);
}

/* A b or bl that is a link site. The jump at stopped, if it is not UINT32_MAX, leads to its stub, too. */
static void link_branch(struct a64_emit *e, enum code_link_kind kind, gaddr target,
			uint32_t stopped)
{
	uint32_t at = kind == CODE_LINK_CALL ? a64_bl(e->cb) : a64_b(e->cb);
	unsigned cold = a64_cold(e, at, cold_link);

	e->cold[cold].from[1] = stopped;
	e->cold[cold].arg = jit_add_link(
	    &e->tables, (struct code_link){ .at = at, .kind = (uint8_t)kind, .target = target });
}

/* The branch at offset at leads to a block of this unit. */
static void to_block(struct a64_emit *e, uint32_t at, unsigned block)
{
	if (e->block_at[block] != UINT32_MAX) {
		a64_fix(e->cb, at, e->block_at[block]);
		return;
	}
	arena_grow(e->lir->arena, e->forward, e->forward_count, e->forward_cap);
	e->forward[e->forward_count++] = (struct a64_forward){ at, block };
}

/* To where exit x goes: a block of this unit, or a link site. */
static void branch_out(struct a64_emit *e, const struct lir_exit *x)
{
	if (x->to != IR_NOBLOCK)
		to_block(e, a64_b(e->cb), x->to);
	else
		link_branch(e, CODE_LINK_JUMP, x->target, UINT32_MAX);
}

/* The out-of-line part of a conditional way out; arg is the exit's number. */
static void cold_branch_out(struct a64_emit *e, const struct a64_cold *c)
{
	branch_out(e, &e->lir->exit[c->arg]);
}

static void branch_out_if(struct a64_emit *e, struct a64_test t, unsigned exit)
{
	const struct lir_exit *x = &e->lir->exit[exit];
	uint32_t at = a64_branch_if(e, t);
	unsigned cold;

	if (x->to != IR_NOBLOCK) {
		to_block(e, at, x->to);
		return;
	}
	cold = a64_cold(e, at, cold_branch_out);
	e->cold[cold].arg = exit;
}

/* ---- safe points ----------------------------------------------------------------------------------------

   A way out by a link stops by the link's stub: whoever comes out so looks at ir_state.stop. A computed one
   stops by the thunk LOOKUP, which is a safe point itself. */

/* True when the thread is to stop, or when it is not. */
static struct a64_test load_stop(struct a64_emit *e, bool stop)
{
	a64_ls(e->cb, A64_LDR32, A64_TMP, a64_state(A64_ST(stop)));
	return (struct a64_test){ .kind = A64_TEST_ZERO, .set = stop, .reg = A64_TMP };
}

/* A jump within a region leaves it after all. */
static void leave_stopped(struct a64_emit *e, const struct lir_exit *x)
{
	const struct lir_block *to = &e->lir->block[x->to];
	const uint32_t owes = e->lir->ir->block[x->to].owes;

	if (owes) {
		a64_mov_imm(e->cb, 0, A64_TMP, owes);
		a64_ls(e->cb, A64_STR32, A64_TMP, a64_state(A64_ST(owed)));
	}
	a64_emit_list(e, to->unfix, to->unfix_count);
	a64_emit_list(e, e->lir->leave, e->lir->leave_count);
	leave_by_stub(e, x->target, IR_EXIT_STOP);
}

static void cold_stopped(struct a64_emit *e, const struct a64_cold *c)
{
	leave_stopped(e, &e->lir->exit[c->in->exit]);
}

/* A jump, where x is polled, for when the thread is to stop; else UINT32_MAX. */
static uint32_t poll_before(struct a64_emit *e, const struct lir_exit *x)
{
	return x->poll ? a64_branch_if(e, load_stop(e, true)) : UINT32_MAX;
}

/* Takes x unless the thread is to stop. Nothing comes behind. */
static void branch_out_polled(struct a64_emit *e, const struct lir_exit *x)
{
	if (x->to != IR_NOBLOCK) {
		to_block(e, a64_branch_if(e, load_stop(e, false)), x->to);
		leave_stopped(e, x);
	} else {
		link_branch(e, CODE_LINK_JUMP, x->target, poll_before(e, x));
	}
}

/* ---- side exits ------------------------------------------------------------------------------------------- */

/* The moves that bring the guest's registers home, then the exit. */
static void cold_exit(struct a64_emit *e, const struct a64_cold *c)
{
	const struct lir_exit *x = &e->lir->exit[c->in->exit];

	a64_emit_stub(e, x);
	if (x->poll)
		branch_out_polled(e, x);
	else
		branch_out(e, x);
}

/* The final exit right behind in, when it is a plain jump that is not polled: its number; else UINT16_MAX. */
static unsigned plain_exit_behind(const struct a64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *end = e->lir->insn + e->lir->insn_count;
	const struct lir_exit *x;

	do
		in++;
	while (in < end && in->op == LIR_NOP);
	if (in >= end || in->op != A64_OP_EXIT)
		return UINT16_MAX;
	x = &e->lir->exit[in->exit];
	return x->kind == IR_JUMP_PLAIN && !x->poll && leaves_plainly(e, x) ? in->exit : UINT16_MAX;
}

/*
 * A polled side exit in line: a loop's branch. When the final exit behind it is plain, its jump
 * becomes the way past the poll:
 *
 *     b.ncc final; ldr w16, [stop]; cbz w16, head; leave
 *
 * A jump back within a region costs no more where the final exit is another one:
 *
 *     b.ncc past; ldr w16, [stop]; cbz w16, head; b leave; past:
 */
static void polled_in_line(struct a64_emit *e, const struct lir_insn *in, struct a64_test t)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];
	unsigned final = plain_exit_behind(e, in);
	uint32_t past;

	if (final != UINT16_MAX) {
		branch_out_if(e, a64_unless(t), final);
		branch_out_polled(e, x);
		e->skip_exit = true;
		return;
	}
	past = a64_branch_if(e, a64_unless(t));
	if (x->to != IR_NOBLOCK) {
		to_block(e, a64_branch_if(e, load_stop(e, false)), x->to);
		a64_cold(e, a64_b(e->cb), cold_stopped);
	} else {
		branch_out_polled(e, x);
	}
	a64_fix(e->cb, past, cb_pos(e->cb));
}

void a64_side_exit(struct a64_emit *e, const struct lir_insn *in, struct a64_test t)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	if (x->stub_count || (x->poll && !(in->flags & LF_SYNC)) || !leaves_plainly(e, x))
		a64_cold(e, a64_branch_if(e, t), cold_exit);
	else if (x->poll)
		polled_in_line(e, in, t);
	else
		branch_out_if(e, t, in->exit);
}

/* ---- final exits --------------------------------------------------------------------------------------------- */

static void cold_unpaired(struct a64_emit *e, const struct a64_cold *c)
{
	(void)c;
	a64_jump_thunk(e, IR_THUNK_RESYNC);
}

static bool goes_to_next(const struct a64_emit *e, unsigned block)
{
	const struct lir_insn *next = e->in + 1;

	return next < e->lir->insn + e->lir->insn_count && next->op == LIR_BLOCK
	       && next->imm == block;
}

/* Behind a call: the guest has come back, or not (longjmp, a changed return address). */
static void landing(struct a64_emit *e, const struct lir_exit *x)
{
	const uint32_t low = (uint32_t)x->ret & 0xfff;

	if (a64_fits_add(x->ret)) {
		a64_rri(e->cb, A64_SUBS_I, 1, A64_ZR, A64_PC, (uint32_t)x->ret);
	} else if (a64_fits_add(x->ret - low)) {
		a64_rri(e->cb, A64_SUB_I, 1, A64_TMP, A64_PC, (uint32_t)x->ret - low);
		a64_rri(e->cb, A64_SUBS_I, 1, A64_ZR, A64_TMP, low);
	} else {
		a64_mov_imm(e->cb, 1, A64_TMP, x->ret);
		a64_cmp(e->cb, 1, A64_PC, A64_TMP);
	}
	a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_unpaired);
	if (x->back_to == IR_NOBLOCK) {
		link_branch(e, CODE_LINK_JUMP, x->ret, UINT32_MAX);
		return;
	}
	a64_emit_list(e, e->lir->enter, e->lir->enter_count);
	if (!goes_to_next(e, x->back_to))
		to_block(e, a64_b(e->cb), x->back_to);
}

/* The return address goes onto the stack, where EXITI finds it; the call instruction behind tells the host's predictor. */
static uint32_t push_landing(struct a64_emit *e)
{
	uint32_t at = a64_adr(e->cb, A64_TMP);

	a64_ls(e->cb, A64_STR64, A64_TMP, (struct a64_mem){ A64_SP, A64_NOREG, 0, A64_PRE, -16 });
	return at;
}

static void direct_call(struct a64_emit *e, const struct lir_exit *x)
{
	uint32_t stopped = poll_before(e, x), adr = push_landing(e);

	link_branch(e, CODE_LINK_CALL, x->target, stopped);
	a64_fix(e->cb, adr, cb_pos(e->cb));
	landing(e, x);
}

void a64_emit_EXIT(struct a64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	if (e->skip_exit) {
		e->skip_exit = false;
		return;
	}
	a64_leave_region(e, x);
	if (x->kind == IR_JUMP_CALL)
		direct_call(e, x);
	else if (x->poll)
		branch_out_polled(e, x);
	else if (x->to == IR_NOBLOCK || !goes_to_next(e, x->to))
		branch_out(e, x);
}

void a64_emit_EXITR(struct a64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];

	a64_leave_region(e, x);
	if (x->reason == IR_EXIT_SYSCALL) {
		a64_mov_imm(e->cb, 1, A64_PC, x->target);
		a64_jump_thunk(e, IR_THUNK_CALL);
	} else {
		leave_at(e, x->target, (enum ir_exit)x->reason);
	}
}

/* x16 and x17 are the entry of x0 in the jump table, which it is compared with; an odd target matches none. */
static void entry_of_target(struct a64_emit *e)
{
	const unsigned bits = (unsigned)__builtin_ctz(IR_JUMP_ENTRIES);

	a64_ubfx(e->cb, 1, A64_TMP, A64_PC, 1, bits);
	a64_load_state(e, A64_TMP2, A64_ST(jump));
	a64_rrs(e->cb, A64_ADD, 1, A64_TMP2, A64_TMP2, A64_TMP, A64_LSL, 4);
	a64_lsp(e->cb, A64_LDP64, A64_TMP, A64_TMP2, a64_at(A64_TMP2, 0));
	a64_cmp(e->cb, 1, A64_TMP, A64_PC);
}

static void cold_lookup(struct a64_emit *e, const struct a64_cold *c)
{
	(void)c;
	a64_jump_thunk(e, IR_THUNK_LOOKUP);
}

static void cold_call_lookup(struct a64_emit *e, const struct a64_cold *c)
{
	uint32_t adr = push_landing(e);

	a64_call_thunk(e, IR_THUNK_LOOKUP);
	a64_fix(e->cb, adr, cb_pos(e->cb));
	a64_go_back(e, c);
}

static void indirect_call(struct a64_emit *e, const struct lir_exit *x)
{
	unsigned cold;
	uint32_t adr;

	entry_of_target(e);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_call_lookup);
	adr = push_landing(e);
	a64_jump(e->cb, A64_BLR, A64_TMP2);
	a64_fix(e->cb, adr, cb_pos(e->cb));
	a64_back_here(e, cold);
	landing(e, x);
}

/* The jump at stopped, if it is not UINT32_MAX, is for when the thread is to stop. */
static void indirect_jump(struct a64_emit *e, uint32_t stopped)
{
	unsigned cold;

	entry_of_target(e);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_lookup);
	e->cold[cold].from[1] = stopped;
	a64_jump(e->cb, A64_BR, A64_TMP2);
}

void a64_emit_EXITI(struct a64_emit *e, const struct lir_insn *in)
{
	const struct lir_exit *x = &e->lir->exit[in->exit];
	uint32_t stopped;

	a64_leave_region(e, x);
	stopped = poll_before(e, x);
	if (x->poll && x->kind != IR_JUMP_PLAIN)
		a64_cold(e, stopped, cold_lookup);
	if (x->kind == IR_JUMP_RET) {
		/* An odd target differs from what the landing expects; LOOKUP makes it even. */
		a64_ls(e->cb, A64_LDR64, A64_LR,
		       (struct a64_mem){ A64_SP, A64_NOREG, 0, A64_POST, 16 });
		a64_jump(e->cb, A64_RET, A64_LR);
	} else if (x->kind == IR_JUMP_CALL) {
		indirect_call(e, x);
	} else {
		indirect_jump(e, stopped);
	}
}
