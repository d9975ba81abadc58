#!/usr/bin/env python3
"""Fail when a file reaches 1,000 lines or a function 100.

A C function is what stands between a line "{" and the next line "}", with the lines of its head.
"""
import pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("cmd", "lib", "arch", "runtime", "tests", "scripts")
MAX_FILE, MAX_FUNCTION = 1000, 100
TEXT = {".c", ".h", ".S", ".def", ".py", ".sh", ".build", ""}


def c_functions(lines):
    """(line number of the head, name, lines) of each function."""
    start = None
    for n, line in enumerate(lines):
        if line == "{":
            start = n
        elif line == "}" and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("#", "}", " *", "*/", "/*")):
                head -= 1
            name = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
            yield head + 1, name[1] if name else "?", n - head + 1
            start = None


def py_functions(lines):
    starts = [n for n, line in enumerate(lines) if re.match(r"(def|class) ", line)] + [len(lines)]
    for a, b in zip(starts, starts[1:]):
        if lines[a].startswith("def "):
            body = [n for n in range(a + 1, b) if lines[n].startswith((" ", "\t"))]
            yield a + 1, lines[a].split()[1].split("(")[0], (body[-1] if body else a) - a + 1


def main():
    bad = 0
    for f in sorted(p for d in FOLDERS for p in (ROOT / d).rglob("*") if p.is_file() and p.suffix in TEXT):
        lines, src = f.read_text(errors="replace").splitlines(), f.relative_to(ROOT)
        if len(lines) >= MAX_FILE:
            print(f"{src}: {len(lines)} lines")
            bad += 1
        functions = c_functions(lines) if f.suffix in (".c", ".h") else py_functions(lines)
        for n, name, size in functions:
            if size >= MAX_FUNCTION:
                print(f"{src}:{n}: {name} has {size} lines")
                bad += 1
    print(f"sizes: {bad} faults")
    return bad != 0


sys.exit(main())
