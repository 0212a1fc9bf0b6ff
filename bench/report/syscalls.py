# SPDX-License-Identifier: GPL-2.0
"""System calls: vpt's ioctls beside Linux' own calls, in one process of one boot."""

import os

from . import plots, text
from .programs import BUILD, Context, Guest, in_guest, on_each_kernel, run as run_program
from .rows import Row, distinct, middle, one, quantile, select

NEEDS = ("build/bench/guest/syscalls",)
OPS = ("map", "protect", "unmap", "fault")
CALLS = {"map": "mmap(MAP_POPULATE)", "protect": "mprotect", "unmap": "munmap",
         "fault": "first touch"}


def run(context: Context) -> list[Row]:
    """On each kernel: alone on the CPU, and with a second thread to be interrupted."""
    program = str(BUILD / "guest/syscalls")
    ones, ranges = str(context.pick(1000, 200)), str(context.pick(40, 8))
    if context.host:
        found = run_program(context, "syscalls", [program, "ns", "5000", "200"])
        found = _named(found, "this machine", 0)
        if (os.cpu_count() or 1) > 1:
            found += _named(run_program(context, "syscalls", [program, "ns", "5000", "200", "1"]),
                            "this machine", 1)
        return found

    def one_cpu(kernel: str) -> list[Row]:
        guest = Guest(kernel, icount=True)
        return _named(in_guest(context, "system calls", guest,
                               [program, guest.unit(), ones, ranges]), kernel, 0)

    def two_cpus(kernel: str) -> list[Row]:
        guest = Guest(kernel, smp=2)
        return _named(in_guest(context, "system calls, two threads", guest,
                               [program, guest.unit(), ones, ranges, "1"]), kernel, 1)

    return on_each_kernel(context, one_cpu) + on_each_kernel(context, two_cpus)


def _named(rows: list[Row], kernel: str, others: int) -> list[Row]:
    for row in rows:
        row.update(kernel=kernel, others=others)
    return rows


def _lines(rows: list[Row], rate: float, clock: float) -> list[list[str]]:
    lines = []
    for where in distinct(rows, "where"):
        for op in OPS:
            key = {"where": where, "op": op}
            vpt, linux = one(rows, who="vpt", **key), one(rows, who="Linux", **key)
            if not vpt or not linux:
                continue
            line = [f"{vpt['pages']} page{'s' if vpt['pages'] > 1 else ''}, {where}", op,
                    CALLS[op]]
            for row in (vpt, linux):
                line += [text.number((quantile(row, share) - clock) / rate)
                         for share in (0.5, 0.99)]
            line.append(f"{(middle(vpt) - clock) / (middle(linux) - clock):.2f}x")
            lines.append(line)
    return lines


def _unit(rows: list[Row]) -> str:
    about = one(rows, experiment="about")
    if about["unit"] == "instructions":
        return "instructions, counted by the emulator"
    if about.get("accelerator", "").startswith("tcg"):
        return "ns of an emulator, no hardware's: compare columns only"
    return "ns"


def table(rows: list[Row]) -> str:
    """One table for each kernel and number of threads."""
    result = ""
    for others in distinct(rows, "others"):
        for kernel in distinct(rows, "kernel"):
            these = select(rows, kernel=kernel, others=others)
            rate = one(these, experiment="about")["ticks_per_ns"]
            clock = middle(one(these, experiment="clock"))
            calls = select(these, experiment="syscalls", check="off")
            threads = ", a second thread on another CPU" if others else ""
            result += text.heading(
                f"System calls on {kernel}{threads}: {_unit(these)}",
                f"Accelerator: {these[0].get('accelerator', 'none')}.  4 KiB pages.  The "
                f"clock's own cost ({clock / rate:.0f}) is taken off.",
                "Alone: the tables come and go with the page, for both.")
            result += text.table(("", "vpt", "Linux", "vpt P50", "P99", "Linux P50", "P99",
                                  "vpt/Linux"), _lines(calls, rate, clock), left=3)
            checked = _checked(select(these, experiment="syscalls", who="vpt"), rate, clock)
            if checked and not others:
                result += text.heading(
                    f"Run-time checking on {kernel}: {_unit(these)}",
                    "P50 of vpt's calls under check=off, op and full.  Full looks at the whole "
                    "region, which holds little here.")
                result += text.table(("", "", "off", "op", "op/off", "full", "full/off"),
                                     checked, left=2)
    return result


def _checked(rows: list[Row], rate: float, clock: float) -> list[list[str]]:
    lines = []
    for where in distinct(rows, "where"):
        for op in OPS:
            found = [one(rows, where=where, op=op, check=how) for how in ("off", "op", "full")]
            if None in found:
                continue
            off, operation, full = ((middle(row) - clock) / rate for row in found)
            lines.append([f"{found[0]['pages']} pages, {where}", op, text.number(off),
                          text.number(operation), f"{operation / off:.1f}x",
                          text.number(full), f"{full / off:.1f}x"])
    return lines


def pictures(rows: list[Row]) -> list[plots.Picture]:
    """Bars of the medians, relative to Linux, and distributions."""
    found: list[plots.Picture] = []
    for others in distinct(rows, "others"):
        for kernel in distinct(rows, "kernel"):
            these = select(rows, experiment="syscalls", kernel=kernel, others=others,
                           check="off")
            small = select(these, pages=1)
            groups, bars = [], {"Linux": [], "vpt": []}
            for where in distinct(small, "where"):
                for op in OPS:
                    if not one(small, who="vpt", where=where, op=op):
                        continue
                    groups.append(f"{where}\n{op}")
                    for who, heights in bars.items():
                        heights.append(middle(one(small, who=who, where=where, op=op)))
            about = select(rows, kernel=kernel, others=others)
            found.append(plots.Bars(f"syscalls-{kernel}-{others}",
                                    f"One 4 KiB page, Linux {kernel}, {others} other threads",
                                    _unit(about), groups, bars))
        for op in OPS:
            these = select(rows, experiment="syscalls", others=others, op=op, pages=1,
                           check="off")
            these = [row for row in these if row["where"] in ("beside another", "first touch")]
            found.append(plots.Cdf(f"syscalls-{op}-{others}", f"{op} of one page, {others} "
                                   "other threads", "ticks",
                                   {f"{row['who']}, {row['kernel']}": row for row in these},
                                   1.0))
    return found
