// Virtual calls over a scene of shapes of several classes, some through two levels of inheritance.
#include "tests/bench/bench.h"
#include <memory>
#include <vector>

namespace
{

class Shape
{
    public:
	virtual ~Shape() = default;
	virtual int64_t area() const = 0;
	virtual int64_t rim() const { return 1; }
	virtual void grow(int by) = 0;
};

class Box : public Shape
{
    public:
	Box(int w, int h) : w(w), h(h) {}
	int64_t area() const override { return static_cast<int64_t>(w) * h; }
	int64_t rim() const override { return 2 * (static_cast<int64_t>(w) + h); }
	void grow(int by) override { w = (w + by) & 1023; }

    protected:
	int w, h;
};

class Square : public Box
{
    public:
	explicit Square(int w) : Box(w, w) {}
	void grow(int by) override { w = h = (w + by) & 511; }
};

class Triangle : public Shape
{
    public:
	Triangle(int base, int height) : base(base), height(height) {}
	int64_t area() const override { return static_cast<int64_t>(base) * height / 2; }
	void grow(int by) override { height = (height ^ by) & 1023; }

    private:
	int base, height;
};

class Dot : public Shape
{
    public:
	int64_t area() const override { return 0; }
	void grow(int by) override { moved += by; }

    private:
	int moved = 0;
};

} // namespace

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 20, sum = 0;
	std::vector<std::unique_ptr<Shape>> scene;

	for (int i = 0; i < 500; i++) {
		uint64_t r = bench_random(&state);
		int a = static_cast<int>(r >> 8 & 255), b = static_cast<int>(r >> 16 & 255);

		switch (r >> 62) {
		case 0: scene.push_back(std::make_unique<Box>(a, b)); break;
		case 1: scene.push_back(std::make_unique<Square>(a)); break;
		case 2: scene.push_back(std::make_unique<Triangle>(a, b)); break;
		default: scene.push_back(std::make_unique<Dot>()); break;
		}
	}
	for (long r = 0; r < rounds * 10; r++)
		for (auto &shape : scene) {
			shape->grow(static_cast<int>(r & 63));
			sum += static_cast<uint64_t>(shape->area() + shape->rim());
		}
	return bench_done(sum);
}
