/* SPDX-License-Identifier: MIT */
/* Test Anything Protocol on standard output: one program, many checks, the plan at the end. */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned int tap_count, tap_failures;

static inline void tap_bytes(const char *what, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	printf("#   %s (%zu bytes): \"", what, n);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r')
			printf("\\r");
		else if (p[i] == '\n')
			printf("\\n");
		else if (isprint(p[i]))
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
	}
	printf("\"\n");
}

/* A name from any bytes: what TAP or a terminal would take amiss is left out. */
static inline void tap_name(const char *name)
{
	for (; *name; name++)
		putchar(isprint((unsigned char)*name) && *name != '#' && *name != '\\' ? *name : '.');
	putchar('\n');
}

__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool ok, const char *format, ...)
{
	char name[3000];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	tap_failures += !ok;
	printf("%sok %u - ", ok ? "" : "not ", ++tap_count);
	tap_name(name);
	fflush(stdout);
	return ok;
}

static inline bool tap_same(const void *got, size_t got_length, const void *want, size_t want_length, const char *name)
{
	bool same = got_length == want_length && (!want_length || !memcmp(got, want, want_length));

	tap_ok(same, "%s", name);
	if (!same) {
		tap_bytes("got", got, got_length);
		tap_bytes("want", want, want_length);
	}
	return same;
}

static inline bool tap_is(long got, long want, const char *name)
{
	bool same = tap_ok(got == want, "%s", name);

	if (!same)
		printf("#   got %ld, want %ld\n", got, want);
	return same;
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failures != 0;
}

#endif
