// SPDX-License-Identifier: MIT
/*
 * The framer of the kernel module, in user space: the table of what the rules say, played in every
 * manner, and a comparison with a model of them on random input (DTU_SEED, DTU_TIER).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "framer_cases.h"
#include "framer_model.h"
#include "tap.h"

#define RECORDS_SIZE 16384
#define LOG_SIZE 8192

static u8 records_memory[RECORDS_SIZE], log_memory[LOG_SIZE];

/* Part one: the table, and that no manner of handing it over shows. */

static void test_rows(void)
{
	static struct framer_stage stage;
	char name[200];
	u32 first = 0;

	for (u32 i = 0; i < framer_cases_count; i++) {
		const struct framer_case *row = &framer_cases[i];
		const struct framer_setting setting = framer_case_setting(row);

		for (u32 k = 0; k < framer_manners_count; k++) {
			framer_play(&stage, &setting, row->script, &framer_manners[k], i);
			snprintf(name, sizeof(name), "%s, %s", row->name, framer_manners[k].name);
			tap_same(stage.got, stage.length, row->expected, strlen(row->expected), name);
			if (!k)
				first = stage.digest;
			else if (stage.digest != first)
				tap_ok(false, "%s: times, bounds and flags", name);
		}
	}
}

static bool plays_alike(u64 seed)
{
	static struct framer_stage first, other;
	struct framer_setting setting;
	char script[1200];

	framer_random(seed, &setting, script, sizeof(script));
	framer_play(&first, &setting, script, &framer_manners[0], seed);
	for (u32 k = 1; k < framer_manners_count; k++) {
		framer_play(&other, &setting, script, &framer_manners[k], seed);
		if (first.length == other.length && first.digest == other.digest && !strcmp(first.got, other.got))
			continue;
		printf("# seed %" PRIu64 ", %s (digests %08x %08x)\n", seed, framer_manners[k].name, first.digest,
		       other.digest);
		printf("# gap %" PRIu64 " pause %" PRIu64 " head %" PRIu64 " tail %" PRIu64 " char %u depth %u\n",
		       setting.config.gap_ns, setting.config.pause_ns, setting.config.head_ns, setting.config.tail_ns,
		       setting.config.char_ns, setting.depth);
		printf("# %s\n# first: %s\n# other: %s\n", script, first.got, other.got);
		return false;
	}
	return true;
}

static void test_manners(u64 seed, bool soak)
{
	u32 scripts = soak ? 100000 : 2000, i;

	for (i = 0; i < scripts && plays_alike(seed + i); i++)
		;
	tap_ok(i == scripts, "%u of %u random scripts give the same records in every manner", i, scripts);
}

/* Records full, then the log, then a push comes back short; nothing is lost on the way out. */
static void test_full(void)
{
	struct framer framer;
	const struct framer_config config = { .gap_ns = CORE_NSEC_PER_MSEC, .length = 100 };
	u32 sent = 0, taken = 1, received = 0, frames = 0;
	bool in_order = true, short_push = false;
	struct dtu_record head;
	u8 byte, payload[DTU_PAYLOAD_MAX];

	framer_init(&framer, &config, records_memory, RECORDS_SIZE, log_memory, LOG_SIZE);
	while (taken) {
		struct framer_chunk chunk = { .ns = 1000 + sent, .span = 1, .length = 1 };

		byte = (u8)sent;
		taken = framer_push(&framer, &chunk, &byte);
		sent += taken;
	}
	tap_ok(sent > (RECORDS_SIZE / 148 - 3) * 100, "the records and the log fill (%u bytes)", sent);
	tap_ok(!framer_has_room(&framer), "then there is no room");
	tap_ok(framer_deadline(&framer) == FRAMER_NEVER, "and no deadline while input waits");
	for (;;) {
		if (!records_peek(&framer.records, &head)) {
			framer_expire(&framer, U64_MAX - 1);
			if (!records_peek(&framer.records, &head))
				break;
		}
		records_copy(&framer.records, sizeof(head), payload, head.length - (u32)sizeof(head));
		for (u32 i = 0; i < head.length - sizeof(head); i++)
			in_order &= payload[i] == (u8)received++;
		in_order &= head.sequence == frames++;
		in_order &= head.length - sizeof(head) == 100 || received == sent;
		records_consume(&framer.records);
		framer_pump(&framer);
	}
	tap_is(received, sent, "everything comes out");
	tap_ok(in_order, "in order, in frames of 100");
	tap_ok(framer.counters.bytes == sent, "and is counted");

	/* A chunk larger than all room. */
	framer_init(&framer, &config, records_memory, RECORDS_SIZE, log_memory, LOG_SIZE);
	{
		static u8 much[65536];
		struct framer_chunk chunk = { .ns = 1, .span = sizeof(much), .length = sizeof(much) };

		taken = framer_push(&framer, &chunk, much);
		short_push = taken > 0 && taken < sizeof(much);
		tap_ok(short_push, "a chunk larger than all room is taken in part (%u)", taken);
		tap_is(framer_push(&framer, &chunk, much), 0, "and then nothing more");
		framer_flush(&framer, false);
		tap_is((long)framer.counters.flushed, taken, "a flush counts all of it");
		tap_ok(framer_has_room(&framer), "and makes room");
	}
}

