// SPDX-License-Identifier: MIT
/* What ends a port: the other end closed, vhangup, another line discipline; with sleepers inside. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"
#include "tap.h"

typedef long sleeper(struct port *port);
typedef void waker(struct port *port);

static long sleep_in_read(struct port *port)
{
	unsigned char buffer[3000];

	return port_read(port->slave, buffer, sizeof(buffer));
}

static long sleep_in_write(struct port *port)
{
	static unsigned char junk[65536];
	ssize_t n;

	while ((n = write(port->slave, junk, sizeof(junk))) > 0)
		;
	return n < 0 ? -errno : n;
}

static long sleep_in_poll(struct port *port)
{
	struct pollfd wait = { .fd = port->slave, .events = POLLIN };

	if (poll(&wait, 1, 20000) != 1)
		return -ETIMEDOUT;
	return wait.revents & POLLHUP ? 0 : wait.revents;
}

static void close_master(struct port *port)
{
	close(port->master);
	port->master = -1;
}

/* On a descriptor of its own: the tty hangs up for everybody. */
static void hang_up(struct port *port)
{
	if (ioctl(port->slave, TIOCVHANGUP))
		die("TIOCVHANGUP");
}

static void detach(struct port *port)
{
	tap_is(port_detach(port->slave), 0, "n_tty can be attached while somebody sleeps inside");
}

/* Two sleepers of a kind; both have to wake in a few seconds. */
static void test_wake(sleeper *sleep_in, const char *what, waker *wake, const char *why, bool open_frame)
{
	struct port port;
	pid_t pids[2];
	int status;

	port_open(&port);
	port_settings(&port, 10000000, 1024, true);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			long ret;

			/* or the master would never be closed */
			close(port.master);
			ret = sleep_in(&port);
			_exit(ret == 0 ? 100 : (int)-ret);
		}
	}
	pause_us(300000);
	if (open_frame)
		host_say(&port, "+++");
	pause_us(100000);
	wake(&port);
	pause_us(2000000);
	for (int i = 0; i < 2; i++) {
		pid_t pid = waitpid(pids[i], &status, WNOHANG);

		if (pid != pids[i]) {
			tap_ok(false, "%s: %s wakes", why, what);
			kill(pids[i], SIGKILL);
			waitpid(pids[i], &status, 0);
			continue;
		}
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
		tap_ok(status == 100 || status == EIO || (wake == detach && status == EAGAIN),
		       "%s: %s wakes with 0 or EIO (%d)", why, what, status == 100 ? 0 : status);
	}
	port_close(&port);
}

static void test_after(void)
{
	unsigned char buffer[3000];
	struct pollfd wait;
	struct port port;
	long n;

	port_open(&port);
	port_settings(&port, 50000, 1024, true);
	host_say(&port, "half a frame");
	close_master(&port);
	n = port_read(port.slave, buffer, sizeof(buffer));
	tap_ok(n == 0 || n == -EIO, "read() after a hangup: %ld", n);
	tap_is(write(port.slave, "x", 1) < 0 ? errno : 0, EIO, "write() after a hangup");
	wait = (struct pollfd){ .fd = port.slave, .events = POLLIN };
	tap_ok(poll(&wait, 1, 0) == 1 && (wait.revents & POLLHUP), "poll() after a hangup has POLLHUP");
	tap_is(nl_get(port.nl, port.slave), -ENODEV, "the port is gone");
	port_close(&port);
}

static void test_detach(void)
{
	unsigned char buffer[100];
	struct port port;

	port_open(&port);
	port_settings(&port, 10000000, 1024, true);
	host_say(&port, "+++");
	settle_us(1000);
	tap_is(port_detach(port.slave), 0, "detach with an open frame");
	pause_us(100000);
	host_say(&port, "plain");
	tap_ok(readable(port.slave, 1000) && port_read(port.slave, buffer, sizeof(buffer)) == 5,
	       "n_tty then has the bytes");
	tap_is(port_attach(port.slave), 0, "attach again");
	port_settings(&port, 50000, 1024, true);
	host_say(&port, "again");
	settle_us(51000);
	tap_is(port_read(port.slave, buffer, sizeof(buffer)), (long)sizeof(struct dtu_record) + 5, "and read a frame");
	port_close(&port);
}

/* Everything at once, over and over: what counts is what the kernel says of it. */
static void test_races(void)
{
	unsigned int rounds = soak() ? 3000 : 60;

	for (unsigned int i = 0; i < rounds; i++) {
		pid_t pids[4];
		struct port port;

		port_open(&port);
		port_settings(&port, 1 + pick(3000), 4 + pick(2000), true);
		for (unsigned int k = 0; k < 4; k++) {
			uint32_t wait_us = pick(5000), times = 1 + pick(20);

			pids[k] = fork();
			if (pids[k])
				continue;
			if (k != 1)
				close(port.master);
			while (times--) {
				unsigned char buffer[3000];

				switch (k) {
				case 0:
					set_nonblocking(port.slave, times & 1);
					if (read(port.slave, buffer, sizeof(buffer)) < 0 && errno == EIO)
						_exit(0);
					break;
				case 1:
					set_nonblocking(port.master, true);
					if (write(port.master, times & 1 ? "+++" : (char *)buffer,
						  times & 1 ? 3 : sizeof(buffer)) < 0 &&
					    errno == EIO)
						_exit(0);
					break;
				case 2:
					port_attach(port.slave);
					nl_set(port.nl, port.slave, DTU_A_PORT_GAP_US, 1 + times);
					nl_resume(port.nl, port.slave, DTU_MODE_DATA);
					port_detach(port.slave);
					break;
				case 3:
					tcflush(port.slave, TCIFLUSH);
					if (times == 3)
						ioctl(port.slave, TIOCVHANGUP);
					break;
				}
				pause_us(wait_us);
			}
			_exit(0);
		}
		close_master(&port);
		pause_us(pick(60000));
		for (unsigned int k = 0; k < 4; k++)
			kill(pids[k], SIGKILL);
		for (unsigned int k = 0; k < 4; k++)
			waitpid(pids[k], NULL, 0);
		port_close(&port);
	}
	tap_ok(true, "%u rounds of attach, detach, input, flush and hangup at once", rounds);
}

int main(void)
{
	static const struct {
		waker *wake;
		const char *why;
	} wakers[] = {
		{ close_master, "the other end is closed" },
		{ hang_up, "vhangup" },
		{ detach, "another line discipline" },
	};

	seed_from_environment();
	for (unsigned int i = 0; i < 3; i++) {
		test_wake(sleep_in_read, "read()", wakers[i].wake, wakers[i].why, false);
		test_wake(sleep_in_read, "read() behind an open +++", wakers[i].wake, wakers[i].why, true);
		if (wakers[i].wake == detach)
			continue;
		test_wake(sleep_in_write, "write()", wakers[i].wake, wakers[i].why, false);
		test_wake(sleep_in_poll, "poll()", wakers[i].wake, wakers[i].why, false);
	}
	test_after();
	test_detach();
	test_races();
	return tap_done();
}
