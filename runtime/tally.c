/* Gathering and following what was counted; see tally.h. */
#include "runtime/tally.h"

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "runtime/callgrind.h"
#include "runtime/core/lock.h"
#include "runtime/core/tally.h"
#include "runtime/jit/jit.h"
#include "runtime/load/debug.h"
#include "runtime/mem/mem.h"
#include "runtime/outfile.h"
#include "runtime/tally_runs.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_A_PAGE = MEM_PAGE_BYTES / sizeof(uint64_t), FIRST_EDGES = 1024 };

_Static_assert((int)TALLY_PAGE_BYTES == MEM_PAGE_BYTES, "counters are looked at by the page");

struct tally {
	struct kit_lock lock; /* of what follows */
	uint64_t *sum;        /* of threads that have ended, as a thread has them */
	uint64_t *runs;       /* the same of runs */
	struct ir_edge *edge; /* by hash: places for edge_cap of them, a power of two */
	uint64_t edge_cap, edge_count;
};

bool tally_is_for(const char *file)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	const char *dot = strrchr(name, '.');

	return strncmp(name, "callgrind.out", 13) == 0 || (dot && strcmp(dot, ".callgrind") == 0);
}

static bool no_memory(struct diag *d)
{
	return diag_fail(d, KIT_EXIT_INTERNAL, "--profile: no memory for counters");
}

bool tally_init(struct kit_process *p, struct diag *d)
{
	if (p->opt.selfcheck)
		return diag_fail(d, KIT_EXIT_INTERNAL,
				 "--profile with exact counts does not go with --selfcheck");
	p->ways = calloc(1, sizeof *p->ways);
	p->tally = calloc(1, sizeof *p->tally);
	p->runs = calloc(1, sizeof *p->runs);
	KIT_CHECK(p->ways && p->tally && p->runs, "out of memory");
	p->sums = mem_sparse_new(sizeof *p->sums);
	if (!p->sums)
		return no_memory(d);
	/* The first thread's counters are made before it is known how many there have to be. */
	*p->ways = (struct guest_tally){ .first = TALLY_FIRST, .halves = TALLY_HALVES_MOST };
	p->runs->first = TALLY_FIRST_RUN;
	return true;
}

bool tally_loaded(struct kit_process *p, struct diag *d)
{
	const uint64_t halves = (p->image_end - p->image_start) / 2;

	p->ways->start = p->image_start;
	if (halves < p->ways->halves)
		p->ways->halves = halves;
	p->runs->start = p->ways->start;
	p->runs->halves = p->ways->halves;
	p->tally->sum = mem_sparse_new(tally_count(p->ways) * sizeof(uint64_t));
	p->tally->runs = mem_sparse_new(TALLY_RUNS * sizeof(uint64_t));
	p->tally->edge = mem_sparse_new(FIRST_EDGES * sizeof(struct ir_edge));
	p->tally->edge_cap = FIRST_EDGES;
	if (!p->tally->sum || !p->tally->runs || !p->tally->edge)
		return no_memory(d);
	return true;
}

/* What that many counters lie in. */
static size_t pages_of(size_t count) { return (count + WORDS_A_PAGE - 1) / WORDS_A_PAGE; }

static void clear(struct kit_thread *t)
{
	mem_sparse_clear(tally_edges(t), TALLY_EDGES_BYTES);
	mem_sparse_clear(tally_sums(t), pages_of(sums_count(t->proc->sums)) * MEM_PAGE_BYTES);
	mem_sparse_clear(tally_runs(t), TALLY_RUNS * sizeof(uint64_t));
	mem_sparse_clear(tally_of(t), tally_count(t->proc->ways) * sizeof(uint64_t));
}

/* ---- faults ------------------------------------------------------------------------------------------------ */

static void add(struct kit_thread *t, gaddr pc, int64_t n)
{
	*ir_counter(&t->st, guest_counter_of(t->proc->ways, pc)) += (uint64_t)n;
}

