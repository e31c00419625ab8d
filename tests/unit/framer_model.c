// SPDX-License-Identifier: MIT
#include "framer_model.h"

#include <stdio.h>
#include <stdlib.h>

/* Part one: the model. */

#define CONFIRM_NS (3 * CORE_NSEC_PER_SEC)
#define GUARD_NS (300 * CORE_NSEC_PER_MSEC)

struct position {
	struct model *model;
	u32 at;	     /* the next byte */
	u64 last_ns; /* time of the byte before it that silence counts from */
	bool last;   /* there is such a byte */
	u32 answered;
};

/* How long after a byte it is certain that nothing came for @silence. */
static u64 certain(const struct model *model, u64 silence)
{
	return silence + model->config.head_ns + model->config.char_ns;
}

/* Whether silence of @silence followed the byte before index @at, which came at @last_ns. */
static bool silent(const struct model *model, u32 at, u64 last_ns, u64 silence)
{
	u64 next_ns = at < model->count ? model->bytes[at].ns : model->end_ns;

	if (at < model->count && model->bytes[at].joined)
		return false;
	return next_ns >= last_ns + certain(model, silence);
}

static bool is_line_end(u8 byte)
{
	return byte == '\r' || byte == '\n';
}

static struct model_record *add(struct model *model, u8 type, u8 reason, u64 first_ns, u64 last_ns)
{
	struct model_record *record;

	/* Grow by doubling: the sanitizers' realloc() always copies. */
	if (!(model->records_count & (model->records_count + 1)))
		model->records = realloc(model->records, (2 * model->records_count + 2) * sizeof(*record));
	record = &model->records[model->records_count++];
	*record = (struct model_record){
		.type = type,
		.reason = reason,
		.first_ns = first_ns,
		.last_ns = last_ns,
	};
	return record;
}

/* How long the line may have been busy with a byte, and what came with it, before it was delivered. */
static u64 busy(const struct model *model, const struct model_byte *byte)
{
	u64 one = model->config.head_ns + model->config.char_ns;
	u64 all = (u64)byte->span * model->config.char_ns;

	return one > all ? one : all;
}

/* The line was silent between two bytes for this long at least. */
static u64 silence_at_least(const struct model *model, const struct model_byte *byte, u64 last_ns)
{
	u64 since = byte->ns - last_ns;

	if (byte->joined)
		return 0;
	return since > busy(model, byte) ? since - busy(model, byte) : 0;
}

/* The bounds of the silence before the next byte. */
static void bound_silence(const struct position *p, struct model_record *record)
{
	const struct model *model = p->model;
	const struct model_byte *byte = &model->bytes[p->at];
	u64 wire = (u64)byte->span * model->config.char_ns;
	u64 since = byte->ns - p->last_ns;

	if (!p->last) {
		record->gap_min_ns = U64_MAX;
		record->gap_max_ns = U64_MAX;
		return;
	}
	record->gap_min_ns = silence_at_least(model, byte, p->last_ns);
	record->gap_max_ns = (since > wire ? since - wire : 0) + (since ? model->config.tail_ns : 0);
}

static void take_payload(struct position *p, struct model_record *record, u32 from, u32 n)
{
	record->payload = malloc(n ? n : 1);
	record->length = n;
	for (u32 i = 0; i < n; i++)
		record->payload[i] = p->model->bytes[from + i].byte;
}

static void step_over(struct position *p, u32 n)
{
	p->at += n;
	p->last_ns = p->model->bytes[p->at - 1].ns;
	p->last = true;
}

/* A frame from here: how many bytes, and why it ends; 0 if it is still open at the end. */
static u32 frame_length(const struct position *p, u8 *reason)
{
	const struct model *model = p->model;
	u32 n = 1;

	for (;; n++) {
		if (n == model->config.length) {
			*reason = DTU_REASON_LENGTH;
			return n;
		}
		if (silent(model, p->at + n, model->bytes[p->at + n - 1].ns, model->config.gap_ns)) {
			*reason = DTU_REASON_GAP;
			return n;
		}
		if (p->at + n == model->count)
			return 0;
	}
}

/* Whether the @n bytes from @at have a silence between them that should not be. */
static bool paused(const struct model *model, u32 at, u32 n)
{
	const struct model_byte *bytes = model->bytes + at;

	if (!model->config.pause_ns)
		return false;
	for (u32 i = 1; i < n; i++)
		if (silence_at_least(model, &bytes[i], bytes[i - 1].ns) >= model->config.pause_ns)
			return true;
	return false;
}

