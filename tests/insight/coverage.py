"""--coverage: which lines ran is what gcov says of the same source natively; merged over runs, forks and threads."""
import pathlib, random, re, struct, subprocess

import callgrind, insight, tap

WAYS = {"jit": [], "level1": ["--max-level=1"], "stress": ["--stress"], "base": ["--guest-base"]}
RUNS = [[], ["one"], ["fork"], ["neither"]]


def lcov(path):
    """{line: ran}, {function: ran} of the only file."""
    text = path.read_text()
    if text.count("SF:") != 1:
        raise tap.Fail(f"not one source file:\n{text[:400]}")
    lines = {int(n): c != "0" for n, c in re.findall(r"^DA:(\d+),(\d+)$", text, re.M)}
    return lines, {name: c != "0" for c, name in re.findall(r"^FNDA:(\d+),(.+)$", text, re.M)}


class Native:
    """The same source with gcov, run natively."""

    def __init__(self, suite, runs):
        insight.need("gcc", "gcov")
        self.work = suite.work / f"gcov-{len(runs)}-{'-'.join(sum(runs, []))}"
        self.work.mkdir()
        tap.expect(["gcc", "-O0", "--coverage", "-w", insight.HERE / "covered.c", "-o", "covered"], cwd=self.work)
        self.out = [tap.expect([self.work / "covered", *args], cwd=self.work) for args in runs]
        [data] = self.work.glob("*.gcda")
        text = tap.text(tap.expect(["gcov", "-t", "-f", data.name], cwd=self.work))
        found = re.findall(r"^\s*(#####|=====|\d+\*?):\s*(\d+):", text, re.M)
        self.lines = {int(n): count[0].isdigit() for count, n in found}


def same_lines(suite, way, runs):
    def run():
        native = Native(suite, runs) if way == "jit" else known[str(runs)]
        known[str(runs)] = native
        program = insight.build(suite, "covered", "-O0", "-g")
        out = suite.work / f"{way}-{len(runs)}-{'-'.join(sum(runs, []))}.info"
        for args, expected in zip(runs, native.out):
            tap.expect([suite.kitemu, *WAYS[way], f"--coverage={out}", program, *args], stdout=expected)
        lines, functions = lcov(out)
        common = lines.keys() & native.lines.keys()
        wrong = [n for n in sorted(common) if lines[n] != native.lines[n]]
        # Compilers say of a function's head, a label or a closing brace one line or the next.
        if wrong or len(common) < 60 or len(common) < 0.75 * len(native.lines):
            raise tap.Fail(f"{len(common)} lines in common; not as gcov has them: {wrong}")
        if functions["never_called"] or not functions["rarely"] or functions["in_child"] != (["fork"] in runs):
            raise tap.Fail(f"{functions}")
    return run


known = {}


def optimised(suite):
    """What an optimiser has left of lines: none that did not run has run, and all engines say the same."""
    def run():
        program = insight.build(suite, "covered", "-O2", "-g")
        seen = {}
        for way, options in WAYS.items():
            out = suite.work / f"O2-{way}.info"
            tap.expect([suite.kitemu, *options, f"--coverage={out}", program, "two"])
            seen[way] = lcov(out)
        if any(s != seen["jit"] for s in seen.values()) or seen["jit"][0].get(13) or len(seen["jit"][0]) < 40:
            raise tap.Fail(f"{seen}")
    return run


def crowd(suite):
    """Forty processes at once, of which each forks, add to one file."""
    def run():
        program, out = insight.build(suite, "covered", "-O0", "-g"), suite.work / "crowd.info"
        procs = [subprocess.Popen([suite.kitemu, f"--coverage={out}", program, *RUNS[i % 4]], stdout=subprocess.DEVNULL)
                 for i in range(40)]
        if any(p.wait() for p in procs):
            raise tap.Fail("one has failed")
        lines, functions = lcov(out)
        if not functions["in_child"] or functions["never_called"] or not all(functions[f] for f in ("sign", "by_argument", "in_parent")):
            raise tap.Fail(f"{functions}")
    return run


def drcov(path):
    """{module's file name: set of bytes that ran, from its base}"""
    data = path.read_bytes()
    head, _, rest = data.partition(b"BB Table: ")
    count, _, blocks = rest.partition(b" bbs\n")
    names = [m.decode() for m in re.findall(rb"^ *\d+, 0x.*, (\S+)$", head, re.M)]
    if not head.startswith(b"DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count %d\n" % len(names)) or len(blocks) != 8 * int(count):
        raise tap.Fail(f"no drcov file: {data[:300]}")
    ran = {pathlib.Path(n).name: set() for n in names}
    for start, size, module in struct.iter_unpack("<IHH", blocks):
        ran[pathlib.Path(names[module]).name].update(range(start, start + size))
    return ran


