// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU: which words of kernel memory several CPUs have written, under which marks
 * (marks.h), by which instructions, and what in the module had called these.
 *
 *	-plugin FILE.so,out=LIST
 *
 * Every store of every instruction is seen, in the kernel as in the module, locked ones and
 * inline assembler's too: the emulator makes them.  What it does itself is not: A and D that a
 * walk of the page table sets, and what an interrupt pushes.  When QEMU ends, LIST has a line
 *
 *	CPU WORD INSTRUCTION CALLER CALLEE NEAR MARKS TIMES
 *
 * for each that wrote a word of a line which another CPU has written too in the same scene, all but
 * the first and last in hexadecimal digits (struct writer); "wrote CPU SCENE LINES" says how many
 * lines each CPU has written, and "lost N" how many writes are not there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"
#include "qemu_plugin.h"

#define LINE_SHIFT	6
#define CPUS		16
#define ROOM_BITS	19
#define ROOM		(1UL << ROOM_BITS)

/*
 * Blocks of instructions after which a call from the module is not near any more: an interrupt
 * has more until it takes a lock.
 */
#define NEAR		8

/* Half of the addresses is the kernel's, the end of that its modules'. */
#define KERNEL_START	(1UL << 63)
#define MODULES_START	0xffffffffc0000000UL

/**
 * struct writer - an instruction that has written a word
 * @word: address / 8
 * @by: address of the instruction; 0: there is none
 * @caller: where the module was last, or 0
 * @callee: where the kernel went on from there; 0: it was in the module
 * @near: 1 if that was just before
 * @marks: under which, as a set
 * @times: how often
 */
struct writer {
	uint64_t word;
	uint64_t by;
	uint64_t caller;
	uint64_t callee;
	uint64_t near;
	uint64_t marks;
	uint64_t times;
};

/**
 * struct cpu - a CPU; its own thread of the emulator alone writes here
 * @mark: what it does
 * @caller: the last place in a module that it has been to under this mark, or 0
 * @callee: the first place after that; 0: it is in the module
 * @blocks: of instructions since then
 * @lost: writes for which there was no room
 * @writers: by a hash of what tells them apart
 */
struct cpu {
	unsigned int mark;
	uint64_t caller;
	uint64_t callee;
	uint64_t blocks;
	uint64_t lost;
	struct writer *writers;
} __attribute__((aligned(64)));

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_API;

static struct cpu cpus[CPUS];

static uint64_t hash(uint64_t value)
{
	return (value * 0x9e3779b97f4a7c15UL) >> (64 - ROOM_BITS);
}

static bool is_same(const struct writer *a, const struct writer *b)
{
	return a->word == b->word && a->by == b->by && a->caller == b->caller &&
	       a->callee == b->callee && a->near == b->near;
}

/* The writer like @like, with what is known of it.  NULL if there is no room. */
static struct writer *find_writer(struct writer *room, const struct writer *like)
{
	uint64_t i = hash(like->word ^ hash(like->by) << 40 ^ hash(like->caller) << 20), tried;

	for (tried = 0; tried < ROOM; tried++, i = (i + 1) % ROOM) {
		if (!room[i].by)
			room[i] = *like;
		if (is_same(&room[i], like))
			return &room[i];
	}
	return NULL;
}

static void note(struct cpu *cpu, uint64_t word, uint64_t by)
{
	const struct writer like = {
		.word = word, .by = by, .caller = cpu->caller, .callee = cpu->callee,
		.near = cpu->callee && cpu->blocks <= NEAR,
	};
	struct writer *w = find_writer(cpu->writers, &like);

	if (!w) {
		cpu->lost++;
		return;
	}
	w->marks |= 1UL << cpu->mark;
	w->times++;
}

static void set_mark(struct cpu *cpu, unsigned int mark)
{
	cpu->mark = mark < NMARKS ? mark : MARK_OFF;
	cpu->caller = 0;
	cpu->callee = 0;
}

static void on_store(unsigned int n, qemu_plugin_meminfo_t info, uint64_t va, void *by)
{
	const uint64_t last = va + (1UL << qemu_plugin_mem_size_shift(info)) - 1;
	struct cpu *cpu = &cpus[n % CPUS];
	uint64_t word;

	/* QEMU 7.2 calls for loads, too. */
	if (!qemu_plugin_mem_is_store(info))
		return;
	if (va - MARKS_ADDR < NMARKS * sizeof(uint64_t))
		set_mark(cpu, (va - MARKS_ADDR) / sizeof(uint64_t));
	else if (va >= KERNEL_START && cpu->mark != MARK_OFF)
		for (word = va / 8; word <= last / 8; word++)
			note(cpu, word, (uint64_t)by);
}

