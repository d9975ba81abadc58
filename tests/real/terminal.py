"""Programs in a terminal: job control, line editing, full-screen programs."""
import fcntl, os, pathlib, pty, re, select, shlex, signal, struct, subprocess, termios, time
from guests import check, same
import tap

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78DEMc]")


class Terminal:
    """A guest on a pseudo-terminal of its own."""

    def __init__(self, case, *argv, rows=24, cols=80, env=None, prompt=None):
        self.limit, self.text, self.mark, self.prompt = case.limit, "", 0, prompt
        cmd = [str(a) for a in case.argv(*argv)]
        self.master, slave = pty.openpty()
        self.size(rows, cols)

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # A session of its own, of which the slave side is the controlling terminal.
        self.p = subprocess.Popen(cmd, stdin=slave, stdout=slave, stderr=slave, cwd=case.dir, env=env or case.env(),
                                  start_new_session=True, preexec_fn=take_terminal)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        os.close(self.master)

    def size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """Take what comes within SECONDS; False at the end of the terminal."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError: # EIO: the last process closed its side
                return False
            self.text += ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r", "")
            return bool(data)
        return True

    def expect(self, pattern, what=None):
        """Wait until PATTERN comes after what the last expect() found."""
        end = time.monotonic() + self.limit
        while True:
            m = re.compile(pattern, re.M).search(self.text, self.mark)
            if m:
                self.mark = m.end()
                return m
            if time.monotonic() > end or not self.read(min(1, max(0.01, end - time.monotonic()))):
                raise tap.Fail(f"{what or repr(pattern)} did not come; the terminal has\n{self.text[self.mark:]}\nbefore\n{self.text[:self.mark][-500:]}")

    def ask(self, line, pattern):
        """Type a line at the prompt, wait for PATTERN and the next prompt."""
        self.type(line + "\r", pattern)
        self.expect(self.prompt)

    def type(self, keys, pattern):
        self.send(keys)
        self.expect(pattern)

    def foreground(self):
        """The processes in the foreground, unless they are the guest's own: how long each has run, None if it would run on."""
        group, found = os.tcgetpgrp(self.master), {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                state, _, pgrp, *more = pathlib.Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
            except OSError: # it has ended
                continue
            if int(pgrp) == group != self.p.pid:
                found[pid] = (more[8], more[9]) if state in "ST" else None
        return found

    def start(self, line):
        """Start a program in the foreground: it has the terminal and waits for something when this returns, or has run for a while."""
        self.type(line + "\r", r"\n")
        end, quiet, before = time.monotonic() + 5, 0, None
        while quiet < 6 and time.monotonic() < end:
            self.read(0)
            time.sleep(0.05)
            now = self.foreground()
            quiet = quiet + 1 if now and now == before and None not in now.values() else 0
            before = now

    def keys(self, *what):
        """Keys at a typist's speed: an escape that others follow at once would be the start of a function key, and
        less drops what comes while it draws. A first "" waits."""
        for part in what:
            self.send(part)
            time.sleep(0.15)
            self.read(0)

    def status(self):
        """Wait for the end of the guest; its status."""
        end = time.monotonic() + self.limit
        while time.monotonic() < end:
            self.read(0.05)
            if self.p.poll() is not None:
                return self.p.returncode
        raise tap.Fail("no end; the terminal has\n" + self.text[self.mark:])


def bash(case):
    """Job control and readline."""
    with Terminal(case, "bash", "--norc", "-i", env=case.env(PS1="<\\!>$ "), prompt=r"<\d+>\$ ") as t:
        t.expect(r"<1>\$ ")
        t.ask("tty; echo $-", r"/dev/pts/\d+\n.*i.*m")
        t.start("sleep 60")
        t.type("\x1a", r"\[1\]\+ +Stopped +sleep 60")
        t.expect(t.prompt)
        t.ask("echo st=$?", r"^st=148$") # 128 + SIGTSTP
        t.ask("bg", r"\[1\]\+ sleep 60 &")
        t.ask("jobs", r"\[1\]\+ +Running +sleep 60 &")
        t.ask("kill %1; wait; echo gone", r"^gone$")
        t.ask("sleep 50 & jobs -l", r"\[1\]\+ +\d+ Running")
        t.start("fg")
        t.type("\x03", t.prompt)
        t.ask("echo st=$?", r"^st=130$")
        t.start("cat >typed")
        t.type("first line\rsecond\r\x04", t.prompt)
        t.ask("cat typed", r"^first line\nsecond$")
        # Line editing: to the start and the end, rub out a word, history, search, completion.
        t.ask("cho edited\x01e\x05 end", r"^edited end$")
        t.ask("echo one two\x17three", r"^one three$")
        t.ask("\x1b[A\x1b[A", r"^edited end$")
        t.ask("\x12tty\x07\x15echo searched", r"^searched$")
        t.ask("echo typ\t", r"^typed $|^typed$")
        t.start("(trap 'echo intr; exit 4' INT; while :; do :; done)")
        t.type("\x03", r"intr$")
        t.expect(t.prompt)
        t.start("yes | sleep 40")
        t.type("\x1a", r"Stopped +yes \| sleep 40")
        t.expect(t.prompt)
        t.ask("kill -9 %1; sleep 0.2; echo st=$?", r"^st=0$")
        t.size(30, 100)
        t.ask("stty size; echo $LINES $COLUMNS", r"^30 100\n30 100$")
        t.ask("stty -echo; echo a; stty echo", r"^a$")
        t.type("read -s -p 'secret: ' x\r", r"^secret: ")
        t.type("hidden\r", t.prompt)
        t.ask("echo got ${#x}", r"^got 6$")
        t.ask("set -o vi; set -o | grep -c 'vi .*on'", r"^1$")
        t.send("exit 7\r")
        same(t.status(), 7, "status")
        check("hidden" not in t.text, "a silent read echoed")


def jobs(case):
    """What a terminal does to jobs in the background and in the foreground, waits, traps, and the terminal's state afterwards."""
    with Terminal(case, "bash", "--norc", "-i", env=case.env(PS1="<\\!>$ "), prompt=r"<\d+>\$ ") as t:
        t.expect(r"<1>\$ ")
        # The first of two to end, with its status; then the other.
        t.ask("{ sleep 0.5; exit 3; } & { sleep 0.1; exit 4; } & wait -n; echo n=$?", r"^n=4$")
        t.ask("wait -n; echo n=$?", r"^n=3$")
        t.ask("wait -n; echo n=$?", r"^n=127$")
        # A job in the background that reads the terminal stops, and reads when it is brought to the foreground.
        t.ask("cat >typed & sleep 0.3", r"\[1\] \d+")
        t.ask("jobs", r"\[1\]\+ +Stopped +cat")
        t.type("fg\r", r"cat > ?typed\n")
        t.type("a line\r\x04", t.prompt)
        t.ask("cat typed", r"^a line$")
        # One that writes does so too, if the terminal is set to stop it.
        t.ask("stty tostop; echo written & sleep 0.3", r"\[1\] \d+")
        t.ask("jobs -l", r"\[1\]\+ +\d+ Stopped \(tty output\) +echo written")
        t.type("fg\r", r"^written\n")
        t.expect(t.prompt)
        t.ask("stty -tostop; echo freely & wait; echo after", r"^freely\n(.*\n)*after$")
        # Stopped and continued by signals; a whole pipeline is one job.
        t.ask("sleep 50 | sleep 51 & kill -STOP %1; sleep 0.3", r"\[1\] \d+")
        t.ask("jobs", r"\[1\]\+ +Stopped +sleep 50 \| sleep 51")
        t.ask("kill -CONT %1; sleep 0.3; jobs", r"\[1\]\+ +Running +sleep 50 \| sleep 51")
        t.ask("kill %1; wait %1; echo st=$?", r"^st=143$")
        # Keys reach the foreground job alone; ^\\ ends what does not mind ^C.
        t.start("sleep 60 & bash -c 'trap \"\" INT; exec sleep 70'")
        t.type("\x03", r"\^C")
        t.type("\x1c", r"Quit")
        t.expect(t.prompt)
        t.ask("echo st=$?; jobs", r"^st=131\n\[1\]\+? +Running +sleep 60")
        t.ask("disown %1; jobs; echo none; kill $!", r"^none$")
        # A trap of the shell's own runs once the foreground job is over; EXIT and DEBUG.
        t.ask("trap 'echo usr1' USR1; (sleep 0.2; kill -USR1 $$) & sleep 0.6; echo slept", r"usr1\n(.*\n)*slept$")
        t.ask("bash -c 'trap \"echo exit \\$?\" EXIT; trap \"echo int\" INT; kill -INT $$; exit 6'; echo st=$?", r"^int\nexit 6\nst=6$")
        # A job that is suspended while it has the echo off; the shell has its own state back, the job then its.
        t.type("bash -c 'stty -echo; echo off; kill -STOP $$; stty -a | grep -o \"[-]*echo \"; stty echo'\r", r"^off$")
        t.expect(t.prompt)
        t.ask("echo echoed", r"echo echoed\nechoed$")
        t.type("fg\r", r"^-?echo $")
        t.expect(t.prompt)
        t.type("read -s x\r", r"read -s x\n")
        t.keys("", "\x03")
        t.expect(t.prompt)
        t.ask("stty -a | grep -o ' echo '", r"^ echo $")
        t.ask("stty -icanon -isig min 3; stty sane; stty -a | grep -o '[-]*icanon\\|[-]*isig' | tr '\\n' ' '", r"isig icanon|icanon isig")
        # A shell in the shell has jobs of its own, and can be stopped itself.
        t.type("PS1='inner> ' bash --norc -i\r", r"^inner> ")
        t.start("sleep 70")
        t.type("\x1a", r"Stopped +sleep 70")
        t.type("suspend\r", r"Stopped +PS1='inner> ' bash --norc -i")
        t.expect(t.prompt)
        t.type("fg\r", r"inner> ")
        t.type("jobs\r", r"\[1\]\+ +Stopped +sleep 70")
        # A job that has stopped is not waited for, and it takes its time to die.
        t.type("kill -9 %1; while jobs %1 >/dev/null 2>&1; do sleep 0.1; done; echo gone\r", r"^gone$")
        t.type("exit 8\r", t.prompt)
        t.ask("echo st=$?", r"^st=8$")
        t.send("exit 5\r")
        same(t.status(), 5, "status")


def ash(case):
    """busybox sh: job control and its own line editing."""
    with Terminal(case, "busybox", "sh", "-i", env=case.env(PS1="ash> "), prompt="ash> ") as t:
        t.expect("ash> ")
        t.start("sleep 60")
        t.type("\x1a", r"\[1\]\+ +Stopped +sleep 60")
        t.expect("ash> ")
        t.ask("bg", r"sleep 60")
        t.ask("jobs", r"\[1\]\+ +Running +sleep 60")
        t.ask("kill %1; wait; echo gone", r"^gone$")
        t.ask("echo abd\x7fc", r"^abc$")
        t.ask("\x1b[A", r"^abc$")
        t.start("cat")
        t.type("echoed\r", r"echoed\nechoed\n")
        t.type("\x03", "ash> ")
        t.ask("echo st=$?", r"^st=130$")
        t.send("\x04")
        same(t.status(), 0, "status")


def zsh(case):
    """zle and job control."""
    with Terminal(case, "zsh", "-f", "-i", env=case.env(PS1="zsh> "), prompt="zsh> ") as t:
        t.expect("zsh> ")
        t.ask("unsetopt prompt_sp prompt_cr; print $((6 * 7))", r"^42")
        t.ask("print wrng\x1b[Do", r"^wrnog")  # cursor left
        t.ask("\x1b[A", r"^wrnog")       # history
        t.start("sleep 60")
        t.type("\x1a", r"suspended +sleep 60")
        t.expect("zsh> ")
        t.ask("kill %1; wait; print st=$?", r"^st=\d+")
        t.ask("sleep 61 &", r"\[1\] \d+")
        t.start("fg")
        t.type("\x03", "zsh> ")
        t.ask("print st=$?", r"^st=130")
        t.send("exit 5\r")
        same(t.status(), 5, "status")


def vi(case):
    """busybox vi: insert, move, delete, yank, search, substitute, undo, write."""
    case.file("f", "alpha beta\ngamma delta\nepsilon\n")
    with Terminal(case, "busybox", "vi", "f") as t:
        t.expect(r"epsilon")
        t.keys("ggdwOfirst line", "\x1b", "jyyp")   # delete a word, a line above, copy a line
        t.keys("/delta\r", "cwDELTA", "\x1b")       # search, change a word
        t.keys("ddp:s/gamma/GAMMA/\r")
        t.keys("Gothe end", "\x1b", "0iat ", "\x1b", "xu")
        t.keys(":%s/beta/BETA/g\r", ":w out\r")
        t.expect(r"out")
        t.keys(":q!\r")
        same(t.status(), 0, "status")
    same(case.file("out").read_text(), "first line\nBETA\nBETA\nepsilon\nGAMMA DELTA\nat the end\n", "what vi wrote")
    same(case.file("f").read_text(), "alpha beta\ngamma delta\nepsilon\n", "f")


def vi_tmux(case):
    """vi's screen, as tmux sees it."""
    name = f"kitemu-{os.getpid()}-{case.mode}"
    tmux = ["tmux", "-L", name, "-f", "/dev/null"]
    env = {**case.env(), "PATH": os.environ["PATH"]}
    case.file("f", "".join(f"line {i}\n" for i in range(1, 101)))

    def screen(pattern):
        end = time.monotonic() + case.limit
        while time.monotonic() < end:
            text = tap.text(tap.run([*tmux, "capture-pane", "-p"], env=env)[1])
            if re.search(pattern, text, re.M):
                return text
            time.sleep(0.05)
        raise tap.Fail(f"{pattern!r} is not on the screen:\n{text}")

    def keys(*what):
        tap.expect([*tmux, "send-keys", *what], env=env)
    try:
        tap.expect([*tmux, "new-session", "-d", "-x", "60", "-y", "12", shlex.join(str(a) for a in case.argv("busybox", "vi", "f"))], cwd=case.dir, env=env)
        same(screen("^- f"), "".join(f"line {i}\n" for i in range(1, 12)) + screen("^- f").splitlines()[11] + "\n", "first screen")
        keys("50G")
        check(re.search(r"^line 50$", screen(r"^line 50$"), re.M), "50G")
        keys("i", "new ", "Escape")
        screen("^new line 50$")
        keys("dd", "C-f")
        screen("^line 6[0-9]$")
        keys(":1", "Enter", ":2,98d", "Enter")
        same(screen(r"\A[^\n]*\n[^\n]*\n~").splitlines()[:3], ["line 1", "line 100", "~"], "after :2,98d")
        keys(":x", "Enter")
        end = time.monotonic() + case.limit
        while case.file("f").read_text().count("\n") > 3 and time.monotonic() < end:
            time.sleep(0.05)
        check(case.file("f").read_text() in ("line 1\nline 100\n",), case.file("f").read_text()[:200])
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, capture_output=True)


