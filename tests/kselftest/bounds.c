// SPDX-License-Identifier: MIT
/*
 * The framing contract on a UART whose every byte is known to the nanosecond (docs/framing.md): silence
 * below the gap never ends a frame, silence of the gap and what the UART may keep always does, and the
 * bounds that a record gives hold. Simulated time only. With --table it measures both limits instead
 * and prints them for the document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"
#include "sim.h"
#include "tap.h"

/*
 * The simulated clock stands still but goes on by 256 ns whenever it is read: what is exact on paper
 * may be off by some of these.
 */
#define CLOCK_NS 2000
#define FRAMES_MAX 6
#define FRAME_MAX 48

/* A line as it is set; the gap in microseconds, 0 for Modbus. */
struct line {
	speed_t speed;
	uint32_t baud;
	uint32_t trigger;
	uint32_t gap_us;
};

/* The times that the port says it works with. */
struct times {
	uint64_t gap_ns;
	uint64_t head_ns;
	uint64_t tail_ns;
	uint64_t always_ns; /* silence that always ends a frame */
	uint32_t char_ns;
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t length;
	uint64_t idle_ns; /* silence before it */
};

struct sequence {
	struct frame frames[FRAMES_MAX];
	uint32_t count;
};

static struct sim sim;
static struct port port;

static void set_line(const struct line *line, struct times *times)
{
	const struct nl_port *got;

	sim_setup(&sim, 16, line->trigger, 4);
	sim_line(&sim, line->speed, CS8, 0);
	if (nl_set(port.nl, port.slave, DTU_A_PORT_TRIGGER, line->trigger) ||
	    nl_set(port.nl, port.slave, DTU_A_PORT_MODBUS, !line->gap_us) ||
	    (line->gap_us && nl_set(port.nl, port.slave, DTU_A_PORT_GAP_US, line->gap_us)) ||
	    nl_get(port.nl, port.slave))
		die(port.nl->message);
	got = &port.nl->ports[0];
	times->gap_ns = got->ns[DTU_A_PORT_GAP_NS];
	times->head_ns = got->ns[DTU_A_PORT_HEAD_NS];
	times->tail_ns = got->ns[DTU_A_PORT_TAIL_NS];
	times->always_ns = times->gap_ns + times->head_ns + times->tail_ns;
	times->char_ns = got->number[DTU_A_PORT_CHAR_NS];
}

/* So much silence that everything before is over. */
static void settle(const struct times *times)
{
	sim_wait(&sim);
	pause_us((times->always_ns + 2ULL * times->char_ns) / 1000 + 1000);
}

static uint64_t pick_ns(uint64_t most)
{
	return most ? ((uint64_t)pick(UINT32_MAX) << 20 ^ pick(UINT32_MAX)) % most : 0;
}

/* A pause that must not end a frame: often the longest such. */
static uint64_t pick_pause(const struct times *times)
{
	switch (pick(5)) {
	case 0:
		return times->gap_ns - 1000;
	case 1:
		return pick_ns(times->gap_ns - 1000);
	case 2:
		/* where the FIFO's time-out is near */
		return pick_ns(times->gap_ns - 1000 < 5ULL * times->char_ns ? times->gap_ns - 1000
									    : 5ULL * times->char_ns);
	default:
		return 0;
	}
}

/* Silence that must: often the shortest such. */
static uint64_t pick_silence(const struct times *times)
{
	uint64_t ns = times->always_ns + CLOCK_NS;

	return pick(2) ? ns : ns + pick_ns(times->gap_ns);
}

/* Play @sequence, with every pause that is no frame's beginning drawn by pick_pause(). */
static void play(const struct sequence *sequence, const struct times *times, bool contiguous)
{
	struct sim_script script = { 0 };

	for (uint32_t i = 0; i < sequence->count; i++) {
		const struct frame *frame = &sequence->frames[i];

		for (uint32_t k = 0; k < frame->length; k++) {
			uint64_t pause = contiguous ? 0 : pick_pause(times);

			sim_add(&script, k ? pause : frame->idle_ns, frame->bytes[k], UART_SIM_NORMAL);
		}
	}
	sim_play(&sim, &script);
	sim_free(&script);
	settle(times);
}

