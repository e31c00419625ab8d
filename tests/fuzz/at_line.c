// SPDX-License-Identifier: MIT
/*
 * at_execute on arbitrary bytes: the first byte is the way in, the rest are lines. Whatever comes,
 * a reply is whole, it is one reply, and setting what a query printed changes nothing.
 *
 * Settings are kept in a folder under $TMPDIR: a memory file system makes this fast.
 *
 * sources: agent/base/buf.c agent/base/log.c agent/base/crc32.c agent/settings agent/at
 */
#include "../unit/fixture.h"

static struct fixture fixture;

static void finish(void)
{
	fixture_close(&fixture);
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool ends_with(const struct buf *reply, const char *end)
{
	size_t n = strlen(end);

	return reply->length >= n && !memcmp(buf_bytes(reply) + reply->length - n, end, n);
}

/* The reply to a query of one value, set again. */
static void set_again(const struct buf *reply)
{
	_cleanup_buf_ struct buf line = { 0 }, answer = { 0 }, query = { 0 };
	const uint8_t *bytes = buf_bytes(reply), *colon = memchr(bytes, ':', reply->length);
	size_t name = (size_t)(colon - bytes) - 2;

	(void)buf_printf(&query, "AT%.*s", (int)name, (const char *)bytes + 2);
	(void)buf_printf(&line, "AT%.*s=", (int)name, (const char *)bytes + 2);
	(void)buf_add(&line, colon + 1, reply->length - name - 2 - 1 - 4);
	at_execute(&fixture.at, AT_WAY_CONTROL, buf_bytes(&line), line.length, &answer);
	/* Neither a range nor a query without a setting can be set. */
	if (!ends_with(&answer, "OK\r\n\r\n"))
		return;
	buf_clear(&answer);
	at_execute(&fixture.at, AT_WAY_CONTROL, buf_bytes(&query), query.length, &answer);
	require(answer.length == reply->length && !memcmp(buf_bytes(&answer), bytes, reply->length));
}

static void execute(enum at_way way, const uint8_t *line, size_t n)
{
	bool echo = way == AT_WAY_COMMAND && settings_int(fixture.settings, SETTING_E, 0) == STATE_ON;
	_cleanup_buf_ struct buf reply = { 0 };
	const uint8_t *bytes;

	at_execute(&fixture.at, way, line, n, &reply);
	if (echo && n <= AT_LINE_MAX) {
		require(reply.length > n + 2 && !memcmp(buf_bytes(&reply), line, n));
		buf_take(&reply, n + 2);
	}
	bytes = buf_bytes(&reply);
	require(reply.length >= 8 && !memcmp(bytes, "\r\n", 2) && ends_with(&reply, "\r\n"));
	if (bytes[2] == '+' && memcmp(bytes + 3, "ERR:", 4) != 0 && way == AT_WAY_CONTROL)
		set_again(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	enum at_way way;

	if (!fixture.settings) {
		fixture_open(&fixture);
		(void)atexit(finish);
	}
	if (!n)
		return 0;
	way = (enum at_way)(*bytes++ % (AT_WAY_CONTROL + 1));
	for (n--; n;) {
		const uint8_t *newline = memchr(bytes, '\n', n);
		size_t length = newline ? (size_t)(newline - bytes) : n;

		execute(way, bytes, length);
		length += newline != NULL;
		bytes += length;
		n -= length;
	}
	return 0;
}