/* From where on the way of the instruction at pc has n more or less; of one elsewhere there is no way. */
static void add_behind(struct kit_thread *t, gaddr pc, int64_t n)
{
	const struct guest_fetch f = { mem_fetch, t->proc->mem, mem_is_vdso };
	const struct guest_tally *w = t->proc->ways;
	struct guest_step s;

	rv64_guest.step(kit_decoder(t), &f, pc, &s);
	if (s.size_bytes && !s.ends && guest_tallies(w, pc) && guest_tallies(w, s.next))
		add(t, s.next, n);
}

void tally_faulted(struct kit_thread *t, bool again)
{
	const gaddr pc = t->st.pc;

	if (!guest_tallies(t->proc->ways, pc))
		add(t, pc, !again);
	else if (again)
		add(t, pc, -1);
	else
		add_behind(t, pc, -1);
}

void tally_again(struct kit_thread *t)
{
	add(t, t->st.pc, -1);
	add_behind(t, t->st.pc, 1);
}

void tally_gave_up(struct kit_thread *t)
{
	const struct guest_runs *runs = t->proc->runs;

	/* What begins with the routine has counted nothing; else it is called once more. */
	for (unsigned i = 0; i < GUEST_ROUTINES; i++)
		if (runs->at[i] == t->st.pc)
			return;
	add(t, t->st.pc, -1);
}

/* ---- gathering --------------------------------------------------------------------------------------------- */

static struct ir_edge *find_edge(struct ir_edge *table, uint64_t cap, const struct ir_edge *e)
{
	for (uint64_t h = kit_mix64((uint64_t)e->from << 32 ^ e->to);; h++) {
		struct ir_edge *at = &table[h & (cap - 1)];

		if (!at->count || (at->from == e->from && at->to == e->to))
			return at;
	}
}

/* A fork may copy it at any moment: a child empties the table, which then has at least edge_cap places. */
static void grow_edges(struct tally *y)
{
	const uint64_t cap = y->edge_cap;
	struct ir_edge *old = y->edge, *new = mem_sparse_new(2 * cap * sizeof *new);

	KIT_CHECK(new, "out of memory");
	for (uint64_t i = 0; i < cap; i++)
		if (old[i].count)
			*find_edge(new, 2 * cap, &old[i]) = old[i];
	__atomic_store_n(&y->edge, new, __ATOMIC_RELEASE);
	__atomic_store_n(&y->edge_cap, 2 * cap, __ATOMIC_RELEASE);
	mem_sparse_free(old, cap * sizeof *old);
}

static void add_edge(struct tally *y, const struct ir_edge *e)
{
	struct ir_edge *to;

	if (2 * y->edge_count >= y->edge_cap)
		grow_edges(y);
	to = find_edge(y->edge, y->edge_cap, e);
	if (to->count) {
		to->count += e->count;
	} else {
		*to = *e;
		y->edge_count++;
	}
}

static void gather_edges(struct kit_thread *t)
{
	for (unsigned i = 0; i < IR_EDGES; i++) {
		struct ir_edge e = tally_edges(t)[i];

		e.to &= ~UINT64_C(1);
		if (e.count)
			add_edge(t->proc->tally, &e);
	}
}

/* Called while t is in translated code: whoever has the lock waits for no thread to leave that. */
static void edges_full(struct ir_state *st)
{
	struct kit_thread *t = (struct kit_thread *)(void *)st;

	_Static_assert(offsetof(struct kit_thread, st) == 0, "a thread starts with it");
	kit_lock(&t->proc->tally->lock);
	gather_edges(t);
	mem_sparse_clear(tally_edges(t), TALLY_EDGES_BYTES);
	kit_unlock(&t->proc->tally->lock);
}

static void edge_passed(struct ir_state *st, uint32_t from, gaddr to)
{
	const struct ir_edge e = { .to = to & ~UINT64_C(1), .count = 1, .from = from };
	const struct kit_thread *t = (const struct kit_thread *)(void *)st;

	kit_lock(&t->proc->tally->lock);
	add_edge(t->proc->tally, &e);
	kit_unlock(&t->proc->tally->lock);
}

void tally_thread_init(struct kit_thread *t)
{
	t->st.edge = tally_edges(t);
	t->st.edges_full = edges_full;
	t->st.edge_passed = edge_passed;
}

