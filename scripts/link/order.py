#!/usr/bin/env python3
"""scripts/link/order.py [BUILD]: writes the functions of scripts/link/order.ld anew, from what short programs run.

Valgrind lists the functions that kitemu executes for them; the map of a link says in which sections these are. To be run on
Debian 12, whose compiler decides what is inlined, after changes that make start's counts of page faults rise.
"""
import bisect, pathlib, re, shlex, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ORDER = ROOT / "scripts/link/order.ld"
BEGIN, END = "/* order.py: from here */", "/* to here */"
# What is run: a title, a program of tests/bench with its arguments, options of callgrind. Each function belongs to the first.
# Where options are given, only what children run after that counts.
RUNS = [
    ("a fork, and what its child does first", ["costs", "fork", "40"], ["--zero-before=sys_clone"]),
    ("what its parent does", ["costs", "fork", "40"], []),
    ("the start of a program", ["hello"], []),
    ("threads", ["costs", "create", "40"], []),
    ("execve", ["costs", "spawn", "20"], []),
]
LINE = re.compile(r"^ (\.text\S*)?\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+) (\S.*)$")


def run(*argv, **more):
    return subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more).stdout


def sections(build, work):
    """[(address, end, section, file)] of the text, by address; and a link with these addresses."""
    command = shlex.split(run("ninja", "-C", build, "-t", "commands", "kitemu").splitlines()[-1])
    at = command.index("-o")
    command[at + 1] = str(work / "kitemu")
    run(*command, f"-Wl,-Map={work / 'map'}", cwd=build)
    found, name = [], None
    for line in (work / "map").read_text().splitlines():
        if re.match(r"^ \.text\S*$", line):
            name = line.strip()
            continue
        m = LINE.match(line)
        if m and (m[1] or name) and int(m[3], 16):
            found.append((int(m[2], 16), int(m[2], 16) + int(m[3], 16), m[1] or name, m[4].strip()))
        name = None
    return sorted(found), work / "kitemu"


def executed(kitemu, program, options, work):
    out = work / "callgrind"
    out.mkdir()
    process = subprocess.Popen(["valgrind", "--tool=callgrind", "--smc-check=all", f"--callgrind-out-file={out}/%p", *options,
                                kitemu, *program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if process.wait():
        sys.exit(f"order.py: valgrind cannot run {program[0]}")
    names = set()
    for file in out.iterdir():
        if options and file.name == str(process.pid):
            file.unlink()
            continue
        called = re.findall(r"^(c?)fn=\((\d+)\)(?: (\S+))?$", file.read_text(), re.M)
        name_of = {number: name for _, number, name in called if name} # told once
        names |= {re.sub(r"'\d+$", "", name_of[number]) for by, number, _ in called if not by}
        file.unlink()
    out.rmdir()
    return names


def pattern(section, file):
    """The line for an input section: a function of kitemu's by its name, one of a library by its member."""
    if ".p/" in file:
        section = re.sub(r"\.(part|isra|constprop)\..*", "", section) # other compilers cut it otherwise
        name = section.removeprefix(".text.")
        return f"*({section} {section}.* .rodata.{name} .rodata.{name}.*)" if section != ".text" else f"*{pathlib.Path(file).name}(.text)"
    library, member = re.search(r"([^/]+\.a)\((.+)\)$", file).groups()
    return f"*{library}:{member}(.text .text.*)"


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    lines, seen = [], set()
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        places, kitemu = sections(build, work)
        starts = [p[0] for p in places]
        symbols = {}
        for address, kind, symbol in re.findall(r"^([0-9a-f]+) (\w) (\S+)$", run("nm", kitemu), re.M):
            if kind in "tTwWi":
                symbols.setdefault(symbol, []).append(int(address, 16))
        for title, (program, *args), options in RUNS:
            guest = work / program
            run("riscv64-linux-gnu-gcc", "-O2", "-static", "-pthread", f"-I{ROOT}", "-o", guest, ROOT / f"tests/bench/{program}.c")
            found = set()
            for symbol in executed(kitemu, [guest, *args], options, work):
                for address in symbols.get(symbol, []):
                    start, end, section, file = places[bisect.bisect(starts, address) - 1]
                    if start <= address < end and ".a(crt" not in file and not re.search(r"/crt\w+\.o$", file):
                        found.add(pattern(section, file))
            lines += [f"/* {title} */", *sorted(found - seen)]
            seen |= found
    head, _, rest = ORDER.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    ORDER.write_text(head + BEGIN + "\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t\t" + END + tail)


main()
