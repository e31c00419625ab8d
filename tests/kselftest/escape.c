// SPDX-License-Identifier: MIT
/*
 * The +++ sequence at the line discipline: the records that a reader gets, in simulated time. And
 * no window: commands and data in one write, split at each byte, the agent late.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "port.h"
#include "tap.h"

/* As in tests/unit/framer.c: words are pauses in ms or bytes; expected are the records. */
struct row {
	const char *name;
	uint32_t gap_ms;
	uint32_t length;
	const char *script;
	const char *expected;
};

static const struct row rows[] = {
	{ "isolated", 50, 1024, "+++ 51 a AT+VER\\r 1", "SEEN CONF LINE:AT+VER" },
	{ "no guard before", 50, 1024, "x 49 +++ 51 a 51", "DATA:x+++ DATA:a" },
	{ "data directly after", 50, 1024, "+++x 51", "DATA:+++x" },
	{ "data within the guard", 50, 1024, "+++ 49 x 51", "DATA:+++x" },
	{ "four pluses", 50, 1024, "++++ 51", "DATA:++++" },
	{ "++ pause +", 50, 1024, "++ 51 + 51", "DATA:++ DATA:+" },
	{ "hello+++ at length 5", 50, 5, "hello+++ 51 a 51", "DATA:hello DATA:+++ DATA:a" },
	{ "a after 2.9 s", 50, 1024, "+++ 51 2900 a 1", "SEEN CONF" },
	{ "a after 3.1 s", 50, 1024, "+++ 51 3100 a 51", "SEEN ABORT DATA:+++ DATA:a" },
	{ "nothing", 50, 1024, "+++ 51 3001", "SEEN ABORT DATA:+++" },
	{ "ab", 50, 1024, "+++ 51 ab 1 \\r 1", "SEEN CONF LINE:b" },
	{ "data instead of a", 50, 1024, "+++ 51 data 51", "SEEN ABORT DATA:+++ DATA:data" },
	{ "+++ inside a frame", 50, 1024, "x+++y 51", "DATA:x+++y" },
	{ "a second +++ starts again", 50, 1024, "+++ 51 +++ 51 a 1", "SEEN ABORT DATA:+++ SEEN CONF" },
	{ "guard of 300 ms, not yet", 1000, 1024, "+++ 299 a 1001", "DATA:+++a" },
	{ "guard of 300 ms", 1000, 1024, "+++ 301 a 1", "SEEN CONF" },
	{ "guard of 300 ms at 60 s", 60000, 1024, "+++ 301 a 1", "SEEN CONF" },
	{ "aborted within the gap", 1000, 1024, "+++ 999 x 1001", "SEEN ABORT DATA:+++x" },
	{ "aborted behind the gap", 1000, 1024, "+++ 1001 x 1001", "SEEN ABORT DATA:+++ DATA:x" },
	{ "aborted at 60 s", 60000, 1024, "+++ 59999 x 60001", "SEEN ABORT DATA:+++x" },
	{ "directly behind ENTM", 50, 1024, "+++ 51 a AT+ENTM\\r\\n >D +++ 51", "SEEN CONF LINE:AT+ENTM DATA:+++" },
	{ "a gap behind ENTM", 50, 1024, "+++ 51 a AT+ENTM\\r\\n >D 51 +++ 51 a 1",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "CR CR", 50, 1024, "+++ 51 a AT+ENTM\\r 20 >D 20 \\r 51 x 51", "SEEN CONF LINE:AT+ENTM DATA:x" },
	{ "+++ in command mode", 50, 1024, "+++ 51 a +++ 51 a 51 AT\\r 1", "SEEN CONF LINE:AT" },
	{ "empty lines", 50, 1024, "+++ 51 a \\r\\n\\r\\n 9000 AT\\r 1", "SEEN CONF LINE:AT" },
};

