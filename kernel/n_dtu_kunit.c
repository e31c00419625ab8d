// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the pure core: ring, records, and the framer by its table of cases. The suites run
 * when the module is loaded; parameter seed repeats a run's random choices.
 *
 * The core is included, not linked: its objects belong to n_dtu.ko, an object can be in one module
 * only, and exporting the core's functions for the sake of tests would make an interface of them.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "framer.c"
#include "framer_cases.c"
#include "records.c"
#include "ring.c"

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "of the random choices; 0: one of its own");

static unsigned int scripts = 300;
module_param(scripts, uint, 0444);
MODULE_PARM_DESC(scripts, "random scripts that are played in every manner");

/* KUnit runs the suites before the module's parameters are set: take them from the raw text. */
static u64 argument(const char *name, u64 otherwise)
{
	const char *at = strstr(THIS_MODULE->args, name);

	return at ? memparse(at + strlen(name), NULL) : otherwise;
}

static u64 choose_seed(struct kunit *test)
{
	u64 chosen = argument("seed=", seed);

	if (!chosen)
		chosen = get_random_u32();
	kunit_info(test, "seed=%llu\n", chosen);
	return chosen;
}

/* Ring */

#define RING_SIZE 16U

/* A run of @n bytes that begins with @first. */
static void fill(u8 *bytes, u32 n, u8 first)
{
	while (n--)
		*bytes++ = first++;
}

static void expect_run(struct kunit *test, const u8 *bytes, u32 n, u8 first)
{
	u32 i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ_MSG(test, bytes[i], (u8)(first + i), "byte %u of %u", i, n);
}

static void ring_starts_empty(struct kunit *test)
{
	u8 mem[RING_SIZE];
	struct ring ring;
	const u8 *bytes;

	ring_init(&ring, mem, RING_SIZE);
	KUNIT_EXPECT_EQ(test, ring_used(&ring), 0U);
	KUNIT_EXPECT_EQ(test, ring_free(&ring), RING_SIZE);
	KUNIT_EXPECT_EQ(test, ring_head(&ring, &bytes), 0U);
}

/* Every length at every place: what is put comes out, and nothing beside it is touched. */
static void ring_wraps(struct kunit *test)
{
	u8 mem[RING_SIZE + 2], in[RING_SIZE], out[RING_SIZE];
	u32 start, n, run;
	struct ring ring;
	const u8 *head;

	for (start = 0; start < RING_SIZE; start++) {
		for (n = 0; n <= RING_SIZE; n++) {
			memset(mem, 0xee, sizeof(mem));
			ring_init(&ring, mem + 1, RING_SIZE);
			ring.head = start;
			ring.tail = start;
			fill(in, n, 1);
			ring_put(&ring, in, n);
			KUNIT_ASSERT_EQ(test, ring_used(&ring), n);
			ring_copy_out(&ring, start, out, n);
			expect_run(test, out, n, 1);
			run = ring_head(&ring, &head);
			KUNIT_ASSERT_EQ(test, run, min(n, RING_SIZE - start));
			expect_run(test, head, run, 1);
			KUNIT_ASSERT_EQ(test, mem[0], (u8)0xee);
			KUNIT_ASSERT_EQ(test, mem[RING_SIZE + 1], (u8)0xee);
		}
	}
}

static void ring_overwrites_in_place(struct kunit *test)
{
	static const u8 patch[] = { 101, 102, 103 };
	u8 mem[RING_SIZE], bytes[RING_SIZE];
	struct ring ring;

	ring_init(&ring, mem, RING_SIZE);
	ring.head = RING_SIZE - 3;
	ring.tail = ring.head;
	fill(bytes, 6, 1);
	ring_put(&ring, bytes, 6);
	ring_copy_in(&ring, ring.head + 2, patch, sizeof(patch));
	ring_copy_out(&ring, ring.head, bytes, 6);
	expect_run(test, bytes, 2, 1);
	expect_run(test, bytes + 2, 3, 101);
	expect_run(test, bytes + 5, 1, 6);
}

