/* guest: flags=-latomic levels=O0,O2 */
/*
 * Queues without locks, four threads, every item accounted for: Michael and Scott's with counted pointers (a node's
 * index and a count in one word), and a bounded ring with sequence numbers.
 *
 *     lockfree [SECONDS]     repeats until the time is up
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/guest/guest.h"

enum { PRODUCERS = 2, CONSUMERS = 2, NODES = 256, RING = 64, ITEMS = 8000 };

/* ---- Michael and Scott --------------------------------------------------------------------------------- */

struct node {
	_Atomic uint64_t next; /* count << 32 | index, index 0: none */
	atomic_uint value;
};

static struct node node[NODES + 1];
static _Atomic uint64_t head, tail, free_list;

static uint32_t index_of(uint64_t p) { return (uint32_t)p; }
static uint64_t pointer(uint64_t old, uint32_t i) { return ((old >> 32) + 1) << 32 | i; }

static uint32_t node_get(void)
{
	uint64_t f = atomic_load(&free_list);

	while (index_of(f)
	       && !atomic_compare_exchange_weak(
		   &free_list, &f, pointer(f, index_of(atomic_load(&node[index_of(f)].next)))))
		continue;
	return index_of(f);
}

static void node_put(uint32_t n)
{
	uint64_t f = atomic_load(&free_list);

	do
		atomic_store(&node[n].next, pointer(atomic_load(&node[n].next), index_of(f)));
	while (!atomic_compare_exchange_weak(&free_list, &f, pointer(f, n)));
}

static void ms_init(void)
{
	for (uint32_t i = 0; i < NODES; i++)
		node[i + 1].next = i;
	free_list = NODES;
	head = tail = node_get();
	node[index_of(head)].next = pointer(node[index_of(head)].next, 0);
}

static int ms_push(uint32_t v)
{
	uint32_t n = node_get();
	uint64_t t, next;

	if (!n)
		return 0;
	atomic_store_explicit(&node[n].value, v, memory_order_relaxed);
	atomic_store(&node[n].next, pointer(atomic_load(&node[n].next), 0));
	for (;;) {
		t = atomic_load_explicit(&tail, memory_order_acquire);
		next = atomic_load_explicit(&node[index_of(t)].next, memory_order_acquire);
		if (t != atomic_load(&tail))
			continue;
		if (index_of(next)) {
			atomic_compare_exchange_strong(&tail, &t, pointer(t, index_of(next)));
			continue;
		}
		if (atomic_compare_exchange_weak_explicit(&node[index_of(t)].next, &next,
							  pointer(next, n), memory_order_release,
							  memory_order_relaxed))
			break;
	}
	atomic_compare_exchange_strong(&tail, &t, pointer(t, n));
	return 1;
}

static int ms_pop(uint32_t *v)
{
	for (;;) {
		uint64_t h = atomic_load_explicit(&head, memory_order_acquire);
		uint64_t t = atomic_load_explicit(&tail, memory_order_acquire);
		uint64_t next = atomic_load_explicit(&node[index_of(h)].next, memory_order_acquire);

		if (h != atomic_load(&head))
			continue;
		if (index_of(h) == index_of(t)) {
			if (!index_of(next))
				return 0;
			atomic_compare_exchange_strong(&tail, &t, pointer(t, index_of(next)));
			continue;
		}
		*v = atomic_load_explicit(&node[index_of(next)].value, memory_order_relaxed);
		if (atomic_compare_exchange_weak(&head, &h, pointer(h, index_of(next)))) {
			node_put(index_of(h));
			return 1;
		}
	}
}

/* ---- the ring: acquire and release are all that holds it together ------------------------------------------ */

static struct {
	atomic_ulong seq;
	uint32_t value[4]; /* all alike */
} ring[RING];
static _Alignas(64) atomic_ulong ring_in;
static _Alignas(64) atomic_ulong ring_out;
static atomic_ulong torn;

static void ring_init(void)
{
	for (unsigned long i = 0; i < RING; i++)
		ring[i].seq = i;
	ring_in = ring_out = 0;
}

static int ring_push(uint32_t v)
{
	unsigned long at = atomic_load_explicit(&ring_in, memory_order_relaxed);

	for (;;) {
		unsigned long seq =
		    atomic_load_explicit(&ring[at % RING].seq, memory_order_acquire);

		if ((long)(seq - at) < 0)
			return 0;
		if (seq != at)
			at = atomic_load_explicit(&ring_in, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(
			     &ring_in, &at, at + 1, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	for (int i = 0; i < 4; i++)
		ring[at % RING].value[i] = v;
	atomic_store_explicit(&ring[at % RING].seq, at + 1, memory_order_release);
	return 1;
}

static int ring_pop(uint32_t *v)
{
	unsigned long at = atomic_load_explicit(&ring_out, memory_order_relaxed);

	for (;;) {
		unsigned long seq =
		    atomic_load_explicit(&ring[at % RING].seq, memory_order_acquire);

		if ((long)(seq - (at + 1)) < 0)
			return 0;
		if (seq != at + 1)
			at = atomic_load_explicit(&ring_out, memory_order_relaxed);
		else if (atomic_compare_exchange_weak_explicit(
			     &ring_out, &at, at + 1, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	*v = ring[at % RING].value[3];
	for (int i = 0; i < 3; i++)
		torn += ring[at % RING].value[i] != *v;
	atomic_store_explicit(&ring[at % RING].seq, at + RING, memory_order_release);
	return 1;
}

/* ---- the check: what goes in comes out once, each producer's items in their order ------------------------------ */

static int (*push)(uint32_t);
static int (*pop)(uint32_t *);
static atomic_ulong consumed, out_of_order, sums;

static uint64_t weight(uint32_t v) { return (v * 0x9e3779b97f4a7c15u) >> 20; }

static void *produces(void *arg)
{
	for (uint32_t i = 1; i <= ITEMS; i++)
		while (!push((uint32_t)(long)arg << 24 | i))
			sched_yield();
	return NULL;
}

static void *consumes(void *arg)
{
	uint32_t last[PRODUCERS] = { 0 }, v;
	uint64_t sum = 0;

	while (atomic_load(&consumed) < PRODUCERS * ITEMS) {
		if (!pop(&v)) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(&consumed, 1);
		if ((v & 0xffffff) <= last[v >> 24])
			atomic_fetch_add(&out_of_order, 1);
		last[v >> 24] = v & 0xffffff;
		sum += weight(v);
	}
	atomic_fetch_add(&sums, sum);
	return NULL;
}

static int round_ok(void)
{
	pthread_t t[PRODUCERS + CONSUMERS];
	uint64_t want = 0;

	consumed = out_of_order = sums = torn = 0;
	for (long i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_create(&t[i], NULL, i < PRODUCERS ? produces : consumes, (void *)i);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_join(t[i], NULL);
	for (uint32_t p = 0; p < PRODUCERS; p++)
		for (uint32_t i = 1; i <= ITEMS; i++)
			want += weight(p << 24 | i);
	return want == sums && !out_of_order && !torn && consumed == PRODUCERS * ITEMS;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);
	long rounds = 0, bad = 0;

	do {
		for (int i = 0; i < 2; i++) {
			i ? ring_init() : ms_init();
			push = i ? ring_push : ms_push;
			pop = i ? ring_pop : ms_pop;
			bad += !round_ok();
			rounds++;
		}
	} while (time(NULL) < end);
	if (argc > 1)
		printf("%ld rounds of %d items\n", rounds, PRODUCERS * ITEMS);
	printf("queues: %ld bad\n", bad);
	return bad != 0;
}
