// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "framer_cases.h"

const struct framer_case framer_cases[] = {
	/* framing by time */
	{ "a frame ends after the gap", 50, 1024, "hello 50", "G:hello" },
	{ "and not before", 50, 1024, "hello 49.999", "" },
	{ "a pause just under the gap does not split", 50, 1024, "he 49.999 llo 50", "G:hello" },
	{ "a pause of the gap splits", 50, 1024, "he 50 llo 50", "G:he G:llo" },
	{ "the gap counts from the last byte", 50, 1024, "a 40 b 40 c 40 d 40 e 50", "G:abcde" },
	{ "the longest gap", 60000, 1024, "he 59999.999 llo 60000", "G:hello" },
	{ "the longest gap splits", 60000, 1024, "he 60000 llo 60000", "G:he G:llo" },
	{ "CR and LF are data in data mode", 50, 1024, "a\\r\\nb\\r 50", "G:a\\r\\nb\\r" },
	{ "a frame may begin with CR LF", 50, 1024, "\\r\\n 50 \\n 50", "G:\\r\\n G:\\n" },

	/* framing by length */
	{ "a full frame ends at once", 50, 5, "hello", "L:hello" },
	{ "one byte short of full does not", 50, 5, "hell", "" },
	{ "what is over begins the next", 50, 5, "helloworld!", "L:hello L:world" },
	{ "the rest ends by the gap", 50, 5, "helloworld! 50", "L:hello L:world G:!" },
	{ "a frame fills over pauses", 50, 5, "he 49 ll 49 o", "L:hello" },
	{ "no empty frame after a full one", 50, 5, "hello 50 60000", "L:hello" },
	{ "the greatest length", 50, 2048, "x*4097 50", "L:x*2048 L:x*2048 G:x" },
	{ "a length of one", 50, 1, "+++", "L:+ L:+ L:+" },

	/* +++ */
	{ "isolated +++ is seen after the gap", 50, 1024, "+++ 50", "SEEN" },
	{ "and not before", 50, 1024, "+++ 49.999", "" },
	{ "a confirms", 50, 1024, "+++ 50 a", "SEEN CONF" },
	{ "first bytes after attach need no silence", 50, 1024, "+++ 50 a AT\\r",
	  "SEEN CONF LINE:AT" },
	{ "silence before +++ is enough", 50, 1024, "x 50 +++ 50 a", "G:x SEEN CONF" },
	{ "no silence before +++", 50, 1024, "x 49.999 +++ 50 a 50", "G:x+++ G:a" },
	{ "+++ as the end of a frame", 50, 1024, "x+++ 50 a 50", "G:x+++ G:a" },
	{ "+++ inside a frame", 50, 1024, "x+++y 50", "G:x+++y" },
	{ "data directly after", 50, 1024, "+++x 50", "G:+++x" },
	{ "data within the guard", 50, 1024, "+++ 49.999 x 50", "G:+++x" },
	{ "a within the guard is data", 50, 1024, "+++ 49.999 a 50", "G:+++a" },
	{ "+++a in one write is data", 50, 1024, "+++a 50", "G:+++a" },
	{ "four +", 50, 1024, "++++ 50 a 50", "G:++++ G:a" },
	{ "six + in one write", 50, 1024, "++++++ 50", "G:+*6" },
	{ "fourth + within the guard", 50, 1024, "+++ 49 + 50", "G:++++" },
	{ "two + pause one +", 50, 1024, "++ 50 + 50", "G:++ G:+" },
	{ "one + pause two +", 50, 1024, "+ 50 ++ 50", "G:+ G:++" },
	{ "slow +++ within the gap", 50, 1024, "+ 49 + 49 + 50 a", "SEEN CONF" },
	{ "two + are data", 50, 1024, "++ 50", "G:++" },
	{ "one + is data", 50, 1024, "+ 50", "G:+" },
	{ "two + pause +++", 50, 1024, "++ 50 +++ 50 a", "G:++ SEEN CONF" },
	{ "hello+++ at length 5", 50, 5, "hello+++ 50 a 50", "L:hello G:+++ G:a" },
	{ "hello, pause, +++ at length 5", 50, 5, "hello 50 +++ 50 a", "L:hello SEEN CONF" },
	{ "hello, short pause, +++ at length 5", 50, 5, "hello 49.999 +++ 50 a 50",
	  "L:hello G:+++ G:a" },
	{ "+++hello at length 5", 50, 5, "+++hello 50", "L:+++he G:llo" },
	{ "escape detection off", 50, 1024, "E=0 +++ 50 a 50", "G:+++ G:a" },

	/* the decision */
	{ "a after 2.9 s", 50, 1024, "+++ 50 2900 a", "SEEN CONF" },
	{ "a just within 3 s", 50, 1024, "+++ 50 2999.999 a", "SEEN CONF" },
	{ "a at 3 s is late", 50, 1024, "+++ 50 3000 a 50", "SEEN ABORT G:+++ G:a" },
	{ "a after 3.1 s", 50, 1024, "+++ 50 3100 a 50", "SEEN ABORT G:+++ G:a" },
	{ "nothing for 3 s", 50, 1024, "+++ 50 3000", "SEEN ABORT G:+++" },
	{ "nothing for just under 3 s", 50, 1024, "+++ 50 2999.999", "SEEN" },
	{ "ab: b begins the first line", 50, 1024, "+++ 50 ab \\r", "SEEN CONF LINE:b" },
	{ "a and a command in one write", 50, 1024, "+++ 50 aAT+VER\\r", "SEEN CONF LINE:AT+VER" },
	{ "a, then a command", 50, 1024, "+++ 50 a 5 AT+VER\\r", "SEEN CONF LINE:AT+VER" },
	{ "another byte aborts", 50, 1024, "+++ 50 b 50", "SEEN ABORT G:+++ G:b" },
	{ "A is another byte", 50, 1024, "+++ 50 A 50", "SEEN ABORT G:+++ G:A" },
	{ "CR is another byte", 50, 1024, "+++ 50 \\r 50", "SEEN ABORT G:+++ G:\\r" },
	{ "data aborts", 50, 1024, "+++ 1000 hello 50", "SEEN ABORT G:+++ G:hello" },
	{ "data aborts and fills a frame", 50, 5, "+++ 1000 hello", "SEEN ABORT G:+++ L:hello" },
	{ "a second +++ aborts and starts again", 50, 1024, "+++ 1000 +++ 50 a",
	  "SEEN ABORT G:+++ SEEN CONF" },
	{ "a third +++ too", 50, 1024, "+++ 60 +++ 60 +++ 50 a",
	  "SEEN ABORT G:+++ SEEN ABORT G:+++ SEEN CONF" },
	{ "a second +++ with data behind", 50, 1024, "+++ 1000 +++x 50",
	  "SEEN ABORT G:+++ G:+++x" },
	{ "after 3 s another +++", 50, 1024, "+++ 4000 +++ 50 a", "SEEN ABORT G:+++ SEEN CONF" },
	{ "after an abort silence is needed", 50, 1024, "+++ 60 b+++ 50 a 50",
	  "SEEN ABORT G:+++ G:b+++ G:a" },

	/* a guard that is shorter than the gap: frames as if nothing had been looked for */
	{ "guard of 300 ms at a gap of 1 s", 1000, 1024, "+++ 299.999 a 1000", "G:+++a" },
	{ "seen after 300 ms at a gap of 1 s", 1000, 1024, "+++ 300 a", "SEEN CONF" },
	{ "gap of 300 ms", 300, 1024, "+++ 300 a", "SEEN CONF" },
	{ "gap of 301 ms", 301, 1024, "+++ 300 a", "SEEN CONF" },
	{ "data within the gap joins the +++", 1000, 1024, "+++ 500 hello 1000",
	  "SEEN ABORT G:+++hello" },
	{ "data behind the gap does not", 1000, 1024, "+++ 1000 hello 1000",
	  "SEEN ABORT G:+++ G:hello" },
	{ "data just within the gap", 1000, 1024, "+++ 999.999 hello 1000",
	  "SEEN ABORT G:+++hello" },
	{ "+++ within the gap starts nothing", 1000, 1024, "+++ 500 +++ 1000 a 1000",
	  "SEEN ABORT G:+*6 G:a" },
	{ "+++ behind the gap starts again", 1000, 1024, "+++ 1000 +++ 300 a",
	  "SEEN ABORT G:+++ SEEN CONF" },
	{ "silence before is the whole gap", 1000, 1024, "x 300 +++ 1000 a 1000", "G:x+++ G:a" },
	{ "silence for 3 s at a gap of 60 s", 60000, 1024, "+++ 3300", "SEEN ABORT" },
	{ "the +++ is then an open frame", 60000, 1024, "+++ 10000 x 60000", "SEEN ABORT G:+++x" },
	{ "it ends a gap after the last +", 60000, 1024, "+++ 60000", "SEEN ABORT G:+++" },
	{ "and not before", 60000, 1024, "+++ 59999.999", "SEEN ABORT" },
	{ "a after 3.1 s at a gap of 60 s", 60000, 1024, "+++ 300 3100 a 60000",
	  "SEEN ABORT G:+++a" },
	{ "a joined +++ fills a frame", 60000, 5, "+++ 400 xyz 60000", "SEEN ABORT L:+++xy G:z" },

	/* lines */
	{ "CR ends a line", 50, 1024, "+++ 50 a AT\\r", "SEEN CONF LINE:AT" },
	{ "LF ends a line", 50, 1024, "+++ 50 a AT\\n", "SEEN CONF LINE:AT" },
	{ "no time framing in a line", 50, 1024, "+++ 50 a A 60000 T 60000 \\r",
	  "SEEN CONF LINE:AT" },
	{ "no length framing in a line", 50, 5, "+++ 50 a AT+VERSION\\r",
	  "SEEN CONF LINE:AT+VERSION" },
	{ "empty lines are nothing", 50, 1024, "+++ 50 a \\r\\r\\n\\n\\r AT\\r",
	  "SEEN CONF LINE:AT" },
	{ "CR LF is one end", 50, 1024, "+++ 50 a AT\\r\\n >L AT+H\\r\\n >L",
	  "SEEN CONF LINE:AT LINE:AT+H" },
	{ "nothing is read behind a line", 50, 1024, "+++ 50 a AT\\rAT+H\\r", "SEEN CONF LINE:AT" },
	{ "until resumed", 50, 1024, "+++ 50 a AT\\rAT+H\\r 9000 >L",
	  "SEEN CONF LINE:AT LINE:AT+H" },
	{ "three lines in one write", 50, 1024, "+++ 50 a A\\rB\\rC\\r >L >L >L",
	  "SEEN CONF LINE:A LINE:B LINE:C" },
	{ "the longest line", 50, 1024, "+++ 50 a x*2304\\r", "SEEN CONF LINE:x*2304" },
	{ "a longer line", 50, 1024, "+++ 50 a x*2305\\r", "SEEN CONF LONG" },
	{ "a much longer line, then another", 50, 1024, "+++ 50 a x*3000 x*3000 x*3000\\r >L AT\\r",
	  "SEEN CONF LONG LINE:AT" },
	{ "a long line built slowly", 50, 1024, "+++ 50 a x*2300 9000 x*4 9000 x 9000 \\n",
	  "SEEN CONF LONG" },
	{ "a +++ inside a line", 50, 1024, "+++ 50 a x+++ 5000 y\\r", "SEEN CONF LINE:x+++y" },

	/* a host that begins anew in command mode */
	{ "+++ at the head is dropped", 50, 1024, "+++ 50 a +++ 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ then a", 50, 1024, "+++ 50 a +++ 50 a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++a in one", 50, 1024, "+++ 50 a +++a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ twice", 50, 1024, "+++ 50 a +++ 50 +++ 50 a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ without silence stays", 50, 1024, "+++ 50 a +++ 49.999 AT\\r",
	  "SEEN CONF LINE:+++AT" },
	{ "+++ with CR is a line", 50, 1024, "+++ 50 a +++\\r", "SEEN CONF LINE:+++" },
	{ "+++a with CR is a line", 50, 1024, "+++ 50 a +++a\\r", "SEEN CONF LINE:+++a" },
	{ "a alone stays", 50, 1024, "+++ 50 a a 50 t\\r", "SEEN CONF LINE:at" },
	{ "+++ between lines is dropped", 50, 1024, "+++ 50 a AT\\r >L +++ 50 AT\\r",
	  "SEEN CONF LINE:AT LINE:AT" },
	{ "a typed a after a line stays", 50, 1024, "+++ 50 a +++ 50 AT\\r >L a 50 t\\r",
	  "SEEN CONF LINE:AT LINE:at" },
	{ "++ stays", 50, 1024, "+++ 50 a ++ 50 +\\r", "SEEN CONF LINE:+++" },

	/* back to data */
	{ "data directly behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\rhello >D 50",
	  "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "however late the agent", 50, 1024, "+++ 50 a AT+ENTM\\rhello 60000 >D",
	  "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "with the boundaries it had", 50, 1024, "+++ 50 a AT+ENTM\\r 60 he 60 ll 40 o 60000 >D",
	  "SEEN CONF LINE:AT+ENTM G:he G:llo" },
	{ "with the length", 50, 5, "+++ 50 a AT+ENTM\\rhelloworld! 99 >D",
	  "SEEN CONF LINE:AT+ENTM L:hello L:world G:!" },
	{ "LF behind ENTM's CR", 50, 1024, "+++ 50 a AT+ENTM\\r\\n >D 50 x 50",
	  "SEEN CONF LINE:AT+ENTM G:x" },
	{ "LF after ENTM was answered", 50, 1024, "+++ 50 a AT+ENTM\\r >D 49 \\n 50 x 50",
	  "SEEN CONF LINE:AT+ENTM G:x" },
	{ "CR CR", 50, 1024, "+++ 50 a AT+ENTM\\r\\r >D 50", "SEEN CONF LINE:AT+ENTM" },
	{ "CR CR LF", 50, 1024, "+++ 50 a AT+ENTM\\r\\r\\n >D 50", "SEEN CONF LINE:AT+ENTM" },
	{ "LF and data at once", 50, 1024, "+++ 50 a AT+ENTM\\r\\nhello >D 50",
	  "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "a LF behind the gap is data", 50, 1024, "+++ 50 a AT+ENTM\\r >D 50 \\n 50",
	  "SEEN CONF LINE:AT+ENTM G:\\n" },
	{ "so it is if it was held", 50, 1024, "+++ 50 a AT+ENTM\\r 50 \\n 50 >D",
	  "SEEN CONF LINE:AT+ENTM G:\\n" },
	{ "only the first bytes are line ends", 50, 1024, "+++ 50 a AT+ENTM\\rx\\r\\n >D 50",
	  "SEEN CONF LINE:AT+ENTM G:x\\r\\n" },
	{ "+++ directly behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r+++ >D 50 a 50",
	  "SEEN CONF LINE:AT+ENTM G:+++ G:a" },
	{ "+++ a gap behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r >D 50 +++ 50 a",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ a gap behind ENTM's CR LF", 50, 1024, "+++ 50 a AT+ENTM\\r\\n >D 50 +++ 50 a",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ a gap behind the CR, the LF late", 50, 1024,
	  "+++ 50 a AT+ENTM\\r 30 \\n 20 +++ >D 50 a", "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ too soon behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r 49 +++ >D 50 a 50",
	  "SEEN CONF LINE:AT+ENTM G:+++ G:a" },
	{ "held +++ and a", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 60 aAT\\r >D",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF LINE:AT" },
	{ "held +++ that was aborted", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 60 b 60 >D",
	  "SEEN CONF LINE:AT+ENTM SEEN ABORT G:+++ G:b" },
	{ "held +++ and nothing for 3 s", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 3060 >D",
	  "SEEN CONF LINE:AT+ENTM SEEN ABORT G:+++" },
	{ "an overlong line, then data", 50, 1024, "+++ 50 a x*2305\\rhello >D 50",
	  "SEEN CONF LONG G:hello" },
	{ "escape again and again", 50, 1024, "+++ 50 a A\\r >D 50 +++ 50 a B\\r >D 50 x 50",
	  "SEEN CONF LINE:A SEEN CONF LINE:B G:x" },

	/* released from outside, or flushed */
	{ "release: a line begun is data", 50, 1024, "+++ 50 a AT+X >D 50", "SEEN CONF M:AT+X" },
	{ "release of an empty line", 50, 1024, "+++ 50 a >D x 50", "SEEN CONF G:x" },
	{ "release while a line is too long", 50, 1024, "+++ 50 a x*2305 >D y 50",
	  "SEEN CONF G:y" },
	{ "resume in data mode changes nothing", 50, 1024, "he >D llo 50", "G:hello" },
	{ "flush drops an open frame", 50, 1024, "he ! llo 50", "G:llo" },
	{ "flush drops a +++", 50, 1024, "x 50 ++ ! + 50 a 50", "G:x G:+ G:a" },
	{ "flush: silence still counts from the last byte", 50, 1024, "x 50 ++ ! +++ 50 a 50",
	  "G:x G:+++ G:a" },
	{ "flush after silence: +++ is seen", 50, 1024, "x 50 ! +++ 50 a", "G:x SEEN CONF" },
	{ "flush before anything came", 50, 1024, "! +++ 50 a", "SEEN CONF" },
	{ "flush when seen", 50, 1024, "+++ 50 ! a 50", "SEEN ABORT G:a" },
	{ "flush leaves command mode", 50, 1024, "+++ 50 a AT ! x 50", "SEEN CONF ABORT G:x" },
	{ "flush drops what is held", 50, 1024, "+++ 50 a AT\\rhello ! x 50",
	  "SEEN CONF LINE:AT ABORT G:x" },

	/* settings on the way */
	{ "a shorter length ends a frame", 50, 1024, "hello L=5", "L:hello" },
	{ "a shorter gap ends it earlier", 1000, 1024, "hello 40 G=50 10", "G:hello" },
	{ "a longer gap later", 50, 1024, "hello 40 G=1000 959.999 x 1000", "G:hellox" },
	{ "detection off gives back what was kept", 50, 1024, "++ E=0 x 50", "G:++x" },
	{ "detection off when seen aborts", 50, 1024, "+++ 50 E=0 50", "SEEN ABORT G:+++" },
};

