// SPDX-License-Identifier: MIT
#include "mode/mode.h"

#include <strings.h>

static const struct mode_ops *const modes[] = {
	&mode_net,
};

const struct mode_ops *mode_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (strcasecmp(modes[i]->name, name) == 0)
			return modes[i];
	return NULL;
}
