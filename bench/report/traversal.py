# SPDX-License-Identifier: GPL-2.0
"""Traversal: the core in user space, beside a floor that does the least there is to do."""

from . import plots, text
from .programs import BUILD, Context, run as run_program
from .rows import Row, distinct, middle, one, quantile, ratios, select, spread

NEEDS = ("build/bench/traversal",)
SIZES = {1: "4K", 2: "2M"}
OPS = ("map", "protect", "unmap", "map+unmap")
PROCESSES = (1, 2)  # fresh ones: where code and memory lie is luck, and would not show in one


def run(context: Context) -> list[Row]:
    """All rows: means from long loops, in two processes, and single operations."""
    program = str(BUILD / "traversal")
    turns = str(context.pick(21, 5))
    samples = str(context.pick(100000, 20000))
    means = [row | {"process": process} for process in PROCESSES for row in
             run_program(context, f"traversal, process {process}", [program, "mean", turns])]
    return means + run_program(context, "traversal", [program, "latency", samples])


def _mean_line(rows: list[Row], key: dict) -> list[str] | None:
    def of(who: str, process: int = 1) -> Row | None:
        return one(rows, who=who, process=process, **key)

    floor, core, norec = of("floor"), of("core"), of("no reclaim")
    if not floor or not core:
        return None
    inlined = of("floor, inlined")
    reclaim = spread(ratios(core, norec)) if norec and key["op"] == "unmap" else None
    return [
        f"{SIZES[key['level']]} {key['pattern']}", key["op"],
        text.number(middle(inlined)) if inlined else "-",
        text.number(middle(floor)), text.number(middle(core)),
        text.ratio(*spread(ratios(core, floor))),
        f"{spread(ratios(of('core', 2), of('floor', 2)))[1]:.2f}x",
        text.number(middle(norec)) if reclaim else "-",
        text.ratio(*reclaim) if reclaim else "-",
    ]


def _means(rows: list[Row], form: str, exchange: str) -> str:
    these = select(rows, experiment="mean", form=form, exchange=exchange)
    lines = []
    for level in distinct(these, "level"):
        for pattern in distinct(select(these, level=level), "pattern"):
            for op in OPS:
                line = _mean_line(these, {"level": level, "pattern": pattern, "op": op})
                if line:
                    lines.append(line)
    return text.table(("", "", "inlined", "floor", "core", "core/floor", "again", "no reclaim",
                       "core/no reclaim"), lines, left=2)


def _latency_lines(rows: list[Row], rate: float, clock: float) -> list[list[str]]:
    lines = []
    these = select(rows, experiment="latency", exchange="locked")
    for level in distinct(these, "level"):
        for pattern in distinct(select(these, level=level), "pattern"):
            for op in OPS[:3]:
                key = {"level": level, "pattern": pattern, "op": op}
                line = [f"{SIZES[level]} {pattern}", op]
                for who in ("floor", "core", "no reclaim"):
                    row = one(these, who=who, **key)
                    for share in (0.5, 0.99):
                        net = (quantile(row, share) - clock) / rate / row["batch"]
                        line.append(text.number(max(net, 0)))
                lines.append(line)
    return lines


def _latencies(rows: list[Row]) -> str:
    rate = one(rows, experiment="about")["ticks_per_ns"]
    clock = one(rows, who="clock")
    cost = middle(clock)
    p99 = quantile(clock, 0.99)
    batch = one(rows, experiment="latency", op="map")["batch"]
    what = ("single operations" if batch == 1 else f"means of {batch} operations, since the "
            f"counter ticks in steps of {_step(clock) / rate:.0f} ns,\n")
    note = (f"ns per page; {what} timed by the time-stamp counter, whose own cost of "
            f"{cost / rate:.1f} ns (P99 {p99 / rate:.1f}) is taken off.  Locked exchanges, as in "
            "the kernel.")
    head = ("", "", "floor P50", "P99", "core P50", "P99", "no reclaim P50", "P99")
    return text.heading("Distributions", note) + text.table(
        head, _latency_lines(rows, rate, cost), left=2)


def _step(clock: Row) -> float:
    """The smallest difference between two values that the clock has shown."""
    seen = sorted(value for value, _ in clock["histogram"])
    steps = [b - a for a, b in zip(seen, seen[1:])]
    return min(steps, default=1)


def table(rows: list[Row]) -> str:
    """All tables of this experiment."""
    about = one(rows, experiment="about")
    head = (f"{about['compiler']} {about['flags']}, CPU {about['cpu']}, one thread.  Mean ns per "
            "page over a long loop; median over turns in\nalternation.  core/floor: of the same "
            "turn, median [quartiles]; again: the median in a second, fresh process.\nFloor: a "
            "straight walk and store with a live count, called through a pointer as the core is "
            "called.\nNo reclaim: the core without counts and unlinking.")
    result = text.heading("Traversal, plain exchange", head) + _means(rows, "page", "plain")
    result += text.heading("Traversal, locked exchange",
                           "As in the kernel, where the MMU may be writing A or D.")
    result += _means(rows, "page", "locked")
    result += text.heading("Traversal, a lock around each operation", "Locked exchange.")
    result += _means(rows, "page+lock", "locked")
    for exchange in ("plain", "locked"):
        result += text.heading(f"Range forms, {exchange} exchange")
        result += _means(rows, "range", exchange)
        result += text.heading(f"The same page in and out, {exchange} exchange",
                               "The worst case of reclamation: every table is made and "
                               "unlinked each time.")
        result += _means(rows, "pair", exchange)
    return result + _latencies(rows)


def pictures(rows: list[Row]) -> list[plots.Picture]:
    """Bars of the means, and the distributions of single operations."""
    found: list[plots.Picture] = []
    for exchange in ("plain", "locked"):
        these = select(rows, experiment="mean", form="page", exchange=exchange, level=1,
                       process=1)
        groups = [f"{pattern}\n{op}" for pattern in distinct(these, "pattern")
                  for op in OPS[:3]]
        bars = {who: [middle(one(these, who=who, pattern=pattern, op=op))
                      for pattern in distinct(these, "pattern") for op in OPS[:3]]
                for who in ("floor", "core", "no reclaim")}
        found.append(plots.Bars(f"traversal-{exchange}",
                                f"4 KiB pages, {exchange} exchange, called one by one",
                                "ns per page", groups, bars))
    rate = one(rows, experiment="about")["ticks_per_ns"]
    batch = one(rows, experiment="latency", op="map")["batch"]
    for op in OPS[:3]:
        these = select(rows, experiment="latency", level=1, op=op, pattern="sequential")
        found.append(plots.Cdf(f"latency-{op}", f"4 KiB {op}, sequential, locked exchange, "
                               f"{batch} at a time, the clock's cost included", "ns",
                               {row["who"]: row for row in these}, 1 / rate / batch))
    return found
