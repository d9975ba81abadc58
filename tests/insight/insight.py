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
