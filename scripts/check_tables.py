#!/usr/bin/env python3
"""Check the tables (*.def): rows are well formed, keys are unique, order is kept where it counts.

A row is NAME(column, ...) from the start of a line. All tables: no #if, no row twice, the same number of
columns in all rows of one NAME (but for tables whose rows list arguments). RULES adds what one table promises.
"""
import fnmatch, pathlib, re, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
START = re.compile(r"^([A-Z][A-Z0-9_]*)\(", re.M)


class Row:
    def __init__(self, line, name, cols):
        self.line, self.name, self.cols = line, name, cols

    def number(self, i):
        return int(self.cols[i].rstrip("uUlL"), 0)


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def columns(text, pos):
    """The columns of the row whose "(" stands before pos, or None when it is not closed."""
    depth, start, cols, quoted = 0, pos, [], False
    for i in range(pos, len(text)):
        c = text[i]
        if c == '"' and text[i - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}" and depth:
            depth -= 1
        elif c == ")" or c == ",":
            cols.append(" ".join(text[start:i].split()))
            start = i + 1
            if c == ")":
                return cols
    return None


def rows_of(text):
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    for m in START.finditer(text):
        yield Row(text.count("\n", 0, m.start()) + 1, m[1], columns(text, m.end()))


def unique(col, names=None):
    """Column col differs in all rows (of these names)."""

    def check(rows):
        seen = {}
        for r in rows:
            if names is None or r.name in names:
                first = seen.setdefault(r.cols[col], r)
                if first is not r:
                    yield r.line, f"{r.cols[col]} stands in line {first.line} already"

    return check


def ascending(col):
    """Numbers in column col ascend."""

    def check(rows):
        last = None
        for r in rows:
            if last is not None and r.number(col) <= last:
                yield r.line, f"{r.cols[col]} does not ascend"
            last = r.number(col)

    return check


def match_in_mask(match, mask):
    """A match sets no bit outside its mask, and no instruction has two rows."""

    def check(rows):
        seen = {}
        for r in rows:
            if r.number(match) & ~r.number(mask):
                yield r.line, "match has bits outside mask"
            first = seen.setdefault((r.number(match), r.number(mask)), r)
            if first is not r:
                yield r.line, f"match and mask of line {first.line}"

    return check


# pattern: (rows may differ in their number of columns, checks)
RULES = {
    "lib/ir/ops.def": (False, [unique(0)]),
    "lib/ir/helpers.def": (False, [unique(0)]),
    "lib/opt/passes.def": (False, [unique(0)]),
    "lib/base/log.def": (False, [unique(0)]),
    "runtime/sys/syscalls.def": (True, [ascending(0), unique(1)]),
    "cmd/kitemu/options.def": (True, [unique(0, {"OPT"}), unique(2, {"OPT"})]),
    "runtime/sys/kinds.def": (False, [unique(0)]),
    "arch/rv64/insns.def": (False, [unique(0), match_in_mask(3, 4)]),
    "arch/rv64/supplement.def": (False, [match_in_mask(0, 1)]),
    "arch/rv64/csrs.def": (False, [unique(0), ascending(1)]),
}


def faults(src, text):
    for n, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*#\s*(if|ifdef|ifndef|else|elif)\b", line):
            yield n, "a condition in a table"
    rows, widths, seen = list(rows_of(text)), {}, {}
    open_rows = [r for r in rows if r.cols is None]
    for r in open_rows:
        yield r.line, "the row is not closed"
    if open_rows:
        return
    if not rows:
        yield 1, "no row is to be seen"
    loose, checks = next((v for k, v in RULES.items() if fnmatch.fnmatch(src, k)), (True, []))
    for r in rows:
        first = seen.setdefault((r.name, *r.cols), r)
        if first is not r:
            yield r.line, f"the same row stands in line {first.line}"
        width = widths.setdefault(r.name, len(r.cols))
        if not loose and len(r.cols) != width:
            yield r.line, f"{len(r.cols)} columns, the rows before have {width}"
    for check in checks:
        try:
            yield from check(rows)
        except (ValueError, IndexError) as e:
            yield 0, f"a row does not have the columns this check knows: {e}"


def main():
    bad = 0
    for f in sorted(p for t in ("cmd", "lib", "arch", "runtime", "tests") for p in (ROOT / t).rglob("*.def")):
        src = f.relative_to(ROOT).as_posix()
        for n, why in faults(src, f.read_text()):
            print(f"{src}:{n}: {why}")
            bad += 1
    print(f"tables: {bad} faults")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
