// SPDX-License-Identifier: MIT
#include "link/resolver.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "base/timer.h"
#include "base/util.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* A cellular link takes seconds to wake up; c-ares doubles this at each try. */
#define SERVER_TIMEOUT_MS 2000
#define SERVER_TRIES 3

/* Which resolv.conf it was: the file is rewritten or replaced when a link comes up. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/* A descriptor of c-ares on the loop. */
struct watch {
	struct watch *next;
	ares_socket_t fd;
	sd_event_source *source;
};

/* The question for one family. */
struct query {
	struct resolver_request *request;
	int family;
	bool pending; /* c-ares has it and will call back */
	bool told;
	int status;
	struct address addresses[RESOLVER_ADDRESSES];
	size_t n;
};

struct resolver_request {
	struct resolver_request *next;
	struct resolver *resolver;
	char *host;
	uint16_t port;
	void (*answer)(void *data, const struct resolver_answer *answer);
	void *data;
	struct query queries[2];
	struct timer limit;
	bool over; /* answered or cancelled: goes when c-ares has called back */
};

struct resolver {
	sd_event *loop;
	ares_channel channel;
	bool open;
	bool stale; /* make the channel anew before the next question */
	unsigned int channels;
	struct stamp conf;
	char *servers;
	struct watch *watches;
	struct timer timer;	  /* time-outs of c-ares */
	sd_event_source *deliver; /* answers are handed over from the loop, never from within c-ares */
	struct resolver_request *requests;
};

static const char *error_words(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
		return "unknown host name";
	case ARES_ENODATA:
		return "the host name has no address";
	case ARES_EBADNAME:
		return "not a host name";
	case ARES_ETIMEOUT:
		return "no answer from the name servers";
	case ARES_ECONNREFUSED: /* also when each has answered that it failed */
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
	case ARES_EBADRESP:
		return "the name servers failed or cannot be reached";
	default:
		return ares_strerror(status);
	}
}

/* The name servers failed, not the name. */
static bool blames_server(int status)
{
	return status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA && status != ARES_EBADNAME;
}

static struct stamp read_stamp(void)
{
	struct stat st;

