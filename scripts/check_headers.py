#!/usr/bin/env python3
"""Fail when a header does not compile alone."""
import concurrent.futures, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CC = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-I.", "-Wall", "-Wno-unused", "-fsyntax-only", "-x", "c", "-include"]


def one(header):
    r = subprocess.run([*CC, header, "/dev/null"], cwd=ROOT, capture_output=True, text=True)
    return r.stderr if r.returncode else ""


headers = sorted(p.relative_to(ROOT).as_posix() for t in ("cmd", "lib", "arch", "runtime", "tests") for p in (ROOT / t).rglob("*.h")
                 if "guest/" not in p.as_posix().split("tests/")[-1])
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    said = [s for s in pool.map(one, headers) if s]
print(*said, sep="\n", end="")
print(f"headers: {len(said)} faults")
sys.exit(bool(said))
