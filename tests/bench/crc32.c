/* CRC-32 by a byte table: one chain of dependent loads, shifts and xors. */
#include "tests/bench/bench.h"

static uint32_t table[256];
static unsigned char data[1 << 16];

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
		table[i] = c;
	}
}

static uint32_t crc(uint32_t c, const unsigned char *p, size_t n)
{
	c = ~c;
	while (n--)
		c = table[(c ^ *p++) & 0xff] ^ c >> 8;
	return ~c;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint32_t c = 0;

	make_table();
	bench_fill(data, sizeof(data), 1);
	while (rounds--)
		c = crc(c, data, sizeof(data));
	return bench_done(c);
}