def pagers(case):
    case.file("long", "".join(f"row {i}\n" for i in range(500)))
    with Terminal(case, "busybox", "less", "long") as t:
        t.expect(r"row 22\n")
        t.keys("", " ")
        t.expect(r"row 40\n")
        t.keys("", "/", "row 300\r")
        t.expect(r"row 310\n")
        t.keys("", "G")
        t.expect(r"row 499")
        t.keys("", "q")
        same(t.status(), 0, "less")
    with Terminal(case, "busybox", "more", "long") as t:
        t.expect(r"row 20\n")
        t.keys("", " ")
        t.expect(r"row 40\n")
        t.keys("", "q")
        same(t.status(), 0, "more")
    with Terminal(case, "busybox", "top", "-d", "1") as t:
        t.expect(r"Mem: .*\n.*CPU: .*\n.*Load average")
        t.expect(r"Mem: .*\n.*CPU: .*\n.*Load average", "top's second screen")
        t.send("q")
        same(t.status(), 0, "top")
    # Its shell is the host's, whose echo needs nobody to run riscv64 programs.
    with Terminal(case, "busybox", "watch", "-n", "1", "echo", "seen") as t:
        t.expect(r"seen")
        time.sleep(0.4) # while its command runs, watch ignores the key
        t.send("\x03")
        check(t.status() in (-signal.SIGINT, 130), f"watch: status {t.p.returncode}")


def cases(add):
    for name, f in (("bash", bash), ("jobs", jobs), ("ash", ash), ("zsh", zsh), ("vi", vi), ("vi-tmux", vi_tmux), ("pagers", pagers)):
        add(f"terminal/{name}", f, ("jit", "interp") if name in ("vi", "ash") else ("jit",))
