// guest: status=3
// C++ exceptions: through frames with destructors, rethrown, nested, from callbacks, of class hierarchies, in loops.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

static int alive;

struct Guard {
	int id;
	explicit Guard(int i) : id(i) { alive++; }
	Guard(const Guard &g) : id(g.id) { alive++; }
	~Guard() { alive--; }
};

struct Base {
	virtual ~Base() = default;
	virtual const char *what() const { return "base"; }
};
struct Left : virtual Base {
	const char *what() const override { return "left"; }
};
struct Right : virtual Base {
	int x = 5;
};
struct Both : Left, Right {
	double d = 2.5;
	const char *what() const override { return "both"; }
};

__attribute__((noinline)) static int dive(int n, double keep)
{
	Guard g(n);
	double local = keep * 2;

	if (n == 0)
		throw std::runtime_error("bottom");
	try {
		return dive(n - 1, local) + (int)local;
	} catch (const std::logic_error &) {
		return -1;
	}
}

__attribute__((noinline)) static void thrower(int kind)
{
	switch (kind) {
	case 0: throw 42;
	case 1: throw "text";
	case 2: throw 2.5;
	case 3: throw Both();
	case 4: throw std::string("a string that is too long to be stored in place");
	case 5: throw std::out_of_range("range");
	case 6: std::vector<int>().at(3);
	case 7: throw new Left;
	case 8: (void)dynamic_cast<Left &>(*std::make_unique<Base>());
	default: throw std::bad_alloc();
	}
}

static const char *classify(int kind)
{
	static std::string s;

	try {
		thrower(kind);
	} catch (int i) {
		s = "int " + std::to_string(i);
	} catch (const char *t) {
		s = t;
	} catch (double) {
		s = "double";
	} catch (const Right &r) {
		s = std::string("right ") + r.what() + std::to_string(r.x);
	} catch (const std::string &t) {
		s = t.substr(0, 8);
	} catch (const std::logic_error &e) {
		s = std::string("logic ") + (dynamic_cast<const std::out_of_range *>(&e) ? "range" : "other");
	} catch (Base *b) {
		s = std::string("pointer ") + b->what();
		delete b;
	} catch (const std::bad_cast &) {
		s = "bad cast";
	} catch (...) {
		s = "something";
	}
	return s.c_str();
}

static int compare(const void *a, const void *b)
{
	if (*(const int *)a == 13 || *(const int *)b == 13)
		throw std::domain_error("unlucky");
	return *(const int *)a - *(const int *)b;
}

struct Member {
	Guard g;
	Member(int i) try : g(i) {
		if (i == 3)
			throw i;
	} catch (int n) {
		printf("constructor threw %d\n", n);
	}
};

static void nested(int n)
{
	try {
		if (n == 0)
			throw std::runtime_error("innermost");
		nested(n - 1);
	} catch (...) {
		std::throw_with_nested(std::runtime_error("level " + std::to_string(n)));
	}
}

static void print_nested(const std::exception &e)
{
	printf("%s; ", e.what());
	try {
		std::rethrow_if_nested(e);
	} catch (const std::exception &inner) {
		print_nested(inner);
	}
}

int main()
{
	try {
		dive(500, 1.5);
	} catch (const std::exception &e) {
		printf("caught %s, %d alive\n", e.what(), alive);
	}
	for (int i = 0; i < 10; i++)
		printf("%d: %s\n", i, classify(i));
	try {
		int v[] = { 5, 3, 13, 1 };
		qsort(v, 4, sizeof *v, compare); // through frames of C
	} catch (const std::domain_error &e) {
		printf("from qsort: %s\n", e.what());
	}
	try {
		Member m(3);
	} catch (int n) {
		printf("and again %d, %d alive\n", n, alive);
	}
	try {
		nested(3);
	} catch (const std::exception &e) {
		print_nested(e);
		puts("");
	}
	std::exception_ptr p;
	try {
		throw Guard(9);
	} catch (...) {
		p = std::current_exception();
	}
	printf("kept, %d alive\n", alive);
	try {
		std::rethrow_exception(p);
	} catch (const Guard &g) {
		printf("rethrown %d\n", g.id);
	}
	p = nullptr;
	printf("dropped, %d alive\n", alive);
	long sum = 0;
	for (int i = 0; i < 3000; i++) {
		try {
			Guard g(i);
			if (i % 3 == 0)
				throw i;
			sum += 1;
		} catch (int v) {
			sum += v;
		}
	}
	printf("%ld, %d alive\n", sum, alive);
	std::set_terminate([] {
		puts("terminate");
		fflush(stdout);
		_Exit(3);
	});
	[]() noexcept { throw 1; }();
}
