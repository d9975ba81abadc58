"""Reads the case files (cases/*.txt; cases/README says how they are written) and makes records of them."""
import pathlib, re, struct
from encode import RM, ROWS, encode, parse, reg
from insn import CODE, F, Input, MEM, Output, SLOT, STOP, X

FLAGS = {"NX": 1, "UF": 2, "OF": 4, "DZ": 8, "NV": 16}
M64 = (1 << 64) - 1
WIDTH = {"b": 1, "h": 2, "w": 4, "d": 8}
# What registers and memory hold that a case does not mention: to be found again unchanged.
JUNK_X = [0] + [0x5A5A000000000000 + n * 0x0101010101 for n in range(1, 32)]
JUNK_F = [0xFFFFFFFF40000000 + n * 0x1111 for n in range(32)]
JUNK_MEM = bytes((n * 7 + 3) & 255 for n in range(256))


def float_bits(text, fmt):
    """1.5s -> the boxed single; 0x7f800001s -> these bits, boxed; d likewise."""
    raw = int(text, 16) if text.lower().startswith("0x") else int.from_bytes(struct.pack("<" + fmt, float(text)), "little")
    return raw | 0xFFFFFFFF00000000 if fmt == "f" else raw


def value(text, code):
    m = re.fullmatch(r"(mem|code)([+-]\w+)?", text)
    if m:
        return (MEM if m[1] == "mem" else code) + int(m[2] or "0", 0) & M64
    m = re.fullmatch(r"(-?(?:0x[0-9a-fA-F]+|[\d.]+(?:e[+-]?\d+)?|inf|nan))([sd])", text)
    if m and not (m[2] == "d" and m[1].startswith("0x") and len(text) < 18):
        return float_bits(m[1], "f" if m[2] == "s" else "d")
    return int(text.replace("_", ""), 0) & M64


def flags_of(text):
    return 0 if text == "0" else sum(FLAGS[f] for f in text.split("+"))


def apply(state, token, code):
    """Sets one name=value of a line in a dict of the whole machine state."""
    if token == "-":  # nothing to set
        return
    name, _, text = token.partition("=")
    m = re.fullmatch(r"([bhwd])\[(\w+)\]", name)
    if m:
        size, at = WIDTH[m[1]], int(m[2], 0)
        mem = bytearray(state["mem"])
        mem[at:at + size] = (value(text, code) & (1 << 8 * size) - 1).to_bytes(size, "little")
        state["mem"] = bytes(mem)
    elif name == "fflags":
        state["fcsr"] = state["fcsr"] & ~31 | flags_of(text)
    elif name == "frm":
        state["fcsr"] = state["fcsr"] & 31 | int(text) << 5
    elif name in ("illegal", "break", "syscall"):
        state["stop"], state["pc"] = name, code
    elif name in ("segv", "bus"):
        state["stop"], state["fault"] = name, value(text, code)
        state["pc"] = code
    elif name == "pc":
        state["pc"] = value(text, code)
    elif name in X and name != "zero":
        state[name] = value(text, code)
    elif name in F:
        state[name] = value(text, code)
    else:
        raise ValueError(f"what is {token}?")


def start_state():
    s = dict(zip(X, JUNK_X))
    s.update(zip(F, JUNK_F))
    s.update(fcsr=0, mem=JUNK_MEM, stop="break", fault=0)
    return s


class Case:
    """One line under a heading, in one choice of operands. slot says where its code lies."""

    def __init__(self, where, text, ins, outs, note=""):
        self.where, self.text, self.ins, self.outs, self.note = where, text, ins, outs, note
        self.code = b"".join(encode(t) for t in text.split(";"))

    def before(self, slot):
        s = start_state()
        for token in self.ins:
            apply(s, token, CODE + slot * SLOT)
        return s

    def input(self, slot):
        s = self.before(slot)
        return Input(self.code, [s[n] for n in X], [s[n] for n in F], s["fcsr"], s["mem"]).pack()

    def expected(self, slot):
        s = self.before(slot)
        s["pc"] = CODE + slot * SLOT + len(self.code)
        for token in self.outs:
            apply(s, token, CODE + slot * SLOT)
        return s

    def wrong(self, slot, data):
        """What differs from the expected state: a list of texts."""
        want, got = self.expected(slot), state_of(Output(data))
        return [f"{k} is {show(k, got[k])}, expected {show(k, v)}" for k, v in want.items() if got[k] != v]


def show(name, v):
    return v if isinstance(v, str) else v.hex() if isinstance(v, bytes) else hex(v)


def state_of(out):
    s = dict(zip(X, out.x))
    s.update(zip(F, out.f))
    s.update(fcsr=out.fcsr, mem=out.mem, stop=STOP[out.stop], fault=out.fault_addr, pc=out.pc)
    return s


# ---- variants: the same line with other registers -----------------------------------------------------------------

def rename(tokens, old, new):
    return [re.sub(rf"^{old}=", new + "=", t) for t in tokens]


