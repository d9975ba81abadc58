/* Starting a guest process; see kit.h. */
#include "runtime/kit.h"

#include "arch/guest.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "runtime/backtrace.h"
#include "runtime/check.h"
#include "runtime/core/dumped.h"
#include "runtime/core/near.h"
#include "runtime/core/points.h"
#include "runtime/cover.h"
#include "runtime/gdb/gdb.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/jit/store.h"
#include "runtime/level0.h"
#include "runtime/load/core.h"
#include "runtime/load/load.h"
#include "runtime/mem/mem.h"
#include "runtime/outfile.h"
#include "runtime/places.h"
#include "runtime/profile.h"
#include "runtime/run.h"
#include "runtime/sig/sig.h"
#include "runtime/sig/trace.h"
#include "runtime/stats.h"
#include "runtime/sys/clone.h"
#include "runtime/sys/exec.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/seccomp.h"
#include "runtime/sys/strace.h"
#include "runtime/sys/strace_conf.h"
#include "runtime/sys/strace_out.h"
#include "runtime/sys/sys.h"
#include "runtime/tally.h"
#include "runtime/thread_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool kit_exec_handover(int argc, char **argv, char **envp, struct kit_program *prog,
		       struct kit_options *opt)
{
	struct sys_exec_handover h;

	if (!sys_exec_decode(argc, argv, envp, opt, &h))
		return false;
	*prog = (struct kit_program){
		.path = h.path, .name = h.name, .fd = h.fd, .argv = h.argv, .envp = h.envp
	};
	return true;
}

const char *const kit_strace_help = strace_help;

bool kit_strace_options(const char *options, struct diag *d)
{
	return strace_configure(options, d);
}

static void put_log(const char *lines, size_t size_bytes)
{
	strace_log_comes();
	ownfile_put(KIT_LOG_FILE, lines, size_bytes);
}

static bool can_write(const char *option, const char *path, bool can, struct diag *d)
{
	return can
	       || diag_fail(d, KIT_EXIT_INTERNAL, "%s: cannot write to %s: %s", option, path,
			    strerror(errno));
}

static bool can_keep(const char *folder, struct diag *d)
{
	const char *why = store_refuses(folder);

	return !why
	       || diag_fail(d, KIT_EXIT_INTERNAL, "--persist: cannot keep translations in %s: %s",
			    folder, why);
}

/* What is written when a run is over is tried before it: then it would be lost. */
static bool try_files(const struct kit_options *opt, struct diag *d)
{
	const char *stats =
	    opt->stats_to && strcmp(opt->stats_to, "json") != 0 ? opt->stats_to : NULL;

	return (!stats || can_write("--stats", stats, outfile_try(stats), d))
	       && (!opt->coverage
		   || can_write("--coverage", opt->coverage, outfile_try(opt->coverage), d))
	       && (!opt->profile
		   || can_write("--profile", opt->profile, outfile_try(opt->profile), d))
	       && (!opt->persist || can_keep(opt->persist, d))
	       && (!opt->perfmap
		   || can_write("--perfmap", "/tmp", access("/tmp", W_OK | X_OK) == 0, d))
	       && (!opt->jitdump
		   || can_write("--jitdump", "this folder", access(".", W_OK | X_OK) == 0, d));
}

bool kit_open_files(const struct kit_options *opt, bool is_first, struct diag *d)
{
	const unsigned *own = opt->own_file;

	/* What a guest executes, perhaps as another user or in another root, has to run all the same. */
	if (is_first && !try_files(opt, d))
		return false;
	if (opt->log_ranges && !jit_show_only(opt->log_ranges, d))
		return false;
	if (opt->log_file) {
		if (!ownfile_open(KIT_LOG_FILE, opt->log_file, "", own[KIT_LOG_FILE],
				  kit_log_mask >> KIT_LOG_tid & 1, false, d))
			return false;
		kit_log_out = put_log;
	} else if (opt->strace || opt->stats || kit_log_mask) {
		ownfile_keep_stderr(own[KIT_LOG_FILE]);
		kit_log_out = put_log;
	}
	if (opt->strace && strace_conf.file
	    && !ownfile_open(KIT_STRACE_FILE, strace_conf.file, strace_conf.by_thread ? ".%t" : "",
			     own[KIT_STRACE_FILE], false, strace_conf.appends, d))
		return false;
	sys_dumped_inherit(own[KIT_DUMPED]);
	return !opt->strace || strace_share(own[KIT_STRACE_SHARED], d);
}

const char *kit_absolute_path(const char *path)
{
	struct strbuf b = STRBUF_INIT;
	char *cwd;

	while (!strncmp(path, "./", 2))
		path += 2;
	cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	if (!cwd)
		return path;
	strbuf_puts(&b, cwd);
	strbuf_putc(&b, '/');
	strbuf_puts(&b, path);
	free(cwd);
	return b.s;
}

