// SPDX-License-Identifier: MIT
/*
 * NET: two sockets, A and B. Frames from the serial port go to every enabled one; what either
 * receives goes to the port, the two served in turn (SPEC 6).
 *
 * The connection's settings are read at start and restart only: that is when they act. SOCKAEN and
 * SOCKBEN act at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/util.h"
#include "mode/downlink.h"
#include "mode/mode.h"

#define SOCKETS 2

/* The largest datagram; of a stream PORT_DATA_QUEUE at a time, so that a read fits the port whole. */
#define READ_SIZE 65535

/* A held stream is read again when this much or less waits. */
#define RESUME_AT (DOWNLINK_LIMIT / 2)

/* The factory value of hosts points at the vendor's test server: a place-holder, never dialled (SPEC 4). */
#define FACTORY_HOST "test.usr.cn"

struct socket {
	struct mode *mode;
	const struct socket_settings *ids;
	struct link *link;
	struct link_config config; /* with a host of our own */
	char *host;
	bool enabled;
	bool held; /* the stream waits: DOWNLINK_LIMIT reached */
	const char *blocked;
	struct downlink downlink;
};

struct mode {
	const struct mode_env *env;
	struct socket sockets[SOCKETS];
	unsigned int turn; /* which socket the port serves next */
	uint8_t read[READ_SIZE];
};

static const struct socket_settings {
	const char *name;
	enum setting_id address, enable, timeout;
} socket_settings[SOCKETS] = {
	{ "A", SETTING_SOCKA, SETTING_SOCKAEN, SETTING_SOCKATO },
	{ "B", SETTING_SOCKB, SETTING_SOCKBEN, SETTING_SOCKBTO },
};

static bool setting_is_on(const struct settings *settings, enum setting_id id)
{
	return strcasecmp(settings_text(settings, id, 0), "ON") == 0;
}

/* The socket the port serves now: one whose unit has left in part, else the next in turn with anything. */
static struct socket *next_served(struct mode *mode)
{
	for (unsigned int i = 0; i < SOCKETS; i++)
		if (downlink_begun(&mode->sockets[i].downlink))
			return &mode->sockets[i];
	for (unsigned int i = 0; i < SOCKETS; i++) {
		struct socket *socket = &mode->sockets[(mode->turn + i) % SOCKETS];

		if (socket->downlink.waiting)
			return socket;
	}
	return NULL;
}

static void set_held(struct socket *socket, bool held)
{
	socket->held = held;
	link_hold(socket->link, held);
}

/* Write what waits for as long as the port has room. */
static void serve_port(struct mode *mode)
{
	struct port *port = mode->env->port;
	struct socket *socket;
	size_t room;

	while ((room = port_room(port)) > 0 && (socket = next_served(mode))) {
		const uint8_t *bytes;
		size_t n = downlink_peek(&socket->downlink, &bytes);

		n = MIN(n, room);
		if (port_write(port, bytes, n) < 0)
			break;
		downlink_take(&socket->downlink, n);
		if (!downlink_begun(&socket->downlink))
			mode->turn = (unsigned int)(socket - mode->sockets + 1) % SOCKETS;
	}
	for (unsigned int i = 0; i < SOCKETS; i++)
		if (mode->sockets[i].held && mode->sockets[i].downlink.waiting <= RESUME_AT)
			set_held(&mode->sockets[i], false);
}

/*
 * A connection has ended. What waits only because the serial line is slower than the network is
 * still delivered; what waits in command mode goes with it (SPEC 2), read or not.
 */
static void connection_over(struct socket *socket)
{
	struct mode *mode = socket->mode;
	size_t n;

	if (!port_held(mode->env->port))
		return;
	downlink_drop(&socket->downlink);
	while ((n = link_read(socket->link, mode->read, sizeof(mode->read))) > 0)
		socket->downlink.dropped += n;
	set_held(socket, false);
}

static void on_readable(void *data, struct link *link)
{
	struct socket *socket = data;
	struct mode *mode = socket->mode;
	size_t size = sizeof(mode->read), n;

	if (socket->config.protocol != LINK_UDP) {
		size = MIN((size_t)PORT_DATA_QUEUE, downlink_room(&socket->downlink));
		if (!size) {
			set_held(socket, true);
			return;
		}
	}
	n = link_read(link, mode->read, size);
	downlink_add(&socket->downlink, mode->read, n);
	serve_port(mode);
}

static void on_state(void *data, struct link *link, bool connected)
{
	(void)link;
	if (!connected)
		connection_over(data);
}

static const struct link_events link_events = {
	.readable = on_readable,
	.state = on_state,
};

/* Why the socket may not be started, or NULL. */
static const char *why_blocked(const struct socket *socket)
{
	if (strcasecmp(socket->host, FACTORY_HOST) == 0)
		return "its address is still the factory place-holder, which is never dialled";
	return NULL;
}

