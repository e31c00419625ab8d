// SPDX-License-Identifier: MIT
#include "link/transport.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/util.h"

/* What TCP may hold unacknowledged (SPEC 6): more would only be lost at a break. */
#define TCP_SEND_BUFFER 65536
/* Enough for any serial line; a peer that sends faster is held back instead of filling the memory. */
#define TCP_RECEIVE_BUFFER 65536

static int open_socket(const struct address *address, int type)
{
	int fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int connect_socket(int fd, const struct address *address)
{
	if (connect(fd, &address->any, address->length) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static int tcp_open(const struct address *address)
{
	const int on = 1, send_size = TCP_SEND_BUFFER, receive_size = TCP_RECEIVE_BUFFER;
	int fd = open_socket(address, SOCK_STREAM), r;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_size, sizeof(send_size)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_size, sizeof(receive_size)) < 0)
		r = -errno;
	else
		r = connect_socket(fd, address);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int tcp_opened(int fd)
{
	struct address self = { .length = sizeof(self.v6) }, peer = { .length = sizeof(peer.v6) };
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	if (error)
		return -error;
	if (getpeername(fd, &peer.any, &peer.length) < 0)
		return errno == ENOTCONN ? -EINPROGRESS : -errno;
	/*
	 * A port nobody listens on, on this machine and in the range of ephemeral ports: sooner or
	 * later a retry draws it as its own and TCP connects the socket to itself.
	 */
	if (getsockname(fd, &self.any, &self.length) == 0 && address_equal(&self, &peer))
		return -ECONNREFUSED;
	return 0;
}

static ssize_t tcp_send(int fd, const void *bytes, size_t length)
{
	/*
	 * MSG_EOR ends the segment with the frame: what comes later is not appended to it, even
	 * if the window or congestion keeps it waiting.
	 */
	ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_EOR);

	return n < 0 ? -errno : n;
}

static ssize_t tcp_receive(int fd, void *buffer, size_t size)
{
	ssize_t n = recv(fd, buffer, size, 0);

	return n < 0 ? -errno : n;
}

static int udp_open(const struct address *address)
{
	int fd = open_socket(address, SOCK_DGRAM), r;

	if (fd < 0)
		return fd;
	r = connect_socket(fd, address);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Nobody answers an opening: open is connected. */
static int udp_opened(int fd)
{
	(void)fd;
	return 0;
}

static ssize_t udp_send(int fd, const void *bytes, size_t length)
{
	ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static ssize_t udp_receive(int fd, void *buffer, size_t size)
{
	ssize_t n = recv(fd, buffer, size, MSG_TRUNC);

	return n < 0 ? -errno : n;
}

static const struct transport transports[] = {
	[LINK_TCP] = {
		.name = "TCP",
		.stream = true,
		.open = tcp_open,
		.opened = tcp_opened,
		.send = tcp_send,
		.receive = tcp_receive,
	},
	[LINK_UDP] = {
		.name = "UDP",
		.open = udp_open,
		.opened = udp_opened,
		.send = udp_send,
		.receive = udp_receive,
	},
};

const struct transport *transport_find(enum link_protocol protocol)
{
	return (size_t)protocol < ARRAY_SIZE(transports) ? &transports[protocol] : NULL;
}