static void fill(struct frame *frame, uint32_t length, uint64_t idle_ns)
{
	frame->length = length;
	frame->idle_ns = idle_ns;
	for (uint32_t k = 0; k < length; k++)
		frame->bytes[k] = (uint8_t)pick(256);
}

static void fill_sequence(struct sequence *sequence, const struct times *times)
{
	sequence->count = 2 + pick(FRAMES_MAX - 1);
	for (uint32_t i = 0; i < sequence->count; i++)
		fill(&sequence->frames[i], 1 + pick(pick(3) ? 12 : FRAME_MAX), i ? pick_silence(times) : 0);
}

static bool fail(uint32_t number, const char *what, uint64_t got, uint64_t want)
{
	printf("#   sequence %u: %s: got %llu, want %llu\n", number, what, (unsigned long long)got,
	       (unsigned long long)want);
	return false;
}

/* Record by record what was played; the silence before each lies between its bounds. */
static bool check(const struct sequence *sequence, uint32_t number)
{
	struct record record;

	for (uint32_t i = 0; i < sequence->count; i++) {
		const struct frame *frame = &sequence->frames[i];

		if (!port_record(&port, &record, 0))
			return fail(number, "frames", i, sequence->count);
		if (record.length != frame->length)
			return fail(number, "length", record.length, frame->length);
		if (memcmp(record.payload, frame->bytes, frame->length))
			return fail(number, "content differs in frame", i, i);
		if (record.head.flags & (DTU_FLAG_LATE | DTU_FLAG_OVERRUN | DTU_FLAG_LINE_ERROR))
			return fail(number, "flags", record.head.flags, 0);
		if (i && record.head.gap_min_ns > frame->idle_ns + CLOCK_NS)
			return fail(number, "lower bound of the silence", record.head.gap_min_ns, frame->idle_ns);
		if (i && record.head.gap_max_ns + CLOCK_NS < frame->idle_ns)
			return fail(number, "upper bound of the silence", record.head.gap_max_ns, frame->idle_ns);
	}
	if (readable(port.slave, 0))
		return fail(number, "frames left over", 1, 0);
	return true;
}

static void forget_log(void)
{
	static struct uart_sim_log log[4096];

	while (sim_log(&sim, log, 4096))
		;
}

/* The first exchange after boot is never exact. */
static void warm_up(const struct times *times)
{
	struct sequence sequence = { .count = 1 };
	struct record record;

	fill(&sequence.frames[0], 1, 0);
	play(&sequence, times, true);
	while (port_record(&port, &record, 0))
		;
}

static bool run_random(const struct line *line, uint32_t sequences)
{
	struct sequence sequence;
	struct times times;

	set_line(line, &times);
	warm_up(&times);
	for (uint32_t i = 1; i <= sequences; i++) {
		fill_sequence(&sequence, &times);
		play(&sequence, &times, false);
		if (!check(&sequence, i))
			return false;
		forget_log();
	}
	return true;
}

