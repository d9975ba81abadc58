"""--profile with exact counts: each instruction's is what qemu runs, each line's what gcov counts, each call's what the source says;
callgrind_annotate reads the file."""
import collections, json, pathlib, re, sys, types

import insight, stats, tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests/guest")]
import libc_table, libcs

PIE_AT = 0x2aaaaaa000  # runtime/load/image.c

WAYS = {**stats.WAYS, "nothing to lose": ["--max-level=1", "--guest-base"]}
del WAYS["selfcheck"]


class Profile:
    """A callgrind file, as its format says."""

    def __init__(self, path):
        self.at, self.lines, self.self_cost = collections.Counter(), collections.Counter(), collections.Counter()
        self.calls, self.call_cost = collections.Counter(), collections.Counter()
        self.execs = collections.defaultdict(set)  # (file, line): counts of its instructions
        text = path.read_text()
        head, _, body = text.partition("\n\n")
        if not head.startswith("# callgrind format\nversion: 1\ncreator: kitemu\npositions: instr line\nevents: Ir\nsummary: "):
            raise tap.Fail(head)
        calls = 0
        for line in body.splitlines():
            key, eq, value = line.partition("=")
            if key in ("ob", "fl", "fn", "cob", "cfi", "cfn") and eq:
                setattr(self, key, value)
                if key == "fl":
                    self.file = value
            elif key in ("fi", "fe"):
                self.file = value
            elif key == "calls":
                calls = int(value.split()[0])
            elif line.startswith("0x"):
                at, number, count = line.split()
                if calls:
                    self.calls[self.fn, self.cfn] += calls
                    self.call_cost[self.fn, self.cfn] += int(count)
                    calls = 0
                else:
                    self.at[int(at, 16)] += int(count)
                    self.self_cost[self.fn] += int(count)
                    self.execs[self.file.rpartition("/")[2], int(number)].add(int(count))
            elif line.startswith("totals: "):
                self.total = int(line.split()[1])
        if self.total != sum(self.at.values()) or f"\nsummary: {self.total}" not in head:
            raise tap.Fail(f"totals {self.total}, sum {sum(self.at.values())}: {head}")


def counts(suite):
    """Each instruction as often as qemu runs it: loops, recursion, faults in the middle, signals."""
    def run():
        insight.need(insight.QEMU)
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        log = suite.work / "callgrind.log"
        insight.qemu_trace(program, log)
        want = collections.Counter()
        with open(log) as f:
            for line in f:
                m = re.match(r"Trace .*\[[0-9a-f]+/([0-9a-f]+)/", line)
                if m:
                    want[int(m[1], 16)] += 1
        log.unlink()
        if not want:
            raise tap.Skip("this qemu does not tell of each instruction")
        for n, (way, options) in enumerate(WAYS.items()):
            out = suite.work / f"counts-{n}.callgrind"
            tap.run([suite.kitemu, *options, f"--profile={out}", program])
            found = Profile(out).at
            # What is outside of the program has no address: the vDSO's way back from signals.
            outside = found.pop(0, 0)
            inside = collections.Counter({pc: n for pc, n in want.items() if pc in found or pc < 1 << 32})
            if found != inside or outside != sum(want.values()) - sum(inside.values()):
                raise tap.Fail(f"{way}: (kitemu, qemu) {outside}, {sum(want.values()) - sum(inside.values())}: {changed(found, inside)}")
    return run


