/* Whether a program was made by Go's compiler; see load.h. From the file alone: the translator wants it before anything is mapped. */
#include "lib/base/log.h"
#include "runtime/load/load.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096 };

struct head {
	_Alignas(8) char bytes[HEAD_BYTES];
	size_t size_bytes; /* as many as there are */
};

/* What lies at an offset, which align divides; NULL: not all of it is there. */
static const void *at(const struct head *h, uint64_t offset, uint64_t size_bytes, uint64_t align)
{
	if (offset % align || offset > h->size_bytes || size_bytes > h->size_bytes - offset)
		return NULL;
	return h->bytes + offset;
}

/* Notes, "ELF-64 Object File Format", 6: each a header, its owner's name and what that has to say, padded to words. */
static bool has_go_note(const struct head *h, const Elf64_Phdr *ph)
{
	static const char owner[] = "Go\0"; /* the linker pads it to a word within */
	uint64_t offset = ph->p_offset, end = ph->p_offset + ph->p_filesz;
	const Elf64_Nhdr *n;

	while (offset < end && (n = at(h, offset, sizeof *n, 4))) {
		const char *name = at(h, offset + sizeof *n, n->n_namesz, 4);

		if (name && n->n_namesz == sizeof owner && !memcmp(name, owner, sizeof owner))
			return true;
		offset += sizeof *n + align_up(n->n_namesz, 4) + align_up(n->n_descsz, 4);
	}
	return false;
}

bool load_is_go(int fd)
{
	struct head h;
	const ssize_t got = pread(fd, h.bytes, sizeof h.bytes, 0);
	const Elf64_Ehdr *eh;
	const Elf64_Phdr *ph;

	h.size_bytes = got < 0 ? 0 : (size_t)got;
	eh = at(&h, 0, sizeof *eh, 8);
	if (!eh || eh->e_phentsize != sizeof *ph)
		return false;
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		ph = at(&h, eh->e_phoff + i * sizeof *ph, sizeof *ph, 8);
		if (!ph)
			return false;
		if (ph->p_type == PT_NOTE && has_go_note(&h, ph)) {
			KIT_LOG(load, "code of Go's compiler");
			return true;
		}
	}
	return false;
}
