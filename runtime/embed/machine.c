/*
 * Machines; see kit.h.
 *
 * A machine is a kit_process with its only thread, at a base of its own, which the run loop runs until kit_thread.exiting is set: by the
 * program's end, or here, to come back. What concerns the process around it (signals, processes) is this file's to answer: struct
 * kit_embedder.
 */
#include "runtime/embed/kit.h"

#include "arch/guest.h"
#include "lib/base/log.h"
#include "runtime/core/points.h"
#include "runtime/jit/jit.h"
#include "runtime/load/load.h"
#include "runtime/mem/mem.h"
#include "runtime/run.h"
#include "runtime/sig/sig.h"
#include "runtime/sys/clone.h"
#include "runtime/thread_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux's numbers on riscv64 of the calls that are not simply made. */
enum {
	CALL_setitimer = 103,
	CALL_timer_create = 107,
	CALL_ptrace = 117,
	CALL_kill = 129,
	CALL_tkill = 130,
	CALL_tgkill = 131,
	CALL_rt_sigsuspend = 133,
	CALL_rt_sigaction = 134,
	CALL_rt_sigprocmask = 135,
	CALL_rt_sigqueueinfo = 138,
	CALL_rt_sigreturn = 139,
	CALL_clone = 220,
	CALL_execve = 221,
	CALL_rt_tgsigqueueinfo = 240,
	CALL_seccomp = 277,
	CALL_execveat = 281,
	CALL_clone3 = 435,
};

enum { REG_A0 = 10, REG_A7 = 17, ADDRESS_BITS = 38, ADDRESS_BITS_LEAST = 28 };
enum { CODE_BYTES = 32 << 20, STACK_BYTES = 8 << 20 };

struct address_hook {
	gaddr at, brk; /* brk: as in struct point_table */
	kit_address_hook *fn;
	void *context;
};

struct kit_machine {
	struct kit_process *proc; /* NULL: nothing is loaded */
	struct kit_thread *thread;
	struct kit_config config;
	uint64_t features;
	struct diag error;
	/* What is loaded; fd -1: nothing. */
	int fd;
	char *name, **argv, **envp;
	/* Why it stops, or will. */
	enum kit_stop stop;
	bool asked; /* atomic */
	struct kit_fault fault;
	kit_call_hook *call;
	void *call_context;
	struct point_table points;
	struct address_hook hook[POINT_BREAKS];
	unsigned hook_count;
	gaddr called_at; /* the hook there was called, and its instruction has not run; 1: none */
};

static struct kit_machine *machine_of(const struct kit_thread *t) { return t->proc->machine; }

/* ---- what the run loop asks --------------------------------------------------------------------------------- */

static void leave(struct kit_thread *t, enum kit_stop why)
{
	machine_of(t)->stop = why;
	t->exiting = true;
}

static void raise_signal(struct kit_thread *t, int sig, int code, gaddr addr)
{
	machine_of(t)->fault = (struct kit_fault){ sig, code, addr };
	leave(t, KIT_STOP_SIGNAL);
}

/* A signal to itself, by whatever call. */
static bool is_to_itself(const uint64_t *a, uint64_t nr, int *sig)
{
	const bool two = nr == CALL_tgkill || nr == CALL_rt_tgsigqueueinfo;

	*sig = (int)a[two ? 2 : 1];
	return (pid_t)a[0] == getpid() || (pid_t)a[two ? 1 : 0] == (pid_t)syscall(SYS_gettid)
	       || (nr == CALL_kill && (pid_t)a[0] == 0);
}

