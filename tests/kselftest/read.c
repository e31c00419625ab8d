// SPDX-License-Identifier: MIT
/* read(), write(), poll() and the ioctls of a port, at their edges. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"
#include "tap.h"

#define GAP_US 50000
#define HEAD ((long)sizeof(struct dtu_record))

static void frame(struct port *port, size_t n)
{
	static unsigned char bytes[DTU_PAYLOAD_MAX];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 7 + n);
	host_write(port, bytes, n);
	settle_us(GAP_US + 1000);
}

/* Whether these are the last @n bytes of a frame() of @size. */
static bool is_frame(const unsigned char *bytes, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != (unsigned char)((size - n + i) * 7 + size))
			return false;
	return true;
}

static void test_sizes(struct port *port, bool header)
{
	static const size_t sizes[] = { 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1023, 1024 };
	const char *how = header ? "with header" : "without header";
	unsigned char buffer[5000];
	long head = header ? HEAD : 0;

	nl_set(port->nl, port->slave, DTU_A_PORT_HEADER, header);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		long whole = head + (long)sizes[i];
		const long shorts[] = { 1, head - 1, head, whole - 1 };
		bool refused = true;

		frame(port, sizes[i]);
		tap_is(port_read(port->slave, buffer, 0), 0, "read of 0 bytes");
		for (size_t k = 0; k < 4; k++)
			if (shorts[k] > 0 && shorts[k] < whole)
				refused &= port_read(port->slave, buffer, (size_t)shorts[k]) == -EOVERFLOW;
		tap_ok(refused, "frame of %zu %s: every short buffer is -EOVERFLOW", sizes[i], how);
		tap_ok(port_read(port->slave, buffer, (size_t)whole) == whole &&
			       is_frame(buffer + head, sizes[i], sizes[i]),
		       "frame of %zu %s: it stays, and an exact buffer gets it", sizes[i], how);
		frame(port, sizes[i]);
		tap_ok(port_read(port->slave, buffer, sizeof(buffer)) == whole &&
			       is_frame(buffer + head, sizes[i], sizes[i]),
		       "frame of %zu %s: so does a larger one", sizes[i], how);
		tap_ok(!readable(port->slave, 0), "and then it is gone");
	}
	nl_set(port->nl, port->slave, DTU_A_PORT_HEADER, 1);
}

static void test_fault(struct port *port)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const size_t good[] = { 0, 1, 30, 48, 64, 70, 128, 200 };
	struct record record;
	long n;

	munmap(pages + page, page);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		frame(port, 500);
		n = port_read(port->slave, pages + page - good[i], 600);
		tap_ok(n == -EFAULT || (n >= 0 && n <= (long)good[i]), "buffer bad after %zu bytes: %ld", good[i], n);
		tap_ok(port_record(port, &record, 0) && record.length == 500 && is_frame(record.payload, 500, 500),
		       "the record stays whole");
	}
	munmap(pages, page);
}

