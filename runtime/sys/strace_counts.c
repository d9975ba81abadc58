/*
 * strace's -c: how often calls were made, in all processes of a tree.
 *
 * They count in memory that they share (strace_out.h). The process that made it prints the table when it ends.
 */
#include "runtime/sys/strace_conf.h"
#include "runtime/sys/strace_out.h"

#include <stdlib.h>
#include <string.h>

void strace_count(uint64_t nr, unsigned calls, uint64_t ns, bool failed)
{
	struct strace_count *c = &strace_shared_counts()->call[nr % SYS_ROWS];

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
	const struct strace_count *call = strace_shared_counts()->call, *x = &call[i],
				  *y = &call[j];
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

static void put_row(struct strbuf *b, const struct strace_count *c, uint64_t all_ns,
		    const char *name)
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

void strace_counts_end(struct kit_thread *t)
{
	static const char line[] =
	    "------ ----------- ----------- --------- --------- ----------------\n";
	const struct strace_counts *counts = strace_shared_counts();
	struct strbuf b = STRBUF_INIT;
	struct strace_count all = { 0 };
	unsigned order[SYS_ROWS], n = 0;

	if (!strace_conf.counts || counts->pid != getpid())
		return;
	for (unsigned nr = 0; nr < SYS_ROWS; nr++) {
		const struct strace_count *c = &counts->call[nr];

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
	strace_out_begin(t);
	strace_out_put(t, &b, NULL);
	strace_out_end(t);
	strbuf_fini(&b);
}
