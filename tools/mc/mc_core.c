// SPDX-License-Identifier: GPL-2.0
/*
 * The real core as a thread of the machine.
 *
 * What the core does next depends on nothing but its arguments and the values its
 * environment has returned so far.  So an operation under way is known by these
 * values, and all that can become of it is a tree: a node is an action that waits
 * to be done, its children are what follows, one for each value the action can
 * return.  A node is found when it is first needed, by running protocol and core
 * from the beginning with the values that lead there; they stop, by longjmp, at the
 * first action beyond.  Nothing is assumed about what hardware or other threads do
 * meanwhile: the values come from the machine as it is when the action is done.
 */
#include <setjmp.h>
#include <stdlib.h>

#include "mc.h"

#define MC_NODES	65536
#define MC_VALUES	1024	/* actions in one operation */
#define MC_ROWS		(MMU_CPUS + 1)	/* programs, and the setup */

struct mc_node {
	struct mmu_action action;
	u16 parent;
	u16 value;		/* that the parent's action returned */
	u16 child;
	u16 sibling;
	u8 row;
	u8 op;
};

static struct mc_node mc_nodes[MC_NODES];
static unsigned int mc_nnodes;
static u16 mc_roots[MC_ROWS][MC_ROOTS];
static const struct mc_config *mc_config;
static bool mc_in_setup;

/* The run in progress. */
static u16 mc_values[MC_VALUES];
static unsigned int mc_nvalues, mc_asked;
static struct mmu_action mc_action;
static jmp_buf mc_stop;

u16 mc_ask(const struct mmu_action *a)
{
	if (mc_asked < mc_nvalues)
		return mc_values[mc_asked++];
	mc_action = *a;
	longjmp(mc_stop, 1);
}

static const struct mmu_op *mc_op(unsigned int row, unsigned int op)
{
	if (row == MMU_CPUS)
		return &mc_config->setup[op];
	return &mc_config->program[row][op];
}

/* The node after @parent's action returned @value; 0 for the first of all. */
static u16 mc_node_make(u16 parent, u16 value, unsigned int row, unsigned int op)
{
	struct mc_node *node;
	u16 at = parent, i;

	if (mc_nnodes == MC_NODES) {
		mmu_violate("bound: operations have more than %u nodes", MC_NODES);
		return parent;
	}
	mc_nvalues = 0;
	mc_asked = 0;
	if (parent)
		mc_values[mc_nvalues++] = value;
	for (; at && mc_nodes[at].parent; at = mc_nodes[at].parent) {
		if (mc_nvalues == MC_VALUES)
			abort();
		mc_values[mc_nvalues++] = mc_nodes[at].value;
	}
	for (i = 0; i < mc_nvalues / 2; i++) {
		u16 swap = mc_values[i];

		mc_values[i] = mc_values[mc_nvalues - 1 - i];
		mc_values[mc_nvalues - 1 - i] = swap;
	}
	if (!setjmp(mc_stop)) {
		mc_call(mc_op(row, op));
		abort();	/* it ends with RETURN, after which nobody asks */
	}
	node = &mc_nodes[mc_nnodes];
	*node = (struct mc_node){ .action = mc_action, .parent = parent, .value = value,
				  .row = (u8)row, .op = (u8)op };
	if (parent) {
		node->sibling = mc_nodes[parent].child;
		mc_nodes[parent].child = (u16)mc_nnodes;
	}
	return (u16)mc_nnodes++;
}

const struct mmu_action *mmu_node_action(u16 node)
{
	return &mc_nodes[node].action;
}

u16 mmu_node_next(u16 node, u16 value)
{
	u16 child;

	for (child = mc_nodes[node].child; child; child = mc_nodes[child].sibling) {
		if (mc_nodes[child].value == value)
			return child;
	}
	return mc_node_make(node, value, mc_nodes[node].row, mc_nodes[node].op);
}

u16 mmu_node_begin(unsigned int cpu, unsigned int op)
{
	unsigned int row = mc_in_setup ? MMU_CPUS : cpu;

	if ((mc_in_setup && cpu) || op >= (mc_in_setup ? MC_SETUP : MC_OPS) ||
	    mc_op(row, op)->kind == SPEC_OP_NONE)
		return 0;
	if (!mc_roots[row][op])
		mc_roots[row][op] = mc_node_make(0, 0, row, op);
	return mc_roots[row][op];
}

void mc_core_begin(const struct mc_config *config)
{
	mc_config = config;
	mc_nnodes = 1;
	memset(mc_roots, 0, sizeof(mc_roots));
	mc_nodes[0] = (struct mc_node){ 0 };
}

void mc_core_setup(bool on)
{
	mc_in_setup = on;
}

unsigned int mc_core_nodes(void)
{
	return mc_nnodes;
}
