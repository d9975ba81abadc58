/*
 * execve and execveat; see exec.h.
 *
 *   file --> "#!" line? --> its interpreter's file, at most five times over
 *        --> riscv64 ELF? --> kitemu again, with KITEMU_EXEC in the environment
 *        --> anything else: the host kernel's execve, with the guest's arguments as they are
 *
 * A chain of scripts that ends at a host program is the kernel's work too. Errors are the kernel's: what
 * it would find before the point of no return is looked for here in its order.
 *
 * A program that may be executed but not read cannot be run: EACCES. One that is set-user-ID is the kernel's to start, if
 * binfmt_misc has an entry that does; else its bits have no effect.
 */
#include "runtime/sys/exec.h"

#include "lib/base/log.h"
#include "runtime/sig/trace.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/seccomp.h"
#include "runtime/sys/strace.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

enum {
	HEAD_BYTES = 256,       /* BINPRM_BUF_SIZE */
	SCRIPTS_MOST = 5,       /* exec_binprm's limit */
	STRINGS_MOST = 6 << 20, /* more do not fit below the kernel's limit of their total size */
	EM_RISCV_NR = 243,
	EHDR_BYTES = 64,                /* of an ELF file */
	RV64_AT_EXECVE_CHECK = 0x10000, /* Linux 6.14 */
};

/* ---- handing over -------------------------------------------------------------------------- */

static int own_fd = -1;

/* Numbers of the variable, before the texts. */
enum { FIELDS = 11, OWN_FILE_AT = 5, LENGTHS_AT = 9 };

_Static_assert(LENGTHS_AT - OWN_FILE_AT == KIT_OWN_FILES, "fields of the variable");

bool sys_exec_encode(char *out, size_t size_bytes, int exe_fd, int self_fd,
		     const struct kit_options *o, const char *name, const char *path)
{
	const char *inherited = o->inherited ? o->inherited : "";
	int n = snprintf(
	    out, size_bytes, SYS_EXEC_VAR "v4:%x:%x:%x:%llx:%llx:%x:%x:%x:%x:%zx:%zx:%s%s%s",
	    (unsigned)exe_fd, (unsigned)self_fd, o->filters, (unsigned long long)o->host_features,
	    (unsigned long long)o->trace, o->own_file[0], o->own_file[1], o->own_file[2],
	    o->own_file[3], strlen(inherited), strlen(name), inherited, name, path);

	return n > 0 && (size_t)n < size_bytes;
}

/* Reads the numbers; returns the texts, or NULL when it is not what sys_exec_encode writes. */
static const char *decode_fields(const char *s, uint64_t f[FIELDS])
{
	if (strncmp(s, "v4:", 3) != 0)
		return NULL;
	s += 3;
	for (unsigned i = 0; i < FIELDS; i++) {
		char *end;

		f[i] = strtoull(s, &end, 16);
		if (end == s || *end != ':')
			return NULL;
		s = end + 1;
	}
	return f[LENGTHS_AT] <= strlen(s) && f[LENGTHS_AT + 1] <= strlen(s) - f[LENGTHS_AT] ? s
											    : NULL;
}

bool sys_exec_decode(int argc, char **argv, char **envp, struct kit_options *opt,
		     struct sys_exec_handover *h)
{
	const size_t len = strlen(SYS_EXEC_VAR);
	uint64_t f[FIELDS];
	const char *text;
	char **e = envp;

	while (*e && strncmp(*e, SYS_EXEC_VAR, len) != 0)
		e++;
	if (!*e || !(text = decode_fields(*e + len, f))
	    || fcntl((int)f[0], F_SETFD, FD_CLOEXEC) < 0)
		return false;
	if ((int)f[1] >= 0 && fcntl((int)f[1], F_SETFD, FD_CLOEXEC) == 0)
		own_fd = (int)f[1];
	opt->filters = (unsigned)f[2];
	opt->host_features = f[3];
	opt->trace = f[4];
	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		opt->own_file[i] = (unsigned)f[OWN_FILE_AT + i];
	opt->inherited = strndup(text, f[LENGTHS_AT]);
	text += f[LENGTHS_AT];
	*h = (struct sys_exec_handover){ .name = strndup(text, f[LENGTHS_AT + 1]),
					 .path = text + f[LENGTHS_AT + 1],
					 .fd = (int)f[0],
					 .argv = argv,
					 .envp = envp };
	KIT_CHECK(h->name && opt->inherited, "out of memory");
	for (; *e; e++)
		e[0] = e[1];
	return true;
}

