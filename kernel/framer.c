// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "framer.h"

/*
 * Kept free for records that must not fail: seen, aborted, and the +++ that comes back as data.
 * Between two checks of the room no more than these are made.
 */
#define SPARE (4 * (u32)sizeof(struct dtu_record) + 16)

/* A FIFO hands over what it holds when nothing came for this many character times. */
#define FIFO_TIMEOUT_CHARS 4

/* Modbus's t3.5 and t1.5 do not shrink further. */
#define MODBUS_GAP_NS (1750 * CORE_NSEC_PER_USEC)
#define MODBUS_PAUSE_NS (750 * CORE_NSEC_PER_USEC)

#define CHUNK_HEAD ((u32)sizeof(struct framer_chunk))

static u64 guard_ns(const struct framer *framer)
{
	return min_t(u64, framer->config.gap_ns, FRAMER_GUARD_NS);
}

/* When @silence since the last byte can be told apart from bytes that are still on their way. */
static u64 silence_end(const struct framer *framer, u64 silence)
{
	return framer->last_ns + silence + framer->config.head_ns + framer->config.char_ns;
}

static void emit(struct framer *framer, enum dtu_record_type type, u64 ns)
{
	struct dtu_record head = {
		.type = type,
		.first_ns = ns,
		.last_ns = ns,
	};

	records_close(&framer->records, &head);
}

/* Close the open frame or line. */
static void cut(struct framer *framer, enum dtu_record_type type, enum dtu_record_reason reason)
{
	struct dtu_record head = {
		.type = type,
		.reason = reason,
		.flags = framer->open.flags,
		.first_ns = framer->open.first_ns,
		.last_ns = framer->last_ns,
		.gap_min_ns = framer->open.gap_min_ns,
		.gap_max_ns = framer->open.gap_max_ns,
	};

	records_close(&framer->records, &head);
	framer->open.length = 0;
	framer->open.flags = 0;
}

static void cut_frame(struct framer *framer, enum dtu_record_reason reason)
{
	bool late = framer->open.flags & DTU_FLAG_LATE;

	cut(framer, DTU_RECORD_DATA, reason);
	framer->counters.frames++;
	framer->counters.cut_gap += reason == DTU_REASON_GAP;
	framer->counters.cut_length += reason == DTU_REASON_LENGTH;
	framer->counters.boundary_unknown += late;
}

/* The first byte of a frame or line comes at @ns. */
static void begin(struct framer *framer, u64 ns)
{
	framer->open.first_ns = ns;
	framer->open.gap_min_ns = framer->silence_min_ns;
	framer->open.gap_max_ns = framer->silence_max_ns;
}

/* A byte goes on with the open frame: after a silence that it should not have in it? */
static void note_pause(struct framer *framer)
{
	u64 pause = framer->config.pause_ns;

	if (pause && framer->state != FRAMER_LINE && framer->silence_min_ns >= pause)
		framer->open.flags |= DTU_FLAG_PAUSE;
}

static void append(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes, u32 n)
{
	if (!framer->open.length)
		begin(framer, chunk->ns);
	else
		note_pause(framer);
	records_append(&framer->records, bytes, n);
	framer->open.length += n;
	framer->open.flags |= chunk->flags;
	framer->last_ns = chunk->ns;
	framer->quiet = false;
}

/* The + that were kept aside are data after all. What silence came before them has been noted. */
static void give_back(struct framer *framer)
{
	records_append(&framer->records, "+++", framer->plus);
	framer->open.length = framer->plus;
	framer->open.first_ns = framer->plus_ns[0];
	framer->last_ns = framer->plus_ns[framer->plus - 1];
	framer->plus = 0;
	framer->quiet = false;
	framer->state = FRAMER_DATA;
}

static void see_escape(struct framer *framer, u64 ns)
{
	framer->seen_ns = ns;
	framer->state = FRAMER_SEEN;
	framer->counters.seen++;
	emit(framer, DTU_RECORD_SEEN, ns);
}

static void abort_escape(struct framer *framer, u64 ns)
{
	framer->counters.aborted++;
	emit(framer, DTU_RECORD_ABORTED, ns);
	give_back(framer);
}

static void confirm_escape(struct framer *framer, u64 ns)
{
	framer->counters.confirmed++;
	emit(framer, DTU_RECORD_CONFIRMED, ns);
	framer->plus = 0;
	framer->open.flags = 0;
	framer->last_ns = ns;
	framer->quiet = false;
	framer->restarting = false;
	framer->state = FRAMER_LINE;
}

