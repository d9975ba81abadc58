/* Inside runtime/load: the parts of load_program. */
#ifndef KIT_RUNTIME_LOAD_PRIV_H
#define KIT_RUNTIME_LOAD_PRIV_H

#include "runtime/load/load.h"
#include "runtime/mem/mem.h"

/*
 * Of count rows of row_bytes, which begin with the address where they start and are sorted by it: how many start at pc or
 * below.
 */
static inline unsigned load_starts_to(const void *row, unsigned count, size_t row_bytes, gaddr pc)
{
	unsigned low = 0, high = count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (*(const gaddr *)(const void *)((const char *)row + mid * row_bytes) <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Where the image lies now. */
struct load_place {
	gaddr bias; /* added to the file's addresses */
	gaddr entry, phdr;
	gaddr end; /* of the highest segment, page-aligned */
};

/* Entries of the auxiliary vector for the caches: AT_L1I_CACHESIZE to AT_L3_CACHEGEOMETRY. */
enum { LOAD_AUX_CACHES = 40, LOAD_AUX_CACHES_END = 47 };

/* Maps the vDSO; sets p's vdso_base and sigreturn_pc. 0 or -errno. */
int64_t vdso_map(struct kit_process *p);

/*
 * Maps the stack; sets p's stack fields and where mappings without a hint go. false: a message, nothing mapped.
 */
bool stack_map(struct kit_process *p, const struct load_image *im, struct diag *d);
/*
 * Fills it as the kernel does for execve; sets p's argument fields. The initial stack pointer, or 0 and a message when the
 * strings do not fit. The vDSO must be mapped.
 */
gaddr stack_fill(struct kit_process *p, const struct load_image *im, const struct load_place *at,
		 const char *path, char *const *argv, char *const *envp, struct diag *d);
/* Tells the kernel what to show of the process: the guest, where it can. */
void load_present(const struct kit_process *p, const struct load_image *im,
		  const struct load_place *at, gaddr sp, const char *path);

#endif
