// SPDX-License-Identifier: MIT
/* The generic netlink family: get, set with its limits, resume, statistics, events, permissions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "port.h"
#include "tap.h"

static uint32_t value(struct port *port, enum dtu_a_port which)
{
	nl_get(port->nl, port->slave);
	return port->nl->ports[0].number[which];
}

static void test_get(struct port *port)
{
	struct nl *nl = port->nl;
	struct stat st;
	uint32_t id, all = 0;

	fstat(port->slave, &st);
	tap_is(nl_get(nl, port->slave), 0, "get by DEV");
	tap_is(nl->ports_count, 1, "one port answers");
	for (uint32_t i = DTU_A_PORT_ID; i <= DTU_A_PORT_MAX; i++)
		all |= 1u << i;
	all &= ~(1u << DTU_A_PORT_SEQUENCE); /* only ever asked with */
	tap_is(nl->ports[0].have & ~1u, all, "with all attributes");
	all = 0;
	for (uint32_t i = DTU_A_STATS_RX_BYTES; i <= DTU_A_STATS_MAX; i++)
		all |= 1u << i;
	tap_is(nl->ports[0].stats_have & ~1u, all, "and all statistics");
	tap_is(nl->ports[0].number[DTU_A_PORT_DEV], (long)st.st_rdev, "DEV is what stat() says");
	tap_ok(strstr(nl->ports[0].name, "pts") != NULL, "NAME is the tty's: %s", nl->ports[0].name);
	tap_is(nl->ports[0].number[DTU_A_PORT_GAP_US], 50000, "gap at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_LENGTH], 1024, "length at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_HOLDOFF_US], 0, "no hold-off on a pty");
	tap_is(nl->ports[0].number[DTU_A_PORT_CHAR_NS], 0, "and characters take no time");
	tap_is(nl->ports[0].number[DTU_A_PORT_ESCAPE], 0, "no escape detection at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_HEADER], 0, "no header at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_MODE], DTU_MODE_DATA, "data mode at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_TRIGGER], 8, "an 8250's trigger at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_MODBUS], 0, "no Modbus at first");
	tap_is(nl->ports[0].number[DTU_A_PORT_ACK], 0, "no acknowledgement at first");
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_GAP_NS], 50000000, "the gap in force");
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_HEAD_NS], 0, "a pty keeps nothing");
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_TAIL_NS], 0, "neither at the end");
	id = nl->ports[0].number[DTU_A_PORT_ID];

	nl_begin(nl, DTU_CMD_PORT_GET);
	nl_u32(nl, DTU_A_PORT_ID, id);
	tap_ok(!nl_do(nl) && nl->ports[0].number[DTU_A_PORT_DEV] == st.st_rdev, "get by ID");
	nl_begin(nl, DTU_CMD_PORT_GET);
	nl_u32(nl, DTU_A_PORT_ID, id + 1);
	tap_is(nl_do(nl), -ENODEV, "no such ID");
	tap_ok(nl->message[0], "is explained: %s", nl->message);
	nl_begin(nl, DTU_CMD_PORT_GET);
	nl_u32(nl, DTU_A_PORT_ID, id);
	nl_u32(nl, DTU_A_PORT_DEV, (uint32_t)st.st_rdev + 1);
	tap_is(nl_do(nl), -ENODEV, "ID and DEV that do not fit together");
	nl_begin(nl, DTU_CMD_PORT_GET);
	tap_is(nl_do(nl), -EINVAL, "neither ID nor DEV");
	tap_ok(nl->message[0], "is explained: %s", nl->message);
	nl_begin(nl, DTU_CMD_PORT_GET);
	nl_u8(nl, DTU_A_PORT_ID, 1);
	tap_ok(nl_do(nl) < 0, "an ID of the wrong size is refused (%s)", nl->message);
	nl_begin(nl, 77);
	tap_is(nl_do(nl), -EOPNOTSUPP, "an unknown command");
}

