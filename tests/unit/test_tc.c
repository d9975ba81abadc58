/*
 * The translation cache with made-up code: lookup, links, pages, the ring of segments.
 *
 * A made-up unit is 64 bytes with links of a jump and of a call, and one fault point.
 */
#include "tests/unit/check.h"

#include "lib/base/hash.h"
#include "runtime/jit/tc.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CACHE_BYTES = 1 << 20,
	RESERVED_BYTES = 4096,
	ALIGN_BYTES = 64,
	UNIT_BYTES = 64,
	JUMP_AT = 4,
	JUMP_STUB = 32,
	CALL_AT = 12,
	CALL_STUB = 40,
	HOT_STUB = 48,
	STUB_BYTES = 6,
	FAULT_AT = 2,
};

static struct tc tc;
static unsigned killed;

static void count_kill(void *ctx, const struct tc_unit *u)
{
	(void)ctx, (void)u;
	killed++;
}

/* A displacement from the end of the field. */
static uint32_t link_word(uint32_t was, int64_t disp)
{
	(void)was;
	return (uint32_t)(disp - 4);
}

static const struct jit_host host = { .code_align = ALIGN_BYTES,
				      .stub_bytes = STUB_BYTES,
				      .link_word = link_word };

static void begin(void)
{
	struct diag d = DIAG_INIT;

	killed = 0;
	REQUIRE(tc_init(&tc, CACHE_BYTES, RESERVED_BYTES, &host, &d));
	tc.on_kill = count_kill;
}

/* A unit for gpc that jumps to target. */
static struct tc_unit *add(gaddr gpc, gaddr target)
{
	const struct code_link links[2] = {
		{ .at = JUMP_AT, .stub = JUMP_STUB, .kind = CODE_LINK_JUMP, .target = target },
		{ .at = CALL_AT, .stub = CALL_STUB, .kind = CODE_LINK_CALL, .target = target },
	};
	const struct code_stub stub = { .at = HOT_STUB, .reason = IR_EXIT_HOT, .pc = gpc + 4 };
	const struct code_fault fault = { .at = FAULT_AT, .gpc_off = 8 };
	const struct ir_range range = { gpc, 16 };
	uint8_t p[UNIT_BYTES];
	const struct code c = {
		.bytes = p,
		.size_bytes = UNIT_BYTES,
		.gpc = gpc,
		.guest_insns = 4,
		.link = links,
		.link_count = 2,
		.stub = &stub,
		.stub_count = 1,
		.fault = &fault,
		.fault_count = 1,
		.range = &range,
		.range_count = 1,
	};

	CHECK(tc_fits(&tc, UNIT_BYTES));
	memset(p, 0x90, UNIT_BYTES);
	return tc_add(&tc, &c, 0);
}

/* Where the 32-bit field at offset at of u leads. */
static const uint8_t *leads_to(const struct tc_unit *u, unsigned at)
{
	int32_t disp;

	memcpy(&disp, u->code + at, sizeof disp);
	return u->code + at + 4 + disp;
}

static void test_find(void)
{
	struct tc_unit *a, *b;

	begin();
	CHECK(!tc_find(&tc, 0x10000));
	a = add(0x10000, 0x20000);
	b = add(0x20000, 0x10000);
	CHECK_PTR(tc_find(&tc, 0x10000), a);
	CHECK_PTR(tc_find(&tc, 0x20000), b);
	CHECK_PTR(tc_unit_at(&tc, (uintptr_t)a->code + 5), a);
	CHECK_PTR(tc_unit_at(&tc, (uintptr_t)b->code + UNIT_BYTES - 1), b);
	CHECK(!tc_unit_at(&tc, (uintptr_t)b->code + UNIT_BYTES));
	CHECK(!tc_unit_at(&tc, (uintptr_t)tc.mem.rx));
	CHECK(!tc_unit_at(&tc, 42));
	CHECK_EQ(tc_fault_at(a, (uintptr_t)a->code + FAULT_AT)->gpc_off, 8);
	CHECK(!tc_fault_at(a, (uintptr_t)a->code + FAULT_AT + 1));
	tc_fini(&tc);
}

