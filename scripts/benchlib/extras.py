"""Measures beside the programs: start-up and memory of a static hello, translation, instruction counts."""
import re, shutil, statistics, subprocess

from . import measure, once
from .toolchain import BENCH, GUEST, call

HELLO_RUNS = {False: 200, True: 40}
ONCE_RUNS = {False: 10, True: 4}
PLUGIN_APIS = range(1, 8)  # qemu 7.2 takes 1, qemu 10 takes 2 to 4
# smc-check: translators patch code that lies in a file mapping, which valgrind would not look at again.
VALGRIND = ["valgrind", "--tool=cachegrind", "--smc-check=all", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
COUNTED_INSTRUCTIONS = 30_000_000  # valgrind takes a second or two for these
COUNTED_KINDS = ("integer", "calls", "strings", "float")  # valgrind and the plugin look at one process only


def hello(runner, toolchain, peers, quick):
    """{peer: median and minimum of the wall clock in ms, peak memory in MB}, runs interleaved."""
    native, rv64 = toolchain.own("hello", "hello.c")
    runs = {peer: [] for peer in peers}
    errors = {}
    for _ in range(HELLO_RUNS[quick]):
        for peer, command in peers.items():
            if peer not in errors:
                run = runner.run([*command, rv64] if command else [native], limit_s=20)
                if run.error:
                    errors[peer] = run.error
                runs[peer].append(run)
    return {peer: {"error": errors[peer]} if peer in errors else {
        "median_ms": statistics.median(r.wall_ns for r in runs[peer]) / 1e6,
        "min_ms": min(r.wall_ns for r in runs[peer]) / 1e6,
        "cpu_ms": statistics.median(r.cpu_s for r in runs[peer]) * 1e3,
        "peak_mb": max(r.peak_kb for r in runs[peer]) / 1024,
    } for peer in peers}


class Counter:
    """Counts guest instructions by a plugin of qemu, where qemu is there and takes it."""

    def __init__(self, toolchain, qemu, work):
        self.qemu, self.plugin, self.out = qemu, None, work / "count"
        if not qemu:
            return
        _, probe = toolchain.own("hello", "hello.c")
        source = BENCH / "qemu_count.c"
        for api in PLUGIN_APIS:
            command = ["gcc", "-O2", "-fPIC", "-shared", f"-DAPI_VERSION={api}", source]
            self.plugin = toolchain.cached(f"qemu_count.{api}.so", command, [source], toolchain.versions["gcc"])
            if self.count([probe]):
                return
        self.plugin = None

    def count(self, command, cwd=None):
        """(instructions, blocks, different instructions) that the guest executes, or None."""
        if not self.plugin:
            return None
        self.out.unlink(missing_ok=True)
        subprocess.run([*self.qemu, "-plugin", f"{self.plugin},out={self.out}", *map(str, command)], cwd=cwd,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return tuple(map(int, self.out.read_text().split())) if self.out.exists() else None


def listed_instructions(program):
    """How many instructions the functions of the program of once.py have: a few early returns are not executed."""
    count, inside = 0, False
    for line in call([f"{GUEST}objdump", "-d", "--no-show-raw-insn", program]).splitlines():
        if line.endswith(">:"):
            inside = bool(re.search(r"<(f\d+[.\w]*|main)>:$", line))
        elif inside and re.match(r"\s+[0-9a-f]+:\t", line):
            count += 1
    return count


def translation(runner, toolchain, peers, counter, quick):
    """How long a guest instruction takes that runs once, over a program of about 200,000 of them: all the time above
    the native build's, in ns an instruction."""
    source = toolchain.work / "once.c"
    text = once.source()
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    native, rv64 = (toolchain.compile("once", [source], guest, ["-w"]) for guest in (False, True))
    counted = counter.count([rv64])
    instructions = counted[2] if counted else listed_instructions(rv64)
    commands = {p: [*c, rv64] if c else [native] for p, c in peers.items()}
    results = measure.interleaved(runner, commands, ONCE_RUNS[quick])
    measure.compare(results, True)
    base, found = results.pop("native"), {}
    for peer, r in results.items():
        ns = (r.cpu_s - base.cpu_s) * 1e9 / instructions
        found[peer] = {"error": r.error} if r.error else {"ms": r.cpu_s * 1e3, "ns": ns}
    return {"instructions": instructions, "counted": "by a qemu plugin" if counted else "from a listing",
            "native_ms": base.cpu_s * 1e3, "error": base.error, "peers": found}


def host_instructions(command, cwd):
    """What a command executes on the host, by valgrind, or None."""
    r = subprocess.run([*VALGRIND, *map(str, command)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, errors="replace")
    found = re.search(r"I\s+refs:\s+([\d,]+)", r.stderr)
    return int(found[1].replace(",", "")) if found and r.returncode == 0 else None


def counts(case, peers, counter):
    """Guest instructions of a program, and the host's for each of them, or None. What a smaller run takes is
    subtracted, so that starting and translating do not hide what the loops cost."""
    *what, quick = case.arguments(True)
    whole = counter.count([case.rv64, *what, quick])
    if not whole:
        return None
    high = min(int(quick), max(3, COUNTED_INSTRUCTIONS * int(quick) // whole[0]))
    sizes = [[*what, str(n)] for n in (high, max(1, high // 3))]
    guest = [counter.count([case.rv64, *a]) for a in sizes]
    if not all(guest) or guest[0][0] <= guest[1][0]:
        return None
    result = {"guest": guest[0][0], "per_block": guest[0][0] / guest[0][1], "host_per_guest": {}}
    for peer, command in peers.items():
        program = [*command, case.rv64] if command else [case.native]
        host = [host_instructions([*program, *a], case.cwd) for a in sizes]
        result["host_per_guest"][peer] = (host[0] - host[1]) / (guest[0][0] - guest[1][0]) if all(host) else None
    return result


def can_count(counter):
    """Why instruction counts cannot be had, or nothing."""
    if not counter.plugin:
        return "needs a qemu-riscv64 that takes plugins"
    return "" if shutil.which("valgrind") else "needs valgrind"
