/*
 * Inter-process communication. semctl has the one System V structure whose layout differs (x86-64 keeps halves of a
 * 32-bit time); mq_notify, kcmp and setsockopt have addresses that depend on their operation.
 */
#include "runtime/sys/sys_priv.h"

#include <asm/ipcbuf.h>
#include <asm/sembuf.h>
#include <linux/filter.h>
#include <linux/ipc.h>
#include <linux/kcmp.h>
#include <linux/sem.h>
#include <sys/socket.h>

/* struct semid64_ds of asm-generic, 64 bits */
struct rv64_semid_ds {
	struct ipc64_perm sem_perm;
	int64_t sem_otime, sem_ctime;
	uint64_t sem_nsems, unused[2];
};

/* What the fourth argument of a semctl command is. */
enum sem_arg { SEM_NUMBER, SEM_POINTER, SEM_DS_IN, SEM_DS_OUT };

static enum sem_arg sem_arg(int cmd)
{
	switch (cmd) {
	case IPC_SET:
		return SEM_DS_IN;
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return SEM_DS_OUT;
	case IPC_INFO:
	case SEM_INFO:
	case GETALL:
	case SETALL:
		return SEM_POINTER;
	default:
		return SEM_NUMBER;
	}
}

int64_t sys_semctl(struct kit_thread *t, const uint64_t *a)
{
	enum sem_arg kind = sem_arg((int)a[2]);
	struct rv64_semid_ds g = { 0 };
	struct semid64_ds h = { 0 };
	long arg = (long)a[3];
	int64_t r;

	if (kind == SEM_POINTER)
		arg = host_ptr(t, a[3]);
	else if (kind != SEM_NUMBER)
		arg = (long)&h;
	if (kind == SEM_DS_IN) {
		if (!copy_in(t, &g, a[3], sizeof g))
			return -EFAULT;
		h.sem_perm = g.sem_perm;
	}
	r = host_call(__NR_semctl, (long)a[0], (long)a[1], (long)a[2], arg, 0, 0);
	if (r < 0 || kind != SEM_DS_OUT)
		return r;
	g.sem_perm = h.sem_perm;
	g.sem_otime = (int64_t)h.sem_otime;
	g.sem_ctime = (int64_t)h.sem_ctime;
	g.sem_nsems = h.sem_nsems;
	return copy_out(t, a[3], &g, sizeof g) ? r : -EFAULT;
}

/* For SIGEV_THREAD the value is the address of a cookie that libc's helper gets back through a netlink socket. */
int64_t sys_mq_notify(struct kit_thread *t, const uint64_t *a)
{
	struct sigevent e;
	long arg = host_ptr(t, a[1]);

	if (a[1] && copy_in(t, &e, a[1], sizeof e) && e.sigev_notify == SIGEV_THREAD) {
		e.sigev_value.sival_ptr =
		    (void *)host_ptr(t, (gaddr)(uintptr_t)e.sigev_value.sival_ptr);
		arg = (long)&e;
	}
	return host_call(__NR_mq_notify, (long)a[0], arg, 0, 0, 0, 0);
}

int64_t sys_kcmp(struct kit_thread *t, const uint64_t *a)
{
	long second = (int)a[2] == KCMP_EPOLL_TFD ? host_ptr(t, a[4]) : (long)a[4];

	return host_call(__NR_kcmp, (long)a[0], (long)a[1], (long)a[2], (long)a[3], second, 0);
}

/* Filters are lists of instructions at an address. */
int64_t sys_setsockopt(struct kit_thread *t, const uint64_t *a)
{
	long value = host_ptr(t, a[3]);
	struct sock_fprog prog;

	if ((int)a[1] == SOL_SOCKET
	    && ((int)a[2] == SO_ATTACH_FILTER || (int)a[2] == SO_ATTACH_REUSEPORT_CBPF)
	    && (int)a[4] == sizeof prog && copy_in(t, &prog, a[3], sizeof prog)) {
		prog.filter = (struct sock_filter *)host_ptr(t, (gaddr)prog.filter);
		value = (long)&prog;
	}
	return host_call(__NR_setsockopt, (long)a[0], (long)a[1], (long)a[2], value, (long)a[4], 0);
}
