# SPDX-License-Identifier: GPL-2.0
"""Wrong range forms: name, theorem, the goal that refutes it, file, old text, new text.

They are compiled as wrong.py has it.
"""
from __future__ import annotations

RANGE, ENTRY = "core/pt_range.c", "core/pt_entry.h"
PROTECT, UNMAP, MAP = "protect range", "unmap range", "map 4K range"

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

HANDS = "\t\tpt_env_defer_leaf(pt->env, pt_run_va(run, va, i), run->level, entry);\n"
UNCOUNT = "\t\tpt_uncount(pt, va, run->level, run->table, removed, owned);\n"
SWEEP = "\telse if (owned && !live)\n\t\tpt_sweep(pt, va);\n"
FRAMES = "\tfor (i = 0; i < n; i++)\n\t\tall |= pa[i];\n"
HOLE = "\t\t\tif (run.seen)\n\t\t\t\treturn PT_EXISTS;\n"
MISSING = ("\t\t\t*missing += pt_tables_touched(va, next < end ? next : end,\n"
           "\t\t\t\t\t\t      level, run.level);\n")
PLACES = ("\tfor (i = 0; i < run->entries; i++) {\n"
          "\t\tu64 entry = pt_env_load(pt->env, run->table, run->first + i);\n\n"
          "\t\tif (pte_kind(entry, run->level) != PTE_EMPTY)\n")
