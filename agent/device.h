/* SPDX-License-Identifier: MIT */
/*
 * The device: one serial port, its settings, the AT engine and the working mode, put together.
 * What the host at the serial port sees of command mode and of a restart is decided here (SPEC 2, 5).
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "at/at.h"
#include "base/timer.h"
#include "mode/mode.h"
#include "port/port.h"
#include "settings/settings.h"

/* Where the host at the serial port stands. */
enum dialog {
	DIALOG_DATA,	/* its bytes are data */
	DIALOG_SEEN,	/* +++ seen, "a" written */
	DIALOG_COMMAND, /* command mode */
};

struct device {
	sd_event *loop;
	const char *state; /* folder */
	const struct tuning *tuning;
	struct settings *settings;
	struct port *port;
	struct resolver *resolver;
	struct at_device at_device;
	struct at at;
	const struct mode_ops *mode_ops; /* NULL: AT+WKMOD names one that this build has not */
	struct mode *mode;
	struct mode_env mode_env;
	enum dialog dialog;
	bool restarting;       /* the reply to AT+Z and the like is on its way out */
	int line_error;	       /* why the port refused its settings, as a negative errno, or 0 */
	uint64_t started_us;   /* CLOCK_MONOTONIC of the last start, soft ones too */
	uint64_t restarts;     /* soft ones */
	uint64_t frames_lost;  /* frames that came while there was no mode to carry them */
	uint64_t replies_lost; /* replies and notices that the port's queue had no room for */
};

struct device_options {
	const char *port;
	const char *state;
	bool fallback;
	const struct tuning *tuning;
};

/* Logs the reason and returns a negative errno on failure. @loop ends when the tty goes. */
int device_start(struct device *device, sd_event *loop, const struct device_options *options);
void device_stop(struct device *device);

/* One command line from the control socket. */
void device_control(struct device *device, const uint8_t *line, size_t length, struct buf *reply);

#endif
