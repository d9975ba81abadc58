/* guest: levels=O0,O2 */
/* pthreads: every kind of lock, condition variables, barriers, once, thread-local storage, keys' destructors. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#ifndef PTHREAD_MUTEX_ADAPTIVE_NP /* glibc's own */
#define PTHREAD_MUTEX_ADAPTIVE_NP PTHREAD_MUTEX_NORMAL
#endif

enum { THREADS = 4, TURNS = 2000 };

static void run(void *(*fn)(void *), void **results)
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)i))
			exit(90);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], results ? &results[i] : NULL);
}

/* ---- short threads ------------------------------------------------------------------------------ */

static void *square(void *arg) { return (void *)((long)arg * (long)arg); }

static void test_short(void)
{
	long sum = 0;

	for (long i = 0; i < 500; i++) {
		pthread_t t;
		void *r;

		pthread_create(&t, NULL, square, (void *)i);
		pthread_join(t, &r);
		sum += (long)r;
	}
	printf("500 short threads: %ld\n", sum);
}

static sem_t detached_done;

static void *detached(void *arg)
{
	sem_post(&detached_done);
	return arg;
}

static void test_detached(void)
{
	pthread_attr_t attr;

	sem_init(&detached_done, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 100; i++) {
		pthread_t t;

		while (pthread_create(&t, i % 2 ? &attr : NULL, detached, NULL))
			usleep(1000);
		if (i % 2 == 0)
			pthread_detach(t);
		sem_wait(&detached_done);
	}
	puts("100 detached threads");
}

/* ---- mutexes ------------------------------------------------------------------------------------- */

static pthread_mutex_t mutex;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static const char *error_name(int err)
{
	return err == 0         ? "ok"
	       : err == EBUSY   ? "EBUSY"
	       : err == EDEADLK ? "EDEADLK"
	       : err == EPERM   ? "EPERM"
				: "?";
}

static void test_mutex(const char *name, int kind, int protocol, int shared)
{
	pthread_mutexattr_t a;
	int again, unlock, once_more;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, kind);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setpshared(&a, shared);
	pthread_mutex_init(&mutex, &a);
	counter = 0;
	run(count, NULL);
	printf("%s: %ld\n", name, counter);
	pthread_mutex_lock(&mutex);
	again = kind == PTHREAD_MUTEX_NORMAL || kind == PTHREAD_MUTEX_ADAPTIVE_NP
		    ? pthread_mutex_trylock(&mutex)
		    : pthread_mutex_lock(&mutex);
	unlock = pthread_mutex_unlock(&mutex);
	once_more = kind == PTHREAD_MUTEX_RECURSIVE || kind == PTHREAD_MUTEX_ERRORCHECK
			? pthread_mutex_unlock(&mutex)
			: 0;
	printf("  again %s, unlock %d, once more %s\n", error_name(again), unlock,
	       error_name(once_more));
	pthread_mutex_destroy(&mutex);
}

static void *timed(void *arg)
{
	struct timespec ts;
	int r;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 10000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	r = pthread_mutex_timedlock(arg, &ts);
	return (void *)(long)(r == ETIMEDOUT);
}

static void test_timed(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t;
	void *r;

	pthread_mutex_lock(&m);
	pthread_create(&t, NULL, timed, &m);
	pthread_join(t, &r);
	printf("timedlock: %ld\n", (long)r);
}

/* ---- condition variables -------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_empty, not_full;
	int item[4], head, count;
	long got;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };

static void *pass_on(void *arg)
{
	long sum = 0;

	for (int i = 0; i < TURNS; i++) {
		pthread_mutex_lock(&queue.lock);
		if ((long)arg % 2) {
			while (queue.count == 4)
				pthread_cond_wait(&queue.not_full, &queue.lock);
			queue.item[(queue.head + queue.count++) % 4] = i;
			pthread_cond_signal(&queue.not_empty);
		} else {
			while (!queue.count)
				pthread_cond_wait(&queue.not_empty, &queue.lock);
			sum += queue.item[queue.head];
			queue.head = (queue.head + 1) % 4;
			queue.count--;
			pthread_cond_signal(&queue.not_full);
		}
		pthread_mutex_unlock(&queue.lock);
	}
	return (void *)sum;
}

static void test_cond(void)
{
	void *r[THREADS];
	struct timespec ts = { 1, 0 };
	long sum = 0;
	int err;

	run(pass_on, r);
	for (int i = 0; i < THREADS; i++)
		sum += (long)r[i];
	pthread_mutex_lock(&queue.lock);
	err = pthread_cond_timedwait(&queue.not_empty, &queue.lock, &ts);
	pthread_mutex_unlock(&queue.lock);
	printf("condition variables: %ld, timed out %d\n", sum, err == ETIMEDOUT);
}

/* ---- the others ------------------------------------------------------------------------------------ */

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long pair[2];