static bool take_frame(struct position *p)
{
	struct model_record *record;
	u8 reason;
	u32 n = frame_length(p, &reason);

	if (!n)
		return false;
	record = add(p->model, DTU_RECORD_DATA, reason, p->model->bytes[p->at].ns, p->model->bytes[p->at + n - 1].ns);
	bound_silence(p, record);
	record->flags = paused(p->model, p->at, n) ? DTU_FLAG_PAUSE : 0;
	take_payload(p, record, p->at, n);
	step_over(p, n);
	return true;
}

/* Three + alone: silence before, none between, silence of the guard behind. */
static bool escape_here(const struct position *p)
{
	const struct model *model = p->model;
	const struct model_byte *bytes = model->bytes + p->at;
	u64 guard = model->config.gap_ns < GUARD_NS ? model->config.gap_ns : GUARD_NS;

	if (!model->config.escape || model->count - p->at < 3)
		return false;
	if (p->last && !silent(model, p->at, p->last_ns, model->config.gap_ns))
		return false;
	for (u32 i = 0; i < 3; i++) {
		if (bytes[i].byte != '+')
			return false;
		if (i && silent(model, p->at + i, bytes[i - 1].ns, model->config.gap_ns))
			return false;
	}
	return silent(model, p->at + 3, bytes[2].ns, guard);
}

enum outcome { CONFIRMED, ABORTED, UNDECIDED };

static enum outcome try_escape(struct position *p)
{
	struct model *model = p->model;
	u64 guard = model->config.gap_ns < GUARD_NS ? model->config.gap_ns : GUARD_NS;
	u64 seen_ns = model->bytes[p->at + 2].ns + certain(model, guard);
	u64 end_ns = seen_ns + CONFIRM_NS;
	const struct model_byte *next = p->at + 3 < model->count ? &model->bytes[p->at + 3] : NULL;

	add(model, DTU_RECORD_SEEN, 0, seen_ns, seen_ns);
	if (next && (next->joined || next->ns < end_ns) && next->byte == 'a') {
		add(model, DTU_RECORD_CONFIRMED, 0, next->ns, next->ns);
		step_over(p, 4);
		return CONFIRMED;
	}
	if (!next && model->end_ns < end_ns)
		return UNDECIDED;
	if (next && (next->joined || next->ns < end_ns))
		end_ns = next->ns;
	add(model, DTU_RECORD_ABORTED, 0, end_ns, end_ns);
	return ABORTED;
}

/* Until a command mode is entered: true. */
static bool run_data(struct position *p)
{
	while (p->at < p->model->count) {
		if (escape_here(p)) {
			enum outcome outcome = try_escape(p);

			if (outcome == CONFIRMED)
				return true;
			if (outcome == UNDECIDED)
				return false;
		}
		if (!take_frame(p))
			return false;
	}
	return false;
}

/* +++ or +++a alone, then silence; or "a" behind such a +++. */
static bool head_to_drop(const struct position *p, u32 n, bool restarting)
{
	static const char head[] = "+++a";
	const struct model_byte *bytes = p->model->bytes + p->at;

	if (!silent(p->model, p->at + n, bytes[n - 1].ns, p->model->config.gap_ns))
		return false;
	if (n == 1)
		return restarting && bytes[0].byte == 'a';
	if (n != 3 && n != 4)
		return false;
	for (u32 i = 0; i < n; i++)
		if (bytes[i].byte != (u8)head[i])
			return false;
	return true;
}

/* One line, with its end: true if there was one. */
static bool take_line(struct position *p)
{
	struct model *model = p->model;
	bool restarting = false;
	struct model_record *record;
	u32 n = 0;

	while (p->at + n < model->count) {
		const struct model_byte *byte = &model->bytes[p->at + n];

		if (is_line_end(byte->byte) && !n) {
			step_over(p, 1);
		} else if (!is_line_end(byte->byte)) {
			n++;
			if (head_to_drop(p, n, restarting)) {
				restarting = n == 3;
				step_over(p, n);
				n = 0;
			}
		} else if (n > DTU_PAYLOAD_MAX) {
			add(model, DTU_RECORD_LINE_TOO_LONG, 0, byte->ns, byte->ns);
			step_over(p, n + 1);
			return true;
		} else {
			record = add(model, DTU_RECORD_LINE, DTU_REASON_LINE_END, model->bytes[p->at].ns, byte->ns);
			bound_silence(p, record);
			take_payload(p, record, p->at, n);
			step_over(p, n + 1);
			return true;
		}
	}
	return false;
}

