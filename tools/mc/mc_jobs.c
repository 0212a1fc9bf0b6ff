// SPDX-License-Identifier: GPL-2.0
/* Explorations side by side: one process each, the results in shared memory. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mc.h"

#define MC_JOBS		(2 * MC_CONFIGS)

static struct mc_job *mc_jobs;
static unsigned int mc_njobs;

struct mc_job *mc_job_add(const struct mc_config *config, enum mc_mode mode,
			  enum mmu_broken broken)
{
	struct mc_job *job;

	if (!mc_jobs)
		mc_jobs = mmap(NULL, MC_JOBS * sizeof(*job), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!config || mc_jobs == MAP_FAILED || mc_njobs == MC_JOBS) {
		fputs("mc: no such configuration, or no room for it\n", stderr);
		exit(2);
	}
	job = &mc_jobs[mc_njobs++];
	*job = (struct mc_job){ .config = config, .mode = mode, .broken = broken };
	return job;
}

void mc_job_do(struct mc_job *job, FILE *trace)
{
	mmu.explicit = job->mode == MC_EXPLICIT;
	mmu.simple = job->mode == MC_SIMPLE;
	mmu.broken = job->broken;
	mmu_observing = job->observe;
	mc_search(job->config, job->limit, job->progress, trace, &job->result);
	job->done = true;
}

static void mc_job_start(struct mc_job *job)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!pid) {
		mc_job_do(job, NULL);
		_exit(0);
	}
}

void mc_jobs_do(unsigned int at_once, void (*report)(const struct mc_job *job))
{
	unsigned int started = 0, ended = 0, reported = 0;

	while (reported < mc_njobs) {
		while (started < mc_njobs && started - ended < at_once)
			mc_job_start(&mc_jobs[started++]);
		if (ended < started && wait(NULL) > 0)
			ended++;
		/* One whose process died is reported when all have ended. */
		while (reported < started &&
		       (mc_jobs[reported].done || ended == mc_njobs))
			report(&mc_jobs[reported++]);
	}
}
