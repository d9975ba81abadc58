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

static bool enable_one(const char *name, size_t len)
{
	if (len == 3 && !memcmp(name, "all", 3)) {
		kit_log_mask = (1u << KIT_LOG_COUNT) - 1;
		return true;
	}
	for (unsigned i = 0; i < KIT_LOG_COUNT; i++) {
		if (strlen(topic_names[i]) == len && !memcmp(name, topic_names[i], len)) {
			kit_log_mask |= 1u << i;
			return true;
		}
	}
	return false;
}

bool kit_log_enable(const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");

		if (!enable_one(list, len))
			return false;
		list += len;
		list += *list == ',';
	}
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
