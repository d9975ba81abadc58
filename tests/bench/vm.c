/*
 * A bytecode interpreter: "vm switch" dispatches by a switch in a loop, "vm goto" by a computed goto at
 * the end of each operation. Indirect jumps, each with its own habits.
 *
 * The machine has eight registers and three-byte instructions. Its program counts the steps of Collatz
 * sequences.
 */
#include "tests/bench/bench.h"
#include <string.h>

enum { LOADI, MOV, ADD, SUB, ADDI, MUL3, HALF, ODD, JZ, JNZ, JMP, LT, XOR, SHL, HALT };

/* r0: n, r1: limit, r2: x, r3: steps, r4: scratch, r5: hash */
static const unsigned char program[] = {
	LOADI, 0, 1,  /* 0 */
	LOADI, 5, 7,  /* 1 */
	MOV,   2, 0,  /* 2 next n */
	LOADI, 3, 0,  /* 3 */
	MOV,   4, 2,  /* 4 step: leave when x is 1 */
	ADDI,  4, -1, /* 5 */
	JZ,    4, 13, /* 6 */
	ADDI,  3, 1,  /* 7 */
	ODD,   4, 2,  /* 8 */
	JZ,    4, 12, /* 9 */
	MUL3,  2, 1,  /* 10 */
	JMP,   0, 4,  /* 11 */
	HALF,  2, 0,  /* 12 */
	JZ,    2, 15, /* 13: x is never 0 */
	JMP,   0, 16, /* 14 */
	HALT,  0, 0,  /* 15 */
	MOV,   4, 2,  /* 16 was it the end, or a halving? */
	ADDI,  4, -1, /* 17 */
	JNZ,   4, 4,  /* 18 */
	XOR,   5, 3,  /* 19 yes: the sequence is done */
	SHL,   5, 1,  /* 20 */
	ADD,   5, 0,  /* 21 */
	ADDI,  0, 1,  /* 22 */
	LT,    4, 0,  /* 23 r4 = r0 < r1 */
	JNZ,   4, 2,  /* 24 */
	HALT,  0, 0,  /* 25 */
};

__attribute__((noinline)) static uint64_t run_switch(uint64_t r[8])
{
	const unsigned char *pc = program;

	for (;;) {
		unsigned a = pc[1], b = pc[2];
		unsigned char op = pc[0];

		pc += 3;
		switch (op) {
		case LOADI:
			r[a] = b;
			break;
		case MOV:
			r[a] = r[b];
			break;
		case ADD:
			r[a] += r[b];
			break;
		case SUB:
			r[a] -= r[b];
			break;
		case ADDI:
			r[a] += (uint64_t)(int64_t)(signed char)b;
			break;
		case MUL3:
			r[a] = 3 * r[a] + b;
			break;
		case HALF:
			r[a] >>= 1;
			break;
		case ODD:
			r[a] = r[b] & 1;
			break;
		case JZ:
			pc = r[a] ? pc : program + 3 * b;
			break;
		case JNZ:
			pc = r[a] ? program + 3 * b : pc;
			break;
		case JMP:
			pc = program + 3 * b;
			break;
		case LT:
			r[a] = r[b] < r[1];
			break;
		case XOR:
			r[a] ^= r[b];
			break;
		case SHL:
			r[a] = r[a] << b | r[a] >> (64 - b);
			break;
		default:
			return r[5];
		}
	}
}

__attribute__((noinline)) static uint64_t run_goto(uint64_t r[8])
{
	static const void *const code[] = { &&loadi, &&mov,  &&add, &&sub, &&addi,
					    &&mul3,  &&half, &&odd, &&jz,  &&jnz,
					    &&jmp,   &&lt,   &&xor, &&shl, &&halt };
	const unsigned char *pc = program;
	unsigned a, b;

#define NEXT                                                                                       \
	do {                                                                                       \
		const void *to = code[pc[0]];                                                      \
		a = pc[1], b = pc[2];                                                              \
		pc += 3;                                                                           \
		goto *to;                                                                          \
	} while (0)

	NEXT;
loadi:
	r[a] = b;
	NEXT;
mov:
	r[a] = r[b];
	NEXT;
add:
	r[a] += r[b];
	NEXT;
sub:
	r[a] -= r[b];
	NEXT;
addi:
	r[a] += (uint64_t)(int64_t)(signed char)b;
	NEXT;
mul3:
	r[a] = 3 * r[a] + b;
	NEXT;
half:
	r[a] >>= 1;
	NEXT;
odd:
	r[a] = r[b] & 1;
	NEXT;
jz:
	pc = r[a] ? pc : program + 3 * b;
	NEXT;
jnz:
	pc = r[a] ? program + 3 * b : pc;
	NEXT;
jmp:
	pc = program + 3 * b;
	NEXT;
lt:
	r[a] = r[b] < r[1];
	NEXT;
	xor : r[a] ^= r[b];
	NEXT;
shl:
	r[a] = r[a] << b | r[a] >> (64 - b);
	NEXT;
halt:
	return r[5];
}

int main(int argc, char **argv)
{
	uint64_t limit = (uint64_t)bench_rounds(argc, argv) * 100, r[8] = { 0, limit };

	return bench_done(argc > 2 && strcmp(argv[1], "goto") == 0 ? run_goto(r) : run_switch(r));
}
