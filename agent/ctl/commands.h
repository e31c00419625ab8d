/* SPDX-License-Identifier: MIT */
/* The subcommands of dtuctl, one file each. They return dtuctl's exit status. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/client.h"

/* @arguments: what follows the subcommand's name, NULL at the end. -EINVAL is a wrong usage. */
int ctl_at(const struct target *target, char *const *arguments);
int ctl_status(const struct target *target, char *const *arguments);

#endif
