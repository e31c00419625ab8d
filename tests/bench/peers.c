// SPDX-License-Identifier: MIT
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kselftest/port.h"

#define TRY_AGAIN_US 50000

static struct sockaddr_in address(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int peer_listen(uint16_t port)
{
	struct sockaddr_in here = address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) || listen(fd, 1))
		die("listen");
	return fd;
}

static int prepare(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		die("TCP_NODELAY");
	set_nonblocking(fd, true);
	return fd;
}

int peer_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	close(listener);
	return prepare(fd);
}

int peer_dial(uint16_t port, unsigned int seconds)
{
	struct sockaddr_in there = address(port);
	uint64_t end = now_ns() + seconds * 1000000000ULL;

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && !connect(fd, (struct sockaddr *)&there, sizeof(there)))
			return prepare(fd);
		if (fd < 0 || errno != ECONNREFUSED || now_ns() > end)
			die("connect");
		close(fd);
		pause_us(TRY_AGAIN_US);
	}
}

void peer_drain(int connection)
{
	uint8_t bytes[4096];

	while (recv(connection, bytes, sizeof(bytes), 0) > 0)
		;
}
