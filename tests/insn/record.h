/*
 * Cases as bytes: what a runner reads from its standard input and writes to its standard output.
 *
 * One input record is a whole machine state and some code; one output record is the state
 * in which it stopped. The same layout serves engines in a host process (insn_run.c) and a riscv64
 * program under any emulator or real hardware (peer.c), so results are compared byte by byte.
 *
 * A runner takes BATCH records at a time. Record k of a batch has its code at INSN_CODE + k *
 * INSN_SLOT; the rest of the slot, and a margin on both sides of the code, is filled with c.ebreak,
 * which ends a case. The memory window is the
 * last INSN_WINDOW bytes of the one page at INSN_PAGE; the pages before and behind are not mapped.
 */
#ifndef KIT_TESTS_INSN_RECORD_H
#define KIT_TESTS_INSN_RECORD_H

#include <stdint.h>

enum {
	INSN_PAGE = 0x20000000,
	INSN_PAGE_BYTES = 4096,
	INSN_WINDOW = 256,
	INSN_MEM = INSN_PAGE + INSN_PAGE_BYTES - INSN_WINDOW,
	INSN_CODE = 0x20100000,
	INSN_SLOT = 256,
	INSN_CODE_MAX = 192, /* bytes of code in a record */
	INSN_BATCH = 1024,
	INSN_MARGIN = 4096,
	INSN_C_EBREAK = 0x9002,
	/* All code: mapped, executable and writable. */
	INSN_TEXT = INSN_CODE - INSN_MARGIN,
	INSN_TEXT_BYTES = INSN_BATCH * INSN_SLOT + 2 * INSN_MARGIN,
};

struct insn_input {
	uint64_t x[32], f[32]; /* x[0] is not looked at */
	uint32_t fcsr;
	uint32_t code_bytes;
	uint8_t code[INSN_CODE_MAX];
	uint8_t mem[INSN_WINDOW];
};

/* Why a case stopped. */
enum insn_stop {
	INSN_STOP_BREAK = 1, /* ebreak: SIGTRAP */
	INSN_STOP_ILLEGAL,   /* SIGILL */
	INSN_STOP_SEGV,      /* fetch and access faults; fault_addr says where */
	INSN_STOP_BUS,       /* SIGBUS: misaligned atomics */
	INSN_STOP_SYSCALL,   /* ecall; engines in a process only */
	INSN_STOP_OTHER,
};

struct insn_output {
	uint64_t x[32], f[32];
	uint64_t pc;
	uint64_t fault_addr; /* 0 where there is none */
	uint32_t fcsr;
	uint32_t stop; /* enum insn_stop */
	uint8_t mem[INSN_WINDOW];
};

_Static_assert(sizeof(struct insn_input) == 968, "insn.py packs it");
_Static_assert(sizeof(struct insn_output) == 792, "insn.py unpacks it");

#endif
