/*
 * kit.h: riscv64 programs inside of yours.
 *
 * A machine is a guest process with one thread: memory, registers, and code that is translated as kitemu does it. It runs while you call
 * kit_machine_run or kit_machine_step, and comes back with the reason why it has stopped:
 *
 *     struct kit_machine *m = kit_machine_new(NULL);
 *     const char *args[] = { "prog", "42", NULL };
 *
 *     if (!m || !kit_machine_load_file(m, "prog", args, NULL))
 *             die(kit_machine_error(m));
 *     while (kit_machine_run(m) == KIT_STOP_ASKED)
 *             ...
 *     printf("exit status %d\n", kit_machine_status(m));
 *     kit_machine_free(m);
 *
 * Compile and link with pkg-config's flags for "kitemu" (--static for a static program).
 *
 * Programs are static rv64 ones, from a file or from bytes. System calls are hooks' to answer; those that nobody answers are made: guests
 * write to your standard output and open your files. Refused with ENOSYS are those that would make processes or threads, become another
 * program, or reach into your signals; a guest that sends a signal to itself has stopped by it. A machine is no sandbox: a
 * guest can read and write your process's memory by addresses beyond its own.
 *
 * Several machines may be there at once, each with addresses of its own of which the process has to have room for (256 GB by default; struct
 * kit_config.address_bits makes them smaller): where it has not, kit_machine_new says so. Each may be used by any thread, by one at a time.
 *
 * kit_machine_run takes SIGSEGV and SIGBUS for faults of guests, and passes on to your handlers what is none. While it runs the stack pointer
 * may be in memory of kitemu's: handlers of other signals need SA_ONSTACK, and find an alternate stack. A forked child of
 * your process must leave its parent's machines alone.
 */
#ifndef KITEMU_KIT_H
#define KITEMU_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kit_machine;

/* All may be 0. */
struct kit_config {
	bool interpret;        /* nothing is translated: no memory is made executable */
	unsigned address_bits; /* of the guest's addresses, 28 to 38 (0: 38) */
	uint64_t stack_bytes;  /* 0: 8 MB */
	uint64_t code_bytes;   /* of translated code; 0: 32 MB */
	const char *cpu;       /* as kitemu's --cpu; NULL: rv64gc */
};

enum kit_stop {
	KIT_STOP_EXITED, /* the program has ended: kit_machine_status */
	KIT_STOP_SIGNAL, /* it would have died of a signal, or been told of it: kit_machine_fault */
	KIT_STOP_ASKED,  /* kit_machine_stop was called */
	KIT_STOP_WATCHED, /* watched memory was accessed: kit_machine_fault has the address */
	KIT_STOP_STEPPED, /* the blocks that were asked for have run */
	KIT_STOP_EMPTY,   /* nothing was loaded */
};

/* What stopped it. */
struct kit_fault {
	int signal; /* Linux's number: SIGSEGV, SIGILL, SIGTRAP ... */
	int code;   /* si_code */
	uint64_t address;
};

/* ---- machines ----------------------------------------------------------------------------------------------- */

/* config may be NULL. NULL: no memory at all; a machine that cannot be used has an error, and loads nothing. */
struct kit_machine *kit_machine_new(const struct kit_config *config);
void kit_machine_free(struct kit_machine *m);
/*
 * Why the last kit_machine_new, load or reset has failed; "" when it has not. It lasts until the next call with m, which may be
 * NULL, as kit_machine_new gave it.
 */
const char *kit_machine_error(const struct kit_machine *m);

/*
 * Loads a program in the place of what was there. argv and envp end with NULL; argv NULL is the path alone, of bytes "program", envp NULL an
 * empty environment. Bytes are copied. Hooks and watched ranges stay. false: kit_machine_error says why.
 */
bool kit_machine_load_file(struct kit_machine *m, const char *path, const char *const *argv,
			   const char *const *envp);
bool kit_machine_load_bytes(struct kit_machine *m, const void *bytes, size_t size,
			    const char *const *argv, const char *const *envp);
/* The same program once more from its beginning, as it was loaded; files that it opened stay open. */
bool kit_machine_reset(struct kit_machine *m);

/* ---- running ------------------------------------------------------------------------------------------------ */

/* Whatever it has stopped for, but its end, both go on at the pc that there is then: behind a fault set another one, or it is met again. */

enum kit_stop kit_machine_run(struct kit_machine *m);
/*
 * Runs n blocks: each goes to a jump or branch that is taken, a system call or 64 instructions, whichever comes first. Slower than
 * kit_machine_run, since nothing is translated.
 */
enum kit_stop kit_machine_step(struct kit_machine *m, uint64_t n);
/* Makes it come back soon, with KIT_STOP_ASKED: from a hook, a signal handler or another thread. */
void kit_machine_stop(struct kit_machine *m);
/* After KIT_STOP_EXITED: 0 to 255. */
int kit_machine_status(const struct kit_machine *m);
/* After KIT_STOP_SIGNAL and KIT_STOP_WATCHED. */
struct kit_fault kit_machine_fault(const struct kit_machine *m);

/* ---- registers and memory: between two instructions, also from hooks ---------------------------------------------- */

/* n: 0 to 31 are x0 to x31, 32 to 63 the bits of f0 to f31. */
uint64_t kit_machine_reg(const struct kit_machine *m, unsigned n);
void kit_machine_set_reg(struct kit_machine *m, unsigned n, uint64_t value);
uint64_t kit_machine_pc(const struct kit_machine *m);
void kit_machine_set_pc(struct kit_machine *m, uint64_t pc);
/* false: some byte is not there, or may not be accessed so; nothing before it was skipped. Code may be written to where the guest could. */
bool kit_machine_read(struct kit_machine *m, uint64_t address, void *to, size_t size);
bool kit_machine_write(struct kit_machine *m, uint64_t address, const void *from, size_t size);

/* ---- hooks ------------------------------------------------------------------------------------------------------ */

/*
 * Asked before every system call: number and arguments as the guest has them. true: *result, a value or -errno, is the answer. false: the
 * call is made. One hook a machine; NULL: none.
 */
typedef bool kit_call_hook(void *context, struct kit_machine *m, uint64_t number,
			   const uint64_t args[6], int64_t *result);
void kit_machine_on_call(struct kit_machine *m, kit_call_hook *hook, void *context);

/*
 * Called whenever the instruction at address is about to run; it may change registers, the pc too. Up to 1,024 of them; hook NULL takes it
 * away. false: there is no more room, or no instruction is there that could be hooked.
 */
typedef void kit_address_hook(void *context, struct kit_machine *m, uint64_t address);
bool kit_machine_on_address(struct kit_machine *m, uint64_t address, kit_address_hook *hook,
			    void *context);

enum { KIT_WATCH_READ = 1, KIT_WATCH_WRITE = 2 };
/*
 * From now on the machine stops behind each instruction that accesses a byte of the range so; access 0 takes the range away. While there are
 * any an instruction takes about 10 ns. Up to 16. System calls that access them are not noticed. false: no room.
 */
bool kit_machine_watch(struct kit_machine *m, uint64_t start, uint32_t size, unsigned access);

#ifdef __cplusplus
}
#endif
#endif
