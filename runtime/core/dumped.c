/* Processes that left core files; see dumped.h. */
#include "runtime/core/dumped.h"

#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static struct dumped *tree;

void dumped_use(struct dumped *table) { tree = table; }
bool dumped_is_used(void) { return tree != NULL; }

static int32_t *slot_of(pid_t pid) { return &tree->pid[(unsigned)pid % DUMPED_SLOTS]; }

static bool has_dumped(pid_t pid)
{
	return tree && pid > 0 && __atomic_load_n(slot_of(pid), __ATOMIC_RELAXED) == pid;
}

void dumped_note(void)
{
	if (tree)
		__atomic_store_n(slot_of(getpid()), getpid(), __ATOMIC_RELAXED);
}

void dumped_begin(void)
{
	if (tree && has_dumped(getpid()))
		__atomic_store_n(slot_of(getpid()), 0, __ATOMIC_RELAXED);
}

int dumped_status(pid_t pid, int status)
{
	return WIFSIGNALED(status) && has_dumped(pid) ? status | WCOREFLAG : status;
}

void dumped_info(siginfo_t *info)
{
	if (info->si_signo == SIGCHLD && info->si_code == CLD_KILLED && has_dumped(info->si_pid))
		info->si_code = CLD_DUMPED;
}