/* ---- threads ---------------------------------------------------------------------------------- */

static bool thread_init(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct diag d = DIAG_INIT;

	t->st.helpers = rv64_guest.helpers;
	t->st.guest_base = mem_base(p->mem);
	t->st.resv_addr = 1;
	if (!p->jit) {
		if (!t->interp)
			interp_thread_init(t);
	} else if (jit_thread_init(t, &d)) {
		if (!t->level0)
			level0_thread_init(t);
	} else {
		return false;
	}
	t->st.call_row = sys_call_rows;
	t->st.call_guards = mem_guarded(p->mem);
	t->st.call_limit = mem_limit(p->mem);
	t->st.calls_leave = (p->opt.strace || p->opt.selfcheck || p->opt.sysroot || t->st.guest_base
				 ? KIT_CALLS_SEEN
				 : 0)
			    | (t->seccomp ? KIT_CALLS_FILTERED : 0)
			    | (t->trace.orders ? KIT_CALLS_TRACED : 0);
	if (p->counts)
		stats_thread_init(t);
	if (p->ways)
		tally_thread_init(t);
	kit_list_add(t);
	return true;
}

static void thread_end(struct kit_thread *t, void (*end_jit)(struct kit_thread *t))
{
	kit_list_remove(t);
	if (t->counts)
		stats_thread_fini(t);
	if (t->proc->ways)
		tally_thread_fini(t);
	else if (t->proc->runs)
		cover_thread_fini(t);
	trace_delist(t);
	if (t->proc->jit)
		end_jit(t);
}

static void thread_fini(struct kit_thread *t) { thread_end(t, jit_thread_fini); }

static void thread_scrap(struct kit_thread *t)
{
	level0_thread_fini(t);
	interp_thread_fini(t);
	kit_decoder_release(t);
}

/* A vfork child that was killed may have left locks behind. The address space's is needed to put the others right. */
static void thread_take_back(struct kit_thread *t)
{
	struct kit_process *p = t->proc;

	if (kit_lock_left(&p->list_lock, t->tid))
		kit_unlock(&p->list_lock);
	t->left_mem = mem_take_back(p->mem, t->tid);
	if (p->jit)
		jit_take_back(t);
	check_take_back(t->tid);
	if (p->profile)
		profile_take_back(p->profile, t->tid);
	if (p->ways)
		tally_take_back(p, t->tid);
	if (p->ran)
		cover_take_back(p, t->tid);
}

static void thread_gone(struct kit_thread *t)
{
	mem_forget(t->proc->mem, t->tid, t->left_mem);
	thread_end(t, jit_thread_gone);
	/* What it was changing when it was killed is not looked at. */
	if (t->is_whole)
		thread_scrap(t);
}

static void thread_run(struct kit_thread *t) { run_thread(t); }

/* The locks in their order; dispositions are locked inside of all, by the system call itself. */
static void thread_fork(struct kit_thread *t, enum kit_fork when)
{
	struct kit_process *p = t->proc;

	switch (when) {
	case KIT_FORK_BEFORE:
		check_lock();
		if (jit_fork_prepare(t))
			level0_forget(t);
		mem_fork_lock(p->mem);
		break;
	case KIT_FORK_PARENT:
		mem_fork_unlock(p->mem);
		jit_fork_parent(p->jit);
		check_unlock();
		break;
	case KIT_FORK_CHILD:
		kit_list_init(p);
		kit_list_add(t);
		trace_fork_child();
		mem_fork_unlock(p->mem);
		jit_fork_child(t);
		check_unlock();
		mem_fork_child(p->mem);
		if (p->counts)
			stats_fork_child(t);
		if (p->profile)
			profile_fork_child(t);
		if (p->ways)
			tally_fork_child(t);
		if (p->ran)
			cover_fork_child(p);
		break;
	}
}

static void thread_core(struct kit_thread *t, const siginfo_t *info)
{
	if (t->proc->jit)
		jit_freeze(t->proc->jit);
	jit_set_frm(t);
	backtrace_print(t, info);
	if (core_write(t, info))
		dumped_note();
	/* Threads of other processes go on: only this one's end. */
	if (t->proc->jit && __atomic_load_n(&t->proc->lent, __ATOMIC_RELAXED))
		jit_thaw(t->proc->jit);
}

