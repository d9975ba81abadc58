#!/usr/bin/env python3
"""Write a linker script that points calls of absent optional functions at kit_weak_hook.

usage: weak_hooks.py OUT LIBRARY...

See meson.build beside this file. A symbol is taken only where the very object that refers to it weakly
calls it by a 32-bit displacement: references through the global offset table work as they are, and must
keep seeing 0. PROVIDE leaves alone what some object does define.
"""
import os, re, subprocess, sys

RELOC = re.compile(r"^[0-9a-f]+ +[0-9a-f]+ R_X86_64_(?:PC32|PLT32) +[0-9a-f]+ (\S+)")


def tool(*cmd):
    return subprocess.run(cmd, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout.splitlines()


def weak_by_member(lib):
    """{member: names it refers to weakly and does not define}"""
    found, member = {}, ""
    for line in tool("nm", "-u", lib):
        if line.endswith(":"):
            member = line[:-1]
        elif line.split()[:1] == ["w"]:
            found.setdefault(member, set()).add(line.split()[1])
    return found


def called(lib):
    """The weak names of lib that are reached by a 32-bit displacement."""
    weak = weak_by_member(lib)
    names, member = set(), ""
    if not weak:
        return names
    for line in tool("readelf", "-rW", lib):
        if line.startswith("File: "):
            member = line[line.rindex("(") + 1 : -1]
        elif (m := RELOC.match(line)) and m[1] in weak.get(member, ()):
            names.add(m[1])
    return names


def main(out, libs):
    names = set().union(*(called(lib) for lib in libs if os.path.exists(lib)))
    with open(out, "w") as f:
        for name in sorted(names):
            # The compiler's run-time library locks with pthread functions if they are there: they
            # must be, when it asks. Everything else is an optional part of libc.
            f.write(f"EXTERN({name})\n" if name.startswith("pthread_") else f"PROVIDE({name} = kit_weak_hook);\n")


main(sys.argv[1], sys.argv[2:])