def calls(suite):
    """How often who calls whom, with threads and children; twice into one file, which adds up; and the instructions are --stats'."""
    def run():
        program = insight.build(suite, "called", "-O1", "-g", "-pthread", "-fno-inline", "-foptimize-sibling-calls")
        for way, options in WAYS.items():
            out, lines = suite.work / "callgrind.out.calls", suite.work / "calls.jsonl"
            out.unlink(missing_ok=True)
            lines.unlink(missing_ok=True)
            for _ in range(2):
                tap.expect([suite.kitemu, *options, f"--profile={out}", f"--stats={lines}", program])
            p = Profile(out)
            ran = sum(json.loads(line)["instructions"] for line in lines.read_text().splitlines())
            if p.total != ran:
                raise tap.Fail(f"{way}: {p.total} instructions, --stats says {ran}")
            want = {("main", "twice"): 1000, ("twice", "leaf"): 2 * (1000 + 3), ("main", "last"): 50, ("last", "leaf"): 50,
                    ("even", "odd"): 20, ("odd", "even"): 20, ("main", "even"): 1, ("main", "fib"): 1, ("fib", "fib"): 1972,
                    ("by_table", "first_way"): 300, ("by_table", "second_way"): 100, ("in_thread", "leaf"): 400,
                    ("main", "in_child"): 3, ("in_child", "twice"): 3}
            wrong = {k: (p.calls[k], 2 * n) for k, n in want.items() if p.calls[k] != 2 * n}
            if wrong:
                raise tap.Fail(f"{way}: {wrong}")
            # What twice costs is what it and its share of leaf cost: main's calls of it and the children's are all there are.
            whole = p.self_cost["twice"] + p.call_cost["twice", "leaf"]
            parts = p.call_cost["main", "twice"] + p.call_cost["in_child", "twice"]
            if abs(whole - parts) > 10 or p.call_cost["fib", "fib"] or not p.call_cost["main", "fib"] == p.self_cost["fib"]:
                raise tap.Fail(f"{way}: twice {whole} {parts}, fib {p.call_cost['main', 'fib']} {p.self_cost['fib']}")
    return run


