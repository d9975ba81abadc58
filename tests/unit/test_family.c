/* What processes of a family tell each other (runtime/jit/family.c). */
#include "runtime/jit/family.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct family *f;

static void test_order(void)
{
	uint64_t seen = 0;
	gaddr pc = 0;

	f = family_new();
	if (!CHECK(f != NULL))
		return;
	CHECK(!family_next(f, &seen, &pc) && family_pending(f, seen) == 0);
	family_tell(f, 0x1000);
	family_tell(f, 0x2000);
	CHECK_EQ(family_pending(f, seen), 2);
	CHECK(family_next(f, &seen, &pc) && pc == 0x1000);
	CHECK(family_next(f, &seen, &pc) && pc == 0x2000);
	CHECK(!family_next(f, &seen, &pc) && family_pending(f, seen) == 0);
}

/* Told when they have run that often, and again after as many runs. */
static void test_count(void)
{
	uint64_t seen = f->count;
	gaddr pc = 0;

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 1; n < FAMILY_RUNS; n++) {
			family_count(f, 0x4000);
			family_count(f, 0x4002);
		}
		CHECK(!family_next(f, &seen, &pc));
		family_count(f, 0x4002);
		CHECK(family_next(f, &seen, &pc) && pc == 0x4002);
		family_count(f, 0x4000);
		CHECK(family_next(f, &seen, &pc) && pc == 0x4000);
		CHECK(!family_next(f, &seen, &pc));
	}
}

/* Who looks too late has the last of it. */
static void test_overrun(void)
{
	uint64_t seen = f->count;
	gaddr pc = 0;

	for (gaddr n = 1; n <= 3 * FAMILY_TOLD; n++)
		family_tell(f, 2 * n);
	CHECK_EQ(family_pending(f, seen), FAMILY_TOLD);
	for (gaddr n = 2 * FAMILY_TOLD + 1; n <= 3 * FAMILY_TOLD; n++)
		if (!CHECK(family_next(f, &seen, &pc) && pc == 2 * n))
			return;
	CHECK(!family_next(f, &seen, &pc));
}

static void test_children(void)
{
	enum { CHILDREN = 4, EACH = 100 };
	uint64_t seen = f->count;
	unsigned count = 0;
	gaddr pc = 0;

	for (unsigned i = 0; i < CHILDREN; i++) {
		if (fork() == 0) {
			for (unsigned n = 0; n < EACH; n++)
				family_tell(f, 0x10000 + i);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		continue;
	while (family_next(f, &seen, &pc))
		count += pc - 0x10000 < CHILDREN;
	CHECK_EQ(count, CHILDREN * EACH);
}

CHECK_MAIN(test_order, test_count, test_overrun, test_children)
