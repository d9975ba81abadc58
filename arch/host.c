/* The hosts there are. */
#include "arch/host.h"

#include <string.h>

static const struct jit_host *const hosts[] = { &x64_host, &a64_host };

const struct jit_host *host_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		if (strcmp(hosts[i]->name, name) == 0)
			return hosts[i];
	return NULL;
}

const struct jit_host *host_native(void)
{
#if defined(__x86_64__)
	return &x64_host;
#elif defined(__aarch64__)
	return &a64_host;
#else
#error "no back end for this machine"
#endif
}
