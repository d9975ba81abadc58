/* What the JIT asks about its units; see places.h. Only read once it is made, so by any thread and any child. */
#include "runtime/places.h"

#include "lib/base/panic.h"
#include "runtime/jit/jit.h"
#include "runtime/load/debug.h"

#include <stdlib.h>

struct places {
	struct arena arena;
	struct debug_info info;
};

static void find(void *ctx, gaddr pc, struct jit_place *p)
{
	const struct places *all = ctx;
	const struct debug_symbol *s = debug_function(&all->info, pc);
	const struct debug_row *r = debug_row(&all->info, pc);

	*p = (struct jit_place){ 0 };
	if (s) {
		p->function = s->name;
		p->offset = pc - s->start;
	}
	if (r) {
		p->file = all->info.file[r->file];
		p->line = r->line;
	}
}

void places_init(struct kit_process *p)
{
	struct places *all = calloc(1, sizeof *all);

	KIT_CHECK(all, "out of memory");
	arena_init(&all->arena);
	debug_read(p->exe_fd, p->load_bias, &all->arena, &all->info);
	jit_set_places(p->jit, find, all);
}