static int read_settings(struct socket *socket)
{
	const struct settings *settings = socket->mode->env->settings;
	char *host = strdup(settings_text(settings, socket->ids->address, 1));

	if (!host)
		return -ENOMEM;
	free(socket->host);
	socket->host = host;
	socket->config = (struct link_config){
		.protocol = (enum link_protocol)settings_int(settings, socket->ids->address, 0),
		.host = host,
		.port = (uint16_t)settings_int(settings, socket->ids->address, 2),
		.retry_s = (unsigned int)settings_int(settings, socket->ids->timeout, 0),
	};
	socket->blocked = why_blocked(socket);
	return 0;
}

static int socket_start(struct socket *socket)
{
	int r;

	socket->enabled = true;
	if (socket->blocked) {
		log_notice("socket %s: not started: %s; set AT+SOCK%s", socket->ids->name, socket->blocked,
			   socket->ids->name);
		return 0;
	}
	r = link_start(socket->link, &socket->config);
	if (r < 0)
		log_error("socket %s: cannot start: %s", socket->ids->name, strerror(-r));
	return r;
}

static void socket_stop(struct socket *socket)
{
	const bool connected = link_connected(socket->link);

	socket->enabled = false;
	link_stop(socket->link);
	if (connected)
		connection_over(socket);
	/* The next connection may be one that must not be held (UDP). */
	set_held(socket, false);
}

static void net_stop(struct mode *mode)
{
	if (!mode)
		return;
	for (unsigned int i = 0; i < SOCKETS; i++) {
		link_free(mode->sockets[i].link);
		downlink_free(&mode->sockets[i].downlink);
		free(mode->sockets[i].host);
	}
	free(mode);
}

static int net_restart(struct mode *mode)
{
	int r = 0, failed;

	for (unsigned int i = 0; i < SOCKETS; i++) {
		struct socket *socket = &mode->sockets[i];

		socket_stop(socket);
		failed = read_settings(socket);
		if (failed == 0 && setting_is_on(mode->env->settings, socket->ids->enable))
			failed = socket_start(socket);
		if (failed < 0)
			r = failed;
	}
	return r;
}

static int net_start(struct mode **out, const struct mode_env *env)
{
	struct mode *mode = calloc(1, sizeof(*mode));
	int r = 0;

	if (!mode)
		return -ENOMEM;
	mode->env = env;
	for (unsigned int i = 0; i < SOCKETS && r >= 0; i++) {
		struct socket *socket = &mode->sockets[i];

		socket->mode = mode;
		socket->ids = &socket_settings[i];
		r = link_new(&socket->link, env->loop, env->resolver, socket->ids->name, &link_events, socket);
	}
	if (r >= 0)
		r = net_restart(mode);
	if (r < 0) {
		net_stop(mode);
		return r;
	}
	*out = mode;
	return 0;
}

static void net_frame(struct mode *mode, const uint8_t *bytes, size_t length)
{
	for (unsigned int i = 0; i < SOCKETS; i++) {
		struct socket *socket = &mode->sockets[i];

		if (socket->enabled && link_send(socket->link, bytes, length) < 0)
			log_error("socket %s: no memory for a frame of %zu bytes, which is lost", socket->ids->name,
				  length);
	}
}

static void net_changed(struct mode *mode, enum setting_id id)
{
	for (unsigned int i = 0; i < SOCKETS; i++) {
		struct socket *socket = &mode->sockets[i];
		bool on;

		if (socket->ids->enable != id)
			continue;
		on = setting_is_on(mode->env->settings, id);
		if (on && !socket->enabled)
			(void)socket_start(socket); /* logged */
		else if (!on && socket->enabled)
			socket_stop(socket);
	}
}

static bool net_connected(struct mode *mode, unsigned int i)
{
	return i < SOCKETS && link_connected(mode->sockets[i].link);
}

static bool net_socket(struct mode *mode, unsigned int i, struct mode_socket *out)
{
	struct socket *socket;

	if (i >= SOCKETS)
		return false;
	socket = &mode->sockets[i];
	*out = (struct mode_socket){
		.enabled = socket->enabled,
		.protocol = socket->config.protocol == LINK_UDP ? "UDP" : "TCP",
		.host = socket->config.host,
		.port = socket->config.port,
		.blocked = socket->enabled ? socket->blocked : NULL,
		.downlink = socket->downlink.waiting,
		.downlink_dropped = socket->downlink.dropped,
	};
	link_stats(socket->link, &out->link);
	return true;
}

const struct mode_ops mode_net = {
	.name = "NET",
	.start = net_start,
	.stop = net_stop,
	.restart = net_restart,
	.frame = net_frame,
	.room = serve_port,
	.changed = net_changed,
	.connected = net_connected,
	.socket = net_socket,
};
