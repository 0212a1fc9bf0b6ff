// SPDX-License-Identifier: GPL-2.0
/* The steps of a thread, on the machine. */
#include "lit_machine.h"

#include <err.h>
#include <sched.h>

static unsigned int value_of(enum probe got, u64 v)
{
	if (got == PROBE_SEGV)
		return LIT_F;
	return got == PROBE_OK ? lit_word_value(v) : LIT_ELSE;
}

static unsigned int status_of(int err)
{
	switch (-err) {
	case 0:
		return LIT_OK;
	case EEXIST:
		return LIT_EEXIST;
	case ENOENT:
		return LIT_ENOENT;
	case EINVAL:
		return LIT_EINVAL;
	case ENOMEM:
		return LIT_ENOMEM;
	default:
		return LIT_ELSE;
	}
}

/* Threads may outnumber CPUs; and nothing here takes a minute. */
void lit_spin(const struct lit_arena *a, unsigned int *spins)
{
	if (cpus() <= a->world.test->nthreads && ++*spins % 16 == 0)
		sched_yield();
	else
		__builtin_ia32_pause();
}

void lit_pause(struct lit_arena *a, unsigned int thread, u64 most)
{
	u64 end = __builtin_ia32_rdtsc() + (most ? rng_below(&a->rng[thread], most) : 0);
	unsigned int spins = 0;

	while (__builtin_ia32_rdtsc() < end)
		lit_spin(a, &spins);
}

static unsigned int operand(const struct lit_arena *a, unsigned int thread,
			    const struct lit_operand *o)
{
	return o->reg ? a->reg[thread][o->n] : o->n;
}

/* Where an access goes; NULL: the register holds no address. */
static void *place(struct lit_arena *a, unsigned int thread, const struct lit_step *step)
{
	struct lit_loc loc = step->loc;

	if (loc.space == LIT_IN_REG && !lit_place_of(a->reg[thread][loc.index], &loc))
		return NULL;
	return loc.space == LIT_IN_FLAG ? (void *)&a->flag[loc.index].v :
					  lit_address(&a->world, &loc);
}

static unsigned int run_load(struct lit_arena *a, unsigned int thread,
			     const struct lit_step *step)
{
	u64 v = 0;
	enum probe got = PROBE_OK;

	if (step->loc.space == LIT_IN_FLAG)
		v = a->flag[step->loc.index].v;
	else
		got = probe_load(place(a, thread, step), &v);
	return value_of(got, v);
}

static unsigned int run_store(struct lit_arena *a, unsigned int thread,
			      const struct lit_step *step)
{
	unsigned int v = operand(a, thread, &step->arg[0]);
	enum probe got = PROBE_OK;

	if (step->loc.space == LIT_IN_FLAG)
		a->flag[step->loc.index].v = v;
	else
		got = probe_store(place(a, thread, step), v);
	return got == PROBE_OK ? LIT_OK : value_of(got, LIT_NUMBERS);
}

/* AND and the like: an exchange of what was read, until nobody comes in between. */
static enum probe run_update(void *at, enum lit_op op, u64 v, u64 *old)
{
	enum probe got = probe_load(at, old);
	u64 seen;

	while (got == PROBE_OK) {
		seen = *old;
		got = probe_cmpxchg(at, seen, lit_calc(op, seen, v), old);
		if (*old == seen)
			break;
	}
	return got;
}

static unsigned int run_locked(struct lit_arena *a, unsigned int thread,
			       const struct lit_step *step)
{
	u64 first = operand(a, thread, &step->arg[0]), old = 0;
	void *at = place(a, thread, step);
	enum probe got;

	if (step->kind == LIT_XCHG)
		got = probe_exchange(at, first, &old);
	else if (step->kind == LIT_CMPXCHG)
		got = probe_cmpxchg(at, first, operand(a, thread, &step->arg[1]), &old);
	else if (step->op == LIT_OP_PLUS || step->op == LIT_OP_MINUS)
		got = probe_add(at, step->op == LIT_OP_PLUS ? first : -first, &old);
	else
		got = run_update(at, step->op, first, &old);
	return value_of(got, old);
}

static unsigned int run_exec(struct lit_arena *a, const struct lit_step *step)
{
	u32 v = LIT_NUMBERS;
	enum probe got = probe_exec(lit_address(&a->world, &step->loc) + LIT_CODE, &v);

	return value_of(got, v);
}

/* A call that tells of A and D. */
static unsigned int answer_of(const struct lit_step *step, int err,
			      const struct vpt_page *old)
{
	if (err || step->query == LIT_STATUS)
		return status_of(err);
	return !!(old->state & (step->query == LIT_DIRTY ? VPT_DIRTY : VPT_ACCESSED));
}

