/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the guest's program says to the emulator what a CPU does: it stores to a word of the page
 * at MARKS_ADDR, whose number is the mark.  From then on, until the next one, what the CPU
 * writes is noted under that mark.
 */
#ifndef MARKS_H
#define MARKS_H

#define MARKS_ADDR	0x767074000000UL

/* Nothing is noted. */
#define MARK_OFF	0

#define KINDS(KIND)		\
	KIND(MAP)		\
	KIND(TOUCH)		\
	KIND(PROTECT)		\
	KIND(RESOLVE)		\
	KIND(REMAP)		\
	KIND(UNMAP)		\
	KIND(MAP_RANGE)		\
	KIND(PROTECT_RANGE)	\
	KIND(UNMAP_RANGE)

#define KIND_NUMBER(name)	KIND_##name,
enum kind { KINDS(KIND_NUMBER) NKINDS };

/* Where the threads' pages are, and whether ranges are unmapped page by page. */
#define SCENES(SCENE)		\
	SCENE(OWN_PTS)		\
	SCENE(OWN_PTS_RANGE)	\
	SCENE(ONE_PT)

#define SCENE_NUMBER(name)	SCENE_##name,
enum scene { SCENES(SCENE_NUMBER) NSCENES };

/* Marks are bits of a u64. */
#define MARK(scene, kind)	(1 + (scene) * NKINDS + (kind))
#define NMARKS			MARK(NSCENES, 0)

#endif /* MARKS_H */
