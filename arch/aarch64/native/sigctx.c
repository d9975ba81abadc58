/*
 * Signal contexts of AArch64 Linux: the only reader of ucontext_t on this host.
 *
 * Everything here runs in signal handlers: no allocation, no locks, no libc
 * beyond memory copies.
 */
#include "arch/aarch64/a64.h"
#include "arch/native.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* routines.S */
extern const char native_routines_begin[], native_routines_end[];
/* access.S */
extern const char native_access_begin[], native_access_end[], native_access_fail[];
void native_sigreturn(void);
extern const char native_syscall_start[], native_syscall_end[], native_syscall_eintr[];

static bool in_range(uint64_t pc, const char *lo, const char *hi)
{
	return pc >= (uintptr_t)lo && pc < (uintptr_t)hi;
}

/* The record of that kind behind the general registers, or NULL (arch/arm64/include/uapi/asm/sigcontext.h). */
static const void *record(const ucontext_t *uc, uint32_t magic)
{
	const unsigned char *p = uc->uc_mcontext.__reserved;
	const unsigned char *end = p + sizeof uc->uc_mcontext.__reserved;

	while (p + sizeof(struct _aarch64_ctx) <= end) {
		const struct _aarch64_ctx *head = (const struct _aarch64_ctx *)(const void *)p;

		if (head->magic == magic)
			return p;
		if (!head->magic || head->size < sizeof *head)
			return NULL;
		p += head->size;
	}
	return NULL;
}

uint64_t native_ctx_pc(const void *ucontext)
{
	return ((const ucontext_t *)ucontext)->uc_mcontext.pc;
}

uint64_t native_ctx_sp(const void *ucontext)
{
	return ((const ucontext_t *)ucontext)->uc_mcontext.sp;
}

void native_ctx_set_pc(void *ucontext, uint64_t pc)
{
	((ucontext_t *)ucontext)->uc_mcontext.pc = pc;
}

void native_ctx_set_sp(void *ucontext, uint64_t sp)
{
	((ucontext_t *)ucontext)->uc_mcontext.sp = sp;
}

void native_ctx_set_mask(void *ucontext, uint64_t mask)
{
	/* The kernel reads its own 8 bytes of libc's larger set. */
	memcpy(&((ucontext_t *)ucontext)->uc_sigmask, &mask, sizeof mask);
}

/*
 * Does a load or store instruction write? For the ones that kitemu uses (DDI 0487, C4.1, loads and stores).
 */
static bool writes(uint32_t word)
{
	if ((word & 0x3b200c00) == 0x38200000) /* atomics of LSE */
		return true;
	if ((word & 0x3fa07c00) == 0x08a07c00) /* compare and swap */
		return true;
	if ((word & 0x3f000000) == 0x08000000 || (word & 0x3a000000) == 0x28000000)
		return !(word >> 22 & 1); /* exclusive and ordered ones, pairs */
	return !(word >> 22 & 3);
}

bool native_ctx_is_write(const void *ucontext)
{
	enum { ESR_WNR = 1 << 6 };
	const ucontext_t *uc = ucontext;
	const struct esr_context *esr = record(uc, ESR_MAGIC);
	uint32_t word;

	if (esr)
		return esr->esr & ESR_WNR;
	/* The kernel always says it of a fault; qemu-user does not (10.0). */
	memcpy(&word, (const void *)(uintptr_t)uc->uc_mcontext.pc, sizeof word);
	return writes(word);
}

bool native_fixup(void *ucontext)
{
	mcontext_t *m = &((ucontext_t *)ucontext)->uc_mcontext;

	if (!in_range(m->pc, native_access_begin, native_access_end))
		return false;
	m->pc = (uintptr_t)native_access_fail;
	return true;
}

