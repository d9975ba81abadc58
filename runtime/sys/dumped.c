/*
 * The memory in which processes of a tree note that they left a core (runtime/core/dumped.h): a file in memory whose
 * descriptor is handed over at execve. It is made where the first child is born whose core would be written: most trees
 * never have one.
 */
#include "runtime/core/dumped.h"

#include "runtime/sys/marshal.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* It keeps its size. By these, and by that, one that was handed over is known from a file that the guest has put in its place. */
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static bool take(int fd)
{
	struct dumped *table = mem_map_shared(fd, sizeof *table);

	if (!table)
		return false;
	dumped_use(table);
	ownfile_keep(KIT_DUMPED, fd);
	return true;
}

void sys_dumped_inherit(unsigned inherited)
{
	const int fd = (int)inherited - 1;
	struct stat s;

	if (fd >= 0 && fcntl(fd, F_GET_SEALS) == SEALS && fstat(fd, &s) == 0
	    && s.st_size == sizeof(struct dumped) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		take(fd);
	dumped_begin();
}

void sys_dumped_prepare(const struct kit_thread *t)
{
	struct rlimit lim;
	int fd;

	/* A vfork child's descriptors are not those of the process whose memory it has. */
	if (KIT_LIKELY(dumped_is_used() || !sig_takes_crashes(t->proc)) || t->heap
	    || getrlimit(RLIMIT_CORE, &lim) < 0 || !lim.rlim_cur)
		return;
	fd = (int)host_call(__NR_memfd_create, (long)"cores", MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0,
			    0, 0);
	if (fd >= 0
	    && (ftruncate(fd, sizeof(struct dumped)) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0
		|| !take(fd)))
		close(fd);
}
