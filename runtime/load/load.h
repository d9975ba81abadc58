/*
 * From an ELF file to a guest process that can start: image, stack, vDSO, auxiliary vector.
 */
#ifndef KIT_RUNTIME_LOAD_LOAD_H
#define KIT_RUNTIME_LOAD_LOAD_H

#include "lib/base/diag.h"
#include "runtime/core/thread.h"

enum { LOAD_MAX_SEGMENTS = 32 };

/* What an ELF file says, checked; nothing is mapped yet. */
struct load_image {
	gaddr entry;
	gaddr phdr; /* guest address of the program headers, before bias */
	unsigned phnum, phent;
	gaddr low, high;    /* of all PT_LOAD, page-aligned, before bias */
	uint64_t align;     /* largest alignment that a PT_LOAD asks for, at least a page */
	bool pie;           /* ET_DYN: may be placed anywhere */
	bool exec_stack;    /* PT_GNU_STACK asks for it */
	unsigned seg_count; /* PT_LOADs that are not empty, in ascending order */
	struct load_segment {
		gaddr vaddr;
		uint64_t offset, filesz, memsz;
		int prot; /* MEM_PROT_ bits */
	} seg[LOAD_MAX_SEGMENTS];
};

/*
 * Opens a program's file as execve would: it must be there (127 if not), a regular file and executable for the caller
 * (126 if not). -1 and a message in d on failure. The descriptor is close-on-exec.
 */
int load_open(const char *path, struct diag *d);

/*
 * Reads and checks the file (libelf and our own checks). On failure: false and a message with exit status
 * 127 (no such file) or 126 (cannot be run) in d; nothing is left mapped or open.
 */
bool load_image_read(int fd, const char *path, struct load_image *im, struct diag *d);

/*
 * Does the file say in a note that Go's compiler made it (the build identifier that its linker puts into the first page)? What cannot
 * be read says nothing.
 */
bool load_is_go(int fd);

/*
 * Loads the program open at fd into p->mem, builds stack and vDSO, and sets t's pc and sp. argv and envp are
 * NULL-terminated; path is what AT_EXECFN says. Sets p's fields for the stack, vDSO and arguments. On failure: false,
 * a message, and nothing left mapped. The guest's space must be fresh.
 */
bool load_program(struct kit_process *p, struct kit_thread *t, int fd, const char *path,
		  char *const *argv, char *const *envp, struct diag *d);

#endif
