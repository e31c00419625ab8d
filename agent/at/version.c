// SPDX-License-Identifier: MIT
#include "at/version.h"

#include <errno.h>
#include <stdlib.h>

#ifndef DTU_VERSION
#define DTU_VERSION "0.0.0"
#endif

const char *version_text(void)
{
	return DTU_VERSION;
}

int version_print(struct buf *out, const char *version)
{
	unsigned long numbers[3] = { 0 };
	char *end = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		numbers[i] = strtoul(version, &end, 10);
		if (end == version || numbers[i] > 99)
			return -EINVAL;
		if (*end != '.')
			break;
		version = end + 1;
	}
	/* The last two groups are the vendor's build date and number: a build here is the same on any day. */
	return buf_printf(out, "V%lu.%lu.%02lu.000000.0000", numbers[0], numbers[1], numbers[2]);
}
