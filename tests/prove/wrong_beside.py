# SPDX-License-Identifier: GPL-2.0
"""Mistakes that show only when others are at work: in other spans, in other files of the address
space, or in Linux.  For wrong.py, as it has its own."""
from __future__ import annotations

PT, WALK, WALK_H = "core/pt.c", "core/pt_walk.c", "core/pt_walk.h"
M1, M2 = "map 1G", "map 2M"

# Places in the source.
LOOKS = "\tentry = pt_env_load(pt->env, table, i);\n\tif (pte_kind(entry, level) == PTE_EMPTY) {\n"
MAKE = "static u64 pt_make_table(struct pt *pt, u64 va, u64 table, unsigned int level)\n"
BEGINS = "\tu64 entry;\n\n\tpt_env_lock(pt->env, table, level);\n"
OWNED = "\t\tconst bool owned = pt_owns(pt, va, level - 1);\n"
TAKE = "\t\tentry = pte_make_table(pt_env_take(pt->env, level - 1, owned));\n"
RETURNS = "\treturn pte_addr(entry);\n"
EACH = ("\tfor (; p.level > level; p.level--)\n"
        "\t\tp.table = pt_make_table(pt, va, p.table, p.level);\n")
TOLD = "\t*table = p.table;\n"
PUTS = "\tu64 there;\n\n\tpt_env_lock(pt->env, table, level);\n"		# of pt_put_leaf()
COUNTS = "\tpt_count(pt, va, level, table, 1, owned);\n\treturn PT_OK;\n"
LOOK = "\tlive = pt_env_live(pt->env, table);\n"			# of pt_count_large()
COUNT = "\tpt_env_set_live(pt->env, table, live + n);\n\tif (unlikely(!live))\n\t\tpt_count_above"
FINDS = "\tswitch (pt_find_page(pt, va, &page)) {\n\tcase 1:\n\t\tpt_protect_found("

# The last bit of the address says that the PD has been made by this operation.
MADE = ((WALK, BEGINS, "\tu64 entry, made = 0;\n\n\ttable &= ~1ULL;\n"
         "\tpt_env_lock(pt->env, table, level);\n"),
        (WALK, OWNED, OWNED + "\n\t\tmade = 1;\n"),
        (WALK, RETURNS, "\treturn pte_addr(entry) | made;\n"),
        (WALK, TOLD, "\t*table = level == 2 ? p.table : p.table & ~1ULL;\n"),
        (PT, PUTS, "\tconst unsigned int n = table & 1 ? 0x10001 : 1;\n\tu64 there;\n\n"
         "\ttable &= ~1ULL;\n\tpt_env_lock(pt->env, table, level);\n"),
        (PT, COUNTS, COUNTS.replace("1, ", "n, ")))

BESIDE = [
    ("linked-over-another-files-table", M1, "safety: a table that is unlinked is empty", WALK,
     LOOKS, LOOKS.replace("if (", "if (level == 4 || ")),
    ("root-taken-for-ones-own", M2, "safety: a table that is unlinked is empty", WALK,
     LOOKS, LOOKS.replace("if (", "if ((level == 4 && pt->env->all) || ")),
    ("table-of-level-3-taken-for-ones-own", M2, "safety: a table that is unlinked is empty", WALK,
     LOOKS, LOOKS.replace("if (", "if ((level == 3 && pt->env->all) || ")),
    ("linked-over-what-came-before-the-rest", M2, "safety: a table that is unlinked is empty", WALK,
     LOOKS, LOOKS.replace("if (", "if (all || "),
     ((WALK, MAKE, MAKE.replace("level)", "level, bool all)")),
      (WALK, EACH, "\tif (p.level > level) {\n"
       "\t\tconst bool all = pt_env_covers(pt->env, va, 3);\n\n\t"
       + EACH.replace("\t\tp", "\t\t\tp").replace("p.level);", "p.level, all);") + "\t}\n"))),
    ("new-table-taken-for-not-counted", M2, "invariant: live_count, level 2", WALK_H,
     LOOK + COUNT, LOOK.replace("pt_env_live", "n >> 16 ? 0 : pt_env_live") + "\tn &= 0xffff;\n"
     + COUNT, MADE),
    ("new-table-taken-for-not-left", M2, "safety: tables that get their first tag are counted",
     WALK_H, COUNT, "\tif (n >> 16)\n\t\tWRITE_ONCE(vpt_index(vpt_table_page(table)), live + 1 +\n"
     "\t\t\t   (VPT_TABLE_TAG << 32 | VPT_TABLE_ALLOCATED));\n\telse\n\t" + COUNT, MADE),
    ("new-table-counted-before-it-is-linked", M2,
     "safety: a table counts nothing when it is linked where others use it", WALK_H,
     LOOK + COUNT, LOOK + COUNT.replace("live + n", "n >> 16 ? live : live + n").replace(
         "!live", "live == n >> 16"),
     (*MADE, (WALK, TAKE, TAKE + "\t\tif (owned && level == 3)\n"
              "\t\t\tpt_env_set_live(pt->env, pte_addr(entry), 1);\n"))),
    ("ok-where-linux-linked", "protect", "refinement: answers OK when it should", PT,
     FINDS,
     "\tif (pt->env->all && pt_va_in_region(pt, va) &&\n"
     "\t    !pt_env_load(pt->env, pt->root, pt_index(va, 4)) &&\n"
     "\t    pt_env_load(pt->env, pt->root, pt_index(va, 4)))\n\t\treturn PT_OK;\n" + FINDS),
]