/* Line ends soon behind the line are its own; silence still counts from the first of them. */
static void swallow_line_ends(struct position *p)
{
	const struct model *model = p->model;

	while (p->at < model->count) {
		const struct model_byte *byte = &model->bytes[p->at];

		if (!is_line_end(byte->byte) || silence_at_least(model, byte, p->last_ns) >= model->config.gap_ns)
			break;
		p->at++;
	}
}

/* Until command mode is left: true. */
static bool run_lines(struct position *p)
{
	while (take_line(p)) {
		if (p->answered == p->model->answers_count)
			return false;
		if (p->model->answers[p->answered++] == DTU_MODE_DATA) {
			swallow_line_ends(p);
			return true;
		}
	}
	return false;
}

void model_run(struct model *model)
{
	struct position p = { .model = model };

	while (run_data(&p) && run_lines(&p))
		;
}

void model_free(struct model *model)
{
	for (u32 i = 0; i < model->records_count; i++)
		free(model->records[i].payload);
	free(model->records);
	free(model->bytes);
	free(model->answers);
}

/* Part two: the framer, driven at random with the model looking on. */

#define MEMORY 8192

struct drive {
	u32 (*pick)(void *state, u32 n);
	void *state;
	struct framer framer;
	struct model model; /* fills with what the framer was given */
	struct model got;   /* only its records */
	u8 records_memory[MEMORY];
	u8 log_memory[MEMORY];
	u64 now;
	u32 span_max;
	bool held; /* a line was read and not answered yet */
	char *why;
	size_t why_size;
};

static u32 pick(struct drive *d, u32 n)
{
	return d->pick(d->state, n);
}

static bool wrong(struct drive *d, const char *what, u64 got, u64 want)
{
	snprintf(d->why, d->why_size, "%s: got %llu, want %llu", what, (unsigned long long)got,
		 (unsigned long long)want);
	return false;
}

static void choose_config(struct drive *d)
{
	static const u64 gaps_us[] = { 1, 1750, 50000, 299999, 300000, 1000000, 60000000 };
	static const u32 lengths[] = { 4, 5, 7, 64, 1024, 2048 };
	struct framer_config *config = &d->model.config;

	config->gap_ns = gaps_us[pick(d, sizeof(gaps_us) / sizeof(gaps_us[0]))] * 1000;
	config->length = lengths[pick(d, sizeof(lengths) / sizeof(lengths[0]))];
	config->escape = pick(d, 8) != 0;
	config->pause_ns = pick(d, 2) ? config->gap_ns / (1 + pick(d, 3)) : 0;
	d->span_max = 3000;
	if (!pick(d, 3)) {
		/*
		 * A real line. What was certain to be silence when the timer fired stays silence: a UART does
		 * not hand over more at once than it can hold back.
		 */
		config->char_ns = 1 + pick(d, 2000000);
		config->head_ns = (u64)config->char_ns * pick(d, 60);
		config->tail_ns = (u64)config->char_ns * pick(d, 5);
		config->batch_ns = config->head_ns + config->char_ns;
		d->span_max = 1 + (u32)(config->head_ns / config->char_ns);
	}
}

/* Read a record or some; answer a line that was read, now or later. */
static bool read_some(struct drive *d, u32 records)
{
	struct dtu_record head;

	while (records-- && records_peek(&d->framer.records, &head)) {
		struct model_record *record;
		u32 n = head.length - sizeof(head);

		if (head.version != DTU_RECORD_VERSION || head.length < sizeof(head) || n > DTU_PAYLOAD_MAX)
			return wrong(d, "length of a record", head.length, sizeof(head));
		if (head.sequence != d->got.records_count)
			return wrong(d, "sequence", head.sequence, d->got.records_count);
		record = add(&d->got, head.type, head.reason, head.first_ns, head.last_ns);
		record->flags = head.flags;
		record->gap_min_ns = head.gap_min_ns;
		record->gap_max_ns = head.gap_max_ns;
		record->length = n;
		record->payload = malloc(n ? n : 1);
		records_copy(&d->framer.records, sizeof(head), record->payload, n);
		records_consume(&d->framer.records);
		framer_pump(&d->framer);
		if (head.type == DTU_RECORD_LINE || head.type == DTU_RECORD_LINE_TOO_LONG)
			d->held = true;
	}
	return true;
}

