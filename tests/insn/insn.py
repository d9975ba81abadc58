"""Cases of tests/insn: records (record.h), runners, and showing where two results differ."""
import os, pathlib, re, shutil, struct, subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE, MEM, CODE, SLOT, BATCH = 0x20000000, 0x20000F00, 0x20100000, 256, 1024
INPUT = struct.Struct("<32Q32QII192s256s")
OUTPUT = struct.Struct("<32Q32QQQII256s")
STOP = ["?", "break", "illegal", "segv", "bus", "syscall", "other"]

X = ("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
     "t3 t4 t5 t6").split()
F = [f"f{c}{n}" for c, r in (("t", range(8)), ("s", range(2)), ("a", range(8)), ("s", range(2, 12)),
                             ("t", range(8, 12))) for n in r]
PEER_FLAGS = ["-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
              "-msmall-data-limit=0", "-Wl,--no-relax"]


# kitemu as a runner: name and options.
KITEMU = [("kitemu", []), ("kitemu-baseline", ["--host-isa=baseline"]), ("kitemu-interp", ["--engine=interp"])]


class Input:
    def __init__(self, code=b"", x=None, f=None, fcsr=0, mem=bytes(256)):
        self.code, self.x, self.f, self.fcsr, self.mem = code, x or [0] * 32, f or [0] * 32, fcsr, mem

    def pack(self):
        return INPUT.pack(*self.x, *self.f, self.fcsr, len(self.code), self.code, self.mem)

    @classmethod
    def unpack(cls, data):
        v = INPUT.unpack(data)
        return cls(v[66][:v[65]], list(v[:32]), list(v[32:64]), v[64], v[67])


class Output:
    def __init__(self, data):
        v = OUTPUT.unpack(data)
        self.x, self.f, self.mem = list(v[:32]), list(v[32:64]), v[68]
        self.pc, self.fault_addr, self.fcsr, self.stop = v[64:68]

    def items(self):
        """All of the state by name, in printing order."""
        yield "stop", STOP[self.stop]
        yield "pc", self.pc
        yield "fault", self.fault_addr
        yield "fcsr", self.fcsr
        yield from zip(X, self.x)
        yield from zip(F, self.f)
        for k in range(0, 256, 8):
            yield f"mem+{k}", int.from_bytes(self.mem[k:k + 8], "little")


def split(data, size):
    return [data[k:k + size] for k in range(0, len(data), size)]


def build_peer(work):
    """The riscv64 program that runs cases; None without a cross compiler."""
    exe = pathlib.Path(work) / "peer"
    try:
        p = subprocess.run(["riscv64-linux-gnu-gcc", *PEER_FLAGS, f"-I{ROOT}", ROOT / "tests/insn/peer.c",
                            "-o", exe], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    if p.returncode:
        raise RuntimeError(p.stderr)
    return exe


def run(cmd, inputs, timeout=120 * float(os.environ.get("KIT_TEST_SLOWER", 1))):
    """Runs a runner on packed records; returns the results' bytes. Raises when it does not finish."""
    p = subprocess.run([str(c) for c in cmd], input=inputs, capture_output=True, timeout=timeout)
    if p.returncode or len(p.stdout) != len(inputs) // INPUT.size * OUTPUT.size:
        raise RuntimeError(f"{' '.join(map(str, cmd))}: status {p.returncode}, {len(p.stdout) // OUTPUT.size}"
                           f" of {len(inputs) // INPUT.size} results\n{p.stderr.decode()[-500:]}")
    return p.stdout


def qemu(peer):
    """The command that runs peer in qemu, or None; and why not."""
    if not shutil.which("qemu-riscv64"):
        return None, "no qemu-riscv64"
    exe = pathlib.Path(shutil.which("qemu-riscv64"))
    # sc.w a0, a2, (a1) at an odd address is SIGBUS; Debian 13's qemu 10.0 aborts, with all cases of the batch.
    case = Input(bytes.fromhex("2fa5c518"), x=[0x20000f41 if k == 11 else 0 for k in range(32)])
    try:
        run([exe, peer], case.pack())
    except RuntimeError:
        return None, "this qemu-riscv64 aborts at a misaligned sc"
    return [exe, peer], ""


def disassemble(code, pc):
    """objdump's lines for some code; hex when there is no objdump."""
    try:
        with open("/tmp/.kit-insn-%d" % __import__("os").getpid(), "wb") as f:
            f.write(code)
        out = subprocess.run(["riscv64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "riscv:rv64",
                              f"--adjust-vma={pc:#x}", f.name], capture_output=True, text=True).stdout
        pathlib.Path(f.name).unlink()
        return [line.strip() for line in out.splitlines() if re.match(r"\s*[0-9a-f]+:\t", line)]
    except FileNotFoundError:
        return [code.hex()]


def explain(inp, slot, names, outs, whole=True):
    """Lines that show one case: its code, what goes in, and where the results differ."""
    lines = []
    if whole:
        lines += disassemble(inp.code, CODE + slot * SLOT)
        regs = [f"{n}={v:#x}" for n, v in list(zip(X, inp.x))[1:] + list(zip(F, inp.f)) if v]
        lines += ["in: fcsr=%#x " % inp.fcsr + " ".join(regs), "mem: " + inp.mem.hex()]
    a, b = Output(outs[0]), Output(outs[1])
    for (name, va), (_, vb) in zip(a.items(), b.items()):
        if va != vb:
            va, vb = (v if isinstance(v, str) else hex(v) for v in (va, vb))
            lines.append(f"{name}: {names[0]} {va}, {names[1]} {vb}")
    return lines
