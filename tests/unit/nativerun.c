/* Native runs of compiled units; see nativerun.h. */
#include "tests/unit/nativerun.h"

#include "lib/base/hash.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CODE_BYTES = 8 << 20, STACK_BYTES = 128 << 10, PAGE = 4096, ALT_BYTES = 64 << 10 };

static struct nativerun *running;

static void *map(void *at, size_t size, int prot, int flags, int fd)
{
	void *p = mmap(at, size, prot, flags, fd, 0);

	KIT_CHECK(p != MAP_FAILED, "mmap of %zu bytes at %p", size, at);
	return p;
}

/* What was written there is to be executed. */
static void sync_code(const struct nativerun *n, const uint8_t *at, size_t size)
{
	char *p = (char *)n->rx + (at - n->rx);

	__builtin___clear_cache(p, p + size);
}

/* ---- faults --------------------------------------------------------------------------------------- */

/* Which of the kept units, or the one compiled last, has the stub at host address stub: fills pc and exit_arg. */
static enum ir_exit look_at_stub(struct nativerun *n, uint64_t stub)
{
	for (unsigned i = 0; i <= n->kept_count; i++) {
		const struct nativerun_kept last = { n->unit, n->code };
		const struct nativerun_kept *k = i < n->kept_count ? &n->kept[i] : &last;
		uint64_t at = stub - (uintptr_t)k->at;

		for (unsigned s = 0; s < k->code.link_count; s++)
			if (k->code.link[s].stub == at) {
				n->st->pc = k->code.link[s].target;
				n->st->exit_arg = (uintptr_t)k->at + k->code.link[s].at;
				return IR_EXIT_LINK;
			}
		for (unsigned s = 0; s < k->code.stub_count; s++)
			if (k->code.stub[s].at == at) {
				n->st->pc = k->code.stub[s].pc;
				return (enum ir_exit)k->code.stub[s].reason;
			}
	}
	KIT_PANIC("no unit has a stub at %#llx", (unsigned long long)stub);
}

