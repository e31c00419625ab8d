/* SPDX-License-Identifier: MIT */
/*
 * The serial port: frames, lines and escape events in, bytes out. Framing is done by n_dtu in the
 * kernel, or by the fallback, which runs the same core in this process; both are rows of one table
 * (port/framing.h).
 *
 * Bytes out: replies and data are queued whole, in order, so that they never mix. Data from the
 * network asks for port_room first, which is 0 while the port is held (from our "a" until the
 * escape is decided, and in command mode) or its queue is full.
 */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/n_dtu.h>

#include "port/framing.h"
#include "port/tuning.h"

typedef struct sd_event sd_event;

struct port;

/* Bytes of network data that the port takes before the serial line has sent them. */
#define PORT_DATA_QUEUE 4096

/* What AT+UART, UARTFT and UARTFL say. */
struct port_config {
	unsigned int baud;
	unsigned int data_bits; /* 7, 8 */
	unsigned int stop_bits; /* 1, 2 */
	char parity;		/* N, O, E */
	bool flow;		/* RTS/CTS */
	unsigned int gap_ms;
	unsigned int length;
	const struct tuning *tuning; /* NULL: nothing */
};

/* Called from the loop, in the order in which things happened on the line. */
struct port_events {
	void (*frame)(void *data, const uint8_t *bytes, size_t length);
	/* A command line; bytes behind it wait until port_resume. @bytes NULL: it was too long. */
	void (*line)(void *data, const uint8_t *bytes, size_t length);
	/* DTU_RECORD_SEEN, _CONFIRMED or _ABORTED. */
	void (*escape)(void *data, enum dtu_record_type event);
	/* There is port_room, and more than before: bytes have left the queue or the hold is over. */
	void (*room)(void *data);
	/* Everything queued has left the line. Follows port_drain. */
	void (*drained)(void *data);
	/* The tty is gone. */
	void (*lost)(void *data, int error);
};

struct port_stats {
	const char *framing; /* "n_dtu" or "fallback" */
	char name[64];
	struct framing_stats line;
	size_t queued; /* bytes waiting to be written */
};

/*
 * Open @path, take it for us alone, attach the framing. On failure the reason is logged in one
 * line that names the path and the way out, and a negative errno returned.
 */
int port_open(struct port **port, sd_event *loop, const char *path, bool fallback, const struct port_events *events,
	      void *data);
void port_close(struct port *port);

/* Apply @config to the line and the framing; bytes on their way are kept. -EINVAL: the line can't. */
int port_configure(struct port *port, const struct port_config *config);

/* After each line: read on in @mode. */
int port_resume(struct port *port, enum dtu_mode mode);

/*
 * Leave a command mode that was left behind (ENTM, Z from elsewhere). Lines that were complete
 * before are handed out first; a line begun comes as data.
 */
void port_release(struct port *port);

/* Queue @length bytes, all of them or -ENOBUFS. For replies, notices and, within port_room, data. */
int port_write(struct port *port, const void *bytes, size_t length);

/* How many bytes of data from the network may be written now. */
size_t port_room(const struct port *port);

/* Whether data from the network may be written. */
enum port_hold {
	PORT_FREE,
	PORT_PAUSED,  /* for a moment: +++ is undecided, or a restart is on its way */
	PORT_COMMAND, /* the host is in command mode */
};

void port_hold(struct port *port, enum port_hold hold);

/* In command mode: what waits for it is dropped if its connection ends (SPEC 2). */
bool port_held(const struct port *port);

/* Whether the line has RTS and CTS. */
bool port_has_flow_control(const struct port *port);

/* Ask for the drained event. */
void port_drain(struct port *port);

int port_stats(struct port *port, struct port_stats *stats);

#endif
