// SPDX-License-Identifier: MIT
#include "port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/timer.h"
#include "port/framing.h"
#include "port/line.h"

/* Replies and notices on top of the data; the longest, AT+H's, has a few KiB. */
#define QUEUE_LIMIT 65536
/* Records read in one turn of the loop, so that a flood leaves the network its turn. */
#define RECORDS_PER_TURN 64
/* How often to look whether the line has sent everything, and when to give up (flow control). */
#define DRAIN_POLL_US 2000
#define DRAIN_TIMEOUT_US 2000000

struct port {
	sd_event *loop;
	const struct port_events *events;
	void *data;
	char name[64];
	int fd;
	sd_event_source *io;
	sd_event_source *more; /* records are left for the next turn */
	struct framing_env env;
	const struct framing_ops *ops;
	struct framing *framing;
	struct buf queue;
	enum port_hold hold;
	struct timer drain;
	uint64_t drain_end;
};

static void watch(struct port *port)
{
	uint32_t events = EPOLLIN | (port->queue.length ? EPOLLOUT : 0);

	sd_event_source_set_io_events(port->io, events);
}

static void lose(struct port *port, int error)
{
	sd_event_source_set_enabled(port->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(port->more, SD_EVENT_OFF);
	port->events->lost(port->data, error);
}

static void dispatch(struct port *port, const struct dtu_record *head, const uint8_t *payload)
{
	size_t length = head->length - sizeof(*head);

	switch (head->type) {
	case DTU_RECORD_DATA:
		port->events->frame(port->data, payload, length);
		break;
	case DTU_RECORD_LINE:
		port->events->line(port->data, payload, length);
		break;
	case DTU_RECORD_LINE_TOO_LONG:
		port->events->line(port->data, NULL, 0);
		break;
	default:
		port->events->escape(port->data, head->type);
		break;
	}
}

/* Hand out up to @most records; true if there may be more. */
static bool read_records(struct port *port, unsigned int most)
{
	while (most--) {
		struct dtu_record head;
		const uint8_t *payload;
		int ret = port->ops->next(port->framing, &head, &payload);

		if (ret == 0)
			return false;
		if (ret < 0) {
			lose(port, ret);
			return false;
		}
		dispatch(port, &head, payload);
	}
	return true;
}

static void read_turn(struct port *port)
{
	bool more = read_records(port, RECORDS_PER_TURN);

	sd_event_source_set_enabled(port->more, more ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_more(sd_event_source *source, void *data)
{
	(void)source;
	read_turn(data);
	return 0;
}

/* The framing has records although the tty has nothing to read. */
static void on_ready(void *data)
{
	struct port *port = data;

	sd_event_source_set_enabled(port->more, SD_EVENT_ONESHOT);
}

static void write_queue(struct port *port)
{
	size_t before = port->queue.length;

	while (port->queue.length) {
		ssize_t n = write(port->fd, buf_bytes(&port->queue), port->queue.length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_take(&port->queue, (size_t)n);
	}
	watch(port);
	if (port->queue.length < before && port_room(port))
		port->events->room(port->data);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct port *port = data;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		write_queue(port);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_turn(port);
	return 0;
}

static uint64_t now_us(struct port *port)
{
	uint64_t now = 0;

	sd_event_now(port->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static void check_drained(void *data)
{
	struct port *port = data;

	if ((port->queue.length || line_sending(port->fd)) && now_us(port) < port->drain_end &&
	    timer_arm(&port->drain, port->loop, DRAIN_POLL_US) >= 0)
		return;
	port->events->drained(port->data);
}

void port_drain(struct port *port)
{
	port->drain_end = now_us(port) + DRAIN_TIMEOUT_US;
	(void)timer_arm(&port->drain, port->loop, DRAIN_POLL_US);
}

static void complain(const char *path, int error)
{
	static const struct {
		int error;
		const char *way_out;
	} ways[] = {
		{ ENOENT, "no such device: check the name, and that its driver is loaded" },
		{ EACCES, "permission denied: run as root or add the user to the group that owns it (dialout)" },
		{ EBUSY, "in use by another program, which wants it alone: stop that first" },
		{ EWOULDBLOCK, "in use by another program, which has locked it: stop that first" },
		{ ENOTTY, "not a serial port or terminal" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].error != error)
			continue;
		log_error("%s: %s", path, ways[i].way_out);
		return;
	}
	log_error("%s: cannot open: %s", path, strerror(error));
}

/* The tty, ours alone. Logs and returns a negative errno on failure. */
static int open_tty(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || !isatty(fd) || flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, TIOCEXCL) < 0) {
		int error = errno;

		/* regular files and the like */
		if (fd >= 0 && error == EINVAL)
			error = ENOTTY;
		complain(path, error);
		close_fd(&fd);
		return -error;
	}
	return fd;
}

static int start(struct port *port, const char *path)
{
	int ret;

	port->fd = open_tty(path);
	if (port->fd < 0)
		return port->fd;
	port->env = (struct framing_env){
		.fd = port->fd,
		.path = port->name,
		.loop = port->loop,
		.ready = on_ready,
		.data = port,
	};
	ret = port->ops->attach(&port->framing, &port->env);
	if (ret < 0)
		return ret;
	ret = sd_event_add_defer(port->loop, &port->more, on_more, port);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(port->more, SD_EVENT_OFF);
	if (ret >= 0)
		ret = sd_event_add_io(port->loop, &port->io, port->fd, EPOLLIN, on_io, port);
	return ret;
}

int port_open(struct port **port, sd_event *loop, const char *path, bool fallback, const struct port_events *events,
	      void *data)
{
	struct port *made = calloc(1, sizeof(*made));
	int ret;

	if (!made)
		return -ENOMEM;
	made->loop = loop;
	made->events = events;
	made->data = data;
	made->fd = -1;
	made->ops = fallback ? &framing_fallback : &framing_kernel;
	made->queue.limit = QUEUE_LIMIT;
	made->drain.fire = check_drained;
	made->drain.data = made;
	(void)snprintf(made->name, sizeof(made->name), "%s", path);
	ret = start(made, path);
	if (ret < 0) {
		port_close(made);
		return ret;
	}
	*port = made;
	return 0;
}

void port_close(struct port *port)
{
	if (!port)
		return;
	timer_free(&port->drain);
	sd_event_source_unref(port->io);
	sd_event_source_unref(port->more);
	if (port->framing)
		port->ops->detach(port->framing);
	if (port->fd >= 0) {
		(void)ioctl(port->fd, TIOCNXCL);
		close(port->fd);
	}
	buf_free(&port->queue);
	free(port);
}

/* What the integrator says goes before what AT commands can. */
static void tune(struct framing_config *framing, const struct tuning *tuning)
{
	if (!tuning)
		return;
	if (tuning->gap_us)
		framing->gap_us = tuning->gap_us;
	framing->modbus = tuning->modbus;
	framing->hold = tuning->hold;
}

int port_configure(struct port *port, const struct port_config *config)
{
	struct framing_config framing = {
		.gap_us = config->gap_ms * 1000,
		.length = config->length,
		.char_ns = line_char_ns(port->fd, config),
	};
	int line = line_apply(port->fd, config, port->ops->iflag);
	int ret;

	tune(&framing, config->tuning);
	ret = port->ops->configure(port->framing, &framing);
	return line < 0 ? line : ret;
}

int port_resume(struct port *port, enum dtu_mode mode)
{
	return port->ops->resume(port->framing, mode);
}

void port_release(struct port *port)
{
	/* What the framing handed out while we were busy elsewhere comes first: a line in it is a command. */
	while (read_records(port, RECORDS_PER_TURN))
		;
	(void)port->ops->resume(port->framing, DTU_MODE_DATA);
}

int port_write(struct port *port, const void *bytes, size_t length)
{
	bool idle = !port->queue.length;
	int ret = buf_add(&port->queue, bytes, length);

	if (ret < 0)
		return ret;
	if (idle)
		sd_event_source_set_io_events(port->io, EPOLLIN | EPOLLOUT);
	return 0;
}

bool port_held(const struct port *port)
{
	return port->hold == PORT_COMMAND;
}

size_t port_room(const struct port *port)
{
	if (port->hold != PORT_FREE || port->queue.length >= PORT_DATA_QUEUE)
		return 0;
	return PORT_DATA_QUEUE - port->queue.length;
}

void port_hold(struct port *port, enum port_hold hold)
{
	bool released = port->hold != PORT_FREE && hold == PORT_FREE;

	port->hold = hold;
	if (released && port_room(port))
		port->events->room(port->data);
}

bool port_has_flow_control(const struct port *port)
{
	return line_has_flow_control(port->fd);
}

int port_stats(struct port *port, struct port_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->framing = port->ops->name;
	(void)snprintf(stats->name, sizeof(stats->name), "%s", port->name);
	stats->queued = port->queue.length;
	return port->ops->stats(port->framing, &stats->line);
}