/* Positions beyond 32 bits: bytes are counted from the beginning, and a port may live for years. */
static void ring_outlives_4_gib(struct kunit *test)
{
	u8 mem[RING_SIZE], bytes[RING_SIZE];
	struct ring ring;

	ring_init(&ring, mem, RING_SIZE);
	ring.head = (1ULL << 32) - 5;
	ring.tail = ring.head;
	fill(bytes, RING_SIZE, 7);
	ring_put(&ring, bytes, RING_SIZE);
	KUNIT_EXPECT_EQ(test, ring_free(&ring), 0U);
	memset(bytes, 0, sizeof(bytes));
	ring_copy_out(&ring, ring.head, bytes, RING_SIZE);
	expect_run(test, bytes, RING_SIZE, 7);
}

static void ring_keeps_order_at_random(struct kunit *test)
{
	u8 mem[RING_SIZE], bytes[RING_SIZE], put = 0, taken = 0;
	struct rnd_state random;
	struct ring ring;
	u32 i, n;

	prandom_seed_state(&random, choose_seed(test));
	ring_init(&ring, mem, RING_SIZE);
	for (i = 0; i < 10000; i++) {
		n = prandom_u32_state(&random) % (ring_free(&ring) + 1);
		fill(bytes, n, put);
		ring_put(&ring, bytes, n);
		put += n;
		n = prandom_u32_state(&random) % (ring_used(&ring) + 1);
		ring_copy_out(&ring, ring.head, bytes, n);
		expect_run(test, bytes, n, taken);
		ring.head += n;
		taken += n;
		KUNIT_ASSERT_EQ(test, ring_used(&ring) + ring_free(&ring), RING_SIZE);
		KUNIT_ASSERT_EQ(test, (u8)ring_used(&ring), (u8)(put - taken));
	}
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_starts_empty),		KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_overwrites_in_place),	KUNIT_CASE(ring_outlives_4_gib),
	KUNIT_CASE(ring_keeps_order_at_random), {}
};

static struct kunit_suite ring_suite = {
	.name = "n_dtu_ring",
	.test_cases = ring_cases,
};

/* Records */

#define RECORDS_SIZE 512U

struct records_fixture {
	struct records records;
	u8 mem[RECORDS_SIZE];
	u8 bytes[RECORDS_SIZE];
};

static int records_fixture_init(struct kunit *test)
{
	struct records_fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);

	if (!fixture)
		return -ENOMEM;
	records_init(&fixture->records, fixture->mem, RECORDS_SIZE);
	test->priv = fixture;
	return 0;
}

/* A record of @n bytes from @first on. */
static void put_record(struct records_fixture *fixture, u32 n, u8 first)
{
	struct dtu_record head = { .type = DTU_RECORD_DATA,
				   .reason = DTU_REASON_GAP,
				   .first_ns = n };

	fill(fixture->bytes, n, first);
	records_append(&fixture->records, fixture->bytes, n);
	records_close(&fixture->records, &head);
}

static void expect_record(struct kunit *test, u64 sequence, u32 n, u8 first)
{
	struct records_fixture *fixture = test->priv;
	struct dtu_record head;

	KUNIT_ASSERT_TRUE(test, records_peek(&fixture->records, &head));
	KUNIT_ASSERT_EQ(test, head.version, (u8)DTU_RECORD_VERSION);
	KUNIT_ASSERT_EQ(test, head.sequence, sequence);
	KUNIT_ASSERT_EQ(test, head.length, n + HEAD_SIZE);
	KUNIT_ASSERT_EQ(test, head.first_ns, (u64)n);
	records_copy(&fixture->records, HEAD_SIZE, fixture->bytes, n);
	expect_run(test, fixture->bytes, n, first);
}

static void take_record(struct kunit *test, u64 sequence, u32 n, u8 first)
{
	struct records_fixture *fixture = test->priv;

	expect_record(test, sequence, n, first);
	records_consume(&fixture->records);
}

