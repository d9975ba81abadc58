/*
 * The host's code of op routine (lib/ir/routines.def), for cpus with AVX2 and BMI2.
 *
 * Called by translated code: a in rax, b in rcx, c in rdx, the result in rax, the state base in rbp. Of the
 * registers rax, rcx and xmm0 to xmm2 alone may change; rsi and rdi are saved on the way in. The stack is that of
 * return addresses: nothing is pushed, so that at any fault rsp leads back to the caller
 * (native_routine_leave, which also takes rsi and rdi from where they were saved). Clean upper halves of the ymm
 * registers are what translated code expects.
 *
 * To give up is to fault: hlt does so where no memory access will. Whatever runs long looks at ir_state.stop.
 *
 * Before the first byte is written, the last page that will be must prove writable, and the first one where it is
 * not written first, so that at a fault nothing was written or what the guest's code had written too, whether
 * that goes up or takes the ends first. A locked "or" of nothing proves it and loses no other thread's write.
 * What is moved within itself cannot be begun twice: there every page must prove itself.
 *
 * A comparison ends with a look at what lies some bytes behind its end: a guest's code that has read words ahead faults
 * there, if anything does, and shall do so.
 *
 * Vectors are loaded from 32 bytes that lie in one page with a byte that has to be read, or from what has to be
 * read anyhow: a fault beyond the end of a string would only cost time, since the guest's code then runs.
 */
#include "arch/x86_64/native/routines.h"

#define PAGE	4096
#define VEC	32
#define REP_COPY	4096		/* from here on the microcode is as fast, and leaves the caches alone */
#define REP_FILL	2048
#define CHUNK	65536		/* between two looks at stop: 10 us */
#define AHEAD	31		/* of what a guest's comparison has looked at */
#define LONGEST_MOVE	(512 << 10)	/* that overlaps: it cannot stop on the way */

	.text
	.globl native_routines_begin, native_routines_end
	.hidden native_routines_begin, native_routines_end

.macro ROUTINE name
	.globl	native_\name
	.hidden	native_\name
	.type	native_\name, @function
	.p2align 5
native_\name:
	mov	%rsi, ST_SAVE_RSI(%rbp)
	mov	%rdi, ST_SAVE_RDI(%rbp)
.endm

.macro END name
	.size	native_\name, . - native_\name
.endm

.macro DONE
	mov	ST_SAVE_RSI(%rbp), %rsi
	mov	ST_SAVE_RDI(%rbp), %rdi
	ret
.endm

.macro DONE_VEC
	vzeroupper
	DONE
.endm

/* ymm0: cl in every byte. */
.macro SPREAD
	vmovd	%ecx, %xmm0
	vpbroadcastb %xmm0, %ymm0
.endm

/* Leaves when another thread or a signal waits. */
.macro POLL
	cmpl	$0, ST_STOP(%rbp)
	jne	give_up
.endm

/* The ends of rdx > 0 bytes at rax prove writable when they lie in two pages. rsi, rdi. */
.macro PROVE_ENDS
	lea	-1(%rax,%rdx), %rdi
	mov	%rax, %rsi
	xor	%rdi, %rsi
	test	$-PAGE, %rsi
	jz	.Lproved\@
	lock orb $0, (%rax)
	lock orb $0, (%rdi)
.Lproved\@:
.endm

/* All pages of rdx > 0 bytes at p can be read, or written ("lock or"). rsi, rdi. */
.macro PROVE_ALL p, insn:vararg
	lea	-1(\p,%rdx), %rdi
	mov	\p, %rsi
.Lprove\@:
	\insn	$0, (%rsi)
	or	$PAGE - 1, %rsi
	inc	%rsi
	cmp	%rdi, %rsi
	jbe	.Lprove\@
.endm

	.p2align 5
native_routines_begin:
give_up:
	vzeroupper
	hlt

/* ---- memory that is written ------------------------------------------------------------------ */

