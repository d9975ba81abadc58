"""The riscv64 programs of this suite, and how each is run: by kitemu in one of its modes, by another emulator
(KITEMU=qemu-riscv64), or as the native build of the same Debian package (--native), which shows what is right."""
import os, pathlib, shlex, shutil, subprocess
import tap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# command: (Debian package, path in it, does it make threads)
PROGRAMS = {
    "busybox": ("busybox-static", "usr/bin/busybox", False),
    "bash": ("bash-static", "usr/bin/bash-static", False),
    "zsh": ("zsh-static", "usr/bin/zsh-static", False),
    "sash": ("sash", "usr/bin/sash", False),
    "dar": ("dar-static", "usr/bin/dar_static", False),
    "dar_cp": ("dar-static", "usr/bin/dar_cp_static", False),
    "e2fsck": ("e2fsck-static", "usr/sbin/e2fsck.static", False),
    "gpgv": ("gpgv-static", "usr/bin/gpgv-static", False),
    "tini": ("tini", "usr/bin/tini-static", False),
    "catatonit": ("catatonit", "usr/bin/catatonit", False),
    "integrit": ("integrit", "usr/sbin/integrit", False),
    "i-ls": ("integrit", "usr/bin/i-ls", False),
    "i-viewdb": ("integrit", "usr/sbin/i-viewdb", False),
    "goawk": ("goawk", "usr/bin/goawk", True),
    "gojq": ("gojq", "usr/bin/gojq", True),
    "shfmt": ("shfmt", "usr/bin/shfmt", True),
    "cindex": ("codesearch", "usr/bin/cindex", True),
    "csearch": ("codesearch", "usr/bin/csearch", True),
    "cgrep": ("codesearch", "usr/bin/cgrep", True),
}

# busybox applets that get a link of their own in the programs' folder.
APPLETS = """[ ar ash awk base64 basename bc bunzip2 bzcat bzip2 cal cat chgrp chmod chown chroot clear cmp cp
    cpio crc32 cut date dc dd df diff dirname dpkg-deb du echo ed egrep env expand expr factor false fgrep find fold
    free getopt grep groups gunzip gzip head hexdump hostname httpd id ifconfig install kill less link ln logname ls
    lzcat lzma md5sum mkdir mkfifo mknod mktemp more mv nc nl nproc od paste patch pidof printf ps pwd
    readlink realpath rev rm rmdir sed seq setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort stat
    strings stty sync tac tail tar tee telnet test time timeout top touch tr true truncate tty uname uncompress
    unexpand uniq unix2dos unlink unlzma unxz unzip uptime usleep uudecode uuencode vi watch wc wget which whoami
    xargs xxd xz xzcat yes zcat""".split()

# Modes of kitemu, as environment variables, so that they reach every program that a guest executes.
MODES = {
    "jit": {},
    "interp": {"KITEMU_ENGINE": "interp"},
    "selfcheck": {"KITEMU_SELFCHECK": "1"},
    "baseline": {"KITEMU_HOST_ISA": "baseline"},
    "base": {"KITEMU_GUEST_BASE": "1"},
    "smallcache": {"KITEMU_CACHE_SIZE": "64K"},
    "stress": {"KITEMU_STRESS": "1"},
}
SLOWER = {"interp": 5, "selfcheck": 40, "stress": 40}


def shell(script, *args):
    p = subprocess.run(["bash", "-euc", script, "real", *args], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if p.returncode:
        raise SystemExit(f"real: cannot fetch {' '.join(args)}")
    return [pathlib.Path(line) for line in p.stdout.split("\n") if line]


class Guests:
    """The programs, a folder BIN with a link to each, and the command line before them."""

    def __init__(self, suite, native=False):
        packages = sorted({p for p, _, _ in PROGRAMS.values()})
        if native:
            # Goes beside the suite's build: only the people who write cases need it.
            folders = shell("""
                . scripts/apt.sh; arch=$(dpkg --print-architecture); to=$1; shift
                for p; do
                    deb=$(kit_apt_debs trixie "$arch" "$p"); mkdir -p "$to/$p"; dpkg-deb -x "$deb" "$to/$p"; echo "$to/$p"
                done""", suite.build / "guests-native", *packages)
            self.command = []
        else:
            folders = shell('scripts/fetch-guest "$@"', *packages)
            self.command = shlex.split(os.environ.get("KITEMU", str(suite.kitemu)))
            self.command[0] = shutil.which(self.command[0]) or self.command[0]
        self.native = native
        self.ours = not native and "KITEMU" not in os.environ
        self.folder = dict(zip(packages, folders))
        self.suite, self.bin = suite, suite.work / "bin"
        self.bin.mkdir(exist_ok=True)
        for name, (package, path, _) in PROGRAMS.items():
            self.link(name, self.folder[package] / path)
        for name in APPLETS:
            self.link(name, self.path("busybox"))
        self.data = suite.work / "data"

    def link(self, name, target):
        link = self.bin / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)

    def path(self, name):
        package, path, _ = PROGRAMS[name]
        return self.folder[package] / path

    def environment(self, mode="jit", **more):
        """What a guest sees: nothing of this machine's own environment."""
        return {"PATH": str(self.bin), "LC_ALL": "C", "TZ": "UTC0", "TERM": "vt100",
                "DATA": str(self.data), "BIN": str(self.bin), **(MODES[mode] if self.ours else {}), **more}

    def argv(self, name, *args):
        return [*self.command, self.bin / name, *args]


class Case:
    """What a test function gets: a folder of its own to work in and ways to run guests there."""

    def __init__(self, guests, name, mode, limit):
        self.guests, self.mode, self.limit = guests, mode, limit * SLOWER.get(mode, 1)
        self.data, self.native = guests.data, guests.native
        self.slow = mode in SLOWER  # then a case may do with less data
        self.dir = guests.suite.work / mode / name.replace("/", "-")
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def env(self, **more):
        return self.guests.environment(self.mode, HOME=str(self.dir), HISTFILE="/dev/null", **more)

    def argv(self, name, *args):
        return self.guests.argv(name, *args)

    def run(self, name, *args, stdin=b"", timeout=None, env=None):
        """(status, stdout, stderr) of guest NAME."""
        return tap.run(self.argv(name, *args), timeout or self.limit, stdin, cwd=self.dir, env=env or self.env())

    def expect(self, name, *args, stdout=None, status=0, stderr=None, stdin=b"", env=None):
        """Run guest NAME; outputs and status must be these (None: any). Returns stdout as bytes."""
        return tap.expect(self.argv(name, *args), stdout, status, stderr, self.limit, stdin, cwd=self.dir,
                          env=env or self.env())

    def out(self, name, *args, **kw):
        """The text that guest NAME writes; it must end well and leave stderr empty."""
        return tap.text(self.expect(name, *args, stderr=kw.pop("stderr", ""), **kw))

    def sh(self, script, **kw):
        """The text that busybox sh writes, errors included."""
        return self.out("busybox", "sh", "-c", "exec 2>&1\n" + script, **kw)

    def file(self, name, content=None):
        path = self.dir / name
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def same(got, want, what="output"):
    if got != want:
        raise tap.Fail(f"{what} is\n{tap.text(got)[-3000:]}\nexpected\n{tap.text(want)[-3000:]}")


def check(ok, why):
    if not ok:
        raise tap.Fail(str(why))
