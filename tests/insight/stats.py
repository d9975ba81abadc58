"""--stats: the instructions are those that qemu counts, whatever the engine; the other numbers are what a program did."""
import json, shutil, signal

import insight, tap

WAYS = {"jit": [], "level1": ["--max-level=1"], "interp": ["--engine=interp"], "stress": ["--stress"], "base": ["--guest-base"],
        "selfcheck": ["--selfcheck"]}
# What it does, by what it is told.
DOES = """
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static void handler(int sig) { (void)sig; }
static void *thread(void *p) { return p; }
#ifdef __riscv
/* Both have the same place in the table by which targets of jumps and calls are found. */
asm(".balign 65536\\none: ret\\n.balign 65536\\ntwo: ret");
#else
asm("one: ret\\ntwo: ret");
#endif
void one(void), two(void);
static void (*volatile called[])(void) = { one, two };
/* Code that children alone run, a few times each. */
#define PART(n) static __attribute__((noinline)) unsigned part##n(unsigned x) { return x % 3 == n % 3 ? x + n : x ^ n; }
#define TEN(n) PART(n##0) PART(n##1) PART(n##2) PART(n##3) PART(n##4) PART(n##5) PART(n##6) PART(n##7) PART(n##8) PART(n##9)
TEN(1) TEN(2) TEN(3)
#define CALLS(n) part##n##0, part##n##1, part##n##2, part##n##3, part##n##4, part##n##5, part##n##6, part##n##7, part##n##8, part##n##9
static unsigned (*const parts[])(unsigned) = { CALLS(1), CALLS(2), CALLS(3) };
static unsigned all_parts(unsigned x)
{
	for (unsigned n = 0; n < 3 * sizeof parts / sizeof *parts; n++)
		x = parts[n % (sizeof parts / sizeof *parts)](x);
	return x;
}
int main(int argc, char **argv)
{
	if (argc < 2)
		return 9;
	if (!strcmp(argv[1], "signal"))
		for (int i = 0; i < 5; i++)
			signal(SIGUSR1, handler), raise(SIGUSR1);
	if (!strcmp(argv[1], "crash"))
		*(volatile int *)0 = 1;
	if (!strcmp(argv[1], "term"))
		kill(getpid(), SIGTERM);
	if (!strcmp(argv[1], "calls"))
		for (int i = 0; i < 200000; i++)
			called[i % 2]();
	if (!strcmp(argv[1], "moves"))
		chdir("/"), execl("/proc/self/exe", "again", NULL);
	if (!strcmp(argv[1], "execs") && argv[2][0])
		execl("/proc/self/exe", "again", "execs", argv[2] + 1, NULL);
	if (!strcmp(argv[1], "threads"))
		for (int i = 0; i < 3; i++) {
			pthread_t t;
			pthread_create(&t, NULL, thread, NULL), pthread_join(t, NULL);
		}
	if (!strcmp(argv[1], "family"))
		for (int i = 0; i < 40; i++) {
			if (fork() == 0)
				_exit(all_parts(i) & 1);
			wait(NULL);
		}
	if (!strcmp(argv[1], "fork")) {
		if (fork() == 0)
			_exit(7);
		if (vfork() == 0)
			execl("/proc/self/exe", "again", NULL), _exit(1);
		while (wait(NULL) > 0)
			;
	}
	return 4;
}
"""


def records(suite, name, options, program, *args, status=0):
    out = suite.work / f"{name}.jsonl"
    out.unlink(missing_ok=True)
    tap.expect([suite.kitemu, *options, f"--stats={out}", program, *args], status=status)
    return [json.loads(line) for line in out.read_text().splitlines()]


def qemu_count(suite, program):
    """Each instruction is a block of its own, and told of."""
    insight.need(insight.QEMU)
    log = suite.work / "qemu.log"
    status = insight.qemu_trace(program, log)
    with open(log) as f:
        count = sum(line.startswith("Trace") for line in f)
    log.unlink()
    if not count:
        raise tap.Skip("this qemu does not tell of each instruction")
    return status, count


def counts(suite):
    """Loops, recursion, faults half way through a block, that go on behind the instruction."""
    def run():
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        status, count = qemu_count(suite, program)
        for way, options in WAYS.items():
            [r] = records(suite, f"counts-{way}", options, program, status=status)
            # 30 rounds fault twice; each fault is a signal, and its handler returns by a system call.
            if (r["instructions"], r["faults"], r["signals"], r["system_calls"]) != (count, 60, 60, 50 + 2 + 60):
                raise tap.Fail(f"{way}: qemu counts {count} instructions: {r}")
    return run


def does(suite, what, check, status=4):
    def run():
        source = suite.work / "does.c"
        with insight.lock:
            source.write_text(DOES)
        program = insight.build(suite, "does", "-O1", "-pthread", source=source)
        found = records(suite, f"does-{what}", [], program, what, status=status)
        if not check(found):
            raise tap.Fail(f"{what}: {found}")
    return run


def forked(found):
    """In the order of their ends: the forked child, the vfork child that executes, what it became, the parent."""
    by = sorted((r.get("status", -1), "exec" in r) for r in found)
    small = [r["instructions"] for r in found if r.get("status") == 7 or "exec" in r]
    return by == [(-1, True), (4, False), (7, False), (9, False)] and all(n < 2000 for n in small)


