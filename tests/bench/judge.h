/* SPDX-License-Identifier: MIT */
/*
 * Compares what was sent to the network with what was on the wire. The truth is the UART's log: a
 * frame ends where the line is silent for the gap or longer. What was sent are the places in the
 * stream where a TCP segment ends, and when.
 *
 * A frame is right if a segment begins at its first byte and one ends at its last, with no end
 * between. It is cut if one ends between, merged if its first or last byte shares a segment with
 * another frame's; it can be both.
 */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../uart-sim/uart_sim.h"

struct mark {
	uint64_t end; /* bytes of the stream up to here */
	uint64_t ns;  /* when the last of them ended on the wire, or was sent */
	uint64_t handed_ns;
};

struct marks {
	struct mark *at;
	size_t first, next, room;
};

struct verdict {
	uint64_t frames, right, cut, merged;
	uint64_t joints;    /* ends of frames at which no segment ends */
	uint64_t blind;	    /* of these: the UART handed over both sides in one interrupt */
	uint64_t blind_cut; /* of the cut: the UART's interrupt was late by more than the gap */
};

struct judge {
	uint64_t gap_ns;
	uint64_t keeps_ns;    /* so long the UART may keep a byte */
	uint64_t bytes, hash; /* delivered by the UART */
	uint64_t lost;	      /* bytes that the UART did not deliver */
	struct uart_sim_log last;
	bool last_handed;
	uint32_t warm; /* so many frames are not judged yet */
	bool aligned;  /* a segment ended at the end of the frame before */
	uint64_t sent;
	struct marks frames, segments;
	struct marks late; /* where the UART's driver saw silence though the line was not silent */
	struct verdict verdict;
	uint64_t *latency_ns; /* from the end of the last byte until it was sent, a frame each */
	size_t latencies, room;
};

#define HASH_EMPTY 0xcbf29ce484222325ULL

/* Depends on the order of the bytes; begin with HASH_EMPTY. */
uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t n);

/* The first @warm frames are not judged: what starts is cold. */
void judge_begin(struct judge *judge, uint64_t gap_ns, uint64_t keeps_ns, uint32_t warm);
/* The next entry of the log; NULL: there are no more. */
void judge_byte(struct judge *judge, const struct uart_sim_log *byte);
/* @end: bytes sent so far, this segment included. */
void judge_segment(struct judge *judge, uint64_t end, uint64_t ns);
void judge_free(struct judge *judge);

#endif
