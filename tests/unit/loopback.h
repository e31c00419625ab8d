/* SPDX-License-Identifier: MIT */
/* Peers on the loopback interface for tests of links: servers, a name server, and a loop to drive them. */
#ifndef UNIT_LOOPBACK_H
#define UNIT_LOOPBACK_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "tap.h"

static sd_event *loop;

/* What the modules logged, in place of base/log.c. */
static char logged[16384];

void log_set_level(enum log_level level)
{
	(void)level;
}

void log_line(enum log_level level, const char *format, ...)
{
	size_t used = strlen(logged);
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(logged + used, sizeof(logged) - used, format, args);
	va_end(args);
	used = strlen(logged);
	snprintf(logged + used, sizeof(logged) - used, "\n");
}

static inline unsigned int times_logged(const char *text)
{
	unsigned int n = 0;

	for (const char *at = logged; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The longest that one turn of the loop kept it busy. */
static uint64_t longest_turn_ms;

static inline void turn_loop(void)
{
	uint64_t begun;

	if (sd_event_prepare(loop) == 0 && sd_event_wait(loop, 2000) <= 0)
		return;
	begun = now_ms();
	sd_event_dispatch(loop);
	if (now_ms() - begun > longest_turn_ms)
		longest_turn_ms = now_ms() - begun;
}

/* Drive the loop until @condition holds, at most @ms. */
#define until(condition, ms)                                     \
	({                                                       \
		uint64_t end_ = now_ms() + (ms);                 \
		bool met_;                                       \
		while (!(met_ = (condition)) && now_ms() < end_) \
			turn_loop();                             \
		met_;                                            \
	})

static inline void drive(uint64_t ms)
{
	(void)until(false, ms);
}

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A loopback address of the family. */
static inline socklen_t loopback(struct sockaddr_storage *address, int family, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_addr = in6addr_loopback;
	return sizeof(*v6);
}

static inline uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	must(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
	return ntohs(((struct sockaddr_in *)&address)->sin_port); /* at the same place in both families */
}

static inline int bound_socket(int family, int type, uint16_t port)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_storage address;
	socklen_t length = loopback(&address, family, port);

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&address, length) == 0, "bind");
	return fd;
}

/* @receive: size of the receive buffer of what is accepted, 0 for the system's. */
static inline int listen_tcp(int family, uint16_t port, int receive)
{
	int fd = bound_socket(family, SOCK_STREAM, port);

	if (receive)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	must(listen(fd, 16) == 0, "listen");
	return fd;
}

/* A port where nobody listens. */
static inline uint16_t free_port(void)
{
	int fd = bound_socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port = port_of(fd);

	close(fd);
	return port;
}

static inline int accept_within(int server, uint64_t ms)
{
	int fd = -1;

	(void)until((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0, ms);
	return fd;
}

/* Read until @n bytes are there or the time is up; how many came. */
static inline size_t read_within(int fd, void *buffer, size_t n, uint64_t ms)
{
	size_t got = 0;

	(void)until(({
			    ssize_t r = recv(fd, (char *)buffer + got, n - got, 0);

			    got += r > 0 ? (size_t)r : 0;
			    got == n;
		    }),
		    ms);
	return got;
}

/* One read: what is there when something is. */
static inline ssize_t read_once(int fd, void *buffer, size_t size, uint64_t ms)
{
	ssize_t n = -1;

	(void)until((n = recv(fd, buffer, size, 0)) >= 0, ms);
	return n;
}

static inline void reset_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* A name server: one name with addresses, every other name does not exist. */
struct dns {
	int fd;
	sd_event_source *source;
	char servers[32]; /* for resolver_set_servers */
	const char *name; /* "both" */
	bool v4, v6;	  /* it has 127.0.0.1, ::1 */
	bool mute, mute_v6;
	unsigned int rcode; /* if not 0: to every question */
	unsigned int questions;
};

/* The question's name with dots; the bytes it took. */
static inline size_t dns_name(const uint8_t *at, size_t n, char *name, size_t size)
{
	size_t used = 0, length = 0;

	while (used < n && at[used]) {
		for (size_t i = 0; i < at[used] && used + 1 + i < n && length + 2 < size; i++)
			name[length++] = (char)at[used + 1 + i];
		name[length++] = '.';
		used += 1u + at[used];
	}
	name[length ? length - 1 : 0] = '\0';
	return used + 1;
}

static inline int dns_answer(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct dns *dns = data;
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	uint8_t q[1024];
	char name[512];
	ssize_t n = recvfrom(fd, q, sizeof(q) - 64, 0, (struct sockaddr *)&from, &length);
	bool v6, known, has;
	size_t end;

	(void)source;
	(void)events;
	if (n < 17)
		return 0;
	dns->questions++;
	end = 12 + dns_name(q + 12, (size_t)n - 12, name, sizeof(name)) + 4;
	v6 = q[end - 3] == 28;
	known = strcasecmp(name, dns->name) == 0;
	has = known && (v6 ? dns->v6 : dns->v4) && !dns->rcode;
	if (dns->mute || (v6 && dns->mute_v6))
		return 0;
	q[2] = 0x81;
	q[3] = (uint8_t)(0x80 | (dns->rcode ? dns->rcode : known ? 0 : 3));
	memset(q + 6, 0, 6);
	q[7] = has;
	if (has) {
		const uint8_t head[] = { 0xc0, 12, 0, v6 ? 28 : 1, 0, 1, 0, 0, 0, 1, 0, v6 ? 16 : 4 };
		const uint8_t a[] = { 127, 0, 0, 1 }, *address = v6 ? in6addr_loopback.s6_addr : a;

		memcpy(q + end, head, sizeof(head));
		memcpy(q + end + sizeof(head), address, head[11]);
		end += sizeof(head) + head[11];
	}
	sendto(fd, q, end, 0, (struct sockaddr *)&from, length);
	return 0;
}

static inline void dns_open(struct dns *dns, const char *name)
{
	*dns = (struct dns){ .fd = bound_socket(AF_INET, SOCK_DGRAM, 0), .name = name, .v4 = true, .v6 = true };
	snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u", port_of(dns->fd));
	must(sd_event_add_io(loop, &dns->source, dns->fd, EPOLLIN, dns_answer, dns) >= 0, "name server");
}

static inline void dns_close(struct dns *dns)
{
	sd_event_source_disable_unref(dns->source);
	close(dns->fd);
}

#endif
