/*
 * Lockstep comparison of the engines; see check.h.
 *
 * The interpreter goes first, on a copy of the registers and with its stores kept in
 * an overlay (a log of bytes that loads look through), so that memory is as before when
 * translated code runs for real. Then the overlay must equal memory.
 *
 * Of a routine of libc, libgcc or libm, which is one operation to the translator or a few, the interpreter runs the guest's own code up to its
 * return. Registers that a callee need not preserve are not compared then, nor is what lies below the stack. A
 * unit either is such a routine, or ends with the call of one.
 *
 * Units that read a clock cannot be compared and are only run. Memory that is mapped shared may be
 * changed by another process between the two runs: a difference in a unit that accessed such memory
 * proves nothing, so it is only told under --log=jit. So is one in a program with threads when what the
 * interpreter read has changed: a system call of another thread goes on meanwhile. Private memory has
 * no other writer but a debugger (process_vm_writev, /proc/PID/mem) and a file's new contents
 * behind a private mapping.
 */
#include "runtime/check.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "arch/rv64/cpu.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "lib/ir/interp.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/level0.h"
#include "runtime/mem/mem.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { ACCESSES_MAX = 1024, MAX_BYTES = 512, KEPT_ENTRIES = 1 << 16, KEPT_MAX = 50000 };
enum { FRAME_BYTES = 1024, TRACES_MAX = 100000 }; /* of a routine */

struct access {
	gaddr addr;
	uint64_t value;
	unsigned size_bytes;
	bool faulted; /* there was no memory */
};

/* Accesses of the unit under way, in order. The interpreter's state comes first, as its callbacks expect. */
struct shadow {
	struct kit_thread thread; /* a copy: registers, and proc for the address space */
	struct access store[ACCESSES_MAX];
	struct access found[ACCESSES_MAX]; /* what was in memory before, at each access */
	unsigned store_count, found_count;
	bool full; /* too many to follow: the unit is not compared */
};

/* What the interpreter runs. It holds as long as the guest's bytes are those that it was lifted from. */
struct lifted {
	struct ir_unit u;
	bool has_clock;
	bool has_routine, calls_routine; /* is one, or ends with the call of one */
	uint8_t *bytes;                  /* of u.range[], one range after the other */
	unsigned byte_count;
};

/*
 * One thread at a time runs guest code under --selfcheck: what one writes between the two runs of another
 * would be a difference. The lock covers all below.
 */
static struct kit_lock lock;
static struct shadow shadow;
static struct arena values; /* of the interpreter's run */
static bool threaded;       /* there is or was more than one thread */

/* Lifted units by pc, all in one arena that is emptied when it holds too many. */
static struct {
	struct arena arena;
	struct lifted *unit[KEPT_ENTRIES];
	unsigned count;
} kept;

/* ---- memory of the interpreter's run -------------------------------------------------------- */

static void note(struct access *list, unsigned *count, struct access a)
{
	if (*count == ACCESSES_MAX)
		shadow.full = true;
	else
		list[(*count)++] = a;
}

/* Memory as it was before the unit. Where it cannot be read, the fault is that of a load. */
static bool find(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	bool ok = interp_memory.load(st, addr, size_bytes, value);

	note(shadow.found, &shadow.found_count,
	     (struct access){ addr, ok ? *value : 0, size_bytes, !ok });
	return ok;
}

/* Puts the unit's own stores over the value found at addr. */
static uint64_t overlay(gaddr addr, unsigned size_bytes, uint64_t value)
{
	uint8_t b[8];

	memcpy(b, &value, sizeof b);
	for (unsigned i = 0; i < shadow.store_count; i++) {
		const struct access *s = &shadow.store[i];

		if (s->addr - addr >= size_bytes && addr - s->addr >= s->size_bytes)
			continue;
		for (unsigned k = 0; k < s->size_bytes; k++)
			if (s->addr + k - addr < size_bytes)
				b[s->addr + k - addr] = (uint8_t)(s->value >> 8 * k);
	}
	memcpy(&value, b, sizeof b);
	return value;
}

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	if (!find(st, addr, size_bytes, value))
		return false;
	*value = overlay(addr, size_bytes, *value);
	return true;
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	uint64_t old;
	gaddr last = addr + size_bytes - 1;
	struct kit_thread *t = (struct kit_thread *)(void *)st;

	/* The fault that the store would raise: found without storing. */
	if (!find(st, addr, size_bytes, &old)) {
		st->fault_write = true;
		return false;
	}
	if (!mem_access_ok(t->proc->mem, addr, last - addr + 1, 2 /* PROT_WRITE */)) {
		st->fault_kind = IR_FAULT_SEGV;
		st->fault_write = true;
		return false;
	}
	note(shadow.store, &shadow.store_count, (struct access){ addr, value, size_bytes, false });
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

