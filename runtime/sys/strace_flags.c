/* Names of flags, errors and signals; the rows are in flags.def. */
#include "runtime/sys/strace.h"

#include <stdio.h>
#include <string.h>

/* Names that libc has macros for are text here, never expanded: only # touches them. */
static const struct flag_row {
	uint8_t kind;
	uint32_t value;
	const char *name;
} rows[] = {
#define FLAG(kind, name, value) { SYS_KIND_##kind, (uint32_t)value, #name },
#include "runtime/sys/flags.def"
#undef FLAG
};

void strace_put_flags(struct strbuf *b, enum sys_kind kind, uint64_t value)
{
	uint64_t rest = value;
	const char *sep = "";

	for (const struct flag_row *r = rows; r < rows + ARRAY_LEN(rows); r++) {
		bool zero = !r->value && !value; /* PROT_NONE, F_OK */

		if (r->kind != kind || !(zero || (r->value && (rest & r->value) == r->value)))
			continue;
		strbuf_printf(b, "%s%s", sep, r->name);
		rest &= ~(uint64_t)r->value;
		sep = "|";
		if (zero)
			return;
	}
	if (rest || !*sep)
		strbuf_printf(b, rest ? "%s0x%llx" : "%s%llu", sep, (unsigned long long)rest);
}

bool strace_put_enum(struct strbuf *b, enum sys_kind kind, uint64_t value)
{
	for (const struct flag_row *r = rows; r < rows + ARRAY_LEN(rows); r++) {
		if (r->kind == kind && r->value == (uint32_t)value) {
			strbuf_puts(b, r->name);
			return true;
		}
	}
	return false;
}

const char *strace_errno_name(int err) { return strerrorname_np(err); }

const char *strace_signal_name(int sig)
{
	/* Numbers, and so names, are the same on riscv64, x86-64 and AArch64. */
	static const char *const name[] = {
		"SIG0",     "SIGHUP",   "SIGINT",    "SIGQUIT",  "SIGILL",    "SIGTRAP",
		"SIGABRT",  "SIGBUS",   "SIGFPE",    "SIGKILL",  "SIGUSR1",   "SIGSEGV",
		"SIGUSR2",  "SIGPIPE",  "SIGALRM",   "SIGTERM",  "SIGSTKFLT", "SIGCHLD",
		"SIGCONT",  "SIGSTOP",  "SIGTSTP",   "SIGTTIN",  "SIGTTOU",   "SIGURG",
		"SIGXCPU",  "SIGXFSZ",  "SIGVTALRM", "SIGPROF",  "SIGWINCH",  "SIGIO",
		"SIGPWR",   "SIGSYS",   "SIGRTMIN",  "SIGRT_1",  "SIGRT_2",   "SIGRT_3",
		"SIGRT_4",  "SIGRT_5",  "SIGRT_6",   "SIGRT_7",  "SIGRT_8",   "SIGRT_9",
		"SIGRT_10", "SIGRT_11", "SIGRT_12",  "SIGRT_13", "SIGRT_14",  "SIGRT_15",
		"SIGRT_16", "SIGRT_17", "SIGRT_18",  "SIGRT_19", "SIGRT_20",  "SIGRT_21",
		"SIGRT_22", "SIGRT_23", "SIGRT_24",  "SIGRT_25", "SIGRT_26",  "SIGRT_27",
		"SIGRT_28", "SIGRT_29", "SIGRT_30",  "SIGRT_31", "SIGRT_32",
	};

	return sig >= 0 && (size_t)sig < ARRAY_LEN(name) ? name[sig] : "SIG?";
}
