/* What the old synthetic benchmark mixes: records copied as a whole, strings compared and copied, short
 * calls with pointers to locals, enumerations, an array of arrays. */
#include "tests/bench/bench.h"
#include <stdbool.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum kind { ONE, TWO, THREE, FOUR, FIVE };

struct record {
	struct record *other;
	enum kind kind;
	int number;
	enum kind second;
	char text[32];
};

static struct record first, next;
static int global_int, array[50], square[50][50];
static bool global_bool;
static char letter1, letter2;

NOINLINE static bool same_kind(enum kind k) { return k == THREE; }

NOINLINE static void choose(enum kind in, enum kind *out)
{
	*out = same_kind(in) ? in : FOUR;
	switch (in) {
	case ONE:
		*out = ONE;
		break;
	case TWO:
		*out = global_int > 100 ? ONE : FOUR;
		break;
	case THREE:
		*out = TWO;
		break;
	case FOUR:
		break;
	case FIVE:
		*out = THREE;
		break;
	}
}

NOINLINE static void add_two(int a, int b, int *out) { *out = a + 2 + b; }

NOINLINE static void adjust(struct record *r)
{
	if (letter1 == 'A') {
		r->number = r->number + 9 - global_int;
		r->second ^= 1;
	}
}

NOINLINE static void copy_record(struct record *r)
{
	struct record *to = r->other;

	*to = *r;
	r->number = 5;
	to->number = r->number;
	to->other = r->other;
	adjust(to);
	if (to->kind == ONE) {
		to->number = 6;
		choose(r->second, &to->second);
		to->other = first.other;
		add_two(to->number, 10, &to->number);
	} else {
		*r = *to;
	}
}

NOINLINE static void fill(int x[50], int y[50][50], int at, int value)
{
	int loc = at + 5;

	x[loc] = value;
	x[loc + 1] = x[loc];
	x[loc + 30] = loc;
	for (int i = loc; i <= loc + 1; i++)
		y[loc][i] = loc;
	y[loc][loc - 1]++;
	y[loc + 20][loc] = x[loc];
	global_int = 5;
}

NOINLINE static enum kind letters(char a, char b)
{
	char c = a;

	if (c != b)
		return ONE;
	letter1 = c;
	return TWO;
}

NOINLINE static bool texts(const char *a, const char *b)
{
	int at = 2;
	char c = 'A';

	while (at <= 2)
		if (letters(a[at], b[at + 1]) == ONE) {
			c = 'A';
			at++;
		}
	if (c == 'R')
		return true;
	if (strcmp(a, b) <= 0)
		return false;
	global_int = at + 7;
	return true;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	char text1[32], text2[32];
	uint64_t sum = 0;

	first = (struct record){ &next, ONE, 40, THREE, "SOME STRING OF THIRTY LETTERS!" };
	strcpy(text1, "THE FIRST STRING OF THIRTY ONE!");
	for (long i = 0; i < rounds * 1000; i++) {
		int a = 2, b = 3, c = 0;
		enum kind k = TWO;

		letter1 = 'A';
		letter2 = 'B';
		strcpy(text2, i & 1 ? "THE SECOND STRING OF THIRTY ON!"
				    : "THE ALMOST STRING OF THIRTY ON!");
		global_bool = !texts(text1, text2);
		while (a < b) {
			c = 5 * a - b;
			add_two(a, b, &c);
			a++;
		}
		fill(array, square, a, c);
		copy_record(&first);
		for (char ch = 'A'; ch <= letter2; ch++)
			if (k == letters(ch, 'C'))
				choose(ONE, &k);
		b = b * a;
		a = b / (c | 1);
		b = 7 * (b - c) - a;
		sum += (uint64_t)(a + b + c) + (uint64_t)global_bool + (uint64_t)next.number
		       + (uint64_t)k;
	}
	return bench_done(bench_mix(sum, (uint64_t)square[8][7] + (uint64_t)next.second));
}
