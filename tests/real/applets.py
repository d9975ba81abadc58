"""busybox applets whose answer Python's library knows, and those that show the machine they run on."""
import bz2, gzip, hashlib, io, lzma, os, re, shutil, socket, subprocess, tarfile, time, zipfile, zlib
from guests import check, same
import tap

CI = ("jit", "interp", "selfcheck")


def big(case):
    """A few hundred KB of real text: what this interpreter's own modules say. Less for a slow engine."""
    out = b""
    for module in (os, re, tarfile, zipfile, socket, subprocess, hashlib, gzip):
        with open(module.__file__, "rb") as f:
            out += f.read()
    return out[:50000] if case.slow else out


def hashes(case):
    data = case.file("data", big(case) * 3)
    for name in ("md5", "sha1", "sha256", "sha512", "sha3_512"):
        applet = {"sha3_512": ("sha3sum", "-a", "512")}.get(name, (name + "sum",))
        want = hashlib.new(name, data.read_bytes()).hexdigest()
        same(case.out("busybox", *applet, "data"), f"{want}  data\n", name)
        for size in (0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 1000):
            part = data.read_bytes()[:size]
            same(case.out("busybox", *applet, stdin=part).split()[0], hashlib.new(name, part).hexdigest(), f"{name} of {size}")
    same(int(case.out("busybox", "crc32", "data").split()[0], 16), zlib.crc32(data.read_bytes()), "crc32")
    case.file("sums", f"{hashlib.sha256(data.read_bytes()).hexdigest()}  data\n{'0' * 64}  data\n")
    status, out, _ = case.run("busybox", "sha256sum", "-c", "sums")
    same((status, out), (1, b"data: OK\ndata: FAILED\n"))


def compress(case):
    text = big(case)
    same(gzip.decompress(case.expect("busybox", "gzip", "-c", stdin=text)), text, "gzip")
    same(gzip.decompress(case.expect("busybox", "gzip", "-9c", stdin=text[:50000])), text[:50000], "gzip -9")
    same(bz2.decompress(case.expect("busybox", "bzip2", "-c", stdin=text)), text, "bzip2")