	if (stat(RESOLV_CONF, &st) < 0)
		return (struct stamp){ 0 };
	return (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static void deliver_later(struct resolver *resolver)
{
	(void)sd_event_source_set_enabled(resolver->deliver, SD_EVENT_ONESHOT);
}

/* After each call into c-ares: when does it want to be called next? */
static void set_timer(struct resolver *resolver)
{
	struct timeval tv;

	if (!resolver->open || !ares_timeout(resolver->channel, NULL, &tv)) {
		timer_disarm(&resolver->timer);
		return;
	}
	(void)timer_arm(&resolver->timer, resolver->loop, (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec);
}

static void on_timer(void *data)
{
	struct resolver *resolver = data;

	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(resolver);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct resolver *resolver = data;

	(void)source;
	ares_process_fd(resolver->channel, events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
			events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	set_timer(resolver);
	return 0;
}

static void drop_watch(struct watch **at)
{
	struct watch *watch = *at;

	*at = watch->next;
	sd_event_source_disable_unref(watch->source);
	free(watch);
}

/* c-ares opens, closes or changes its mind about a descriptor. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = data;
	const uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	struct watch **at = &resolver->watches;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	if (!events) {
		if (*at)
			drop_watch(at);
		return;
	}
	if (*at) {
		(void)sd_event_source_set_io_events((*at)->source, events);
		return;
	}
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return; /* the question times out */
	(*at)->fd = fd;
	if (sd_event_add_io(resolver->loop, &(*at)->source, fd, events, on_socket, resolver) < 0)
		drop_watch(at);
}

static int open_channel(struct resolver *resolver)
{
	struct ares_options options = {
		.timeout = SERVER_TIMEOUT_MS,
		.tries = SERVER_TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = resolver,
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	int status;

#ifdef ARES_OPT_QUERY_CACHE
	/* A name is asked for only to connect: then with what holds now. */
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	resolver->conf = read_stamp();
	status = ares_init_options(&resolver->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return status;
	if (resolver->servers) {
		status = ares_set_servers_ports_csv(resolver->channel, resolver->servers);
		if (status != ARES_SUCCESS) {
			ares_destroy(resolver->channel);
			return status;
		}
	}
	resolver->open = true;
	resolver->stale = false;
	resolver->channels++;
	return ARES_SUCCESS;
}

static void close_channel(struct resolver *resolver)
{
	if (!resolver->open)
		return;
	/* Calls back for every pending query, with ARES_EDESTRUCTION. */
	ares_destroy(resolver->channel);
	resolver->open = false;
	while (resolver->watches)
		drop_watch(&resolver->watches);
	set_timer(resolver);
}

static void on_result(void *data, int status, int timeouts, struct ares_addrinfo *result)
{
	struct query *query = data;
	struct resolver_request *request = query->request;

	(void)timeouts;
	query->pending = false;
	query->status = status;
	for (struct ares_addrinfo_node *node = result ? result->nodes : NULL; node; node = node->ai_next)
		if (query->n < RESOLVER_ADDRESSES && node->ai_family == query->family &&
		    address_from(&query->addresses[query->n], node->ai_addr, request->port) == 0)
			query->n++;
	if (status == ARES_SUCCESS && !query->n)
		query->status = ARES_ENODATA;
	if (result)
		ares_freeaddrinfo(result);
	if (blames_server(status) && status != ARES_EDESTRUCTION && status != ARES_ECANCELLED)
		request->resolver->stale = true;
	deliver_later(request->resolver);
}

static void ask(struct query *query)
{
	struct resolver *resolver = query->request->resolver;
	const struct ares_addrinfo_hints hints = { .ai_family = query->family, .ai_socktype = SOCK_STREAM };

	query->pending = true;
	ares_getaddrinfo(resolver->channel, query->request->host, NULL, &hints, on_result, query);
	set_timer(resolver);
}

/* What the old channel had not answered is asked again through the new one. */
static int renew_channel(struct resolver *resolver)
{
	int status;

	close_channel(resolver);
	status = open_channel(resolver);
	for (struct resolver_request *request = resolver->requests; request; request = request->next) {
		if (request->over)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(request->queries); i++) {
			struct query *query = &request->queries[i];

			if (query->told || query->status != ARES_EDESTRUCTION)
				continue;
			query->status = status;
			if (status == ARES_SUCCESS)
				ask(query);
		}
	}
	deliver_later(resolver);
	return status;
}

/* Both families have been answered, or the time is up. */
static void tell_last(struct resolver_request *request, const struct query *query)
{
	struct resolver_answer answer = { .addresses = query->addresses, .n = query->n, .last = true };
	int status = ARES_ENODATA;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(request->queries); i++) {
		n += request->queries[i].n;
		if (request->queries[i].status != ARES_ENODATA)
			status = request->queries[i].status;
	}
	if (!n)
		answer.error = error_words(status);
	request->over = true;
	timer_disarm(&request->limit);
	request->answer(request->data, &answer);
}

/* True: something was told, the list may have changed. */
static bool tell(struct resolver_request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(request->queries); i++) {
		struct query *query = &request->queries[i];
		struct resolver_answer answer = { .addresses = query->addresses, .n = query->n };

		if (query->pending || query->told)
			continue;
		query->told = true;
		if (request->queries[0].told && request->queries[1].told)
			tell_last(request, query);
		else if (query->n)
			request->answer(request->data, &answer);
		return true;
	}
	return false;
}

static void free_request(struct resolver_request *request)
{
	timer_free(&request->limit);
	free(request->host);
	free(request);
}

/* c-ares can't forget one query: a request stays until it has called back for both. */
static void reap(struct resolver *resolver)
{
	struct resolver_request **at = &resolver->requests;

	while (*at) {
		struct resolver_request *request = *at;

		if (!request->over || request->queries[0].pending || request->queries[1].pending) {
			at = &request->next;
			continue;
		}
		*at = request->next;
		free_request(request);
	}
}

static int on_deliver(sd_event_source *source, void *data)
{
	struct resolver *resolver = data;
	struct resolver_request *request = resolver->requests;

	(void)source;
	/* An answer may ask or cancel: begin anew after each. Nothing is freed meanwhile. */
	while (request) {
		if (!request->over && tell(request))
			request = resolver->requests;
		else
			request = request->next;
	}
	reap(resolver);
	return 0;
}

static void on_limit(void *data)
{
	struct resolver_request *request = data;
	struct query *late = NULL;

	while (!request->over && tell(request))
		;
	for (size_t i = 0; i < ARRAY_SIZE(request->queries); i++) {
		struct query *query = &request->queries[i];

		if (!query->pending)
			continue;
		query->status = ARES_ETIMEOUT;
		late = query;
	}
	request->resolver->stale = true;
	deliver_later(request->resolver); /* reaps, once c-ares has called back */
	/* What was told may have cancelled it. */
	if (late && !request->over)
		tell_last(request, late);
}

static struct resolver_request *new_request(struct resolver *resolver, const char *host, uint16_t port)
{
	struct resolver_request *request = calloc(1, sizeof(*request));
	static const int families[] = { AF_INET6, AF_INET };

	if (!request)
		return NULL;
	request->host = strdup(host);
	if (!request->host) {
		free(request);
		return NULL;
	}
	request->resolver = resolver;
	request->port = port;
	request->limit.fire = on_limit;
	request->limit.data = request;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		request->queries[i].request = request;
		request->queries[i].family = families[i];
		request->queries[i].status = ARES_ENODATA;
	}
	return request;
}

/* An address in digits is its own answer. */
static bool answer_digits(struct resolver_request *request)
{
	struct query *query = &request->queries[1];

	if (address_parse(&query->addresses[0], request->host, request->port) < 0)
		return false;
	query->n = 1;
	query->status = ARES_SUCCESS;
	deliver_later(request->resolver);
	return true;
}

static bool channel_usable(const struct resolver *resolver)
{
	const struct stamp conf = read_stamp();

	return resolver->open && !resolver->stale && same_stamp(&conf, &resolver->conf);
}

int resolver_ask(struct resolver *resolver, const char *host, uint16_t port,
		 void (*answer)(void *data, const struct resolver_answer *answer), void *data,
		 struct resolver_request **out)
{
	struct resolver_request *request = new_request(resolver, host, port);
	int status = ARES_SUCCESS, r;