def learned(found):
    """The parent translates what its children run, and later ones have it."""
    *children, parent = found
    return len(children) == 40 and not sum(r["translated"]["units"] for r in children[-10:]) and parent["translated"]["units"] > 30


def moved(suite):
    """The files and the limit are those of the first kitemu, whatever their names and wherever the guest goes."""
    def run():
        d = suite.work / "moved"
        shutil.rmtree(d, ignore_errors=True)
        d.mkdir()
        source = d / "does.c"
        source.write_text(DOES)
        program = insight.build(suite, "moves", "-O1", "-pthread", source=source)
        options = ["--stats=a 1:b\nc", "--coverage=x.drcov", "--profile=x", "--max-instructions=100M"]
        tap.expect([suite.kitemu, *options, program, "moves"], cwd=d, status=9)
        found = [json.loads(line) for line in (d / "a 1:b\nc").read_text().splitlines()]
        if [(r.get("status", -1), "exec" in r) for r in found] != [(-1, True), (9, False)]:
            raise tap.Fail(f"{found}")
        if not (d / "x.drcov").exists() or not (d / "x").exists():
            raise tap.Fail(f"{sorted(d.iterdir())}")
    return run


def text(suite):
    def run():
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        status, _, err = tap.run([suite.kitemu, "--stats", program])
        for part in (" instructions, 112 system calls, 60 faults, 60 signals", "exits by reason: ", " units, ", "translation "):
            if part not in tap.text(err):
                raise tap.Fail(f"no '{part}': {tap.text(err)}")
        _, _, err = tap.run([suite.kitemu, program], env={"KITEMU_STATS": "json"})
        if json.loads(err)["status"] != status:
            raise tap.Fail(f"KITEMU_STATS=json: {err}")
        # The one is seen at once, the other at the end.
        for where, ends in (("/no/such/file", 125), ("/dev/full", status)):
            got, _, err = tap.run([suite.kitemu, f"--stats={where}", program])
            if got != ends or f"cannot write to {where}" not in tap.text(err):
                raise tap.Fail(f"{got} {err}")
    return run


def executes_often(suite):
    """A sample is not asked for while the kernel executes a program: it would kill that."""
    def run():
        for name in ("often", "often.drcov"):
            (suite.work / name).unlink(missing_ok=True)
        source = suite.work / "execs.c"
        source.write_text(DOES)
        program = insight.build(suite, "execs", "-O1", "-pthread", source=source)
        tap.expect([suite.kitemu, f"--profile={suite.work / 'often'}", f"--coverage={suite.work / 'often.drcov'}", program, "execs", "x" * 150], status=4)
    return run


def limit(suite):
    """--max-instructions ends a process that goes on and on, and the children that it forks or becomes."""
    def run():
        source = suite.work / "endless.c"
        source.write_text("""
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	volatile unsigned long n = 0;
	int status;
	if (argc > 1 && fork() == 0)
		*argv[1] == 'e' ? execl("/proc/self/exe", "x", NULL) : 0;
	else if (argc > 1)
		return wait(&status) > 0 && WEXITSTATUS(status) == 125 ? 7 : 1;
	for (;;)
		n++;
}
""")
        program = insight.build(suite, "endless", "-O1", source=source)
        for args, status in (([], 125), (["fork"], 7), (["exec"], 7)):
            for way in ([], ["--engine=interp"]):
                got, _, err = tap.run([suite.kitemu, *way, "--max-instructions=3M", program, *args], timeout=30)
                if got != status or "--max-instructions: more than 3145728 were run" not in tap.text(err):
                    raise tap.Fail(f"{args} {way}: {err}")
        bare = insight.build(suite, "bare", "-O2", *insight.BARE)
        if tap.run([suite.kitemu, "--max-instructions=100M", bare])[:2] != tap.run([suite.kitemu, bare])[:2]:
            raise tap.Fail("a program within the limit does not run as ever")
    return run


def add(suite):
    suite.add("stats-counts", counts(suite))
    suite.add("stats-signal", does(suite, "signal", lambda f: len(f) == 1 and f[0]["signals"] == 5 and f[0]["status"] == 4))
    suite.add("stats-crash", does(suite, "crash", lambda f: len(f) == 1 and f[0]["signal"] == 11 and f[0]["faults"] == 1, -signal.SIGSEGV))
    suite.add("stats-term", does(suite, "term", lambda f: len(f) == 1 and f[0]["signal"] == 15, -signal.SIGTERM))
    suite.add("stats-threads", does(suite, "threads", lambda f: len(f) == 1 and f[0]["threads"] == 4))
    suite.add("stats-fork", does(suite, "fork", forked))
    suite.add("stats-family", does(suite, "family", learned))
    suite.add("stats-calls", does(suite, "calls", lambda f: len(f) == 1 and f[0]["lookups"] < 1000))
    suite.add("stats-moves", moved(suite))
    suite.add("stats-execs", executes_often(suite))
    suite.add("stats-limit", limit(suite))
    suite.add("stats-text", text(suite))