ENDS = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static volatile long turns;
static void *spin(void *p) { for (;;) turns++; return p; }
int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, spin, NULL);
	while (turns < 20000000)
		;
	printf("%ld", turns);
	exit(0);
}
"""


def crowded(suite):
    """More calls with computed targets than any table starts with room for, and none is lost."""
    functions, sites, turns = 300, 150, 3
    source = "".join(f"static void __attribute__((noinline, aligned(2))) f{n}(void) {{ asm volatile(\"\"); }}\n" for n in range(functions))
    source += f"static void (*volatile f[])(void) = {{{', '.join(f'f{n}' for n in range(functions))}}};\n"
    source += "static void __attribute__((noinline)) sites(int n) {" + "f[n]();" * sites + "}\n"
    source += f"int main(void) {{ for (int t = 0; t < {turns}; t++) for (int n = 0; n < {functions}; n++) sites(n); return 0; }}\n"

    def run():
        (suite.work / "crowded.c").write_text(source)
        program = insight.build(suite, "crowded", "-O1", source=suite.work / "crowded.c")
        for n, way in enumerate(([], ["--max-level=1"], ["--engine=interp"])):
            out = suite.work / f"crowded-{n}.callgrind"
            tap.expect([suite.kitemu, *way, f"--profile={out}", program])
            found = Profile(out)
            wrong = {n: c for n in range(functions) if (c := found.calls["sites", f"f{n}"]) != sites * turns}
            if wrong or found.calls["main", "sites"] != functions * turns:
                raise tap.Fail(f"{way}: calls of {len(wrong)} functions are not {sites * turns}: {dict(list(wrong.items())[:9])}")
    return run


REWRITTEN = """
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
static uint32_t *code;
static volatile int version, over;
static int __attribute__((noinline)) calls(int n)
{
	int low = 0;
	for (int i = 0; i < n; i++) {
		int least = version, got = ((int (*volatile)(void))code)();
		low += got < least;
	}
	return low;
}
static void *caller(void *p)
{
	long n = 0, low = 0;
	for (; !over; n += 100)
		low += calls(100);
	return p = (void *)(low ? -1 : n);
}
static void rewrite(int n)
{
	__atomic_store_n(code, 0x513 | n << 20, __ATOMIC_RELAXED); /* li a0, n */
	__builtin___clear_cache((char *)code, (char *)(code + 2));
	version = n;
}
int main(void)
{
	pthread_t t;
	void *others;
	long low = 0;
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	code[1] = 0x8067; /* ret */
	for (int n = 1; n <= 30; n++) {
		rewrite(n);
		if (n == 15)
			pthread_create(&t, NULL, caller, NULL);
		low += calls(n % 10 ? 300 : 100000);
	}
	over = 1;
	pthread_join(t, &others);
	printf("%ld %ld", low, 27 * 300 + 3 * 100000 + (long)others);
	return 0;
}
"""


def rewritten(suite):
    """A call with a computed target goes to the code that is there now, when that changes, or becomes hot; and is counted."""
    def run():
        (suite.work / "rewritten.c").write_text(REWRITTEN)
        program = insight.build(suite, "rewritten", "-O1", "-pthread", source=suite.work / "rewritten.c")
        for n, way in enumerate(([], ["--max-level=1"], ["--engine=interp"], ["--stress"])):
            out = suite.work / f"rewritten-{n}.callgrind"
            low, made = map(int, tap.expect([suite.kitemu, *way, f"--profile={out}", program]).split())
            found = Profile(out).calls["calls", "[outside of the program]"]
            if low or found != made:
                raise tap.Fail(f"{way}: {low} went to old code, {made} calls were made, {found} counted")
    return run


def others(suite):
    """What another thread is in the middle of when the process ends is counted, too."""
    def run():
        source = suite.work / "ends.c"
        with insight.lock:
            source.write_text(ENDS)
        program = insight.build(suite, "ends", "-O1", "-pthread", source=source)
        for way in ([], ["--max-level=1"]):
            out = suite.work / "ends.callgrind"
            out.unlink(missing_ok=True)
            turns = int(tap.expect([suite.kitemu, *way, f"--profile={out}", program]))
            spun = Profile(out).self_cost["spin"]
            if not 4 * turns <= spun:
                raise tap.Fail(f"{way}: {turns} turns were seen, {spun} instructions counted")
    return run


def lines(suite):
    """Each line as often as gcov says that it ran natively: so many times some instruction of it did, and none more often."""
    def run():
        native = Native(suite)
        program = insight.build(suite, "covered", "-O0", "-g")
        out = suite.work / "lines.callgrind"
        out.unlink(missing_ok=True)
        tap.expect([suite.kitemu, f"--profile={out}", program], stdout=native.out)
        found = {n: counts for (file, n), counts in Profile(out).execs.items() if file == "covered.c"}
        common = found.keys() & native.count.keys()
        wrong = {n: (found[n], native.count[n]) for n in sorted(common) if native.count[n] not in found[n]}
        ran = {n for n, c in native.count.items() if c}
        if wrong or len(common) < 30 or any(not native.count[n] for n in common) or len(common) < 0.75 * len(ran):
            raise tap.Fail(f"{len(common)} of {len(ran)} lines in common; not as gcov has them: {wrong}")
    return run


def changed(found, want):
    return {hex(pc): (found[pc], want[pc]) for pc in sorted(found | want) if found[pc] != want[pc]}


def searched(suite, name, make):
    """libc's routines, which the host carries out: the instructions that count are those of the guest's code."""
    def run():
        program = make()
        files = {}
        for way, options in {"": [], "level 1": ["--max-level=1"], "base": ["--guest-base"], "guest's": ["--no-idioms"]}.items():
            files[way] = suite.work / f"searched-{name}-{len(files)}.callgrind"
            tap.expect([suite.kitemu, *options, f"--profile={files[way]}", program, "all", "4000"], timeout=120)
        want = Profile(files["guest's"]).at
        for way, out in files.items():
            if wrong := changed(Profile(out).at, want):
                raise tap.Fail(f"{way}: (the host's routines, the guest's) {len(wrong)}: {dict(list(wrong.items())[:20])}")
        # They are: the unit at strlen's start has the whole of it, or there is none as its callers have it.
        at = next(at for symbol, at, _ in libc_table.symbols(program) if symbol == "strlen")
        insns = {}
        for way in ("", "--no-idioms"):
            log = suite.work / f"searched-{name}.log"
            tap.expect([suite.kitemu, *way.split(), "--log=jit", "-D", log, f"--profile={log}.callgrind", program, "strlen", "3000"])
            units = re.findall(r"unit (0x[0-9a-f]+): (\d+) guest instructions", log.read_text())
            insns[way] = [int(n) for x, n in units if int(x, 16) in (at, at + PIE_AT)]
        if not insns["--no-idioms"] or max(insns[""], default=99) <= max(insns["--no-idioms"]):
            raise tap.Fail(f"strlen at {at:#x}: {insns}")
    return run


class Native:
    """How often each line ran, of a native run."""

    def __init__(self, suite):
        insight.need("gcc", "gcov")
        self.work = suite.work / "gcov-counts"
        self.work.mkdir()
        tap.expect(["gcc", "-O0", "--coverage", "-w", insight.HERE / "covered.c", "-o", "covered"], cwd=self.work)
        self.out = tap.expect([self.work / "covered"], cwd=self.work)
        [data] = self.work.glob("*.gcda")
        text = tap.text(tap.expect(["gcov", "-t", data.name], cwd=self.work))
        found = re.findall(r"^\s*(#####|=====|\d+)\*?:\s*(\d+):", text, re.M)
        self.count = {int(n): int(c) if c.isdigit() else 0 for c, n in found}


def annotate(suite):
    """callgrind_annotate's totals, functions and lines."""
    def run():
        insight.need("callgrind_annotate")
        program = insight.build(suite, "called", "-O1", "-g", "-pthread", "-fno-inline", "-foptimize-sibling-calls")
        out = suite.work / "callgrind.out.annotate"
        tap.expect([suite.kitemu, f"--profile={out}", program])
        p = Profile(out)
        text = tap.text(tap.expect(["callgrind_annotate", "--threshold=100", "--auto=yes", out]))
        if not re.search(rf"^ *{p.total:,} .*PROGRAM TOTALS", text, re.M):
            raise tap.Fail(text[:2000])
        for name in ("fib", "leaf", "by_table"):
            if not re.search(rf"^ *{p.self_cost[name]:,} .*called\.c:{name}", text, re.M):
                raise tap.Fail(f"{name}: {p.self_cost[name]}: {text[:3000]}")
        if not re.search(r"^ *[\d,]+ .*KEEP static int fib\(int n\)", text, re.M):
            raise tap.Fail(f"no line of fib: {text}")
        text = tap.text(tap.expect(["callgrind_annotate", "--inclusive=yes", "--tree=both", "--threshold=100", out]))
        whole = p.self_cost["fib"]
        if not re.search(rf"^ *{whole:,} .*> +\S*called\.c:fib \(1x\)", text, re.M):
            raise tap.Fail(f"main's call of fib, {whole}: {text}")
    return run


