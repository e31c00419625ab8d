// SPDX-License-Identifier: MIT
#include "link/link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/log.h"
#include "base/timer.h"
#include "base/util.h"
#include "link/queue.h"
#include "link/race.h"
#include "link/resolver.h"
#include "link/transport.h"

/* Pending ICMP answers that may come before a datagram goes out. */
#define SEND_TRIES 4

/* A descriptor and its place on the loop. */
struct channel {
	int fd;
	sd_event_source *source;
};

struct link {
	sd_event *loop;
	struct resolver *resolver;
	char name[16];
	const struct link_events *events;
	void *data;
	struct link_config config; /* with a host of our own, NULL before the first start */
	char *host;
	const struct transport *transport;

	enum link_state state;
	struct resolver_request *request;
	struct race race;
	struct channel now;  /* the connection */
	struct channel past; /* one that has ended with bytes still to be read */
	bool hold;
	bool ended;	  /* the connection has; it is taken down by the end timer */
	int end_error;	  /* why, as a negative errno; 0: closed by the peer */
	struct timer end; /* at once, but from the loop: no event from within a caller's call */
	struct timer retry;

	struct queue queue;
	struct frame *partial; /* the frame on its way, which TCP took only in part ... */
	size_t sent;	       /* ... so far */

	struct link_stats stats;
	char failure[256]; /* logged last: the same one again is not news */
};

static void begin_round(struct link *link);
static void flush(struct link *link);

/* For the known errors a constant of the C library, so it may be kept. */
static const char *error_words(int error)
{
	return strerror(-error);
}

const char *link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_STOPPED] = "stopped",	[LINK_RESOLVING] = "resolving", [LINK_CONNECTING] = "connecting",
		[LINK_CONNECTED] = "connected", [LINK_WAITING] = "waiting",
	};

	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "?";
}

