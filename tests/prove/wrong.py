#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Wrong cores and wrong environments, compiled as the module is: each must be refuted.

Of the kernel's environment (src/kernel/memory/pt_env.h) nothing is assumed but what
kernelenv.py says, so mistakes in it are refuted as those in the core are: by the
theorem and by a goal with these words, or the executor stops with them.  An
entry that is equal changes the code and not what it does, and is proved.
"""
from __future__ import annotations

import argparse
import functools
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools/prove")]

import binary
import build
from compiled import compile_like
from disasm import Code
from execute import Stuck
from jobs import goals_of, with_goals
from main import FOLDER
from operations import OPERATIONS, Operation
from pool import chosen, share_out
from solve import Solver
from term import TRUE, not_
from wrong_beside import BESIDE
from wrong_bounds import MORE
from wrong_ranges import RANGES

ENV, PT, WALK = "kernel/memory/pt_env.h", "core/pt.c", "core/pt_walk.c"
RANGE, WALK_H = "core/pt_range.c", "core/pt_walk.h"

# Places in the source.
GROWS = "\t\tenv->books->tables++;\n"
WORD = "\tWRITE_ONCE(vpt_index(page), VPT_TABLE_TAG << 32 | made | n);\n"
LIVE = "return word >> 32 == VPT_TABLE_TAG ? word & VPT_TABLE_LIVE : 0;"
RESERVE = "\treturn env->reserve.n;"
ENOUGH = "if (pt_env_reserve(pt->env) < p.level - level)"
TAKE = "\t\tentry = pte_make_table(pt_env_take(pt->env, level - 1, owned));\n"
TAKE_ARGUMENTS = "pt_env_take(pt->env, level - 1, owned)"
MIRRORED = "if (unlikely(level == 4 && env->root_mirrored))"
USERS = "\tWRITE_ONCE(*vpt_table_slot(table + PAGE_SIZE, i), entry);\n"
NX = "\tif (entry && (__supported_pte_mask & _PAGE_NX))\n\t\tentry |= _PAGE_NX;\n"
KERNELS = "\tWRITE_ONCE(*vpt_table_slot(table, i), entry);\n}"
WHICH_LOCK = "return level >= 3 ? &env->mm->page_table_lock :"
LOCK = "\tspin_lock(vpt_table_lock(env, table, level));"
UNLOCK = "\tspin_unlock(vpt_table_lock(env, table, level));"
XCHG = "\tconst u64 old = xchg(vpt_table_slot(table, i), entry);"
STORE = "\telse\n\t\tWRITE_ONCE(*vpt_table_slot(table, i), entry);"
UNLINK = "\tpt_env_store(pt->env, parent, level + 1, pt_index(va, level + 1), 0);\n"
LOCKS = "\tpt_env_lock(pt->env, table, level);\n"			# of pt_make_table()
LOOKS = ("\tentry = pt_env_load(pt->env, table, i);\n"
         "\tif (pte_kind(entry, level) == PTE_EMPTY) {\n")
LOCK_PARENT = "\tpt_env_lock(pt->env, parent, level + 1);\n"
UNLOCK_PARENT = "\tpt_env_unlock(pt->env, parent, level + 1);\n"
DEFER = "\tpt_env_defer_table(pt->env, table, level);\n"
DONE = "\tpt_env_unlock(pt->env, leaf.table, leaf.level);\n"		# of pt_remap()
FOUND = "\tpt_decode(found, pt_base(va, p.level), p.level, p.entry);\n"	# of pt_resolve()
COVERS = "\treturn level <= 2 || env->all || vpt_lock_rest(env);"
LEFT = "\t\tif (vpt_table_left(page))\n\t\t\tmade = VPT_TABLE_ALLOCATED;\n"
LOCK_COUNTS, UNLOCK_COUNTS = (f"\tpt_env_{n}_counts(pt->env);\n" for n in ("lock", "unlock"))
LOOK = "\tlive = pt_env_live(pt->env, table);\n"			# of pt_count_large()
COUNT = "\tpt_env_set_live(pt->env, table, live + n);\n"
PARENTS = "\tif (unlikely(!live))\n\t\tpt_count_above(pt, va, level);\n"
COUNT_LARGE = LOCK_COUNTS + LOOK + COUNT + PARENTS + UNLOCK_COUNTS
COVERED = "\t\tif (pt_env_covers(pt->env, va, level + 1))\n"		# of pt_reclaim_up()
OR_LEAVE = "\t\telse\n\t\t\tpt_env_leave(pt->env, table);\n"
SWEEP_LEAVES = "\t\t\tpt_env_leave(pt->env, p.table);\n\t\t\tbreak;\n"
FIND = ("\tif (!pt_va_in_region(pt, va))\n\t\treturn PT_INVALID;\n"
        "\tpt_descend(pt, va, 1, &p);\n")				# of pt_resolve()
LOOKS_AND_LEAVES = ("\tif (p.level == 2 && !p.entry && pt_owns(pt, va, 2) &&\n"
                    "\t    !pt_env_covers(pt->env, va, 3)) {\n\t\tpt_env_lock_counts(pt->env);\n"
                    "\t\tif (!pt_env_live(pt->env, p.table))\n"
                    "\t\t\tpt_env_leave(pt->env, p.table);\n"
                    "\t\tpt_env_unlock_counts(pt->env);\n\t}\n")
LOCK_ENTRY = "\tpt_env_lock(pt->env, table, level);\n"			# of pt_make_table()
UNLOCK_ENTRY = LOCK_ENTRY.replace("lock", "unlock")
LOOK_AGAIN = "\tentry = pt_env_load(pt->env, table, i);\n"
STILL_EMPTY = "\tif (pte_kind(entry, level) == PTE_EMPTY) {\n"
OWNED = "\t\tconst bool owned = pt_owns(pt, va, level - 1);\n\n"
MAKE_TABLE = "\t\tp.table = pt_make_table(pt, va, p.table, p.level);\n"	# of pt_make_path()
TOLD = "\t*table = p.table;\n"
COUNT_PT = ("\tpt_env_set_live(pt->env, table, live + n);\n"
            "\tif (unlikely(!live))\n\t\tpt_count_parents")			# of pt_count_pages()
SWEEP = "while (pt_owns(pt, va, p.level) && !pt_env_live(pt->env, p.table)) {"


@dataclass(frozen=True)
class Wrong:
    name: str
    theorem: str
    goal: str		# "theorem: words", "stops: words", "equal: why"
    file: str
    old: str
    new: str
    also: tuple[tuple[str, str, str], ...] = ()		# further places


PATH, M1, LINUX = "path for map 1G range", "map 1G", "map 4K while Linux links"
M2 = "map 2M"		# others link tables, too
WRONG = [
    # The number of tables in the books
    Wrong("books-not-counted", M1, "safety: tables that get their first tag are counted",
          ENV, GROWS, "\t\t;\n"),
    Wrong("books-counted-twice", M1, "safety: tables that get their first tag are counted",
          ENV, GROWS, "\t\tenv->books->tables += 2;\n"),
    Wrong("books-of-leaves", M1, "stops: a part of books that is not known",
          ENV, GROWS, "\t\tenv->books->leaves[0]++;\n"),
    Wrong("books-by-half", M1, "safety: books is not written",
          ENV, GROWS, "\t\t(*(u32 *)&env->books->tables)++;\n"),
    Wrong("books-counted-each-time", M1, "safety: tables that get their first tag are counted",
          ENV, WORD, WORD + "\tenv->books->tables += !!made;\n"),
    Wrong("books-put-back", PATH, "safety: tables that get their first tag are counted",
          WALK, TAKE,
          "\t\tu64 was = pt->env->books->tables;\n" + TAKE + "\t\tpt->env->books->tables = was;\n"),
    Wrong("books-counted-by-the-taker", PATH, "safety: tables that get their first tag are counted",
          WALK, TAKE, TAKE + "\t\tpt->env->books->tables += owned;\n"),
    Wrong("books-counted-by-a-look", "resolve", "stops: a part of env that is not known",
          PT, FOUND, "\tpt->env->books->tables++;\n" + FOUND),
    # The word in struct page
    Wrong("tag-lost", M1, "safety: a count is told with its tag and nothing else",
          ENV, WORD, "\tvpt_index(page) = made | n;\n"),
    Wrong("tag-of-half", M1, "safety: who allocated a table is kept with its count",
          ENV, "return vpt_index(page) >> 32 == VPT_TABLE_TAG;",
          "return (u16)(vpt_index(page) >> 32) == (u16)VPT_TABLE_TAG;"),
    Wrong("count-without-tag", M1, "safety: who allocated a table is kept with its count",
          ENV, LIVE, "return word & VPT_TABLE_LIVE;"),
    Wrong("count-of-8-bits", M1, "invariant: live_count, level 3",
          ENV, LIVE, LIVE.replace("VPT_TABLE_LIVE", "0xff")),
    Wrong("mark-lost", M1, "safety: who allocated a table is kept with its count",
          ENV, WORD, WORD.replace(" | made", "")),
    Wrong("mark-always", M1, "safety: who allocated a table is kept with its count",
          ENV, WORD, WORD.replace("made", "VPT_TABLE_ALLOCATED")),
    Wrong("mark-of-others", M1, "safety: who allocated a table is kept with its count",
          ENV, "\tunsigned long made = 0;\n",
          "\tunsigned long made = vpt_index(page) & VPT_TABLE_ALLOCATED;\n"),
    Wrong("count-beside-the-word", M1, "stops: a part of struct page is written",
          ENV, WORD, WORD + "\tpage->private = n;\n"),
    # The reserve
    Wrong("reserve-not-asked", M1, "safety: a table is taken only where the reserve has one",
          WALK, ENOUGH, "if (0)"),
    Wrong("reserve-one-short", M1, "safety: a table is taken only where the reserve has one",
          WALK, ENOUGH, ENOUGH.replace(" < ", " + 1 < ")),
    Wrong("reserve-one-too-many", M1, "refinement: answers NOMEM when it should",
          WALK, ENOUGH, ENOUGH.replace(" < ", " <= ")),
    Wrong("reserve-of-32-bits", M1, "refinement: answers NOMEM when it should",
          ENV, RESERVE, "\treturn (u32)env->reserve.n;"),
    Wrong("reserve-counted-by-the-core", PATH, "safety: env is not written",
          WALK, TAKE, TAKE + "\t\tpt->env->reserve.n--;\n"),
    Wrong("taken-twice", PATH, "safety: a table is taken only where the reserve has one",
          WALK, TAKE, f"\t\t{TAKE_ARGUMENTS};\n" + TAKE),
    Wrong("taken-as-another-level", PATH, "safety: a table is taken as owned exactly if it is",
          WALK, TAKE_ARGUMENTS, "pt_env_take(pt->env, level - 2, owned)"),
    Wrong("taken-as-owned", PATH, "safety: a table is taken as owned exactly if it is",
          WALK, TAKE_ARGUMENTS, "pt_env_take(pt->env, level - 1, true)"),
    Wrong("taken-as-not-owned", PATH, "safety: a table is taken as owned exactly if it is",
          WALK, TAKE_ARGUMENTS, "pt_env_take(pt->env, level - 1, false)"),
    Wrong("taken-of-another-env", PATH, "safety: the environment is given the region's struct",
          WALK, TAKE_ARGUMENTS, "pt_env_take((void *)pt, level - 1, owned)"),
    # The root's two copies
    Wrong("pti-no-users-copy", PATH, "safety: of the root's two copies the user's is written first",
          ENV, USERS, ""),
    Wrong("pti-kernels-copy-first", PATH,
          "safety: of the root's two copies the user's is written first",
          ENV, USERS + NX + KERNELS,
          "\tconst u64 users = entry;\n\n" + NX + KERNELS[:-1]
          + USERS.replace("entry)", "users)") + "}"),
    Wrong("pti-no-nx", PATH, "safety: the kernel's copy of a root entry has NX besides",
          ENV, NX, ""),
    Wrong("pti-nx-in-both", PATH, "invariant: table_entry, level 4",
          ENV, USERS + NX, NX + USERS),
    Wrong("pti-no-kernels-copy", PATH, "safety: the root's other copy is written next",
          ENV, KERNELS, "}"),
    Wrong("pti-at-level-3", PATH, "safety: of the root's two copies the user's is written first",
          ENV, MIRRORED, MIRRORED.replace("4", "3")),
    Wrong("pti-at-every-level", M1,
          "safety: the page behind a table is written only if it is the root's other copy",
          ENV, MIRRORED, MIRRORED.replace("level == 4 && ", "")),
    Wrong("pti-always", PATH,
          "safety: the page behind a table is written only if it is the root's other copy",
          ENV, MIRRORED, MIRRORED.replace(" && env->root_mirrored", "")),
    Wrong("pti-another-entry", PATH, "stops: a second entry of root",
          ENV, USERS, USERS.replace(", i)", ", i ^ 1)")),
    Wrong("pti-users-copy-twice", PATH, "safety: the root's other copy is written next",
          ENV, USERS, USERS + USERS),
    # Locks
    Wrong("lock-of-mm-at-level-2", "remap", "safety: a table is written under its lock",
          ENV, WHICH_LOCK, WHICH_LOCK.replace("3", "2")),
    Wrong("lock-of-table-at-level-3", "remap",
          "safety: a table of level 3 or 4 has no lock of its own",
          ENV, WHICH_LOCK, WHICH_LOCK.replace("3", "4")),
    Wrong("lock-of-the-next-page", "remap", "stops: a lock at 104 in struct page",
          ENV, "vpt_ptlock(vpt_table_page(table));", "vpt_ptlock(vpt_table_page(table) + 1);"),
    Wrong("lock-beside-it-in-mm", "remap", "stops: which lock is at add(at_mm",
          ENV, "&env->mm->page_table_lock", "&env->mm->arg_lock"),
    Wrong("lock-not-taken", "remap", "safety: a table is written under its lock",
          ENV, LOCK, ""),
    Wrong("lock-not-released", "remap", "safety: every lock is released",
          ENV, UNLOCK, ""),
    Wrong("lock-taken-twice", "remap", "safety: locks do not nest",
          ENV, LOCK, LOCK + LOCK),
    Wrong("lock-of-the-unlinked-table", M1, "safety: a table is written under its lock",
          WALK, LOCK_PARENT, "\tpt_env_lock(pt->env, table, level);\n"),
    Wrong("store-behind-the-unlock", M1, "safety: a table is written under its lock",
          WALK, UNLINK + UNLOCK_PARENT, UNLOCK_PARENT + UNLINK),
    Wrong("store-before-the-lock", M1, "safety: a table is written under its lock",
          WALK, LOCK_PARENT, UNLINK + LOCK_PARENT),
    Wrong("linked-without-a-look", PATH,
          "safety: an entry is looked at under its lock before a table is linked there",
          WALK, LOOKS, "\tif ((entry = 0, true)) {\n"),
    Wrong("linked-after-a-look-before-the-lock", PATH,
          "safety: an entry is looked at under its lock before a table is linked there",
          WALK, LOCKS + LOOKS, "\tentry = pt_env_load(pt->env, table, i);\n" + LOCKS
          + LOOKS.split("\n", 1)[1]),
    # Single and atomic
    Wrong("exchange-by-two", "remap",
          "safety: no plain store over a leaf, which hardware writes too",
          ENV, XCHG,
          "\tconst u64 old = READ_ONCE(*vpt_table_slot(table, i));\n\n"
          "\tWRITE_ONCE(*vpt_table_slot(table, i), entry);"),
    Wrong("exchange-not-locked", "protect", "stops: and is not atomic",
          ENV, "cmpxchg64(vpt_table_slot(table, i), old, entry)",
          "cmpxchg64_local(vpt_table_slot(table, i), old, entry)"),
    Wrong("store-by-halves", M1, "stops: an entry is written by parts",
          ENV, STORE,
          "\telse {\n\t\tWRITE_ONCE(*(u32 *)vpt_table_slot(table, i), entry);\n"
          "\t\tWRITE_ONCE(((u32 *)vpt_table_slot(table, i))[1], entry >> 32);\n\t}"),
    # Unlinking
    Wrong("unlinked-not-deferred", M1, "invariant: linked, level 2",
          WALK, DEFER, ""),
    Wrong("deferred-not-unlinked", M1, "safety: a deferred table is unlinked",
          WALK, UNLINK, ""),
    Wrong("deferred-its-parent", M1, "safety: only tables wholly inside the region have counts",
          WALK, DEFER, DEFER.replace("table,", "parent,")),
    Wrong("deferred-as-another-level", M1, "safety: the level told is the table's",
          WALK, DEFER, DEFER.replace("level)", "level + 1)")),
    Wrong("deferred-twice", M1, "safety: what was deferred is not touched again",
          WALK, DEFER, DEFER + DEFER),
    Wrong("deferred-before-unlinked", M1, "safety: a deferred table is unlinked",
          WALK, LOCK_PARENT, DEFER + LOCK_PARENT),
    Wrong("counted-behind-deferral", M1, "safety: what was deferred is not touched again",
          WALK, DEFER, DEFER + "\tpt_env_set_live(pt->env, table, 0);\n"),
    Wrong("read-behind-deferral", M1, "safety: what was deferred is not touched again",
          WALK, DEFER,
          DEFER + "\tif (pt_env_load(pt->env, table, 0) == 64)\n\t\tpt->env->prot = 0;\n"),
    Wrong("again-without-unlinking", M1, "refinement: answers AGAIN and leaves the place free",
          WALK, "\tpt_unlink(pt, va, table, below, level - 1);\n\treturn PT_AGAIN;",
          "\treturn PT_AGAIN;"),
    Wrong("unlinks-with-entries", M1, "stops: a table that no entry read leads to",
          WALK, " ||\n\t    pt_env_live(pt->env, below))", ")"),
    Wrong("unlinks-others", M1,
          "equal: below the place of a page of the region hang the core's tables alone",
          WALK, "|| !pt_owns(pt, va, level - 1) ", ""),
    Wrong("sweeps-with-entries", "sweep", "safety: a deferred table counts nothing",
          WALK, SWEEP, "while (pt_owns(pt, va, p.level)) {"),
    Wrong("sweeps-others", "sweep", "safety: only tables wholly inside the region have counts",
          WALK, SWEEP, SWEEP.replace("pt_owns(pt, va, p.level)", "p.level < 4")),
    Wrong("sweeps-nothing", "sweep", "reclamation: no empty table of the core's stays on the way",
          WALK, SWEEP, "while (0) {"),
    # What an operation covers
    Wrong("wider-though-covered", "remap", "stops: answers ",
          PT, "pt_env_covers(pt->env, va, leaf->level) ?", "leaf->level < 3 ?"),
    Wrong("covers-everything", "remap", "safety: of what spans share only tables come",
          ENV, COVERS, "\treturn true;"),
    Wrong("covers-1G", "remap", "safety: of what spans share only tables come",
          ENV, COVERS, COVERS.replace("2", "3")),
    Wrong("covers-no-2M", "remap", "refinement: answers WIDER to who lacks spans",
          ENV, COVERS, COVERS.replace("2", "1")),
    Wrong("covers-what-it-holds-alone", "remap",
          "equal: to take the others' spans is the environment's choice",
          ENV, COVERS, COVERS.replace(" || vpt_lock_rest(env)", "")),
    Wrong("covers-by-another-flag", "remap", "stops: a part of env that is not known",
          ENV, COVERS, COVERS.replace("all", "range")),
    Wrong("takes-the-rest-twice", "remap", "safety: who holds all spans takes no more",
          ENV, COVERS, COVERS.replace("env->all || ", "")),
    Wrong("takes-the-rest-of-another", "remap",
          "safety: the environment is given the region's struct",
          ENV, COVERS, COVERS.replace("vpt_lock_rest(env)", "vpt_lock_rest((void *)env->mm)")),
    Wrong("the-rest-not-to-be-had-ignored", "remap",
          "safety: of what spans share only tables come",
          ENV, COVERS, "\treturn level <= 2 || env->all || (vpt_lock_rest(env), true);"),
    Wrong("the-rest-taken-for-not-to-be-had", "remap",
          "safety: of what spans share only tables come",
          ENV, COVERS, COVERS.replace("vpt_lock_rest", "!vpt_lock_rest")),
    Wrong("the-rest-said-to-be-held", "remap", "safety: env is not written",
          ENV, COVERS, "\treturn level <= 2 || (env->all = true);"),
    Wrong("the-rest-with-a-tables-lock", "remap",
          "safety: no table's lock is held while spans are taken",
          PT, "\treturn pt_env_covers(pt->env, va, leaf->level) ? PT_OK : PT_WIDER;",
          "\tbool covers;\n\n\tpt_env_lock(pt->env, leaf->table, leaf->level);\n"
          "\tcovers = pt_env_covers(pt->env, va, leaf->level);\n"
          "\tpt_env_unlock(pt->env, leaf->table, leaf->level);\n"
          "\treturn covers ? PT_OK : PT_WIDER;"),
    Wrong("another-span", "resolve", "safety: an entry that is used is on the address' path",
          PT, FIND, FIND.replace("pt, va, 1", "pt, va ^ (1 << 21), 1")),
    # The counts' lock
    Wrong("counts-not-locked", M1, "safety: counts above level 1 change under their lock",
          WALK_H, COUNT_LARGE, LOOK + COUNT + PARENTS),
    Wrong("counted-before-the-lock", M1,
          "safety: counts above level 1 change under their lock",
          WALK_H, COUNT_LARGE, LOOK + COUNT + LOCK_COUNTS + PARENTS + UNLOCK_COUNTS),
    Wrong("count-looked-at-before-the-lock", "map 2M",
          "safety: counts above level 1 are looked at under their lock",
          WALK_H, COUNT_LARGE, LOOK + LOCK_COUNTS + COUNT + PARENTS + UNLOCK_COUNTS),
    Wrong("parents-counted-behind-the-unlock", "map 2M",
          "safety: counts above level 1 change under their lock",
          WALK_H, COUNT_LARGE, LOCK_COUNTS + LOOK + COUNT + UNLOCK_COUNTS + PARENTS),
    Wrong("count-looked-at-in-another-hold", "map 2M",
          "safety: counts are locked once, unless all spans are held",
          WALK_H, COUNT_LARGE, LOCK_COUNTS + LOOK + UNLOCK_COUNTS + LOCK_COUNTS + COUNT + PARENTS
          + UNLOCK_COUNTS),
    Wrong("rest-taken-between-two-holds", "unmap",
          "safety: counts that were looked at stay locked while spans are taken",
          WALK_H, "\tlive = pt_env_live(pt->env, table) - n;\n",
          "\tlive = pt_env_live(pt->env, table) - n;\n\tpt_env_unlock_counts(pt->env);\n"
          "\tpt_env_covers(pt->env, va, level + 1);\n\tpt_env_lock_counts(pt->env);\n"),
    Wrong("counts-not-unlocked", M1, "safety: the counts' lock is released",
          WALK_H, COUNT_LARGE, LOCK_COUNTS + LOOK + COUNT + PARENTS),
    Wrong("counts-not-unlocked-where-parents-count", M1, "safety: the counts' lock is released",
          WALK_H, COUNT_LARGE, LOCK_COUNTS + LOOK + COUNT + "\tif (live)\n\t\treturn;\n"
          + PARENTS + UNLOCK_COUNTS),
    Wrong("counts-locked-twice", M1, "safety: the counts' lock does not nest",
          WALK_H, COUNT_LARGE, LOCK_COUNTS + COUNT_LARGE),
    Wrong("counts-unlocked-twice", M1, "safety: the counts' lock is released when it was taken",
          WALK_H, COUNT_LARGE, COUNT_LARGE + UNLOCK_COUNTS),
    Wrong("counts-locked-inside-a-tables-lock", M1, "safety: the counts' lock does not nest",
          WALK_H, COUNT_LARGE, "\tpt_env_lock(pt->env, table, level);\n" + COUNT_LARGE
          + "\tpt_env_unlock(pt->env, table, level);\n"),
    # Tables that are left
    Wrong("mark-of-what-was-left-lost", M1, "safety: who allocated a table is kept with its count",
          ENV, LEFT, ""),
    Wrong("mark-of-all-but-what-was-left", M1,
          "safety: who allocated a table is kept with its count",
          ENV, LEFT, LEFT.replace("vpt_table_left", "!vpt_table_left")),
    Wrong("unlinked-though-not-covered", "unmap", "safety: of what spans share only tables come",
          WALK, COVERED, "\t\tif (1)\n"),
    Wrong("unlinked-where-its-entries-are-covered", "unmap",
          "safety: of what spans share only tables come",
          WALK, COVERED, COVERED.replace("level + 1", "level")),
    Wrong("left-though-covered", "unmap", "safety: a table is left by who may not unlink it",
          WALK, COVERED, "\t\tif (level == 1)\n"),
    Wrong("neither-unlinked-nor-left", "unmap", "reclamation: an emptied table is unlinked",
          WALK, OR_LEAVE, ""),
    Wrong("unlinked-and-left", "unmap", "safety: what was deferred is not touched again",
          WALK, OR_LEAVE, OR_LEAVE.replace("\t\telse\n\t", "")),
    Wrong("left-and-still-counted-above", "unmap", "invariant: live_count, level 3",
          WALK, OR_LEAVE,
          "\t\telse {\n\t\t\tpt_env_leave(pt->env, table);\n\t\t\treturn;\n\t\t}\n"),
    Wrong("left-and-counted-anew", "unmap", "safety: what was left is not counted again",
          WALK, OR_LEAVE,
          "\t\telse {\n\t\t\tpt_env_leave(pt->env, table);\n"
          "\t\t\tpt_env_set_live(pt->env, table, 0);\n\t\t}\n"),
    Wrong("left-its-parent", "unmap", "safety: only tables wholly inside the region have counts",
          WALK, OR_LEAVE, OR_LEAVE.replace("table", "parent")),
    Wrong("swept-though-not-covered", "sweep", "safety: of what spans share only tables come",
          WALK, SWEEP_LEAVES, SWEEP_LEAVES.replace("\t\t\tbreak;\n", "")),
    Wrong("sweep-does-not-leave", "sweep",
          "reclamation: no empty table of the core's stays on the way",
          WALK, SWEEP_LEAVES, "\t\t\tbreak;\n"),
    Wrong("left-by-a-look", "resolve", "stops: a part of env that is not known",
          PT, FIND, FIND + LOOKS_AND_LEAVES),
    Wrong("left-behind-the-unlock", "sweep", "safety: a table is left under the counts' lock",
          WALK, SWEEP_LEAVES,
          "\t\t\tpt_env_unlock_counts(pt->env);\n\t\t\tpt_env_leave(pt->env, p.table);\n"
          "\t\t\treturn;\n"),
    # The second look at an empty entry, under its lock: Linux may have linked a table there
    Wrong("second-look-left-out", M2, "safety: of what spans share only tables come",
          WALK, LOOK_AGAIN, "\tentry = 0;\n"),
    Wrong("second-look-before-the-lock", M2,
          "safety: of what spans share only tables come",
          WALK, LOCK_ENTRY + LOOK_AGAIN, LOOK_AGAIN + LOCK_ENTRY),
    Wrong("second-look-in-another-hold", M2,
          "safety: of what spans share only tables come",
          WALK, LOOK_AGAIN, LOOK_AGAIN + UNLOCK_ENTRY + LOCK_ENTRY),
    Wrong("written-though-others-linked", M2,
          "safety: of what spans share only tables come",
          WALK, STILL_EMPTY, STILL_EMPTY.replace("== PTE_EMPTY", "!= PTE_LEAF")),
    Wrong("taken-before-the-second-look", M2, "safety: every table taken is linked",
          WALK, LOCK_ENTRY + LOOK_AGAIN + STILL_EMPTY + OWNED + TAKE,
          "\tu64 taken = pte_make_table(pt_env_take(pt->env, level - 1,\n"
          "\t\t\t\t\t\tpt_owns(pt, va, level - 1)));\n\n"
          + LOCK_ENTRY + LOOK_AGAIN + STILL_EMPTY + "\t\tentry = taken;\n"),
    Wrong("said-to-exist-where-others-linked", M2,
          "refinement: answers EXISTS where something is mapped in the page",
          WALK, MAKE_TABLE,
          "\t{\n\t\tif (pt_env_load(pt->env, p.table, pt_index(va, p.level)))\n"
          "\t\t\treturn PT_EXISTS;\n" + MAKE_TABLE + "\t}\n"),
    Wrong("what-Linux-linked-told-as-taken", LINUX,
          "safety: who allocated a table is kept with its count",
          WALK, "\tfor (; p.level > level; p.level--)\n" + MAKE_TABLE + TOLD,
          "\tif (p.level > level) {\n\t\tfor (; p.level > level; p.level--)\n\t" + MAKE_TABLE
          + "\t\tif (pt_owns(pt, va, level))\n\t\t\tvpt_index(vpt_table_page(p.table)) ="
          " VPT_TABLE_TAG << 32 |\n\t\t\t\tVPT_TABLE_ALLOCATED;\n\t}\n" + TOLD),
    Wrong("what-Linux-linked-not-counted", LINUX, "invariant: live_count, level 2",
          WALK_H, COUNT_PT, "\tbool taken = vpt_table_tagged(vpt_table_page(table));\n\n"
          + COUNT_PT.replace("!live", "!live && taken")),
    # Memory beside the tables
    Wrong("writes-env", "remap", "safety: env is not written",
          PT, DONE, DONE + "\tpt->env->handle = 0;\n"),
    Wrong("writes-env-mm", "remap", "safety: env is not written",
          PT, DONE, DONE + "\tpt->env->mm = 0;\n"),
    Wrong("writes-mm", "remap", "safety: within mm",
          PT, DONE, DONE + "\tpt->env->mm->total_vm--;\n"),
    Wrong("writes-the-file", "remap", "stops: a part of env that is not known",
          PT, DONE, DONE + "\t*(u64 *)pt->env->f = 0;\n"),
    Wrong("writes-struct-pt", "remap", "safety: pt is not written",
          PT, DONE, DONE + "\tpt->end -= 4096;\n"),
    Wrong("writes-behind-old", "remap", "safety: within m",
          PT, DONE, DONE + "\told[1].va = 0;\n"),
    Wrong("writes-in-front-of-old", "remap", "safety: within m",
          PT, DONE, DONE + "\told[-1].dirty = 0;\n"),
    # Answers
    Wrong("tables-one-too-few", "tables for 1G range",
          "refinement: counts every table that the range touches",
          RANGE, "return pt_tables_touched(va, va + n * pt_size(level), level, PT_LEVELS);",
          "return pt_tables_touched(va, va + n * pt_size(level) - PT_PAGE_SIZE, level,"
          " PT_LEVELS) - !(n & 511);"),
] + [Wrong(*mistake) for mistake in MORE + BESIDE + RANGES]


def operation_of(wrong: Wrong) -> Operation:
    return next(o for o in OPERATIONS if o.name == wrong.theorem)


def source_tree(wrong: Wrong) -> Path:
    """A copy of src/ with the mistake in it."""
    tree = FOLDER / "wrong" / wrong.name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(build.TOP / "src", tree / "src")
    for beside in ("include", "spec"):
        (tree / beside).symlink_to(build.TOP / beside)
    for file, old, new in ((wrong.file, wrong.old, wrong.new), *wrong.also):
        path = tree / "src" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{wrong.name}: not once in {file}: {old}"
        path.write_text(text.replace(old, new))
    return tree


def compiled(module: Path, wrong: Wrong) -> Code:
    """The objects that the theorem is about."""
    names = ("pt_range",) if wrong.file == RANGE else ("pt", "pt_walk")
    if operation_of(wrong).function in binary.INDUCTIONS:
        names = build.SOURCES
    return Code(compile_like(module, source_tree(wrong), names), about=module)


def bad_goals(job: binary.BinaryJob, theorem: str, words: str) -> str:
    """The first goal with these words that is refuted, or nothing."""
    for state in job.explore():
        for goal in goals_of(with_goals(job.operation, job.region, state)):
            if goal.claim is TRUE or goal.theorem != theorem or words not in goal.what:
                continue
            if job.solver.ask(goal.assumptions + [not_(goal.claim)]).result == "sat":
                return f"refuted: {goal.theorem}: {goal.what}"
    return ""


def judge(module: Path, wrong: Wrong) -> tuple[bool, str]:
    """Whether it comes out as it should, and how.  In a process of its own."""
    code = compiled(module, wrong)
    job = binary.BinaryJob(operation_of(wrong), "plain", code, Solver(FOLDER / "goals", 60))
    theorem, _, words = wrong.goal.partition(": ")
    if theorem == "equal":
        report = job.run()
        return report.good(), f"equal, and proved: {words}" if report.good() else "not proved"
    try:
        how = bad_goals(job, theorem, words)
    except Stuck as stuck:
        return theorem == "stops" and words in str(stuck), f"stops: {stuck}"
    return bool(how), how or "not refuted"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("module", type=Path, help="a vpt.ko, where tools/build-module made it")
    parser.add_argument("only", nargs="*", help="names of mistakes")
    options = parser.parse_args()
    tasks = chosen(WRONG, options.only, lambda w: w.name)
    print(f"1..{len(tasks)}", flush=True)
    failed = 0
    for n, ended in enumerate(share_out(functools.partial(judge, options.module), tasks,
                                        options.jobs), 1):
        right, how = ended.result or (False, ended.error)
        failed += not right
        print(f"{'ok' if right else 'not ok'} {n} - {ended.task.name} # {how}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
