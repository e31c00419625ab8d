// SPDX-License-Identifier: MIT
/*
 * What goes wrong on a line, through a driver: errors of parity and framing, breaks, bytes that the
 * UART or the tty lost. Each is counted by its cause, flagged in the frame it fell in, and costs no
 * other byte. And flow control, with which nothing is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port.h"
#include "sim.h"
#include "tap.h"

#define GAP_US 5000
#define FRAME 256

static struct sim sim;
static struct port port;

static void open_line(speed_t speed, uint32_t trigger, tcflag_t cflag)
{
	sim_open_port(&sim, &port, 0);
	sim_setup(&sim, 16, trigger, 4);
	sim_line(&sim, speed, CS8 | cflag, INPCK | BRKINT);
	port_settings(&port, GAP_US, DTU_LENGTH_MAX, false);
	nl_set(port.nl, port.slave, DTU_A_PORT_TRIGGER, trigger);
}

static void play(struct sim_script *script)
{
	sim_play(&sim, script);
	sim_free(script);
	sim_wait(&sim);
	pause_us(3 * GAP_US);
}

/* One kind of error at the third byte of a frame of five. */
static void test_error(enum uart_sim_kind kind, const char *name, const char *want, uint8_t flags,
		       enum dtu_a_stats counter)
{
	struct sim_script script = { 0 };
	struct record record;
	uint64_t before[DTU_A_STATS_MAX + 1];
	bool others = true;

	nl_get(port.nl, port.slave);
	memcpy(before, port.nl->ports[0].stats, sizeof(before));
	sim_add_bytes(&script, 0, "before", 6);
	sim_add_bytes(&script, 2 * GAP_US * 1000, "ab", 2);
	sim_add(&script, 0, kind == UART_SIM_BREAK ? 0 : 'X', kind);
	sim_add_bytes(&script, 0, "cd", 2);
	sim_add_bytes(&script, 2 * GAP_US * 1000, "after", 5);
	play(&script);
	tap_ok(port_record(&port, &record, 0) && record.length == 6 && !record.head.flags, "%s: the frame before",
	       name);
	tap_ok(port_record(&port, &record, 0) && record.length == strlen(want) &&
		       !memcmp(record.payload, want, record.length),
	       "  the frame has the bytes that came: %.*s", (int)record.length, record.payload);
	tap_is(record.head.flags, flags, "  and its flag");
	tap_ok(port_record(&port, &record, 0) && record.length == 5 && !record.head.flags, "  the frame behind it");
	nl_get(port.nl, port.slave);
	for (uint32_t i = DTU_A_STATS_PARITY; i <= DTU_A_STATS_OVERRUN; i++)
		others &= port.nl->ports[0].stats[i] == before[i] + (i == counter);
	tap_ok(others, "  it is counted, and nothing else");
}

static void test_errors(void)
{
	struct sim_script script = { 0 };
	struct record record;

	open_line(B115200, 1, 0);
	/* The first exchange after boot is never exact. */
	sim_add(&script, 0, 'x', UART_SIM_NORMAL);
	play(&script);
	while (port_record(&port, &record, 0))
		;
	test_error(UART_SIM_NORMAL, "no error", "abXcd", 0, 0);
	test_error(UART_SIM_PARITY, "parity", "abXcd", DTU_FLAG_LINE_ERROR, DTU_A_STATS_PARITY);
	test_error(UART_SIM_FRAMING, "framing", "abXcd", DTU_FLAG_LINE_ERROR, DTU_A_STATS_FRAMING);
	test_error(UART_SIM_BREAK, "break", "abcd", DTU_FLAG_LINE_ERROR, DTU_A_STATS_BREAK);
	test_error(UART_SIM_LOST, "overrun", "abcd", DTU_FLAG_OVERRUN, DTU_A_STATS_OVERRUN);
	sim_close_port(&sim, &port);
}

