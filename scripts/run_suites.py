#!/usr/bin/env python3
"""Run test suites and count: run_suites.py BUILD [SUITE...]. tests/README.md has the protocol.

A suite runs in a session of its own and, where the kernel allows it, in a pid namespace, so that nothing that its
tests start outlives it. It is ended when it is silent or at work for too long.
"""
import os, pathlib, queue, re, resource, shutil, signal, subprocess, sys, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALL = ("fast", "enc", "insn", "fp", "guest", "elf", "cli", "manuals", "binfmt", "package", "runners", "start", "persist", "sys", "core", "gdb", "insight", "runner", "embed", "diff", "real", "busybox", "go", "tracers", "asan", "clang", "aarch64")
SLOWER = float(os.environ.get("KIT_TEST_SLOWER", 1))
SILENT_S, TOTAL_S = 300 * SLOWER, 600 * SLOWER
DETAIL_LINES = 60
RESULT = re.compile(r"(ok|not ok|skip) (.+)")


def namespace():
    """The command before a suite that gives it a pid namespace, or nothing."""
    cmd = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    for prefix in (cmd, cmd + ["--map-root-user"]):
        try:
            if subprocess.run([*prefix, "true"], capture_output=True, timeout=10).returncode == 0:
                return prefix
        except (OSError, subprocess.TimeoutExpired):
            pass
    return []


class Run:
    """One suite: its lines as they come, and the counts."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0
        self.details = 0  # lines still to show below a failure

    def fail(self, what, *details):
        self.failed += 1
        print(f"not ok {self.name}: {what}", *("  " + d for d in details), sep="\n", flush=True)

    def line(self, line):
        m = RESULT.match(line)
        if not m:
            if line.startswith("#"):
                print(line, flush=True)
            elif self.details:
                self.details -= 1
                print(line if self.details else "  ...", flush=True)
            return
        self.details = 0
        if m[1] == "ok":
            self.passed += 1
        elif m[1] == "skip":
            self.skipped += 1
            print(f"skip {self.name}: {m[2]}", flush=True)
        else:
            self.failed += 1
            self.details = DETAIL_LINES
            print(f"not ok {self.name}: {m[2]}", flush=True)


def reader(pipe, lines):
    for raw in pipe:
        lines.put(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
    lines.put(None)


def follow(run, proc, log):
    """Read the suite's lines until it ends; returns why it was ended, or None."""
    lines, start, last = queue.Queue(), time.monotonic(), ""
    threading.Thread(target=reader, args=(proc.stdout, lines), daemon=True).start()
    while True:
        left = TOTAL_S - (time.monotonic() - start)
        try:
            line = lines.get(timeout=max(0.1, min(SILENT_S, left)))
        except queue.Empty:
            why = "silent for" if left > 0.1 else "at work for"
            return f"ended after being {why} too long; its last line was: {last}"
        if line is None:
            return None
        last = line
        log.write(line + "\n")
        log.flush()
        run.line(line)


def end(proc):
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return proc.wait()


def run_suite(name, build, prefix):
    run, script = Run(name), ROOT / "tests" / name / "run"
    if not script.exists():
        run.fail("no such suite", f"{script} is missing")
        return run
    work = build / "test" / name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with open(work.with_suffix(".log"), "w") as log:
        proc = subprocess.Popen([*prefix, script, build, work], cwd=ROOT, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        why = follow(run, proc, log)
        status = end(proc) if why else proc.wait()
    if not why:
        end(proc)  # what it left behind in its session
    tail = work.with_suffix(".log").read_text().splitlines()[-15:]
    if why:
        run.fail(why)
    elif status and not run.failed:
        run.fail(f"ended with status {status}", *tail)
    elif not run.passed + run.failed + run.skipped:
        run.fail("ran no test", *tail)
    return run


def summary(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def main():
    build, names = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:] or ALL
    known = {p.parent.name for p in (ROOT / "tests").glob("*/run")} - {"unit"} | set(ALL)
    for name in names:
        if name not in known:
            sys.exit(f"test: there is no suite {name}; there are: {' '.join(sorted(known))}")
    # Guests are killed by signals on purpose: their core files would only cost time and room.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if not sys.argv[2:]:
        os.environ["KIT_ALL_SUITES"] = "1"
    prefix, runs = namespace(), []
    for name in names:
        start = time.monotonic()
        print(f"== {name}", flush=True)
        run = run_suite(name, build, prefix)
        runs.append(run)
        print(f"== {name}: {summary(run.passed, run.failed, run.skipped)} ({time.monotonic() - start:.0f} s)", flush=True)
    totals = [sum(getattr(r, k) for r in runs) for k in ("passed", "failed", "skipped")]
    print(summary(*totals), flush=True)
    return bool(totals[1] or not totals[0])


if __name__ == "__main__":
    sys.exit(main())