/* A host that lost track begins anew with +++ and a: is that all the line has so far? */
static bool line_restarts(const struct framer *framer)
{
	const u8 *head = framer->line_head;

	if (framer->state != FRAMER_LINE || framer->overlong)
		return false;
	switch (framer->open.length) {
	case 1:
		return framer->restarting && head[0] == 'a';
	case 3:
		return !memcmp(head, "+++", 3);
	case 4:
		return !memcmp(head, "+++a", 4);
	default:
		return false;
	}
}

static void drop_line_head(struct framer *framer)
{
	framer->restarting = framer->open.length == 3;
	records_abandon(&framer->records);
	framer->open.length = 0;
	framer->open.flags = 0;
}

/* The deadline of what has been read, whether or not input waits behind it. */
static u64 deadline(const struct framer *framer)
{
	switch (framer->state) {
	case FRAMER_DATA:
		if (!framer->open.length)
			return FRAMER_NEVER;
		return silence_end(framer, framer->config.gap_ns);
	case FRAMER_PLUS:
		if (framer->plus == 3)
			return silence_end(framer, guard_ns(framer));
		return silence_end(framer, framer->config.gap_ns);
	case FRAMER_SEEN:
		return framer->seen_ns + FRAMER_CONFIRM_NS;
	case FRAMER_LINE:
		if (!line_restarts(framer))
			return FRAMER_NEVER;
		return silence_end(framer, framer->config.gap_ns);
	case FRAMER_HELD:
		break;
	}
	return FRAMER_NEVER;
}

static void expire_one(struct framer *framer, u64 ns)
{
	switch (framer->state) {
	case FRAMER_PLUS:
		if (framer->plus == 3) {
			see_escape(framer, ns);
			break;
		}
		give_back(framer);
		fallthrough;
	case FRAMER_DATA:
		cut_frame(framer, DTU_REASON_GAP);
		framer->quiet = true;
		break;
	case FRAMER_SEEN:
		abort_escape(framer, ns);
		break;
	case FRAMER_LINE:
		drop_line_head(framer);
		break;
	case FRAMER_HELD:
		break;
	}
}

/*
 * How long the bytes of @chunk may have taken since the first of them began: all that time the line
 * may have been busy. That is the first one's own time and what the UART kept it for, or the time
 * of all of them if they come later than that.
 */
static u64 busy_ns(const struct framer *framer, const struct framer_chunk *chunk)
{
	u64 wire = (u64)chunk->span * framer->config.char_ns;

	return max_t(u64, wire, framer->config.head_ns + framer->config.char_ns);
}

/* Bounds of the silence between the last byte and the first of @chunk. */
static void bound_silence(struct framer *framer, const struct framer_chunk *chunk)
{
	u64 wire = (u64)chunk->span * framer->config.char_ns;
	u64 busy = busy_ns(framer, chunk);
	u64 since = chunk->ns - framer->last_ns;

	if (!framer->started) {
		framer->silence_min_ns = U64_MAX;
		framer->silence_max_ns = U64_MAX;
		return;
	}
	framer->silence_min_ns = since > busy ? since - busy : 0;
	framer->silence_max_ns = since > wire ? since - wire : 0;
	if (since)
		framer->silence_max_ns += framer->config.tail_ns + framer->late_ns;
	if (chunk->joined)
		framer->silence_min_ns = 0;
}

/*
 * A chunk has come: do what was due in the silence before it, if that was silence for sure. A chunk
 * that was delivered late and fills the time since the last one does not end a frame, whatever the
 * timer would have said.
 */
static void pass_silence(struct framer *framer, const struct framer_chunk *chunk)
{
	u64 late = busy_ns(framer, chunk) - framer->config.head_ns - framer->config.char_ns;
	u64 ns;

	bound_silence(framer, chunk);
	if (!framer->started || chunk->joined)
		return;
	for (ns = deadline(framer); ns <= chunk->ns; ns = deadline(framer)) {
		if (framer->state != FRAMER_SEEN && ns + late > chunk->ns)
			break;
		expire_one(framer, ns);
	}
	if (framer->silence_min_ns >= framer->config.gap_ns)
		framer->quiet = true;
}

