// SPDX-License-Identifier: MIT
#include "link/race.h"

#include <errno.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

static void advance(struct race *race);

static uint64_t now_us(const struct race *race)
{
	uint64_t now = 0;

	(void)sd_event_now(race->loop, CLOCK_MONOTONIC, &now);
	return now;
}

static uint64_t attempt_delay_us(const struct race *race)
{
	return MIN(MAX(2 * race->connect_us, RACE_DELAY_MIN_US), RACE_DELAY_MAX_US);
}

static void close_attempt(struct attempt *attempt)
{
	attempt->source = sd_event_source_disable_unref(attempt->source);
	if (attempt->fd >= 0)
		close(attempt->fd);
	attempt->fd = -1;
}

void race_init(struct race *race, sd_event *loop,
	       void (*done)(void *data, int fd, const struct address *peer, int error), void *data)
{
	*race = (struct race){ .loop = loop, .done = done, .data = data };
}

static void finish(struct race *race, int fd, const struct address *peer, int error)
{
	race_stop(race);
	race->done(race->data, fd, peer, error);
}

/* That there is no way to one family's addresses says less than what the other family's peer answered. */
static bool says_little(int error)
{
	return error == 0 || error == -ENETUNREACH || error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static void on_deadline(void *data)
{
	struct race *race = data;

	finish(race, -1, NULL, says_little(race->error) ? -ETIMEDOUT : race->error);
}

static void on_next(void *data)
{
	advance(data);
}

void race_begin(struct race *race, const struct transport *transport)
{
	race_stop(race);
	race->transport = transport;
	race->complete = race->begun = false;
	race->family = AF_UNSPEC;
	race->error = 0;
	race->next.fire = on_next;
	race->next.data = race;
	race->deadline.fire = on_deadline;
	race->deadline.data = race;
}

static void attempt_failed(struct attempt *attempt, int error)
{
	struct race *race = attempt->race;

	close_attempt(attempt);
	if (says_little(race->error))
		race->error = error;
}

/* True: it won, the race is over and done was called. */
static bool attempt_opened(struct attempt *attempt)
{
	struct race *race = attempt->race;
	struct address peer = attempt->address;
	int r = race->transport->opened(attempt->fd), fd;

	if (r == -EINPROGRESS)
		return false;
	if (r < 0) {
		attempt_failed(attempt, r);
		return false;
	}
	race->connect_us = now_us(race) - attempt->begun_us;
	fd = attempt->fd;
	attempt->fd = -1;
	attempt->source = sd_event_source_disable_unref(attempt->source);
	finish(race, fd, &peer, 0);
	return true;
}

static int on_writable(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct attempt *attempt = data;
	struct race *race = attempt->race;

	(void)source;
	(void)fd;
	(void)events;
	if (!attempt_opened(attempt) && attempt->fd < 0)
		advance(race);
	return 0;
}

/* True: it won at once. */
static bool begin_attempt(struct attempt *attempt)
{
	struct race *race = attempt->race;
	int r;

	attempt->tried = true;
	attempt->begun_us = now_us(race);
	race->family = attempt->address.any.sa_family;
	if (!race->begun) {
		race->begun = true;
		r = timer_arm(&race->deadline, race->loop, LINK_CONNECT_TIMEOUT_S * UINT64_C(1000000));
		if (r < 0) {
			race->error = r;
			return false;
		}
	}
	r = race->transport->open(&attempt->address);
	if (r < 0) {
		attempt_failed(attempt, r);
		return false;
	}
	attempt->fd = r;
	if (!race->transport->stream)
		return attempt_opened(attempt);
	r = sd_event_add_io(race->loop, &attempt->source, attempt->fd, EPOLLOUT, on_writable, attempt);
	if (r < 0)
		attempt_failed(attempt, r);
	return false;
}

/* The families in turn, beginning with IPv6; within one in the order given. */
static struct attempt *next_address(struct race *race)
{
	struct attempt *same = NULL;
	const int wanted = race->family == AF_INET6 ? AF_INET : AF_INET6;

	for (size_t i = 0; i < race->count; i++) {
		struct attempt *attempt = &race->attempts[i];

		if (attempt->tried)
			continue;
		if (attempt->address.any.sa_family == wanted)
			return attempt;
		if (!same)
			same = attempt;
	}
	return same;
}

static bool running(const struct race *race)
{
	for (size_t i = 0; i < race->count; i++)
		if (race->attempts[i].fd >= 0)
			return true;
	return false;
}

/* The next attempt; at once the one after it if that fails on the spot. */
static void advance(struct race *race)
{
	struct attempt *attempt;

	timer_disarm(&race->next);
	while ((attempt = next_address(race))) {
		if (begin_attempt(attempt))
			return;
		if (attempt->fd < 0)
			continue;
		if (next_address(race) && timer_arm(&race->next, race->loop, attempt_delay_us(race)) < 0)
			continue; /* without a timer: all at once */
		return;
	}
	if (race->complete && !running(race))
		finish(race, -1, NULL, race->error ? race->error : -EADDRNOTAVAIL);
}

void race_add(struct race *race, const struct address *addresses, size_t n)
{
	const bool idle = !running(race);
	bool v6 = false;

	if (!race->transport)
		return;
	for (size_t i = 0; i < n && race->count < RACE_ADDRESSES; i++) {
		race->attempts[race->count++] = (struct attempt){ .race = race, .address = addresses[i], .fd = -1 };
		v6 |= addresses[i].any.sa_family == AF_INET6;
	}
	if (race->begun ? idle : v6)
		advance(race);
	else if (!race->begun && !timer_armed(&race->next))
		(void)timer_arm(&race->next, race->loop, RACE_FAMILY_DELAY_US);
	else if (race->begun && !timer_armed(&race->next))
		(void)timer_arm(&race->next, race->loop, attempt_delay_us(race));
}

void race_complete(struct race *race)
{
	if (!race->transport)
		return;
	race->complete = true;
	if (!race->begun || !running(race))
		advance(race);
}

void race_stop(struct race *race)
{
	for (size_t i = 0; i < race->count; i++)
		close_attempt(&race->attempts[i]);
	race->count = 0;
	race->transport = NULL;
	timer_disarm(&race->next);
	timer_disarm(&race->deadline);
}

void race_free(struct race *race)
{
	race_stop(race);
	timer_free(&race->next);
	timer_free(&race->deadline);
}
