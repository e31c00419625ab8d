// SPDX-License-Identifier: MIT
#include "at/commands.h"

#include <string.h>

#include "at/version.h"

int command_nothing(struct call *call)
{
	(void)call;
	return 0;
}

int command_help(struct call *call)
{
	int r = buf_printf(call->reply, "\r\n");

	for (const struct command *command = commands; command->name && !r; command++) {
		const char *prefix = strcmp(command->name, "AT") ? "AT+" : "";

		r = buf_printf(call->reply, "%s%s: %s\r\n", prefix, command->name, command->help);
	}
	if (!r)
		r = buf_printf(call->reply, "\r\n");
	call->replied = true;
	return r;
}

int command_restart(struct call *call)
{
	call->after = AT_AFTER_RESTART;
	return 0;
}

int command_data_mode(struct call *call)
{
	call->after = AT_AFTER_DATA_MODE;
	return 0;
}

static int restore(struct call *call, enum factory factory)
{
	int r = settings_restore(call->at->settings, factory);

	if (!r)
		call->after = AT_AFTER_RESTART;
	return r;
}

int command_restore_user(struct call *call)
{
	return restore(call, FACTORY_USER);
}

int command_restore_vendor(struct call *call)
{
	return restore(call, FACTORY_VENDOR);
}

int command_version(struct call *call)
{
	return version_print(call->reply, version_text());
}

static int print_link(struct call *call, unsigned int socket)
{
	const struct at_device *device = call->at->device;

	return buf_printf(call->reply, "%s", device->link_connected(device->data, socket) ? "ON" : "OFF");
}

int command_link_a(struct call *call)
{
	return print_link(call, 0);
}

int command_link_b(struct call *call)
{
	return print_link(call, 1);
}
