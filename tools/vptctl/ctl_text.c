// SPDX-License-Identifier: GPL-2.0
/* Names and numbers, for people and for programs. */
#include <cpuid.h>

#include "ctl.h"

/* This machine's CPU, as far as the meaning of an entry depends on it. */
const struct spec_cpu *ctl_cpu(void)
{
	static struct spec_cpu cpu;
	unsigned int a, b, c, d;

	if (cpu.maxphyaddr)
		return &cpu;
	cpu.maxphyaddr = 36;
	if (__get_cpuid(0x80000008, &a, &b, &c, &d))
		cpu.maxphyaddr = a & 0xff;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		cpu.page1g = d >> 26 & 1;
	/* The module is not inserted without NX. */
	cpu.nxe = true;
	return &cpu;
}

const char *ctl_table_name(unsigned int level)
{
	static const char *const names[] = { "?", "PT", "PD", "PDPT", "PML4" };

	return names[level];
}

const char *ctl_size_name(unsigned int level)
{
	static const char *const names[] = { "?", "4K", "2M", "1G", "512G" };

	return names[level];
}

const char *ctl_child_name(enum ctl_child child)
{
	static const char *const names[] = { "", "vpt", "shared", "untracked" };

	return names[child];
}

const char *ctl_rights(bool writable, bool execute_disable)
{
	static const char *const names[] = { "r--", "r-x", "rw-", "rwx" };

	return names[2 * writable + !execute_disable];
}

const char *ctl_bytes(u64 bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	static char text[4][24];
	static unsigned int next;
	char *to = text[next++ % 4];
	double n = (double)bytes;
	unsigned int unit = 0;

	for (; n >= 1024 && unit < 4; unit++)
		n /= 1024;
	snprintf(to, sizeof(text[0]), n == (double)(u64)n ? "%.0f %s" : "%.1f %s", n,
		 units[unit]);
	return to;
}

void ctl_json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

/* Decimal numbers as numbers; others would not fit into a double: as strings. */
void ctl_json_line(FILE *out, const struct ctl_line *line)
{
	unsigned int i, digits;

	fputc('{', out);
	for (i = 0; i < line->n; i++) {
		const char *v = line->text + line->value[i];

		fputs(i ? ", " : "", out);
		ctl_json_string(out, line->text + line->key[i]);
		fputs(": ", out);
		for (digits = 0; v[digits] >= '0' && v[digits] <= '9'; digits++)
			;
		if (digits && digits < 16 && !v[digits])
			fputs(v, out);
		else
			ctl_json_string(out, v);
	}
	fputc('}', out);
}

void ctl_json_entry(FILE *out, const struct ctl_entry *e)
{
	const struct spec_entry *s = &e->seen;

	fprintf(out, "{\"id\": %llu, \"va\": \"%#llx\", \"level\": %u, \"table\": \"%#llx\", \"index\": %u, \"entry\": \"%#llx\", \"kind\": \"%s\"",
		(unsigned long long)e->id, (unsigned long long)e->va, e->level,
		(unsigned long long)e->table, e->index, (unsigned long long)e->raw,
		s->kind == SPEC_ABSENT ? "absent" : s->kind == SPEC_TABLE ? "table" : "leaf");
	if (s->kind != SPEC_ABSENT)
		fprintf(out, ", \"address\": \"%#llx\", \"writable\": %s, \"user\": %s, \"execute_disable\": %s, \"accessed\": %s, \"reserved_bits\": \"%#llx\"",
			(unsigned long long)s->addr, s->writable ? "true" : "false",
			s->user ? "true" : "false", s->execute_disable ? "true" : "false",
			s->accessed ? "true" : "false", (unsigned long long)s->reserved);
	if (s->kind == SPEC_LEAF)
		fprintf(out, ", \"dirty\": %s, \"bytes\": %llu", s->dirty ? "true" : "false",
			(unsigned long long)spec_size(e->level));
	if (e->child != CTL_NO_TABLE)
		fprintf(out, ", \"child\": \"%s\", \"live\": %u", ctl_child_name(e->child),
			e->live);
	fputc('}', out);
}
