/* SPDX-License-Identifier: MIT */
/*
 * Frames that wait for a connection: in order, each with its boundaries, at most
 * LINK_QUEUE_FRAMES. A full queue drops its oldest frame and counts it. A frame is one
 * allocation, made when it is queued.
 */
#ifndef LINK_QUEUE_H
#define LINK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "link/link.h"

struct frame {
	size_t length;
	uint8_t bytes[];
};

/* Zero-initialise. */
struct queue {
	struct frame *ring[LINK_QUEUE_FRAMES];
	unsigned int head; /* the oldest */
	unsigned int count;
	uint64_t dropped;
};

/* A copy of @length bytes, or NULL. Free with free(). */
struct frame *frame_new(const void *bytes, size_t length);

/* Behind all others. The queue owns @frame. */
void queue_push(struct queue *queue, struct frame *frame);
/* The oldest, now the caller's, or NULL. */
struct frame *queue_pop(struct queue *queue);
/* Back to the head. In a full queue it is itself the oldest: dropped and counted. */
void queue_put_back(struct queue *queue, struct frame *frame);

void queue_clear(struct queue *queue);

#endif
