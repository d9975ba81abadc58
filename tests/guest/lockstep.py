"""--selfcheck itself: what it says when the engines differ.

They are made to: the test writes to the private memory of a running guest, through /proc/PID/mem, so that what one engine
reads is not what the other reads."""
import os, re, subprocess, time
import tap

LIMIT_S = 60

# Its only loads from `word` are in one loop, which ends when `word` is -1.
GUEST = r"""
    #include <stdio.h>
    static volatile long word;
    int main(void)
    {
        long n = 0, v;
        printf("%p\n", (void *)&word);
        fflush(stdout);
        while ((v = word) != -1)
            n += v;
        return 0;
    }"""


def disturb(kitemu, exe):
    """Run the guest and change its word for as long as it lasts. Returns (status, what it said on stderr)."""
    p = subprocess.Popen([kitemu, "--selfcheck", exe], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    try:
        address, end, k = int(p.stdout.readline(), 16), time.monotonic() + LIMIT_S, 0
        try:
            mem = open(f"/proc/{p.pid}/mem", "r+b", buffering=0)
        except PermissionError:
            raise tap.Skip("this machine lets no process write another's memory")
        with mem:
            while p.poll() is None:
                if time.monotonic() > end:
                    raise tap.Fail(f"no difference seen in {LIMIT_S} s")
                k += 1
                try:
                    os.pwrite(mem.fileno(), (k & 0xffff).to_bytes(8, "little"), address)
                except OSError:  # it has just ended
                    break
        return p.wait(), p.stderr.read()
    finally:
        p.kill()
        p.communicate()


def difference(suite, cross):
    """The report names registers and values, and its reproducer is a command that kit-ir takes."""
    work = suite.work / "lockstep"
    work.mkdir(parents=True, exist_ok=True)
    src, exe = work / "guest.c", work / "guest"
    src.write_text(GUEST)
    tap.expect([cross + "gcc", "-O1", "-static", src, "-o", exe])
    status, err = disturb(suite.kitemu, exe)
    if status != 125:
        raise tap.Fail(f"status {status}\n{err}")
    m = re.search(r"--selfcheck: the engines differ at pc (0x[0-9a-f]+)\n((?:x?\w+: interpreter .*\n)+)"
                  r"reproduce: kit-ir (lift --pc=(0x[0-9a-f]+) .* interp .*)\n", err)
    if not m or m[1] != m[4]:
        raise tap.Fail("the report is\n" + err)
    # kit-ir finds what the interpreter said: of pc the next one, of each register that changes its value.
    out = tap.text(tap.expect([suite.kit_ir, *m[3].split()], stderr=""))
    for name, value in re.findall(r"(\w+): interpreter (0x\w+)", m[2]):
        if f" {name}={value} " in m[3]:
            continue
        if not re.search(rf"^exit \w+ {value}$" if name == "pc" else rf"^{name} = {value}$", out, re.M):
            raise tap.Fail(f"{name} is not {value}: kit-ir {m[3]} says\n{out}")


def cases(suite, cross):
    suite.add("selfcheck-difference", lambda: difference(suite, cross))
