# SPDX-License-Identifier: GPL-2.0
"""Scaling: with threads, their waits for each other, and with the number of mapped pages."""

from . import plots, text
from .programs import BUILD, Context, Guest, in_guest, on_each_kernel, run as run_program
from .rows import Row, distinct, middle, one, select, spread

NEEDS = ("build/bench/traversal", "build/bench/guest/scaling", "build/bench/guest/waits")
OPS = ("map", "protect", "unmap")


def run(context: Context) -> list[Row]:
    """In user space, and in a guest with two CPUs."""
    core = str(BUILD / "traversal")
    program = [str(BUILD / "guest/scaling"), str(context.pick(7, 3))]
    turns = str(context.pick(11, 3))
    found = run_program(context, "scaling", [core, "threads", turns])
    found += run_program(context, "scaling",
                         [core, "size", turns, str(context.pick(10_000_000, 1_000_000))])
    waits = [str(BUILD / "guest/waits"), str(context.pick(200, 100))]
    if context.host:
        return found + _named(run_program(context, "scaling", program)
                              + run_program(context, "waits", waits), "this machine")

    def guests(kernel: str) -> list[Row]:
        rows = in_guest(context, "scaling", Guest(kernel, smp=2), program)
        for cpus in (4, 8):
            rows += in_guest(context, "waits", Guest(kernel, smp=cpus), waits)
        return _named(rows, f"guest, {kernel}")

    return found + on_each_kernel(context, guests)


def _named(rows: list[Row], where: str) -> list[Row]:
    for row in rows:
        row["where"] = where
    return rows


def _limits(rows: list[Row]) -> str:
    """What the most threads do together, by what one does: whether the lock is the limit."""
    said = ""
    for where in distinct(rows, "where"):
        who = "core" if one(rows, where=where, who="core", regions="one", threads=1) else "vpt"
        most = max(row["threads"] for row in select(rows, where=where))
        gain = {}
        for regions in distinct(select(rows, where=where, who=who), "regions"):
            key = {"where": where, "who": who, "regions": regions}
            gain[regions] = middle(one(rows, threads=most, **key)) / \
                middle(one(rows, threads=1, **key))
        limit = "  The limit is the region's lock." if gain["one"] < 1.1 < gain["disjoint"] else ""
        said += (f"{where}, {most} threads: {gain['disjoint']:.2f}x on regions of their own, "
                 f"{gain['one']:.2f}x on one"
                 + (f", {gain['one PT']:.2f}x in one PT" if "one PT" in gain else "")
                 + f".{limit}\n")
        alone = one(rows, where=where, who="core, one lock", threads=1)
        if alone:
            spans = middle(one(rows, where=where, who=who, regions="one", threads=1))
            said += (f"{where}, one thread: a page takes {middle(alone) / spans:.2f}x of what it "
                     "takes with one lock around the core.\n")
    return said


def _threads(rows: list[Row]) -> str:
    lines = []
    for where in distinct(rows, "where"):
        for who, regions in (("core, one lock", "one"), ("core", "disjoint"), ("core", "one"),
                             ("core", "one PT"), ("vpt", "disjoint"), ("vpt", "one"),
                             ("Linux", "address space")):
            these = select(rows, where=where, who=who, regions=regions)
            for row in these:
                low, mid, high = spread(sorted(row["samples"]))
                first = middle(one(these, threads=1))
                lines.append([f"{where}: {who}, {regions}", str(row["threads"]),
                              text.number(mid), f"[{text.number(low)}-{text.number(high)}]",
                              f"{mid / first:.2f}x"])
    return text.heading(
        "Operations per second by threads",
        "map, protect and unmap of one page by turns, each thread on a CPU and on pages of its "
        "own.  Core: behind the",
        "protocol that the kernel compiles, with a spinning lock for each span, and nobody to "
        "invalidate; one lock: without",
        "the protocol, one lock around each call.  Guests are emulated: compare columns only.  "
        "With one thread the other",
        "CPU idles: Linux interrupts no idle CPU for an invalidation, but what tells that it "
        "idles is not exported, so vpt does."
    ) + text.table(("", "threads", "ops/s", "quartiles", "to one thread"), lines) + _limits(rows)


def _waits(rows: list[Row]) -> str:
    lines = [[row["where"], str(row["threads"]), row["regions"], f"{row['operations']:,}",
              f"{row['samples'][0]:,}", f"{row['other']:,}"] for row in rows]
    return text.heading(
        "Waits for locks", "each thread on a CPU, touches counted as operations; one: each on a "
        "PT of its own in one region.  Counted by",
        "Linux' tracepoint lock:contention_begin: mutexes are vpt's locks, others are Linux' own.  "
        "In one PT threads must wait;",
        "on PTs of their own, which stay, they must not."
    ) + text.table(("", "threads", "where", "operations", "mutexes", "others"), lines)


def _sizes(rows: list[Row]) -> str:
    lines = []
    for mapped in distinct(rows, "mapped"):
        tables = middle(one(rows, experiment="table size", mapped=mapped))
        line = [f"{mapped:,}"]
        for op in OPS:
            core = one(rows, experiment="size", mapped=mapped, op=op, who="core")
            floor = one(rows, experiment="size", mapped=mapped, op=op, who="floor")
            line += [text.number(middle(core)), f"{middle(core) / middle(floor):.2f}x"]
        line += [text.number(tables / 1024), f"{tables / (mapped * 4096) * 100:.3f} %"]
        lines.append(line)
    return text.heading(
        "Cost of a page by the number of pages mapped", "ns per page, for 1000 pages after "
        "those that are mapped; ratio to the floor.  Plain exchange, user space.",
        "Tables: KiB, and per mapped byte.") + text.table(
            ("pages", "map", "", "protect", "", "unmap", "", "tables, KiB", "per byte"), lines)


def table(rows: list[Row]) -> str:
    """All three tables."""
    return _threads(select(rows, experiment="threads")) + _waits(
        select(rows, experiment="waits")) + _sizes([row for row in rows if "mapped" in row])


def pictures(rows: list[Row]) -> list[plots.Picture]:
    """Curves."""
    found: list[plots.Picture] = []
    threads = select(rows, experiment="threads")
    for where in distinct(threads, "where"):
        curves = {}
        for row in select(threads, where=where):
            curves.setdefault(f"{row['who']}, {row['regions']}", []).append(
                (row["threads"], middle(row)))
        found.append(plots.Curves(f"threads-{where.replace(' ', '-').replace(',', '')}",
                                  f"Threads, {where}", "operations per second", "threads",
                                  curves))
    curves = {}
    for row in select(rows, experiment="size"):
        curves.setdefault(f"{row['op']}, {row['who']}", []).append(
            (row["mapped"], middle(row)))
    found.append(plots.Curves("size", "Cost of a page", "ns", "pages mapped", curves, True))
    return found
