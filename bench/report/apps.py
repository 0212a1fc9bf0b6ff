# SPDX-License-Identifier: GPL-2.0
"""Applications: unmodified programs with their memory on vpt (tools/preload) and on Linux."""

import os
import shutil
import subprocess

from . import plots, text
from .programs import BUILD, BUILT, TOP, Context, Guest, in_guest, on_each_kernel, run as run_program
from .rows import Row, distinct, middle, select, spread

LIBRARY = str(BUILT / "preload/libvpt-preload.so")
NEEDS = ("deps-bench-apps", "build/preload/libvpt-preload.so")


def _python_files() -> tuple[str, ...]:
    """What an interpreter needs to start without its site."""
    where = subprocess.run(["/usr/bin/python3", "-I", "-c", "import os; print(os.__file__)"],
                           text=True, check=True, stdout=subprocess.PIPE).stdout
    library = os.path.dirname(where.strip())
    return (os.path.realpath("/usr/bin/python3") + ":/guest/python3",
            f"{library}/encodings:{library}/encodings", f"{library}/os.py:{library}/os.py",
            "bench/guest/objects.py")


def run(context: Context) -> list[Row]:
    """Each application by turns on Linux' memory and on vpt's, in one boot."""
    program = ["bench/guest/apps", str(context.pick(5, 2)), str(context.pick(6000, 2000))]
    if context.host:
        return _on_host(context, program)
    files = (shutil.which("memcached"), shutil.which("memcaslap"), LIBRARY, *_python_files())
    found = on_each_kernel(context, lambda kernel: in_guest(
        context, "applications", Guest(kernel, icount=True, files=files), program))
    for row in found:
        row["seconds"] = "virtual"
    return found


def _on_host(context: Context, program: list[str]) -> list[Row]:
    folder = BUILD / "apps"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(TOP / "bench/guest/objects.py", folder)
    if not (folder / "python3").exists():
        (folder / "python3").symlink_to("/usr/bin/python3")
    shell = f'cd "{folder}" && exec "{TOP / program[0]}" "$@"'
    command = ["env", f"VPT_PRELOAD_LIB={LIBRARY}", "sh", "-c", shell, "apps",
               *program[1:]]
    rows = run_program(context, "applications", command)
    for row in rows:
        row.update(kernel="this machine", seconds="real")
    return rows


def _joined(rows: list[Row], **keys) -> list[float]:
    """The samples of all runs, in their order."""
    return [value for row in select(rows, **keys) for value in row["samples"]]


def _lines(rows: list[Row]) -> list[list[str]]:
    lines = []
    for application in distinct(rows, "application"):
        for what in distinct(select(rows, application=application), "what"):
            key = {"application": application, "what": what}
            unit = select(rows, **key)[0]["unit"]
            linux, vpt = _joined(rows, who="Linux", **key), _joined(rows, who="vpt", **key)
            more = unit.endswith("/s")
            gains = sorted((v / l if more else l / v) for l, v in zip(linux, vpt))
            lines.append([application, what, unit, *_quartiles(linux), *_quartiles(vpt),
                          text.ratio(*spread(gains))])
    return lines


def _quartiles(samples: list[float]) -> list[str]:
    low, mid, high = spread(sorted(samples))
    return [_number(mid), f"[{_number(low)}-{_number(high)}]"]


def _number(value: float) -> str:
    return f"{value:.4f}" if value < 1 else text.number(value)


def table(rows: list[Row]) -> str:
    """One table for each kernel."""
    result = ""
    for kernel in distinct(rows, "kernel"):
        these = select(rows, kernel=kernel, experiment="apps")
        virtual = these[0]["seconds"] == "virtual"
        result += text.heading(
            f"Applications on {kernel}" + (": a second is 10^9 instructions" if virtual else ""),
            "Median [quartiles] over runs by turns, a fresh process each.  Better: how much "
            "faster on vpt, 1 is equal.")
        result += text.table(("", "", "", "Linux", "", "vpt", "", "better"),
                             _lines(these), left=3)
    return result


def pictures(rows: list[Row]) -> list[plots.Picture]:
    """Bars relative to Linux."""
    found: list[plots.Picture] = []
    for kernel in distinct(rows, "kernel"):
        these = select(rows, kernel=kernel, experiment="apps")
        names = [(row["application"], row["what"]) for row in these]
        groups = list(dict.fromkeys(names))
        bars = {}
        for who in ("Linux", "vpt"):
            bars[who] = []
            for application, what in groups:
                key = {"application": application, "what": what}
                base = middle({"samples": _joined(these, who="Linux", **key)})
                bars[who].append(middle({"samples": _joined(these, who=who, **key)}) / base)
        found.append(plots.Bars(f"apps-{kernel.replace(' ', '-')}", f"Applications, {kernel}",
                                "relative to Linux", ["\n".join(g) for g in groups], bars))
    return found
