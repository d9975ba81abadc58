/* Operations of direct.h that are not worth having inline. */
#include "lib/ir/direct.h"

ir_value ir_direct_insn(struct ir_direct *d, const struct ir_insn *i, ir_value x, ir_value y,
			ir_value z)
{
	uint64_t r = 0;

	/* An instruction may have several of them; those behind one that left must not be seen. */
	if (d->why == IR_EXIT_NONE)
		ir_direct_leave(d, ir_interp_insn(i, d->st, d->mem, x.bits, y.bits, z.bits, &r),
				d->gpc);
	return (ir_value){ r };
}
