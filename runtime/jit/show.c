/* Translations as text; see show.h. The ranges are set before the guest runs. */
#include "runtime/jit/show.h"

#include "lib/jit/disas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES_MOST = 32, SHOWN_BYTES = 4096 };

static struct {
	gaddr first, last;
} ranges[RANGES_MOST];
static unsigned range_count;

/* "START..END", "START+SIZE", "END-SIZE", as qemu's -dfilter has them. */
static bool parse_range(const char *s, size_t len, gaddr *first, gaddr *last)
{
	char *end;
	gaddr a, b;
	char how;

	errno = 0;
	a = strtoull(s, &end, 0);
	how = *end;
	if (end == s || !strchr("+-.", how) || (how == '.' && end[1] != '.'))
		return false;
	s += len; /* where the range ends */
	end += how == '.' ? 2 : 1;
	b = strtoull(end, &end, 0);
	if (end != s || errno || (how != '.' && !b))
		return false;
	*first = how == '-' ? a - (b - 1) : a;
	*last = how == '+' ? a + (b - 1) : how == '-' ? a : b;
	return *first <= *last;
}

bool jit_show_only(const char *text, struct diag *d)
{
	for (const char *s = text; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");

		if (range_count == RANGES_MOST
		    || !parse_range(s, len, &ranges[range_count].first, &ranges[range_count].last))
			return diag_fail(
			    d, KIT_EXIT_INTERNAL,
			    "--dfilter: '%.*s' is not START..END, START+SIZE or END-SIZE", (int)len,
			    s);
		range_count++;
		s += len;
	}
	return true;
}

static bool in_ranges(const struct ir_range *r)
{
	bool found = range_count == 0;

	for (unsigned i = 0; i < range_count && !found; i++)
		found = r->start + r->size_bytes > ranges[i].first && r->start <= ranges[i].last;
	return found;
}

bool show_wants(const struct ir_range *range, unsigned count)
{
	bool found = false;

	if (KIT_LIKELY(!(kit_log_mask & KIT_LOG_CODE)))
		return false;
	for (unsigned i = 0; i < count && !found; i++)
		found = in_ranges(&range[i]);
	return found;
}

static bool is_on(enum kit_log_topic topic) { return kit_log_mask >> topic & 1; }

void show_ir(struct strbuf *out, enum kit_log_topic topic, const struct ir_unit *u)
{
	if (!is_on(topic))
		return;
	strbuf_puts(out, topic == KIT_LOG_op ? "OP:\n" : "OP after optimization:\n");
	ir_print(u, out);
}

static void put_guest(struct jit *j, struct guest_decoder *decoder, const struct ir_range *r,
		      struct strbuf *b)
{
	uint8_t bytes[SHOWN_BYTES];
	unsigned n =
	    mem_fetch(j->mem, r->start, bytes,
		      r->size_bytes < sizeof bytes ? (unsigned)r->size_bytes : sizeof bytes);

	for (unsigned at = 0, size; at < n; at += size) {
		strbuf_printf(b, "0x%08llx:  ", (unsigned long long)(r->start + at));
		size = j->guest->disas(decoder, bytes + at, n - at, r->start + at, b);
		if (!size) {
			strbuf_puts(b, "(no instruction)");
			size = 2;
		}
		strbuf_putc(b, '\n');
	}
}

void show_unit(struct jit *j, struct guest_decoder *decoder, const struct code *c,
	       const struct tc_unit *u, const struct strbuf *ir)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_puts(&b, "----------------\n");
	if (is_on(KIT_LOG_in_asm)) {
		strbuf_printf(&b, "IN: 0x%llx, %u instructions\n", (unsigned long long)c->gpc,
			      c->guest_insns);
		for (unsigned i = 0; i < c->range_count; i++)
			put_guest(j, decoder, &c->range[i], &b);
	}
	strbuf_puts(&b, strbuf_str(ir));
	if (is_on(KIT_LOG_out_asm)) {
		strbuf_printf(&b, "OUT: 0x%llx, %u bytes at %p\n", (unsigned long long)c->gpc,
			      c->size_bytes, (const void *)u->code);
		jit_disas(j->host->name, c, false, &b);
	}
	kit_log_put(b.s, b.len);
	strbuf_fini(&b);
}
