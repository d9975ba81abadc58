"""Tests of what shows a run: --strace with strace's options, --log's items, files for perf."""
import re, shutil, subprocess

import tap

BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0"}


def fail_unless(ok, why):
    if not ok:
        raise tap.Fail(str(why))


def lines(text):
    return [l for l in tap.text(text).splitlines() if l]


class Seeing:
    def __init__(self, suite, calls, native):
        self.suite, self.work, self.calls, self.native = suite, suite.work, calls, native

    def run(self, *args, name="run", **kw):
        d = self.work / name
        d.mkdir(exist_ok=True)
        status, out, err = tap.run([self.suite.kitemu, *args, self.calls], env=BARE, cwd=d, **kw)
        fail_unless(status == 0, f"{args}: status {status}, {tap.text(err)}")
        return tap.whole_lines(err)

    def split(self, options, **kw):
        """The lines of --strace without their processes: those of calls and signals, and those that tell how processes end."""
        calls, ends = [], []
        for l in self.run(f"--strace={options}", **kw):
            m = re.match(r"(\d{5,}|\d+ {0,4}) (.*)", l)
            fail_unless(m, f"{options}: {l}")
            (ends if "+++ " in m[2] else calls).append(re.sub(r"\) +=", ") =", m[2]))
        return calls, ends

    def trace(self, options, **kw):
        return self.split(options, **kw)[0]

    def names(self, options):
        return [re.match(r"\w+|---", l)[0] for l in self.trace(options)]

    # ---- strace --------------------------------------------------------------------------------

    def sets(self):
        want = {
            "openat,close -e signal=none": {"openat", "close"},
            "trace=openat -e signal=none": {"openat"},
            "-e trace=%network -e signal=none": {"socket"},
            "-e network -e signal=none": {"socket"},
            "-e open -e signal=none": {"openat"},  # as other machines call it
            "-e /^pr.*64$ -e signal=none": {"prlimit64"},
            "-e trace=none": {"---"},
            "-e none -e signal=!USR1": {"---"},
            "-e none -e signal=SIGCHLD,TERM": {"---"},
            "-e trace=?nothing,socket -e signal=none": {"socket"},
        }
        for options, names in want.items():
            got = set(self.names(options))
            fail_unless(got == names, f"{options}: {got}")
        fail_unless(len(self.trace("-e none -e signal=!USR1")) == 1, "signals are not filtered")
        files = set(self.names("-e %file -e signal=none"))
        fail_unless({"openat", "execve"} <= files <= {"openat", "execve", "readlinkat", "newfstatat", "faccessat"}, files)
        process = set(self.names("-e %process -e signal=none"))
        fail_unless({"clone", "execve", "wait4", "exit_group", "tgkill"} - process == set(), process)
        rest = set(self.names("-e trace=!openat,write"))
        fail_unless(rest & {"openat", "write"} == set() and "socket" in rest, rest)
        # What does not come back neither succeeds nor fails.
        failed, good = self.trace("-Z -e openat,close,execve,exit_group -e signal=none"), self.trace("-z -e openat,exit_group -e signal=none")
        fail_unless(len(failed) == 1 and "ENOENT" in failed[0] and len(good) == 1, f"{failed} {good}")

    def look(self):
        """Lines are those of the real strace of a native run."""
        if not shutil.which("strace"):
            raise tap.Skip("strace is not installed")
        options = "-e trace=openat,write,socket,close,tgkill -s 9"
        cut = lambda ls: [re.sub(r"\d{2,}", "N", re.sub(r"^\d+ +|(?<=\)) +(?==)", "", l)) for l in ls
                          if "/etc/ld.so" not in l and "+++" not in l and "<unfinished" not in l and "resumed>" not in l and "/sys/" not in l]
        file = self.work / "strace.out"
        status, _, err = tap.run(["strace", "-f", "-o", file, *options.split(), self.native], env=BARE)
        if status:
            raise tap.Skip("strace cannot trace here")
        want = cut(tap.whole_lines(file.read_bytes()))
        got = cut(self.run(f"--strace={options}"))
        both = lambda ls: sorted(re.sub(r", si_utime.*", "", l).rstrip("}- ") for l in ls if l.startswith(("openat", "write", "socket", "tgkill", "---")))
        fail_unless(both(want) == both(got), "strace:\n" + "\n".join(both(want)) + "\nkitemu:\n" + "\n".join(both(got)))

    def habits(self):
        """Options that change what is shown of a call: its lines are the real strace's."""
        if not shutil.which("strace"):
            raise tap.Skip("strace is not installed")
        file = self.work / "strace.habits"
        plain = lambda ls: [re.sub(r"^\d+ +", "", re.sub(r'"[^"]*/calls-[^"]*"(\.\.\.)?', "PROGRAM", l)) for l in ls]
        for options, calls in (("-x", "write|openat"), ("-xx -s 9", "write|openat"), ("-v", "execve.*again"), ("-a 60", "write|socket"), ("-a1", "write|socket"),
                               ("-P /etc/passwd", "[a-z]"), ("-P /no/such -P /etc/passwd -e close,read", "[a-z]")):
            if tap.run(["strace", "-f", "-o", file, *options.split(), self.native], env={**BARE, "ODD": "\1\377"})[0]:
                raise tap.Skip("strace cannot trace here")
            d = self.work / "habits"
            d.mkdir(exist_ok=True)
            _, _, err = tap.run([self.suite.kitemu, f"--strace={options}", self.calls], env={**BARE, "ODD": "\1\377"}, cwd=d)
            shown = lambda ls: sorted(l for l in plain(ls) if re.match(calls, l) and not re.search(r"resumed|unfinished|\+\+\+|ld.so|/sys/", l))
            # Results stand in columns that numbers of processes shift.
            want, got = ([re.sub(r"\) +=", ") =", l) if "-a" not in options else re.sub(r"(?<=\)) {3,}", " wide ", l) for l in shown(ls)] for ls in (tap.whole_lines(file.read_bytes()), tap.whole_lines(err)))
            fail_unless(want == got and got, f"{options}: strace:\n" + "\n".join(want) + "\nkitemu:\n" + "\n".join(got))
        numbers = self.trace("-n -e write,close -e signal=none")
        fail_unless(numbers and all(re.match(r"\[  (64\] write|57\] close)\(", l) for l in numbers), numbers)
        d = self.work / "habits"
        (d / "log").write_text("before\n")
        self.run("--strace=-A -o log -e write", name="habits")
        log = lines((d / "log").read_bytes())
        fail_unless(log[0] == "before" and len([l for l in log if "write(" in l]) == 3, log)
        for order, key, turn in (("name", 5, False), ("calls", 3, True), ("errors", 4, True)):
            got = self.run(f"--strace=-c -w -S {order}")
            rows = [[f[-1], int(f[3]), int(f[4]) if len(f) == 6 else 0] for f in (l.split() for l in got[2:-2])]
            by = [r[{5: 0, 3: 1, 4: 2}[key]] for r in rows]
            fail_unless(by == sorted(by, reverse=turn) and len(by) > 5, f"{order}: {got}")
        counted = self.run("--strace=-c -P /etc/passwd")
        fail_unless(sorted(l.split()[-1] for l in counted[2:-2]) == ["close", "openat", "read"], counted)

    def ends_told(self):
        for options, want in (("", ["+++ exited with 0 +++", "+++ exited with 3 +++", "+++ exited with 0 +++"]), ("-qq ", [])):
            calls, ends = self.split(options + "-e %process -e signal=none")
            fail_unless(calls and ends == want, f"{options}: {ends}")
        (self.work / "abort.c").write_text("#include <stdlib.h>\nint main(void) { abort(); }\n")
        subprocess.run(["riscv64-linux-gnu-gcc", "-static", "-o", self.work / "abort", self.work / "abort.c"], check=True)
        status, _, err = tap.run([self.suite.kitemu, "--strace=none", "--stats", self.work / "abort"], env=BARE)
        fail_unless(status == -6 and b"+++ killed by SIGABRT +++" in err and b"stats: " in err, err)

    def hangs(self):
        """A program that hangs and is killed: the calls in which its threads are, each line in its thread's file."""
        source, program = self.work / "hangs.c", self.work / "hangs"
        source.write_text("""
            #include <pthread.h>
            #include <unistd.h>
            static int p[2];
            static char buf[9];
            static void *in_thread(void *arg) { return (void *)read(p[0], buf, 9); }
            int main(void)
            {
                pthread_t t;

                (void)!pipe(p);
                pthread_create(&t, NULL, in_thread, NULL);
                sleep(1);
                (void)!write(1, "hangs\\n", 6);
                return pthread_join(t, NULL);
            }""")
        subprocess.run(["riscv64-linux-gnu-gcc", "-static", "-pthread", "-o", program, source], check=True)
        for options in ("", "-ff -o hang"):
            d = self.work / "hangs.out"
            d.mkdir(exist_ok=True)
            p = subprocess.Popen([str(self.suite.kitemu), f"--strace={options} -e read,futex", str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=BARE, cwd=d)
            try:
                p.stdout.readline()
                p.terminate()
                err = tap.text(p.communicate(timeout=30)[1])
            finally:
                p.kill()
            fail_unless(p.returncode == -15, f"{p.returncode} {err}")
            main, thread = (f"{p.pid} +", r"\d+ +") if not options else ("", "")
            texts = [err, err] if not options else sorted((f.read_text() for f in d.glob("hang.*")), key=lambda s: "--- SIGTERM" not in s)
            fail_unless(re.search(rf"^{main}--- SIGTERM .*\n(.*\n)*{main}\+\+\+ killed by SIGTERM \+\+\+$", texts[0], re.M), texts)
            fail_unless(re.search(rf"^{thread}(read\(3, |<\.\.\. read resumed>) <unfinished \.\.\.>\) += \?\n(.*\n)*{thread}\+\+\+ killed by SIGTERM \+\+\+$", texts[1], re.M), texts)

    def times(self):
        for options, pattern in (("-t", r"\d\d:\d\d:\d\d \w"), ("-tt", r"\d\d:\d\d:\d\d\.\d{6} \w"), ("-ttt", r"\d{10}\.\d{6} \w"),
                                 ("-r", r" +\d+\.\d{6} \w"), ("-i", r"\[[0-9a-f]{16}\] \w"), ("-fTr", r".* <\d+\.\d{6}>$")):
            for l in self.trace(options + " -e openat -e signal=none"):
                fail_unless(re.match(pattern, l), f"{options}: {l}")
        wait = [l for l in self.trace("-T -y -e wait4,read -e signal=none")]
        fail_unless(any(re.match(r"read\(\d+</etc/passwd>, ", l) for l in wait), wait)
        fail_unless(any(float(l.rsplit("<", 1)[1][:-1]) > 0.00001 for l in wait if l.startswith("wait4")), wait)

    def counts(self):
        """-c counts all processes, and agrees with the lines that -C prints."""
        for options in ("-C", "-c"):
            got = self.run(f"--strace={options}")
            at = next(i for i, l in enumerate(got) if l.startswith("% time"))
            rows = {f[-1]: f for f in (l.split() for l in got[at + 2 : -2])}
            fail_unless(got[at + 1] == got[-2] and set(got[-2]) == {"-", " "} and got[-1].split()[-1] == "total", "\n".join(got))
            fail_unless(rows["write"][3] == "3" and len(rows["write"]) == 5 and rows["openat"][3:5] == ["2", "1"], f"{rows}")
            fail_unless(int(got[-1].split()[3]) == sum(int(r[3]) for r in rows.values()), got[-1])
            fail_unless((at > 20) == (options == "-C"), "\n".join(got))
            if options == "-C":
                names = [m[1] for l in got[:at] if (m := re.match(r"\d+ +(\w+)\(.*= (?!\?)", l))]
                fail_unless(names.count("openat") == 2 and names.count("write") == 3, names)

    def counted_alike(self):
        """As many calls and errors as strace counts of a native run, but for its own execve of the program."""
        if not shutil.which("strace"):
            raise tap.Skip("strace is not installed")
        calls = "execve,clone,clone3,wait4,write,socket,tgkill,exit_group"
        rows = lambda ls: {f[-1]: (int(f[3]), int(f[4]) if len(f) == 6 else 0) for f in (l.split() for l in ls) if f and f[-1] in calls.split(",")}
        file = self.work / "strace.counts"
        if tap.run(["strace", "-f", "-c", "-o", file, "-e", calls, self.native], env=BARE)[0]:
            raise tap.Skip("strace cannot trace here")
        want, got = rows(lines(file.read_bytes())), rows(self.run(f"--strace=-c -e {calls}"))
        want["execve"] = (want["execve"][0] - 1, want["execve"][1])
        for table in (want, got):  # libc's choice
            a, b = table.pop("clone", (0, 0)), table.pop("clone3", (0, 0))
            table["clone"] = (a[0] + b[0], a[1] + b[1])
        fail_unless(got == want and got["execve"] == (1, 0), f"strace: {want}\nkitemu: {got}")

    def files(self):
        d = self.work / "files"
        shutil.rmtree(d, ignore_errors=True)
        fail_unless(not self.run("--strace=-o all -e write", name="files"), "something is on stderr")
        all_lines = lines((d / "all").read_bytes())
        fail_unless(len({l.split()[0] for l in all_lines if "write(" in l}) == 3, all_lines)
        self.run("--strace=-ff -o each -e write", name="files")
        each = sorted(d.glob("each.*"))
        fail_unless(len(each) == 3 and all(re.match(r"write\(1, ", f.read_text()) for f in each), each)
        self.run("--strace=-e write -o of.%p", name="files")
        of = sorted(d.glob("of.*"))
        fail_unless(len(of) == 2, of)
        # The log's file holds both, and what was there goes.
        (d / "log").write_text("old\n")
        self.run("--strace=-e write", "-d", "load,sig", "-D", "log", name="files")
        log = (d / "log").read_text()
        fail_unless("old" not in log and "write(" in log and "sig: signal 10" in log and log.count("write(") == 3, log)
        self.run("-d", "strace,tid", "-D", "t.%d", name="files")
        fail_unless(len(list(d.glob("t.*"))) == 3, list(d.glob("t.*")))
        for args in (["-D", "no/such/file"], ["-D", "%p/x"], ["--strace=-o no/such/file"]):
            status, _, err = tap.run([self.suite.kitemu, *args, self.calls], env=BARE, cwd=d)
            fail_unless(status == 125 and b"file" in err, f"{args}: {status} {err}")

    def mistakes(self):
        for options, says in (("opne", "there is no system call 'opne'"), ("-e trace=%all", "there is no set of calls '%all'"),
                              ("-u", "no option of strace's that kitemu has is '-u'"), ("-S odd", "there is no order 'odd'"), ("-a far", "no size 'far'"), ("-e signal=NO", "there is no signal 'NO'"),
                              ("-s many", "no size 'many'"), ("-e status=odd", "there is no status 'odd'"), ("-e a=b", "no such expression 'a=b'")):
            tap.expect([self.suite.kitemu, f"--strace={options}", "x"], env=BARE, status=125, stdout="",
                       stderr=f"kitemu: --strace: {says}; --strace=help says what there is\n")
        tap.expect([self.suite.kitemu, "--strace=-o", "x"], env=BARE, status=125, stderr="kitemu: --strace: strace's -o needs a value\n")
        fail_unless(b"-e trace=SET" in tap.expect([self.suite.kitemu, "--strace=help"]), "--strace=help")

    # ---- --log -----------------------------------------------------------------------------------

    def code(self):
        """in_asm is objdump's code, in the ranges asked for; the IR can be parsed; the host's code is there."""
        main = next(l.split()[0] for l in lines(tap.expect(["riscv64-linux-gnu-nm", self.calls])) if l.endswith(" T main"))
        start = int(main, 16)
        dump = tap.text(tap.expect(["riscv64-linux-gnu-objdump", "-d", "-M", "no-aliases", f"--start-address={start}", f"--stop-address={start + 400}", self.calls]))
        known = {int(a, 16) for a in re.findall(r"^ +([0-9a-f]+):\t", dump, re.M)}
        text = "\n".join(self.run("-d", "in_asm,op,op_opt,out_asm", "-dfilter", f"{start:#x}+300"))
        units = text.split("----------------\n")[1:]
        fail_unless(len(units) > 5, text[:500])
        for u in units:
            at = [int(a, 16) for a in re.findall(r"^0x([0-9a-f]+):  ", u, re.M)]
            fail_unless(any(start <= a < start + 300 for a in at) and re.search(r"^IN: 0x", u) and "\nOP:\n" in u and "\nOP after" in u and "\nOUT: 0x" in u, u)
            fail_unless(all(a in known for a in at if start <= a < start + 400), u)
            ir = re.search(r"\nOP:\n(.*?)\nOP after", u, re.S)[1] + "\n"
            tap.expect([self.suite.kit_ir, "opt"], stdin=ir)
        for r in (f"{start:#x}..{start + 299:#x}", f"{start + 299:#x}-300", f"0x1..0x2,{start:#x}+300"):
            some = "\n".join(self.run("-d", "in_asm", "-dfilter", r))
            fail_unless(some.count("IN:") == len(units), f"{r}: {some.count('IN:')} units, not {len(units)}")
        for bad in ("5", "1..", "9..1", "1+0", "1+2,x", "0x10:0x20"):
            status, _, err = tap.run([self.suite.kitemu, "-dfilter", bad, self.calls], env=BARE)
            fail_unless(status == 125 and b"is not START..END" in err, f"{bad}: {err}")

    def perf(self):
        """Code that perf would name, by functions of the guest: each address of the map is a unit's, and the dump holds its bytes."""
        d = self.work / "perf"
        self.run("--jitdump", "--perf-map", "--stress", name="perf")
        dumps = sorted(d.glob("jit-*.dump"))
        fail_unless(len(dumps) == 2, dumps)  # one of the child, which executes a program
        for dump in dumps:
            pid = dump.name[4:-5]
            path = f"/tmp/perf-{pid}.map"
            with open(path) as f:
                units = {(int(a, 16), int(n, 16), name) for a, n, name in (l.split() for l in f)}
            subprocess.run(["rm", path], check=True)
            data, got, at = dump.read_bytes(), set(), 40
            fail_unless(data[:4] == b"DTiJ" and int.from_bytes(data[20:24], "little") == int(pid), data[:40])
            lined = set()
            while at < len(data):
                if int.from_bytes(data[at : at + 4], "little") == 2:  # lines: of the code that follows
                    code, line = (int.from_bytes(data[at + a : at + a + w], "little") for a, w in ((16, 8), (40, 4)))
                    size = int.from_bytes(data[at + 4 : at + 8], "little")
                    lined.add((code, data[at + 48 : at + size - 1].decode().rpartition("/")[2], line))
                    at += size
                    continue
                size, code, n = (int.from_bytes(data[at + a : at + a + w], "little") for a, w in ((4, 4), (32, 8), (40, 8)))
                name, rest = data[at + 56 : at + size].split(b"\0", 1)
                fail_unless(len(rest) == n and int.from_bytes(data[at : at + 4], "little") == 0, dump)
                got.add((code, n, name.decode()))
                at += size
            fail_unless(got == units and len(got) > 5, f"{len(got)} in the dump, {len(units)} in the map")
            named = {(code, m[1], int(m[2])) for code, _, name in units if (m := re.fullmatch(r"\S+\[([^]]+):(\d+)\]", name))}
            fail_unless(named == lined, f"{lined ^ named}")
            fail_unless(any(re.match(r"\w+\+0x", name) for _, _, name in units), units)

    def add(self):
        for name in ("sets", "look", "habits", "ends_told", "hangs", "times", "counts", "counted_alike", "files", "mistakes"):
            self.suite.add(f"--strace: {name}", getattr(self, name))
        self.suite.add("--log: code", self.code)
        self.suite.add("--perf-map, --jitdump", self.perf)
