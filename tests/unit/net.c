// SPDX-License-Identifier: MIT
/* NET mode between real sockets on the loopback interface and a serial port that the test plays. */
#include "link/resolver.h"
#include "loopback.h"
#include "mode/downlink.h"
#include "mode/mode.h"

static struct resolver *resolver;

/* The serial port: takes @room bytes, keeps what was written and how. */
static struct port {
	size_t room;
	bool held;
	uint8_t *got;
	size_t n, size;
	size_t writes;
	size_t last_write;
} port;

size_t port_room(const struct port *p)
{
	return p->held ? 0 : p->room;
}

bool port_held(const struct port *p)
{
	return p->held;
}

int port_write(struct port *p, const void *bytes, size_t length)
{
	if (length > port_room(p))
		return -ENOBUFS;
	if (p->n + length > p->size) {
		p->size = 2 * p->size + length;
		p->got = realloc(p->got, p->size);
	}
	memcpy(p->got + p->n, bytes, length);
	p->n += length;
	p->room -= length;
	p->writes++;
	p->last_write = length;
	return 0;
}

/* The settings that NET reads. */
static struct settings {
	long protocol[2];
	char host[2][100];
	uint16_t port[2];
	bool on[2];
} settings;

static size_t socket_of(enum setting_id id)
{
	return id == SETTING_SOCKB || id == SETTING_SOCKBEN || id == SETTING_SOCKBTO;
}

long settings_int(const struct settings *s, enum setting_id id, size_t param)
{
	if (id == SETTING_SOCKATO || id == SETTING_SOCKBTO)
		return 1;
	return param ? s->port[socket_of(id)] : s->protocol[socket_of(id)];
}

const char *settings_text(const struct settings *s, enum setting_id id, size_t param)
{
	if (param)
		return s->host[socket_of(id)];
	return s->on[socket_of(id)] ? "ON" : "OFF";
}

static struct mode *mode;
static struct mode_env env;

static void setup(size_t i, long protocol, uint16_t number)
{
	settings.protocol[i] = protocol;
	snprintf(settings.host[i], sizeof(settings.host[i]), "127.0.0.1");
	settings.port[i] = number;
	settings.on[i] = true;
}

static void start(size_t room)
{
	free(port.got);
	port = (struct port){ .room = room };
	env = (struct mode_env){ .loop = loop, .settings = &settings, .resolver = resolver, .port = &port };
	must(mode_net.start(&mode, &env) == 0, "start");
}

static void stop(void)
{
	mode_net.stop(mode);
	settings = (struct settings){ 0 };
}

static struct mode_socket status(unsigned int i)
{
	struct mode_socket out;

	must(mode_net.socket(mode, i, &out), "socket");
	return out;
}

/* The serial line has sent @n bytes. */
static void make_room(size_t n)
{
	port.room += n;
	mode_net.room(mode);
}

static void frame(const char *text)
{
	mode_net.frame(mode, (const uint8_t *)text, strlen(text));
}

static int accept_ours(int server)
{
	int fd = accept_within(server, 2000);

	drive(20);
	return fd;
}

static void test_frames_go_to_each(void)
{
	int server = listen_tcp(AF_INET, 0, 0), datagrams = bound_socket(AF_INET, SOCK_DGRAM, 0), peer;
	char bytes[100];

	setup(0, LINK_TCP, port_of(server));
	setup(1, LINK_UDP, port_of(datagrams));
	start(4096);
	tap_ok(!mode_net.socket(mode, 2, &(struct mode_socket){ 0 }), "net: there are two sockets");
	frame("hello");
	peer = accept_ours(server);
	tap_ok(read_once(peer, bytes, sizeof(bytes), 500) == 5 && !memcmp(bytes, "hello", 5), "net: a frame goes to A");
	tap_ok(read_once(datagrams, bytes, sizeof(bytes), 500) == 5, "net: and to B");
	settings.on[1] = false;
	mode_net.changed(mode, SETTING_SOCKBEN);
	tap_ok(!mode_net.connected(mode, 1) && mode_net.connected(mode, 0), "net: SOCKBEN=OFF acts at once");
	frame("second");
	tap_ok(read_once(peer, bytes, sizeof(bytes), 500) == 6, "net: A goes on");
	tap_ok(read_once(datagrams, bytes, sizeof(bytes), 50) < 0 && !status(1).link.queued, "net: B gets nothing");
	settings.on[0] = false;
	mode_net.changed(mode, SETTING_SOCKAEN);
	tap_ok(read_once(peer, bytes, sizeof(bytes), 500) == 0, "net: SOCKAEN=OFF closes");
	close(peer);
	settings.on[0] = true;
	mode_net.changed(mode, SETTING_SOCKAEN);
	peer = accept_ours(server);
	tap_ok(peer >= 0 && mode_net.connected(mode, 0), "net: SOCKAEN=ON connects again");
	mode_net.changed(mode, SETTING_SOCKAEN);
	tap_ok(accept_within(server, 100) < 0, "net: ON while it is ON changes nothing");
	close(peer);
	stop();
	close(server);
	close(datagrams);
}