const u32 framer_cases_count = ARRAY_SIZE(framer_cases);

const struct framer_manner framer_manners[] = {
	{ .name = "as it comes" },
	{ .name = "timer late", .timer = FRAMER_TIMER_LATE },
	{ .name = "timer at odd times", .timer = FRAMER_TIMER_ODD },
	{ .name = "byte by byte", .piece = 1 },
	{ .name = "in pairs", .piece = 2 },
	{ .name = "byte by byte, timer late", .timer = FRAMER_TIMER_LATE, .piece = 1 },
	{ .name = "in odd pieces", .piece = 7, .odd = true },
	{ .name = "odd pieces, timer late", .timer = FRAMER_TIMER_LATE, .piece = 40, .odd = true },
	{ .name = "odd pieces and times", .timer = FRAMER_TIMER_ODD, .piece = 3, .odd = true },
	{ .name = "slow reader", .slow = true },
	{ .name = "slow reader, odd pieces and times",
	  .timer = FRAMER_TIMER_ODD,
	  .piece = 9,
	  .odd = true,
	  .slow = true },
};

const u32 framer_manners_count = ARRAY_SIZE(framer_manners);

/* Marsaglia's xorshift: the same numbers here, in the kernel and in user space. */
static u32 draw(u64 *state, u32 below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (u32)(*state >> 32) % below;
}

