/* The words of the IR's text form; see names.h. */
#include "lib/ir/names.h"

#include <string.h>

const char *const ir_type_names[IR_TYPE_COUNT] = {
	[IR_NONE] = "none", [IR_I32] = "i32", [IR_I64] = "i64", [IR_F32] = "f32", [IR_F64] = "f64",
};

const char *const ir_cc_names[IR_CC_COUNT] = {
	[IR_EQ] = "eq", [IR_NE] = "ne",   [IR_LT] = "lt",
	[IR_GE] = "ge", [IR_LTU] = "ltu", [IR_GEU] = "geu",
};

const char *const ir_rm_names[IR_RM_COUNT] = {
	[IR_RM_RNE] = "rne", [IR_RM_RTZ] = "rtz", [IR_RM_RDN] = "rdn",
	[IR_RM_RUP] = "rup", [IR_RM_RMM] = "rmm", [IR_RM_DYN] = "dyn",
};

const char *const ir_jump_names[IR_JUMP_COUNT] = {
	[IR_JUMP_PLAIN] = "jump",
	[IR_JUMP_CALL] = "call",
	[IR_JUMP_RET] = "ret",
};

const char *const ir_amo_names[IR_AMO_COUNT] = {
	[IR_AMO_SWAP] = "swap", [IR_AMO_ADD] = "add",   [IR_AMO_XOR] = "xor",
	[IR_AMO_AND] = "and",   [IR_AMO_OR] = "or",     [IR_AMO_MIN] = "min",
	[IR_AMO_MAX] = "max",   [IR_AMO_MINU] = "minu", [IR_AMO_MAXU] = "maxu",
};

const char *const ir_exit_names[IR_EXIT_COUNT] = {
	[IR_EXIT_NONE] = "none",       [IR_EXIT_SYSCALL] = "syscall", [IR_EXIT_BREAK] = "break",
	[IR_EXIT_ILLEGAL] = "illegal", [IR_EXIT_FETCH] = "fetch",     [IR_EXIT_FENCEI] = "fencei",
	[IR_EXIT_FRM] = "frm",         [IR_EXIT_STOP] = "stop",       [IR_EXIT_LOOKUP] = "lookup",
	[IR_EXIT_LINK] = "link",       [IR_EXIT_FAULT] = "fault",     [IR_EXIT_HOT] = "hot",
	[IR_EXIT_CALLED] = "called",   [IR_EXIT_REDO] = "redo",       [IR_EXIT_STUB] = "stub",
};

const char *const ir_fault_names[IR_FAULT_ROUTINE + 1] = {
	[IR_FAULT_NONE] = "none",       [IR_FAULT_SEGV] = "segv",
	[IR_FAULT_BUS] = "bus",         [IR_FAULT_MISALIGNED] = "misaligned",
	[IR_FAULT_ROUTINE] = "routine",
};

const char *const ir_helper_names[IR_HELPER_COUNT] = {
#define HELPER(name, meaning) [IR_HELPER_##name] = #name,
#include "lib/ir/helpers.def"
#undef HELPER
};

const char *const ir_routine_names[IR_ROUTINE_COUNT] = {
#define ROUTINE(name, operands, meaning) [IR_ROUTINE_##name] = #name,
#include "lib/ir/routines.def"
#undef ROUTINE
};

int ir_name_find(const char *const *names, unsigned count, const char *word, size_t len)
{
	for (unsigned i = 0; i < count; i++)
		if (names[i] && strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
			return (int)i;
	return -1;
}