static void expect_no_record(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct dtu_record head;

	KUNIT_EXPECT_FALSE(test, records_peek(&fixture->records, &head));
}

static void records_come_in_order(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;

	expect_no_record(test);
	put_record(fixture, 3, 1);
	put_record(fixture, 0, 0);
	put_record(fixture, 5, 10);
	take_record(test, 0, 3, 1);
	take_record(test, 1, 0, 0);
	take_record(test, 2, 5, 10);
	expect_no_record(test);
	records_consume(&fixture->records);
	KUNIT_EXPECT_EQ(test, records_room(&fixture->records, 0), RECORDS_SIZE - HEAD_SIZE);
}

static void records_grow_where_they_lie(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;
	struct dtu_record head = { .first_ns = 9 };
	u8 i;

	for (i = 0; i < 9; i++) {
		KUNIT_EXPECT_EQ(test, records_open_length(records), (u32)i);
		records_append(records, &i, 1);
		expect_no_record(test);
	}
	records_close(records, &head);
	KUNIT_EXPECT_EQ(test, records_open_length(records), 0U);
	take_record(test, 0, 9, 0);
}

/* Heads and payloads across the end of the memory, at each of its places. */
static void records_wrap(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	u32 start;

	for (start = 0; start < RECORDS_SIZE; start++) {
		records_init(&fixture->records, fixture->mem, RECORDS_SIZE);
		fixture->records.ring.head = start;
		fixture->records.ring.tail = start;
		fixture->records.next = start;
		fixture->records.closed = start;
		put_record(fixture, 100, (u8)start);
		put_record(fixture, 77, 3);
		take_record(test, 0, 100, (u8)start);
		take_record(test, 1, 77, 3);
		expect_no_record(test);
	}
}

static void records_room_is_to_the_byte(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;
	struct dtu_record head = { .first_ns = 0 };
	const u32 spare = 100, most = RECORDS_SIZE - HEAD_SIZE - spare;

	KUNIT_EXPECT_EQ(test, records_room(records, spare), most);
	fill(fixture->bytes, most, 0);
	records_append(records, fixture->bytes, most - 1);
	KUNIT_EXPECT_EQ(test, records_room(records, spare), 1U);
	records_append(records, fixture->bytes + most - 1, 1);
	KUNIT_EXPECT_EQ(test, records_room(records, spare), 0U);
	KUNIT_EXPECT_EQ(test, records_room(records, spare - 1), 1U);
	KUNIT_EXPECT_EQ(test, records_room(records, RECORDS_SIZE), 0U);
	head.first_ns = most;
	records_close(records, &head);
	KUNIT_EXPECT_EQ(test, records_room(records, 0), spare - HEAD_SIZE);
	KUNIT_EXPECT_EQ(test, records_room(records, spare - HEAD_SIZE), 0U);
	put_record(fixture, spare - HEAD_SIZE, 50);
	KUNIT_EXPECT_EQ(test, ring_free(&records->ring), 0U);
	take_record(test, 0, most, 0);
	take_record(test, 1, spare - HEAD_SIZE, 50);
}

static void records_abandon_gives_room_back(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;
	u32 room;

	put_record(fixture, 4, 1);
	room = records_room(records, 0);
	records_append(records, "lost", 4);
	records_abandon(records);
	KUNIT_EXPECT_EQ(test, records_open_length(records), 0U);
	KUNIT_EXPECT_EQ(test, records_room(records, 0), room);
	put_record(fixture, 6, 30);
	take_record(test, 0, 4, 1);
	take_record(test, 1, 6, 30);
	expect_no_record(test);
}

