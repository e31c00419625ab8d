// SPDX-License-Identifier: MIT
#include "link/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int address_from(struct address *address, const struct sockaddr *from, uint16_t port)
{
	memset(address, 0, sizeof(*address));
	switch (from->sa_family) {
	case AF_INET:
		memcpy(&address->v4, from, sizeof(address->v4));
		address->v4.sin_port = htons(port);
		address->length = sizeof(address->v4);
		return 0;
	case AF_INET6:
		memcpy(&address->v6, from, sizeof(address->v6));
		address->v6.sin6_port = htons(port);
		address->length = sizeof(address->v6);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

int address_parse(struct address *address, const char *text, uint16_t port)
{
	/* AI_NUMERICHOST: asks nobody, so it never blocks; unlike inet_pton it knows "%eth0". */
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r;

	if (getaddrinfo(text, NULL, &hints, &found))
		return -EINVAL;
	r = address_from(address, found->ai_addr, port);
	freeaddrinfo(found);
	return r;
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

void address_format(const struct address *address, char *out, size_t size)
{
	char host[64], port[8];

	if (getnameinfo(&address->any, address->length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		(void)snprintf(out, size, "?");
		return;
	}
	(void)snprintf(out, size, address->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}