/* How far from the end of the code before it code is put that has a link's field at offset field. */
static size_t gap_before(uint32_t size_bytes, uint32_t field, bool aligned)
{
	static uint8_t bytes[2 * UNIT_BYTES];
	static const uint8_t *end;
	const struct code_link link = { .at = field };
	const struct code c = { .bytes = bytes,
				.size_bytes = size_bytes,
				.aligned = aligned,
				.link = &link,
				.link_count = 1 };
	const struct tc_unit *u = tc_add(&tc, &c, 0);
	size_t gap = (size_t)(u->code - end);

	CHECK((uintptr_t)(u->code + field) / ALIGN_BYTES
	      == (uintptr_t)(u->code + field + 3) / ALIGN_BYTES);
	end = u->code + size_bytes;
	return gap;
}

/* Code lies densely, but for what counts on lines; no field lies across two lines. */
static void test_places(void)
{
	begin();
	gap_before(10, 4, false);
	CHECK_EQ(gap_before(24, 4, false), 6);      /* at 16 */
	CHECK_EQ(gap_before(22, 4, false), 0);      /* at 40 */
	CHECK_EQ(gap_before(70, 4, true), 2);       /* at 64 */
	CHECK_EQ(gap_before(80, 55, false), 8 + 2); /* at 144: its field would be at 191 */
	CHECK_EQ(gap_before(20, 6, true), 32);      /* at 256 */
	CHECK_EQ(gap_before(20, 6, false), 4);
	tc_fini(&tc);
}

/* Units of all sizes, from a few bytes to some chunks, through several rounds of the ring: each is found by its bytes, and nothing between. */
static void test_unit_at(void)
{
	enum { UNITS = 4000, SIZE_MAX_BYTES = 2 * TC_CHUNK_BYTES };
	static uint8_t bytes[SIZE_MAX_BYTES];
	const uint8_t *end = NULL;

	begin();
	for (uint64_t n = 0; n < UNITS; n++) {
		const uint64_t random = kit_mix64(n + 1);
		const struct code c = {
			.bytes = bytes,
			.gpc = 0x10000 + 16 * n,
			.size_bytes =
			    1 + (uint32_t)(random >> 8) % (random % 8 ? 200 : SIZE_MAX_BYTES),
		};
		const struct tc_unit *u;

		if (!tc_fits(&tc, c.size_bytes)) {
			tc_next_segment(&tc);
			end = NULL;
		}
		if (tc_is_crowded(&tc))
			tc_grow(&tc);
		u = tc_add(&tc, &c, 0);
		CHECK_PTR(tc_unit_at(&tc, (uintptr_t)u->code), u);
		CHECK_PTR(tc_unit_at(&tc, (uintptr_t)u->code + u->size_bytes - 1), u);
		CHECK_PTR(tc_unit_at(&tc, (uintptr_t)u->code + u->size_bytes / 2), u);
		CHECK(!tc_unit_at(&tc, (uintptr_t)u->code + u->size_bytes));
		if (end && end < u->code)
			CHECK(!tc_unit_at(&tc, (uintptr_t)u->code - 1));
		end = u->code + u->size_bytes;
	}
	for (unsigned i = 0; i < TC_SEGMENTS; i++)
		for (unsigned k = 0; k < tc.seg[i].unit_count; k++) {
			const struct tc_unit *u = tc.seg[i].place[k].unit;

			CHECK_PTR(tc_unit_at(&tc, (uintptr_t)u->code), u);
			CHECK_PTR(tc_unit_at(&tc, (uintptr_t)u->code + u->size_bytes - 1), u);
		}
	tc_fini(&tc);
}

/* The link of u whose field is at code + at. */
static struct tc_link *link_at(const struct tc_unit *u, uint32_t at)
{
	uint32_t i = 0;

	while (i < u->link_count && u->link[i].code.at != at)
		i++;
	return CHECK(i < u->link_count) ? &u->link[i] : NULL;
}

