#!/usr/bin/env python3
"""Fail when an object file of lib/ or arch/ owns writable data.

usage: check_globals.py BUILD|OBJECT|ARCHIVE...     (a build folder stands for its libraries of lib/ and arch/)

Reads section names, not nm letters: a const table of pointers is 'D' to nm
in a PIE build, but it sits in .data.rel.ro and is read-only at run time.
Needs objects made without link-time optimisation.
"""
import pathlib, re, subprocess, sys

ROW = re.compile(r"^[0-9a-f]+ .{7} (\.(?:data|bss|tdata|tbss)(?!\.rel\.ro)\S*|\*COM\*)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$")
HEAD = re.compile(r"^(\S+):\s+file format ")
# What is logged and where are set once, from the command line, before anything else runs.
ALLOWED = {"kit_log_mask", "kit_log_out"}
LIBS = ("base", "ir", "opt", "ra", "jit", "rv64", "x86_64", "aarch64", "native", "arch")


def files_of(arg):
    path = pathlib.Path(arg)
    if not path.is_dir():
        return [path]
    return [lib for name in LIBS if (lib := path / f"libkit_{name}.a").exists()]


def faults(path):
    member = path.name
    out = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        if m := HEAD.match(line):
            member = m[1]
        elif (m := ROW.match(line)) and int(m[2], 16) and m[3] not in ALLOWED and not m[3].startswith("."):
            yield f"{path.name}({pathlib.Path(member).name}): writable {m[3]} in {m[1]}"


paths = [p for arg in sys.argv[1:] for p in files_of(arg)]
found = [f for p in paths for f in faults(p)]
print(*found, sep="\n", end="\n" if found else "")
if not paths:
    sys.exit("globals: nothing to check")
print(f"globals: {len(found)} faults in {len(paths)} files")
sys.exit(bool(found))
