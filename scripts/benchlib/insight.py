"""What kitemu's insight costs: programs without and with an option, in turn, CPU time over that without."""
from . import measure, report
from .programs import KINDS

ASKED = {"sampled": 1.05, "counted": 1.30, "covered": 1.10}  # at most so many times
COUNTED_KINDS = ("integer", "calls", "strings", "float", "real")


FILES = {"sampled": "bench.folded", "counted": "bench.callgrind", "covered": "bench.drcov"}


def ways(kitemu, folder):
    """{way: command prefix}. Counts need libc's routines as they are: what that alone costs stands beside it."""
    return {
        "kitemu": kitemu,
        "sampled": [*kitemu, f"--profile={folder / FILES['sampled']}"],
        "counted": [*kitemu, f"--profile={folder / FILES['counted']}"],
        "covered": [*kitemu, f"--coverage={folder / FILES['covered']}"],
        "no-idioms": [*kitemu, "--no-idioms"],
    }


def overheads(cases, runner, kitemu, args, runs):
    """A row a program, as of the table of programs."""
    rows = []
    columns = [*ASKED, "no-idioms"]
    print("\noverheads" + " " * 18 + "kitemu" + "".join(f"{c:>12}" for c in columns))
    for case in cases:
        if case.program.kind not in COUNTED_KINDS or case.skipped:
            continue
        found = measure.interleaved(
            runner, {w: [*c, case.rv64, *case.arguments(args.quick)] for w, c in ways(kitemu, runner.folder).items()},
            runs, case.cwd, [runner.folder / f for f in FILES.values()])
        measure.compare(found, True)
        row = {"name": case.program.name, "kind": case.program.kind, "peers": {
            w: {"error": r.error} if r.error else {"cpu_s": r.cpu_s} for w, r in found.items()}}
        rows.append(row)
        put(f"  {row['name']}", f"{found['kitemu'].cpu_s:.3f} s", [report.ratio(row, c, "kitemu") for c in columns])
        for w, r in found.items():
            if r.error:
                print(f"    {w}: {r.error}")
    for kind in [*COUNTED_KINDS, "all"]:
        chosen = [r for r in rows if kind in (r["kind"], "all")]
        if chosen:
            values = ([v for r in chosen if (v := report.ratio(r, c, "kitemu"))] for c in columns)
            put(f"{KINDS.get(kind, kind)}", "mean", [report.mean(v) for v in values])
    put("asked for: at most", "", [ASKED.get(c) for c in columns])
    return rows


def put(name, first, cells):
    print(f"{name:25}{first:>8}" + "".join(f"{c:12.3f}" if c else f"{'-':>12}" for c in cells), flush=True)
