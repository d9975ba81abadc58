/* System V messages, semaphores and shared memory, POSIX queues. */
#include "tests/sys/sys.h"

#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

static void test_messages(void)
{
	struct {
		long type;
		char text[32];
	} m = { 5, "five" }, r;
	struct msqid_ds ds;
	int q = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);

	CHECK(q >= 0);
	EQ(msgsnd(q, &m, 5, 0), 0);
	m.type = 7;
	strcpy(m.text, "seven");
	EQ(msgsnd(q, &m, 6, 0), 0);
	EQ(msgctl(q, IPC_STAT, &ds), 0);
	EQ(ds.msg_qnum, 2);
	EQ(ds.msg_lspid, getpid());
	EQ(msgrcv(q, &r, 32, 7, 0), 6);
	CHECK(!strcmp(r.text, "seven") && r.type == 7);
	FAILS(msgrcv(q, &r, 2, 0, 0), E2BIG);
	EQ(msgrcv(q, &r, 2, 0, MSG_NOERROR), 2);
	FAILS(msgrcv(q, &r, 32, 0, IPC_NOWAIT), ENOMSG);
	EQ(msgctl(q, IPC_RMID, NULL), 0);
	FAILS(msgctl(q, IPC_STAT, &ds), EINVAL);
}

static int sem;
static int waiter(void)
{
	struct sembuf op = { 1, -2, SEM_UNDO };

	return semop(sem, &op, 1) ? 1 : 33;
}

static void test_semaphores(void)
{
	struct semid_ds ds = { 0 };
	unsigned short all[3] = { 1, 2, 3 }, got[3];
	struct sembuf op[2] = { { 0, -1, 0 }, { 2, 5, 0 } };
	struct timespec ts = { 0, 20000000 };
	time_t before = time(NULL);

	sem = semget(IPC_PRIVATE, 3, 0640);
	CHECK(sem >= 0);
	EQ(semctl(sem, 0, SETALL, (union semun){ .array = all }), 0);
	EQ(semop(sem, op, 2), 0);
	EQ(semctl(sem, 0, GETALL, (union semun){ .array = got }), 0);
	CHECK(got[0] == 0 && got[1] == 2 && got[2] == 8);
	EQ(semctl(sem, 2, GETVAL), 8);
	EQ(semctl(sem, 0, GETPID), getpid());
	EQ(semctl(sem, 0, IPC_STAT, (union semun){ .buf = &ds }), 0);
	EQ(ds.sem_nsems, 3);
	EQ(ds.sem_perm.mode & 0777, 0640);
	EQ(ds.sem_perm.uid, geteuid());
	CHECK(ds.sem_otime >= before && ds.sem_ctime >= before && ds.sem_ctime <= time(NULL));
	ds.sem_perm.mode = 0600;
	EQ(semctl(sem, 0, IPC_SET, (union semun){ .buf = &ds }), 0);
	EQ(semctl(sem, 0, IPC_STAT, (union semun){ .buf = &ds }), 0);
	EQ(ds.sem_perm.mode & 0777, 0600);
	EQ(semctl(sem, 1, SETVAL, (union semun){ .val = 2 }), 0);
	EQ(in_child(waiter), 33);
	EQ(semctl(sem, 1, GETVAL), 2); /* undone at its end */
	FAILS(semtimedop(sem, op, 1, &ts), EAGAIN);
	FAILS(semctl(sem, 9, GETVAL), EINVAL);
	FAILS(semctl(sem, 0, IPC_STAT, (union semun){ .buf = (void *)8 }), EFAULT);
	EQ(semctl(sem, 0, IPC_RMID), 0);
	FAILS(semop(sem, op, 1), EINVAL);
}

static void test_memory(void)
{
	int id = shmget(IPC_PRIVATE, 10000, 0600);
	struct shmid_ds ds;
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);

	CHECK(a != (char *)-1 && b != (char *)-1 && a != b);
	strcpy(a + 5000, "shared");
	CHECK(!strcmp(b + 5000, "shared"));
	EQ(shmctl(id, IPC_STAT, &ds), 0);
	EQ(ds.shm_segsz, 10000);
	EQ(ds.shm_nattch, 2);
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		strcpy(a, "child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	CHECK(!strcmp(b, "child"));
	EQ(shmctl(id, IPC_RMID, NULL), 0);
	EQ(shmdt(a), 0);
	FAILS(shmdt(a), EINVAL);
	EQ(shmdt(b), 0);
	FAILS(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0, EINVAL);
	FAILS(shmat(12345678, NULL, 0) == (void *)-1 ? -1 : 0, EINVAL);
}

static void test_queues(void)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 100 };
	struct timespec past = { 1, 0 };
	char buf[100];
	char name[40];
	unsigned prio;
	mqd_t q;

	/* Names are the machine's: the suite runs this program twice at a time. */
	snprintf(name, sizeof name, "/kitemu-test-%d", (int)getpid());
	q = mq_open(name, O_CREAT | O_RDWR | O_EXCL, 0600, &attr);

	if (q < 0 && (errno == ENOSYS || errno == EACCES || errno == EMFILE))
		return;
	CHECK(q >= 0);
	EQ(mq_send(q, "low", 3, 1), 0);
	EQ(mq_send(q, "high", 4, 9), 0);
	EQ(mq_getattr(q, &attr), 0);
	EQ(attr.mq_curmsgs, 2);
	EQ(mq_receive(q, buf, 100, &prio), 4);
	EQ(prio, 9);
	EQ(mq_receive(q, buf, 100, NULL), 3);
	FAILS(mq_timedreceive(q, buf, 100, NULL, &past), ETIMEDOUT);
	FAILS(mq_receive(q, buf, 10, NULL), EMSGSIZE);
	EQ(mq_close(q), 0);
	EQ(mq_unlink(name), 0);
	FAILS(mq_unlink(name), ENOENT);
}

int main(void)
{
	test_messages();
	test_semaphores();
	test_memory();
	test_queues();
	return done();
}