static void farewell(struct kit_thread *t, int sig, bool executes)
{
	struct kit_process *p = t->proc;

	if (!sig && !__atomic_load_n(&p->lent, __ATOMIC_RELAXED))
		jit_farewell(p->jit);
	if (p->opt.stats)
		stats_write(t, sig, executes);
	if (p->ran)
		cover_write(t);
	if (p->profile)
		profile_write(p);
	if (p->ways)
		tally_write(t);
	if (!p->opt.strace || executes)
		return;
	if (sig)
		strace_killed(t, sig);
	strace_counts_end(t);
}

const struct kit_thread_ops kit_thread_ops = {
	.init = thread_init,
	.run = thread_run,
	.fini = thread_fini,
	.scrap = thread_scrap,
	.take_back = thread_take_back,
	.gone = thread_gone,
	.fork = thread_fork,
	.core = thread_core,
	.farewell = farewell,
};

/* ---- the process --------------------------------------------------------------------------------- */

static int cannot_start(struct diag *d, const char *why)
{
	diag_fail(d, KIT_EXIT_INTERNAL, "%s", why);
	return -1;
}

/* The thread's level 0 was there before the program, by whose code's place it notes what has run. */
static bool begin_coverage(struct kit_thread *t, struct diag *d)
{
	if (!cover_init(t->proc, d))
		return false;
	level0_thread_fini(t);
	level0_thread_init(t);
	jit_set_ran(t->proc->jit, t->proc->ran);
	return true;
}

int kit_run(const struct kit_options *opt, const struct kit_program *prog, struct diag *d)
{
	struct kit_process *p;
	struct kit_thread *t;
	const struct mem_want want = { opt->force_base, opt->base, opt->limit };
	int fd = prog->fd >= 0 ? prog->fd : load_open(prog->path, d);
	const uint64_t begin_ns = opt->stats || opt->max_insns ? stats_now_ns() : 0;

	if (fd < 0)
		return -1;
	near_open();
	p = near_new(sizeof *p);
	KIT_CHECK(p, "out of memory");
	p->opt = *opt;
	if (opt->profile && tally_is_for(opt->profile) && !tally_init(p, d))
		return -1;
	if (opt->coverage && !p->ways)
		cover_want_runs(p);
	t = clone_thread_new(p);
	if (!t)
		return cannot_start(d, "out of memory");
	p->opt.count = opt->stats || opt->max_insns;
	if (p->opt.count)
		stats_process_init(p, begin_ns);
	p->features = opt->features ? opt->features : rv64_guest.default_features;
	p->self_fd = sys_exec_self_fd();
	fd = sys_fd_hide(fd);
	p->exe_fd = fd;
	p->is_go = load_is_go(fd);
	p->exe_path = kit_absolute_path(prog->path);
	p->ops = &kit_thread_ops;
	p->points = &point_table;
	kit_list_init(p);
	p->threads = 1;
	t->proc = p;
	t->tid = t->tgid = getpid();
	t->leader = true;
	if (opt->strace && strace_conf.lines)
		t->sig_trace = strace_signal;
	kit_set_self(t);
	p->mem = mem_new(&want, d);
	if (!p->mem || !sig_process_init(p, d))
		return -1;
	if (opt->strace || opt->stats || opt->coverage || opt->profile)
		sig_end_late(p);
	sig_thread_init(t);
	sig_thread_start(t);
	if (!kit_decoder(t))
		return cannot_start(d, "Capstone was built without RISC-V");
	if (opt->engine == KIT_ENGINE_JIT && !(p->jit = jit_new(p, d)))
		return -1;
	if (!thread_init(t))
		return cannot_start(d, "out of memory");
	near_close();
	if (!load_program(p, t, fd, prog->name ? prog->name : prog->path, prog->argv, prog->envp,
			  d))
		return -1;
	if (opt->filters && !sys_seccomp_restore(t, (int)opt->filters - 1))
		return cannot_start(d, "the seccomp filters were damaged");
	trace_directory.base = mem_base(p->mem);
	trace_directory.limit = mem_limit(p->mem);
	trace_enlist(t);
	if (opt->trace)
		trace_restore(t, opt->trace);
	if (p->opt.coverage && !begin_coverage(t, d))
		return -1;
	if (p->jit && (opt->perfmap || opt->jitdump))
		places_init(p);
	if ((opt->gdb || opt->gdb_pair) && !gdb_start(t, d))
		return -1;
	if (p->ways && !tally_loaded(p, d))
		return -1;
	if (p->opt.profile && !p->ways)
		profile_begin(t);
	if (p->opt.count)
		stats_loaded(t);
	run_thread(t);
	return sys_process_end(t);
}

int kit_debug(const struct kit_options *opt,
	      int (*run)(const struct kit_options *opt, char **argv, char **envp), struct diag *d)
{
	return gdb_serve(opt, opt->gdb_attach, run, d);
}