static bool has(const struct ir_unit *u, enum ir_op op)
{
	for (unsigned i = 0; i < u->insn_count; i++)
		if (u->insn[i].op == op)
			return true;
	return false;
}

/* The guest's bytes of u, one range after the other, into buf; returns how many there are. */
static unsigned fetch_bytes(struct kit_process *p, const struct ir_unit *u, uint8_t buf[MAX_BYTES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < u->range_count; i++) {
		KIT_CHECK(n + u->range[i].size_bytes <= MAX_BYTES, "a trace of %u bytes",
			  n + u->range[i].size_bytes);
		n += mem_fetch(p->mem, u->range[i].start, buf + n, u->range[i].size_bytes);
	}
	return n;
}

static void translate(struct kit_thread *t, bool routines, struct ir_unit *u)
{
	const struct guest_fetch f = { mem_fetch, t->proc->mem, mem_is_vdso, mem_peek };
	struct guest_limits limits = *jit_limits(t->proc->jit);

	limits.routines &= routines;
	limits.bit_routines &= routines;
	ir_unit_init(u, &kept.arena, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(kit_decoder(t), &f, t->st.pc, &limits, u);
}

/* The same trace that jit.c translates under --selfcheck; loops within it are cut at each turn. */
static struct lifted *lift(struct kit_thread *t)
{
	struct lifted *l = arena_new(&kept.arena, struct lifted, 1);
	struct ir_unit *u = &l->u;
	uint8_t bytes[MAX_BYTES];

	translate(t, true, u);
	l->has_routine = u->replaces;
	l->calls_routine = l->has_routine && u->insn[u->insn_count - 1].op == IR_exit;
	if (l->has_routine)
		translate(t, false, u);
	ir_cut_loops(u);
	l->has_clock = has(u, IR_helper);
	l->byte_count = fetch_bytes(t->proc, u, bytes);
	l->bytes = arena_new(&kept.arena, uint8_t, l->byte_count);
	memcpy(l->bytes, bytes, l->byte_count);
	return l;
}

/* Bytes are compared at each run, so that this engine trusts no listener to hear of changed code. */
static bool is_current(struct kit_process *p, const struct lifted *l)
{
	uint8_t now[MAX_BYTES];

	return fetch_bytes(p, &l->u, now) == l->byte_count
	       && memcmp(now, l->bytes, l->byte_count) == 0;
}

/* Where the unit at pc is, or would be: by open addressing, since two that took turns in one place would be lifted at each run. */
static struct lifted **place_of(gaddr pc)
{
	uint64_t at = kit_mix64(pc);
	struct lifted **slot;

	do
		slot = &kept.unit[at++ & (KEPT_ENTRIES - 1)];
	while (*slot && (*slot)->u.gpc != pc);
	return slot;
}

static const struct lifted *find_unit(struct kit_thread *t)
{
	struct lifted **slot = place_of(t->st.pc), *l = *slot;

	if (l && is_current(t->proc, l))
		return l;
	if (kept.count == KEPT_MAX) {
		memset(kept.unit, 0, sizeof kept.unit);
		kept.count = 0;
		arena_reset(&kept.arena);
		slot = place_of(t->st.pc);
	}
	kept.count++;
	l = lift(t);
	/* A unit without instructions says that nothing can be fetched; no bytes tell when that changes. */
	if (l->u.guest_insns)
		*slot = l;
	return l;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* The group of 8 bytes at cell, unless an access before number nth was in it: the bytes known of it. */
static void report_cell(unsigned nth, gaddr cell, struct strbuf *out)
{
	uint8_t b[8] = { 0 };
	uint64_t value;

	for (unsigned i = shadow.found_count; i-- > 0;) {
		const struct access *f = &shadow.found[i];

		for (unsigned k = 0; k < f->size_bytes; k++) {
			if (f->addr + k - cell >= sizeof b)
				continue;
			if (i < nth)
				return;
			b[f->addr + k - cell] = (uint8_t)(f->value >> 8 * k);
		}
	}
	memcpy(&value, b, sizeof b);
	strbuf_printf(out, " %#lx=%#lx", (unsigned long)cell, (unsigned long)value);
}

/* The memory that the interpreter found, in aligned groups of 8 bytes, each once. */
static void report_memory(struct strbuf *out)
{
	for (unsigned i = 0; i < shadow.found_count; i++) {
		gaddr first = shadow.found[i].addr & ~UINT64_C(7);
		gaddr last = (shadow.found[i].addr + shadow.found[i].size_bytes - 1) & ~UINT64_C(7);

		for (gaddr cell = first; !shadow.found[i].faulted && cell - first <= last - first;
		     cell += 8)
			report_cell(i, cell, out);
	}
}

/* As a command line that gives the interpreter's result again: code, registers, memory; stop ends loops. */
static void report_unit(const struct lifted *l, const struct ir_state *before, struct strbuf *out)
{
	const struct ir_unit *u = &l->u;
	const uint8_t *bytes = l->bytes;

	strbuf_printf(out, "reproduce: kit-ir lift --pc=%#lx", (unsigned long)u->gpc);
	for (unsigned i = 0; i < u->range_count; i++) {
		strbuf_printf(out, " @%#lx", (unsigned long)u->range[i].start);
		for (unsigned k = 0; k < u->range[i].size_bytes; k += 2, bytes += 2)
			strbuf_printf(out, " %02x%02x", bytes[1], bytes[0]);
	}
	strbuf_printf(out, " interp stop=1 frm=%u fflags=%u", before->frm, before->fflags);
	for (unsigned g = 1; g < rv64_guest.regs->count; g++)
		if (before->reg[g])
			strbuf_printf(out, " %s=%#lx", rv64_guest.regs->reg[g].name,
				      (unsigned long)before->reg[g]);
	report_memory(out);
	strbuf_putc(out, '\n');
	ir_print(u, out);
}

/* Registers that a called function may leave with anything. */
#define BITS(first, last) ((UINT64_C(2) << (last)) - (UINT64_C(1) << (first)))
static const uint64_t caller_saved = BITS(RV64_T0, RV64_T2) | BITS(RV64_A1, RV64_A7)
				     | BITS(RV64_T3, RV64_T6) | BITS(RV64_F0, RV64_F0 + 7)
				     | BITS(RV64_F0 + 11, RV64_F0 + 17)
				     | BITS(RV64_F0 + 28, RV64_F0 + 31);

static void take_over(uint64_t regs, const struct ir_state *from, struct ir_state *to)
{
	for (unsigned g = 0; g < IR_MAX_REGS; g++)
		if (regs >> g & 1)
			to->reg[g] = from->reg[g];
}

static void compare_registers(const struct ir_state *want, const struct ir_state *got,
			      struct strbuf *out)
{
	unsigned count = rv64_guest.regs->count;
	uint32_t fflags = got->fflags | native_fpcr_flags(got->host_fpcr);

	for (unsigned g = 1; memcmp(want->reg, got->reg, count * sizeof *got->reg) && g < count;
	     g++)
		if (want->reg[g] != got->reg[g])
			strbuf_printf(out, "%s: interpreter %#lx, translated %#lx\n",
				      rv64_guest.regs->reg[g].name, (unsigned long)want->reg[g],
				      (unsigned long)got->reg[g]);
	if (want->pc != got->pc)
		strbuf_printf(out, "pc: interpreter %#lx, translated %#lx\n",
			      (unsigned long)want->pc, (unsigned long)got->pc);
	if (want->frm != got->frm)
		strbuf_printf(out, "frm: interpreter %u, translated %u\n", want->frm, got->frm);
	if (want->fflags != fflags)
		strbuf_printf(out, "fflags: interpreter %#x, translated %#x\n", want->fflags,
			      fflags);
}

/* Each stored byte that no later store of the overlay covers must be in memory, but for those below the stack. */
static void compare_memory(struct kit_process *p, gaddr stack, struct strbuf *out)
{
	for (unsigned i = 0; i < shadow.store_count; i++) {
		const struct access *s = &shadow.store[i];
		uint64_t now = 0, want = overlay(s->addr, s->size_bytes, s->value);

		if (stack - s->addr - 1 < FRAME_BYTES)
			continue;
		if (!mem_copy_in(p->mem, &now, s->addr, s->size_bytes) || now != want)
			strbuf_printf(
			    out, "memory at %#lx, %u bytes: interpreter %#lx, translated %#lx\n",
			    (unsigned long)s->addr, s->size_bytes, (unsigned long)want,
			    (unsigned long)now);
	}
}

/* True when another process can write what one of the accesses found. */
static bool any_shared(struct kit_process *p)
{
	struct mem_vma v;

	for (unsigned i = 0; i < shadow.found_count; i++)
		for (unsigned k = 0; k < shadow.found[i].size_bytes; k++)
			if (mem_find(p->mem, shadow.found[i].addr + k, &v)
			    && v.flags & MEM_MAP_SHARED)
				return true;
	return false;
}

static bool stored(gaddr byte)
{
	for (unsigned i = 0; i < shadow.store_count; i++)
		if (byte - shadow.store[i].addr < shadow.store[i].size_bytes)
			return true;
	return false;
}

/*
 * True when memory that the interpreter found, and that the unit does not write, is no longer as it was: another
 * thread's system call has written there.
 */
static bool any_changed(struct kit_process *p)
{
	for (unsigned i = 0; i < shadow.found_count; i++) {
		const struct access *f = &shadow.found[i];

		for (unsigned k = 0; k < f->size_bytes; k++) {
			uint8_t now;
			bool there;

			if (stored(f->addr + k))
				continue;
			there = mem_copy_in(p->mem, &now, f->addr + k, 1);
			if (there == f->faulted || (there && now != (uint8_t)(f->value >> 8 * k)))
				return true;
		}
	}
	return false;
}

/* Counts of what happens to code; see any_code_changed. */
struct code_counts {
	uint64_t changes, dropped;
};

static struct code_counts code_counts(const struct kit_process *p)
{
	return (struct code_counts){ mem_code_changes(p->mem), jit_dropped(p->jit) };
}

/*
 * True when another thread may have changed code since then, which the engines fetch one after the other: it was unmapped or
 * written to, or the translated code was of bytes that are no longer there, as it may be until this thread's next fence.i where
 * code is not guarded.
 */
static bool any_code_changed(struct kit_process *p, const struct code_counts *then)
{
	struct code_counts now;

	mem_settle(p->mem); /* what is done is counted then */
	jit_sync_code(p->jit);
	now = code_counts(p);
	return now.changes != then->changes || now.dropped != then->dropped;
}

static void report(const struct lifted *l, struct kit_process *p, const struct ir_state *before,
		   const struct code_counts *counts, struct strbuf *diff)
{
	if (any_shared(p)
	    || (threaded && (any_changed(p) || !is_current(p, l) || any_code_changed(p, counts)))) {
		KIT_LOG(jit, "selfcheck: memory may have changed under the unit at %#lx:\n%s",
			(unsigned long)l->u.gpc, diff->s);
		strbuf_fini(diff);
		return;
	}
	report_unit(l, before, diff);
	kit_log_write("kitemu: --selfcheck: the engines differ at pc %#lx",
		      (unsigned long)l->u.gpc);
	kit_log_put(diff->s, diff->len);
	_exit(KIT_EXIT_INTERNAL);
}

/* The guest's own code of a routine, from its second trace, or from its call, to its return. */
static enum ir_exit finish_routine(struct kit_thread *t, gaddr ret, uint64_t sp)
{
	enum ir_exit why = IR_EXIT_LOOKUP;
	unsigned n = 0;

	while (why == IR_EXIT_LOOKUP && (t->st.pc != ret || t->st.reg[RV64_SP] != sp)
	       && !shadow.full) {
		shadow.full = kept.count == KEPT_MAX || ++n == TRACES_MAX;
		if (!shadow.full)
			why = ir_interp(&find_unit(t)->u, &t->st, &shadow_memory, &values);
	}
	return why;
}

/* The interpreter's run, which leaves the thread and its memory alone. *sp: the stack of a routine's caller. */
static enum ir_exit run_shadow(struct kit_thread *t, const struct lifted *l, uint64_t *sp)
{
	const struct ir_insn *call = l->calls_routine ? &l->u.insn[l->u.insn_count - 1] : NULL;
	enum ir_exit why;

	shadow.thread = *t;
	shadow.thread.st.stop = 0;
	shadow.store_count = shadow.found_count = 0;
	shadow.full = false;
	/* A fault of the shadow is noted in its own state: it stands in for the thread meanwhile. */
	kit_set_self(&shadow.thread);
	why = ir_interp(&l->u, &shadow.thread.st, &shadow_memory, &values);
	*sp = call ? shadow.thread.st.reg[RV64_SP] : t->st.reg[RV64_SP];
	if (l->has_routine && why == IR_EXIT_LOOKUP)
		why = finish_routine(&shadow.thread,
				     call ? ir_ret(&l->u, call) : t->st.reg[RV64_RA], *sp);
	kit_set_self(t);
	if (shadow.thread.st.stop)
		__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	return why == IR_EXIT_LINK ? IR_EXIT_LOOKUP : why;
}

/*
 * Translated code left in the middle of a unit of n instructions, to have the rest interpreted: that is done one
 * by one, up to where the interpreter's run has come.
 */
static enum ir_exit redo(struct kit_thread *t, enum ir_exit want, unsigned n)
{
	enum ir_exit why;

	do
		why = level0_run_one(t);
	while (why == IR_EXIT_LOOKUP && --n
	       && !(want == IR_EXIT_LOOKUP && t->st.pc == shadow.thread.st.pc));
	return why;
}

static enum ir_exit check_unit(struct kit_thread *t)
{
	struct strbuf diff = STRBUF_INIT;
	const struct lifted *l;
	struct ir_state before; /* the guest's registers alone */
	struct code_counts counts = code_counts(t->proc);
	enum ir_exit want, got;
	uint64_t sp;

	threaded |= __atomic_load_n(&t->proc->threads, __ATOMIC_RELAXED) > 1;
	jit_set_frm(t);
	l = find_unit(t);
	if (l->has_clock)
		return jit_run_one(t);
	memcpy(&before, &t->st, IR_STATE_GUEST_BYTES);
	want = run_shadow(t, l, &sp);
	got = jit_run_one(t);
	/* A routine that gives up, or is too short to be called, goes back to its start: the run loop carries it on. */
	if (got == IR_EXIT_REDO && l->has_routine)
		return got;
	if (got == IR_EXIT_REDO)
		got = redo(t, want, l->u.guest_insns);
	/* A signal may have come while the interpreter was in the middle of a routine, which native code goes through in one go. */
	if (got == IR_EXIT_STOP || want == IR_EXIT_STOP || shadow.full)
		return got;
	/* A guarded page: the run loop steps over the write and goes on. */
	if (got == IR_EXIT_FAULT && want != got && t->st.fault_write)
		return got;
	if (got == IR_EXIT_FAULT && t->st.fault_kind == IR_FAULT_ROUTINE)
		return got;
	if (got != want)
		strbuf_printf(&diff, "exit: interpreter %d, translated %d\n", (int)want, (int)got);
	if (l->has_routine)
		take_over(caller_saved, &shadow.thread.st, &t->st);
	compare_registers(&shadow.thread.st, &t->st, &diff);
	compare_memory(t->proc, l->has_routine ? sp : 0, &diff);
	if (diff.len)
		report(l, t->proc, &before, &counts, &diff);
	return got;
}

enum ir_exit check_run(struct kit_thread *t)
{
	enum ir_exit why;

	kit_lock(&lock);
	why = check_unit(t);
	kit_unlock(&lock);
	return why;
}

void check_lock(void) { kit_lock(&lock); }
void check_unlock(void) { kit_unlock(&lock); }

void check_take_back(int tid)
{
	if (!kit_lock_left(&lock, tid))
		return;
	/* May be half changed, as the threaded world may be. */
	memset(&kept, 0, sizeof kept);
	arena_init(&values);
	kit_unlock(&lock);
}
