/*
 * Lockstep comparison of the engines; see check.h.
 *
 * The interpreter goes first, on a copy of the registers and with its stores kept in
 * an overlay (a log of bytes that loads look through), so that memory is as before when
 * translated code runs for real. Then the overlay must equal memory.
 *
 * Units that read a clock cannot be compared and are only run. Memory that another process or the kernel
 * changes meanwhile can show as a difference; the report says which bytes.
 */
#include "runtime/check.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "lib/ir/interp.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OVERLAY_MAX = 1024, MAX_BYTES = 1024 };

/* Stores of the unit under way, in order. The interpreter's state comes first, as its callbacks expect. */
struct shadow {
	struct kit_thread thread; /* a copy: registers, and proc for the address space */
	struct overlay_store {
		gaddr addr;
		uint64_t value;
		unsigned size_bytes;
	} store[OVERLAY_MAX];
	unsigned count;
	bool full; /* too many stores to follow: the unit is not compared */
};

/*
 * One thread at a time runs guest code under --selfcheck: what one writes between the two runs of another
 * would be a difference. The lock covers the three.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shadow shadow;
static struct arena arena;  /* of the unit */
static struct arena values; /* of the interpreter's run */

/* ---- memory of the interpreter's run -------------------------------------------------------- */

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	uint8_t b[8] = { 0 };

	if (!interp_memory.load(st, addr, size_bytes, value))
		return false;
	memcpy(b, value, sizeof b);
	for (unsigned i = 0; i < shadow.count; i++) {
		const struct overlay_store *s = &shadow.store[i];

		for (unsigned k = 0; k < s->size_bytes; k++)
			if (s->addr + k - addr < size_bytes)
				b[s->addr + k - addr] = (uint8_t)(s->value >> 8 * k);
	}
	memcpy(value, b, sizeof b);
	return true;
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	uint64_t old;
	gaddr last = addr + size_bytes - 1;
	struct kit_thread *t = (struct kit_thread *)(void *)st;

	/* The fault that the store would raise: found without storing. */
	if (!interp_memory.load(st, addr, size_bytes, &old)) {
		st->fault_write = true;
		return false;
	}
	if (!mem_access_ok(t->proc->mem, addr, last - addr + 1, 2 /* PROT_WRITE */)) {
		st->fault_kind = IR_FAULT_SEGV;
		st->fault_write = true;
		return false;
	}
	if (shadow.count == OVERLAY_MAX) {
		shadow.full = true;
		return true;
	}
	shadow.store[shadow.count++] = (struct overlay_store){ addr, value, size_bytes };
	return true;
}

static bool cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		uint64_t desired)
{
	uint64_t cur;

	if (!load(st, addr, size_bytes, &cur))
		return false;
	if (cur == *expected && !store(st, addr, size_bytes, desired))
		return false;
	*expected = cur;
	return true;
}

static const struct ir_memory shadow_memory = { .load = load, .store = store, .cas = cas };

/* ---- the unit ------------------------------------------------------------------------------ */

