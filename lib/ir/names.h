/* The words of the IR's text form, indexed by their enums. NULL where a number means nothing. */
#ifndef KIT_IR_NAMES_H
#define KIT_IR_NAMES_H

#include "lib/ir/state.h"

enum { IR_TYPE_COUNT = 5, IR_CC_COUNT = 6, IR_RM_COUNT = 8, IR_JUMP_COUNT = 3, IR_AMO_COUNT = 9 };

extern const char *const ir_type_names[IR_TYPE_COUNT];
extern const char *const ir_cc_names[IR_CC_COUNT];
extern const char *const ir_rm_names[IR_RM_COUNT];
extern const char *const ir_jump_names[IR_JUMP_COUNT];
extern const char *const ir_amo_names[IR_AMO_COUNT];
extern const char *const ir_exit_names[IR_EXIT_COUNT];
extern const char *const ir_fault_names[IR_FAULT_ROUTINE + 1];
extern const char *const ir_helper_names[IR_HELPER_COUNT];
extern const char *const ir_routine_names[IR_ROUTINE_COUNT];

/* The index of the word of len characters among count names, or -1. */
int ir_name_find(const char *const *names, unsigned count, const char *word, size_t len);

#endif
