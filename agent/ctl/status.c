// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/commands.h"

int ctl_status(const struct target *target, char *const *arguments)
{
	_cleanup_buf_ struct buf answer = { .limit = 1 << 20 };
	_cleanup_free_ char *path = NULL;
	const char *request = "status";

	if (*arguments && !strcmp(*arguments, "--json")) {
		request = "status json";
		arguments++;
	}
	if (*arguments)
		return -EINVAL;
	path = client_path(target);
	if (!path || client_ask(path, request, &answer) < 0)
		return EXIT_NO_AGENT;
	(void)fwrite(buf_bytes(&answer), 1, answer.length, stdout);
	return EXIT_SUCCESS;
}
