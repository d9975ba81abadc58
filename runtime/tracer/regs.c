/* Registers of a traced thread, as riscv64 Linux has them in its register sets; see tracer.h. */
#include "runtime/tracer/tracer.h"

#include "arch/rv64/cpu.h"

#include <string.h>

enum { ECALL_BYTES = 4, FRM_SHIFT = 5, FRM_MASK = 7, FFLAGS_MASK = 31 };

static uint64_t state_at(const struct peer *p, size_t offset)
{
	return p->at + offsetof(struct kit_thread, st) + offset;
}

uint64_t peer_pc(const struct peer *p, const struct ir_state *st)
{
	return st->pc + (p->trace.in_call ? ECALL_BYTES : 0);
}

bool peer_state(const struct peer *p, struct ir_state *st)
{
	return peer_read(p, state_at(p, 0), st, IR_STATE_GUEST_BYTES);
}

void peer_general(const struct peer *p, const struct ir_state *st, uint64_t v[PEER_GENERAL])
{
	v[0] = peer_pc(p, st);
	memcpy(v + 1, &st->reg[1], (PEER_GENERAL - 1) * sizeof *v);
}

bool peer_set_general(const struct peer *p, const uint64_t v[PEER_GENERAL])
{
	uint64_t pc = v[0] - (p->trace.in_call ? ECALL_BYTES : 0);

	return peer_write(p, state_at(p, offsetof(struct ir_state, reg[1])), v + 1,
			  (PEER_GENERAL - 1) * sizeof *v)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, pc)), &pc, sizeof pc);
}

void peer_floating(const struct ir_state *st, uint64_t v[PEER_FLOATING])
{
	memcpy(v, &st->reg[RV64_F0], (PEER_FLOATING - 1) * sizeof *v);
	v[PEER_FLOATING - 1] = st->frm << FRM_SHIFT | st->fflags;
}

bool peer_set_floating(const struct peer *p, const uint64_t v[PEER_FLOATING])
{
	const uint32_t frm = v[PEER_FLOATING - 1] >> FRM_SHIFT & FRM_MASK;
	const uint32_t fflags = v[PEER_FLOATING - 1] & FFLAGS_MASK;

	return peer_write(p, state_at(p, offsetof(struct ir_state, reg[RV64_F0])), v,
			  (PEER_FLOATING - 1) * sizeof *v)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, frm)), &frm, sizeof frm)
	       && peer_write(p, state_at(p, offsetof(struct ir_state, fflags)), &fflags,
			     sizeof fflags);
}
