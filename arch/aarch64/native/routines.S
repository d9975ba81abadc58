/*
 * The host's code of op routine (lib/ir/routines.def).
 *
 * Called by translated code: a in x0, b in x1, c in x2, the result in x0, the state base in x28. Of the registers x0, x16,
 * x17, v0 to v2, v30 and v31 alone may change; x1 to x6 are saved on the way in. Nothing is pushed and x30 stays, so that at any
 * fault it leads back to the caller (native_routine_leave, which also takes x1 to x6 from where they were saved).
 *
 * To give up is to fault: a load from where no user can have memory does so where no other access will. Whatever runs long
 * looks at ir_state.stop.
 *
 * Before the first byte is written, the last page that will be must prove writable, and the first one where it is
 * not written first, so that at a fault nothing was written or what the guest's code had written too, whether
 * that goes up or takes the ends first. An exclusive store of what was loaded proves it and loses no other thread's write.
 * What is moved within itself cannot be begun twice: there every page must prove itself.
 *
 * A comparison ends with a look at what lies some bytes behind its end: a guest's code that has read words ahead faults
 * there, if anything does, and shall do so.
 *
 * Vectors are loaded from 16 bytes that lie in one page with a byte that has to be read, or from what has to be
 * read anyhow: a fault beyond the end of a string would only cost time, since the guest's code then runs.
 */
#include "arch/aarch64/native/routines.h"

#define PAGE	4096
#define VEC	16
#define CHUNK	16384		/* between two looks at stop: 1 us */
#define AHEAD	31		/* of what a guest's comparison has looked at */
#define LONGEST_MOVE	(512 << 10)	/* that overlaps: it cannot stop on the way */

	.text
	.globl native_routines_begin, native_routines_end
	.hidden native_routines_begin, native_routines_end

.macro ROUTINE name
	.globl	native_\name
	.hidden	native_\name
	.type	native_\name, %function
	.p2align 4
