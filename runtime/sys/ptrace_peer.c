/* Finding a thread of another kitemu and reaching its memory; see ptrace.h and runtime/core/trace.h. */
#include "runtime/sys/ptrace.h"

#include <linux/ptrace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

int64_t host_ptrace(long request, pid_t tid, uint64_t addr, uint64_t data)
{
	return host_call(__NR_ptrace, request, tid, (long)addr, (long)data, 0, 0);
}

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

/* The number of the process whose memory a path means; 0: none. */
static pid_t owner_of_mem(const char *path)
{
	static const char proc[] = "/proc/";
	char *end;
	long pid;

	if (strncmp(path, proc, sizeof proc - 1) != 0)
		return 0;
	pid = strtol(path + sizeof proc - 1, &end, 10);
	if (!strncmp(end, "/task/", 6))
		strtol(end + 6, &end, 10);
	return strcmp(end, "/mem") == 0 ? (pid_t)pid : 0;
}

void peer_note_open(const struct kit_thread *t, gaddr path)
{
	const uint32_t yes = 1;
	char s[64];
	struct peer p;
	pid_t pid;

	if (mem_copy_str(t->proc->mem, s, path, sizeof s) < 0 || !(pid = owner_of_mem(s)))
		return;
	peer_find(&p, pid);
	if (p.kind == PEER_GUEST || p.kind == PEER_STARTING)
		peer_write(&p,
			   (uintptr_t)&trace_directory
			       + offsetof(struct trace_directory, written_unseen),
			   &yes, sizeof yes);
}
