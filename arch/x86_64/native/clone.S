/* The system call that starts a process on a new stack; the contract is in arch/native.h. */
	.text
	.globl native_clone3
	.type native_clone3, @function
native_clone3:			/* args, size_bytes, fn, arg */
	mov	%rcx, %r8	/* the kernel keeps all but rax, rcx and r11 */
	mov	$435, %eax
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:	xor	%ebp, %ebp	/* the outermost frame */
	mov	%r8, %rdi
	call	*%rdx
	hlt
	.size native_clone3, . - native_clone3

	.section .note.GNU-stack, "", @progbits
