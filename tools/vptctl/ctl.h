/* SPDX-License-Identifier: GPL-2.0 */
/* The program vptctl: what its commands share. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "spec_walk.h"

#define CTL_DIR		"/sys/kernel/debug/vpt"
#define CTL_KEYS	40
#define CTL_LINE	1024

/**
 * struct ctl_line - a line of "key=value" pairs
 * @text: it, cut into strings
 * @n: pairs
 * @key: where in @text each key begins
 * @value: and each value
 */
struct ctl_line {
	char text[CTL_LINE];
	unsigned int n;
	unsigned short key[CTL_KEYS];
	unsigned short value[CTL_KEYS];
};

/**
 * struct ctl_region - a line of the file "regions", as far as it is needed here
 * @id: number of the open file
 * @pid: of the process that opened it; 0 if it is not in our pid namespace
 * @start: first address; 0 without a region
 * @end: first address after
 * @strict: touching an unmapped address is SIGSEGV
 * @write: it was mapped with PROT_WRITE
 * @exec: and with PROT_EXEC
 * @line: all of it
 */
struct ctl_region {
	u64 id;
	u64 pid;
	u64 start;
	u64 end;
	bool strict;
	bool write;
	bool exec;
	struct ctl_line line;
};

/* Whose the table behind an entry is. */
enum ctl_child {
	CTL_NO_TABLE,		/* the entry leads to none */
	CTL_VPT,		/* the core's */
	CTL_SHARED,		/* it reaches beyond the region */
	CTL_UNTRACKED,		/* Linux's, empty */
};

/**
 * struct ctl_entry - a line of the file "tables"
 * @id: number of the open file
 * @va: first address behind it
 * @level: of its table, 4 to 1
 * @table: physical address of that
 * @index: in it
 * @raw: the entry
 * @child: whose the table is that it leads to
 * @live: live count of that, if it is the core's
 * @seen: decoded
 */
struct ctl_entry {
	u64 id;
	u64 va;
	unsigned int level;
	u64 table;
	unsigned int index;
	u64 raw;
	enum ctl_child child;
	unsigned int live;
	struct spec_entry seen;
};

/**
 * struct ctl_ask - what the command line asks for
 * @command: first word
 * @arg: the words after it
 * @nargs: how many
 * @dir: where the module's files are
 * @id: of this open file only; 0: of all
 * @pid: of this process only; 0: of all
 * @json: for a program
 * @entries: dump: each entry
 * @html: map: a page, not a picture
 * @out: map: where to write; NULL: stdout
 * @tables: map: tables that are drawn, at most
 */
struct ctl_ask {
	const char *command;
	char **arg;
	int nargs;
	const char *dir;
	u64 id;
	u64 pid;
	bool json;
	bool entries;
	bool html;
	const char *out;
	unsigned int tables;
};

/* ctl_read.c: all of these end the program, saying why, if something cannot be read. */
void ctl_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *ctl_realloc(void *old, size_t bytes);
u64 ctl_number(const char *text, const char *what);
/* Hexadecimal, with or without 0x. */
u64 ctl_address(const char *text);
void ctl_split(struct ctl_line *line, const char *text);
const char *ctl_get(const struct ctl_line *line, const char *key);
u64 ctl_get_number(const struct ctl_line *line, const char *key);
struct ctl_region *ctl_regions(const struct ctl_ask *ask, unsigned int *n);
const struct ctl_region *ctl_one_region(const struct ctl_ask *ask, const u64 *va);
/* Entries of region @id from @start up to @end, in the order of the walk. */
struct ctl_entry *ctl_entries(const struct ctl_ask *ask, u64 id, u64 start, u64 end,
			      unsigned int *n);
FILE *ctl_open(const struct ctl_ask *ask, const char *name, const char *select);

/* ctl_text.c */
extern const struct spec_cpu *ctl_cpu(void);
const char *ctl_table_name(unsigned int level);
const char *ctl_size_name(unsigned int level);
const char *ctl_child_name(enum ctl_child child);
/* "rw-", of one entry. */
const char *ctl_rights(bool writable, bool execute_disable);
/* "12.5 MiB"; in a buffer of its own for each of four calls. */
const char *ctl_bytes(u64 bytes);
void ctl_json_string(FILE *out, const char *text);
void ctl_json_line(FILE *out, const struct ctl_line *line);
void ctl_json_entry(FILE *out, const struct ctl_entry *e);

/* The commands.  Return: the status to exit with. */
int ctl_list(const struct ctl_ask *ask);
int ctl_dump(const struct ctl_ask *ask);
int ctl_walk(const struct ctl_ask *ask);
int ctl_check(const struct ctl_ask *ask);
int ctl_set(const struct ctl_ask *ask);
int ctl_follow(const struct ctl_ask *ask);
int ctl_map(const struct ctl_ask *ask);

#endif /* CTL_H */
