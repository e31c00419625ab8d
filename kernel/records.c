// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "records.h"

#define HEAD_SIZE ((u32)sizeof(struct dtu_record))

void records_init(struct records *records, void *mem, u32 size)
{
	ring_init(&records->ring, mem, size);
	records->next = 0;
	records->closed = 0;
	records->sequence = 0;
	records->open = false;
	records->keep = false;
}

u32 records_room(const struct records *records, u32 spare)
{
	u32 need = spare + (records->open ? 0 : HEAD_SIZE);
	u32 left = ring_free(&records->ring);

	return left > need ? left - need : 0;
}

/* The head is written when its values are known: leave its place. */
static void records_begin(struct records *records)
{
	if (records->open)
		return;
	records->open = true;
	records->ring.tail += HEAD_SIZE;
}

void records_append(struct records *records, const void *bytes, u32 n)
{
	records_begin(records);
	ring_put(&records->ring, bytes, n);
}

void records_close(struct records *records, struct dtu_record *head)
{
	records_begin(records);
	head->version = DTU_RECORD_VERSION;
	head->length = (u32)(records->ring.tail - records->closed);
	head->sequence = records->sequence++;
	ring_copy_in(&records->ring, records->closed, head, HEAD_SIZE);
	records->closed = records->ring.tail;
	records->open = false;
}

void records_abandon(struct records *records)
{
	records->ring.tail = records->closed;
	records->open = false;
}

u32 records_open_length(const struct records *records)
{
	if (!records->open)
		return 0;
	return (u32)(records->ring.tail - records->closed) - HEAD_SIZE;
}

/* The head of the record at @position; false if there is none. */
static bool head_at(const struct records *records, u64 position, struct dtu_record *head)
{
	if (position == records->closed)
		return false;
	ring_copy_out(&records->ring, position, head, HEAD_SIZE);
	return true;
}

bool records_peek(const struct records *records, struct dtu_record *head)
{
	return head_at(records, records->next, head);
}

void records_copy(const struct records *records, u32 offset, void *bytes, u32 n)
{
	ring_copy_out(&records->ring, records->next + offset, bytes, n);
}

static void forget_taken(struct records *records)
{
	records->ring.head = records->next;
}

void records_consume(struct records *records)
{
	struct dtu_record head;

	if (!records_peek(records, &head))
		return;
	records->next += head.length;
	if (!records->keep)
		forget_taken(records);
}

void records_keep(struct records *records, bool keep)
{
	records->keep = keep;
	if (!keep)
		forget_taken(records);
}

/* Sequence of the next record to take. */
static u64 next_sequence(const struct records *records)
{
	struct dtu_record head;

	return records_peek(records, &head) ? head.sequence : records->sequence;
}

bool records_acknowledge(struct records *records, u64 sequence)
{
	struct ring *ring = &records->ring;
	struct dtu_record head;

	if (sequence >= next_sequence(records))
		return false;
	while (ring->head != records->next) {
		ring_copy_out(ring, ring->head, &head, HEAD_SIZE);
		if (head.sequence > sequence)
			break;
		ring->head += head.length;
	}
	return true;
}

void records_rewind(struct records *records)
{
	records->next = records->ring.head;
}

u64 records_flush(struct records *records, bool keep_first)
{
	u64 dropped = records_open_length(records);
	struct ring *ring = &records->ring;
	struct dtu_record head;
	u64 position = records->next;
	bool first = keep_first;

	forget_taken(records);
	records_abandon(records);
	while (head_at(records, position, &head)) {
		position += head.length;
		if (first)
			ring->tail = position;
		else
			dropped += head.length - HEAD_SIZE;
		first = false;
	}
	if (!keep_first)
		ring->tail = ring->head;
	records->closed = ring->tail;
	return dropped;
}
