/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a local UNIX stream socket, mode 0660, one request a line.
 *
 *	AT+X		the reply's exact bytes
 *	status		how things stand, in words
 *	status json	the same as JSON
 *
 * Anything else gets one line "error: ...". All requests are answered in order; after the client's
 * end of file the connection is closed once the answers are written. Everything is bounded: the
 * clients, a line, the bytes that wait, the time a client may take to read them.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct sd_event sd_event;

#define CONTROL_CLIENTS 16

struct control;

/* Called from the loop; may not close the control socket. */
struct control_calls {
	/* Append the reply to the command line; longer ones than AT_LINE_MAX come cut, one byte too long. */
	void (*at)(void *data, const uint8_t *line, size_t length, struct buf *reply);
	void (*status)(void *data, bool json, struct buf *out);
};

/*
 * Listen at @path. A socket that nobody listens at any more is replaced; -EADDRINUSE: somebody
 * does; -EEXIST: something that is no socket stands there.
 */
int control_open(struct control **control, sd_event *loop, const char *path, const struct control_calls *calls,
		 void *data);
void control_close(struct control *control);

#endif
