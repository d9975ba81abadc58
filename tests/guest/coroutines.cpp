// guest: flags=-std=c++20 levels=O0,O2
// C++20 coroutines: generators and a small scheduler, with exceptions through suspension points.
#include <coroutine>
#include <cstdio>
#include <deque>
#include <exception>
#include <stdexcept>
#include <utility>

struct Generator {
	struct promise_type {
		long value = 0;
		std::exception_ptr error;
		Generator get_return_object() { return Generator { std::coroutine_handle<promise_type>::from_promise(*this) }; }
		std::suspend_always initial_suspend() noexcept { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		std::suspend_always yield_value(long v)
		{
			value = v;
			return {};
		}
		void return_void() {}
		void unhandled_exception() { error = std::current_exception(); }
	};
	std::coroutine_handle<promise_type> h;
	explicit Generator(std::coroutine_handle<promise_type> x) : h(x) {}
	Generator(Generator &&g) : h(std::exchange(g.h, {})) {}
	~Generator()
	{
		if (h)
			h.destroy();
	}
	bool next()
	{
		h.resume();
		if (h.promise().error)
			std::rethrow_exception(h.promise().error);
		return !h.done();
	}
	long value() const { return h.promise().value; }
};

static Generator fibonacci(int n)
{
	long a = 0, b = 1;

	while (n--) {
		co_yield a;
		b = std::exchange(a, b) + b;
	}
}

static Generator squares(Generator source)
{
	while (source.next())
		co_yield source.value() * source.value();
}

static Generator fails(int after)
{
	for (int i = 0;; i++) {
		if (i == after)
			throw std::runtime_error("enough");
		co_yield i;
	}
}

int main()
{
	auto g = squares(fibonacci(20));
	long sum = 0;

	while (g.next())
		sum += g.value();
	printf("%ld\n", sum);
	try {
		auto f = fails(5);
		while (f.next())
			printf("%ld ", f.value());
	} catch (const std::exception &e) {
		printf("%s\n", e.what());
	}
	std::deque<Generator> ring;
	for (int i = 1; i <= 5; i++)
		ring.push_back(fibonacci(i * 3));
	int turns = 0;
	while (!ring.empty()) {
		Generator c = std::move(ring.front());
		ring.pop_front();
		turns++;
		if (c.next())
			ring.push_back(std::move(c));
	}
	printf("%d turns\n", turns);
}
