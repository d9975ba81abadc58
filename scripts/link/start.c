/*
 * The start of a static program on x86-64 glibc, without libc's questions to the cpu.
 *
 * __libc_start_main executes cpuid some seventy times to choose string functions and to size caches. In a virtual
 * machine, where most builds run, each is a trap to the hypervisor: 8 to 30 us, together more than all else that
 * kitemu does to start a program. So the linker puts this in its place (--wrap): the same steps in the same
 * order, without that one. libc then takes its functions for baseline x86-64, and its tunables of the cpu have no effect.
 * kitemu asks for what its emitter wants itself (arch/x86_64/native/cpuid.c).
 *
 * These are libc's own functions and can change with it: meson.build uses this only with versions
 * that it was compared with. Nothing here may need thread-local storage before it is there.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

typedef int main_fn(int argc, char **argv, char **envp);
typedef void init_fn(int argc, char **argv, char **envp);

/* libc's, in the order of their use. */
extern void *__libc_stack_end;
void _dl_aux_init(Elf64_auxv_t *auxv);
void __tunables_init(char **envp);
extern const Elf64_Rela __rela_iplt_start[], __rela_iplt_end[];
void __libc_setup_tls(void);
extern const uint64_t *_dl_random; /* AT_RANDOM: 16 bytes */
void __libc_early_init(_Bool initial);
void __libc_init_first(int argc, char **argv, char **envp);
extern int __libc_enable_secure;
void __libc_check_standard_fds(void);
void _init(void);
extern init_fn *const __init_array_start[], *const __init_array_end[];
extern void (*const __fini_array_start[])(void), (*const __fini_array_end[])(void);
void _fini(void);

/*
 * From how many bytes on copies go past the caches. libc takes three quarters of the last cache; these are
 * of 1 MiB, its own guess where it cannot ask. The last one came with glibc 2.40.
 */
extern long __x86_shared_non_temporal_threshold, __x86_rep_movsb_stop_threshold;
extern long __x86_memset_non_temporal_threshold __attribute__((weak));
enum { NON_TEMPORAL_BYTES = 0xc0000 };

int __wrap___libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void),
			     void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

/* Where the program's file lies, for libraries beside it that it might load: "not known" spares a walk through /proc. */
const char *__wrap__dl_get_origin(void);
const char *__wrap__dl_get_origin(void) { return (const char *)-1; }

static void set_thresholds(void)
{
	__x86_shared_non_temporal_threshold = NON_TEMPORAL_BYTES;
	__x86_rep_movsb_stop_threshold = NON_TEMPORAL_BYTES;
	if (&__x86_memset_non_temporal_threshold)
		__x86_memset_non_temporal_threshold = NON_TEMPORAL_BYTES;
}

/* Each function that libc has in several versions says which one it is to be. */
static void choose_functions(void)
{
	for (const Elf64_Rela *r = __rela_iplt_start; r < __rela_iplt_end; r++)
		*(uint64_t *)r->r_offset = ((uint64_t(*)(void))r->r_addend)();
}

/* The words that guard stack frames, whose lowest byte ends strings, and stored pointers; at places of the ABI. */
static void set_guards(void)
{
	__asm__ volatile("mov %0, %%fs:0x28" : : "r"(_dl_random[0] & ~UINT64_C(0xff)));
	__asm__ volatile("mov %0, %%fs:0x30" : : "r"(_dl_random[1]));
}

static void finish(void)
{
	for (size_t i = (size_t)(__fini_array_end - __fini_array_start); i-- > 0;)
		__fini_array_start[i]();
	_fini();
}

/* init and fini are 0 since glibc 2.34, rtld_fini is in a static program. */
__attribute__((no_stack_protector)) int
__wrap___libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void),
			 void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	char **envp = argv + argc + 1, **end = envp;

	environ = envp;
	__libc_stack_end = stack_end;
	while (*end)
		end++;
	_dl_aux_init((Elf64_auxv_t *)(void *)(end + 1));
	__tunables_init(envp);
	set_thresholds();
	choose_functions();
	__libc_setup_tls();
	set_guards();
	__libc_early_init(1);
	__libc_init_first(argc, argv, envp);
	atexit(finish);
	if (__libc_enable_secure)
		__libc_check_standard_fds();
	_init();
	for (init_fn *const *f = __init_array_start; f < __init_array_end; f++)
		(*f)(argc, argv, envp);
	exit(main(argc, argv, envp));
}
