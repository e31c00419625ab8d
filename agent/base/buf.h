/* SPDX-License-Identifier: MIT */
/* A byte buffer that grows to a limit: replies, socket data, lines. Zero bytes are bytes. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

struct buf {
	uint8_t *data; /* the bytes held begin at data + start */
	size_t start;
	size_t length;	/* bytes held */
	size_t size;	/* allocated */
	size_t limit;	/* never holds more; 0 means BUF_LIMIT */
	bool truncated; /* something did not fit */
};

#define BUF_LIMIT 65536

static inline const uint8_t *buf_bytes(const struct buf *buf)
{
	return buf->data + buf->start;
}

/* Free room up to the limit, in bytes. */
size_t buf_room(const struct buf *buf);

/* All of @n bytes or none of them: -ENOBUFS beyond the limit, -ENOMEM. Both set truncated. */
int buf_add(struct buf *buf, const void *bytes, size_t n);
int buf_printf(struct buf *buf, const char *format, ...) _printf_(2, 3);

/* Room for @n bytes behind those held, to be filled by a read; then buf_commit what came. */
uint8_t *buf_reserve(struct buf *buf, size_t n);
void buf_commit(struct buf *buf, size_t n);

/* Drop @n bytes at the head. */
void buf_take(struct buf *buf, size_t n);

/* Keep the first @n bytes and drop what is behind them. */
void buf_cut(struct buf *buf, size_t n);

/* Empty, and not truncated any more. */
void buf_clear(struct buf *buf);
void buf_free(struct buf *buf);

#define _cleanup_buf_ _cleanup_(buf_free)

#endif
