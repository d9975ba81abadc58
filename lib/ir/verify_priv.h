/* The verifier's check of one insn, shared with the parser so that it can name the line. */
#ifndef KIT_IR_VERIFY_PRIV_H
#define KIT_IR_VERIFY_PRIV_H

#include "lib/ir/ir.h"

/*
 * Checks insn idx of block blk, assuming those before it are right. On a fault false, and what
 * is wrong (without saying where) in why.
 */
bool ir_verify_insn(const struct ir_unit *u, const struct ir_block *blk, uint32_t idx, char *why,
		    size_t why_size);

#endif
