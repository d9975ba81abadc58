#!/usr/bin/env python3
"""Fail when a layer sees something it may not.

usage: check_layers.py [BUILD]

Read from the include lines:
  1. MAY: the paths a folder may include, as glob patterns; its own are free;
  2. NAME_priv.h is included only from its own folder;
  3. OWNERS: an outside library's header has a closed list of users (and tests).
Read from the libraries in the build folder, if one is given:
  4. BELOW: a layer's library refers only to those below it.
"""
import fnmatch, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE, IR = ["lib/base/*"], ["lib/base/*", "lib/ir/*"]
HOST = IR + ["lib/ra/*", "lib/jit/*", "arch/host.h", "arch/native.h"]
CORE = IR + ["lib/jit/*", "arch/guest.h", "arch/host.h", "arch/native.h", "arch/rv64/cpu.h", "runtime/core/*"]
MAY = {
    "lib/base": [],
    "lib/ir": BASE,
    "lib/opt": IR,
    "lib/ra": IR,
    "lib/jit": IR + ["lib/opt/*", "lib/ra/*"],
    "arch/rv64": IR + ["arch/guest.h"],
    "arch/x86_64": HOST,
    "arch/aarch64": HOST,
    "arch": HOST + ["lib/opt/*"],
    "runtime/core": IR + ["arch/guest.h", "arch/rv64/cpu.h"],
    "runtime/mem": CORE,
    "runtime/load": CORE + ["arch/rv64/abi.h", "runtime/mem/*"],
    "runtime/jit": CORE + ["runtime/mem/*"],
    "runtime/sig": CORE + ["arch/rv64/abi.h", "runtime/mem/*", "runtime/jit/*"],
    "runtime/sys": CORE + ["arch/rv64/abi.h", "runtime/mem/*", "runtime/jit/*", "runtime/sig/*", "runtime/tracer/*"],
    "runtime/tracer": CORE,
    "runtime/gdb": CORE + ["runtime/tracer/*", "runtime/sys/names.h"],
    "runtime": ["lib/*", "arch/guest.h", "arch/host.h", "arch/native.h", "arch/rv64/cpu.h", "arch/rv64/abi.h", "runtime/*"],
    "runtime/embed": ["lib/*", "arch/guest.h", "runtime/*"],
    "cmd": ["lib/*", "arch/guest.h", "arch/host.h", "runtime/kit.h", "runtime/core/options.h"],
    "tests": ["*"],
}
OWNERS = {
    "capstone/*": ["arch/rv64/identify.c", "lib/jit/disas.c"],
    "*elf.h": ["runtime/load/elf.c", "runtime/load/core.c", "runtime/load/debug.c", "runtime/load/go.c", "runtime/load/symbols.c", "runtime/gdb/libraries.c", "runtime/core/build.c"],
    "xxhash.h": ["lib/base/hash.c"],
    "*ucontext.h": ["arch/*/native/sigctx.c"],
    "sys/mman.h": ["runtime/mem/*", "runtime/jit/codemem.c"],
}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)')

LIBS = ["base", "ir"]
BELOW = {
    "base": [],
    "ir": ["base"],
    "opt": LIBS,
    "ra": LIBS,
    "jit": LIBS + ["opt", "ra"],
    "rv64": LIBS,
    "x86_64": LIBS + ["ra", "jit"],
    "aarch64": LIBS + ["ra", "jit"],
    "native": LIBS + ["ra", "jit"],
    "arch": LIBS + ["opt", "ra", "jit", "rv64", "x86_64", "aarch64", "native"],
    "runtime": LIBS + ["opt", "ra", "jit", "rv64", "x86_64", "aarch64", "native", "arch"],
}


def layer_of(path):
    """The longest declared folder that holds path, or None."""
    return max((d for d in MAY if path.startswith(d + "/")), key=len, default=None)


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, p) for p in patterns)


def include_faults(src, text):
    layer, here = layer_of(src), src.rpartition("/")[0]
    if layer is None:
        yield 0, "no layer is declared for this folder"
        return
    for n, line in enumerate(text.splitlines(), 1):
        m = INCLUDE.match(line)
        if not m:
            continue
        kind, inc = m.groups()
        if kind == "<":
            for head, users in OWNERS.items():
                if layer != "tests" and fnmatch.fnmatch(inc, head) and not matches(src, users):
                    yield n, f"<{inc}> is for {', '.join(users)} only"
        elif "/" not in inc:
            yield n, f'"{inc}" is not written from the root'
        elif inc.endswith("_priv.h") and inc.rpartition("/")[0] != here and layer != "tests":
            yield n, f"{inc} is private to its folder"
        elif layer_of(inc) != layer and not matches(inc, MAY[layer]):
            yield n, f"{layer} may not include {inc}"


def symbols(lib):
    """(defined, undefined) global names of an archive; what one member defines is not undefined."""
    defined, undefined = set(), set()
    out = subprocess.run(["nm", "-g", lib], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        f = line.split()
        if len(f) >= 2 and f[-2] in ("U", "w", "v"):
            undefined.add(f[-1])
        elif len(f) == 3:
            defined.add(f[-1])
    return defined, undefined - defined


def symbol_faults(build):
    libs = {p.name[len("libkit_") : -2]: symbols(p) for p in sorted(build.glob("libkit_*.a"))}
    owner = {}
    for name, (defined, _) in libs.items():
        if name not in BELOW:
            yield f"libkit_{name}.a", "no layer is declared for this library"
        for sym in defined:
            if sym in owner:
                yield f"libkit_{name}.a", f"{sym} is defined in libkit_{owner[sym]}.a too"
            owner[sym] = name
    for name, (_, undefined) in libs.items():
        for sym in sorted(undefined):
            if sym in owner and owner[sym] not in BELOW.get(name, []):
                yield f"libkit_{name}.a", f"may not refer to {sym} of libkit_{owner[sym]}.a"


def main(args):
    bad = 0
    for f in sorted(p for t in ("cmd", "lib", "arch", "runtime", "tests") for p in (ROOT / t).rglob("*.[chS]")):
        src = f.relative_to(ROOT).as_posix()
        for n, why in include_faults(src, f.read_text()):
            print(f"{src}:{n}: {why}")
            bad += 1
    for build in args:
        for lib, why in symbol_faults(pathlib.Path(build)):
            print(f"{lib}: {why}")
            bad += 1
    print(f"layers: {bad} faults")
    return bad != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
