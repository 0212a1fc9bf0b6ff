# SPDX-License-Identifier: GPL-2.0
"""Tables in plain text."""

from typing import Sequence


def table(head: Sequence[str], body: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns as wide as they must be; the first @left of them flush left."""
    lines = [list(head), *[list(line) for line in body]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]

    def row(line: Sequence[str]) -> str:
        cells = [f"{cell:<{width}}" if i < left else f"{cell:>{width}}"
                 for i, (cell, width) in enumerate(zip(line, widths))]
        return "  ".join(cells).rstrip() + "\n"

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1)) + "\n"
    return row(head) + rule + "".join(row(line) for line in body)


def heading(title: str, *notes: str) -> str:
    """A title, underlined, and what must be known to read the table."""
    return f"\n{title}\n{'=' * len(title)}\n" + "".join(f"{note}\n" for note in notes) + "\n"


def number(value: float) -> str:
    """Three figures, more where the number is larger."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(low: float, mid: float, high: float) -> str:
    """A ratio with its quartiles."""
    return f"{mid:.2f}x [{low:.2f}-{high:.2f}]"