def qemu_bytes(program, base, text):
    """The bytes that qemu runs, by its log of each instruction."""
    insight.need(insight.QEMU)
    log = program.with_suffix(".log")
    insight.qemu_trace(program, log)
    pcs = set()
    with open(log) as f:
        for line in f:
            m = re.match(r"Trace .*\[[0-9a-f]+/([0-9a-f]+)/", line)
            if m:
                pcs.add(int(m[1], 16))
    log.unlink()
    if not pcs:
        raise tap.Skip("this qemu does not tell of each instruction")
    # Four bytes but where the next parcel is an instruction of its own.
    size = {int(a, 16): len(w) // 2 for a, w in re.findall(r"^\s*([0-9a-f]+):\s+([0-9a-f]{4}(?:[0-9a-f]{4})?)\s", text, re.M)}
    return {pc - base + k for pc in pcs if pc in size for k in range(size[pc])}


def blocks(suite):
    def run():
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        other = insight.build(suite, "covered", "-O0", "-g")
        text = tap.text(tap.expect(["riscv64-linux-gnu-objdump", "-d", program]))
        want = qemu_bytes(program, 0x10000, text)
        out = suite.work / "blocks.drcov"
        for n, way in enumerate([*WAYS.values(), WAYS["jit"]]):
            if n == 2:
                tap.expect([suite.kitemu, f"--coverage={out}", other])
            tap.run([suite.kitemu, *way, f"--coverage={out}", program])
            found = drcov(out)
            if found[program.name] != want or (n >= 2) != (other.name in found):
                raise tap.Fail(f"{way}: {len(found[program.name])} bytes, qemu ran {len(want)}: {sorted(found[program.name] ^ want)[:20]}")
        if len(found[other.name]) < 1000:
            raise tap.Fail("the other program's blocks are lost")
    return run


def searched(suite, name, make):
    """libc's routines, which the host carries out and notes: what has run is what runs of the guest's code."""
    def run():
        program = make()
        for args in (["all", "60"], ["all", "4000"], ["strlen", "2000"], ["memcpy", "2000"], ["memchr", "2000"]):
            want = None
            for way in (["--no-idioms"], [], ["--max-level=1"], ["--guest-base"]):
                out = suite.work / f"searched-{name}.drcov"
                out.unlink(missing_ok=True)
                tap.expect([suite.kitemu, *way, f"--coverage={out}", program, *args], timeout=120)
                found = drcov(out)[program.name]
                want = want or found
                if found != want:
                    raise tap.Fail(f"{args} {way}: not as the guest's code: {[hex(a) for a in sorted(found ^ want)[:20]]}")
        log = suite.work / f"searched-{name}.coverlog"
        at = next(at for symbol, at, _ in callgrind.libc_table.symbols(program) if symbol == "strlen")
        tap.expect([suite.kitemu, "--log=jit", "-D", log, f"--coverage={log}.drcov", program, "strlen", "3000"])
        units = re.findall(r"unit (0x[0-9a-f]+): (\d+) guest instructions", log.read_text())
        insns = [int(n) for x, n in units if int(x, 16) in (at, at + callgrind.PIE_AT)]
        if insns and max(insns) < 15:
            raise tap.Fail(f"strlen at {at:#x} is translated as it stands: {insns}")
    return run


SHARED = """
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static char a[512], b[512];
static volatile size_t sum;
static void find(size_t most) { for (size_t i = 0; i < 20000; i++) sum += memchr(b + i % 9, 'c', i % most) != NULL; }
static void compare(size_t most) { for (size_t i = 0; i < 20000; i++) sum += memcmp(a + i % 2, b + i % 3, i % most); }
static void *in_thread(void *p) { find(90); return p; }
int main(void)
{
	pthread_t t;
	memset(b, 'b', 100);
	find(5);
	compare(5);
	pthread_create(&t, NULL, in_thread, NULL);
	pthread_join(t, NULL);
	if (fork() == 0) {
		memset(a, 'b', 100);
		compare(90);
		_exit(0);
	}
	wait(NULL);
	return 0;
}
"""


def routines_of_others(suite):
    """The same of what threads that have ended and forked children noted."""
    def run():
        (suite.work / "shared.c").write_text(SHARED)
        program = insight.build(suite, "shared", "-O1", "-pthread", "-fno-builtin", source=suite.work / "shared.c")
        found = {}
        for way in ("--no-idioms", "--max-level=2", "--max-level=1"):
            out = suite.work / f"shared{way}.drcov"
            tap.expect([suite.kitemu, way, f"--coverage={out}", program])
            text = {n: (at, size) for n, at, size in callgrind.libc_table.symbols(program)}
            ran = drcov(out)[program.name]
            found[way] = {n: sorted(a for a in range(at, at + size) if a - 0x10000 in ran) for n, (at, size) in text.items()
                          if n in ("memchr", "memcmp", "find", "compare")}
        if len(set(map(str, found.values()))) > 1 or not all(len(v) > 8 for v in found["--no-idioms"].values()):
            raise tap.Fail({w: {n: len(v) for n, v in f.items()} for w, f in found.items()})
    return run


def tools(suite):
    """lcov and genhtml read the file."""
    def run():
        insight.need("lcov", "genhtml")
        program, out = insight.build(suite, "covered", "-O0", "-g"), suite.work / "tools.info"
        tap.expect([suite.kitemu, f"--coverage={out}", program])
        lines, _ = lcov(out)
        text = tap.text(tap.expect(["sh", "-c", "lcov --summary \"$0\" 2>&1", out]))
        if f"({sum(lines.values())} of {len(lines)} lines)" not in text:
            raise tap.Fail(text)
        tap.expect(["genhtml", "-q", "-o", suite.work / "html", out])
        if not list((suite.work / "html").rglob("covered.c.gcov.html")):
            raise tap.Fail("no page of covered.c")
    return run


def damaged(suite):
    """Debug information with a few wrong bytes, or cut off: fewer lines, and the guest runs as ever."""
    def run():
        program = insight.build(suite, "bare", "-O2", "-g", *insight.BARE)
        want = tap.run([suite.kitemu, program])[:2]
        text = tap.text(tap.expect(["riscv64-linux-gnu-readelf", "-SW", program]))
        parts = [(int(at, 16), int(size, 16)) for at, size in
                 re.findall(r"\] (?:\.debug_line|\.debug_line_str|\.symtab|\.strtab) +\S+ +\S+ (\S+) (\S+)", text)]
        rng = random.Random(1)
        for n in range(80):
            data = bytearray(program.read_bytes())
            for _ in range(rng.choice((1, 3, 30))):
                at, size = rng.choice(parts)
                data[at + rng.randrange(min(size, rng.choice((40, 10 ** 6))))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
            bad = suite.work / "damaged"
            bad.unlink(missing_ok=True)
            bad.write_bytes(data)
            bad.chmod(0o755)
            status, out, err = tap.run([suite.kitemu, f"--coverage={suite.work / 'damaged.info'}", bad])
            if (status, out) != want:
                raise tap.Fail(f"round {n}: {status} {err}")
            (suite.work / "damaged.info").unlink()
    return run


# What never runs, the ebreak, lies 8192 bytes behind a hot place, with which it shares level 1's counter.
ALIAS = """
	.globl _start
	.option norvc
far:	bnez a0, loop
	li a7, 93
	ecall
loop:	j next
_start:	li a0, 200000
	li a1, -1
	j loop
	.org far + 8184
next:	addi a0, a0, -1
	bne a0, a1, over
	ebreak
over:	j far
"""


def shared_counter(suite):
    """A hot place's neighbour in the table of counters becomes no part of a region before it has run."""
    def run():
        source = suite.work / "alias.s"
        source.write_text(ALIAS)
        program = insight.build(suite, "alias", *insight.BARE, source=source)
        tap.expect([suite.kitemu, f"--coverage={suite.work / 'alias.drcov'}", program], status=0)
    return run


def refusals(suite):
    def run():
        program = insight.build(suite, "bare", "-O2", *insight.BARE)
        for options, said in ((["--engine=interp"], "does not go with"), (["--selfcheck"], "does not go with")):
            status, _, err = tap.run([suite.kitemu, *options, f"--coverage={suite.work / 'no.info'}", program])
            if status != 125 or said not in tap.text(err):
                raise tap.Fail(f"{status} {err}")
        status, _, err = tap.run([suite.kitemu, "--coverage=/no/such/file", program])
        if status != 125 or "cannot write to /no/such/file" not in tap.text(err):
            raise tap.Fail(f"{status} {err}")
        _, _, err = tap.run([suite.kitemu, f"--coverage={suite.work / 'no.info'}", program])
        if "has no lines" not in tap.text(err):
            raise tap.Fail(f"{err}")
    return run


def add(suite):
    def lines():
        for way in WAYS:
            for runs in ([RUNS[0]], RUNS[:3]):
                same_lines(suite, way, runs)()
    suite.add("coverage-lines", lines)
    suite.add("coverage-optimised", optimised(suite))
    suite.add("coverage-crowd", crowd(suite))
    suite.add("coverage-blocks", blocks(suite))
    for name, make in callgrind.searched_programs(suite):
        suite.add(f"coverage-routines-{name}", searched(suite, f"cover-{name}", make))
    suite.add("coverage-routines-others", routines_of_others(suite))
    suite.add("coverage-tools", tools(suite))
    suite.add("coverage-damaged", damaged(suite))
    suite.add("coverage-shared-counter", shared_counter(suite))
    suite.add("coverage-refusals", refusals(suite))
