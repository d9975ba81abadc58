"""Programs with Debian 13's C libraries for riscv64, linked by whatever binutils are here: musl, static and static-pie;
glibc, static-pie (Debian 12 has no rcrt1.o for it)."""
import pathlib, shutil, struct, subprocess, threading
import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SET_ULEB128, SUB_ULEB128 = 60, 61
SHT_RELA, RELA_BYTES, SECTION_BYTES = 4, 24, 64

MUSL = """hello varargs jumps sigasync sigsync forks execs spawn smc calls integer strings heap digest many
    process processes thrrobust threxit thrfork thrguard litmus lockfree thrmany""".split()
# Their thread-local data cannot be linked to a static-pie that way.
MUSL_NO_PIE = ["thrsync", "c11threads"]
GLIBC = "hello sigsync forks execs heap printf process exceptions".split()


def objects(data):
    """Where the ELF files of an archive, or the one that data is, start."""
    if not data.startswith(b"!<arch>\n"):
        yield 0
        return
    at = 8
    while at < len(data):
        if data.startswith(b"\x7fELF", at + 60):
            yield at + 60
        at += 60 + (int(data[at + 48:at + 58]) + 1 & ~1)


def without_uleb128(data):
    """Empties the relocation sections that have SET_ULEB128 and SUB_ULEB128, which the linker of Debian 12 does not
    know. They are of debug information, and of the exception tables of a few functions of the library."""
    data = bytearray(data)
    for at in objects(data):
        first, count = struct.unpack_from("<Q12xH", data, at + 40)
        for header in range(at + first, at + first + SECTION_BYTES * count, SECTION_BYTES):
            kind, offset, size = struct.unpack_from("<I16xQQ", data, header + 4)
            kinds = data[at + offset + 8:at + offset + size:RELA_BYTES] if kind == SHT_RELA else b""
            if SET_ULEB128 in kinds or SUB_ULEB128 in kinds:
                struct.pack_into("<Q", data, header + 32, 0)
    return data


class Libc:
    def __init__(self, suite, cross, flags, name, package, folder):
        self.suite, self.cross, self.flags = suite, cross, flags
        self.name, self.package, self.folder = name, package, folder
        self.lock, self.tree = threading.Lock(), None

    def get(self):
        with self.lock:
            if self.tree is None:
                r = subprocess.run([ROOT / "scripts/fetch-guest", self.package], stdout=subprocess.PIPE, text=True)
                self.tree = pathlib.Path(r.stdout.strip()) / "usr" if r.returncode == 0 else False
                if self.tree:
                    self.strip()
        if not self.tree:
            raise tap.Skip(f"Debian's {self.package} for riscv64 cannot be fetched")
        return self.tree

    def strip(self):
        self.lib = self.suite.work / ("lib-" + self.name)
        self.lib.mkdir(parents=True, exist_ok=True)
        for f in ("crt1.o", "rcrt1.o", "crti.o", "crtn.o", "libc.a", "libm.a"):
            (self.lib / f).write_bytes(without_uleb128((self.tree / "lib" / self.folder / f).read_bytes()))

    def compile(self, program, pie, obj):
        headers = []
        if self.name == "musl":
            headers = ["-nostdinc", "-isystem", self.tree / "include" / self.folder, "-isystem", self.gcc / "include"]
        cc = self.cross + ("g++" if program.path.suffix == ".cpp" else "gcc")
        tap.expect([cc, "-O2", "-fPIE" if pie else "-fno-pie", *self.flags, "-I", ROOT, *headers, "-c", program.path,
                    "-o", obj], timeout=180)

    def build(self, program, pie, out):
        self.get()
        libgcc = subprocess.check_output([self.cross + "gcc", "-print-libgcc-file-name"], text=True)
        self.gcc = pathlib.Path(libgcc.strip()).parent
        obj = out.with_suffix(".o")
        self.compile(program, pie, obj)
        # The linker leaves room for relocations in glibc's text that come out empty; "-z text" would refuse them.
        options, libs = ["-static", "--eh-frame-hdr", "-z", "text"], ["libgcc", "libatomic"]
        if self.name == "glibc":
            options, libs = options[:2], [*libs, "libgcc_eh", "libstdc++"]
        if pie:
            options += ["-pie", "--no-dynamic-linker"]
        tap.expect([self.cross + "ld", *options, "-o", out, self.lib / ("rcrt1.o" if pie else "crt1.o"), self.lib / "crti.o", self.gcc / "crtbeginS.o", obj,
                    "--start-group", self.lib / "libc.a", self.lib / "libm.a", *(self.gcc / f"{n}.a" for n in libs),
                    "--end-group", self.gcc / "crtendS.o", self.lib / "crtn.o"])

    def add(self, program, pie):
        name = f"{program.name}-{self.name}{'-pie' * pie}"

        def run():
            work = self.suite.work / name
            tap.fresh(work)
            exe = work / f"{program.name}-{self.name}"
            self.build(program, pie, exe)
            tap.expect([self.suite.kitemu, exe, *program.args], stdout=program.wanted(), status=program.status,
                       timeout=program.timeout, cwd=work)
            shutil.rmtree(work)

        self.suite.add(name, run)


def cases(suite, cross, flags, programs):
    """programs: by name, those of tests/guest. Returns the libraries."""
    musl = Libc(suite, cross, flags, "musl", "musl-dev", "riscv64-linux-musl")
    for name in MUSL + MUSL_NO_PIE:
        musl.add(programs[name], False)
    for name in MUSL:
        musl.add(programs[name], True)
    glibc = Libc(suite, cross, flags, "glibc", "libc6-dev", "riscv64-linux-gnu")
    for name in GLIBC:
        glibc.add(programs[name], True)
    return musl, glibc
