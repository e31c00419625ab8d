/* SPDX-License-Identifier: MIT */
/* The exact bytes of replies (SPEC 3). What does not fit sets reply->truncated. */
#ifndef AT_REPLY_H
#define AT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum at_error {
	AT_ERROR_NO_AT = 1,	 /* does not begin with AT */
	AT_ERROR_NO_COMMAND = 2, /* no such command */
	AT_ERROR_FORM = 3,	 /* not allowed in this form */
	AT_ERROR_RANGE = 4,	 /* number or range of parameters */
	AT_ERROR_FAILED = 5,	 /* the command failed */
};

void reply_ok(struct buf *reply);
void reply_error(struct buf *reply, enum at_error error);

/* The line as typed. */
void reply_echo(struct buf *reply, const void *line, size_t length);

/* What precedes the value of a query or a range, and what follows it. */
void reply_head(struct buf *reply, const char *name, bool blank);
void reply_end(struct buf *reply);

#endif
