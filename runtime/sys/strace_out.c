/* Files of --strace; see strace_out.h. */
#include "runtime/sys/strace_out.h"

#include "lib/base/log.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/strace_conf.h"

#include <linux/memfd.h>
#include <sched.h>
#include <string.h>
#include <time.h>

/* Longer than a write takes, where nobody is in its way. */
enum { PATIENCE_NS = 100000000 };

static const char unfinished[] = " <unfinished ...>\n";

struct shared {
	struct strace_tail tail;
	uint32_t last; /* the newest line that was begun; atomic */
	struct strace_counts counts;
};

static struct shared *shared;

bool strace_share(unsigned inherited, struct diag *d)
{
	static struct shared alone;
	int fd = (int)inherited - 1;
	const bool made = fd < 0;

	if (made)
		fd = (int)host_call(__NR_memfd_create, (long)"strace", MFD_CLOEXEC, 0, 0, 0, 0);
	if (fd >= 0 && (!made || ftruncate(fd, sizeof *shared) == 0))
		shared = mem_map_shared(fd, sizeof *shared);
	if (!shared && made && fd >= 0)
		close(fd);
	if (!shared && strace_conf.counts)
		return diag_fail(d, KIT_EXIT_INTERNAL, "no memory to count system calls in");
	if (!shared)
		shared = &alone; /* processes do not know of each other's lines, that is all */
	else
		ownfile_keep(KIT_STRACE_SHARED, fd);
	if (made)
		shared->counts.pid = getpid();
	return true;
}

struct strace_counts *strace_shared_counts(void) { return shared ? &shared->counts : NULL; }

static enum kit_own_file file(void) { return strace_conf.file ? KIT_STRACE_FILE : KIT_LOG_FILE; }

static struct strace_tail *tail_of(struct kit_thread *t)
{
	if (!ownfile_is_many(file()))
		return &shared->tail;
	return ownfile_is_by_thread(file()) ? &t->strace_tail : &t->proc->strace_tail;
}

/* The line that t's file ends with; 0: none. */
static uint32_t open_line(struct kit_thread *t)
{
	const struct strace_tail *tail = tail_of(t);

	if (ownfile_is_many(file()) && tail->pid != getpid())
		return 0;
	return __atomic_load_n(&tail->open, __ATOMIC_RELAXED);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void strace_out_begin(struct kit_thread *t)
{
	struct strace_tail *tail = tail_of(t);
	uint64_t since = 0;

	while (__atomic_exchange_n(&tail->busy, 1, __ATOMIC_ACQUIRE)) {
		if (!since)
			since = now_ns();
		else if (now_ns() - since > PATIENCE_NS)
			break;
		sched_yield();
	}
}

void strace_out_end(struct kit_thread *t)
{
	__atomic_store_n(&tail_of(t)->busy, 0, __ATOMIC_RELEASE);
}

bool strace_out_is_open(const struct strace_line *l) { return l->id && open_line(l->t) == l->id; }

static void note(struct kit_thread *t, uint32_t open)
{
	struct strace_tail *tail = tail_of(t);

	if (ownfile_is_many(file()))
		tail->pid = getpid();
	__atomic_store_n(&tail->open, open, __ATOMIC_RELAXED);
}

void strace_out_add(struct kit_thread *t, const struct strbuf *text)
{
	ownfile_put_for(file(), t->tid, text->s, text->len);
	note(t, 0);
}

void strace_out_put(struct kit_thread *t, const struct strbuf *text, struct strace_line *open)
{
	struct strbuf both = STRBUF_INIT;
	const struct strbuf *b = text;

	/* One write, between whose parts nothing else can come. */
	if (open_line(t)) {
		strbuf_add(&both, unfinished, sizeof unfinished - 1);
		strbuf_add(&both, strbuf_str(text), text->len);
		b = &both;
	}
	ownfile_put_for(file(), t->tid, b->s, b->len);
	if (open)
		open->id = __atomic_add_fetch(&shared->last, 1, __ATOMIC_RELAXED);
	note(t, open ? open->id : 0);
	strbuf_fini(&both);
}

void strace_log_comes(void)
{
	struct kit_thread *t = kit_self();

	/* Signal handlers come here: nobody is waited for. */
	if (t && shared && !strace_conf.file && open_line(t)) {
		note(t, 0);
		ownfile_put_for(KIT_LOG_FILE, t->tid, unfinished, sizeof unfinished - 1);
	}
}
