// SPDX-License-Identifier: GPL-2.0
/* The core once more: this copy tells of each write and each lock.  See core_told.h. */
#define VPT_CORE_TOLD

#include "core_told.h"

#include "../core/pt.c"
#include "../core/pt_walk.c"
#include "../core/pt_range.c"
