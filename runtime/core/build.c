/* Which build this is; see build.h. */
#include "runtime/core/build.h"

#include "lib/base/bits.h"
#include "lib/base/hash.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

/* The build identifier in a note segment. */
static uint64_t find_build_id(const uint8_t *note, size_t bytes)
{
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes;) {
		const Elf64_Nhdr *h = (const void *)(note + at);
		const size_t name = at + sizeof *h, desc = name + align_up(h->n_namesz, 4);

		if (desc + h->n_descsz > bytes)
			break;
		if (h->n_type == NT_GNU_BUILD_ID && h->n_namesz == 4
		    && !memcmp(note + name, "GNU", 4))
			return kit_hash(note + desc, h->n_descsz);
		at = desc + align_up(h->n_descsz, 4);
	}
	return 0;
}

uint64_t kit_build_key(void)
{
	const Elf64_Phdr *ph =
	    (const void *)getauxval(AT_PHDR); /* NOLINT(performance-no-int-to-ptr) */
	const unsigned n = ph ? (unsigned)getauxval(AT_PHNUM) : 0;
	uint64_t bias = 0, id = 0;

	for (unsigned i = 0; i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			bias = (uintptr_t)ph - ph[i].p_vaddr;
	for (unsigned i = 0; i < n && !id; i++)
		if (ph[i].p_type == PT_NOTE)
			id = find_build_id(
			    (const uint8_t
				 *)(uintptr_t)(bias
					       + ph[i]
						     .p_vaddr), /* NOLINT(performance-no-int-to-ptr) */
			    ph[i].p_memsz);
	return id;
}
