/*
 * What others see of the process: the kernel is told where the guest's arguments, environment and auxiliary vector lie, so
 * that /proc/PID/cmdline, environ and auxv show the guest, to itself and to ps, and follow what the guest writes there.
 *
 * PR_SET_MM_MAP needs no privilege (CONFIG_CHECKPOINT_RESTORE). Where it is missing, kitemu's own command line shows. The kernel
 * keeps as many auxiliary entries as programs of its own may get; those of Debian 12 and 13 keep fewer than riscv64 has. Then those of the
 * caches, which are 0, are left out of what it shows.
 */
#include "runtime/load/load_priv.h"

#include "lib/base/bits.h"
#include "lib/base/log.h"
#include "runtime/mem/mem.h"

#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static uint64_t host_of(const struct kit_process *p, gaddr a)
{
	return (uintptr_t)mem_host(p->mem, a);
}

static bool describe(const struct prctl_mm_map *m)
{
	return prctl(PR_SET_MM, PR_SET_MM_MAP, m, sizeof *m, 0) == 0;
}

/* The same without the entries of the caches. */
static bool describe_shorter(struct prctl_mm_map m)
{
	__u64 few[64];
	uint32_t n = 0;

	for (uint32_t i = 0; i < m.auxv_size / sizeof *few && n < ARRAY_LEN(few); i += 2) {
		if (m.auxv[i] >= LOAD_AUX_CACHES && m.auxv[i] <= LOAD_AUX_CACHES_END)
			continue;
		few[n++] = m.auxv[i];
		few[n++] = m.auxv[i + 1];
	}
	m.auxv = few;
	m.auxv_size = n * (uint32_t)sizeof *few;
	return describe(&m);
}

void load_present(const struct kit_process *p, const struct load_image *im,
		  const struct load_place *at, gaddr sp, const char *path)
{
	const char *base = strrchr(path, '/');
	/*
	 * kitemu's own heap, as it is: libc goes on using it. It begins with a page that is there already, or the kernel
	 * would make another mapping of what comes: one more to be copied by each fork.
	 */
	const uint64_t heap = (uintptr_t)sbrk(0);
	struct prctl_mm_map m = {
		.start_code = host_of(p, im->low + at->bias),
		.end_code = host_of(p, at->end),
		.start_data = host_of(p, im->low + at->bias),
		.end_data = host_of(p, at->end),
		.start_brk = heap - MEM_PAGE_BYTES,
		.brk = heap,
		.start_stack = host_of(p, sp),
		.arg_start = host_of(p, p->arg_start),
		.arg_end = host_of(p, p->arg_end),
		.env_start = host_of(p, p->env_start),
		.env_end = host_of(p, p->env_end),
		.auxv = mem_host(p->mem, p->auxv_start),
		.auxv_size = (uint32_t)(p->auxv_end - p->auxv_start),
		.exe_fd = (uint32_t)-1,
	};

	if (!describe(&m) && !(errno == EINVAL && describe_shorter(m)))
		KIT_LOG(load, "the kernel takes no description of the process: %s",
			strerror(errno));
	prctl(PR_SET_NAME, base ? base + 1 : path);
}
