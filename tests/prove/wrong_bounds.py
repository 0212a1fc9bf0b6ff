# SPDX-License-Identifier: GPL-2.0
"""Mistakes in splits, in the release of tables, and in what an unmapping may unlink: for
wrong.py, as it has its own."""
from __future__ import annotations

PT, WALK = "core/pt.c", "core/pt_walk.c"
SPLIT, FIRST, RELEASE, SPAN = "split", "split, first half", "release", "unlink span"

# Places in the source.
PIECES = "\tfor (i = 0; i < PT_ENTRIES; i++)\n"
PIECE = "\t\tpt_env_store(pt->env, table, level, i, entry + i * pt_size(level));\n"
COUNT = "\tpt_env_set_live(pt->env, table, PT_ENTRIES);\n"
FILL = "\tpt_fill_split(pt, table, old);\n"
TAKE = "\tu64 table = pt_env_take(pt->env, old->level - 1, true);\n"
LINK = ("\tpt_env_store(pt->env, pt_find_table(pt, old->va, old->level), old->level,\n"
        "\t\t     pt_index(old->va, old->level), pte_make_table(table));\n")
ACCESSED, DIRTY = "(old->accessed ? PTE_A : 0)", "(old->dirty ? PTE_D : 0)"
LEAF = "\tu64 entry = pte_make_leaf(old->pa, level, old->rights) |"
SMALL = "\tif (leaf.level == 1)\n\t\treturn PT_NOENT;\n"
RESERVE = "\tif (!pt_env_reserve(pt->env))\n\t\treturn PT_NOMEM;\n"
BREAK = ("\tleaf.entry = pt_env_exchange(pt->env, leaf.table, leaf.level,\n"
         "\t\t\t\t     pt_index(va, leaf.level), 0);\n")
UNLOCK = "\tpt_env_unlock(pt->env, leaf.table, leaf.level);\n"	# of pt_remap()
FIND = "\tpt_descend(pt, va, 1, &p);\n"				# of pt_resolve()
CUT = "\t\tif (va & (pt_table_span(p.level) - 1))\n"
RELEASES = "\t\t\tpt_env_release(pt->env, pt_find_table(pt, va, p.level));\n"
OWNS = "\tfor (; pt_owns(pt, va, p.level); p.level++) {\n"
ENDS = "\tconst u64 first = *start, last = *end - 1;\n"
EACH = "\tfor (level = 1; level < PT_LEVELS; level++) {\n\t\tconst u64 offset"
DOWN = "\t\t\t*start = first & ~offset;\n"
UP = "\t\t\t*end = (last | offset) + 1;\n"

