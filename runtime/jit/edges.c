/*
 * What the edges of a thread lead to (struct ir_edge).
 *
 * Notes of computed calls hold the code that these go on in, as the jump tables do. Nothing finds those of one target but a look at
 * all; so ir_edge_known says of which targets there are none, and most code that goes or is superseded is no function that is
 * called so. An edge that leads nowhere learns its code where it is passed the next time.
 */
#include "runtime/jit/jit_priv.h"

static void forget(struct ir_state *st, unsigned at, unsigned mask)
{
	for (struct ir_edge *e = st->edge; e < st->edge + IR_EDGES; e++)
		if (e->count && !((ir_jump_of(e->to) ^ at) & mask)) {
			e->to |= 1;
			e->code = st->thunk[IR_THUNK_LOOKUP];
		}
}

void edges_forget(struct ir_state *st, gaddr gpc)
{
	const unsigned at = ir_jump_of(gpc);

	if (KIT_LIKELY(!st->edge) || !ir_edge_known(st)[at])
		return;
	ir_edge_known(st)[at] = false;
	forget(st, at, IR_JUMP_ENTRIES - 1);
}

void edges_forget_all(struct ir_state *st)
{
	if (KIT_LIKELY(!st->edge))
		return;
	memset(ir_edge_known(st), 0, IR_JUMP_ENTRIES * sizeof(bool));
	forget(st, 0, 0);
}
