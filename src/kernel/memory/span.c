// SPDX-License-Identifier: GPL-2.0
/*
 * The locks of a region's spans: see vpt_file.h.
 *
 * A span's lock protects it while the span is detached.  That it is changes under both locks, so
 * whoever holds one of them and looks knows whether it is the right one.  Who waited for a
 * span's lock while somebody attached the span looks again, and goes by the file's lock.
 */
#include "../checking/opcheck.h"
#include "span.h"
#include "table.h"

/* Numbers of spans are bits. */
static_assert(VPT_SPANS == 64 && VPT_SPAN_SHIFT == PMD_SHIFT);

int vpt_spans_alloc(struct vpt_file *f)
{
	unsigned int i;

	f->spans = kcalloc(VPT_SPANS, sizeof(*f->spans), GFP_KERNEL_ACCOUNT);
	if (!f->spans)
		return -ENOMEM;
	for (i = 0; i < VPT_SPANS; i++)
		mutex_init(&f->spans[i].lock);
	return 0;
}

/* What to do while somebody else holds a lock. */
enum vpt_patience {
	VPT_WAIT,
	VPT_WAIT_KILLABLE,	/* -EINTR on a fatal signal */
	VPT_TRY,		/* -EAGAIN at once */
};

static int vpt_lock(struct mutex *lock, enum vpt_patience patience)
{
	switch (patience) {
	case VPT_WAIT_KILLABLE:
		return mutex_lock_killable(lock);
	case VPT_TRY:
		return mutex_trylock(lock) ? 0 : -EAGAIN;
	case VPT_WAIT:
		break;
	}
	mutex_lock(lock);
	return 0;
}

#ifdef CONFIG_LOCKDEP
void vpt_assert_books(struct vpt_file *f, const struct vpt_books *books)
{
	const struct vpt_span *span = container_of(books, struct vpt_span, books);

	lockdep_assert_held(books == &f->books ? &f->lock : &span->lock);
}

void vpt_assert_env(const struct pt_env *env)
{
	if (env->all)
		vpt_assert_all(env->f);
	else
		vpt_assert_books(env->f, env->books);
}
#endif

/* From here on the file's lock protects the span.  Both are held. */
static void vpt_span_attach(struct vpt_file *f, struct vpt_span *span)
{
	struct vpt_books *to = &f->books, *from = &span->books;
	unsigned int level;

	lockdep_assert_held(&f->lock);
	lockdep_assert_held(&span->lock);
	span->detached = false;
	f->detached &= ~BIT_ULL(span - f->spans);
	to->tables += from->tables;
	for (level = 0; level < VPT_LEVELS; level++)
		to->leaves[level] += from->leaves[level];
	to->frames += from->frames;
	to->faults += from->faults;
	to->segvs += from->segvs;
	to->shootdowns += from->shootdowns;
	*from = (struct vpt_books){ 0 };
}

/*
 * Wait until nobody is in the spans of the set @wanted; the file's lock is held, and protects
 * them from then on.  Return: as vpt_lock().
 */
static int vpt_attach(struct vpt_file *f, u64 wanted, enum vpt_patience patience)
{
	u64 left;
	int ret;

	lockdep_assert_held(&f->lock);
	for (left = f->detached & wanted; left; left &= left - 1) {
		struct vpt_span *span = &f->spans[__ffs64(left)];

		ret = vpt_lock(&span->lock, patience);
		if (ret)
			return ret;
		vpt_span_attach(f, span);
		mutex_unlock(&span->lock);
	}
	return 0;
}

/*
 * Take the file's lock, and the spans of the set @wanted; or all, for who watches.  Return: as
 * vpt_lock(); @wanted is what was taken.
 */
static int vpt_lock_set(struct vpt_file *f, u64 *wanted, enum vpt_patience patience)
{
	int ret = vpt_lock(&f->lock, patience);

	if (ret)
		return ret;
	if (vpt_watched())
		*wanted = U64_MAX;
	ret = vpt_attach(f, *wanted, patience);
	if (ret)
		mutex_unlock(&f->lock);
	return ret;
}

/* Take the file's lock with every span.  Return: 0, -EINTR on a fatal signal. */
int vpt_lock_all_killable(struct vpt_file *f)
{
	u64 all = U64_MAX;

	return vpt_lock_set(f, &all, VPT_WAIT_KILLABLE);
}

void vpt_lock_all(struct vpt_file *f)
{
	u64 all = U64_MAX;

	vpt_lock_set(f, &all, VPT_WAIT);
}

