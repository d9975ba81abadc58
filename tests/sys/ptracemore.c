/* ptrace: attaching, group-stops, PTRACE_SEIZE, threads, the ways to wait. */
#include "tests/sys/trace.h"

#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

static volatile unsigned long turns;
static volatile long go_on = 1; /* until a tracer changes it */
static int fds[2];

/* ---- helpers ------------------------------------------------------------------------------------------------- */

static pid_t started(int (*fn)(void))
{
	pid_t pid;

	pipe(fds);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0); /* not an orphaned group, which SIGTSTP would not stop */
		_exit(fn());
	}
	usleep(20000);
	return pid;
}

static void ended(pid_t pid, int status)
{
	EQ(next_of(pid), status);
	close(fds[0]);
	close(fds[1]);
}

static int tracer_pid(pid_t pid)
{
	char name[64], line[256];
	int tracer = -1;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/status", pid);
	f = fopen(name, "r");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "TracerPid: %d", &tracer);
	if (f)
		fclose(f);
	return tracer;
}

static char state_of(pid_t pid)
{
	char name[64], line[512] = "";
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	f = fopen(name, "r");
	if (f) {
		fgets(line, sizeof line, f);
		fclose(f);
	}
	return strrchr(line, ')') ? strrchr(line, ')')[2] : '?';
}

/* ---- attaching ------------------------------------------------------------------------------------------------ */

static int turns_until_told(void)
{
	while (go_on)
		turns++;
	return 5;
}

static void attach_to_loop(void)
{
	pid_t pid = started(turns_until_told);
	char link[64], own[1024], its[1024];
	unsigned long seen;

	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(tracer_pid(pid), getpid());
	snprintf(link, sizeof link, "/proc/%d/exe", pid);
	own[readlink("/proc/self/exe", own, sizeof own - 1)] = 0;
	its[readlink(link, its, sizeof its - 1)] = 0;
	CHECK(strcmp(own, its) == 0);
	seen = (unsigned long)word_at(pid, &turns);
	CHECK(seen > 0);
	usleep(5000);
	EQ(word_at(pid, &turns), seen);
	EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
	EQ(tracer_pid(pid), 0);
	for (int tries = 0; tries < 100; tries++) {
		usleep(5000);
		trace(PTRACE_ATTACH, pid, 0, 0);
		next_of(pid);
		if ((unsigned long)word_at(pid, &turns) > seen)
			break;
		trace(PTRACE_DETACH, pid, 0, 0);
	}
	CHECK((unsigned long)word_at(pid, &turns) > seen);
	EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&go_on, 0), 0);
	EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
	ended(pid, EXITED(5));
}

static int reads_a_byte(void)
{
	char c = 0;

	return read(fds[0], &c, 1) == 1 ? c : 100 + errno;
}

static int sleeps(void)
{
	struct timespec ts = { 0, 200000000 };

	return nanosleep(&ts, &ts) ? errno : 6;
}

static int polls(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };

	return poll(&p, 1, 3000) == 1 ? 7 : errno;
}

/* A call that waits goes on as if nothing had been. */
static void attach_to_wait(int (*fn)(void), const char *bytes, int status)
{
	pid_t pid = started(fn);

	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	get_regs(pid);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	write(fds[1], bytes, strlen(bytes));
	ended(pid, status);
}

static void detach_with_signal(void)
{
	pid_t pid = started(reads_a_byte);

	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(trace(PTRACE_DETACH, pid, 0, SIGTERM), 0);
	ended(pid, SIGTERM);
	/* as it was stopped by a signal, it goes on to be stopped by it */
	pid = started(reads_a_byte);
	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(trace(PTRACE_DETACH, pid, 0, SIGSTOP), 0);
	EQ(waitpid(pid, NULL, WUNTRACED), pid);
	EQ(state_of(pid), 'T');
	kill(pid, SIGCONT);
	write(fds[1], "\3", 1);
	ended(pid, EXITED(3));
}

/* ---- group-stops ------------------------------------------------------------------------------------------------ */

