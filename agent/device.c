// SPDX-License-Identifier: MIT
#include "device.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/log.h"

static uint64_t now_us(const struct device *device)
{
	uint64_t now = 0;

	sd_event_now(device->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void say(struct device *device, const void *bytes, size_t length)
{
	if (port_write(device->port, bytes, length) < 0)
		device->replies_lost++;
}

static void say_text(struct device *device, const char *text)
{
	say(device, text, strlen(text));
}

static void on_frame(void *data, const uint8_t *bytes, size_t length)
{
	struct device *device = data;

	if (device->mode)
		device->mode_ops->frame(device->mode, bytes, length);
	else
		device->frames_lost++;
}

/* Back to data mode, as far as the port still has to be told. */
static void enter_data_mode(struct device *device)
{
	device->dialog = DIALOG_DATA;
	port_hold(device->port, device->restarting ? PORT_PAUSED : PORT_FREE);
}

/* Out of a command mode that the host has left behind. */
static void release_port(struct device *device)
{
	port_release(device->port);
	/* a +++ that was seen meanwhile is still to be decided */
	if (device->dialog != DIALOG_SEEN)
		enter_data_mode(device);
}

static void begin_restart(struct device *device)
{
	/* Asked for again and again, it still comes. */
	if (device->restarting)
		return;
	device->restarting = true;
	port_hold(device->port, PORT_PAUSED);
	port_drain(device->port);
}

/*
 * The framing holds what came behind the line until it is told how to read that, so the mode is
 * settled first and the reply written afterwards: what the host sends once it sees OK, and what a
 * hasty one has sent before, is data.
 */
static void on_line(void *data, const uint8_t *bytes, size_t length)
{
	_cleanup_buf_ struct buf reply = { 0 };
	enum at_after after = AT_AFTER_NOTHING;
	struct device *device = data;

	if (bytes)
		after = at_execute(&device->at, AT_WAY_COMMAND, bytes, length, &reply);
	else
		at_too_long(&reply);
	if (port_resume(device->port, after == AT_AFTER_NOTHING ? DTU_MODE_LINE : DTU_MODE_DATA) < 0)
		log_error("the port has left command mode by itself");
	say(device, buf_bytes(&reply), reply.length);
	if (after == AT_AFTER_RESTART)
		begin_restart(device);
	if (after != AT_AFTER_NOTHING)
		enter_data_mode(device);
}

static void on_escape(void *data, enum dtu_record_type event)
{
	struct device *device = data;

	switch (event) {
	case DTU_RECORD_SEEN:
		device->dialog = DIALOG_SEEN;
		port_hold(device->port, PORT_PAUSED);
		say_text(device, "a");
		break;
	case DTU_RECORD_CONFIRMED:
		device->dialog = DIALOG_COMMAND;
		port_hold(device->port, PORT_COMMAND);
		say_text(device, "+ok\r\n");
		break;
	default:
		enter_data_mode(device);
		break;
	}
}

static void on_room(void *data)
{
	struct device *device = data;

	if (device->mode)
		device->mode_ops->room(device->mode);
}

static void on_lost(void *data, int error)
{
	struct device *device = data;

	log_error("the serial port is gone: %s", strerror(-error));
	sd_event_exit(device->loop, error);
}

static unsigned int number(const struct device *device, enum setting_id id, size_t param)
{
	return (unsigned int)settings_int(device->settings, id, param);
}

static unsigned int digits(const struct device *device, enum setting_id id, size_t param)
{
	return (unsigned int)strtoul(settings_text(device->settings, id, param), NULL, 10);
}

/* A port that refuses is no reason to end: nobody could set it right any more. Status says so. */
static void configure_port(struct device *device)
{
	const struct port_config config = {
		.baud = digits(device, SETTING_UART, 0),
		.data_bits = digits(device, SETTING_UART, 1),
		.stop_bits = digits(device, SETTING_UART, 2),
		.parity = settings_text(device->settings, SETTING_UART, 3)[0],
		.flow = !strcmp(settings_text(device->settings, SETTING_UART, 4), "FC"),
		.gap_ms = number(device, SETTING_UARTFT, 0),
		.length = number(device, SETTING_UARTFL, 0),
		.tuning = device->tuning,
	};
	int ret = port_configure(device->port, &config);

	device->line_error = ret;
	if (ret < 0)
		log_error("the port refuses %u baud, %u%c%u: %s (AT+UART, then AT+Z)", config.baud, config.data_bits,
			  config.parity, config.stop_bits, strerror(-ret));
}

static void start_mode(struct device *device)
{
	const char *name = settings_text(device->settings, SETTING_WKMOD, 0);
	int ret;

	device->mode_ops = mode_find(name);
	if (!device->mode_ops) {
		log_error("working mode %s is not in this build: serial data is dropped (AT+WKMOD=NET)", name);
		return;
	}
	ret = device->mode_ops->start(&device->mode, &device->mode_env);
	if (ret < 0) {
		device->mode = NULL;
		log_error("working mode %s does not start: %s", name, strerror(-ret));
	}
}

static void stop_mode(struct device *device)
{
	if (device->mode)
		device->mode_ops->stop(device->mode);
	device->mode = NULL;
}

/* The same mode keeps the frames that wait; another one has its own. */
static void restart_mode(struct device *device)
{
	const char *name = settings_text(device->settings, SETTING_WKMOD, 0);

	if (device->mode && !strcmp(device->mode_ops->name, name) && device->mode_ops->restart(device->mode) == 0)
		return;
	stop_mode(device);
	start_mode(device);
}

static void announce(struct device *device)
{
	device->started_us = now_us(device);
	say_text(device, "\r\n");
	say_text(device, settings_text(device->settings, SETTING_STMSG, 0));
	say_text(device, "\r\n");
}

/* The soft restart of AT+Z, once its reply has left the line: the port stays open, so no byte is lost. */
static void on_drained(void *data)
{
	struct device *device = data;

	if (!device->restarting)
		return;
	device->restarting = false;
	device->restarts++;
	if (device->dialog == DIALOG_COMMAND)
		port_release(device->port);
	configure_port(device);
	announce(device);
	restart_mode(device);
	/* a +++ that was seen meanwhile is still to be decided */
	if (device->dialog != DIALOG_SEEN)
		enter_data_mode(device);
}

static bool link_is_connected(void *data, unsigned int socket)
{
	struct device *device = data;

	return device->mode && device->mode_ops->connected(device->mode, socket);
}

static void setting_changed(void *data, enum setting_id id)
{
	struct device *device = data;

	if (device->mode)
		device->mode_ops->changed(device->mode, id);
}

static int check_setting(void *data, enum setting_id id, const struct value *values, size_t n)
{
	struct device *device = data;

	if (id != SETTING_UART || n < 5 || strcmp((const char *)values[4].bytes, "FC") != 0)
		return 0;
	return port_has_flow_control(device->port) ? 0 : -EINVAL;
}

void device_control(struct device *device, const uint8_t *line, size_t length, struct buf *reply)
{
	enum at_after after;

	if (length > AT_LINE_MAX) {
		at_too_long(reply);
		return;
	}
	after = at_execute(&device->at, AT_WAY_CONTROL, line, length, reply);
	if (after == AT_AFTER_RESTART)
		begin_restart(device);
	if (after != AT_AFTER_NOTHING && device->dialog == DIALOG_COMMAND)
		release_port(device);
}

static int load_settings(struct device *device)
{
	int ret = settings_load(&device->settings, device->state);

	if (ret == -EBUSY)
		log_error("%s: another dtud uses this state folder; stop it or give --state another one",
			  device->state);
	else if (ret < 0)
		log_error("%s: cannot use it as state folder: %s", device->state, strerror(-ret));
	return ret;
}

static const struct port_events port_events = {
	.frame = on_frame,
	.line = on_line,
	.escape = on_escape,
	.room = on_room,
	.drained = on_drained,
	.lost = on_lost,
};

static int start(struct device *device, const struct device_options *options)
{
	int ret = load_settings(device);

	if (ret < 0)
		return ret;
	ret = resolver_new(&device->resolver, device->loop);
	if (ret < 0) {
		log_error("cannot set up name resolution: %s", strerror(-ret));
		return ret;
	}
	ret = port_open(&device->port, device->loop, options->port, options->fallback, &port_events, device);
	if (ret < 0)
		return ret;
	configure_port(device);
	return 0;
}

int device_start(struct device *device, sd_event *loop, const struct device_options *options)
{
	int ret;

	memset(device, 0, sizeof(*device));
	device->loop = loop;
	device->state = options->state;
	device->tuning = options->tuning;
	ret = start(device, options);
	if (ret < 0) {
		device_stop(device);
		return ret;
	}
	device->at_device = (struct at_device){
		.data = device,
		.link_connected = link_is_connected,
		.changed = setting_changed,
		.check = check_setting,
	};
	device->at = (struct at){ .settings = device->settings, .device = &device->at_device };
	device->mode_env = (struct mode_env){
		.loop = loop,
		.settings = device->settings,
		.resolver = device->resolver,
		.port = device->port,
	};
	announce(device);
	start_mode(device);
	return 0;
}

void device_stop(struct device *device)
{
	stop_mode(device);
	port_close(device->port);
	resolver_free(device->resolver);
	settings_free(device->settings);
}
