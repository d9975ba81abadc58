"""A small assembler for test cases, from the masks of insns.def and the manual's format drawings. It shares no
code with the decoder: operands that come back wrong show up as a wrong result."""
import re
from insn import F, ROOT, X

ROW = re.compile(r"INSN(_AQRL)?\((\w+),\s*\w+,\s*(\w+),\s*(0x\w+),\s*(0x\w+),\s*(\w+),")
RM = {"rne": 0, "rtz": 1, "rdn": 2, "rup": 3, "rmm": 4, "dyn": 7}
CSRS = {"fflags": 1, "frm": 2, "fcsr": 3, "cycle": 0xC00, "time": 0xC01, "instret": 0xC02}

# Immediates: bit n of the value goes to bit place[n] of the word (manual's drawings, read downwards).
SCATTER = {
    "I": {n: 20 + n for n in range(12)},
    "S": {**{n: 7 + n for n in range(5)}, **{n: 20 + n for n in range(5, 12)}},
    "B": {12: 31, 11: 7, **{n: 20 + n for n in range(5, 11)}, **{n: 7 + n for n in range(1, 5)}},
    "U": {n: 12 + n for n in range(20)},
    "J": {20: 31, 11: 20, **{n: n for n in range(12, 20)}, **{n: 20 + n for n in range(1, 11)}},
    "SH6": {n: 20 + n for n in range(6)},
    "SH5": {n: 20 + n for n in range(5)},
    "CI": {5: 12, 4: 6, 3: 5, 2: 4, 1: 3, 0: 2},
    "CI_16SP": {9: 12, 4: 6, 6: 5, 8: 4, 7: 3, 5: 2},
    "CI_WSP": {5: 12, 4: 6, 3: 5, 2: 4, 7: 3, 6: 2},
    "CI_DSP": {5: 12, 4: 6, 3: 5, 8: 4, 7: 3, 6: 2},
    "CSS_W": {5: 12, 4: 11, 3: 10, 2: 9, 7: 8, 6: 7},
    "CSS_D": {5: 12, 4: 11, 3: 10, 8: 9, 7: 8, 6: 7},
    "CIW": {5: 12, 4: 11, 9: 10, 8: 9, 7: 8, 6: 7, 2: 6, 3: 5},
    "CL_W": {5: 12, 4: 11, 3: 10, 2: 6, 6: 5},
    "CL_D": {5: 12, 4: 11, 3: 10, 7: 6, 6: 5},
    "CB": {8: 12, 4: 11, 3: 10, 7: 6, 6: 5, 2: 4, 1: 3, 5: 2},
    "CJ": {11: 12, 4: 11, 9: 10, 8: 9, 10: 8, 6: 7, 7: 6, 3: 5, 2: 4, 1: 3, 5: 2},
}
for alias, same in {"JR": "I", "CI_LI": "CI", "CI_LUI": "CI", "CI_SH": "CI", "CB_SH": "CI", "CB_I": "CI", "CS_W": "CL_W",
                    "CS_D": "CL_D"}.items():
    SCATTER[alias] = SCATTER[same]
SIGNED = {"I": 12, "JR": 12, "S": 12, "B": 13, "J": 21, "CI": 6, "CI_LI": 6, "CI_LUI": 6, "CB_I": 6, "CI_16SP": 10, "CB": 9,
          "CJ": 12}

# Operands in assembler order: rd rs1 rs2 rs3 in their fields of long formats, or field:bit[:3 bits]
OPERANDS = {
    "R": "rd rs1 rs2", "R4": "rd rs1 rs2 rs3 rm", "FR": "rd rs1 rs2 rm", "I": "rd rs1 imm", "JR": "rd mem", "SH6": "rd rs1 imm",
    "SH5": "rd rs1 imm", "S": "rs2 mem", "B": "rs1 rs2 imm", "U": "rd imm", "J": "rd imm", "AMO": "rd rs2 at",
    "CSR": "rd csr src", "FENCE": "pred succ", "NONE": "",
    "CIW": "c2 sp imm", "CL_W": "c2 cmem", "CL_D": "c2 cmem", "CS_W": "c2 cmem", "CS_D": "c2 cmem", "CI": "rd imm",
    "CI_LI": "rd imm", "CI_16SP": "sp imm", "CI_LUI": "rd imm", "CI_SH": "rd imm", "CB_SH": "c7 imm", "CB_I": "c7 imm",
    "CA": "c7 c2", "CJ": "imm", "CB": "c7 imm", "CI_WSP": "rd spmem", "CI_DSP": "rd spmem", "CSS_W": "r2 spmem",
    "CSS_D": "r2 spmem", "CR_JR": "rd", "CR_JALR": "rd", "CR_MV": "rd r2", "CR_ADD": "rd r2",
}
PLACE = {"rd": 7, "rs1": 15, "rs2": 20, "rs3": 27}