static void group_stop_old(void)
{
	pid_t pid = started(reads_a_byte);
	siginfo_t info;

	EQ(trace(PTRACE_ATTACH, pid, 0, 0), 0);
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	kill(pid, SIGTSTP);
	EQ(next_of(pid), STOP(SIGTSTP));
	EQ(siginfo_of(pid).si_signo, SIGTSTP);
	/* injected, it stops the group: the same status, but no signal */
	EQ(go(PTRACE_CONT, pid, SIGTSTP), STOP(SIGTSTP));
	FAILS(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), EINVAL);
	get_regs(pid);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	kill(pid, SIGCONT);
	EQ(next_of(pid), STOP(SIGCONT));
	EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
	write(fds[1], "\4", 1);
	ended(pid, EXITED(4));
}

#define STOPPED_GROUP(sig) (STOP(sig) | PTRACE_EVENT_STOP << 16)

static void seized(void)
{
	pid_t pid = started(turns_until_told);
	siginfo_t info;

	EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	EQ(waitpid(pid, NULL, WNOHANG), 0); /* it does not stop */
	FAILS(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
	EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	EQ(next_of(pid), STOPPED_GROUP(SIGTRAP));
	info = siginfo_of(pid);
	EQ(info.si_signo, SIGTRAP);
	EQ(info.si_code, PTRACE_EVENT_STOP << 8 | SIGTRAP);
	get_regs(pid);
	EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	EQ(go(PTRACE_CONT, pid, 0), STOPPED_GROUP(SIGTRAP));
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	/* a stop signal: first the signal, then the group-stop */
	kill(pid, SIGSTOP);
	EQ(next_of(pid), STOP(SIGSTOP));
	EQ(go(PTRACE_CONT, pid, SIGSTOP), STOPPED_GROUP(SIGSTOP));
	get_regs(pid);
	EQ(trace(PTRACE_LISTEN, pid, 0, 0), 0);
	usleep(5000);
	EQ(waitpid(pid, NULL, WNOHANG), 0);
	FAILS(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
	kill(pid, SIGCONT);
	EQ(next_of(pid), STOPPED_GROUP(SIGTRAP));
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGCONT));
	EQ(trace(PTRACE_CONT, pid, 0, SIGCONT), 0);
	EQ(trace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	EQ(next_of(pid), STOPPED_GROUP(SIGTRAP));
	EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&go_on, 0), 0);
	EQ(trace(PTRACE_DETACH, pid, 0, 0), 0);
	ended(pid, EXITED(5));
}

static int forks_when_told(void)
{
	char c;
	pid_t pid;
	int status;

	read(fds[0], &c, 1);
	pid = fork();
	if (!pid)
		_exit(3);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) + 1;
}

static void seized_children(void)
{
	pid_t pid = started(forks_when_told), child;
	unsigned long message;
	struct ptrace_syscall_info s;

	EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK), 0);
	write(fds[1], "x", 1);
	EQ(next_of(pid), STOP_EVENT(PTRACE_EVENT_FORK));
	trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message);
	child = (pid_t)message;
	EQ(next_of(child), STOPPED_GROUP(SIGTRAP));
	EQ(RES(get_regs(child)), 0);
	EQ(tracer_pid(child), getpid());
	/* it has the options, too */
	EQ(go(PTRACE_SYSCALL, child, 0), STOP_CALL);
	trace(PTRACE_GET_SYSCALL_INFO, child, sizeof s, (unsigned long)&s);
	EQ(s.op, PTRACE_SYSCALL_INFO_ENTRY);
	while ((long)(message = (unsigned long)go(PTRACE_SYSCALL, child, 0)) == STOP_CALL)
		continue;
	EQ(message, EXITED(3));
	EQ(go(PTRACE_CONT, pid, 0), STOP(SIGCHLD));
	EQ(trace(PTRACE_DETACH, pid, 0, SIGCHLD), 0);
	ended(pid, EXITED(4));
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void *thread(void *arg)
{
	while (go_on)
		turns++;
	return NULL;
}

static int with_threads(void)
{
	pthread_t t[3];
	char c;

	read(fds[0], &c, 1);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, thread, NULL);
	read(fds[0], &c, 1);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	return 8;
}