/*
 * Without /proc, as in many a chroot: the name that kitemu was started by, where that is still its file. By binfmt_misc it is
 * the guest's.
 */
static int open_by_name(void)
{
	extern const char __ehdr_start[]; /* the linker's: this program's own header */
	const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	char found[EHDR_BYTES];

	if (fd >= 0
	    && (read(fd, found, sizeof found) != sizeof found
		|| memcmp(found, __ehdr_start, sizeof found) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int sys_exec_self_fd(void)
{
	if (own_fd < 0)
		own_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (own_fd < 0)
		own_fd = open_by_name();
	if (own_fd >= 0)
		own_fd = sys_fd_hide(own_fd);
	return own_fd;
}

/* ---- what a file is ------------------------------------------------------------------------ */

struct exec_file {
	int fd; /* open for reading; -1: it may only be executed */
	bool set_id;
	size_t head_bytes;
	unsigned char head[HEAD_BYTES + 1]; /* zero-terminated */
};

enum exec_kind { EXEC_HOST, EXEC_GUEST, EXEC_SCRIPT, EXEC_BAD };

static uint64_t field(const struct exec_file *f, unsigned at, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, f->head + at, n);
	return v;
}

/*
 * A riscv64 ELF file is checked as far as the kernel does before the point of no return
 * (load_elf_binary): kind of file, size and presence of the program headers.
 */
static enum exec_kind exec_kind(const struct exec_file *f)
{
	enum {
		E_TYPE = 16,
		E_MACHINE = 18,
		E_PHOFF = 32,
		E_PHENTSIZE = 54,
		E_PHNUM = 56,
		EHDR = 64,
		PHDR = 56,
		PHDRS_MOST_BYTES = 65536, /* as in Linux */
	};
	uint64_t type, at, bytes;
	char last;

	if (f->head_bytes >= 2 && !memcmp(f->head, "#!", 2))
		return EXEC_SCRIPT;
	if (f->head_bytes < EHDR || memcmp(f->head, "\177ELF\2\1", 6) != 0
	    || field(f, E_MACHINE, 2) != EM_RISCV_NR)
		return EXEC_HOST;
	type = field(f, E_TYPE, 2);
	bytes = field(f, E_PHNUM, 2) * PHDR;
	if ((type != 2 && type != 3) || field(f, E_PHENTSIZE, 2) != PHDR || !bytes
	    || bytes > PHDRS_MOST_BYTES)
		return EXEC_BAD;
	at = field(f, E_PHOFF, 8);
	if (at > INT64_MAX || pread(f->fd, &last, 1, (off_t)(at + bytes - 1)) != 1)
		return EXEC_BAD;
	return EXEC_GUEST;
}

/*
 * May the file behind fd be executed? As access(2), with the effective ids: noexec mounts count. *set_id: it would run with
 * other ids.
 */
static int64_t may_execute(int fd, bool *set_id)
{
	struct stat s;
	char link[32];
	int64_t r;

	if (fstat(fd, &s) < 0)
		return -errno;
	if (!S_ISREG(s.st_mode))
		return -EACCES;
	*set_id =
	    (s.st_mode & S_ISUID && s.st_uid != geteuid())
	    || ((s.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && s.st_gid != getegid());
	r = host_call(__NR_faccessat2, fd, (long)"", X_OK, AT_EMPTY_PATH | AT_EACCESS, 0, 0);
	if (r != -ENOSYS && r != -EPERM)
		return r;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd); /* before Linux 5.8 */
	return access(link, X_OK) < 0 ? -errno : 0;
}

/* The host's open for reading of what execveat names. */
static int64_t open_named(struct kit_thread *t, int dirfd, const char *path, int flags)
{
	const int how = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK; /* a FIFO must not block */
	struct sys_proc_file file;
	char link[32];

	if (!*path && (flags & AT_EMPTY_PATH)) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
		if (fcntl(dirfd, F_GETFD) < 0)
			return -EBADF;
		return host_call(__NR_openat, AT_FDCWD, (long)link, how, 0, 0, 0);
	}
	file = sys_proc_find_copy(t, dirfd, path);
	if (file.what == SYS_PROC_EXE)
		return sys_proc_open(t, file, how);
	return host_call(__NR_openat, dirfd, (long)path,
			 how | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0, 0, 0);
}

/* An O_PATH descriptor, to look at a file that cannot be read. */
static int64_t look(int dirfd, const char *path, int flags)
{
	if (!*path && (flags & AT_EMPTY_PATH))
		return host_call(__NR_fcntl, dirfd, F_DUPFD_CLOEXEC, 0, 0, 0, 0);
	return host_call(__NR_openat, dirfd, (long)path,
			 O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0), 0, 0,
			 0);
}

