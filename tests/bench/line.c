// SPDX-License-Identifier: MIT
/*
 * Host and server around whatever carries serial ports to TCP: plays frames at the far ends of
 * simulated UARTs, and takes what comes out at the network. Says "listening", "ready" when all are
 * connected, plays after a line on its standard input, prints what it measured as name=value lines,
 * then "done", and ends with its input.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/tty.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kselftest/port.h"
#include "../kselftest/sim.h"
#include "capture.h"
#include "events.h"
#include "insns_mark.h"
#include "judge.h"
#include "peers.h"
#include "plan.h"

#define LINES_MAX 64
/* Bytes of a script that are fed at once; a tick's at 115200 baud are 230. */
#define BATCH 256
#define AHEAD 2048
/* Scripts are fed and logs fetched so often. */
#define TICK_MS 20
#define QUANTILES 200
#define DIAL_SECONDS 60
/* So long after its last byte a frame may be under way, on top of the gap. */
#define PATIENCE_NS 5000000000ULL
/* A FIFO that is read below its trigger waits four characters for another byte, which may come just then. */
#define FIFO_TIMEOUT_CHARS 4

struct line {
	struct sim sim;
	int listener, connection;
	struct plan plan;
	struct uart_sim_byte batch[BATCH];
	uint32_t batch_first, batch_count;
	uint64_t played;
	struct judge judge;
	bool sequenced;
	uint32_t first_sequence;
	uint64_t received, received_hash;
};

enum side { LISTEN, DIAL, DISCARD };

static struct {
	enum side side;
	uint32_t count, base, trigger, fifo, warm;
	bool light, events, humble;
	uint64_t seed;
	struct plan_settings plan;
} options = {
	.count = 1,
	.base = 20000,
	.trigger = 8,
	.fifo = 16,
	.plan = { .gap_ns = 50000000, .frames = 100, .shortest = 40, .longest = 1000, .inside = 60, .between = 150 },
};

static struct line lines[LINES_MAX];
static struct capture capture;
static int epoll;

static void open_far(struct line *line, uint32_t number)
{
	line->sim = (struct sim){ .number = number, .tty = -1 };
	sim_open_far(&line->sim);
	set_nonblocking(line->sim.far, true);
	sim_setup(&line->sim, options.fifo, options.trigger, 4);
}

/* Nobody is there: bytes end in the kernel's own sink. */
static void discard(struct line *line)
{
	int null = N_NULL;

	sim_open_tty(&line->sim);
	sim_line(&line->sim, B115200, CS8, 0);
	if (ioctl(line->sim.tty, TIOCSETD, &null))
		die("the line discipline n_null");
}

static void connect_all(void)
{
	for (uint32_t i = 0; i < options.count && options.side == LISTEN; i++)
		lines[i].listener = peer_listen((uint16_t)(options.base + i));
	puts("listening");
	fflush(stdout);
	for (uint32_t i = 0; i < options.count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &lines[i] };

		if (options.side == DISCARD) {
			discard(&lines[i]);
			continue;
		}
		if (options.side == LISTEN)
			lines[i].connection = peer_accept(lines[i].listener);
		else
			lines[i].connection = peer_dial((uint16_t)(options.base + i), DIAL_SECONDS);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, lines[i].connection, &event))
			die("epoll");
	}
}

/* A connection is there before its port is, with some. */
static void wait_for_ports(void)
{
	for (uint32_t i = 0; i < options.count; i++) {
		uint64_t end = now_ns() + DIAL_SECONDS * 1000000000ULL;

		while (!sim_state(&lines[i].sim).open) {
			errno = ETIMEDOUT;
			if (now_ns() > end)
				die("a port that opens");
			pause_us(10000);
		}
	}
}

static void next_batch(struct line *line)
{
	if (line->batch_count)
		return;
	line->batch_first = 0;
	line->batch_count = plan_next(&line->plan, line->batch, BATCH);
}

/* A batch of the script, as far as there is room; false when all of it is played or there is none. */
static bool feed(struct line *line)
{
	ssize_t n;

	next_batch(line);
	if (!line->batch_count)
		return false;
	n = write(line->sim.far, line->batch + line->batch_first, line->batch_count * sizeof(*line->batch));
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		die("a script");
	n /= (ssize_t)sizeof(*line->batch);
	line->batch_first += (uint32_t)n;
	line->batch_count -= (uint32_t)n;
	line->played += (uint64_t)n;
	return true;
}

/* Ahead by some ticks and no more: a long script fed at once would keep the processor from all others. */
static void feed_ahead(struct line *line)
{
	if (sim_state(&line->sim).queued < AHEAD)
		feed(line);
	next_batch(line);
}

static uint64_t logged(const struct line *line)
{
	return line->judge.bytes + line->judge.lost;
}

static void fetch_log(struct line *line)
{
	static struct uart_sim_log log[4096];
	size_t n;

	while ((n = sim_log(&line->sim, log, 4096)))
		for (size_t i = 0; i < n; i++)
			judge_byte(&line->judge, &log[i]);
}

