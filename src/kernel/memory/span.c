// SPDX-License-Identifier: GPL-2.0
/*
 * The locks of a region's spans: see vpt_file.h.
 *
 * A span's lock protects it while the span is detached.  That it is changes under both locks, so
 * whoever holds one of them and looks knows whether it is the right one.  Who waited for a
 * span's lock while somebody attached the span looks again, and goes by the file's lock.
 */
#include "../checking/opcheck.h"
#include "../vpt_file.h"

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

static int vpt_lock(struct mutex *lock, bool killable)
{
	if (killable)
		return mutex_lock_killable(lock);
	mutex_lock(lock);
	return 0;
}

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
 * them from then on.
 */
static int vpt_attach(struct vpt_file *f, u64 wanted, bool killable)
{
	u64 left;

	lockdep_assert_held(&f->lock);
	for (left = f->detached & wanted; left; left &= left - 1) {
		struct vpt_span *span = &f->spans[__ffs64(left)];

		if (vpt_lock(&span->lock, killable))
			return -EINTR;
		vpt_span_attach(f, span);
		mutex_unlock(&span->lock);
	}
	return 0;
}

static int vpt_lock_all_as(struct vpt_file *f, bool killable)
{
	if (vpt_lock(&f->lock, killable))
		return -EINTR;
	if (!vpt_attach(f, U64_MAX, killable))
		return 0;
	mutex_unlock(&f->lock);
	return -EINTR;
}

/* Take the file's lock with every span.  Return: 0, -EINTR on a fatal signal. */
int vpt_lock_all_killable(struct vpt_file *f)
{
	return vpt_lock_all_as(f, true);
}

void vpt_lock_all(struct vpt_file *f)
{
	vpt_lock_all_as(f, false);
}

/* Take the file's lock, and the spans of the set @wanted; or all, for who watches. */
static int vpt_lock_several(struct pt_env *env, u64 wanted, bool killable)
{
	struct vpt_file *f = env->f;

	if (vpt_lock(&f->lock, killable))
		return -EINTR;
	if (vpt_watched())
		wanted = U64_MAX;
	if (vpt_attach(f, wanted, killable)) {
		mutex_unlock(&f->lock);
		return -EINTR;
	}
	vpt_env_holds(env, NULL, wanted == U64_MAX);
	return 0;
}

/*
 * Take one span that has not been detached; or all, for who watches.  Return: 0, -EINTR;
 * -EAGAIN if somebody else has detached it.
 */
static noinline int vpt_detach_one(struct pt_env *env, struct vpt_span *span, bool killable)
{
	struct vpt_file *f = env->f;
	int ret = vpt_lock_several(env, 0, killable);

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
static __always_inline int vpt_lock_one(struct pt_env *env, bool killable)
{
	struct vpt_span *span = vpt_span(env->f, env->va);
	int ret;

	do {
		if (vpt_lock(&span->lock, killable))
			return -EINTR;
		if (likely(span->detached && !vpt_watched())) {
			vpt_env_holds(env, span, false);
			return 0;
		}
		mutex_unlock(&span->lock);
		ret = vpt_detach_one(env, span, killable);
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
		return vpt_lock_one(env, true);
	return vpt_lock_several(env, vpt_spans_touched(env), true);
}

/* Take the same spans again, after vpt_unlock_spans(). */
void vpt_lock_spans_again(struct pt_env *env)
{
	if (vpt_wants_one(env))
		vpt_lock_one(env, false);
	else
		vpt_lock_several(env, vpt_spans_touched(env), false);
}

/*
 * With the file's lock held, as many of the other spans as nobody is in.  Return: whether
 * these are all.
 */
static bool vpt_attach_others(struct vpt_file *f, struct vpt_span *held)
{
	u64 left;

	for (left = f->detached; left; left &= left - 1) {
		struct vpt_span *span = &f->spans[__ffs64(left)];

		if (span == held)
			continue;
		if (!mutex_trylock(&span->lock))
			return false;
		vpt_span_attach(f, span);
		mutex_unlock(&span->lock);
	}
	return true;
}

/**
 * vpt_lock_rest() - take all other spans, if nobody is in any
 * @env: operation; it holds some
 *
 * Context: does not wait, since whoever holds the file's lock may be waiting for our span; and may
 * be called with the file's tables locked, a spinlock.
 * Return: whether the operation holds every span now.
 */
bool vpt_lock_rest(struct pt_env *env)
{
	struct vpt_file *f = env->f;

	if (env->span && !mutex_trylock(&f->lock))
		return false;
	if (!vpt_attach_others(f, env->span)) {
		if (env->span)
			mutex_unlock(&f->lock);
		return false;
	}
	/* Its own span stays as it is: both locks are held until the end. */
	env->all = true;
	return true;
}
