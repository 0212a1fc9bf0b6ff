/* SPDX-License-Identifier: GPL-2.0 */
/* The C library includes it too. */
#include_next <linux/types.h>
#include "../threads.h"
