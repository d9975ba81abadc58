"""Routines of libc, libgcc and libm as kitemu recognises them: in programs with each library, and not where a bit of them differs.

What they do is compared by routines.c, bitcounts.c and rounding.c; here these run in full, and what the first says of faults is the same with and
without the routines."""
import pathlib, re, subprocess, sys
import libcs, tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "scripts"))
import libc_table

BITS = {"__" + name for name in libc_table.BITS}
ROUNDING = {"__" + name for name in libc_table.ROUNDING}
# What a program that calls all of libc's has under these names; glibc has several memcpys from 2.38 or so on.
ALL = set(libc_table.ROUTINES) - set(libc_table.BITS) - set(libc_table.ROUNDING) - {"memcpy_blocks"}
SEVERAL = ALL - {"memcpy"} | {"__memcpy_generic", "__memcpy_noalignment"}


class Build:
    """A program with one library, made once."""

    def __init__(self, suite, name, make, program="routines"):
        self.suite, self.name, self.make, self.path = suite, name, make, suite.work / f"{program}-{name}"

    def get(self):
        if not self.path.exists():
            self.make(self.path)
        return self.path


def lifted(suite, at, code):
    return tap.text(tap.expect([suite.kit_ir, "--routines", f"--pc={at:#x}", "lift"], stdin=code))


def is_routine(suite, at, code):
    """All of it, not a call in it: it ends where it starts."""
    text = lifted(suite, at, code)
    return "\n  exiti ret " in text and "\n  at " not in text


def altered(code, at, offset):
    """The text of words with one bit of the halfword at at + offset changed: of its register, or of a distance."""
    lines = code.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("@") and int(line[1:], 16) <= at)
    i = start + 1 + (at + offset - int(lines[start][1:], 16)) // 2
    lines[i] = f"{int(lines[i], 16) ^ 0x80:04x}"
    return "\n".join(lines)