static void say(struct framer_stage *stage, const char *text, u32 n)
{
	if (stage->length + n < sizeof(stage->got))
		memcpy(stage->got + stage->length, text, n);
	stage->length += n;
}

static void say_byte(struct framer_stage *stage, u8 byte)
{
	const char plain = (char)byte;

	if (byte == '\r')
		say(stage, "\\r", 2);
	else if (byte == '\n')
		say(stage, "\\n", 2);
	else
		say(stage, &plain, 1);
}

/* The payload as the table writes it: runs over four are x*N. */
static void say_payload(struct framer_stage *stage, u32 n)
{
	const u8 *payload = stage->payload;
	u32 at, run;
	char text[16];

	for (at = 0; at < n; at += run) {
		for (run = 1; at + run < n && payload[at + run] == payload[at]; run++)
			;
		if (run > 4) {
			say(stage, text,
			    (u32)snprintf(text, sizeof(text), "%c*%u", payload[at], run));
			continue;
		}
		run = 1;
		say_byte(stage, payload[at]);
	}
}

/* FNV-1a. */
static void digest(struct framer_stage *stage, const void *bytes, u32 n)
{
	const u8 *byte = bytes;

	while (n--)
		stage->digest = (stage->digest ^ *byte++) * 16777619U;
}

static void say_record(struct framer_stage *stage, const struct dtu_record *head)
{
	static const char *const names[] = {
		[DTU_RECORD_SEEN] = "SEEN",	     [DTU_RECORD_CONFIRMED] = "CONF",
		[DTU_RECORD_ABORTED] = "ABORT",	     [DTU_RECORD_LINE] = "LINE:",
		[DTU_RECORD_LINE_TOO_LONG] = "LONG",
	};
	static const char *const reasons[] = {
		[DTU_REASON_NONE] = "?:",     [DTU_REASON_GAP] = "G:",	[DTU_REASON_LENGTH] = "L:",
		[DTU_REASON_LINE_END] = "?:", [DTU_REASON_MODE] = "M:",
	};
	const char *name = head->type == DTU_RECORD_DATA ? reasons[head->reason]
							 : names[head->type];

	if (stage->length)
		say(stage, " ", 1);
	say(stage, name, (u32)strlen(name));
	say_payload(stage, head->length - (u32)sizeof(*head));
	digest(stage, head, (u32)sizeof(*head));
	digest(stage, stage->payload, head->length - (u32)sizeof(*head));
}

