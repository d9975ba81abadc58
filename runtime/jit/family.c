/* What the processes of a family of forks tell each other about code; see family.h. */
#include "runtime/jit/family.h"

#include "runtime/mem/mem.h"

struct family *family_new(void) { return mem_shared_new(sizeof(struct family)); }

void family_tell(struct family *f, gaddr pc)
{
	uint64_t n = __atomic_fetch_add(&f->count, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&f->told[n % FAMILY_TOLD], pc, __ATOMIC_RELEASE);
}

void family_count(struct family *f, gaddr pc)
{
	uint8_t *at = &f->runs[(pc >> 1) % FAMILY_TRACES];
	unsigned runs = __atomic_load_n(at, __ATOMIC_RELAXED) + 1u;

	if (runs == FAMILY_RUNS) {
		family_tell(f, pc);
		runs = 0;
	}
	__atomic_store_n(at, (uint8_t)runs, __ATOMIC_RELAXED);
}

uint64_t family_pending(const struct family *f, uint64_t seen)
{
	uint64_t n = __atomic_load_n(&f->count, __ATOMIC_RELAXED) - seen;

	return n < FAMILY_TOLD ? n : FAMILY_TOLD;
}

bool family_next(const struct family *f, uint64_t *seen, gaddr *pc)
{
	uint64_t count = __atomic_load_n(&f->count, __ATOMIC_ACQUIRE);

	if (count - *seen > FAMILY_TOLD)
		*seen = count - FAMILY_TOLD;
	while (*seen != count) {
		*pc = __atomic_load_n(&f->told[(*seen)++ % FAMILY_TOLD], __ATOMIC_RELAXED);
		if (*pc)
			return true;
	}
	return false;
}
