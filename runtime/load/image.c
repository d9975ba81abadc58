/*
 * Places a checked image in the guest's memory, and puts the pieces of a process together.
 *
 * The whole span of the image is reserved first: from then on only memory, not addresses, can
 * run out. When any step fails, all that was mapped is unmapped again.
 */
#include "runtime/load/load_priv.h"

#include "arch/rv64/cpu.h"
#include "lib/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { CANNOT_RUN = 126 };

/* Where position-independent programs go: two thirds of the Sv39 window, as the kernel does. */
#define PIE_ADDR UINT64_C(0x2aaaaaa000)

enum { RESERVE = MEM_MAP_PRIVATE | MEM_MAP_ANONYMOUS | MEM_MAP_NORESERVE };

/* Reserves an aligned span anywhere. The address or -errno. */
static int64_t reserve_anywhere(struct mem_space *m, uint64_t span, uint64_t align)
{
	gaddr want = align_up(PIE_ADDR, align), at;
	int64_t got = mem_mmap(m, want, span, MEM_PROT_NONE, RESERVE, -1, 0);

	if (got < 0 || !((uint64_t)got & (align - 1)))
		return got;
	mem_munmap(m, (gaddr)got, span);
	got = mem_mmap(m, 0, span + align, MEM_PROT_NONE, RESERVE, -1, 0);
	if (got < 0)
		return got;
	at = align_up((gaddr)got, align);
	if (at > (gaddr)got)
		mem_munmap(m, (gaddr)got, at - (gaddr)got);
	if ((gaddr)got + align > at)
		mem_munmap(m, at + span, (gaddr)got + align - at);
	return (int64_t)at;
}

static bool reserve_image(struct mem_space *m, const struct load_image *im, gaddr *bias,
			  struct diag *d)
{
	uint64_t span = im->high - im->low;
	gaddr low = align_down(im->low, im->align);
	int64_t at;

	if (im->pie) {
		at = reserve_anywhere(m, im->high - low, im->align);
		if (at < 0)
			return diag_fail(d, CANNOT_RUN,
					 "needs 0x%" PRIx64 " bytes of addresses: %s", span,
					 strerror((int)-at));
		if (low < im->low)
			mem_munmap(m, (gaddr)at, im->low - low);
		*bias = (gaddr)at - low;
		return true;
	}
	*bias = 0;
	at = mem_mmap(m, im->low, span, MEM_PROT_NONE, RESERVE | MEM_MAP_FIXED_NOREPLACE, -1, 0);
	if (at == -EPERM)
		return diag_fail(d, CANNOT_RUN,
				 "lies at 0x%" PRIx64 ", below what this host lets programs map: "
				 "lower the sysctl vm.mmap_min_addr, or link it higher",
				 im->low);
	if (at < 0)
		return diag_fail(d, CANNOT_RUN,
				 "needs the addresses 0x%" PRIx64 " to 0x%" PRIx64
				 ", which are not free (guests have those below 0x%" PRIx64
				 "): link it elsewhere",
				 im->low, im->high, mem_limit(m));
	return true;
}

static const char zeros[MEM_PAGE_BYTES];

/* Maps one segment over the reservation. 0 or -errno. */
static int64_t map_segment(struct mem_space *m, const struct load_segment *s, gaddr bias, int fd)
{
	const int fixed = MEM_MAP_PRIVATE | MEM_MAP_FIXED;
	gaddr start = align_down(s->vaddr + bias, MEM_PAGE_BYTES);
	gaddr file_end = s->vaddr + bias + s->filesz,
	      file_stop = s->filesz ? align_up(file_end, MEM_PAGE_BYTES) : start;
	gaddr stop = align_up(s->vaddr + bias + s->memsz, MEM_PAGE_BYTES);
	int64_t got;

	if (s->filesz) {
		got = mem_mmap(m, start, file_stop - start, s->prot, fixed, fd,
			       (int64_t)align_down(s->offset, MEM_PAGE_BYTES));
		if (got < 0)
			return got;
		/* The kernel too leaves the tail of a segment that cannot be written as it is. */
		if (s->memsz > s->filesz && (s->prot & MEM_PROT_WRITE)
		    && !mem_copy_out(m, file_end, zeros, file_stop - file_end))
			return -EIO;
	}
	if (stop <= file_stop)
		return 0;
	got = mem_mmap(m, file_stop, stop - file_stop, s->prot, fixed | MEM_MAP_ANONYMOUS, -1, 0);
	return got < 0 ? got : 0;
}