static void records_flush_drops_all(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;

	put_record(fixture, 4, 1);
	put_record(fixture, 10, 1);
	records_append(records, "open", 4);
	KUNIT_EXPECT_EQ(test, records_flush(records, false), 18ULL);
	expect_no_record(test);
	KUNIT_EXPECT_EQ(test, records_room(records, 0), RECORDS_SIZE - HEAD_SIZE);
	KUNIT_EXPECT_EQ(test, records_flush(records, false), 0ULL);
	put_record(fixture, 2, 1);
	take_record(test, 2, 2, 1);
}

static void records_flush_keeps_the_first(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;

	KUNIT_EXPECT_EQ(test, records_flush(records, true), 0ULL);
	records_append(records, "open", 4);
	KUNIT_EXPECT_EQ(test, records_flush(records, true), 4ULL);
	expect_no_record(test);
	put_record(fixture, 4, 1);
	put_record(fixture, 10, 1);
	put_record(fixture, 20, 1);
	records_append(records, "open", 4);
	KUNIT_EXPECT_EQ(test, records_flush(records, true), 34ULL);
	KUNIT_EXPECT_EQ(test, records_flush(records, true), 0ULL);
	put_record(fixture, 2, 9);
	take_record(test, 0, 4, 1);
	take_record(test, 3, 2, 9);
	expect_no_record(test);
}

static void records_kept_are_taken_again(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;
	u32 room;

	records_keep(records, true);
	put_record(fixture, 4, 1);
	put_record(fixture, 5, 2);
	put_record(fixture, 6, 3);
	room = records_room(records, 0);
	take_record(test, 0, 4, 1);
	take_record(test, 1, 5, 2);
	KUNIT_EXPECT_EQ(test, records_room(records, 0), room);
	KUNIT_EXPECT_FALSE(test, records_acknowledge(records, 2));
	KUNIT_EXPECT_TRUE(test, records_acknowledge(records, 0));
	KUNIT_EXPECT_TRUE(test, records_acknowledge(records, 0));
	KUNIT_EXPECT_EQ(test, records_room(records, 0), room + HEAD_SIZE + 4);
	records_rewind(records);
	take_record(test, 1, 5, 2);
	take_record(test, 2, 6, 3);
	expect_no_record(test);
	KUNIT_EXPECT_FALSE(test, records_acknowledge(records, 3));
	KUNIT_EXPECT_TRUE(test, records_acknowledge(records, 2));
	KUNIT_EXPECT_EQ(test, records_room(records, 0), RECORDS_SIZE - HEAD_SIZE);
	records_rewind(records);
	expect_no_record(test);
}

static void records_kept_are_forgotten(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;

	records_keep(records, true);
	put_record(fixture, 4, 1);
	put_record(fixture, 5, 2);
	take_record(test, 0, 4, 1);
	KUNIT_EXPECT_EQ(test, records_flush(records, true), 0ULL);
	records_rewind(records);
	take_record(test, 1, 5, 2);
	records_keep(records, false);
	records_rewind(records);
	expect_no_record(test);
	KUNIT_EXPECT_EQ(test, records_room(records, 0), RECORDS_SIZE - HEAD_SIZE);
}

/* Lengths of what went in, oldest first, tell what has to come out. */
static void records_keep_order_at_random(struct kunit *test)
{
	struct records_fixture *fixture = test->priv;
	struct records *records = &fixture->records;
	u8 lengths[16];
	struct rnd_state random;
	u64 put = 0, taken = 0;
	u32 i, n;

	prandom_seed_state(&random, choose_seed(test));
	for (i = 0; i < 5000; i++) {
		if (prandom_u32_state(&random) % 2) {
			n = prandom_u32_state(&random) % 200;
			if (records_room(records, 0) < n || ring_free(&records->ring) < HEAD_SIZE)
				continue;
			lengths[put % ARRAY_SIZE(lengths)] = n;
			put_record(fixture, n, (u8)put);
			put++;
		} else if (put != taken) {
			take_record(test, taken, lengths[taken % ARRAY_SIZE(lengths)], (u8)taken);
			taken++;
		} else {
			expect_no_record(test);
		}
	}
}

