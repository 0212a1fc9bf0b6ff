# SPDX-License-Identifier: GPL-2.0
"""Three kinds of pictures, drawn by matplotlib."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from .rows import Row, values

COLOURS = ("#777777", "#1f5fa8", "#d08a2e", "#3c8d53", "#a03c5a", "#5b4a9e")


@dataclass
class Picture:
    """What every picture has."""

    name: str
    title: str
    unit: str


@dataclass
class Bars(Picture):
    """Groups of bars: one bar of each group for each key of @bars; the ratio to the
    first key stands above the others."""

    groups: list[str]
    bars: dict[str, list[float]]

    def draw(self, axes) -> None:
        """Into the given axes."""
        width = 0.8 / len(self.bars)
        base = next(iter(self.bars.values()))
        for i, (who, heights) in enumerate(self.bars.items()):
            places = [g + (i - (len(self.bars) - 1) / 2) * width
                      for g in range(len(self.groups))]
            axes.bar(places, heights, width, label=who, color=COLOURS[i % len(COLOURS)])
            for place, height, first in zip(places, heights, base):
                if i and first:
                    axes.annotate(f"{height / first:.2f}", (place, height), ha="center",
                                  va="bottom", fontsize=6, rotation=90)
        # A name that is longer than its place is broken into lines.
        room = max(12, 130 // len(self.groups))
        names = ["\n".join(textwrap.fill(line, room) for line in group.split("\n"))
                 for group in self.groups]
        axes.set_xticks(range(len(self.groups)), names, fontsize=7)
        axes.set_ylabel(self.unit)
        axes.margins(y=0.15)
        axes.legend()


@dataclass
class Cdf(Picture):
    """Distributions: one curve for each row."""

    rows: dict[str, Row]
    scale: float

    def draw(self, axes) -> None:
        """Into the given axes."""
        for i, (who, row) in enumerate(self.rows.items()):
            pairs = values(row)
            total = sum(count for _, count in pairs)
            seen = 0
            xs, ys = [], []
            for value, count in pairs:
                seen += count
                xs.append(value * self.scale)
                ys.append(seen / total)
            axes.step(xs, ys, where="post", label=who, color=COLOURS[i % len(COLOURS)])
        axes.set_xscale("log")
        axes.set_xlabel(self.unit)
        axes.set_ylabel("share of operations")
        axes.grid(True, alpha=0.3)
        axes.legend()


@dataclass
class Curves(Picture):
    """Lines through points (x, y)."""

    across: str
    curves: dict[str, list[tuple[float, float]]]
    log: bool = False

    def draw(self, axes) -> None:
        """Into the given axes."""
        for i, (who, points) in enumerate(self.curves.items()):
            axes.plot(*zip(*points), marker="o", label=who,
                      color=COLOURS[i % len(COLOURS)])
        if self.log:
            axes.set_xscale("log")
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(self.across)
        axes.set_ylabel(self.unit)
        axes.grid(True, alpha=0.3)
        axes.legend()


def draw(out: Path, pictures: list[Picture]) -> list[str]:
    """Write each picture; return the files' names."""
    # Here alone: the tables are made without it.
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = []
    for picture in pictures:
        figure, axes = pyplot.subplots(figsize=(10, 4.5))
        picture.draw(axes)
        axes.set_title(picture.title)
        figure.tight_layout()
        names.append(f"{picture.name}.svg")
        figure.savefig(out / names[-1])
        pyplot.close(figure)
    return names
