"""Compiling for both machines, with a cache in the work folder: a build is kept as long as its command, its sources
and its compiler stay the same."""
import hashlib, os, pathlib, shutil, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "tests/bench"
GUEST = "riscv64-linux-gnu-"
FLAGS = ["-O2", "-static"]


class BuildError(Exception):
    pass


def call(cmd, **kw):
    """Run a command quietly; BuildError holds what it said."""
    r = subprocess.run([str(c) for c in cmd], capture_output=True, text=True, errors="replace",
                       stdin=subprocess.DEVNULL, **kw)
    if r.returncode:
        said = (r.stderr or r.stdout).strip().splitlines()
        raise BuildError("\n".join([f"{cmd[0]} failed:", *said[-15:]]))
    return r.stdout


class Toolchain:
    def __init__(self, work):
        self.work = pathlib.Path(work)
        self.versions = {}
        for prefix in ("", GUEST):
            for cc in ("gcc", "g++"):
                if not shutil.which(prefix + cc):
                    raise BuildError(f"there is no {prefix}{cc}: scripts/bootstrap test installs the compilers")
                self.versions[prefix + cc] = call([prefix + cc, "--version"]).splitlines()[0]

    def compile(self, out, sources, guest, flags=(), libs=(), uses=()):
        """Compile and link sources into WORK/bin/out (.native or .rv64). uses: further files that the result
        depends on."""
        cc = (GUEST if guest else "") + ("g++" if any(str(s).endswith(".cc") for s in sources) else "gcc")
        return self.cached(f"{out}.{'rv64' if guest else 'native'}", [cc, *FLAGS, *flags, *sources, *libs],
                           [*sources, *uses], self.versions[cc])

    def cached(self, name, command, inputs, version=""):
        """The path of WORK/bin/name, made by command (+ -o path) unless it is already there from the same inputs."""
        path = self.work / "bin" / name
        key = hashlib.sha256("\0".join([*map(str, command), version]).encode())
        for f in inputs:
            key.update(pathlib.Path(f).read_bytes())
        mark = path.with_name(path.name + ".key")
        if path.exists() and mark.exists() and mark.read_text() == key.hexdigest():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)
        fd, tmp = tempfile.mkstemp(dir=path.parent)
        os.close(fd)
        try:
            call([*command, "-o", tmp])
            os.chmod(tmp, 0o755)
            os.replace(tmp, path)
        finally:
            pathlib.Path(tmp).unlink(missing_ok=True)
        mark.write_text(key.hexdigest())
        return path

    def own(self, name, source, flags=()):
        """(native, rv64) builds of a program of tests/bench."""
        return tuple(self.compile(name, [BENCH / source], guest, ["-I", ROOT, *flags], ["-lm", "-pthread"],
                                  [BENCH / "bench.h"]) for guest in (False, True))

    def launcher(self):
        return self.compile("launch", [BENCH / "launch.c"], False)
