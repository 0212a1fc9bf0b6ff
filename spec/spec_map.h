/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The abstract map: which address leads to which memory, with which rights, and
 * what each operation has to answer and to do.
 *
 * Every error is part of an answer; no operation has a precondition.  The map
 * itself is the caller's: it says what stands at an address, whether that is read
 * off real tables, off the model's state or off a list.
 */
#ifndef SPEC_MAP_H
#define SPEC_MAP_H

#include "spec_walk.h"

/* Rights of a mapping.  Whatever is mapped can be read. */
#define SPEC_MAY_EXEC	(1U << 0)
#define SPEC_MAY_WRITE	(1U << 1)
#define SPEC_MAY_USER	(1U << 2)
#define SPEC_MAY_ALL	(SPEC_MAY_EXEC | SPEC_MAY_WRITE | SPEC_MAY_USER)

/* The operations.  Whoever has kinds of its own beside these numbers them from SPEC_OP_KINDS on. */
enum spec_op_kind {
	SPEC_OP_NONE,
	SPEC_OP_MAP,
	SPEC_OP_UNMAP,
	SPEC_OP_PROTECT,
	SPEC_OP_REMAP,
	SPEC_OP_RESOLVE,
	SPEC_OP_SPLIT,
	SPEC_OP_MAP_RANGE,
	SPEC_OP_UNMAP_RANGE,
	SPEC_OP_PROTECT_RANGE,
	SPEC_OP_KINDS,
};

enum spec_status {
	SPEC_OK,
	SPEC_EXISTS,	/* something is mapped inside, around or at that place */
	SPEC_NOENT,	/* nothing is mapped there, or no mapping starts there */
	SPEC_INVALID,	/* alignment, size, range, rights, or a straddled huge leaf */
	SPEC_NOMEM,	/* too few tables in the reserve */
	SPEC_AGAIN,	/* an empty table of other software's stood in the way */
};

/**
 * struct spec_op - an operation, as its caller asks for it
 * @kind: which
 * @va: first address; RESOLVE: any
 * @end: first address after the range: UNMAP_RANGE, PROTECT_RANGE
 * @n: how many frames: MAP (1), MAP_RANGE
 * @frame: the frames, in bytes: MAP, MAP_RANGE, REMAP (1)
 * @level: size of the new leaves: MAP, MAP_RANGE
 * @rights: MAP, PROTECT and their range forms
 */
struct spec_op {
	enum spec_op_kind kind;
	u64 va;
	u64 end;
	u64 n;
	const u64 *frame;
	unsigned int level;
	u32 rights;
};

/**
 * struct spec_span - what stands at an address: a mapping or a hole
 * @mapped: a mapping
 * @va: first byte
 * @level: it is spec_size(@level) bytes long.  A hole is as long as the absent
 *         entry, so that tables of the levels below it do not exist.
 * @frame: first byte of the memory; 0 for a hole, like the rest
 * @rights: SPEC_MAY_*, what the whole path allows
 * @dirty: the hardware has written through the mapping
 */
struct spec_span {
	bool mapped;
	u64 va;
	unsigned int level;
	u64 frame;
	u32 rights;
	bool dirty;
};

/**
 * struct spec_map - a map, and the bounds that addresses and frames have
 * @at: what stands at an address inside [@start, @end)
 * @ctx: handed to @at
 * @start: first byte of the region
 * @end: first byte after it
 * @frame_limit: no frame reaches this physical address
 */
struct spec_map {
	void (*at)(void *ctx, u64 va, struct spec_span *span);
	void *ctx;
	u64 start;
	u64 end;
	u64 frame_limit;
};

/**
 * struct spec_answer - what an operation says
 * @status: all else is 0 unless this is SPEC_OK
 * @leaf: the mapping as it was: UNMAP, PROTECT, REMAP, RESOLVE, SPLIT
 * @revoked: PROTECT and its range form: some right was taken away
 * @leaves: UNMAP_RANGE, PROTECT_RANGE: mappings dealt with
 * @bytes: and what they mapped
 */
struct spec_answer {
	enum spec_status status;
	struct spec_span leaf;
	bool revoked;
	u64 leaves;
	u64 bytes;
};

/**
 * spec_map_answer() - what an operation has to answer
 * @map: before the operation
 * @op: operation
 * @reserve: tables that can be taken
 * @answer: filled in
 *
 * Of several errors, one about the arguments comes first, then the one at the
 * lowest address, then the lack of tables.
 */
void spec_map_answer(const struct spec_map *map, const struct spec_op *op, u64 reserve,
		     struct spec_answer *answer);

/**
 * spec_map_effect() - what an operation that answers SPEC_OK has to do
 * @op: operation
 * @va: an address
 * @span: in: what stands there before; out: what has to stand there after.  The
 *        level of a hole that the operation makes is not said: 0.
 */
void spec_map_effect(const struct spec_op *op, u64 va, struct spec_span *span);

/* Name of an operation or a status, for a person to read. */
const char *spec_op_name(enum spec_op_kind kind);
const char *spec_status_name(enum spec_status status);

#endif /* SPEC_MAP_H */
