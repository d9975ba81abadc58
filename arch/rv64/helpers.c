/*
 * The guest's C helpers (lib/ir/helpers.def): the counters of Zicntr, from the host's monotonic
 * clock. time counts at RV64_TIMEBASE_HZ. cycle and instret count nanoseconds: programs that
 * read them want something that only grows, finely. And the clocks of the vDSO, and a note of calls.
 */
#include "arch/rv64/cpu.h"

#include <time.h>

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t rdtime(struct ir_state *st, uint64_t a, uint64_t b)
{
	return monotonic_ns() / (1000000000 / RV64_TIMEBASE_HZ);
}

static uint64_t rdcycle(struct ir_state *st, uint64_t a, uint64_t b) { return monotonic_ns(); }

static uint64_t rdinstret(struct ir_state *st, uint64_t a, uint64_t b) { return monotonic_ns(); }

/* Those that the kernel's own vDSO reads without a system call. */
static uint64_t rdclock(struct ir_state *st, uint64_t a, uint64_t b)
{
	struct timespec ts;

	switch ((int32_t)a) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		break;
	default:
		return UINT64_MAX;
	}
	if (clock_gettime((int32_t)a, &ts))
		return UINT64_MAX;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The place of the edge, or the one that it is to have. NULL: there is none left. */
static struct ir_edge *find_edge(const struct ir_state *st, uint32_t from, gaddr to, unsigned first)
{
	for (unsigned n = 0; n < IR_EDGE_PLACES; n++) {
		struct ir_edge *e = &st->edge[(first + n) & (IR_EDGES - 1)];

		if (!e->count || (e->from == from && (e->to & ~UINT64_C(1)) == to))
			return e;
	}
	return NULL;
}

/* What was noted last comes to the first place, where code finds it. */
static uint64_t note_call(struct ir_state *st, uint64_t target, uint64_t from)
{
	const gaddr to = target & ~UINT64_C(1);
	const unsigned first = ir_edge_at((uint32_t)from, to);
	const void *code = ir_jump_code(st, to);
	struct ir_edge *e = find_edge(st, (uint32_t)from, to, first), was;

	if (!e) {
		st->edges_full(st);
		e = &st->edge[first];
	}
	was = (struct ir_edge){
		.to = to + !code,
		.count = e->count + 1,
		.from = (uint32_t)from,
		.code = code ? code : st->thunk[IR_THUNK_LOOKUP],
	};
	if (code)
		ir_edge_known(st)[ir_jump_of(to)] = true;
	*e = st->edge[first];
	st->edge[first] = was;
	return 0;
}

ir_helper_fn *const rv64_helpers[IR_HELPER_COUNT] = {
#define HELPER(name, meaning) [IR_HELPER_##name] = name,
#include "lib/ir/helpers.def"
#undef HELPER
};
