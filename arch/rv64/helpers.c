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

/* What was noted last comes to the first place, where code finds it. */
static uint64_t note_call(struct ir_state *st, uint64_t to, uint64_t from)
{
	unsigned first;

	to &= ~UINT64_C(1);
	first = ir_edge_at((uint32_t)from, to);
	for (unsigned n = 0; n < IR_EDGE_PLACES; n++) {
		struct ir_edge *e = &st->edge[(first + n) & (IR_EDGES - 1)], was;

		if (!e->count)
			*e = (struct ir_edge){ .from = (uint32_t)from, .to = to };
		if (e->from == from && e->to == to) {
			e->count++;
			was = *e;
			*e = st->edge[first];
			st->edge[first] = was;
			return 0;
		}
	}
	st->edges_full(st);
	st->edge[first] = (struct ir_edge){ .from = (uint32_t)from, .to = to, .count = 1 };
	return 0;
}

ir_helper_fn *const rv64_helpers[IR_HELPER_COUNT] = {
#define HELPER(name, meaning) [IR_HELPER_##name] = name,
#include "lib/ir/helpers.def"
#undef HELPER
};
