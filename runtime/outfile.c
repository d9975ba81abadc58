/* See outfile.h. */
#include "runtime/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The whole of fd's file, zero-terminated, on the heap. */
static char *read_all(int fd, size_t *n)
{
	struct stat st;
	ssize_t got = 0;
	char *text;

	*n = 0;
	if (fstat(fd, &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		return NULL;
	while (*n < (size_t)st.st_size
	       && (got = pread(fd, text + *n, (size_t)st.st_size - *n, (off_t)*n)) > 0)
		*n += (size_t)got;
	text[*n] = 0;
	return text;
}

static bool write_all(int fd, const struct strbuf *b)
{
	for (size_t n = 0; n < b->len;) {
		ssize_t got = pwrite(fd, b->s + n, b->len - n, (off_t)n);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return ftruncate(fd, (off_t)b->len) == 0;
}

bool outfile_merge(const char *path, outfile_fn *fn, void *ctx)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	struct strbuf out = STRBUF_INIT;
	char *old = NULL;
	size_t n;
	bool ok = fd >= 0 && flock(fd, LOCK_EX) == 0 && (old = read_all(fd, &n))
		  && fn(ctx, old, n, &out) && write_all(fd, &out);

	strbuf_fini(&out);
	free(old);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool outfile_try(const char *path)
{
	/* A pipe that nobody reads yet is no reason to wait, or to give up. */
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

	if (fd < 0)
		return errno == ENXIO;
	close(fd);
	return true;
}