/* Frames of FRAME bytes, each of its own number, one after the other without end. */
static void play_frames(uint32_t first, uint32_t count)
{
	struct sim_script script = { 0 };
	uint8_t bytes[FRAME];

	for (uint32_t i = 0; i < count; i++) {
		memset(bytes, (int)(first + i), sizeof(bytes));
		memcpy(bytes, &(uint32_t){ first + i }, 4);
		sim_add_bytes(&script, 0, bytes, sizeof(bytes));
	}
	sim_play(&sim, &script);
	sim_free(&script);
}

/* Read frames until none comes; the number of those that are right and in order. */
static uint32_t read_frames(uint32_t *flagged)
{
	struct record record;
	uint32_t good = 0, number, last = 0;

	while (port_record(&port, &record, 500)) {
		memcpy(&number, record.payload, 4);
		if (record.length == FRAME && (!good || number == last + 1) &&
		    record.payload[FRAME - 1] == (uint8_t)number)
			good++;
		last = number;
		*flagged += (record.head.flags & DTU_FLAG_OVERRUN) != 0;
	}
	return good;
}

/* With RTS/CTS the other end stops when nobody reads, for however long. */
static void test_flow_control(void)
{
	const uint32_t count = 4000; /* 1 MB: more than the records, the log and the tty's queue hold */
	uint32_t flagged = 0, good;
	pid_t host;

	open_line(B115200, 8, CRTSCTS);
	nl_set(port.nl, port.slave, DTU_A_PORT_LENGTH, FRAME);
	fflush(stdout);
	host = fork();
	if (!host) {
		play_frames(0, count);
		_exit(0);
	}
	/* Nobody reads for a long time. */
	pause_us(600000000);
	tap_ok(!sim_state(&sim).rts, "RTS is dropped when nobody reads");
	tap_ok(sim_state(&sim).queued > 0, "the other end waits with %u bytes and more", sim_state(&sim).queued);
	good = read_frames(&flagged);
	waitpid(host, NULL, 0);
	tap_is(good, count, "every frame comes");
	tap_is(flagged, 0, "none with a loss");
	tap_ok(sim_state(&sim).rts, "RTS is back");
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_THROTTLED) > 0, "throttling is counted");
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_OVERRUN), 0, "the UART lost nothing");
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_BUFFER), 0, "nor the tty");
	sim_close_port(&sim, &port);
}

/* Without, the tty's queue fills, and what does not fit is counted byte for byte. */
static void test_buffer(void)
{
	const uint32_t count = 12000;
	struct uart_sim_log log[4096];
	uint32_t flagged = 0, good, lost = 0;
	size_t n;

	open_line(B460800, 14, 0);
	nl_set(port.nl, port.slave, DTU_A_PORT_LENGTH, FRAME);
	for (uint32_t played = 0; played < count; played += 250) {
		play_frames(played, 250);
		sim_wait(&sim);
		while ((n = sim_log(&sim, log, 4096)))
			for (size_t i = 0; i < n; i++)
				lost += log[i].fate == UART_SIM_NO_BUFFER;
	}
	tap_ok(lost > 0, "the tty's queue had no room for %u bytes", lost);
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_BUFFER), (long)lost, "as many as are counted");
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_HELD) > 0, "input was left in the tty");
	good = read_frames(&flagged);
	tap_is(good, (count * FRAME - lost) / FRAME, "all that found room come, in order");
	/* The next frames after it has run empty tell that something is missing before them. */
	play_frames(0, 1);
	pause_us(3000000);
	good = read_frames(&flagged);
	tap_ok(flagged > 0, "%u frames are flagged", flagged);
	flagged = 0;
	play_frames(0, 1);
	pause_us(3000000);
	good = read_frames(&flagged);
	tap_ok(good == 1 && !flagged, "later ones are not");
	sim_close_port(&sim, &port);
}

int main(void)
{
	seed_from_environment();
	test_errors();
	test_flow_control();
	test_buffer();
	return tap_done();
}