static void threads(void)
{
	pid_t pid = started(with_threads), tid[3];
	unsigned long message;
	int status;

	EQ(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACECLONE), 0);
	write(fds[1], "x", 1);
	for (int i = 0; i < 3; i++) {
		EQ(next_of(pid), STOP_EVENT(PTRACE_EVENT_CLONE));
		EQ(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message), 0);
		tid[i] = (pid_t)message;
		EQ(next_of(tid[i]), STOPPED_GROUP(SIGTRAP));
		EQ(RES(get_regs(tid[i])), 0);
		EQ(trace(PTRACE_CONT, tid[i], 0, 0), 0);
		EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	}
	/* each by itself */
	for (int n = 0; n < 20; n++) {
		for (int i = 0; i < 3; i++)
			EQ(trace(PTRACE_INTERRUPT, tid[i], 0, 0), 0);
		for (int i = 2; i >= 0; i--) {
			EQ(next_of(tid[i]), STOPPED_GROUP(SIGTRAP));
			CHECK(PC(get_regs(tid[i])) != 0);
		}
		message = (unsigned long)word_at(pid, &turns);
		for (int i = 0; i < 3; i++)
			EQ(trace(PTRACE_CONT, tid[i], 0, 0), 0);
	}
	/* a signal to one thread, a group-stop of all */
	syscall(SYS_tgkill, pid, tid[1], SIGUSR1);
	EQ(next_of(tid[1]), STOP(SIGUSR1));
	EQ(trace(PTRACE_CONT, tid[1], 0, 0), 0);
	syscall(SYS_tgkill, pid, tid[0], SIGSTOP);
	EQ(next_of(tid[0]), STOP(SIGSTOP));
	EQ(trace(PTRACE_CONT, tid[0], 0, SIGSTOP), 0);
	for (int i = 0; i < 3; i++) {
		EQ(next_of(tid[i]), STOPPED_GROUP(SIGSTOP));
		get_regs(tid[i]);
	}
	EQ(next_of(pid), STOPPED_GROUP(SIGSTOP));
	kill(pid, SIGCONT);
	for (int i = 0; i < 3; i++)
		EQ(trace(PTRACE_CONT, tid[i], 0, 0), 0);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	/* who of them gets the SIGCONT is not said, nor whether there is a stop for the continuing */
	do {
		pid_t who = waitpid(-1, &status, __WALL);

		if (status >> 16 == PTRACE_EVENT_STOP) {
			trace(PTRACE_CONT, who, 0, 0);
			continue;
		}
		EQ(status, STOP(SIGCONT));
		trace(PTRACE_CONT, who, 0, SIGCONT);
		break;
	} while (1);
	trace(PTRACE_INTERRUPT, pid, 0, 0);
	do
		status = next_of(pid);
	while (status != STOPPED_GROUP(SIGTRAP) && status != -1 && !trace(PTRACE_CONT, pid, 0, 0));
	EQ(trace(PTRACE_POKEDATA, pid, (unsigned long)&go_on, 0), 0);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	write(fds[1], "x", 1);
	/* A thread that ends beside exit_group has its own status or the group's; the first one comes last. */
	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL);

		if (who == pid && WIFEXITED(status))
			break;
		if (WIFSTOPPED(status))
			trace(PTRACE_CONT, who, 0, 0);
		else
			CHECK(status == 0 || status == EXITED(8));
	}
	EQ(status, EXITED(8));
	close(fds[0]);
	close(fds[1]);
}

/* ---- waiting -------------------------------------------------------------------------------------------------- */

static volatile int chld_code, chlds;

static void on_chld(int sig, siginfo_t *info, void *uc)
{
	chlds++;
	chld_code = info->si_code;
}

static int two_signals(void)
{
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	getppid();
	raise(SIGUSR1);
	return 2;
}

