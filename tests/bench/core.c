/*
 * Three small works as embedded benchmarks combine them: a list that is searched and sorted by two keys
 * through a comparison function, matrices of 16-bit numbers, and a state machine over numbers in text.
 * Each result runs through a CRC bit by bit.
 */
#include "tests/bench/bench.h"
#include <stdbool.h>

#define ITEMS 60
#define DIM   18
#define TEXT  700

struct item {
	struct item *next;
	int16_t value, index;
};

enum state { START, SIGN, INT, POINT, FRACTION, EXP, EXP_SIGN, EXP_DIGITS, BAD, STATES };

static struct item items[ITEMS];
static int16_t a[DIM][DIM], b[DIM][DIM];
static int32_t c[DIM][DIM];
static unsigned char text[TEXT];

static uint16_t crc_bit(uint16_t crc, uint32_t data, int bits)
{
	for (int i = 0; i < bits; i++, data >>= 1) {
		bool carry = (crc ^ data) & 1;

		crc >>= 1;
		if (carry)
			crc ^= 0xa001;
	}
	return crc;
}

static int by_value(const struct item *x, const struct item *y) { return x->value - y->value; }

static int by_index(const struct item *x, const struct item *y) { return x->index - y->index; }

static struct item *sort(struct item *list,
			 int (*compare)(const struct item *, const struct item *))
{
	struct item *done = NULL;

	while (list) {
		struct item *it = list, **at = &done;

		list = list->next;
		while (*at && compare(*at, it) < 0)
			at = &(*at)->next;
		it->next = *at;
		*at = it;
	}
	return done;
}

static struct item *find(struct item *list, int value)
{
	while (list && list->value != value)
		list = list->next;
	return list;
}

static uint16_t lists(uint16_t crc, int seed)
{
	struct item *list = NULL;

	for (int i = 0; i < ITEMS; i++) {
		items[i].value = (int16_t)((i * 37 + seed) % 101);
		items[i].index = (int16_t)(i * 7 % ITEMS);
		items[i].next = list;
		list = &items[i];
	}
	for (int i = 0; i < 20; i++) {
		struct item *it = find(list, (i * 5 + seed) % 101);

		crc = crc_bit(crc, it ? (uint32_t)it->index : 0xff, 8);
	}
	list = sort(list, by_value);
	crc = crc_bit(crc, (uint32_t)list->value, 16);
	list = sort(list, by_index);
	for (struct item *it = list; it; it = it->next)
		crc = crc_bit(crc, (uint32_t)it->value, 8);
	return crc;
}

static uint16_t matrices(uint16_t crc, int seed)
{
	int32_t sum = 0;

	for (int i = 0; i < DIM; i++)
		for (int j = 0; j < DIM; j++) {
			a[i][j] = (int16_t)(i * seed + j);
			b[i][j] = (int16_t)(j * seed - i);
		}
	for (int i = 0; i < DIM; i++)
		for (int j = 0; j < DIM; j++) {
			int32_t s = 0;

			for (int k = 0; k < DIM; k++)
				s += (a[i][k] * b[k][j] & 0xffff) * ((a[i][k] >> 5 & 0x7f) + 1);
			c[i][j] = s;
			sum += s > 4000 ? 10 : s & 7;
		}
	return crc_bit(crc, (uint32_t)sum ^ (uint32_t)c[3][5], 32);
}

static bool is_digit(unsigned char ch) { return ch >= '0' && ch <= '9'; }

static enum state step(enum state s, unsigned char ch)
{
	switch (s) {
	case START:
		return is_digit(ch) ? INT : ch == '-' || ch == '+' ? SIGN : ch == '.' ? POINT : BAD;
	case SIGN:
		return is_digit(ch) ? INT : ch == '.' ? POINT : BAD;
	case INT:
		return is_digit(ch) ? INT : ch == '.' ? FRACTION : ch == 'e' ? EXP : BAD;
	case POINT:
		return is_digit(ch) ? FRACTION : BAD;
	case FRACTION:
		return is_digit(ch) ? FRACTION : ch == 'e' ? EXP : BAD;
	case EXP:
		return is_digit(ch) ? EXP_DIGITS : ch == '-' || ch == '+' ? EXP_SIGN : BAD;
	case EXP_SIGN:
	case EXP_DIGITS:
		return is_digit(ch) ? EXP_DIGITS : BAD;
	default:
		return BAD;
	}
}

static uint16_t states(uint16_t crc)
{
	uint32_t ends[STATES] = { 0 }, steps[STATES] = { 0 };
	enum state s = START;

	for (int i = 0; i < TEXT; i++) {
		if (text[i] == ',') {
			ends[s]++;
			s = START;
			continue;
		}
		s = step(s, text[i]);
		steps[s]++;
	}
	for (int i = 0; i < STATES; i++)
		crc = crc_bit(crc_bit(crc, ends[i], 16), steps[i], 16);
	return crc;
}

int main(int argc, char **argv)
{
	static const char *const numbers[] = { "5012",     "-874",     "+122",     "35.54400",
					       ".1234500", "-110.700", "5.500e+3", "-.123e-2",
					       "T0.3e-1F", "1e+",      "-0.e",     "7x" };
	long rounds = bench_rounds(argc, argv);
	uint16_t crc = 0xffff;
	uint64_t state = 9;

	for (size_t at = 0; at < TEXT;) {
		const char *p = numbers[bench_random(&state) % 12];

		while (*p && at < TEXT)
			text[at++] = (unsigned char)*p++;
		if (at < TEXT)
			text[at++] = ',';
	}
	for (long i = 0; i < rounds; i++) {
		crc = lists(crc, (int)(i % 97));
		crc = matrices(crc, (int)(i % 31));
		crc = states(crc);
		text[i % TEXT] = (unsigned char)(text[i % TEXT] == ',' ? ',' : '0' + crc % 10);
	}
	return bench_done(crc);
}
