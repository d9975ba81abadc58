/* guest: flags=-std=c++20 levels=O0,O2 */
/* C++ threads: async, futures, condition variables, shared locks, waiting on atomics, thread_local, exceptions. */
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> made, gone;

struct Counted {
	int value = 0;
	Counted() { made++; }
	~Counted() { gone++; }
};

static thread_local Counted counted;
static thread_local std::vector<int> own{ 1, 2, 3 };

static void tls()
{
	std::vector<std::thread> t;
	std::atomic<int> sum{ 0 };

	for (int i = 0; i < 8; i++)
		t.emplace_back([&, i] {
			counted.value += i;
			own.push_back(i);
			sum += counted.value + std::accumulate(own.begin(), own.end(), 0);
		});
	for (auto &x : t)
		x.join();
	std::printf("thread_local: %d, made %d, gone %d\n", sum.load(), made.load(), gone.load());
}

static int thrower(int i)
{
	std::string s = "thread " + std::to_string(i);
	if (i % 2)
		throw std::runtime_error(s);
	return i;
}

static void exceptions()
{
	std::vector<std::future<int>> f;
	int ok = 0, caught = 0;

	for (int i = 0; i < 12; i++)
		f.push_back(std::async(std::launch::async, [i] {
			int n = 0;
			for (int k = 0; k < 50; k++) {
				try {
					n += thrower(k);
				} catch (const std::exception &e) {
					n += (int)std::string(e.what()).size();
				}
			}
			return thrower(i) + n * 0;
		}));
	for (auto &x : f) {
		try {
			ok += x.get();
		} catch (const std::runtime_error &e) {
			caught += e.what()[7] - '0';
		}
	}
	std::printf("futures: %d, exceptions %d\n", ok, caught);

	std::promise<std::string> p;
	std::thread t([&] {
		try {
			throw std::out_of_range("passed on");
		} catch (...) {
			p.set_exception(std::current_exception());
		}
	});
	try {
		p.get_future().get();
	} catch (const std::out_of_range &e) {
		std::printf("%s\n", e.what());
	}
	t.join();
}

static void locks()
{
	std::shared_mutex m;
	std::map<int, int> map;
	std::vector<std::thread> t;
	std::atomic<int> found{ 0 };

	for (int i = 0; i < 4; i++)
		t.emplace_back([&, i] {
			for (int k = 0; k < 200; k++) {
				if (k % 4 == i) {
					std::unique_lock l(m);
					map[k]++;
				} else {
					std::shared_lock l(m);
					found += (int)map.count(k) * 0 + 1;
				}
			}
		});
	for (auto &x : t)
		x.join();
	std::printf("shared_mutex: %zu %d\n", map.size(), found.load());

	std::mutex mutex;
	std::condition_variable cv;
	int turn = 0;
	std::string order;
	t.clear();
	for (int i = 0; i < 4; i++)
		t.emplace_back([&, i] {
			for (int k = 0; k < 5; k++) {
				std::unique_lock l(mutex);
				cv.wait(l, [&] { return turn % 4 == i; });
				order += (char)('a' + i);
				turn++;
				cv.notify_all();
			}
		});
	for (auto &x : t)
		x.join();
	std::printf("turns: %s\n", order.c_str());
	std::unique_lock l(mutex);
	std::printf("wait_for: %d\n", (int)cv.wait_for(l, std::chrono::milliseconds(5), [] { return false; }));
}

static void waits()
{
	std::atomic<int> word{ 0 };
	std::latch done(3);
	std::barrier phase(3);
	std::counting_semaphore<4> sem(0);
	std::vector<std::jthread> t;
	std::atomic<int> sum{ 0 };

	for (int i = 0; i < 3; i++)
		t.emplace_back([&, i] {
			for (int k = 0; k < 50; k++) {
				word.wait(k);
				sum += i;
				phase.arrive_and_wait();
			}
			sem.release();
			done.count_down();
		});
	for (int k = 0; k < 50; k++) {
		int before = sum;
		word = k + 1;
		word.notify_all();
		while (sum < 3 * (k + 1))
			std::this_thread::yield();
		(void)before;
	}
	done.wait();
	sem.acquire(), sem.acquire(), sem.acquire();
	std::printf("wait and notify: %d\n", sum.load());

	std::jthread stopper([](std::stop_token st) {
		while (!st.stop_requested())
			std::this_thread::yield();
	});
	stopper.request_stop();
	stopper.join();

	std::once_flag once;
	std::atomic<int> n{ 0 }, tries{ 0 };
	t.clear();
	for (int i = 0; i < 4; i++)
		t.emplace_back([&] {
			try {
				std::call_once(once, [&] {
					if (tries++ == 0)
						throw 1;
					n++;
				});
			} catch (int) {
				n += 10;
			}
		});
	t.clear();
	std::printf("call_once: %d\n", n.load());
}

static void pointers()
{
	auto shared = std::make_shared<Counted>();
	std::atomic<std::shared_ptr<int>> slot{ std::make_shared<int>(0) };
	{
		std::vector<std::jthread> t;
		for (int i = 0; i < 4; i++)
			t.emplace_back([shared, &slot] {
				for (int k = 0; k < 300; k++) {
					auto copy = shared;
					auto old = slot.load();
					while (!slot.compare_exchange_weak(old, std::make_shared<int>(*old + 1)))
						continue;
				}
			});
	}
	std::printf("shared_ptr: %ld, %d\n", shared.use_count(), *slot.load());
}

int main()
{
	tls();
	exceptions();
	locks();
	waits();
	pointers();
	return 0;
}
