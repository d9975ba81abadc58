/*
 * Disassembly for people: Capstone's text, and a plain one of our own for the rows of
 * supplement.def that Capstone does not know. Targets of jumps follow as absolute addresses,
 * which Capstone does not print.
 */
#include "arch/rv64/decode.h"
#include "arch/rv64/regs.h"

/* An instruction's name as assemblers write it. */
static void put_name(struct strbuf *out, const char *name)
{
	for (; *name; name++)
		strbuf_putc(out, *name == '_' ? '.' : *name);
}

static const char *x_name(unsigned reg) { return rv64_regs.reg[reg].name; }
static const char *f_name(unsigned reg) { return rv64_regs.reg[RV64_F0 + reg].name; }

/* The sets of a fence: "iorw". */
static void put_set(struct strbuf *out, unsigned set)
{
	for (unsigned k = 0; k < 4; k++)
		if (set >> (3 - k) & 1)
			strbuf_putc(out, "iorw"[k]);
	if (!set)
		strbuf_putc(out, '0');
}

/* Only what supplement.def can name. */
static void put_own(struct strbuf *out, const struct rv64_insn *i)
{
	static const char *const rm_names[8] = {
		"rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn"
	};

	put_name(out, rv64_insns[i->op].name);
	switch (i->op) {
	case RV64_OP_fence:
		strbuf_putc(out, ' ');
		put_set(out, (unsigned)i->imm >> 4);
		strbuf_puts(out, ", ");
		put_set(out, (unsigned)i->imm & 15);
		break;
	case RV64_OP_fcvt_d_w:
	case RV64_OP_fcvt_d_wu:
		strbuf_printf(out, " %s, %s, %s", f_name(i->rd), x_name(i->rs1),
			      rm_names[rv64_rm(i)]);
		break;
	case RV64_OP_fcvt_d_s:
		strbuf_printf(out, " %s, %s, %s", f_name(i->rd), f_name(i->rs1),
			      rm_names[rv64_rm(i)]);
		break;
	case RV64_OP_c_mv:
	case RV64_OP_c_add:
		strbuf_printf(out, " %s, %s", x_name(i->rd), x_name(i->rs2));
		break;
	case RV64_OP_c_nop:
		strbuf_printf(out, " %d", i->imm);
		break;
	case RV64_OP_c_li:
	case RV64_OP_c_lui:
	case RV64_OP_c_slli:
		strbuf_printf(out, " %s, %d", x_name(i->rd), i->imm);
		break;
	default:
		break;
	}
}

unsigned rv64_disas(struct guest_decoder *d, const void *bytes, unsigned avail, gaddr pc,
		    struct strbuf *out)
{
	struct rv64_insn i;
	unsigned size = rv64_decode(d, bytes, avail, &i);

	if (size == 0 || i.op == RV64_OP_illegal)
		return 0;
	if (!rv64_capstone_text(d, i.word, pc, out))
		put_own(out, &i);
	switch (rv64_insns[i.op].format) {
	case RV64_FMT_B:
	case RV64_FMT_J:
	case RV64_FMT_CB:
	case RV64_FMT_CJ:
		strbuf_printf(out, " # 0x%llx", (unsigned long long)(pc + (gaddr)(int64_t)i.imm));
		break;
	default:
		break;
	}
	return size;
}
