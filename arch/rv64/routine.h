/*
 * Routines of libc, libgcc and libm, recognised by their code (libc.def).
 *
 * A routine is the same wherever it is linked but for what the linker writes: distances to other functions and
 * to data, and whether a far call became a near one. So it is compared in a canonical form: each instruction
 * as it stands, but branches by the number of the instruction they go to, far calls as near ones, calls by what they
 * call (the canonical form of that, without what that calls in turn), data that is loaded from a known address by its
 * value where that lies with the code. What matches does what the row says, whoever linked it from whatever source.
 *
 * libgcc's bit counts look a byte's up in a table, whose address they load. That it is this table is looked at, too, when
 * they are recognised, and from then on as far as it lies with code, as Debian's linker places it.
 */
#ifndef KIT_ARCH_RV64_ROUTINE_H
#define KIT_ARCH_RV64_ROUTINE_H

#include "arch/rv64/decode.h"

/* The first column of libc.def. */
enum rv64_libc {
	RV64_LIBC_memcpy,
	RV64_LIBC_memcpy_blocks, /* which goes by more than 64 bytes a turn */
	RV64_LIBC_memmove,
	RV64_LIBC_memset,
	RV64_LIBC_memchr,
	RV64_LIBC_memrchr,
	RV64_LIBC_memcmp,
	RV64_LIBC_strlen,
	RV64_LIBC_strnlen,
	RV64_LIBC_strchr,
	RV64_LIBC_strchrnul,
	RV64_LIBC_strcmp,
	RV64_LIBC_strncmp,
	RV64_LIBC_stpcpy,
	/* libgcc's */
	RV64_LIBC_ctzdi2,
	RV64_LIBC_BITS = RV64_LIBC_ctzdi2,
	RV64_LIBC_clzdi2,
	RV64_LIBC_ffsdi2,
	RV64_LIBC_clrsbdi2,
	RV64_LIBC_popcountdi2,
	RV64_LIBC_paritydi2,
	RV64_LIBC_bswapsi2,
	RV64_LIBC_bswapdi2,
	/* libm's, each for doubles and for floats */
	RV64_LIBC_ceil,
	RV64_LIBC_ROUNDING = RV64_LIBC_ceil,
	RV64_LIBC_ceilf,
	RV64_LIBC_floor,
	RV64_LIBC_floorf,
	RV64_LIBC_trunc,
	RV64_LIBC_truncf,
	RV64_LIBC_round,
	RV64_LIBC_roundf,
	RV64_LIBC_roundeven,
	RV64_LIBC_roundevenf,
	RV64_LIBC_rint,
	RV64_LIBC_rintf,
	RV64_LIBC_nearbyint,
	RV64_LIBC_nearbyintf,
	RV64_LIBC_COUNT
};

enum { RV64_ROUTINE_RANGES = 8, RV64_ROUTINE_INSNS = 512, RV64_ROUTINE_SLOTS = 2 };

/* A function in canonical form. */
struct rv64_form {
	uint64_t first,
	    mask; /* its first 8 bytes, and those bits of them that linking leaves alone */
	uint64_t hash;
	unsigned insns;      /* in canonical form: a far call is one */
	unsigned size_bytes; /* as it stands */
	bool varies; /* its way depends on more than a class of runs says (routine_runs.c) */
	bool
	    has_run; /* all of it, where that is asked: its runs tell nothing new (rv64_wanted_at) */
	/* All bytes that were looked at. */
	struct ir_range range[RV64_ROUTINE_RANGES];
	unsigned range_count;
	/* Addresses that it loads from where no code lies; the first few. */
	gaddr slot[RV64_ROUTINE_SLOTS];
	unsigned slot_count;
};

/*
 * The form of the function at pc, which has that many instructions (insns) or bytes (size_bytes); the other one is 0. false: it
 * has none, since it cannot be fetched, is too long, or jumps where nobody knows. Works in the arena.
 */
bool rv64_form_of(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		  unsigned insns, unsigned size_bytes, struct rv64_form *out);

/* What starts at pc; bytes: the first 8 there, or fewer and zeros. RV64_LIBC_COUNT: nothing that is known. */
enum rv64_libc rv64_libc_at(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f,
			    gaddr pc, const uint8_t bytes[8], struct rv64_form *out);

/* struct guest's routine_row: the columns of libc.def behind the first. */
bool rv64_routine_row(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f,
		      gaddr pc, unsigned size_bytes, struct strbuf *out);

#endif
