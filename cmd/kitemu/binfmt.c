/* Entries of binfmt_misc; see binfmt.h. */
#include "cmd/kitemu/binfmt.h"

#include "lib/base/strbuf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FOLDER "/proc/sys/fs/binfmt_misc"

enum { BINFMTFS = 0x42494e4d, PRESERVES_ARGV0 = 1, ENTRY_BYTES = 4096 };

/* An ELF file of 64 bits, little-endian, of version 1 and any ABI, ET_EXEC or ET_DYN, for machine 243. */
static const char magic[] = "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
			    "\\x02\\x00\\xf3\\x00";
static const char mask[] =
    "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
    "\\xfe\\xff\\xff\\xff";
/* The same as entries show it. */
static const char shown_magic[] = "7f454c460201010000000000000000000200f300";

/* ---- started by the kernel --------------------------------------------------------------------- */

bool binfmt_handover(int argc, char **argv, char **envp, struct kit_program *prog)
{
	bool keeps_argv0 = getauxval(AT_FLAGS) & PRESERVES_ARGV0;
	int fd;

	errno = 0;
	fd = (int)getauxval(AT_EXECFD);
	if (errno)
		fd = -1; /* an entry without O, or none */
	if ((fd < 0 && !keeps_argv0) || argc < 2 + keeps_argv0)
		return false;
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	*prog = (struct kit_program){
		.path = argv[1], .fd = fd, .argv = argv + 1 + keeps_argv0, .envp = envp
	};
	return true;
}

/* ---- the entry --------------------------------------------------------------------------------- */

static const char *name_of(const struct cmd_line *c)
{
	return c->binfmt_name ? c->binfmt_name : "kitemu-riscv64";
}

/* Before Linux 5.12 nobody says whether argv[0] was kept. */
static bool kernel_tells_of_argv0(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2
	       && (major > 5 || (major == 5 && minor >= 12));
}

/* The line that makes the entry, for the kernel and for binfmt.d. */
static bool make_line(const struct cmd_line *c, struct strbuf *b, struct diag *d)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return diag_fail(d, KIT_EXIT_INTERNAL, "/proc/self/exe: %s: mount /proc",
				 strerror(errno));
	self[n] = 0;
	if (strchr(self, ':'))
		return diag_fail(d, KIT_EXIT_INTERNAL,
				 "%s: the kernel takes no ':' in this path: put kitemu elsewhere",
				 self);
	strbuf_printf(b, ":%s:M::%s:%s:%s:%sOF%s\n", name_of(c), magic, mask, self,
		      kernel_tells_of_argv0() ? "P" : "", c->credentials ? "C" : "");
	return true;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
}

/* The entry's text; false: there is none. */
static bool read_entry(const char *name, char text[ENTRY_BYTES])
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, FOLDER "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, ENTRY_BYTES - 1);
		close(fd);
	}
	text[n < 0 ? 0 : n] = 0;
	return n >= 0;
}

static bool is_mounted(void)
{
	struct statfs s;

	return statfs(FOLDER, &s) == 0 && s.f_type == BINFMTFS;
}

static bool mount_here(struct diag *d)
{
	if (mount("binfmt_misc", FOLDER, "binfmt_misc", 0, NULL) == 0)
		return true;
	if (errno == ENODEV || errno == ENOENT)
		return diag_fail(
		    d, KIT_EXIT_INTERNAL,
		    "this kernel has no binfmt_misc: modprobe binfmt_misc, or CONFIG_BINFMT_MISC");
	if (errno == EPERM || errno == EACCES)
		return diag_fail(d, KIT_EXIT_INTERNAL,
				 "this needs root's rights: sudo kitemu --binfmt=..., or from "
				 "Linux 6.7 on a "
				 "user namespace: unshare --user --map-root-user --mount");
	return diag_fail(d, KIT_EXIT_INTERNAL, FOLDER " cannot be mounted: %s", strerror(errno));
}

