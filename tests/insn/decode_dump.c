/*
 * decode_dump: decodes the 32-bit words on standard input, one instruction each, and prints
 *
 *     WORD NAME FORMAT SIZE rd rs1 rs2 rs3 rm imm
 *
 * a line, for objdump_check.py. Names have '.' for '_'.
 */
#include "arch/rv64/decode.h"

#include <stdio.h>

int main(void)
{
	static const char *const formats[] = {
#define FORMAT(name, ...) #name,
#include "arch/rv64/formats.def"
#undef FORMAT
	};
	struct guest_decoder *d = rv64_decoder_new(RV64_FEATURES_GC);
	uint32_t w;

	if (!d)
		return 2;
	while (fread(&w, sizeof w, 1, stdin) == 1) {
		struct rv64_insn i;
		unsigned size = rv64_decode(d, &w, 4, &i);
		const struct rv64_insn_info *info = &rv64_insns[i.op];

		printf("%08x ", w);
		for (const char *p = info->name; *p; p++)
			putchar(*p == '_' ? '.' : *p);
		printf(" %s %u %u %u %u %u %u %d\n", formats[info->format], size, i.rd, i.rs1,
		       i.rs2, rv64_rs3(&i), rv64_rm(&i), i.imm);
	}
	rv64_decoder_free(d);
	return 0;
}
