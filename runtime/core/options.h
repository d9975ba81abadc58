/* What the command line and the KITEMU_* environment decide for a run. Filled by cmd/, read by all of runtime/. */
#ifndef KIT_RUNTIME_CORE_OPTIONS_H
#define KIT_RUNTIME_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* AUTO: for people, see runtime/backtrace.c. */
enum kit_backtrace { KIT_BACKTRACE_AUTO, KIT_BACKTRACE_NEVER, KIT_BACKTRACE_CRASH };

enum kit_engine { KIT_ENGINE_JIT, KIT_ENGINE_INTERP };

enum kit_own_file { KIT_LOG_FILE, KIT_STRACE_FILE, KIT_STRACE_SHARED, KIT_DUMPED, KIT_OWN_FILES };

/* In host_features. */
#define KIT_HOST_KNOWN (UINT64_C(1) << 63)

struct kit_options {
	enum kit_engine engine;
	bool selfcheck;        /* run both engines in lockstep */
	bool no_idioms;        /* translate libc's routines as they are */
	bool stress;           /* lose code and stop threads at pseudo-random points (tests) */
	bool perfmap, jitdump; /* files for perf(1) */
	const char *persist; /* the folder where translations are kept for later runs; NULL: none */
	enum kit_backtrace backtrace; /* what a crash prints */
	bool one_insn;                /* each instruction is a unit of its own */
	unsigned max_level;           /* 1 or 2: up to which level hot code is compiled */
	bool stats;                   /* tell what was translated and run, at exit */
	const char *
	    stats_to; /* "json": to stderr, else the file to add a record to; NULL: text to stderr */
	const char *profile;  /* the file to write it to, from the root; NULL: none */
	uint64_t max_insns;   /* of a process, or 0 */
	bool count;           /* instructions are counted: stats or max_insns */
	const char *coverage; /* the file to write it to, from the root; NULL: none */
	bool force_base;      /* use the fall-back base even where guest addresses are free */
	bool seeded;          /* AT_RANDOM comes from seed */
	uint64_t seed;
	uint64_t base;          /* of force_base; 0: any */
	uint64_t limit;         /* of the guest's addresses; 0: as many as there are */
	uint64_t features;      /* of the guest's cpu; 0: the default ones */
	const char *strace;     /* strace's options ("": none); NULL: no --strace */
	const char *log_file;   /* where the log and --strace go; NULL: stderr */
	const char *log_ranges; /* of code to be shown; NULL: all */
	const char *release;    /* of the kernel, for uname; NULL: the host's */
	const char *sysroot;    /* where names are looked up first (sys_lookup); NULL: nowhere */
	uint64_t stack_bytes;   /* guest stack; 0: RLIMIT_STACK */
	uint64_t cache_bytes;   /* code cache */
	/* One more than the descriptor of the seccomp filters that an execve brought along; 0: none. */
	unsigned filters;
	/* The same of the files of --log-file, of strace's -o, of what its processes share, and of who left a core: enum kit_own_file. */
	unsigned own_file[KIT_OWN_FILES];
	uint64_t host_features; /* of this machine's cpu, and KIT_HOST_KNOWN; 0: not asked yet */
	/* The options of this run for programs that it executes, written and read by cmd/; NULL: none. */
	const char *inherited;
	/* What an execve brought along of being traced (trace_save); 0: nothing. */
	uint64_t trace;
	const char *gdb; /* where gdb may connect (runtime/gdb/gdb.h), or NULL */
	int gdb_attach;  /* serve gdb for this process alone; 0: none */
	unsigned
	    gdb_pair; /* one more than a descriptor of the server that started this process; 0: none */
	const char *argv0;      /* guest's argv[0], or NULL for the file's name */
	char **set_env;         /* NAME=VALUE to add, NULL-terminated; may be NULL */
	char **unset_env;       /* NAMEs to remove, NULL-terminated; may be NULL */
	bool host_isa_baseline; /* emit for baseline x86-64 only (tests) */
};

#endif
