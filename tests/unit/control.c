// SPDX-License-Identifier: MIT
/* The control socket, over a real socket, with clients of every kind. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "fixture.h"
#include "tap.h"

#include "control/control.h"

#define REPLY "\r\nOK\r\n\r\n"

static char folder[256], path[300];
static sd_event *loop;
static struct control *control;
static size_t big; /* when set: bytes of every reply */
static unsigned int calls;

static void on_at(void *data, const uint8_t *line, size_t length, struct buf *reply)
{
	(void)data;
	calls++;
	if (big) {
		uint8_t *to = buf_reserve(reply, big);

		if (to) {
			memset(to, 'x', big);
			buf_commit(reply, big);
		}
		return;
	}
	if (length > AT_LINE_MAX)
		at_too_long(reply);
	else if (length == 2)
		(void)buf_printf(reply, REPLY);
	else
		(void)buf_printf(reply, "\r\n<%.*s>\r\n\r\n", (int)length, (const char *)line);
}

static void on_status(void *data, bool json, struct buf *out)
{
	(void)data;
	(void)buf_printf(out, json ? "{\"ok\":true}\n" : "ok\n");
}

static const struct control_calls control_calls = { on_at, on_status };

static void run(unsigned int ms)
{
	struct timespec now;
	uint64_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + ms;
	do {
		sd_event_run(loop, 2000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 < end);
}

static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		perror(path);
	return fd;
}

static void say(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		} else if (errno != EAGAIN) {
			return;
		}
		sd_event_run(loop, 0);
	}
}

/* Until the end of file, or nothing more comes for a while. */
static size_t hear(int fd, char *bytes, size_t size, bool *ended)
{
	size_t held = 0;
	int quiet = 0;

	*ended = false;
	while (quiet < 20 && held < size) {
		ssize_t n;

		sd_event_run(loop, 2000);
		n = recv(fd, bytes + held, size - held, 0);
		if (!n || (n < 0 && errno != EAGAIN)) {
			*ended = true;
			break;
		}
		quiet = n < 0 ? quiet + 1 : 0;
		held += n < 0 ? 0 : (size_t)n;
	}
	return held;
}

static void expect(const void *request, size_t n, const char *want, const char *name)
{
	static char got[1 << 20];
	int fd = client();
	bool ended;
	size_t length;

	say(fd, request, n);
	shutdown(fd, SHUT_WR);
	length = hear(fd, got, sizeof(got), &ended);
	tap_same(got, length, want, strlen(want), name);
	tap_ok(ended, "%s: then the connection is closed", name);
	close(fd);
}

#define EXPECT(request, want, name) expect(request, sizeof(request) - 1, want, name)
#define UNKNOWN "error: unknown request: AT..., status and status json are known\n"

static void test_requests(void)
{
	char line[5000];

	EXPECT("AT\n", REPLY, "a command");
	EXPECT("AT\r\n", REPLY, "CR LF ends a line too");
	EXPECT("AT", REPLY, "the end of file ends the last line");
	EXPECT("at+x=1\n", "\r\n<at+x=1>\r\n\r\n", "in any case, as typed");
	EXPECT("status\n", "ok\n", "status");
	EXPECT("status json\n", "{\"ok\":true}\n", "status json");
	EXPECT("status xml\n", UNKNOWN, "an unknown status");
	EXPECT("hello\n", UNKNOWN, "an unknown request");
	EXPECT("\0\n", UNKNOWN, "a NUL byte");
	EXPECT("\n\r\n\n", "", "empty lines");
	EXPECT("", "", "nothing");
	EXPECT("AT\nstatus\nAT+Y\nx\nAT", REPLY "ok\n\r\n<AT+Y>\r\n\r\n" UNKNOWN REPLY, "many at once, in order");

	memset(line, 'a', sizeof(line));
	memcpy(line, "AT+", 3);
	memcpy(line + AT_LINE_MAX + 1, "\nAT\n", 4);
	expect(line, AT_LINE_MAX + 5, "\r\n+ERR:4\r\n\r\n" REPLY,
	       "a line of 2305 bytes is error 4, the next one holds");
	memset(line, 'a', sizeof(line));
	memcpy(line, "AT+", 3);
	memcpy(line + 4990, "\nAT\n", 4);
	expect(line, 4994, "\r\n+ERR:4\r\n\r\n" REPLY, "a line of 4990 bytes is dropped whole");
	memcpy(line, "x", 1);
	expect(line, 4994, UNKNOWN REPLY, "an unknown one too");
	expect(line, 4900, UNKNOWN, "even if it never ends");
}

static void test_longest(void)
{
	static char want[AT_LINE_MAX + 16], line[AT_LINE_MAX + 2];
	int n;

	memset(line, 'a', AT_LINE_MAX);
	memcpy(line, "AT+", 3);
	n = snprintf(want, sizeof(want), "\r\n<%.*s>\r\n\r\n", AT_LINE_MAX, line);
	memcpy(line + AT_LINE_MAX, "\r\n", 2);
	expect(line, sizeof(line), want, "a line of 2304 bytes and CR LF");
	tap_ok(n > 0, "is answered");
}

static void test_slow_bytes(void)
{
	static const char request[] = "AT\nAT+Y\n";
	char got[64];
	int fd = client();
	bool ended;
	size_t n;

	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		say(fd, request + i, 1);
		run(2);
	}
	n = hear(fd, got, sizeof(got), &ended);
	tap_same(got, n, REPLY "\r\n<AT+Y>\r\n\r\n", strlen(REPLY "\r\n<AT+Y>\r\n\r\n"), "byte by byte");
	tap_ok(!ended, "the connection stays open");
	say(fd, "AT\n", 3);
	n = hear(fd, got, sizeof(got), &ended);
	tap_same(got, n, REPLY, strlen(REPLY), "for more");
	close(fd);
	run(20);
}

