// SPDX-License-Identifier: MIT
#include "base/report.h"

#include <inttypes.h>

static void indent(struct report *report)
{
	(void)buf_printf(report->out, "%*s", (int)(2 * report->depth), "");
}

static void escape(struct report *report, const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
		if (*c == '"' || *c == '\\')
			(void)buf_printf(report->out, "\\%c", *c);
		else if (*c < 0x20 || *c >= 0x7f)
			(void)buf_printf(report->out, "\\u%04x", *c);
		else
			(void)buf_add(report->out, c, 1);
	}
}

/* A name from outside may hold anything; the text stays one line a value, and harmless on a terminal. */
static void put_printable(struct report *report, const char *value)
{
	for (; *value; value++) {
		const char c = (unsigned char)*value < ' ' || *value == 0x7f ? '?' : *value;

		(void)buf_add(report->out, &c, 1);
	}
}

/* What comes before a value: its separator, indent and name. */
static void label(struct report *report, const char *name)
{
	if (report->json && !report->first)
		(void)buf_printf(report->out, ",\n");
	report->first = false;
	indent(report);
	(void)buf_printf(report->out, report->json ? "\"%s\": " : "%s: ", name);
}

static void finish(struct report *report)
{
	if (!report->json)
		(void)buf_printf(report->out, "\n");
}

void report_begin(struct report *report, struct buf *out, bool json)
{
	*report = (struct report){ .out = out, .json = json, .first = true };
	if (!json)
		return;
	(void)buf_printf(out, "{\n");
	report->depth = 1;
}

void report_end(struct report *report)
{
	if (report->json)
		(void)buf_printf(report->out, "\n}\n");
}

void report_open(struct report *report, const char *name)
{
	if (report->json) {
		label(report, name);
		(void)buf_printf(report->out, "{\n");
	} else {
		indent(report);
		(void)buf_printf(report->out, "%s:\n", name);
	}
	report->first = true;
	report->depth++;
}

void report_close(struct report *report)
{
	report->depth--;
	report->first = false;
	if (!report->json)
		return;
	(void)buf_printf(report->out, "\n");
	indent(report);
	(void)buf_printf(report->out, "}");
}

void report_text(struct report *report, const char *name, const char *value)
{
	if (!value && !report->json)
		return;
	label(report, name);
	if (!value) {
		(void)buf_printf(report->out, "null");
	} else if (report->json) {
		(void)buf_printf(report->out, "\"");
		escape(report, value);
		(void)buf_printf(report->out, "\"");
	} else {
		put_printable(report, value);
	}
	finish(report);
}

void report_number(struct report *report, const char *name, uint64_t value)
{
	label(report, name);
	(void)buf_printf(report->out, "%" PRIu64, value);
	finish(report);
}

void report_flag(struct report *report, const char *name, bool value)
{
	label(report, name);
	(void)buf_printf(report->out, report->json ? (value ? "true" : "false") : (value ? "yes" : "no"));
	finish(report);
}