/* Calls that are the surrounding process's matter. True: *result is the answer. */
static bool is_refused(struct kit_thread *t, uint64_t nr, const uint64_t *a, int64_t *result)
{
	int sig;

	*result = -ENOSYS;
	switch (nr) {
	case CALL_clone:
	case CALL_clone3:
	case CALL_execve:
	case CALL_execveat:
	case CALL_rt_sigaction:
	case CALL_rt_sigprocmask:
	case CALL_rt_sigreturn:
	case CALL_rt_sigsuspend:
	case CALL_setitimer:
	case CALL_timer_create:
	case CALL_seccomp:
	case CALL_ptrace:
		return true;
	case CALL_kill:
	case CALL_tkill:
	case CALL_tgkill:
	case CALL_rt_sigqueueinfo:
	case CALL_rt_tgsigqueueinfo:
		if (is_to_itself(a, nr, &sig) && sig)
			raise_signal(t, sig, SI_USER, 0);
		*result = is_to_itself(a, nr, &sig) ? 0 : -EPERM;
		return true;
	default:
		return false;
	}
}

static bool on_call(struct kit_thread *t, int64_t *result)
{
	struct kit_machine *m = machine_of(t);
	const uint64_t nr = t->st.reg[REG_A7];
	uint64_t a[6];

	memcpy(a, &t->st.reg[REG_A0], sizeof a);
	if (m->call && m->call(m->call_context, m, nr, a, result))
		return true;
	return is_refused(t, nr, a, result);
}

static struct address_hook *hook_at(struct kit_machine *m, gaddr at)
{
	for (unsigned i = 0; i < m->hook_count; i++)
		if (m->hook[i].at == at)
			return &m->hook[i];
	return NULL;
}

/* The instruction at the pc as the guest has it, hooked or not. */
static void pass_point(struct kit_thread *t)
{
	mem_set_points(t->proc->mem, NULL);
	run_one(t);
	mem_set_points(t->proc->mem, t->proc->points);
}

static void at_break(struct kit_thread *t)
{
	struct kit_machine *m = machine_of(t);
	const gaddr pc = t->st.pc;
	const struct address_hook *h = hook_at(m, pc);

	if (h)
		h->fn(h->context, m, pc);
	if (t->st.pc != pc)
		return;
	/* Asked to stop by the hook, it does so before the instruction. */
	if (__atomic_load_n(&m->asked, __ATOMIC_RELAXED))
		m->called_at = pc;
	else
		pass_point(t);
}

static void at_access(struct kit_thread *t, gaddr addr)
{
	machine_of(t)->fault = (struct kit_fault){ .address = addr };
	leave(t, KIT_STOP_WATCHED);
}

static void attend(struct kit_thread *t)
{
	if (__atomic_exchange_n(&machine_of(t)->asked, false, __ATOMIC_ACQ_REL))
		leave(t, KIT_STOP_ASKED);
}

static const struct kit_embedder embedder = {
	.call = on_call,
	.raise = raise_signal,
	.at_break = at_break,
	.at_access = at_access,
	.attend = attend,
};

/* ---- making and loading --------------------------------------------------------------------------------------- */

static void unload(struct kit_machine *m)
{
	struct kit_process *p = m->proc;
	struct kit_thread *self = kit_self();

	if (!p)
		return;
	if (m->thread) {
		kit_set_self(m->thread);
		if (m->thread->proc->first_thread)
			p->ops->fini(m->thread);
		clone_thread_free(m->thread);
		kit_set_self(self == m->thread ? NULL : self);
	}
	jit_free(p->jit);
	if (p->mem)
		mem_free(p->mem);
	if (p->sig)
		sig_table_free(p->sig);
	free(p);
	m->proc = NULL;
	m->thread = NULL;
}

static void set_options(const struct kit_machine *m, struct kit_options *o)
{
	o->engine = m->config.interpret ? KIT_ENGINE_INTERP : KIT_ENGINE_JIT;
	o->max_level = 2;
	o->cache_bytes = m->config.code_bytes ? m->config.code_bytes : CODE_BYTES;
	o->stack_bytes = m->config.stack_bytes ? m->config.stack_bytes : STACK_BYTES;
	o->force_base = true;
	o->limit = UINT64_C(1) << m->config.address_bits;
}

