// std::map and std::unordered_map with string keys, std::vector and std::sort with a lambda.
#include "tests/bench/bench.h"
#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 21, sum = 0;

	for (long r = 0; r < rounds; r++) {
		std::map<std::string, uint64_t> ordered;
		std::unordered_map<uint64_t, std::string> names;

		for (int i = 0; i < 2000; i++) {
			uint64_t n = bench_random(&state) >> 52;
			std::string key = "key " + std::to_string(n);

			ordered[key] += n;
			names.emplace(n, key);
		}
		for (auto &[key, value] : ordered)
			sum = bench_mix(sum, key.size() + value);
		std::vector<std::string> sorted;
		for (uint64_t n = 0; n < 4096; n++) { // hash order is the library's, so ask in ours
			auto it = names.find(n);

			if (it != names.end())
				sorted.push_back(it->second);
		}
		std::sort(sorted.begin(), sorted.end(),
			  [](const std::string &a, const std::string &b) { return a > b; });
		sum = bench_mix(sum, static_cast<unsigned char>(sorted[sorted.size() / 3].back()));
		while (!ordered.empty()) {
			ordered.erase(ordered.begin());
			if (!ordered.empty())
				ordered.erase(std::prev(ordered.end()));
		}
	}
	return bench_done(sum);
}
