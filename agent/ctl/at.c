// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"

static bool begins(const struct buf *answer, const char *with)
{
	size_t n = strlen(with);

	return answer->length >= n && !memcmp(buf_bytes(answer), with, n);
}

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

static int run(const char *path, const char *line)
{
	_cleanup_buf_ struct buf reply = { .limit = 1 << 20 };

	if (client_ask(path, line, &reply) < 0)
		return EXIT_NO_AGENT;
	if (!reply.length) {
		(void)fprintf(stderr, "dtuctl: %s: the agent gave no reply\n", line);
		return EXIT_NO_AGENT;
	}
	if (begins(&reply, "error: ")) {
		(void)fprintf(stderr, "dtuctl: %s: %.*s", line, (int)reply.length, (const char *)buf_bytes(&reply));
		return EXIT_REFUSED;
	}
	print_reply(&reply);
	return begins(&reply, "\r\n+ERR:") ? EXIT_REFUSED : EXIT_SUCCESS;
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
