/* The sampler, the stacks, and their way into the file; see profile.h. */
#include "runtime/profile.h"

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "runtime/flame.h"
#include "runtime/load/symbols.h"
#include "runtime/outfile.h"
#include "runtime/sig/sig.h"
#include "runtime/sys/clone.h"
#include "runtime/unwind.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	PERIOD_US = 2000,
	COST_SHARE = 40,    /* samples may take one part in so many of the time */
	WAITED_PERIODS = 4, /* of a thread that was never seen to run */
	FRAMES_MOST = 128,
};

struct profile {
	uint64_t cost_ns;     /* of a sample, lately; atomic */
	struct kit_lock lock; /* of what follows */
	struct flame flame;
	struct load_symbols *symbols;
	const char *program; /* its file's name: the outermost frame */
};

/* ---- the sampler --------------------------------------------------------------------------------------- */

/* The kernel's name of a thread's cpu clock (include/linux/posix-timers.h). */
static uint64_t cpu_ns(int tid)
{
	enum { PER_THREAD_SCHED = 6 };
	struct timespec ts;

	if (clock_gettime((clockid_t)(~(unsigned)tid << 3 | PER_THREAD_SCHED), &ts) < 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Whether it is on a cpu or wants one: what waits in the kernel is let wait. */
static bool is_running(int tid)
{
	char path[64], buf[256], *state;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	state = strrchr(buf, ')');
	return state && state[1] == ' ' && state[2] == 'R';
}

static void look_at(struct kit_thread *t)
{
	const uint64_t now = t->tid ? cpu_ns(t->tid) : 0, period = PERIOD_US * 1000u;
	const uint64_t cost = __atomic_load_n(&t->proc->profile->cost_ns, __ATOMIC_RELAXED);
	const uint64_t used = now - t->sample.cpu_ns;
	siginfo_t info = { .si_signo = SIGBUS, .si_code = SIG_SAMPLE_CODE };
	bool runs;

	if (t->sample.stopped || !now || used < period || used < COST_SHARE * cost)
		return;
	runs = is_running(t->tid);
	if (!runs && used < WAITED_PERIODS * period)
		return;
	__atomic_fetch_add(&t->sample.periods, (uint32_t)(used / period), __ATOMIC_RELAXED);
	t->sample.cpu_ns += used / period * period;
	if (runs) {
		syscall(SYS_rt_tgsigqueueinfo, getpid(), t->tid, SIGBUS, &info);
		return;
	}
	/* It works in bursts that are always over by now: the place where it waits has to do. */
	t->sample.pc = 0;
	t->sample.due = true;
	__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
}

static void *sampler(void *arg)
{
	struct kit_process *p = arg;
	uint64_t random = (uint64_t)getpid();

	for (;;) {
		kit_lock(&p->list_lock);
		for (struct kit_thread *t = p->first_thread; t; t = t->next)
			look_at(t);
		kit_unlock(&p->list_lock);
		/* Not in step with a guest that waits for as long. */
		random = kit_mix64(random + 1);
		usleep(PERIOD_US / 2 + (useconds_t)(random % PERIOD_US));
	}
	return NULL;
}

static void start_sampler(struct kit_thread *t)
{
	if (thread_start_helper(t, sampler, t->proc))
		kit_log_write("kitemu: --profile: no thread can be made to sample");
}

void profile_begin(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct profile *f = calloc(1, sizeof *f);
	const char *slash = strrchr(p->exe_path, '/');

	KIT_CHECK(f, "out of memory");
	f->lock = (struct kit_lock){ 0 };
	flame_init(&f->flame);
	f->symbols = load_symbols_read(p->exe_fd, p->load_bias);
	if (!f->symbols)
		kit_log_write("kitemu: --profile: %s names no functions: it was stripped",
			      p->exe_path);
	f->program = slash ? slash + 1 : p->exe_path;
	p->profile = f;
	/* What loading took is not the guest's. A thread's clock starts at 0. */
	t->sample.cpu_ns = cpu_ns(t->tid);
	start_sampler(t);
}

void profile_fork_child(struct kit_thread *t)
{
	struct profile *f = t->proc->profile;

	/* Another thread of the parent may have held it. */
	f->lock = (struct kit_lock){ 0 };
	flame_init(&f->flame);
	t->sample.cpu_ns = 0; /* as its clock */
	t->sample.periods = 0;
	start_sampler(t);
}

/* ---- a sample --------------------------------------------------------------------------------------------- */

static const char *name_of(const struct load_symbol *s) { return s ? s->name : "[unknown]"; }

/* Functions from the innermost on, NULL where none is known. Returns how many. */
static unsigned unwind(struct kit_thread *t, const struct profile *f, const struct load_symbol **to)
{
	struct unwind u;
	unsigned n = 0;

	unwind_begin(&u, t, f->symbols);
	do {
		if (u.pc != t->proc->sigreturn_pc)
			to[n++] = unwind_symbol(&u);
	} while (n < FRAMES_MOST && unwind_next(&u) && !u.guessed);
	return n;
}

/* What the signal found, in the place of what the safe point shows. Returns where the stack begins. */
static unsigned adjust(const struct load_symbol **frame, unsigned count,
		       const struct load_symbol *leaf)
{
	for (unsigned i = 1; i <= count; i++)
		if (frame[i] == leaf)
			return i;
	frame[0] = leaf;
	return 0;
}

void profile_sample(struct kit_thread *t)
{
	struct profile *f = t->proc->profile;
	const struct load_symbol *frame[1 + FRAMES_MOST], *leaf;
	const uint32_t periods = __atomic_exchange_n(&t->sample.periods, 0, __ATOMIC_RELAXED);
	const gaddr leaf_pc = t->sample.pc;
	const uint64_t begin = cpu_ns(t->tid);
	struct strbuf b = STRBUF_INIT;
	unsigned n, first = 1;

	t->sample.due = false;
	if (!periods)
		return;
	n = unwind(t, f, frame + 1);
	leaf = leaf_pc ? load_symbols_find(f->symbols, leaf_pc) : NULL;
	if (leaf)
		first = adjust(frame, n, leaf);
	strbuf_puts(&b, f->program);
	for (unsigned i = n; i + 1 > first; i--) {
		strbuf_putc(&b, ';');
		strbuf_puts(&b, name_of(frame[i]));
	}
	kit_lock(&f->lock);
	flame_add(&f->flame, b.s, b.len, periods);
	kit_unlock(&f->lock);
	strbuf_fini(&b);
	/* Deep stacks and long functions take long to unwind: then there are fewer samples, of more weight each. */
	__atomic_store_n(&f->cost_ns, (f->cost_ns * 3 + cpu_ns(t->tid) - begin) / 4,
			 __ATOMIC_RELAXED);
}

void profile_take_back(struct profile *f, int tid)
{
	if (!kit_lock_left(&f->lock, tid))
		return;
	flame_init(&f->flame);
	kit_unlock(&f->lock);
}

/* ---- the file ---------------------------------------------------------------------------------------------- */

static bool merge(void *ctx, char *old, size_t n, struct strbuf *out)
{
	struct kit_process *p = ctx;
	struct profile *f = p->profile;
	const size_t len = strlen(p->opt.profile);

	kit_lock(&f->lock);
	flame_read(&f->flame, old);
	if (len > 4 && !strcmp(p->opt.profile + len - 4, ".svg"))
		flame_draw(&f->flame, out);
	else
		flame_print(&f->flame, out);
	/* Should it go on after all, it begins anew. */
	flame_fini(&f->flame);
	flame_init(&f->flame);
	kit_unlock(&f->lock);
	return true;
}

void profile_write(struct kit_process *p)
{
	if (!outfile_merge(p->opt.profile, merge, p))
		kit_log_write("kitemu: --profile: cannot write to %s", p->opt.profile);
}