native_\name:
	add	x16, x28, #ST_SAVE
	stp	x1, x2, [x16]
	stp	x3, x4, [x16, #16]
	stp	x5, x6, [x16, #32]
.endm

.macro END name
	.size	native_\name, . - native_\name
.endm

.macro DONE
	add	x16, x28, #ST_SAVE
	ldp	x1, x2, [x16]
	ldp	x3, x4, [x16, #16]
	ldp	x5, x6, [x16, #32]
	ret
.endm

/* The guest's address in reg becomes the host's. x16. */
.macro HOST reg
	ldr	x16, [x28, #ST_BASE]
	add	\reg, \reg, x16
.endm

/* Leaves when another thread or a signal waits. x16. */
.macro POLL
	ldr	w16, [x28, #ST_STOP]
	cbnz	w16, give_up
.endm

/* The byte at reg can be written. x16, x17. */
.macro PROVE reg
.Lagain\@:
	ldxrb	w16, [\reg]
	stxrb	w17, w16, [\reg]
	cbnz	w17, .Lagain\@
.endm

/* The ends of x2 > 0 bytes at x0 prove writable when they lie in two pages. x3, x4. */
.macro PROVE_ENDS
	add	x3, x0, x2
	sub	x3, x3, #1
	eor	x4, x3, x0
	tst	x4, #-PAGE
	b.eq	.Lproved\@
	PROVE	x0
	PROVE	x3
.Lproved\@:
.endm

/* All pages of x2 > 0 bytes at p can be read, or written ("PROVE"). x3, x4. */
.macro PROVE_ALL p, insn:vararg
	add	x4, \p, x2
	sub	x4, x4, #1
	mov	x3, \p
.Lprove\@:
	\insn
	orr	x3, x3, #PAGE - 1
	add	x3, x3, #1
	cmp	x3, x4
	b.ls	.Lprove\@
.endm

/* The bytes of v1 that are all ones, four bits each, to x. */
.macro MASK x
	shrn	v1.8b, v1.8h, #4
	fmov	\x, d1
.endm

/* x: the number of the first byte of a mask that is not 0. */
.macro LOWEST x
	rbit	\x, \x
	clz	\x, \x
	lsr	\x, \x, #2
.endm

	.p2align 4
native_routines_begin:
give_up:
	mov	x16, #-PAGE		/* the kernel's half of the addresses */
	ldr	x16, [x16]
	brk	#0

/* ---- memory that is written ------------------------------------------------------------------ */

ROUTINE memcpy
	cbz	x2, .Lmoved
	sub	x3, x0, x1
	cbz	x3, .Lmove_any
	cmp	x3, x2
	b.lo	give_up
	neg	x3, x3
	cmp	x3, x2
	b.lo	give_up
.Lmove_any:
	HOST	x0
	HOST	x1
	cmp	x2, #4 * VEC
	b.hi	.Lcopy_long
.Lmove_short:
	PROVE_ENDS
	add	x5, x0, x2
	add	x6, x1, x2
	cmp	x2, #2 * VEC
	b.hs	1f
	cmp	x2, #VEC
	b.hs	2f
	tbnz	x2, #3, 3f
	tbnz	x2, #2, 4f
	lsr	x16, x2, #1		/* 1 to 3: the ends and the middle */
	ldrb	w3, [x1]
	ldrb	w4, [x1, x16]
	ldrb	w17, [x6, #-1]
	strb	w3, [x0]
	strb	w4, [x0, x16]
	strb	w17, [x5, #-1]
.Lmoved:
	DONE
1:	ldp	q0, q1, [x1]
	ldp	q2, q30, [x6, #-2 * VEC]
	stp	q0, q1, [x0]
	stp	q2, q30, [x5, #-2 * VEC]
	DONE
2:	ldr	q0, [x1]
	ldr	q1, [x6, #-VEC]
	str	q0, [x0]
	str	q1, [x5, #-VEC]
	DONE
3:	ldr	x3, [x1]
	ldr	x4, [x6, #-8]
	str	x3, [x0]
	str	x4, [x5, #-8]
	DONE
4:	ldr	w3, [x1]
	ldr	w4, [x6, #-4]
	str	w3, [x0]
	str	w4, [x5, #-4]
	DONE

/* More than four vectors, without overlap. */
.Lcopy_long:
	lsr	x3, x2, #47
	cbnz	x3, give_up
	PROVE_ALL x1, ldrb w16, [x3]
	PROVE_ENDS
	mov	x5, #CHUNK
/* Upwards, x5 bytes between two polls: the ends are read first and written last, so that source and destination may overlap. */
.Lmove_up:
	add	x6, x0, x2
	add	x16, x1, x2
	ldr	q0, [x1]
	ldr	q1, [x16, #-VEC]
	add	x3, x0, #VEC
	and	x3, x3, #-VEC		/* where the destination is aligned */
	sub	x4, x3, x0
	add	x4, x4, x1
	sub	x6, x6, #2 * VEC
1:	add	x17, x3, x5
	cmp	x17, x6
	csel	x17, x17, x6, lo
2:	ldp	q2, q30, [x4], #2 * VEC
	stp	q2, q30, [x3], #2 * VEC
	cmp	x3, x17
	b.ls	2b
	cmp	x3, x6
	b.hi	3f
	POLL
	b	1b
3:	add	x6, x6, #VEC
	cmp	x3, x6
	b.hs	4f
	ldr	q2, [x4]
	str	q2, [x3]
4:	str	q0, [x0]
	str	q1, [x6]
	DONE
END memcpy

ROUTINE memmove
	cbz	x2, .Lmoved
	cmp	x2, #4 * VEC
	b.ls	.Lmove_any
	sub	x3, x0, x1
	neg	x4, x3
	cmp	x3, x2
	b.lo	1f
	cmp	x4, x2
	b.hs	.Lmove_any
1:	mov	x3, #LONGEST_MOVE
	cmp	x2, x3
	b.hi	give_up
	HOST	x0
	HOST	x1
	PROVE_ALL x1, ldrb w16, [x3]
	PROVE_ALL x0, PROVE x3
	lsl	x5, x2, #1		/* no poll */
	cmp	x0, x1
	b.lo	.Lmove_up
/* Downwards. */
	add	x5, x0, x2
	add	x6, x1, x2
	ldr	q0, [x1]
	ldr	q1, [x6, #-VEC]
	and	x3, x5, #-VEC
	sub	x4, x3, x0
	add	x4, x4, x1
	add	x17, x0, #2 * VEC
2:	ldp	q2, q30, [x4, #-2 * VEC]!
	stp	q2, q30, [x3, #-2 * VEC]!
	cmp	x3, x17
	b.hs	2b
	sub	x17, x17, #VEC
	cmp	x3, x17
	b.ls	3f
	ldr	q2, [x4, #-VEC]
	str	q2, [x3, #-VEC]
3:	str	q0, [x0]
	str	q1, [x5, #-VEC]
	DONE
END memmove

ROUTINE memset
	cbz	x2, .Lmoved
	lsr	x3, x2, #47
	cbnz	x3, give_up
	HOST	x0
	PROVE_ENDS
	add	x5, x0, x2
	dup	v0.16b, w1
	cmp	x2, #VEC
	b.hs	3f
	tbnz	x2, #3, 1f
	tbnz	x2, #2, 2f
	lsr	x16, x2, #1
	strb	w1, [x0]
	strb	w1, [x0, x16]
	strb	w1, [x5, #-1]
	DONE
1:	str	d0, [x0]
	str	d0, [x5, #-8]
	DONE
2:	str	s0, [x0]
	str	s0, [x5, #-4]
	DONE
3:	str	q0, [x0]
	sub	x6, x5, #2 * VEC
	add	x3, x0, #VEC
	and	x3, x3, #-VEC
	mov	x4, #CHUNK
4:	add	x17, x3, x4
	cmp	x17, x6
	csel	x17, x17, x6, lo
	cmp	x3, x17
	b.hi	6f
5:	stp	q0, q0, [x3], #2 * VEC
	cmp	x3, x17
	b.ls	5b
	cmp	x3, x6
	b.hi	6f
	POLL
	b	4b
6:	add	x6, x6, #VEC
	cmp	x3, x6
	b.hs	7f
	str	q0, [x3]
7:	str	q0, [x6]
	DONE
END memset

/* ---- memory that is searched ------------------------------------------------------------------- */

/* v1: which bytes of the vector at x3 equal those of v0. */
.macro MATCH
	ldr	q1, [x3]
	cmeq	v1.16b, v1.16b, v0.16b
.endm

/* The same for those that equal v0's or are 0. */
.macro MATCH_NUL
	ldr	q1, [x3]
	cmeq	v2.16b, v1.16b, v0.16b
	cmeq	v1.16b, v1.16b, #0
	orr	v1.16b, v1.16b, v2.16b
.endm

/*
 * The first match from x0 on: goes to found with x3 + x4 its place, or on with x3 the vector behind the one that
 * x0 is in.
 */
.macro FIRST_VEC found, match
	and	x3, x0, #-VEC
	\match
	MASK	x4
	lsl	x16, x0, #2
	lsr	x4, x4, x16		/* the shift counts modulo 64 */
	cbz	x4, .Lnot\@
	LOWEST	x4
	mov	x3, x0
	b	\found
.Lnot\@:
	add	x3, x3, #VEC
.endm

ROUTINE memchr
	cbz	x2, .Lnone
	HOST	x0
	dup	v0.16b, w1
	adds	x5, x0, x2
	csinv	x5, x5, xzr, cc		/* up to the end of all memory */
	FIRST_VEC .Lchr_found, MATCH
1:	cmp	x3, x5
	b.hs	.Lnone
	POLL
	MATCH
	MASK	x4
	cbnz	x4, 2f
	add	x3, x3, #VEC
	b	1b
2:	LOWEST	x4
.Lchr_found:
	add	x0, x3, x4
	cmp	x0, x5
	b.hs	.Lnone
	ldr	x16, [x28, #ST_BASE]
	sub	x0, x0, x16
	DONE
.Lnone:
	mov	x0, #0
	DONE
END memchr

ROUTINE memrchr
	cbz	x2, .Lnone
	HOST	x0
	dup	v0.16b, w1
	add	x5, x0, x2
	sub	x5, x5, #1		/* the last byte */
	and	x3, x5, #-VEC
	MATCH
	MASK	x4
	mvn	x16, x5
	lsl	x16, x16, #2
	lsl	x4, x4, x16		/* what is behind it goes out at the top */
	cbnz	x4, 2f
1:	cmp	x3, x0
	b.ls	.Lnone
	POLL
	sub	x5, x3, #1
	sub	x3, x3, #VEC
	MATCH
	MASK	x4
	cbz	x4, 1b
2:	clz	x4, x4
	sub	x5, x5, x4, lsr #2
	cmp	x5, x0
	b.lo	.Lnone
	ldr	x16, [x28, #ST_BASE]
	sub	x0, x5, x16
	DONE
END memrchr

ROUTINE strlen
	HOST	x0
	movi	v0.16b, #0
	FIRST_VEC .Llen_found, MATCH
1:	POLL
	MATCH
	MASK	x4
	cbnz	x4, 2f
	add	x3, x3, #VEC
	b	1b
2:	LOWEST	x4
.Llen_found:
	add	x3, x3, x4
	sub	x0, x3, x0
	DONE
END strlen

ROUTINE strchrnul
	HOST	x0
	dup	v0.16b, w1
	FIRST_VEC .Lchrnul_found, MATCH_NUL
1:	POLL
	MATCH_NUL
	MASK	x4
	cbnz	x4, 2f
	add	x3, x3, #VEC
	b	1b
2:	LOWEST	x4
.Lchrnul_found:
	add	x0, x3, x4
	ldr	x16, [x28, #ST_BASE]
	sub	x0, x0, x16
	DONE
END strchrnul

/* ---- memory that is compared ---------------------------------------------------------------------- */

/* x0: the difference of the bytes that are x4 behind x0 and x1, after a look at those x6 behind. */
.macro DIFFERENCE
	ldrb	w16, [x0, x6]
	ldrb	w16, [x1, x6]
	ldrb	w16, [x0, x4]
	ldrb	w17, [x1, x4]
	sub	x0, x16, x17
	DONE
.endm

/* The same as where it is, from the start on, and the two bytes. x16, x17. */
.macro PLACE
	ldrb	w16, [x0, x6]
	ldrb	w16, [x1, x6]
	ldrb	w16, [x0, x4]
	ldrb	w17, [x1, x4]
	add	x1, x1, x4
	add	x17, x17, x16, lsl #8
	PLACE_OF_NONE
	add	x0, x0, x17
	DONE
.endm

/* x0: the same at x1, where both bytes are 0. The start is the guest's address that was saved. x16. */
.macro PLACE_OF_NONE
	ldr	x16, [x28, #ST_BASE]
	sub	x1, x1, x16
	ldr	x16, [x28, #ST_SAVE]
	sub	x0, x1, x16
	lsl	x0, x0, #16
.endm

.macro PLACE_OF_END
	ldr	x0, [x28, #ST_SAVE + 8]
	lsl	x0, x0, #16
.endm

.macro NO_DIFFERENCE
	mov	x0, #0
.endm

/* x6: where to look besides, where x2 bytes are compared. x16. */
.macro LOOK_AHEAD
	add	x6, x4, #AHEAD
	sub	x16, x2, #1
	cmp	x6, x16
	csel	x6, x6, x16, lo
.endm

/* Goes there when 16 bytes at x0, or at x1, lie across pages. x16. */
.macro IF_ACROSS there
	and	x16, x0, #PAGE - 1
	cmp	x16, #PAGE - VEC
	b.hi	\there
	and	x16, x1, #PAGE - 1
	cmp	x16, #PAGE - VEC
	b.hi	\there
.endm

/* x4: which of 16 bytes differ. */
.macro MISMATCH
	cmeq	v1.16b, v0.16b, v1.16b
	MASK	x4
	mvn	x4, x4
.endm

/* differ, same: what the result is. */
.macro COMPARE_MEM name, differ, same
ROUTINE \name
	cbz	x2, .Lsame_\name
	HOST	x0
	HOST	x1
	mov	x3, #0
	cmp	x2, #VEC
	b.hs	4f
	IF_ACROSS 1f
	ldr	q0, [x0]
	ldr	q1, [x1]
	MISMATCH
	neg	x16, x2
	lsl	x16, x16, #2
	lsl	x4, x4, x16		/* what is behind the end goes out at the top */
	lsr	x4, x4, x16
	cbnz	x4, 6f
	b	.Lsame_\name
1:	ldrb	w16, [x0, x3]
	ldrb	w17, [x1, x3]
	cmp	w16, w17
	b.ne	3f
	add	x3, x3, #1
	cmp	x3, x2
	b.lo	1b
.Lsame_\name:
	\same
	DONE
3:	mov	x4, x3
	b	7f
4:	sub	x5, x2, #VEC
5:	ldr	q0, [x0, x3]
	ldr	q1, [x1, x3]
	MISMATCH
	cbnz	x4, 6f
	cmp	x3, x5
	b.eq	.Lsame_\name
	POLL
	add	x3, x3, #VEC
	cmp	x3, x5
	csel	x3, x3, x5, lo
	b	5b
6:	LOWEST	x4
	add	x4, x4, x3
7:	LOOK_AHEAD
	\differ
END \name
.endm

COMPARE_MEM memcmp, DIFFERENCE, NO_DIFFERENCE
COMPARE_MEM memdiff, PLACE, PLACE_OF_END

/* x4: which bytes at x0 differ from those at x1, or are 0. */
.macro STR_MISMATCH
	ldr	q0, [x0]
	ldr	q1, [x1]
	cmeq	v1.16b, v0.16b, v1.16b
	cmeq	v0.16b, v0.16b, #0
	orn	v1.16b, v0.16b, v1.16b
	MASK	x4
.endm

/* The bytes at x0 and x1; goes to differ, or to end after the strings' ends, or on behind them. */
.macro ONE_BYTE differ, end
	ldrb	w16, [x0]
	ldrb	w17, [x1]
	cmp	w16, w17
	b.ne	\differ
	cbz	w16, \end
	add	x0, x0, #1
	add	x1, x1, #1
.endm

.macro COMPARE_STR name, differ, ended
ROUTINE \name
	HOST	x0
	HOST	x1
1:	POLL
	IF_ACROSS 2f
	STR_MISMATCH
	cbnz	x4, 3f
	add	x0, x0, #VEC
	add	x1, x1, #VEC
	b	1b
2:	ONE_BYTE 4f, 6f
	b	1b
3:	LOWEST	x4
	b	5f
4:	mov	x4, #0
5:	add	x6, x4, #AHEAD
	\differ
6:	\ended
	DONE
END \name
.endm

COMPARE_STR strcmp, DIFFERENCE, NO_DIFFERENCE
COMPARE_STR strdiff, PLACE, PLACE_OF_NONE

.macro COMPARE_STRN name, differ, ended, same
ROUTINE \name
	HOST	x0
	HOST	x1
1:	cbz	x2, 6f
	POLL
	IF_ACROSS 2f
	STR_MISMATCH
	cbnz	x4, 3f
	add	x0, x0, #VEC
	add	x1, x1, #VEC
	subs	x2, x2, #VEC
	b.hi	1b
	b	6f
2:	ONE_BYTE 4f, 7f
	sub	x2, x2, #1
	b	1b
3:	LOWEST	x4
	cmp	x4, x2
	b.hs	6f
	b	5f
4:	mov	x4, #0
5:	LOOK_AHEAD
	\differ
6:	\same
	DONE
7:	\ended
	DONE
END \name
.endm

COMPARE_STRN strncmp, DIFFERENCE, NO_DIFFERENCE, NO_DIFFERENCE
COMPARE_STRN strndiff, PLACE, PLACE_OF_NONE, PLACE_OF_END
native_routines_end:

	.section .note.GNU-stack, "", %progbits