static void gather_sums(struct kit_thread *t)
{
	const struct kit_process *p = t->proc;
	const uint64_t *n = tally_sums(t);
	const uint32_t count = sums_count(p->sums);
	bool *touched = malloc(pages_of(count) + 1);

	KIT_CHECK(touched, "out of memory");
	mem_sparse_touched(n, pages_of(count), touched);
	for (uint32_t k = 0; k < count; k++)
		if (!touched[k / WORDS_A_PAGE])
			k |= WORDS_A_PAGE - 1;
		else if (n[k])
			sums_spread(p->sums, k, n[k], p->ways->first, p->tally->sum);
	free(touched);
}

/* What t has counted is added to the process's, and gone. With the lock held. */
static void gather(struct kit_thread *t)
{
	struct tally *y = t->proc->tally;

	tally_add(y->sum, tally_of(t), tally_count(t->proc->ways));
	tally_add(y->runs, tally_runs(t), TALLY_RUNS);
	gather_sums(t);
	gather_edges(t);
	clear(t);
}

void tally_thread_fini(struct kit_thread *t)
{
	kit_lock(&t->proc->tally->lock);
	gather(t);
	kit_unlock(&t->proc->tally->lock);
}

void tally_take_back(struct kit_process *p, int tid)
{
	/* What it was adding to may hold an edge twice: both will be printed, and added up. */
	if (kit_lock_left(&p->tally->lock, tid))
		kit_unlock(&p->tally->lock);
}

static void forget(struct kit_process *p)
{
	mem_sparse_clear(p->tally->sum, tally_count(p->ways) * sizeof(uint64_t));
	mem_sparse_clear(p->tally->runs, TALLY_RUNS * sizeof(uint64_t));
	mem_sparse_clear(p->tally->edge, p->tally->edge_cap * sizeof(struct ir_edge));
	p->tally->edge_count = 0;
}

void tally_fork_child(struct kit_thread *t)
{
	/* Another thread of the parent may have held it. */
	t->proc->tally->lock = (struct kit_lock){ 0 };
	forget(t->proc);
	clear(t);
}

/* ---- following ways ------------------------------------------------------------------------------------------ */

struct following {
	struct kit_process *p;
	struct guest_decoder *decoder;
	struct debug_info info;
	struct arena arena;
	struct callgrind out;
	const struct ir_edge *edge; /* calls with computed targets, by where from */
	unsigned edge_count;
	const struct debug_symbol *symbol; /* asked about last, and what it is there */
	uint32_t function;
};

static struct cg_place place_of(struct following *f, gaddr pc)
{
	const struct debug_symbol *s = debug_function(&f->info, pc);
	const struct debug_row *r = debug_row(&f->info, pc);
	const char *const *files = f->info.file;
	struct cg_place p = { .at = pc - f->p->load_bias };

	if (!s || s != f->symbol) {
		const struct debug_row *head = s ? debug_row(&f->info, s->start) : r;

		f->symbol = s;
		f->function = cg_function(&f->out, f->p->exe_path, head ? files[head->file] : "???",
					  s ? s->name : "???");
	}
	p.function = f->function;
	p.line = r ? r->line : 0;
	p.file = cg_file(&f->out, r ? files[r->file] : "???");
	return p;
}

static struct cg_place elsewhere(struct following *f)
{
	return (struct cg_place){
		.function = cg_function(&f->out, f->p->exe_path, "???", "[outside of the program]"),
		.file = cg_file(&f->out, "???"),
	};
}

static void put_call(struct following *f, const struct cg_place *from, gaddr target, uint64_t count)
{
	struct cg_place to = elsewhere(f);

	if (guest_tallies(f->p->ways, target))
		to = place_of(f, target);
	to.file = 0;
	cg_add_call(&f->out, from, &to, count);
}

/* A jump to another function's first instruction, in the place of a call and a return. */
static bool is_tail_call(const struct following *f, gaddr pc, gaddr target)
{
	const struct debug_symbol *s = debug_function(&f->info, target);

	return s && s->start == target && s != debug_function(&f->info, pc);
}

