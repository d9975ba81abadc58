#!/usr/bin/env python3
"""GCC's C torture tests (gcc.c-torture/execute) as guests: each has to end with status 0.

    tests/torture/run.py                   a sample, always the same one, as suite real runs it
    tests/torture/run.py --all             every program at -O0 -O1 -O2 -O3, at -O1 and -O2 in the interpreter too
    tests/torture/run.py 920501 --keep     those whose names contain 920501, and their executables stay
    KITEMU=qemu-riscv64 tests/torture/run.py ...   says what is to blame on the test

The programs come from Debian's package gcc-12-source, fetched by apt when first needed; sources and executables
lie in BUILD/torture. An executable is named by a hash of all that it was made from.
"""
import argparse, hashlib, os, pathlib, re, shlex, shutil, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
import tap

SUITE, PACKAGE = "bookworm", "gcc-12-source"
CC = "riscv64-linux-gnu-gcc"
LEVELS = ("O0", "O1", "O2", "O3")
MODES = {
    "jit": [],
    "interp": ["--engine=interp"],
    "selfcheck": ["--selfcheck"],
    "baseline": ["--host-isa=baseline"],
    "base": ["--guest-base"],
    "smallcache": ["--cache-size=64K"],
}
LIMIT_S = {"interp": 120, "selfcheck": 240}

# What riscv64 Linux with gcc lacks among the effective targets that the tests ask for.
LACKS = {"dfp"}
# The selectors of dg-options that hold for us; all others name another machine or C library.
HOLDS = {"fpic"}

# Options that the test-suite's Tcl files add, by folder and by test.
FOLDER_FLAGS = {
    "ieee": ["-fno-inline"],
    "builtins": "-fno-tree-dse -fno-tree-loop-distribute-patterns -fno-tracer -fno-ipa-ra -fno-inline-functions".split(),
}
TEST_FLAGS = {
    "ieee/compare-fp-3": ["-fno-trapping-math"],
    "ieee/compare-fp-4": ["-fno-trapping-math"],
    "ieee/fp-cmp-7": ["-fno-trapping-math"],
    "ieee/pr38016": ["-fno-ivopts", "-fno-gcse"],
    "builtins/abs-1": ["-fno-builtin-abs"],
}

# Tests that are not ours to pass: NAME or NAME-LEVEL, and why. qemu-riscv64 decides; with gcc 12.2 it passes all.
FAULTY = {}