/* struct sigaction of the system call, include/uapi/asm-generic/signal.h. */
struct kernel_sigaction {
	void *handler;
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

/*
 * The cpu does not look at the top byte of an address (TBI), and the kernel clears it in si_addr unless it is asked not to
 * (Documentation/arm64/tagged-pointers.rst).
 */
enum { KERNEL_SA_RESTORER = 0x04000000, KERNEL_SA_EXPOSE_TAGBITS = 0x00000800 };

void native_sigaction(int sig, void *handler, uint64_t flags)
{
	struct kernel_sigaction a = {
		.handler = handler,
		.flags =
		    flags | SA_SIGINFO | SA_ONSTACK | KERNEL_SA_RESTORER | KERNEL_SA_EXPOSE_TAGBITS,
		.restorer = native_sigreturn,
		.mask = ~UINT64_C(0),
	};

	syscall(SYS_rt_sigaction, sig, &a, NULL, sizeof a.mask);
}

bool native_sig_is_ignored(int sig)
{
	struct kernel_sigaction a = { 0 };

	syscall(SYS_rt_sigaction, sig, NULL, &a, sizeof a.mask);
	return a.handler == (void *)SIG_IGN;
}

bool native_syscall_interrupt(void *ucontext)
{
	mcontext_t *m = &((ucontext_t *)ucontext)->uc_mcontext;

	if (!in_range(m->pc, native_syscall_start, native_syscall_end))
		return false;
	m->pc = (uintptr_t)native_syscall_eintr;
	return true;
}

bool native_routine_leave(void *ucontext, const struct ir_state *st)
{
	enum { FIRST = 1, LINK = 30 };
	mcontext_t *m = &((ucontext_t *)ucontext)->uc_mcontext;

	if (!in_range(m->pc, native_routines_begin, native_routines_end))
		return false;
	for (unsigned i = 0; i < A64_SAVE_ROUTINE_REGS; i++)
		m->regs[FIRST + i] = st->save[A64_SAVE_ROUTINE + i];
	m->pc = m->regs[LINK] - A64_ROUTINE_CALL_BYTES;
	return true;
}

/* The bits of physical register phys in the context. */
static uint64_t phys_bits(const ucontext_t *uc, const struct fpsimd_context *fp, unsigned phys)
{
	if (phys < LIR_PHYS_FP)
		return uc->uc_mcontext.regs[phys];
	return fp ? (uint64_t)fp->vregs[phys - LIR_PHYS_FP] : 0;
}

void native_ctx_capture(void *ucontext, struct ir_state *st, const struct ra_target *t,
			const struct lir_loc *loc, unsigned count,
			uint64_t (*apply_fix)(unsigned fix, uint64_t bits), const void *resume_pc)
{
	ucontext_t *uc = ucontext;
	const struct fpsimd_context *fp = record(uc, FPSIMD_MAGIC);
	uint64_t value[IR_MAX_REGS] = { 0 }, listed = 0;

	/* All are found before any is stored: what one is made of may stand in another's place. */
	for (unsigned i = 0; i < count; i++) {
		const struct lir_loc *l = &loc[i];
		uint64_t v;

		if (l->kind == LIR_LOC_CONST)
			v = (uint64_t)l->imm;
		else if (l->kind == LIR_LOC_MEM)
			memcpy(&v, (const char *)st + l->imm, sizeof v);
		else
			v = phys_bits(uc, fp, l->phys);
		if (l->fix)
			v = apply_fix(l->fix, v);
		value[l->greg] += v << l->shift;
		listed |= UINT64_C(1) << l->greg;
	}
	for (unsigned i = 0; i < count; i++)
		memcpy((char *)st + loc[i].place, &value[loc[i].greg], sizeof *value);
	for (unsigned g = 0; g < t->regs->count; g++) {
		if (t->home[g] == LIR_PHYS_NONE || listed >> g & 1)
			continue;
		uint64_t v = phys_bits(uc, fp, t->home[g]);

		memcpy((char *)st + t->regs->reg[g].offset_bytes, &v, sizeof v);
	}
	if (fp)
		st->host_fpcr = fp->fpcr | (fp->fpsr & A64_FPSR_FLAGS);
	st->code_sp = uc->uc_mcontext.sp;
	uc->uc_mcontext.pc = (uintptr_t)resume_pc;
}

uint32_t native_fpcr_make(unsigned frm)
{
	static const uint8_t rmode[4] = { 0, 3, 2,
					  1 }; /* RNE RTZ RDN RUP -> DDI 0487, FPCR.RMode */

	return A64_FPCR_DN | (uint32_t)rmode[frm & 3] << A64_FPCR_RMODE_SHIFT;
}

uint32_t native_fpcr_flags(uint32_t fpcr)
{
	/* FPSR: IOC 0, DZC 1, OFC 2, UFC 3, IXC 4; fflags: NX 0, UF 1, OF 2, DZ 3, NV 4. */
	return (fpcr >> 4 & 1) | (fpcr >> 3 & 1) << 1 | (fpcr >> 2 & 1) << 2 | (fpcr >> 1 & 1) << 3
	       | (fpcr & 1) << 4;
}
