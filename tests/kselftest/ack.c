// SPDX-License-Identifier: MIT
/*
 * Acknowledgement: a record that was read stays until its reader is done with it, so that a reader
 * that is killed, while something else keeps the port open, takes nothing with it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"
#include "tap.h"

#define GAP_US 50000

static void open_port(struct port *port)
{
	port_open(port);
	port_settings(port, GAP_US, DTU_LENGTH_MAX, true);
}

static void say_frame(struct port *port, const char *text)
{
	host_say(port, text);
	pause_us(GAP_US + 1000);
}

/* A new reader: what was not acknowledged comes again. */
static int begin_reading(struct port *port)
{
	return nl_set(port->nl, port->slave, DTU_A_PORT_ACK, 1);
}

static bool next_is(struct port *port, const char *text, uint64_t *sequence)
{
	struct record record;

	if (!port_record(port, &record, 100)) {
		printf("#   no record instead of %s\n", text);
		return false;
	}
	*sequence = record.head.sequence;
	if (record.length == strlen(text) && !memcmp(record.payload, text, record.length))
		return true;
	printf("#   %.*s instead of %s\n", (int)record.length, record.payload, text);
	return false;
}

static void test_order(void)
{
	uint64_t first, second, third, again;
	struct port port;

	open_port(&port);
	tap_is(nl_ack(port.nl, port.slave, 0), -EINVAL, "nothing to acknowledge without the option");
	tap_ok(port.nl->message[0], "  is explained: %s", port.nl->message);
	tap_is(begin_reading(&port), 0, "the option is set");
	say_frame(&port, "one");
	say_frame(&port, "two");
	say_frame(&port, "three");
	tap_ok(next_is(&port, "one", &first) && next_is(&port, "two", &second), "two are read");
	tap_is(nl_ack(port.nl, port.slave, second + 1), -EINVAL, "the third is not read yet");
	tap_ok(port.nl->message[0], "  is explained: %s", port.nl->message);
	tap_is(begin_reading(&port), 0, "a new reader");
	tap_ok(next_is(&port, "one", &again) && again == first, "begins with the first again, under its number");
	tap_is(nl_ack(port.nl, port.slave, first), 0, "it acknowledges that");
	tap_is(nl_ack(port.nl, port.slave, first), 0, "which it may say twice");
	tap_is(begin_reading(&port), 0, "the next reader");
	tap_ok(next_is(&port, "two", &again) && again == second, "begins with the second");
	tap_ok(next_is(&port, "three", &third) && third == second + 1, "and goes on");
	tap_ok(!readable(port.slave, 10), "there is no more");
	tap_is(nl_ack(port.nl, port.slave, third), 0, "all are acknowledged");
	tap_is(begin_reading(&port), 0, "one more reader");
	tap_ok(!readable(port.slave, 10), "finds nothing");
	tap_is(nl_ack(port.nl, port.slave, third + 1), -EINVAL, "the next number is not there yet");
	port_close(&port);
}

static void test_options(void)
{
	struct record record;
	uint64_t sequence;
	struct port port;

	port_open(&port);
	tap_is(nl_set(port.nl, port.slave, DTU_A_PORT_ACK, 1), -EINVAL, "ACK without HEADER is refused");
	tap_ok(port.nl->message[0], "  is explained: %s", port.nl->message);
	port_settings(&port, GAP_US, DTU_LENGTH_MAX, false);
	begin_reading(&port);
	tap_is(nl_set(port.nl, port.slave, DTU_A_PORT_HEADER, 0), -EINVAL, "HEADER cannot go before ACK");
	say_frame(&port, "one");
	say_frame(&port, "two");
	tap_ok(next_is(&port, "one", &sequence), "one is read");
	tap_is(nl_set(port.nl, port.slave, DTU_A_PORT_ACK, 0), 0, "the option is taken back");
	tap_ok(next_is(&port, "two", &sequence), "reading goes on where it was");
	begin_reading(&port);
	tap_ok(!readable(port.slave, 10), "nothing was kept meanwhile");
	say_frame(&port, "three");
	tap_ok(next_is(&port, "three", &sequence), "one more");
	if (tcflush(port.slave, TCIOFLUSH))
		die("tcflush");
	begin_reading(&port);
	tap_ok(!port_record(&port, &record, 10), "TCFLSH forgets what was kept");
	port_close(&port);
}