static bool answer(struct drive *d)
{
	enum dtu_mode mode = pick(d, 3) ? DTU_MODE_LINE : DTU_MODE_DATA;

	if (!d->held)
		return true;
	d->held = false;
	d->model.answers = realloc(d->model.answers, d->model.answers_count + 1);
	d->model.answers[d->model.answers_count++] = mode;
	if (d->framer.state != FRAMER_HELD)
		return wrong(d, "state when a line was read", d->framer.state, FRAMER_HELD);
	if (!framer_resume(&d->framer, mode))
		return wrong(d, "framer_resume()", 0, 1);
	return true;
}

/* Time goes on; the timer is called soon, late, or not at all before the next byte. */
static void wait_some(struct drive *d)
{
	const struct framer_config *config = &d->model.config;
	u64 certainty = config->head_ns + config->char_ns;
	u64 guard = config->gap_ns < GUARD_NS ? config->gap_ns : GUARD_NS;
	const u64 edges[] = { 0,
			      config->gap_ns,
			      guard,
			      CONFIRM_NS,
			      config->gap_ns + certainty,
			      guard + certainty,
			      CONFIRM_NS + certainty,
			      CONFIRM_NS + guard + certainty,
			      CONFIRM_NS / 2 };
	u64 step = edges[pick(d, sizeof(edges) / sizeof(edges[0]))];

	switch (pick(d, 6)) {
	case 0:
		step = pick(d, 1000);
		break;
	case 1:
		step += 1;
		break;
	case 2:
		step -= step > 0;
		break;
	case 3:
		step = 0;
		break;
	}
	if (pick(d, 2)) {
		u64 due = framer_deadline(&d->framer);

		while (due <= d->now + step) {
			framer_expire(&d->framer, due);
			due = framer_deadline(&d->framer);
		}
	}
	d->now += step;
	if (!pick(d, 4))
		framer_expire(&d->framer, d->now);
}

static u32 choose_bytes(struct drive *d, u8 *bytes)
{
	static const char *const words[] = {
		"+++", "a",  "+++",  "a", "+",	"++",	 "++++", "+++a", "AT\r",	"AT+ENTM\r",
		"\r",  "\n", "\r\n", "b", "ab", "hello", "+++x", "x+++", "aAT+VER\r\n", "AT+Z\r+++",
	};
	u32 kind = pick(d, 24), n = 0;

	if (kind < 20) {
		n = (u32)strlen(words[kind]);
		memcpy(bytes, words[kind], n);
	} else if (kind == 20) {
		n = 1 + pick(d, 3000);
		memset(bytes, 'x', n);
	} else if (kind == 21) {
		n = DTU_PAYLOAD_MAX - 2 + pick(d, 5);
		memset(bytes, 'y', n);
		if (pick(d, 2))
			bytes[n - 1] = '\r';
	} else {
		static const char few[] = "++++aaab\r\n";

		n = 1 + pick(d, 12);
		for (u32 i = 0; i < n; i++)
			bytes[i] = (u8)few[pick(d, sizeof(few) - 1)];
	}
	return n;
}

static void note(struct drive *d, const u8 *bytes, u32 n, const struct framer_chunk *chunk)
{
	struct model *model = &d->model;

	if (model->count + n > model->room) {
		model->room = 2 * (model->count + n);
		model->bytes = realloc(model->bytes, model->room * sizeof(*model->bytes));
	}
	for (u32 i = 0; i < n; i++)
		model->bytes[model->count++] = (struct model_byte){
			.ns = d->now,
			.span = chunk->span,
			.byte = bytes[i],
			.joined = chunk->joined && !i,
		};
}

