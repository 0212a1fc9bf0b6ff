# SPDX-License-Identifier: GPL-2.0
"""Rows of samples: reading, summarising, writing them out raw.

A row is what a program printed: keys that say what was measured, and either
"samples", a list of numbers, or "histogram", a list of [value, how often].
"""

import csv
import json
from pathlib import Path
from statistics import median
from typing import Any, Iterable

Row = dict[str, Any]


def values(row: Row) -> list[tuple[float, int]]:
    """The row's samples in order, each with how often it occurred."""
    if "histogram" in row:
        return sorted((value, count) for value, count in row["histogram"])
    return [(value, 1) for value in sorted(row["samples"])]


def quantile(row: Row, share: float) -> float:
    """The smallest sample that @share of all samples do not exceed."""
    pairs = values(row)
    left = share * sum(count for _, count in pairs)
    for value, count in pairs:
        left -= count
        if left <= 0:
            break
    return value


def middle(row: Row) -> float:
    """The median."""
    if "samples" in row:
        return median(row["samples"])
    return quantile(row, 0.5)


def select(rows: Iterable[Row], **keys: Any) -> list[Row]:
    """The rows in which each key has that value."""
    return [row for row in rows if all(row.get(key) == want for key, want in keys.items())]


def one(rows: Iterable[Row], **keys: Any) -> Row | None:
    """The row in which each key has that value, or None."""
    found = select(rows, **keys)
    return found[0] if found else None


def distinct(rows: Iterable[Row], key: str) -> list[Any]:
    """The values of @key, in order of appearance."""
    return list(dict.fromkeys(row[key] for row in rows if key in row))


def ratios(row: Row, floor: Row) -> list[float]:
    """Turn by turn, in order of size."""
    return sorted(a / b for a, b in zip(row["samples"], floor["samples"]))


def spread(numbers: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile of ordered numbers."""
    last = len(numbers) - 1
    return numbers[len(numbers) // 4], median(numbers), numbers[last - len(numbers) // 4]


def write(out: Path, name: str, rows: list[Row], machine: Row) -> None:
    """Every sample, as JSON and as CSV."""
    with open(out / f"{name}.json", "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": rows}, file)
    keys = sorted({key for row in rows for key in row} - {"samples", "histogram"})
    with open(out / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        for key, value in machine.items():
            file.write(f"# {key}: {value}\n")
        writer = csv.writer(file)
        writer.writerow(keys + ["turn", "value", "count"])
        for row in rows:
            told = [row.get(key, "") for key in keys]
            if "histogram" in row:
                writer.writerows(told + ["", value, count] for value, count in values(row))
            else:
                writer.writerows(told + [turn, value, 1]
                                 for turn, value in enumerate(row.get("samples", [])))