/* The silence before the present chunk may have been as long as the gap, but may not. */
static bool is_ambiguous(const struct framer *framer)
{
	return framer->state <= FRAMER_PLUS && framer->silence_min_ns < framer->config.gap_ns &&
	       framer->silence_max_ns >= framer->config.gap_ns;
}

static bool is_line_end(u8 byte)
{
	return byte == '\r' || byte == '\n';
}

/* CR and LF that belong to the line that was handed out. */
static u32 count_line_ends(const struct framer *framer, const u8 *bytes, u32 n)
{
	u32 ends = 0;

	if (framer->silence_min_ns >= framer->config.gap_ns)
		return 0;
	while (ends < n && is_line_end(bytes[ends]))
		ends++;
	return ends;
}

/* One more + that may be an escape. */
static u32 keep_plus(struct framer *framer, const struct framer_chunk *chunk)
{
	if (framer->plus)
		note_pause(framer);
	framer->plus_ns[framer->plus++] = chunk->ns;
	framer->last_ns = chunk->ns;
	framer->open.flags |= chunk->flags;
	return 1;
}

/*
 * Each state's step takes bytes from the head of @bytes and returns how many; 0 if there is no room
 * for a record. A step that changes the state leaves the rest to the next one.
 */
static u32 step_data(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes,
		     u32 n)
{
	u32 room = records_room(&framer->records, SPARE);

	if (framer->swallow) {
		u32 ends = count_line_ends(framer, bytes, n);

		if (ends)
			return ends;
		framer->swallow = false;
	}
	if (!room)
		return 0;
	if (framer->config.escape && framer->quiet && !framer->open.length && bytes[0] == '+') {
		begin(framer, chunk->ns);
		framer->state = FRAMER_PLUS;
		return keep_plus(framer, chunk);
	}
	n = min_t(u32, n, framer->config.length - framer->open.length);
	n = min_t(u32, n, room);
	append(framer, chunk, bytes, n);
	if (framer->open.length == framer->config.length)
		cut_frame(framer, DTU_REASON_LENGTH);
	return n;
}

static u32 step_plus(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes,
		     u32 n)
{
	if (bytes[0] == '+' && framer->plus < 3)
		return keep_plus(framer, chunk);
	if (!records_room(&framer->records, SPARE))
		return 0;
	give_back(framer);
	return step_data(framer, chunk, bytes, n);
}

static u32 step_seen(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes,
		     u32 n)
{
	if (!records_room(&framer->records, SPARE))
		return 0;
	if (bytes[0] == 'a') {
		confirm_escape(framer, chunk->ns);
		return 1;
	}
	abort_escape(framer, chunk->ns);
	pass_silence(framer, chunk);
	return step_data(framer, chunk, bytes, n);
}

/* One CR or LF: the line is out, and nothing more is read until it has been dealt with. */
static u32 end_line(struct framer *framer, const struct framer_chunk *chunk)
{
	if (!records_room(&framer->records, SPARE))
		return 0;
	framer->last_ns = chunk->ns;
	if (framer->overlong) {
		emit(framer, DTU_RECORD_LINE_TOO_LONG, chunk->ns);
		framer->counters.lines_too_long++;
		framer->overlong = false;
	} else if (framer->open.length) {
		cut(framer, DTU_RECORD_LINE, DTU_REASON_LINE_END);
		framer->counters.lines++;
	} else {
		return 1;
	}
	framer->state = FRAMER_HELD;
	return 1;
}

static u32 step_line(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes,
		     u32 n)
{
	u32 room = records_room(&framer->records, SPARE);
	u32 length = 0;

	while (length < n && !is_line_end(bytes[length]))
		length++;
	if (!length)
		return end_line(framer, chunk);
	if (framer->open.length + length > DTU_PAYLOAD_MAX) {
		records_abandon(&framer->records);
		framer->open.length = 0;
		framer->overlong = true;
	}
	if (framer->overlong) {
		framer->last_ns = chunk->ns;
		return length;
	}
	if (!room)
		return 0;
	length = min_t(u32, length, room);
	if (framer->open.length < sizeof(framer->line_head))
		memcpy(framer->line_head + framer->open.length, bytes,
		       min_t(u32, length, (u32)sizeof(framer->line_head) - framer->open.length));
	append(framer, chunk, bytes, length);
	return length;
}

