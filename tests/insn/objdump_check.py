#!/usr/bin/env python3
"""objdump_check.py DECODE_DUMP [WORDS]: the decoder against GNU objdump, names and operands: all halfwords, and
WORDS (100,000) words of which half are instructions of insns.def with random operands. Prints differences that are
not in KNOWN; exit status 1 when there are any."""
import collections, random, re, struct, subprocess, sys, tempfile
import encode

# Differences that are right, with the reason; the test gets objdump's name, ours, the word, and whether objdump's
# operands contain "unknown".
KNOWN = [
    ("objdump prints reserved rounding modes as 'unknown'; they are illegal",
     lambda theirs, ours, w, odd: odd and ours == "illegal" and w >> 12 & 7 in (5, 6)),
    ("fcvt.d.{w,wu,s} never round, but rm may be any valid one (D, conversions)",
     lambda theirs, ours, w, odd: theirs == ".4byte" and ours in ("fcvt.d.w", "fcvt.d.wu", "fcvt.d.s")),
    ("reserved fields of fence are ignored (RV32I, memory ordering instructions)",
     lambda theirs, ours, w, odd: theirs == ".4byte" and ours == "fence"),
    ("reserved fields of fence.i are ignored (Zifencei)",
     lambda theirs, ours, w, odd: theirs == ".4byte" and ours == "fence.i"),
    ("objdump's name for fence with fm TSO, or for the HINT fence w,0",
     lambda theirs, ours, w, odd: theirs in ("fence.tso", "pause") and ours == "fence"),
    ("0x0000 is illegal by definition; objdump calls it c.unimp",
     lambda theirs, ours, w, odd: theirs == "c.unimp" and ours == "illegal"),
    ("c0001073 is the assembler's unimp: a csrrw that writes a read-only CSR",
     lambda theirs, ours, w, odd: w == 0xC0001073 and ours == "csrrw"),
    ("shift by 0, a HINT: objdump calls it c.slli64 and so on",
     lambda theirs, ours, w, odd: theirs == ours + "64" and w & 0x107C == 0),
    ("an extension or a privilege that the guest does not have",
     lambda theirs, ours, w, odd: ours == "illegal" and theirs not in encode.ROWS),
    ("reserved (c.lui and c.addi16sp with immediate 0)",
     lambda theirs, ours, w, odd: ours == "illegal" and theirs in ("c.lui", "c.addi16sp") and w & 0x107C == 0),
]
LINE = re.compile(r"\s*([0-9a-f]+):\t([0-9a-f]+)\s*\t(\S+)(?:\s+([^#<]*))?")
CSR_NAMES = {}


def numbers(text, pc, name):
    """The operands of objdump's text as numbers: registers by their number."""
    out = []
    for part in re.split(r"[,()\s]+", text.strip()):
        if re.fullmatch(r"[xf]\d+", part):
            out.append(int(part[1:]))
        elif re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", part):
            out.append(int(part, 0))
        elif part in encode.RM:
            out.append(encode.RM[part])
        elif name.startswith("fence") and part:
            out.append(0 if part == "0" else sum(8 >> "iorw".index(c) for c in part))
        elif part:
            out.append(part)  # a CSR's name
    return out


def sext(v, n):
    return (v & (1 << n) - 1) - (v >> n - 1 & 1) * (1 << n)


def ours_as_numbers(name, fmt, rd, rs1, rs2, rs3, rm, imm, pc, theirs):
    """What the decoder gave, in the order of objdump's operands."""
    kinds = encode.ROWS[name].operands
    branch = fmt in ("B", "J", "CB", "CJ")
    if branch:
        imm = pc + imm & (1 << 64) - 1
    if fmt == "U":
        imm = imm >> 12 & 0xFFFFF
    if fmt == "CI_LUI":
        imm = imm >> 12 & 0xFFFFF
    value = {"rd": [rd], "rs1": [rs1], "rs2": [rs2], "rs3": [rs3], "rm": [rm], "imm": [imm], "mem": [imm, rs1],
             "at": [rs1], "c2": [rd], "c7": [rd], "cmem": [imm, rs1], "r2": [rs2], "sp": [2], "spmem": [imm, 2],
             "pred": [imm >> 4], "succ": [imm & 15], "csr": [imm], "src": [rs1]}
    if fmt in ("CS_W", "CS_D", "CA"):
        value["c2"] = [rs2]
    if fmt == "CB":
        value["c7"] = [rs1]
    if fmt in ("CR_JR", "CR_JALR"):
        value["rd"] = [rs1]
    if name == "c.nop":
        kinds = ["rd", "imm"] if len(theirs) == 2 else []
    out = [v for kind in kinds for v in value[kind]]
    if "rm" in kinds and rm == 7 or name in ("fcvt.d.w", "fcvt.d.wu", "fcvt.d.s"):
        out = out[:-1]  # not printed
    return out


