// SPDX-License-Identifier: MIT
#include <errno.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "tap.h"

#include "base/buf.h"
#include "base/crc32.h"
#include "base/report.h"
#include "base/timer.h"

static void test_buf(void)
{
	_cleanup_buf_ struct buf buf = { .limit = 10 };
	uint8_t *to;

	tap_is((long)buf_room(&buf), 10, "an empty buffer has room up to its limit");
	tap_is(buf_add(&buf, "a\0cdef", 6), 0, "bytes are added, zero bytes too");
	tap_is(buf_add(&buf, "ghijk", 5), -ENOBUFS, "more than the limit is refused");
	tap_ok(buf.truncated, "and marked");
	tap_same(buf_bytes(&buf), buf.length, "a\0cdef", 6, "and nothing of it is held");
	buf_take(&buf, 4);
	tap_same(buf_bytes(&buf), buf.length, "ef", 2, "bytes leave at the head");
	tap_is(buf_add(&buf, "ghijklmn", 8), 0, "room at the head is used again");
	tap_same(buf_bytes(&buf), buf.length, "efghijklmn", 10, "in order");
	tap_is((long)buf_room(&buf), 0, "full");
	buf_cut(&buf, 3);
	tap_same(buf_bytes(&buf), buf.length, "efg", 3, "bytes are cut at the tail");
	tap_is(buf_printf(&buf, "%d", 1234567), 0, "text fills it to the limit");
	tap_same(buf_bytes(&buf), buf.length, "efg1234567", 10, "without its NUL");
	tap_is(buf_printf(&buf, "x"), -ENOBUFS, "and no further");
	buf_clear(&buf);
	tap_ok(!buf.truncated && !buf.length, "cleared");
	to = buf_reserve(&buf, 10);
	tap_ok(to != NULL, "room is reserved");
	memcpy(to, "0123456789", 10);
	buf_commit(&buf, 4);
	tap_same(buf_bytes(&buf), buf.length, "0123", 4, "and what came is held");
	tap_ok(!buf_reserve(&buf, 7), "not beyond the limit");
	buf_take(&buf, 100);
	tap_is((long)buf.length, 0, "taking more than there is empties it");
}

static void test_buf_random(void)
{
	_cleanup_buf_ struct buf buf = { 0 };
	unsigned int in = 0, out = 0;
	bool ok = true;

	srandom(1);
	for (int i = 0; i < 20000 && ok; i++) {
		size_t n = (size_t)random() % 700;
		uint8_t bytes[700];

		for (size_t j = 0; j < n; j++)
			bytes[j] = (uint8_t)(in + j);
		if (n <= buf_room(&buf)) {
			ok = buf_add(&buf, bytes, n) == 0;
			in += (unsigned int)n;
		}
		n = (size_t)random() % 700;
		n = MIN(n, buf.length);
		for (size_t j = 0; j < n && ok; j++)
			ok = buf_bytes(&buf)[j] == (uint8_t)(out + j);
		buf_take(&buf, n);
		out += (unsigned int)n;
	}
	tap_ok(ok, "20000 random additions and removals keep every byte in order");
}

static void test_crc32(void)
{
	tap_ok(crc32_of("123456789", 9) == 0xcbf43926, "the check value of CRC-32");
	tap_ok(crc32_of("", 0) == 0, "of nothing");
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t fired[8];
static unsigned int fires;

static void test_report(void)
{
	static const char json[] = "{\n  \"host\": \"a\\u000ab\\u001b[2J\\u00e9\"\n}\n";
	struct buf out = { 0 };
	struct report report;

	report_begin(&report, &out, false);
	report_text(&report, "host", "a\nb\x1b[2J\xe9");
	report_end(&report);
	tap_same(buf_bytes(&out), out.length, "host: a?b?[2J\xe9\n", 15,
		 "report: control characters stay out of the text");
	buf_clear(&out);
	report_begin(&report, &out, true);
	report_text(&report, "host", "a\nb\x1b[2J\xe9");
	report_end(&report);
	tap_same(buf_bytes(&out), out.length, json, sizeof(json) - 1, "report: and are escaped in JSON");
	buf_free(&out);
}

static void on_time(void *data)
{
	struct timer *again = data;

	fired[fires++ % ARRAY_SIZE(fired)] = now_us();
	if (again)
		timer_free(again);
}

static void test_timer(void)
{
	struct timer timer = { .fire = on_time }, freed = { .fire = on_time };
	uint64_t began = now_us();
	sd_event *loop = NULL;

	sd_event_new(&loop);
	freed.data = &freed;
	tap_ok(!timer_armed(&timer), "a zeroed timer is not armed");
	timer_disarm(&timer);
	tap_is(timer_arm(&timer, loop, 60000000), 0, "armed for a minute");
	tap_ok(timer_armed(&timer), "armed");
	tap_is(timer_arm(&timer, loop, 20000), 0, "armed anew for 20 ms");
	sd_event_run(loop, 1000000);
	tap_is(fires, 1, "fires once");
	tap_ok(fired[0] - began >= 20000, "never early");
	tap_ok(fired[0] - began < 200000, "nor as late as 250 ms");
	tap_ok(!timer_armed(&timer), "and is not armed any more");
	timer_arm_at(&timer, loop, now_us());
	timer_disarm(&timer);
	sd_event_run(loop, 10000);
	tap_is(fires, 1, "a disarmed timer does not fire");
	timer_arm(&freed, loop, 0);
	sd_event_run(loop, 100000);
	tap_ok(fires == 2 && !freed.source, "a timer may be freed when it fires");
	timer_free(&timer);
	sd_event_unref(loop);
}

int main(void)
{
	test_buf();
	test_buf_random();
	test_crc32();
	test_report();
	test_timer();
	return tap_done();
}