static void test_stubs(void)
{
	const struct tc_unit *u;
	struct tc_way w;

	begin();
	add(0x30000, 0x40000);
	u = add(0x10000, 0x20000);
	w = tc_stub_at(&tc, (uintptr_t)u->code + CALL_STUB + STUB_BYTES);
	CHECK(w.reason == IR_EXIT_LINK && w.pc == 0x20000);
	CHECK(w.link == link_at(u, CALL_AT));
	w = tc_stub_at(&tc, (uintptr_t)u->code + HOT_STUB + STUB_BYTES);
	CHECK(w.reason == IR_EXIT_HOT && w.pc == 0x10004 && !w.link);
	tc_fini(&tc);
}

static void test_link_and_kill(void)
{
	struct tc_unit *a, *b;

	begin();
	a = add(0x10000, 0x20000);
	b = add(0x20000, 0x10000);
	tc_link(&tc, link_at(a, JUMP_AT), b);
	tc_link(&tc, link_at(a, CALL_AT), b);
	tc_link(&tc, link_at(b, JUMP_AT), a);
	CHECK_PTR(leads_to(a, JUMP_AT), b->code);
	CHECK_PTR(leads_to(a, CALL_AT), b->code);
	tc_kill(&tc, b);
	CHECK_EQ(killed, 1);
	CHECK(!tc_find(&tc, 0x20000));
	CHECK_PTR(leads_to(a, JUMP_AT), a->code + JUMP_STUB);
	CHECK_PTR(leads_to(a, CALL_AT), a->code + CALL_STUB);
	CHECK_PTR(leads_to(b, JUMP_AT), b->code + JUMP_STUB);
	/* Killing the survivor must not touch b's lists again. */
	tc_kill(&tc, a);
	CHECK_EQ(tc.unit_count, 0);
	tc_fini(&tc);
}

static void test_link_all(void)
{
	struct tc_unit *a, *b, *dead;

	begin();
	a = add(0x10000, 0x20000);
	dead = add(0x30000, 0x10000);
	tc_kill(&tc, dead);
	tc_link_all(&tc);
	CHECK(!link_at(a, JUMP_AT)->to && !link_at(dead, JUMP_AT)->to);
	b = add(0x20000, 0x30000);
	tc_link_all(&tc);
	tc_link_all(&tc);
	CHECK_PTR(leads_to(a, JUMP_AT), b->code);
	CHECK_PTR(leads_to(a, CALL_AT), b->code);
	CHECK(!link_at(b, JUMP_AT)->to && !link_at(dead, JUMP_AT)->to);
	tc_kill(&tc, b);
	CHECK_PTR(leads_to(a, JUMP_AT), a->code + JUMP_STUB);
	tc_fini(&tc);
}

static void test_self_link(void)
{
	struct tc_unit *a;

	begin();
	a = add(0x10000, 0x10000);
	tc_link(&tc, &a->link[0], a);
	CHECK_PTR(leads_to(a, JUMP_AT), a->code);
	tc_kill(&tc, a);
	CHECK_PTR(leads_to(a, JUMP_AT), a->code + JUMP_STUB);
	tc_fini(&tc);
}

static void test_ranges(void)
{
	begin();
	add(0x10000, 0);
	add(0x10010, 0);
	add(0x10ff8, 0); /* ends on the next page */
	add(0x30000, 0);
	CHECK_EQ(tc_kill_range(&tc, 0x10004, 4), 1);
	CHECK(!tc_find(&tc, 0x10000));
	CHECK(tc_find(&tc, 0x10010));
	CHECK_EQ(tc_kill_range(&tc, 0x11004, 1), 1);
	CHECK(!tc_find(&tc, 0x10ff8));
	/* A range of more pages than there are with code. */
	CHECK_EQ(tc_kill_range(&tc, 0, UINT64_C(1) << 40), 2);
	CHECK_EQ(tc_kill_range(&tc, 0x10000, 0), 0);
	CHECK_EQ(tc.unit_count, 0);
	tc_fini(&tc);
}