static bool map_image(struct mem_space *m, const struct load_image *im, int fd, gaddr bias,
		      struct diag *d)
{
	for (unsigned i = 0; i < im->seg_count; i++) {
		const struct load_segment *s = &im->seg[i];
		gaddr start = align_down(s->vaddr, MEM_PAGE_BYTES);
		int64_t err;

		if (i) { /* What lies between two segments is not the program's. */
			gaddr end = align_up(s[-1].vaddr + s[-1].memsz, MEM_PAGE_BYTES);

			if (end < start)
				mem_munmap(m, end + bias, start - end);
		}
		err = map_segment(m, s, bias, fd);
		if (err)
			return diag_fail(d, CANNOT_RUN,
					 "its segment of 0x%" PRIx64 " bytes at 0x%" PRIx64
					 " cannot be mapped: %s",
					 s->memsz, s->vaddr, strerror((int)-err));
		KIT_LOG(load, "segment 0x%" PRIx64 " + 0x%" PRIx64 " prot %d", s->vaddr + bias,
			s->memsz, s->prot);
	}
	return true;
}

/* Initial registers: all zero but pc and sp (a0 is rtld_fini, which a static program must see as 0). */
static void set_registers(struct kit_thread *t, gaddr entry, gaddr sp)
{
	memset(t->st.reg, 0, sizeof t->st.reg);
	t->st.reg[RV64_SP] = sp;
	t->st.pc = entry;
	t->st.frm = 0;
	t->st.fflags = 0;
}

bool load_program(struct kit_process *p, struct kit_thread *t, int fd, const char *path,
		  char *const *argv, char *const *envp, struct diag *d)
{
	struct load_image im;
	struct load_place at;
	int64_t err;
	gaddr sp;

	if (!load_image_read(fd, path, &im, d) || !reserve_image(p->mem, &im, &at.bias, d))
		return false;
	p->load_bias = at.bias;
	at.entry = im.entry + at.bias;
	at.phdr = im.phdr ? im.phdr + at.bias : 0;
	at.end = im.high + at.bias;
	p->image_start = im.low + at.bias;
	p->image_end = at.end;
	if (!map_image(p->mem, &im, fd, at.bias, d) || !stack_map(p, &im, d))
		goto no_stack;
	err = vdso_map(p);
	if (err < 0) {
		diag_fail(d, KIT_EXIT_INTERNAL, "cannot map the vDSO: %s", strerror((int)-err));
		goto no_vdso;
	}
	sp = stack_fill(p, &im, &at, path, argv, envp, d);
	if (!sp)
		goto fail;
	mem_set_brk(p->mem, at.end);
	set_registers(t, at.entry, sp);
	if (!p->embedder)
		load_present(p, &im, &at, sp, path);
	KIT_LOG(load, "entry 0x%" PRIx64 " sp 0x%" PRIx64 " brk 0x%" PRIx64, at.entry, sp, at.end);
	return true;
fail:
	mem_munmap(p->mem, p->vdso_base, MEM_PAGE_BYTES);
no_vdso:
	mem_munmap(p->mem, p->stack_low, p->stack_high - p->stack_low);
no_stack:
	mem_munmap(p->mem, im.low + at.bias, im.high - im.low);
	return false;
}
