// SPDX-License-Identifier: GPL-2.0
/*
 * The region of a test.  Its addresses lie in the first two GiB; behind them each
 * frame with a name is mapped for good, so that it can be filled and looked at
 * without touching the test's own pages.
 */
#include "lit_machine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define LIT_512G	(512 * VPT_1G)
#define LIT_BIG_BASE	((char *)(32 * LIT_512G))

u64 lit_size(unsigned int level)
{
	return level == 1 ? VPT_4K : level == 2 ? VPT_2M : VPT_1G;
}

/* Distance of what are neighbouring 4K pages in the model. */
u64 lit_stride(unsigned int level)
{
	return lit_size(level) >> (level - 1);
}

u32 lit_prot(unsigned int rights)
{
	return VPT_READ | (rights & LIT_W ? VPT_WRITE : 0) | (rights & LIT_X ? VPT_EXEC : 0);
}

char *lit_address(const struct lit_world *w, const struct lit_loc *loc)
{
	const struct lit_page *page = &w->test->page[loc->index];

	return w->base + page->place[0] * VPT_1G + (page->place[1] + w->shift) * VPT_2M +
	       page->place[2] * VPT_4K + loc->page * lit_stride(page->span) + loc->slot * 64;
}

static char *lit_page_address(const struct lit_world *w, unsigned int page)
{
	return lit_address(w, &(struct lit_loc){ LIT_IN_PAGE, page, 0, 0 });
}

static void lit_fill(char *at, unsigned int level, unsigned int value)
{
	unsigned int page, slot;

	for (page = 0; page < 1U << (level - 1); page++) {
		for (slot = 0; slot < LIT_SLOTS; slot++)
			*(volatile u64 *)(at + page * lit_stride(level) + slot * 64) = value;
	}
}

static const char *lit_open_frames(struct lit_world *w)
{
	const struct lit_test *test = w->test;
	unsigned int i, page;

	for (i = 0; i < test->nframes; i++) {
		unsigned int level = test->frame[i].level;

		w->window[i] = w->base + (test->big_region ? LIT_512G : 2 * VPT_1G) + i * VPT_1G;
		if (vu_frame_alloc(w->fd, lit_size(level), &w->handle[i]))
			return LIT_NO_FRAME;
		if (vu_map(w->fd, w->window[i], lit_size(level), RW, w->handle[i]))
			return "a frame cannot be mapped";
		for (page = 0; page < 1U << (level - 1); page++)
			put_code(w->window[i] + page * lit_stride(level) + LIT_CODE,
				 test->frame[i].value);
	}
	return NULL;
}

/*
 * "tables N": memory has run out.  Not the tables' on the machine, but that of fresh
 * frames, by RLIMIT_MEMLOCK; CAP_IPC_LOCK is above that, so it goes.
 */
static const char *lit_no_memory(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const struct rlimit none = { 0, 0 };

	if (syscall(SYS_capget, &head, data))
		return "capget";
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, data) || setrlimit(RLIMIT_MEMLOCK, &none))
		return "RLIMIT_MEMLOCK cannot be set";
	return NULL;
}

/* Memory outside the region is there without the module. */
static bool lit_needs_region(const struct lit_test *test)
{
	unsigned int t, i;

	if (test->npages || test->nframes)
		return true;
	for (t = 0; t < test->nthreads; t++) {
		for (i = 0; i < test->thread[t].nsteps; i++) {
			if (test->thread[t].step[i].kind == LIT_CHECK)
				return true;
		}
	}
	return false;
}

const char *lit_world_open(struct lit_world *w, const struct lit_test *test)
{
	const char *error;
	char *at = test->big_region ? LIT_BIG_BASE : NULL;

	*w = (struct lit_world){ .test = test, .fd = -1 };
	if (!lit_needs_region(test))
		return NULL;
	w->bytes = test->big_region ? 2 * LIT_512G : 8 * VPT_1G;
	w->fd = open(VPT_DEVICE, O_RDWR | O_CLOEXEC);
	if (w->fd < 0)
		return "/dev/vpt cannot be opened (is the module inserted, are you root?)";
	if (!test->demand && vu_config(w->fd, VPT_STRICT))
		return "CONFIG refused";
	w->base = mmap(at, w->bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_SHARED | (at ? MAP_FIXED_NOREPLACE : 0), w->fd, 0);
	if (w->base == MAP_FAILED)
		return "the region cannot be mapped";
	error = lit_open_frames(w);
	if (!error && test->tables != LIT_UNLIMITED)
		error = lit_no_memory();
	return error;
}

/* Set A, or A and D, of every page by an access that changes nothing. */
static void lit_use(char *at, const struct lit_page *page)
{
	u64 done;

	for (done = 0; page->accessed && done < lit_size(page->span);
	     done += lit_size(page->level)) {
		volatile u64 *word = (volatile u64 *)(at + done);
		u64 value = *word;

		if (page->dirty)
			*word = value;
	}
}

static const char *lit_set_page(struct lit_world *w, unsigned int i)
{
	const struct lit_page *page = &w->test->page[i];
	char *at = lit_page_address(w, i);
	bool fresh = page->frame == LIT_FRESH;
	u32 prot = fresh ? RW : lit_prot(page->rights);
	unsigned int table = lit_table_rights(w->test, page);
	int err;

	if (page->span != page->level)
		err = vu_map_range(w->fd, at, lit_size(page->span), lit_size(page->level),
				   prot, NULL);
	else
		err = vu_map(w->fd, at, lit_size(page->level), prot,
			     fresh ? 0 : w->handle[page->frame]);
	if (err)
		return strerror(-err);
	if (fresh && page->value)
		lit_fill(at, page->span, page->value);
	lit_use(at, page);
	if (fresh && lit_prot(page->rights) != RW)
		err = vu_protect_range(w->fd, at, lit_size(page->span),
				       lit_prot(page->rights), NULL);
	/* What the PDE above it takes away is taken from the page. */
	if (!err && table != (LIT_U | LIT_W))
		err = vu_protect_range(w->fd, at, lit_size(page->span),
				       lit_prot((table | LIT_X) & page->rights), NULL);
	return err ? strerror(-err) : NULL;
}

/* The initial state: frames filled, pages mapped. */
const char *lit_world_set(struct lit_world *w)
{
	const char *error = NULL;
	unsigned int i;

	for (i = 0; i < w->test->nframes; i++)
		lit_fill(w->window[i], w->test->frame[i].level, w->test->frame[i].value);
	for (i = 0; i < w->test->npages && !error; i++) {
		if (w->test->page[i].frame != LIT_UNMAPPED)
			error = lit_set_page(w, i);
	}
	return error;
}

/* Twice, for a page may lie inside one that stands later in the list. */
void lit_world_clear(struct lit_world *w)
{
	unsigned int round, i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < w->test->npages; i++)
			vu_unmap_range(w->fd, lit_page_address(w, i),
				       lit_size(w->test->page[i].span), NULL);
	}
}

unsigned int lit_world_word(const struct lit_world *w, const struct lit_loc *loc)
{
	unsigned int level = w->test->frame[loc->index].level;
	u64 v = *(volatile u64 *)(w->window[loc->index] + loc->page * lit_stride(level) +
				  loc->slot * 64);

	return lit_word_value(v);
}
