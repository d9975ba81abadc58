/*
 * Accesses to guest memory that may fault, and system calls that a signal can
 * stop; the contract is in arch/native.h.
 *
 * Everything between native_access_begin and native_access_end keeps the stack
 * as it was at the function's entry and writes kitemu's memory only after the access,
 * so that the fault handler may resume at native_access_fail, which
 * returns false to the caller.
 */
	.text
	.globl native_access_begin, native_access_end, native_access_fail
	.globl native_copy, native_load, native_store, native_cas
	.hidden native_access_begin, native_access_end, native_access_fail

	.p2align 4
native_access_begin:

	.type native_copy, @function
native_copy:			/* dst, src, n */
	mov	%rdx, %rcx
	rep movsb
	mov	$1, %eax
	ret
	.size native_copy, . - native_copy

	.type native_load, @function
native_load:			/* p, size, value */
	cmp	$4, %esi
	je	4f
	ja	8f
	cmp	$2, %esi
	je	2f
	movzbl	(%rdi), %eax
	jmp	9f
2:	movzwl	(%rdi), %eax
	jmp	9f
4:	movl	(%rdi), %eax
	jmp	9f
8:	mov	(%rdi), %rax
9:	mov	%rax, (%rdx)
	mov	$1, %eax
	ret
	.size native_load, . - native_load

	.type native_store, @function
native_store:			/* p, size, value */
	mov	$1, %eax
	cmp	$4, %esi
	je	4f
	ja	8f
	cmp	$2, %esi
	je	2f
	movb	%dl, (%rdi)
	ret
2:	movw	%dx, (%rdi)
	ret
4:	movl	%edx, (%rdi)
	ret
8:	mov	%rdx, (%rdi)
	ret
	.size native_store, . - native_store

	.type native_cas, @function
native_cas:			/* p, size, expected, desired */
	cmp	$8, %esi
	je	8f
	movl	(%rdx), %eax
	lock cmpxchgl %ecx, (%rdi)
	jmp	9f
8:	mov	(%rdx), %rax
	lock cmpxchgq %rcx, (%rdi)
9:	mov	%rax, (%rdx)
	mov	$1, %eax
	ret
	.size native_cas, . - native_cas

native_access_end:
native_access_fail:
	xor	%eax, %eax
	ret

/*
 * int64_t native_syscall(const uint32_t *stop, long nr, const long args[6])
 *
 * A signal that arrives from native_syscall_start up to and including the
 * syscall instruction finds the pc in that range: native_syscall_interrupt moves it to
 * native_syscall_eintr. Later the call has its result already, which stays.
 */
	.globl native_syscall, native_syscall_start, native_syscall_end, native_syscall_eintr
	.hidden native_syscall_start, native_syscall_end, native_syscall_eintr
	.type native_syscall, @function
native_syscall:
	mov	%rsi, %rax
	mov	%rdi, %r11
	mov	%rdx, %rcx
	mov	(%rcx), %rdi
	mov	8(%rcx), %rsi
	mov	16(%rcx), %rdx
	mov	24(%rcx), %r10
	mov	32(%rcx), %r8
	mov	40(%rcx), %r9
native_syscall_start:
	cmpl	$0, (%r11)
	jne	native_syscall_eintr
	syscall
native_syscall_end:
	ret
native_syscall_eintr:
	mov	$-4, %rax	/* -EINTR */
	ret
	.size native_syscall, . - native_syscall

/* Where the host's signal handlers return to. */
	.globl native_sigreturn
	.hidden native_sigreturn
	.type native_sigreturn, @function
native_sigreturn:
	mov	$15, %eax	/* rt_sigreturn */
	syscall
	.size native_sigreturn, . - native_sigreturn

	.section .note.GNU-stack, "", @progbits
