/*
 * Registers as gdb numbers them: x0 .. x31, pc, f0 .. f31, fflags, frm, fcsr. The target description gives them the names that
 * gdb's riscv code looks for (its manual, "RISC-V Features").
 */
#include "arch/rv64/cpu.h"
#include "runtime/gdb/gdb_priv.h"

#include <string.h>

enum {
	REG_PC = 32,
	REG_F0 = 33,
	REG_FFLAGS = 65,
	REG_FRM,
	REG_FCSR,
	REG_COUNT,
	FCSR = PEER_FLOATING - 1, /* in the floating-point set */
	FRM_SHIFT = 5,
	FRM_MASK = 7,
	FFLAGS_MASK = 31,
};

const char gdb_target_name[] = "target.xml";

static const char *const x_names[] = { "zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
				       "fp",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
				       "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
				       "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6" };
static const char *const f_names[] = { "ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
				       "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
				       "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
				       "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11" };

static const char *x_type(unsigned n)
{
	return n == RV64_RA                                   ? "code_ptr"
	       : n == RV64_SP || n == RV64_GP || n == RV64_TP ? "data_ptr"
							      : "int";
}

void gdb_put_target(struct strbuf *out)
{
	static const char *const csrs[] = { "fflags", "frm", "fcsr" };

	strbuf_puts(out, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
			 "<target version=\"1.0\"><architecture>riscv:rv64</architecture>"
			 "<osabi>GNU/Linux</osabi><feature name=\"org.gnu.gdb.riscv.cpu\">");
	for (unsigned i = 0; i < REG_PC; i++)
		strbuf_printf(out, "<reg name=\"%s\" bitsize=\"64\" type=\"%s\" regnum=\"%u\"/>",
			      x_names[i], x_type(i), i);
	strbuf_printf(out, "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"%u\"/>",
		      (unsigned)REG_PC);
	strbuf_puts(out, "</feature><feature name=\"org.gnu.gdb.riscv.fpu\">"
			 "<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>"
			 "<field name=\"double\" type=\"ieee_double\"/></union>");
	for (unsigned i = 0; i < REG_FFLAGS - REG_F0; i++)
		strbuf_printf(
		    out, "<reg name=\"%s\" bitsize=\"64\" type=\"riscv_double\" regnum=\"%u\"/>",
		    f_names[i], REG_F0 + i);
	for (unsigned i = 0; i < REG_COUNT - REG_FFLAGS; i++)
		strbuf_printf(out, "<reg name=\"%s\" bitsize=\"32\" type=\"int\" regnum=\"%u\"/>",
			      csrs[i], REG_FFLAGS + i);
	strbuf_puts(out, "</feature></target>");
}

/* Both sets of a thread, in gdb's order. */
struct set {
	uint64_t general[PEER_GENERAL], floating[PEER_FLOATING];
};

static bool read_set(const struct peer *p, struct set *s)
{
	struct ir_state st;

	if (!peer_state(p, &st))
		return false;
	peer_general(p, &st, s->general);
	peer_floating(&st, s->floating);
	return true;
}

static bool write_set(const struct peer *p, const struct set *s)
{
	return peer_set_general(p, s->general) && peer_set_floating(p, s->floating);
}

static unsigned size_of(unsigned n) { return n < REG_FFLAGS ? 8 : 4; }

static uint64_t get(const struct set *s, unsigned n)
{
	if (n == 0)
		return 0;
	if (n < REG_PC)
		return s->general[n];
	if (n == REG_PC)
		return s->general[0];
	if (n < REG_FFLAGS)
		return s->floating[n - REG_F0];
	if (n == REG_FFLAGS)
		return s->floating[FCSR] & FFLAGS_MASK;
	return n == REG_FRM ? s->floating[FCSR] >> FRM_SHIFT & FRM_MASK : s->floating[FCSR];
}

static void put(struct set *s, unsigned n, uint64_t v)
{
	if (n > 0 && n < REG_PC)
		s->general[n] = v;
	else if (n == REG_PC)
		s->general[0] = v & ~UINT64_C(1);
	else if (n >= REG_F0 && n < REG_FFLAGS)
		s->floating[n - REG_F0] = v;
	else if (n == REG_FFLAGS)
		s->floating[FCSR] =
		    (s->floating[FCSR] & ~(uint64_t)FFLAGS_MASK) | (v & FFLAGS_MASK);
	else if (n == REG_FRM)
		s->floating[FCSR] = (s->floating[FCSR] & FFLAGS_MASK) | (v & FRM_MASK) << FRM_SHIFT;
	else if (n == REG_FCSR)
		s->floating[FCSR] = v;
}

bool gdb_put_registers(struct strbuf *out, const struct peer *p)
{
	struct set s;

	if (!read_set(p, &s))
		return false;
	for (unsigned n = 0; n < REG_COUNT; n++) {
		uint64_t v = get(&s, n);

		packet_put_hex(out, &v, size_of(n));
	}
	return true;
}

bool gdb_set_registers(const struct peer *p, const char *hex)
{
	struct set s;

	if (!read_set(p, &s))
		return false;
	/* fcsr is the last word, and has the two others' bits. */
	for (unsigned n = 0; n < REG_COUNT; n++) {
		uint64_t v = 0;

		if (packet_get_hex(hex, &v, size_of(n)) != size_of(n))
			return false;
		hex += 2 * size_of(n);
		put(&s, n, v);
	}
	return write_set(p, &s);
}

bool gdb_put_register(struct strbuf *out, const struct peer *p, unsigned n)
{
	struct set s;
	uint64_t v;

	if (n >= REG_COUNT || !read_set(p, &s))
		return false;
	v = get(&s, n);
	packet_put_hex(out, &v, size_of(n));
	return true;
}

bool gdb_set_register(const struct peer *p, unsigned n, const char *hex)
{
	struct set s;
	uint64_t v = 0;

	if (n >= REG_COUNT || packet_get_hex(hex, &v, size_of(n)) != size_of(n) || !read_set(p, &s))
		return false;
	put(&s, n, v);
	return write_set(p, &s);
}
