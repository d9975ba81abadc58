/* The map of what has run, and its way into the file; see cover.h. */
#include "runtime/cover.h"

#include "arch/guest.h"
#include "lib/base/log.h"
#include "runtime/core/lock.h"
#include "runtime/core/tally.h"
#include "runtime/drcov.h"
#include "runtime/lcov.h"
#include "runtime/load/debug.h"
#include "runtime/mem/mem.h"
#include "runtime/outfile.h"
#include "runtime/tally_runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the map: level 0 has run it; nobody asks, so it need not be found out. */
enum { RAN = 1, UNASKED = 2 };

struct cover {
	struct guest_ran ran; /* first: kit_process.ran */
	uint8_t *shared; /* of the fork tree: whether its first process has ended; then the map */
	pid_t first;
	bool is_drcov;
	struct kit_lock lock; /* of runs */
	uint64_t *runs;       /* of threads, as a thread has them; NULL: nobody notes them */
	struct arena arena;
	struct debug_info info;
};

static struct cover *cover_of(struct kit_process *p) { return (struct cover *)(void *)p->ran; }

static uint8_t *at(const struct cover *c, gaddr pc)
{
	uint64_t i = (pc - c->ran.start) / 2;

	return i < c->ran.halves ? &c->ran.at[i] : NULL;
}

/* lcov wants to know of code with lines only: all other may run as fast as it can. */
static void ask_for_lines(struct cover *c)
{
	memset(c->ran.at, UNASKED, c->ran.halves);
	for (unsigned i = 0; i < c->info.row_count; i++) {
		const struct debug_row *r = &c->info.row[i];

		for (gaddr pc = r->start; pc < r->end && at(c, pc); pc += 2)
			*at(c, pc) = 0;
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

/* Only drcov asks for libc's code. */
static bool is_drcov(const struct kit_process *p) { return ends_with(p->opt.coverage, ".drcov"); }

bool cover_init(struct kit_process *p, struct diag *d)
{
	struct cover *c = calloc(1, sizeof *c);

	KIT_CHECK(c, "out of memory");
	if (!p->jit || p->opt.selfcheck)
		return diag_fail(d, KIT_EXIT_INTERNAL,
				 "--coverage does not go with --engine=interp or --selfcheck");
	c->ran.start = p->image_start;
	c->ran.halves = (p->image_end - p->image_start) / 2;
	c->shared = mem_shared_new(1 + c->ran.halves);
	if (!c->shared)
		return diag_fail(d, KIT_EXIT_INTERNAL, "--coverage: out of memory");
	c->ran.at = c->shared + 1;
	c->first = getpid();
	c->is_drcov = is_drcov(p);
	if (c->is_drcov && p->runs && !p->ways) {
		p->runs->start = c->ran.start;
		p->runs->halves = c->ran.halves;
		c->runs = mem_sparse_new(TALLY_RUNS * sizeof(uint64_t));
		if (!c->runs)
			return diag_fail(d, KIT_EXIT_INTERNAL, "--coverage: out of memory");
	}
	arena_init(&c->arena);
	if (!c->is_drcov) {
		debug_read(p->exe_fd, p->load_bias, &c->arena, &c->info);
		ask_for_lines(c);
		if (!c->info.row_count)
			kit_log_write("kitemu: --coverage: %s has no lines: compile it with -g",
				      p->exe_path);
	}
	p->ran = &c->ran;
	return true;
}

/* ---- libc's routines ------------------------------------------------------------------------------------ */

void cover_want_runs(struct kit_process *p)
{
	if (!is_drcov(p))
		return;
	p->runs = calloc(1, sizeof *p->runs);
	KIT_CHECK(p->runs, "out of memory");
	p->runs->first = TALLY_FIRST_RUN;
}

static void gather(struct cover *c, struct kit_thread *t)
{
	kit_lock(&c->lock);
	tally_add(c->runs, tally_runs(t), TALLY_RUNS);
	kit_unlock(&c->lock);
}

void cover_thread_fini(struct kit_thread *t)
{
	if (cover_of(t->proc)->runs)
		gather(cover_of(t->proc), t);
}

/* Another thread of the parent may have held it. */
void cover_fork_child(struct kit_process *p) { cover_of(p)->lock = (struct kit_lock){ 0 }; }

void cover_take_back(struct kit_process *p, int tid)
{
	if (kit_lock_left(&cover_of(p)->lock, tid))
		kit_unlock(&cover_of(p)->lock);
}

/* A thread that goes on may be gathered again: what has run has run. So have its parent's runs, which a forked child has, too. */
static void follow_runs(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct cover *c = cover_of(p);

	kit_lock(&p->list_lock);
	for (struct kit_thread *each = p->first_thread; each; each = each->next)
		gather(c, each);
	kit_unlock(&p->list_lock);
	if (!tally_runs_cover(p, kit_decoder(t), c->runs))
		kit_log_write("kitemu: --coverage: libc's code is not what it was: "
			      "blocks of it are missing");
}

/* ---- the file ---------------------------------------------------------------------------------------- */

static bool has_run(const struct cover *c, gaddr pc)
{
	const uint8_t *b = at(c, pc);

	return b && *b == RAN;
}

static void put_lcov(const struct cover *c, char *old, struct strbuf *out)
{
	const struct debug_info *d = &c->info;
	struct lcov l;

	lcov_init(&l);
	lcov_read(&l, old);
	for (unsigned i = 0; i < d->row_count; i++)
		lcov_mark(&l, d->file[d->row[i].file], NULL, d->row[i].line,
			  has_run(c, d->row[i].start));
	for (unsigned i = 0; i < d->symbol_count; i++) {
		const struct debug_symbol *s = &d->symbol[i];
		const uint8_t *b = at(c, s->start);
		const struct debug_row *r = b && *b != UNASKED ? debug_row(d, s->start) : NULL;

		if (r)
			lcov_mark(&l, d->file[r->file], s->name, r->line, has_run(c, s->start));
	}
	lcov_print(&l, out);
	lcov_fini(&l);
}

static void put_drcov(const struct kit_process *p, const struct cover *c, const char *old, size_t n,
		      struct strbuf *out)
{
	/* A copy: what other runs have found is not this one's. */
	uint8_t *ran = malloc(c->ran.halves + 1);
	const struct drcov_module m = { p->exe_path, p->image_start, c->ran.start, ran,
					c->ran.halves };

	KIT_CHECK(ran, "out of memory");
	memcpy(ran, c->ran.at, c->ran.halves);
	drcov_merge(old, n, &m, out);
	free(ran);
}

static bool merge(void *ctx, char *old, size_t n, struct strbuf *out)
{
	struct kit_process *p = ctx;
	const struct cover *c = cover_of(p);

	if (c->is_drcov)
		put_drcov(p, c, old, n, out);
	else
		put_lcov(c, old, out);
	return true;
}

void cover_write(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct cover *c = cover_of(p);

	if (c->runs)
		follow_runs(t);
	if (c->first != getpid() && !__atomic_load_n(c->shared, __ATOMIC_ACQUIRE))
		return;
	/* From here on children that end write for themselves. */
	__atomic_store_n(c->shared, 1, __ATOMIC_RELEASE);
	if (!outfile_merge(p->opt.coverage, merge, p))
		kit_log_write("kitemu: --coverage: cannot write to %s", p->opt.coverage);
}
