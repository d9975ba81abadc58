/* bpf: its attributes are a union of many forms, of which this table knows the pointers. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <string.h>

enum { ATTR_MOST_BYTES = 4096, POINTERS_MOST = 8 };

/* Offsets of the addresses in union bpf_attr; 0 behind the first ends the list. */
struct bpf_form {
	uint8_t first, last; /* commands */
	bool any;            /* offset 0 is an address too */
	uint8_t at[POINTERS_MOST];
};

static const struct bpf_form forms[] = {
	{ 1, 4, false, { 8, 16 } },                       /* MAP_*_ELEM, MAP_GET_NEXT_KEY */
	{ 5, 5, false, { 8, 16, 32, 80, 96, 120, 128 } }, /* PROG_LOAD */
	{ 6, 7, true, { 0 } },                            /* OBJ_PIN, OBJ_GET */
	{ 10, 10, false, { 16, 24, 48, 56 } },            /* PROG_TEST_RUN */
	{ 15, 15, false, { 8 } },                         /* OBJ_GET_INFO_BY_FD */
	{ 16, 16, false, { 16, 32, 40, 48 } },            /* PROG_QUERY */
	{ 17, 17, true, { 0 } },                          /* RAW_TRACEPOINT_OPEN */
	{ 18, 18, true, { 8 } },                          /* BTF_LOAD */
	{ 20, 20, false, { 16 } },                        /* TASK_FD_QUERY */
	{ 21, 21, false, { 8, 16 } },                     /* MAP_LOOKUP_AND_DELETE_ELEM */
	{ 24, 27, true, { 8, 16, 24 } },                  /* MAP_*_BATCH */
};

/* The addresses of command's attributes at attr made the host's. */
static void convert(struct kit_thread *t, unsigned command, uint8_t *attr, uint64_t size)
{
	for (const struct bpf_form *f = forms; f < forms + ARRAY_LEN(forms); f++) {
		if (command < f->first || command > f->last)
			continue;
		for (unsigned i = f->any ? 0 : 1; i <= POINTERS_MOST; i++) {
			unsigned at = i ? f->at[i - 1] : 0;
			uint64_t p;

			if ((i && !at) || at + sizeof p > size)
				continue;
			memcpy(&p, attr + at, sizeof p);
			p = (uint64_t)host_ptr(t, p);
			memcpy(attr + at, &p, sizeof p);
		}
	}
}

int64_t sys_bpf(struct kit_thread *t, const uint64_t *a)
{
	uint8_t guest[ATTR_MOST_BYTES], host[ATTR_MOST_BYTES], before[ATTR_MOST_BYTES];
	uint64_t size = a[2];
	int64_t r;

	/* Too large, or unreadable: the kernel says which. */
	if (size > sizeof host || !copy_in(t, guest, a[1], size))
		return host_call(__NR_bpf, (long)a[0], host_no_ptr(a[1]), (long)size, 0, 0, 0);
	memcpy(host, guest, size);
	convert(t, (unsigned)a[0], host, size);
	memcpy(before, host, size);
	r = host_call(__NR_bpf, (long)a[0], (long)host, (long)size, 0, 0, 0);
	/* Results are written into the attributes: lengths, ids. */
	for (uint64_t i = 0; i < size; i++)
		if (host[i] != before[i] && !copy_out(t, a[1] + i, &host[i], 1))
			return -EFAULT;
	return r;
}
