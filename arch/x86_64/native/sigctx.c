/*
 * Signal contexts of x86-64 Linux: the only reader of ucontext_t on this host.
 *
 * Everything here runs in signal handlers: no allocation, no locks, no libc
 * beyond memory copies.
 */
#include "arch/native.h"
#include "arch/x86_64/x64.h"

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

/* gregs index of each register in the hardware's numbering, which LIR uses. */
static const uint8_t greg_index[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

enum { PF_WRITE = 1 << 1 }; /* page-fault error code, SDM volume 3, 4.7 */

enum { MXCSR_DEFAULT_MASKS = 0x1f80, MXCSR_RC_SHIFT = 13 };

static bool in_range(uint64_t pc, const char *lo, const char *hi)
{
	return pc >= (uintptr_t)lo && pc < (uintptr_t)hi;
}

uint64_t native_ctx_pc(const void *ucontext)
{
	return (uint64_t)((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP];
}

uint64_t native_ctx_sp(const void *ucontext)
{
	return (uint64_t)((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RSP];
}

void native_ctx_set_pc(void *ucontext, uint64_t pc)
{
	((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

void native_ctx_set_sp(void *ucontext, uint64_t sp)
{
	((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
}

void native_ctx_set_mask(void *ucontext, uint64_t mask)
{
	/* The kernel reads its own 8 bytes of libc's larger set. */
	memcpy(&((ucontext_t *)ucontext)->uc_sigmask, &mask, sizeof mask);
}

bool native_ctx_is_write(const void *ucontext)
{
	return ((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_ERR] & PF_WRITE;
}

bool native_fixup(void *ucontext)
{
	greg_t *g = ((ucontext_t *)ucontext)->uc_mcontext.gregs;

	if (!in_range((uint64_t)g[REG_RIP], native_access_begin, native_access_end))
		return false;
	g[REG_RIP] = (greg_t)(uintptr_t)native_access_fail;
	return true;
}

/* struct sigaction of the system call, arch/x86/include/uapi/asm/signal.h. */
struct kernel_sigaction {
	void *handler;
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

enum { KERNEL_SA_RESTORER = 0x04000000 };

void native_sigaction(int sig, void *handler, uint64_t flags)
{
	struct kernel_sigaction a = {
		.handler = handler,
		.flags = flags | SA_SIGINFO | SA_ONSTACK | KERNEL_SA_RESTORER,
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
	greg_t *g = ((ucontext_t *)ucontext)->uc_mcontext.gregs;

	if (!in_range((uint64_t)g[REG_RIP], native_syscall_start, native_syscall_end))
		return false;
	g[REG_RIP] = (greg_t)(uintptr_t)native_syscall_eintr;
	return true;
}

bool native_routine_leave(void *ucontext, const struct ir_state *st)
{
	greg_t *g = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
	uint64_t sp = (uint64_t)g[REG_RSP], ret;

	if (!in_range((uint64_t)g[REG_RIP], native_routines_begin, native_routines_end))
		return false;
	memcpy(&ret, (const void *)(uintptr_t)sp, sizeof ret);
	g[REG_RIP] = (greg_t)(ret - X64_ROUTINE_CALL_BYTES);
	g[REG_RSP] = (greg_t)(sp + sizeof ret);
	g[REG_RSI] = (greg_t)st->save[X64_SAVE_RSI];
	g[REG_RDI] = (greg_t)st->save[X64_SAVE_RDI];
	return true;
}

/* The bits of physical register phys in the context. */
static uint64_t phys_bits(const ucontext_t *uc, unsigned phys)
{
	uint64_t v;

	if (phys < LIR_PHYS_FP)
		return (uint64_t)uc->uc_mcontext.gregs[greg_index[phys]];
	memcpy(&v, uc->uc_mcontext.fpregs->_xmm[phys - LIR_PHYS_FP].element, sizeof v);
	return v;
}

void native_ctx_capture(void *ucontext, struct ir_state *st, const struct ra_target *t,
			const struct lir_loc *loc, unsigned count,
			uint64_t (*apply_fix)(unsigned fix, uint64_t bits), const void *resume_pc)
{
	ucontext_t *uc = ucontext;
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
			v = phys_bits(uc, l->phys);
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
		uint64_t v = phys_bits(uc, t->home[g]);

		memcpy((char *)st + t->regs->reg[g].offset_bytes, &v, sizeof v);
	}
	st->host_fpcr = uc->uc_mcontext.fpregs->mxcsr;
	st->code_sp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)resume_pc;
}

uint32_t native_fpcr_make(unsigned frm)
{
	static const uint8_t rc[4] = { 0, 3, 1, 2 }; /* RNE RTZ RDN RUP -> SDM 4.8.4 */

	return MXCSR_DEFAULT_MASKS | (uint32_t)rc[frm & 3] << MXCSR_RC_SHIFT;
}

uint32_t native_fpcr_flags(uint32_t fpcr)
{
	/* MXCSR: IE 0, DE 1, ZE 2, OE 3, UE 4, PE 5; fflags: NX 0, UF 1, OF 2, DZ 3, NV 4. */
	return (fpcr >> 5 & 1) | (fpcr >> 4 & 1) << 1 | (fpcr >> 3 & 1) << 2 | (fpcr >> 2 & 1) << 3
	       | (fpcr & 1) << 4;
}
