# SPDX-License-Identifier: GPL-2.0
"""What was found: one line for each mutant while it goes, tables and a summary at the end."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from catalogue import LAYERS, Mutant
from layers import Verdict


@dataclass
class Result:
    """A mutant and what each layer that was asked said."""

    mutant: Mutant
    verdicts: list[Verdict] = field(default_factory=list)
    error: str = ""

    def first(self) -> Verdict | None:
        return next((v for v in self.verdicts if v.caught), None)

    def cell(self, layer: str) -> str:
        for verdict in self.verdicts:
            if verdict.layer == layer:
                return f"{verdict.seconds:.1f}" if verdict.caught else "missed"
        return "" if layer in self.mutant.layers else "."

    def outcome(self, asked: list[str]) -> str:
        """caught, survived (with a reason), SURVIVED, open (not all were asked), ERROR."""
        if self.error:
            return "ERROR"
        if self.first():
            return "caught"
        if self.mutant.survives:
            return "survived"
        if self.mutant.caught_by not in asked:
            return "open"
        return "SURVIVED"


def line(result: Result, asked: list[str]) -> str:
    """One mutant, for the terminal."""
    mutant, first = result.mutant, result.first()
    cells = " ".join(f"{result.cell(layer):>6}" for layer in LAYERS)
    head = f"{mutant.name:<40} {cells}  "
    text = result.error or (f"{first.layer}: {first.text()}" if first else
                            mutant.survives or "")
    outcome = result.outcome(asked)
    if outcome != "caught":
        text = f"{outcome}: {text}" if text else outcome
    return f"{head}{text}\n{'':<4}{mutant.breaks}"


def heading() -> str:
    cells = " ".join(f"{layer:>6}" for layer in LAYERS)
    return (f"{'mutant':<40} {cells}  caught by: the test or violation that said so\n"
            f"{'':<4}(seconds with building; . the layer cannot be affected, blank: not asked)")


def markdown(results: list[Result], asked: list[str]) -> str:
    """The same as a table for a document."""
    rows = ["| mutant | what it breaks | " + " | ".join(LAYERS) + " | what said so |",
            "|---|---|" + "---|" * (len(LAYERS) + 1)]
    for result in results:
        first = result.first()
        said = (f"{first.layer}: {first.text()}" if first else
                f"{result.outcome(asked)}: {result.error or result.mutant.survives}")
        cells = [result.mutant.name, result.mutant.breaks,
                 *(result.cell(layer) for layer in LAYERS), said]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def layer_line(layer: str, results: list[Result]) -> tuple[str, int]:
    """How many a layer was asked about and caught; how many the earlier ones missed."""
    said = [v for r in results for v in r.verdicts if v.layer == layer]
    caught = [v for v in said if v.caught]
    alone = sum(1 for r in results if (v := r.first()) and v.layer == layer)
    seconds = sum(v.seconds for v in said)
    text = (f"  {layer:<6} asked {len(said):3}, caught {len(caught):3}, of which {alone:3} "
            f"had passed the layers before it; {seconds:6.0f} s in all")
    return text, alone


def summary(results: list[Result], asked: list[str], complete: bool) -> tuple[str, bool]:
    """The end of the report, and whether all is well."""
    by_outcome: dict[str, list[Result]] = {}
    for result in results:
        by_outcome.setdefault(result.outcome(asked), []).append(result)
    lines = [f"{len(results)} mutants: {len(by_outcome.get('caught', []))} caught"]
    good = True
    for layer in asked:
        text, alone = layer_line(layer, results)
        lines.append(text)
        if complete and not alone:
            lines.append(f"  {layer} catches nothing that the layers before it miss")
            good = False
    for outcome, what in (("survived", "survived, as documented"),
                          ("open", "left to layers that were not asked"),
                          ("SURVIVED", "SURVIVED, though the catalogue says caught"),
                          ("ERROR", "without a verdict")):
        for result in by_outcome.get(outcome, []):
            lines.append(f"  {result.mutant.name}: {what}"
                         f"{': ' if result.error or result.mutant.survives else ''}"
                         f"{result.error or result.mutant.survives}")
            good = good and outcome in ("survived", "open")
    for result in by_outcome.get("caught", []):
        if result.mutant.survives:
            lines.append(f"  {result.mutant.name}: the catalogue says that it survives")
            good = False
    return "\n".join(lines), good


def store(result: Result, folder: Path, digest: str) -> None:
    """Keep a result, for a report that is made of several runs."""
    path = folder / (result.mutant.name.replace("/", "-") + ".json")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"digest": digest, "error": result.error,
                                "verdicts": [asdict(v) for v in result.verdicts]}))


def load(mutant: Mutant, folder: Path, digest: str) -> Result | None:
    """The stored result, unless mutant or tree has changed since."""
    path = folder / (mutant.name.replace("/", "-") + ".json")
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    if stored["digest"] != digest:
        return None
    return Result(mutant, [Verdict(**v) for v in stored["verdicts"]], stored["error"])
