/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PRELOAD_STOP_H
#define PRELOAD_STOP_H

/*
 * SIGSETXID: what libc changes the user of all threads with.  So no thread has it
 * blocked for long, and libc does not let a program block it.
 */
#define STOP_SIGNAL	33
#define STOP_BIT	(1UL << (STOP_SIGNAL - 1))

#endif /* PRELOAD_STOP_H */
