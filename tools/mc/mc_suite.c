// SPDX-License-Identifier: GPL-2.0
/* What is explored by make check-model and by make model. */
#include "mc.h"

#define MC_LIMIT	200000000ULL	/* states: more than memory should be given for */

#define MC_EXPLICIT_UNMAP	"explicit: unmap | -, level 3"
#define MC_EXPLICIT_REVOKE	"explicit: revoke | -, level 3"

/*
 * Each deliberate fault, and a configuration in which it must show; where there is
 * one, a small configuration in which it must show in explicit mode as well.
 */
static const struct mc_broken {
	const char *name;
	enum mmu_broken broken;
	const char *config;
	const char *explicit;
	bool harmless;
} mc_broken[] = {
	{ "no-shootdown", MMU_NO_SHOOTDOWN,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "shootdown-self-only", MMU_SELF_ONLY,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "free-before-shootdown", MMU_FREE_FIRST,
	  "unmap and reclaim | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "free-before-ack", MMU_FREE_BEFORE_ACK,
	  "unmap and reclaim | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "return-before-ack", MMU_NO_WAIT,
	  "revoke | - | -, level 1", MC_EXPLICIT_REVOKE, false },
	{ "ack-before-invalidate", MMU_ACK_FIRST,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "invlpg-keeps-psc", MMU_INVLPG_KEEPS_PSC,
	  "unmap and reclaim | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "plain-store", MMU_PLAIN_STORE,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "protect-by-unmap-and-map", MMU_PROTECT_GAP,
	  "revoke | - | -, level 1", MC_EXPLICIT_REVOKE, false },
	{ "ipi-before-drain", MMU_SEND_UNDRAINED,
	  "unmap and reclaim | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "ack-before-drain", MMU_HANDLER_UNDRAINED,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "execute-without-shootdown", MMU_EXEC_LAZY,
	  "grant | execute, same, level 1", NULL, false },
	{ "half-range", MMU_HALF_RANGE,
	  "resolve | unmap_range, same, level 1", NULL, false },
	{ "shootdown-before-change", MMU_INVALIDATE_FIRST,
	  "unmap | - | -, level 1", MC_EXPLICIT_UNMAP, false },
	{ "unlink-before-clear", MMU_UNLINK_FIRST,
	  "unmap | resolve, cousin, level 1", NULL, true },
	{ "one-vma-locked", MMU_ONE_VMA,
	  "two VMAs, one PD: unmap | -", NULL, false },
	{ "wrong-answer", MMU_WRONG_ANSWER,
	  "unmap | resolve, cousin, level 1", NULL, false },

	/* The locks of several operations in flight. */
	{ "every-step", MMU_EVERY_STEP,
	  "spans: reclaim | map, two PTs", NULL, true },
	{ "map-unlocked", MMU_MAP_UNLOCKED,
	  "spans: map | map, one PT", NULL, false },
	{ "unmap-unlocked", MMU_UNMAP_UNLOCKED,
	  "spans: unmap | unmap, one PT", NULL, false },
	{ "protect-unlocked", MMU_PROTECT_UNLOCKED,
	  "spans: revoke | unmap, same page", NULL, false },
	{ "remap-unlocked", MMU_REMAP_UNLOCKED,
	  "spans: remap | unmap, same page", NULL, false },
	{ "resolve-unlocked", MMU_RESOLVE_UNLOCKED,
	  "spans: reclaim | resolve, one PT", NULL, false },
	{ "counts-unlocked", MMU_COUNTS_UNLOCKED,
	  "spans: reclaim | map, two PTs", NULL, false },
	{ "linker-unlocked", MMU_LINKER_UNLOCKED,
	  "spans: map | map, two PDs", NULL, false },
	{ "lock-of-one-page", MMU_SPAN_OF_PAGE,
	  "spans: unmap | unmap, one PT", NULL, false },
	{ "range-locks-first-span", MMU_RANGE_FIRST,
	  "spans: unmap_range | unmap in it", NULL, false },
	{ "large-page-locks-first-span", MMU_LARGE_FIRST,
	  "spans, Linux links: map 1 GiB | resolve", NULL, false },
	{ "unlink-with-one-span", MMU_UNLINK_NARROW,
	  "spans: reclaim | map, two PTs", NULL, false },
	{ "sweep-with-one-span", MMU_SWEEP_NARROW,
	  "spans: reclaim | map, two PTs", NULL, false },
	{ "large-leaf-with-one-span", MMU_WIDE_NARROW,
	  "spans: unmap 1 GiB | map, two PDs", NULL, false },
	{ "release-before-ack", MMU_RELEASE_FIRST,
	  "spans: unmap | unmap, one PT", NULL, false },
	{ "locks-in-two-orders", MMU_LOCK_ORDER,
	  "spans: reclaim | unmap_range", NULL, false },
	{ "left-not-swept", MMU_NOT_SWEPT,
	  "spans: reclaim | reclaim, PD goes", NULL, false },
	{ "sweep-beside-walkers", MMU_SWEEP_BESIDE_WALKERS,
	  "spans, Linux links: reclaim | map, walkers stay", NULL, false },
	{ "no-grace-period", MMU_NO_GRACE,
	  "spans, Linux links: reclaim | map, walkers stay", NULL, false },
};

