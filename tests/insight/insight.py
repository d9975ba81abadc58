"""What the tests of this folder share."""
import pathlib, shutil, threading

import tap

HERE = pathlib.Path(__file__).resolve().parent
CC, QEMU = "riscv64-linux-gnu-gcc", "qemu-riscv64"
BARE = ["-nostdlib", "-ffreestanding", "-Wl,--no-relax"]
lock = threading.Lock()


def has_compiler():
    return shutil.which(CC)


def need(*tools):
    for t in tools:
        if not shutil.which(t):
            raise tap.Skip(f"no {t}")


def build(suite, name, *flags, cc=CC, source=None):
    """The program of NAME.c, compiled once for these flags."""
    out = suite.work / "-".join([name, cc.split("-")[0], *(f.strip("-").replace("/", "_") for f in flags)])
    with lock:
        if not out.exists():
            tap.expect([cc, "-static", "-w", *flags, source or HERE / f"{name}.c", "-o", out], timeout=180)
    return out


def qemu_trace(program, log):
    """Run PROGRAM under qemu, which writes a line an instruction to LOG; returns the status. Its option was renamed in 8.1."""
    log.touch()
    for option in ("-one-insn-per-tb", "-singlestep"):
        status, _, err = tap.run([QEMU, option, "-d", "nochain,exec", "-D", log, program])
        if b"unknown option" not in err:
            break
    return status