/* Opens a file to be executed and reads its head. 0 or -errno, as execve's. */
static int64_t open_file(struct kit_thread *t, int dirfd, const char *path, int flags,
			 struct exec_file *f)
{
	int64_t fd = open_named(t, dirfd, path, flags), r;
	bool readable = fd >= 0;
	ssize_t n = 0;

	if (fd == -EACCES || fd == -ENXIO)
		fd = look(dirfd, path, flags);
	if (fd < 0)
		return fd;
	r = may_execute((int)fd, &f->set_id);
	if (r == 0 && readable)
		n = pread((int)fd, f->head, HEAD_BYTES, 0);
	if (r < 0 || n < 0) {
		r = r < 0 ? r : -errno;
		close((int)fd);
		return r;
	}
	f->fd = readable ? (int)fd : -1;
	if (!readable)
		close((int)fd);
	f->head_bytes = (size_t)n;
	memset(f->head + n, 0, sizeof f->head - (size_t)n);
	return 0;
}

/* ---- scripts ------------------------------------------------------------------------------- */

/* The arguments that scripts put in front, outermost interpreter first; argv[0] of the guest goes when any is there. */
struct front {
	unsigned count;
	const char *arg[2 * SCRIPTS_MOST + 1];
	char text[SCRIPTS_MOST][HEAD_BYTES + 1];
};

static void push_front(struct front *f, const char *s)
{
	memmove(f->arg + 1, f->arg, f->count * sizeof *f->arg);
	f->arg[0] = s;
	f->count++;
}

/*
 * Takes the "#!" line apart as binfmt_script does: in place, name and argument (NULL: none) into line. False: ENOEXEC.
 */
static bool parse_script(char *line, size_t n, char **name, char **arg)
{
	char *s = line + 2, *end = memchr(line, '\n', n);

	if (!end) { /* cut off: the name at least must be whole */
		end = line + n;
		s += strspn(s, " \t");
		if (n == HEAD_BYTES && !s[strcspn(s, " \t")])
			return false;
		s = line + 2;
	}
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	s += strspn(s, " \t");
	if (!*s)
		return false;
	*name = s;
	s += strcspn(s, " \t");
	*arg = NULL;
	if (*s) {
		*s++ = 0;
		s += strspn(s, " \t");
		*arg = s;
	}
	return true;
}

/*
 * Follows scripts from f, whose name is *path, to the program in the end. On return f is that program and *path its
 * name; front holds what goes before the guest's arguments.
 */
static int64_t follow_scripts(struct kit_thread *t, struct exec_file *f, const char **path,
			      struct front *front)
{
	for (unsigned depth = 0; exec_kind(f) == EXEC_SCRIPT; depth++) {
		char *text, *name, *arg;
		int64_t r;

		if (depth == SCRIPTS_MOST)
			return -ELOOP;
		text = front->text[depth];
		memcpy(text, f->head, sizeof f->head);
		if (!parse_script(text, f->head_bytes, &name, &arg))
			return -ENOEXEC;
		if (!front->count)
			push_front(front, *path);
		if (arg)
			push_front(front, arg);
		push_front(front, name);
		close(f->fd);
		f->fd = -1;
		r = open_file(t, AT_FDCWD, name, 0, f);
		if (r < 0)
			return r;
		*path = name;
	}
	return 0;
}

/* ---- arguments ----------------------------------------------------------------------------- */

/*
 * The guest's array of strings after the first skip, with the given ones in front, as host pointers in *v on the heap.
 * The strings stay where they are.
 */
static int64_t strings_make(struct kit_thread *t, char ***v, gaddr at, unsigned skip,
			    const char *const *front, unsigned front_count)
{
	uint64_t p = 0;
	size_t n = 0, out = 0;

	for (; at; n++) {
		if (!copy_in(t, &p, at + n * sizeof p, sizeof p))
			return -EFAULT;
		if (!p)
			break;
		if (n == STRINGS_MOST)
			return -E2BIG;
	}
	*v = calloc(n + front_count + 1, sizeof **v);
	if (!*v)
		return -ENOMEM;
	for (unsigned i = 0; i < front_count; i++)
		(*v)[out++] = (char *)(uintptr_t)front[i];
	for (size_t i = skip; i < n; i++) {
		if (!copy_in(t, &p, at + i * sizeof p, sizeof p))
			return -EFAULT;
		(*v)[out++] = (char *)host_ptr(t, p);
	}
	return 0;
}

