// SPDX-License-Identifier: MIT
/* Links against real sockets on the loopback interface: each test says what must hold. */
#include <linux/tcp.h>

#include "link/link.h"
#include "link/resolver.h"
#include "loopback.h"

static struct resolver *resolver;

/* The user of a link: reads all that comes, unless told to be lazy. */
struct user {
	struct link *link;
	unsigned int ups, downs;
	uint8_t *got;
	size_t n, size, chunk;
	size_t n_at_down; /* bytes read when the connection was reported gone */
	size_t last_read;
	unsigned int reads;
};

static void on_readable(void *data, struct link *link)
{
	struct user *user = data;
	size_t n;

	if (user->n + user->chunk > user->size) {
		user->size = 2 * user->size + user->chunk;
		user->got = realloc(user->got, user->size);
	}
	n = link_read(link, user->got + user->n, user->chunk);
	if (!n)
		return;
	user->n += n;
	user->last_read = n;
	user->reads++;
}

static void on_state(void *data, struct link *link, bool connected)
{
	struct user *user = data;

	tap_failures += link_connected(link) != connected;
	if (connected) {
		user->ups++;
		return;
	}
	user->downs++;
	user->n_at_down = user->n;
}

static const struct link_events events = { .readable = on_readable, .state = on_state };

static void user_new(struct user *user)
{
	*user = (struct user){ .chunk = 4096 };
	must(link_new(&user->link, loop, resolver, "A", &events, user) == 0, "link_new");
}

static void user_free(struct user *user)
{
	link_free(user->link);
	free(user->got);
}

static int start(struct user *user, enum link_protocol protocol, const char *host, uint16_t port)
{
	const struct link_config config = { .protocol = protocol, .host = host, .port = port, .retry_s = 1 };

	return link_start(user->link, &config);
}

static struct link_stats stats(const struct user *user)
{
	struct link_stats s;

	link_stats(user->link, &s);
	return s;
}

static bool up(const struct user *user)
{
	return link_connected(user->link);
}

/* Frames that name themselves: a number, then a pattern. */
static void fill_frame(uint8_t *frame, size_t length, uint32_t number)
{
	memcpy(frame, &number, sizeof(number));
	for (size_t i = sizeof(number); i < length; i++)
		frame[i] = (uint8_t)(number * 7 + i);
}

static void send_frame(struct user *user, size_t length, uint32_t number)
{
	uint8_t frame[2048];

	fill_frame(frame, length, number);
	must(link_send(user->link, frame, length) == 0, "link_send");
}

/* The number of a whole frame, or -1. */
static long frame_number(const uint8_t *frame, size_t length)
{
	uint8_t want[2048];
	uint32_t number;

	memcpy(&number, frame, sizeof(number));
	fill_frame(want, length, number);
	return memcmp(frame, want, length) ? -1 : (long)number;
}

static void test_frames_arrive_one_each(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;
	uint8_t bytes[4096];
	bool whole = true;
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	tap_ok(peer >= 0 && until(up(&user), 1000), "tcp: connects");
	for (uint32_t i = 0; i < 50; i++) {
		const size_t length = 4 + i * 41 % 2045;

		send_frame(&user, length, i);
		whole &= read_once(peer, bytes, sizeof(bytes), 1000) == (ssize_t)length &&
			 frame_number(bytes, length) == i;
	}
	tap_ok(whole, "tcp: a frame arrives as one read");
	for (uint32_t i = 0; i < 100; i++)
		send_frame(&user, 5, i);
	tap_is((long)read_within(peer, bytes, 500, 1000), 500, "tcp: a burst arrives");
	getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &size);
	tap_is(info.tcpi_data_segs_in, 150, "tcp: each frame of a burst is a segment of its own");
	tap_is((long)stats(&user).tx_frames, 150, "tcp: sent frames are counted");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_refused_then_retry(void)
{
	const uint16_t port = free_port();
	const uint64_t begun = now_ms();
	struct user user;
	char line[100];
	int server;

	user_new(&user);
	logged[0] = '\0';
	start(&user, LINK_TCP, "127.0.0.1", port);
	tap_ok(until(stats(&user).failures == 1, 500), "refused: noticed at once");
	tap_ok(strcmp(stats(&user).error, "Connection refused") == 0, "refused: says so");
	tap_ok(stats(&user).state == LINK_WAITING, "refused: waits");
	tap_ok(until(stats(&user).failures == 3, 3000) && now_ms() - begun >= 2000, "refused: tried after each pause");
	snprintf(line, sizeof(line),
		 "socket A: cannot connect to 127.0.0.1:%u: Connection refused; trying again in 1 s", port);
	tap_is(times_logged(line), 1, "refused: logged once");
	server = listen_tcp(AF_INET, port, 0);
	tap_ok(until(up(&user), 2000), "refused: connects when somebody listens");
	snprintf(line, sizeof(line), "socket A: connected to 127.0.0.1:%u over TCP", port);
	tap_is(times_logged(line), 1, "refused: the connection is logged");
	tap_ok(!user.downs, "refused: no connection was reported gone");
	user_free(&user);
	close(server);
}