def variants(case):
    """The case itself, and with rd = x0, rd = rs1, rd = rs2, rs1 = rs2, and a static rounding mode."""
    yield case
    if ";" in case.text:
        return
    name, _, ops = parse(case.text)
    row = ROWS.get(name)
    if not row or row.format not in ("R", "FR", "R4", "I", "JR", "SH5", "SH6", "AMO"):
        return
    kinds = row.operands
    full = case.text.split(" ")[0]

    def again(new_ops, outs, ins=case.ins):
        return Case(case.where, full + " " + ", ".join(new_ops), ins, outs, case.note)

    rd = ops[0]
    stops = any(t.split("=")[0] in ("illegal", "segv", "bus", "pc") for t in case.outs)
    given = dict(t.split("=", 1) for t in case.ins if t != "-")
    if not stops and kinds[0] == "rd" and "mem" not in kinds:
        if rd in X:
            yield again(["zero"] + ops[1:], [t for t in case.outs if not t.startswith(rd + "=")])
        changes = any(t.startswith(rd + "=") for t in case.outs)
        for src in ops[1:4]:
            same_class = (src in X) == (rd in X) and (src in X or src in F)
            if same_class and src != rd and rd not in given and src != "zero" and changes:
                yield again([src] + ops[1:], rename(case.outs, rd, src))
        if len(ops) > 2 and ops[2] in given and given.get(ops[1]) == given[ops[2]] and ops[1] != ops[2]:
            yield again([rd, ops[1], ops[1]] + ops[3:], case.outs, [t for t in case.ins if not t.startswith(ops[2] + "=")])
    if ops[-1] == "dyn" and "frm" in given and int(given["frm"]) < 5:
        mode = next(k for k, v in RM.items() if v == int(given["frm"]))
        other = (int(given["frm"]) + 1) % 5
        yield again(ops[:-1] + [mode], case.outs, [f"frm={other}" if t.startswith("frm=") else t for t in case.ins])


# ---- files ---------------------------------------------------------------------------------------------------------

class Line:
    """A line of a case file; heading and case are None where it has none."""

    def __init__(self, text, heading=None, case=None, blank_result=False):
        self.text, self.heading, self.case, self.blank_result = text, heading, case, blank_result


def read_file(path):
    lines, heading = [], None
    for n, raw in enumerate(path.read_text().splitlines(), 1):
        body, _, note = raw.partition(" ;; ")
        text = body.split("#")[0].rstrip()
        try:
            if not text:
                lines.append(Line(raw))
            elif not text[0].isspace():
                heading = text
                encode_all = [encode(t) for t in text.split(";")]
                lines.append(Line(raw, heading if encode_all else None))
            else:
                left, arrow, right = text.partition("->")
                case = Case(f"{path.name}:{n}", heading, left.split(), [] if right.strip() == "?" else right.split(), note)
                case.before(0)
                case.expected(0)
                lines.append(Line(raw, heading, case, not arrow or right.strip() == "?"))
        except (ValueError, KeyError, TypeError) as e:
            raise SystemExit(f"{path}:{n}: {e}: {raw}")
    return lines


def case_files(folder):
    return sorted(pathlib.Path(folder).glob("*.txt"))


# ---- writing results (bless) ---------------------------------------------------------------------------------------

def print_float(v, fmt):
    bits, box = (v & 0xFFFFFFFF, v >> 32 == 0xFFFFFFFF) if fmt == "f" else (v, True)
    if not box:
        return hex(v)
    number = struct.unpack("<" + fmt, bits.to_bytes(4 if fmt == "f" else 8, "little"))[0]
    text = f"{number:.9g}" if fmt == "f" else repr(number)
    suffix = "s" if fmt == "f" else "d"
    if number == number and len(text) <= 10:
        try:
            if float_bits(text, fmt) == v:
                return text + suffix
        except OverflowError:
            pass
    return f"0x{bits:0{8 if fmt == 'f' else 16}x}{suffix}"


def print_value(name, v, code, text):
    if name in F:
        return print_float(v, "f" if ".s" in text or "flw" in text or "w.x" in text else "d")
    # What auipc and far jumps give moves with the code.
    far = 1 << 31 if re.fullmatch(r"(auipc|jal|c.j) [^;]*", text) and (name in X or text.startswith(("jal", "c.j"))) else 255
    away = (v - code + (1 << 63) & M64) - (1 << 63)
    if -far <= away <= far and v > 0xFFFF and not MEM <= v <= MEM + 256:
        return f"code{away:+d}" if -2047 <= away <= 2047 else f"code{away:+#x}"
    if MEM <= v <= MEM + 256:
        return f"mem+{v - MEM}"
    signed = v - (1 << 64) if v >> 63 else v
    return str(signed) if -65536 <= signed <= 65536 else hex(v)


def result_text(case, slot, data):
    """What a line says after the arrow, from an output record."""
    code = CODE + slot * SLOT
    before, after = case.before(slot), state_of(Output(data))
    out = [f"{n}={print_value(n, after[n], code, case.text)}" for n in X + F if after[n] != before[n]]
    for k in range(0, 256, 8):
        if after["mem"][k:k + 8] != before["mem"][k:k + 8]:
            out.append(f"d[{k}]=0x{int.from_bytes(after['mem'][k:k + 8], 'little'):x}")
    if after["fcsr"] & 31 != before["fcsr"] & 31:
        out.append("fflags=" + ("+".join(f for f, b in FLAGS.items() if after["fcsr"] & b) or "0"))
    if after["fcsr"] >> 5 != before["fcsr"] >> 5:
        out.append(f"frm={after['fcsr'] >> 5}")
    normal = code + len(case.code)
    stop, fault = after["stop"], print_value("", after["fault"], code, case.text)
    if stop in ("illegal", "syscall") or stop == "break" and after["pc"] == code:
        out.append(stop)
        normal = code
    elif stop != "break":
        out.append(f"{stop}={fault}")
        normal = code
    if after["pc"] != normal:
        out.append(f"pc={print_value('', after['pc'], code, case.text)}")
    return " ".join(out)
