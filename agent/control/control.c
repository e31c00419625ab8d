// SPDX-License-Identifier: MIT
#include "control/control.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "at/at.h"
#include "base/log.h"
#include "base/timer.h"

/* No more requests are executed while this much waits to be read by the client. */
#define OUT_HIGH 16384
#define OUT_LIMIT (OUT_HIGH + BUF_LIMIT)

/* For a client with a request half sent or a reply half read; and for one that does nothing. */
#define SLOW_US (10 * 1000000ull)
#define IDLE_US (600 * 1000000ull)

/* How long nobody is let in when that has failed, for want of descriptors or memory. */
#define PAUSE_US 1000000ull

struct client {
	struct control *control;
	int fd;
	sd_event_source *source;
	struct timer timer;
	struct buf in, out;
	bool skipping; /* the rest of a line that was too long */
	bool ended;    /* the client's end of file has come */
};

struct control {
	sd_event *loop;
	sd_event_source *source;
	int fd;
	struct sockaddr_un address;
	dev_t device; /* of the socket file, so that another one's is never removed */
	ino_t inode;
	const struct control_calls *calls;
	void *data;
	struct client *clients[CONTROL_CLIENTS];
	struct timer pause;
};

static void client_free(struct client *client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (client->control->clients[i] == client)
			client->control->clients[i] = NULL;
	timer_free(&client->timer);
	sd_event_source_disable_unref(client->source);
	close_fd(&client->fd);
	buf_free(&client->in);
	buf_free(&client->out);
	free(client);
}

static void on_slow(void *data)
{
	client_free(data);
}

static bool is_text(const uint8_t *line, size_t length, const char *text)
{
	return strlen(text) == length && !memcmp(line, text, length);
}

static void answer(struct client *client, const uint8_t *line, size_t length)
{
	const struct control *control = client->control;

	if (!length)
		return;
	if (length >= 2 && !strncasecmp((const char *)line, "AT", 2))
		control->calls->at(control->data, line, length, &client->out);
	else if (is_text(line, length, "status"))
		control->calls->status(control->data, false, &client->out);
	else if (is_text(line, length, "status json"))
		control->calls->status(control->data, true, &client->out);
	else
		(void)buf_printf(&client->out, "error: unknown request: AT..., status and status json are known\n");
}

/* The length of the next line without its end, and with it in @used. False: it is not whole yet. */
static bool next_line(const struct client *client, size_t *length, size_t *used)
{
	const uint8_t *bytes = buf_bytes(&client->in), *newline;
	size_t held = client->in.length;

	if (!held)
		return false;
	newline = memchr(bytes, '\n', held);
	if (!newline && !client->ended && held <= AT_LINE_MAX + 1)
		return false;
	*length = newline ? (size_t)(newline - bytes) : held;
	*used = newline ? *length + 1 : held;
	if (*length && bytes[*length - 1] == '\r' && (newline || client->ended))
		--*length;
	return true;
}

static void answer_lines(struct client *client)
{
	size_t length, used;

	while (client->out.length < OUT_HIGH && next_line(client, &length, &used)) {
		bool whole = used > length;

		if (!client->skipping)
			answer(client, buf_bytes(&client->in), MIN(length, (size_t)AT_LINE_MAX + 1));
		client->skipping = !whole;
		buf_take(&client->in, used);
	}
}

