// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "ring.h"

void ring_init(struct ring *ring, void *mem, u32 size)
{
	ring->mem = mem;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
}

/* Bytes from @position up to where the memory wraps. */
static u32 ring_run(const struct ring *ring, u64 position)
{
	return ring->size - ((u32)position & (ring->size - 1));
}

void ring_copy_in(struct ring *ring, u64 position, const void *bytes, u32 n)
{
	u32 run = min_t(u32, n, ring_run(ring, position));

	memcpy(ring->mem + ((u32)position & (ring->size - 1)), bytes, run);
	memcpy(ring->mem, (const u8 *)bytes + run, n - run);
}

void ring_copy_out(const struct ring *ring, u64 position, void *bytes, u32 n)
{
	u32 run = min_t(u32, n, ring_run(ring, position));

	memcpy(bytes, ring->mem + ((u32)position & (ring->size - 1)), run);
	memcpy((u8 *)bytes + run, ring->mem, n - run);
}

void ring_put(struct ring *ring, const void *bytes, u32 n)
{
	ring_copy_in(ring, ring->tail, bytes, n);
	ring->tail += n;
}

u32 ring_head(const struct ring *ring, const u8 **bytes)
{
	*bytes = ring->mem + ((u32)ring->head & (ring->size - 1));
	return min_t(u32, ring_used(ring), ring_run(ring, ring->head));
}
