// SPDX-License-Identifier: MIT
/*
 * The queue of records against a plain list: each byte is something to do with both. Whatever is
 * done, they hold the same records, with the same bytes, and the same room.
 *
 * sources: kernel/records.c kernel/ring.c
 * flags: -O2
 * length: 600
 * covers: 95 kernel/records.c kernel/ring.c
 */
#include <stdlib.h>

#include "records.h"

#define SIZE 512U
#define HEAD ((u32)sizeof(struct dtu_record))
#define MOST 8192

/* A record of @n bytes that count up from @first. */
struct item {
	u64 sequence;
	u32 n;
	u8 first;
};

struct list {
	struct item items[MOST]; /* from oldest to next: taken and kept; from next to end: to take */
	u32 oldest, next, end;
	struct item open;
	bool is_open, keep;
	u64 sequence;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static u32 used(const struct list *list)
{
	u32 bytes = list->is_open ? HEAD + list->open.n : 0;

	for (u32 i = list->oldest; i < list->end; i++)
		bytes += HEAD + list->items[i].n;
	return bytes;
}

static u32 room(const struct list *list, u32 spare)
{
	u32 need = used(list) + spare + (list->is_open ? 0 : HEAD);

	return need < SIZE ? SIZE - need : 0;
}

static void append(struct records *records, struct list *list, u8 choice)
{
	u32 most = room(list, 0), n = choice < 200 ? choice % 8 : choice;
	u8 bytes[SIZE];

	if (list->is_open ? n > most : used(list) + HEAD + n > SIZE)
		return;
	if (!list->is_open)
		list->open = (struct item){ .first = choice };
	list->is_open = true;
	for (u32 i = 0; i < n; i++)
		bytes[i] = (u8)(list->open.first + list->open.n + i);
	records_append(records, bytes, n);
	list->open.n += n;
}

static void close_record(struct records *records, struct list *list, u8 choice)
{
	struct dtu_record head = { .first_ns = choice };

	if (!list->is_open && used(list) + HEAD > SIZE)
		return;
	if (!list->is_open)
		list->open = (struct item){ .first = choice };
	records_close(records, &head);
	list->open.sequence = list->sequence++;
	list->items[list->end++] = list->open;
	list->is_open = false;
}

static void abandon(struct records *records, struct list *list, u8 choice)
{
	(void)choice;
	records_abandon(records);
	list->is_open = false;
}

static void consume(struct records *records, struct list *list, u8 choice)
{
	(void)choice;
	records_consume(records);
	list->next += list->next < list->end;
	if (!list->keep)
		list->oldest = list->next;
}

static void keep(struct records *records, struct list *list, u8 choice)
{
	list->keep = choice & 1;
	records_keep(records, list->keep);
	if (!list->keep)
		list->oldest = list->next;
}

static void acknowledge(struct records *records, struct list *list, u8 choice)
{
	u64 sequence = list->sequence - 4 + choice % 8;
	u64 first_left = list->next < list->end ? list->items[list->next].sequence : list->sequence;
	bool taken = sequence < first_left;

	if (list->sequence < 4)
		return;
	require(records_acknowledge(records, sequence) == taken);
	while (taken && list->oldest < list->next && list->items[list->oldest].sequence <= sequence)
		list->oldest++;
}

static void rewind_all(struct records *records, struct list *list, u8 choice)
{
	(void)choice;
	records_rewind(records);
	list->next = list->oldest;
}

static void flush(struct records *records, struct list *list, u8 choice)
{
	u32 stay = list->next + ((choice & 1) && list->next < list->end);
	u64 dropped = list->is_open ? list->open.n : 0;

	for (u32 i = stay; i < list->end; i++)
		dropped += list->items[i].n;
	require(records_flush(records, choice & 1) == dropped);
	list->is_open = false;
	list->oldest = list->next;
	list->end = stay;
}

/* The next record and what is told of the rest. */
static void compare(const struct records *records, const struct list *list, u8 choice)
{
	const struct item *item = &list->items[list->next];
	struct dtu_record head;
	const struct ring *ring = &records->ring;
	u8 bytes[SIZE];
	const u8 *oldest;

	require(ring_head(ring, &oldest) == min_t(u32, used(list), SIZE - ring->head % SIZE));
	require(oldest == ring->mem + ring->head % SIZE);
	require(records_open_length(records) == (list->is_open ? list->open.n : 0));
	require(records_room(records, choice) == room(list, choice));
	require(records_peek(records, &head) == (list->next < list->end));
	if (list->next == list->end)
		return;
	require(head.version == DTU_RECORD_VERSION && head.sequence == item->sequence);
	require(head.length == HEAD + item->n);
	records_copy(records, HEAD, bytes, item->n);
	for (u32 i = 0; i < item->n; i++)
		require(bytes[i] == (u8)(item->first + i));
}

static void (*const deeds[])(struct records *, struct list *, u8) = {
	append,	 append,  append, close_record, close_record, consume,
	consume, abandon, keep,	  acknowledge,	rewind_all,   flush,
};

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	static struct list list;
	struct records records;
	u8 *mem = malloc(SIZE);

	records_init(&records, mem, SIZE);
	list.oldest = list.next = list.end = 0;
	list.is_open = list.keep = false;
	list.sequence = 0;
	for (size_t i = 0; i + 1 < n && list.end < MOST; i += 2) {
		deeds[bytes[i] % (sizeof(deeds) / sizeof(deeds[0]))](&records, &list, bytes[i + 1]);
		compare(&records, &list, bytes[i + 1]);
	}
	free(mem);
	return 0;
}