static void test_limits(struct port *port)
{
	static const struct {
		const char *name;
		enum dtu_a_port which;
		uint32_t good[4];
		uint32_t bad[4];
		unsigned int good_count, bad_count;
	} limits[] = {
		{ "gap",
		  DTU_A_PORT_GAP_US,
		  { DTU_GAP_US_MIN, DTU_GAP_US_MAX, 50000 },
		  { DTU_GAP_US_MIN - 1, DTU_GAP_US_MAX + 1, UINT32_MAX },
		  3,
		  3 },
		{ "length",
		  DTU_A_PORT_LENGTH,
		  { DTU_LENGTH_MIN, DTU_LENGTH_MAX, 1024 },
		  { DTU_LENGTH_MIN - 1, DTU_LENGTH_MAX + 1, UINT32_MAX },
		  3,
		  3 },
		{ "hold-off",
		  DTU_A_PORT_HOLDOFF_US,
		  { 0, DTU_HOLDOFF_US_MAX, DTU_HOLDOFF_AUTO, 0 },
		  { DTU_HOLDOFF_US_MAX + 1, DTU_HOLDOFF_AUTO - 1 },
		  4,
		  2 },
		{ "trigger",
		  DTU_A_PORT_TRIGGER,
		  { DTU_TRIGGER_MIN, DTU_TRIGGER_MAX, 8 },
		  { DTU_TRIGGER_MIN - 1, DTU_TRIGGER_MAX + 1, UINT32_MAX },
		  3,
		  3 },
		{ "Modbus", DTU_A_PORT_MODBUS, { 1, 0 }, { 2, 255 }, 2, 2 },
		{ "header", DTU_A_PORT_HEADER, { 0, 1 }, { 2, 255 }, 2, 2 },
		{ "acknowledgement", DTU_A_PORT_ACK, { 1, 0 }, { 2, 255 }, 2, 2 },
		{ "escape", DTU_A_PORT_ESCAPE, { 0, 1 }, { 2, 255 }, 2, 2 },
	};
	struct nl *nl = port->nl;
	uint32_t id;

	for (unsigned int i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint32_t before;

		for (unsigned int k = 0; k < limits[i].good_count; k++) {
			tap_is(nl_set(nl, port->slave, limits[i].which, limits[i].good[k]), 0, limits[i].name);
			tap_is(value(port, limits[i].which), limits[i].good[k], "  is set");
		}
		before = value(port, limits[i].which);
		for (unsigned int k = 0; k < limits[i].bad_count; k++) {
			int ret = nl_set(nl, port->slave, limits[i].which, limits[i].bad[k]);

			tap_ok(ret == -ERANGE || ret == -EINVAL, "%s %u is refused (%d)", limits[i].name,
			       limits[i].bad[k], ret);
			tap_ok(nl->message[0], "  and explained: %s", nl->message);
			tap_is(value(port, limits[i].which), before, "  and changes nothing");
		}
	}
	id = value(port, DTU_A_PORT_ID);
	nl_begin(nl, DTU_CMD_PORT_SET);
	nl_u32(nl, DTU_A_PORT_ID, id);
	nl_u32(nl, DTU_A_PORT_GAP_US, 777);
	nl_u32(nl, DTU_A_PORT_LENGTH, 3);
	tap_is(nl_do(nl), -EINVAL, "a length of 3 with escape detection is refused");
	tap_ok(nl->message[0], "  and explained: %s", nl->message);
	tap_is(value(port, DTU_A_PORT_GAP_US), 50000, "  and the gap beside it is not set");
	tap_is(nl_set(nl, port->slave, DTU_A_PORT_HEADER, 0), -EINVAL, "no header with escape detection is refused");
	tap_ok(nl->message[0], "  and explained: %s", nl->message);
	tap_is(nl_set(nl, port->slave, DTU_A_PORT_HOLDOFF_US, 700), 0, "a hold-off of 700 us");
	nl_get(nl, port->slave);
	tap_ok(nl->ports[0].ns[DTU_A_PORT_HEAD_NS] == 700000 && nl->ports[0].ns[DTU_A_PORT_TAIL_NS] == 700000,
	       "  holds at both ends");
	tap_is(nl_set(nl, port->slave, DTU_A_PORT_MODBUS, 1), 0, "Modbus");
	nl_get(nl, port->slave);
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_GAP_NS], 1750000, "  has its gap, 1750 us without a speed");
	tap_is(nl_set(nl, port->slave, DTU_A_PORT_GAP_US, 50000), 0, "a gap beside Modbus is kept");
	nl_get(nl, port->slave);
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_GAP_NS], 1750000, "  but is not in force");
	tap_is(nl_set(nl, port->slave, DTU_A_PORT_MODBUS, 0), 0, "Modbus off");
	nl_get(nl, port->slave);
	tap_is((long)nl->ports[0].ns[DTU_A_PORT_GAP_NS], 50000000, "  brings it back");
	for (unsigned int i = 0; i < 3; i++) {
		static const uint16_t read_only[] = { DTU_A_PORT_GAP_NS, DTU_A_PORT_HEAD_NS, DTU_A_PORT_SEQUENCE };
		uint64_t wide = 1;

		nl_begin(nl, DTU_CMD_PORT_SET);
		nl_u32(nl, DTU_A_PORT_ID, id);
		nl_bytes(nl, read_only[i], &wide, sizeof(wide));
		tap_ok(nl_do(nl) < 0, "attribute %u cannot be set (%s)", read_only[i], nl->message);
	}
	nl_begin(nl, DTU_CMD_PORT_SET);
	nl_u32(nl, DTU_A_PORT_ID, id);
	nl_bytes(nl, DTU_A_PORT_NAME, "x", 2);
	tap_ok(nl_do(nl) < 0, "NAME cannot be set (%s)", nl->message);
}

