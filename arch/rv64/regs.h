/* The guest's registers as passes and hosts see them: number i is x_i, 32 + i is f_i. */
#ifndef KIT_ARCH_RV64_REGS_H
#define KIT_ARCH_RV64_REGS_H

#include "arch/rv64/cpu.h"

enum { RV64_NO_PIN = 255 };

extern const struct ir_regfile rv64_regs;
/* The same, ranked as code of Go's compiler uses them. */
extern const struct ir_regfile rv64_go_regs;

#endif
