/* SPDX-License-Identifier: MIT */
/* What commands do beyond keeping a setting: the functions of the table's rows (at/table.h). */
#ifndef AT_COMMANDS_H
#define AT_COMMANDS_H

#include "at/table.h"

int command_nothing(struct call *call);
int command_help(struct call *call);
int command_restart(struct call *call);
int command_data_mode(struct call *call);
int command_restore_user(struct call *call);
int command_restore_vendor(struct call *call);
int command_version(struct call *call);
int command_link_a(struct call *call);
int command_link_b(struct call *call);

#endif