#define MC_BROKEN	(sizeof(mc_broken) / sizeof(mc_broken[0]))

/* Explored with and without caches; what user mode can observe must be the same. */
static const char *const mc_compared[] = {
	"map | unmap, same, level 1",
	"map | unmap, sibling, level 1",
	"map | unmap, same, level 2",
	"unmap | unmap, same, level 1",
	"unmap | revoke, same, level 3",
	"unmap | grant, sibling, level 1",
	"unmap | remap, same, level 1",
	"unmap | split, same, level 2",
	"revoke | remap, same, level 1",
	"revoke | grant, same, level 2",
	"grant | execute, same, level 1",
	"split | unmap_range, same, level 2",
	"unmap | map_range, same, level 1",
	"split unmap map | -",
	"unmap | - | -, level 1",
	"unmap | unmap | -, same",
	"spans: reclaim | map, two PTs",
	"spans: unmap | unmap, one PT",
};

#define MC_COMPARED	(sizeof(mc_compared) / sizeof(mc_compared[0]))

/* Small enough that both modes can be explored; the same again must come out. */
static const char *const mc_both_modes[] = {
	"explicit: unmap map, level 3",
	"explicit: unmap map, level 1",
	"explicit: unmap, two pages",
};

#define MC_BOTH_MODES	(sizeof(mc_both_modes) / sizeof(mc_both_modes[0]))

enum mmu_broken mc_broken_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < MC_BROKEN; i++) {
		if (!strcmp(mc_broken[i].name, name))
			return mc_broken[i].broken;
	}
	return MMU_BROKEN_KINDS;
}

const char *mc_broken_name(enum mmu_broken broken)
{
	unsigned int i;

	for (i = 0; i < MC_BROKEN; i++) {
		if (mc_broken[i].broken == broken)
			return mc_broken[i].name;
	}
	return "";
}

void mc_broken_list(FILE *out)
{
	unsigned int i;

	for (i = 0; i < MC_BROKEN; i++)
		fprintf(out, "--broken %-28s shows in: %s%s\n", mc_broken[i].name,
			mc_broken[i].config, mc_broken[i].harmless ? " (harmless)" : "");
}

static enum mc_mode mc_mode_of(const struct mc_config *config)
{
	return config->explicit ? MC_EXPLICIT : MC_MONOTONE;
}

/* TAP. */

static unsigned int mc_tests, mc_failures;
static struct mc_result mc_before;	/* first of two that are compared */

static void mc_tap(bool ok, const char *what, const char *name)
{
	mc_tests++;
	mc_failures += !ok;
	printf("%sok %u - %s%s", ok ? "" : "not ", mc_tests, what, name);
}

static bool mc_passed(const struct mc_job *job)
{
	const struct mc_result *r = &job->result;

	return job->done && r->complete && !r->violation[0] && r->finished;
}

static void mc_tap_figures(const struct mc_result *r)
{
	printf(" (%llu states, depth %u, %.1f s)\n", (unsigned long long)r->states,
	       r->depth, r->seconds);
	if (r->violation[0])
		printf("# %s\n", r->violation);
	fflush(stdout);
}

static void mc_tap_broken(const struct mc_job *job)
{
	const struct mc_result *r = &job->result;
	unsigned int i = 0;
	bool caught = job->done && r->violation[0];

	while (mc_broken[i].broken != job->broken)
		i++;
	if (mc_broken[i].harmless) {
		mc_tap(mc_passed(job), "harmless: ", mc_broken[i].name);
		mc_tap_figures(r);
		return;
	}
	/* A model that is too small is no violation. */
	caught = caught && strncmp(r->violation, "bound", 5);
	mc_tap(caught, job->mode == MC_EXPLICIT ? "broken, explicit mode: " : "broken: ",
	       mc_broken[i].name);
	printf(" is caught (depth %u): %s\n", r->depth, r->violation);
	fflush(stdout);
}

/* The second of two that must agree in what can be observed. */
static void mc_tap_compared(const struct mc_job *job, const char *what)
{
	const struct mc_result *r = &job->result;
	bool same = r->outcomes == mc_before.outcomes &&
		    r->outcomes_sum == mc_before.outcomes_sum;

	mc_tap(mc_passed(job) && mc_before.complete && same && r->outcomes, what,
	       job->config->name);
	printf(" (%llu and %llu outcomes from %llu and %llu states)\n",
	       (unsigned long long)mc_before.outcomes, (unsigned long long)r->outcomes,
	       (unsigned long long)mc_before.states, (unsigned long long)r->states);
	fflush(stdout);
}