static void receive(struct line *line)
{
	uint8_t bytes[65536];
	ssize_t n = recv(line->connection, bytes, sizeof(bytes), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		errno = n ? errno : ECONNRESET;
		die("the connection");
	}
	if (n < 0)
		return;
	line->received += (uint64_t)n;
	line->received_hash = hash_bytes(line->received_hash, bytes, (size_t)n);
}

static void take_segment(const struct segment *segment)
{
	uint32_t port = options.side == LISTEN ? segment->to : segment->from;
	struct line *line = &lines[port - options.base];

	if (port < options.base || port >= options.base + options.count)
		return;
	if (!line->sequenced)
		line->first_sequence = segment->sequence;
	line->sequenced = true;
	judge_segment(&line->judge, segment->sequence + segment->length - line->first_sequence, segment->ns);
}

static void fetch_segments(void)
{
	struct segment segment;

	while (capture_next(&capture, &segment))
		take_segment(&segment);
}

/* Wait up to @ms for something from the network and take it. */
static void turn(int ms)
{
	struct epoll_event events[LINES_MAX];
	int n = epoll_wait(epoll, events, LINES_MAX, ms);

	for (int i = 0; i < n; i++)
		receive(events[i].data.ptr);
}

static uint64_t keeps_ns(const struct line *line)
{
	return (options.trigger - 1ULL) * FIFO_TIMEOUT_CHARS * sim_state(&line->sim).char_ns;
}

static void begin(void)
{
	for (uint32_t i = 0; i < options.count; i++) {
		struct line *line = &lines[i];

		judge_begin(&line->judge, options.plan.gap_ns, 0, 0);
		fetch_log(line);
		judge_free(&line->judge);
		judge_begin(&line->judge, options.plan.gap_ns, keeps_ns(line), options.warm);
		plan_begin(&line->plan, &options.plan, options.seed * LINES_MAX + i);
		line->received_hash = HASH_EMPTY;
		if (options.side != DISCARD)
			peer_drain(line->connection);
	}
	if (!options.light)
		capture_open(&capture);
}

/* Feed and fetch; false when the last byte is out of the UART and nothing is expected any more. */
static bool tend(void)
{
	static uint64_t last_change_ns, last_total;
	uint64_t total = 0;
	bool busy = false;

	for (uint32_t i = 0; i < options.count; i++) {
		struct line *line = &lines[i];

		feed_ahead(line);
		fetch_log(line);
		busy |= line->batch_count || logged(line) < line->played;
		if (options.side != DISCARD)
			busy |= line->received < line->judge.bytes;
		total += logged(line) + line->received;
	}
	if (total != last_total || !last_change_ns) {
		last_total = total;
		last_change_ns = now_ns();
	}
	return busy && now_ns() - last_change_ns < options.plan.gap_ns * 10 + PATIENCE_NS;
}

static void run(void)
{
	uint64_t next = now_ns();

	while (tend()) {
		fetch_segments();
		next += TICK_MS * 1000000ULL;
		do {
			uint64_t now = now_ns();

			turn(now < next ? (int)((next - now) / 1000000) + 1 : 0);
		} while (now_ns() < next);
	}
	fetch_segments();
}

/* The scripts are short enough to be fed at once, and nothing else is done than to receive. */
static void run_light(void)
{
	uint64_t left = 0;

	for (uint32_t i = 0; i < options.count; i++) {
		while (feed(&lines[i]))
			;
		errno = EFBIG;
		if (lines[i].batch_count)
			die("the script of a light run");
	}
	do {
		left = 0;
		if (options.side == DISCARD)
			sim_wait(&lines[0].sim);
		else
			turn(-1);
		for (uint32_t i = 0; i < options.count && options.side != DISCARD; i++)
			left += lines[i].played - lines[i].received;
	} while (left);
}

