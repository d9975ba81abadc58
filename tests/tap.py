"""Runs a suite's tests, two at a time, each with a time limit, and writes the lines that scripts/test reads.

    suite = tap.Suite()                       # reads BUILD and WORK from the command line
    suite.add("hello", [suite.kitemu, "hello"], stdout="hello\n", status=0)
    suite.add("two steps", function)          # fails by raising tap.Fail("why"); tap.Skip("why") skips
    sys.exit(suite.run())
"""
import concurrent.futures, os, pathlib, re, shutil, signal, subprocess, sys, threading

LIMIT_S = 60
# How much longer than elsewhere things may take here: under an emulator (scripts/test --host).
SLOWER = float(os.environ.get("KIT_TEST_SLOWER", 1))


class Fail(Exception):
    pass


class Hang(Fail):
    """The time was up."""


class Skip(Exception):
    pass


def where(group):
    """A line for each process of a process group: what it is, and what it waits for in the kernel."""
    for d in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(d.name)) == group:
                facts = [(d / f).read_text().strip().replace("\0", " ") for f in ("comm", "wchan", "syscall", "cmdline")]
                sigs = [line.replace("\t", " ") for line in (d / "status").read_text().splitlines() if line.startswith(("State", "PPid", "Sig", "ShdPnd"))]
                yield f"{d.name}: {' | '.join(facts)} | {' '.join(sigs)}"
        except (OSError, ValueError):
            pass


def run(cmd, timeout=LIMIT_S, stdin=b"", **kw):
    """Run cmd in a process group of its own, which ends with it. Returns (status, stdout, stderr); the status
    of a signal is negative. Raises Fail when the time is up."""
    timeout *= SLOWER
    cmd = [str(c) for c in cmd]
    if isinstance(stdin, str):
        stdin = stdin.encode()
    # start_new_session: a test may not reach for the terminal, and its children can be ended with it.
    p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **kw)
    try:
        out, err = p.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        waits = "\n".join(where(p.pid))
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            out, err = p.communicate(timeout=5)
        except subprocess.TimeoutExpired: # a grandchild left the group and holds the pipe
            out, err = b"", b""
        raise Hang(f"no end after {timeout} s: {' '.join(cmd)}\n{waits}\n{text(out)[-2000:]}\n{text(err)[-2000:]}")
    return p.returncode, out, err


def fresh(folder):
    """Makes folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def keep(made, path):
    """Gives a file its lasting name, unless another process was first: a running program's file must not be replaced."""
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    os.unlink(made)


def text(data):
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data


def whole_lines(data):
    """Lines of strace or --strace, where other lines stand between the two halves of a call's in one."""
    out, begun = [], {}
    for l in text(data).splitlines():
        pid = l.split()[0] if l else ""
        if m := re.match(r"(.*) <unfinished \.\.\.>$", l):
            begun[pid] = m[1]
        elif (m := re.match(r"\d+ +(?:[\d:.]+ )?<\.\.\. \w+ resumed>(.*)", l)) and pid in begun:
            out.append(begun.pop(pid) + m[1])
        elif l:
            out.append(l)
    return out + [f"{l} <unfinished ...>" for l in begun.values()]


def expect(cmd, stdout=None, status=0, stderr=None, timeout=LIMIT_S, stdin=b"", **kw):
    """Run cmd and raise Fail unless status and outputs are these (None: any). Returns stdout."""
    got, out, err = run(cmd, timeout, stdin, **kw)
    why = []
    if status is not None and got != status:
        why.append(f"status {got}, expected {status}")
    for name, data, want in (("stdout", out, stdout), ("stderr", err, stderr)):
        if want is not None and data != (want.encode() if isinstance(want, str) else want):
            why.append(f"{name} is\n{text(data)[-4000:]}\nexpected\n{text(want)[-4000:]}")
    if why:
        if stderr is None:
            why.append("stderr is\n" + text(err)[-2000:])
        raise Fail(" ".join(str(c) for c in cmd) + ": " + "\n".join(why))
    return out


class Suite:
    def __init__(self, workers=2):
        # Started in the background by a shell, we would hand ignored signals on to every test.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        if len(sys.argv) < 3:
            sys.exit(f"usage: {sys.argv[0]} BUILD WORK [NAME...]")
        self.build, self.work = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
        self.only = sys.argv[3:]  # parts of names
        self.kitemu, self.kit_ir = self.build / "kitemu", self.build / "kit-ir"
        self.work.mkdir(parents=True, exist_ok=True)
        self.workers, self.tests, self.lock = workers, [], threading.Lock()

    def add(self, name, what, **kw):
        """what: a function without arguments, or a command for expect(), which takes kw."""
        if not self.only or any(o in name for o in self.only):
            self.tests.append((name, what if callable(what) else lambda: expect(what, **kw)))

    def say(self, *lines):
        with self.lock:
            for line in lines:
                # A detail may look like a result line: indent all of them.
                print(line, flush=True)

    def one(self, name, what):
        """One test. One that does not end is told of, with what its processes wait for, and gets a second chance."""
        try:
            try:
                what()
            except Hang as e:
                self.say(*(f"# {name}, once more: {line}" for line in str(e).splitlines()[:20]))
                what()
        except Skip as e:
            self.say(f"skip {name} {e}")
        except Exception as e:  # a broken test is a failed one
            kind = "" if isinstance(e, Fail) else type(e).__name__ + ": "
            self.say(f"not ok {name}", *("  " + line for line in (kind + str(e)).splitlines()))
            return False
        else:
            self.say(f"ok {name}")
        return True

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            return 0 if all(list(pool.map(lambda t: self.one(*t), self.tests))) else 1
