/* Log topics and lines; see log.h. */
#include "lib/base/log.h"

#include "lib/base/bits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t kit_log_mask;
void (*kit_log_out)(const char *lines, size_t size_bytes);

static const char *const topic_names[] = {
#define X(name, help) #name,
	KIT_LOG_TOPICS(X)
#undef X
};

/* What qemu-user calls them. */
static const struct {
	const char *name;
	enum kit_log_topic topic;
} qemu_names[] = { { "unimp", KIT_LOG_sys }, { "int", KIT_LOG_sig }, { "page", KIT_LOG_mem } };

void kit_log_put(const char *lines, size_t size_bytes)
{
	if (kit_log_out)
		kit_log_out(lines, size_bytes);
	else if (write(STDERR_FILENO, lines, size_bytes) < 0)
		return; /* a closed stderr must not stop the guest */
}

/* clang-format off */
const char kit_log_help[] =
#define X(name, help) #name "\t" help "\n"
	KIT_LOG_TOPICS(X)
#undef X
	"all\tload, jit, sys, sig, mem and gdb\n";
/* clang-format on */

/* The bits of one word of a list; 0: there is none of that name. */
static uint32_t bits_of(const char *name, size_t len)
{
	if (len == 3 && !memcmp(name, "all", 3))
		return KIT_LOG_ALL;
	for (unsigned i = 0; i < KIT_LOG_COUNT; i++)
		if (strlen(topic_names[i]) == len && !memcmp(name, topic_names[i], len))
			return 1u << i;
	for (unsigned i = 0; i < ARRAY_LEN(qemu_names); i++)
		if (strlen(qemu_names[i].name) == len && !memcmp(name, qemu_names[i].name, len))
			return 1u << qemu_names[i].topic;
	return 0;
}

bool kit_log_enable(const char *list)
{
	uint32_t mask = 0;

	while (*list) {
		size_t len = strcspn(list, ",");
		uint32_t bits = bits_of(list, len);

		if (!bits)
			return false;
		mask |= bits;
		list += len;
		list += *list == ',';
	}
	kit_log_mask |= mask;
	return true;
}

void kit_log_write(const char *fmt, ...)
{
	char buf[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof buf - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (n > (int)sizeof buf - 2)
		n = (int)sizeof buf - 2;
	buf[n++] = '\n';
	kit_log_put(buf, (size_t)n);
}
