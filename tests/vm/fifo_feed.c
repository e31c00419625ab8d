// SPDX-License-Identifier: MIT
/*
 * The far end of the guest's serial line: sends frames byte by byte at the line's own pace and prints
 * when each byte was really sent, in ns of CLOCK_REALTIME, a line each.
 *
 * usage: fifo_feed SOCKET < PLAN
 *
 * PLAN: "block CHAR_NS SILENCE_NS" waits until the guest says that it is ready, "frame HEX" sends one
 * and is silent behind it. Bytes are due at absolute times; a byte that is late moves those behind it,
 * because a line never carries them closer together.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_S 300
#define READY_MS 300000
/* The guest has other things to do right after it has said that it is ready. */
#define READY_NS 300000000ULL

static int line;
static uint64_t due_ns;

static void die(const char *what)
{
	fprintf(stderr, "fifo_feed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* QEMU makes the socket a while after it was started. */
static void connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; connect(line, (struct sockaddr *)&address, sizeof(address)); i++) {
		if (i == CONNECT_S * 10)
			die(path);
		usleep(100000);
	}
}

/* A line from the guest. */
static void hear(void)
{
	struct pollfd wait = { .fd = line, .events = POLLIN };
	char byte = 0;

	while (byte != '\n') {
		if (poll(&wait, 1, READY_MS) != 1 || read(line, &byte, 1) != 1)
			die("the guest does not answer");
	}
}

static void send_byte(unsigned char byte, uint64_t char_ns)
{
	uint64_t now;

	sleep_until(due_ns);
	if (send(line, &byte, 1, MSG_NOSIGNAL) != 1)
		die("send");
	printf("%llu\n", (unsigned long long)clock_ns(CLOCK_REALTIME));
	now = clock_ns(CLOCK_MONOTONIC);
	if (now > due_ns + char_ns / 2)
		due_ns = now;
	due_ns += char_ns;
}

static void send_frame(const char *hex, uint64_t char_ns)
{
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		send_byte((unsigned char)byte, char_ns);
}

/* Whatever else this machine does: where it is not allowed, the judge sees the stalls. */
static void become_punctual(void)
{
	const struct sched_param param = { .sched_priority = 50 };
	int status = sched_setscheduler(0, SCHED_FIFO, &param);

	prctl(PR_SET_TIMERSLACK, 1);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	fprintf(stderr, "SCHED_FIFO %s\n", status ? "not permitted" : "in use");
}

int main(int argc, char **argv)
{
	static char text[8192], output[1 << 23];
	unsigned long long char_ns = 0, silence_ns = 0;

	if (argc != 2)
		return 2;
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	connect_to(argv[1]);
	become_punctual();
	while (fgets(text, sizeof(text), stdin)) {
		if (!strncmp(text, "frame ", 6)) {
			send_frame(text + 6, char_ns);
			due_ns += silence_ns;
		} else if (sscanf(text, "block %llu %llu", &char_ns, &silence_ns) == 2) {
			hear();
			due_ns = clock_ns(CLOCK_MONOTONIC) + READY_NS;
		}
	}
	hear();
	return 0;
}
