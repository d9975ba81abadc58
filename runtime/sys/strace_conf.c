/* strace's options; see strace_conf.h. */
#include "runtime/sys/strace_conf.h"

#include "runtime/sys/names.h"
#include "runtime/sys/strace.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { SHOW_BYTES = 32, COLUMN = 40, COLUMN_MOST = 1000 };

struct strace_conf strace_conf;

const char strace_help[] =
    "Options of strace that --strace='OPTION...' understands; all processes and threads are "
    "followed.\n"
    "-e trace=SET\tcalls to print: names, %file %desc %process %network %signal %ipc %memory\n"
    "\t\t%creds %clock %stat %pure, /REGEX, all, none; ! in front: all others\n"
    "-e signal=SET\tsignals to print\n"
    "-e status=SET\tcalls to print: successful, failed, unfinished\n"
    "-e SET, SET\tas -e trace=SET\n"
    "-z, -Z\t\tonly calls that succeeded, that failed\n"
    "-t, -tt, -ttt\tthe time: seconds, microseconds, since the epoch\n"
    "-r\t\tthe time since the line before\n"
    "-T\t\tthe time that a call took\n"
    "-c, -C\t\tcount calls, errors and time (-w: it is so); with -C print lines, too\n"
    "-S ORDER\tof that table: time, calls, errors, name, nothing\n"
    "-P PATH\t\tonly calls that concern this file; may be repeated\n"
    "-s SIZE\t\thow much of a string is shown (32)\n"
    "-x, -xx\t\tstrings in hexadecimal: those that are no text, all\n"
    "-v\t\tthe environment of programs, and lists as long as they are\n"
    "-a COLUMN\twhere results stand (40)\n"
    "-y\t\tthe files behind descriptors\n"
    "-i, -n\t\tthe address of the call, its number\n"
    "-qq\t\tno lines of how processes end\n"
    "-o FILE\t\tinto a file; %p in its name is the process, %t the thread; with -A behind what it "
    "holds\n"
    "-ff\t\twith -o: into FILE.THREAD\n";

static const struct set_row {
	const char *name, *calls;
	bool is_set;
} sets[] = {
#define SET(name, calls) { name, calls, true },
#define OLD(name, calls) { name, calls, false },
#include "runtime/sys/strace_sets.def"
#undef SET
#undef OLD
};

static bool wrong(struct diag *d, const char *what, const char *s, size_t len)
{
	return diag_fail(d, KIT_EXIT_INTERNAL, "%s '%.*s'; --strace=help says what there is", what,
			 (int)len, s);
}

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

/* ---- sets of calls ------------------------------------------------------------------------- */

static bool add_call(bool *call, const char *name, size_t len)
{
	for (unsigned nr = 0; nr < SYS_ROWS; nr++) {
		if (sys_rows[nr].name && is_word(name, len, sys_rows[nr].name)) {
			call[nr] = true;
			return true;
		}
	}
	return false;
}

static void add_calls(bool *call, const char *names)
{
	while (*names) {
		size_t len = strcspn(names, " ");

		KIT_CHECK(add_call(call, names, len), "no call %.*s", (int)len, names);
		names += len + (names[len] == ' ');
	}
}

static bool has_kind(const struct sys_row *r, bool file)
{
	for (unsigned i = 0; i < r->nargs; i++) {
		enum sys_kind k = r->kind[i];

		if (file ? k == SYS_KIND_PATH || k == SYS_KIND_LOOKUP
			 : k == SYS_KIND_FD || k == SYS_KIND_DIRFD || k == SYS_KIND_POLLFDS
			       || k == SYS_KIND_FDSET)
			return true;
	}
	return false;
}

static bool add_set(bool *call, const char *name, size_t len, bool is_set)
{
	bool file = is_set && is_word(name, len, "file"), found = false;

	for (unsigned i = 0; i < ARRAY_LEN(sets); i++) {
		if (sets[i].is_set == is_set && is_word(name, len, sets[i].name)) {
			add_calls(call, sets[i].calls);
			found = true;
		}
	}
	if (file || (is_set && is_word(name, len, "desc")))
		for (unsigned nr = 0; nr < SYS_ROWS; nr++)
			call[nr] |= sys_rows[nr].name && has_kind(&sys_rows[nr], file);
	return found;
}

