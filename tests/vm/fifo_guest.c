// SPDX-License-Identifier: MIT
/*
 * The guest's side: sets a serial port for each block of frames, says so on the line, reads records
 * until the block's bytes are there, and prints what it got with the port's counters.
 *
 * usage: fifo_guest TTY BAUD:TRIGGER:GAP_US:HOLDOFF:BYTES...
 *
 * GAP_US 0 is Modbus's, HOLDOFF "auto" the one that TRIGGER asks for, else microseconds. Prints
 *
 *   block GAP_NS HEAD_NS TAIL_NS CHAR_NS
 *   record FLAGS REASON FIRST_NS LAST_NS GAP_MIN_NS GAP_MAX_NS HEX
 *   stats AMBIGUOUS LATE LATE_MAX_NS DEFERRED OVERRUN BUFFER BOUNDARY_UNKNOWN
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"

/* Nothing has come for so long: it never will. */
#define PATIENCE_MS 60000

struct block {
	uint32_t baud;
	uint32_t trigger;
	uint32_t gap_us;
	uint32_t holdoff_us;
	uint32_t bytes;
};

static const enum dtu_a_stats shown[] = {
	DTU_A_STATS_GAP_AMBIGUOUS, DTU_A_STATS_TIMER_LATE, DTU_A_STATS_TIMER_LATE_MAX_NS, DTU_A_STATS_TIMER_DEFERRED,
	DTU_A_STATS_OVERRUN,	   DTU_A_STATS_BUFFER,	   DTU_A_STATS_BOUNDARY_UNKNOWN,
};

static struct port port;

static bool parse(const char *text, struct block *block)
{
	char holdoff[16];

	if (sscanf(text, "%u:%u:%u:%15[^:]:%u", &block->baud, &block->trigger, &block->gap_us, holdoff,
		   &block->bytes) != 5)
		return false;
	block->holdoff_us = strcmp(holdoff, "auto") ? (uint32_t)strtoul(holdoff, NULL, 10) : DTU_HOLDOFF_AUTO;
	return true;
}

static void set_line(uint32_t baud)
{
	struct termios termios;

	if (tcgetattr(port.slave, &termios))
		die("tcgetattr");
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL | CREAD;
	termios.c_iflag |= INPCK | BRKINT;
	cfsetspeed(&termios, baud == 115200 ? B115200 : B9600);
	if (tcsetattr(port.slave, TCSANOW, &termios))
		die("tcsetattr");
}

/* The UART's trigger, in sysfs; a UART that rounds it is not the one this was made for. */
static void set_trigger(const char *tty, uint32_t trigger)
{
	char path[128], text[16];
	uint32_t got = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/tty/%s/rx_trig_bytes", tty);
	snprintf(text, sizeof(text), "%u", trigger);
	file = fopen(path, "r+");
	if (!file || fputs(text, file) < 0 || fflush(file))
		die(path);
	rewind(file);
	if (fscanf(file, "%u", &got) != 1 || got != trigger)
		die("rx_trig_bytes is not what was set");
	fclose(file);
}

static void set(uint16_t type, uint32_t value)
{
	if (!nl_set(port.nl, port.slave, type, value))
		return;
	errno = -port.nl->error;
	die(port.nl->message);
}

static void set_up(const char *tty, const struct block *block)
{
	const struct nl_port *got;

	set_line(block->baud);
	set_trigger(tty, block->trigger);
	set(DTU_A_PORT_TRIGGER, block->trigger);
	set(DTU_A_PORT_HOLDOFF_US, block->holdoff_us);
	set(DTU_A_PORT_MODBUS, !block->gap_us);
	if (block->gap_us)
		set(DTU_A_PORT_GAP_US, block->gap_us);
	if (nl_get(port.nl, port.slave))
		die(port.nl->message);
	got = &port.nl->ports[0];
	printf("block %llu %llu %llu %u\n", (unsigned long long)got->ns[DTU_A_PORT_GAP_NS],
	       (unsigned long long)got->ns[DTU_A_PORT_HEAD_NS], (unsigned long long)got->ns[DTU_A_PORT_TAIL_NS],
	       got->number[DTU_A_PORT_CHAR_NS]);
}

static void say(const char *text)
{
	if (write(port.slave, text, strlen(text)) != (ssize_t)strlen(text))
		die("write to the line");
}

static void print_record(const struct record *record)
{
	const struct dtu_record *head = &record->head;

	printf("record %u %u %llu %llu %llu %llu ", head->flags, head->reason, (unsigned long long)head->first_ns,
	       (unsigned long long)head->last_ns, (unsigned long long)head->gap_min_ns,
	       (unsigned long long)head->gap_max_ns);
	for (uint32_t i = 0; i < record->length; i++)
		printf("%02x", record->payload[i]);
	putchar('\n');
}

static void print_stats(void)
{
	if (nl_get(port.nl, port.slave))
		die(port.nl->message);
	printf("stats");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		printf(" %llu", (unsigned long long)port.nl->ports[0].stats[shown[i]]);
	putchar('\n');
}

/* Attached anew for each block, so that the counters begin at 0. */
static void run(const char *tty, const struct block *block)
{
	struct record record;
	uint32_t bytes = 0;

	errno = -port_attach(port.slave);
	if (errno)
		die("attach");
	port_settings(&port, 50000, DTU_LENGTH_MAX, false);
	set_up(tty, block);
	say("ready\n");
	while (bytes < block->bytes && port_record(&port, &record, PATIENCE_MS)) {
		print_record(&record);
		bytes += record.length;
	}
	/* Nothing should come any more. */
	while (port_record(&port, &record, 300))
		print_record(&record);
	print_stats();
	if (port_detach(port.slave))
		die("detach");
}

int main(int argc, char **argv)
{
	static char output[1 << 23], path[64];

	if (argc < 3)
		return 2;
	/* Nothing is written while bytes come: that would keep the machine busy. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	snprintf(path, sizeof(path), "/dev/%s", argv[1]);
	port.slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (port.slave < 0)
		die(path);
	set_nonblocking(port.slave, false);
	port.nl = malloc(sizeof(*port.nl));
	errno = -nl_open(port.nl);
	if (errno)
		die("netlink family");
	for (int i = 2; i < argc; i++) {
		struct block block;

		if (!parse(argv[i], &block))
			die(argv[i]);
		run(argv[1], &block);
	}
	say("done\n");
	port.master = -1;
	tcdrain(port.slave);
	port_close(&port);
	return 0;
}