static void set_state(struct link *link, enum link_state state)
{
	struct timespec ts;

	if (link->state == state)
		return;
	link->state = state;
	if (clock_gettime(CLOCK_MONOTONIC, &ts) == 0)
		link->stats.since_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void channel_close(struct channel *channel)
{
	channel->source = sd_event_source_disable_unref(channel->source);
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

/* Bytes that have come and were not read. */
static size_t channel_unread(const struct channel *channel)
{
	int n = 0;

	if (channel->fd < 0 || ioctl(channel->fd, SIOCINQ, &n) < 0 || n < 0)
		return 0;
	return (size_t)n;
}

static void channel_drop(struct link *link, struct channel *channel)
{
	link->stats.dropped_rx += channel_unread(channel);
	channel_close(channel);
}

static bool can_send(const struct link *link)
{
	return link->state == LINK_CONNECTED && !link->ended;
}

/* What the loop watches for, after anything that may change it. */
static void watch(struct link *link)
{
	uint32_t events = link->hold ? EPOLLRDHUP : EPOLLIN;

	if (link->now.source) {
		if (link->partial || link->queue.count)
			events |= EPOLLOUT;
		(void)sd_event_source_set_io_events(link->now.source, events);
		/* Off and not only 0: a hang-up is always reported. */
		(void)sd_event_source_set_enabled(link->now.source, link->ended ? SD_EVENT_OFF : SD_EVENT_ON);
	}
	if (link->past.source)
		(void)sd_event_source_set_enabled(link->past.source, link->hold ? SD_EVENT_OFF : SD_EVENT_ON);
}

static void arm(struct link *link, struct timer *timer, uint64_t us)
{
	int r = timer_arm(timer, link->loop, us);

	if (r < 0)
		log_error("socket %s: cannot set a timer: %s", link->name, error_words(r));
}

/* The connection is over: tell so from the loop, not from within whatever call found out. */
static void connection_ends(struct link *link, int error)
{
	if (link->ended || link->now.fd < 0)
		return;
	link->ended = true;
	link->end_error = error;
	watch(link);
	arm(link, &link->end, 0);
}

/* After a failure: log it if it is news, and try again later. */
static void pause_and_retry(struct link *link, const char *failure, const char *words)
{
	link->stats.failures++;
	link->stats.error = words;
	if (strcmp(link->failure, failure) != 0) {
		log_notice("socket %s: %s; trying again in %u s", link->name, failure, link->config.retry_s);
		(void)snprintf(link->failure, sizeof(link->failure), "%s", failure);
	}
	set_state(link, LINK_WAITING);
	arm(link, &link->retry, link->config.retry_s * UINT64_C(1000000));
}

static void round_failed(struct link *link, const char *words)
{
	char failure[sizeof(link->failure)];

	(void)snprintf(failure, sizeof(failure), "cannot connect to %s:%u: %s", link->host, link->config.port, words);
	pause_and_retry(link, failure, words);
}

/*
 * Nothing of a frame that went only in part counts as sent: it goes again, whole. What TCP took
 * whole is not ours any more; a ledger of what it has not acknowledged belongs here.
 */
static void recall_frames(struct link *link)
{
	if (link->partial)
		queue_put_back(&link->queue, link->partial);
	link->partial = NULL;
	link->sent = 0;
}

static int on_past(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct link *link = data;

	(void)source;
	(void)fd;
	(void)events;
	link->events->readable(link->data, link);
	return 0;
}

/* Keep what has ended until it is read. Without memory for it the bytes are lost, and counted. */
static void move_to_past(struct link *link)
{
	int r;

	link->past.fd = link->now.fd;
	link->now.source = sd_event_source_disable_unref(link->now.source);
	link->now.fd = -1;
	/* The peer need not wait for our end of it until the serial line has taken all. */
	(void)shutdown(link->past.fd, SHUT_WR);
	r = sd_event_add_io(link->loop, &link->past.source, link->past.fd, EPOLLIN, on_past, link);
	if (r < 0)
		channel_drop(link, &link->past);
}

static void on_end(void *data)
{
	struct link *link = data;
	const bool unread = link->transport->stream && channel_unread(&link->now);
	const char *words = link->end_error ? error_words(link->end_error) : "closed by the peer";
	char failure[sizeof(link->failure)];

	/* One past connection is kept, not any number: this one ends when that one has been read. */
	if (unread && link->past.fd >= 0)
		return;
	if (unread)
		move_to_past(link);
	else
		channel_drop(link, &link->now);
	(void)snprintf(failure, sizeof(failure), "connection to %s %s%s", link->stats.peer,
		       link->end_error ? "lost: " : "", words);
	link->ended = false;
	link->stats.peer[0] = '\0';
	recall_frames(link);
	pause_and_retry(link, failure, words);
	watch(link);
	link->events->state(link->data, link, false);
}

static void on_retry(void *data)
{
	begin_round(data);
}

/* An error that is pending on a datagram socket is the ICMP answer to an earlier datagram. */
static bool is_unreachable(const struct link *link, int error)
{
	return !link->transport->stream && (error == -ECONNREFUSED || error == -ENOPROTOOPT);
}

static ssize_t send_bytes(struct link *link, const uint8_t *bytes, size_t length)
{
	ssize_t n = -EAGAIN;

	/* Such an error comes instead of sending, so the datagram has to be offered again. */
	for (int i = 0; i < SEND_TRIES; i++) {
		n = link->transport->send(link->now.fd, bytes, length);
		if (n >= 0 || !is_unreachable(link, (int)n))
			break;
		link->stats.unreachable++;
	}
	return n;
}

/* The system refuses this datagram; the next one may pass. */
static bool refuses_frame(const struct link *link, int error)
{
	if (link->transport->stream)
		return false;
	return is_unreachable(link, error) || error == -EMSGSIZE || error == -EPERM || error == -EACCES ||
	       error == -ENOBUFS || error == -ENOMEM;
}

/* One write of what is left of a frame. True: the frame is done with. */
static bool send_frame(struct link *link, const uint8_t *bytes, size_t length, size_t *sent)
{
	ssize_t n = send_bytes(link, bytes + *sent, length - *sent);

	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n < 0 && refuses_frame(link, (int)n)) {
		link->stats.dropped_error++;
		return true;
	}
	if (n < 0) {
		connection_ends(link, (int)n);
		return false;
	}
	*sent += (size_t)n;
	link->stats.tx_bytes += (uint64_t)n;
	if (*sent < length)
		return false;
	link->stats.tx_frames++;
	return true;
}

/* Frame by frame for as long as the socket takes them. */
static void flush(struct link *link)
{
	while (can_send(link)) {
		if (!link->partial) {
			link->partial = queue_pop(&link->queue);
			link->sent = 0;
		}
		if (!link->partial || !send_frame(link, link->partial->bytes, link->partial->length, &link->sent))
			break;
		free(link->partial);
		link->partial = NULL;
	}
	/* Not begun: it waits like the others, and can be the oldest to go. */
	if (link->partial && !link->sent)
		recall_frames(link);
	watch(link);
}

static int pending_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

/* A hang-up or error while nothing may be read, or on a datagram socket. */
static void on_trouble(struct link *link)
{
	int error = pending_error(link->now.fd);

	if (link->transport->stream) {
		connection_ends(link, error);
		return;
	}
	if (is_unreachable(link, error))
		link->stats.unreachable++;
	else if (error)
		connection_ends(link, error);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct link *link = data;
	const uint32_t trouble = EPOLLERR | EPOLLHUP | EPOLLRDHUP;

	(void)source;
	(void)fd;
	if (events & trouble && (link->hold || !link->transport->stream)) {
		on_trouble(link);
		events &= ~trouble;
	}
	/* A stream is read up to its end or error, so that this comes after the data. */
	if (events & (EPOLLIN | trouble) && !link->hold && can_send(link))
		link->events->readable(link->data, link);
	if (events & EPOLLOUT && can_send(link))
		flush(link);
	return 0;
}

static void connected(struct link *link, int fd, const struct address *peer)
{
	int r = sd_event_add_io(link->loop, &link->now.source, fd, EPOLLIN, on_io, link);

	if (r < 0) {
		close(fd);
		round_failed(link, error_words(r));
		return;
	}
	link->now.fd = fd;
	link->stats.connects++;
	link->failure[0] = '\0';
	address_format(peer, link->stats.peer, sizeof(link->stats.peer));
	set_state(link, LINK_CONNECTED);
	log_notice("socket %s: connected to %s over %s", link->name, link->stats.peer, link->transport->name);
	watch(link);
	link->events->state(link->data, link, true);
	flush(link);
}

static void on_race_done(void *data, int fd, const struct address *peer, int error)
{
	struct link *link = data;

	resolver_cancel(link->request);
	link->request = NULL;
	if (fd < 0)
		round_failed(link, error_words(error));
	else
		connected(link, fd, peer);
}

static void on_answer(void *data, const struct resolver_answer *answer)
{
	struct link *link = data;

	if (answer->last)
		link->request = NULL;
	if (answer->error) {
		race_stop(&link->race);
		round_failed(link, answer->error);
		return;
	}
	if (answer->n)
		set_state(link, LINK_CONNECTING);
	race_add(&link->race, answer->addresses, answer->n);
	/* The race may be over, and its outcome may have begun another round. */
	if (answer->last && link->state == LINK_CONNECTING)
		race_complete(&link->race);
}

static void begin_round(struct link *link)
{
	int r;

	set_state(link, LINK_RESOLVING);
	race_begin(&link->race, link->transport);
	r = resolver_ask(link->resolver, link->host, link->config.port, on_answer, link, &link->request);
	if (r < 0)
		round_failed(link, error_words(r));
}

void link_stop(struct link *link)
{
	resolver_cancel(link->request);
	link->request = NULL;
	race_stop(&link->race);
	timer_disarm(&link->retry);
	timer_disarm(&link->end);
	channel_drop(link, &link->now);
	channel_drop(link, &link->past);
	link->ended = false;
	link->failure[0] = '\0';
	link->stats.peer[0] = '\0';
	recall_frames(link);
	set_state(link, LINK_STOPPED);
}

int link_start(struct link *link, const struct link_config *config)
{
	const struct transport *transport = transport_find(config->protocol);
	char *host;

	if (!transport)
		return -EPROTONOSUPPORT;
	host = strdup(config->host);
	if (!host)
		return -ENOMEM;
	link_stop(link);
	free(link->host);
	link->host = host;
	link->config = *config;
	link->config.host = host;
	link->transport = transport;
	link->stats.error = NULL;
	begin_round(link);
	return 0;
}

int link_send(struct link *link, const void *bytes, size_t length)
{
	struct frame *frame;
	size_t sent = 0;

	if (!length)
		return 0;
	/* Nothing before it: no copy unless the socket leaves some of it. */
	if (can_send(link) && !link->partial && !link->queue.count && send_frame(link, bytes, length, &sent))
		return 0;
	frame = frame_new(bytes, length);
	if (!frame) {
		/* Half a frame must not be followed by another. */
		if (sent)
			connection_ends(link, -ENOMEM);
		return -ENOMEM;
	}
	if (sent) {
		link->partial = frame;
		link->sent = sent;
	} else {
		queue_push(&link->queue, frame);
	}
	watch(link);
	return 0;
}

/* True: there is no more to come from it. */
static bool past_is_read(ssize_t n)
{
	return n <= 0 && n != -EINTR;
}

static size_t read_past(struct link *link, void *buffer, size_t size)
{
	ssize_t n = link->transport->receive(link->past.fd, buffer, size);

	if (n > 0)
		return (size_t)n;
	if (past_is_read(n)) {
		channel_close(&link->past);
		if (link->ended)
			arm(link, &link->end, 0);
	}
	return 0;
}

static size_t read_now(struct link *link, void *buffer, size_t size)
{
	for (;;) {
		ssize_t n = link->transport->receive(link->now.fd, buffer, size);

		if (n > 0 && (size_t)n > size) {
			link->stats.cut_rx++;
			n = (ssize_t)size;
		}
		if (n > 0)
			return (size_t)n;
		if (n == -EAGAIN)
			return 0;
		if (n == -EINTR || (n == 0 && !link->transport->stream))
			continue; /* an empty datagram is nothing to hand over */
		if (is_unreachable(link, (int)n)) {
			link->stats.unreachable++;
			continue;
		}
		connection_ends(link, (int)n);
		return 0;
	}
}

size_t link_read(struct link *link, void *buffer, size_t size)
{
	size_t n = 0;

	if (!size)
		return 0;
	if (link->past.fd >= 0)
		n = read_past(link, buffer, size);
	if (!n && link->now.fd >= 0)
		n = read_now(link, buffer, size);
	if (n) {
		link->stats.rx_reads++;
		link->stats.rx_bytes += n;
	}
	return n;
}

void link_hold(struct link *link, bool hold)
{
	if (link->hold == hold)
		return;
	link->hold = hold;
	watch(link);
}

bool link_connected(const struct link *link)
{
	return link->state == LINK_CONNECTED;
}

void link_stats(const struct link *link, struct link_stats *stats)
{
	*stats = link->stats;
	stats->state = link->state;
	stats->dropped_full = link->queue.dropped;
	stats->queued = link->queue.count + (link->partial ? 1 : 0);
}

int link_new(struct link **out, sd_event *loop, struct resolver *resolver, const char *name,
	     const struct link_events *events, void *data)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->loop = sd_event_ref(loop);
	link->resolver = resolver;
	link->events = events;
	link->data = data;
	link->now.fd = link->past.fd = -1;
	link->end = (struct timer){ .fire = on_end, .data = link };
	link->retry = (struct timer){ .fire = on_retry, .data = link };
	(void)snprintf(link->name, sizeof(link->name), "%s", name);
	race_init(&link->race, loop, on_race_done, link);
	*out = link;
	return 0;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	link_stop(link);
	race_free(&link->race);
	timer_free(&link->retry);
	timer_free(&link->end);
	queue_clear(&link->queue);
	sd_event_unref(link->loop);
	free(link->host);
	free(link);
}
