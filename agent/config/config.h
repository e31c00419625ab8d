/* SPDX-License-Identifier: MIT */
/*
 * The integrator's file: what the builder of a product decides and the device's user may not.
 *
 *	# comment
 *	[dtud]
 *	port = /dev/ttyS1
 *	state = /var/lib/dtu/ttyS1
 *	socket = /run/dtu/ttyS1.sock
 *	framing = kernel	(or fallback)
 *	gap_us = 5000		(in place of AT+UARTFT: 1..60000000)
 *	modbus = yes		(frame by Modbus RTU's t3.5; or no)
 *	uart_trigger = 8	(in place of what sysfs says: 1..4096)
 *	holdoff_us = 16000	(how long an adapter may keep a byte: 1..1000000)
 *
 * Options of the command line win over it. An error names the file and the line.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "port/tuning.h"

/* Empty strings and false are what nobody has set. */
struct config {
	char port[PATH_MAX];
	char state[PATH_MAX];
	char socket[PATH_MAX];
	bool fallback;
	struct tuning tuning;
};

/* Logs the reason, with the file's line, and returns a negative errno on failure. */
int config_read(struct config *config, const char *path);

/* The same of a text in memory; @name stands for the file in messages. */
int config_parse(struct config *config, const char *name, const char *text, size_t length);

#endif