	if (!request)
		return -ENOMEM;
	request->answer = answer;
	request->data = data;
	r = timer_arm(&request->limit, resolver->loop, RESOLVER_TIMEOUT_S * UINT64_C(1000000));
	if (r < 0) {
		free_request(request);
		return r;
	}
	*out = request;
	if (!answer_digits(request)) {
		if (!channel_usable(resolver))
			status = renew_channel(resolver);
		for (size_t i = 0; i < ARRAY_SIZE(request->queries); i++) {
			request->queries[i].status = status;
			if (status == ARES_SUCCESS)
				ask(&request->queries[i]);
		}
		if (status != ARES_SUCCESS)
			deliver_later(resolver);
	}
	request->next = resolver->requests;
	resolver->requests = request;
	return 0;
}

void resolver_cancel(struct resolver_request *request)
{
	if (!request)
		return;
	request->over = true;
	timer_disarm(&request->limit);
	deliver_later(request->resolver);
}

int resolver_set_servers(struct resolver *resolver, const char *servers)
{
	char *copy = NULL;

	if (servers) {
		copy = strdup(servers);
		if (!copy)
			return -ENOMEM;
	}
	free(resolver->servers);
	resolver->servers = copy;
	resolver->stale = true;
	return 0;
}

unsigned int resolver_channels(const struct resolver *resolver)
{
	return resolver->channels;
}

int resolver_new(struct resolver **out, sd_event *loop)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (!resolver)
		return -ENOMEM;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(resolver);
		return -ENOMEM;
	}
	resolver->loop = sd_event_ref(loop);
	resolver->timer.fire = on_timer;
	resolver->timer.data = resolver;
	r = sd_event_add_defer(loop, &resolver->deliver, on_deliver, resolver);
	if (r >= 0)
		r = sd_event_source_set_enabled(resolver->deliver, SD_EVENT_OFF);
	if (r < 0) {
		resolver_free(resolver);
		return r;
	}
	*out = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	close_channel(resolver);
	while (resolver->requests) {
		struct resolver_request *request = resolver->requests;

		resolver->requests = request->next;
		free_request(request);
	}
	sd_event_source_disable_unref(resolver->deliver);
	timer_free(&resolver->timer);
	sd_event_unref(resolver->loop);
	free(resolver->servers);
	free(resolver);
	ares_library_cleanup();
}