static void test_reconnect_keeps_order(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;
	uint8_t bytes[1000];
	bool ordered = true;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	close(peer);
	tap_ok(until(user.downs == 1, 1000), "reconnect: the peer's close is reported");
	tap_ok(strcmp(stats(&user).error, "closed by the peer") == 0 && !stats(&user).peer[0],
	       "reconnect: status says why");
	for (uint32_t i = 0; i < 10; i++)
		send_frame(&user, 100, i);
	tap_is(stats(&user).queued, 10, "reconnect: frames wait");
	peer = accept_within(server, 2000);
	tap_is((long)read_within(peer, bytes, 1000, 1000), 1000, "reconnect: they are sent");
	for (uint32_t i = 0; i < 10; i++)
		ordered &= frame_number(bytes + (size_t)i * 100, 100) == i;
	tap_ok(ordered && !stats(&user).queued, "reconnect: in order, once");
	tap_ok(user.ups == 2 && stats(&user).connects == 2, "reconnect: connections are counted");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_full_queue_drops_oldest(void)
{
	const uint16_t port = free_port();
	struct user user;
	uint8_t bytes[2000];
	bool right = true;
	int server, peer;

	user_new(&user);
	for (uint32_t i = 0; i < 10; i++)
		send_frame(&user, 100, i);
	start(&user, LINK_TCP, "127.0.0.1", port);
	for (uint32_t i = 10; i < 25; i++)
		send_frame(&user, 100, i);
	tap_is(stats(&user).queued, 20, "queue: holds 20 frames");
	tap_is((long)stats(&user).dropped_full, 5, "queue: counts what it dropped");
	drive(50);
	server = listen_tcp(AF_INET, port, 0);
	peer = accept_within(server, 2000);
	tap_is((long)read_within(peer, bytes, 2000, 1000), 2000, "queue: the rest is sent");
	for (uint32_t i = 0; i < 20; i++)
		right &= frame_number(bytes + (size_t)i * 100, 100) == i + 5;
	tap_ok(right, "queue: the oldest were dropped");
	user_free(&user);
	close(peer);
	close(server);
}

/* Send until the socket takes no more and @waiting frames wait. */
static uint32_t fill(struct user *user, uint32_t number, unsigned int waiting)
{
	while (stats(user).queued < waiting && number < 5000) {
		send_frame(user, 2048, number++);
		turn_loop();
	}
	return number;
}

static void test_partial_writes(void)
{
	int server = listen_tcp(AF_INET, 0, 4096), peer;
	struct user user;
	static uint8_t bytes[5000 * 2048];
	uint32_t sent, expected = 0, skipped = 0;
	bool whole = true;
	size_t n;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	sent = fill(&user, 0, 20);
	tap_ok(stats(&user).queued == 20 && !stats(&user).dropped_full, "slow peer: frames wait");
	for (int i = 0; i < 7; i++)
		send_frame(&user, 2048, sent++);
	n = (size_t)(sent - stats(&user).dropped_full) * 2048;
	tap_ok(stats(&user).dropped_full >= 6 && stats(&user).dropped_full <= 7, "slow peer: overflow is counted");
	tap_is((long)read_within(peer, bytes, n, 10000), (long)n, "slow peer: all else arrives");
	for (size_t i = 0; i < n; i += 2048) {
		const long number = frame_number(bytes + i, 2048);

		whole &= number >= (long)expected;
		skipped += (uint32_t)number - expected;
		expected = (uint32_t)number + 1;
	}
	tap_ok(whole && expected == sent, "slow peer: frames are whole and in order");
	tap_is(skipped, (long)stats(&user).dropped_full, "slow peer: only what was counted is missing");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_half_sent_frame_goes_again(void)
{
	int server = listen_tcp(AF_INET, 0, 1024), peer;
	struct user user;
	static uint8_t bytes[20 * 2048];
	uint32_t sent, first;
	bool whole = true;
	size_t n;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	sent = fill(&user, 0, 5);
	drive(20);
	n = stats(&user).queued;
	first = sent - (uint32_t)n;
	tap_ok(stats(&user).tx_bytes % 2048 != 0, "break: half a frame is on its way");
	reset_close(peer);
	tap_ok(until(user.downs == 1, 1000), "break: noticed");
	tap_is(stats(&user).queued, (long)n, "break: no frame is lost with it");
	peer = accept_within(server, 2000);
	tap_is((long)read_within(peer, bytes, n * 2048, 5000), (long)n * 2048, "break: they are sent after it");
	for (size_t i = 0; i < n; i++)
		whole &= frame_number(bytes + i * 2048, 2048) == (long)(first + i);
	tap_ok(whole, "break: the half frame is sent again whole");
	tap_is((long)stats(&user).tx_frames, sent, "break: and counted once");
	user_free(&user);
	close(peer);
	close(server);
}

/* The peer sends and goes at once, with FIN or with RST. */
static void test_last_words(bool reset)
{
	const char *how = reset ? "reset" : "close";
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;
	uint8_t bytes[10000];

	memset(bytes, 'x', sizeof(bytes));
	user_new(&user);
	user.chunk = 100;
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	must(send(peer, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes), "send");
	if (reset)
		reset_close(peer);
	else
		close(peer);
	tap_ok(until(user.downs == 1, 1000), "%s: noticed", how);
	tap_is((long)user.n_at_down, (long)sizeof(bytes),
	       reset ? "reset: what came before is read first" : "close: what came before is read first");
	user_free(&user);
	close(server);
}

static void test_hold(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;
	static uint8_t bytes[65536];
	size_t sent = 0;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	link_hold(user.link, true);
	for (int idle = 0; idle < 100;) {
		ssize_t n = send(peer, bytes, sizeof(bytes), 0);

		sent += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		turn_loop();
	}
	tap_is((long)user.n, 0, "hold: nothing is read");
	tap_ok(up(&user), "hold: the connection stays");
	send_frame(&user, 100, 1);
	tap_is((long)read_within(peer, bytes, 100, 1000), 100, "hold: sending goes on");
	link_hold(user.link, false);
	tap_ok(until(user.n == sent, 5000), "hold: afterwards all of it comes");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_hold_and_end(bool reset)
{
	const char *how = reset ? "reset while held" : "close while held";
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	peer = accept_within(server, 1000);
	until(up(&user), 1000);
	link_hold(user.link, true);
	must(send(peer, "before ", 7, 0) == 7, "send");
	drive(20);
	if (reset)
		reset_close(peer);
	else
		close(peer);
	tap_ok(until(user.downs == 1, 1000) && !user.n, "%s: noticed", how);
	peer = accept_within(server, 2000);
	tap_ok(until(up(&user), 1000), "%s: connects again", how);
	must(send(peer, "after", 5, 0) == 5, "send");
	drive(20);
	link_hold(user.link, false);
	until(user.n == 12, 1000);
	tap_same(user.got, user.n, "before after", 12,
		 reset ? "reset while held: nothing is lost, old before new"
		       : "close while held: nothing is lost, old before new");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_second_end_while_unread(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	struct user user;

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(server));
	link_hold(user.link, true);
	for (int i = 0; i < 2; i++) {
		peer = accept_within(server, 2000);
		until(up(&user), 1000);
		must(send(peer, i ? "second " : "first ", i ? 7 : 6, 0) > 0, "send");
		drive(20);
		close(peer);
		drive(20);
	}
	link_hold(user.link, false);
	peer = accept_within(server, 2000);
	must(send(peer, "third", 5, 0) == 5, "send");
	until(user.n == 18, 1000);
	tap_same(user.got, user.n, "first second third", 18, "two connections end unread: all is read in order");
	tap_is(user.downs, 2, "two connections end unread: both are reported");
	link_hold(user.link, true);
	must(send(peer, "unread", 6, 0) == 6, "send");
	drive(20);
	link_stop(user.link);
	tap_is((long)stats(&user).dropped_rx, 6, "stop: what was not read is counted");
	user_free(&user);
	close(peer);
	close(server);
}

static void test_udp(void)
{
	int server = bound_socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	struct user user;
	uint8_t bytes[4096];
	bool whole = true;

	user_new(&user);
	send_frame(&user, 64, 0);
	start(&user, LINK_UDP, "127.0.0.1", port_of(server));
	tap_ok(until(up(&user), 500), "udp: connected while open");
	tap_ok(until(recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length) == 64, 500),
	       "udp: what waited is sent");
	must(connect(server, (struct sockaddr *)&from, length) == 0, "connect");
	for (uint32_t i = 1; i < 20; i++)
		send_frame(&user, i == 7 ? 2048 : 4 + i, i);
	for (uint32_t i = 1; i < 20; i++) {
		const ssize_t n = read_once(server, bytes, sizeof(bytes), 500);

		whole &= n == (i == 7 ? 2048 : 4 + (ssize_t)i) && frame_number(bytes, (size_t)n) == i;
	}
	tap_ok(whole, "udp: a frame is a datagram");
	send(server, "one", 3, 0);
	send(server, "", 0, 0);
	send(server, "three", 5, 0);
	until(user.n == 8, 500);
	tap_same(user.got, user.n, "onethree", 8, "udp: datagrams come back");
	tap_is(user.reads, 2, "udp: one a read, empty ones are nothing");
	memset(bytes, 'y', sizeof(bytes));
	user.chunk = 1000;
	send(server, bytes, 1500, 0);
	until(user.reads == 3, 500);
	tap_ok(user.last_read == 1000 && stats(&user).cut_rx == 1, "udp: a datagram too long is cut and counted");
	user_free(&user);
	close(server);
}

static void test_udp_nobody_listens(void)
{
	int server = bound_socket(AF_INET, SOCK_DGRAM, 0);
	const uint16_t port = port_of(server);
	struct user user;
	uint8_t bytes[100];

	close(server);
	user_new(&user);
	start(&user, LINK_UDP, "127.0.0.1", port);
	until(up(&user), 500);
	for (uint32_t i = 0; i < 5; i++) {
		send_frame(&user, 50, i);
		drive(5);
	}
	tap_ok(up(&user) && !user.downs, "udp refused: stays open");
	tap_ok(stats(&user).unreachable >= 5, "udp refused: counted");
	tap_is((long)stats(&user).tx_frames, 5, "udp refused: every datagram was sent");
	send_frame(&user, 50, 5); /* its answer is pending when the next one is sent */
	server = bound_socket(AF_INET, SOCK_DGRAM, port);
	send_frame(&user, 50, 6);
	tap_ok(read_once(server, bytes, sizeof(bytes), 500) == 50 && frame_number(bytes, 50) == 6,
	       "udp refused: the next datagram is not lost to the old error");
	user_free(&user);
	close(server);
}

static void test_ipv6(void)
{
	int server = listen_tcp(AF_INET6, 0, 0);
	struct user user;
	char peer[80];

	user_new(&user);
	start(&user, LINK_TCP, "::1", port_of(server));
	snprintf(peer, sizeof(peer), "[::1]:%u", port_of(server));
	tap_ok(until(up(&user), 1000) && strcmp(stats(&user).peer, peer) == 0, "ipv6: connects");
	user_free(&user);
	close(server);
}

static void test_one_family_refuses(void)
{
	struct dns dns;
	struct user user;
	int server = listen_tcp(AF_INET, 0, 0);
	const uint64_t begun = now_ms();

	dns_open(&dns, "both.test");
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	start(&user, LINK_TCP, "both.test", port_of(server));
	tap_ok(until(up(&user), 1000) && strncmp(stats(&user).peer, "127.0.0.1:", 10) == 0,
	       "two families: IPv4 when IPv6 refuses");
	tap_ok(now_ms() - begun < 200, "two families: at once");
	tap_is((long)stats(&user).failures, 0, "two families: no failure");
	close(server);
	link_stop(user.link);
	start(&user, LINK_TCP, "both.test", free_port());
	tap_ok(until(stats(&user).failures, 1000), "two families: both refuse");
	drive(100);
	tap_is((long)stats(&user).failures, 1, "two families: one failed round is one failure");
	user_free(&user);
	dns_close(&dns);
}

/* A listener whose backlog is full answers nothing. */
static int deaf_server(int family, uint16_t port, int *fillers, size_t n)
{
	int server = bound_socket(family, SOCK_STREAM, port);
	struct sockaddr_storage address;
	socklen_t length = loopback(&address, family, port_of(server));

	must(listen(server, 0) == 0, "listen");
	for (size_t i = 0; i < n; i++) {
		fillers[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&address, length);
		drive(10);
	}
	return server;
}

static void test_one_family_is_silent(void)
{
	int fillers[3], deaf, server, peer, lost;
	struct dns dns;
	struct user user;
	uint64_t begun;
	uint8_t bytes[100];
	ssize_t carried = 0;

	server = listen_tcp(AF_INET, 0, 0);
	deaf = deaf_server(AF_INET6, port_of(server), fillers, 3);
	dns_open(&dns, "both.test");
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	send_frame(&user, 10, 1);
	begun = now_ms();
	start(&user, LINK_TCP, "both.test", port_of(server));
	peer = accept_within(server, 2000);
	tap_ok(until(up(&user), 100) && now_ms() - begun >= 250 && now_ms() - begun < 600,
	       "race: the other family is tried after 250 ms");
	tap_ok(read_within(peer, bytes, 10, 1000) == 10, "race: the winner carries the data");
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	while ((lost = accept_within(deaf, 1500)) >= 0) {
		const ssize_t n = recv(lost, bytes, sizeof(bytes), 0);

		carried += n > 0 ? n : 0;
		close(lost);
	}
	tap_is((long)carried, 0, "race: the loser carries nothing");
	tap_is((long)stats(&user).connects, 1, "race: one connection");
	user_free(&user);
	close(peer);
	close(deaf);
	close(server);
	dns_close(&dns);
}

static void test_round_times_out(void)
{
	int fillers[3], deaf = deaf_server(AF_INET, 0, fillers, 3);
	struct user user;
	uint64_t begun = now_ms();

	user_new(&user);
	start(&user, LINK_TCP, "127.0.0.1", port_of(deaf));
	tap_ok(until(stats(&user).failures, 12000) && now_ms() - begun >= 9900 && now_ms() - begun < 10500,
	       "silent peer: given up after 10 s");
	tap_ok(strcmp(stats(&user).error, "Connection timed out") == 0, "silent peer: says so");
	user_free(&user);
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	close(deaf);
}

static void test_unknown_name(void)
{
	struct dns dns;
	struct user user;

	dns_open(&dns, "known.test");
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	logged[0] = '\0';
	start(&user, LINK_TCP, "nosuch.test", 80);
	tap_ok(until(stats(&user).failures, 2000), "unknown name: fails");
	tap_is(times_logged("socket A: cannot connect to nosuch.test:80: unknown host name; trying again in 1 s"), 1,
	       "unknown name: says so");
	dns.v4 = dns.v6 = false;
	start(&user, LINK_TCP, "known.test", 80);
	tap_ok(until(stats(&user).failures == 2, 2000) &&
		       strcmp(stats(&user).error, "the host name has no address") == 0,
	       "name without an address: says so");
	user_free(&user);
	dns_close(&dns);
}

static void test_mute_name_server(void)
{
	int server = listen_tcp(AF_INET, 0, 0);
	struct user user, other;
	struct dns dns;
	uint64_t begun;
	unsigned int channels;

	dns_open(&dns, "slow.test");
	dns.mute = true;
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	user_new(&other);
	longest_turn_ms = 0;
	begun = now_ms();
	start(&user, LINK_TCP, "slow.test", port_of(server));
	start(&other, LINK_TCP, "127.0.0.1", port_of(server));
	tap_ok(until(up(&other), 500), "mute name server: another link connects meanwhile");
	tap_ok(until(stats(&user).failures, 12000) && now_ms() - begun < 10500,
	       "mute name server: given up after 10 s");
	tap_ok(strcmp(stats(&user).error, "no answer from the name servers") == 0, "mute name server: says so");
	tap_ok(longest_turn_ms < 50, "mute name server: the loop never waited (%llu ms)",
	       (unsigned long long)longest_turn_ms);
	channels = resolver_channels(resolver);
	dns.mute = false;
	tap_ok(until(up(&user), 2500), "mute name server: connects when it speaks");
	tap_ok(resolver_channels(resolver) > channels, "mute name server: asked through a new channel");
	user_free(&user);
	user_free(&other);
	dns_close(&dns);
	close(server);
}

static void test_half_mute_name_server(void)
{
	int server = listen_tcp(AF_INET, 0, 0);
	struct user user;
	struct dns dns;

	dns_open(&dns, "half.test");
	dns.mute_v6 = true;
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	start(&user, LINK_TCP, "half.test", port_of(server));
	tap_ok(until(up(&user), 500), "no answer for AAAA: A is enough");
	user_free(&user);
	dns_close(&dns);
	close(server);
}

static void test_failing_name_server(void)
{
	int server = listen_tcp(AF_INET6, 0, 0);
	struct user user;
	struct dns dns;

	dns_open(&dns, "later.test");
	dns.rcode = 2;
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	logged[0] = '\0';
	start(&user, LINK_TCP, "later.test", port_of(server));
	tap_ok(until(stats(&user).failures == 2, 4000) && strstr(stats(&user).error, "the name servers failed"),
	       "failing name server: says so");
	tap_is(times_logged("the name servers failed"), 1, "failing name server: logged once");
	dns.rcode = 0;
	tap_ok(until(up(&user), 2000) && strncmp(stats(&user).peer, "[::1]", 5) == 0,
	       "failing name server: connects when it works, IPv6 first");
	user_free(&user);
	dns_close(&dns);
	close(server);
}

static void test_changed_name_server(void)
{
	int server = listen_tcp(AF_INET, 0, 0);
	struct user user, second;
	struct dns dead, dns;

	dns_open(&dead, "move.test");
	dns_open(&dns, "move.test");
	dead.mute = true;
	resolver_set_servers(resolver, dead.servers);
	user_new(&user);
	user_new(&second);
	start(&user, LINK_TCP, "move.test", port_of(server));
	drive(100);
	resolver_set_servers(resolver, dns.servers);
	start(&second, LINK_TCP, "move.test", port_of(server));
	tap_ok(until(up(&second) && up(&user), 500), "name servers change: open questions are asked again");
	user_free(&user);
	user_free(&second);
	dns_close(&dead);
	dns_close(&dns);
	close(server);
}

static void test_stop_at_any_time(void)
{
	int server = listen_tcp(AF_INET, 0, 0), other = listen_tcp(AF_INET, 0, 0), peer;
	struct resolver *own;
	struct user user;
	struct dns dns;
	uint8_t bytes[100];

	dns_open(&dns, "stop.test");
	resolver_set_servers(resolver, dns.servers);
	user_new(&user);
	for (uint64_t ms = 0; ms < 8; ms++) {
		start(&user, LINK_TCP, "stop.test", port_of(server));
		drive(ms);
		link_stop(user.link);
	}
	drive(100);
	tap_ok(!up(&user) && stats(&user).state == LINK_STOPPED && !user.downs, "stop: at any time, without events");
	send_frame(&user, 100, 1);
	start(&user, LINK_TCP, "127.0.0.1", port_of(other));
	peer = accept_within(other, 1000);
	tap_ok(read_within(peer, bytes, 100, 1000) == 100, "stop: what waited goes to the next server");
	dns.mute = true;
	start(&user, LINK_TCP, "stop.test", port_of(server));
	drive(20);
	user_free(&user);
	/* A resolver freed with a question open. */
	must(resolver_new(&own, loop) == 0, "resolver_new");
	resolver_set_servers(own, dns.servers);
	user = (struct user){ .chunk = 100 };
	must(link_new(&user.link, loop, own, "A", &events, &user) == 0, "link_new");
	start(&user, LINK_TCP, "stop.test", 80);
	drive(20);
	user_free(&user);
	resolver_free(own);
	tap_ok(true, "stop: links and resolver are freed with questions open");
	close(peer);
	close(server);
	close(other);
	dns_close(&dns);
}

int main(void)
{
	must(sd_event_default(&loop) >= 0, "sd_event_default");
	must(resolver_new(&resolver, loop) == 0, "resolver_new");
	test_frames_arrive_one_each();
	test_refused_then_retry();
	test_reconnect_keeps_order();
	test_full_queue_drops_oldest();
	test_partial_writes();
	test_half_sent_frame_goes_again();
	test_last_words(false);
	test_last_words(true);
	test_hold();
	test_hold_and_end(false);
	test_hold_and_end(true);
	test_second_end_while_unread();
	test_udp();
	test_udp_nobody_listens();
	test_ipv6();
	test_one_family_refuses();
	test_one_family_is_silent();
	test_round_times_out();
	test_unknown_name();
	test_mute_name_server();
	test_half_mute_name_server();
	test_failing_name_server();
	test_changed_name_server();
	test_stop_at_any_time();
	resolver_free(resolver);
	sd_event_unref(loop);
	return tap_done();
}