static bool add_regex(bool *call, const char *s, size_t len)
{
	char *text = strndup(s, len);
	regex_t re;
	bool found = false;

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB) == 0) {
		for (unsigned nr = 0; nr < SYS_ROWS; nr++)
			if (sys_rows[nr].name && !regexec(&re, sys_rows[nr].name, 0, NULL, 0))
				found = call[nr] = true;
		regfree(&re);
	}
	free(text);
	return found;
}

static bool add_one(bool *call, const char *s, size_t len, struct diag *d)
{
	if (is_word(s, len, "all"))
		memset(call, true, SYS_ROWS * sizeof *call);
	else if (*s == '%' && !add_set(call, s + 1, len - 1, true))
		return wrong(d, "there is no set of calls", s, len);
	else if (*s == '/' && !add_regex(call, s + 1, len - 1))
		return wrong(d, "there is no call like", s, len);
	else if (*s == '?')
		add_call(call, s + 1, len - 1);
	else if (!strchr("%/?", *s) && !is_word(s, len, "none") && !add_call(call, s, len)
		 && !add_set(call, s, len, false) && !add_set(call, s, len, true))
		return wrong(d, "there is no system call", s, len);
	return true;
}

static bool set_calls(struct strace_conf *c, const char *s, struct diag *d)
{
	bool call[SYS_ROWS] = { false }, invert = *s == '!', all = false;

	for (s += invert; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");

		all |= is_word(s, len, "all");
		if (len && !add_one(call, s, len, d))
			return false;
		s += len;
	}
	for (unsigned nr = 0; nr < SYS_ROWS; nr++)
		c->call[nr] = call[nr] != invert;
	c->unknown = all != invert;
	return true;
}

bool sys_names_choose(const char *set, bool call[SYS_NAMES], struct diag *d)
{
	struct strace_conf c = { 0 };

	_Static_assert((int)SYS_NAMES == (int)SYS_ROWS, "call[]");
	if (!set_calls(&c, set, d))
		return false;
	for (unsigned nr = 0; nr < SYS_ROWS; nr++)
		call[nr] = c.call[nr] && sys_row_find(nr);
	return true;
}

const char *sys_names_get(uint64_t nr, unsigned *nargs)
{
	const struct sys_row *r = sys_row_find(nr);

	*nargs = r ? r->nargs : 0;
	return r ? r->name : NULL;
}

/* ---- other sets ---------------------------------------------------------------------------- */

static int find_signal(const char *s, size_t len)
{
	if (len > 3 && !strncasecmp(s, "SIG", 3)) {
		s += 3;
		len -= 3;
	}
	for (int sig = 1; sig <= 64; sig++)
		if (strlen(strace_signal_name(sig) + 3) == len
		    && !strncasecmp(strace_signal_name(sig) + 3, s, len))
			return sig;
	return 0;
}

static bool set_signals(struct strace_conf *c, const char *s, struct diag *d)
{
	bool invert = *s == '!';
	uint64_t set = 0;

	for (s += invert; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");
		int sig = find_signal(s, len);

		if (is_word(s, len, "all"))
			set = UINT64_MAX;
		else if (sig)
			set |= UINT64_C(1) << (sig - 1);
		else if (!is_word(s, len, "none"))
			return wrong(d, "there is no signal", s, len);
		s += len;
	}
	c->signals = invert ? ~set : set;
	return true;
}

static bool set_status(struct strace_conf *c, const char *s, struct diag *d)
{
	bool invert = *s == '!';

	c->succeeded = c->failed = c->unfinished = invert;
	for (s += invert; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");

		if (is_word(s, len, "successful"))
			c->succeeded = !invert;
		else if (is_word(s, len, "failed"))
			c->failed = !invert;
		else if (is_word(s, len, "unfinished"))
			c->unfinished = !invert;
		else if (is_word(s, len, "all"))
			c->succeeded = c->failed = c->unfinished = !invert;
		else if (!is_word(s, len, "none"))
			return wrong(d, "there is no status", s, len);
		s += len;
	}
	return true;
}

static bool set_expression(struct strace_conf *c, const char *s, struct diag *d)
{
	size_t len = strcspn(s, "=");

	if (!s[len])
		return set_calls(c, s, d);
	if (is_word(s, len, "trace") || is_word(s, len, "t"))
		return set_calls(c, s + len + 1, d);
	if (is_word(s, len, "signal") || is_word(s, len, "signals"))
		return set_signals(c, s + len + 1, d);
	if (is_word(s, len, "status"))
		return set_status(c, s + len + 1, d);
	return wrong(d, "no such expression", s, strlen(s));
}

