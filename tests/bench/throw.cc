// Exceptions thrown through a few frames with destructors: the unwinder's tables, landing pads.
#include "tests/bench/bench.h"
#include <stdexcept>

namespace
{

uint64_t unwound;

struct Guard {
	~Guard() { unwound++; }
};

struct Odd : std::runtime_error {
	explicit Odd(uint64_t v) : std::runtime_error("odd"), value(v) {}
	uint64_t value;
};

__attribute__((noinline)) uint64_t deep(int depth, uint64_t v)
{
	Guard guard;

	if (depth > 0)
		return deep(depth - 1, v * 3 + 1) + 1;
	if (v & 1)
		throw Odd(v);
	if (v & 2)
		throw std::out_of_range("two");
	return v;
}

} // namespace

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 22, sum = 0;

	for (long r = 0; r < rounds * 100; r++) {
		try {
			sum += deep(4, bench_random(&state) >> 8);
		} catch (const Odd &odd) {
			sum ^= odd.value;
		} catch (const std::exception &) {
			sum += 7;
		}
	}
	return bench_done(bench_mix(sum, unwound));
}
