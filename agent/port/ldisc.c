// SPDX-License-Identifier: MIT
#include "port/ldisc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static void close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

int ldisc_find(const char *name)
{
	_cleanup_(close_file) FILE *file = fopen("/proc/tty/ldiscs", "re");
	char found[32];
	char line[64];
	int number;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %d", found, &number) == 2 && !strcmp(found, name))
			return number;
	return -ENOENT;
}
