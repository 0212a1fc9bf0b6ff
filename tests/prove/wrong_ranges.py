# SPDX-License-Identifier: GPL-2.0
"""Wrong range forms: name, theorem, the goal that refutes it, file, old text, new text.

They are compiled as wrong.py has it.
"""
from __future__ import annotations

RANGE, WALK_H = "core/pt_range.c", "core/pt_walk.h"
PROTECT = "protect range"

# Places in the source.
EMPTY = "\t\tif (kind == PTE_EMPTY)\n\t\t\tcontinue;\n\t\tbefore |= pte_rights(entry);\n"
LOOKS = ("\t\tu64 entry = pt_env_load(pt->env, run->table, run->first + i);\n"
         "\t\tenum pte_kind kind = pte_kind(entry, run->level);\n\n"
         "\t\tif (kind == PTE_TABLE)\n\t\t\tbreak;\n")
CHANGE = ("\t\tpt_protect_leaf(pt->env, run->table, run->level, run->first + i,\n"
          "\t\t\t\tentry, rights);\n\t\tchanged++;\n\t}\n")
LOCKED = "\tu32 before = 0;\n\n\tpt_env_lock(pt->env, run->table, run->level);\n"
BYTES = "\tdone->bytes += changed * pt_size(run->level);\n"
REVOKED = "\tif (before & ~rights)\n"
NEXT = "\treturn n ? pt_run_va(run, va, n) : va;\n"
LAST = "\tlast = ((end - 1) >> pt_shift(p.level)) - (va >> pt_shift(p.level));\n"
KEEP = "\tconst u64 keep = rights & PT_WRITE ? ~PTE_RIGHTS_MASK : ~(PTE_RIGHTS_MASK | PTE_D);\n"
STRADDLES = "(end == pt->end || !pt_straddles(pt, end));"
ZEROED = ("\t*done = (struct pt_touched){ 0 };\n"
          "\tif ((rights & ~PT_RIGHTS) || !pt_range_ok(pt, va, end))\n")

RANGES = [
    ("range-skips-what-is-behind-a-hole", PROTECT,
     "refinement: run: in its table: every page has the new rights", RANGE, EMPTY,
     "\t\tif (kind == PTE_EMPTY && (i & 1)) {\n\t\t\ti = run->entries;\n\t\t\tbreak;\n\t\t}\n"
     + EMPTY),
    ("range-stops-at-a-hole", PROTECT, "stops: the loop over a run's entries has other variables",
     RANGE, EMPTY, EMPTY.replace("continue", "break")),
    ("range-changes-one-entry", PROTECT,
     "refinement: entry of a run: the entry becomes what it should",
     RANGE, EMPTY + CHANGE, EMPTY + CHANGE.replace("run->first + i", "run->first")),
    ("range-stays-at-one-entry", PROTECT, "stops: a round that looks at no entry of its own",
     RANGE, LOOKS + EMPTY + CHANGE,
     (LOOKS + EMPTY + CHANGE).replace("run->first + i", "run->first")),
    ("range-stays-at-one-run", PROTECT, "stops: a loop's variable, here, is told in", RANGE, NEXT,
     "\treturn va;\n"),
    ("range-of-one-entry-more", PROTECT, "refinement: entry of a run: goes on at the next entry",
     RANGE, LAST, LAST.replace("end - 1", "end")),
    ("range-of-one-page-less", PROTECT, "refinement: entry of a run: goes on at the next entry",
     RANGE, LAST, LAST.replace("end - 1", "end - 1 - PT_PAGE_SIZE")),
    ("range-tells-other-bytes", PROTECT, "refinement: run: what was done is told (byte 0)",
     RANGE, BYTES, BYTES.replace("changed * ", "(changed + 1) / 2 * ")),
    ("range-counts-holes", PROTECT, "stops: the loop over a run's entries has other variables",
     RANGE, EMPTY, "\t\tif (kind == PTE_EMPTY) {\n\t\t\tchanged++;\n\t\t\tcontinue;\n\t\t}\n"
     "\t\tbefore |= pte_rights(entry);\n"),
    ("range-not-locked", PROTECT, "safety: a table is written under its lock", RANGE,
     LOCKED, LOCKED.replace("\tpt_env_lock(pt->env, run->table, run->level);\n", "")),
    ("range-unlocked-in-the-middle", PROTECT,
     "refinement: entry of a run: no other entry, no count and nothing else changes", RANGE,
     CHANGE, CHANGE.replace("changed++;", "changed++;\n"
                            "\t\tpt_env_unlock(pt->env, run->table, run->level);")),
    ("range-forgets-A", PROTECT, "a/d: A stays, and D where it can be written", WALK_H, KEEP,
     KEEP.replace("(PTE_RIGHTS_MASK", "(PTE_RIGHTS_MASK | PTE_A").replace(
         "? ~PTE_RIGHTS_MASK", "? ~(PTE_RIGHTS_MASK | PTE_A)")),
    ("range-does-not-tell-of-rights", PROTECT,
     "stops: the loop over a run's entries has other variables", RANGE, REVOKED,
     "\tif (before & rights & ~PT_RIGHTS)\n"),
    ("range-forgets-earlier-rights", PROTECT,
     "refinement: entry of a run: remembers which rights there were", RANGE, EMPTY,
     EMPTY.replace("before |=", "before =")),
    ("range-cuts-a-leaf-at-its-end", PROTECT, "refinement: entry: goes on where the range begins",
     RANGE, STRADDLES, "true;"),
    ("range-keeps-old-numbers", PROTECT, "refinement: entry: what was done is told", RANGE,
     ZEROED, ZEROED.replace("\t*done = (struct pt_touched){ 0 };\n", "")),
    ("range-writes-behind-done", PROTECT, "safety: within done", RANGE, BYTES,
     BYTES + "\tdone[1].bytes = 0;\n"),
]