/* Bytes come, in one chunk or several; what finds no room comes again later. */
static bool deliver(struct drive *d)
{
	u8 bytes[4096];
	u32 n = choose_bytes(d, bytes), done = 0;

	while (done < n) {
		u32 span = n - done < d->span_max ? n - done : d->span_max;
		struct framer_chunk chunk;
		u32 taken;

		if (pick(d, 2))
			span = 1 + pick(d, span);
		chunk = (struct framer_chunk){ .ns = d->now, .span = span, .length = span };
		/* These may have come before the timer should have run, which it has not. */
		chunk.joined = framer_deadline(&d->framer) <= d->now && pick(d, 2);
		taken = framer_push(&d->framer, &chunk, bytes + done);
		if (taken > span)
			return wrong(d, "bytes taken", taken, span);
		note(d, bytes + done, taken, &chunk);
		done += taken;
		if (taken < span) {
			if (framer_has_room(&d->framer))
				return wrong(d, "room left after a short push", 1, 0);
			if (!read_some(d, 1 + pick(d, 5)) || !answer(d))
				return false;
			d->now += pick(d, 2) ? pick(d, 1000) : 0;
		}
		if (d->model.config.char_ns)
			d->now += (u64)span * d->model.config.char_ns;
		else if (pick(d, 2))
			d->now += pick(d, 100);
	}
	return true;
}

static bool same_records(struct drive *d)
{
	char what[80];

	for (u32 i = 0; i < d->got.records_count && i < d->model.records_count; i++) {
		const struct model_record *got = &d->got.records[i], *want = &d->model.records[i];
		const struct {
			const char *name;
			u64 got, want;
		} fields[] = {
			{ "type", got->type, want->type },
			{ "reason", got->reason, want->reason },
			{ "flags", got->flags, want->flags },
			{ "length", got->length, want->length },
			{ "first_ns", got->first_ns, want->first_ns },
			{ "last_ns", got->last_ns, want->last_ns },
			{ "gap_min_ns", got->gap_min_ns, want->gap_min_ns },
			{ "gap_max_ns", got->gap_max_ns, want->gap_max_ns },
			{ "difference of payload",
			  got->length && got->length == want->length
				  ? (u64)(u32)memcmp(got->payload, want->payload, got->length)
				  : 0,
			  0 },
		};

		for (u32 k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
			if (fields[k].got == fields[k].want)
				continue;
			snprintf(what, sizeof(what), "record %u (type %u, of %u): %s", i, want->type,
				 d->model.records_count, fields[k].name);
			return wrong(d, what, fields[k].got, fields[k].want);
		}
	}
	if (d->got.records_count != d->model.records_count)
		return wrong(d, "number of records", d->got.records_count, d->model.records_count);
	return true;
}

/* The end: all is read and answered, and the time that was waited for comes. */
static bool finish(struct drive *d)
{
	u32 rounds = 0;

	while (ring_used(&d->framer.log) || d->held || d->framer.records.ring.head != d->framer.records.closed) {
		if (!read_some(d, UINT32_MAX) || !answer(d))
			return false;
		if (rounds++ > d->model.count)
			return wrong(d, "input stuck", ring_used(&d->framer.log), 0);
	}
	framer_expire(&d->framer, d->now);
	if (!read_some(d, UINT32_MAX))
		return false;
	if (d->framer.counters.bytes != d->model.count)
		return wrong(d, "bytes counted", d->framer.counters.bytes, d->model.count);
	d->model.end_ns = d->now;
	model_run(&d->model);
	return same_records(d);
}

static bool run(struct drive *d)
{
	u32 rounds = 1 + pick(d, 200);
	bool slow = pick(d, 2); /* a reader that pauses */

	while (rounds--) {
		wait_some(d);
		if (!deliver(d))
			return false;
		if (slow && pick(d, 20))
			continue;
		if (!read_some(d, pick(d, 10)) || (pick(d, 3) && !answer(d)))
			return false;
	}
	wait_some(d);
	return finish(d);
}

bool model_check(u32 (*pick_one)(void *state, u32 n), void *state, char *why, size_t size)
{
	struct drive *d = calloc(1, sizeof(*d));
	bool ok;

	d->pick = pick_one;
	d->state = state;
	d->why = why;
	d->why_size = size;
	d->now = 1 + pick(d, 1000);
	choose_config(d);
	framer_init(&d->framer, &d->model.config, d->records_memory, MEMORY, d->log_memory, MEMORY);
	ok = run(d);
	model_free(&d->model);
	model_free(&d->got);
	free(d);
	return ok;
}