static void test_place_holder(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	char bytes[100];

	setup(0, LINK_TCP, 2317);
	strcpy(settings.host[0], "Test.USR.cn");
	logged[0] = '\0';
	start(4096);
	tap_ok(status(0).enabled && status(0).blocked && status(0).link.state == LINK_STOPPED,
	       "place-holder: never dialled");
	tap_is(times_logged("socket A: not started: its address is still the factory place-holder"), 1,
	       "place-holder: says so");
	tap_ok(!status(1).enabled && !status(1).blocked, "place-holder: a disabled socket is not blocked");
	frame("kept");
	setup(0, LINK_TCP, port_of(server));
	tap_ok(accept_within(server, 50) < 0, "restart: a new address waits for it");
	tap_ok(mode_net.restart(mode) == 0 && !status(0).blocked, "restart: takes the new address");
	peer = accept_ours(server);
	tap_ok(read_once(peer, bytes, sizeof(bytes), 500) == 4, "restart: keeps the frames that wait");
	close(peer);
	stop();
	close(server);
}

static void test_served_in_turn(void)
{
	int a = listen_tcp(AF_INET, 0, 0), b = bound_socket(AF_INET, SOCK_DGRAM, 0), peer;
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	char bytes[100];

	setup(0, LINK_TCP, port_of(a));
	setup(1, LINK_UDP, port_of(b));
	start(0);
	peer = accept_ours(a);
	frame("x");
	until(recvfrom(b, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length) == 1, 500);
	must(connect(b, (struct sockaddr *)&from, length) == 0, "connect");
	for (int i = 1; i <= 3; i++) {
		snprintf(bytes, sizeof(bytes), "(aaaaaaaa%d)", i);
		send(peer, bytes, 11, 0);
		bytes[1] = 'b';
		send(b, bytes, 11, 0);
		drive(20);
	}
	tap_ok(status(0).downlink == 33 && status(1).downlink == 33 && !port.n, "downlink: waits for room");
	for (int i = 0; i < 33; i++)
		make_room(2);
	tap_same(port.got, port.n, "(aaaaaaaa1)(baaaaaaa1)(aaaaaaaa2)(baaaaaaa2)(aaaaaaaa3)(baaaaaaa3)", 66,
		 "downlink: A and B in turn, whole units");
	make_room(4096);
	memset(bytes, 'z', sizeof(bytes));
	send(peer, bytes, 100, 0);
	until(port.n == 166, 500);
	tap_is((long)port.last_write, 100, "downlink: what fits is one write");
	close(peer);
	stop();
	close(a);
	close(b);
}

static void test_limit_tcp(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;
	uint32_t sent = 0, words[1024];
	bool right = true;
	size_t n = 0;

	setup(0, LINK_TCP, port_of(server));
	start(0);
	peer = accept_ours(server);
	for (int idle = 0; idle < 100;) {
		ssize_t r;

		for (size_t i = 0; i < 1024; i++)
			words[i] = sent / 4 + (uint32_t)i;
		r = send(peer, (char *)words + sent % 4, sizeof(words) - 4, 0);
		sent += r > 0 ? (uint32_t)r : 0;
		idle = r > 0 ? 0 : idle + 1;
		turn_loop();
	}
	tap_is((long)status(0).downlink, DOWNLINK_LIMIT, "limit: 64 KiB wait, then TCP is held back");
	until((make_room(10000), port.n == sent), 20000);
	for (; n + 4 <= port.n; n += 4)
		right &= !memcmp(port.got + n, &(uint32_t){ (uint32_t)n / 4 }, 4);
	tap_ok(port.n == sent && right && !status(0).downlink_dropped, "limit: %u bytes come, none is lost", sent);
	close(peer);
	stop();
	close(server);
}

