/* Counting and telling what was counted; see stats.h. */
#include "runtime/stats.h"

#include "arch/guest.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/sys/clone.h"
#include "runtime/tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LU(x) (unsigned long)(x)

/* Of a process, behind kit_process.counts. */
struct stats {
	struct kit_counts total; /* first; under list_lock */
	uint64_t begin_ns, load_ns;
	struct jit_stats before; /* what the JIT had done when the process was forked */
};

static struct stats *stats_of(const struct kit_process *p)
{
	return (struct stats *)(void *)p->counts;
}

void stats_process_init(struct kit_process *p, uint64_t begin_ns)
{
	struct stats *s = calloc(1, sizeof *s);

	KIT_CHECK(s, "out of memory");
	s->begin_ns = begin_ns;
	p->counts = &s->total;
}

void stats_thread_init(struct kit_thread *t)
{
	t->counts = calloc(1, sizeof *t->counts);
	KIT_CHECK(t->counts, "out of memory");
	t->counts->threads = 1;
}

/* What thread t has counted. */
static void add(struct kit_counts *to, const struct kit_thread *t)
{
	const struct kit_counts *c = t->counts;

	for (unsigned i = 0; i < IR_COUNTED; i++)
		to->counted[i] += t->st.counted[i];
	for (unsigned i = 0; i < IR_EXIT_COUNT; i++)
		to->exit[i] += c->exit[i];
	to->faults += c->faults;
	to->signals += c->signals;
	to->threads += c->threads;
}

void stats_thread_fini(struct kit_thread *t)
{
	struct kit_process *p = t->proc;

	kit_lock(&p->list_lock);
	add(p->counts, t);
	kit_unlock(&p->list_lock);
	free(t->counts);
	t->counts = NULL;
}

/* ---- --max-instructions --------------------------------------------------------------------------- */

/* So far, by all threads. */
static uint64_t insns_of(struct kit_process *p)
{
	uint64_t n;

	kit_lock(&p->list_lock);
	n = p->counts->counted[IR_COUNT_INSNS];
	for (const struct kit_thread *t = p->first_thread; t; t = t->next)
		n += t->st.counted[IR_COUNT_INSNS];
	kit_unlock(&p->list_lock);
	return n;
}

/* A host thread that no guest sees looks now and then: translated code has no room for a comparison. */
static void *watch(void *arg)
{
	enum { LOOK_US = 5000 };
	struct kit_process *p = arg;

	while (insns_of(p) <= p->opt.max_insns)
		usleep(LOOK_US);
	kit_log_write("kitemu: --max-instructions: more than %lu were run", LU(p->opt.max_insns));
	_exit(KIT_EXIT_INTERNAL);
}

static void start_watch(struct kit_thread *t)
{
	if (t->proc->opt.max_insns && thread_start_helper(t, watch, t->proc))
		kit_log_write("kitemu: --max-instructions: no thread can be made to look after it");
}

void stats_loaded(struct kit_thread *t)
{
	struct stats *s = stats_of(t->proc);

	s->load_ns = stats_now_ns() - s->begin_ns;
	start_watch(t);
}

void stats_fork_child(struct kit_thread *t)
{
	struct stats *s = stats_of(t->proc);

	s->total = (struct kit_counts){ 0 };
	s->begin_ns = stats_now_ns();
	s->load_ns = 0;
	*t->counts = (struct kit_counts){ .threads = 1 };
	memset(t->st.counted, 0, sizeof t->st.counted);
	if (t->proc->jit)
		jit_get_stats(t->proc->jit, &s->before);
	start_watch(t);
}