/* Units that come, go and are replaced are found, and no others. */
static void test_table(void)
{
	enum { PCS = 700, STEPS = 20000, BASE = 0x10000 };
	static struct tc_unit *live[PCS];
	uint64_t random = 1;
	unsigned count = 0;

	memset(live, 0, sizeof live);
	begin();
	for (unsigned n = 0; n < STEPS; n++) {
		unsigned i = (unsigned)((random = kit_mix64(random + n)) >> 32) % PCS;
		const gaddr pc = BASE + 2 * i;

		if (live[i] && random & 1) {
			tc_kill(&tc, live[i]);
			live[i] = NULL;
			count--;
		} else if (tc_fits(&tc, UNIT_BYTES)) {
			struct tc_unit *older = live[i];

			if (tc_is_crowded(&tc))
				tc_grow(&tc);
			live[i] = add(pc, 0);
			CHECK_PTR(live[i]->older, older);
			CHECK(!older || older->is_superseded);
			count += !older;
		} else {
			tc_next_segment(&tc);
			for (i = 0; i < PCS; i++)
				if (live[i] && live[i]->dead) {
					live[i] = NULL;
					count--;
				}
		}
		CHECK_EQ(tc.unit_count, count);
		if (n % 16 == 0)
			for (i = 0; i < PCS; i++)
				if (!CHECK_PTR(tc_find(&tc, BASE + 2 * i), live[i]))
					return;
	}
	tc_fini(&tc);
}

/* Many more units than fit: the oldest go, the newest are found, links never lead to reused memory. */
static void test_ring(void)
{
	enum { UNITS = 3 * CACHE_BYTES / UNIT_BYTES };
	const gaddr base = 0x100000;
	struct tc_unit *prev = NULL;

	begin();
	for (unsigned i = 0; i < UNITS; i++) {
		struct tc_unit *u;

		if (!tc_fits(&tc, UNIT_BYTES)) {
			tc_next_segment(&tc);
			if (prev && !tc_find(&tc, base + (i - 1) * 16))
				prev = NULL;
		}
		if (tc_is_crowded(&tc))
			tc_grow(&tc);
		u = add(base + i * 16, base + (i - 1) * 16);
		if (prev)
			tc_link(&tc, &u->link[0], prev);
		prev = u;
	}
	CHECK(tc.evicted_units > 0 && tc.renewals > 0);
	CHECK_EQ(tc.evicted_units + tc.unit_count, UNITS);
	CHECK(tc_find(&tc, base + (UNITS - 1) * 16));
	CHECK(!tc_find(&tc, base));
	for (unsigned i = 0; i < UNITS; i++) {
		struct tc_unit *u = tc_find(&tc, base + i * 16);

		if (!u)
			continue;
		if (u->link[0].to)
			CHECK_PTR(leads_to(u, JUMP_AT), tc_find(&tc, base + (i - 1) * 16)->code);
		else
			CHECK(leads_to(u, JUMP_AT) != u->code);
	}
	tc_fini(&tc);
}

/* After a fork parent and child have the same code until one of them writes: then it has its own, at the same addresses. */
static void test_fork(void)
{
	struct codemem m;
	struct diag d = DIAG_INIT;
	const uint8_t *rx;
	int to_child[2], status;
	char go = 1;
	pid_t pid;

	REQUIRE(codemem_init(&m, 1 << 16, &d) && pipe(to_child) == 0);
	rx = m.rx;
	*codemem_rw(&m, rx + 100, 1) = 1;
	*codemem_rw(&m, rx + 5000, 1) = 5;
	codemem_share(&m);
	pid = fork();
	if (!pid) {
		bool ok = read(to_child[0], &go, 1) == 1 && rx[100] == 1 && rx[5000] == 5;

		*codemem_rw(&m, rx + 100, 1) = 3;
		_exit(!(ok && m.rx == rx && rx[100] == 3 && rx[5000] == 5 && rx[101] == 0));
	}
	*codemem_rw(&m, rx + 100, 1) = 2;
	*codemem_rw(&m, rx + 101, 1) = 2;
	CHECK_EQ(write(to_child[1], &go, 1), 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(m.rx == rx && rx[100] == 2 && rx[101] == 2 && rx[5000] == 5);
	codemem_renew(&m, 101);
	CHECK(rx[100] == 2 && rx[101] == 0 && rx[5000] == 0);
	codemem_fini(&m);
}

CHECK_MAIN(test_find, test_places, test_unit_at, test_stubs, test_link_and_kill, test_link_all,
	   test_self_link, test_table, test_ranges, test_ring, test_fork)