/* Nobody acknowledges: the records fill, then the log, then the tty's queue; and nothing is lost. */
static void test_full(void)
{
	static unsigned char sent[1000], frame[DTU_LENGTH_MAX];
	struct record record;
	unsigned int frames = 0, good = 0;
	uint64_t last = 0;
	struct port port;

	open_port(&port);
	begin_reading(&port);
	set_nonblocking(port.master, true);
	for (;;) {
		memset(frame, (int)frames, sizeof(frame));
		if (write(port.master, frame, sizeof(frame)) != sizeof(frame))
			break;
		sent[frames++] = frame[0];
		while (port_record(&port, &record, 0))
			last = record.head.sequence;
		pause_us(GAP_US + 1000);
	}
	tap_ok(frames > 60 && frames < 200, "%u frames find room", frames);
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_HELD) > 0, "then input is left in the tty");
	begin_reading(&port);
	while (good < frames && port_record(&port, &record, 100)) {
		/* The last write, which was cut short, adds to the end. */
		if (record.length == sizeof(frame) && record.payload[0] == sent[good] &&
		    record.payload[sizeof(frame) - 1] == sent[good])
			good++;
		last = record.head.sequence;
		nl_ack(port.nl, port.slave, last);
	}
	tap_is(good, frames, "acknowledged one by one, all of them come");
	port_close(&port);
}

/* A reader that tells @out of each frame before it acknowledges it, until it is killed. */
static void read_and_tell(struct port *port, int out)
{
	struct record record;

	begin_reading(port);
	while (port_record(port, &record, 10000)) {
		uint32_t number;

		memcpy(&number, record.payload, sizeof(number));
		if (write(out, &number, sizeof(number)) != sizeof(number))
			break;
		if (pick(3) == 0)
			pause_us(pick(2000));
		nl_ack(port->nl, port->slave, record.head.sequence);
	}
	_exit(0);
}

static pid_t start_reader(struct port *port, int out)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	/* Its own socket, and its own luck. */
	seed_from(now_ns());
	if (nl_open(port->nl))
		_exit(1);
	read_and_tell(port, out);
	return 0;
}

static void test_kills(unsigned int kills)
{
	unsigned int repeats = 0, lost = 0;
	uint32_t sent = 0, expected = 0, number;
	struct port port;
	int pipes[2];

	open_port(&port);
	nl_set(port.nl, port.slave, DTU_A_PORT_LENGTH, 8);
	if (pipe(pipes))
		die("pipe");
	for (unsigned int i = 0; i <= kills; i++) {
		pid_t pid = start_reader(&port, pipes[1]);

		for (unsigned int k = 0; k < 10 + pick(20); k++) {
			uint32_t frame[2] = { sent, ~sent };

			host_write(&port, frame, sizeof(frame));
			sent++;
			pause_us(pick(1000));
		}
		/* The last one has the time to read all. */
		if (i == kills)
			pause_us(2000000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	set_nonblocking(pipes[0], true);
	while (read(pipes[0], &number, sizeof(number)) == sizeof(number)) {
		repeats += number < expected;
		lost += number > expected;
		if (number >= expected)
			expected = number + 1;
	}
	tap_ok(expected == sent, "%u readers killed: the last of %u frames was read", kills, sent);
	tap_is(lost, 0, "none was lost");
	printf("# %u frames were read again by the reader after\n", repeats);
	tap_ok(repeats <= kills, "and each death repeats one at most");
	close(pipes[0]);
	close(pipes[1]);
	port_close(&port);
}

int main(void)
{
	seed_from_environment();
	test_order();
	test_options();
	test_full();
	test_kills(soak() ? 2000 : 100);
	return tap_done();
}
