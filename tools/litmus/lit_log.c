// SPDX-License-Identifier: GPL-2.0
/* What herd and litmus7 print about a condition, for programs that read their logs. */
#include "lit.h"

void lit_log_begin(struct lit_log *log, const struct lit_test *test)
{
	unsigned int i = 0;

	while (i + 1 < test->nconds && test->cond[i].sort == LIT_INTERESTING)
		i++;
	if (test->cond[i].sort == LIT_INTERESTING)
		i = 0;
	*log = (struct lit_log){ .cond = &test->cond[i] };
}

void lit_log_count(struct lit_log *log, const struct lit_test *test,
		   const struct lit_outcome *outcome, unsigned long long n)
{
	if (lit_holds(test, log->cond, outcome) != log->cond->forall)
		log->positive += n;
	else
		log->negative += n;
}

static bool lit_log_forbids(const struct lit_log *log)
{
	return log->cond->sort == LIT_FORBIDDEN && !log->cond->forall;
}

const char *lit_log_kind(const struct lit_log *log)
{
	return log->cond->forall ? "Required" : lit_log_forbids(log) ? "Forbidden" : "Allowed";
}

/* Whether the first parenthesis is closed by the last character. */
static bool lit_in_parentheses(const char *text)
{
	int depth = 0;

	if (*text != '(')
		return false;
	for (; *text; text++) {
		depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
		if (!depth)
			return !text[1];
	}
	return false;
}

void lit_log_condition(FILE *out, const struct lit_log *log)
{
	const bool closed = lit_in_parentheses(log->cond->text);

	fprintf(out, "%s %s%s%s", log->cond->forall ? "forall" :
		lit_log_forbids(log) ? "~exists" : "exists", closed ? "" : "(",
		log->cond->text, closed ? "" : ")");
}

bool lit_log_validated(const struct lit_log *log)
{
	if (log->cond->forall)
		return !log->negative;
	return lit_log_forbids(log) ? !log->positive : log->positive;
}

void lit_log_witnesses(FILE *out, const struct lit_log *log, const char *comma)
{
	const bool forbids = lit_log_forbids(log);

	fprintf(out, "Positive: %llu%s Negative: %llu\n",
		forbids ? log->negative : log->positive, comma,
		forbids ? log->positive : log->negative);
}

/* Of the text: logs with one hash are of one test. */
void lit_log_hash(FILE *out, const struct lit_test *test)
{
	fprintf(out, "Hash=%016llx\n", test->digest);
}

/* herd counts witnesses of what was claimed; the observation is of the condition. */
void lit_log_observation(FILE *out, const struct lit_test *test, const struct lit_log *log)
{
	fprintf(out, "Observation %s %s %llu %llu\n", test->name,
		!log->positive ? "Never" : log->negative ? "Sometimes" : "Always",
		log->positive, log->negative);
}

void lit_print_outcome(FILE *out, const struct lit_test *test,
		       const struct lit_outcome *outcome)
{
	unsigned int i;

	for (i = 0; i < test->nobs; i++) {
		const struct lit_obs *o = &test->obs[i];

		fputs(i ? " " : "", out);
		if (o->reg) {
			fprintf(out, "%u:%s", o->thread, test->thread[o->thread].reg[o->index]);
		} else {
			fputs(o->loc.space == LIT_IN_FLAG ? test->flag[o->loc.index].name :
			      test->frame[o->loc.index].name, out);
			/* herd's readers know no plus there. */
			if (o->loc.page)
				fprintf(out, ".%u", o->loc.page);
			if (o->loc.slot)
				fprintf(out, "[%u]", o->loc.slot);
		}
		fprintf(out, "=%s;", lit_value_name(test, outcome->v[i]));
	}
}
