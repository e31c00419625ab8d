/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A bounded ring of bytes in memory that the caller gives. Positions only grow; a position is
 * where a byte was put, counted from the beginning. No locking: the caller has it.
 */
#ifndef DTU_RING_H
#define DTU_RING_H

#include "core.h"

struct ring {
	u8 *mem;
	u32 size;	/* a power of two */
	u64 head;	/* position of the oldest byte kept */
	u64 tail;	/* position behind the newest */
};

void ring_init(struct ring *ring, void *mem, u32 size);

static inline u32 ring_used(const struct ring *ring)
{
	return (u32)(ring->tail - ring->head);
}

static inline u32 ring_free(const struct ring *ring)
{
	return ring->size - ring_used(ring);
}

/* Append @n bytes; the caller has checked ring_free(). */
void ring_put(struct ring *ring, const void *bytes, u32 n);

/* Copy @n bytes at @position out of, or over, what is kept there. */
void ring_copy_out(const struct ring *ring, u64 position, void *bytes, u32 n);
void ring_copy_in(struct ring *ring, u64 position, const void *bytes, u32 n);

/* The bytes at the head that lie in one piece; returns how many. */
u32 ring_head(const struct ring *ring, const u8 **bytes);

#endif /* DTU_RING_H */
