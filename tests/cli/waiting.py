"""--strace of calls that wait: where a program hangs is seen at once, and lines look as those of the real strace."""
import os, pathlib, re, shutil, subprocess, time

import tap

ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
CALLS = "-e trace=read,write,exit,exit_group,kill,tgkill,wait4,execve"
LIMIT_S = 30


def fail_unless(ok, why):
    if not ok:
        raise tap.Fail(str(why))


def until(what, why):
    end = time.monotonic() + LIMIT_S
    while not what():
        fail_unless(time.monotonic() < end, why())
        time.sleep(0.01)


def looks(text):
    """Lines, thread by thread in the order of their first ones, without what machines and runs differ in."""
    threads = {}
    for l in tap.whole_lines(text):
        pid, rest = l.split(None, 1)
        if not rest.startswith(("--- SIGCHLD", "--- SIGTERM")):
            rest = re.sub(r"0x[0-9a-f]+", "0xN", rest)
            threads.setdefault(pid, []).append(re.sub(r"\b\d{2,}\b", "N", re.sub(r"\) +=", ") =", rest)))
    return sorted(threads.values())


class Waiting:
    def __init__(self, suite, program, native):
        self.suite, self.program, self.native = suite, program, native

    def at_once(self):
        """The beginning of a line is there while the call waits, the rest is put behind it: in one file, in many, on stderr, with times."""
        for name, options, head in (("one", "-o all", r"\d+ +"), ("ff", "-ff -o of", ""), ("by", "-o of.%p", r"\d+ +"), ("r", "-r -T -o all", r"\d+ +\d+\.\d{6} "),
                                    ("t", "-tt -o all", r"\d+ +\d\d:\d\d:\d\d\.\d{6} "), ("err", "", r"\d+ +"), ("log", "-e all", r"\d+ +")):
            d = self.suite.work / f"waits-{name}"
            tap.fresh(d)
            with open(d / "err", "wb") as err:
                p = subprocess.Popen([str(self.suite.kitemu), f"--strace={options} {CALLS}", *(["-d", "sys", "-D", "log"] if name == "log" else []), str(self.program), "one"],
                                     cwd=d, env=ENV, stdin=subprocess.PIPE, stderr=err)
            try:
                content = lambda: "".join(f.read_text() for f in sorted(d.iterdir()))
                until(lambda: re.fullmatch(rf"(.*\n)*{head}read\(0, ", content()), lambda: f"{options}: {content()!r}")
                p.communicate(b"xy", timeout=LIMIT_S)
            finally:
                p.kill()
            lines = content().splitlines()
            took = r" <\d+\.\d{6}>" if "-T" in options else ""
            fail_unless(p.returncode == 2 and any(re.fullmatch(rf'{head}read\(0, "xy", 9\) += 2{took}', l) for l in lines), f"{options}: {lines}")
            fail_unless("finished" not in content() and "resumed" not in content(), lines)

    def not_halves(self):
        """Where it is not known yet whether a line is to be shown, and where none are, there is no beginning of one."""
        for name, options in (("z", "-z -o all"), ("c", "-c -o all"), ("p", "-P /no/such -o all"), ("e", "-e write -o all")):
            d = self.suite.work / f"waits-{name}"
            tap.fresh(d)
            p = subprocess.Popen([str(self.suite.kitemu), f"--strace={options}", str(self.program), "one"], cwd=d, env=ENV, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                fd = f"/proc/{p.pid}/syscall"
                until(lambda: pathlib.Path(fd).read_text().startswith("0 0x0 "), lambda: pathlib.Path(fd).read_text())
                fail_unless(not any("read(0" in f.read_text() for f in d.iterdir()), options)
                p.communicate(b"xy", timeout=LIMIT_S)
            finally:
                p.kill()
            shown = (d / "all").read_text()
            fail_unless(("read(0" in shown) == (name == "z") and ("% time" in shown) == (name == "c"), f"{options}: {shown}")

    def side_by_side(self):
        """Two threads that wait: a line that another one's comes into is marked, and goes on as strace has it."""
        r, w = os.pipe()
        d = self.suite.work / "waits-two"
        tap.fresh(d)
        p = subprocess.Popen(["bash", "-c", f'exec 3<&{r}; exec "$@"', "bash", str(self.suite.kitemu), "--strace=-o all -e read", str(self.program), "two"],
                             cwd=d, env=ENV, stdin=subprocess.PIPE, pass_fds=[r])
        try:
            content = lambda: "".join(f.read_text() for f in d.glob("all"))
            both = r"(\d+) +read\(([03]),  <unfinished \.\.\.>\n(\d+) +read\(([03]), "
            until(lambda: re.fullmatch(both, content()), lambda: repr(content()))
            first, one, second, other = re.fullmatch(both, content()).groups()
            feed = lambda fd: os.write(w, b"b") if fd == "3" else (p.stdin.write(b"b"), p.stdin.close())
            feed(one)
            until(lambda: content().count("\n") >= 3, lambda: repr(content()))
            feed(other)
            p.wait(LIMIT_S)
        finally:
            p.kill()
            os.close(r)
            os.close(w)
        marked = [l for l in content().splitlines() if "+++" not in l]
        fail_unless(marked[:3] == [f"{first:5} read({one},  <unfinished ...>", f"{second:5} read({other},  <unfinished ...>", f'{first:5} <... read resumed>"b", 9)'.ljust(40) + "= 1"], marked)
        fail_unless(marked[3] == f'{second:5} <... read resumed>"b", 9)'.ljust(40) + "= 1", marked)

    def as_strace(self):
        """Threads and processes that wait when others end them: each thread's lines are those of the real strace of a native run."""
        if not shutil.which("strace"):
            raise tap.Skip("strace is not installed")
        for what in ("alarm", "raise", "fork", "vfork", "exit", "kill", "abort", "exec", "join"):
            d = self.suite.work / f"waits-as-{what}"
            tap.fresh(d)
            (d / "native").mkdir()
            (d / "native/waits").symlink_to(self.native)
            (d / "waits").symlink_to(self.program)
            s = tap.run(["strace", "-f", "-o", d / "strace", *CALLS.split(), "./waits", what], env=ENV, cwd=d / "native")
            k = tap.run([self.suite.kitemu, f"--strace=-o kitemu {CALLS}", "./waits", what], env=ENV, cwd=d)
            if not (d / "strace").exists() or b"ptrace" in s[2]:
                raise tap.Skip("strace cannot trace here")
            want, got = looks((d / "strace").read_bytes()), looks((d / "kitemu").read_bytes())
            # strace sees its own execve of the program, and what the host program does that the guest becomes.
            want = sorted([l for l in t if not l.startswith(f'execve("./waits", ["./waits", "{what}"]')] for t in want)
            if what == "exec":
                want, got = ([t for t in threads if t[0].startswith("read(3,  <unfinished")] for threads in (want, got))
            fail_unless(want == got and want and s[0] == k[0], f"{what}: strace, {s[0]}:\n{want}\nkitemu, {k[0]}:\n{got}")

    def add(self):
        for name in ("at_once", "not_halves", "side_by_side", "as_strace"):
            self.suite.add(f"--strace, calls that wait: {name.replace('_', ' ')}", getattr(self, name))