static bool remove_entry(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, FOLDER "/%s", name);
	return write_file(path, "-1");
}

/*
 * Makes the entry anew. In a user namespace the folder may show the instance of the machine, which is not ours to
 * change: then one of our own is mounted over it.
 */
static bool install(const struct cmd_line *c, struct diag *d)
{
	struct strbuf line = STRBUF_INIT;
	bool mounted = is_mounted(), done;

	if (!make_line(c, &line, d) || (!mounted && !mount_here(d)))
		return false;
	remove_entry(name_of(c));
	done = write_file(FOLDER "/register", line.s);
	if (!done && (errno == EACCES || errno == EPERM || errno == EROFS) && mounted) {
		if (!mount_here(d))
			return false;
		done = write_file(FOLDER "/register", line.s);
	}
	if (!done)
		return diag_fail(d, KIT_EXIT_INTERNAL, FOLDER "/register: %s", strerror(errno));
	strbuf_fini(&line);
	if (c->credentials)
		fputs("kitemu: warning: with --binfmt-credentials a set-user-ID riscv64 program "
		      "runs kitemu with its owner's "
		      "rights, root's in most cases: a fault in kitemu is then a way to them. "
		      "Remove the entry where "
		      "users are not trusted.\n",
		      stderr);
	printf("%s: riscv64 programs are run by kitemu now\n", name_of(c));
	return true;
}

/* Entries whose magic is riscv64's, ours and others'. */
static unsigned print_entries(const char *ours)
{
	DIR *dir = opendir(FOLDER);
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir))) {
		char text[ENTRY_BYTES];

		if (*e->d_name == '.' || !strcmp(e->d_name, "register")
		    || !strcmp(e->d_name, "status") || !read_entry(e->d_name, text))
			continue;
		if (strcmp(e->d_name, ours) != 0 && !strstr(text, shown_magic))
			continue;
		printf("%s%s:\n%s", e->d_name,
		       strcmp(e->d_name, ours) != 0 ? " (not kitemu's own)" : "", text);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static bool print_status(const struct cmd_line *c, struct diag *d)
{
	char text[ENTRY_BYTES];

	if (!is_mounted())
		return diag_fail(d, 1,
				 "binfmt_misc is not mounted; kitemu --binfmt=install does that");
	if (read_entry("status", text) && strncmp(text, "enabled", 7) != 0)
		printf("binfmt_misc is switched off: echo 1 > " FOLDER "/status\n");
	if (!print_entries(name_of(c)))
		puts("there is no entry for riscv64 programs; kitemu --binfmt=install makes one");
	return read_entry(name_of(c), text) || diag_fail(d, 1, "%s is not registered", name_of(c));
}

static bool remove_ours(const struct cmd_line *c, struct diag *d)
{
	char text[ENTRY_BYTES];

	/* A container sees its host's entries once it has mounted the folder, too. */
	if (!is_mounted() && !mount_here(d))
		return false;
	if (!read_entry(name_of(c), text)) {
		printf("%s: there is no such entry\n", name_of(c));
		return true;
	}
	if (!remove_entry(name_of(c)))
		return diag_fail(d, KIT_EXIT_INTERNAL, "%s cannot be removed: %s", name_of(c),
				 strerror(errno));
	printf("%s: removed\n", name_of(c));
	return true;
}

bool binfmt_do(const struct cmd_line *c, struct diag *d)
{
	struct strbuf line = STRBUF_INIT;

	switch (c->binfmt) {
	case BINFMT_INSTALL:
		return install(c, d);
	case BINFMT_REMOVE:
		return remove_ours(c, d);
	case BINFMT_STATUS:
		return print_status(c, d);
	default:
		if (!make_line(c, &line, d))
			return false;
		printf("# For /etc/binfmt.d/%s.conf: see binfmt.d(5); kitemu --binfmt=print writes "
		       "it.\n%s",
		       name_of(c), line.s);
		strbuf_fini(&line);
		return true;
	}
}