static void test_random(void)
{
	static const struct line lines[] = {
		{ B300, 300, 1, 66700 },       { B9600, 9600, 1, 2100 },	 { B9600, 9600, 1, 50000 },
		{ B115200, 115200, 1, 500 },   { B115200, 115200, 1, 60000000 }, { B460800, 460800, 1, 500 },
		{ B460800, 460800, 1, 50000 }, { B300, 300, 8, 66700 },		 { B300, 300, 8, 1000000 },
		{ B9600, 9600, 8, 2100 },      { B9600, 9600, 8, 50000 },	 { B115200, 115200, 8, 500 },
		{ B115200, 115200, 8, 5000 },  { B115200, 115200, 8, 50000 },	 { B115200, 115200, 8, 60000000 },
		{ B115200, 115200, 14, 5000 }, { B460800, 460800, 8, 1750 },	 { B9600, 9600, 4, 0 },
		{ B19200, 19200, 1, 0 },
	};
	uint32_t sequences = soak() ? 10000 : 500;

	for (uint32_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		tap_ok(run_random(&lines[i], sequences), "%u baud, trigger %u, gap %u us%s: %u sequences exact",
		       lines[i].baud, lines[i].trigger, lines[i].gap_us, lines[i].gap_us ? "" : " (Modbus)", sequences);
}

/* One frame of @length without a pause, so many times, at Modbus's own gap. */
static bool run_contiguous(uint32_t length, const struct times *times, uint32_t repeats)
{
	static uint8_t bytes[256];
	struct record record;

	for (uint32_t i = 1; i <= repeats; i++) {
		struct sim_script script = { 0 };

		for (uint32_t k = 0; k < length; k++)
			bytes[k] = (uint8_t)pick(256);
		sim_add_bytes(&script, 0, bytes, length);
		sim_play(&sim, &script);
		sim_free(&script);
		settle(times);
		if (!port_record(&port, &record, 0) || record.length != length || memcmp(record.payload, bytes, length))
			return fail(i, "length", record.length, length);
		if (record.head.flags)
			return fail(i, "flags", record.head.flags, 0);
		if (readable(port.slave, 0))
			return fail(i, "frames left over", 1, 0);
		forget_log();
	}
	return true;
}

static void test_contiguous(void)
{
	static const uint32_t triggers[] = { 1, 4, 8, 14 }, lengths[] = { 5, 8, 10, 16, 20, 64, 256 };
	uint32_t repeats = soak() ? 1000 : 50;

	for (uint32_t t = 0; t < 4; t++) {
		const struct line line = { B9600, 9600, triggers[t], 0 };
		uint64_t before, ambiguous;
		struct times times;

		set_line(&line, &times);
		warm_up(&times);
		tap_is((long)times.gap_ns, (long)times.char_ns * 7 / 2, "t3.5 from the line's settings");
		before = nl_stat(port.nl, port.slave, DTU_A_STATS_GAP_AMBIGUOUS);
		for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			tap_ok(run_contiguous(lengths[i], &times, repeats),
			       "9600 baud, t3.5, trigger %u: %u contiguous bytes stay whole %u times", triggers[t],
			       lengths[i], repeats);
		ambiguous = nl_stat(port.nl, port.slave, DTU_A_STATS_GAP_AMBIGUOUS) - before;
		printf("#   %llu silences could not be told from the gap\n", (unsigned long long)ambiguous);
		tap_ok((ambiguous > 0) == (triggers[t] > 1), "which is counted where it is so");
	}
}

/* Modbus: a silence of over t1.5 inside the frame is flagged. */
static void test_pause(void)
{
	const struct line line = { B9600, 9600, 1, 0 };
	static const struct {
		uint32_t tenths; /* of a character */
		uint8_t flags;
	} rows[] = { { 0, 0 }, { 10, 0 }, { 14, 0 }, { 16, DTU_FLAG_PAUSE }, { 30, DTU_FLAG_PAUSE } };
	struct record record;
	struct times times;

	set_line(&line, &times);
	warm_up(&times);
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim_script script = { 0 };

		sim_add_bytes(&script, 0, "ab", 2);
		sim_add_bytes(&script, times.char_ns / 10 * rows[i].tenths, "cd", 2);
		sim_play(&sim, &script);
		sim_free(&script);
		settle(&times);
		tap_ok(port_record(&port, &record, 0) && record.length == 4 && record.head.flags == rows[i].flags,
		       "a pause of %u.%u characters: flags %u", rows[i].tenths / 10, rows[i].tenths % 10,
		       rows[i].flags);
	}
}

/* From the end of the last byte's stop bit until read() returns. */
static uint64_t latency(void)
{
	struct uart_sim_log log[8];
	struct sim_script script = { 0 };
	struct record record;
	uint64_t now;
	size_t n;

	sim_add_bytes(&script, 0, "hello", 5);
	sim_play(&sim, &script);
	sim_free(&script);
	if (!port_record(&port, &record, -1) || record.length != 5)
		return 0;
	now = now_ns();
	n = sim_log(&sim, log, 8);
	return n == 5 ? now - log[4].end_ns : 0;
}

static void test_latency(void)
{
	static const struct line lines[] = {
		{ B115200, 115200, 1, 50000 }, { B115200, 115200, 1, 5000 }, { B9600, 9600, 1, 0 },
		{ B115200, 115200, 8, 50000 }, { B115200, 115200, 8, 5000 },
	};

	for (uint32_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct times times;
		uint64_t want, got;

		set_line(&lines[i], &times);
		warm_up(&times);
		forget_log();
		/* With a trigger the FIFO's own time-out comes before. */
		want = times.gap_ns + times.head_ns + times.char_ns + times.tail_ns;
		got = latency();
		tap_ok(got >= want && got <= want + CLOCK_NS,
		       "%u baud, trigger %u: a frame is out %llu us after its end, which is sure after %llu us",
		       lines[i].baud, lines[i].trigger, (unsigned long long)got / 1000,
		       (unsigned long long)want / 1000);
	}
}

