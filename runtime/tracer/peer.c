/* Finding a thread of another kitemu and reaching its memory; see tracer.h and runtime/core/trace.h. */
#include "runtime/tracer/tracer.h"

#include "lib/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WORD_BYTES = 8 };

/* The other process's memory at an address that is not one of this process. */
static struct iovec remote_part(uint64_t at, size_t n)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)at, .iov_len = n };
}

bool peer_read(const struct peer *p, uint64_t at, void *to, size_t n)
{
	struct iovec local = { .iov_base = to, .iov_len = n }, remote = remote_part(at, n);

	return process_vm_readv(p->tid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

bool peer_write(const struct peer *p, uint64_t at, const void *from, size_t n)
{
	struct iovec local = { .iov_base = (void *)(uintptr_t)from, .iov_len = n };
	struct iovec remote = remote_part(at, n);

	return process_vm_writev(p->tid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

static bool find_entry(struct peer *p, const struct trace_chunk *first)
{
	struct trace_chunk chunk = *first;

	for (;;) {
		for (unsigned i = 0; i < TRACE_ENTRIES; i++)
			if (chunk.entry[i].tid == p->tid && chunk.entry[i].thread) {
				p->tgid = chunk.entry[i].tgid;
				p->at = (uintptr_t)chunk.entry[i].thread;
				return true;
			}
		if (!chunk.next || !peer_read(p, (uintptr_t)chunk.next, &chunk, sizeof chunk))
			return false;
	}
}

void peer_find(struct peer *p, pid_t tid)
{
	struct trace_directory d;

	*p = (struct peer){ .tid = tid };
	errno = 0;
	if (!peer_read(p, (uintptr_t)&trace_directory, &d, sizeof d)) {
		/* Nothing lies there in a program that is no kitemu. */
		p->kind = errno == EFAULT || !errno ? PEER_FOREIGN : PEER_GONE;
		return;
	}
	p->kind = PEER_FOREIGN;
	if (memcmp(d.magic, trace_directory.magic, sizeof d.magic) != 0
	    || d.layout != trace_directory.layout)
		return;
	p->kind = PEER_STARTING;
	p->takes_marks = d.takes_marks;
	p->base = d.base;
	p->limit = d.limit;
	if (find_entry(p, &d.first)
	    && peer_read(p, p->at + offsetof(struct kit_thread, trace), &p->trace, sizeof p->trace))
		p->kind = PEER_GUEST;
}

int64_t peer_find_guest(struct peer *p, pid_t tid)
{
	enum { TRIES = 1000, WAIT_US = 100 };

	if (tid <= 0)
		return -ESRCH;
	for (unsigned i = 0; i < TRIES; i++) {
		peer_find(p, tid);
		if (p->kind != PEER_STARTING)
			break;
		usleep(WAIT_US);
	}
	if (p->kind == PEER_GUEST)
		return 0;
	if (p->kind == PEER_GONE && syscall(SYS_tkill, tid, 0) < 0 && errno == ESRCH)
		return -ESRCH;
	KIT_LOG(sys, "thread %d is no guest", tid);
	return -EPERM;
}

static bool is_inside(const struct peer *p, gaddr addr)
{
	return addr < p->limit && addr + WORD_BYTES <= p->limit;
}

int64_t peer_peek(const struct peer *p, gaddr addr, uint64_t *word)
{
	if (!is_inside(p, addr))
		return -EIO;
	return host_ptrace(PTRACE_PEEKDATA, p->tid, addr + p->base, (uintptr_t)word);
}

bool peer_note_change(const struct peer *p, gaddr start, uint64_t n)
{
	const uint64_t at = (uintptr_t)&trace_directory;
	struct trace_directory d;

	if (!peer_read(p, at, &d, sizeof d))
		return false;
	d.range[d.changes % TRACE_RANGES].start = start;
	d.range[d.changes % TRACE_RANGES].size_bytes = n;
	d.changes++;
	return peer_write(p, at + offsetof(struct trace_directory, range), d.range, sizeof d.range)
	       && peer_write(p, at + offsetof(struct trace_directory, changes), &d.changes,
			     sizeof d.changes);
}

int64_t peer_poke(const struct peer *p, gaddr addr, uint64_t word)
{
	int64_t r;

	if (!is_inside(p, addr))
		return -EIO;
	r = host_ptrace(PTRACE_POKEDATA, p->tid, addr + p->base, word);
	if (r == 0)
		peer_note_change(p, addr, sizeof word);
	return r;
}
