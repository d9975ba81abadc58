/*
 * strace's -c: how often calls were made, in all processes of a tree.
 *
 * They count in one shared file without a name, whose descriptor goes along as those of ownfile.h do. The
 * process that made it prints the table when it ends.
 */
#include "runtime/sys/ownfile.h"
#include "runtime/sys/strace.h"
#include "runtime/sys/strace_conf.h"

#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>

struct count {
	uint64_t calls, errors, ns; /* atomic */
};

static struct counts {
	int32_t pid; /* of the process that prints them */
	struct count call[SYS_ROWS];
} * counts;

bool strace_counts_open(unsigned inherited, struct diag *d)
{
	int fd = (int)inherited - 1;
	bool made = fd < 0;

	if (made)
		fd = (int)host_call(__NR_memfd_create, (long)"strace", MFD_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0 || (made && ftruncate(fd, sizeof *counts) < 0)
	    || !(counts = mem_map_shared(fd, sizeof *counts)))
		return diag_fail(d, KIT_EXIT_INTERNAL, "no memory to count system calls in");
	if (made)
		counts->pid = getpid();
	ownfile_keep(KIT_STRACE_COUNTS, fd);
	return true;
}

void strace_count(uint64_t nr, unsigned calls, uint64_t ns, bool failed)
{
	struct count *c = &counts->call[nr % SYS_ROWS];

	__atomic_fetch_add(&c->calls, calls, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->errors, failed, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->ns, ns, __ATOMIC_RELAXED);
}

static const char *name_of(unsigned nr)
{
	const struct sys_row *r = sys_row_find(nr);

	return r ? r->name : "(unknown)";
}

static int larger_first(uint64_t x, uint64_t y) { return (x < y) - (x > y); }

static int in_order(const void *a, const void *b)
{
	const unsigned i = *(const unsigned *)a, j = *(const unsigned *)b;
	const struct count *x = &counts->call[i], *y = &counts->call[j];
	int order = 0;

	if (strace_conf.sort == STRACE_BY_NAME)
		order = strcmp(name_of(i), name_of(j));
	else if (strace_conf.sort == STRACE_BY_ERRORS)
		order = larger_first(x->errors, y->errors);
	else if (strace_conf.sort == STRACE_BY_TIME)
		order = larger_first(x->ns, y->ns);
	if (!order && strace_conf.sort != STRACE_UNSORTED)
		order = larger_first(x->calls, y->calls);
	return order ? order : (i > j) - (i < j);
}

static void put_row(struct strbuf *b, const struct count *c, uint64_t all_ns, const char *name)
{
	const double percent = all_ns ? 100.0 * (double)c->ns / (double)all_ns : 0.0;

	strbuf_printf(b, "%6.2f %11.6f %11llu %9llu ", percent, (double)c->ns / 1e9,
		      (unsigned long long)(c->calls ? c->ns / 1000 / c->calls : 0),
		      (unsigned long long)c->calls);
	if (c->errors)
		strbuf_printf(b, "%9llu %s\n", (unsigned long long)c->errors, name);
	else
		strbuf_printf(b, "%9s %s\n", "", name);
}

void strace_counts_end(void)
{
	static const char line[] =
	    "------ ----------- ----------- --------- --------- ----------------\n";
	struct strbuf b = STRBUF_INIT;
	struct count all = { 0 };
	unsigned order[SYS_ROWS], n = 0;

	if (!counts || counts->pid != getpid())
		return;
	for (unsigned nr = 0; nr < SYS_ROWS; nr++) {
		const struct count *c = &counts->call[nr];

		if (!c->calls)
			continue;
		order[n++] = nr;
		all.calls += c->calls;
		all.errors += c->errors;
		all.ns += c->ns;
	}
	qsort(order, n, sizeof *order, in_order);
	strbuf_printf(&b, "%% time     seconds  usecs/call     calls    errors syscall\n%s", line);
	for (unsigned i = 0; i < n; i++)
		put_row(&b, &counts->call[order[i]], all.ns, name_of(order[i]));
	strbuf_puts(&b, line);
	put_row(&b, &all, all.ns, "total");
	strace_put(&b);
	strbuf_fini(&b);
}
