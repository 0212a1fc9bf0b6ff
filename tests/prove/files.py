# SPDX-License-Identifier: GPL-2.0
"""Who is trusted: tools/prove/README.md's table and the line counts name the same files, and all of them."""
from __future__ import annotations

import re

import build
from stats import HERE, PARTS


def rows() -> list[set[str]]:
    """The files of each row of the table in tools/prove/README.md."""
    text = (build.TOP / "tools/prove/README.md").read_text()
    table = text[text.index("| | files |"):].split("\n\n", 1)[0]
    return [set(re.findall(r"`([\w/.]+)`", row)) for row in table.splitlines()[2:]]


def check() -> str:
    counted = [{re.sub(r"^(\.\./)*|\*\..*", "", p) for p in patterns}
               for patterns in PARTS.values()]
    for told, part in zip(rows(), counted):
        assert told == part, f"the table and stats.py differ in {sorted(told ^ part)}"
    files = {str(f.relative_to(HERE)) for f in HERE.glob("**/*.[pch]*") if f.suffix != ".pyc"}
    listed = set().union(*counted)
    assert files <= listed, f"in no part: {sorted(files - listed)}"
    return f"{len(files)} files"
