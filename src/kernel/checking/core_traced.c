// SPDX-License-Identifier: GPL-2.0
/* The core once more: this copy makes an event of each write and each lock.  See core_traced.h. */
#define VPT_CORE_TRACED		/* to pt_env.h */

#include "core_names.h"

#include "../../core/pt.c"
#include "../../core/pt_walk.c"
#include "../../core/pt_range.c"