static u32 (*const steps[])(struct framer *, const struct framer_chunk *, const u8 *, u32) = {
	[FRAMER_DATA] = step_data,
	[FRAMER_PLUS] = step_plus,
	[FRAMER_SEEN] = step_seen,
	[FRAMER_LINE] = step_line,
};

/* More bytes at once than the UART hands over: whoever brought them was late by this much. */
static u64 lateness(const struct framer *framer, const struct framer_chunk *chunk)
{
	u64 wire = (u64)chunk->span * framer->config.char_ns;

	return wire > framer->config.batch_ns ? wire - framer->config.batch_ns : 0;
}

/*
 * A gap may have gone unseen: it lies between the bytes of a chunk that came late, or before this
 * chunk, which seems to follow so soon because the last one came late.
 */
static bool may_hide_gap(const struct framer *framer, const struct framer_chunk *chunk)
{
	if (framer->silence_max_ns < framer->config.gap_ns)
		return false;
	return lateness(framer, chunk) >= FRAMER_LATE_NS ||
	       (framer->late_ns >= FRAMER_LATE_NS &&
		framer->silence_min_ns < framer->config.gap_ns);
}

static u32 feed(struct framer *framer, const struct framer_chunk *given, const u8 *bytes, u32 n)
{
	struct framer_chunk marked = *given;
	const struct framer_chunk *chunk = &marked;
	u32 done = 0;

	if (framer->state == FRAMER_HELD)
		return 0;
	pass_silence(framer, chunk);
	/* The rest of a delivery is as doubtful as its beginning. */
	if (!framer->started || chunk->ns != framer->last_ns)
		framer->doubt = may_hide_gap(framer, chunk);
	if (framer->doubt)
		marked.flags |= DTU_FLAG_LATE;
	while (done < n && framer->state != FRAMER_HELD) {
		bool ambiguous = is_ambiguous(framer);
		u32 took = steps[framer->state](framer, chunk, bytes + done, n - done);

		if (!took)
			break;
		framer->started = true;
		framer->counters.gap_ambiguous += ambiguous;
		done += took;
		/* There is no silence between bytes of a chunk. */
		if (framer->last_ns == chunk->ns) {
			framer->late_ns = lateness(framer, chunk);
			framer->silence_min_ns = 0;
			framer->silence_max_ns = 0;
		}
	}
	return done;
}

/* Read on in the log until it is empty, there is no room, or a line is out. */
static void feed_log(struct framer *framer)
{
	struct framer_chunk *waiting = &framer->waiting;
	struct ring *log = &framer->log;
	const u8 *bytes;
	u32 n;

	while (ring_used(log)) {
		if (!waiting->length) {
			ring_copy_out(log, log->head, waiting, CHUNK_HEAD);
			log->head += CHUNK_HEAD;
			if (!waiting->length)
				framer->open.flags |= waiting->flags;
			continue;
		}
		n = ring_head(log, &bytes);
		n = feed(framer, waiting, bytes, min_t(u32, n, waiting->length));
		if (!n)
			break;
		log->head += n;
		waiting->length -= n;
	}
}

/* Keep up to @n bytes with their time; returns how many found room. */
static u32 log_bytes(struct framer *framer, const struct framer_chunk *chunk, const void *bytes,
		     u32 n)
{
	struct framer_chunk rest = *chunk;
	u32 room = ring_free(&framer->log);

	if (room <= CHUNK_HEAD)
		return 0;
	rest.length = min_t(u32, n, room - CHUNK_HEAD);
	ring_put(&framer->log, &rest, CHUNK_HEAD);
	ring_put(&framer->log, bytes, rest.length);
	return rest.length;
}

/*
 * The time-out begins anew with each byte: the first one of a FIFO that does not quite fill waits
 * for nearly a time-out after each of the others, and then for the last one's own.
 */
void framer_set_fifo(struct framer_config *config, u32 trigger)
{
	u64 timeout_ns = (u64)FIFO_TIMEOUT_CHARS * config->char_ns;

	config->head_ns = trigger > 1 ? (trigger - 1) * timeout_ns : 0;
	config->tail_ns = trigger > 1 ? timeout_ns : 0;
	config->batch_ns = (u64)trigger * config->char_ns;
}

void framer_set_holdoff(struct framer_config *config, u64 holdoff_ns)
{
	config->head_ns = holdoff_ns;
	config->tail_ns = holdoff_ns;
	config->batch_ns = holdoff_ns + config->char_ns;
}