/* An empty process, with its thread. */
static bool begin(struct kit_machine *m)
{
	struct kit_process *p = m->proc = calloc(1, sizeof *p);
	struct mem_want want;

	if (!p)
		return diag_fail(&m->error, KIT_EXIT_INTERNAL, "out of memory");
	set_options(m, &p->opt);
	want = (struct mem_want){ .base = true, .limit = p->opt.limit };
	p->features = m->features;
	p->self_fd = p->exe_fd = -1;
	p->ops = &kit_thread_ops;
	p->embedder = &embedder;
	p->machine = m;
	p->points = &m->points;
	p->threads = 1;
	kit_list_init(p);
	p->mem = mem_new(&want, &m->error);
	if (!p->mem || !sig_embed(p, &m->error))
		return false;
	if (mem_limit(p->mem) < p->opt.limit)
		return diag_fail(&m->error, KIT_EXIT_INTERNAL,
				 "this process has no room for %u bits of addresses more",
				 m->config.address_bits);
	mem_set_points(p->mem, p->points);
	m->thread = clone_thread_new(p);
	if (!m->thread)
		return diag_fail(&m->error, KIT_EXIT_INTERNAL, "out of memory");
	m->thread->proc = p;
	m->thread->tid = getpid();
	/* No leader: what the kernel does at the end of a host thread is for that one's own words. */
	sig_thread_init(m->thread);
	if (!kit_decoder(m->thread))
		return diag_fail(&m->error, KIT_EXIT_INTERNAL, "Capstone has no RISC-V");
	if (p->opt.engine == KIT_ENGINE_JIT && !(p->jit = jit_new(p, &m->error)))
		return false;
	return p->ops->init(m->thread) || diag_fail(&m->error, KIT_EXIT_INTERNAL, "out of memory");
}

struct kit_machine *kit_machine_new(const struct kit_config *config)
{
	struct kit_machine *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->fd = -1;
	m->called_at = 1;
	if (config)
		m->config = *config;
	if (!m->config.address_bits)
		m->config.address_bits = ADDRESS_BITS;
	m->features = rv64_guest.default_features;
	if (m->config.address_bits < ADDRESS_BITS_LEAST || m->config.address_bits > ADDRESS_BITS)
		diag_fail(&m->error, KIT_EXIT_INTERNAL, "%u address bits: 28 to 38 can be had",
			  m->config.address_bits);
	else if (!m->config.cpu || rv64_guest.cpu_features(m->config.cpu, &m->features, &m->error))
		begin(m);
	if (m->error.text[0])
		unload(m);
	return m;
}

/* What was loaded is forgotten. */
static void forget(struct kit_machine *m)
{
	for (char **list = m->argv; list; list = list == m->argv ? m->envp : NULL) {
		for (char **s = list; *s; s++)
			free(*s);
		free(list);
	}
	m->argv = m->envp = NULL;
	free(m->name);
	m->name = NULL;
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void kit_machine_free(struct kit_machine *m)
{
	if (!m)
		return;
	unload(m);
	forget(m);
	free(m);
}

const char *kit_machine_error(const struct kit_machine *m)
{
	return m ? m->error.text : "no memory for a machine";
}

static char **copy_list(const char *const *list, const char *instead)
{
	const char *const one[] = { instead, NULL };
	char **copy;
	size_t n = 0;

	list = list ? list : one;
	while (list[n])
		n++;
	copy = calloc(n + 1, sizeof *copy);
	KIT_CHECK(copy, "out of memory");
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(list[i]);
		KIT_CHECK(copy[i], "out of memory");
	}
	return copy;
}

static bool load(struct kit_machine *m)
{
	struct kit_thread *self = kit_self();
	bool ok;

	if (self && self == m->thread)
		return diag_fail(&m->error, KIT_EXIT_INTERNAL, "the machine is running");
	unload(m);
	ok = begin(m);
	if (ok) {
		m->proc->exe_fd = m->fd;
		m->proc->exe_path = m->name;
		kit_set_self(m->thread);
		ok = load_program(m->proc, m->thread, m->fd, m->name, m->argv, m->envp, &m->error);
		kit_set_self(self);
	}
	m->called_at = 1;
	__atomic_store_n(&m->asked, false, __ATOMIC_RELAXED);
	if (!ok)
		unload(m);
	return ok;
}

