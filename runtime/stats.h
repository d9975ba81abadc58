/*
 * --stats and --max-instructions: what a process and its engines did, told when it ends, dies of a signal, or executes another program.
 *
 * Without the option nothing is counted but what costs nothing. With it translated code counts instructions (op count:
 * an addition to memory for each stretch between two branches), branches stay branches, libc's routines are the
 * guest's own, and every system call goes through the run loop.
 */
#ifndef KIT_RUNTIME_STATS_H
#define KIT_RUNTIME_STATS_H

#include "runtime/core/thread.h"

#include <time.h>

static inline uint64_t stats_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Once, for a process with --stats; begin_ns: when it began to be loaded. */
void stats_process_init(struct kit_process *p, uint64_t begin_ns);
/* The program of t is loaded: from now on --max-instructions holds. */
void stats_loaded(struct kit_thread *t);
void stats_thread_init(struct kit_thread *t);
/* t has ended: what it counted is its process's. */
void stats_thread_fini(struct kit_thread *t);
/* In a forked child: what was counted so far is its parent's. */
void stats_fork_child(struct kit_thread *t);
/*
 * Translated or interpreted code came back with why at the instruction at st.pc, having counted those behind it as well, up
 * to the next branch or to end (1: not known): they have not begun. Those from st.pc on when it is to be run again.
 */
void stats_faulted(struct kit_thread *t, gaddr end, bool again);
/* The instruction at st.pc, which has begun, will begin once more. */
void stats_again(struct kit_thread *t);
/* The record, to where the option says. sig: what the process dies of, or 0. executes: the end is an execve. */
void stats_write(struct kit_thread *t, int sig, bool executes);

#endif
