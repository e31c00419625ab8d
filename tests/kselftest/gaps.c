// SPDX-License-Identifier: MIT
/*
 * Random frames at the edges of the gap: a pause of a millisecond less than UARTFT never splits, a
 * millisecond more always does. Simulated time only: there the answer is exact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "tap.h"

/* Each look at the simulated clock moves it by 256 ns. */
#define CLOCK_NS 2000
#define LENGTH_MAX (3 * DTU_LENGTH_MAX)

/* The bytes of one burst: no pause in it is as long as the gap. */
struct burst {
	unsigned char bytes[LENGTH_MAX];
	uint32_t length;
	uint64_t first_ns;
	uint64_t last_ns;
	unsigned int edges; /* pauses of a millisecond less than the gap */
};

static void fill(struct burst *burst, uint32_t length)
{
	burst->length = 1 + pick(pick(4) ? 2 * length : LENGTH_MAX);
	for (uint32_t i = 0; i < burst->length; i++)
		burst->bytes[i] = (unsigned char)pick(256);
	/* Three random + of their own would be an escape. */
	burst->bytes[0] |= 0x80;
	burst->edges = 0;
}

/* In writes of any size, some with a pause between. */
static void send_burst(struct port *port, struct burst *burst, uint32_t gap_ms)
{
	uint32_t pauses = 1 + pick(16), n;

	for (uint32_t at = 0; at < burst->length; at += n) {
		n = burst->length - at;
		if (pick(4))
			n = 1 + pick(1 + n / 4);
		if (at && pauses && pick(2)) {
			bool edge = pick(2);

			pause_us(edge ? (gap_ms - 1) * 1000ULL : pick(gap_ms * 1000 - 1000));
			burst->edges += edge;
			pauses--;
		}
		if (!at)
			burst->first_ns = now_ns();
		burst->last_ns = now_ns();
		host_write(port, burst->bytes + at, n);
	}
}

static bool fail(unsigned int burst, const char *what, uint64_t got, uint64_t want)
{
	printf("#   burst %u, %s: got %llu, want %llu\n", burst, what, (unsigned long long)got,
	       (unsigned long long)want);
	return false;
}

/* Exactly the frames that the burst's length gives. */
static bool check_burst(struct port *port, const struct burst *burst, uint32_t length, unsigned int number,
			uint64_t *sequence)
{
	struct record record;

	for (uint32_t at = 0; at < burst->length; at += record.length) {
		uint32_t want = burst->length - at < length ? burst->length - at : length;
		uint8_t reason = want == length ? DTU_REASON_LENGTH : DTU_REASON_GAP;

		if (!port_record(port, &record, 0))
			return fail(number, "a frame at byte", 0, at);
		if (record.head.sequence != *sequence)
			return fail(number, "sequence", record.head.sequence, *sequence);
		++*sequence;
		if (record.head.type != DTU_RECORD_DATA)
			return fail(number, "type", record.head.type, DTU_RECORD_DATA);
		if (record.length != want)
			return fail(number, "length", record.length, want);
		if (record.head.reason != reason)
			return fail(number, "reason", record.head.reason, reason);
		if (memcmp(record.payload, burst->bytes + at, want))
			return fail(number, "difference in frame at byte", at, 0);
		if (record.head.flags)
			return fail(number, "flags", record.head.flags, 0);
		if (!at && record.head.first_ns < burst->first_ns)
			return fail(number, "first_ns", record.head.first_ns, burst->first_ns);
	}
	if (readable(port->slave, 0))
		return fail(number, "frames left over", 1, 0);
	return true;
}

static bool run(struct port *port, uint32_t gap_ms, uint32_t length, unsigned int bursts)
{
	static struct burst burst;
	struct record record;
	uint64_t sequence;
	unsigned int edges = 0;

	port_settings(port, gap_ms * 1000, length, pick(2));
	/* The first exchange after boot is never exact. */
	host_say(port, "x");
	pause_us((gap_ms + 1) * 1000ULL);
	if (!port_record(port, &record, 0))
		return fail(0, "the first exchange", 0, 1);
	sequence = record.head.sequence + 1;
	for (unsigned int i = 1; i <= bursts; i++) {
		fill(&burst, length);
		send_burst(port, &burst, gap_ms);
		pause_us((gap_ms + 1) * 1000ULL);
		edges += burst.edges;
		if (!check_burst(port, &burst, length, i, &sequence))
			return false;
	}
	printf("#   %u bursts, %llu frames, %u pauses of %u ms inside\n", bursts,
	       (unsigned long long)(sequence - record.head.sequence - 1), edges, gap_ms - 1);
	return true;
}

/* How long after the gap, which begins with the last byte, read() returns. */
static void test_latency(struct port *port, uint32_t gap_ms)
{
	struct record record;
	uint64_t late = 0;

	port_settings(port, gap_ms * 1000, DTU_LENGTH_MAX, false);
	for (unsigned int i = 0; i < 20; i++) {
		host_say(port, "hello");
		if (!port_record(port, &record, -1)) {
			late = UINT64_MAX;
			break;
		}
		late = now_ns() - record.head.last_ns - gap_ms * 1000000ULL;
		if (late > CLOCK_NS)
			break;
	}
	tap_ok(late <= CLOCK_NS, "gap %u ms: read() returns when the gap is over, no later", gap_ms);
}

int main(void)
{
	static const uint32_t gaps_ms[] = { 50, 1000, 60000 };
	static const uint32_t lengths[] = { 5, 1024, 2048 };
	unsigned int bursts = soak() ? 1000 : 100;
	struct port port;

	seed_from_environment();
	port_open(&port);
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int k = 0; k < 3; k++)
			tap_ok(run(&port, gaps_ms[i], lengths[k], bursts),
			       "gap %u ms, length %u: %u bursts are cut exactly", gaps_ms[i], lengths[k], bursts);
	for (unsigned int i = 0; i < 3; i++)
		test_latency(&port, gaps_ms[i]);
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_HELD), 0, "no input had to wait");
	printf("# timer deferred: %llu\n",
	       (unsigned long long)nl_stat(port.nl, port.slave, DTU_A_STATS_TIMER_DEFERRED));
	port_close(&port);
	return tap_done();
}
