/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's second copy (core_told.c): its names, each beside the first copy's.
 *
 * The first copy is silent, and as fast as if there were nobody to tell.  A call that is
 * not made is not free: the core's loops would keep variables on the stack for its sake.
 */
#ifndef VPT_CORE_TOLD_H
#define VPT_CORE_TOLD_H

#ifdef VPT_CORE_TOLD

/* Before the core declares them. */
#define pt_init			pt_init_told
#define pt_map			pt_map_told
#define pt_unmap		pt_unmap_told
#define pt_protect		pt_protect_told
#define pt_remap		pt_remap_told
#define pt_resolve		pt_resolve_told
#define pt_split_break		pt_split_break_told
#define pt_split_make		pt_split_make_told
#define pt_map_tables		pt_map_tables_told
#define pt_map_range		pt_map_range_told
#define pt_unmap_range		pt_unmap_range_told
#define pt_protect_range	pt_protect_range_told
#define pt_unlink_span		pt_unlink_span_told
#define pt_disown		pt_disown_told
#define pt_make_path		pt_make_path_told
#define pt_count_parents	pt_count_parents_told
#define pt_reclaim		pt_reclaim_told
#define pt_sweep		pt_sweep_told
#define pt_clear_place		pt_clear_place_told

#else

#include "../core/pt.h"

extern typeof(pt_map) pt_map_told;
extern typeof(pt_unmap) pt_unmap_told;
extern typeof(pt_protect) pt_protect_told;
extern typeof(pt_remap) pt_remap_told;
extern typeof(pt_split_break) pt_split_break_told;
extern typeof(pt_split_make) pt_split_make_told;
extern typeof(pt_map_range) pt_map_range_told;
extern typeof(pt_unmap_range) pt_unmap_range_told;
extern typeof(pt_protect_range) pt_protect_range_told;

/* Do what the core function @op does, by the copy that is called for. */
#define vpt_core(op, ...)	(vpt_telling() ? op##_told(__VA_ARGS__) : op(__VA_ARGS__))

#endif /* VPT_CORE_TOLD */

#endif /* VPT_CORE_TOLD_H */
