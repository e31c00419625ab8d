/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A queue of records in a ring: closed ones that a reader may take, in order, and behind them at
 * most one open record that grows where it lies. Nothing is allocated or moved for a record. If
 * @keep, records that were taken stay until they are acknowledged, and can be taken again.
 */
#ifndef DTU_RECORDS_H
#define DTU_RECORDS_H

#include "ring.h"

struct records {
	struct ring ring;
	u64 next;	/* position of the next record to take */
	u64 closed;	/* position behind the last closed record */
	u64 sequence;	/* of the next record */
	bool open;
	bool keep;
};

void records_init(struct records *records, void *mem, u32 size);

/* Payload bytes that the open record, opened if need be, can take while @spare bytes stay free. */
u32 records_room(const struct records *records, u32 spare);

/* Append to the open record, opening it if need be. The caller has checked records_room(). */
void records_append(struct records *records, const void *bytes, u32 n);

/* Close the open record, or an empty one; @head's version, length and sequence are filled in. */
void records_close(struct records *records, struct dtu_record *head);

/* Forget the open record. */
void records_abandon(struct records *records);

/* Bytes in the open record. */
u32 records_open_length(const struct records *records);

/* Head of the next record to take; false if there is none. */
bool records_peek(const struct records *records, struct dtu_record *head);

/* Copy @n bytes of that record from @offset, its head being at 0. */
void records_copy(const struct records *records, u32 offset, void *bytes, u32 n);

/* That record is taken. */
void records_consume(struct records *records);

/* Keep records that are taken from now on, or forget those that were kept. */
void records_keep(struct records *records, bool keep);

/* Forget the records kept up to @sequence; returns false if that one was not taken yet. */
bool records_acknowledge(struct records *records, u64 sequence);

/* Take the records that were kept again, the oldest first. */
void records_rewind(struct records *records);

/*
 * Drop all but, if @keep_first, the next record to take; returns the payload bytes dropped that
 * were never taken.
 */
u64 records_flush(struct records *records, bool keep_first);

#endif /* DTU_RECORDS_H */
