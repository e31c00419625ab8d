/* SPDX-License-Identifier: MIT */
/*
 * Nested names and values, written as indented text or as JSON by the same calls. Strings may hold
 * any bytes: in text control characters show as ?, in JSON what is no ASCII text is escaped byte by
 * byte.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct report {
	struct buf *out;
	bool json;
	bool first; /* of its object */
	unsigned int depth;
};

void report_begin(struct report *report, struct buf *out, bool json);
void report_end(struct report *report);

void report_open(struct report *report, const char *name);
void report_close(struct report *report);
/* NULL: null in JSON, left out of the text. */
void report_text(struct report *report, const char *name, const char *value);
void report_number(struct report *report, const char *name, uint64_t value);
void report_flag(struct report *report, const char *name, bool value);

#endif
