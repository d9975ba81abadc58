"""Debian's other static riscv64 programs."""
import json, os, pathlib, re, signal, shutil, subprocess, time
from guests import ROOT, check, same
import tap

HERE = pathlib.Path(__file__).resolve().parent
# Where scripts/apt.sh keeps what it fetched.
CACHE = pathlib.Path(os.environ.get("KIT_CACHE", os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")) + "/kitemu"))


def files_below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def dar_runner(case, more):
    """A function that runs dar. It wants a gpg on its way up, if only to ask for its version."""
    case.file("stub/gpg", f"#!{case.guests.bin}/sh\necho 'gpg (GnuPG) 2.2.40'\n").chmod(0o755)
    env = case.env(PATH=f"{case.dir}/stub:{case.guests.bin}")

    def run(*args, status=0):
        got, out, err = case.run("dar", "-N", "-Q", *more, *args, env=env)
        if status is not None and got != status:
            raise tap.Fail(f"dar {' '.join(map(str, args))}: status {got}, expected {status}\n{tap.text(out)[-1500:]}\n{tap.text(err)[-1500:]}")
        return got, tap.text(out)
    return run


def dar(case, more=()):
    """Archives in every compression, slices, an incremental one, a damaged one."""
    run = dar_runner(case, more)
    tree = case.dir / "tree"
    shutil.copytree(case.data / "tree", tree)
    want = files_below(tree)
    for name in ("gzip:9", "bzip2", "xz:1", "lz4", "zstd:3", "lzo"):
        base = name.partition(":")[0]
        run("-c", base, "-R", "tree", "-z" + name)
        run("-t", base)
        (case.dir / "out" / base).mkdir(parents=True)
        run("-x", base, "-R", f"out/{base}")
        same(files_below(case.dir / "out" / base), want, base)
    listing = run("-l", "gzip", "-as")[1]
    check(all(pathlib.Path(n).name in listing for n in want), listing)
    run("-d", "xz", "-R", "tree")
    changed = sorted(want)[0]
    (tree / changed).write_bytes(b"changed\n")
    run("-d", "xz", "-R", "tree", status=5)
    run("-c", "diff", "-A", "gzip", "-R", "tree", "-z1", "-s", "20k")
    run("-x", "diff", "-R", "out/gzip", "-w")
    same(files_below(case.dir / "out" / "gzip"), files_below(tree), "after the incremental one")
    damaged = bytearray((case.dir / "xz.1.dar").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    case.file("bad.1.dar", bytes(damaged))
    status, _ = run("-t", "bad", status=None)
    check(status not in (0,) and status < 100, f"a damaged archive: status {status}")


def dar_encrypted(case, more=("-G", "1,1")):
    """Ciphers and key derivation of libgcrypt: long integer and table code."""
    run = dar_runner(case, more)
    for cipher in ("aes", "twofish", "serpent", "camellia", "blowfish"):
        key = ("-K", cipher + ":secret")
        run(*key, "-c", cipher, "-R", case.data / "tree", "-z1", "--kdf-param", "2000:sha1")
        run(*key, "-t", cipher)
        check(run("-K", cipher + ":wrong", "-t", cipher, status=None)[0] != 0, "a wrong password")


def e2fsck(case):
    """File systems from busybox mke2fs: clean, damaged, repaired."""
    image = case.file("fs.img", b"")
    with open(image, "r+b") as f:
        f.truncate(4 << 20)
    case.expect("busybox", "mke2fs", "-F", "-b", "1024", "-L", "kitemu", image)
    out = case.out("e2fsck", "-fn", image, stderr=None)
    check("Pass 5: Checking group summary information" in out and "kitemu: 11/" in out, out)
    same(case.out("e2fsck", "-p", image, stderr=None).count("clean"), 1, "clean")
    data = bytearray(image.read_bytes())
    sb = 1024
    inode_table = int.from_bytes(data[2048 + 8:2048 + 12], "little") * 1024
    data[sb + 12:sb + 16] = (7).to_bytes(4, "little")                    # free blocks
    data[inode_table + 128 + 26] = 99                                     # links of the root folder
    data[inode_table + 10 * 128 + 40:inode_table + 10 * 128 + 44] = b"\xff" * 4 # a block of lost+found
    image.write_bytes(data)
    status, out, _ = case.run("e2fsck", "-fn", image)
    check(status == 4 and b"Inode 2 ref count is 99" in out and b"illegal block" in out, f"status {status}\n{tap.text(out)}")
    out = case.expect("e2fsck", "-fy", image, status=1)
    check(b"FILE SYSTEM WAS MODIFIED" in out, out)
    case.expect("e2fsck", "-fn", image, status=0)
    # A primary superblock of zeros: the backup serves.
    data = bytearray(image.read_bytes())
    data[sb:sb + 1024] = bytes(1024)
    case.file("nosb.img", bytes(data))
    status, out, err = case.run("e2fsck", "-fn", "nosb.img")
    check(status & 8 and b"magic" in (out + err), f"status {status} {out}")
    case.file("garbage.img", (case.data / "blob.bin").read_bytes())
    check(case.run("e2fsck", "-fn", "garbage.img")[0] & 8, "garbage")


def gpgv(case):
    """Signatures of four kinds of key, and Debian's own on its package lists."""
    sig = HERE / "gpg"
    keyring = ("--keyring", sig / "keyring.gpg")
    for key in ("ed25519",) if case.slow else ("ed25519", "rsa2048", "nistp256", "dsa2048"):
        _, _, err = case.run("gpgv", *keyring, sig / f"{key}.sig", sig / "text")
        check(f'Good signature from "kitemu {key} ' in tap.text(err), err)
        case.file("text", (sig / "text").read_bytes().replace(b"once", b"0nce"))
        status, _, err = case.run("gpgv", *keyring, sig / f"{key}.sig", "text")
        check(status == 1 and b"BAD signature" in err, f"a changed text: status {status}, {err}")
    same(case.expect("gpgv", *keyring, "--output", "-", sig / "clear.asc"), (sig / "text").read_bytes(), "clear-signed text")
    status, _, err = case.run("gpgv", "--keyring", case.file("none.gpg", b""), sig / "ed25519.sig", sig / "text")
    check(status == 2 and b"No public key" in err, err)
    debian = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    for release in list(CACHE.glob("apt/trixie-riscv64/state/lists/*_InRelease")):
        if debian.exists():
            status, out, err = case.run("gpgv", "--keyring", debian, "--output", "-", release)
            check(b"Good signature" in err and b"BAD" not in err and b"riscv64" in out, err)


def init(case, name, reap, forward):
    """A container's first process: the status of its child, signals passed on, orphans reaped."""
    sh = case.guests.bin / "sh"
    args = [*reap, "--", sh, "-c"]
    same(case.expect(name, *args, "echo started; exit 9", status=9), b"started\n")
    same(case.run(name, *args, "kill -TERM $$")[0], 128 + signal.SIGTERM)
    status, _, err = case.run(name, *reap, "--", "/no/such/program")
    check(status in (1, 127) and err, f"a missing program: status {status}, {err}")
    # Orphans: the child goes, a grandchild stays a while, the init reaps it and does not end before... its child.
    same(case.expect(name, *args, "(sh -c 'sleep 0.1; echo orphan' &) ; sleep 0.4; exit 3", status=3), b"orphan\n")
    p = subprocess.Popen([str(a) for a in case.argv(name, *forward, "--", sh, "-c",
                          "trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done")],
                         cwd=case.dir, env=case.env(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         start_new_session=True)
    try:
        same(p.stdout.readline(), b"ready\n")
        p.send_signal(signal.SIGUSR1)
        same(p.stdout.readline(), b"usr1\n")
        p.send_signal(signal.SIGTERM)
        same(p.stdout.read(), b"term\n")
        same(p.wait(case.limit), 5, "status")
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        p.wait()


def integrit(case):
    """A data base of file states with RIPEMD checksums, and what it notices."""
    shutil.copytree(case.data / "tree", case.dir / "tree")
    case.file("conf", f"root={case.dir}/tree\nknown={case.dir}/known.cdb\ncurrent={case.dir}/current.cdb\n")
    case.expect("integrit", "-C", "conf", "-u")
    (case.dir / "current.cdb").rename(case.dir / "known.cdb")
    case.expect("integrit", "-C", "conf", "-c", status=0)
    files = sorted(p for p in (case.dir / "tree").rglob("*.*"))
    files[0].write_bytes(b"abc")
    files[1].unlink()
    files[2].chmod(0o777)
    (case.dir / "tree" / "new").write_bytes(b"new")
    out = tap.text(case.expect("integrit", "-C", "conf", "-c", "-u", status=1))
    check(re.search(rf"changed: {files[0]} +.*s\([0-9a-f]+:8eb208f7e05d987a9b044a8e98c6b087f15a0bfc\)", out), out) # RIPEMD-160 of abc
    check(f"missing: {files[1]}" in out and re.search(rf"changed: {files[2]} +p\(0?\d+:0?777\)", out) and f"new:     {case.dir}/tree/new" in out, out)
    names = re.findall(r"^(\S+) ", tap.text(case.expect("i-viewdb", "current.cdb")), re.M)
    same(sorted(set(names)), sorted(str(p) for p in (case.dir / "tree").rglob("*")), "i-viewdb")
    check("s(8eb208f7" in case.out("i-ls", files[0]), "i-ls")


def sash(case):
    """The stand-alone shell: its own ls, cp, tar, ed, grep, gzip, and programs."""
    shutil.copytree(case.data / "tree", case.dir / "tree")
    case.file("script", f"""
-mkdir d
-cp {case.data}/prose.txt {case.data}/words.txt d
-mv d/words.txt d/w
-ls d
-chmod 600 d/w
-ln -s w d/link
-tar cf t.tar tree
-rm d/prose.txt
-tar tf t.tar
-gzip d/w -o w.gz
-gunzip w.gz -o back
-cmp d/w back
-grep kernel99 d/w
-find tree -size 3000 -type f
-sum d/w
setenv COLOUR green
-printenv COLOUR
-echo a b 'c  d'
{case.guests.bin}/echo from a program
-dd if=d/w of=part bs=10 count=3
-where sh
exit 6
""")
    status, out, err = case.run("sash", "script")
    lines = tap.text(out).splitlines()
    check("from a program" in lines, tap.text(out + err))
    lines.remove("from a program") # comes first: the shell holds back its own output
    check(status == 6 and lines[:4] == [".", "..", "prose.txt", "w"], f"status {status}, {tap.text(out + err)[:1500]}")
    check({"green", "a b c  d"} <= set(lines), tap.text(out))
    same(case.file("back").read_bytes(), (case.data / "words.txt").read_bytes(), "gzip and back")
    same(sorted(l for l in lines if l.startswith("tree/") and l.endswith(".c"))[::2] and case.file("part").read_bytes(),
         (case.data / "words.txt").read_bytes()[:30], "dd")
    (case.dir / "out").mkdir()
    tap.expect(["tar", "xf", "../t.tar"], cwd=case.dir / "out")
    same(files_below(case.dir / "out" / "tree"), files_below(case.dir / "tree"), "tar")


# Programs written in Go: each makes threads as it starts.

def goawk(case):
    same(case.out("goawk", "BEGIN { printf \"%.10f %d %s\\n\", atan2(0, -1), 2 ^ 31, substr(\"hello\", 2, 3) }"), "3.1415926536 2147483648 ell\n")
    text = (case.data / "table.csv").read_text()
    total = sum(int(l.split(",")[4]) for l in text.splitlines()[1:])
    same(case.out("goawk", "-F,", "NR > 1 { n += $5 } END { print n }", case.data / "table.csv"), f"{total}\n")
    words = {}
    for w in re.findall(r"[a-z]+", (case.data / "prose.txt").read_text().lower()):
        words[w] = words.get(w, 0) + 1
    got = case.out("goawk", "{ gsub(/[^a-zA-Z]/, \" \"); for (i = 1; i <= NF; i++) c[tolower($i)]++ } END { for (w in c) print w, c[w] }", case.data / "prose.txt")
    same(dict((l.split()[0], int(l.split()[1])) for l in got.splitlines()), words, "word counts")
    same(case.out("goawk", "-i", "csv", "-H", "{ n += @\"count\" } END { print n }", case.data / "table.csv"), f"{total}\n")


def gojq(case):
    records = [{"id": i, "name": f"n{i % 7}", "v": i * 0.5, "tags": ["x"] * (i % 3)} for i in range(2000)]
    case.file("d.json", json.dumps(records))
    same(json.loads(case.out("gojq", "-c", "map(select(.id % 100 == 0) | {id, v}) | sort_by(-.v)", "d.json")),
         sorted(({"id": r["id"], "v": r["v"]} for r in records if r["id"] % 100 == 0), key=lambda r: -r["v"]))
    same(json.loads(case.out("gojq", "group_by(.name) | map({key: .[0].name, value: (map(.v) | add)}) | from_entries", "d.json")),
         {f"n{k}": sum(r["v"] for r in records if r["id"] % 7 == k) for k in range(7)})
    same(case.out("gojq", "-n", "[limit(10; range(1; infinite) | select(. % 7 == 0))] | add, (2 | sqrt), (\"a,b\" | split(\",\"))", "-c"), '385\n1.4142135623730951\n["a","b"]\n')
    same(case.out("gojq", "-n", "reduce range(1; 31) as $i (1; . * $i)"), "265252859812191058636308480000000\n")
    case.expect("gojq", ".", stdin=b"{broken", status=5)


def shfmt(case):
    for path in sorted(HERE.glob("b*/*.sh")):
        if path.parent.name == "bash" and path.stem != "signals": # too clever for shfmt's parser
            continue
        once = case.expect("shfmt", "-ln", "bash", "-i", "4", path)
        same(case.expect("shfmt", "-ln", "bash", "-i", "4", stdin=once), once, f"{path.name} formatted twice")
        tree = json.loads(case.expect("shfmt", "-ln", "bash", "--to-json", stdin=once))
        check(tree["Type"] == "File" and len(tree["Stmts"]) > 5, path.name)
    case.expect("shfmt", stdin=b"if true; then", status=1)


def codesearch(case):
    env = case.env(CSEARCHINDEX=str(case.dir / "index"))
    case.expect("cindex", ROOT / "tests" / "real", env=env)
    out = tap.text(case.expect("csearch", "-n", r"def codesearch\(case\)", env=env))
    check(re.search(r"real/tools.py:\d+:def codesearch\(case\):", out), out)
    same(tap.text(case.expect("cgrep", "-c", "-h", "GET", case.data / "access.log", env=env)).strip().rpartition(" ")[2],
         str((case.data / "access.log").read_text().count('"GET')), "cgrep")


ESBUILD = "0.25.12"


def esbuild(case):
    """The one program that is not Debian's: from npm, as the users of a JavaScript project on riscv64 get it."""
    if not shutil.which("npm"):
        raise tap.Skip("needs npm")
    arch = "x64" if case.native else "riscv64"
    cache = CACHE / "npm" / f"{arch}-{ESBUILD}"
    exe = cache / "package" / "bin" / "esbuild"
    if not exe.exists():
        cache.mkdir(parents=True, exist_ok=True)
        if tap.run(["npm", "pack", "--silent", f"@esbuild/linux-{arch}@{ESBUILD}"], 120, cwd=cache)[0]:
            raise tap.Skip("npm cannot fetch it")
        tap.expect(["tar", "xzf", *cache.glob("*.tgz")], cwd=cache)

    def run(*args, stdin=b"", status=0):
        return tap.text(tap.expect([*case.guests.command, exe, *args], None, status, None, case.limit, stdin, cwd=case.dir, env=case.env()))
    same(run("--loader=ts", "--minify", stdin=b"enum E { A, B = 40 + 2 }\nexport const f = (x: number): string => `${x}` + E.B\n"),
         "var r=(n=>(n[n.A=0]=\"A\",n[n.B=42]=\"B\",n))(r||{});export const f=e=>`${e}42`;\n")
    for i in range(40):
        case.file(f"src/m{i}.js", f"export function f{i}(a) {{ return a * {i} }}\nexport const unused{i} = 'u{i}'\n" + (case.data / "empty").read_text())
    case.file("src/main.js", "".join(f"import {{ f{i} }} from './m{i}.js'\n" for i in range(40)) + "console.log(" + " + ".join(f"f{i}(2)" for i in range(40)) + ")\n")
    out = run("--bundle", "--format=esm", "src/main.js")
    check(all(f"function f{i}(a)" in out for i in range(40)) and "unused" not in out, out)
    run("src/none.js", "--bundle", status=1)


def cases(add):
    add("tools/dar", lambda c: dar(c, ("-G", "1,1")), limit=60)
    add("tools/dar-encrypted", dar_encrypted, limit=60)
    add("tools/dar-threads", lambda c: (dar(c, ("-G", "2,2")), dar_encrypted(c, ("-G", "2,2"))), limit=60)
    add("tools/e2fsck", e2fsck, ("jit", "interp", "selfcheck"))
    add("tools/gpgv", gpgv, ("jit", "interp"))
    add("tools/tini", lambda c: init(c, "tini", ["-s"], []))
    add("tools/catatonit", lambda c: init(c, "catatonit", [], []))
    add("tools/integrit", integrit, ("jit", "interp", "selfcheck"))
    add("tools/sash", sash, ("jit", "interp"))
    for f in (goawk, gojq, shfmt, codesearch, esbuild):
        add(f"tools/{f.__name__}", f)
