/*
 * gdb's command monitor: what gdb itself cannot ask for.
 *
 * gdb up to 16 has no "catch syscall" for riscv, though the server catches them (QCatchSyscalls). Here they are chosen by
 * --strace's sets, and told of by a line of text before a stop without a signal.
 */
#include "runtime/gdb/gdb_priv.h"
#include "runtime/sys/names.h"

#include <string.h>

enum { A0 = 10, TEXT_MOST = 1024 };

_Static_assert((int)SYS_NAMES == (int)GDB_CALLS, "call[]");

static const char help[] =
    "monitor catch syscall [SET...]  stop before and behind system calls: names and sets as "
    "--strace has them,\n"
    "                                write %network; all without a set, none with \"none\"\n";

static void print(struct gdb *g, const char *text)
{
	packet_put_hex(&g->reply, text, strlen(text));
}

/* words: sets with spaces or commas between them. */
static void catch_syscalls(struct gdb *g, char *words)
{
	struct gdb_thread *t = gdb_find_thread(g, g->general);
	bool chosen[SYS_NAMES];
	struct strbuf said = STRBUF_INIT;
	struct diag d = DIAG_INIT;
	unsigned n = 0;

	for (char *s = words; *s; s++)
		*s = *s == ' ' ? ',' : *s;
	if (!t) {
		print(g, "there is no process\n");
		return;
	}
	if (!sys_names_choose(*words ? words : "all", chosen, &d)) {
		strbuf_printf(&said, "%s\n", d.text);
	} else {
		memset(t->proc->call, 0, sizeof t->proc->call);
		for (unsigned nr = 0; nr < SYS_NAMES; nr++) {
			if (!chosen[nr])
				continue;
			t->proc->call[nr / 8] |= (uint8_t)(1u << nr % 8);
			n++;
		}
		t->proc->catches_all = false;
		t->proc->catches = t->proc->tells = n != 0;
		strbuf_printf(&said, "stops at %u system call%s\n", n, n == 1 ? "" : "s");
	}
	print(g, strbuf_str(&said));
	strbuf_fini(&said);
}

void gdb_monitor(struct gdb *g, const char *hex)
{
	static const char catch[] = "catch syscall";
	const size_t n = sizeof catch - 1;
	char text[TEXT_MOST];

	text[packet_get_hex(hex, text, sizeof text - 1)] = 0;
	if (strncmp(text, catch, n) != 0 || (text[n] && text[n] != ' '))
		print(g, help);
	else
		catch_syscalls(g, text + n + strspn(text + n, " "));
}

void gdb_tell_call(struct gdb *g, const struct gdb_thread *t)
{
	unsigned nargs;
	const char *name = sys_names_get(t->event.number, &nargs);
	struct strbuf said = STRBUF_INIT;
	struct ir_state st;
	struct peer p;

	peer_find(&p, t->tid);
	if (p.kind != PEER_GUEST || !peer_state(&p, &st))
		return;
	strbuf_puts(&said, name ? name : "?");
	if (t->event.kind == EVENT_CALL) {
		for (unsigned i = 0; i < nargs; i++)
			strbuf_printf(&said, "%s0x%llx", i ? ", " : "(",
				      (unsigned long long)st.reg[A0 + i]);
		strbuf_puts(&said, nargs ? ")\n" : "()\n");
	} else {
		strbuf_printf(&said, " = %lld\n", (long long)st.reg[A0]);
	}
	gdb_console(g, strbuf_str(&said));
	strbuf_fini(&said);
}
