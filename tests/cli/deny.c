/*
 * deny CALL[=ERROR]... -- COMMAND...: runs it where the host's seccomp makes these calls fail, as containers do.
 *
 * CALL is a number, ERROR one of errno's (EPERM without). "exec" stands for all that makes memory executable.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 512 };

static struct sock_filter code[MOST];
static unsigned short n;

static void put(struct sock_filter f)
{
	if (n < MOST)
		code[n++] = f;
}

/* prot: argument 2 must have the bit, too. */
static void deny(unsigned nr, unsigned error, int prot)
{
	put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
	put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, prot ? 3 : 1));
	if (prot) {
		put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, args[2])));
		put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
	}
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

int main(int argc, char **argv)
{
	struct sock_fprog filter = { 0, code };
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *error = strchr(argv[i], '=');

		if (!strcmp(argv[i], "exec")) {
			deny(SYS_mmap, EACCES, 1);
			deny(SYS_mprotect, EACCES, 1);
		} else {
			deny(atoi(argv[i]), error ? atoi(error + 1) : EPERM, 0);
		}
	}
	put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	filter.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	    || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
		perror("deny: seccomp");
		return 77;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 78;
}