ROUTINE memcpy
	test	%rdx, %rdx
	jz	.Lmoved
	mov	%rax, %rdi
	sub	%rcx, %rdi
	je	.Lmove_any
	cmp	%rdx, %rdi
	jb	give_up
	neg	%rdi
	cmp	%rdx, %rdi
	jb	give_up
.Lmove_any:
	add	ST_BASE(%rbp), %rax
	add	ST_BASE(%rbp), %rcx
	cmp	$3 * VEC, %rdx
	ja	.Lcopy_long
.Lmove_short:
	PROVE_ENDS
	cmp	$16, %edx
	jae	1f
	cmp	$8, %edx
	jae	2f
	cmp	$4, %edx
	jae	3f
	movzbl	-1(%rcx,%rdx), %edi
	cmp	$1, %edx
	je	4f
	movzwl	(%rcx), %esi
	movw	%si, (%rax)
4:	movb	%dil, -1(%rax,%rdx)
	DONE
3:	mov	(%rcx), %esi
	mov	-4(%rcx,%rdx), %edi
	mov	%esi, (%rax)
	mov	%edi, -4(%rax,%rdx)
.Lmoved:
	DONE
2:	mov	(%rcx), %rsi
	mov	-8(%rcx,%rdx), %rdi
	mov	%rsi, (%rax)
	mov	%rdi, -8(%rax,%rdx)
	DONE
1:	cmp	$VEC, %edx
	ja	5f
	vmovdqu	(%rcx), %xmm0
	vmovdqu	-16(%rcx,%rdx), %xmm1
	vmovdqu	%xmm0, (%rax)
	vmovdqu	%xmm1, -16(%rax,%rdx)
	DONE
5:	vmovdqu	(%rcx), %ymm0
	vmovdqu	-VEC(%rcx,%rdx), %ymm1
	cmp	$2 * VEC, %edx
	ja	6f
	vmovdqu	%ymm0, (%rax)
	vmovdqu	%ymm1, -VEC(%rax,%rdx)
	DONE_VEC
6:	vmovdqu	VEC(%rcx), %ymm2
	vmovdqu	%ymm0, (%rax)
	vmovdqu	%ymm2, VEC(%rax)
	vmovdqu	%ymm1, -VEC(%rax,%rdx)
	DONE_VEC

/* More than three vectors, without overlap. */
.Lcopy_long:
	mov	%rdx, %rdi
	shr	$47, %rdi
	jnz	give_up
	PROVE_ALL %rcx, cmpb
	PROVE_ENDS
	cmp	$REP_COPY, %rdx
	jae	.Lcopy_rep
/* Upwards: the ends are read first and written last, so that source and destination may overlap. */
.Lmove_up:
	vmovdqu	(%rcx), %ymm0
	vmovdqu	-VEC(%rcx,%rdx), %ymm1
	mov	%eax, %esi
	and	$VEC - 1, %esi
	mov	$VEC, %edi
	sub	%rsi, %rdi		/* where the destination is aligned */
	lea	-4 * VEC(%rdx), %rsi
	cmp	%rsi, %rdi
	jg	2f
