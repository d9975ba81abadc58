"""kitemu where there is little to be had: limits, mounts, filters, closed descriptors. It runs, or one line says why not."""
import re, shlex

import tap

ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}
SAYS = "child 5 9.0\nexecuted\nparent 0\n"
# What docker's default profile refuses of what kitemu or its guests may ask for (x86-64 numbers), with clone3 as newer ones do.
DOCKER = "101 135 165 166 169 179 246 248 249 250 272 298 303 304 308 310 311 312 321 323 425 426 427 435=38".split()
MEMFD_CREATE, EXECVEAT, PRLIMIT, GETRANDOM = "319", "322", "302", "318"


def fail_unless(ok, why):
    if not ok:
        raise tap.Fail(str(why))


class Odd:
    def __init__(self, suite, program, deny):
        self.suite, self.program, self.deny = suite, program, deny

    def run(self, *cmd, **kw):
        status, out, err = tap.run(list(map(str, cmd)), env=ENV, cwd=self.suite.work, **kw)
        return status, tap.text(out), tap.text(err)

    def runs(self, *cmd, says=SAYS):
        got = self.run(*cmd)
        fail_unless(got == (0, says, ""), f"{cmd}: {got}")

    def refuses(self, status, why, *cmd):
        """One line, with this reason."""
        got = self.run(*cmd)
        fail_unless(got[0] == status and not got[1] and re.fullmatch(rf"kitemu: .*{re.escape(why)}.*\n", got[2]), f"{cmd}: {got}")

    def limited(self, limit, *args):
        return ["bash", "-c", f"ulimit {limit}; exec {shlex.join(map(str, [self.suite.kitemu, *args, self.program]))}"]

    def namespace(self, mounts):
        """The program in a mount namespace with these; it and kitemu are in /mnt."""
        script = f"mount -t tmpfs tmpfs /mnt && cp {self.suite.kitemu} /mnt/kitemu && cp {self.program} /mnt/works && cd /mnt && {mounts}"
        return ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script]

    def limits(self):
        for kb in (60000, 100000, 150000, 200000, 250000, 400000, 1000000):
            self.runs(*self.limited(f"-v {kb}"))
        self.runs(*self.limited("-v 60000", "--engine=interp"))
        self.refuses(125, "try a smaller --cache-size", *self.limited("-v 100000", "--cache-size=64M"))
        self.refuses(125, "ulimit -n", *self.limited("-n 3"))
        for limit in ("-n 8", "-Sn 4", "-u 1", "-l 0", "-s 64", "-s unlimited", "-d 30000", "-f 0", "-c 0"):
            status, out, err = self.run(*self.limited(limit))
            fail_unless(status == 0 and (out == SAYS or limit == "-u 1") and not err, f"{limit}: {status} {out} {err}")

    def mounts(self):
        if self.run("unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")[0]:
            raise tap.Skip("no user namespaces with mounts here")
        self.runs(*self.namespace("mount -t tmpfs -o ro tmpfs /proc && ./kitemu ./works"))
        self.runs(*self.namespace("mount -t tmpfs -o ro tmpfs /tmp && mount -t tmpfs -o ro tmpfs /dev/shm && ./kitemu ./works"))
        self.runs(*self.namespace("for d in /tmp /dev/shm /var/tmp /run; do mount -t tmpfs -o noexec tmpfs $d || exit; done; ./kitemu ./works"))
        self.refuses(126, "mounted noexec", *self.namespace("mkdir x && mount -t tmpfs -o noexec tmpfs x && cp works x && ./kitemu x/works"))
        self.refuses(125, "Read-only file system", *self.namespace("mount -t tmpfs -o ro tmpfs /tmp && ./kitemu --perfmap ./works"))

    def filters(self):
        kitemu = [self.suite.kitemu, self.program]
        status, _, err = self.run(self.deny, "--", "true")
        if status:
            raise tap.Skip(f"no seccomp filters here: {err}")
        self.runs(self.deny, *DOCKER, "--", *kitemu)
        self.runs(self.deny, MEMFD_CREATE, "--", *kitemu)
        self.runs(self.deny, PRLIMIT, GETRANDOM, "--", *kitemu)
        self.refuses(125, "memory cannot be made executable here (Permission denied); --engine=interp needs none", self.deny, "exec", MEMFD_CREATE + "=13", "--", *kitemu)
        self.runs(self.deny, "exec", MEMFD_CREATE, "--", self.suite.kitemu, "--engine=interp", self.program)
        self.refuses(125, "ptrace is not allowed here", self.deny, *DOCKER, "--", self.suite.kitemu, "-g", "unix:refused", self.program)
        status, out, err = self.run(self.deny, MEMFD_CREATE, "--", self.suite.kitemu, "--strace=-e write", self.program)
        fail_unless(status == 0 and out == SAYS and err.count("write(1") == 3, f"{status} {out} {err}")

    def descriptors(self):
        shell = lambda how: ["bash", "-c", f"exec {shlex.join([str(self.suite.kitemu), str(self.program)])} x {how}"]
        self.runs(*shell("<&-"), says="x\n")
        for how in (">&-", ">/dev/full", "<&- >&- 2>&-"):
            fail_unless(self.run(*shell(how)) == (5, "", ""), how)

    def arguments(self):
        long = "x" * 131000
        status, out, err = self.run("python3", "-c", f"import os; os.execv({str(self.suite.kitemu)!r}, ['kitemu', {str(self.program)!r}, 'x' * 131000] + ['y' * 100] * 15000)")
        fail_unless((status, out, err) == (0, long + "\n", ""), f"{status} {out[:99]} {err}")

    def add(self):
        for name in ("limits", "mounts", "filters", "descriptors", "arguments"):
            self.suite.add(f"odd places: {name}", getattr(self, name))