void stats_faulted(struct kit_thread *t, gaddr end, bool again)
{
	const struct guest_fetch f = { mem_fetch, t->proc->mem, mem_is_vdso };
	const struct guest_limits limits = {
		.max_insns = GUEST_RUN_INSNS,
		.count = t->counts,
		.tally = t->proc->ways,
		.stop = &end,
		.stop_count = 1,
	};
	const struct guest_tally *w = limits.tally;
	uint64_t *insns = &t->st.counted[IR_COUNT_INSNS];
	struct arena a;
	struct ir_unit u;

	arena_init(&a);
	ir_unit_init(&u, &a, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(kit_decoder(t), &f, t->st.pc, &limits, &u);
	for (unsigned k = 0; k < u.insn_count && u.insn[k].op != IR_br; k++)
		if (u.insn[k].op == IR_count && u.insn[k].imm >> 32 == IR_COUNT_INSNS)
			*insns -= (uint32_t)u.insn[k].imm;
		else if (u.insn[k].op == IR_count && w && !guest_tallies(w, t->st.pc)
			 && u.insn[k].imm >> 32 == w->first)
			*ir_counter(&t->st, w->first) -= (uint32_t)u.insn[k].imm;
	*insns += t->counts && !again;
	if (w)
		tally_faulted(t, again);
	arena_fini(&a);
}

void stats_again(struct kit_thread *t)
{
	if (t->counts)
		t->st.counted[IR_COUNT_INSNS]--;
	if (KIT_UNLIKELY(t->proc->ways))
		tally_again(t);
}

/* ---- telling ------------------------------------------------------------------------------------- */

static const char *const exit_name[IR_EXIT_COUNT] = {
	[IR_EXIT_NONE] = "none",       [IR_EXIT_SYSCALL] = "syscall", [IR_EXIT_BREAK] = "break",
	[IR_EXIT_ILLEGAL] = "illegal", [IR_EXIT_FETCH] = "fetch",     [IR_EXIT_FENCEI] = "fence_i",
	[IR_EXIT_FRM] = "rounding",    [IR_EXIT_STOP] = "stop",       [IR_EXIT_LOOKUP] = "lookup",
	[IR_EXIT_LINK] = "link",       [IR_EXIT_FAULT] = "fault",     [IR_EXIT_HOT] = "hot",
	[IR_EXIT_CALLED] = "called",   [IR_EXIT_REDO] = "redo",       [IR_EXIT_STUB] = "stub",
};

/* What there is to tell, put together. */
struct record {
	struct kit_counts c;
	struct jit_stats j;
	struct rusage use;
	uint64_t wall_ns, load_ns;
	long resident_kb; /* at most */
};

static uint64_t us_of(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

/* Of this program: rusage's has what the process was before an execve. */
static long most_resident_kb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Without what a forked child's parent did. */
static void jit_part(const struct kit_process *p, struct jit_stats *j)
{
	const struct jit_stats *b = &stats_of(p)->before;

	if (!p->jit)
		return;
	jit_get_stats(p->jit, j);
	j->units -= b->units;
	j->regions -= b->regions;
	j->guest_insns -= b->guest_insns;
	j->guest_bytes -= b->guest_bytes;
	j->code_bytes -= b->code_bytes;
	j->translate_ns -= b->translate_ns;
	j->lift_ns -= b->lift_ns;
	j->compile_ns -= b->compile_ns;
	j->runs -= b->runs;
	j->lookups -= b->lookups;
	j->links -= b->links;
	j->taken -= b->taken;
	j->killed -= b->killed;
	j->evicted_units -= b->evicted_units;
}

static void collect(struct kit_process *p, struct record *r)
{
	const struct stats *s = stats_of(p);

	memset(r, 0, sizeof *r);
	kit_lock(&p->list_lock);
	r->c = s->total;
	for (const struct kit_thread *t = p->first_thread; t; t = t->next)
		if (t->counts)
			add(&r->c, t);
	kit_unlock(&p->list_lock);
	jit_part(p, &r->j);
	getrusage(RUSAGE_SELF, &r->use);
	r->wall_ns = stats_now_ns() - s->begin_ns;
	r->load_ns = s->load_ns;
	r->resident_kb = most_resident_kb();
}

static void put_json_string(struct strbuf *b, const char *s)
{
	strbuf_putc(b, '"');
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\')
			strbuf_printf(b, "\\u%04x", (unsigned char)*s);
		else
			strbuf_putc(b, *s);
	strbuf_putc(b, '"');
}

/* One object, in one line. */
static void put_json(struct strbuf *b, const struct kit_thread *t, const struct record *r, int sig,
		     bool executes)
{
	const char *sep = "";

	strbuf_printf(b, "{\"pid\":%d,\"program\":", (int)getpid());
	put_json_string(b, t->proc->exe_path);
	if (sig)
		strbuf_printf(b, ",\"signal\":%d", sig);
	else if (executes)
		strbuf_puts(b, ",\"exec\":true");
	else
		strbuf_printf(b, ",\"status\":%d", t->exit_status & 0xff);
	strbuf_printf(b,
		      ",\"instructions\":%lu,\"system_calls\":%lu,\"faults\":%lu,\"signals\":%lu,"
		      "\"threads\":%lu",
		      LU(r->c.counted[IR_COUNT_INSNS]), LU(r->c.counted[IR_COUNT_CALLS]),
		      LU(r->c.faults), LU(r->c.signals), LU(r->c.threads));
	strbuf_printf(
	    b,
	    ",\"time\":{\"wall_ns\":%lu,\"user_us\":%lu,\"system_us\":%lu,\"load_ns\":%lu,"
	    "\"translate_ns\":%lu,\"lift_ns\":%lu,\"compile_ns\":%lu}",
	    LU(r->wall_ns), LU(us_of(&r->use.ru_utime)), LU(us_of(&r->use.ru_stime)),
	    LU(r->load_ns), LU(r->j.translate_ns), LU(r->j.lift_ns), LU(r->j.compile_ns));
	strbuf_printf(
	    b,
	    ",\"translated\":{\"units\":%lu,\"regions\":%lu,\"persisted\":%lu,\"instructions\":%lu,"
	    "\"guest_bytes\":%lu,\"code_bytes\":%lu,\"links\":%lu,\"dropped\":%lu,"
	    "\"evicted\":%lu},\"entries\":%lu,\"lookups\":%lu,\"exits\":{",
	    LU(r->j.units), LU(r->j.regions), LU(r->j.taken), LU(r->j.guest_insns),
	    LU(r->j.guest_bytes), LU(r->j.code_bytes), LU(r->j.links), LU(r->j.killed),
	    LU(r->j.evicted_units), LU(r->j.runs), LU(r->j.lookups));
	for (unsigned i = 0; i < IR_EXIT_COUNT; i++)
		if (r->c.exit[i]) {
			strbuf_printf(b, "%s\"%s\":%lu", sep, exit_name[i], LU(r->c.exit[i]));
			sep = ",";
		}
	strbuf_printf(b, "},\"resident_kb\":%ld,\"page_faults\":%ld}\n", r->resident_kb,
		      r->use.ru_minflt + r->use.ru_majflt);
}

static void tell(const struct record *r)
{
	struct strbuf b = STRBUF_INIT;

	kit_log_write(
	    "stats: %lu instructions, %lu system calls, %lu faults, %lu signals, %lu threads",
	    LU(r->c.counted[IR_COUNT_INSNS]), LU(r->c.counted[IR_COUNT_CALLS]), LU(r->c.faults),
	    LU(r->c.signals), LU(r->c.threads));
	kit_log_write("stats: %.3f s, of it loading %.3f ms, user %.3f s, system %.3f s; "
		      "%ld kB resident at most, %ld page faults",
		      (double)r->wall_ns / 1e9, (double)r->load_ns / 1e6,
		      (double)us_of(&r->use.ru_utime) / 1e6, (double)us_of(&r->use.ru_stime) / 1e6,
		      r->resident_kb, r->use.ru_minflt + r->use.ru_majflt);
	kit_log_write("stats: %lu units, %lu of them regions, %lu from earlier runs, of %lu guest "
		      "instructions, %lu guest bytes -> %lu code bytes",
		      LU(r->j.units), LU(r->j.regions), LU(r->j.taken), LU(r->j.guest_insns),
		      LU(r->j.guest_bytes), LU(r->j.code_bytes));
	kit_log_write("stats: translation %.3f ms: lifting %.3f, compiling %.3f; %.0f ns a guest "
		      "instruction",
		      (double)r->j.translate_ns / 1e6, (double)r->j.lift_ns / 1e6,
		      (double)r->j.compile_ns / 1e6,
		      r->j.guest_insns ? (double)r->j.translate_ns / (double)r->j.guest_insns
				       : 0.0);
	kit_log_write("stats: %lu entries, %lu lookups missed, %lu links, %lu units dropped, "
		      "%lu evicted",
		      LU(r->j.runs), LU(r->j.lookups), LU(r->j.links), LU(r->j.killed),
		      LU(r->j.evicted_units));
	for (unsigned i = 0; i < IR_EXIT_COUNT; i++)
		if (r->c.exit[i])
			strbuf_printf(&b, " %s %lu", exit_name[i], LU(r->c.exit[i]));
	kit_log_write("stats: exits by reason:%s", strbuf_str(&b));
	strbuf_fini(&b);
}

/* By one write to the file's end, so that records of several processes stay whole. */
static void put_line(const char *to, const struct strbuf *b)
{
	int fd;

	if (!strcmp(to, "json")) {
		kit_log_put(b->s, b->len);
		return;
	}
	fd = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, b->s, b->len) != (ssize_t)b->len)
		kit_log_write("kitemu: --stats: cannot write to %s", to);
	if (fd >= 0)
		close(fd);
}

void stats_write(struct kit_thread *t, int sig, bool executes)
{
	const char *to = t->proc->opt.stats_to;
	struct strbuf b = STRBUF_INIT;
	struct record r;

	collect(t->proc, &r);
	if (!to) {
		tell(&r);
		return;
	}
	put_json(&b, t, &r, sig, executes);
	put_line(to, &b);
	strbuf_fini(&b);
}
