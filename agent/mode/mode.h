/* SPDX-License-Identifier: MIT */
/*
 * A working mode (AT+WKMOD) carries frames from the serial port to the network and back. Each is
 * one ops table; the rest of the agent knows only this header (SPEC 6).
 */
#ifndef MODE_MODE_H
#define MODE_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "link/link.h"
#include "port/port.h"
#include "settings/settings.h"

struct mode;

/* What a mode works with; outlives it. */
struct mode_env {
	sd_event *loop;
	struct settings *settings;
	struct resolver *resolver;
	struct port *port;
};

/* How a socket stands, for SOCKxLK and status. */
struct mode_socket {
	bool enabled;
	const char *protocol; /* of the address in force, with host and port; valid until the next restart */
	const char *host;
	unsigned int port;
	const char *blocked; /* why it is not started although enabled, or NULL */
	struct link_stats link;
	size_t downlink;	   /* bytes that wait for the serial port */
	uint64_t downlink_dropped; /* bytes dropped: connection ended in command mode, datagrams while full */
};

struct mode_ops {
	const char *name; /* as AT+WKMOD has it */
	int (*start)(struct mode **mode, const struct mode_env *env);
	void (*stop)(struct mode *mode);
	/*
	 * Read the settings anew (AT+Z): connections begin afresh, frames that wait are kept.
	 */
	int (*restart)(struct mode *mode);
	/* One frame from the serial port. */
	void (*frame)(struct mode *mode, const uint8_t *bytes, size_t length);
	/* The port has room for data from the network again. */
	void (*room)(struct mode *mode);
	/* A setting that acts at once was changed. */
	void (*changed)(struct mode *mode, enum setting_id id);
	bool (*connected)(struct mode *mode, unsigned int socket);
	/* False: the mode has no such socket. */
	bool (*socket)(struct mode *mode, unsigned int socket, struct mode_socket *out);
};

extern const struct mode_ops mode_net;

/* The mode of that name (AT+WKMOD), or NULL if this build has none. */
const struct mode_ops *mode_find(const char *name);

#endif
