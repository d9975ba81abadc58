"""Running commands through tests/bench/launch.c, and comparing what they wrote."""
import dataclasses, hashlib, os, pathlib, signal, subprocess

LIMIT_S = 300


@dataclasses.dataclass
class Run:
    """One run of a command. error says why it counts for nothing."""
    error: str = ""
    output: str = ""  # a hash
    wall_ns: int = 0
    user_us: int = 0
    system_us: int = 0
    peak_kb: int = 0

    @property
    def cpu_s(self):
        return (self.user_us + self.system_us) / 1e6


class Runner:
    def __init__(self, launch, folder):
        self.launch, self.folder = launch, pathlib.Path(folder)
        self.out, self.err = self.folder / "stdout", self.folder / "stderr"

    def run(self, command, cwd=None, limit_s=LIMIT_S):
        """Run a command once; its standard output goes to a file, for a pipe would cost it time."""
        read, write = os.pipe()
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            subprocess.run([self.launch, str(limit_s), str(write), *map(str, command)], cwd=cwd or self.folder,
                           stdin=subprocess.DEVNULL, stdout=out, stderr=err, pass_fds=(write,), check=False,
                           env={**os.environ, "LC_ALL": "C"})
        os.close(write)
        with open(read) as report:
            words = report.read().split()
        if len(words) != 5:
            return Run(error=f"cannot be started: {self.last_error()}")
        status, wall_ns, user_us, system_us, peak_kb = map(int, words)
        run = Run("", "", wall_ns, user_us, system_us, peak_kb)
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            slow = os.WTERMSIG(status) == signal.SIGKILL and wall_ns >= limit_s * 1e9
            run.error = f"no end after {limit_s} s" if slow else f"{name} {self.last_error()}"
        elif os.WEXITSTATUS(status):
            run.error = f"exit status {os.WEXITSTATUS(status)} {self.last_error()}"
        else:
            with open(self.out, "rb") as out:
                run.output = hashlib.file_digest(out, "sha256").hexdigest()
        return run

    def last_error(self):
        lines = self.err.read_text(errors="replace").strip().splitlines()
        return f"({lines[-1][:160]})" if lines else ""


@dataclasses.dataclass
class Result:
    """What one peer made of one program: the smallest of its runs, or the first error."""
    error: str = ""
    output: str = ""
    cpu_s: float = 0.0
    user_s: float = 0.0
    wall_s: float = 0.0
    peak_kb: int = 0
    runs: int = 0

    def add(self, run):
        if run.error or (self.output and run.output != self.output):
            self.error = run.error or "does not give the same output each time"
            return
        first = self.runs == 0
        self.output = run.output
        self.cpu_s = run.cpu_s if first else min(self.cpu_s, run.cpu_s)
        self.user_s = run.user_us / 1e6 if first else min(self.user_s, run.user_us / 1e6)
        self.wall_s = run.wall_ns / 1e9 if first else min(self.wall_s, run.wall_ns / 1e9)
        self.peak_kb = max(self.peak_kb, run.peak_kb)
        self.runs += 1


def interleaved(runner, commands, runs, cwd=None, writes=()):
    """Run {peer: command} in turn, so that a slow spell of the machine meets all of them.
    writes: files that a run would add to; each starts without them. Returns {peer: Result}."""
    results = {peer: Result() for peer in commands}
    for _ in range(runs):
        for peer, command in commands.items():
            for path in writes:
                path.unlink(missing_ok=True)
            if not results[peer].error:
                results[peer].add(runner.run(command, cwd))
    return results


def compare(results, same):
    """Mark the results whose output is not the reference's: native's, or the first emulator's that has one."""
    order = [p for p in results if same or p != "native"]
    reference = next((results[p].output for p in order if not results[p].error), None)
    for peer in order:
        if not results[peer].error and results[peer].output != reference:
            results[peer].error = "another output"
