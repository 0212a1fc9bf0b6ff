/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's environment in the benchmark: the host tests' own, and with
 * -DBENCH_NO_RECLAIM one in which no table is ever empty.  The core then neither
 * counts nor unlinks, and what remains is what unmapping alone costs.
 */
#ifndef BENCH_PT_ENV_H
#define BENCH_PT_ENV_H

#include "../../../tests/lib/env/pt_env.h"

#ifdef BENCH_NO_RECLAIM
/* More entries than any operation takes away, and never fewer. */
#define pt_env_live(env, table)			((void)(env), (void)(table), 1U << 16)
#define pt_env_set_live(env, table, n)		((void)(env), (void)(table), (void)(n))
#endif

#endif /* BENCH_PT_ENV_H */
