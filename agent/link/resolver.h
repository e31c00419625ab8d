/* SPDX-License-Identifier: MIT */
/*
 * Host names to addresses without ever blocking the loop: c-ares on the loop's descriptors and
 * timers. A and AAAA are asked separately, so that one family's slow or broken server does not
 * delay the other. Addresses in digits ask nobody. No answer comes before resolver_ask returned.
 *
 * c-ares reads resolv.conf only once: its channel is made anew when that file has changed or after
 * a failure of the name servers. Questions on their way are then asked again.
 */
#ifndef LINK_RESOLVER_H
#define LINK_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/address.h"
#include "link/link.h"

/* A question that has no answer by then has failed, whatever the name servers are doing. */
#define RESOLVER_TIMEOUT_S 10

/* Addresses of one family that are used. */
#define RESOLVER_ADDRESSES 8

struct resolver_request;

struct resolver_answer {
	const struct address *addresses; /* of one family */
	size_t n;
	bool last;	   /* nothing more will come; the request is gone */
	const char *error; /* in the last one, if there was no address at all: why, in words */
};

/* Addresses of @host, all with @port. The answers come in one or more pieces, the last says so. */
int resolver_ask(struct resolver *resolver, const char *host, uint16_t port,
		 void (*answer)(void *data, const struct resolver_answer *answer), void *data,
		 struct resolver_request **request);

/* No more answers to it. NULL does nothing. */
void resolver_cancel(struct resolver_request *request);

/* Ask these servers, "192.0.2.1:53,[2001:db8::1]:53", instead of those in resolv.conf. NULL: those again. */
int resolver_set_servers(struct resolver *resolver, const char *servers);

/* How often the channel was made, for status and tests. */
unsigned int resolver_channels(const struct resolver *resolver);

#endif
