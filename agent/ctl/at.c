// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"

/* Readable by people and scripts: no CR, no empty lines around. */
static void print_reply(const struct buf *reply)
{
	const uint8_t *p = buf_bytes(reply);
	size_t n = reply->length;

	for (; n && (*p == '\r' || *p == '\n'); p++)
		n--;
	while (n && (p[n - 1] == '\r' || p[n - 1] == '\n'))
		n--;
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r')
			(void)putchar(p[i]);
	(void)putchar('\n');
}

static bool is_error(const struct buf *reply)
{
	static const char head[] = "\r\n+ERR:";

	return reply->length >= strlen(head) && !memcmp(buf_bytes(reply), head, strlen(head));
}

static int run(const char *path, const char *line)
{
	_cleanup_buf_ struct buf reply = { .limit = 1 << 20 };
	int status = client_ask(path, line, &reply);

	if (status != EXIT_SUCCESS)
		return status;
	print_reply(&reply);
	return is_error(&reply) ? EXIT_REFUSED : EXIT_SUCCESS;
}

int ctl_at(const struct target *target, char *const *arguments)
{
	_cleanup_free_ char *path = NULL;
	int status = EXIT_SUCCESS;

	if (!*arguments)
		return -EINVAL;
	for (char *const *line = arguments; *line; line++) {
		if (!**line || strpbrk(*line, "\r\n"))
			return -EINVAL;
	}
	path = client_path(target);
	if (!path)
		return EXIT_NO_AGENT;
	for (; *arguments; arguments++) {
		int r = run(path, *arguments);

		if (r == EXIT_NO_AGENT)
			return r;
		status = MAX(status, r);
	}
	return status;
}