static void ways_to_wait(void)
{
	struct sigaction sa = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART };
	pid_t pid = traced(two_signals, PTRACE_O_TRACESYSGOOD);
	siginfo_t info;
	int status;

	sigaction(SIGCHLD, &sa, NULL);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	memset(&info, 0, sizeof info);
	EQ(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
	EQ(info.si_pid, pid);
	EQ(info.si_code, CLD_TRAPPED);
	EQ(info.si_status, SIGUSR1);
	EQ(info.si_signo, SIGCHLD);
	CHECK(chlds > 0);
	EQ(chld_code, CLD_TRAPPED);
	memset(&info, 0, sizeof info);
	EQ(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED), 0); /* it is still there */
	EQ(info.si_pid, pid);
	EQ(info.si_status, SIGUSR1);
	info.si_pid = 1;
	EQ(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOHANG), 0);
	EQ(info.si_pid, 0);
	EQ(trace(PTRACE_SYSCALL, pid, 0, 0), 0);
	EQ(waitid(P_PID, pid, &info, WSTOPPED), 0);
	EQ(info.si_code, CLD_TRAPPED);
	EQ(info.si_status, SIGTRAP | 0x80);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	while (!waitpid(pid, &status, WNOHANG))
		usleep(100);
	EQ(status, STOP(SIGUSR1));
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	EQ(waitpid(-1, &status, 0), pid);
	EQ(status, EXITED(2));
	signal(SIGCHLD, SIG_DFL);
	FAILS(waitpid(pid, &status, 0), ECHILD);
}

/* A thread that waits for what another one traces. */
static int found_status;

static void *waits(void *arg)
{
	found_status = next_of(*(pid_t *)arg);
	return NULL;
}

static int found_by_another(long request, pid_t pid)
{
	pthread_t t;

	EQ(trace(request, pid, 0, 0), 0);
	pthread_create(&t, NULL, waits, &pid);
	pthread_join(t, NULL);
	return found_status;
}

static void waiting_elsewhere(void)
{
	pid_t pid = traced(two_signals, PTRACE_O_TRACESYSGOOD);

	EQ(found_by_another(PTRACE_CONT, pid), STOP(SIGUSR1));
	get_regs(pid);
	EQ(siginfo_of(pid).si_signo, SIGUSR1);
	EQ(found_by_another(PTRACE_SYSCALL, pid), STOP_CALL);
	EQ(found_by_another(PTRACE_SYSCALL, pid), STOP_CALL);
	EQ(found_by_another(PTRACE_CONT, pid), STOP(SIGUSR1));
	EQ(found_by_another(PTRACE_CONT, pid), EXITED(2));
}

/* One of two waits for its tracer, who waits for the other first. */
static void two_at_once(void)
{
	pid_t a = traced(two_signals, 0), b = traced(two_signals, 0);

	EQ(trace(PTRACE_CONT, a, 0, 0), 0);
	EQ(trace(PTRACE_CONT, b, 0, 0), 0);
	EQ(next_of(b), STOP(SIGUSR1));
	EQ(next_of(a), STOP(SIGUSR1));
	EQ(go(PTRACE_CONT, b, 0), STOP(SIGUSR1));
	EQ(go(PTRACE_CONT, a, 0), STOP(SIGUSR1));
	EQ(go(PTRACE_CONT, a, 0), EXITED(2));
	EQ(go(PTRACE_CONT, b, 0), EXITED(2));
}

/* A tracer that reads what its child says, before it waits. */
static int writes_on(void)
{
	char page[4096];

	for (int i = 0; i < 50; i++) {
		memset(page, i, sizeof page);
		if (write(fds[1], page, sizeof page) != sizeof page)
			return 1;
	}
	return 0;
}

static void not_waiting(void)
{
	char buf[4096];
	long n = 0, got;
	pid_t pid;

	pipe(fds);
	pid = traced(writes_on, 0);
	close(fds[1]);
	EQ(trace(PTRACE_CONT, pid, 0, 0), 0);
	while ((got = read(fds[0], buf, sizeof buf)) > 0)
		n += got;
	EQ(n, 50 * 4096);
	EQ(next_of(pid), EXITED(0));
	close(fds[0]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	attach_to_loop();
	attach_to_wait(reads_a_byte, "\11", EXITED(9));
	attach_to_wait(sleeps, "", EXITED(6));
	attach_to_wait(polls, "x", EXITED(7));
	detach_with_signal();
	group_stop_old();
	seized();
	seized_children();
	threads();
	ways_to_wait();
	waiting_elsewhere();
	two_at_once();
	not_waiting();
	return done();
}
