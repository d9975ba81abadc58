"""Real programs, built at bench time from the upstream sources of Debian's packages.

Both machines compile the same C: hand-written vector code and assembler for x86-64 are switched off, for
what is measured is the translation of a program, not which of its variants it has. Nothing that is fetched goes
into the tree: tarballs lie in the cache of scripts/apt.sh, the rest in the work folder.
"""
import dataclasses, os, shutil, subprocess, tarfile

from . import workload
from .toolchain import ROOT, BENCH, BuildError, call

FETCH = ROOT / "scripts/benchlib/fetch-source"

LAME_CONFIG = """\
#include <stdint.h>
#define PACKAGE "lame"
#define VERSION "3.100"
#define STDC_HEADERS 1
#define HAVE_ERRNO_H 1
#define HAVE_FCNTL_H 1
#define HAVE_GETTIMEOFDAY 1
#define HAVE_INTTYPES_H 1
#define HAVE_LIMITS_H 1
#define HAVE_MEMORY_H 1
#define HAVE_STDINT_H 1
#define HAVE_STDLIB_H 1
#define HAVE_STRCHR 1
#define HAVE_STRING_H 1
#define HAVE_STRTOL 1
#define HAVE_SYS_TIME_H 1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H 1
#define LAME_LIBRARY_BUILD 1
#define TAKEHIRO_IEEE754_HACK 1
#define USE_FAST_LOG 1
typedef float ieee754_float32_t;
typedef double ieee754_float64_t;
typedef long double ieee854_float80_t;
"""


@dataclasses.dataclass(frozen=True)
class Package:
    """How a package becomes a program: files by pattern ("!" leaves some out), flags with {src} for its folder."""
    name: str
    source: str  # the source package
    files: tuple
    flags: tuple
    config: str = ""  # a config.h
    libs: tuple = ("-lm",)
    generate: object = None  # a function (source folder, work folder) that makes further sources first


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    package: str
    full: tuple  # arguments; {bench} is tests/bench, and it runs in the folder with the workload
    quick: tuple
    kind: str = "real"
    same: bool = True
    prepare: object = None  # a function (native program, folder) that makes further input

    def arguments(self, quick):
        return [a.format(bench=BENCH) for a in (self.quick if quick else self.full)]


def tcl_command(work):
    """tclsh, the machine's or a private one: sqlite3's source is put together by Tcl scripts."""
    if shutil.which("tclsh"):
        return {}
    folder = work / "tcl"
    if not (folder / "bin/tclsh").exists():
        fetch = ". scripts/apt.sh; kit_apt_debs bookworm $(dpkg --print-architecture) tcl8.6 libtcl8.6"
        for deb in call(["bash", "-ec", fetch], cwd=ROOT).split():
            call(["dpkg-deb", "-x", deb, folder])
        (folder / "bin").mkdir()
        (folder / "bin/tclsh").symlink_to(folder / "usr/bin/tclsh8.6")
    libs = next(folder.glob("usr/lib/*/libtcl8.6.so")).parent
    return {"PATH": f"{folder}/bin:{os.environ['PATH']}", "LD_LIBRARY_PATH": str(libs),
            "TCL_LIBRARY": f"{folder}/usr/share/tcltk/tcl8.6"}


def generate_sqlite(src, work):
    out = src / "amalgamation"
    if (out / "complete").exists():
        return
    out.mkdir(exist_ok=True)
    call(["make", "-f", src / "main.mk", f"TOP={src}", "BCC=gcc", "OPTS=", "sqlite3.c", "shell.c"], cwd=out,
         env={**os.environ, **tcl_command(work)})
    (out / "complete").touch()


def pack_text(program, folder):
    if not (folder / "text.zst").exists():
        call([program, "-q", "-9", "-o", "text.zst", "text"], cwd=folder)


ZSTD_OFF = ("-DZSTD_DISABLE_ASM=1", "-DDYNAMIC_BMI2=0", "-DZSTD_NO_INTRINSICS", "-DZSTD_LEGACY_SUPPORT=0",
            "-DZSTD_NODICT", "-DZSTD_NOBENCH", "-DZSTD_NOTRACE")
FLAC_HAVE = tuple(f"-DHAVE_{x}" for x in (
    "STDINT_H", "INTTYPES_H", "STDBOOL_H", "LROUND", "FSEEKO", "GETTIMEOFDAY", "SYS_TYPES_H", "SYS_IOCTL_H",
    "TERMIOS_H", "LOCALE_H", "LANGINFO_CODESET"))
