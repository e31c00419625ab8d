/* SPDX-License-Identifier: MIT */
/*
 * One round of connecting to all addresses of a host (RFC 8305): IPv6 first, the families
 * interleaved, the next attempt when the last one fails or after a delay, the first to connect
 * wins and the others are closed before any of them has carried a byte.
 *
 * Addresses may arrive while the race runs, one family after the other. A round that fails is one
 * failure, however many addresses were tried.
 */
#ifndef LINK_RACE_H
#define LINK_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/timer.h"
#include "link/address.h"
#include "link/transport.h"

#define RACE_ADDRESSES 16

/* How long IPv4 addresses that came first wait for the IPv6 ones (RFC 8305, 3). */
#define RACE_FAMILY_DELAY_US 50000

/* The next attempt begins after twice the time the last connection took, within these bounds. */
#define RACE_DELAY_MIN_US 250000
#define RACE_DELAY_MAX_US 2000000

struct race;

struct attempt {
	struct race *race;
	struct address address;
	bool tried;
	int fd; /* -1 if not on its way */
	sd_event_source *source;
	uint64_t begun_us;
};

struct race {
	sd_event *loop;
	const struct transport *transport; /* NULL: no race is on */
	/* The end: a connected socket, now the callee's, or -1 and the negative errno. */
	void (*done)(void *data, int fd, const struct address *peer, int error);
	void *data;
	struct attempt attempts[RACE_ADDRESSES];
	size_t count;
	bool complete; /* no more addresses will come */
	bool begun;
	int family; /* tried last */
	int error;
	uint64_t connect_us; /* that the last successful connection took */
	struct timer next, deadline;
};

/* Once; then any number of rounds. */
void race_init(struct race *race, sd_event *loop,
	       void (*done)(void *data, int fd, const struct address *peer, int error), void *data);

/* Begin a round without addresses. */
void race_begin(struct race *race, const struct transport *transport);

/* Add addresses; what does not fit is left out. May end the race: calls done. */
void race_add(struct race *race, const struct address *addresses, size_t n);

/* There are no more addresses. May end the race: calls done. */
void race_complete(struct race *race);

/* Give up; done is not called. */
void race_stop(struct race *race);

/* Same, for good. */
void race_free(struct race *race);

#endif
