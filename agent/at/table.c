// SPDX-License-Identifier: MIT
#include "at/table.h"

#include <string.h>
#include <strings.h>

#include "at/commands.h"

#define EXECUTE(n, function, text) .name = (n), .forms = AT_DO, .run = (function), .help = (text)
#define QUERY(n, function, text) .name = (n), .forms = AT_QUERY, .run = (function), .help = (text)
#define SETTING(n, text) \
	.name = #n, .forms = AT_QUERY | AT_SET | AT_RANGE, .setting = true, .id = SETTING_##n, .help = (text)

const struct command commands[] = {
	{ .name = "AT", .forms = AT_DO | AT_ASK, .run = command_nothing, .help = "test" },
	{ .name = "H", .aliases = { "HELP" }, .forms = AT_DO | AT_ASK, .run = command_help, .help = "this help" },
	{ EXECUTE("Z", command_restart, "restart the module") },
	{ SETTING(E, "echo of commands") },
	{ EXECUTE("ENTM", command_data_mode, "leave command mode") },
	{ SETTING(WKMOD, "working mode") },
	{ SETTING(CMDPW, "password of commands in data"), .aliases = { "CMDDPW" } },
	{ SETTING(STMSG, "message at start") },
	{ EXECUTE("RELD", command_restore_user, "back to the user's factory settings, restart") },
	{ EXECUTE("CLEAR", command_restore_vendor, "back to the vendor's factory settings, restart") },
	{ QUERY("VER", command_version, "version") },
	{ SETTING(UART, "serial port: baud, data bits, stop bits, parity, flow control") },
	{ SETTING(UARTFT, "silence that ends a frame, in milliseconds") },
	{ SETTING(UARTFL, "length that ends a frame, in bytes") },
	{ SETTING(SOCKA, "socket A: protocol, host, port") },
	{ SETTING(SOCKB, "socket B: protocol, host, port") },
	{ SETTING(SOCKAEN, "socket A enabled") },
	{ SETTING(SOCKBEN, "socket B enabled") },
	{ QUERY("SOCKALK", command_link_a, "whether socket A is connected") },
	{ QUERY("SOCKBLK", command_link_b, "whether socket B is connected") },
	{ SETTING(SOCKATO, "pause before socket A connects again, in seconds") },
	{ SETTING(SOCKBTO, "pause before socket B connects again, in seconds") },
	{ 0 },
};

static bool is(const char *name, const char *typed, size_t length)
{
	return strlen(name) == length && !strncasecmp(name, typed, length);
}

const struct command *command_find(const char *name, size_t length, const char **spelling)
{
	for (const struct command *command = commands; command->name; command++) {
		*spelling = command->name;
		if (is(command->name, name, length))
			return command;
		for (size_t i = 0; i < ARRAY_SIZE(command->aliases) && command->aliases[i]; i++) {
			*spelling = command->aliases[i];
			if (is(command->aliases[i], name, length))
				return command;
		}
	}
	return NULL;
}
