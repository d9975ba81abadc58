/*
 * Decoders of threads that have ended, for those that begin: what a decoder has learned is worth keeping.
 * Each place is taken and filled by an atomic exchange, so that there is no lock to be held over a fork.
 */
#include "arch/guest.h"
#include "runtime/core/thread.h"

enum { PLACES = 8 };

static struct guest_decoder *place[PLACES];

struct guest_decoder *kit_decoder(struct kit_thread *t)
{
	for (unsigned i = 0; i < PLACES && !t->decoder; i++)
		if (__atomic_load_n(&place[i], __ATOMIC_RELAXED))
			t->decoder = __atomic_exchange_n(&place[i], NULL, __ATOMIC_ACQUIRE);
	if (!t->decoder)
		t->decoder = rv64_guest.decoder_new(t->proc->features);
	return t->decoder;
}

void kit_decoder_release(struct kit_thread *t)
{
	struct guest_decoder *d = t->decoder;

	t->decoder = NULL;
	for (unsigned i = 0; i < PLACES && d; i++)
		if (!__atomic_load_n(&place[i], __ATOMIC_RELAXED))
			d = __atomic_exchange_n(&place[i], d, __ATOMIC_ACQ_REL);
	if (d)
		rv64_guest.decoder_free(d);
}
