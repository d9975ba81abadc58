/* A recursive-descent parser for JSON text that builds a tree in an arena and adds it up: byte
 * classification, calls, small allocations. */
#include "tests/bench/bench.h"
#include <string.h>

#define TEXT  (1 << 16)
#define ARENA (1 << 21)

enum type { NUL, BOOL, NUMBER, STRING, ARRAY, OBJECT };

struct value {
	enum type type;
	int64_t number; /* or a string's hash */
	struct value *child, *next;
};

static char text[TEXT];
static size_t text_len;
static unsigned char arena[ARENA];
static size_t arena_used;
static const char *at;

/* --- making the text --- */

static void put(const char *s)
{
	size_t n = strlen(s);

	memcpy(text + text_len, s, n + 1);
	text_len += n;
}

static void make_value(uint64_t *state, int depth)
{
	uint64_t r = bench_random(state) >> 20;
	int n = 2 + (int)((r >> 8) % 5);
	char buf[32];

	if (depth > 0 && text_len < TEXT - 8192) {
		put(r & 1 ? "{" : "[\n  ");
		for (int i = 0; i < n; i++) {
			put(i ? ", " : "");
			if (r & 1) {
				snprintf(buf, sizeof(buf), "\"key%" PRIu64 "\": ", r >> 16 & 1023);
				put(buf);
			}
			make_value(state, depth - 1);
		}
		put(r & 1 ? "}" : "\n]");
	} else if ((r & 7) < 4) {
		snprintf(buf, sizeof(buf), "%s%" PRIu64, r & 8 ? "-" : "", r >> 24 & 0xffffff);
		put(buf);
	} else {
		put((r & 7) == 4   ? "true"
		    : (r & 7) == 5 ? "null"
				   : "\"some \\\"quoted\\\" string\\n\"");
	}
}

/* --- reading it --- */

static struct value *new_value(enum type type)
{
	struct value *v = (struct value *)(arena + arena_used);

	arena_used += sizeof(*v);
	if (arena_used > ARENA) {
		puts("json: the arena is too small");
		exit(1);
	}
	*v = (struct value){ .type = type };
	return v;
}

static void space(void)
{
	while (*at == ' ' || *at == '\n' || *at == '\t')
		at++;
}

static int64_t string(void)
{
	uint64_t h = 14695981039346656037u;

	for (at++; *at != '"'; at++) {
		unsigned char ch = (unsigned char)*at;

		if (ch == '\\') {
			ch = (unsigned char)*++at;
			ch = ch == 'n' ? '\n' : ch;
		}
		h = (h ^ ch) * 1099511628211u;
	}
	at++;
	return (int64_t)h;
}

static int64_t number(void)
{
	int64_t v = 0;
	int negative = *at == '-';

	for (at += negative; *at >= '0' && *at <= '9'; at++)
		v = v * 10 + (*at - '0');
	return negative ? -v : v;
}

static struct value *parse(void)
{
	struct value *v, **tail;
	char end;

	space();
	switch (*at) {
	case 't':
		at += 4;
		return new_value(BOOL);
	case 'n':
		at += 4;
		return new_value(NUL);
	case '"':
		v = new_value(STRING), v->number = string();
		return v;
	case '{':
		v = new_value(OBJECT), end = '}';
		break;
	case '[':
		v = new_value(ARRAY), end = ']';
		break;
	default:
		v = new_value(NUMBER), v->number = number();
		return v;
	}
	tail = &v->child;
	do {
		int64_t key = 0;

		at++;
		space();
		if (end == '}') {
			key = string();
			space();
			at++;
		}
		*tail = parse();
		(*tail)->number ^= key;
		tail = &(*tail)->next;
		space();
	} while (*at != end);
	at++;
	return v;
}

static uint64_t add_up(const struct value *v, uint64_t sum)
{
	for (; v; v = v->next)
		sum = add_up(v->child, bench_mix(sum, (uint64_t)v->number + v->type));
	return sum;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 15, sum = 0;

	put("[");
	while (text_len < TEXT - 16384) {
		make_value(&state, 6);
		put(",");
	}
	put("0]");
	while (rounds--) {
		arena_used = 0;
		at = text;
		sum = add_up(parse(), sum);
	}
	return bench_done(sum);
}
