/*
 * Cases for an encoder's test: what was encoded, and the text that a disassembler has to make of it. begin, then for
 * each case a call that writes to expect(text), then end.
 *
 * With KIT_ENC_LIST=FILE each case is also written there as "bytes<tab>text" for tests/enc/run, which has an
 * assembler's opinion.
 */
#ifndef KIT_TESTS_ENCBATCH_H
#define KIT_TESTS_ENCBATCH_H

#include "lib/jit/codebuf.h"
#include "lib/jit/disas.h"
#include "tests/unit/check.h"

#include <stdarg.h>
#include <stdlib.h>

enum { BATCH = 2000, TEXT = 96, MAX_BYTES = 16 * BATCH };

/* ---- cases, compared a batch at a time --------------------------------------------------------------- */

static struct {
	struct codebuf cb;
	uint8_t bytes[MAX_BYTES];
	char text[BATCH][TEXT];
	uint32_t at[BATCH + 1];
	unsigned count;
	FILE *list;
	const char *host;
} batch;

static void write_list(void)
{
	for (unsigned i = 0; i < batch.count; i++) {
		for (uint32_t k = batch.at[i]; k < batch.at[i + 1]; k++)
			fprintf(batch.list, "%02x", batch.bytes[k]);
		fprintf(batch.list, "\t%s\n", batch.text[i]);
	}
}

/* Compares what was encoded with what was meant. */
static void flush(void)
{
	struct strbuf out = STRBUF_INIT;
	struct code code = { .bytes = batch.bytes };
	char *save = NULL, *copy, *line;
	unsigned i = 0;

	batch.at[batch.count] = cb_pos(&batch.cb);
	code.size_bytes = batch.at[batch.count];
	CHECK(!batch.cb.overflow);
	if (batch.list)
		write_list();
	jit_disas(batch.host, &code, false, &out);
	copy = strdup(strbuf_str(&out));
	for (line = strtok_r(copy, "\n", &save); line && i < batch.count;
	     line = strtok_r(NULL, "\n", &save), i++) {
		char *text = strstr(line, "  ") + 2;

		text += strspn(text, " ");
		text = strchr(line + strspn(line, " "), ' ') + 2;
		if (!CHECK_STR(text, batch.text[i]))
			break;
	}
	if (!check_failed)
		CHECK_EQ(i, batch.count);
	free(copy);
	strbuf_fini(&out);
	batch.count = 0;
	cb_init(&batch.cb, batch.bytes, sizeof batch.bytes);
}

/* The buffer for the next case, whose text is given. */
static struct codebuf *expect(const char *fmt, ...) KIT_PRINTF(1, 2);
static struct codebuf *expect(const char *fmt, ...)
{
	va_list ap;

	if (batch.count == BATCH)
		flush();
	batch.at[batch.count] = cb_pos(&batch.cb);
	va_start(ap, fmt);
	vsnprintf(batch.text[batch.count++], TEXT, fmt, ap);
	va_end(ap);
	return &batch.cb;
}

static void begin(const char *host)
{
	const char *path = getenv("KIT_ENC_LIST");

	batch.host = host;
	batch.count = 0;
	batch.list = path ? fopen(path, "a") : NULL;
	cb_init(&batch.cb, batch.bytes, sizeof batch.bytes);
}

static void end(void)
{
	flush();
	if (batch.list)
		fclose(batch.list);
}

#endif
