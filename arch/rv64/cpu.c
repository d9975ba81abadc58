/*
 * Cpus by name: "rv64gc,-c,+zicntr" to a set of features and back.
 *
 * qemu's "ext=true" and "ext=false" mean "+ext" and "-ext". What is switched off may be unknown
 * here in that form, since it is off then: v=false is no reason not to run.
 */
#include "arch/rv64/cpu.h"

#include "arch/rv64/cpus.h"

#include <string.h>
#include <strings.h>

static const char *const ext_names[RV64_EXT_COUNT] = {
#define X(name) #name,
	RV64_EXTENSIONS(X)
#undef X
};

static const struct profile {
	const char *name;
	uint64_t features;
} profiles[] = {
#define PROFILE(name, features, help) { name, features },
#include "arch/rv64/profiles.def"
#undef PROFILE
};

/* clang-format off */
const char rv64_cpu_help[] =
#define PROFILE(name, features, help) name "\t" help "\n"
#include "arch/rv64/profiles.def"
#undef PROFILE
	"+EXT, -EXT\twith and without an extension:"
#define X(name) " " #name
	RV64_EXTENSIONS(X)
#undef X
	"\n";
/* clang-format on */

/* What cannot be without what: an extension, and one that it needs. */
static const struct {
	uint8_t ext, needs;
} needs[] = {
	{ RV64_EXT_D, RV64_EXT_F },
	{ RV64_EXT_F, RV64_EXT_Zicsr },
	{ RV64_EXT_Zicntr, RV64_EXT_Zicsr },
};

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !strncasecmp(s, word, len);
}

static int find_ext(const char *s, size_t len)
{
	for (int i = 0; i < RV64_EXT_COUNT; i++)
		if (is_word(s, len, ext_names[i]))
			return i;
	return -1;
}

static bool unknown(const char *what, const char *s, size_t len, struct diag *d)
{
	return diag_fail(d, KIT_EXIT_INTERNAL, "there is no %s '%.*s'; --cpu=help lists all", what,
			 (int)len, s);
}

static bool find_profile(const char *s, size_t len, uint64_t *features, struct diag *d)
{
	for (unsigned i = 0; i < ARRAY_LEN(profiles); i++) {
		if (is_word(s, len, profiles[i].name)) {
			*features = profiles[i].features;
			return true;
		}
	}
	return unknown("cpu", s, len, d);
}

/* An extension comes with what it needs, and goes with what needs it. */
static void set_ext(uint64_t *features, int ext, bool on)
{
	const uint64_t bit = UINT64_C(1) << ext;

	*features = on ? *features | bit : *features & ~bit;
	for (unsigned i = 0; i < ARRAY_LEN(needs); i++) {
		if (on && needs[i].ext == ext)
			set_ext(features, needs[i].needs, true);
		if (!on && needs[i].needs == ext)
			set_ext(features, needs[i].ext, false);
	}
}

/* One of the words after the name: "+ext", "-ext", "ext=true" and its like. */
static bool apply(const char *s, size_t len, uint64_t *features, struct diag *d)
{
	const char *eq = memchr(s, '=', len), *value = eq ? eq + 1 : s;
	size_t value_len = eq ? len - (size_t)(value - s) : 0;
	bool on = *s == '+' || is_word(value, value_len, "true") || is_word(value, value_len, "on");
	bool off =
	    *s == '-' || is_word(value, value_len, "false") || is_word(value, value_len, "off");
	size_t skip = *s == '+' || *s == '-', name_len = eq ? (size_t)(eq - s) : len - skip;
	int ext = find_ext(s + skip, name_len);

	if (!on && !off)
		return diag_fail(d, KIT_EXIT_INTERNAL, "'%.*s' is not +EXT or -EXT", (int)len, s);
	if (ext < 0)
		return (eq && off) || unknown("extension", s + skip, name_len, d);
	if (off && ext == RV64_EXT_I)
		return diag_fail(d, KIT_EXIT_INTERNAL, "no cpu is without I");
	set_ext(features, ext, on);
	return true;
}

bool rv64_cpu_features(const char *text, uint64_t *features, struct diag *d)
{
	size_t len = strcspn(text, ",");

	if (!find_profile(text, len, features, d))
		return false;
	for (text += len; *text; text += len) {
		text++;
		len = strcspn(text, ",");
		if (!apply(text, len, features, d))
			return false;
	}
	return true;
}

/* Letters in the manual's order, which is the table's; then the long names by the alphabet. */
void rv64_cpu_isa(uint64_t features, struct strbuf *out)
{
	const char *last = "";

	strbuf_puts(out, "rv64");
	for (unsigned i = 0; i < RV64_EXT_COUNT; i++)
		if (features >> i & 1 && !ext_names[i][1])
			strbuf_putc(out, (char)(ext_names[i][0] | 0x20));
	for (;;) {
		const char *next = NULL;

		for (unsigned i = 0; i < RV64_EXT_COUNT; i++)
			if (features >> i & 1 && ext_names[i][1] && strcmp(ext_names[i], last) > 0
			    && (!next || strcmp(ext_names[i], next) < 0))
				next = ext_names[i];
		if (!next)
			return;
		strbuf_putc(out, '_');
		for (const char *p = next; *p; p++)
			strbuf_putc(out, (char)(*p | (*p >= 'A' && *p <= 'Z' ? 0x20 : 0)));
		last = next;
	}
}