static void append_records(struct port *port, char *got, size_t size)
{
	static const char *const names[] = {
		[DTU_RECORD_DATA] = "DATA:",	[DTU_RECORD_SEEN] = "SEEN",  [DTU_RECORD_CONFIRMED] = "CONF",
		[DTU_RECORD_ABORTED] = "ABORT", [DTU_RECORD_LINE] = "LINE:", [DTU_RECORD_LINE_TOO_LONG] = "LONG",
	};
	struct record record;

	while (port_record(port, &record, 0)) {
		size_t at = strlen(got);

		snprintf(got + at, size - at, "%s%s%.*s", at ? " " : "", names[record.head.type], (int)record.length,
			 (const char *)record.payload);
	}
}

static void play_word(struct port *port, const char *word)
{
	char bytes[200];
	size_t n = 0;

	if (*word >= '0' && *word <= '9') {
		pause_us(strtoul(word, NULL, 10) * 1000);
		return;
	}
	for (; *word; word++) {
		if (*word == '\\')
			bytes[n++] = *++word == 'r' ? '\r' : '\n';
		else
			bytes[n++] = *word;
	}
	host_write(port, bytes, n);
	/* Let it arrive: the worker has to run. */
	pause_us(1);
}

static void test_rows(struct port *port)
{
	char script[200], got[500], *rest, *word;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		port_settings(port, rows[i].gap_ms * 1000, rows[i].length, true);
		nl_resume(port->nl, port->slave, DTU_MODE_DATA);
		pause_us(65000000);
		tcflush(port->slave, TCIFLUSH);
		pause_us(65000000);
		got[0] = 0;
		snprintf(script, sizeof(script), "%s", rows[i].script);
		for (rest = script; (word = strsep(&rest, " "));) {
			append_records(port, got, sizeof(got));
			if (*word == '>')
				nl_resume(port->nl, port->slave, DTU_MODE_DATA);
			else
				play_word(port, word);
		}
		append_records(port, got, sizeof(got));
		tap_same(got, strlen(got), rows[i].expected, strlen(rows[i].expected), rows[i].name);
	}
}

/* @text in two writes, split at @at, @us apart; and nobody reads until a second later. */
static void split_write(struct port *port, const char *text, size_t at, uint64_t us)
{
	host_write(port, text, at);
	if (us)
		pause_us(us);
	if (text[at])
		host_say(port, text + at);
	pause_us(1000000);
}

static void test_no_window(struct port *port)
{
	static const char command[] = "aAT+VER\r", leave[] = "AT+ENTM\rhello";
	unsigned int rounds = soak() ? 5000 : 100, right = 0;

	port_settings(port, 50000, 1024, true);
	nl_resume(port->nl, port->slave, DTU_MODE_DATA);
	pause_us(65000000);
	tcflush(port->slave, TCIFLUSH);
	for (unsigned int i = 0; i < rounds; i++) {
		char got[500] = "";

		pause_us(60000);
		host_say(port, "+++");
		pause_us(51000 + pick(2000000));
		split_write(port, command, 1 + i % (sizeof(command) - 1), pick(5001));
		append_records(port, got, sizeof(got));
		nl_resume(port->nl, port->slave, DTU_MODE_LINE);
		split_write(port, leave, 1 + i % (sizeof(leave) - 1), pick(5001));
		append_records(port, got, sizeof(got));
		nl_resume(port->nl, port->slave, DTU_MODE_DATA);
		pause_us(1000);
		append_records(port, got, sizeof(got));
		if (!strcmp(got, "SEEN CONF LINE:AT+VER LINE:AT+ENTM DATA:hello"))
			right++;
		else
			printf("# round %u: %s\n", i, got);
	}
	tap_is(right, rounds, "a and AT+VER, and AT+ENTM and data, split anywhere, the agent late");
}

int main(void)
{
	struct port port;

	seed_from_environment();
	port_open(&port);
	test_rows(&port);
	test_no_window(&port);
	port_close(&port);
	return tap_done();
}