FREE_NEXT = "\t\t\tnext = pt_run_va(&run, va, run.entries);\n"
CHECKS = "pt_run_at(pt, va, end, level);\n\t\tenum pt_status status;\n"
ENOUGH = "\tif (pt_env_reserve(pt->env) < missing)\n"
FILLS = "\tfor (i = 0; i < n; i++)\n\t\tpt_env_store(env, table, level, first + i, pa[i] | bits);\n"
RUN_SHORT = "\t\tif ((end - va) >> pt_shift(level) < run)\n"
MAKES = "\t\t\tpt_make_path(pt, va, level, &table);\n"
FILL_LOCK = "\t\tpt_env_lock(pt->env, table, level);\n\t\tpt_fill("
COUNT = "\t\tpt_count(pt, va, level, table, run, pt_owns(pt, va, level));\n"
FURTHER = "\t\tva += (u64)run << pt_shift(level);\n\t\tpa += run;\n"
BOOKS = "(*(struct pt_env *volatile *)&pt->env)->books->tables++"
FILL_LOOP = "\t/* From here on nothing can fail. */\n\twhile (va < end) {\n"

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
    ("range-ends-where-others-have-linked-a-table", PROTECT,
     "refinement: run: in its table: every page has the new rights", RANGE, NEXT,
     "\treturn n ? pt_run_va(run, va, n) : ~0xfffULL;\n"),
    ("range-unlocked-in-the-middle", PROTECT,
     "refinement: entry of a run: no other entry, no count and nothing else changes", RANGE,
     CHANGE, CHANGE.replace("changed++;", "changed++;\n"
                            "\t\tpt_env_unlock(pt->env, run->table, run->level);")),
    ("range-forgets-A", PROTECT, "a/d: A stays, and D where it can be written", ENTRY, KEEP,
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
    ("unmap-range-hands-over-another-leaf", UNMAP,
     "safety: a removed leaf is handed over as it was", RANGE, HANDS,
     HANDS.replace("va, i)", "va, i | 1)")),
    ("unmap-range-forgets-a-leaf", UNMAP,
     "refinement: entry of a run: no other entry, no count and nothing else changes", RANGE, HANDS,
     "\t\tif (i)\n" + HANDS),
    ("unmap-range-counts-one-less", UNMAP,
     "stops: the loop over a run's entries has other variables", RANGE, UNCOUNT,
     UNCOUNT.replace("removed, ", "removed - 1, ")),
    ("unmap-range-sweeps-nothing", UNMAP,
     "reclamation: run: no empty table of the core's stays on the way", RANGE, SWEEP, ""),
    ("map-range-looks-at-one-frame-less", MAP,
     "stops: entry: a path comes to check", RANGE, FRAMES,
     FRAMES.replace("i = 0", "i = 1")),
    ("map-range-counts-tables-by-frames", MAP,
     "safety: a round of the loop leaves what is beside tables and stack as it was", RANGE, FRAMES,
     FRAMES.replace("all |= pa[i];\n", "{\n\t\tall |= pa[i];\n\t\tif (i & 1)\n"
                    "\t\t\t" + BOOKS + ";\n\t}\n")),
    ("map-range-counts-a-table-by-itself", MAP,
     "safety: tables that get their first tag are counted", RANGE, MAKES,
     "\t\t\t" + BOOKS + ",\n" + MAKES),
    ("map-range-looks-at-one-frame-more", MAP,
     "stops: no path reaches check", RANGE, FRAMES,
     FRAMES.replace("i < n", "i <= n")),
    ("map-range-looks-at-the-first-frame", MAP,
     "safety: the frame is read whose turn it is", RANGE, FRAMES,
     FRAMES.replace("pa[i]", "pa[i / 2]")),
    ("map-range-overwrites-a-large-page", MAP,
     "refinement: check: the places are free", RANGE, HOLE,
     ""),
    ("map-range-counts-one-table", MAP,
     "refinement: check: counts to the run's end", RANGE, MISSING,
     "\t\t\t*missing += 1;\n"),
    ("map-range-overwrites-a-page", MAP,
     "stops: a loop's variable, missing, is told in several ways", RANGE, PLACES,
     PLACES.replace("i < run->entries", "i + 1 < run->entries")),
    ("map-range-looks-again-at-a-hole", MAP,
     "refinement: check: nothing is written", RANGE, HOLE,
     HOLE.replace("run.seen", "pt_env_load(pt->env, run.table, run.first)")),
    ("map-range-looks-beside-its-range", MAP,
     "stops: a run does not begin at its address' entry", RANGE, CHECKS,
     CHECKS.replace("va", "va - pt_size(level)")),
    ("map-range-checks-every-other-place", MAP,
     "safety: an entry lies in its table's page", RANGE, PLACES,
     PLACES.replace("i++", "i += 2")),
    ("map-range-checks-one-page-of-a-table", MAP,
     "stops: a loop's variable, missing, is told in several ways", RANGE, FREE_NEXT,
     FREE_NEXT.replace("run.entries", "PT_ENTRIES")),
    ("map-range-with-one-table-too-few", MAP,
     "refinement: check: answers NOMEM when there are not enough tables", RANGE, ENOUGH,
     ENOUGH.replace("< missing", "+ 1 < missing")),
    ("map-range-with-a-table-too-many", MAP,
     "refinement: check: answers NOMEM when there are not enough tables", RANGE, ENOUGH,
     ENOUGH.replace("< missing", "<= missing")),
    ("map-range-maps-one-frame", MAP,
     "safety: the frame is read whose turn it is", RANGE, FILLS,
     FILLS.replace("pa[i]", "pa[i & 1]")),
    ("map-range-leaves-out-a-page", MAP,
     "stops: fill: a path comes to fill", RANGE, FILLS,
     FILLS.replace("i < n", "i + 1 < n")),
    ("map-range-fills-beside-its-end", MAP,
     "stops: a path that was made leads to a run's first entry in several ways", RANGE, RUN_SHORT,
     RUN_SHORT.replace("< run", "< run - 1")),
    ("map-range-makes-another-path", MAP,
     "refinement: fill: a path is made where one is missing", RANGE, MAKES,
     MAKES.replace("va", "end - 1")),
    ("map-range-makes-a-short-path", MAP,
     "refinement: fill: a path is made where one is missing", RANGE, MAKES,
     MAKES.replace("level", "level + 1")),
    ("map-range-not-locked", MAP,
     "stops: a path that was made leads to a run's first entry in several ways", RANGE, FILL_LOCK,
     "\t\tpt_fill("),
    ("map-range-counts-one-page-less", MAP,
     "invariant: live_count, level 1", RANGE, COUNT,
     COUNT.replace("run, ", "run - 1, ")),
    ("map-range-goes-back-to-the-first-frame", MAP,
     "safety: the frame is read whose turn it is", RANGE, FURTHER,
     FURTHER.replace("\t\tpa += run;\n", "")),
    ("map-range-of-one-run", MAP,
     "safety: the frame is read whose turn it is", RANGE, FURTHER,
     FURTHER + "\t\tif (pa[-1] == pa[-2])\n\t\t\tbreak;\n"),
    ("map-range-leaves-out-the-last-run", MAP,
     "refinement: check: answers NOMEM when there are not enough tables", RANGE, FILL_LOOP,
     FILL_LOOP.replace("va < end", "va + pt_size(level) < end")),
]