static void test_marks(void)
{
	struct framer framer;
	const struct framer_config config = { .gap_ns = CORE_NSEC_PER_MSEC, .length = 100, .escape = true };
	const struct {
		u64 ns;
		const char *bytes;
		u8 flags, mark;
	} steps[] = {
		{ 1, "one", 0, 0 },	    { 10000000, "two", 0, DTU_FLAG_OVERRUN },
		{ 20000000, "th", 0, 0 },   { 20000001, "re", DTU_FLAG_LINE_ERROR, 0 },
		{ 30000000, "four", 0, 0 },
	};
	static const u8 want[] = { 0, DTU_FLAG_OVERRUN, DTU_FLAG_LINE_ERROR, 0 };
	struct dtu_record head;
	u32 frames = 0;

	framer_init(&framer, &config, records_memory, RECORDS_SIZE, log_memory, LOG_SIZE);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct framer_chunk chunk = {
			.ns = steps[i].ns,
			.flags = steps[i].flags,
			.span = (u32)strlen(steps[i].bytes),
			.length = (u32)strlen(steps[i].bytes),
		};

		framer_expire(&framer, steps[i].ns);
		if (steps[i].mark)
			framer_mark(&framer, steps[i].mark);
		framer_push(&framer, &chunk, (const u8 *)steps[i].bytes);
	}
	framer_expire(&framer, U64_MAX - 1);
	for (; records_peek(&framer.records, &head); frames++) {
		tap_ok(frames < sizeof(want) && head.flags == want[frames], "flags of frame %u", frames);
		records_consume(&framer.records);
	}
	tap_is(frames, sizeof(want), "frames with their flags");
}

/* Part two: at random, against the model. */

static u32 pick(void *state, u32 n)
{
	u64 *x = state;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (u32)((*x >> 32) % n);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void test_random(u64 seed, bool soak)
{
	double end = seconds() + (soak ? 300 : 8);
	unsigned long rounds = 0;
	char why[300] = "";
	bool ok = true;

	while (ok && seconds() < end) {
		/* A run of its own for each seed, so that the one that fails can be had alone. */
		u64 state = (seed + rounds) * 0x9e3779b97f4a7c15ULL | 1;

		ok = model_check(pick, &state, why, sizeof(why));
		rounds++;
	}
	tap_ok(ok, "the framer does what the model says");
	printf("# %lu runs\n", rounds);
	if (!ok)
		printf("# %s\n# again: DTU_SEED=%" PRIu64 "\n", why, seed + rounds - 1);
}

int main(void)
{
	const char *seed_text = getenv("DTU_SEED"), *tier = getenv("DTU_TIER");
	u64 seed = seed_text && *seed_text ? strtoull(seed_text, NULL, 0) : (u64)time(NULL) * 1000003;
	bool soak = tier && !strcmp(tier, "soak");

	printf("# DTU_SEED=%" PRIu64 "\n", seed);
	test_rows();
	test_manners(seed, soak);
	test_full();
	test_marks();
	test_random(seed, soak);
	return tap_done();
}