static void test_nonblocking(struct port *port)
{
	unsigned char buffer[100];

	set_nonblocking(port->slave, true);
	tap_is(port_read(port->slave, buffer, sizeof(buffer)), -EAGAIN, "nothing there: EAGAIN");
	host_say(port, "abc");
	tap_is(port_read(port->slave, buffer, sizeof(buffer)), -EAGAIN, "an open frame: EAGAIN");
	settle_us(GAP_US + 1000);
	tap_is(port_read(port->slave, buffer, sizeof(buffer)), HEAD + 3, "a frame is read without waiting");
	set_nonblocking(port->slave, false);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void alarm_in(uint64_t us, int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { .it_value = { .tv_sec = (time_t)(us / 1000000), .tv_usec = (long)(us % 1000000) } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Run @act(port) in another process, after @us. */
static pid_t later(struct port *port, uint64_t us, void (*act)(struct port *))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	pause_us(us);
	act(port);
	_exit(0);
}

static void say_hello(struct port *port)
{
	host_say(port, "hello");
}

static void test_signals(struct port *port)
{
	unsigned char buffer[100];
	pid_t pid;

	alarm_in(100000, 0);
	tap_is(port_read(port->slave, buffer, sizeof(buffer)), -EINTR, "a signal interrupts a sleeping read");
	pid = later(port, 300000, say_hello);
	alarm_in(100000, SA_RESTART);
	tap_is(port_read(port->slave, buffer, sizeof(buffer)), HEAD + 5,
	       "with SA_RESTART it goes on, and gets its record");
	waitpid(pid, NULL, 0);
}

static short polled(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&wait, 1, 0) < 0 ? -1 : wait.revents;
}

static void test_poll(struct port *port)
{
	static unsigned char junk[65536];
	struct record record;
	uint64_t start;
	pid_t pid;

	tap_is(polled(port->slave), POLLOUT, "nothing to read: POLLOUT alone");
	host_say(port, "x");
	tap_is(polled(port->slave), POLLOUT, "an open frame is nothing to read");
	settle_us(GAP_US + 1000);
	tap_is(polled(port->slave), POLLOUT | POLLIN, "a frame: POLLIN");
	port_record(port, &record, 0);
	tap_is(polled(port->slave), POLLOUT, "read: no POLLIN");

	pid = later(port, 200000, say_hello);
	start = now_ns();
	tap_ok(readable(port->slave, 5000) && now_ns() - start < 2000000000, "a frame wakes poll()");
	port_record(port, &record, 0);
	waitpid(pid, NULL, 0);

	set_nonblocking(port->slave, true);
	/* The queue between takes some more each time its worker has run. */
	for (int i = 0; i < 20; i++) {
		while (write(port->slave, junk, sizeof(junk)) > 0)
			;
		settle_us(1000);
	}
	tap_is(errno, EAGAIN, "the other end does not read: write() ends with EAGAIN");
	tap_is(polled(port->slave), 0, "and there is no POLLOUT");
	set_nonblocking(port->master, true);
	while (read(port->master, junk, sizeof(junk)) > 0)
		pause_us(100);
	tap_is(polled(port->slave), POLLOUT, "it has read: POLLOUT");
	set_nonblocking(port->master, false);
	set_nonblocking(port->slave, false);
}

static int fionread(int tty)
{
	int n = -1;

	return ioctl(tty, FIONREAD, &n) ? -errno : n;
}

static void test_ioctls(struct port *port)
{
	struct record record;
	struct termios termios;

	tap_is(fionread(port->slave), 0, "FIONREAD: nothing");
	frame(port, 100);
	frame(port, 50);
	tap_is(fionread(port->slave), HEAD + 100, "FIONREAD: what one read will give");
	nl_set(port->nl, port->slave, DTU_A_PORT_HEADER, 0);
	tap_is(fionread(port->slave), 100, "FIONREAD without header");
	nl_set(port->nl, port->slave, DTU_A_PORT_HEADER, 1);
	port_record(port, &record, 0);
	tap_is(fionread(port->slave), HEAD + 50, "FIONREAD: the next");
	port_record(port, &record, 0);
	tap_is(ioctl(port->slave, FIONREAD, NULL) ? errno : 0, EFAULT, "FIONREAD to nowhere");
	tap_is(tcgetattr(port->slave, &termios), 0, "tcgetattr");
	tap_is(tcsetattr(port->slave, TCSANOW, &termios), 0, "tcsetattr");
	tap_is(ioctl(port->slave, TIOCSTI, "x") ? -1 : 0, 0, "TIOCSTI is accepted");
	settle_us(GAP_US + 1000);
	if (readable(port->slave, 0))
		port_record(port, &record, 0);
	tap_ok(ioctl(port->slave, 0x7fff, 0) && errno == ENOTTY, "an unknown ioctl is ENOTTY");
}

static void test_flush(struct port *port)
{
	uint64_t before = nl_stat(port->nl, port->slave, DTU_A_STATS_FLUSHED);
	struct record record;

	frame(port, 100);
	frame(port, 200);
	host_say(port, "abc");
	settle_us(1000);
	tcflush(port->slave, TCIFLUSH);
	tap_is((long)(nl_stat(port->nl, port->slave, DTU_A_STATS_FLUSHED) - before), 303,
	       "TCIFLUSH counts what it drops");
	settle_us(GAP_US + 1000);
	tap_ok(!readable(port->slave, 0), "and nothing of it comes");
	frame(port, 5);
	tap_ok(port_record(port, &record, 0) && is_frame(record.payload, record.length, 5), "what comes then does");
	frame(port, 6);
	tcflush(port->slave, TCOFLUSH);
	tap_ok(port_record(port, &record, 0) && record.length == 6, "TCOFLUSH leaves input alone");
}

#define READERS_FRAMES 100

/* A frame that tells its number and length. */
static void numbered(struct port *port, unsigned int number)
{
	unsigned char bytes[400];
	size_t n = 3 + pick(390);

	memset(bytes, (int)(number & 0xff), n);
	bytes[0] = (unsigned char)(number >> 8);
	bytes[1] = (unsigned char)number;
	bytes[2] = (unsigned char)n;
	host_write(port, bytes, n);
	settle_us(40000);
}

static bool numbered_whole(const struct record *record, unsigned int *number)
{
	const unsigned char *bytes = record->payload;

	if (record->length < 3 || bytes[2] != (unsigned char)record->length)
		return false;
	*number = bytes[0] * 256u + bytes[1];
	for (uint32_t i = 3; i < record->length; i++)
		if (bytes[i] != bytes[1])
			return false;
	return true;
}

static void test_readers(struct port *port)
{
	unsigned char seen[READERS_FRAMES] = { 0 }, news[2];
	unsigned int number, once = 0;
	pid_t readers[2];
	int pipes[2];

	if (pipe(pipes))
		die("pipe");
	nl_set(port->nl, port->slave, DTU_A_PORT_GAP_US, 20000);
	for (int i = 0; i < 2; i++) {
		readers[i] = fork();
		if (readers[i])
			continue;
		for (;;) {
			struct record record;

			/* Sleep in read(), not in poll(). */
			unsigned char bytes[3000];
			long n = port_read(port->slave, bytes, sizeof(bytes));

			if (n < HEAD)
				_exit(1);
			record.length = (uint32_t)(n - HEAD);
			memcpy(record.payload, bytes + HEAD, record.length);
			if (!numbered_whole(&record, &number))
				number = 0xffff;
			news[0] = (unsigned char)(number >> 8);
			news[1] = (unsigned char)number;
			if (write(pipes[1], news, 2) != 2)
				_exit(1);
		}
	}
	for (unsigned int i = 0; i < READERS_FRAMES; i++) {
		numbered(port, i);
		/* A machine that stalls must not put two frames into one. */
		if (!readable(pipes[0], 10000) || read(pipes[0], news, 2) != 2)
			break;
		number = news[0] * 256u + news[1];
		if (number < READERS_FRAMES)
			once += !seen[number]++;
	}
	tap_is(once, READERS_FRAMES, "two readers get each frame once and whole");
	for (int i = 0; i < 2; i++) {
		kill(readers[i], SIGKILL);
		waitpid(readers[i], NULL, 0);
	}
	close(pipes[0]);
	close(pipes[1]);
	nl_set(port->nl, port->slave, DTU_A_PORT_GAP_US, GAP_US);
}

#define OUTPUT (256 * 1024)

static void test_write(struct port *port)
{
	static unsigned char bytes[OUTPUT], got[4096];
	uint64_t before = nl_stat(port->nl, port->slave, DTU_A_STATS_TX_BYTES);
	size_t n = 0;
	bool same = true;
	pid_t pid;

	tap_is(write(port->slave, "down\r\n+++", 9), 9, "write() takes all");
	tap_ok(read(port->master, got, sizeof(got)) == 9 && !memcmp(got, "down\r\n+++", 9), "and it goes out as it is");
	tap_is(write(port->slave, "", 0), 0, "write() of nothing");
	for (size_t i = 0; i < OUTPUT; i++)
		bytes[i] = (unsigned char)pick(256);
	pid = fork();
	if (!pid)
		_exit(write(port->slave, bytes, OUTPUT) == OUTPUT ? 0 : 1);
	while (n < OUTPUT) {
		ssize_t some;

		if (!readable(port->master, 3000))
			break;
		some = read(port->master, got, sizeof(got));
		if (some <= 0)
			break;
		same &= !memcmp(bytes + n, got, (size_t)some);
		n += (size_t)some;
		if (!pick(10))
			pause_us(500);
	}
	tap_is((long)n, OUTPUT, "a writer that had to wait is woken");
	tap_ok(same, "and the bytes are the same");
	tap_ok(waitpid(pid, NULL, n == OUTPUT ? 0 : WNOHANG) == pid, "and write() returns");
	tap_is((long)(nl_stat(port->nl, port->slave, DTU_A_STATS_TX_BYTES) - before), OUTPUT + 9, "all is counted");
}

int main(void)
{
	struct port port;

	seed_from_environment();
	port_open(&port);
	port_settings(&port, GAP_US, 1024, false);
	test_sizes(&port, true);
	test_sizes(&port, false);
	test_fault(&port);
	test_nonblocking(&port);
	test_signals(&port);
	test_poll(&port);
	test_ioctls(&port);
	test_flush(&port);
	test_readers(&port);
	test_write(&port);
	port_close(&port);
	return tap_done();
}
