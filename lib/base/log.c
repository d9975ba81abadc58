/* Log topics and lines; see log.h. */
#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint32_t kit_log_mask;

static const char *const topic_names[] = {
#define X(name, help) #name,
	KIT_LOG_TOPICS(X)
#undef X
};

int kit_log_fd(void) { return STDERR_FILENO; }

/* clang-format off */
const char kit_log_help[] =
#define X(name, help) #name "\t" help "\n"
	KIT_LOG_TOPICS(X)
#undef X
	"all\tall of these\n";
/* clang-format on */

/* The bits of one word of a list; 0: there is none of that name. */
static uint32_t bits_of(const char *name, size_t len)
{
	if (len == 3 && !memcmp(name, "all", 3))
		return (1u << KIT_LOG_COUNT) - 1;
	for (unsigned i = 0; i < KIT_LOG_COUNT; i++)
		if (strlen(topic_names[i]) == len && !memcmp(name, topic_names[i], len))
			return 1u << i;
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
	if (write(kit_log_fd(), buf, (size_t)n) < 0)
		return; /* a closed stderr must not stop the guest */
}
