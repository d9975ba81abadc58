"""Console transcripts of README files and manual pages, to be replayed.

A line that begins with "$ " is a command, those below it are what it prints: "..." stands for any text of a line, and alone
for any lines. Empty lines do not count.
"""
import re

import tap

NUMBER = re.compile(r"\b(?:0x[0-9a-f]+|[0-9a-f]{16}|\d+)\b")


def steps(lines):
    """[command, lines below it] of a block; none where it is no transcript."""
    out = []
    for line in lines:
        if line.startswith("$ "):
            out.append([line[2:], []])
        elif out and line.strip():
            out[-1][1].append(line)
    return out


def markdown(path):
    """Heading and lines of each indented block of a file."""
    heading, block = "", []
    for line in [*path.read_text().splitlines(), "#"]:
        if line.startswith("    ") or (block and not line):
            block.append(line[4:])
            continue
        if block:
            yield heading, block
            block = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def manual(path):
    """The same of a manual page, whose blocks stand between .nf and .fi."""
    page = path.read_text().replace("\\-", "-").replace("\\e", "\\")
    heading, block = "", None
    for line in page.splitlines():
        if line.startswith((".SH ", ".SS ")):
            heading = line[4:]
        elif line == ".nf":
            block = []
        elif line == ".fi":
            yield heading, block
            block = None
        elif block is not None:
            block.append(line)


def pattern(line, numbers):
    """A regular expression for a line. numbers: they may be others, and more or fewer spaces."""
    any_number = lambda text: "".join(
        r"[0-9a-fx]+" if NUMBER.fullmatch(p) else re.sub(r"(\\ )+", " +", re.escape(p)) for p in re.split(f"({NUMBER.pattern})", text))
    return ".*".join(map(any_number if numbers else re.escape, line.rstrip().split("...")))


def check(command, want, got, numbers=False):
    """Fails unless a command has printed what stands below it."""
    got = "".join(line.rstrip() + "\n" for line in tap.text(got).splitlines() if line.strip())
    whole = "".join(r"(?:.*\n)*?" if line.strip() == "..." else pattern(line, numbers) + r"\n" for line in want)
    if not re.fullmatch(whole, got):
        raise tap.Fail(f"$ {command}\n{got}\nexpected\n" + "\n".join(want))
