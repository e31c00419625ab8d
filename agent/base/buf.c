// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t limit_of(const struct buf *buf)
{
	return buf->limit ? buf->limit : BUF_LIMIT;
}

size_t buf_room(const struct buf *buf)
{
	size_t limit = limit_of(buf);

	return buf->length < limit ? limit - buf->length : 0;
}

/* Make @n bytes behind those held writable, whatever the limit: the caller has looked at it. */
static int grow(struct buf *buf, size_t n)
{
	size_t size = MAX(buf->size, (size_t)64);
	uint8_t *data;

	if (buf->data && buf->size - buf->start - buf->length >= n)
		return 0;
	if (buf->data && buf->start) {
		memmove(buf->data, buf->data + buf->start, buf->length);
		buf->start = 0;
		if (buf->size - buf->length >= n)
			return 0;
	}
	while (size - buf->length < n)
		size *= 2;
	data = realloc(buf->data, size);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->size = size;
	return 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
	if (n > buf_room(buf) || grow(buf, n) < 0) {
		buf->truncated = true;
		return NULL;
	}
	return buf->data + buf->start + buf->length;
}

void buf_commit(struct buf *buf, size_t n)
{
	buf->length += n;
}

int buf_add(struct buf *buf, const void *bytes, size_t n)
{
	uint8_t *to;

	if (!n)
		return 0;
	if (n > buf_room(buf)) {
		buf->truncated = true;
		return -ENOBUFS;
	}
	to = buf_reserve(buf, n);
	if (!to)
		return -ENOMEM;
	memcpy(to, bytes, n);
	buf_commit(buf, n);
	return 0;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	int n, r = 0;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		r = -EINVAL;
	else if ((size_t)n > buf_room(buf))
		r = -ENOBUFS;
	else
		r = grow(buf, (size_t)n + 1); /* the NUL is written but not held */
	if (!r) {
		(void)vsnprintf((char *)buf->data + buf->start + buf->length, (size_t)n + 1, format, again);
		buf_commit(buf, (size_t)n);
	} else {
		buf->truncated = true;
	}
	va_end(again);
	return r;
}

void buf_take(struct buf *buf, size_t n)
{
	n = MIN(n, buf->length);
	buf->length -= n;
	buf->start = buf->length ? buf->start + n : 0;
}

void buf_cut(struct buf *buf, size_t n)
{
	buf->length = MIN(buf->length, n);
}

void buf_clear(struct buf *buf)
{
	buf->start = 0;
	buf->length = 0;
	buf->truncated = false;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->size = 0;
	buf_clear(buf);
}