/* The same trace that jit.c translates under --selfcheck; loops within it are cut at each turn. */
static void lift(struct kit_thread *t, struct ir_unit *u)
{
	const struct guest_fetch f = { .read = mem_fetch, .ctx = t->proc->mem };

	arena_reset(&arena);
	ir_unit_init(u, &arena, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(kit_decoder(t), &f, t->st.pc, &jit_lockstep_limits, u);
	for (unsigned i = 0; i < u->insn_count; i++)
		u->insn[i].to = IR_NOBLOCK;
}

static bool has_clock(const struct ir_unit *u)
{
	for (unsigned i = 0; i < u->insn_count; i++)
		if (u->insn[i].op == IR_helper)
			return true;
	return false;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void report_unit(const struct ir_unit *u, struct kit_process *p, const uint64_t *before,
			struct strbuf *out)
{
	uint8_t bytes[MAX_BYTES];

	strbuf_printf(out, "reproduce: kit-ir lift --pc=%#lx", (unsigned long)u->gpc);
	for (unsigned i = 0; i < u->range_count; i++) {
		unsigned n = u->range[i].size_bytes < sizeof bytes ? u->range[i].size_bytes
								   : (unsigned)sizeof bytes;

		n = mem_fetch(p->mem, u->range[i].start, bytes, n) & ~1u;
		for (unsigned k = 0; k < n; k += 2)
			strbuf_printf(out, " %02x%02x", bytes[k + 1], bytes[k]);
	}
	strbuf_puts(out, " interp");
	for (unsigned g = 1; g < rv64_guest.regs->count; g++)
		if (before[g])
			strbuf_printf(out, " %s=%#lx", rv64_guest.regs->reg[g].name,
				      (unsigned long)before[g]);
	strbuf_putc(out, '\n');
	ir_print(u, out);
}

static void compare_registers(const struct ir_state *want, const struct ir_state *got,
			      struct strbuf *out)
{
	for (unsigned g = 1; g < rv64_guest.regs->count; g++)
		if (want->reg[g] != got->reg[g])
			strbuf_printf(out, "%s: interpreter %#lx, translated %#lx\n",
				      rv64_guest.regs->reg[g].name, (unsigned long)want->reg[g],
				      (unsigned long)got->reg[g]);
	if (want->pc != got->pc)
		strbuf_printf(out, "pc: interpreter %#lx, translated %#lx\n",
			      (unsigned long)want->pc, (unsigned long)got->pc);
	if (want->frm != got->frm)
		strbuf_printf(out, "frm: interpreter %u, translated %u\n", want->frm, got->frm);
	if (want->fflags != (got->fflags | native_fpcr_flags(got->host_fpcr)))
		strbuf_printf(out, "fflags: interpreter %#x, translated %#x\n", want->fflags,
			      got->fflags | native_fpcr_flags(got->host_fpcr));
}

/* Each stored byte that no later store of the overlay covers must be in memory. */
static void compare_memory(struct kit_process *p, struct strbuf *out)
{
	for (unsigned i = 0; i < shadow.count; i++) {
		const struct overlay_store *s = &shadow.store[i];
		uint64_t now = 0, want = 0;

		if (!load(&shadow.thread.st, s->addr, s->size_bytes, &want)
		    || !mem_copy_in(p->mem, &now, s->addr, s->size_bytes) || now != want)
			strbuf_printf(
			    out, "memory at %#lx, %u bytes: interpreter %#lx, translated %#lx\n",
			    (unsigned long)s->addr, s->size_bytes, (unsigned long)want,
			    (unsigned long)now);
	}
}

static enum ir_exit check_unit(struct kit_thread *t)
{
	struct strbuf diff = STRBUF_INIT;
	struct ir_unit u;
	uint64_t before[IR_MAX_REGS];
	enum ir_exit want, got;

	jit_set_frm(t);
	lift(t, &u);
	if (has_clock(&u))
		return jit_run_one(t);
	memcpy(before, t->st.reg, sizeof before);
	shadow.thread = *t;
	shadow.thread.st.stop = 0;
	shadow.count = 0;
	shadow.full = false;
	/* A fault of the shadow is noted in its own state: it stands in for the thread meanwhile. */
	kit_set_self(&shadow.thread);
	want = ir_interp(&u, &shadow.thread.st, &shadow_memory, &values);
	kit_set_self(t);
	if (shadow.thread.st.stop)
		__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	if (want == IR_EXIT_LINK)
		want = IR_EXIT_LOOKUP;
	got = jit_run_one(t);
	if (got == IR_EXIT_STOP || shadow.full)
		return got;
	/* A guarded page: the run loop steps over the write and goes on. */
	if (got == IR_EXIT_FAULT && want != got && t->st.fault_write)
		return got;
	if (got != want)
		strbuf_printf(&diff, "exit: interpreter %d, translated %d\n", (int)want, (int)got);
	compare_registers(&shadow.thread.st, &t->st, &diff);
	compare_memory(t->proc, &diff);
	if (diff.len) {
		lift(&(struct kit_thread){ .st.pc = u.gpc, .proc = t->proc, .decoder = t->decoder },
		     &u);
		report_unit(&u, t->proc, before, &diff);
		kit_log_write("kitemu: --selfcheck: the engines differ at pc %#lx",
			      (unsigned long)u.gpc);
		if (write(kit_log_fd(), diff.s, diff.len) < 0)
			_exit(KIT_EXIT_INTERNAL);
		_exit(KIT_EXIT_INTERNAL);
	}
	return got;
}

enum ir_exit check_run(struct kit_thread *t)
{
	enum ir_exit why;

	pthread_mutex_lock(&lock);
	why = check_unit(t);
	pthread_mutex_unlock(&lock);
	return why;
}

void check_lock(void) { pthread_mutex_lock(&lock); }
void check_unlock(void) { pthread_mutex_unlock(&lock); }