/* -errno: the client has gone. */
static int write_out(struct client *client)
{
	while (client->out.length) {
		ssize_t n = send(client->fd, buf_bytes(&client->out), client->out.length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		buf_take(&client->out, (size_t)n);
	}
	return 0;
}

/* Read once, what fits. */
static int read_in(struct client *client)
{
	size_t room = buf_room(&client->in);
	uint8_t *to;
	ssize_t n;

	if (client->ended || !room)
		return 0;
	to = buf_reserve(&client->in, room);
	if (!to)
		return -ENOMEM;
	n = recv(client->fd, to, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	client->ended = !n;
	buf_commit(&client->in, (size_t)n);
	return 0;
}

/* What to wait for next; -errno, or -ECONNRESET when all is said. */
static int wait_on(struct client *client)
{
	uint32_t events = 0;
	bool pending = client->out.length || client->in.length;
	int r;

	if (client->ended && !pending)
		return -ECONNRESET;
	if (!client->ended && buf_room(&client->in) && client->out.length < OUT_HIGH)
		events |= EPOLLIN;
	if (client->out.length)
		events |= EPOLLOUT;
	r = sd_event_source_set_io_events(client->source, events);
	if (r < 0)
		return r;
	return timer_arm(&client->timer, client->control->loop, pending || client->skipping ? SLOW_US : IDLE_US);
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct client *client = data;
	size_t length, used;
	int r = 0;

	(void)source;
	(void)fd;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		r = read_in(client);
	/* As long as the client takes what it asked for: nothing else would wake us for the lines that wait. */
	while (r >= 0) {
		answer_lines(client);
		r = write_out(client);
		if (client->out.length || !next_line(client, &length, &used))
			break;
	}
	if (r >= 0)
		r = wait_on(client);
	if (r < 0)
		client_free(client);
	return 0;
}

static int client_new(struct control *control, size_t slot, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->control = control;
	client->fd = fd;
	client->in.limit = AT_LINE_MAX + 3;
	client->out.limit = OUT_LIMIT;
	client->timer.fire = on_slow;
	client->timer.data = client;
	r = sd_event_add_io(control->loop, &client->source, fd, EPOLLIN, on_client, client);
	if (r >= 0)
		r = timer_arm(&client->timer, control->loop, IDLE_US);
	if (r < 0) {
		client->fd = -1; /* the caller closes it */
		client_free(client);
		return r;
	}
	control->clients[slot] = client;
	return 0;
}

static void on_pause_over(void *data)
{
	struct control *control = data;

	(void)sd_event_source_set_enabled(control->source, SD_EVENT_ON);
}

/* Who waits to be let in would wake us again at once. */
static void accept_failed(struct control *control, int error)
{
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	log_warning("%s: cannot let a client in: %s", control->address.sun_path, strerror(error));
	if (timer_arm(&control->pause, control->loop, PAUSE_US) >= 0)
		(void)sd_event_source_set_enabled(control->source, SD_EVENT_OFF);
}

static int on_connection(sd_event_source *source, int listener, uint32_t events, void *data)
{
	static const char full[] = "error: too many clients\n";
	struct control *control = data;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	size_t slot = 0;

	(void)source;
	(void)events;
	if (fd < 0) {
		accept_failed(control, errno);
		return 0;
	}
	while (slot < CONTROL_CLIENTS && control->clients[slot])
		slot++;
	if (slot == CONTROL_CLIENTS)
		(void)send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (slot == CONTROL_CLIENTS || client_new(control, slot, fd) < 0)
		close(fd);
	return 0;
}

/* A file left behind by an agent that was killed stands in the way; a socket in use does so rightly. */
static int remove_stale(const struct control *control)
{
	const struct sockaddr *address = (const struct sockaddr *)&control->address;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(control->address.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, address, sizeof(control->address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : -errno;
	return unlink(control->address.sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_socket(struct control *control)
{
	struct stat st;
	mode_t mask;
	int r;

	/* Never, not even for a moment, open to others. */
	mask = umask(0117);
	r = bind(control->fd, (const struct sockaddr *)&control->address, sizeof(control->address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if (stat(control->address.sun_path, &st) < 0)
		return -errno;
	control->device = st.st_dev;
	control->inode = st.st_ino;
	return listen(control->fd, CONTROL_CLIENTS) < 0 ? -errno : 0;
}

static int start(struct control *control, const char *path)
{
	int r;

	control->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(control->address.sun_path))
		return -ENAMETOOLONG;
	memcpy(control->address.sun_path, path, strlen(path) + 1);
	r = remove_stale(control);
	if (r < 0)
		return r;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	r = bind_socket(control);
	if (r < 0)
		return r;
	return sd_event_add_io(control->loop, &control->source, control->fd, EPOLLIN, on_connection, control);
}

int control_open(struct control **control, sd_event *loop, const char *path, const struct control_calls *calls,
		 void *data)
{
	struct control *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	opened->fd = -1;
	opened->loop = sd_event_ref(loop);
	opened->calls = calls;
	opened->data = data;
	opened->pause = (struct timer){ .fire = on_pause_over, .data = opened };
	r = start(opened, path);
	if (r < 0) {
		control_close(opened);
		return r;
	}
	*control = opened;
	return 0;
}

static void remove_own(const struct control *control)
{
	struct stat st;

	if (!control->inode || lstat(control->address.sun_path, &st) < 0)
		return;
	if (st.st_dev == control->device && st.st_ino == control->inode)
		(void)unlink(control->address.sun_path);
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i])
			client_free(control->clients[i]);
	remove_own(control);
	timer_free(&control->pause);
	sd_event_source_disable_unref(control->source);
	close_fd(&control->fd);
	sd_event_unref(control->loop);
	free(control);
}
