// SPDX-License-Identifier: MIT
#include "mode/downlink.h"

#include <string.h>

typedef uint16_t unit_length;

/* The worst case: units of one byte. */
#define BUFFER_LIMIT (DOWNLINK_LIMIT * (1 + sizeof(unit_length)))

size_t downlink_room(const struct downlink *downlink)
{
	return DOWNLINK_LIMIT - downlink->waiting;
}

void downlink_add(struct downlink *downlink, const uint8_t *bytes, size_t length)
{
	const unit_length unit = (unit_length)length;
	uint8_t *to;

	if (!length)
		return;
	downlink->buf.limit = BUFFER_LIMIT;
	to = unit == length && length <= downlink_room(downlink) ? buf_reserve(&downlink->buf, sizeof(unit) + length)
								 : NULL;
	if (!to) {
		downlink->dropped += length;
		return;
	}
	memcpy(to, &unit, sizeof(unit));
	memcpy(to + sizeof(unit), bytes, length);
	buf_commit(&downlink->buf, sizeof(unit) + length);
	downlink->waiting += length;
}

size_t downlink_peek(struct downlink *downlink, const uint8_t **bytes)
{
	unit_length unit;

	if (!downlink->waiting)
		return 0;
	if (downlink->rest) {
		*bytes = buf_bytes(&downlink->buf);
		return downlink->rest;
	}
	memcpy(&unit, buf_bytes(&downlink->buf), sizeof(unit));
	*bytes = buf_bytes(&downlink->buf) + sizeof(unit);
	return unit;
}

void downlink_take(struct downlink *downlink, size_t length)
{
	unit_length unit;

	if (!length)
		return;
	if (!downlink->rest) {
		memcpy(&unit, buf_bytes(&downlink->buf), sizeof(unit));
		buf_take(&downlink->buf, sizeof(unit));
		downlink->rest = unit;
	}
	buf_take(&downlink->buf, length);
	downlink->rest -= length;
	downlink->waiting -= length;
}

bool downlink_begun(const struct downlink *downlink)
{
	return downlink->rest > 0;
}

void downlink_drop(struct downlink *downlink)
{
	downlink->dropped += downlink->waiting;
	downlink->waiting = downlink->rest = 0;
	buf_clear(&downlink->buf);
}

void downlink_free(struct downlink *downlink)
{
	buf_free(&downlink->buf);
}
