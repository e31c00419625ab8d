/* SPDX-License-Identifier: MIT */
/* The form of a command line (SPEC 3): which name, asked how, with what behind the equals sign. */
#ifndef AT_GRAMMAR_H
#define AT_GRAMMAR_H

#include <stddef.h>

enum at_form {
	AT_FORM_PLAIN, /* AT+X */
	AT_FORM_ASK,   /* AT+X? */
	AT_FORM_RANGE, /* AT+X=? */
	AT_FORM_SET,   /* AT+X=... */
	AT_FORM_NONE,  /* anything else behind the name */
};

struct at_line {
	const char *name; /* as typed, no blanks around it; "AT" for the bare command */
	size_t name_length;
	enum at_form form;
	const char *text; /* AT_FORM_SET: what is behind the equals sign */
	size_t length;
};

/* Points into @line. 0, or the number of the error: 1 no AT, 2 nothing that could be a command. */
int at_split(struct at_line *out, const void *line, size_t length);

#endif