def refusals(suite):
    def run():
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        status, _, err = tap.run([suite.kitemu, "--selfcheck", f"--profile={suite.work}/x.callgrind", program])
        if status != 125 or "does not go with --selfcheck" not in tap.text(err):
            raise tap.Fail(f"{status} {err}")
        # A program without symbols or lines, and a file that is no profile.
        out = suite.work / "bare.callgrind"
        out.write_text("# callgrind format\nversion: 1\ncreator: callgrind-3.19\nfn=(1) x\n1 2 3\n")
        stripped = suite.work / "stripped"
        tap.expect(["riscv64-linux-gnu-strip", "-o", stripped, program])
        tap.run([suite.kitemu, f"--profile={out}", stripped])
        if Profile(out).self_cost.keys() - {"???", "[outside of the program]"}:
            raise tap.Fail(f"{Profile(out).self_cost}")
    return run


def searched_programs(suite):
    """(name of the C library, what makes the program)."""
    flags = ["-static", "-fno-builtin", "-w"]
    program = types.SimpleNamespace(path=insight.HERE / "searched.c", name="searched")
    libraries = {"musl": ("musl-dev", "riscv64-linux-musl"), "glibc-13": ("libc6-dev", "riscv64-linux-gnu")}

    def make(name, package, folder):
        out = suite.work / f"searched-{name}"
        libcs.Libc(suite, "riscv64-linux-gnu-", flags, name.partition("-")[0], package, folder).build(program, name != "musl", out)
        return out

    yield "glibc", lambda: insight.build(suite, "searched", "-O1", "-fno-builtin")
    for name, where in libraries.items():
        yield name, lambda name=name, where=where: make(name, *where)


def add(suite):
    for name, make in searched_programs(suite):
        suite.add(f"callgrind-routines-{name}", searched(suite, name, make))
    suite.add("callgrind-counts", counts(suite))
    suite.add("callgrind-calls", calls(suite))
    suite.add("callgrind-crowded", crowded(suite))
    suite.add("callgrind-rewritten", rewritten(suite))
    suite.add("callgrind-others", others(suite))
    suite.add("callgrind-lines", lines(suite))
    suite.add("callgrind-annotate", annotate(suite))
    suite.add("callgrind-refusals", refusals(suite))