/* For an operation.  Out of line, lest who takes one span pay for @wanted's place on the stack. */
static noinline int vpt_lock_several(struct pt_env *env, u64 wanted, enum vpt_patience patience)
{
	int ret = vpt_lock_set(env->f, &wanted, patience);

	if (!ret)
		vpt_env_holds(env, NULL, wanted == U64_MAX);
	return ret;
}

/*
 * Take one span that has not been detached; or all, for who watches.  Return: 0, -EINTR;
 * -EAGAIN if somebody else has detached it.
 */
static noinline int vpt_detach_one(struct pt_env *env, struct vpt_span *span,
				   enum vpt_patience patience)
{
	struct vpt_file *f = env->f;
	int ret = vpt_lock_several(env, 0, patience);

	if (ret || env->all)
		return ret;
	if (span->detached) {
		mutex_unlock(&f->lock);
		return -EAGAIN;
	}
	/* Attached: who has its lock will look, and release it. */
	mutex_lock(&span->lock);
	span->detached = true;
	f->detached |= BIT_ULL(span - f->spans);
	vpt_env_holds(env, span, false);
	mutex_unlock(&f->lock);
	return 0;
}

/*
 * Who watches takes all spans, one operation at a time.  It looks once the span is held: a
 * watcher that begins later, as the monitor does with all spans held, waits for us.
 */
static __always_inline int vpt_lock_one(struct pt_env *env, enum vpt_patience patience)
{
	struct vpt_span *span = vpt_span(env->f, env->va);
	int ret;

	do {
		ret = vpt_lock(&span->lock, patience);
		if (ret)
			return ret;
		if (likely(span->detached && !vpt_watched())) {
			vpt_env_holds(env, span, false);
			return 0;
		}
		mutex_unlock(&span->lock);
		ret = vpt_detach_one(env, span, patience);
	} while (ret == -EAGAIN);
	return ret;
}

/* The locks of all spans that [@env->va, @env->last] touches, as a set. */
static u64 vpt_spans_touched(const struct pt_env *env)
{
	const u64 n = (env->last >> VPT_SPAN_SHIFT) - (env->va >> VPT_SPAN_SHIFT) + 1;
	u64 i, set = 0;

	if (n >= VPT_SPANS)
		return U64_MAX;
	for (i = 0; i < n; i++)
		set |= BIT_ULL(vpt_span(env->f, env->va + (i << VPT_SPAN_SHIFT)) -
			       env->f->spans);
	return set;
}

static bool vpt_wants_one(const struct pt_env *env)
{
	return env->va >> VPT_SPAN_SHIFT == env->last >> VPT_SPAN_SHIFT;
}

/**
 * vpt_lock_spans() - take the spans that an operation deals with
 * @env: operation, after vpt_env_about()
 *
 * Context: may sleep.
 * Return: 0, -EINTR on a fatal signal.
 */
int vpt_lock_spans(struct pt_env *env)
{
	if (likely(vpt_wants_one(env)))
		return vpt_lock_one(env, VPT_WAIT_KILLABLE);
	return vpt_lock_several(env, vpt_spans_touched(env), VPT_WAIT_KILLABLE);
}

/* Take the same spans again, after vpt_unlock_spans(). */
void vpt_lock_spans_again(struct pt_env *env)
{
	if (vpt_wants_one(env))
		vpt_lock_one(env, VPT_WAIT);
	else
		vpt_lock_several(env, vpt_spans_touched(env), VPT_WAIT);
}

/**
 * vpt_lock_rest() - take all other spans, if nobody is in any, and no walker has to be kept out
 * @env: operation; it holds some
 *
 * Context: does not wait, since whoever holds the file's lock may be waiting for our span; and may
 * be called with the file's tables locked, a spinlock.
 * Return: whether the operation holds every span now.
 */
bool vpt_lock_rest(struct pt_env *env)
{
	struct vpt_span *held = env->span;
	struct vpt_file *f = env->f;
	const u64 others = held ? ~BIT_ULL(held - f->spans) : U64_MAX;

	/* What it may do then is unlink more than a PT. */
	if (env->walkers)
		return false;
	if (held && vpt_lock(&f->lock, VPT_TRY))
		return false;
	if (vpt_attach(f, others, VPT_TRY)) {
		if (held)
			mutex_unlock(&f->lock);
		return false;
	}
	/* Its own span stays as it is: both locks are held until the end. */
	env->all = true;
	return true;
}
