/* SPDX-License-Identifier: MIT */
/* One request to a running dtud over its control socket (control/control.h). */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/buf.h"

/* Exit statuses of dtuctl. */
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_AGENT = 3 };

/* Which agent is meant; both NULL: the only one there is. */
struct target {
	const char *socket; /* path */
	const char *port;   /* name of the tty, with or without /dev/ */
};

/*
 * The path of the target's socket, to be freed. On failure one line has been written to standard
 * error, and NULL is returned.
 */
char *client_path(const struct target *target);

/*
 * Send @line and append all that comes back to @answer. Returns dtuctl's exit status; if it is not
 * EXIT_SUCCESS, one line has been written to standard error.
 */
int client_ask(const char *path, const char *line, struct buf *answer);

#endif
