"""What single services of the system cost: tests/bench/costs.c measures itself by the wall clock. Of several runs the best
counts, of delays of signals the best median; what is asked for is a ratio to native, or a number."""
import dataclasses

RUNS = {False: 5, True: 2}


@dataclasses.dataclass(frozen=True)
class Cost:
    name: str
    what: str  # costs.c's first argument
    rounds: int
    goal: float = 0  # times native that is asked for; 0: nothing is


COSTS = (
    Cost("getppid", "getppid", 200000, 1.3),
    Cost("read of a byte", "read", 200000, 1.3),
    Cost("write of a byte", "write", 200000, 1.3),
    Cost("byte through a pipe", "pipe", 100000, 1.3),
    Cost("clock_gettime", "clock", 500000),
    Cost("mutex of two threads", "mutex", 400000, 1.5),
    Cost("thread made, joined", "create", 2000, 1.5),
    Cost("fork, wait", "fork", 400),
    Cost("vfork, exec, wait", "spawn", 200),
)
SCALE = Cost("two threads compute", "scale", 80000)
SPEED_UP_GOAL = 1.9
DELAYS = (Cost("signal of a thread", "kill", 200), Cost("signal of a timer", "timer", 300))


def numbers(runner, commands, cost, runs):
    """{peer: for each run the numbers that it printed and its CPU time, or what went wrong}, runs interleaved."""
    found = {peer: [] for peer in commands}
    for _ in range(runs):
        for peer, command in commands.items():
            if isinstance(found[peer], list):
                run = runner.run([*command, cost.what, cost.rounds], limit_s=60)
                if run.error:
                    found[peer] = run.error
                else:
                    found[peer].append([*map(float, runner.out.read_text().split()), run.cpu_s])
    return found


def least(values, column=0):
    return min(v[column] for v in values) if isinstance(values, list) else None


def costs(runner, toolchain, peers, quick):
    """{"ns": {name: {peer: ns}}, "speed_up": {peer: times}, "delay_us": {name: {peer: median and worst}}, "errors": [...]}"""
    native, rv64 = toolchain.own("costs", "costs.c")
    commands = {p: [*c, rv64] if c else [native] for p, c in peers.items()}
    out = {"ns": {}, "speed_up": {}, "delay_us": {}, "errors": []}

    def measure(cost):
        found = numbers(runner, commands, cost, RUNS[quick])
        out["errors"] += [f"{cost.what} under {p}: {v}" for p, v in found.items() if isinstance(v, str)]
        return found

    for cost in COSTS:
        out["ns"][cost.name] = {p: least(v) for p, v in measure(cost).items()}
    for p, v in measure(SCALE).items():
        out["speed_up"][p] = least(v) / least(v, 1) if least(v) else None
    for cost in DELAYS:
        out["delay_us"][cost.name] = {
            p: {"median": least(v) / 1e3, "worst": least(v, 1) / 1e3} if least(v) else None
            for p, v in measure(cost).items()}
    return out


def report(result, peers):
    width = 22

    def line(name, cells, more=""):
        print(f"  {name:22}" + "".join(f"{c:>{width}}" for c in cells) + more, flush=True)

    print()
    line("services, in ns", [p if p == "native" else f"{p}   times native" for p in peers])
    for cost in COSTS:
        row = result["ns"][cost.name]
        asked = f" ({cost.goal:g} is asked for)" if cost.goal else ""
        line(cost.name, ["-" if not row[p] else f"{row[p]:.0f}" if p == "native" or not row["native"]
                         else f"{row[p]:.0f}   {row[p] / row['native']:.2f}" for p in peers], asked)
    native = result["speed_up"]["native"]
    line("two threads, speed-up", ["-" if not v else f"{v:.2f}" if v is native or not native else f"{v:.2f}   {v / native:.2f}"
                                   for v in (result["speed_up"][p] for p in peers)], f" ({SPEED_UP_GOAL:g} is asked for)")
    for name, row in result["delay_us"].items():
        line(name + ", us", [f"{row[p]['median']:.0f}, worst {row[p]['worst']:.0f}" if row[p] else "-" for p in peers])
    for error in result["errors"]:
        print(f"  {error}")