def decompress(case):
    text = big(case)
    for applet, packed in (("gunzip", gzip.compress(text)), ("bunzip2", bz2.compress(text)), ("unxz", lzma.compress(text)),
                           ("unlzma", lzma.compress(text, lzma.FORMAT_ALONE)), ("zcat", gzip.compress(text, 1)),
                           ("xzcat", lzma.compress(text, preset=9, check=lzma.CHECK_CRC32))):
        check(case.expect("busybox", applet, "-c", stdin=packed) == text, applet)
        bad = bytearray(packed)
        bad[len(bad) // 2] ^= 0x55
        status, out, err = case.run("busybox", applet, "-c", stdin=bytes(bad))
        check(err and (status == 1 or applet == "zcat"), f"{applet} of damaged data: status {status}, {err}")


def tar(case):
    tree = case.dir / "tree"
    shutil.copytree(case.data / "tree", tree)
    (tree / "link").symlink_to("a")
    files = {str(p.relative_to(case.dir)): p.read_bytes() for p in sorted(tree.rglob("*")) if p.is_file() and not p.is_symlink()}
    packed = case.expect("busybox", "tar", "czf", "-", "tree")
    with tarfile.open(fileobj=io.BytesIO(packed)) as t:
        same({m.name: t.extractfile(m).read() for m in t if m.isfile()}, files, "tar czf")
        same(t.getmember("tree/link").linkname, "a")
    # A long name and pax headers, written by Python.
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz", format=tarfile.GNU_FORMAT) as t:
        for name, content in files.items():
            info = tarfile.TarInfo("deep/" * 30 + name)
            info.size, info.mode, info.mtime = len(content), 0o640, 1000000000
            t.addfile(info, io.BytesIO(content))
    case.expect("busybox", "tar", "xJf", "-", stdin=out.getvalue())
    for name, content in files.items():
        path = case.dir / ("deep/" * 30 + name)
        same(path.read_bytes(), content, name)
        same((path.stat().st_mode & 0o777, path.stat().st_mtime), (0o640, 1000000000), name)


def unzip(case):
    with zipfile.ZipFile(case.file("z.zip"), "w", zipfile.ZIP_DEFLATED) as z:
        for path in sorted((case.data / "tree").rglob("*.*")):
            z.write(path, path.name)
        z.writestr("stored", b"plain" * 100, zipfile.ZIP_STORED)
    case.out("busybox", "unzip", "-q", "z.zip", "-d", "out")
    for path in (case.data / "tree").rglob("*.*"):
        same((case.dir / "out" / path.name).read_bytes(), path.read_bytes(), path.name)
    check("stored" in case.out("busybox", "unzip", "-l", "z.zip"), "unzip -l")


def deb(case):
    # kitemu's users unpack packages; dpkg-deb and ar read what the host's dpkg-deb wrote.
    for name in ("gzip", "xz"):
        case.file("pkg/DEBIAN/control", "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: none <n@example.org>\nDescription: x\n")
        case.file("pkg/usr/share/x/words", (case.data / "words.txt").read_bytes())
        tap.expect(["dpkg-deb", "--root-owner-group", "-Z" + name, "--build", "pkg", "x.deb"], cwd=case.dir)
        check("./usr/share/x/words" in case.out("busybox", "dpkg-deb", "-c", "x.deb"), "dpkg-deb -c")
        case.out("busybox", "dpkg-deb", "-x", "x.deb", "out-" + name)
        same(case.file(f"out-{name}/usr/share/x/words").read_bytes(), (case.data / "words.txt").read_bytes())
    same(case.out("busybox", "ar", "t", "x.deb").split()[0], "debian-binary")
    same(case.out("busybox", "ar", "p", "x.deb", "debian-binary"), "2.0\n")


def numbers(case):
    digits = int(str(2 ** 3000))
    same(case.out("busybox", "bc", stdin="2^3000\n", env=case.env(BC_LINE_LENGTH="0")).replace("\\\n", ""), f"{digits}\n")
    same(case.out("busybox", "dc", "-e", "12345678901234567890 98765432109876543210 * p"), f"{12345678901234567890 * 98765432109876543210}\n")
    same(case.out("busybox", "factor", "999999999989", str(3 ** 30)),
         f"999999999989: 999999999989\n{3 ** 30}:{' 3' * 30}\n")
    values = [i * 0.37 for i in range(-20, 20)]
    same(case.out("busybox", "printf", "%.6f %e\\n", *[str(v) for v in values for _ in "ab"]), "".join("%.6f %e\n" % (v, v) for v in values))
    for t in (0, 1e9, 1234567890, 1709210096, 4000000000):
        same(case.out("busybox", "date", "-u", "-d", f"@{int(t)}", "+%Y-%m-%d %H:%M:%S"), time.strftime("%Y-%m-%d %H:%M:%S\n", time.gmtime(t)))
    now = int(case.out("busybox", "date", "+%s"))
    check(abs(now - time.time()) < 60, f"the time is {now}")


def sort(case):
    lines = big(case).split(b"\n")[:6000]
    text = b"".join(l + b"\n" for l in lines)
    same(case.expect("busybox", "sort", stdin=text), b"".join(l + b"\n" for l in sorted(lines)), "sort")
    same(case.expect("busybox", "grep", "-n", "import", stdin=text),
         b"".join(b"%d:%s\n" % (i + 1, l) for i, l in enumerate(lines) if b"import" in l), "grep")
    same(case.expect("busybox", "sed", "s/self/SELF/g", stdin=text), text.replace(b"self", b"SELF"), "sed")
    same(case.expect("busybox", "tr", "a-z", "A-Z", stdin=text), text.upper(), "tr")
    same(case.expect("busybox", "awk", "{ n += NF; c += length + 1 } END { print n, c }", stdin=text), b"%d %d\n" % (len(text.split()), len(text)))
    same(case.expect("busybox", "base64", "-w0", stdin=text), __import__("base64").b64encode(text), "base64")
    same(case.expect("busybox", "wc", stdin=text).split(), [b"%d" % n for n in (len(lines), len(text.split()), len(text))], "wc")


def machine(case):
    """What a guest sees of the machine: itself as riscv64 and its own processes."""
    if not case.native:
        same(case.out("busybox", "uname", "-m"), "riscv64\n")
        same(case.out("busybox", "arch"), "riscv64\n")
    same(case.out("busybox", "uname", "-s"), "Linux\n")
    same(case.out("busybox", "nproc"), f"{len(os.sched_getaffinity(0))}\n")
    same(case.out("busybox", "id", "-u"), f"{os.getuid()}\n")
    same(case.out("busybox", "hostname"), socket.gethostname() + "\n")
    same(case.out("busybox", "tty", status=1), "not a tty\n")
    check(re.search(r"up .*load average: ", case.out("busybox", "uptime")), "uptime")
    check(re.search(r"Mem: +\d+ +\d+", case.out("busybox", "free")), "free")
    same(case.out("busybox", "pwd"), f"{case.dir}\n")
    same(case.sh("echo $PPID $$ >pids; exec readlink -f /proc/$$/cwd"), f"{case.dir}\n")
    top = case.out("busybox", "top", "-b", "-n1")
    check(re.search(r"Mem: \d+K used.*\n.*CPU:.*\n.*Load average: .*\n +PID +PPID", top), top)
    check(re.search(r"^ *\d+ +\d+ .* top -b -n1", top, re.M), "top does not show itself:\n" + top)
    ps = case.sh("sleep 7.25 & ps -o pid,args; kill $!")
    check(re.search(r"^ *\d+ .*sleep 7.25", ps, re.M) and re.search(r"^ *\d+ +PID|PID", ps), ps)
    check(re.search(r"lo .*127\.0\.0\.1", case.out("busybox", "ifconfig", "lo"), re.S), "ifconfig lo")
    check("127.0.0.1" in case.out("busybox", "ip", "addr", "show", "lo"), "ip addr")
    check(re.search(r"^\S+ +\d+ ", case.out("busybox", "df", "-P", "."), re.M), "df")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A guest that runs until the block ends."""

    def __init__(self, case, *argv):
        self.case, self.argv = case, argv

    def __enter__(self):
        self.p = subprocess.Popen([str(a) for a in self.case.argv(*self.argv)], cwd=self.case.dir, env=self.case.env(),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        return self.p

    def __exit__(self, *exc):
        try:
            os.killpg(self.p.pid, 9)
        except ProcessLookupError:
            pass
        self.p.communicate()


def until(what, seconds, why):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            got = what()
            if got:
                return got
        except OSError:
            pass
        time.sleep(0.05)
    raise tap.Fail(why)


def httpd(case):
    """busybox httpd serves busybox wget and Python, pages and a CGI script."""
    port, content = free_port(), (case.data / "blob.bin").read_bytes()
    case.file("www/blob.bin", content)
    case.file("www/index.html", "<p>hello\n")
    case.file("www/cgi-bin/env", f"#!{case.guests.bin}/sh\necho 'Content-Type: text/plain'\necho\necho \"$REQUEST_METHOD $QUERY_STRING\"\ncat\n").chmod(0o755)
    with Server(case, "busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", "www") as server:
        until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True, case.limit, "httpd does not listen")
        url = f"http://127.0.0.1:{port}"
        case.expect("busybox", "wget", "-q", "-O", "got", url + "/blob.bin")
        same(case.file("got").read_bytes(), content, "page")
        same(case.out("busybox", "wget", "-q", "-O", "-", url + "/"), "<p>hello\n")
        status, _, err = case.run("busybox", "wget", "-q", "-O", "-", url + "/none")
        check(status == 1 and b"404" in err, err)
        same(case.out("busybox", "wget", "-q", "-O", "-", url + "/cgi-bin/env?a=1"), "GET a=1\n")
        same(case.out("busybox", "wget", "-q", "-O", "-", "--post-data", "posted", url + "/cgi-bin/env"), "POST \nposted")
        import urllib.request
        same(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + "/blob.bin", timeout=case.limit).read(), content, "page to Python")
        check(server.poll() is None, "httpd ended")


def netcat(case):
    port = free_port()
    case.file("up", f"#!{case.guests.bin}/sh\nexec tr a-z A-Z\n").chmod(0o755)
    with Server(case, "busybox", "nc", "-l", "-p", str(port), "-e", "./up"):
        def talk():
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                s.sendall(b"through a socket\n")
                s.shutdown(socket.SHUT_WR)
                s.settimeout(case.limit)
                return s.makefile("rb").read() or b"nothing"
        same(until(talk, case.limit, "nc does not listen"), b"THROUGH A SOCKET\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading
        def answer():
            s, _ = server.accept()
            with s:
                s.sendall(s.recv(100).upper())
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        same(case.out("busybox", "nc", "127.0.0.1", str(server.getsockname()[1]), stdin="to the host\n"), "TO THE HOST\n")


def editors(case):
    case.file("f", "one\ntwo\nthree\n")
    same(case.out("busybox", "ed", "f", stdin="2s/two/TWO/\n3a\nfour\n.\n1d\nw\n1,$p\nq\n", stderr=None), "14\n15\nTWO\nthree\nfour\n", "ed")
    same(case.file("f").read_text(), "TWO\nthree\nfour\n")
    case.out("busybox", "sed", "-i", "-e", "s/three/3/", "-e", "$d", "f")
    same(case.file("f").read_text(), "TWO\n3\n")
    same(case.out("busybox", "vi", "-c", ":%s/TWO/2/", "-c", ":wq", "f", stderr=None)[-0:] and case.file("f").read_text(), "2\n3\n", "vi -c")


def many(case):
    """A shell that starts hundreds of processes, in sequence and at once."""
    same(case.sh("i=0; while [ $i -lt 150 ]; do $BIN/true && i=$((i + 1)); done; echo $i"), "150\n")
    same(case.sh("for i in $(seq 40); do $BIN/sh -c 'exit '$i & done; wait; echo done"), "done\n")
    same(case.sh("seq 60 | xargs -n 1 -P 4 $BIN/echo | sort -n | md5sum"), hashlib.md5("".join(f"{i}\n" for i in range(1, 61)).encode()).hexdigest() + "  -\n")


def cases(add):
    for name, f, modes in (("hashes", hashes, ("jit", "interp")), ("compress", compress, ("jit",)), ("decompress", decompress, ("jit",)),
                           ("tar", tar, CI), ("unzip", unzip, CI), ("deb", deb, ("jit",)), ("arithmetic", numbers, CI),
                           ("texts", sort, CI), ("machine", machine, ("jit", "interp")), ("httpd", httpd, ("jit", "interp")),
                           ("netcat", netcat, ("jit",)), ("editors", editors, ("jit",)), ("many", many, ("jit",))):
        add(f"busybox/{name}", f, modes)
