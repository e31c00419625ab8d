// SPDX-License-Identifier: MIT
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint64_t random_state;

void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

int ldisc_number(void)
{
	FILE *file = fopen("/proc/tty/ldiscs", "r");
	char name[32];
	int number, found = -1;

	if (!file)
		die("/proc/tty/ldiscs");
	while (fscanf(file, "%31s %d", name, &number) == 2)
		if (!strcmp(name, DTU_LDISC_NAME))
			found = number;
	fclose(file);
	return found;
}

static void make_raw(int tty)
{
	struct termios termios;

	if (tcgetattr(tty, &termios))
		die("tcgetattr");
	cfmakeraw(&termios);
	if (tcsetattr(tty, TCSANOW, &termios))
		die("tcsetattr");
}

void pty_open(struct port *port)
{
	prctl(PR_SET_TIMERSLACK, 1);
	port->nl = NULL;
	port->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port->master < 0 || grantpt(port->master) || unlockpt(port->master))
		die("a pty");
	port->slave = open(ptsname(port->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port->slave < 0)
		die(ptsname(port->master));
	make_raw(port->slave);
}

static int set_ldisc(int tty, int number)
{
	return ioctl(tty, TIOCSETD, &number) ? -errno : 0;
}

int port_attach(int tty)
{
	return set_ldisc(tty, ldisc_number());
}

int port_detach(int tty)
{
	return set_ldisc(tty, 0);
}

void port_open(struct port *port)
{
	pty_open(port);
	errno = -port_attach(port->slave);
	if (errno)
		die("attach");
	port->nl = malloc(sizeof(*port->nl));
	errno = -nl_open(port->nl);
	if (errno)
		die("netlink family");
}

void port_settings(struct port *port, uint32_t gap_us, uint32_t length, bool escape)
{
	if (nl_set(port->nl, port->slave, DTU_A_PORT_HEADER, 1) ||
	    nl_set(port->nl, port->slave, DTU_A_PORT_GAP_US, gap_us) ||
	    nl_set(port->nl, port->slave, DTU_A_PORT_LENGTH, length) ||
	    nl_set(port->nl, port->slave, DTU_A_PORT_ESCAPE, escape)) {
		printf("# %s\n", port->nl->message);
		errno = -port->nl->error;
		die("settings");
	}
}

void port_close(struct port *port)
{
	if (port->nl) {
		nl_close(port->nl);
		free(port->nl);
	}
	if (port->slave >= 0)
		close(port->slave);
	if (port->master >= 0)
		close(port->master);
}

void host_write(const struct port *port, const void *bytes, size_t n)
{
	if (write(port->master, bytes, n) != (ssize_t)n)
		die("write to the master");
}

void host_say(const struct port *port, const char *text)
{
	host_write(port, text, strlen(text));
}

bool readable(int fd, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, ms) == 1 && (wait.revents & POLLIN);
}

long port_read(int tty, void *buffer, size_t size)
{
	ssize_t n = read(tty, buffer, size);

	return n < 0 ? -errno : n;
}

bool port_record(const struct port *port, struct record *record, int ms)
{
	unsigned char bytes[sizeof(record->head) + DTU_PAYLOAD_MAX];
	long n;

	if (!readable(port->slave, ms))
		return false;
	n = port_read(port->slave, bytes, sizeof(bytes));
	if (n < (long)sizeof(record->head))
		return false;
	memcpy(&record->head, bytes, sizeof(record->head));
	record->length = (uint32_t)((size_t)n - sizeof(record->head));
	memcpy(record->payload, bytes + sizeof(record->head), record->length);
	return record->head.version == DTU_RECORD_VERSION && record->head.length == n;
}

void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

void pause_us(uint64_t us)
{
	struct timespec left = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void settle_us(uint64_t us)
{
	const char *time = getenv("DTU_TIME");

	pause_us(us + (time && !strcmp(time, "fast") ? 0 : 100000));
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool soak(void)
{
	const char *tier = getenv("DTU_TIER");

	return tier && !strcmp(tier, "soak");
}

void seed_from_environment(void)
{
	const char *text = getenv("DTU_SEED");
	uint64_t seed = text && *text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) ^ now_ns();

	printf("# DTU_SEED=%llu\n", (unsigned long long)seed);
	seed_from(seed);
}

void seed_from(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ULL | 1;
}

uint32_t pick(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % n);
}
