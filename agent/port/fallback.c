// SPDX-License-Identifier: MIT
/*
 * Framing in this process, by the same core as the kernel's, from a plain raw tty. What it lacks is
 * the time: it sees bytes when the scheduler lets it, not when they came.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timer.h"
#include "framer.h"
#include "port/framing.h"
#include "port/hold.h"

#define RECORDS_SIZE 131072
#define LOG_SIZE 65536
/* An 8250's FIFO as it comes out of reset. */
#define FIFO_TRIGGER 8

struct framing {
	const struct framing_env *env;
	struct framer framer;
	struct timer timer;
	bool gone;
	uint8_t payload[DTU_PAYLOAD_MAX];
	uint8_t records[RECORDS_SIZE];
	uint8_t log[LOG_SIZE];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void arm(struct framing *framing)
{
	uint64_t deadline = framer_deadline(&framing->framer);

	if (deadline == FRAMER_NEVER)
		timer_disarm(&framing->timer);
	else
		(void)timer_arm_at(&framing->timer, framing->env->loop, deadline / 1000 + 1);
}

/* Take what the tty has, as long as there is room. */
static void take_input(struct framing *framing)
{
	uint8_t bytes[4096];

	while (ring_free(&framing->framer.log) > sizeof(bytes) + sizeof(struct framer_chunk)) {
		ssize_t n = read(framing->env->fd, bytes, sizeof(bytes));
		struct framer_chunk chunk = { 0 };

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			framing->gone = true;
			break;
		}
		chunk.ns = now_ns();
		chunk.span = chunk.length = (u32)n;
		/* They may have come before the gap was over and we were not there: no reason to cut. */
		chunk.joined = framer_deadline(&framing->framer) <= chunk.ns;
		chunk.flags = chunk.joined ? DTU_FLAG_LATE : 0;
		framer_push(&framing->framer, &chunk, bytes);
	}
	arm(framing);
}

static void expire(void *data)
{
	struct framing *framing = data;

	/* Bytes that wait in the tty belong to the frame. */
	take_input(framing);
	framer_expire(&framing->framer, now_ns());
	arm(framing);
	framing->env->ready(framing->env->data);
}

static int attach(struct framing **framing, const struct framing_env *env)
{
	static const struct framer_config config = { .gap_ns = 50000000, .length = 1024, .escape = true };
	struct framing *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	log_warning("%s: framing without n_dtu: boundaries hold only as far as this process is scheduled in time",
		    env->path);
	made->env = env;
	made->timer.fire = expire;
	made->timer.data = made;
	framer_init(&made->framer, &config, made->records, RECORDS_SIZE, made->log, LOG_SIZE);
	*framing = made;
	return 0;
}

static void detach(struct framing *framing)
{
	timer_free(&framing->timer);
	free(framing);
}

/* How long the hardware may keep a byte. */
static void set_hold(const struct framing *framing, struct hold hold, struct framer_config *framer)
{
	struct stat status;

	if (!hold.trigger && !hold.holdoff_us && fstat(framing->env->fd, &status) == 0)
		hold_find(status.st_rdev, &hold);
	if (hold.holdoff_us)
		framer_set_holdoff(framer, (u64)hold.holdoff_us * 1000);
	else
		framer_set_fifo(framer, hold.trigger ? hold.trigger : FIFO_TRIGGER);
}

static int configure(struct framing *framing, const struct framing_config *config)
{
	struct framer_config framer = {
		.gap_ns = (u64)config->gap_us * 1000,
		.char_ns = config->char_ns,
		.length = config->length,
		.escape = true,
	};

	set_hold(framing, config->hold, &framer);
	if (config->modbus)
		framer_set_modbus(&framer);
	framer_configure(&framing->framer, &framer);
	arm(framing);
	return 0;
}

static int next(struct framing *framing, struct dtu_record *head, const uint8_t **payload)
{
	struct framer *framer = &framing->framer;

	take_input(framing);
	if (!records_peek(&framer->records, head))
		return framing->gone ? -EPIPE : 0;
	records_copy(&framer->records, sizeof(*head), framing->payload, head->length - (u32)sizeof(*head));
	records_consume(&framer->records);
	framer_pump(framer);
	arm(framing);
	*payload = framing->payload;
	return 1;
}

static int resume(struct framing *framing, enum dtu_mode mode)
{
	if (!framer_resume(&framing->framer, mode))
		return -EINVAL;
	arm(framing);
	framing->env->ready(framing->env->data);
	return 0;
}

static int stats(struct framing *framing, struct framing_stats *stats)
{
	const struct framer_counters *framer = &framing->framer.counters;
	uint64_t *counters = stats->counters;

	stats->mode = framer_mode(&framing->framer);
	stats->gap_ns = framing->framer.config.gap_ns;
	stats->head_ns = framing->framer.config.head_ns;
	stats->tail_ns = framing->framer.config.tail_ns;
	counters[DTU_A_STATS_RX_BYTES] = framer->bytes;
	counters[DTU_A_STATS_FRAMES] = framer->frames;
	counters[DTU_A_STATS_CUT_GAP] = framer->cut_gap;
	counters[DTU_A_STATS_CUT_LENGTH] = framer->cut_length;
	counters[DTU_A_STATS_LINES] = framer->lines;
	counters[DTU_A_STATS_LINES_TOO_LONG] = framer->lines_too_long;
	counters[DTU_A_STATS_ESCAPES_SEEN] = framer->seen;
	counters[DTU_A_STATS_ESCAPES_CONFIRMED] = framer->confirmed;
	counters[DTU_A_STATS_ESCAPES_ABORTED] = framer->aborted;
	counters[DTU_A_STATS_FLUSHED] = framer->flushed;
	counters[DTU_A_STATS_GAP_AMBIGUOUS] = framer->gap_ambiguous;
	counters[DTU_A_STATS_BOUNDARY_UNKNOWN] = framer->boundary_unknown;
	return 0;
}

const struct framing_ops framing_fallback = {
	.name = "fallback",
	.attach = attach,
	.detach = detach,
	.configure = configure,
	.next = next,
	.resume = resume,
	.stats = stats,
};
