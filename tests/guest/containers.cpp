// The standard containers and algorithms, templates, lambdas, virtual calls, run-time types, iostreams.
#include <algorithm>
#include <array>
#include <bitset>
#include <complex>
#include <cstdint>
#include <deque>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

using namespace std;

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
	virtual string name() const { return "shape"; }
};
struct Circle : Shape {
	double r;
	explicit Circle(double x) : r(x) {}
	double area() const override { return 3 * r * r; }
	string name() const override { return "circle"; }
};
struct Square : Shape {
	double s;
	explicit Square(double x) : s(x) {}
	double area() const override { return s * s; }
};
struct Named {
	virtual ~Named() = default;
	string tag = "tag";
	virtual string show() { return tag; }
};
struct Fancy final : Square, Named {
	using Square::Square;
	string show() override { return "fancy " + tag; }
	string name() const override { return "fancy"; }
};

static void shapes()
{
	vector<unique_ptr<Shape>> v;
	double total = 0;

	for (int i = 0; i < 300; i++) {
		switch (i % 3) {
		case 0: v.push_back(make_unique<Circle>(i)); break;
		case 1: v.push_back(make_unique<Square>(i)); break;
		default: v.push_back(make_unique<Fancy>(i)); break;
		}
	}
	map<string, int> names;
	for (auto &s : v) {
		total += s->area();
		names[s->name()]++;
		if (auto *n = dynamic_cast<Named *>(s.get()))
			n->tag += "!";
	}
	cout << total << ' ' << names["circle"] << ' ' << names["shape"] << ' ' << names["fancy"] << ' '
	     << dynamic_cast<Named &>(*v[2]).show() << ' ' << (typeid(*v[0]) == typeid(Circle)) << '\n';
	double (Shape::*pm)() const = &Shape::area;
	cout << (v[4].get()->*pm)() << '\n';
}

static void maps()
{
	mt19937_64 gen(12345);
	map<uint64_t, string> m;
	unordered_map<string, uint64_t> u;
	set<int> s;
	multimap<int, int> mm;
	uint64_t h = 0;

	for (int i = 0; i < 4000; i++) {
		uint64_t k = gen() % 50000;

		m[k] = to_string(k * 3);
		u[to_string(k)] += k;
		s.insert((int)(k % 1000));
		mm.emplace((int)(k % 10), i);
		if (k % 7 == 0)
			m.erase(gen() % 50000);
	}
	for (auto &[k, t] : m)
		h = h * 31 + k + t.size();
	uint64_t x = 0;
	for (auto &e : u)
		x ^= e.second * 2654435761u;
	cout << m.size() << ' ' << h << ' ' << u.size() << ' ' << x << ' ' << s.size() << ' ' << mm.count(3) << ' '
	     << m.lower_bound(25000)->first << '\n';
}

static void algorithms()
{
	vector<int> v(10000);
	mt19937 gen(7);
	deque<int> d;
	list<int> l;

	for (auto &e : v)
		e = (int)(gen() % 100000);
	auto w = v;
	stable_sort(w.begin(), w.end(), [](int a, int b) { return a % 100 < b % 100; });
	sort(v.begin(), v.end(), greater<>());
	nth_element(w.begin(), w.begin() + 5000, w.end());
	cout << v.front() << ' ' << v.back() << ' ' << w[5000] << ' ' << accumulate(v.begin(), v.end(), 0L) << ' '
	     << count_if(v.begin(), v.end(), [](int e) { return e % 2; }) << ' ' << is_sorted(v.rbegin(), v.rend()) << '\n';
	for (int i = 0; i < 1000; i++) {
		d.push_front(i);
		d.push_back(-i);
		l.push_back((i * 37) % 1001);
	}
	l.sort();
	l.unique();
	l.remove_if([](int e) { return e > 500; });
	priority_queue<int> q(d.begin(), d.end());
	cout << d[500] << ' ' << l.size() << ' ' << l.back() << ' ' << q.top() << '\n';
	vector<string> words { "delta", "alpha", "charlie", "bravo" };
	do
		words[0] += "";
	while (next_permutation(words.begin(), words.end()));
	cout << words[0] << words[3] << '\n';
}

template <typename... T> static auto sum(T... t) { return (t + ... + 0); }

template <int N> struct Fib {
	static constexpr long value = Fib<N - 1>::value + Fib<N - 2>::value;
};
template <> struct Fib<1> {
	static constexpr long value = 1;
};
template <> struct Fib<0> {
	static constexpr long value = 0;
};

static void modern()
{
	function<long(int)> fact = [&](int n) -> long { return n < 2 ? 1 : n * fact(n - 1); };
	variant<int, string, double> v = 5;
	optional<string> o;
	auto [a, b] = pair(1, 2.5);
	tuple t(1, 'x', string("y"));
	shared_ptr<int> p = make_shared<int>(4), q = p;
	weak_ptr<int> w = p;

	cout << fact(20) << ' ' << sum(1, 2.5, 3L) << ' ' << Fib<50>::value << ' ' << a + b << ' ' << get<2>(t) << ' ' << p.use_count();
	p.reset();
	q.reset();
	cout << ' ' << w.expired() << ' ' << o.value_or("none");
	v = "text"s;
	cout << ' ' << visit([](auto &x) -> size_t { return sizeof x; }, v) << ' ' << bitset<10>(341) << ' ' << complex(1.5, -2.0) * complex(0.0, 1.0) << '\n';
}

static void streams()
{
	ostringstream out;
	istringstream in("12 0x1f 3.75 word\nrest of the line");
	int i;
	string s, line;
	double d;

	out << hex << showbase << 255 << ' ' << dec << setw(8) << setfill('*') << -42 << ' ' << fixed << setprecision(3) << 3.14159 << ' '
	    << scientific << 12345.678 << ' ' << boolalpha << true << ' ' << left << setw(6) << "ab" << '|';
	cout << out.str() << '\n';
	in >> i >> s >> d >> line;
	cout << i << s << d << line;
	getline(in, line);
	getline(in, line);
	cout << line << ' ' << in.eof() << '\n';
	smatch m;
	string text = "key = value; other=thing";
	regex re("(\\w+)\\s*=\\s*(\\w+)");
	for (auto it = sregex_iterator(text.begin(), text.end(), re); it != sregex_iterator(); ++it)
		cout << (*it)[1] << "->" << (*it)[2] << ' ';
	cout << regex_replace(text, re, "$2") << '\n';
}

int main()
{
	shapes();
	maps();
	algorithms();
	modern();
	streams();
}