static void drop_net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		die("capget");
	data[0].effective &= ~(1u << CAP_NET_ADMIN);
	data[0].permitted &= ~(1u << CAP_NET_ADMIN);
	if (syscall(SYS_capset, &head, data))
		die("capset");
}

static void test_permissions(struct port *port)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int bad = 0;
		static struct nl nl;

		drop_net_admin();
		if (nl_open(&nl))
			_exit(99);
		bad |= nl_set(&nl, port->slave, DTU_A_PORT_GAP_US, 1000) != -EPERM;
		bad |= (nl_resume(&nl, port->slave, DTU_MODE_DATA) != -EPERM) << 1;
		bad |= (nl_get(&nl, port->slave) != 0) << 2;
		bad |= (nl_dump(&nl) != 0 || !nl.ports_count) << 3;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	status = WEXITSTATUS(status);
	tap_ok(!(status & 1), "without CAP_NET_ADMIN SET is refused");
	tap_ok(!(status & 2), "so is RESUME");
	tap_ok(!(status & 4), "GET is not");
	tap_ok(!(status & 8), "nor is the dump");
}

static bool next_event(struct nl *monitor, struct nl_port *event, uint8_t cmd)
{
	bool got = nl_event(monitor, event, 1000);

	if (got && event->cmd != cmd)
		printf("# event %u instead of %u\n", event->cmd, cmd);
	return got && event->cmd == cmd;
}

static void test_events(void)
{
	static struct nl monitor;
	struct record record;
	struct nl_port event;
	struct port port;
	uint32_t id;

	tap_is(nl_open(&monitor), 0, "a listener");
	tap_ok(monitor.group != 0, "finds the group");
	tap_is(nl_monitor(&monitor), 0, "and joins it");
	port_open(&port);
	tap_ok(next_event(&monitor, &event, DTU_CMD_PORT_ADD_NTF), "attached: ADD");
	id = value(&port, DTU_A_PORT_ID);
	tap_is(event.number[DTU_A_PORT_ID], id, "  with its id");
	nl_set(port.nl, port.slave, DTU_A_PORT_HEADER, 1);
	tap_ok(next_event(&monitor, &event, DTU_CMD_PORT_CHANGE_NTF) && event.number[DTU_A_PORT_HEADER] == 1,
	       "set: CHANGE");
	nl_set(port.nl, port.slave, DTU_A_PORT_ESCAPE, 1);
	tap_ok(next_event(&monitor, &event, DTU_CMD_PORT_CHANGE_NTF) && event.number[DTU_A_PORT_ESCAPE] == 1,
	       "set: CHANGE");
	nl_set(port.nl, port.slave, DTU_A_PORT_LENGTH, 0);
	tap_ok(!nl_event(&monitor, &event, 100), "a refused set is no event");
	host_say(&port, "+++");
	settle_us(51000);
	host_say(&port, "a");
	tap_ok(next_event(&monitor, &event, DTU_CMD_PORT_CHANGE_NTF) && event.number[DTU_A_PORT_MODE] == DTU_MODE_LINE,
	       "command mode: CHANGE");
	host_say(&port, "AT\r");
	settle_us(1000);
	while (port_record(&port, &record, 0))
		;
	tap_is(record.head.type, DTU_RECORD_LINE, "a line is out");
	nl_resume(port.nl, port.slave, DTU_MODE_DATA);
	tap_ok(next_event(&monitor, &event, DTU_CMD_PORT_CHANGE_NTF) && event.number[DTU_A_PORT_MODE] == DTU_MODE_DATA,
	       "data mode: CHANGE");
	/* A change of mode and the end, close together: the end comes last. */
	settle_us(51000);
	host_say(&port, "+++");
	settle_us(51000);
	host_say(&port, "a");
	port_close(&port);
	do
		event.cmd = 0;
	while (nl_event(&monitor, &event, 1000) && event.cmd == DTU_CMD_PORT_CHANGE_NTF);
	tap_ok(event.cmd == DTU_CMD_PORT_DEL_NTF && event.number[DTU_A_PORT_ID] == id, "closed: DEL");
	tap_ok(!nl_event(&monitor, &event, 100), "and nothing after it");
	nl_close(&monitor);
}