/* ---- options ------------------------------------------------------------------------------- */

static bool set_letter(struct strace_conf *c, char letter)
{
	switch (letter) {
	case 'f':
		return true; /* it is so */
	case 'q':
		c->quiet++;
		return true;
	case 'c':
		c->counts = true;
		c->lines = false;
		return true;
	case 'C':
		c->counts = true;
		return true;
	case 'r':
		return c->relative = true;
	case 't':
		c->clock += c->clock < STRACE_EPOCH;
		return true;
	case 'T':
		return c->took = true;
	case 'w':
		return true; /* it is so */
	case 'A':
		return c->appends = true;
	case 'n':
		return c->numbers = true;
	case 'v':
		return c->verbose = true;
	case 'x':
		c->hex++;
		return true;
	case 'i':
		return c->at_pc = true;
	case 'y':
		return c->paths = true;
	case 'z':
		c->failed = c->unfinished = false;
		return true;
	case 'Z':
		c->succeeded = c->unfinished = false;
		return true;
	default:
		return false;
	}
}

static bool set_sort(struct strace_conf *c, const char *s, struct diag *d)
{
	static const struct {
		const char *name;
		enum strace_sort sort;
	} rows[] = {
		{ "time", STRACE_BY_TIME },     { "calls", STRACE_BY_CALLS },
		{ "errors", STRACE_BY_ERRORS }, { "name", STRACE_BY_NAME },
		{ "nothing", STRACE_UNSORTED },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(s, rows[i].name) != 0)
			continue;
		c->sort = rows[i].sort;
		return true;
	}
	return wrong(d, "there is no order", s, strlen(s));
}

/* The path as calls may have it, and as descriptors lead to it. */
static bool add_path(struct strace_conf *c, const char *path, struct diag *d)
{
	const char *real = realpath(path, NULL);

	if (c->only_count + 2 > STRACE_PATHS_MOST)
		return wrong(d, "one path too many is", path, strlen(path));
	c->only[c->only_count++] = path;
	if (real && strcmp(real, path) != 0)
		c->only[c->only_count++] = real;
	return true;
}

static bool set_value(struct strace_conf *c, char letter, char *value, struct diag *d)
{
	unsigned long number;
	char *end;

	if (letter == 'e')
		return set_expression(c, value, d);
	if (letter == 'o') {
		c->file = value;
		return true;
	}
	if (letter == 'S')
		return set_sort(c, value, d);
	if (letter == 'P')
		return add_path(c, value, d);
	number = strtoul(value, &end, 0);
	if (!*value || *end || (letter == 'a' && number > COLUMN_MOST))
		return wrong(d, "no size", value, strlen(value));
	if (letter == 's')
		c->show_bytes = number;
	else
		c->column = (unsigned)number;
	return true;
}

/* A word that begins with a dash, and *next where its value may be. */
static bool set_options(struct strace_conf *c, char *word, char **next, struct diag *d)
{
	for (char *s = word + 1; *s; s++) {
		if (strchr("eosaPS", *s)) {
			char *value = s[1] ? s + 1 : strsep(next, " ");

			if (!value)
				return diag_fail(d, KIT_EXIT_INTERNAL, "strace's -%c needs a value",
						 *s);
			return set_value(c, *s, value, d);
		}
		if (!set_letter(c, *s))
			return wrong(d, "no option of strace's that kitemu has is", word,
				     strlen(word));
		c->by_thread |= s[0] == 'f' && s[1] == 'f';
	}
	return true;
}

bool strace_configure(const char *options, struct diag *d)
{
	/* Words stay: the file's name is one. */
	char *text = strdup(options), *next = text, *word;
	struct strace_conf *c = &strace_conf;

	KIT_CHECK(text, "out of memory");
	*c = (struct strace_conf){ .unknown = true,
				   .signals = UINT64_MAX,
				   .show_bytes = SHOW_BYTES,
				   .column = COLUMN,
				   .lines = true,
				   .succeeded = true,
				   .failed = true,
				   .unfinished = true };
	memset(c->call, true, sizeof c->call);
	while ((word = strsep(&next, " ")))
		if (*word
		    && !(*word == '-' ? set_options(c, word, &next, d)
				      : set_expression(c, word, d)))
			return false;
	return true;
}
