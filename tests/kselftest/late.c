// SPDX-License-Identifier: MIT
/*
 * A worker that runs late: the byte is in the tty's queue when the gap timer fires, but the worker
 * that hands it over is kept from the processor. It belongs to the frame all the same. Real time:
 * in simulated time nobody is ever kept from the processor.
 */
#include <sched.h>
#include <stdio.h>

#include "port.h"
#include "tap.h"

#define GAP_US 100000

/* Nothing but interrupts runs while this does. */
static void hog_until(uint64_t ns)
{
	while (now_ns() < ns)
		;
}

static void on_top(bool on)
{
	struct sched_param param = { .sched_priority = on ? 50 : 0 };

	if (sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param))
		die("sched_setscheduler");
}

/* @first, and @second a moment before the gap is over; both are kept from the port until after it. */
static void send_late(struct port *port, const char *first, const char *second, uint64_t gap_us)
{
	uint64_t start;

	host_say(port, first);
	start = now_ns();
	pause_us(gap_us / 10);
	on_top(true);
	hog_until(start + (gap_us * 8 / 10) * 1000);
	host_say(port, second);
	hog_until(start + (gap_us * 13 / 10) * 1000);
	on_top(false);
}

int main(void)
{
	struct record record;
	struct port port;

	port_open(&port);
	port_settings(&port, GAP_US, 1024, true);
	for (unsigned int i = 0; i < 5; i++) {
		send_late(&port, "he", "llo", GAP_US);
		tap_ok(port_record(&port, &record, 2000), "a frame comes");
		tap_same(record.payload, record.length, "hello", 5, "with the bytes that were late");
	}
	send_late(&port, "+++", "x", GAP_US);
	tap_ok(port_record(&port, &record, 2000) && record.head.type == DTU_RECORD_DATA, "+++ is not seen");
	tap_same(record.payload, record.length, "+++x", 4, "when a late byte followed it");

	host_say(&port, "+++");
	tap_ok(port_record(&port, &record, 2000) && record.head.type == DTU_RECORD_SEEN, "+++ alone is seen");
	send_late(&port, "", "a", 3000000);
	tap_ok(port_record(&port, &record, 2000) && record.head.type == DTU_RECORD_CONFIRMED, "and a late a confirms");
	printf("# timer deferred: %llu\n",
	       (unsigned long long)nl_stat(port.nl, port.slave, DTU_A_STATS_TIMER_DEFERRED));
	tap_ok(nl_stat(port.nl, port.slave, DTU_A_STATS_TIMER_DEFERRED) < 100000, "and it did not spin");
	port_close(&port);
	return tap_done();
}