static int call(struct lit_world *w, const struct lit_step *step, struct vpt_page *old)
{
	u64 frame = step->frame >= 0 ? w->handle[step->frame] : 0;
	u64 size = lit_size(step->level), length = lit_size(step->span);
	char *at = lit_address(w, &step->loc);
	u32 prot = lit_prot(step->rights);

	switch (step->kind) {
	case SPEC_OP_MAP:
		return vu_map(w->fd, at, size, prot, frame);
	case SPEC_OP_UNMAP:
		return vu_unmap(w->fd, at, old);
	case SPEC_OP_PROTECT:
		return vu_protect(w->fd, at, prot, old);
	case SPEC_OP_REMAP:
		return vu_remap(w->fd, at, frame, old);
	case SPEC_OP_RESOLVE:
		return vu_resolve(w->fd, at, old);
	case SPEC_OP_MAP_RANGE:
		return vu_map_range(w->fd, at, length, size, prot, NULL);
	case SPEC_OP_UNMAP_RANGE:
		return vu_unmap_range(w->fd, at, length, NULL);
	case SPEC_OP_PROTECT_RANGE:
		return vu_protect_range(w->fd, at, length, prot, NULL);
	case LIT_TABLE:		/* every page behind the PDE */
		at = (char *)((u64)at & ~(VPT_2M - 1));
		return vu_protect_range(w->fd, at, VPT_2M, prot, NULL);
	default:
		errx(1, "line %u: there is no such call", step->line);
	}
}

static unsigned int run_call(struct lit_arena *a, const struct lit_step *step)
{
	struct vpt_page old = { 0 };
	int err = call(&a->world, step, &old);

	return answer_of(step, err, &old);
}

static unsigned int run_check(struct lit_arena *a)
{
	struct vpt_check c;
	int err = vu_check(a->world.fd, &c);

	return err ? status_of(err) : c.violations ? 1 : 0;
}

static bool loop_ends(struct lit_arena *a, unsigned int thread, const struct lit_step *step)
{
	unsigned int i;

	for (i = 0; i < step->nuntil; i++) {
		const struct lit_until *u = &step->until[i];
		u64 now = u->reg ? a->reg[thread][u->index] : a->flag[u->index].v;

		if (now == u->value)
			return true;
	}
	return false;
}

static unsigned int run_step(struct lit_arena *a, unsigned int thread,
			     const struct lit_step *step)
{
	unsigned int spins = 0;

	if (step->kind <= LIT_TABLE)
		return run_call(a, step);
	switch (step->kind) {
	case LIT_LOAD:
		return run_load(a, thread, step);
	case LIT_STORE:
		return run_store(a, thread, step);
	case LIT_EXEC:
		return run_exec(a, step);
	case LIT_XCHG:
	case LIT_UPDATE:
	case LIT_CMPXCHG:
		return run_locked(a, thread, step);
	case LIT_CALC:
		return lit_calc(step->op, operand(a, thread, &step->arg[0]),
				operand(a, thread, &step->arg[1]));
	case LIT_LFENCE:
		__builtin_ia32_lfence();
		return LIT_OK;
	case LIT_SFENCE:
		__builtin_ia32_sfence();
		return LIT_OK;
	case LIT_FENCE:
		__builtin_ia32_mfence();
		return LIT_OK;
	case LIT_WAIT:
		while (a->flag[step->loc.index].v != step->value)
			lit_spin(a, &spins);
		return LIT_OK;
	case LIT_CHECK:
		return run_check(a);
	case LIT_MOVE:
		pin_to(a->map[step->value]);
		return LIT_OK;
	default:
		return LIT_OK;
	}
}

void lit_run_thread(struct lit_arena *a, unsigned int thread)
{
	const struct lit_thread *t = &a->world.test->thread[thread];
	bool slow = !rng_below(&a->rng[thread], 3);
	unsigned int i, spins = 0;

	for (i = 0; i < t->nsteps; i++) {
		const struct lit_step *step = &t->step[i];
		unsigned int result;

		/* Compiled, but for the rounds that pause. */
		if (a->code && !slow && a->run[thread][i].run) {
			i = lit_run_compiled(a, thread, i) - 1;
			continue;
		}
		/* Most often back to back; else with pauses of up to a call's length. */
		if (slow && i && !rng_below(&a->rng[thread], 2))
			lit_pause(a, thread, a->ticks / 4);
		if (step->kind == LIT_UNTIL && !loop_ends(a, thread, step)) {
			lit_spin(a, &spins);
			i = step->start - 1;
			continue;
		}
		if (step->kind == LIT_GOTO) {
			bool differ = operand(a, thread, &step->arg[0]) !=
				      operand(a, thread, &step->arg[1]);

			if (differ != step->differ)
				continue;
			if (step->start <= i)
				lit_spin(a, &spins);
			i = step->start - 1;
			continue;
		}
		result = run_step(a, thread, step);
		if (step->reg >= 0)
			a->reg[thread][step->reg] = result;
	}
}

/* Its TLB holds what it is about to use; but not always. */
void lit_warm_thread(struct lit_arena *a, unsigned int thread)
{
	const struct lit_thread *t = &a->world.test->thread[thread];
	unsigned int i;
	u64 v;

	if (!rng_below(&a->rng[thread], 4))
		return;
	for (i = 0; i < t->nsteps; i++) {
		const struct lit_step *step = &t->step[i];
		const struct lit_page *page = &a->world.test->page[step->loc.index];

		if (step->loc.space != LIT_IN_PAGE || page->frame == LIT_UNMAPPED)
			continue;
		if (lit_accesses(step) && step->kind != LIT_EXEC)
			probe_load(lit_address(&a->world, &step->loc), &v);
		else if (step->kind == LIT_EXEC && (page->rights & LIT_X))
			run_exec(a, step);
	}
}
