/* Binary trees from malloc, built, walked and freed by recursion. */
#include "tests/bench/bench.h"

struct node {
	struct node *left, *right;
	uint32_t key;
};

static struct node *insert(struct node *n, uint32_t key)
{
	if (!n) {
		n = malloc(sizeof(*n));
		if (!n)
			bench_fail("malloc");
		*n = (struct node){ NULL, NULL, key };
	} else if (key < n->key) {
		n->left = insert(n->left, key);
	} else {
		n->right = insert(n->right, key);
	}
	return n;
}

static uint64_t depths(const struct node *n, uint64_t depth)
{
	return n ? depths(n->left, depth + 1) + depth * n->key + depths(n->right, depth + 1) : 0;
}

static void release(struct node *n)
{
	if (!n)
		return;
	release(n->left);
	release(n->right);
	free(n);
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 17, sum = 0;

	while (rounds--) {
		struct node *root = NULL;

		for (int i = 0; i < 2000; i++)
			root = insert(root, (uint32_t)(bench_random(&state) >> 40));
		for (int i = 0; i < 4; i++)
			sum = bench_mix(sum, depths(root, 1));
		release(root);
	}
	return bench_done(sum);
}
