/* Calls that came late or are rarely used: keys, memory policies, landlock, bpf, userfaultfd, perf, sealing, other processes' memory. */
#include "tests/sys/sys.h"

#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define NR_CACHESTAT 451
#define NR_STATMOUNT 457
#define NR_LISTMOUNT 458
#define NR_LSM_LIST  461
#define NR_MSEAL     462

static void test_keys(void)
{
	char buf[64] = "";
	long key =
	    RAW(SYS_add_key, "user", "kitemu:test", "payload", 7, G(KEY_SPEC_PROCESS_KEYRING));
	long other;

	CHECK(key > 0);
	EQ(RAW(SYS_add_key, "user", 8, "payload", 7, KEY_SPEC_PROCESS_KEYRING), -EFAULT);
	EQ(RAW(SYS_add_key, "user", "x", 8, 7, KEY_SPEC_PROCESS_KEYRING), -EFAULT);
	EQ(RAW(SYS_keyctl, G(KEYCTL_READ), G(key), buf, 64), 7);
	CHECK(!memcmp(buf, "payload", 7));
	EQ(RAW(SYS_keyctl, KEYCTL_READ, key, 8, 64), -EFAULT);
	EQ(RAW(SYS_keyctl, KEYCTL_UPDATE, key, "new one", 7), 0);
	EQ(RAW(SYS_keyctl, KEYCTL_READ, key, buf, 64), 7);
	CHECK(!memcmp(buf, "new one", 7));
	CHECK(RAW(SYS_keyctl, KEYCTL_DESCRIBE, key, buf, 64) > 10);
	CHECK(!strncmp(buf, "user;", 5));
	EQ(RAW(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", "kitemu:test", 0), key);
	EQ(RAW(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", "kitemu:none", 0),
	   -ENOKEY);
	EQ(RAW(SYS_request_key, "user", "kitemu:test", 0, 0), key);
	other = RAW(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
	CHECK(other > 0);
	EQ(RAW(SYS_keyctl, KEYCTL_LINK, key, G(KEY_SPEC_SESSION_KEYRING)), 0);
	EQ(RAW(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_SESSION_KEYRING), 0);
	EQ(RAW(SYS_keyctl, KEYCTL_REVOKE, key), 0);
	EQ(RAW(SYS_keyctl, KEYCTL_READ, key, buf, 64), -EKEYREVOKED);
	EQ(RAW(SYS_keyctl, G(999), 0, 0, 0, 0), -EOPNOTSUPP);
}

static void test_policies(char *page)
{
	enum { BIND = 2, F_ADDR = 2 };
	unsigned long mask[16] = { 0 }, node0[16] = { 1 };
	void *pages[2] = { page, (void *)8 };
	int mode = -1, status[2] = { -1, -1 };

	*page = 1;
	EQ(RAW(SYS_get_mempolicy, &mode, mask, 1024, 0, 0), 0);
	EQ(mode, 0);
	EQ(RAW(SYS_set_mempolicy, G(BIND), node0, 1024), 0);
	EQ(RAW(SYS_get_mempolicy, &mode, mask, 1024, 0, 0), 0);
	CHECK(mode == BIND && mask[0] == 1);
	EQ(RAW(SYS_set_mempolicy, G(0), 0, 0), 0);
	EQ(RAW(SYS_mbind, page, 4096, BIND, node0, 1024, 0), 0);
	EQ(RAW(SYS_get_mempolicy, &mode, mask, 1024, page, F_ADDR), 0);
	EQ(mode, BIND);
	EQ(RAW(SYS_mbind, page, 4096, BIND, 8, 1024, 0), -EFAULT);
	EQ(RAW(SYS_mbind, page + 1, 4096, BIND, node0, 1024, 0), -EINVAL);
	EQ(RAW(SYS_get_mempolicy, &mode, mask, 1024, 4096, F_ADDR), -EFAULT);
	EQ(RAW(SYS_move_pages, G(0), 2, pages, 0, status, G(0)), 0);
	EQ(status[0], 0);
	EQ(status[1], -EFAULT);
	EQ(RAW(SYS_move_pages, G(0), 2, 8, 0, status, G(0)), -EFAULT);
	EQ(RAW(SYS_migrate_pages, G(0), 1024, node0, node0), 0);
	EQ(RAW(450, page, 4096, 0, 0), 0);
}

static int other_process(int *from_parent, int *to_parent, char *words)
{
	char c;

	strcpy(words, "of the child");
	write(to_parent[1], "1", 1);
	read(from_parent[0], &c, 1);
	_exit(strcmp(words, "OF the CHILD") != 0);
}

static void test_memory_of_others(void)
{
	static char words[32], buf[32];
	int down[2], up[2], status;
	struct iovec in[2] = { { buf, 3 }, { buf + 3, 29 } },
		     there[2] = { { words, 5 }, { words + 5, 8 } };
	struct iovec capitals = { "OFCHILD", 7 }, places[2] = { { words, 2 }, { words + 7, 5 } },
		     bad = { (void *)8, 4 };
	char c;
	pid_t pid;

	if (pipe(down) || pipe(up))
		return;
	pid = fork();
	if (!pid)
		other_process(down, up, words);
	read(up[0], &c, 1);
	EQ(words[0], 0);
	EQ(RAW(SYS_process_vm_readv, G(pid), in, 2, there, 2, 0), 13);
	CHECK(!strcmp(buf, "of the child"));
	EQ(RAW(SYS_process_vm_writev, G(pid), &capitals, 1, places, 2, 0), 7);
	EQ(RAW(SYS_process_vm_readv, pid, in, 2, &bad, 1, 0), -EFAULT);
	EQ(RAW(SYS_process_vm_readv, pid, &bad, 1, there, 2, 0), -EFAULT);
	EQ(RAW(SYS_process_vm_readv, pid, 8, 1, there, 2, 0), -EFAULT);
	EQ(RAW(SYS_process_vm_readv, pid, in, 2, there, 2000, 0), -EINVAL);
	EQ(RAW(SYS_process_vm_readv, pid, in, 2, there, 2, 1), -EINVAL);
	write(down[1], "1", 1);
	waitpid(pid, &status, 0);
	EQ(status, 0);
	EQ(RAW(SYS_process_vm_readv, getpid(), in, 1, places, 1, 0), 2);
}

static void test_pidfds(char *page)
{
	int p[2], status, fd, copy;
	struct iovec v = { page, 4096 };
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	pid_t pid;

	if (pipe(p))
		return;
	pid = fork();
	if (!pid)
		pause(), _exit(0);
	fd = (int)RAW(SYS_pidfd_open, G(pid), G(0));
	CHECK(fd >= 0);
	copy = (int)RAW(438, G(fd), G(p[1]), G(0));
	CHECK(copy >= 0);
	EQ(write(copy, "x", 1), 1);
	EQ(RAW(SYS_kcmp, G(getpid()), G(pid), G(0), p[1], p[1]), 0);
	EQ(RAW(440, G(fd), &v, 1, G(MADV_DONTNEED), G(1)), -EINVAL);
	EQ(RAW(448, G(fd), G(0)), -EINVAL);
	EQ(RAW(SYS_pidfd_send_signal, fd, G(SIGUSR1), 8, 0), -EFAULT);
	EQ(RAW(SYS_pidfd_send_signal, fd, G(SIGKILL), 0, 0), 0);
	EQ(RAW(SYS_waitid, 3 /* P_PIDFD */, G(fd), &si, G(WEXITED), 0), 0);
	EQ(si.si_status, SIGKILL);
	close(fd);
	fd = (int)RAW(SYS_pidfd_open, getpid(), 0);
	page[100] = 1;
	EQ(RAW(440, fd, &v, 1, G(MADV_WILLNEED), 0), 4096);
	EQ(page[100], 1);
	close(fd), close(copy), close(p[0]), close(p[1]);
	waitpid(-1, &status, WNOHANG);
}

static int landlocked(void)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE
								  | LANDLOCK_ACCESS_FS_WRITE_FILE };
	struct landlock_path_beneath_attr below = { .allowed_access =
							LANDLOCK_ACCESS_FS_READ_FILE };
	int set, fd;

	mkdir("allowed", 0700);
	close(open("allowed/file", O_CREAT | O_WRONLY, 0600));
	close(open("forbidden", O_CREAT | O_WRONLY, 0600));
	set = (int)RAW(SYS_landlock_create_ruleset, &all, 8, 0);
	below.parent_fd = open("allowed", O_PATH | O_DIRECTORY);
	if (RAW(SYS_landlock_add_rule, G(set), G(LANDLOCK_RULE_PATH_BENEATH), &below, G(0))
	    || RAW(SYS_prctl, G(38), 1, 0, 0, 0) || RAW(SYS_landlock_restrict_self, G(set), G(0)))
		return 1;
	if ((fd = open("allowed/file", O_RDONLY)) < 0)
		return 2;
	if (open("forbidden", O_RDONLY) >= 0 || errno != EACCES)
		return 3;
	return open("allowed/file", O_WRONLY) >= 0 || errno != EACCES ? 4 : 0;
}

static void test_bpf(void)
{
	struct bpf_insn prog[2] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 5 },
				    { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 4
	};
	char log[256] = "", in[64] = "";
	uint64_t value = 77, got = 0;
	unsigned key = 2;
	int map = (int)RAW(SYS_bpf, G(BPF_MAP_CREATE), &a, G(sizeof a)), fd;

	if (!CHECK(map >= 0))
		return;
	memset(&a, 0, sizeof a);
	a.map_fd = (unsigned)map, a.key = (unsigned long)&key, a.value = (unsigned long)&value;
	EQ(RAW(SYS_bpf, BPF_MAP_UPDATE_ELEM, &a, sizeof a), 0);
	a.value = (unsigned long)&got;
	EQ(RAW(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof a), 0);
	EQ(got, 77);
	EQ(a.value, (unsigned long)&got);
	a.value = 8;
	EQ(RAW(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof a), -EFAULT);
	EQ(RAW(SYS_bpf, BPF_MAP_LOOKUP_ELEM, 8, sizeof a), -EFAULT);
	memset(&a, 0, sizeof a);
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, a.insns = (unsigned long)prog, a.insn_cnt = 2;
	a.license = (unsigned long)"GPL", a.log_buf = (unsigned long)log, a.log_size = sizeof log,
	a.log_level = 1;
	fd = (int)RAW(SYS_bpf, BPF_PROG_LOAD, &a, sizeof a);
	CHECK(fd >= 0);
	CHECK(strstr(log, "processed") != NULL);
	memset(&a, 0, sizeof a);
	a.test.prog_fd = (unsigned)fd, a.test.data_in = (unsigned long)in,
	a.test.data_size_in = sizeof in, a.test.repeat = 1;
	EQ(RAW(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof a), 0);
	EQ(a.test.retval, 5);
	close(map), close(fd);
}

/* The child, which has the descriptor too, fills the page that the parent waits for. */
static void test_userfaultfd(void)
{
	int fd = (int)RAW(SYS_userfaultfd, G(O_CLOEXEC | O_NONBLOCK | 1)), status;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	volatile char *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (fd < 0) {
		printf("# userfaultfd: %s\n", strerror(-fd));
		return;
	}
	EQ(ioctl(fd, UFFDIO_API, &api), 0);
	EQ(ioctl(fd, UFFDIO_API, 8), -1);
	reg.range.start = (unsigned long)page, reg.range.len = 4096;
	EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct pollfd p = { fd, POLLIN, 0 };
		struct uffd_msg msg;
		char *data = aligned_alloc(4096, 4096);
		struct uffdio_copy copy = { .dst = (unsigned long)page,
					    .src = (unsigned long)data,
					    .len = 4096 };

		memset(data, 'u', 4096);
		poll(&p, 1, 5000);
		if (read(fd, &msg, sizeof msg) != sizeof msg || msg.event != UFFD_EVENT_PAGEFAULT)
			_exit(1);
		_exit(ioctl(fd, UFFDIO_COPY, &copy) != 0);
	}
	EQ(page[17], 'u');
	waitpid(pid, &status, 0);
	EQ(status, 0);
	close(fd);
}

