/* Files of a tree of processes; see ownfile.h. Written to also from signal handlers: nothing here allocates but ownfile_open. */
#include "runtime/sys/ownfile.h"

#include "runtime/sys/exec.h"
#include "runtime/sys/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_BYTES = 256, FILE_MODE = 0666 };

static struct ownfile {
	int fd; /* one more than the descriptor; 0: none */
	bool many, by_thread, d_is_thread, lost;
	const char *path;          /* as the user has it; NULL: no file, but stderr */
	const char *name, *suffix; /* of many: without the folder */
} files[KIT_OWN_FILES];

bool ownfile_is_open(enum kit_own_file which) { return files[which].fd != 0; }
bool ownfile_is_by_thread(enum kit_own_file which) { return files[which].by_thread; }
bool ownfile_is_many(enum kit_own_file which) { return files[which].many; }
int ownfile_fd(enum kit_own_file which) { return files[which].fd - 1; }

int sys_log_fd(void) { return ownfile_fd(KIT_LOG_FILE); }

void ownfile_keep(enum kit_own_file which, int fd) { files[which].fd = sys_fd_hide(fd) + 1; }

void ownfile_give_way(int fd)
{
	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		if (ownfile_fd((enum kit_own_file)i) == fd)
			files[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, fd + 1) + 1;
}

/* The folder of name, "." or up to its last slash. */
static char *folder_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? strndup(name, (size_t)(slash - name) + 1) : strdup(".");
}

static int open_new(const struct ownfile *f, const char *name, bool anew)
{
	char *text, *folder;
	int fd;

	if (f->many) {
		folder = folder_of(name);
		fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		free(folder);
		return fd;
	}
	if (asprintf(&text, "%s%s", name, f->suffix) < 0)
		return -1;
	fd = open(text, O_WRONLY | O_CREAT | (anew ? O_TRUNC : 0) | O_APPEND | O_CLOEXEC | O_NOCTTY,
		  FILE_MODE);
	free(text);
	return fd;
}

bool ownfile_open(enum kit_own_file which, const char *name, const char *suffix, unsigned inherited,
		  bool thread, bool appends, struct diag *d)
{
	struct ownfile *f = &files[which];
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	int fd = (int)inherited - 1;

	*f =
	    (struct ownfile){ .path = name, .name = last, .suffix = suffix, .d_is_thread = thread };
	f->many = strchr(last, '%') || strchr(suffix, '%');
	f->by_thread = strstr(last, "%t") || strstr(suffix, "%t") || (thread && strstr(last, "%d"));
	if (slash && memchr(name, '%', (size_t)(slash - name)))
		return diag_fail(
		    d, KIT_EXIT_INTERNAL,
		    "'%s': only the name of the file may hold %%p, not that of a folder", name);
	/* It may have got lost where the guest closes all that it does not know. */
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		fd = open_new(f, name, inherited == 0 && !appends);
	if (fd < 0)
		return diag_fail(d, KIT_EXIT_INTERNAL, "'%s' cannot be written: %s", name,
				 strerror(errno));
	ownfile_keep(which, fd);
	return true;
}

/* Copies the pattern to at, with numbers in place of %p, %d and %t; what does not fit is cut. */
static char *expand(const struct ownfile *f, const char *pattern, int tid, char *at,
		    const char *end)
{
	for (; *pattern && at < end; pattern++) {
		int n;

		if (*pattern != '%') {
			*at++ = *pattern;
			continue;
		}
		pattern++;
		if (*pattern == 't' || (*pattern == 'd' && f->d_is_thread))
			n = snprintf(at, (size_t)(end - at), "%d", tid);
		else if (*pattern == 'p' || *pattern == 'd')
			n = snprintf(at, (size_t)(end - at), "%d", (int)getpid());
		else
			n = snprintf(at, (size_t)(end - at), "%s", *pattern == '%' ? "%" : "_");
		at = end - at > n ? at + n : (char *)(uintptr_t)end;
		if (!*pattern)
			break;
	}
	return at;
}

void ownfile_keep_stderr(unsigned inherited)
{
	int fd = (int)inherited - 1;

	if (!inherited)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	/* Without one from the beginning there is none for the programs that the guest executes either. */
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		ownfile_keep(KIT_LOG_FILE, fd);
}

/* Once a process, on stderr: by write alone, since signal handlers come here. */
static void tell_loss(struct ownfile *f, int error)
{
	const struct ownfile *log = &files[KIT_LOG_FILE];
	char text[2 * NAME_BYTES];
	int n;

	if (!f->path || __atomic_exchange_n(&f->lost, true, __ATOMIC_RELAXED))
		return;
	n = snprintf(text, sizeof text,
		     "kitemu: '%.*s' cannot be written: %s; lines for it get lost\n", NAME_BYTES,
		     f->path, strerrordesc_np(error));
	if (write(log->fd && !log->path ? log->fd - 1 : STDERR_FILENO, text, (size_t)n) < 0)
		return;
}

void ownfile_put(enum kit_own_file which, const char *lines, size_t size_bytes)
{
	ownfile_put_for(which, (int)syscall(SYS_gettid), lines, size_bytes);
}

void ownfile_put_for(enum kit_own_file which, int tid, const char *lines, size_t size_bytes)
{
	struct ownfile *f = &files[which];
	char name[NAME_BYTES] = "", *end = name + sizeof name - 1, *at;
	int fd = f->fd - 1, saved = errno;

	if (f->many) {
		at = expand(f, f->name, tid, name, end);
		*expand(f, f->suffix, tid, at, end) = 0;
		fd = openat(f->fd - 1, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
			    FILE_MODE);
	}
	while (fd >= 0 && size_bytes) {
		ssize_t n = write(fd, lines, size_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		lines += n;
		size_bytes -= (size_t)n;
	}
	if (size_bytes)
		tell_loss(f, errno);
	if (f->many && fd >= 0)
		close(fd);
	errno = saved;
}