static struct kunit_case records_cases[] = { KUNIT_CASE(records_come_in_order),
					     KUNIT_CASE(records_grow_where_they_lie),
					     KUNIT_CASE(records_wrap),
					     KUNIT_CASE(records_room_is_to_the_byte),
					     KUNIT_CASE(records_abandon_gives_room_back),
					     KUNIT_CASE(records_flush_drops_all),
					     KUNIT_CASE(records_flush_keeps_the_first),
					     KUNIT_CASE(records_kept_are_taken_again),
					     KUNIT_CASE(records_kept_are_forgotten),
					     KUNIT_CASE(records_keep_order_at_random),
					     {} };

static struct kunit_suite records_suite = {
	.name = "n_dtu_records",
	.init = records_fixture_init,
	.test_cases = records_cases,
};

/* Framer */

struct framer_fixture {
	struct framer_stage first;
	struct framer_stage other;
	char script[1200];
};

/* Over half a megabyte each, for over a thousand cases: once, not for each of them. */
static struct framer_fixture *framer_fixture;

static int framer_suite_init(struct kunit_suite *suite)
{
	framer_fixture = kvzalloc(sizeof(*framer_fixture), GFP_KERNEL);
	return framer_fixture ? 0 : -ENOMEM;
}

static void framer_suite_exit(struct kunit_suite *suite)
{
	kvfree(framer_fixture);
	framer_fixture = NULL;
}

static void row_name(const struct framer_case *row, char *text)
{
	strscpy(text, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(framer_row, framer_cases, row_name);

static void expect_alike(struct kunit *test, const struct framer_setting *setting,
			 const char *script, u64 random)
{
	struct framer_stage *first = &framer_fixture->first, *other = &framer_fixture->other;
	u32 i;

	for (i = 1; i < framer_manners_count; i++) {
		const struct framer_manner *manner = &framer_manners[i];

		framer_play(other, setting, script, manner, random);
		KUNIT_ASSERT_STREQ_MSG(test, other->got, first->got, "%s: %s", manner->name,
				       script);
		KUNIT_ASSERT_EQ_MSG(test, other->digest, first->digest, "%s: %s", manner->name,
				    script);
	}
}

static void framer_row(struct kunit *test)
{
	const struct framer_case *row = test->param_value;
	const struct framer_setting setting = framer_case_setting(row);

	framer_play(&framer_fixture->first, &setting, row->script, &framer_manners[0], 0);
	KUNIT_ASSERT_STREQ(test, framer_fixture->first.got, row->expected);
	expect_alike(test, &setting, row->script, test->param_index);
}

static void framer_chunking_does_not_show(struct kunit *test)
{
	u64 first = choose_seed(test), count = argument("scripts=", scripts), records = 0;
	struct framer_setting setting;
	char *script = framer_fixture->script;
	u64 i;

	for (i = 0; i < count; i++) {
		framer_random(first + i, &setting, script, sizeof(framer_fixture->script));
		framer_play(&framer_fixture->first, &setting, script, &framer_manners[0], first);
		expect_alike(test, &setting, script, first + i);
		records += framer_fixture->first.framer.records.sequence;
		cond_resched();
	}
	kunit_info(test, "%llu scripts, %llu records\n", count, records);
	KUNIT_EXPECT_GT(test, records, count);
}

static struct kunit_case framer_suite_cases[] = { KUNIT_CASE_PARAM(framer_row,
								   framer_row_gen_params),
						  KUNIT_CASE(framer_chunking_does_not_show),
						  {} };

static struct kunit_suite framer_suite = {
	.name = "n_dtu_framer",
	.suite_init = framer_suite_init,
	.suite_exit = framer_suite_exit,
	.test_cases = framer_suite_cases,
};

kunit_test_suites(&ring_suite, &records_suite, &framer_suite);

MODULE_DESCRIPTION("KUnit tests of the n_dtu line discipline's core");
MODULE_LICENSE("GPL");
