/*
 * Names of translated code for perf(1).
 *
 *   --perfmap   /tmp/perf-PID.map, a line a unit, which perf report reads by itself
 *   --jitdump   jit-PID.dump in the folder where kitemu was started, with the code: perf record -k mono, perf inject --jit
 *
 * Files are opened for each record, so that there is no state but the process that the last one was written for: a fork's
 * child starts its own files with all units that it has.
 */
#include "runtime/jit/show.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MODE = 0644,
	JITDUMP_MAGIC = 0x4a695444,
	CODE_LOAD = 0,
	CODE_DEBUG_INFO = 2,
	FUNCTION_BYTES = 256,
	NAME_BYTES = 640,
	PATH_BYTES = 4200
};

struct dump_header {
	uint32_t magic, version, size_bytes, machine, pad, pid;
	uint64_t time_ns, flags;
};

struct dump_load {
	uint32_t id, size_bytes;
	uint64_t time_ns;
	uint32_t pid, tid;
	uint64_t vma, code, code_bytes, index;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Where a line is: of one row, since only faults lead from code back to the guest's instructions. */
struct dump_debug {
	uint32_t id, size_bytes;
	uint64_t time_ns;
	uint64_t code, rows;
	struct {
		uint64_t code;
		uint32_t line, discriminator;
	} row;
};

void jit_set_places(struct jit *j, jit_find_place *find, void *ctx)
{
	j->perf.find = find;
	j->perf.ctx = ctx;
}

static void find_place(const struct jit *j, const struct tc_unit *u, struct jit_place *p)
{
	*p = (struct jit_place){ 0 };
	if (j->perf.find)
		j->perf.find(j->perf.ctx, u->gpc, p);
}

/* main+0x1e[prog.c:12]; without spaces, at which readers of the map may cut. */
static unsigned name_of(const struct tc_unit *u, const struct jit_place *p, char name[NAME_BYTES])
{
	const char *slash = p->file ? strrchr(p->file, '/') : NULL;
	unsigned n;

	if (p->function)
		n = (unsigned)snprintf(name, NAME_BYTES, "%.*s+0x%llx", FUNCTION_BYTES, p->function,
				       (unsigned long long)p->offset);
	else
		n = (unsigned)snprintf(name, NAME_BYTES, "rv64:0x%llx", (unsigned long long)u->gpc);
	if (p->file)
		n += (unsigned)snprintf(name + n, NAME_BYTES - n, "[%.*s:%u]", FUNCTION_BYTES,
					slash ? slash + 1 : p->file, p->line);
	return n;
}

static void put(int fd, const void *bytes, size_t n)
{
	if (write(fd, bytes, n) < 0)
		return; /* a full disk must not stop the guest */
}

static void add_to_map(int fd, const struct jit *j, const struct tc_unit *u)
{
	char line[NAME_BYTES + 64], name[NAME_BYTES];
	struct jit_place p;

	find_place(j, u, &p);
	name_of(u, &p, name);
	put(fd, line,
	    (size_t)snprintf(line, sizeof line, "%llx %x %s\n",
			     (unsigned long long)(uintptr_t)u->code, u->size_bytes, name));
}

/* Before the code's own record. */
static void add_line(int fd, const struct tc_unit *u, const struct jit_place *p)
{
	const size_t len = strlen(p->file) + 1;
	struct dump_debug r = { .id = CODE_DEBUG_INFO,
				.size_bytes = (uint32_t)(sizeof r + len),
				.time_ns = now_ns(),
				.code = (uintptr_t)u->code,
				.rows = 1,
				.row = { .code = (uintptr_t)u->code, .line = p->line } };

	put(fd, &r, sizeof r);
	put(fd, p->file, len);
}

static void add_to_dump(int fd, struct jit *j, const struct tc_unit *u)
{
	char name[NAME_BYTES];
	struct jit_place p;
	unsigned len;
	uint64_t at = (uintptr_t)u->code;
	struct dump_load r = { .id = CODE_LOAD,
			       .time_ns = now_ns(),
			       .pid = (uint32_t)getpid(),
			       .tid = (uint32_t)syscall(SYS_gettid),
			       .vma = at,
			       .code = at,
			       .code_bytes = u->size_bytes,
			       .index = j->perf.index++ };

	find_place(j, u, &p);
	if (p.file)
		add_line(fd, u, &p);
	len = name_of(u, &p, name) + 1;
	r.size_bytes = (uint32_t)sizeof r + len + u->size_bytes;
	put(fd, &r, sizeof r);
	put(fd, name, len);
	put(fd, u->code, u->size_bytes);
}

static void begin_dump(int fd)
{
	struct dump_header h = { .magic = JITDUMP_MAGIC,
				 .version = 1,
				 .size_bytes = sizeof h,
				 .machine = CODEMEM_ELF_MACHINE,
				 .pid = (uint32_t)getpid(),
				 .time_ns = now_ns() };

	put(fd, &h, sizeof h);
	codemem_show_file(fd); /* perf record finds the file by that */
}

static int open_file(const char *folder, const char *name, int pid, const char *suffix, bool new)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s/%s%d%s", folder, name, pid, suffix);
	return open(path,
		    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (new ? O_TRUNC : 0),
		    FILE_MODE);
}

/* The files that are open; -1: not asked for. */
struct perf_files {
	int map, dump;
};

static void add_unit(const struct perf_files *f, struct jit *j, const struct tc_unit *u)
{
	if (f->map >= 0)
		add_to_map(f->map, j, u);
	if (f->dump >= 0)
		add_to_dump(f->dump, j, u);
}

/* A forked child has files of its own, which begin with what its parent has translated. */
void perf_add(struct jit *j, const struct tc_unit *u)
{
	const int pid = getpid();
	const bool new = pid != j->perf.pid;
	const struct perf_files f = {
		.map = j->opt->perfmap ? open_file("/tmp", "perf-", pid, ".map", new) : -1,
		.dump = j->opt->jitdump ? open_file(j->perf.folder, "jit-", pid, ".dump", new) : -1,
	};

	if (new &&f.dump >= 0)
		begin_dump(f.dump);
	for (unsigned s = 0; new &&s < TC_SEGMENTS; s++)
		for (unsigned i = 0; i < j->tc.seg[s].unit_count; i++)
			add_unit(&f, j, j->tc.seg[s].place[i].unit);
	if (!new)
		add_unit(&f, j, u);
	j->perf.pid = pid;
	if (f.map >= 0)
		close(f.map);
	if (f.dump >= 0)
		close(f.dump);
}
