// SPDX-License-Identifier: MIT
#include "link/queue.h"

#include <stdlib.h>
#include <string.h>

struct frame *frame_new(const void *bytes, size_t length)
{
	struct frame *frame = malloc(sizeof(*frame) + length);

	if (!frame)
		return NULL;
	frame->length = length;
	memcpy(frame->bytes, bytes, length);
	return frame;
}

struct frame *queue_pop(struct queue *queue)
{
	struct frame *frame;

	if (!queue->count)
		return NULL;
	frame = queue->ring[queue->head];
	queue->head = (queue->head + 1) % LINK_QUEUE_FRAMES;
	queue->count--;
	return frame;
}

void queue_push(struct queue *queue, struct frame *frame)
{
	if (queue->count == LINK_QUEUE_FRAMES) {
		free(queue_pop(queue));
		queue->dropped++;
	}
	queue->ring[(queue->head + queue->count) % LINK_QUEUE_FRAMES] = frame;
	queue->count++;
}

void queue_put_back(struct queue *queue, struct frame *frame)
{
	if (queue->count == LINK_QUEUE_FRAMES) {
		free(frame);
		queue->dropped++;
		return;
	}
	queue->head = (queue->head + LINK_QUEUE_FRAMES - 1) % LINK_QUEUE_FRAMES;
	queue->ring[queue->head] = frame;
	queue->count++;
}

void queue_clear(struct queue *queue)
{
	struct frame *frame;

	while ((frame = queue_pop(queue)))
		free(frame);
}
