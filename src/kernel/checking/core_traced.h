/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's second copy (core_traced.c): its names, each beside the first copy's.
 *
 * The first copy makes no events, and costs nothing for them.  A call that is
 * not made is not free: the core's loops would keep variables on the stack for its sake.
 */
#ifndef VPT_CORE_TRACED_H
#define VPT_CORE_TRACED_H

#ifdef VPT_CORE_TRACED

/* Before the core declares them. */
#define pt_init			pt_init_traced
#define pt_map			pt_map_traced
#define pt_unmap		pt_unmap_traced
#define pt_protect		pt_protect_traced
#define pt_remap		pt_remap_traced
#define pt_resolve		pt_resolve_traced
#define pt_split_break		pt_split_break_traced
#define pt_split_make		pt_split_make_traced
#define pt_map_tables		pt_map_tables_traced
#define pt_map_range		pt_map_range_traced
#define pt_unmap_range		pt_unmap_range_traced
#define pt_protect_range	pt_protect_range_traced
#define pt_unlink_span		pt_unlink_span_traced
#define pt_release		pt_release_traced
#define pt_make_path		pt_make_path_traced
#define pt_count_parents	pt_count_parents_traced
#define pt_count_large		pt_count_large_traced
#define pt_uncount_large	pt_uncount_large_traced
#define pt_reclaim		pt_reclaim_traced
#define pt_sweep		pt_sweep_traced
#define pt_clear_place		pt_clear_place_traced

#else

#include "../../core/pt.h"

extern typeof(pt_map) pt_map_traced;
extern typeof(pt_unmap) pt_unmap_traced;
extern typeof(pt_protect) pt_protect_traced;
extern typeof(pt_remap) pt_remap_traced;
extern typeof(pt_split_break) pt_split_break_traced;
extern typeof(pt_split_make) pt_split_make_traced;
extern typeof(pt_map_range) pt_map_range_traced;
extern typeof(pt_unmap_range) pt_unmap_range_traced;
extern typeof(pt_protect_range) pt_protect_range_traced;
extern typeof(pt_sweep) pt_sweep_traced;

/* Do what the core function @op does, by the copy that is called for. */
#define vpt_core(op, ...)	(vpt_events_on() ? op##_traced(__VA_ARGS__) : op(__VA_ARGS__))

#endif /* VPT_CORE_TRACED */

#endif /* VPT_CORE_TRACED_H */