1:	vmovdqu	(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, (%rax,%rdi)
	vmovdqu	VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, VEC(%rax,%rdi)
	vmovdqu	2 * VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, 2 * VEC(%rax,%rdi)
	vmovdqu	3 * VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, 3 * VEC(%rax,%rdi)
	add	$4 * VEC, %rdi
	cmp	%rsi, %rdi
	jle	1b
2:	add	$3 * VEC, %rsi
	jmp	4f
3:	vmovdqu	(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, (%rax,%rdi)
	add	$VEC, %rdi
4:	cmp	%rsi, %rdi
	jl	3b
	vmovdqu	%ymm0, (%rax)
	vmovdqu	%ymm1, -VEC(%rax,%rdx)
	DONE_VEC

.Lcopy_rep:
	mov	%rax, %rdi
	mov	%rcx, %rsi
	lea	(%rcx,%rdx), %rax
1:	mov	%rax, %rcx
	sub	%rsi, %rcx
	je	3f
	POLL
	cmp	$CHUNK, %rcx
	jbe	2f
	mov	$CHUNK, %ecx
2:	rep movsb
	jmp	1b
3:	DONE
END memcpy

ROUTINE memmove
	test	%rdx, %rdx
	jz	.Lmoved
	cmp	$3 * VEC, %rdx
	jbe	.Lmove_any
	mov	%rax, %rdi
	sub	%rcx, %rdi
	mov	%rdi, %rsi
	neg	%rsi
	cmp	%rdx, %rdi
	jb	1f
	cmp	%rdx, %rsi
	jae	.Lmove_any
1:	cmp	$LONGEST_MOVE, %rdx
	ja	give_up
	add	ST_BASE(%rbp), %rax
	add	ST_BASE(%rbp), %rcx
	PROVE_ALL %rcx, cmpb
	PROVE_ALL %rax, lock orb
	cmp	%rcx, %rax
	jb	.Lmove_up
/* Downwards. */
	vmovdqu	(%rcx), %ymm0
	vmovdqu	-VEC(%rcx,%rdx), %ymm1
	lea	(%rax,%rdx), %rdi
	and	$-VEC, %rdi
	sub	%rax, %rdi		/* up to where whole vectors go */
	cmp	$5 * VEC, %rdi
	jl	3f
2:	vmovdqu	-VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, -VEC(%rax,%rdi)
	vmovdqu	-2 * VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, -2 * VEC(%rax,%rdi)
	vmovdqu	-3 * VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, -3 * VEC(%rax,%rdi)
	vmovdqu	-4 * VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, -4 * VEC(%rax,%rdi)
	sub	$4 * VEC, %rdi
	cmp	$5 * VEC, %rdi
	jge	2b
3:	vmovdqu	-VEC(%rcx,%rdi), %ymm2
	vmovdqa	%ymm2, -VEC(%rax,%rdi)
	sub	$VEC, %rdi
	cmp	$VEC, %rdi
	jg	3b
	vmovdqu	%ymm0, (%rax)
	vmovdqu	%ymm1, -VEC(%rax,%rdx)
	DONE_VEC
END memmove

ROUTINE memset
	test	%rdx, %rdx
	jz	.Lmoved
	add	ST_BASE(%rbp), %rax
	PROVE_ENDS
	cmp	$8, %rdx
	jb	1f
	vmovd	%ecx, %xmm0
	vpbroadcastb %xmm0, %xmm0
	cmp	$VEC, %rdx
	ja	4f
	cmp	$16, %edx
	jae	2f
	vmovq	%xmm0, (%rax)
	vmovq	%xmm0, -8(%rax,%rdx)
	DONE
2:	vmovdqu	%xmm0, (%rax)
	vmovdqu	%xmm0, -16(%rax,%rdx)
	DONE
1:	movzbl	%cl, %ecx
	imul	$0x01010101, %ecx, %ecx
	cmp	$4, %edx
	jb	3f
	mov	%ecx, (%rax)
	mov	%ecx, -4(%rax,%rdx)
	DONE
3:	movb	%cl, (%rax)
	cmp	$1, %edx
	je	3f
	movw	%cx, -2(%rax,%rdx)
3:	DONE
4:	vpbroadcastb %xmm0, %ymm0
	cmp	$REP_FILL, %rdx
	jae	.Lfill_rep
	vmovdqu	%ymm0, (%rax)
	lea	-VEC(%rax,%rdx), %rsi
	cmp	$2 * VEC, %edx
	jbe	7f
	lea	VEC(%rax), %rdi
	and	$-VEC, %rdi
	sub	$3 * VEC, %rsi
	cmp	%rsi, %rdi
	ja	6f
5:	vmovdqa	%ymm0, (%rdi)
	vmovdqa	%ymm0, VEC(%rdi)
	vmovdqa	%ymm0, 2 * VEC(%rdi)
	vmovdqa	%ymm0, 3 * VEC(%rdi)
	sub	$-4 * VEC, %rdi
	cmp	%rsi, %rdi
	jbe	5b
6:	add	$3 * VEC, %rsi
	jmp	9f
8:	vmovdqa	%ymm0, (%rdi)
	add	$VEC, %rdi
9:	cmp	%rsi, %rdi
	jb	8b
7:	vmovdqu	%ymm0, (%rsi)
	DONE_VEC
.Lfill_rep:
	mov	%rdx, %rdi
	shr	$47, %rdi
	jnz	give_up
	mov	%rax, %rdi
	lea	(%rax,%rdx), %rsi
	vmovd	%xmm0, %eax
1:	mov	%rsi, %rcx
	sub	%rdi, %rcx
	je	3f
	POLL
	cmp	$CHUNK, %rcx
	jbe	2f
	mov	$CHUNK, %ecx
2:	rep stosb
	jmp	1b
3:	DONE_VEC
END memset

/* ---- memory that is searched ------------------------------------------------------------------- */

/* esi: which bytes of the vector at p equal those of ymm0. */
.macro MATCH p:vararg
	vpcmpeqb \p, %ymm0, %ymm1
	vpmovmskb %ymm1, %esi
.endm

/*
 * The first match from rax on: goes to found with rax + the lowest bit of esi its place, or on with rax a multiple of 32. ecx is
 * worked with where 32 bytes lie across pages: those before rax are looked at too then.
 */
.macro FIRST_VEC found, match:vararg
	mov	%eax, %esi
	and	$PAGE - 1, %esi
	cmp	$PAGE - VEC, %esi
	ja	.Lacross\@
	\match	(%rax)
	test	%esi, %esi
	jnz	\found
	jmp	.Lfirst\@
.Lacross\@:
	and	$VEC - 1, %esi
	mov	%esi, %ecx
	sub	%rcx, %rax
	\match	(%rax)
	shrx	%ecx, %esi, %esi
	add	%rcx, %rax
	test	%esi, %esi
	jnz	\found
.Lfirst\@:
	and	$-VEC, %rax
	add	$VEC, %rax
.endm

/* Four vectors at rax, a multiple of 128: esi is not 0 when one has a match. */
.macro MATCH_FOUR
	vpcmpeqb (%rax), %ymm0, %ymm1
	vpcmpeqb VEC(%rax), %ymm0, %ymm2
	vpor	%ymm1, %ymm2, %ymm1
	vpcmpeqb 2 * VEC(%rax), %ymm0, %ymm2
	vpor	%ymm1, %ymm2, %ymm1
	vpcmpeqb 3 * VEC(%rax), %ymm0, %ymm2
	vpor	%ymm1, %ymm2, %ymm1
	vpmovmskb %ymm1, %esi
.endm

ROUTINE memchr
	add	ST_BASE(%rbp), %rax
	SPREAD
	mov	%rax, %rdi
	add	%rdx, %rdi
	jc	5f
	test	%rdx, %rdx
	jz	.Lnone
1:	FIRST_VEC .Lchr_found, MATCH
2:	cmp	%rdi, %rax
	jae	.Lnone
	MATCH	(%rax)
	test	%esi, %esi
	jnz	.Lchr_found
	add	$VEC, %rax
	test	$4 * VEC - 1, %al
	jnz	2b
3:	cmp	%rdi, %rax
	jae	.Lnone
	POLL
	MATCH_FOUR
	sub	$-4 * VEC, %rax
	test	%esi, %esi
	jz	3b
	sub	$5 * VEC, %rax
4:	add	$VEC, %rax
	MATCH	(%rax)
	test	%esi, %esi
	jz	4b
.Lchr_found:
	tzcnt	%esi, %esi
	add	%rsi, %rax
	cmp	%rdi, %rax
	jae	.Lnone
	sub	ST_BASE(%rbp), %rax
	DONE_VEC
5:	mov	$-1, %rdi		/* up to the end of all memory */
	jmp	1b
.Lnone:
	xor	%eax, %eax
	DONE_VEC
END memchr

ROUTINE memrchr
	add	ST_BASE(%rbp), %rax
	SPREAD
	test	%rdx, %rdx
	jz	.Lnone
	lea	-1(%rax,%rdx), %rdi
	mov	%edi, %ecx
	and	$VEC - 1, %ecx
	inc	%ecx
	and	$-VEC, %rdi
	MATCH	(%rdi)
	bzhi	%ecx, %esi, %esi
	jnz	2f
1:	cmp	%rax, %rdi
	jbe	.Lnone
	POLL
	sub	$VEC, %rdi
	MATCH	(%rdi)
	test	%esi, %esi
	jz	1b
2:	bsr	%esi, %esi
	add	%rsi, %rdi
	cmp	%rax, %rdi
	jb	.Lnone
	mov	%rdi, %rax
	sub	ST_BASE(%rbp), %rax
	DONE_VEC
END memrchr

ROUTINE strlen
	add	ST_BASE(%rbp), %rax
	mov	%rax, %rdi
	vpxor	%xmm0, %xmm0, %xmm0
	FIRST_VEC .Llen_found, MATCH
1:	MATCH	(%rax)
	test	%esi, %esi
	jnz	.Llen_found
	add	$VEC, %rax
	test	$4 * VEC - 1, %al
	jnz	1b
2:	POLL
	MATCH_FOUR
	sub	$-4 * VEC, %rax
	test	%esi, %esi
	jz	2b
	sub	$5 * VEC, %rax
3:	add	$VEC, %rax
	MATCH	(%rax)
	test	%esi, %esi
	jz	3b
.Llen_found:
	tzcnt	%esi, %esi
	add	%rsi, %rax
	sub	%rdi, %rax
	DONE_VEC
END strlen

/* The same for bytes that equal ymm0's or are 0: the smaller of x and x ^ c is 0 then. */
.macro MATCH_NUL p:vararg
	vmovdqu	\p, %ymm1
	vpxor	%ymm1, %ymm0, %ymm2
	vpminub	%ymm1, %ymm2, %ymm2
	vpxor	%xmm1, %xmm1, %xmm1
	vpcmpeqb %ymm1, %ymm2, %ymm2
	vpmovmskb %ymm2, %esi
.endm

ROUTINE strchrnul
	add	ST_BASE(%rbp), %rax
	SPREAD
	FIRST_VEC 2f, MATCH_NUL
1:	POLL
	MATCH_NUL (%rax)
	add	$VEC, %rax
	test	%esi, %esi
	jz	1b
	sub	$VEC, %rax
2:	tzcnt	%esi, %esi
	add	%rsi, %rax
	sub	ST_BASE(%rbp), %rax
	DONE_VEC
END strchrnul

/* ---- memory that is compared ---------------------------------------------------------------------- */

/* eax: the difference of the bytes that are rsi behind rax and rcx, after a look at those rdi behind. */
.macro DIFFERENCE
	cmpb	$0, (%rax,%rdi)
	cmpb	$0, (%rcx,%rdi)
	movzbl	(%rax,%rsi), %eax
	movzbl	(%rcx,%rsi), %ecx
	sub	%ecx, %eax
	movslq	%eax, %rax
.endm

/* The same as where it is, from ST_SAVE_A on, and the two bytes. */
.macro PLACE
	cmpb	$0, (%rax,%rdi)
	cmpb	$0, (%rcx,%rdi)
	movzbl	(%rcx,%rsi), %ecx
	add	%rsi, %rax
	movzbl	(%rax), %esi
	shl	$8, %esi
	or	%esi, %ecx
	PLACE_OF_NONE
	or	%rcx, %rax
.endm

/* The same at rax, where both bytes are 0. */
.macro PLACE_OF_NONE
	sub	ST_SAVE_A(%rbp), %rax
	shl	$16, %rax
.endm

.macro PLACE_OF_END
	mov	%rdx, %rax
	shl	$16, %rax
.endm

.macro NO_DIFFERENCE
	xor	%eax, %eax
.endm

.macro KEEP_START
	mov	%rax, ST_SAVE_A(%rbp)
.endm

.macro KEEP_NOTHING
.endm

/* rdi, so many bytes as are compared, becomes where to look besides. */
.macro LOOK_AHEAD
	dec	%rdi
	sub	%rsi, %rdi
	cmp	$AHEAD, %rdi
	jbe	.Lahead\@
	mov	$AHEAD, %edi
.Lahead\@:
	add	%rsi, %rdi
.endm

/* Goes there when 32 bytes at rax, or at rcx, lie across pages. esi. */
.macro IF_ACROSS there
	mov	%eax, %esi
	or	%ecx, %esi
	and	$PAGE - 1, %esi
	cmp	$PAGE - VEC, %esi
	jbe	.Lwithin\@
	mov	%eax, %esi
	and	$PAGE - 1, %esi
	cmp	$PAGE - VEC, %esi
	ja	\there
	mov	%ecx, %esi
	and	$PAGE - 1, %esi
	cmp	$PAGE - VEC, %esi
	ja	\there
.Lwithin\@:
.endm

/* keep: what of the start; differ, same: what the result is. */
.macro COMPARE_MEM name, keep, differ, same
ROUTINE \name
	add	ST_BASE(%rbp), %rax
	add	ST_BASE(%rbp), %rcx
	\keep
	test	%rdx, %rdx
	jz	.Lsame_\name
	cmp	$VEC, %rdx
	jae	3f
	IF_ACROSS 1f
	vmovdqu	(%rax), %ymm0
	MATCH	(%rcx)
	not	%esi
	bzhi	%edx, %esi, %esi
	jz	.Lsame_\name
	tzcnt	%esi, %esi
.Ldiffer_\name:
	mov	%rdx, %rdi
	LOOK_AHEAD
	\differ
	DONE_VEC
1:	xor	%esi, %esi
2:	movzbl	(%rax,%rsi), %edi
	cmp	(%rcx,%rsi), %dil
	jne	.Ldiffer_\name
	inc	%rsi
	cmp	%rdx, %rsi
	jb	2b
.Lsame_\name:
	\same
	DONE_VEC
3:	xor	%edi, %edi
	lea	-VEC(%rdx), %rsi
	cmp	$2 * VEC, %rdx
	jb	5f
	sub	$VEC, %rsi
4:	vmovdqu	(%rax,%rdi), %ymm0
	vmovdqu	VEC(%rax,%rdi), %ymm1
	vpxor	(%rcx,%rdi), %ymm0, %ymm0
	vpxor	VEC(%rcx,%rdi), %ymm1, %ymm1
	vpor	%ymm0, %ymm1, %ymm1
	vptest	%ymm1, %ymm1
	jnz	6f
	POLL
	add	$2 * VEC, %rdi
	cmp	%rsi, %rdi
	jbe	4b
	add	$VEC, %rsi
5:	cmp	%rsi, %rdi
	jae	7f
	vmovdqu	(%rax,%rdi), %ymm0
	MATCH	(%rcx,%rdi)
	inc	%esi
	jnz	8f
	lea	-VEC(%rdx), %rsi
7:	mov	%rsi, %rdi
	vmovdqu	(%rax,%rdi), %ymm0
	MATCH	(%rcx,%rdi)
	inc	%esi
	jz	.Lsame_\name
	jmp	8f
6:	vmovdqu	(%rax,%rdi), %ymm0
	MATCH	(%rcx,%rdi)
	inc	%esi
	jnz	8f
	add	$VEC, %rdi
	vmovdqu	(%rax,%rdi), %ymm0
	MATCH	(%rcx,%rdi)
	inc	%esi
8:	tzcnt	%esi, %esi		/* the lowest 0 of a mask is the lowest 1 of the mask + 1 */
	add	%rdi, %rsi
	jmp	.Ldiffer_\name
END \name
.endm

COMPARE_MEM memcmp, KEEP_NOTHING, DIFFERENCE, NO_DIFFERENCE
COMPARE_MEM memdiff, KEEP_START, PLACE, PLACE_OF_END

/* esi: which bytes at rax differ from those at rcx, or are 0. */
.macro MISMATCH
	vmovdqu	(%rax), %ymm0
	vpcmpeqb (%rcx), %ymm0, %ymm1
	vpminub	%ymm0, %ymm1, %ymm1
	vpxor	%xmm2, %xmm2, %xmm2
	vpcmpeqb %ymm2, %ymm1, %ymm1
	vpmovmskb %ymm1, %esi
.endm

/* The bytes at rax and rcx in esi and edi; goes to differ, or to end after the strings' ends, or on behind them. */
.macro ONE_BYTE differ, end
	movzbl	(%rax), %esi
	cmpb	(%rcx), %sil
	jne	\differ
	test	%esi, %esi
	jz	\end
	inc	%rax
	inc	%rcx
.endm

/* Strings mostly differ in their first byte, if at all. esi. */
.macro FIRST_BYTE differ
	movzbl	(%rax), %esi
	cmpb	(%rcx), %sil
	jne	\differ
.endm

.macro COMPARE_STR name, keep, differ, ended
ROUTINE \name
	add	ST_BASE(%rbp), %rax
	add	ST_BASE(%rbp), %rcx
	\keep
	FIRST_BYTE 5f
/* As many vectors as lie before the end of either's page, or the bytes across it. */
1:	POLL
	mov	%eax, %esi
	mov	%ecx, %edi
	or	$-PAGE, %esi
	or	$-PAGE, %edi
	cmp	%esi, %edi
	cmovl	%esi, %edi		/* the way to it, negative */
	add	$VEC - 1, %edi
	sar	$5, %edi
	jz	3f
2:	MISMATCH
	test	%esi, %esi
	jnz	4f
	add	$VEC, %rax
	add	$VEC, %rcx
	inc	%edi
	jnz	2b
	jmp	1b
3:	mov	$VEC, %edi
7:	ONE_BYTE 5f, 8f
	dec	%edi
	jnz	7b
	jmp	1b
4:	tzcnt	%esi, %esi
	jmp	6f
5:	xor	%esi, %esi
6:	lea	AHEAD(%rsi), %rdi
	\differ
	DONE_VEC
8:	\ended
	DONE_VEC
END \name
.endm

COMPARE_STR strcmp, KEEP_NOTHING, DIFFERENCE, NO_DIFFERENCE
COMPARE_STR strdiff, KEEP_START, PLACE, PLACE_OF_NONE

.macro COMPARE_STRN name, keep, differ, ended, same
ROUTINE \name
	add	ST_BASE(%rbp), %rax
	add	ST_BASE(%rbp), %rcx
	\keep
	mov	%rax, %rdi
	add	%rdx, %rdi
	jnc	1f
	mov	$-1, %rdi
1:	cmp	%rdi, %rax
	jae	6f
	FIRST_BYTE 5f
2:	IF_ACROSS 3f
	MISMATCH
	test	%esi, %esi
	jnz	4f
	POLL
	add	$VEC, %rax
	add	$VEC, %rcx
	cmp	%rdi, %rax
	jb	2b
	jmp	6f
3:	ONE_BYTE 5f, 7f
	cmp	%rdi, %rax
	jb	2b
	jmp	6f
4:	tzcnt	%esi, %esi
	sub	%rax, %rdi
	cmp	%rdi, %rsi
	jae	6f
	LOOK_AHEAD
	\differ
	DONE_VEC
5:	xor	%esi, %esi
	sub	%rax, %rdi
	LOOK_AHEAD
	\differ
	DONE_VEC
6:	\same
	DONE_VEC
7:	\ended
	DONE_VEC
END \name
.endm

COMPARE_STRN strncmp, KEEP_NOTHING, DIFFERENCE, NO_DIFFERENCE, NO_DIFFERENCE
COMPARE_STRN strndiff, KEEP_START, PLACE, PLACE_OF_NONE, PLACE_OF_END
native_routines_end:

	.section .note.GNU-stack, "", @progbits