MORE = [
    # A split
    ("one-piece-too-few", SPLIT, "stops: a table is filled, but entry 511", PT,
     PIECES, PIECES.replace("PT_ENTRIES", "PT_ENTRIES - 1")),
    ("pieces-from-the-second-on", SPLIT, "stops: a table is filled, but entry", PT,
     PIECES, PIECES.replace("i = 0", "i = 1")),
    ("pieces-as-far-apart-as-the-page", SPLIT, "stops: a table is filled, but entry", PT,
     PIECE, PIECE.replace("pt_size(level)", "pt_size(level + 1)")),
    ("two-pieces-changed-over", SPLIT, "stops: a table is filled, but entry", PT,
     PIECE, PIECE.replace("entry + i", "entry + (i ^ (i < 2))")),
    ("pieces-of-the-next-frame", SPLIT,
     "refinement: the page is the same memory through smaller pages", PT,
     LEAF, LEAF.replace("old->pa", "old->pa + pt_size(level)")),
    ("pieces-may-be-written", SPLIT,
     "refinement: the page is the same memory through smaller pages", PT,
     LEAF, LEAF.replace("old->rights", "old->rights | PT_WRITE")),
    ("pieces-without-a", SPLIT, "refinement: they have A and D as handed out", PT, ACCESSED, "0"),
    ("pieces-without-d", SPLIT, "refinement: they have A and D as handed out", PT, DIRTY, "0"),
    ("pieces-dirty", SPLIT, "refinement: they have A and D as handed out", PT, DIRTY, "PTE_D"),
    ("pieces-not-counted", SPLIT, "invariant: live_count", PT, COUNT, ""),
    ("pieces-counted-one-too-few", SPLIT, "invariant: live_count", PT,
     COUNT, COUNT.replace("PT_ENTRIES", "PT_ENTRIES - 1")),
    ("pieces-table-not-owned", SPLIT, "safety: a table is taken as owned exactly if it is", PT,
     TAKE, TAKE.replace("true", "false")),
    ("linked-before-the-pieces", SPLIT, "stops: a second entry", PT,
     FILL + COUNT + "\t/* All the pages become visible by this one store. */\n" + LINK,
     LINK + FILL + COUNT),
    ("linked-in-the-next-place", SPLIT, "stops: a second entry", PT,
     "\t\t     pt_index(old->va, old->level), pte_make_table(table));\n",
     "\t\t     pt_index(old->va, old->level) ^ 1, pte_make_table(table));\n"),
    ("page-put-back", SPLIT, "transactional: there are two stores", PT,
     "\t/* All the pages become visible by this one store. */\n" + LINK,
     LINK.replace("pte_make_table(table)", "pte_make_leaf(old->pa, old->level, old->rights)")
     + LINK),
    ("small-pages-split", FIRST, "refinement: answers OK of a large page", PT, SMALL, ""),
    ("split-without-a-table", FIRST, "refinement: answers OK of a large page", PT, RESERVE, ""),
    ("taken-away-by-a-plain-store", FIRST,
     "safety: no plain store over a leaf", PT, BREAK,
     "\tpt_env_store(pt->env, leaf.table, leaf.level, pt_index(va, leaf.level), 0);\n"),
    ("place-not-counted", FIRST, "invariant: the place stays counted", PT, BREAK,
     BREAK + "\tpt_env_lock_counts(pt->env);\n"
     "\tif (leaf.level < 3 && pt_owns(pt, va, leaf.level))\n"
     "\t\tpt_env_set_live(pt->env, leaf.table, pt_env_live(pt->env, leaf.table) - 1);\n"
     "\tpt_env_unlock_counts(pt->env);\n"),
    ("taken-away-though-no-table", FIRST, "refinement: elsewhere the walk is as before", PT,
     RESERVE + BREAK, BREAK + RESERVE),
    ("small-pages-told-as-another", SPLIT, "safety: m is not written", PT,
     LINK, LINK + "\t((struct pt_mapping *)old)->level = 1;\n"),
    ("taken-away-under-the-callers-lock", FIRST, "safety: no lock is taken where the caller holds",
     PT, BREAK, "\tpt_env_lock(pt->env, leaf.table, leaf.level);\n" + BREAK
     + "\tpt_env_unlock(pt->env, leaf.table, leaf.level);\n"),
    ("pieces-counted-under-the-callers-lock", SPLIT,
     "safety: no lock is taken where the caller holds", PT,
     COUNT, "\tpt_env_lock_counts(pt->env);\n" + COUNT + "\tpt_env_unlock_counts(pt->env);\n"),
    ("pieces-released", SPLIT, "safety: tables are released where a region is cut alone", PT,
     LINK, LINK + "\tpt_env_release(pt->env, table);\n"),
    ("pieces-looked-at", SPLIT, "equal: what nobody else sees can be read, too", PT,
     COUNT, COUNT + "\tif (!pt_env_load(pt->env, table, 3))\n\t\treturn;\n"),
    ("two-tables-taken", SPLIT, "safety: a table is taken only where the reserve has one", PT,
     TAKE, TAKE + "\tpt_env_take(pt->env, old->level - 1, true);\n"),
    ("a-piece-stored-again", SPLIT, "safety: no plain store over a leaf", PT,
     LINK, LINK + "\tpt_env_store(pt->env, table, old->level - 1,\n"
     "\t\t     pt_index(old->va, old->level - 1),\n"
     "\t\t     pte_make_leaf(old->pa, old->level - 1, old->rights));\n"),
    ("taken-by-the-first-half", FIRST, "safety: every table taken is linked", PT,
     BREAK, BREAK + "\tpt_env_store(pt->env, pt_env_take(pt->env, leaf.level - 1, true),\n"
     "\t\t     leaf.level - 1, 7, 1);\n"),
    ("a-cleared-before-it-is-told", FIRST, "transactional: there is one store", PT,
     BREAK, BREAK.replace("\tleaf.entry = ", "\t").replace(", 0)", ", leaf.entry & ~PTE_A)")
     + BREAK),
    # Releases where no region is cut
    ("released-by-a-remap", "remap", "safety: tables are released where a region is cut alone", PT,
     UNLOCK, UNLOCK + "\tif (pt_owns(pt, va, leaf.level))\n"
     "\t\tpt_env_release(pt->env, leaf.table);\n"),
    # What is released
    ("released-though-not-cut", RELEASE, "reclamation: the table that is cut is released", WALK,
     CUT, "\t\tif (1)\n"),
    ("one-level-released", RELEASE, "reclamation: the table that is cut is released", WALK,
     OWNS, OWNS.replace("p.level++", "p.level += PT_LEVELS")),
    ("lowest-not-released", RELEASE, "reclamation: the table that is cut is released", WALK,
     OWNS, OWNS.replace("for (;", "for (p.level++;")),
    ("cut-by-entries", RELEASE, "reclamation: the table that is cut is released", WALK,
     CUT, CUT.replace("pt_table_span(p.level)", "pt_size(p.level)")),
    ("released-twice", RELEASE, "safety: a table is released once", WALK,
     CUT + RELEASES, CUT + "\t\t\t{\n" + RELEASES + RELEASES + "\t\t\t}\n"),
    ("released-and-counted", RELEASE, "refinement: nothing is written", WALK,
     CUT + RELEASES, "\t\tpt_env_lock_counts(pt->env);\n"
     "\t\tpt_env_set_live(pt->env, p.table, pt_env_live(pt->env, p.table));\n"
     "\t\tpt_env_unlock_counts(pt->env);\n" + CUT + RELEASES),
    ("released-with-its-parent", RELEASE, "safety: a table is released once", WALK,
     CUT + RELEASES, CUT.rstrip() + " {\n" + RELEASES + "\t\t\tif (pt_owns(pt, va, p.level + 1))\n"
     "\t\t\t\tpt_env_release(pt->env, pt_find_table(pt, va, p.level + 1));\n\t\t}\n"),
    # Of a region that no operation is at work in
    ("environment-asked-by-a-look", "resolve", "stops: a part of env that is not known", PT,
     FIND, FIND + "\tif (pt->env->root_mirrored)\n\t\tbarrier();\n"),
    ("counts-locked-by-a-look", "resolve", "safety: the environment is given the region's struct",
     PT, FIND, FIND + "\tpt_env_lock_counts(pt->env);\n\tpt_env_unlock_counts(pt->env);\n"),
    ("span-locked-with-the-address-space", SPAN, "stops: a part of env that is not known", WALK,
     ENDS, ENDS + "\tspin_lock(&pt->env->mm->page_table_lock);\n"
     "\tspin_unlock(&pt->env->mm->page_table_lock);\n"),
    # What an unmapping may unlink
    ("end-taken-for-the-last", SPAN, "refinement: it ends where it must", WALK,
     ENDS, ENDS.replace("*end - 1", "*end")),
    ("no-pd-unlinked", SPAN, "reclamation: what may be unlinked lies inside, level 2", WALK,
     EACH, EACH.replace("PT_LEVELS", "2")),
    ("span-of-entries", SPAN, "reclamation: what may be unlinked lies inside", WALK,
     EACH + " = pt_table_span(level) - 1;\n", EACH + " = pt_size(level) - 1;\n"),
    ("span-not-widened-down", SPAN, "reclamation: what may be unlinked lies inside", WALK,
     DOWN, "\t\t\t;\n"),
    ("span-wider-than-due", SPAN, "refinement: it ends where it must", WALK,
     UP, UP + "\t\t*end += 4096;\n"),
]
