/*
 * Accesses to guest memory that may fault, and system calls that a signal can
 * stop; the contract is in arch/native.h.
 *
 * Everything between native_access_begin and native_access_end keeps the stack and x30
 * as they were at the function's entry and writes kitemu's memory only after the access,
 * so that the fault handler may resume at native_access_fail, which
 * returns false to the caller.
 */
	.text
	.globl native_access_begin, native_access_end, native_access_fail
	.globl native_copy, native_load, native_store, native_cas
	.hidden native_access_begin, native_access_end, native_access_fail

	.p2align 4
native_access_begin:

	.type native_copy, %function
native_copy:			/* dst, src, n */
	subs	x2, x2, #16
	b.lo	2f
1:	ldp	x3, x4, [x1], #16
	stp	x3, x4, [x0], #16
	subs	x2, x2, #16
	b.hs	1b
2:	adds	x2, x2, #16
	b.eq	4f
3:	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	subs	x2, x2, #1
	b.ne	3b
4:	mov	w0, #1
	ret
	.size native_copy, . - native_copy

	.type native_load, %function
native_load:			/* p, size, value */
	cmp	w1, #4
	b.eq	4f
	b.hi	8f
	cmp	w1, #2
	b.eq	2f
	ldrb	w3, [x0]
	b	9f
2:	ldrh	w3, [x0]
	b	9f
4:	ldr	w3, [x0]
	b	9f
8:	ldr	x3, [x0]
9:	str	x3, [x2]
	mov	w0, #1
	ret
	.size native_load, . - native_load

	.type native_store, %function
native_store:			/* p, size, value */
	cmp	w1, #4
	b.eq	4f
	b.hi	8f
	cmp	w1, #2
	b.eq	2f
	strb	w2, [x0]
	b	9f
2:	strh	w2, [x0]
	b	9f
4:	str	w2, [x0]
	b	9f
8:	str	x2, [x0]
9:	mov	w0, #1
	ret
	.size native_store, . - native_store

	.type native_cas, %function
native_cas:			/* p, size, expected, desired */
	cmp	w1, #8
	b.eq	8f
	ldr	w4, [x2]
1:	ldaxr	w5, [x0]
	cmp	w5, w4
	b.ne	9f
	stlxr	w6, w3, [x0]
	cbnz	w6, 1b
	b	9f
8:	ldr	x4, [x2]
1:	ldaxr	x5, [x0]
	cmp	x5, x4
	b.ne	9f
	stlxr	w6, x3, [x0]
	cbnz	w6, 1b
9:	clrex
	dmb	ish		/* a full barrier, as the access is on other hosts */
	str	x5, [x2]
	mov	w0, #1
	ret
	.size native_cas, . - native_cas

native_access_end:
native_access_fail:
	mov	w0, #0
	ret

/*
 * int64_t native_syscall(const uint32_t *stop, long nr, const long args[6])
 *
 * A signal that arrives from native_syscall_start up to and including the
 * svc instruction finds the pc in that range: native_syscall_interrupt moves it to
 * native_syscall_eintr. Later the call has its result already, which stays.
 */
	.globl native_syscall, native_syscall_start, native_syscall_end, native_syscall_eintr
	.hidden native_syscall_start, native_syscall_end, native_syscall_eintr
	.type native_syscall, %function
native_syscall:
	mov	x9, x0
	mov	x8, x1
	mov	x10, x2
	ldp	x0, x1, [x10]
	ldp	x2, x3, [x10, #16]
	ldp	x4, x5, [x10, #32]
native_syscall_start:
	ldr	w11, [x9]
	cbnz	w11, native_syscall_eintr
	svc	#0
native_syscall_end:
	ret
native_syscall_eintr:
	mov	x0, #-4		/* -EINTR */
	ret
	.size native_syscall, . - native_syscall

/* Where the host's signal handlers return to. */
	.globl native_sigreturn
	.hidden native_sigreturn
	.type native_sigreturn, %function
native_sigreturn:
	mov	x8, #139	/* rt_sigreturn */
	svc	#0
	.size native_sigreturn, . - native_sigreturn

	.section .note.GNU-stack, "", %progbits