static void on_module(unsigned int n, void *at)
{
	cpus[n % CPUS].caller = (uint64_t)at;
	cpus[n % CPUS].callee = 0;
}

/* Called by the module, returned to from it, or an interrupt: the address tells. */
static void on_kernel(unsigned int n, void *at)
{
	struct cpu *cpu = &cpus[n % CPUS];

	if (cpu->caller && !cpu->callee) {
		cpu->callee = (uint64_t)at;
		cpu->blocks = 0;
	}
	cpu->blocks++;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	const uint64_t start = qemu_plugin_tb_vaddr(tb);
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (start >= KERNEL_START)
		qemu_plugin_register_vcpu_tb_exec_cb(tb,
						     start >= MODULES_START ? on_module : on_kernel,
						     QEMU_PLUGIN_CB_NO_REGS, (void *)start);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		qemu_plugin_register_vcpu_mem_cb(insn, on_store, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_W,
						 (void *)qemu_plugin_insn_vaddr(insn));
	}
}

/* The CPUs that have written a line in a scene, as a set.  There is such a writer for each. */
static uint64_t *line_cpus(struct writer *lines, uint64_t word, unsigned int scene)
{
	const struct writer like = {
		.word = word * 8 >> LINE_SHIFT, .by = 1, .caller = scene,
	};
	struct writer *w = find_writer(lines, &like);

	if (!w) {
		fprintf(stderr, "plugin: too many lines\n");
		exit(1);
	}
	return &w->marks;
}

static bool has_scene(const struct writer *w, unsigned int scene)
{
	return w->marks >> MARK(scene, 0) & ((1UL << NKINDS) - 1);
}

/* Whether another CPU has written that line too, in one of the scenes. */
static bool is_shared(const struct writer *w, struct writer *lines)
{
	unsigned int scene;

	for (scene = 0; scene < NSCENES; scene++) {
		const uint64_t by = has_scene(w, scene) ? *line_cpus(lines, w->word, scene) : 0;

		if (by & (by - 1))
			return true;
	}
	return false;
}

static struct writer *make_room(void)
{
	struct writer *room = calloc(ROOM, sizeof(*room));

	if (!room) {
		fprintf(stderr, "plugin: no memory\n");
		exit(1);
	}
	return room;
}

static void print_cpu(FILE *out, unsigned int n, struct writer *lines)
{
	uint64_t i;

	for (i = 0; i < ROOM; i++) {
		const struct writer *w = &cpus[n].writers[i];

		if (w->by && is_shared(w, lines))
			fprintf(out, "%u %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
				" %" PRIx64 " %" PRIu64 "\n", n, w->word * 8, w->by, w->caller,
				w->callee, w->near, w->marks, w->times);
	}
}

/* Return: how many lines the CPU has written in a scene. */
static uint64_t note_lines(unsigned int n, unsigned int scene, struct writer *lines)
{
	uint64_t i, count = 0;

	for (i = 0; i < ROOM; i++) {
		const struct writer *w = &cpus[n].writers[i];
		uint64_t *by;

		if (!w->by || !has_scene(w, scene))
			continue;
		by = line_cpus(lines, w->word, scene);
		count += !(*by & 1UL << n);
		*by |= 1UL << n;
	}
	return count;
}

static void print_all(qemu_plugin_id_t id, void *path)
{
	struct writer *lines = make_room();
	FILE *out = fopen(path, "w");
	uint64_t lost = 0;
	unsigned int n, scene;

	(void)id;
	if (!out) {
		perror(path);
		exit(1);
	}
	for (n = 0; n < CPUS; n++)
		for (scene = 0; scene < NSCENES; scene++)
			fprintf(out, "wrote %u %u %" PRIu64 "\n", n, scene,
				note_lines(n, scene, lines));
	for (n = 0; n < CPUS; n++) {
		print_cpu(out, n, lines);
		lost += cpus[n].lost;
	}
	fprintf(out, "lost %" PRIu64 "\n", lost);
	fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	unsigned int n;

	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: out=LIST is missing\n");
		return -1;
	}
	for (n = 0; n < CPUS; n++)
		cpus[n].writers = make_room();
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, print_all, strdup(argv[0] + 4));
	return 0;
}
