/* Host code as text; the contract is in disas.h. */
#include "lib/jit/disas.h"

#include "lib/ir/names.h"

#include <capstone/capstone.h>
#include <inttypes.h>
#include <string.h>

#if CS_API_MAJOR >= 6
#define CS_HOST_ARM64 CS_ARCH_AARCH64
#else
#define CS_HOST_ARM64 CS_ARCH_ARM64
#endif

static bool open_host(const char *host, csh *handle)
{
	bool arm = strcmp(host, "aarch64") == 0;

	KIT_CHECK(arm || strcmp(host, "x86_64") == 0, "no disassembler for host %s", host);
	return cs_open(arm ? CS_HOST_ARM64 : CS_ARCH_X86, arm ? CS_MODE_LITTLE_ENDIAN : CS_MODE_64,
		       handle)
	       == CS_ERR_OK;
}

/* Bytes that are no instruction: one on x86-64, four on AArch64, where they are data. */
static uint32_t skip_bytes(const char *host, uint32_t left)
{
	uint32_t n = strcmp(host, "aarch64") == 0 ? 4 : 1;

	return n < left ? n : left;
}

static void print_marks(const struct code *c, uint32_t at, uint32_t size, struct strbuf *out)
{
	static const char *const kinds[] = {
		[CODE_LINK_JUMP] = "jump",
		[CODE_LINK_CALL] = "call",
	};

	for (unsigned i = 0; i < c->link_count; i++) {
		const struct code_link *l = &c->link[i];

		if (l->at >= at && l->at < at + size) {
			strbuf_printf(out, " ; link %s to %#" PRIx64 ", stub %" PRIx32,
				      kinds[l->kind], l->target, l->stub);
		}
	}
	for (unsigned i = 0; i < c->stub_count; i++)
		if (c->stub[i].at == at)
			strbuf_printf(out, " ; %s at %#" PRIx64, ir_exit_names[c->stub[i].reason],
				      c->stub[i].pc);
	for (unsigned i = 0; i < c->fault_count; i++) {
		const uint32_t owes = code_owed(c->owe, c->owe_count, i);

		if (c->fault[i].at != at)
			continue;
		strbuf_printf(out, " ; %s pc+%" PRId32, c->fault[i].redo ? "redo" : "fault",
			      c->fault[i].gpc_off);
		if (owes)
			strbuf_printf(out, ", owes %" PRIu32, owes);
	}
}

static bool starts_stub(const struct code *c, uint32_t at)
{
	for (unsigned i = 0; i < c->link_count; i++)
		if (c->link[i].stub == at)
			return true;
	return false;
}

static void print_bytes(const uint8_t *bytes, uint32_t size, struct strbuf *out)
{
	enum { WIDTH = 8 };

	for (uint32_t i = 0; i < size; i++)
		strbuf_printf(out, "%02x", bytes[i]);
	for (uint32_t i = size; i < WIDTH; i++)
		strbuf_puts(out, "  ");
	strbuf_putc(out, ' ');
}

void jit_disas(const char *host, const struct code *c, bool with_bytes, struct strbuf *out)
{
	csh handle;
	cs_insn *insn;

	if (!open_host(host, &handle))
		return;
	insn = cs_malloc(handle);
	for (uint32_t at = 0; at < c->size_bytes;) {
		const uint8_t *bytes = c->bytes + at;
		size_t left = c->size_bytes - at;
		uint64_t address = at;
		bool known = cs_disasm_iter(handle, &bytes, &left, &address, insn);
		uint32_t size = known ? insn->size : skip_bytes(host, c->size_bytes - at);

		if (starts_stub(c, at))
			strbuf_puts(out, "stub:\n");
		strbuf_printf(out, "%4" PRIx32 "  ", at);
		if (with_bytes)
			print_bytes(c->bytes + at, size, out);
		if (known)
			strbuf_printf(out, "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "",
				      insn->op_str);
		else
			strbuf_printf(out, ".byte %#x", c->bytes[at]);
		print_marks(c, at, size, out);
		strbuf_putc(out, '\n');
		at += size;
	}
	cs_free(insn, 1);
	cs_close(&handle);
}

unsigned jit_disas_count(const char *host, const uint8_t *bytes, uint32_t size_bytes)
{
	csh handle;
	cs_insn *insn;
	unsigned count = 0;

	if (!open_host(host, &handle))
		return 0;
	insn = cs_malloc(handle);
	for (uint32_t at = 0; at < size_bytes; count++) {
		const uint8_t *p = bytes + at;
		size_t left = size_bytes - at;
		uint64_t address = at;

		at += cs_disasm_iter(handle, &p, &left, &address, insn)
			  ? insn->size
			  : skip_bytes(host, size_bytes - at);
	}
	cs_free(insn, 1);
	cs_close(&handle);
	return count;
}