static void mc_check_report(const struct mc_job *job)
{
	if (job->broken) {
		mc_tap_broken(job);
	} else if (!job->observe) {
		mc_tap(mc_passed(job), "", job->config->name);
		mc_tap_figures(&job->result);
	} else if (job->config->explicit && job->mode == MC_EXPLICIT) {
		mc_tap_compared(job, "explicit as monotone: ");
	} else if (job->mode == MC_SIMPLE) {
		mc_tap_compared(job, "without caches as with them: ");
	} else {
		mc_before = job->result;
	}
}

static void mc_add_compared(const char *name, enum mc_mode mode)
{
	const struct mc_config *config = mc_config_find(name);

	mc_job_add(config, MC_MONOTONE, MMU_CORRECT)->observe = true;
	mc_job_add(config, mode, MMU_CORRECT)->observe = true;
}

static void mc_add_checks(void)
{
	unsigned int i;

	for (i = 0; i < MC_BROKEN; i++)
		mc_job_add(mc_config_find(mc_broken[i].config), MC_MONOTONE,
			   mc_broken[i].broken);
	for (i = 0; i < MC_BROKEN; i++) {
		if (mc_broken[i].explicit)
			mc_job_add(mc_config_find(mc_broken[i].explicit), MC_EXPLICIT,
				   mc_broken[i].broken);
	}
	for (i = 0; i < MC_COMPARED; i++)
		mc_add_compared(mc_compared[i], MC_SIMPLE);
	for (i = 0; i < MC_BOTH_MODES; i++)
		mc_add_compared(mc_both_modes[i], MC_EXPLICIT);
}

int mc_suite_check(unsigned int at_once)
{
	unsigned int i, planned = MC_BROKEN + MC_COMPARED + MC_BOTH_MODES;

	for (i = 0; i < MC_BROKEN; i++)
		planned += !!mc_broken[i].explicit;
	for (i = 0; i < mc_nconfigs; i++) {
		if (!mc_configs[i].quick)
			continue;
		mc_job_add(&mc_configs[i], mc_mode_of(&mc_configs[i]), MMU_CORRECT);
		planned++;
	}
	mc_add_checks();
	printf("1..%u\n", planned);
	mc_jobs_do(at_once, mc_check_report);
	return mc_failures ? 1 : 0;
}

/* The complete exploration. */

static struct mc_result mc_total;

static void mc_model_report(const struct mc_job *job)
{
	static const char *const mode[] = { "", "explicit", "simple" };
	const struct mc_result *r = &job->result;

	mc_tests++;
	printf("%-46s %-8s %12llu %13llu %5u %8.1f %5.2f %6llu%s%s\n", job->config->name,
	       mode[job->mode], (unsigned long long)r->states,
	       (unsigned long long)r->transitions, r->depth, r->seconds,
	       r->seconds > 0 ? (double)r->states / r->seconds / 1e6 : 0,
	       (unsigned long long)r->bytes >> 20,
	       mc_passed(job) ? "" : "  FAILED: ",
	       mc_passed(job) ? "" : r->violation[0] ? r->violation : "not complete");
	fflush(stdout);
	mc_failures += !mc_passed(job);
	mc_total.states += r->states;
	mc_total.transitions += r->transitions;
	mc_total.seconds += r->seconds;
	if (r->bytes > mc_total.bytes)
		mc_total.bytes = r->bytes;
}

int mc_suite_model(unsigned int at_once)
{
	unsigned int i;

	for (i = 0; i < mc_nconfigs; i++) {
		struct mc_job *job = mc_job_add(&mc_configs[i], mc_mode_of(&mc_configs[i]),
						MMU_CORRECT);

		job->limit = MC_LIMIT;
		job->progress = true;
	}
	printf("%-46s %-8s %12s %13s %5s %8s %5s %6s\n", "configuration", "mode", "states",
	       "transitions", "depth", "CPU s", "M/s", "MiB");
	mc_jobs_do(at_once, mc_model_report);
	printf("%u configurations, %u failed: %.1f million states, %.1f million transitions, %.0f CPU seconds, %.2f million states a second and core, at most %llu MiB for one\n",
	       mc_tests, mc_failures, (double)mc_total.states / 1e6,
	       (double)mc_total.transitions / 1e6, mc_total.seconds,
	       (double)mc_total.states / mc_total.seconds / 1e6,
	       (unsigned long long)mc_total.bytes >> 20);
	return mc_failures ? 1 : 0;
}
