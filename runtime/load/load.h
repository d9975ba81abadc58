/*
 * From an ELF file to a guest process that can start: image, stack, vDSO, auxiliary vector.
 */
#ifndef KIT_RUNTIME_LOAD_LOAD_H
#define KIT_RUNTIME_LOAD_LOAD_H

#include "runtime/core/thread.h"
#include "lib/base/diag.h"

/* What an ELF file says, checked; nothing is mapped yet. */
struct load_image {
	gaddr entry;
	gaddr phdr;       /* guest address of the program headers, before bias */
	unsigned phnum, phent;
	gaddr low, high;  /* of all PT_LOAD, page-aligned, before bias */
	bool pie;         /* ET_DYN: may be placed anywhere */
	bool exec_stack;  /* PT_GNU_STACK asks for it */
	unsigned seg_count;
	struct load_segment {
		gaddr vaddr;
		uint64_t offset, filesz, memsz;
		int prot;
	} seg[32];
};

/*
 * Reads and checks the file (libelf and our own checks). On failure: false and a message with exit status
 * 127 (no such file) or 126 (cannot be run) in d; nothing is left mapped or open.
 */
bool load_image_read(int fd, const char *path, struct load_image *im, struct diag *d);

/*
 * Loads the program open at fd into p->mem, builds stack and vDSO, and sets t's pc and sp. argv and envp are
 * NULL-terminated. Sets p's fields for the stack, vDSO and arguments.
 */
bool load_program(struct kit_process *p, struct kit_thread *t, int fd, const char *path, char *const *argv,
		  char *const *envp, struct diag *d);

#endif
