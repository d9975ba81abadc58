"""Short runs of real programs: what is started often, in a build or a regression run, and ends in milliseconds."""
import shutil, wave

from . import measure, report
from .real import Program
from .toolchain import BENCH, BuildError

RUNS = {False: 40, True: 10}
LITTLE_BYTES, LITTLE_FRAMES = 20_000, 4_000
PROGRAMS = [
    Program("zstd", "zstd", ("-q", "-3", "-c", "little"), ()),
    Program("bzip2", "bzip2", ("-9", "-c", "little"), ()),
    Program("lua", "lua", ("{bench}/work.lua", "1"), ()),
    Program("sqlite", "sqlite", ("-batch", "-bail", "-init", "/dev/null", ":memory:", ".read little.sql"), ()),
    Program("flac", "flac", ("-s", "-5", "-c", "little.wav"), ()),
    Program("lame", "lame", ("--quiet", "-b", "128", "little.wav", "-"), ()),
]


def make_input(folder):
    (folder / "little").write_bytes((folder / "text").read_bytes()[:LITTLE_BYTES])
    (folder / "little.sql").write_text((BENCH / "work.sql").read_text().replace("@ROWS@", "20"))
    with wave.open(str(folder / "sound.wav")) as whole, wave.open(str(folder / "little.wav"), "wb") as little:
        little.setparams(whole.getparams())
        little.writeframes(whole.readframes(LITTLE_FRAMES))


def ways(peers, folder):
    """The peers, and kitemu with --persist; its first run, which fills the store, is not the fastest one."""
    found = dict(peers)
    if "kitemu" in peers:
        shutil.rmtree(folder / "store", ignore_errors=True)
        found["persist"] = [*peers["kitemu"], f"--persist={folder / 'store'}"]
    return found


def runs(realp, runner, peers, quick):
    """A row a program, as of the table of programs: the fastest of many runs."""
    rows, columns = [], [p for p in ways(peers, runner.folder) if p != "native"]
    print("\nshort runs                  native" + "".join(f"{c:>10}" for c in columns))
    for program in PROGRAMS:
        try:
            native, rv64 = realp.build(program.package)
        except BuildError as e:
            print(f"  skipped {program.name}: {e}")
            continue
        folder = realp.folder(program, native, True)
        make_input(folder)
        commands = {p: [*c, rv64, *program.arguments(False)] if c else [native, *program.arguments(False)]
                    for p, c in ways(peers, runner.folder).items()}
        results = measure.interleaved(runner, commands, RUNS[quick], folder)
        measure.compare(results, True)
        row = {"name": program.name, "kind": "short", "peers": {
            p: {"error": r.error} if r.error else {"cpu_s": r.cpu_s} for p, r in results.items()}}
        rows.append(row)
        put(f"  {program.name}", f"{results['native'].cpu_s * 1e3:.1f} ms", [report.ratio(row, c) for c in columns])
        for p, r in results.items():
            if r.error:
                print(f"    {program.name} under {p}: {r.error}")
    if rows:
        put("mean", "", [report.mean([v for r in rows if (v := report.ratio(r, c))]) for c in columns])
    return rows


def put(name, first, cells):
    print(f"{name:25}{first:>9}" + "".join(f"{c:10.2f}" if c else f"{'-':>10}" for c in cells), flush=True)