static void test_resume(void)
{
	struct record record;
	struct port port;
	struct nl *nl;
	uint32_t id;

	port_open(&port);
	nl = port.nl;
	port_settings(&port, 50000, 1024, true);
	id = value(&port, DTU_A_PORT_ID);
	nl_begin(nl, DTU_CMD_PORT_RESUME);
	nl_u32(nl, DTU_A_PORT_ID, id);
	tap_is(nl_do(nl), -EINVAL, "RESUME without MODE");
	tap_ok(nl->message[0], "  is explained: %s", nl->message);
	tap_is(nl_resume(nl, port.slave, DTU_MODE_LINE), -EINVAL, "RESUME into line mode from data mode");
	tap_ok(nl->message[0], "  is explained: %s", nl->message);
	nl_begin(nl, DTU_CMD_PORT_RESUME);
	nl_u32(nl, DTU_A_PORT_ID, id);
	nl_u8(nl, DTU_A_PORT_MODE, DTU_MODE_DATA);
	nl_u32(nl, DTU_A_PORT_GAP_US, 1000);
	tap_is(nl_do(nl), -EINVAL, "RESUME with a setting");
	tap_ok(nl->message[0], "  is explained: %s", nl->message);
	nl_begin(nl, DTU_CMD_PORT_SET);
	nl_u32(nl, DTU_A_PORT_ID, id);
	nl_u8(nl, DTU_A_PORT_MODE, DTU_MODE_LINE);
	tap_is(nl_do(nl), -EINVAL, "SET with a mode");
	tap_ok(nl->message[0], "  is explained: %s", nl->message);
	tap_ok(nl_resume(nl, port.slave, 2) < 0, "RESUME into a mode that does not exist");
	tap_is(nl_resume(nl, port.slave, DTU_MODE_DATA), 0, "RESUME into data mode from data mode is nothing");
	host_say(&port, "+++");
	settle_us(51000);
	host_say(&port, "aAT+X");
	settle_us(1000);
	tap_is(nl_resume(nl, port.slave, DTU_MODE_LINE), 0, "RESUME into line mode with no line out is nothing");
	tap_is(nl_resume(nl, port.slave, DTU_MODE_DATA), 0, "RESUME releases a command mode that was left behind");
	while (port_record(&port, &record, 0))
		;
	tap_ok(record.head.type == DTU_RECORD_DATA && record.head.reason == DTU_REASON_MODE && record.length == 4,
	       "and the line begun comes as data");
	tap_is(value(&port, DTU_A_PORT_MODE), DTU_MODE_DATA, "the mode is data");
	port_close(&port);
	tap_is(nl_open(port.nl = malloc(sizeof(struct nl))), 0, "with the port closed");
	nl_begin(port.nl, DTU_CMD_PORT_RESUME);
	nl_u32(port.nl, DTU_A_PORT_ID, 1);
	nl_u8(port.nl, DTU_A_PORT_MODE, DTU_MODE_DATA);
	tap_is(nl_do(port.nl), -ENODEV, "RESUME finds no port");
	nl_close(port.nl);
	free(port.nl);
}

static void test_stats(void)
{
	struct record record;
	struct port port;
	const uint64_t *stats;

	port_open(&port);
	port_settings(&port, 50000, 5, true);
	host_say(&port, "helloworld!");
	settle_us(51000);
	host_say(&port, "+++");
	settle_us(51000);
	host_say(&port, "x");
	settle_us(51000);
	host_say(&port, "+++");
	settle_us(51000);
	host_say(&port, "aAT\r");
	settle_us(1000);
	while (port_record(&port, &record, 0))
		;
	nl_get(port.nl, port.slave);
	stats = port.nl->ports[0].stats;
	tap_is((long)stats[DTU_A_STATS_RX_BYTES], 22, "bytes");
	tap_is((long)stats[DTU_A_STATS_FRAMES], 5, "frames");
	tap_is((long)stats[DTU_A_STATS_CUT_LENGTH], 2, "cut by length");
	tap_is((long)stats[DTU_A_STATS_CUT_GAP], 3, "cut by the gap");
	tap_is((long)stats[DTU_A_STATS_ESCAPES_SEEN], 2, "escapes seen");
	tap_is((long)stats[DTU_A_STATS_ESCAPES_ABORTED], 1, "aborted");
	tap_is((long)stats[DTU_A_STATS_ESCAPES_CONFIRMED], 1, "confirmed");
	tap_is((long)stats[DTU_A_STATS_LINES], 1, "lines");
	tap_is((long)stats[DTU_A_STATS_TX_BYTES], 0, "nothing written");
	port_close(&port);
}

int main(void)
{
	struct port port;

	port_open(&port);
	test_get(&port);
	test_limits(&port);
	test_permissions(&port);
	port_close(&port);
	test_events();
	test_resume();
	test_stats();
	return tap_done();
}
