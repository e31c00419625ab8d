/* SPDX-License-Identifier: MIT */
/*
 * What came from one socket and waits for the serial port: up to DOWNLINK_LIMIT bytes, as the
 * units in which it was read. A unit leaves whole or, if the port has too little room, in pieces
 * with nothing of another socket between them.
 */
#ifndef MODE_DOWNLINK_H
#define MODE_DOWNLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DOWNLINK_LIMIT 65536

/* Zero-initialise. */
struct downlink {
	struct buf buf;	  /* units, each behind its length */
	size_t waiting;	  /* their bytes */
	size_t rest;	  /* of the unit that is leaving; its length has left the buffer */
	uint64_t dropped; /* bytes */
};

/* Room for one more unit, in bytes. */
size_t downlink_room(const struct downlink *downlink);

/* One unit, of at most 65535 bytes, whole; if it does not fit it is dropped and counted. */
void downlink_add(struct downlink *downlink, const uint8_t *bytes, size_t length);

/* What may leave next: at most the rest of one unit. 0: nothing waits. */
size_t downlink_peek(struct downlink *downlink, const uint8_t **bytes);
/* @length bytes of that have left. */
void downlink_take(struct downlink *downlink, size_t length);

/* A unit has left in part. */
bool downlink_begun(const struct downlink *downlink);

/* Drop all that waits, and count it. */
void downlink_drop(struct downlink *downlink);
void downlink_free(struct downlink *downlink);

#endif
