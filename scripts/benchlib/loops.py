"""Where a program spends its instructions, three times side by side: the guest's code, kitemu's code of it, the native
compiler's. tests/bench/LOOPS.md discusses what this shows.

Each instruction is counted, not sampled: the guest's by kitemu --profile, the host's by callgrind, all with the same
arguments. A place is a loop of at most LONGEST instructions or, where most of a program's work is in none, a stretch of
SHOWN. The guest's is looked for first; kitemu's is found in what its log shows of translations of that range, the
native one in the function of the same name, or anywhere if that has been inlined. Kitemu's shares are of translated code
alone. Under valgrind a guest does not have its own addresses, so its memory has a base register (r15, x20), which elsewhere is
not there, and what indexes a table may take an instruction more."""
import bisect, dataclasses, itertools, platform, re, shutil, subprocess
from collections import Counter

from .toolchain import GUEST, BuildError, call

SHOWN = 40
LONGEST = 160
DETOUR = 4  # instructions that a jump's target may have until it jumps back: code that is moved out of a loop
INSTRUCTIONS = {False: 100_000_000, True: 10_000_000}  # of the guest: valgrind takes some five seconds for the first
INNERMOST = 0.5  # a loop stands for one around it if it has so much of its instructions
IN_LOOPS = 0.5  # of the weight of the best stretch that a loop has to have to be shown instead
TOOLS = ("valgrind", "objdump", f"{GUEST}objdump")
CALLGRIND = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--smc-check=all"]
TEXT = 46  # columns of an instruction


@dataclasses.dataclass(frozen=True)
class Insn:
    addr: int
    text: str
    target: int  # of a direct jump, or -1
    label: str  # what the address is called in the listing


@dataclasses.dataclass
class Place:
    """Instructions that lie next to each other, with how often each was executed."""
    name: str
    insns: list
    counts: Counter
    total: int  # of everything that the column's shares refer to

    @property
    def weight(self):
        return sum(self.counts[i.addr] for i in self.insns)

    @property
    def turns(self):
        return max(self.counts[i.addr] for i in self.insns)


def counts_of(files, mapped=""):
    """(how often the instruction at each address was executed, how many in all) of callgrind's files;
    mapped: without the code of this object, which leaves the code that it made."""
    found, addr, inside, objects = Counter(), 0, True, {}
    for line in itertools.chain.from_iterable(map(open, files)):
        if line.startswith(("ob=", "cob=")):  # each may be the first to say what a number stands for
            number, _, name = line.partition("=")[2].strip().partition(" ")
            objects[number] = name or objects.get(number, number)
            if line[0] == "o":
                inside = not mapped or objects[number] != mapped
        elif line.startswith("calls="):
            called = True  # the line after it is what the callee took
            continue
        elif line[:1] in "0123456789+-*":
            where, _, *cost = line.split()
            addr = addr if where == "*" else addr + int(where) if where[0] in "+-" else int(where, 16)
            if inside and not called and cost:
                found[addr] += int(cost[0])
        called = False
    return found, sum(found.values())


def tidy(text):
    text = re.sub(r"<[^>]*>|#.*|;.*|\b[a-z]+ ptr (?=\[)", "", text, flags=re.I)
    return re.sub(r"\s+", " ", text).strip()[:TEXT]


def is_jump(mnemonic):
    return bool(re.match(r"j|b(?!s|t|l|ic|f)|cb|tb[nz]", mnemonic)) and mnemonic != "jalr"


def listing(program, objdump):
    """[(function, its instructions)] of a program."""
    found = []
    for line in call([*objdump, "-dw", "--no-show-raw-insn", program]).splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            found.append((start[1], []))
        elif insn := re.match(r"\s*([0-9a-f]+):\t(.+)", line):
            to = re.search(r"([0-9a-f]+) <", insn[2])
            found[-1][1].append(Insn(int(insn[1], 16), tidy(insn[2]),
                                     int(to[1], 16) if to and is_jump(insn[2]) else -1, insn[1]))
    return found


def logged(text):
    """The same of kitemu's log of translations."""
    found = []
    for unit in re.split(r"^OUT: ", text, flags=re.M)[1:]:
        gpc, base = re.match(r"(\w+), \d+ bytes at (\w+)", unit).groups()
        body = unit.partition("\n----")[0]
        insns = []
        for at, what in re.findall(r"^ *([0-9a-f]+)  (.+)$", body, re.M):
            to = re.search(r"[ #](?:0x)?([0-9a-f]+)$", tidy(what))
            insns.append(Insn(int(base, 16) + int(at, 16), tidy(what),
                              int(base, 16) + int(to[1], 16) if to and is_jump(what) and "link jump" not in what else -1, at))
        found.append((f"translation of {gpc}", insns))
    return found


def back_edges(insns, addrs):
    """(from, to) of all jumps back, as indices; a detour counts as the jump that it ends with."""
    def index(addr):
        n = bisect.bisect_left(addrs, addr)
        return n if addr >= 0 and n < len(addrs) and addrs[n] == addr else None

    for n, i in enumerate(insns):
        to = index(i.target)
        if to is not None and to > n:
            to = next((index(x.target) for x in insns[to:to + DETOUR] if 0 <= x.target <= i.addr), None)
        if to is not None and to <= n:
            yield n, to


