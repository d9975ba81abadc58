/*
 * What the loader's tests share: a small riscv64 program made here, and faults that native code repairs.
 */
#ifndef KIT_TESTS_UNIT_LOADFILE_H
#define KIT_TESTS_UNIT_LOADFILE_H

#include "arch/native.h"
#include "runtime/mem/mem.h"

#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = MEM_PAGE_BYTES, FILE_BYTES = 3 * PAGE, PHDRS = 5, CODE_AT = 0x200 };

/* The start of a file that the tests make: two segments, a stack note, and room for more headers. */
struct file {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[PHDRS];
};

static inline void on_fault(int sig, siginfo_t *info, void *uc)
{
	(void)info;
	if (!native_fixup(uc)) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static inline void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* A program that can be loaded: text at 0x10000, data at 0x12e00 with bss behind it. */
static inline struct file good_file(void)
{
	struct file f = {
		.eh = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_RISCV,
			.e_version = EV_CURRENT,
			.e_entry = 0x10000 + CODE_AT,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_flags = EF_RISCV_RVC | EF_RISCV_FLOAT_ABI_DOUBLE,
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.ph = {
			{ PT_LOAD, PF_R | PF_X, 0, 0x10000, 0x10000, 0x1400, 0x1400, PAGE },
			{ PT_LOAD, PF_R | PF_W, 0x1e00, 0x12e00, 0x12e00, 0x400, 0x2345, PAGE },
			{ PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16 },
		},
	};

	return f;
}

/* The file as a descriptor; the bytes behind its headers count up. */
static inline int file_fd(const struct file *f, size_t size)
{
	static unsigned char bytes[FILE_BYTES];
	int fd = memfd_create("test_load", MFD_CLOEXEC);

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i ^ i >> 8);
	memcpy(bytes, f, sizeof *f);
	if (write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

#endif
