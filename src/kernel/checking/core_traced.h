/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's second copy, in which each write and each lock makes an event.
 *
 * The first copy makes none, and costs nothing for them.  A call that is not made is
 * not free: the core's loops would keep variables on the stack for its sake.  The two are
 * one text, compiled twice; what is proved of vpt.ko is proved of each (tools/prove/README.md).
 *
 * Each function of the second copy has the first one's name with _traced behind: Kbuild
 * makes core_names.h from what the first copy's objects define.
 */
#ifndef VPT_CORE_TRACED_H
#define VPT_CORE_TRACED_H

#include "../../core/pt.h"
#include "events.h"

/* Do what the core function @fn does: by the second copy while somebody listens. */
#define vpt_core(fn, ...)							\
({										\
	extern typeof(fn) fn##_traced;						\
										\
	vpt_events_on() ? fn##_traced(__VA_ARGS__) : fn(__VA_ARGS__);		\
})

#endif /* VPT_CORE_TRACED_H */
