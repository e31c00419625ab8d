/* SPDX-License-Identifier: MIT */
/*
 * What differs between TCP and UDP: one row a protocol. Sockets are non-blocking; results are
 * counts or a negative errno.
 */
#ifndef LINK_TRANSPORT_H
#define LINK_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "link/address.h"
#include "link/link.h"

struct transport {
	const char *name; /* for the log */
	bool stream;	  /* a write may take part of a frame; a read of 0 bytes is the peer's close */
	/* A socket on its way to @address. Writable means: ask opened(). */
	int (*open)(const struct address *address);
	/* 0: connected. -EINPROGRESS: not yet. */
	int (*opened)(int fd);
	/* The bytes taken. -EAGAIN: none now. */
	ssize_t (*send)(int fd, const void *bytes, size_t length);
	/*
	 * The bytes that came; of a datagram its whole length, although no more than @size were
	 * stored. -EAGAIN: nothing now.
	 */
	ssize_t (*receive)(int fd, void *buffer, size_t size);
};

const struct transport *transport_find(enum link_protocol protocol);

#endif