/* The instruction at pc has run count times. */
static void put(struct following *f, gaddr pc, const struct guest_step *s, uint64_t count)
{
	const uint32_t at = guest_counter_of(f->p->ways, pc);
	const struct cg_place p = place_of(f, pc);

	cg_add_cost(&f->out, &p, count);
	for (; f->edge_count && f->edge->from <= at; f->edge++, f->edge_count--) {
		if (f->edge->from < at)
			continue;
		put_call(f, &p, f->edge->to, f->edge->count);
		count -= f->edge->count < count ? f->edge->count : count;
	}
	if (!count || s->target == 1)
		return;
	if (s->kind == GUEST_STEP_CALL
	    || (s->kind == GUEST_STEP_JUMP && is_tail_call(f, pc, s->target)))
		put_call(f, &p, s->target, count);
}

static int by_from(const void *x, const void *y)
{
	const struct ir_edge *a = x, *b = y;

	return a->from != b->from ? (a->from < b->from ? -1 : 1)
				  : (a->to > b->to) - (a->to < b->to);
}

static void sort_edges(struct following *f)
{
	struct tally *y = f->p->tally;
	unsigned n = 0;

	for (uint64_t i = 0; i < y->edge_cap; i++)
		if (y->edge[i].count)
			y->edge[n++] = y->edge[i];
	if (n)
		qsort(y->edge, n, sizeof *y->edge, by_from);
	f->edge = y->edge;
	f->edge_count = n;
}

/* Upwards, each instruction's count goes on to where its way goes on: it is added to the sum there. */
static void follow(struct following *f)
{
	const struct guest_fetch fetch = { mem_fetch, f->p->mem, mem_is_vdso };
	const struct guest_tally *w = f->p->ways;
	uint64_t *at = f->p->tally->sum + 1;
	const size_t pages = pages_of(tally_count(w));
	bool *touched = malloc(pages + 1);

	KIT_CHECK(touched, "out of memory");
	mem_sparse_touched(f->p->tally->sum, pages, touched);
	for (uint64_t i = 0; i < w->halves; i++) {
		const gaddr pc = w->start + 2 * i;
		struct guest_step s;

		if (!touched[(i + 1) / WORDS_A_PAGE]) {
			i = ((i + 1) / WORDS_A_PAGE + 1) * WORDS_A_PAGE - 2;
			continue;
		}
		if (!at[i])
			continue;
		rv64_guest.step(f->decoder, &fetch, pc, &s);
		put(f, pc, &s, at[i]);
		if (!s.size_bytes || s.ends || !guest_tallies(w, s.next))
			continue;
		at[(s.next - w->start) / 2] += at[i];
		touched[((s.next - w->start) / 2 + 1) / WORDS_A_PAGE] = true;
	}
	free(touched);
	if (f->p->tally->sum[0]) {
		const struct cg_place p = elsewhere(f);

		cg_add_cost(&f->out, &p, f->p->tally->sum[0]);
	}
}

static void follow_runs(const struct following *f)
{
	const struct tally *y = f->p->tally;

	if (!tally_runs_follow(f->p, f->decoder, y->runs, y->sum + 1))
		kit_log_write("kitemu: --profile: libc's code is not what it was: "
			      "instructions of it are missing");
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static bool merge(void *ctx, char *old, size_t n, struct strbuf *out)
{
	struct following *f = ctx;

	(void)n;
	cg_init(&f->out);
	cg_read(&f->out, old);
	sort_edges(f);
	follow_runs(f);
	follow(f);
	cg_print(&f->out, out);
	cg_fini(&f->out);
	return true;
}

void tally_write(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct following f = { .p = p, .decoder = kit_decoder(t) };

	arena_init(&f.arena);
	debug_read(p->exe_fd, p->load_bias, &f.arena, &f.info);
	/* Regions have counters in registers: what others are running shall put them down. */
	if (p->jit)
		jit_freeze(p->jit);
	kit_lock(&p->list_lock);
	kit_lock(&p->tally->lock);
	for (struct kit_thread *each = p->first_thread; each; each = each->next)
		gather(each);
	kit_unlock(&p->list_lock);
	if (p->jit)
		jit_thaw(p->jit);
	if (!outfile_merge(p->opt.profile, merge, &f))
		kit_log_write("kitemu: --profile: cannot write to %s", p->opt.profile);
	/* Should it go on after all, it begins anew. */
	forget(p);
	kit_unlock(&p->tally->lock);
	arena_fini(&f.arena);
}
