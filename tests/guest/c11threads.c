/* guest: levels=O2 */
/* C11's threads.h. */
#include <stdatomic.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>

enum { THREADS = 4, TURNS = 1000 };

static mtx_t lock;
static cnd_t cond;
static once_flag once = ONCE_FLAG_INIT;
static tss_t key;
static int count, initialised, turn;
static atomic_int destroyed;
static thread_local int own = 5;

static void init(void) { initialised++; }
static void destroy(void *p) { destroyed += (int)(long)p; }

static int work(void *arg)
{
	call_once(&once, init);
	tss_set(key, (void *)((long)arg + 1));
	for (int i = 0; i < TURNS; i++) {
		mtx_lock(&lock);
		count++;
		mtx_unlock(&lock);
	}
	mtx_lock(&lock);
	while (turn != (long)arg)
		cnd_wait(&cond, &lock);
	turn++;
	cnd_broadcast(&cond);
	mtx_unlock(&lock);
	own += (int)(long)arg;
	thrd_yield();
	if ((long)arg == 1)
		thrd_exit(own);
	return own;
}

int main(void)
{
	struct timespec ts;
	thrd_t t[THREADS];
	mtx_t timed;
	int sum = 0, r;

	mtx_init(&lock, mtx_plain | mtx_recursive);
	mtx_init(&timed, mtx_timed);
	cnd_init(&cond);
	tss_create(&key, destroy);
	for (long i = 0; i < THREADS; i++)
		thrd_create(&t[i], work, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		thrd_join(t[i], &r);
		sum += r;
	}
	timespec_get(&ts, TIME_UTC);
	mtx_lock(&timed);
	printf("%d %d %d %d %d\n", count, initialised, sum, destroyed, own);
	r = mtx_timedlock(&timed, &ts);
	printf("timed out %d\n", r == thrd_timedout);
	mtx_lock(&lock);
	r = cnd_timedwait(&cond, &lock, &ts);
	printf("timed out %d\n", r == thrd_timedout);
	return 0;
}
