// SPDX-License-Identifier: GPL-2.0
/* What the kernel says of itself while programs run: tools/splats knows what is a complaint. */
#include "fuzz.h"

#include <fcntl.h>
#include <regex.h>

#define PATTERNS	64

static int kmsg = -1;
static regex_t pattern[PATTERNS];
static unsigned int patterns;

bool kmsg_open(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[200];
	bool all;

	if (!f)
		return false;
	while (patterns < PATTERNS && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || !line[0])
			continue;
		if (regcomp(&pattern[patterns], line, REG_EXTENDED | REG_NOSUB))
			break;
		patterns++;
	}
	all = feof(f);
	fclose(f);
	kmsg_reopen();
	return kmsg >= 0 && all && patterns;
}

/* Only what comes from now on; each process reads for itself. */
void kmsg_reopen(void)
{
	if (kmsg >= 0)
		close(kmsg);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
}

bool kmsg_complains(void)
{
	bool complains = false;
	char line[8200], *text;
	unsigned int i;
	ssize_t n;

	/* EPIPE: some were lost. */
	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		line[n] = '\0';
		text = strchr(line, ';');
		for (i = 0; text && i < patterns; i++) {
			if (regexec(&pattern[i], text + 1, 0, NULL, 0))
				continue;
			printf("WRONG: the kernel: %s", text + 1);
			complains = true;
			break;
		}
	}
	fflush(stdout);
	return complains;
}