/* Whether a pause of @ns in the middle of @length bytes (before the @at-th) splits them. */
static bool splits(uint64_t ns, uint32_t at, uint32_t spread, const struct times *times)
{
	struct sim_script script = { 0 };
	struct record record;
	uint32_t records = 0;

	for (uint32_t k = 0; k < 40; k++)
		/* Behind the pause the bytes come as slowly as the FIFO allows without a time-out. */
		sim_add(&script,
			k == at	 ? ns
			: k > at ? (uint64_t)spread * times->char_ns / 100
				 : 0,
			(uint8_t)k, UART_SIM_NORMAL);
	sim_play(&sim, &script);
	sim_free(&script);
	settle(times);
	while (port_record(&port, &record, 0))
		records++;
	forget_log();
	return records > 1;
}

/* Of all places in a FIFO, and all speeds of what follows: whether @ns splits in any, or in all. */
static bool splits_in(const struct times *times, uint64_t ns, bool all)
{
	/* Hundredths of a character between bytes; from 300 on each would have its own time-out. */
	static const uint32_t spreads[] = { 0, 100, 200, 299 };

	for (uint32_t i = 0; i < 4; i++) {
		/* So slow bytes are frames of their own. */
		if ((uint64_t)spreads[i] * times->char_ns / 100 >= times->gap_ns)
			continue;
		for (uint32_t at = 1; at <= 17; at++)
			if (splits(ns, at, spreads[i], times) != all)
				return !all;
	}
	return all;
}

/* The longest silence that never splits, or the shortest that always does, to a microsecond. */
static uint64_t find_limit(const struct times *times, bool always)
{
	uint64_t low = 0, high = times->always_ns + 4ULL * times->char_ns;

	while (high - low > 1000) {
		uint64_t middle = (low + high) / 2;

		if (splits_in(times, middle, always))
			high = middle;
		else
			low = middle;
	}
	return always ? high : low;
}

static void print_table(void)
{
	static const struct {
		speed_t speed;
		uint32_t baud;
	} speeds[] = { { B300, 300 }, { B9600, 9600 }, { B115200, 115200 }, { B460800, 460800 } };
	static const uint32_t triggers[] = { 1, 8, 14 }, gaps_us[] = { 0, 50000, 1000000 };

	printf("| baud | trigger | gap, ms | never splits up to, ms | always splits from, ms | promised, ms |\n"
	       "|---:|---:|---:|---:|---:|---:|\n");
	for (uint32_t s = 0; s < 4; s++)
		for (uint32_t t = 0; t < 3; t++)
			for (uint32_t g = 0; g < 3; g++) {
				const struct line line = { speeds[s].speed, speeds[s].baud, triggers[t], gaps_us[g] };
				struct times times;

				set_line(&line, &times);
				warm_up(&times);
				printf("| %u | %u | %.3f%s | %.3f | %.3f | %.3f |\n", line.baud, line.trigger,
				       (double)times.gap_ns / 1e6, line.gap_us ? "" : " (t3.5)",
				       (double)find_limit(&times, false) / 1e6, (double)find_limit(&times, true) / 1e6,
				       (double)times.always_ns / 1e6);
				fflush(stdout);
			}
}

int main(int argc, char **argv)
{
	seed_from_environment();
	sim_open_port(&sim, &port, 0);
	port_settings(&port, 50000, DTU_LENGTH_MAX, false);
	if (argc > 1 && !strcmp(argv[1], "--table")) {
		print_table();
		return 0;
	}
	test_random();
	test_contiguous();
	test_pause();
	test_latency();
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_OVERRUN), 0, "the UART lost nothing");
	tap_is((long)nl_stat(port.nl, port.slave, DTU_A_STATS_BOUNDARY_UNKNOWN), 0, "no boundary was unknown");
	sim_close_port(&sim, &port);
	return tap_done();
}
