/* Inside runtime/load: the parts of load_program. */
#ifndef KIT_RUNTIME_LOAD_PRIV_H
#define KIT_RUNTIME_LOAD_PRIV_H

#include "runtime/load/load.h"
#include "runtime/mem/mem.h"

/* Where the image lies now. */
struct load_place {
	gaddr bias; /* added to the file's addresses */
	gaddr entry, phdr;
	gaddr end; /* of the highest segment, page-aligned */
};

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
