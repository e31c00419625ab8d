// SPDX-License-Identifier: MIT
/*
 * As many bytes as will go, from a pty to TCP and back. Makes the pty with a link to it, and speaks
 * with whom started it as tests/bench/line.c does.
 *
 *	bulk listen|dial PORT LINK BYTES
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest/port.h"
#include "judge.h"
#include "peers.h"

#define DIAL_SECONDS 60
#define PIECE 16384
#define SILENCE_MS 20000
/* Under way at most: what waits for a slow network dtud drops, oldest first, as its model does. */
#define WINDOW 32768

/* Repeats with this period; a piece may begin anywhere in the first. */
#define PATTERN (1 << 20)

static uint8_t pattern[PATTERN + PIECE];

/* No plus sign, which has a meaning of its own. */
static void fill_pattern(void)
{
	for (size_t i = 0; i < PATTERN; i++) {
		pattern[i] = (uint8_t)pick(256);
		if (pattern[i] == '+')
			pattern[i] = '-';
	}
	memcpy(pattern + PATTERN, pattern, PIECE);
}

static size_t piece(uint64_t done, uint64_t bytes)
{
	size_t n = PIECE;

	if (n > bytes - done)
		n = (size_t)(bytes - done);
	return n;
}

static void put(int to, uint64_t *written, uint64_t bytes)
{
	ssize_t n = write(to, pattern + *written % PATTERN, piece(*written, bytes));

	if (n < 0 && errno != EAGAIN)
		die("write");
	if (n > 0)
		*written += (uint64_t)n;
}

/* What comes is what was written. */
static void get(int from, uint64_t *arrived)
{
	uint8_t got[PIECE];
	ssize_t n = read(from, got, sizeof(got));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("read");
	/* The pattern goes on behind its end. */
	if (memcmp(got, pattern + *arrived % PATTERN, (size_t)n)) {
		printf("Bail out! something differs behind byte %llu\n", (unsigned long long)*arrived);
		exit(1);
	}
	*arrived += (uint64_t)n;
}

static bool may_write(uint64_t written, uint64_t arrived, uint64_t bytes)
{
	return written < bytes && written - arrived <= WINDOW - PIECE;
}

static uint64_t measure(int from, int to, uint64_t bytes)
{
	uint64_t begin = now_ns(), written = 0, arrived = 0;

	while (arrived < bytes) {
		struct pollfd fds[] = { { .fd = to, .events = POLLIN },
					{ .fd = from, .events = may_write(written, arrived, bytes) ? POLLOUT : 0 } };

		if (poll(fds, 2, SILENCE_MS) <= 0) {
			printf("Bail out! %llu bytes of %llu came\n", (unsigned long long)arrived,
			       (unsigned long long)bytes);
			exit(1);
		}
		if (fds[0].revents)
			get(to, &arrived);
		if (fds[1].revents & POLLOUT)
			put(from, &written, bytes);
	}
	return now_ns() - begin;
}

/* What the contender says when it begins is no part of it. */
static void drain(int fd)
{
	uint8_t bytes[4096];

	while (readable(fd, 500) && read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static void wait_for_line(void)
{
	int c;

	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

static void make_link(const struct port *pty, const char *path)
{
	if (symlink(ttyname(pty->slave), path))
		die(path);
}

int main(int argc, char **argv)
{
	struct port pty;
	uint64_t bytes;
	int connection, listener = -1;
	uint16_t number;

	if (argc != 5) {
		fprintf(stderr, "usage: bulk listen|dial PORT LINK BYTES\n");
		return 2;
	}
	number = (uint16_t)atoi(argv[2]);
	bytes = strtoull(argv[4], NULL, 10);
	seed_from(1);
	fill_pattern();
	pty_open(&pty);
	make_link(&pty, argv[3]);
	set_nonblocking(pty.master, true);
	if (!strcmp(argv[1], "listen"))
		listener = peer_listen(number);
	puts("listening");
	fflush(stdout);
	connection = listener >= 0 ? peer_accept(listener) : peer_dial(number, DIAL_SECONDS);
	puts("ready");
	fflush(stdout);
	wait_for_line();
	drain(pty.master);
	printf("bulk_bytes=%llu\n", (unsigned long long)bytes);
	printf("bulk_up_ns=%llu\n", (unsigned long long)measure(pty.master, connection, bytes));
	printf("bulk_down_ns=%llu\n", (unsigned long long)measure(connection, pty.master, bytes));
	puts("done");
	fflush(stdout);
	wait_for_line();
	return 0;
}
