/* runtime/sys without a guest: the table's rows, the hand-over of execve, the words of --strace. */
#include "tests/unit/check.h"

#include "arch/guest.h"
#include "runtime/sys/exec.h"
#include "runtime/sys/strace.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void check_row(const struct sys_row *r)
{
	CHECK_AT("%s %s", r->name, r->op ? r->op : "");
	CHECK(r->how != SYS_HOW_NONE);
	CHECK((r->how == SYS_HOW_DENY) == (r->why != NULL));
	CHECK((r->how == SYS_HOW_DENY) == (r->error != 0));
	CHECK((r->how == SYS_HOW_CONV || r->how == SYS_HOW_EMUL) == (r->fn != NULL));
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(r->kind[i] != SYS_KIND_NONE, i < r->nargs);
		CHECK_EQ(r->pointers >> i & 1, sys_kinds[r->kind[i]].class == SYS_CLASS_PTR);
		CHECK(r->nested || sys_kinds[r->kind[i]].class != SYS_CLASS_DEEP);
	}
	/* A kind that looks at its neighbour has one. */
	for (unsigned i = 0; i < r->nargs; i++) {
		int written = sys_kinds[r->kind[i]].written;

		CHECK(!(written == OUT_NEXT || written == OUT_NAME || written == OUT_MSGBUF)
		      || i + 1 < r->nargs);
		CHECK(written != OUT_PREV || i > 0);
		CHECK(written != OUT_IOC || !strcmp(r->name, "ioctl"));
	}
}

static void test_rows(void)
{
	unsigned count = 0;

	for (uint64_t nr = 0; nr < SYS_ROWS; nr++) {
		const struct sys_row *r = sys_row_find(nr);

		if (!r)
			continue;
		count++;
		check_row(r);
		for (unsigned i = 0; i < r->op_count; i++) {
			uint64_t reg[6] = { r->ops[i].value, r->ops[i].value };

			check_row(&r->ops[i].row);
			CHECK_PTR(sys_row_of_op(r, reg), &r->ops[i].row);
			CHECK(!i || r->ops[i - 1].value < r->ops[i].value);
		}
	}
	CHECK_AT("%s", "");
	CHECK(count > 320);
	CHECK_STR(sys_row_find(64)->name, "write");
	CHECK(!sys_row_find(38) && !sys_row_find(244) && !sys_row_find(SYS_ROWS)
	      && !sys_row_find(UINT64_MAX));
	CHECK_EQ(sys_row_find(172)->nargs, 0);
	CHECK_EQ(sys_row_find(222)->nargs, 6);
}

static void test_exec(void)
{
	struct kit_options o = { .inherited = "9:cpu=rv64i",
				 .filters = 7,
				 .own_file = { 11, 12, 13, 14 },
				 .trace = 99,
				 .host_features = KIT_HOST_KNOWN | 5 };
	struct kit_options got = { .stats = true };
	struct sys_exec_handover h;
	char var[256], name[] = "odd name", a[] = "A=1", b[] = "B=2", bad[] = "KITEMU_EXEC=v4:1";
	char *argv[] = { name, NULL }, *envp[] = { a, var, b, NULL }, *plain[] = { a, bad, NULL };
	char short_name[] = "KITEMU_EXEC=v4:0:0:0:0:0:0:0:0:0:0:5:name",
	     *cut[] = { short_name, NULL };
	int fd = open("/dev/null", O_RDONLY);

	REQUIRE(sys_exec_encode(var, sizeof var, fd, -1, &o, "a name:", "a path:with/colons"));
	REQUIRE(sys_exec_decode(1, argv, envp, &got, &h));
	CHECK_STR(h.name, "a name:");
	CHECK_STR(h.path, "a path:with/colons");
	CHECK_EQ(h.fd, fd);
	CHECK_PTR(h.argv, argv);
	CHECK_STR(envp[0], "A=1");
	CHECK_STR(envp[1], "B=2");
	CHECK(!envp[2]);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_STR(got.inherited, "9:cpu=rv64i");
	CHECK(got.own_file[0] == 11 && got.own_file[1] == 12 && got.own_file[2] == 13
	      && got.own_file[3] == 14);
	CHECK(got.stats && got.filters == 7 && got.trace == 99);
	CHECK_EQ(got.host_features, KIT_HOST_KNOWN | 5);
	CHECK(!sys_exec_decode(1, argv, plain, &got, &h));
	CHECK(plain[1] != NULL);
	/* A variable of somebody else, whose descriptor is not there. */
	close(fd);
	REQUIRE(sys_exec_encode(var, sizeof var, fd, -1, &o, "x", "x"));
	envp[1] = var;
	CHECK(!sys_exec_decode(1, argv, envp, &got, &h));
	CHECK(!sys_exec_encode(var, 20, 3, 4, &o, "a name", "a path that is too long"));
	/* A name that is longer than what is there. */
	CHECK(!sys_exec_decode(1, argv, cut, &got, &h));
}

static void test_fd_hide(void)
{
	int fd = open("/dev/null", O_RDONLY), high = sys_fd_hide(fd);

	CHECK(high > 100);
	CHECK_EQ(fcntl(high, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(sys_fd_hide(high), high);
	close(high);
}

static const char *flags(enum sys_kind kind, uint64_t v)
{
	static struct strbuf b;

	strbuf_fini(&b);
	strace_put_flags(&b, kind, v);
	return strbuf_str(&b);
}

static void test_words(void)
{
	struct strbuf b = STRBUF_INIT;

	CHECK_STR(flags(SYS_KIND_PROT, 0), "PROT_NONE");
	CHECK_STR(flags(SYS_KIND_PROT, 7), "PROT_READ|PROT_WRITE|PROT_EXEC");
	CHECK_STR(flags(SYS_KIND_PROT, 0x1002), "PROT_WRITE|0x1000");
	CHECK_STR(flags(SYS_KIND_OFLAGS, RV64_O_DIRECTORY), "O_DIRECTORY");
	CHECK_STR(flags(SYS_KIND_ATFLAGS, 0), "0");
	CHECK_STR(flags(SYS_KIND_MAPFLAGS, 0x22), "MAP_PRIVATE|MAP_ANONYMOUS");
	CHECK(strace_put_enum(&b, SYS_KIND_WHENCE, 2));
	CHECK(!strace_put_enum(&b, SYS_KIND_WHENCE, 99));
	strbuf_putc(&b, ' ');
	strace_put_bytes(&b, "a\n\"\0011\001z\377", 8, true);
	CHECK_STR(b.s, "SEEK_END \"a\\n\\\"\\0011\\1z\\377\"...");
	strbuf_fini(&b);
	CHECK_STR(strace_errno_name(EAGAIN), "EAGAIN");
	CHECK_STR(strace_signal_name(SIGCHLD), "SIGCHLD");
	CHECK_STR(strace_signal_name(34), "SIGRT_2");
	CHECK_STR(strace_signal_name(99), "SIG?");
}

static void test_cpuinfo(void)
{
	struct strbuf b = STRBUF_INIT;

	sys_cpuinfo(&b, rv64_guest.default_features, 2);
	CHECK(strstr(b.s, "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc"));
	CHECK(strstr(b.s, "\n\nprocessor\t: 1\n"));
	strbuf_fini(&b);
}

CHECK_MAIN(test_rows, test_exec, test_fd_hide, test_words, test_cpuinfo)
