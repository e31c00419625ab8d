// SPDX-License-Identifier: MIT
#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "../kselftest/port.h"

uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

void judge_begin(struct judge *judge, uint64_t gap_ns, uint64_t keeps_ns, uint32_t warm)
{
	*judge = (struct judge){
		.gap_ns = gap_ns, .keeps_ns = keeps_ns, .warm = warm, .hash = HASH_EMPTY, .aligned = true
	};
}

static void *grow(void *array, size_t *room, size_t size)
{
	*room = *room ? 2 * *room : 1024;
	array = realloc(array, *room * size);
	if (!array)
		die("memory for the measurement");
	return array;
}

static void push(struct marks *marks, struct mark mark)
{
	if (marks->next == marks->room && marks->first > marks->room / 2) {
		memmove(marks->at, marks->at + marks->first, (marks->next - marks->first) * sizeof(*marks->at));
		marks->next -= marks->first;
		marks->first = 0;
	}
	if (marks->next == marks->room)
		marks->at = grow(marks->at, &marks->room, sizeof(*marks->at));
	marks->at[marks->next++] = mark;
}

static void note_latency(struct judge *judge, const struct mark *frame, const struct mark *segment)
{
	if (judge->latencies == judge->room)
		judge->latency_ns = grow(judge->latency_ns, &judge->room, sizeof(*judge->latency_ns));
	judge->latency_ns[judge->latencies++] = segment->ns - frame->ns;
}

/* Nobody who hears of bytes by interrupts could have known better than to cut at @end. */
static bool excusable(struct judge *judge, uint64_t end)
{
	struct marks *late = &judge->late;

	while (late->first < late->next && late->at[late->first].end < end)
		late->first++;
	return late->first < late->next && late->at[late->first].end == end;
}

/* The segments that end inside @frame or with it. */
static void judge_frame(struct judge *judge, const struct mark *frame)
{
	struct marks *segments = &judge->segments;
	bool cut = false, ended = false, began = judge->aligned, excused = true;

	while (segments->first < segments->next && segments->at[segments->first].end <= frame->end) {
		const struct mark *segment = &segments->at[segments->first++];

		cut |= segment->end < frame->end;
		excused &= segment->end == frame->end || excusable(judge, segment->end);
		ended = segment->end == frame->end;
		if (ended && !judge->warm)
			note_latency(judge, frame, segment);
	}
	judge->aligned = ended;
	if (judge->warm) {
		judge->warm--;
		return;
	}
	judge->verdict.frames++;
	judge->verdict.cut += cut;
	judge->verdict.blind_cut += cut && excused;
	judge->verdict.merged += !began || !ended;
	judge->verdict.right += began && ended && !cut;
	judge->verdict.joints += !ended;
}

static void judge_what_is_known(struct judge *judge)
{
	struct marks *frames = &judge->frames;

	while (frames->first < frames->next && frames->at[frames->first].end <= judge->sent) {
		/* A copy: the queue may move. */
		struct mark frame = frames->at[frames->first++];

		judge_frame(judge, &frame);
		if (judge->verdict.frames && !judge->aligned && !frame.handed_ns)
			judge->verdict.blind++;
	}
}

/* The stream was silent behind @judge->last; @next_handed_ns: when what followed was handed over. */
static void end_frame(struct judge *judge, uint64_t next_handed_ns)
{
	bool together = judge->last.handed_ns == next_handed_ns;

	push(&judge->frames, (struct mark){ .end = judge->bytes,
					    .ns = judge->last.end_ns,
					    .handed_ns = together ? 0 : judge->last.handed_ns });
	judge_what_is_known(judge);
}

void judge_byte(struct judge *judge, const struct uart_sim_log *byte)
{
	if (!byte) {
		if (judge->last_handed)
			end_frame(judge, UINT64_MAX);
		judge->last_handed = false;
		return;
	}
	if (byte->fate != UART_SIM_DELIVERED) {
		judge->lost++;
		return;
	}
	if (judge->last_handed && byte->start_ns - judge->last.end_ns >= judge->gap_ns)
		end_frame(judge, byte->handed_ns);
	else if (judge->last_handed && byte->handed_ns - judge->last.handed_ns >= judge->gap_ns + judge->keeps_ns)
		push(&judge->late, (struct mark){ .end = judge->bytes });
	judge->last = *byte;
	judge->last_handed = true;
	judge->bytes++;
	judge->hash = hash_bytes(judge->hash, &byte->byte, 1);
}

void judge_segment(struct judge *judge, uint64_t end, uint64_t ns)
{
	/* Sent again. */
	if (end <= judge->sent)
		return;
	judge->sent = end;
	push(&judge->segments, (struct mark){ .end = end, .ns = ns });
	judge_what_is_known(judge);
}

void judge_free(struct judge *judge)
{
	free(judge->frames.at);
	free(judge->segments.at);
	free(judge->late.at);
	free(judge->latency_ns);
}