def hottest(functions, counts, total):
    """The Place of most instructions executed."""
    best_loop, best_run = (0, None), (0, None)
    for name, insns in functions:
        sums = [0, *itertools.accumulate(counts[i.addr] for i in insns)]
        if not sums[-1]:
            continue
        addrs = [i.addr for i in insns]

        def weight(span):
            return sums[span[1]] - sums[span[0]]

        loops = [(first, n + 1) for n, first in back_edges(insns, addrs)
                 if n - first < LONGEST and counts[addrs[n]]]
        runs = [(n, min(n + SHOWN, len(insns))) for n in range(max(1, len(insns) - SHOWN + 1))]
        best_run = max(best_run, (weight(run := max(runs, key=weight)), (name, insns[slice(*run)])), key=lambda b: b[0])
        if loops:
            outer = max(loops, key=weight)
            inner = min((x for x in loops if outer[0] <= x[0] and x[1] <= outer[1]
                         and weight(x) >= INNERMOST * weight(outer)), key=lambda x: x[1] - x[0])
            best_loop = max(best_loop, (weight(inner), (name, insns[slice(*inner)])), key=lambda b: b[0])
    of, found = best_loop if best_loop[0] >= IN_LOOPS * best_run[0] else best_run
    if not of:
        return None
    name, insns = found
    executed = [n for n, i in enumerate(insns) if counts[i.addr]]
    return Place(name, insns[executed[0]:executed[-1] + 1], counts, total)


def quietly(command, case):
    r = subprocess.run([str(c) for c in command], cwd=case.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, errors="replace")
    if r.returncode:
        raise BuildError(f"{command[0]}: {(r.stderr.strip().splitlines() or ['?'])[-1]}")


def fresh(folder, pattern):
    for f in folder.glob(pattern):
        f.unlink()


def guest_counts(case, args, kitemu, folder):
    fresh(folder, "loops.callgrind")
    quietly([*kitemu, f"--profile={folder / 'loops.callgrind'}", case.rv64, *args], case)
    return counts_of([folder / "loops.callgrind"])


def host_counts(case, command, folder, mapped=""):
    """By callgrind, which writes a file for each process."""
    fresh(folder, "loops.out.*")
    quietly([*CALLGRIND, f"--callgrind-out-file={folder / 'loops.out.%p'}", *command], case)
    return counts_of(folder.glob("loops.out.*"), mapped)


def arguments(case, kitemu, folder, wanted):
    """The quick ones, but of our own programs as many rounds as make the wanted number of instructions."""
    *what, quick = case.arguments(True)
    if case.program.kind == "real":
        return [*what, quick]
    _, whole = guest_counts(case, [*what, quick], kitemu, folder)
    return [*what, str(max(1, min(int(case.arguments(False)[-1]), int(quick) * wanted // whole)))]


def places(case, kitemu, folder, wanted):
    """[Place] of the guest, kitemu (None if none of its translations ran there) and the native build; and the arguments."""
    args = arguments(case, kitemu, folder, wanted)
    guest = hottest(listing(case.rv64, [f"{GUEST}objdump"]), *guest_counts(case, args, kitemu, folder))
    span = f"0x{guest.insns[0].addr:x}..0x{guest.insns[-1].addr:x}"
    log = folder / "loops.log"
    log.unlink(missing_ok=True)
    made = host_counts(case, [*kitemu, "-d", "out_asm", f"--dfilter={span}", "-D", log, case.rv64, *args], folder,
                       str(kitemu[0]))
    host = hottest(logged(log.read_text()), *made)
    counts, total = host_counts(case, [case.native, *args], folder)
    intel = ["-M", "intel"] if platform.machine() == "x86_64" else []
    functions = listing(case.native, ["objdump", *intel])
    everywhere = hottest(functions, counts, total)
    same = hottest([f for f in functions if f[0] == guest.name], counts, total)
    native = same if same and same.weight >= everywhere.weight / 2 else everywhere
    return [guest, host, native], args


def column(title, place, turns):
    """The lines of a column: what a turn takes, how many there are, then the instructions with their shares.
    turns: the guest's."""
    if not place or not place.weight:
        return [title, "nothing: a routine of kitemu's own", ""]
    share = 100 / place.total
    lines = [f"{title}: {place.name}"[:TEXT + 8],
             f"{place.weight * share:.0f} %; {place.weight / place.turns:.1f} a turn, {place.turns / turns:.2f} turns", ""]
    lines += [f"{place.counts[i.addr] * share:5.1f} {i.label[-5:]:>5}  {i.text}" for i in place.insns[:SHOWN]]
    return lines + ([f"... and {len(place.insns) - SHOWN} more"] if len(place.insns) > SHOWN else [])


def show(case, kitemu, folder, wanted):
    (guest, host, native), args = places(case, kitemu, folder, wanted)
    columns = [column(title, place, guest.turns)
               for title, place in (("guest", guest), ("kitemu", host), ("native", native))]
    print(f"\n{case.program.name} {' '.join(args)[:TEXT]}: {guest.turns} turns of the guest's loop; "
          "% of each column's instructions")
    widths = [max(map(len, c)) for c in columns]
    for cells in itertools.zip_longest(*columns, fillvalue=""):
        print("  " + " | ".join(f"{c:{w}}" for c, w in zip(cells, widths)).rstrip(), flush=True)


def report(cases, kitemu, folder, small_input, quick):
    """Print the hot places of all programs; True unless one of them failed. small_input: makes a case's quick input and
    returns the folder to run in."""
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        print(f"\nloops: skipped, needs {', '.join(missing)}")
        return True
    good = True
    for case in cases:
        try:
            if case.program.kind == "system":
                print(f"\n{case.program.name}: most of its work is the kernel's: perf record -e cpu-clock tells more")
                continue
            if case.skipped:
                raise BuildError(case.skipped)
            show(dataclasses.replace(case, cwd=small_input(case)), kitemu, folder, INSTRUCTIONS[quick])
        except BuildError as e:
            good = False
            print(f"\n{case.program.name}: {e}")
    return good