static const struct code_fault *find_fault(const struct nativerun *n, uint64_t pc)
{
	uint64_t at = pc - (uintptr_t)n->unit;

	for (unsigned i = 0; i < n->code.fault_count; i++)
		if (n->code.fault[i].at == at)
			return &n->code.fault[i];
	return NULL;
}

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	struct nativerun *n = running;
	const struct code_fault *f = n ? find_fault(n, native_ctx_pc(ctx)) : NULL;
	struct ir_state *st;

	KIT_CHECK(f, "signal %d at pc %#llx, address %p (unit at %p)", sig,
		  (unsigned long long)native_ctx_pc(ctx), info->si_addr, n ? n->unit : NULL);
	st = n->st;
	st->fault_kind = f->redo ? IR_FAULT_REDO : IR_FAULT_SEGV;
	st->fault_code = 1;
	st->fault_addr = (uintptr_t)info->si_addr - st->guest_base;
	st->fault_write = native_ctx_is_write(ctx);
	st->pc = n->code.gpc + (gaddr)(int64_t)f->gpc_off;
	native_ctx_capture(ctx, st, &n->target, n->code.loc + f->first, f->count,
			   n->host->apply_fix, n->rx + n->thunks.leave_fault);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_size = ALT_BYTES };

	ss.ss_sp = map(NULL, ALT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* ---- set-up ---------------------------------------------------------------------------------------- */

static void make_state(struct nativerun *n)
{
	struct ir_state *st;
	uint8_t *stack;
	uint64_t top;

	st = n->st = map(NULL, (sizeof *st + PAGE - 1) & ~(size_t)(PAGE - 1),
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	n->host->state_init(st);
	st->jump = map(NULL, sizeof *st->jump * 2 * IR_JUMP_ENTRIES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (unsigned i = 0; i < 2 * IR_JUMP_ENTRIES; i++)
		st->jump[i].gpc = ir_jump_none(i);
	for (unsigned i = 0; i < IR_THUNK_COUNT; i++)
		st->thunk[i] = n->rx + n->thunks.thunk[i];
	stack = map(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	mprotect(stack, PAGE, PROT_NONE);
	top = (uintptr_t)stack + STACK_BYTES - 64;
	*(uint64_t *)(uintptr_t)top = (uintptr_t)n->rx + n->thunks.resync;
	st->code_sp = st->code_sp_top = top;
	st->resv_addr = 1;
}

static void make_window(struct nativerun *n, gaddr window)
{
	uint8_t *want = n->opts.guest_base ? NULL : (uint8_t *)(uintptr_t)(window - PAGE);

	/* Pages without access on both sides. */
	want = map(want, 3 * PAGE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | (want ? MAP_FIXED_NOREPLACE : 0), -1);
	n->memory = want + PAGE;
	n->window = window;
	mprotect(n->memory, PAGE, PROT_READ | PROT_WRITE);
	n->st->guest_base = (uintptr_t)n->memory - window;
}

void nativerun_init(struct nativerun *n, const struct ir_regfile *regs, struct jit_opts opts,
		    gaddr window)
{
	int fd = memfd_create("code", 0);
	struct codebuf cb;

	*n = (struct nativerun){ .host = host_native(), .opts = opts };
	KIT_CHECK(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0, "no memory for code");
	n->rw = map(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	n->rx = map(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	close(fd);
	arena_init(&n->arena);
	n->host->target(regs, &n->opts, &n->target);
	cb_init(&cb, n->rw, CODE_BYTES);
	KIT_CHECK(n->host->thunks(&n->target, &n->opts, &cb, &n->thunks), "thunks do not fit");
	sync_code(n, n->rx, cb_pos(&cb));
	n->used = n->keep = (uint32_t)align_up(cb_pos(&cb), n->host->code_align);
	make_state(n);
	make_window(n, window);
	catch_faults();
}

void nativerun_fini(struct nativerun *n)
{
	munmap(n->rw, CODE_BYTES);
	munmap(n->rx, CODE_BYTES);
	munmap(n->memory - PAGE, 3 * PAGE);
	munmap(n->st->jump, sizeof *n->st->jump * 2 * IR_JUMP_ENTRIES);
	munmap(n->st, (sizeof *n->st + PAGE - 1) & ~(size_t)(PAGE - 1));
	arena_fini(&n->arena);
	running = NULL;
}

/* ---- units ------------------------------------------------------------------------------------------ */

/* Another convention for the blocks of a unit: some registers without a home have that of another one. */
static struct ra_target region_target(const struct nativerun *n)
{
	struct ra_target own = n->target;
	uint64_t random = n->region;

	for (unsigned in = 0; in < own.regs->count; in++) {
		unsigned out;

		random = kit_mix64(random);
		out = (unsigned)(random % own.regs->count);
		if (n->target.home[in] != LIR_PHYS_NONE || own.home[out] == LIR_PHYS_NONE
		    || n->target.home[out] == LIR_PHYS_NONE
		    || own.regs->reg[in].type != own.regs->reg[out].type)
			continue;
		own.home[in] = own.home[out];
		own.home[out] = LIR_PHYS_NONE;
	}
	ra_target_done(&own);
	return own;
}

static struct lir_unit copy_of(const struct lir_unit *lir)
{
	struct lir_unit c = *lir;

	c.insn = arena_new(lir->arena, struct lir_insn, lir->insn_count + 1);
	memcpy(c.insn, lir->insn, sizeof *lir->insn * lir->insn_count);
	return c;
}

enum nativerun_status nativerun_compile(struct nativerun *n, const struct ir_unit *u,
					struct diag *d)
{
	struct lir_unit lir, selected;
	struct ra_target own = n->region ? region_target(n) : n->target;
	struct codebuf cb;

	n->used = n->keep;
	cb_init(&cb, n->rw + n->used, CODE_BYTES - n->used);
	n->host->isel(u, &own, &n->opts, &lir);
	lir.boundary = n->region ? &n->target : NULL;
	if (n->check)
		selected = copy_of(&lir);
	if (!ra_run(&lir, &own))
		return NATIVERUN_TOO_LONG;
	if (n->check && !ra_check(&selected, &lir, &own, d))
		return NATIVERUN_BAD_ALLOCATION;
	if (!n->host->emit(&lir, &own, &n->opts, &cb, &n->code))
		return NATIVERUN_TOO_LONG;
	if (n->check && !jit_check_code(&n->code, u, n->host, &n->opts, d))
		return NATIVERUN_BAD_TABLES;
	sync_code(n, n->rx + n->used, n->code.size_bytes);
	n->unit = n->rx + n->used;
	n->used += n->code.size_bytes;
	return NATIVERUN_OK;
}

const void *nativerun_keep(struct nativerun *n)
{
	n->keep = (uint32_t)align_up(n->used, n->host->code_align);
	arena_grow(&n->arena, n->kept, n->kept_count, n->kept_cap);
	n->kept[n->kept_count++] = (struct nativerun_kept){ n->unit, n->code };
	return n->unit;
}

enum ir_exit nativerun_run(struct nativerun *n, const void *unit, bool want_link)
{
	typedef uint32_t enter_fn(struct ir_state * st, const void *code);
	const void *at = n->rx + n->thunks.enter;
	enter_fn *enter;
	enum ir_exit reason;

	memcpy(&enter, &at, sizeof enter);
	running = n;
	if (!unit) /* calls of units that are gone may have left something there */
		n->st->code_sp = n->st->code_sp_top;
	n->st->host_fpcr = native_fpcr_make(n->st->frm);
	reason = (enum ir_exit)enter(n->st, unit ? unit : n->unit);
	if (reason == IR_EXIT_FAULT && n->st->fault_kind == IR_FAULT_REDO)
		reason = IR_EXIT_REDO;
	if (reason == IR_EXIT_STUB)
		reason = look_at_stub(n, n->st->exit_arg - n->host->stub_bytes);
	if (reason == IR_EXIT_LINK && n->st->stop)
		reason = IR_EXIT_STOP;
	running = NULL;
	n->st->fflags |= native_fpcr_flags(n->st->host_fpcr);
	return reason == IR_EXIT_LINK && !want_link ? IR_EXIT_LOOKUP : reason;
}

void nativerun_link(struct nativerun *n, uint64_t field, const void *to)
{
	uint64_t off = field - (uintptr_t)n->rx;
	uint32_t word;

	KIT_CHECK(off + 4 <= CODE_BYTES, "field %#llx is not in the code",
		  (unsigned long long)field);
	memcpy(&word, n->rw + off, 4);
	word = n->host->link_word(word, (int64_t)((uintptr_t)to - field));
	memcpy(n->rw + off, &word, 4);
	sync_code(n, n->rx + off, 4);
}

void nativerun_set_memory(struct nativerun *n, const void *bytes, size_t size)
{
	memcpy(n->memory, bytes, size);
}

const uint8_t *nativerun_memory(const struct nativerun *n) { return n->memory; }