/* A client that asks and never reads may not make us hold more than the bound, nor stop the others. */
static void test_unread(void)
{
	static char got[400000];
	char request[600];
	int fd = client();
	bool ended;
	size_t n;

	big = 65000;
	calls = 0;
	for (size_t i = 0; i < sizeof(request); i += 3)
		memcpy(request + i, "AT\n", 3);
	say(fd, request, sizeof(request));
	run(100);
	tap_ok(calls < 20, "requests of a client that does not read wait (%u of 200 executed)", calls);
	big = 0;
	EXPECT("AT\n", REPLY, "others are served meanwhile");
	big = 1000;
	shutdown(fd, SHUT_WR);
	for (n = 0, ended = false; !ended;) {
		size_t more = hear(fd, got, sizeof(got), &ended);

		n += more;
		if (!more)
			break;
	}
	tap_ok(ended && calls == 201, "all are answered once it reads (%u, %zu bytes)", calls, n);
	close(fd);
	big = 0;
}

static void test_gone(void)
{
	for (int i = 0; i < 50; i++) {
		int fd = client();

		big = 60000;
		say(fd, "AT\nAT\n", 6);
		close(fd);
		run(1);
	}
	big = 0;
	run(30);
	EXPECT("AT\n", REPLY, "clients that leave before the answer leave nothing behind");
}

static void test_full(void)
{
	int fds[CONTROL_CLIENTS], one;
	char got[64];
	bool ended;
	size_t n;

	for (int i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = client();
		run(2);
	}
	one = client();
	n = hear(one, got, sizeof(got), &ended);
	tap_same(got, n, "error: too many clients\n", 24, "one client too many is told so");
	tap_ok(ended, "and closed");
	close(one);
	say(fds[CONTROL_CLIENTS - 1], "AT\n", 3);
	n = hear(fds[CONTROL_CLIENTS - 1], got, sizeof(got), &ended);
	tap_same(got, n, REPLY, strlen(REPLY), "the others are served");
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	run(30);
	EXPECT("AT\n", REPLY, "and there is room again");
}

/* Without a descriptor for it a client waits at the door: that must not keep us busy. */
static void test_no_descriptors(void)
{
	struct rlimit limit, none;
	unsigned int turns = 0;
	int fd = client();
	char got[64];
	bool ended;
	size_t n;

	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	say(fd, "AT\n", 3);
	while (turns < 100 && sd_event_run(loop, 100000) > 0)
		turns++;
	tap_ok(turns < 10, "no descriptors left: no busy waiting (%u turns)", turns);
	setrlimit(RLIMIT_NOFILE, &limit);
	run(1000);
	n = hear(fd, got, sizeof(got), &ended);
	tap_same(got, n, REPLY, strlen(REPLY), "and served once there are some");
	close(fd);
	run(10);
}

/* Takes 10 s: a half line holds its place no longer than that. */
static void test_timeout(void)
{
	char got[64];
	int fd = client();
	bool ended;

	say(fd, "AT+", 3);
	run(9500);
	hear(fd, got, sizeof(got), &ended);
	tap_ok(!ended, "a half line may take a while");
	run(1000);
	hear(fd, got, sizeof(got), &ended);
	tap_ok(ended, "and no longer");
	close(fd);
}

static void test_file(void)
{
	struct control *other = NULL;
	char elsewhere[300];
	struct stat st;
	int fd;

	stat(path, &st);
	tap_is(st.st_mode & 07777, 0660, "the socket's mode is 0660");
	tap_is(control_open(&other, loop, path, &control_calls, NULL), -EADDRINUSE, "a path in use is refused");
	tap_ok(stat(path, &st) == 0, "and left alone");
	snprintf(elsewhere, sizeof(elsewhere), "%s/file", folder);
	close(open(elsewhere, O_CREAT | O_WRONLY, 0600));
	tap_is(control_open(&other, loop, elsewhere, &control_calls, NULL), -EEXIST, "a file is not replaced");
	tap_ok(stat(elsewhere, &st) == 0, "nor removed");
	snprintf(elsewhere, sizeof(elsewhere), "%s/no/such", folder);
	tap_is(control_open(&other, loop, elsewhere, &control_calls, NULL), -ENOENT, "a missing folder");
	{
		char longest[200];

		memset(longest, 'a', sizeof(longest));
		longest[sizeof(longest) - 1] = 0;
		tap_is(control_open(&other, loop, longest, &control_calls, NULL), -ENAMETOOLONG, "a path too long");
	}
	/* What a killed agent leaves behind. */
	{
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/stale", folder);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			perror(address.sun_path);
		close(fd);
		tap_is(control_open(&other, loop, address.sun_path, &control_calls, NULL), 0,
		       "a stale socket is replaced");
		control_close(other);
		tap_ok(stat(address.sun_path, &st) < 0, "and removed at the end");
	}
}

int main(void)
{
	fixture_folder(folder);
	snprintf(path, sizeof(path), "%s/sock", folder);
	sd_event_new(&loop);
	tap_is(control_open(&control, loop, path, &control_calls, NULL), 0, "listens");
	test_requests();
	test_longest();
	test_slow_bytes();
	test_unread();
	test_gone();
	test_full();
	test_no_descriptors();
	test_timeout();
	test_file();
	client();
	run(10);
	control_close(control);
	tap_ok(access(path, F_OK) < 0, "closed with a client connected, the socket is gone");
	sd_event_unref(loop);
	fixture_remove(folder);
	return tap_done();
}
