/* SPDX-License-Identifier: MIT */
/* One internet address with its port, of either family. */
#ifndef LINK_ADDRESS_H
#define LINK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

/* From a socket address of the system; -EAFNOSUPPORT: of neither family. */
int address_from(struct address *address, const struct sockaddr *from, uint16_t port);

/* Same from an address in digits, "192.0.2.1" or "fe80::1%eth0". -EINVAL: it is a name. */
int address_parse(struct address *address, const char *text, uint16_t port);

bool address_equal(const struct address *a, const struct address *b);

/* "192.0.2.1:80" or "[2001:db8::1]:80". */
void address_format(const struct address *address, char *out, size_t size);

#endif