static void test_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof a,
				     .config = PERF_COUNT_SW_TASK_CLOCK,
				     .disabled = 1,
				     .exclude_kernel = 1 };
	int fd = (int)RAW(SYS_perf_event_open, &a, G(0), G(-1), G(-1), 0);
	uint64_t count = 0, id = 0;

	EQ(RAW(SYS_perf_event_open, 8, 0, -1, -1, 0), -EFAULT);
	if (!CHECK(fd >= 0))
		return;
	EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
	for (volatile int i = 0; i < 100000; i++)
		;
	EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
	EQ(ioctl(fd, PERF_EVENT_IOC_ID, &id), 0);
	EQ(read(fd, &count, 8), 8);
	CHECK(count > 1000 && id > 0);
	close(fd);
}

static void test_sealing(void)
{
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	m[4096] = 7;
	EQ(RAW(NR_MSEAL, m + 4096, 4096, 1), -EINVAL);
	EQ(RAW(NR_MSEAL, m + 4097, 4096, 0), -EINVAL);
	EQ(RAW(NR_MSEAL, m + 4096, 4096, 0), 0);
	FAILS(mprotect(m + 4096, 4096, PROT_READ), EPERM);
	FAILS(munmap(m, 3 * 4096), EPERM);
	EQ(mmap(m + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
		   == MAP_FAILED
	       && errno == EPERM,
	   1);
	EQ(mremap(m + 4096, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EPERM, 1);
	EQ(m[4096]++, 7);
	EQ(m[4096], 8);
	EQ(m[0] + m[8192], 0);
	EQ(munmap(m, 4096), 0);
	EQ(RAW(NR_MSEAL, m, 8192, 0), -ENOMEM);
	fd = (int)RAW(447, G(0));
	if (fd >= 0) {
		EQ(ftruncate(fd, 4096), 0);
		m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(m != MAP_FAILED);
		strcpy(m, "secret");
		EQ(strlen(m), 6);
		EQ(RAW(SYS_write, 1, m, 0), 0);
		close(fd);
	}
}

static void test_files(void)
{
	struct {
		uint64_t off, len;
	} range = { 0, 0 };
	struct {
		uint64_t cache, dirty, writeback, evicted, recently;
	} stat;
	struct {
		uint32_t size, spare;
		uint64_t id, param;
	} req = { 24, 0, ~0ul, 0 };
	struct {
		struct file_handle h;
		char bytes[128];
	} handle = { { 128 } };
	uint64_t mounts[64], size = sizeof mounts;
	int mount_id, fd = open("/proc/self/exe", O_RDONLY), dir;
	struct fanotify_event_metadata ev;

	EQ(RAW(NR_CACHESTAT, G(fd), &range, &stat, G(0)), 0);
	CHECK(stat.cache > 0);
	EQ(RAW(NR_CACHESTAT, fd, 8, &stat, 0), -EFAULT);
	close(fd);
	CHECK(RAW(NR_LISTMOUNT, &req, mounts, 64, G(0)) > 0);
	EQ(RAW(NR_LISTMOUNT, &req, 8, 64, 0), -EFAULT);
	req.id = mounts[0], req.param = 1;
	EQ(RAW(NR_STATMOUNT, &req, mounts, sizeof mounts, G(0)), 0);
	EQ(RAW(NR_STATMOUNT, 8, mounts, sizeof mounts, 0), -EFAULT);
	size = sizeof mounts;
	CHECK(RAW(NR_LSM_LIST, mounts, &size, G(0)) >= 0);
	close(open("handled", O_CREAT | O_WRONLY, 0600));
	EQ(RAW(SYS_name_to_handle_at, G(AT_FDCWD), "handled", &handle, &mount_id, G(0)), 0);
	CHECK(handle.h.handle_bytes > 0 && handle.h.handle_bytes < 128);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	fd = (int)RAW(SYS_open_by_handle_at, G(dir), &handle, G(O_RDONLY));
	CHECK(fd >= 0);
	close(fd);
	fd = (int)RAW(SYS_fanotify_init, G(FAN_CLASS_NOTIF | FAN_NONBLOCK), G(O_RDONLY));
	CHECK(fd >= 0);
	EQ(RAW(SYS_fanotify_mark, G(fd), G(FAN_MARK_ADD), (uint64_t)FAN_OPEN, G(AT_FDCWD),
	       "handled"),
	   0);
	close(open("handled", O_RDONLY));
	EQ(read(fd, &ev, sizeof ev), sizeof ev);
	CHECK(ev.mask == FAN_OPEN && ev.pid == getpid());
	close(fd), close(dir);
}

int main(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	test_keys();
	test_policies(page);
	test_memory_of_others();
	test_pidfds(page);
	EQ(in_child(landlocked), 0);
	test_bpf();
	test_userfaultfd();
	test_perf();
	test_sealing();
	test_files();
	CHECK(RAW(SYS_membarrier, G(0), G(0), G(0)) > 0);
#if defined(__riscv)
	EQ(RAW(SYS_rseq, page, 32, 0, 0), -ENOSYS); /* libcs do without; see syscalls.def */
	EQ(RAW(SYS_pkey_alloc, 0, 0), -ENOSYS);     /* riscv64 has none */
#endif
	return done();
}
