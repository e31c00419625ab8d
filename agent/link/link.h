/* SPDX-License-Identifier: MIT */
/*
 * One outgoing connection, socket A or B: resolve, connect, keep connected, send frames, hand over
 * what comes (SPEC 6). TCP and UDP are rows of one table of transports. A link is LONG: connected
 * for as long as it is started; a lost or refused connection is tried again after the retry pause.
 *
 * Frames are sent one a write, neither merged nor split. While the link is down up to
 * LINK_QUEUE_FRAMES wait in order; the oldest is dropped and counted when it is full. A frame that
 * TCP took only in part when the connection broke is sent again whole.
 *
 * A TCP connection has ended as soon as its peer has closed it, in whole or in half. What the peer
 * sent before can still be read, also while the next connection is being made. UDP is connected
 * while it is open: that nobody listens at the other end (ICMP) is counted and changes nothing.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sd_event sd_event;

#define LINK_QUEUE_FRAMES 20
#define LINK_CONNECT_TIMEOUT_S 10

struct link;
struct resolver;

enum link_protocol { LINK_TCP, LINK_UDP };

enum link_state { LINK_STOPPED, LINK_RESOLVING, LINK_CONNECTING, LINK_CONNECTED, LINK_WAITING };

struct link_config {
	enum link_protocol protocol;
	const char *host; /* copied */
	uint16_t port;
	unsigned int retry_s; /* SOCKxTO */
};

/* Called from the loop, never from within a function of this header. None may free the link. */
struct link_events {
	/* Bytes (TCP) or a datagram (UDP) can be read with link_read. Called again until they are. */
	void (*readable)(void *data, struct link *link);
	/*
	 * Connected, or not any more. What came before comes first, except while the link is held
	 * or when sending failed: then it can be read afterwards. Not called for link_stop.
	 */
	void (*state)(void *data, struct link *link, bool connected);
};

struct link_stats {
	enum link_state state;
	const char *error; /* last error in words, or NULL */
	char peer[80];	   /* address and port of the connection, "" if none */
	uint64_t since_us; /* CLOCK_MONOTONIC of the last change of state */
	uint64_t connects; /* successful ones */
	uint64_t failures; /* rounds that ended without a connection, and connections that broke */
	uint64_t tx_frames, tx_bytes, rx_reads, rx_bytes;
	uint64_t dropped_full;	/* frames dropped because the queue was full */
	uint64_t dropped_error; /* frames that a datagram socket refused */
	uint64_t dropped_rx;	/* bytes that had come and were not read when the link was stopped */
	uint64_t cut_rx;	/* datagrams longer than the reader's buffer */
	uint64_t unreachable;	/* ICMP answers to datagrams: nobody listens */
	unsigned int queued;	/* frames waiting now, with one that is on its way in part */
};

/* @name is "A" or "B", for the log. */
int link_new(struct link **link, sd_event *loop, struct resolver *resolver, const char *name,
	     const struct link_events *events, void *data);
void link_free(struct link *link);

/* Start; if it was started, stop first. Queued frames are kept. */
int link_start(struct link *link, const struct link_config *config);
/* Close at once. Queued frames are kept; what was not read is dropped and counted. */
void link_stop(struct link *link);

/* One frame, copied. Never fails but for memory: a full queue drops its oldest frame. */
int link_send(struct link *link, const void *frame, size_t length);

/*
 * Up to @size bytes (TCP) or one datagram of what has come. 0: nothing now. After a peer's close
 * what it sent before can still be read. A datagram longer than @size is cut and counted.
 */
size_t link_read(struct link *link, void *buffer, size_t size);

/*
 * Hold the peer back (TCP window) while nobody wants the data, and go on. That the peer closes or
 * resets is still noticed. For TCP only: what a UDP socket's own buffer drops is not counted.
 */
void link_hold(struct link *link, bool hold);

bool link_connected(const struct link *link);
void link_stats(const struct link *link, struct link_stats *stats);
const char *link_state_name(enum link_state state);

/* Names to addresses without ever blocking the loop: c-ares on the loop's descriptors and timers. */
int resolver_new(struct resolver **resolver, sd_event *loop);
void resolver_free(struct resolver *resolver);

#endif
