#!/usr/bin/env python3
"""Make arch/rv64/libc.def, by which routines of libc, libgcc and libm are recognised, from Debian's libraries for riscv64.

usage: scripts/libc_table.py [--kit-ir FILE] [ARCHIVE...]

Prints the table: of the libraries that are named, else of those of Debian 12 and 13, which are fetched. Each routine is
linked as in a program and put into canonical form by kit-ir (arch/rv64/routine.h says what that is).
"""
import argparse, pathlib, re, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/guest"))
sys.path.insert(0, str(ROOT / "tests"))
import libcs

CROSS = "riscv64-linux-gnu-"
# The first column of the table, and the names that libraries have for it.
ROUTINES = {
    "memcpy": ["memcpy", "__memcpy_generic"],
    "memcpy_blocks": ["__memcpy_noalignment"],
    "memmove": ["memmove"],
    "memset": ["memset"],
    "memchr": ["memchr"],
    "memrchr": ["memrchr"],
    "memcmp": ["memcmp"],
    "strlen": ["strlen"],
    "strnlen": ["strnlen"],
    "strchr": ["strchr"],
    "strchrnul": ["strchrnul"],
    "strcmp": ["strcmp"],
    "strncmp": ["strncmp"],
    "stpcpy": ["stpcpy"],
}
# libgcc's have one name, __NAME.
BITS = ["ctzdi2", "clzdi2", "ffsdi2", "clrsbdi2", "popcountdi2", "paritydi2", "bswapsi2", "bswapdi2"]
# libm's, too, for doubles and floats.
ROUNDING = [name + f for name in ["ceil", "floor", "trunc", "round", "roundeven", "rint", "nearbyint"] for f in ("", "f")]
ROUTINES |= {name: ["__" + name] for name in BITS + ROUNDING}
# Of a release and architecture, a package, and where it has the library.
PACKAGES = [
    ("glibc 2.36", "bookworm", "amd64", "libc6-dev-riscv64-cross", "usr/riscv64-linux-gnu/lib/libc.a"),
    ("glibc 2.41", "trixie", "riscv64", "libc6-dev", "usr/lib/riscv64-linux-gnu/libc.a"),
    ("glibc 2.41, cross", "trixie", "amd64", "libc6-dev-riscv64-cross", "usr/riscv64-linux-gnu/lib/libc.a"),
    ("musl 1.2.5", "trixie", "riscv64", "musl-dev", "usr/lib/riscv64-linux-musl/libc.a"),
    ("gcc 12", "bookworm", "amd64", "libgcc-12-dev-riscv64-cross", "usr/lib/gcc-cross/riscv64-linux-gnu/12/libgcc.a"),
    ("gcc 13", "trixie", "riscv64", "libgcc-13-dev", "usr/lib/gcc/riscv64-linux-gnu/13/libgcc.a"),
    ("gcc 14", "trixie", "riscv64", "libgcc-14-dev", "usr/lib/gcc/riscv64-linux-gnu/14/libgcc.a"),
    ("gcc 14, cross", "trixie", "amd64", "libgcc-14-dev-riscv64-cross", "usr/lib/gcc-cross/riscv64-linux-gnu/14/libgcc.a"),
    ("glibc 2.36", "bookworm", "amd64", "libc6-dev-riscv64-cross", "usr/riscv64-linux-gnu/lib/libm.a"),
    ("glibc 2.41", "trixie", "riscv64", "libc6-dev", "usr/lib/riscv64-linux-gnu/libm.a"),
]
# Those whose way depends on bytes besides what arch/rv64/routine_runs.h makes classes of: tests of a word that misfire, a look at bytes
# behind the end. Of other libraries, who knows?
VARIES = {
    "glibc 2.36": ["memrchr", "strnlen", "strchr", "strchrnul", *ROUNDING],
    "glibc 2.41": ["memchr", "memrchr", "strnlen", "strcmp", "strncmp", *ROUNDING],
    "musl 1.2.5": ["memmove"],
}
HEAD = """\
/*
 * Routines of libc, libgcc and libm by what their code is; made by scripts/libc_table.py.
 *
 *   LIBC(what, insns, first, mask, hash, way)    as rv64_form has them (routine.h); way: ONE_WAY, or VARIES within a class of runs
 */
"""


def run(*args, **more):
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def fetch(suite, arch, package, work):
    deb = run("bash", "-c", f". {ROOT}/scripts/apt.sh; kit_apt_debs {suite} {arch} {package}").strip()
    tree = work / f"{package}-{suite}"
    run("dpkg-deb", "-x", deb, tree)
    return tree


def link(archive, work):
    """A program with all routines of the library that there are."""
    lib, exe = work / "libc.a", work / "linked"
    lib.write_bytes(libcs.without_uleb128(archive.read_bytes()))
    names = sorted(n for names in ROUTINES.values() for n in names)
    run(CROSS + "ld", "-static", "--gc-sections", "-e", "memcpy", "--unresolved-symbols=ignore-all", "-o", exe,
        *(a for n in names for a in ("-u", n)), lib, stderr=subprocess.DEVNULL)
    return exe


def words(exe, work):
    """The program's code, and its data, as words for kit-ir."""
    out = work / "code"
    text = []
    for line in run(CROSS + "readelf", "-lW", exe).splitlines():
        m = re.match(r"\s*LOAD\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)\s+\S+\s+(R[W ][E ])", line)
        if m:
            offset, at, size = (int(x, 16) for x in m.groups()[:3])
            data = exe.read_bytes()[offset:offset + size]
            text.append(f"{'@' if 'E' in m[4] else '='}{at:#x}")
            text += [f"{data[i + 1]:02x}{data[i]:02x}" for i in range(0, len(data) - 1, 2)]
    out.write_text("\n".join(text))
    return out


def symbols(exe):
    for line in run(CROSS + "nm", "-S", exe).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in "tTwWr":
            yield fields[3], int(fields[0], 16), int(fields[1], 16)


def rows(kit_ir, archive, work):
    """(routine, symbol, columns) of each routine."""
    exe = link(archive, work)
    code = words(exe, work)
    where = {name: (at, size) for name, at, size in symbols(exe)}
    for routine, names in ROUTINES.items():
        for name in names:
            if name in where:
                at, size = where[name]
                with open(code) as f:
                    yield routine, name, run(kit_ir, f"--pc={at:#x}", "routine", size, stdin=f).strip()


def way(routine, names):
    title = names[0].rpartition(" ")[0].removesuffix(", cross")
    return "ONE_WAY" if routine not in VARIES.get(title, ROUTINES) else "VARIES"


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--kit-ir", type=pathlib.Path, default=ROOT / "build/kit-ir")
    p.add_argument("archive", nargs="*", type=pathlib.Path)
    args = p.parse_args()
    table = {}
    with tempfile.TemporaryDirectory() as t:
        work = pathlib.Path(t)
        archives = [(str(a), a) for a in args.archive]
        if not archives:
            archives = [(title, fetch(*package, work) / path) for title, *package, path in PACKAGES]
        for title, archive in archives:
            for routine, name, columns in rows(args.kit_ir, archive, work):
                table.setdefault((routine, columns), []).append(f"{title} {name}")
    print(HEAD, end="")
    for (routine, columns), names in table.items():
        print(f"LIBC({routine}, {columns}, {way(routine, names)}) /* {'; '.join(names)} */")


if __name__ == "__main__":
    main()