static bool read_all(struct framer_stage *stage)
{
	struct records *records = &stage->framer.records;
	struct dtu_record head;
	bool any = false;

	for (; records_peek(records, &head); any = true) {
		records_copy(records, sizeof(head), stage->payload,
			     head.length - (u32)sizeof(head));
		records_consume(records);
		framer_pump(&stage->framer);
		say_record(stage, &head);
	}
	return any;
}

/* All that has become due is done and read, whoever was late with what. */
static void settle(struct framer_stage *stage)
{
	do {
		framer_expire(&stage->framer, stage->now);
	} while (read_all(stage));
}

static void pass(struct framer_stage *stage, const struct framer_manner *manner, u64 ns)
{
	u64 end = stage->now + ns, due;

	switch (manner->timer) {
	case FRAMER_TIMER_PROMPT:
		while ((due = framer_deadline(&stage->framer)) <= end)
			framer_expire(&stage->framer, due);
		break;
	case FRAMER_TIMER_ODD:
		while (ns >= 4 && draw(&stage->random, 4)) {
			ns >>= 1 + draw(&stage->random, 2);
			framer_expire(&stage->framer, end - ns);
		}
		break;
	case FRAMER_TIMER_LATE:
		break;
	}
	stage->now = end;
}

/* What the line hands over at one time, in the manner's chunks: they share its time and span. */
static void deliver(struct framer_stage *stage, const struct framer_manner *manner, const u8 *bytes,
		    u32 n)
{
	u32 done = 0;

	while (done < n) {
		u32 most = manner->piece ? min_t(u32, manner->piece, n - done) : n - done;
		u32 length = manner->odd ? 1 + draw(&stage->random, most) : most;
		struct framer_chunk chunk = { .ns = stage->now, .span = n, .length = length };
		u32 taken = framer_push(&stage->framer, &chunk, bytes + done);

		done += taken;
		if (taken == length)
			continue;
		if (!read_all(stage) && !taken)
			return;
	}
}

