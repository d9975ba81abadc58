"""--profile: the samples lie where the time goes, with their callers; waits are not cut short; the files are what their readers want."""
import collections, resource, signal, xml.etree.ElementTree as ElementTree

import insight, tap

N = "50000000"
BASE = "_start;__libc_start_main;__libc_start_call_main;main"


def folded(path):
    found = collections.Counter()
    for line in path.read_text().splitlines():
        stack, _, n = line.rpartition(" ")
        found[stack] += int(n)
    return found


def build(suite):
    return insight.build(suite, "profiled", "-O1", "-pthread")


def shares(suite, options):
    def run():
        program, out = build(suite), suite.work / f"shares{''.join(options)}.folded"
        for attempt in range(5):
            try:
                return check(program, out)
            except tap.Fail:  # parts of one run have another speed than others while something else uses the machine
                if attempt == 4:
                    raise
                out.unlink()

    def check(program, out):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        for _ in range(2):
            tap.expect([suite.kitemu, *options, f"--profile={out}", program, N], timeout=100)
        user = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        found = folded(out)
        root = f"{program.name};"
        tops = collections.Counter()
        for stack, n in found.items():
            tops[stack.removeprefix(root)] += n
        three, one = tops[f"{BASE};both;loop_three"], tops[f"{BASE};both;loop_one"]
        leaf = tops[f"{BASE};calls_leaf;leaf"]
        thread = sum(n for s, n in tops.items() if s.endswith(";in_thread;loop_one"))
        total = sum(found.values())
        # qemu-user has signals come where a loop begins again, so in no leaf that became a part of one.
        leaf_holds = leaf > one / 2 or (suite.build / "emulated-by").exists()
        if not (one and 1.8 < three / one < 5 and 0.4 < thread / one < 2.5 and leaf_holds):
            raise tap.Fail(f"three {three}, one {one}, in a thread {thread}, leaf {leaf}: {found}")
        if three + one + leaf + thread + tops[f"{BASE};calls_leaf"] < 0.85 * total:
            raise tap.Fail(f"much is elsewhere: {found}")
        # A sample stands for 2 ms; other tests' children count as well.
        if total * 0.002 > user * 1.2:
            raise tap.Fail(f"{total} samples in {user} s")
    return run


def waits(suite):
    """The sampler's signals end no wait of the guest's."""
    def run():
        out = suite.work / "waits.folded"
        for _ in range(3):
            tap.expect([suite.kitemu, f"--profile={out}", build(suite), "1", "waits"], status=0)
        if not any(s.split(";")[4:5] == ["main"] for s in folded(out)):
            raise tap.Fail(f"{folded(out)}")
    return run


def svg(suite):
    def run():
        program, out = build(suite), suite.work / "graph.svg"
        for _ in range(2):
            tap.expect([suite.kitemu, f"--profile={out}", program, N], timeout=100)
        root = ElementTree.parse(out).getroot()
        titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
        boxes = [(float(r.get("x")), float(r.get("width"))) for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("x")]
        names = {t.split(":")[0] for t in titles}
        if not {"main", "both", "loop_three", "leaf", "in_thread"} <= names or not all(10 <= x and x + w <= 1190.3 for x, w in boxes):
            raise tap.Fail(f"{titles} {boxes}")
        if titles.count(next(t for t in titles if t.startswith(program.name))) != 1 or "(100.00%)" not in "".join(titles):
            raise tap.Fail(f"the whole is not one box: {titles}")
    return run


def ends(suite):
    """A process that dies of a signal has its samples written; a wrong file is told of."""
    def run():
        out = suite.work / "ends.folded"
        tap.expect([suite.kitemu, f"--profile={out}", build(suite), N, "crash"], status=-signal.SIGABRT)
        if not any(s.endswith("main;loop_one") for s in folded(out)):
            raise tap.Fail(f"{folded(out)}")
        # That is seen at once; what happens later is told of at the end.
        status, _, err = tap.run([suite.kitemu, "--profile=/dev/full", build(suite), "1000"])
        if status or "cannot write to /dev/full" not in tap.text(err):
            raise tap.Fail(f"{status} {err}")
        status, _, err = tap.run([suite.kitemu, "--profile=/no/such/file", build(suite), "1000"])
        if status != 125 or "cannot write to /no/such/file" not in tap.text(err):
            raise tap.Fail(f"{status} {err}")
    return run


def add(suite):
    suite.add("profile-shares", shares(suite, []))
    suite.add("profile-shares-level1", shares(suite, ["--max-level=1", "--guest-base"]))
    suite.add("profile-waits", waits(suite))
    suite.add("profile-svg", svg(suite))
    suite.add("profile-ends", ends(suite))
