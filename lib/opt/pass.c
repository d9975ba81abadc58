/*
 * The pipeline. Merging of bytes comes first, on what was lifted. Seven passes are two walks over the unit: one forward, where values become known, and
 * one backward, where uses are. A pass by itself is the walk that has it, with the others
 * switched off. Together they cost two walks instead of seven, and find more: what one
 * makes, the other sees at once.
 */
#include "lib/opt/pass.h"

#include "lib/base/panic.h"
#include "lib/opt/opt_priv.h"

#include <string.h>

const struct opt_pass opt_passes[OPT_PASS_COUNT] = {
#define PASS(name, letter, what) [OPT_##name] = { #name, #letter[0], what },
#include "lib/opt/passes.def"
#undef PASS
};

enum {
	FORWARD = OPT_BIT(getput) | OPT_BIT(fold) | OPT_BIT(idiom) | OPT_BIT(addr) | OPT_BIT(cse),
	BACKWARD = OPT_BIT(getput) | OPT_BIT(nan) | OPT_BIT(dce),
};

static void run(struct ir_unit *u, unsigned passes, const char *name)
{
	if (passes & OPT_BIT(bytes))
		opt_bytes(u);
	if (passes & OPT_BIT(carry))
		opt_carry(u);
	if (passes & OPT_BIT(fence))
		opt_fences(u);
	if (passes & FORWARD)
		opt_forward(u, passes & FORWARD);
	if (passes & BACKWARD)
		opt_backward(u, passes & BACKWARD);
#ifdef KIT_DEBUG
	struct diag d = DIAG_INIT;

	KIT_CHECK(ir_verify(u, &d), "after %s: %s", name, d.text);
#else
	(void)name;
#endif
}

void opt_level1(struct ir_unit *u)
{
	run(u, (OPT_BIT(bytes) | OPT_BIT(fence) | FORWARD | BACKWARD) & ~OPT_BIT(idiom), "level1");
}

void opt_level2(struct ir_unit *u)
{
	run(u, OPT_BIT(bytes) | OPT_BIT(carry) | OPT_BIT(fence) | FORWARD | BACKWARD, "level2");
}

bool opt_run(struct ir_unit *u, const char *names, struct diag *d)
{
	while (*names) {
		size_t len = strcspn(names, ",");
		unsigned p = 0;

		while (p < OPT_PASS_COUNT
		       && (strlen(opt_passes[p].name) != len
			   || memcmp(opt_passes[p].name, names, len) != 0))
			p++;
		if (p < OPT_PASS_COUNT)
			run(u, 1u << p, opt_passes[p].name);
		else if (len == strlen("level1") && memcmp(names, "level1", len) == 0)
			opt_level1(u);
		else if (len == strlen("level2") && memcmp(names, "level2", len) == 0)
			opt_level2(u);
		else
			return diag_fail(d, 1, "there is no pass '%.*s'", (int)len, names);
		names += len + (names[len] == ',');
	}
	return true;
}
