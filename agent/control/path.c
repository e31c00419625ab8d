// SPDX-License-Identifier: MIT
#include "control/path.h"

#include <stdio.h>
#include <string.h>

char *control_path(const char *folder, const char *port)
{
	char *path;

	if (!strncmp(port, "/dev/", 5))
		port += 5;
	while (*port == '/')
		port++;
	if (asprintf(&path, "%s/%s" CONTROL_SUFFIX, folder, port) < 0)
		return NULL;
	for (char *c = path + strlen(folder) + 1; *c; c++)
		if (*c == '/')
			*c = '-';
	return path;
}
