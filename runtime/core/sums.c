/* The tables of sums; see sums.h. */
#include "runtime/core/sums.h"

#include <stdbool.h>

/* n more of them; false: there are not so many. */
static bool reserve(uint32_t *count, uint32_t n, uint32_t most, uint32_t *first)
{
	*first = __atomic_load_n(count, __ATOMIC_RELAXED);
	do
		if (n > most - *first)
			return false;
	while (!__atomic_compare_exchange_n(count, first, *first + n, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
	return true;
}

bool sums_name(struct sums *s, const struct sums_wanted *w, uint32_t *counted, uint32_t *owed)
{
	uint32_t term;

	if (!reserve(&s->term_count, w->term_count, SUMS_TERMS_MOST, &term)
	    || !reserve(&s->counted_count, w->counted_count, SUMS_COUNTED_MOST, counted)
	    || !reserve(&s->owed_count, w->owed_count, SUMS_OWED_MOST - 1, owed))
		return false;
	++*owed;
	for (unsigned i = 0; i < w->term_count; i++)
		s->term[term + i] = w->term[i];
	for (unsigned i = 0; i < w->counted_count; i++) {
		s->counted[*counted + i] = w->counted[i];
		s->counted[*counted + i].first += term;
	}
	for (unsigned i = 0; i < w->owed_count; i++) {
		struct sum *to = &s->owed[*owed + i];

		*to = w->owed[i];
		to->first += term;
		to->more += to->more ? *owed - 1 : 0;
	}
	return true;
}

uint32_t sums_count(const struct sums *s)
{
	return __atomic_load_n(&s->counted_count, __ATOMIC_RELAXED);
}

void sums_spread(const struct sums *s, uint32_t k, uint64_t n, uint32_t first, uint64_t *ways)
{
	const struct sum_term *t = &s->term[s->counted[k].first];

	for (uint32_t i = 0; i < s->counted[k].count; i++)
		ways[t[i].counter - first] += n * (uint64_t)(int64_t)t[i].n;
}

void sums_settle(const struct sums *s, struct ir_state *st)
{
	for (uint32_t k = st->owed; k; k = s->owed[k].more) {
		const struct sum_term *t = &s->term[s->owed[k].first];

		for (uint32_t i = 0; i < s->owed[k].count; i++)
			*ir_counter(st, t[i].counter) += (uint64_t)(int64_t)t[i].n;
	}
	st->owed = 0;
}