PACKAGES = {p.name: p for p in (
    Package("zstd", "libzstd",
            ("lib/common/*.c", "lib/compress/*.c", "lib/decompress/*.c",
             *(f"programs/{f}.c" for f in ("zstdcli", "util", "timefn", "fileio", "fileio_asyncio"))),
            ("-I{src}/lib", "-I{src}/lib/common", "-DXXH_NAMESPACE=ZSTD_", *ZSTD_OFF)),
    Package("bzip2", "bzip2", ("[bcdhr]*.c", "!bzip2recover.c", "!dlltest.c"), ("-D_FILE_OFFSET_BITS=64",)),
    Package("lua", "lua5.4", ("src/*.c", "!src/luac.c"), ("-DLUA_USE_POSIX",)),
    Package("sqlite", "sqlite3", ("amalgamation/sqlite3.c", "amalgamation/shell.c"),
            ("-I{src}/amalgamation", "-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION"),
            generate=generate_sqlite),
    Package("flac", "flac",
            ("src/libFLAC/*.c", "!src/libFLAC/*intrin*.c", "!src/libFLAC/ogg*.c", "src/flac/*.c", "!src/flac/iffscan.c",
             "src/share/getopt/*.c", "src/share/grabbag/*.c", "src/share/replaygain_*/*.c",
             *(f"src/share/utf8/{f}.c" for f in ("charset", "iconvert", "utf8"))),
            ("-I{src}/include", "-I{src}/src/libFLAC/include", *FLAC_HAVE, "-DFLAC__HAS_OGG=0", "-DFLAC__NO_ASM",
             "-DFLAC__NO_DLL", "-DNDEBUG", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", '-DPACKAGE_VERSION="bench"',
             "-DCPU_IS_BIG_ENDIAN=0", "-DWORDS_BIGENDIAN=0", "-DENABLE_64_BIT_WORDS=1")),
    Package("lame", "lame",
            ("libmp3lame/*.c", *(f"frontend/{f}.c" for f in ("brhist", "console", "get_audio", "lame_main", "lametime",
                                                             "main", "parse", "timestatus"))),
            ("-DHAVE_CONFIG_H", "-I{src}/include", "-I{src}/libmp3lame", "-I{src}/frontend"), config=LAME_CONFIG),
)}
MP3 = ("--quiet", "-h", "-b", "128", "sound.wav", "-")
SQL = ("-batch", "-bail", "-init", "/dev/null", ":memory:", ".read work.sql")
PROGRAMS = [
    Program("zstd", "zstd", ("-q", "-11", "-c", "text"), ("-q", "-11", "-c", "text")),
    Program("unzstd", "zstd", ("-q", "-t", *["text.zst"] * 24), ("-q", "-t", *["text.zst"] * 80), prepare=pack_text),
    Program("bzip2", "bzip2", ("-9", "-c", "text"), ("-9", "-c", "text")),
    Program("lua", "lua", ("{bench}/work.lua", "200"), ("{bench}/work.lua", "10")),
    Program("sqlite", "sqlite", SQL, SQL),
    Program("flac", "flac", ("-s", "-6", "-e", "-c", "sound.wav"), ("-s", "-6", "-e", "-c", "sound.wav")),
    Program("lame", "lame", MP3, MP3),
]
SQL_ROWS = {False: 50000, True: 2500}


class RealPrograms:
    def __init__(self, toolchain):
        self.toolchain, self.work = toolchain, toolchain.work / "real"
        self.versions, self.built = {}, {}

    def unpacked(self, package):
        """The package's source folder."""
        r = subprocess.run([FETCH, package.source], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if r.returncode:
            raise BuildError((r.stderr.strip().splitlines() or ["fetch-source failed"])[-1])
        _, version, tarball = r.stdout.split()
        self.versions[package.source] = version
        folder = self.work / f"{package.name}-{version}"
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            with tarfile.open(tarball) as tar:
                if hasattr(tarfile, "data_filter"):
                    tar.extraction_filter = tarfile.data_filter
                tar.extractall(folder)
            (folder / ".complete").touch()
        return next(p for p in sorted(folder.iterdir()) if p.is_dir())

    def build(self, name):
        """(native, rv64) programs of a package, or BuildError; asked twice, it is built once."""
        if name not in self.built:
            try:
                self.built[name] = self.compile(PACKAGES[name])
            except (BuildError, OSError, tarfile.TarError) as e:
                self.built[name] = BuildError(str(e))
        if isinstance(self.built[name], BuildError):
            raise self.built[name]
        return self.built[name]

    def compile(self, package):
        src = self.unpacked(package)
        if package.generate:
            package.generate(src, self.work)
        flags = ["-w", "-ffp-contract=off", *(f.format(src=src) for f in package.flags)]
        if package.config:
            config = src / "bench-config"
            config.mkdir(exist_ok=True)
            (config / "config.h").write_text(package.config)
            flags.append(f"-I{config}")
        files = []
        for pattern in package.files:
            found = sorted(src.glob(pattern.lstrip("!")))
            files = [f for f in files if f not in found] + ([] if pattern.startswith("!") else found)
        return tuple(self.toolchain.compile(package.name, files, guest, flags, package.libs) for guest in (False, True))

    def small_input(self, case, otherwise):
        """The folder to run a case in with its quick arguments."""
        return self.folder(case.program, case.native, True) if case.program.kind == "real" else otherwise

    def folder(self, program, native, quick):
        """The folder to run a program in, with its input."""
        folder = workload.make(self.work / "data", quick)
        sql = (BENCH / "work.sql").read_text()
        (folder / "work.sql").write_text(sql.replace("@ROWS@", str(SQL_ROWS[quick])))
        if program.prepare:
            program.prepare(native, folder)
        return folder
