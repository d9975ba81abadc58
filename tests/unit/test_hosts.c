/*
 * What every back end promises, tried on every machine since nothing is run: random units are selected, allocated and
 * emitted for each host with each set of its features; allocations are proved, tables are checked, the code is instructions
 * that the disassembler knows, and the same unit gives the same bytes.
 */
#include "arch/host.h"
#include "lib/jit/compile.h"
#include "lib/jit/disas.h"
#include "tests/unit/check.h"
#include "tests/unit/irgen.h"

#include <stdlib.h>

/* Units of LONG_INSNS are beyond the reach of short branches: 128 bytes on x86-64, 32 KB of AArch64's tbz. */
enum { CODE_BYTES = 1 << 20, LONG_INSNS = 17000, LONG_BYTES = 64 << 10 };

static const char *const host_names[] = { "x86_64", "aarch64" };

struct subject {
	const struct jit_host *host;
	struct jit_opts opts;
	struct ra_target target;
	struct arena a;
	uint8_t *bytes, *again;
	struct code code;
};

static void begin(struct subject *s, const char *host, struct jit_opts opts)
{
	*s = (struct subject){ .host = host_find(host) };
	REQUIRE(s->host);
	s->opts = opts;
	s->host->target(&irgen_regs, &s->opts, &s->target);
	arena_init(&s->a);
	s->bytes = malloc(CODE_BYTES);
	s->again = malloc(CODE_BYTES);
}

static void end(struct subject *s)
{
	arena_fini(&s->a);
	free(s->bytes);
	free(s->again);
}

/* The unit's code in a buffer of that size; false: it does not fit. */
static bool compile(struct subject *s, const struct ir_unit *u, uint8_t *bytes, uint32_t size)
{
	struct lir_unit lir = { .arena = u->arena, .ir = u }, selected;
	struct ra_target inside;
	struct diag d = DIAG_INIT;
	struct codebuf cb;
	bool region = jit_inside(u, &s->target, &inside);

	s->host->isel(u, &inside, &s->opts, &lir);
	lir.boundary = region ? &s->target : NULL;
	selected = lir;
	selected.insn = arena_new(u->arena, struct lir_insn, lir.insn_count + 1);
	memcpy(selected.insn, lir.insn, sizeof *lir.insn * lir.insn_count);
	if (!CHECK(ra_run(&lir, &inside)))
		return false;
	if (!CHECK(ra_check(&selected, &lir, &inside, &d)))
		printf("  %s\n", d.text);
	cb_init(&cb, bytes, size);
	if (!s->host->emit(&lir, &inside, &s->opts, &cb, &s->code))
		return false;
	if (!CHECK(jit_check_code(&s->code, u, s->host, &s->opts, &d)))
		printf("  %s\n", d.text);
	return true;
}

static void show(const struct ir_unit *u)
{
	struct strbuf text = STRBUF_INIT;

	ir_print(u, &text);
	printf("%s", strbuf_str(&text));
	strbuf_fini(&text);
}

/* No line of the listing is bytes that are no instruction. */
static bool known(const struct subject *s)
{
	struct strbuf text = STRBUF_INIT;
	const char *bad;
	bool ok;

	jit_disas(s->host->name, &s->code, false, &text);
	bad = strstr(strbuf_str(&text), ".byte");
	ok = CHECK(!bad);
	if (!ok)
		printf("  %.60s\n", bad - 8);
	strbuf_fini(&text);
	return ok;
}

static void random_units(struct subject *s, unsigned count, unsigned insns, unsigned blocks)
{
	struct irgen g;

	for (unsigned i = 0; i < count && !check_failed; i++) {
		struct ir_unit u;
		uint32_t size;

		CHECK_AT("%s features %" PRIx64 " base %d few homes %d unit %u", s->host->name,
			 s->opts.host_features, s->opts.guest_base, s->opts.few_homes, i);
		irgen_init(&g, i, &irgen_regs);
		g.insns = insns;
		g.blocks = blocks;
		g.fp = i & 1;
		arena_reset(&s->a);
		irgen_unit(&g, &s->a, &irgen_regs, &u);
		if (!CHECK(compile(s, &u, s->bytes, CODE_BYTES)) || !known(s)) {
			show(&u);
			break;
		}
		size = s->code.size_bytes;
		CHECK(insns < LONG_INSNS || size > LONG_BYTES);
		CHECK(compile(s, &u, s->again, CODE_BYTES));
		CHECK_EQ(s->code.size_bytes, size);
		CHECK_MEM(s->bytes, s->again, size);
		/* One byte too few is told, and not written. */
		s->again[size - 1] = 0xee;
		CHECK(!compile(s, &u, s->again, size - 1));
		CHECK_EQ(s->again[size - 1], 0xee);
	}
	check_where[0] = 0;
}

static void each_host(unsigned count, unsigned insns, unsigned blocks)
{
	static const struct jit_opts opts[] = {
		{ .host_features = 0 }, { .host_features = UINT64_MAX },
		{ .guest_base = true }, { .host_features = UINT64_MAX, .count_blocks = true },
		{ .few_homes = true }, /* so that regions have a convention of their own */
	};

	for (unsigned h = 0; h < ARRAY_LEN(host_names); h++)
		for (unsigned c = 0; c < ARRAY_LEN(opts); c++) {
			struct subject s;

			begin(&s, host_names[h], opts[c]);
			random_units(&s, count, insns, blocks);
			end(&s);
		}
}

static void test_traces(void) { each_host(500, 30, 1); }
static void test_regions(void) { each_host(150, 30, 5); }

static void test_long(void) { each_host(1, LONG_INSNS, 3); }

static void test_reach(void)
{
	for (unsigned h = 0; h < ARRAY_LEN(host_names); h++) {
		const struct jit_host *host = host_find(host_names[h]);
		const struct ir_reg *r = irgen_regs.reg;

		CHECK(is_pow2(host->code_align) && host->reach_bytes >= 1 << 20);
		CHECK(host->apply_fix(0, r->offset_bytes) == r->offset_bytes);
		for (const struct jit_feature_set *f = host->feature_sets; f->name; f++)
			for (unsigned b = 0; b < 64; b++)
				CHECK(!(f->bits >> b & 1) || host->feature_name(b));
	}
}

CHECK_MAIN(test_traces, test_regions, test_long, test_reach)
