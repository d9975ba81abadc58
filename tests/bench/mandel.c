/* The Mandelbrot set: a chain of additions and products with a comparison each turn. */
#include "tests/bench/bench.h"

#define W 120
#define H 80

static int steps(double cr, double ci, int most)
{
	double zr = 0, zi = 0;
	int n = 0;

	while (n < most && zr * zr + zi * zi <= 4.0) {
		double t = zr * zr - zi * zi + cr;

		zi = 2 * zr * zi + ci;
		zr = t;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	for (long r = 0; r < rounds; r++)
		for (int y = 0; y < H; y++)
			for (int x = 0; x < W; x++)
				sum = sum * 31
				      + (uint64_t)steps(-2.0 + 3.0 * x / W, -1.0 + 2.0 * y / H,
							200 + (int)(r & 7));
	return bench_done(sum);
}
