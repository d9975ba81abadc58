"""Tables and means."""
import math

from .programs import APART, KINDS


def mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio(row, peer, base="native"):
    """CPU time of peer over that of base, or None where one of them failed."""
    a, b = row["peers"].get(peer, {}), row["peers"].get(base, {})
    return a["cpu_s"] / b["cpu_s"] if a.get("cpu_s") and b.get("cpu_s") else None


def means(rows, peers):
    """{peer: mean ratio to native, number of programs} and the same for "kitemu/PEER", over programs that both ran."""
    out = {}
    for peer in peers:
        if peer != "native":
            values = [v for v in (ratio(r, peer) for r in rows) if v]
            out[peer] = {"mean": mean(values), "programs": len(values)}
    for peer in peers:
        if peer not in ("native", "kitemu") and "kitemu" in peers:
            values = [v for v in (ratio(r, "kitemu", peer) for r in rows) if v]
            out[f"kitemu/{peer}"] = {"mean": mean(values), "programs": len(values)}
    return out


class Table:
    """Rows as they come, one column an emulator, one for kitemu's time over each other emulator's."""

    def __init__(self, peers):
        self.peers = list(peers)
        self.columns = [p for p in self.peers if p != "native"]
        if "kitemu" in peers:
            self.columns += [f"kitemu/{p}" for p in self.peers if p not in ("native", "kitemu")]
        self.widths = [max(9, len(c) + 2) for c in self.columns]
        self.kind = None

    def line(self, name, native, cells):
        print(f"{name:24}{native:>9}" + "".join(f"{c:>{w}}" for c, w in zip(cells, self.widths)), flush=True)

    def row(self, row):
        if row["kind"] != self.kind:
            self.kind = row["kind"]
            print()
            self.line(KINDS[self.kind], "native", self.columns)
        cells = []
        for column in self.columns:
            peer, _, base = column.partition("/")
            failed = not base and row["peers"].get(peer, {}).get("error")
            value = None if failed else ratio(row, peer, base or "native")
            cells.append("fails" if failed else f"{value:.2f}" if value else "skipped" if row.get("skipped") else "-")
        native = row["peers"].get("native", {})
        self.line("  " + row["name"], "-" if native.get("error") or not native else f"{native['cpu_s']:.3f} s", cells)

    def means(self, by_kind):
        print()
        self.line("geometric means", "programs", self.columns)
        for kind, entry in by_kind.items():
            cells = []
            for column in self.columns:
                m = entry["means"][column]
                short = m["programs"] < entry["programs"]
                cells.append("-" if m["mean"] is None else f"{m['mean']:.2f}" + ("*" if short else " "))
            self.line("  " + KINDS.get(kind, kind), str(entry["programs"]), cells)
        if any(m["programs"] < e["programs"] for e in by_kind.values() for m in e["means"].values()):
            print("  * over fewer programs: some failed")


def summary(rows, peers):
    """{kind: programs, means}, then "all", which leaves the kinds of APART out."""
    by_kind = {}
    for kind in [*KINDS, "all"]:
        chosen = [r for r in rows if not r.get("skipped")
                  and (r["kind"] not in APART if kind == "all" else r["kind"] == kind)]
        if chosen:
            by_kind[kind] = {"programs": len(chosen), "means": means(chosen, peers)}
    return by_kind


def hello(result):
    print("\nstatic hello                median  above native    cpu time   peak memory")
    base = result["native"].get("median_ms")
    for peer, r in result.items():
        if "error" in r:
            print(f"  {peer:22}fails: {r['error']}")
        else:
            above = f"{r['median_ms'] - base:+9.2f} ms" if base and peer != "native" else " " * 12
            print(f"  {peer:22}{r['median_ms']:7.2f} ms  {above}  {r['cpu_ms']:7.2f} ms  {r['peak_mb']:8.1f} MB")


def translation(result):
    print(f"\ntranslated and run once: {result['instructions']} guest instructions, counted {result['counted']}; "
          f"native {result['native_ms']:.1f} ms")
    for peer, r in result["peers"].items():
        figures = f"fails: {r['error']}" if "error" in r else f"{r['ns']:7.0f} ns an instruction ({r['ms']:.0f} ms)"
        print(f"  {peer:22}{figures}")


def counts_head(peers):
    print("\ninstructions                 guest  a block" + "".join(f"{p + '/guest':>15}" for p in peers))


def counts_row(name, r):
    cells = "".join(f"{v:15.2f}" if v else f"{'-':>15}" for v in r["host_per_guest"].values())
    print(f"  {name:20}{r['guest']:12}{r['per_block']:9.1f}{cells}", flush=True)