static void come(struct framer_stage *stage, const struct framer_manner *manner, u32 n)
{
	u32 depth = stage->depth ? stage->depth : n, done, together;

	for (done = 0; done < n; done += together) {
		together = min_t(u32, depth, n - done);
		pass(stage, manner, (u64)together * stage->framer.config.char_ns);
		deliver(stage, manner, stage->bytes + done, together);
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static u32 parse_number(const char **at)
{
	u32 number = 0;

	for (; is_digit(**at); (*at)++)
		number = 10 * number + (u32)(**at - '0');
	return number;
}

/* Milliseconds with three decimals at most. */
static u64 parse_time(const char **at)
{
	u64 us = 1000 * (u64)parse_number(at);
	u32 unit = 100;

	if (**at != '.')
		return 1000 * us;
	for ((*at)++; is_digit(**at); (*at)++, unit /= 10)
		us += unit * (u32)(**at - '0');
	return 1000 * us;
}

/* Into stage->bytes; returns how many. */
static u32 parse_bytes(struct framer_stage *stage, const char **at)
{
	u32 n = 0, times;

	for (; **at && **at != ' '; n += times) {
		char byte = *(*at)++;

		times = 1;
		if (byte == '\\') {
			byte = *(*at)++ == 'r' ? '\r' : '\n';
		} else if (**at == '*') {
			(*at)++;
			times = parse_number(at);
		}
		times = min_t(u32, times, (u32)sizeof(stage->bytes) - n);
		memset(stage->bytes + n, byte, times);
	}
	return n;
}

static void set(struct framer_stage *stage, char what, u32 value)
{
	struct framer_config config = stage->framer.config;

	if (what == 'M') {
		framer_mark(&stage->framer, (u8)value);
		return;
	}
	if (what == 'L')
		config.length = value;
	else if (what == 'G')
		config.gap_ns = value * CORE_NSEC_PER_MSEC;
	else
		config.escape = value;
	framer_configure(&stage->framer, &config);
}

/* Plays one word and steps over it. What acts on the framer from outside finds it up to date. */
static void play_word(struct framer_stage *stage, const struct framer_manner *manner,
		      const char **at)
{
	const char *word = *at;

	if (is_digit(*word)) {
		pass(stage, manner, parse_time(at));
	} else if (*word == '>') {
		settle(stage);
		framer_resume(&stage->framer, word[1] == 'D' ? DTU_MODE_DATA : DTU_MODE_LINE);
		*at += 2;
	} else if (*word == '!') {
		settle(stage);
		framer_flush(&stage->framer, false);
		*at += 1;
	} else if (word[1] == '=') {
		settle(stage);
		*at += 2;
		set(stage, *word, parse_number(at));
	} else {
		come(stage, manner, parse_bytes(stage, at));
	}
	if (!manner->slow)
		read_all(stage);
}

void framer_play(struct framer_stage *stage, const struct framer_setting *setting,
		 const char *script, const struct framer_manner *manner, u64 random)
{
	memset(&stage->framer, 0, sizeof(stage->framer));
	stage->now = 1000 * CORE_NSEC_PER_SEC;
	stage->random = random | 1;
	stage->depth = setting->depth;
	stage->length = 0;
	stage->digest = 2166136261U;
	framer_init(&stage->framer, &setting->config, stage->records_memory,
		    sizeof(stage->records_memory), stage->log_memory, sizeof(stage->log_memory));
	while (*script) {
		if (*script == ' ')
			script++;
		else
			play_word(stage, manner, &script);
	}
	settle(stage);
	stage->got[min_t(u32, stage->length, (u32)sizeof(stage->got) - 1)] = '\0';
}

struct framer_setting framer_case_setting(const struct framer_case *row)
{
	return (struct framer_setting){
		.config = {
			.gap_ns = row->gap_ms * CORE_NSEC_PER_MSEC,
			.length = row->length,
			.escape = row->length >= 4,
		},
	};
}

/* A pause at an edge of the rules, or just short of it, or any. */
static u32 random_pause_us(u64 *random, const struct framer_setting *setting, u32 gap_ms)
{
	const u32 guard_ms = min_t(u32, gap_ms, 300);
	const u32 edges_ms[] = { gap_ms, guard_ms, gap_ms / 2, 3000, 3000 + guard_ms, 1, 0 };
	u32 us = 1000 * edges_ms[draw(random, ARRAY_SIZE(edges_ms))];

	/* The edges lie behind what the line adds to them. */
	if (draw(random, 2))
		us += setting->depth * (u32)(setting->config.char_ns / 1000);
	switch (draw(random, 4)) {
	case 0:
		return us - (us > 0);
	case 1:
		return draw(random, 2 * us + 2);
	default:
		return us;
	}
}

/* A few words are @large: what waits behind a command line has to find room byte by byte. */
static const char *random_word(u64 *random, u32 *large)
{
	static const char *const words[] = {
		"+++", "+++",	 "+++",	 "a",	"a",	"+",	"++",	      "++++",
		"b",   "ab",	 "+++a", "x",	"+++x", "x+++", "AT\\r",      "\\r",
		"\\n", "\\r\\n", ">D",	 ">D",	">L",	">L",	"AT+Z\\r+++", "aAT\\r\\n",
		"!",   "L=5",	 "L=99", "M=2", "E=1",	"x*30", "hello",
	};
	static const char *const large_words[] = { "x*999", "x*2300", "x*2304\\r", "x*2305" };

	if (*large && !draw(random, 8)) {
		--*large;
		return large_words[draw(random, ARRAY_SIZE(large_words))];
	}
	return words[draw(random, ARRAY_SIZE(words))];
}

static void random_setting(u64 *random, struct framer_setting *setting, u32 gap_ms)
{
	static const u32 lengths[] = { 4, 5, 64, 1024, 2048 };
	struct framer_config *config = &setting->config;

	memset(setting, 0, sizeof(*setting));
	config->gap_ns = gap_ms * CORE_NSEC_PER_MSEC;
	config->length = lengths[draw(random, ARRAY_SIZE(lengths))];
	config->escape = draw(random, 8) > 0;
	config->pause_ns = draw(random, 2) ? config->gap_ns >> 1 : 0;
	if (!draw(random, 2))
		return;
	setting->depth = 1 + draw(random, 60);
	config->char_ns = 1000 * (1 + draw(random, 2000));
	config->head_ns = (u64)config->char_ns * (setting->depth - 1);
	config->tail_ns = (u64)config->char_ns * draw(random, 5);
	config->batch_ns = (u64)config->char_ns * setting->depth;
}

void framer_random(u64 seed, struct framer_setting *setting, char *script, u32 size)
{
	static const u32 gaps_ms[] = { 1, 50, 300, 301, 1000, 60000 };
	u64 random = (seed + 1) * 0x9e3779b97f4a7c15ULL | 1;
	u32 gap_ms = gaps_ms[draw(&random, ARRAY_SIZE(gaps_ms))];
	u32 at = 0, large = 4;

	random_setting(&random, setting, gap_ms);
	while (at + 40 < size) {
		u32 us = random_pause_us(&random, setting, gap_ms);

		at += (u32)snprintf(script + at, size - at, "%s ", random_word(&random, &large));
		if (draw(&random, 3))
			at += (u32)snprintf(script + at, size - at, "%u.%03u ", us / 1000,
					    us % 1000);
	}
	script[at] = '\0';
}
