// SPDX-License-Identifier: MIT
/* Nobody reads: input waits in the tty's queue, the host is held up, and nothing is lost. */
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

#define TOTAL (512 * 1024)

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i ^ i >> 8 ^ i >> 16);
}

static pid_t start_writer(struct port *port, size_t total, size_t chunk)
{
	unsigned char bytes[4096];
	pid_t pid = fork();

	if (pid)
		return pid;
	for (size_t at = 0; at < total;) {
		size_t n = total - at < chunk ? total - at : chunk;
		ssize_t wrote;

		for (size_t i = 0; i < n; i++)
			bytes[i] = byte_at(at + i);
		wrote = write(port->master, bytes, n);
		if (wrote < 0)
			_exit(1);
		at += (size_t)wrote;
	}
	_exit(0);
}

struct reading {
	size_t at;
	uint64_t sequence;
	bool in_order;
	unsigned int late;
};

static bool read_one(struct port *port, struct reading *reading, int ms)
{
	struct record record;

	if (!port_record(port, &record, ms))
		return false;
	for (uint32_t i = 0; i < record.length; i++)
		reading->in_order &= record.payload[i] == byte_at(reading->at + i);
	reading->in_order &= record.head.sequence == reading->sequence++;
	reading->at += record.length;
	reading->late += (record.head.flags & DTU_FLAG_LATE) != 0;
	return true;
}

static void test_all(size_t chunk, uint32_t length)
{
	struct reading reading = { .in_order = true };
	struct record record = { .length = 0 };
	struct port port;
	int status = -1;
	pid_t pid;

	port_open(&port);
	port_settings(&port, 1000, length, false);
	pid = start_writer(&port, TOTAL, chunk);
	for (int i = 0; i < 60 && !nl_stat(port.nl, port.slave, DTU_A_STATS_HELD); i++)
		pause_us(1000000);
	pause_us(1000000);
	tap_is(waitpid(pid, &status, WNOHANG), 0, "the writer is held up");
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_RX_BYTES) < 300000, "memory is bounded (%llu bytes taken)",
	       (unsigned long long)nl_stat(port.nl, port.slave, DTU_A_STATS_RX_BYTES));
	while (reading.at < TOTAL && read_one(&port, &reading, 2000))
		if (!pick(200))
			pause_us(pick(5000));
	tap_is((long)reading.at, TOTAL, "everything comes");
	tap_ok(reading.in_order, "in order");
	tap_ok(reading.late >= 8192 / length, "what waited is flagged (%u frames)", reading.late);
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_HELD) > 0, "and counted");
	settle_us(10000);
	tap_ok(waitpid(pid, &status, WNOHANG) == pid && !status, "the writer is done");
	for (int i = 0; i < 2 && reading.at == TOTAL; i++) {
		settle_us(2000);
		host_say(&port, "x");
		settle_us(2000);
		port_record(&port, &record, 0);
	}
	tap_ok(record.length == 1 && !record.head.flags, "after silence frames are sure again");
	if (reading.at < TOTAL) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	port_close(&port);
}

/* The queue is full and its owner asks for what is there to be dropped. */
static void test_flush(bool with_termios)
{
	const char *how = with_termios ? "TCSAFLUSH" : "TCIFLUSH";
	unsigned char bytes[4096] = { 0 };
	struct termios termios;
	struct record record;
	struct port port;
	bool found = false;

	port_open(&port);
	port_settings(&port, 1000, 1024, false);
	set_nonblocking(port.master, true);
	for (int i = 0; i < 100; i++) {
		while (write(port.master, bytes, sizeof(bytes)) > 0)
			;
		settle_us(1000);
	}
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_HELD) > 0, "the tty's queue is full");
	if (with_termios) {
		tcgetattr(port.slave, &termios);
		tcsetattr(port.slave, TCSAFLUSH, &termios);
	} else {
		tcflush(port.slave, TCIFLUSH);
	}
	settle_us(10000);
	if (!with_termios)
		tap_ok(!readable(port.slave, 0), "%s: nothing of it is left", how);
	set_nonblocking(port.master, false);
	host_say(&port, "new");
	while (!found && port_record(&port, &record, 1000))
		found = record.length >= 3 && !memcmp(record.payload + record.length - 3, "new", 3);
	tap_ok(found, "%s: what comes then is read", how);
	port_close(&port);
}

/* The line is out and nobody answers: what comes behind it is held, then framed. */
static void test_held_line(void)
{
	struct reading reading = { .in_order = true };
	struct record record;
	struct port port;
	int status = -1;
	pid_t pid;

	port_open(&port);
	port_settings(&port, 50000, 1000, true);
	host_say(&port, "+++");
	pause_us(500000);
	host_say(&port, "aAT+ENTM\r");
	pid = start_writer(&port, 300000, 100);
	pause_us(1000000);
	tap_is(waitpid(pid, &status, WNOHANG), 0, "behind a command line the writer is held up");
	for (int i = 0; i < 3; i++)
		port_record(&port, &record, 0);
	tap_ok(record.head.type == DTU_RECORD_LINE && !memcmp(record.payload, "AT+ENTM", 7), "the line is there");
	tap_ok(!readable(port.slave, 100), "and nothing behind it");
	tap_is(nl_resume(port.nl, port.slave, DTU_MODE_DATA), 0, "resume");
	reading.sequence = record.head.sequence + 1;
	while (reading.at < 300000 && read_one(&port, &reading, 2000))
		;
	tap_is((long)reading.at, 300000, "then everything comes");
	tap_ok(reading.in_order, "in order");
	settle_us(10000);
	tap_ok(waitpid(pid, &status, WNOHANG) == pid && !status, "the writer is done");
	port_close(&port);
}

int main(void)
{
	seed_from_environment();
	test_all(4096, 1024);
	test_all(7, 1024);
	test_all(1000, 5);
	test_flush(false);
	test_flush(true);
	test_held_line();
	return tap_done();
}
