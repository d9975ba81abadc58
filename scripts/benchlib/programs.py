"""What scripts/bench runs: one row a program of our own. The real programs stand in real.py."""
import dataclasses

KINDS = {
    "integer": "integer kernels",
    "calls": "calls",
    "strings": "strings",
    "float": "floating point",
    "system": "system",
    "real": "real programs",
    "fused": "fused multiply-add",
}
# What the compiler makes of contraction differs between machines: a native build without FMA runs more
# instructions than the guest's, so these are shown apart from the mean of all.
APART = ("fused",)
QUICK = 10  # --quick divides the rounds by this


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    kind: str
    source: str  # in tests/bench
    what: str  # the program's first argument, or nothing
    rounds: int  # 0.4 to 0.5 s natively on a server core of 2023
    flags: tuple = ("-ffp-contract=off",)
    same: bool = True  # the output is the native one's; otherwise it is compared between the emulators only

    def arguments(self, quick):
        rounds = max(1, self.rounds // QUICK) if quick else self.rounds
        return [*([self.what] if self.what else []), str(rounds)]


def rows(kind, *rows, **more):
    return [Program(name, kind, source, what, rounds, **more) for name, source, what, rounds in rows]


OWN = [
    *rows("integer",
          ("crc32", "crc32.c", "", 2500),
          ("sha256", "sha256.c", "", 6000),
          ("aes", "aes.c", "", 10000),
          ("chacha", "chacha.c", "", 3600),
          ("sort", "sort.c", "", 100),
          ("matint", "matint.c", "", 1000),
          ("sieve", "sieve.c", "", 300),
          ("bits", "bits.c", "", 11000),
          ("hash", "hash.c", "", 16000),
          ("list", "list.c", "", 500),
          ("lz", "lz.c", "", 200),
          ("vm-switch", "vm.c", "switch", 1600),
          ("vm-goto", "vm.c", "goto", 1800),
          ("core", "core.c", "", 35000),
          ("dhry", "dhry.c", "", 22000),
          ("bigint", "bigint.c", "", 1200),
          ("edit", "edit.c", "", 450),
          ("queens", "queens.c", "", 3600),
          ("gcd", "gcd.c", "", 13000),
          ("life", "life.c", "", 10000),
          ("json", "json.c", "", 6000),
          ("wyhash", "wyhash.c", "", 65000)),
    *rows("calls",
          ("fib", "recursion.c", "fib", 9000),
          ("ackermann", "recursion.c", "ackermann", 5000),
          ("tak", "recursion.c", "tak", 110000),
          ("tree", "tree.c", "", 1900),
          ("qsort", "qsort.c", "", 120),
          ("functable", "functable.c", "", 100000),
          ("virtual", "virtual.cc", "", 21000),
          ("stdmap", "stdmap.cc", "", 500),
          ("throw", "throw.cc", "", 1000)),
    *rows("strings",
          ("strlen", "strings.c", "strlen", 20000),
          ("memcpy", "strings.c", "memcpy", 8000),
          ("memmove", "strings.c", "memmove", 24000),
          ("memset", "strings.c", "memset", 19000),
          ("strcmp", "strings.c", "strcmp", 14000),
          ("memchr", "strings.c", "memchr", 19000),
          ("printf", "printf.c", "", 4600)),
    *rows("float",
          ("matmul", "matmul.c", "", 1000),
          ("mandel", "mandel.c", "", 250),
          ("fft", "fft.c", "", 5000),
          ("nbody", "nbody.c", "", 64000),
          ("saxpy", "saxpy.c", "", 50000),
          ("spectral", "spectral.c", "", 3200),
          ("lu", "lu.c", "", 1900),
          ("libm", "libm.c", "", 33000),
          ("fconv", "fconv.c", "", 70000)),
    *rows("system",
          ("syscalls", "system.c", "syscalls", 4000),
          ("files", "system.c", "files", 3000),
          ("mmap", "system.c", "mmap", 450),
          ("signals", "system.c", "signals", 2600),
          ("fork", "system.c", "fork", 6000),
          ("exec", "system.c", "exec", 500),
          ("pipes", "system.c", "pipes", 1600),
          ("threads", "system.c", "threads", 1600)),
    *rows("fused",
          ("matmul-fma", "matmul.c", "", 1000),
          ("fft-fma", "fft.c", "", 5000),
          ("nbody-fma", "nbody.c", "", 64000),
          flags=("-ffp-contract=fast",), same=False),
]
