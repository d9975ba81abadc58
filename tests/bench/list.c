/* A linked list: built in a scattered order, walked, reversed, and merge-sorted by its links. */
#include "tests/bench/bench.h"

#define NODES 4000

struct node {
	struct node *next;
	uint32_t key, count;
};

static struct node pool[NODES];

static struct node *merge(struct node *a, struct node *b)
{
	struct node *head = NULL, **tail = &head;

	while (a && b) {
		struct node **low = a->key <= b->key ? &a : &b;

		*tail = *low;
		tail = &(*low)->next;
		*low = *tail;
	}
	*tail = a ? a : b;
	return head;
}

static struct node *sort(struct node *list)
{
	struct node *slow = list, *fast = list;

	if (!list || !list->next)
		return list;
	while ((fast = fast->next) && (fast = fast->next))
		slow = slow->next;
	fast = slow->next;
	slow->next = NULL;
	return merge(sort(list), sort(fast));
}

static struct node *reverse(struct node *list)
{
	struct node *done = NULL;

	while (list) {
		struct node *next = list->next;

		list->next = done;
		done = list;
		list = next;
	}
	return done;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 7, sum = 0;
	struct node *list = NULL;

	for (uint32_t i = 0; i < NODES;
	     i++) { /* 1021 is prime to NODES: every node, none in order */
		struct node *n = &pool[i * 1021 % NODES];

		n->next = list;
		list = n;
	}
	while (rounds--) {
		uint64_t seen = 0;

		for (struct node *n = list; n; n = n->next)
			n->key = (uint32_t)(bench_random(&state) >> 40);
		list = sort(list);
		for (int k = 0; k < 20; k++) {
			list = reverse(list);
			for (struct node *n = list; n; n = n->next)
				seen = seen * 3 + n->key + n->count++;
		}
		sum = bench_mix(sum, seen);
	}
	return bench_done(sum);
}
