/* SPDX-License-Identifier: MIT */
/*
 * The AT engine: one command line in, one reply out (SPEC 3 and 4). It knows nothing of where the
 * line came from but the way in; whoever owns the channel writes the reply and carries out what
 * the command asks for afterwards, in the order that enum at_after says.
 */
#ifndef AT_AT_H
#define AT_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "settings/settings.h"

/* The longest legal line, without its line end (SPEC 2). */
#define AT_LINE_MAX 2304

enum at_way {
	AT_WAY_COMMAND, /* command mode on the serial port */
	AT_WAY_SERIAL,	/* password and command in the serial data */
	AT_WAY_NETWORK, /* the same from a server */
	AT_WAY_SMS,
	AT_WAY_TOPIC,
	AT_WAY_CONTROL, /* the control socket */
};

/* What remains to be done by the channel. */
enum at_after {
	AT_AFTER_NOTHING,
	AT_AFTER_DATA_MODE, /* leave command mode before the reply is written */
	AT_AFTER_RESTART,   /* reply written and drained, then soft restart */
};

/* What the engine asks of the device around it. */
struct at_device {
	void *data;
	/* Whether socket 0 (A) or 1 (B) is connected. */
	bool (*link_connected)(void *data, unsigned int socket);
	/* A setting whose effect is "now" has changed. */
	void (*changed)(void *data, enum setting_id id);
	/* Can the port do hardware flow control, this rate ...? 0 or -errno: then error 4. */
	int (*check)(void *data, enum setting_id id, const struct value *values, size_t n);
};

struct at {
	struct settings *settings;
	const struct at_device *device;
};

/*
 * Execute @line (no line end; AT_LINE_MAX bytes at most) and append the reply's exact bytes to
 * @reply, echo included where the way has one.
 */
enum at_after at_execute(const struct at *at, enum at_way way, const void *line, size_t length, struct buf *reply);

/* The reply to a line that was too long and dropped: error 4. */
void at_too_long(struct buf *reply);

#endif