def fetch(cache):
    """The folder gcc.c-torture/execute; unpacked into CACHE when it is not there."""
    src = cache / "gcc.c-torture"
    if not (src / ".complete").exists():
        deb = subprocess.run(["bash", "-euc", '. scripts/apt.sh; kit_apt_debs "$@"', "torture", SUITE,
                              os.popen("dpkg --print-architecture").read().strip(), PACKAGE],
                             cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if deb.returncode:
            sys.exit(f"torture: cannot fetch {PACKAGE}")
        shutil.rmtree(src, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["bash", "-euo", "pipefail", "-c",
                        "dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards './usr/src/gcc-12/gcc-12.*.tar.xz' | "
                        "tar -xJ -C \"$2\" --strip-components=3 --wildcards '*/gcc/testsuite/gcc.c-torture/execute'",
                        "torture", deb.stdout.strip(), cache], check=True)
        (src / ".complete").touch()
    return src / "execute"


class Test:
    """One program of the test suite: its sources and what its dg comments say."""

    def __init__(self, src, path):
        self.name = str(path.relative_to(src).with_suffix(""))
        self.files = [path]
        self.folder = path.parent.name if path.parent != src else ""
        if self.folder == "builtins":
            self.files += [path.with_name(path.stem + "-lib.c"), path.parent / "lib" / "main.c"]
        self.text = path.read_text("latin-1")

    def skip(self, level):
        """Why this machine is none for the test, or None."""
        for what in re.findall(r"dg-require-effective-target (\w+)", self.text):
            if what in LACKS:
                return f"needs {what}"
        for args in re.findall(r"\{ *dg-skip-if +(.*?) *\} *(?:\*/)?$", self.text, re.M):
            if "! { i?86-*-*" in args:
                return "only for x86"
            if re.search(r'\{ \*-\*-\* \} "-%s" ""' % level, args):
                return f"not at -{level}"
        return None

    def flags(self):
        out = list(FOLDER_FLAGS.get(self.folder, []))
        for _, flags, selector in re.findall(
                r'\{ *dg-(options|additional-options) +\{? *"([^"]*)" *\}? *(?:\{ *target +(.*?) *\})? *\}', self.text):
            if not selector or selector in HOLDS:
                out += shlex.split(flags)
        return out + TEST_FLAGS.get(self.name, [])


def tests_in(src):
    found = [Test(src, p) for p in (*src.glob("*.c"), *src.glob("ieee/*.c"), *src.glob("builtins/*.c"))
             if not p.stem.endswith("-lib") or p.parent == src]
    return sorted(found, key=lambda t: t.name)


def sample(tests, count):
    """COUNT of the tests, chosen by a hash of the name: any change of the list changes few of them."""
    order = sorted(tests, key=lambda t: hashlib.sha256(t.name.encode()).digest())
    return sorted(order[:count], key=lambda t: t.name)


class Compiler:
    def __init__(self, cache):
        self.cache = cache / "bin"
        self.cache.mkdir(parents=True, exist_ok=True)
        version = tap.text(tap.run([CC, "--version"])[1]).splitlines()[0]
        # From gcc 14 on, old C is an error unless this is given.
        self.permissive = ["-fpermissive"] if int(version.split()[-1].split(".")[0]) >= 14 else []
        self.id = version.encode()

    def executable(self, test, level):
        """The name of TEST's executable at LEVEL; made when it is not there."""
        flags = ["-w", f"-{level}", *self.permissive, *test.flags()]
        key = hashlib.sha256(b"\0".join([self.id, *(f.encode() for f in flags), *(p.read_bytes() for p in test.files)]))
        exe = self.cache / f"{test.name.replace('/', '-')}-{level}-{key.hexdigest()[:16]}"
        if not exe.exists():
            part = exe.with_name(exe.name + ".part")
            status, _, err = tap.run([CC, "-pipe", "-static", "-s", *flags, "-o", part, *test.files, "-lm"], timeout=120)
            if status:
                raise tap.Fail("does not compile:\n" + tap.text(err))
            part.rename(exe)
        return exe


class Runner:
    def __init__(self, suite, compiler, keep):
        self.suite, self.compiler, self.keep = suite, compiler, keep
        self.command = shlex.split(os.environ.get("KITEMU", str(suite.kitemu)))
        self.modes_apply = "KITEMU" not in os.environ

    def add(self, test, level, modes):
        """A test line for each mode; they run one after the other and share the executable."""
        name = f"torture/{test.name}-{level}"
        why = test.skip(level) or FAULTY.get(test.name) or FAULTY.get(f"{test.name}-{level}")
        if not self.modes_apply:
            modes = modes[:1]
        self.suite.add(name, lambda: self.run(name, test, level, modes, why))

    def run(self, name, test, level, modes, why):
        if why:
            raise tap.Skip(why)
        exe = self.compiler.executable(test, level)
        bad = []
        for mode in modes:
            options = MODES[mode] if self.modes_apply else []
            with tempfile.TemporaryDirectory(dir=self.suite.work) as cwd: # some of them write files
                try:
                    tap.expect([*self.command, *options, exe], timeout=LIMIT_S.get(mode, 30), cwd=cwd)
                except tap.Fail as e:
                    bad.append(f"{mode}: {e}")
        if bad:
            raise tap.Fail("\n".join(bad)) # the executable stays
        if not self.keep:
            exe.unlink()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("names", nargs="*", metavar="NAME", help="parts of names, NAME-LEVEL; default: the sample")
    ap.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    ap.add_argument("--work", type=pathlib.Path, help="default: BUILD/torture/work")
    ap.add_argument("--all", action="store_true", help="all tests at all levels")
    ap.add_argument("--sample", type=int, default=152, help="how many programs (default %(default)s)")
    ap.add_argument("--levels", default="", help="such as O0,O3")
    ap.add_argument("--mode", default="", help="of " + ",".join(MODES))
    ap.add_argument("--keep", action="store_true", help="keep executables of passed tests (0.5 MB each)")
    arg = ap.parse_args()

    cache = arg.build.resolve() / "torture"
    tests = tests_in(fetch(cache))
    sys.argv = [sys.argv[0], str(arg.build), str(arg.work or cache / "work"), *arg.names]
    suite = tap.Suite()
    runner = Runner(suite, Compiler(cache), arg.keep)
    chosen = tests if arg.all or arg.names else sample(tests, arg.sample)
    for nr, test in enumerate(chosen):
        # The sample has half of the levels for each program.
        levels = arg.levels.split(",") if arg.levels else LEVELS if chosen is tests else LEVELS[nr % 2::2]
        for level in levels:
            modes = arg.mode.split(",") if arg.mode else ["jit", "interp"] if level in ("O1", "O2") else ["jit"]
            runner.add(test, level, modes)
    return suite.run()


if __name__ == "__main__":
    sys.exit(main())
