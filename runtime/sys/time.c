/*
 * Sleeps and futexes: calls that go on, after an interruption without a handler, until the time first
 * meant. The kernel keeps that time in its restart block and has the call restarted as
 * restart_syscall. Here the call itself runs again (-SIG_ERESTARTNOHAND), and the time when it ends
 * is kept for the thread, together with the pc of the ecall; any other system call in
 * between, rt_sigreturn of a handler above all, forgets it.
 */
#include "runtime/sys/sys_priv.h"

#include <linux/futex.h>
#include <sys/time.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

static _Thread_local struct {
	gaddr pc;
	struct timespec until;
} restart;

static struct timespec time_add(struct timespec a, struct timespec b)
{
	struct timespec r = { 0, a.tv_nsec + b.tv_nsec };

	if (r.tv_nsec >= NS_PER_S) {
		r.tv_nsec -= NS_PER_S;
		r.tv_sec = 1;
	}
	if (__builtin_add_overflow(r.tv_sec, a.tv_sec, &r.tv_sec)
	    || __builtin_add_overflow(r.tv_sec, b.tv_sec, &r.tv_sec))
		r.tv_sec = INT64_MAX;
	return r;
}

/* a - b, not below 0. */
static struct timespec time_left(struct timespec a, struct timespec b)
{
	struct timespec r = { a.tv_sec - b.tv_sec, a.tv_nsec - b.tv_nsec };

	if (r.tv_nsec < 0) {
		r.tv_nsec += NS_PER_S;
		r.tv_sec--;
	}
	return r.tv_sec < 0 ? (struct timespec){ 0 } : r;
}

static bool time_valid(const struct timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < NS_PER_S;
}

/* When a sleep of so long by the clock ends: a new one, or the one that was interrupted here. 0 or -errno. */
static int64_t end_of(struct kit_thread *t, clockid_t clock, const struct timespec *len)
{
	struct timespec now;

	if ((t->st.calls_leave & KIT_CALLS_RESTART) && restart.pc == t->st.pc)
		return 0;
	if (clock_gettime(clock, &now) < 0)
		return -errno;
	restart.until = time_add(now, *len);
	restart.pc = t->st.pc;
	return 0;
}

static int64_t sleep_for(struct kit_thread *t, clockid_t clock, gaddr req, gaddr rem)
{
	struct timespec len, now;
	int64_t r;

	if (!copy_in(t, &len, req, sizeof len))
		return -EFAULT;
	if (!time_valid(&len))
		return -EINVAL;
	/* The kernel too measures relative sleeps by the clock that nobody sets. */
	if (clock == CLOCK_REALTIME)
		clock = CLOCK_MONOTONIC;
	r = end_of(t, clock, &len);
	if (r < 0)
		return r;
	r = sig_safe_syscall(t, __NR_clock_nanosleep, clock, TIMER_ABSTIME, (long)&restart.until, 0,
			     0, 0);
	sys_arm_restart(t, r == -EINTR);
	if (r != -EINTR)
		return r;
	clock_gettime(clock, &now);
	len = time_left(restart.until, now);
	if (rem && !copy_out(t, rem, &len, sizeof len))
		return -EFAULT;
	return -SIG_ERESTARTNOHAND;
}

/* Through libc, which asks the host's vDSO: a system call takes several times as long. */
int64_t sys_clock_gettime(struct kit_thread *t, const uint64_t *a)
{
	struct timespec ts;

	if (clock_gettime((clockid_t)a[0], &ts) < 0)
		return -errno;
	return copy_out(t, a[1], &ts, sizeof ts) ? 0 : -EFAULT;
}

int64_t sys_gettimeofday(struct kit_thread *t, const uint64_t *a)
{
	struct timeval tv;

	if (!a[0] || a[1])
		return host_call(__NR_gettimeofday, host_ptr(t, a[0]), host_ptr(t, a[1]), 0, 0, 0,
				 0);
	gettimeofday(&tv, NULL);
	return copy_out(t, a[0], &tv, sizeof tv) ? 0 : -EFAULT;
}

int64_t sys_nanosleep(struct kit_thread *t, const uint64_t *a)
{
	return sleep_for(t, CLOCK_MONOTONIC, a[0], a[1]);
}

int64_t sys_clock_nanosleep(struct kit_thread *t, const uint64_t *a)
{
	clockid_t clock = (clockid_t)a[0];
	struct timespec now;
	int64_t r;

	if (!(a[1] & TIMER_ABSTIME)) {
		if (clock_gettime(clock, &now)
		    < 0) /* an unknown clock comes before a bad pointer */
			return -errno;
		return sleep_for(t, clock, a[2], a[3]);
	}
	r = sig_safe_syscall(t, __NR_clock_nanosleep, clock, (long)a[1], host_ptr(t, a[2]), 0, 0,
			     0);
	return r == -EINTR ? -SIG_ERESTARTNOHAND : r;
}

/* FUTEX_WAIT with a relative time, as FUTEX_WAIT_BITSET with the absolute one. */
static int64_t futex_wait_for(struct kit_thread *t, const uint64_t *a)
{
	long op = (long)(a[1] & FUTEX_PRIVATE_FLAG) | FUTEX_WAIT_BITSET;
	struct timespec len;
	int64_t r;

	if (!copy_in(t, &len, a[3], sizeof len))
		return -EFAULT;
	if (!time_valid(&len))
		return -EINVAL;
	r = end_of(t, CLOCK_MONOTONIC, &len);
	if (r < 0)
		return r;
	r = sig_safe_syscall(t, __NR_futex, host_ptr(t, a[0]), op, (long)a[2], (long)&restart.until,
			     0, (long)FUTEX_BITSET_MATCH_ANY);
	sys_arm_restart(t, r == -EINTR);
	return r == -EINTR ? -SIG_ERESTARTNOHAND : r;
}

int64_t sys_futex(struct kit_thread *t, const uint64_t *a)
{
	int cmd = (int)a[1] & FUTEX_CMD_MASK;
	bool timed = cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI
		     || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_WAIT_REQUEUE_PI;
	long time = timed ? host_ptr(t, a[3]) : (long)a[3]; /* a number (val2) for the others */
	int64_t r;

	if (cmd == FUTEX_WAIT && a[3] && !(a[1] & FUTEX_CLOCK_REALTIME))
		return futex_wait_for(t, a);
	r = sig_safe_syscall(t, __NR_futex, host_ptr(t, a[0]), (long)a[1], (long)a[2], time,
			     host_ptr(t, a[4]), (long)a[5]);
	if (r != -EINTR)
		return r;
	/* The kernel restarts a wait without a time by SA_RESTART; one with a time only without a handler. */
	return timed && a[3] && cmd == FUTEX_WAIT_BITSET ? -SIG_ERESTARTNOHAND : -SIG_ERESTARTSYS;
}