/* ---- execve -------------------------------------------------------------------------------- */

/* A sample that is asked for while the kernel executes a program would kill that. */
static void stop_samples(struct kit_thread *t, bool stop)
{
	struct kit_process *p = t->proc;

	if (!p->profile)
		return;
	kit_lock(&p->list_lock);
	t->sample.stopped = stop;
	kit_unlock(&p->list_lock);
	/* One that has been asked for is taken at the end of any system call. */
	(void)getppid();
}

/* The host's execveat with signals as the new program must find them. Returns only an error. */
static int64_t host_exec(struct kit_thread *t, int dirfd, const char *path, char **argv,
			 char **envp, int flags)
{
	int64_t r;

	stop_samples(t, true);
	sig_prepare_exec(t);
	if (t->proc->opt.strace)
		strace_exec(t);
	t->is_whole = true;
	if (flags || dirfd != AT_FDCWD)
		r = sig_safe_syscall(t, __NR_execveat, dirfd, (long)path, (long)argv, (long)envp,
				     flags, 0);
	else
		r = sig_safe_syscall(t, __NR_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
	t->is_whole = false;
	sig_cancel_exec(t);
	stop_samples(t, false);
	/* A signal that came in before it: its handler runs, then the call again. */
	return r == -EINTR ? -SIG_ERESTARTNOINTR : r;
}

/* 0: they go along, FD_CLOEXEC: they do not. */
static void keep_own_files(int flags)
{
	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		if (ownfile_fd((enum kit_own_file)i) >= 0)
			fcntl(ownfile_fd((enum kit_own_file)i), F_SETFD, flags);
}

/* Starts kitemu on the riscv64 program open at fd. */
static int64_t exec_kitemu(struct kit_thread *t, int fd, const char *name, const char *path,
			   char **argv, char **envp, char *var, size_t var_bytes)
{
	struct kit_process *p = t->proc;
	struct kit_options opt = p->opt;
	int filters = sys_seccomp_save(t);
	int64_t r = -ENAMETOOLONG;

	if (filters < -1)
		return filters;
	opt.filters = (unsigned)(filters + 1);
	opt.trace = trace_save(t);
	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		opt.own_file[i] = (unsigned)(ownfile_fd((enum kit_own_file)i) + 1);
	keep_own_files(0);
	if (sys_exec_encode(var, var_bytes, fd, p->self_fd, &opt, name, path)) {
		fcntl(fd, F_SETFD, 0);
		if (p->self_fd < 0) {
			r = host_exec(t, AT_FDCWD, "/proc/self/exe", argv, envp, 0);
		} else {
			fcntl(p->self_fd, F_SETFD, 0);
			r = host_exec(t, p->self_fd, "", argv, envp, AT_EMPTY_PATH);
			fcntl(p->self_fd, F_SETFD, FD_CLOEXEC);
		}
	}
	keep_own_files(FD_CLOEXEC);
	if (filters >= 0)
		close(filters);
	return r;
}

struct exec_req {
	int dirfd, flags;
	const char *path;
	gaddr argv, envp;
};

/* The host's execve with the guest's own arguments: scripts are the kernel's, too. */
static int64_t exec_by_kernel(struct kit_thread *t, const struct exec_req *q, char **envp)
{
	char **argv = NULL;
	int64_t r = strings_make(t, &argv, q->argv, 0, NULL, 0);

	if (r == 0)
		r = host_exec(t, q->dirfd, q->path, argv, envp, q->flags);
	free(argv);
	return r;
}

/* name: of what is executed, path: of the program, which are not the same where the first is a script. */
static int64_t run_file(struct kit_thread *t, const struct exec_req *q, struct exec_file *f,
			const char *name, const char *path, const struct front *front)
{
	const struct kit_options *o = &t->proc->opt;
	const size_t var_bytes = 2 * SYS_PATH_MAX + 256 + (o->inherited ? strlen(o->inherited) : 0);
	char *var = malloc(var_bytes);
	const char *var_arg = var;
	enum exec_kind kind = f->fd < 0 ? EXEC_HOST : exec_kind(f);
	bool guest = kind == EXEC_GUEST;
	char **argv = NULL, **envp = NULL;
	int64_t r;

	if (!var)
		return -ENOMEM;
	if (kind == EXEC_BAD) {
		free(var);
		return -ENOEXEC;
	}
	r = guest ? strings_make(t, &argv, q->argv, front->count != 0, front->arg, front->count)
		  : strings_make(t, &argv, q->argv, 0, NULL, 0);
	if (r == 0)
		r = strings_make(t, &envp, q->envp, 0, &var_arg, guest);
	/* Where the memory is a parent's, too, that frees them. */
	t->exec_block[0] = argv;
	t->exec_block[1] = envp;
	t->exec_block[2] = var;
	/* Once, however many ways are tried below. */
	if (r == 0 && !(q->flags & RV64_AT_EXECVE_CHECK) && (guest || !t->seccomp))
		t->proc->ops->farewell(t, 0, true);
	/* Comes back where there is no entry. A filter would not hold there, nor what a tracer has ordered. */
	if (r == 0 && guest && f->set_id && !front->count && !t->seccomp && !trace_is_on(t)
	    && !(q->flags & RV64_AT_EXECVE_CHECK))
		exec_by_kernel(t, q, envp + 1);
	if (r == 0 && guest && !(q->flags & RV64_AT_EXECVE_CHECK)) {
		f->fd = sys_fd_hide(f->fd);
		r = exec_kitemu(t, f->fd, name, path, argv, envp, var, var_bytes);
		/* Without /proc, as in many a chroot, kitemu cannot be named: but binfmt_misc may know it. */
		if (r == -ENOENT && t->proc->self_fd < 0 && !t->seccomp)
			r = exec_by_kernel(t, q, envp + 1);
	} else if (r == 0 && !guest && t->seccomp) {
		KIT_LOG(sys, "[%d] execve of a host program refused: no filter would hold it",
			t->tid);
		r = -EPERM;
	} else if (r == 0 && !guest) {
		r = host_exec(t, q->dirfd, q->path, argv, envp, q->flags);
	}
	memset(t->exec_block, 0, sizeof t->exec_block);
	free(argv);
	free(envp);
	free(var);
	return r;
}

/* What the kernel calls the file in argv of an interpreter and in AT_EXECFN. */
static const char *file_name(const struct exec_req *q, char *buf, size_t size_bytes)
{
	if (q->dirfd == AT_FDCWD || *q->path == '/')
		return q->path;
	snprintf(buf, size_bytes, *q->path ? "/dev/fd/%d/%s" : "/dev/fd/%d", q->dirfd, q->path);
	return buf;
}

static int64_t do_exec(struct kit_thread *t, const struct exec_req *q)
{
	char buf[SYS_PATH_MAX + 32];
	const char *name = file_name(q, buf, sizeof buf), *path = name;
	struct exec_file f = { .fd = -1 };
	struct front front = { 0 };
	int64_t r;

	/* The path is fetched, and found to be empty, before the flags are looked at. */
	if (!*q->path && !(q->flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (q->flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | RV64_AT_EXECVE_CHECK))
		return -EINVAL;
	/* Those that are open from here on are not for others. The kernel waits with this until the call cannot fail any more. */
	if (KIT_UNLIKELY(t->proc->shares_files))
		t->proc->shares_files = unshare(CLONE_FILES) < 0;
	r = open_file(t, q->dirfd, q->path, q->flags, &f);
	if (r == 0 && name == buf && exec_kind(&f) == EXEC_SCRIPT
	    && fcntl(q->dirfd, F_GETFD) & FD_CLOEXEC)
		r = -ENOENT; /* the interpreter could not open it */
	if (r == 0)
		r = follow_scripts(t, &f, &path, &front);
	if (r == 0)
		r = run_file(t, q, &f, name, path, &front);
	if (f.fd >= 0)
		close(f.fd);
	return r;
}

int64_t sys_execve(struct kit_thread *t, const uint64_t *a)
{
	char path[SYS_PATH_MAX];
	struct exec_req q = { .dirfd = AT_FDCWD, .path = path, .argv = a[1], .envp = a[2] };
	int64_t r = sys_copy_path(t, path, a[0]);

	return r < 0 ? r : do_exec(t, &q);
}

int64_t sys_execveat(struct kit_thread *t, const uint64_t *a)
{
	char path[SYS_PATH_MAX];
	struct exec_req q = {
		.dirfd = (int)a[0], .path = path, .argv = a[2], .envp = a[3], .flags = (int)a[4]
	};
	int64_t r = sys_copy_path(t, path, a[1]);

	return r < 0 ? r : do_exec(t, &q);
}
