/*
 * Running routines again; see tally_runs.h. There may be ten thousands of classes, so what the guest's code is between two branches, and
 * which ways it enters, is looked up once.
 */
#include "runtime/tally_runs.h"

#include "lib/base/panic.h"
#include "runtime/core/tally.h"
#include "runtime/mem/mem.h"

#include <stdlib.h>
#include <string.h>

enum { STRETCHES = 1024, WORDS_A_PAGE = MEM_PAGE_BYTES / sizeof(uint64_t) };

/* Instructions from pc up to a branch, all of which run when the first one does. */
struct stretch {
	gaddr pc; /* 0: none */
	struct guest_run run;
	/* Ways that are entered, and the one that is left: numbers of counters. */
	uint32_t enters[GUEST_RUN_INSNS];
	unsigned enter_count;
	bool cuts;
	uint32_t cut;
};

struct again {
	struct ir_state st; /* first */
	const struct kit_process *p;
	struct guest_decoder *decoder;
	struct guest_limits limits;
	uint64_t *ways; /* NULL: it is asked what has run, which the guest's run notes */
	uint8_t room[GUEST_ROOM_BYTES];
	struct stretch stretch[STRETCHES]; /* by pc */
};

/* ---- memory: the guest's is only read ------------------------------------------------------------------------ */

static uint8_t *in_room(uint8_t *room, gaddr addr, unsigned size_bytes)
{
	addr -= GUEST_ROOM;
	return addr < GUEST_ROOM_BYTES && addr + size_bytes <= GUEST_ROOM_BYTES ? room + addr
										: NULL;
}

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	struct again *a = (struct again *)(void *)st;
	const uint8_t *from = in_room(a->room, addr, size_bytes);

	*value = 0;
	if (!from)
		return mem_copy_in(a->p->mem, value, addr, size_bytes);
	memcpy(value, from, size_bytes);
	return true;
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	struct again *a = (struct again *)(void *)st;
	uint8_t *to = in_room(a->room, addr, size_bytes);

	if (to)
		memcpy(to, &value, size_bytes);
	return to;
}

