/* Memory calls beyond mmap and its like: pages and processes named in vectors, sealing. */
#include "runtime/sys/marshal.h"
#include "runtime/sys/sys_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

int64_t sys_move_pages(struct kit_thread *t, const uint64_t *a)
{
	enum { PART = 512 };
	long page[PART];
	uint64_t count = a[1];
	int64_t r, left = 0;

	if (!a[2] || !count) /* nothing to convert: the kernel has the other arguments to look at */
		return host_call(__NR_move_pages, (long)a[0], (long)count, host_ptr(t, a[2]),
				 host_ptr(t, a[3]), host_ptr(t, a[4]), (long)a[5]);
	for (uint64_t done = 0; done < count; done += PART) {
		uint64_t n = count - done < PART ? count - done : PART;

		if (!copy_in(t, page, a[2] + done * sizeof *page, n * sizeof *page))
			return -EFAULT;
		for (uint64_t i = 0; i < n; i++)
			page[i] = marshal_mapped(t, (gaddr)page[i]);
		r = host_call(__NR_move_pages, (long)a[0], (long)n, (long)page,
			      a[3] ? host_ptr(t, a[3] + done * sizeof(int)) : 0,
			      a[4] ? host_ptr(t, a[4] + done * sizeof(int)) : 0, (long)a[5]);
		if (r < 0)
			return r;
		left += r;
	}
	return left;
}

/* True when the process descriptor is this process's. */
static bool is_self(int fd)
{
	enum { PIDFD_SELF_THREAD = -10000, PIDFD_SELF_PROCESS = -10001 }; /* linux/pidfd.h, 6.14 */
	char path[40], line[64];
	int pid = 0;
	FILE *f;

	if (fd == PIDFD_SELF_THREAD || fd == PIDFD_SELF_PROCESS)
		return true;
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "Pid:", 4))
			sscanf(line, "Pid: %d", &pid);
	if (f)
		fclose(f);
	return pid == getpid();
}

/* Advice on our own memory is madvise: mem has to know what goes. */
static int64_t advise_self(struct kit_thread *t, const struct iovec *v, uint64_t n, int advice)
{
	int64_t done = 0, r;

	for (uint64_t i = 0; i < n; i++) {
		r = mem_madvise(t->proc->mem, mem_guest(t->proc->mem, v[i].iov_base), v[i].iov_len,
				advice);
		if (r < 0)
			return done ? done : r;
		done += (int64_t)v[i].iov_len;
	}
	return done;
}

int64_t sys_process_madvise(struct kit_thread *t, const uint64_t *a)
{
	enum { IOV_MOST = 1024 };
	struct iovec v[IOV_MOST];
	uint64_t n = a[2];

	if (!marshal_iovec(t, a[1], n, false, v))
		return host_call(__NR_process_madvise, (long)a[0], host_no_ptr(a[1]), (long)n,
				 (long)a[3], (long)a[4], 0);
	/* With no vector at all the kernel checks the other arguments. */
	if (!a[4] && is_self((int)a[0])) {
		int64_t r =
		    host_call(__NR_process_madvise, (long)a[0], (long)v, 0, (long)a[3], 0, 0);

		return r < 0 ? r : advise_self(t, v, n, (int)a[3]);
	}
	return host_call(__NR_process_madvise, (long)a[0], (long)v, (long)n, (long)a[3], (long)a[4],
			 0);
}

/* Sealed memory can no more be made read-only to guard code: the guards go first. */
int64_t sys_mseal(struct kit_thread *t, const uint64_t *a)
{
	struct mem_space *m = t->proc->mem;

	if (!mem_inside(m, a[0], a[1]))
		return a[0] % MEM_PAGE_BYTES || a[0] + a[1] < a[0] || a[2] ? -EINVAL : -ENOMEM;
	if (a[1] && a[0] % MEM_PAGE_BYTES == 0 && !a[2] && !mem_access_ok(m, a[0], a[1], 0))
		return -ENOMEM; /* with a base the host sees no hole */
	mem_unguard(m, a[0], a[1]);
	return host_call(__NR_mseal, (long)mem_host(m, a[0]), (long)a[1], (long)a[2], 0, 0, 0);
}