def recognised(suite, build, names=None):
    exe = build.get()
    work = suite.work / f"recognised-{exe.name}"
    tap.fresh(work)
    code = libc_table.words(exe, work).read_text()
    where = {name: (at, size) for name, at, size in libc_table.symbols(exe)}
    names = names or (SEVERAL if "__memcpy_generic" in where else ALL)
    missing = names - set(where)
    if missing:
        raise tap.Fail(f"the program has no {', '.join(missing)}")
    for name in sorted(names):
        at, size = where[name]
        if not is_routine(suite, at, code):
            raise tap.Fail(f"{name} is not recognised")
        for offset in (0, size // 4 & ~1, size // 2 & ~1):
            if is_routine(suite, at, altered(code, at, offset)):
                raise tap.Fail(f"{name} is recognised with another bit at {offset}")


def translated(suite, exe, at, *options):
    """How many instructions the unit at an address is said to have."""
    _, _, err = tap.run([suite.kitemu, "--log=jit", *options, exe, "few"])
    m = re.search(rf"unit {at:#x}: (\d+) guest instructions", tap.text(err))
    return int(m[1]) if m else 0


def switched_off(suite, build):
    exe = build.get()
    at = next(at for name, at, _ in libc_table.symbols(exe) if name == "strlen")
    with_it, without = translated(suite, exe, at), translated(suite, exe, at, "--no-idioms")
    if with_it <= without or not without:
        raise tap.Fail(f"strlen has {with_it} instructions, with --no-idioms {without}")


def all_checks(suite, build, options):
    out = tap.text(tap.expect([suite.kitemu, *options, build.get()], timeout=180))
    if not re.fullmatch(r"\d{6} checks\n", out):
        raise tap.Fail(out)


def faults(suite, build, options):
    """pc, registers, address and memory are the guest code's own."""
    exe = build.get()
    want = tap.expect([suite.kitemu, "--no-idioms", exe, "faults"], timeout=180)
    if want.count(b" faults, ") < 10:
        raise tap.Fail(tap.text(want))
    tap.expect([suite.kitemu, *options, exe, "faults"], stdout=want, timeout=180)


def recognised_bits(suite, build):
    """libgcc's, which need their table as it is."""
    recognised(suite, build, BITS)
    exe, work = build.get(), suite.work / f"recognised-{build.path.name}"
    code = (work / "code").read_text()
    where = {name: at for name, at, _ in libc_table.symbols(exe)}
    for offset in (0, 128, 254):
        other = altered(code, where["__clz_tab"], offset)
        for name in ("__ctzdi2", "__clzdi2", "__ffsdi2", "__clrsbdi2"):
            if is_routine(suite, where[name], other):
                raise tap.Fail(f"{name} is recognised with another byte at {offset} of its table")


def bit_counts(suite, build, wanted):
    for options in ([], ["--no-idioms"], ["--host-isa=baseline"], ["--max-level=1"], ["--guest-base"],
                    ["--max-instructions=100G"]):
        tap.expect([suite.kitemu, *options, build.get(), "few"], stdout=wanted(), timeout=180)
    tap.expect([suite.kitemu, build.get()], timeout=180)


def with_libgcc(suite, cross, package, version, program):
    """Linked with the libgcc of another compiler than the one that is here."""
    def make(out):
        r = subprocess.run([ROOT / "scripts/fetch-guest", package], stdout=subprocess.PIPE, text=True)
        if r.returncode:
            raise tap.Skip(f"Debian's {package} for riscv64 cannot be fetched")
        tree = pathlib.Path(r.stdout.strip())
        lib = suite.work / f"libgcc-{version}.a"
        archive = tree / f"usr/lib/gcc/riscv64-linux-gnu/{version}/libgcc.a"
        lib.write_bytes(libcs.without_uleb128(archive.read_bytes()))
        command = program.command(cross, "O2", out)
        tap.expect([*command, lib], timeout=180)

    return Build(suite, f"gcc{version}", make, "bitcounts")


def with_glibc(suite, cross, program):
    return Build(suite, "glibc", lambda out: tap.expect(program.command(cross, "O2", out), timeout=180))


def wrapped_cases(suite, cross, program):
    """Under qemu-user, of the host's code: that it is used, and what is seen of faults in it."""
    def run():
        build = with_glibc(suite, cross, program)
        faults(suite, build, [])
        switched_off(suite, build)

    suite.add("routines-faults", run)


def bit_cases(suite, cross, program):
    builds = [Build(suite, "here", lambda out: tap.expect(program.command(cross, "O2", out), timeout=180), "bitcounts"),
              with_libgcc(suite, cross, "libgcc-13-dev", 13, program),
              with_libgcc(suite, cross, "libgcc-14-dev", 14, program)]
    for b in builds:
        def run(b=b):
            recognised_bits(suite, b)
            bit_counts(suite, b, program.wanted)

        suite.add(f"bitcounts-{b.name}", run)


def rounding_cases(suite, cross, program):
    """libm's, of the library that is here; Debian 13's are the same."""
    build = Build(suite, "here", lambda out: tap.expect(program.command(cross, "O2", out), timeout=180), "rounding")

    def run():
        recognised(suite, build, ROUNDING)
        for options in (["--no-idioms"], ["--host-isa=baseline"], ["--max-level=1"], ["--guest-base"],
                        ["--max-instructions=100G"]):
            tap.expect([suite.kitemu, *options, build.get(), "few"], stdout=program.wanted(), timeout=180)
        tap.expect([suite.kitemu, build.get()], timeout=180)

    suite.add("rounding-here", run)


def cases(suite, cross, program, musl, glibc):
    builds = [with_glibc(suite, cross, program),
              Build(suite, "glibc-pie", lambda out: glibc.build(program, True, out)),
              Build(suite, "musl", lambda out: musl.build(program, False, out)),
              Build(suite, "musl-pie", lambda out: musl.build(program, True, out))]
    for b in builds:
        def run(b=b):
            b.get()
            recognised(suite, b)
            all_checks(suite, b, [])
            faults(suite, b, [])
            if b.name == "glibc":
                switched_off(suite, b)
                all_checks(suite, b, ["--guest-base"])
                faults(suite, b, ["--guest-base"])

        suite.add(f"routines-{b.name}", run)