void framer_set_modbus(struct framer_config *config)
{
	config->gap_ns = max_t(u64, config->char_ns * 7ULL / 2, MODBUS_GAP_NS);
	config->pause_ns = max_t(u64, config->char_ns * 3ULL / 2, MODBUS_PAUSE_NS);
}

void framer_init(struct framer *framer, const struct framer_config *config, void *records,
		 u32 records_size, void *log, u32 log_size)
{
	memset(framer, 0, sizeof(*framer));
	framer->config = *config;
	records_init(&framer->records, records, records_size);
	ring_init(&framer->log, log, log_size);
	framer->quiet = true;
}

u32 framer_push(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes)
{
	struct framer_chunk marked = *chunk;
	u32 done = 0;

	marked.flags |= framer->missed;
	if (!ring_used(&framer->log))
		done = feed(framer, &marked, bytes, chunk->length);
	if (done < chunk->length)
		done += log_bytes(framer, &marked, bytes + done, chunk->length - done);
	if (done)
		framer->missed = 0;
	framer->counters.bytes += done;
	return done;
}

bool framer_has_room(const struct framer *framer)
{
	return ring_free(&framer->log) > CHUNK_HEAD;
}

void framer_mark(struct framer *framer, u8 flags)
{
	struct framer_chunk mark = { .flags = flags };

	if (!ring_used(&framer->log))
		framer->open.flags |= flags;
	else if (framer_has_room(framer))
		log_bytes(framer, &mark, "", 0);
	else
		framer->missed |= flags;
}

u64 framer_deadline(const struct framer *framer)
{
	return ring_used(&framer->log) ? FRAMER_NEVER : deadline(framer);
}

void framer_expire(struct framer *framer, u64 now)
{
	u64 ns;

	for (ns = framer_deadline(framer); ns <= now; ns = framer_deadline(framer))
		expire_one(framer, ns);
}

void framer_pump(struct framer *framer)
{
	feed_log(framer);
}

bool framer_resume(struct framer *framer, enum dtu_mode mode)
{
	switch (framer->state) {
	case FRAMER_HELD:
		framer->state = mode == DTU_MODE_LINE ? FRAMER_LINE : FRAMER_DATA;
		framer->swallow = mode == DTU_MODE_DATA;
		framer->restarting = false;
		break;
	case FRAMER_LINE:
		if (mode == DTU_MODE_LINE)
			return true;
		if (framer->open.length)
			cut_frame(framer, DTU_REASON_MODE);
		framer->overlong = false;
		framer->state = FRAMER_DATA;
		break;
	default:
		return mode == DTU_MODE_DATA;
	}
	framer->quiet = false;
	feed_log(framer);
	return true;
}

void framer_configure(struct framer *framer, const struct framer_config *config)
{
	framer->config = *config;
	if (!config->escape && framer->state == FRAMER_SEEN)
		abort_escape(framer, framer->seen_ns);
	if (!config->escape && framer->state == FRAMER_PLUS)
		give_back(framer);
	if (framer->state == FRAMER_DATA && framer->open.length >= config->length)
		cut_frame(framer, DTU_REASON_LENGTH);
}

/* Payload bytes in the log. */
static u32 log_length(const struct framer *framer)
{
	u64 position = framer->log.head + framer->waiting.length;
	u32 length = framer->waiting.length;
	struct framer_chunk chunk;

	while (position != framer->log.tail) {
		ring_copy_out(&framer->log, position, &chunk, CHUNK_HEAD);
		position += CHUNK_HEAD + chunk.length;
		length += chunk.length;
	}
	return length;
}

void framer_flush(struct framer *framer, bool keep_first)
{
	bool told = framer->state >= FRAMER_SEEN;

	framer->counters.flushed += records_flush(&framer->records, keep_first);
	framer->counters.flushed += framer->plus + log_length(framer);
	framer->log.head = framer->log.tail;
	framer->waiting.length = 0;
	framer->missed = 0;
	framer->open.length = 0;
	framer->open.flags = 0;
	framer->plus = 0;
	framer->swallow = false;
	framer->overlong = false;
	framer->restarting = false;
	/* What was dropped was no silence: it counts anew from the last byte. */
	framer->quiet = !framer->started;
	framer->state = FRAMER_DATA;
	if (told)
		emit(framer, DTU_RECORD_ABORTED, framer->last_ns);
}