static bool take(struct kit_machine *m, int fd, const char *name, const char *const *argv,
		 const char *const *envp)
{
	forget(m);
	m->fd = fd;
	m->name = strdup(name);
	KIT_CHECK(m->name, "out of memory");
	m->argv = copy_list(argv, name);
	m->envp = copy_list(envp, NULL);
	return load(m);
}

bool kit_machine_load_file(struct kit_machine *m, const char *path, const char *const *argv,
			   const char *const *envp)
{
	int fd;

	m->error.text[0] = 0;
	fd = load_open(path, &m->error);
	return fd >= 0 && take(m, fd, path, argv, envp);
}

bool kit_machine_load_bytes(struct kit_machine *m, const void *bytes, size_t size,
			    const char *const *argv, const char *const *envp)
{
	int fd = mem_file_new("program");
	size_t n = 0;
	ssize_t got = 1;

	m->error.text[0] = 0;
	for (; fd >= 0 && n < size && got > 0; n += (size_t)(got > 0 ? got : 0))
		got = write(fd, (const char *)bytes + n, size - n);
	if (fd < 0 || got <= 0) {
		diag_fail(&m->error, KIT_EXIT_INTERNAL, "no memory for the program: %s",
			  strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	return take(m, fd, "program", argv, envp);
}

bool kit_machine_reset(struct kit_machine *m)
{
	m->error.text[0] = 0;
	if (m->fd < 0)
		return diag_fail(&m->error, KIT_EXIT_INTERNAL, "nothing was loaded");
	return load(m);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

/* Between these two the calling host thread is the guest's: faults are, and find a stack of their own. */
struct entry {
	struct kit_thread *self;
	stack_t stack;
};

static void enter(const struct kit_machine *m, struct entry *e)
{
	e->self = kit_self();
	kit_set_self(m->thread);
	m->thread->tid = (int)syscall(SYS_gettid);
	m->thread->tgid = getpid(); /* the caller may have forked */
	sig_embed_enter(m->thread, &e->stack);
}

static void back(struct entry *e)
{
	sig_embed_leave(&e->stack);
	kit_set_self(e->self);
}

enum { RUN_ON = 0 };

static enum kit_stop run(struct kit_machine *m, uint64_t blocks)
{
	struct kit_thread *t = m->thread;
	struct entry e;

	if (!t || m->fd < 0)
		return KIT_STOP_EMPTY;
	if (t->exiting && m->stop == KIT_STOP_EXITED)
		return KIT_STOP_EXITED;
	enter(m, &e);
	t->exiting = false;
	m->stop = KIT_STOP_EXITED; /* unless something else is said */
	if (m->called_at == t->st.pc)
		pass_point(t);
	m->called_at = 1;
	if (blocks == RUN_ON)
		run_thread(t);
	for (; blocks && !t->exiting; blocks--)
		if (!run_block(t))
			blocks++; /* it has only looked around */
	back(&e);
	return t->exiting ? m->stop : KIT_STOP_STEPPED;
}

enum kit_stop kit_machine_run(struct kit_machine *m) { return run(m, RUN_ON); }

enum kit_stop kit_machine_step(struct kit_machine *m, uint64_t n)
{
	return n ? run(m, n) : KIT_STOP_STEPPED;
}

void kit_machine_stop(struct kit_machine *m)
{
	__atomic_store_n(&m->asked, true, __ATOMIC_RELEASE);
	if (m->thread)
		__atomic_fetch_or(&m->thread->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
}

int kit_machine_status(const struct kit_machine *m)
{
	return m->thread ? m->thread->exit_status : 0;
}

struct kit_fault kit_machine_fault(const struct kit_machine *m) { return m->fault; }

/* ---- registers and memory --------------------------------------------------------------------------------------- */

uint64_t kit_machine_reg(const struct kit_machine *m, unsigned n)
{
	return m->thread && n < IR_MAX_REGS ? m->thread->st.reg[n] : 0;
}

void kit_machine_set_reg(struct kit_machine *m, unsigned n, uint64_t value)
{
	if (m->thread && n && n < IR_MAX_REGS)
		m->thread->st.reg[n] = value;
}

uint64_t kit_machine_pc(const struct kit_machine *m) { return m->thread ? m->thread->st.pc : 0; }

void kit_machine_set_pc(struct kit_machine *m, uint64_t pc)
{
	if (m->thread)
		m->thread->st.pc = pc & ~UINT64_C(1);
}

bool kit_machine_read(struct kit_machine *m, uint64_t address, void *to, size_t size)
{
	struct entry e;
	bool ok;

	if (!m->thread)
		return false;
	enter(m, &e);
	ok = mem_copy_in(m->proc->mem, to, address, size);
	back(&e);
	return ok;
}

bool kit_machine_write(struct kit_machine *m, uint64_t address, const void *from, size_t size)
{
	struct entry e;
	bool ok;

	if (!m->thread)
		return false;
	enter(m, &e);
	ok = mem_copy_out(m->proc->mem, address, from, size);
	back(&e);
	return ok;
}

/* ---- hooks -------------------------------------------------------------------------------------------------------- */

void kit_machine_on_call(struct kit_machine *m, kit_call_hook *hook, void *context)
{
	m->call = hook;
	m->call_context = context;
}

/* The table of breakpoints from the hooks. Code around at is fetched anew. */
static void set_points(struct kit_machine *m, gaddr at)
{
	struct point_table *p = &m->points;

	p->break_count = 0;
	for (unsigned i = 0; i < m->hook_count; i++) {
		unsigned k = p->break_count++;

		for (; k && p->brk[k - 1] > m->hook[i].brk; k--)
			p->brk[k] = p->brk[k - 1];
		p->brk[k] = m->hook[i].brk;
	}
	if (m->proc)
		mem_code_touched(m->proc->mem, at, sizeof(uint32_t));
}

bool kit_machine_on_address(struct kit_machine *m, uint64_t address, kit_address_hook *hook,
			    void *context)
{
	struct address_hook *h = hook_at(m, address);
	struct entry e;
	uint16_t half = 0;

	if (!hook) {
		if (h)
			*h = m->hook[--m->hook_count];
	} else {
		if (address & 1 || (!h && m->hook_count == POINT_BREAKS)
		    || !kit_machine_read(m, address, &half, sizeof half))
			return false;
		if (!h)
			h = &m->hook[m->hook_count++];
		/* An instruction of four bytes has 3 there: "Base Instruction-Length Encoding". */
		*h = (struct address_hook){ .at = address,
					    .brk = address | ((half & 3) == 3 ? POINT_WIDE : 0),
					    .fn = hook,
					    .context = context };
	}
	if (m->thread)
		enter(m, &e);
	set_points(m, address);
	if (m->thread)
		back(&e);
	return true;
}

bool kit_machine_watch(struct kit_machine *m, uint64_t start, uint32_t size, unsigned access)
{
	struct point_table *p = &m->points;
	unsigned i = 0;

	while (i < p->watch_count && (p->watch[i].start != start || p->watch[i].size_bytes != size))
		i++;
	if (!access) {
		if (i < p->watch_count)
			p->watch[i] = p->watch[--p->watch_count];
	} else if (i == POINT_WATCHES) {
		return false;
	} else {
		p->watch[i] = (struct point_watch){ start, size, access };
		p->watch_count += i == p->watch_count;
	}
	/* Translated code is left, so that the run loop sees it. */
	if (m->thread)
		__atomic_fetch_or(&m->thread->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	return true;
}
