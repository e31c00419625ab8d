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
	int status;

	if (*arguments && !strcmp(*arguments, "--json")) {
		request = "status json";
		arguments++;
	}
	if (*arguments)
		return -EINVAL;
	path = client_path(target);
	if (!path)
		return EXIT_NO_AGENT;
	status = client_ask(path, request, &answer);
	if (status == EXIT_SUCCESS)
		(void)fwrite(buf_bytes(&answer), 1, answer.length, stdout);
	return status;
}
