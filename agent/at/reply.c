// SPDX-License-Identifier: MIT
#include "at/reply.h"

void reply_ok(struct buf *reply)
{
	(void)buf_printf(reply, "\r\nOK\r\n\r\n");
}

void reply_error(struct buf *reply, enum at_error error)
{
	(void)buf_printf(reply, "\r\n+ERR:%d\r\n\r\n", (int)error);
}

void reply_echo(struct buf *reply, const void *line, size_t length)
{
	(void)buf_add(reply, line, length);
	(void)buf_add(reply, "\r\n", 2);
}

void reply_head(struct buf *reply, const char *name, bool blank)
{
	(void)buf_printf(reply, "\r\n+%s:%s", name, blank ? " " : "");
}

void reply_end(struct buf *reply)
{
	(void)buf_add(reply, "\r\n\r\n", 4);
}