class Row:
    def __init__(self, m):
        self.name, self.ext, self.match, self.mask, self.format = (
            m[2].replace("_", "."), m[3], int(m[4], 16), int(m[5], 16), m[6])
        self.size = 4 if self.match & 3 == 3 else 2
        self.operands = OPERANDS[self.format].split()
        if self.format == "I" and (self.ext == "I" and self.match & 0x7F == 3 or self.name in ("flw", "fld")):
            self.operands = ["rd", "mem"]
        if self.name == "c.nop":
            self.operands = []
        if self.format in ("R", "FR", "AMO") and self.mask >> 20 & 31 == 31:  # rs2 names the instruction
            self.operands.remove("rs2")


def read_rows():
    text = (ROOT / "arch/rv64/insns.def").read_text()
    return {r.name: r for r in (Row(m) for m in ROW.finditer(text))}


ROWS = read_rows()


def reg(text):
    for names in (X, F):
        if text in names:
            return names.index(text)
    if text == "fp":
        return 8
    raise ValueError(f"no register {text}")


def number(text):
    return int(text.replace("_", ""), 0)


def put_imm(fmt, value):
    word = 0
    width = SIGNED.get(fmt)
    top = max(SCATTER[fmt]) + 1
    ok = -(1 << width - 1) <= value < 1 << width - 1 if width else 0 <= value < 1 << top
    if not ok or any(value >> n & 1 for n in range(top) if n not in SCATTER[fmt]):
        raise ValueError(f"{value} does not fit {fmt}")
    for n, bit in SCATTER[fmt].items():
        word |= (value >> n & 1) << bit
    return word


def put_operand(row, kind, text):
    fmt = row.format
    if kind in PLACE:
        return reg(text) << PLACE[kind]
    if kind in ("c2", "c7"):
        if not 8 <= reg(text) < 16:
            raise ValueError(f"{text} is not x8..x15")
        return reg(text) - 8 << int(kind[1])
    if kind == "r2":
        return reg(text) << 2
    if kind == "imm":
        return put_imm(fmt, number(text))
    if kind == "rm":
        return RM[text] << 12
    if kind == "csr":
        return (CSRS[text] if text in CSRS else number(text)) << 20
    if kind == "src":
        return (number(text) if row.name.endswith("i") else reg(text)) << 15
    if kind in ("pred", "succ"):
        sets = 0 if text == "0" else sum(8 >> "iorw".index(c) for c in text)
        return sets << (24 if kind == "pred" else 20)
    if kind == "sp":
        if text != "sp":
            raise ValueError("the operand is sp")
        return 0
    m = re.fullmatch(r"(-?\w*)\((\w+)\)", text)
    disp, base = number(m[1] or "0"), reg(m[2])
    if kind == "at":
        return base << 15
    if kind == "mem":
        return put_imm(fmt, disp) | base << 15
    if kind == "cmem":
        return put_imm(fmt, disp) | base - 8 << 7
    return put_imm(fmt, disp)  # spmem


def parse(text):
    """Name, qualifier bits (aq, rl) and operand texts of one instruction."""
    name, _, rest = text.strip().partition(" ")
    extra = 0
    if name.startswith((".word", ".half")):
        return name, 0, [rest.strip()]
    for suffix, bits in ((".aqrl", 3), (".aq", 2), (".rl", 1)):
        if name.endswith(suffix):
            name, extra = name[:-len(suffix)], bits << 25
    return name, extra, [o.strip() for o in rest.split(",")] if rest.strip() else []


def encode(text):
    """The bytes of one instruction; .word and .half give raw ones."""
    name, word, ops = parse(text)
    if name in (".word", ".half"):
        return number(ops[0]).to_bytes(4 if name == ".word" else 2, "little")
    row = ROWS[name]
    kinds = row.operands
    if "rm" in kinds and len(ops) == len(kinds) - 1:
        ops = ops + ["dyn"]
    if len(ops) != len(kinds):
        raise ValueError(f"{text}: {len(kinds)} operands are wanted: {' '.join(kinds)}")
    word |= row.match
    for kind, op in zip(kinds, ops):
        word |= put_operand(row, kind, op)
    return word.to_bytes(row.size, "little")
