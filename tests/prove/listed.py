# SPDX-License-Identifier: GPL-2.0
"""No theorem is lost from the lists: each function that src/core/pt.h declares has its
theorems, and each theorem is asked."""
from __future__ import annotations

import re

import binary
import build
import compiled
import main
import mutants
from operations import OPERATIONS

PAGES = {1, 2, 3}
# By function: the levels of the new pages that theorems are about; None: any other; 0: any.
WANTED = {name: {0} for name in ("pt_init", "pt_unmap", "pt_sweep", "pt_protect", "pt_remap",
                                 "pt_resolve", "pt_unmap_range", "pt_protect_range",
                                 "pt_split_break", "pt_split_make", "pt_release",
                                 "pt_unlink_span")}
WANTED |= {"pt_map": PAGES | {None}, "pt_map_range": PAGES | {None}, "pt_map_tables": PAGES}
STEPS = {"step:empty", "step:hardware", "step:linux"}
LINKED = {1, 3}			# pt_map() while Linux links tables


def declared() -> set[str]:
    header = (build.TOP / "src/core/pt.h").read_text()
    return set(re.findall(r"^(?:enum pt_status __must_check|void|u64) (pt_\w+)\(", header,
                          re.MULTILINE))


def check() -> str:
    assert declared() == set(WANTED), declared() ^ set(WANTED)
    for function, levels in (WANTED | {"pt_make_path": PAGES}).items():
        found = {o.level for o in OPERATIONS if o.function == "@" + function and not o.linux}
        assert found == levels, f"{function}: theorems for the levels {found}"
    assert {o.level for o in OPERATIONS if o.linux} == LINKED
    assert {o.function for o in OPERATIONS if ":" in o.function} == STEPS
    names = [o.name for o in OPERATIONS]
    assert len(set(names)) == len(names), "two theorems of one name"
    for name in names:
        asked = [part for part in main.PARTS if part != "all" and main.PARTS[part](name)]
        assert len(asked) == 1 and main.PARTS["all"](name), f"{name}: a part of {asked}"
    # What is in no order comes last; but a name that there is not would be skipped.
    for listed in (main.SIZE, mutants.ORDER, compiled.ORDER, binary.NAMES):
        assert set(listed) <= set(names), set(listed) - set(names)
    return f"{len(names)} theorems, {len(declared())} functions"
