/* SPDX-License-Identifier: MIT */
/*
 * The TCP segments of the loopback as they are sent, whole with their times, however late anybody
 * reads them: a reader of the connection would see two that came close together as one.
 */
#ifndef BENCH_CAPTURE_H
#define BENCH_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

struct capture {
	int fd;
	int64_t to_monotonic_ns;
};

struct segment {
	uint16_t from, to; /* ports */
	uint32_t sequence;
	uint32_t length; /* of its data, never 0 */
	uint64_t ns;	 /* CLOCK_MONOTONIC */
};

/* Both end the program on failure. */
void capture_open(struct capture *capture);
/* The next one, or false if none is there. */
bool capture_next(struct capture *capture, struct segment *segment);
/* How many were lost since the last call, because nobody fetched them in time. */
uint32_t capture_lost(struct capture *capture);

#endif