static void *read_write(void *arg)
{
	long bad = 0;

	for (int i = 0; i < TURNS; i++) {
		if (i % 8 == (long)arg) {
			pthread_rwlock_wrlock(&rw);
			pair[0]++;
			pair[1]--;
			pthread_rwlock_unlock(&rw);
		} else {
			pthread_rwlock_rdlock(&rw);
			bad += pair[0] + pair[1] != 0;
			pthread_rwlock_unlock(&rw);
		}
	}
	return (void *)bad;
}

static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static long turn_sum[TURNS / 10];

static void *spin_and_meet(void *arg)
{
	long serial = 0;

	for (int i = 0; i < TURNS / 10; i++) {
		pthread_spin_lock(&spin);
		turn_sum[i] += (long)arg + i;
		pthread_spin_unlock(&spin);
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		if (turn_sum[i] != THREADS * i + THREADS * (THREADS - 1) / 2)
			exit(91);
	}
	return (void *)serial;
}

static void test_others(void)
{
	void *r[THREADS];
	long serial = 0, bad = 0;

	run(read_write, r);
	for (int i = 0; i < THREADS; i++)
		bad += (long)r[i];
	printf("rwlock: %ld torn, %ld\n", bad, pair[0]);
	pthread_spin_init(&spin, 0);
	pthread_barrier_init(&barrier, NULL, THREADS);
	run(spin_and_meet, r);
	for (int i = 0; i < THREADS; i++)
		serial += (long)r[i];
	printf("spin and barrier: %ld serial\n", serial);
}

/* ---- what belongs to a thread ----------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_count, destroyed, destroyed_again;
static pthread_key_t key, again_key;
static _Thread_local int tls_data = 41;
static _Thread_local char tls_zero[5000];

static void init_once(void) { once_count++; }

static void destroy(void *p)
{
	__atomic_fetch_add(&destroyed, *(int *)p, __ATOMIC_RELAXED);
	free(p);
}

static void destroy_again(void *p)
{
	__atomic_fetch_add(&destroyed_again, 1, __ATOMIC_RELAXED);
	if ((long)p < 3)
		pthread_setspecific(again_key, (void *)((long)p + 1));
}

static void *own_things(void *arg)
{
	int *p = malloc(sizeof *p);

	pthread_once(&once, init_once);
	*p = (int)(long)arg + 1;
	pthread_setspecific(key, p);
	pthread_setspecific(again_key, (void *)1);
	tls_data += (int)(long)arg;
	tls_zero[4000]++;
	if ((long)arg == 2)
		pthread_exit((void *)(long)(tls_data + tls_zero[4000]));
	return (void *)(long)(tls_data + tls_zero[4000]);
}

static void test_own(void)
{
	void *r[THREADS];
	long sum = 0;

	pthread_key_create(&key, destroy);
	pthread_key_create(&again_key, destroy_again);
	run(own_things, r);
	for (int i = 0; i < THREADS; i++)
		sum += (long)r[i];
	printf("tls %ld, main's %d, once %d, destroyed %d %d\n", sum, tls_data, once_count,
	       destroyed, destroyed_again);
}

int main(void)
{
	test_short();
	test_detached();
	test_mutex("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0);
	test_mutex("recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 0);
	test_mutex("errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 0);
	test_mutex("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, 0);
	test_mutex("shared", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 1);
	test_mutex("inheriting", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 0);
	test_mutex("inheriting recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, 1);
	test_timed();
	test_cond();
	test_others();
	test_own();
	return 0;
}