def same_operands(name, theirs, ours):
    if name.startswith("csr") and len(theirs) == 3 and isinstance(theirs[1], str):
        CSR_NAMES.setdefault(theirs[1], ours[1])  # by name: the same number each time
        return theirs[0] == ours[0] and theirs[2] == ours[2] and CSR_NAMES[theirs[1]] == ours[1]
    return theirs == ours


def words(count):
    random.seed(1)
    yield from (w for w in range(0x10000) if w & 3 != 3)
    rows = list(encode.ROWS.values())
    for k in range(count):
        row = random.choice(rows)
        w = row.match | random.getrandbits(32) & ~row.mask if k & 1 else random.getrandbits(32) | 3
        if w & 3 == 3 and w & 0x1C != 0x1C:  # longer than 32 bits: not ours
            yield w & 0xFFFFFFFF


def main():
    dump, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    todo = list(words(count))
    padded = b"".join(struct.pack("<I", w) if w & 3 == 3 else struct.pack("<HH", w, 1) for w in todo)
    ours = subprocess.run([dump], input=b"".join(struct.pack("<I", w) for w in todo), capture_output=True,
                          check=True).stdout.decode().splitlines()
    with tempfile.NamedTemporaryFile() as f:
        f.write(padded)
        f.flush()
        text = subprocess.run(["riscv64-linux-gnu-objdump", "-D", "-z", "-b", "binary", "-m", "riscv:rv64", "-M",
                               "no-aliases,numeric", f.name], capture_output=True, text=True, check=True).stdout
    theirs = {}
    for line in text.splitlines():
        m = LINE.match(line)
        if m and int(m[1], 16) % 4 == 0:
            # Binutils 2.42 and later write ".insn 4, WORD" for what they do not know.
            name = f".{m[4][0]}byte" if m[3] == ".insn" else m[3]
            theirs[int(m[1], 16)] = (name, m[4] or "")
    seen, bad = collections.Counter(), 0
    for k, w in enumerate(todo):
        if 4 * k not in theirs:
            bad += 1
            print(f"{w:08x}: no line from objdump")
            continue
        name, operands = theirs[4 * k]
        base = re.sub(r"\.(aq|rl|aqrl)$", "", name)
        _, mine, fmt, size, *fields = ours[k].split()
        fields = [int(f) for f in fields]
        odd = "unknown" in operands
        if mine == base and not odd:
            got = numbers(operands, 4 * k, base)
            want = ours_as_numbers(mine, fmt, *fields, 4 * k, got)
            if not same_operands(mine, got, want):
                bad += 1
                print(f"{w:08x}: objdump {name} {operands}, kitemu {mine} {want}")
            continue
        if mine == "illegal" and name in (".4byte", ".2byte"):
            continue
        reason = next((r for r, test in KNOWN if test(name, mine, w, odd)), None)
        if mine == "c.nop" and base == "c.addi" and w >> 7 & 31 == 0:
            reason = "objdump's name for c.nop without aliases"
        if reason is None:
            bad += 1
            if bad < 40:
                print(f"{w:08x}: objdump {name} {operands}, kitemu {mine} {fields}")
        seen[reason] += 1
    for reason, n in seen.items():
        print(f"# {n} words: {reason}")
    print(f"# {len(todo)} words, {bad} differences")
    return bad != 0


sys.exit(main())