/* No routine has one. */
static bool cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		uint64_t desired)
{
	(void)st, (void)addr, (void)size_bytes, (void)expected, (void)desired;
	return false;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static const struct ir_memory memory = { load, store, cas };

static void find_ways(struct again *a, const struct guest_fetch *f, struct stretch *s)
{
	const struct guest_tally *w = a->p->ways;
	gaddr pc = s->pc;

	s->enter_count = 0;
	s->cuts = false;
	if (!a->ways)
		return;
	for (unsigned n = 0; n < s->run.count; n++) {
		struct guest_step step;

		if (!s->cuts && guest_tallies(w, pc))
			s->enters[s->enter_count++] = (uint32_t)((pc - w->start) / 2);
		rv64_guest.step(a->decoder, f, pc, &step);
		s->cuts = step.size_bytes && !step.ends && guest_tallies(w, pc)
			  && guest_tallies(w, step.next);
		pc = step.next;
	}
	s->cut = (uint32_t)((pc - w->start) / 2);
}

/* The stretch at a's pc has run; s is it, or will be. */
static enum ir_exit run_stretch(struct again *a, struct stretch *s)
{
	const struct guest_fetch f = { mem_fetch, a->p->mem, mem_is_vdso };
	enum ir_exit why;

	if (s->pc == a->st.pc)
		return rv64_guest.rerun(a->decoder, &f, s->run.insn, s->run.count, &a->limits,
					&a->st, &memory);
	s->pc = a->st.pc;
	why = rv64_guest.run(a->decoder, &f, &a->limits, &a->st, &memory, &s->run);
	find_ways(a, &f, s);
	return why;
}

/* The whole routine, times times. false: it does not come to an end. */
static bool run(struct again *a, uint64_t times)
{
	enum { STRETCHES_MOST = 10000 };

	for (unsigned n = 0; a->st.pc; n++) {
		struct stretch *s = &a->stretch[(a->st.pc >> 1) % STRETCHES];

		if (n == STRETCHES_MOST || run_stretch(a, s) != IR_EXIT_LOOKUP) {
			s->pc = 0;
			return false;
		}
		for (unsigned i = 0; i < s->enter_count; i++)
			a->ways[s->enters[i]] += times;
		if (s->cuts)
			a->ways[s->cut] -= times;
	}
	return true;
}

/* Its runs, as if none were longer: what they are longer by goes to the class that stands for that. */
static bool follow_class(struct again *a, uint32_t class, uint64_t *runs)
{
	uint32_t steady;
	uint64_t *longer = runs + GUEST_RUN_CLASSES, n = runs[class], longer_bytes = longer[class];

	if (!n)
		return true;
	runs[class] = longer[class] = 0;
	if (!rv64_guest.run_again(a->p->runs, class, false, a->room, &a->st, &steady))
		return false;
	longer[steady] += longer_bytes;
	return run(a, n);
}

/* What one period more adds is what a run with it has beyond one without. */
static bool follow_periods(struct again *a, uint32_t class, uint64_t longer_bytes)
{
	uint32_t steady;
	unsigned period = rv64_guest.run_again(a->p->runs, class, false, a->room, &a->st, &steady);

	if (!period || !run(a, -(longer_bytes / period)))
		return false;
	rv64_guest.run_again(a->p->runs, class, true, a->room, &a->st, &steady);
	return run(a, longer_bytes / period);
}

enum { PAGES = TALLY_RUNS / WORDS_A_PAGE };

static struct again *again_new(const struct kit_process *p, struct guest_decoder *d, uint64_t *ways)
{
	struct again *a = calloc(1, sizeof *a);

	KIT_CHECK(a, "out of memory");
	a->p = p;
	a->decoder = d;
	a->limits =
	    (struct guest_limits){ .max_insns = GUEST_RUN_INSNS, .ran = ways ? NULL : p->ran };
	a->ways = ways;
	a->st.helpers = rv64_guest.helpers;
	return a;
}

static bool *touched_of(const uint64_t *counters, size_t pages)
{
	bool *touched = malloc(pages);

	KIT_CHECK(touched, "out of memory");
	mem_sparse_touched(counters, pages, touched);
	return touched;
}

bool tally_runs_follow(const struct kit_process *p, struct guest_decoder *d, uint64_t *runs,
		       uint64_t *ways)
{
	struct again *a = again_new(p, d, ways);
	bool *touched = touched_of(runs, PAGES), all = true;

	for (uint32_t k = 0; k < GUEST_RUN_CLASSES; k++)
		if (!touched[k / WORDS_A_PAGE])
			k |= WORDS_A_PAGE - 1;
		else
			all &= follow_class(a, k, runs);
	mem_sparse_touched(runs, PAGES, touched);
	for (uint32_t k = GUEST_RUN_CLASSES; k < TALLY_RUNS; k++)
		if (!touched[k / WORDS_A_PAGE])
			k |= WORDS_A_PAGE - 1;
		else if (runs[k])
			all &= follow_periods(a, k - GUEST_RUN_CLASSES, runs[k]);
	free(touched);
	free(a);
	return all;
}

bool tally_runs_cover(const struct kit_process *p, struct guest_decoder *d, const uint64_t *runs)
{
	struct again *a = again_new(p, d, NULL);
	bool *touched = touched_of(runs, PAGES), all = true;
	uint32_t steady;

	for (size_t k = 0; k < TALLY_RUNS; k++)
		if (!touched[k / WORDS_A_PAGE])
			k |= WORDS_A_PAGE - 1;
		else if (runs[k])
			all &=
			    rv64_guest.run_again(p->runs, (uint32_t)(k % GUEST_RUN_CLASSES),
						 k >= GUEST_RUN_CLASSES, a->room, &a->st, &steady)
			    && run(a, 1);
	free(touched);
	free(a);
	return all;
}

void tally_add(uint64_t *sum, const uint64_t *from, size_t count)
{
	bool *touched = touched_of(from, (count + WORDS_A_PAGE - 1) / WORDS_A_PAGE);

	for (size_t k = 0; k < count; k++)
		if (!touched[k / WORDS_A_PAGE])
			k |= WORDS_A_PAGE - 1;
		else if (from[k])
			sum[k] += from[k];
	free(touched);
}
