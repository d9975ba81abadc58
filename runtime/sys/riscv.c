/*
 * The two system calls of riscv alone: what the cpu can do, and making written code visible.
 *
 * All guest harts are equal, so a mask of cpus only has to be valid. Keys and bits:
 * Documentation/arch/riscv/hwprobe.rst.
 */
#include "arch/rv64/cpu.h"
#include "runtime/jit/jit.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

struct hwprobe_pair {
	int64_t key;
	uint64_t value;
};

enum { HWPROBE_WHICH_CPUS = 1, HWPROBE_MASK_BYTES = 128 };

enum {
	KEY_MVENDORID,
	KEY_MARCHID,
	KEY_MIMPID,
	KEY_BASE_BEHAVIOR,
	KEY_IMA_EXT_0,
	KEY_CPUPERF_0,
	KEY_ZICBOZ_BLOCK_SIZE,
	KEY_HIGHEST_VIRT_ADDRESS,
	KEY_TIME_CSR_FREQ,
	KEY_MISALIGNED_SCALAR_PERF,
	KEY_MISALIGNED_VECTOR_PERF,
};

/* RISCV_HWPROBE_IMA_* and _EXT_*: also what C, A and Zicntr imply. */
#define IMA_FD                 (UINT64_C(1) << 0)
#define IMA_C                  (UINT64_C(1) << 1)
#define EXT_ZCA                (UINT64_C(1) << 43)
#define EXT_ZCD                (UINT64_C(1) << 45)
#define EXT_ZICNTR             (UINT64_C(1) << 50)
#define EXT_ZAAMO              (UINT64_C(1) << 56)
#define EXT_ZALRSC             (UINT64_C(1) << 57)
#define MISALIGNED_FAST        3
#define MISALIGNED_UNSUPPORTED 4

static uint64_t ima_ext_0(uint64_t features)
{
	uint64_t v = 0;

	if (RV64_HAS(features, F) && RV64_HAS(features, D))
		v |= IMA_FD;
	if (RV64_HAS(features, C))
		v |= IMA_C | EXT_ZCA | (v & IMA_FD ? EXT_ZCD : 0);
	if (RV64_HAS(features, A))
		v |= EXT_ZAAMO | EXT_ZALRSC;
	if (RV64_HAS(features, Zicntr))
		v |= EXT_ZICNTR;
	return v;
}

/* The answer for every cpu; false: no such key. */
static bool hwprobe_value(const struct kit_thread *t, int64_t key, uint64_t *value)
{
	switch (key) {
	case KEY_MVENDORID:
	case KEY_MARCHID:
	case KEY_MIMPID:
	case KEY_ZICBOZ_BLOCK_SIZE:
		*value = 0;
		return true;
	case KEY_BASE_BEHAVIOR:
		*value = RV64_HAS(t->proc->features, M) && RV64_HAS(t->proc->features, A); /* IMA */
		return true;
	case KEY_IMA_EXT_0:
		*value = ima_ext_0(t->proc->features);
		return true;
	case KEY_CPUPERF_0:
	case KEY_MISALIGNED_SCALAR_PERF:
		*value = MISALIGNED_FAST;
		return true;
	case KEY_HIGHEST_VIRT_ADDRESS:
		*value = (UINT64_C(1) << 47) - MEM_PAGE_BYTES - 1;
		return true;
	case KEY_TIME_CSR_FREQ:
		*value = RV64_TIMEBASE_HZ;
		return true;
	case KEY_MISALIGNED_VECTOR_PERF:
		*value = MISALIGNED_UNSUPPORTED;
		return true;
	default:
		*value = 0;
		return false;
	}
}

/*
 * The cpus that are online, which may be more than the thread may run on: "0-3,6" (Documentation/admin-guide/cputopology.rst). Where that cannot
 * be read, those that it may.
 */
static void online_cpus(cpu_set_t *out)
{
	int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (fd >= 0)
		close(fd);
	CPU_ZERO(out);
	text[n > 0 ? n : 0] = 0;
	for (char *s = text, *end; *s; s = *end == ',' ? end + 1 : end) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_SET(first, out);
	}
	if (!CPU_COUNT(out) && sched_getaffinity(0, sizeof *out, out) < 0)
		CPU_ZERO(out);
}

/* The cpus of a guest mask, and those that are online; false: EFAULT. */
static bool read_mask(struct kit_thread *t, gaddr at, uint64_t size, cpu_set_t *online,
		      cpu_set_t *out)
{
	online_cpus(online);
	CPU_ZERO(out);
	return copy_in(t, out, at, size < sizeof *out ? size : sizeof *out);
}

/* Which of the cpus match all pairs: all of them or none. */
static int64_t which_cpus(struct kit_thread *t, const uint64_t *a)
{
	cpu_set_t cpus, online;
	uint64_t size = a[2] < sizeof cpus ? a[2] : sizeof cpus;
	bool match = true;

	if (!a[2] || !a[3])
		return -EINVAL;
	if (!read_mask(t, a[3], a[2], &online, &cpus))
		return -EFAULT;
	if (!CPU_COUNT(&cpus))
		cpus = online;
	CPU_AND(&cpus, &cpus, &online);
	for (uint64_t i = 0; i < a[1]; i++) {
		gaddr at = a[0] + i * sizeof(struct hwprobe_pair);
		struct hwprobe_pair p;
		uint64_t value;

		if (!copy_in(t, &p, at, sizeof p))
			return -EFAULT;
		if (!hwprobe_value(t, p.key, &value)) {
			p = (struct hwprobe_pair){ .key = -1 };
			if (!copy_out(t, at, &p, sizeof p))
				return -EFAULT;
			match = false;
		} else if (p.key == KEY_BASE_BEHAVIOR || p.key == KEY_IMA_EXT_0) {
			match &=
			    (p.value & value) == p.value; /* sets of bits: asked for is a subset */
		} else {
			match &= p.value == value;
		}
	}
	if (!match)
		CPU_ZERO(&cpus);
	return copy_out(t, a[3], &cpus, size) ? 0 : -EFAULT;
}

int64_t sys_riscv_hwprobe(struct kit_thread *t, const uint64_t *a)
{
	cpu_set_t cpus, online;

	if (a[4] == HWPROBE_WHICH_CPUS)
		return which_cpus(t, a);
	if (a[4])
		return -EINVAL;
	if (a[2] || a[3]) {
		if (!read_mask(t, a[3], a[2], &online, &cpus))
			return -EFAULT;
		CPU_AND(&cpus, &cpus, &online);
		if (!CPU_COUNT(&cpus))
			return -EINVAL;
	}
	for (uint64_t i = 0; i < a[1]; i++) {
		gaddr at = a[0] + i * sizeof(struct hwprobe_pair);
		struct hwprobe_pair p;

		if (!copy_in(t, &p, at, sizeof p.key))
			return -EFAULT;
		if (!hwprobe_value(t, p.key, &p.value))
			p.key = -1;
		if (!copy_out(t, at, &p, sizeof p))
			return -EFAULT;
	}
	return 0;
}

/* flags: bit 0 is "this thread only", which may be taken as "all". */
int64_t sys_riscv_flush_icache(struct kit_thread *t, const uint64_t *a)
{
	if (a[2] & ~UINT64_C(1))
		return -EINVAL;
	mem_settle(t->proc->mem);
	jit_sync_code(t->proc->jit); /* writes that were noticed have dropped their code already */
	return 0;
}