static void measure_light(void)
{
	struct events events = { 0 };

	if (options.events)
		events_begin();
	insns_begin();
	run_light();
	insns_end();
	if (options.events)
		events = events_end();
	tend();
	printf("switches=%llu\nwakeups=%llu\n", (unsigned long long)events.switches,
	       (unsigned long long)events.wakeups);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The steps of its distribution, from least to most. */
static void print_latency(uint64_t *ns, size_t count)
{
	if (!count)
		return;
	qsort(ns, count, sizeof(*ns), compare);
	printf("latency_count=%zu\nlatency_p50_ns=%llu\nlatency_p99_ns=%llu\nlatency_max_ns=%llu\nlatency_ns=", count,
	       (unsigned long long)ns[(count - 1) / 2], (unsigned long long)ns[(count - 1) * 99 / 100],
	       (unsigned long long)ns[count - 1]);
	for (size_t i = 0; i <= QUANTILES; i++)
		printf("%s%llu", i ? " " : "", (unsigned long long)ns[(count - 1) * i / QUANTILES]);
	puts("");
}

static void print_results(void)
{
	struct verdict all = { 0 };
	uint64_t bytes = 0, lost = 0, received = 0, *ns;
	uint32_t wrong = 0;
	size_t count = 0;

	for (uint32_t i = 0; i < options.count; i++) {
		judge_byte(&lines[i].judge, NULL);
		count += lines[i].judge.latencies;
	}
	ns = calloc(count + 1, sizeof(*ns));
	if (!ns)
		die("memory");
	count = 0;
	for (uint32_t i = 0; i < options.count; i++) {
		const struct judge *judge = &lines[i].judge;

		all.frames += judge->verdict.frames;
		all.right += judge->verdict.right;
		all.cut += judge->verdict.cut;
		all.merged += judge->verdict.merged;
		all.joints += judge->verdict.joints;
		all.blind += judge->verdict.blind;
		all.blind_cut += judge->verdict.blind_cut;
		bytes += judge->bytes;
		lost += judge->lost;
		received += lines[i].received;
		wrong += options.side != DISCARD && lines[i].received_hash != judge->hash;
		if (judge->latencies)
			memcpy(ns + count, judge->latency_ns, judge->latencies * sizeof(*ns));
		count += judge->latencies;
	}
	printf("planned=%llu\nframes=%llu\nright=%llu\ncut=%llu\nmerged=%llu\njoints=%llu\nblind=%llu\nblind_cut=%llu\n",
	       (unsigned long long)(options.plan.frames - options.warm) * options.count, (unsigned long long)all.frames,
	       (unsigned long long)all.right, (unsigned long long)all.cut, (unsigned long long)all.merged,
	       (unsigned long long)all.joints, (unsigned long long)all.blind, (unsigned long long)all.blind_cut);
	printf("bytes=%llu\nuart_lost=%llu\nreceived=%llu\nwrong_streams=%u\ncapture_lost=%u\n",
	       (unsigned long long)bytes, (unsigned long long)lost, (unsigned long long)received, wrong,
	       options.light ? 0 : capture_lost(&capture));
	print_latency(ns, count);
	free(ns);
}

/*
 * What is measured carries its time with it, so this may be late by seconds: on an idle machine it
 * gives way to the contenders. Beside a load it goes before all, or it would wait for that.
 */
static void choose_precedence(void)
{
	struct sched_param parameter = { .sched_priority = 10 };

	if (options.humble) {
		if (mlockall(MCL_CURRENT | MCL_FUTURE) || nice(19) != 19)
			die("nice");
		return;
	}
	if (sched_setscheduler(0, SCHED_FIFO, &parameter) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("precedence");
}

static void wait_for_line(void)
{
	int c;

	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > UINT32_MAX) {
		fprintf(stderr, "line: %s: not a number\n", text);
		exit(2);
	}
	return (uint32_t)value;
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "listen", 0, NULL, 'L' },	  { "dial", 0, NULL, 'D' },
		{ "discard", 0, NULL, 'X' },	  { "light", 0, NULL, 'l' },
		{ "events", 0, NULL, 'e' },	  { "ports", 1, NULL, 'n' },
		{ "base", 1, NULL, 'b' },	  { "trigger", 1, NULL, 't' },
		{ "fifo", 1, NULL, 'd' },	  { "seed", 1, NULL, 's' },
		{ "gap-us", 1, NULL, 'g' },	  { "frames", 1, NULL, 'f' },
		{ "shortest", 1, NULL, '1' },	  { "longest", 1, NULL, '2' },
		{ "inside", 1, NULL, 'i' },	  { "between", 1, NULL, 'w' },
		{ "between-most", 1, NULL, 'm' }, { "humble", 0, NULL, 'h' },
		{ "warm", 1, NULL, 'a' },	  { NULL, 0, NULL, 0 },
	};
	struct {
		int option;
		uint32_t *value;
	} numbers[] = {
		{ 'n', &options.count },	{ 'b', &options.base },	       { 't', &options.trigger },
		{ 'd', &options.fifo },		{ 'f', &options.plan.frames }, { '1', &options.plan.shortest },
		{ '2', &options.plan.longest }, { 'i', &options.plan.inside }, { 'w', &options.plan.between },
		{ 'm', &options.plan.most },	{ 'a', &options.warm },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (numbers[i].option == option)
				*numbers[i].value = number(optarg);
		switch (option) {
		case 'L':
		case 'D':
		case 'X':
			options.side = option == 'L' ? LISTEN : option == 'D' ? DIAL : DISCARD;
			break;
		case 'l':
			options.light = true;
			break;
		case 'h':
			options.humble = true;
			break;
		case 'e':
			options.events = true;
			break;
		case 's':
			options.seed = number(optarg);
			break;
		case 'g':
			options.plan.gap_ns = number(optarg) * 1000ULL;
			break;
		case '?':
			exit(2);
		}
	}
	if (options.plan.most < options.plan.between)
		options.plan.most = options.plan.between;
	if (!options.count || options.count > LINES_MAX) {
		fprintf(stderr, "line: --ports: 1 to %d\n", LINES_MAX);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < options.count; i++)
		open_far(&lines[i], i);
	choose_precedence();
	connect_all();
	wait_for_ports();
	puts("ready");
	fflush(stdout);
	wait_for_line();
	begin();
	if (options.light)
		measure_light();
	else
		run();
	print_results();
	puts("done");
	fflush(stdout);
	wait_for_line();
	return 0;
}
