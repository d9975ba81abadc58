/* The sun and four planets: square roots, divisions, structures of doubles. */
#include "tests/bench/bench.h"
#include <math.h>

#define BODIES 5

struct body {
	double x[3], v[3], mass;
};

static struct body body[BODIES] = {
	{ { 0, 0, 0 }, { 0, 0, 0 }, 39.478417604357432 },
	{ { 4.84143144246472090, -1.16032004402742839, -0.103622044471123109 },
	  { 0.606326392995832, 2.81198684491626, -0.02521836165988763 },
	  0.0376936749096199 },
	{ { 8.34336671824457987, 4.12479856412430479, -0.403523417114321381 },
	  { -1.01077434617879, 1.82566237123041, 0.00841576137658415 },
	  0.0112863261319688 },
	{ { 12.8943695621391310, -15.1111514016986312, -0.223307578892655734 },
	  { 1.08279100644154, 0.868713018169608, -0.0108326374013636 },
	  0.00172372405705971 },
	{ { 15.3796971148509165, -25.9193146099879641, 0.179258772950371181 },
	  { 0.979090732243898, 0.594698998647676, -0.0347559555040781 },
	  0.00203368686992463 },
};

static void advance(double dt)
{
	for (int i = 0; i < BODIES; i++)
		for (int j = i + 1; j < BODIES; j++) {
			double d[3], square = 0;

			for (int k = 0; k < 3; k++) {
				d[k] = body[i].x[k] - body[j].x[k];
				square += d[k] * d[k];
			}
			double pull = dt / (square * sqrt(square));
			for (int k = 0; k < 3; k++) {
				body[i].v[k] -= d[k] * body[j].mass * pull;
				body[j].v[k] += d[k] * body[i].mass * pull;
			}
		}
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			body[i].x[k] += dt * body[i].v[k];
}

static double energy(void)
{
	double e = 0;

	for (int i = 0; i < BODIES; i++) {
		double square = 0;

		for (int k = 0; k < 3; k++)
			square += body[i].v[k] * body[i].v[k];
		e += body[i].mass * square / 2;
		for (int j = i + 1; j < BODIES; j++) {
			square = 0;
			for (int k = 0; k < 3; k++) {
				double d = body[i].x[k] - body[j].x[k];

				square += d * d;
			}
			e -= body[i].mass * body[j].mass / sqrt(square);
		}
	}
	return e;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);

	for (long i = 0; i < rounds * 100; i++)
		advance(0.01);
	printf("%.9f\n", energy());
	return 0;
}