static void test_limit_udp(void)
{
	int server = bound_socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	uint8_t bytes[1024];
	bool right = true;

	setup(0, LINK_UDP, port_of(server));
	start(0);
	until(mode_net.connected(mode, 0), 500);
	frame("x");
	until(recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length) == 1, 500);
	must(connect(server, (struct sockaddr *)&from, length) == 0, "connect");
	for (int i = 0; i < 70; i++) {
		memset(bytes, i, sizeof(bytes));
		send(server, bytes, sizeof(bytes), 0);
		drive(2);
	}
	tap_is((long)status(0).downlink, DOWNLINK_LIMIT, "limit: of datagrams 64 KiB wait");
	tap_is((long)status(0).downlink_dropped, 6 * 1024, "limit: the others are dropped and counted");
	make_room(100000);
	for (size_t i = 0; i < port.n; i++)
		right &= port.got[i] == i / 1024;
	tap_ok(right && port.n == DOWNLINK_LIMIT, "limit: the newest were dropped");
	stop();
	close(server);
}

static void test_end_while_waiting(bool held)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;

	setup(0, LINK_TCP, port_of(server));
	start(0);
	peer = accept_ours(server);
	port.held = held;
	send(peer, "reply", 5, 0);
	drive(20);
	close(peer);
	until(!mode_net.connected(mode, 0), 500);
	port.held = false;
	make_room(100);
	if (held)
		tap_ok(!port.n && status(0).downlink_dropped == 5,
		       "command mode: what waits goes with its connection, counted");
	else
		tap_same(port.got, port.n, "reply", 5, "slow line: what waits outlives its connection");
	stop();
	close(server);
}

/* More than 64 KiB: the rest is still in the socket when the connection ends. */
static void test_end_while_much_waits(bool held)
{
	static uint8_t bytes[100000];
	int server = listen_tcp(AF_INET, 0, 0), peer;
	size_t sent = 0;

	setup(0, LINK_TCP, port_of(server));
	start(0);
	peer = accept_ours(server);
	port.held = held;
	until(({
		      const ssize_t n = send(peer, bytes + sent, sizeof(bytes) - sent, 0);

		      sent += n > 0 ? (size_t)n : 0;
		      sent == sizeof(bytes);
	      }),
	      1000);
	close(peer);
	tap_ok(sent == sizeof(bytes) && until(!mode_net.connected(mode, 0), 1000), "held back: the end is noticed");
	port.held = false;
	until((make_room(4096), port.n == sizeof(bytes)), 500);
	if (held)
		tap_ok(!port.n && status(0).downlink_dropped == sizeof(bytes),
		       "command mode: what is not yet read goes too, counted");
	else
		tap_is((long)port.n, (long)sizeof(bytes), "slow line: what is not yet read comes");
	stop();
	close(server);
}

static void test_command_mode_ends(void)
{
	int server = listen_tcp(AF_INET, 0, 0), peer;

	setup(0, LINK_TCP, port_of(server));
	start(100);
	peer = accept_ours(server);
	port.held = true;
	send(peer, "reply", 5, 0);
	drive(20);
	tap_ok(!port.n, "command mode: nothing is written");
	port.held = false;
	mode_net.room(mode);
	tap_same(port.got, port.n, "reply", 5, "command mode: afterwards it is");
	port.held = true;
	send(peer, "more", 4, 0);
	drive(20);
	settings.on[0] = false;
	mode_net.changed(mode, SETTING_SOCKAEN);
	port.held = false;
	mode_net.room(mode);
	tap_ok(port.n == 5 && status(0).downlink_dropped == 4, "command mode: closing by SOCKAEN drops it too");
	close(peer);
	stop();
	close(server);
}

int main(void)
{
	must(sd_event_default(&loop) >= 0, "sd_event_default");
	must(resolver_new(&resolver, loop) == 0, "resolver_new");
	test_frames_go_to_each();
	test_place_holder();
	test_served_in_turn();
	test_limit_tcp();
	test_limit_udp();
	test_end_while_waiting(false);
	test_end_while_waiting(true);
	test_end_while_much_waits(false);
	test_end_while_much_waits(true);
	test_command_mode_ends();
	free(port.got);
	resolver_free(resolver);
	sd_event_unref(loop);
	return tap_done();
}
