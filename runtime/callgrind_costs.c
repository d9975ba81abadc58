/*
 * What calls cost (callgrind.h): circles of functions are found (Tarjan's algorithm for strongly connected components), which come
 * out behind all that they call; so the costs of what is called are known when a caller's turn comes.
 */
#include "runtime/callgrind_priv.h"

#include <string.h>

struct circle {
	uint64_t cost;     /* its functions', and of all that they call */
	uint64_t calls_in; /* from other circles */
};

struct search {
	struct callgrind *c;
	uint32_t *way;   /* functions being gone through, from the first on */
	uint32_t *stack; /* those whose circle is open */
	unsigned way_count, stack_count;
	uint32_t found, circles;
};

static unsigned end_of_calls(const struct callgrind *c, uint32_t n)
{
	return n + 1 < c->function_count ? c->function[n + 1].first_call : c->call_count;
}

static void enter(struct search *s, uint32_t n)
{
	struct cg_function *f = &s->c->function[n];

	f->found = f->low = ++s->found;
	f->next_call = f->first_call;
	s->way[s->way_count++] = n;
	s->stack[s->stack_count++] = n;
}

/* All that function n reaches is known: it may be the first of its circle. */
static void leave(struct search *s, uint32_t n)
{
	struct cg_function *f = &s->c->function[n], *above;
	uint32_t last;

	s->way_count--;
	if (s->way_count) {
		above = &s->c->function[s->way[s->way_count - 1]];
		above->low = f->low < above->low ? f->low : above->low;
	}
	if (f->low != f->found)
		return;
	s->circles++;
	do {
		last = s->stack[--s->stack_count];
		s->c->function[last].circle = s->circles;
	} while (last != n);
}

static void search_from(struct search *s, uint32_t n)
{
	enter(s, n);
	while (s->way_count) {
		uint32_t at = s->way[s->way_count - 1];
		struct cg_function *f = &s->c->function[at], *to;

		if (f->next_call == end_of_calls(s->c, at)) {
			leave(s, at);
			continue;
		}
		n = s->c->call[f->next_call++].to.function;
		to = &s->c->function[n];
		if (!to->found)
			enter(s, n);
		else if (!to->circle && to->found < f->low)
			f->low = to->found;
	}
}

static void index_calls(struct callgrind *c)
{
	unsigned call = 0;

	for (uint32_t n = 0; n < c->function_count; n++) {
		struct cg_function *f = &c->function[n];

		f->first_call = call;
		f->found = f->circle = 0;
		while (call < c->call_count && c->call[call].from.function == n)
			call++;
	}
}

/* Functions by circle, so that what is called comes first. */
static uint32_t *order(struct callgrind *c, uint32_t circles)
{
	uint32_t *first = arena_znew(&c->arena, uint32_t, circles + 2);
	uint32_t *by = arena_new(&c->arena, uint32_t, c->function_count);

	for (uint32_t n = 0; n < c->function_count; n++)
		first[c->function[n].circle + 1]++;
	for (uint32_t i = 1; i < circles + 2; i++)
		first[i] += first[i - 1];
	for (uint32_t n = 0; n < c->function_count; n++)
		by[first[c->function[n].circle]++] = n;
	return by;
}

static uint64_t share(const struct circle *of, uint64_t count)
{
	return (uint64_t)((long double)of->cost * (long double)count / (long double)of->calls_in);
}

void cg_cost_calls(struct callgrind *c)
{
	struct search s = { .c = c,
			    .way = arena_new(&c->arena, uint32_t, c->function_count),
			    .stack = arena_new(&c->arena, uint32_t, c->function_count) };
	struct circle *circle;
	const uint32_t *by;

	index_calls(c);
	for (uint32_t n = 0; n < c->function_count; n++)
		if (!c->function[n].found)
			search_from(&s, n);
	circle = arena_znew(&c->arena, struct circle, s.circles + 1);
	for (unsigned i = 0; i < c->cost_count; i++)
		circle[c->function[c->cost[i].place.function].circle].cost += c->cost[i].count;
	for (unsigned i = 0; i < c->call_count; i++) {
		const uint32_t to = c->function[c->call[i].to.function].circle;

		if (to != c->function[c->call[i].from.function].circle)
			circle[to].calls_in += c->call[i].count;
	}
	by = order(c, s.circles);
	for (uint32_t k = 0; k < c->function_count; k++) {
		const uint32_t n = by[k], from = c->function[n].circle;

		for (unsigned i = c->function[n].first_call; i < end_of_calls(c, n); i++) {
			struct cg_call *call = &c->call[i];
			const uint32_t to = c->function[call->to.function].circle;

			call->cost = to == from ? 0 : share(&circle[to], call->count);
			circle[from].cost += call->cost;
		}
	}
}
