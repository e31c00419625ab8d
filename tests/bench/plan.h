/* SPDX-License-Identifier: MIT */
/*
 * What a host says: frames of random length and content with pauses inside them and silences between
 * them, all from one seed. The same seed says the same, whoever listens.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdint.h>

#include "../uart-sim/uart_sim.h"

/* Pauses are given in percent of the gap. */
struct plan_settings {
	uint64_t gap_ns;
	uint32_t frames;
	uint32_t shortest, longest; /* frames, in bytes */
	uint32_t inside;	    /* the pause at one place in each frame; 0: none */
	uint32_t between, most;	    /* the silence between two frames: the first, or up to the second */
};

struct plan {
	const struct plan_settings *settings;
	uint64_t random;
	uint32_t frame;	   /* frames begun */
	uint32_t length;   /* of this one */
	uint32_t position; /* in it */
	uint32_t pause_at;
};

void plan_begin(struct plan *plan, const struct plan_settings *settings, uint64_t seed);

/* Up to @room bytes of the script; fewer, or none, at the end. */
uint32_t plan_next(struct plan *plan, struct uart_sim_byte *bytes, uint32_t room);

#endif
