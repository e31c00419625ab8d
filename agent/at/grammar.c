// SPDX-License-Identifier: MIT
#include "at/grammar.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "at/reply.h"

static void trim(const char **p, size_t *n)
{
	for (; *n && **p == ' '; (*p)++)
		(*n)--;
	while (*n && (*p)[*n - 1] == ' ')
		(*n)--;
}

static bool is_question(const char *p, size_t n)
{
	trim(&p, &n);
	return n == 1 && *p == '?';
}

static size_t name_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '=' && p[i] != '?')
		i++;
	return i;
}

static void split_form(struct at_line *out, const char *p, size_t n)
{
	if (!n)
		out->form = AT_FORM_PLAIN;
	else if (*p == '?')
		out->form = is_question(p, n) ? AT_FORM_ASK : AT_FORM_NONE;
	else
		out->form = is_question(p + 1, n - 1) ? AT_FORM_RANGE : AT_FORM_SET;
	if (out->form != AT_FORM_SET)
		return;
	out->text = p + 1;
	out->length = n - 1;
}

int at_split(struct at_line *out, const void *line, size_t length)
{
	const char *p = line;
	size_t n = length;

	*out = (struct at_line){ 0 };
	if (n < 2 || strncasecmp(p, "AT", 2) != 0)
		return AT_ERROR_NO_AT;
	p += 2;
	n -= 2;
	if (n && *p == '+') {
		p++;
		n--;
		out->name = p;
		out->name_length = name_length(p, n);
		split_form(out, p + out->name_length, n - out->name_length);
		trim(&out->name, &out->name_length);
		return out->name_length ? 0 : AT_ERROR_NO_COMMAND;
	}
	out->name = line;
	out->name_length = 2;
	trim(&p, &n);
	if (n && *p != '?' && *p != '=')
		return AT_ERROR_NO_COMMAND;
	split_form(out, p, n);
	return 0;
}
