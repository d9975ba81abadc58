"""Makes the program that measures translation: much code, of the kinds that compilers make, each piece run once.

It is C, so that a native build tells what the work itself costs. All paths but early returns are
taken, so nearly every instruction of these functions is executed, and executed once.
"""
import random

FUNCTIONS = 2200
STATEMENTS = 30

HEAD = """\
/* Made by scripts/benchlib/once.py. */
#include <stdint.h>
#include <stdio.h>

struct state {
	uint64_t word[64];
	uint32_t half[64];
	int16_t small[64];
	unsigned char byte[64];
	double real[64];
	struct state *next;
};

static struct state first, second;

#define ONCE __attribute__((noinline)) static uint64_t
"""

TAIL = """
int main(void)
{
	struct state *s = &first;
	uint64_t sum = 0;

	first.next = &second;
	second.next = &first;
	for (int i = 0; i < 64; i++) {
		first.word[i] = second.word[i] = (uint64_t)i * 0x9e3779b97f4a7c15 + 1;
		first.half[i] = second.half[i] = (uint32_t)i * 40503;
		first.small[i] = second.small[i] = (int16_t)(i * 77 - 2000);
		first.byte[i] = second.byte[i] = (unsigned char)(i * 5);
		first.real[i] = second.real[i] = i + 0.5;
	}
%s
	for (int i = 0; i < 64; i++)
		sum = sum * 3 + first.word[i] + second.half[i] + (uint64_t)first.small[i] + second.byte[i];
	printf("%%016llx\\n", (unsigned long long)sum);
	return 0;
}
"""


def statement(r, has_double):
    """A C statement over the locals a, b, c, d (words), w (32 bits), x (double) and the state s."""
    v, (u, t) = r.choice("abcd"), r.sample("abcd", 2)
    i, j, k = (r.randrange(64) for _ in range(3))
    kind = r.choices(("alu", "w", "load", "store", "narrow", "exit", "mul", "double", "select", "big"),
                     (22, 8, 16, 12, 10, 24, 3, 5 if has_double else 0, 4, 3))[0]
    if kind == "alu":
        return r.choice((f"{v} = {u} + {t};", f"{v} ^= {u} >> {1 + k % 62};", f"{v} = ({u} << {1 + k % 31}) - {t};",
                         f"{v} += {u} & {r.randrange(1, 2047)};", f"{v} = {u} | {t};", f"{v} = {t} < {u};" if k < 8 else
                         f"{v} -= {r.randrange(1, 2047)};"))
    if kind == "w":
        return r.choice((f"w += (uint32_t){v};", f"w = (w << {1 + k % 30}) ^ (uint32_t){u};", f"{v} += w;",
                         f"{v} = (uint64_t)(int32_t)(w - (uint32_t){u});"))
    if kind == "load":
        return r.choice((f"{v} += s->word[{i}];", f"{v} ^= s->word[{u} & 63];", f"{v} += s->next->word[{i}];",
                         f"w ^= s->half[{j}];"))
    if kind == "store":
        return r.choice((f"s->word[{i}] = {v};", f"s->half[{i}] += (uint32_t){v};", f"s->word[{i}] += {u};"))
    if kind == "narrow":
        return r.choice((f"{v} += (uint64_t)(int64_t)s->small[{i}];", f"s->byte[{j}] ^= (unsigned char){u};",
                         f"{v} ^= s->byte[{t} & 63];", f"s->small[{k}] = (int16_t)({u} + {i});"))
    if kind == "exit":  # a value that no 64-bit mixture will hit
        return r.choice((f"if ({v} == {r.getrandbits(63):#x})", f"if ({v} == {t} + {r.getrandbits(40):#x})",
                         f"if (s->word[{i}] == {r.getrandbits(40):#x})")) + f"\n\t\treturn {u};"
    if kind == "mul":
        return r.choice((f"{v} *= {u} | 1;", f"{v} = {u} * {r.randrange(3, 1000)};"))
    if kind == "double":
        return r.choice((f"x += s->real[{i}];", "x *= 0.5;", f"s->real[{j}] = x;",
                         f"{v} += (uint64_t)(x > s->real[{k}]);"))
    if kind == "select":
        return f"{v} = {u} > {t} ? {u} : {t};"
    return f"{v} ^= {r.getrandbits(64):#x};"


def function(r, number):
    """A function calls one of those before it, which nobody else calls, so that it too runs once."""
    has_double = r.random() < 0.3
    lines = [f"\nONCE f{number}(struct state *s, uint64_t a, uint64_t b)", "{", "\tuint64_t c = s->word[0], d = a ^ b;",
             "\tuint32_t w = (uint32_t)b;"]
    if has_double:
        lines.append("\tdouble x = s->real[1];")
    lines.append("")
    count = r.randrange(STATEMENTS // 2, STATEMENTS * 3 // 2)
    callee_at = count // 2 if number % 2 else -1
    for n in range(count):
        if n == callee_at:
            lines.append(f"\tc += f{number - 1}(s->next, a, d);")
        lines.append("\t" + statement(r, has_double))
    if has_double:
        lines.append("\ts->real[2] = x;")
    lines += ["\treturn a + b + c + d + w;", "}"]
    return "\n".join(lines)


def source(seed=1, functions=FUNCTIONS):
    r = random.Random(seed)
    text = [function(r, n) for n in range(functions)]
    # The even ones are called by the odd ones that follow them.
    calls = [f"\tsum += f{n}(s, sum, {n});" for n in range(1, functions, 2)]
    return HEAD + "\n".join(text) + TAIL % "\n".join(calls)
