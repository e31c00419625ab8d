// SPDX-License-Identifier: MIT
/*
 * The framer of the kernel module, in user space: a table of what the rules say, and a comparison
 * with a model of them on random input (DTU_SEED, DTU_TIER).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "framer_model.h"
#include "tap.h"

#define RECORDS_SIZE 16384
#define LOG_SIZE 8192

/*
 * Scripts are words with blanks between:
 *   50       50 ms pass (49.999 too)
 *   >D >L    the agent reads the line and resumes in data or line mode
 *   !        everything received is flushed
 *   L=8      frames hold 8 bytes from now on;  G=100: the gap is 100 ms;  E=0: no escape detection
 *   M=2      framer_mark(2)
 *   other    bytes that come now, with \r \n, and x*30 for thirty x
 * What is expected:
 *   G: L: M: DATA with its reason;  LINE:, LONG, SEEN, CONF, ABORT
 */
struct row {
	const char *name;
	u32 gap_ms;
	u32 length;
	const char *script;
	const char *expected;
};

static const struct row rows[] = {
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
	{ "first bytes after attach need no silence", 50, 1024, "+++ 50 a AT\\r", "SEEN CONF LINE:AT" },
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
	{ "hello, short pause, +++ at length 5", 50, 5, "hello 49.999 +++ 50 a 50", "L:hello G:+++ G:a" },
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
	{ "a second +++ aborts and starts again", 50, 1024, "+++ 1000 +++ 50 a", "SEEN ABORT G:+++ SEEN CONF" },
	{ "a third +++ too", 50, 1024, "+++ 60 +++ 60 +++ 50 a", "SEEN ABORT G:+++ SEEN ABORT G:+++ SEEN CONF" },
	{ "a second +++ with data behind", 50, 1024, "+++ 1000 +++x 50", "SEEN ABORT G:+++ G:+++x" },
	{ "after 3 s another +++", 50, 1024, "+++ 4000 +++ 50 a", "SEEN ABORT G:+++ SEEN CONF" },
	{ "after an abort silence is needed", 50, 1024, "+++ 60 b+++ 50 a 50", "SEEN ABORT G:+++ G:b+++ G:a" },

	/* a guard that is shorter than the gap: frames as if nothing had been looked for */
	{ "guard of 300 ms at a gap of 1 s", 1000, 1024, "+++ 299.999 a 1000", "G:+++a" },
	{ "seen after 300 ms at a gap of 1 s", 1000, 1024, "+++ 300 a", "SEEN CONF" },
	{ "gap of 300 ms", 300, 1024, "+++ 300 a", "SEEN CONF" },
	{ "gap of 301 ms", 301, 1024, "+++ 300 a", "SEEN CONF" },
	{ "data within the gap joins the +++", 1000, 1024, "+++ 500 hello 1000", "SEEN ABORT G:+++hello" },
	{ "data behind the gap does not", 1000, 1024, "+++ 1000 hello 1000", "SEEN ABORT G:+++ G:hello" },
	{ "data just within the gap", 1000, 1024, "+++ 999.999 hello 1000", "SEEN ABORT G:+++hello" },
	{ "+++ within the gap starts nothing", 1000, 1024, "+++ 500 +++ 1000 a 1000", "SEEN ABORT G:+*6 G:a" },
	{ "+++ behind the gap starts again", 1000, 1024, "+++ 1000 +++ 300 a", "SEEN ABORT G:+++ SEEN CONF" },
	{ "silence before is the whole gap", 1000, 1024, "x 300 +++ 1000 a 1000", "G:x+++ G:a" },
	{ "silence for 3 s at a gap of 60 s", 60000, 1024, "+++ 3300", "SEEN ABORT" },
	{ "the +++ is then an open frame", 60000, 1024, "+++ 10000 x 60000", "SEEN ABORT G:+++x" },
	{ "it ends a gap after the last +", 60000, 1024, "+++ 60000", "SEEN ABORT G:+++" },
	{ "and not before", 60000, 1024, "+++ 59999.999", "SEEN ABORT" },
	{ "a after 3.1 s at a gap of 60 s", 60000, 1024, "+++ 300 3100 a 60000", "SEEN ABORT G:+++a" },
	{ "a joined +++ fills a frame", 60000, 5, "+++ 400 xyz 60000", "SEEN ABORT L:+++xy G:z" },

	/* lines */
	{ "CR ends a line", 50, 1024, "+++ 50 a AT\\r", "SEEN CONF LINE:AT" },
	{ "LF ends a line", 50, 1024, "+++ 50 a AT\\n", "SEEN CONF LINE:AT" },
	{ "no time framing in a line", 50, 1024, "+++ 50 a A 60000 T 60000 \\r", "SEEN CONF LINE:AT" },
	{ "no length framing in a line", 50, 5, "+++ 50 a AT+VERSION\\r", "SEEN CONF LINE:AT+VERSION" },
	{ "empty lines are nothing", 50, 1024, "+++ 50 a \\r\\r\\n\\n\\r AT\\r", "SEEN CONF LINE:AT" },
	{ "CR LF is one end", 50, 1024, "+++ 50 a AT\\r\\n >L AT+H\\r\\n >L", "SEEN CONF LINE:AT LINE:AT+H" },
	{ "nothing is read behind a line", 50, 1024, "+++ 50 a AT\\rAT+H\\r", "SEEN CONF LINE:AT" },
	{ "until resumed", 50, 1024, "+++ 50 a AT\\rAT+H\\r 9000 >L", "SEEN CONF LINE:AT LINE:AT+H" },
	{ "three lines in one write", 50, 1024, "+++ 50 a A\\rB\\rC\\r >L >L >L", "SEEN CONF LINE:A LINE:B LINE:C" },
	{ "the longest line", 50, 1024, "+++ 50 a x*2304\\r", "SEEN CONF LINE:x*2304" },
	{ "a longer line", 50, 1024, "+++ 50 a x*2305\\r", "SEEN CONF LONG" },
	{ "a much longer line, then another", 50, 1024, "+++ 50 a x*3000 x*3000 x*3000\\r >L AT\\r",
	  "SEEN CONF LONG LINE:AT" },
	{ "a long line built slowly", 50, 1024, "+++ 50 a x*2300 9000 x*4 9000 x 9000 \\n", "SEEN CONF LONG" },
	{ "a +++ inside a line", 50, 1024, "+++ 50 a x+++ 5000 y\\r", "SEEN CONF LINE:x+++y" },

	/* a host that begins anew in command mode */
	{ "+++ at the head is dropped", 50, 1024, "+++ 50 a +++ 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ then a", 50, 1024, "+++ 50 a +++ 50 a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++a in one", 50, 1024, "+++ 50 a +++a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ twice", 50, 1024, "+++ 50 a +++ 50 +++ 50 a 50 AT\\r", "SEEN CONF LINE:AT" },
	{ "+++ without silence stays", 50, 1024, "+++ 50 a +++ 49.999 AT\\r", "SEEN CONF LINE:+++AT" },
	{ "+++ with CR is a line", 50, 1024, "+++ 50 a +++\\r", "SEEN CONF LINE:+++" },
	{ "+++a with CR is a line", 50, 1024, "+++ 50 a +++a\\r", "SEEN CONF LINE:+++a" },
	{ "a alone stays", 50, 1024, "+++ 50 a a 50 t\\r", "SEEN CONF LINE:at" },
	{ "+++ between lines is dropped", 50, 1024, "+++ 50 a AT\\r >L +++ 50 AT\\r", "SEEN CONF LINE:AT LINE:AT" },
	{ "a typed a after a line stays", 50, 1024, "+++ 50 a +++ 50 AT\\r >L a 50 t\\r", "SEEN CONF LINE:AT LINE:at" },
	{ "++ stays", 50, 1024, "+++ 50 a ++ 50 +\\r", "SEEN CONF LINE:+++" },

	/* back to data */
	{ "data directly behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\rhello >D 50", "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "however late the agent", 50, 1024, "+++ 50 a AT+ENTM\\rhello 60000 >D", "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "with the boundaries it had", 50, 1024, "+++ 50 a AT+ENTM\\r 60 he 60 ll 40 o 60000 >D",
	  "SEEN CONF LINE:AT+ENTM G:he G:llo" },
	{ "with the length", 50, 5, "+++ 50 a AT+ENTM\\rhelloworld! 99 >D",
	  "SEEN CONF LINE:AT+ENTM L:hello L:world G:!" },
	{ "LF behind ENTM's CR", 50, 1024, "+++ 50 a AT+ENTM\\r\\n >D 50 x 50", "SEEN CONF LINE:AT+ENTM G:x" },
	{ "LF after ENTM was answered", 50, 1024, "+++ 50 a AT+ENTM\\r >D 49 \\n 50 x 50",
	  "SEEN CONF LINE:AT+ENTM G:x" },
	{ "CR CR", 50, 1024, "+++ 50 a AT+ENTM\\r\\r >D 50", "SEEN CONF LINE:AT+ENTM" },
	{ "CR CR LF", 50, 1024, "+++ 50 a AT+ENTM\\r\\r\\n >D 50", "SEEN CONF LINE:AT+ENTM" },
	{ "LF and data at once", 50, 1024, "+++ 50 a AT+ENTM\\r\\nhello >D 50", "SEEN CONF LINE:AT+ENTM G:hello" },
	{ "a LF behind the gap is data", 50, 1024, "+++ 50 a AT+ENTM\\r >D 50 \\n 50", "SEEN CONF LINE:AT+ENTM G:\\n" },
	{ "so it is if it was held", 50, 1024, "+++ 50 a AT+ENTM\\r 50 \\n 50 >D", "SEEN CONF LINE:AT+ENTM G:\\n" },
	{ "only the first bytes are line ends", 50, 1024, "+++ 50 a AT+ENTM\\rx\\r\\n >D 50",
	  "SEEN CONF LINE:AT+ENTM G:x\\r\\n" },
	{ "+++ directly behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r+++ >D 50 a 50",
	  "SEEN CONF LINE:AT+ENTM G:+++ G:a" },
	{ "+++ a gap behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r >D 50 +++ 50 a", "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ a gap behind ENTM's CR LF", 50, 1024, "+++ 50 a AT+ENTM\\r\\n >D 50 +++ 50 a",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ a gap behind the CR, the LF late", 50, 1024, "+++ 50 a AT+ENTM\\r 30 \\n 20 +++ >D 50 a",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF" },
	{ "+++ too soon behind ENTM", 50, 1024, "+++ 50 a AT+ENTM\\r 49 +++ >D 50 a 50",
	  "SEEN CONF LINE:AT+ENTM G:+++ G:a" },
	{ "held +++ and a", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 60 aAT\\r >D",
	  "SEEN CONF LINE:AT+ENTM SEEN CONF LINE:AT" },
	{ "held +++ that was aborted", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 60 b 60 >D",
	  "SEEN CONF LINE:AT+ENTM SEEN ABORT G:+++ G:b" },
	{ "held +++ and nothing for 3 s", 50, 1024, "+++ 50 a AT+ENTM\\r 60 +++ 3060 >D",
	  "SEEN CONF LINE:AT+ENTM SEEN ABORT G:+++" },
	{ "an overlong line, then data", 50, 1024, "+++ 50 a x*2305\\rhello >D 50", "SEEN CONF LONG G:hello" },
	{ "escape again and again", 50, 1024, "+++ 50 a A\\r >D 50 +++ 50 a B\\r >D 50 x 50",
	  "SEEN CONF LINE:A SEEN CONF LINE:B G:x" },

	/* released from outside, or flushed */
	{ "release: a line begun is data", 50, 1024, "+++ 50 a AT+X >D 50", "SEEN CONF M:AT+X" },
	{ "release of an empty line", 50, 1024, "+++ 50 a >D x 50", "SEEN CONF G:x" },
	{ "release while a line is too long", 50, 1024, "+++ 50 a x*2305 >D y 50", "SEEN CONF G:y" },
	{ "resume in data mode changes nothing", 50, 1024, "he >D llo 50", "G:hello" },
	{ "flush drops an open frame", 50, 1024, "he ! llo 50", "G:llo" },
	{ "flush drops a +++", 50, 1024, "x 50 ++ ! + 50 a 50", "G:x G:+ G:a" },
	{ "flush: silence still counts from the last byte", 50, 1024, "x 50 ++ ! +++ 50 a 50", "G:x G:+++ G:a" },
	{ "flush after silence: +++ is seen", 50, 1024, "x 50 ! +++ 50 a", "G:x SEEN CONF" },
	{ "flush before anything came", 50, 1024, "! +++ 50 a", "SEEN CONF" },
	{ "flush when seen", 50, 1024, "+++ 50 ! a 50", "SEEN ABORT G:a" },
	{ "flush leaves command mode", 50, 1024, "+++ 50 a AT ! x 50", "SEEN CONF ABORT G:x" },
	{ "flush drops what is held", 50, 1024, "+++ 50 a AT\\rhello ! x 50", "SEEN CONF LINE:AT ABORT G:x" },

	/* settings on the way */
	{ "a shorter length ends a frame", 50, 1024, "hello L=5", "L:hello" },
	{ "a shorter gap ends it earlier", 1000, 1024, "hello 40 G=50 10", "G:hello" },
	{ "a longer gap later", 50, 1024, "hello 40 G=1000 959.999 x 1000", "G:hellox" },
	{ "detection off gives back what was kept", 50, 1024, "++ E=0 x 50", "G:++x" },
	{ "detection off when seen aborts", 50, 1024, "+++ 50 E=0 50", "SEEN ABORT G:+++" },
};

/* What varies while the outcome must not. */
struct manner {
	const char *name;
	bool late;   /* the timer never comes before the next chunk */
	bool single; /* bytes come one by one */
	bool slow;   /* nobody reads before the end, except where a script resumes */
};

static const struct manner manners[] = {
	{ "", false, false, false },
	{ ", the timer late", true, false, false },
	{ ", byte by byte", false, true, false },
	{ ", late and byte by byte", true, true, false },
	{ ", a slow reader", false, false, true },
};

struct stage {
	struct framer framer;
	u8 records_memory[RECORDS_SIZE];
	u8 log_memory[LOG_SIZE];
	u64 now;
	char got[20000];
	size_t length;
	bool torn;
};

static void say(struct stage *stage, const char *text, size_t n)
{
	if (stage->length + n < sizeof(stage->got))
		memcpy(stage->got + stage->length, text, n);
	stage->length += n;
}

/* A record as the table writes it; runs over four are written x*N. */
static void say_record(struct stage *stage, const struct dtu_record *head, const u8 *payload)
{
	static const char *const names[] = {
		[DTU_RECORD_SEEN] = "SEEN",  [DTU_RECORD_CONFIRMED] = "CONF",	  [DTU_RECORD_ABORTED] = "ABORT",
		[DTU_RECORD_LINE] = "LINE:", [DTU_RECORD_LINE_TOO_LONG] = "LONG",
	};
	static const char *const reasons[] = {
		[DTU_REASON_NONE] = "?:",     [DTU_REASON_GAP] = "G:",	[DTU_REASON_LENGTH] = "L:",
		[DTU_REASON_LINE_END] = "?:", [DTU_REASON_MODE] = "M:",
	};
	const char *name = head->type == DTU_RECORD_DATA ? reasons[head->reason] : names[head->type];
	u32 n = head->length - (u32)sizeof(*head), run;
	char text[16];

	if (stage->length)
		say(stage, " ", 1);
	say(stage, name, strlen(name));
	for (u32 i = 0; i < n; i += run) {
		for (run = 1; i + run < n && payload[i + run] == payload[i]; run++)
			;
		if (run > 4) {
			say(stage, text, (size_t)snprintf(text, sizeof(text), "%c*%u", payload[i], run));
			continue;
		}
		run = 1;
		if (payload[i] == '\r')
			say(stage, "\\r", 2);
		else if (payload[i] == '\n')
			say(stage, "\\n", 2);
		else
			say(stage, (const char *)&payload[i], 1);
	}
}

static void read_all(struct stage *stage)
{
	struct dtu_record head;
	u8 payload[DTU_PAYLOAD_MAX];

	while (records_peek(&stage->framer.records, &head)) {
		records_copy(&stage->framer.records, sizeof(head), payload, head.length - (u32)sizeof(head));
		records_consume(&stage->framer.records);
		framer_pump(&stage->framer);
		say_record(stage, &head, payload);
	}
}

static void come(struct stage *stage, const struct manner *manner, const u8 *bytes, u32 n)
{
	for (u32 done = 0; done < n;) {
		u32 length = manner->single ? 1 : n - done;
		struct framer_chunk chunk = { .ns = stage->now, .span = length, .length = length };
		u32 taken = framer_push(&stage->framer, &chunk, bytes + done);

		done += taken;
		if (!taken || taken < length)
			read_all(stage);
	}
}

static void pass(struct stage *stage, const struct manner *manner, u64 ns)
{
	u64 due;

	stage->now += ns;
	if (manner->late)
		return;
	while ((due = framer_deadline(&stage->framer)) <= stage->now)
		framer_expire(&stage->framer, due);
}

static u32 parse_bytes(const char *word, u8 *bytes)
{
	u32 n = 0;

	while (*word) {
		if (word[0] == '\\') {
			if (word[1] == 'r')
				bytes[n++] = '\r';
			else if (word[1] == 'n')
				bytes[n++] = '\n';
			word += 2;
		} else if (word[1] == '*') {
			char *behind;
			u32 times = (u32)strtoul(word + 2, &behind, 10);

			memset(bytes + n, word[0], times);
			n += times;
			word = behind;
		} else {
			bytes[n++] = (u8)*word++;
		}
	}
	return n;
}

static void configure(struct stage *stage, char what, unsigned long value)
{
	struct framer_config config = stage->framer.config;

	if (what == 'L')
		config.length = (u32)value;
	else if (what == 'G')
		config.gap_ns = value * CORE_NSEC_PER_MSEC;
	else
		config.escape = value;
	framer_configure(&stage->framer, &config);
}

static void play_word(struct stage *stage, const struct manner *manner, const char *word)
{
	static u8 bytes[16384];

	if (*word >= '0' && *word <= '9') {
		pass(stage, manner, (u64)(strtod(word, NULL) * 1e6 + 0.5));
	} else if (*word == '>') {
		framer_expire(&stage->framer, stage->now);
		read_all(stage);
		framer_resume(&stage->framer, word[1] == 'D' ? DTU_MODE_DATA : DTU_MODE_LINE);
		if (!manner->late)
			framer_expire(&stage->framer, stage->now);
	} else if (*word == '!') {
		framer_expire(&stage->framer, stage->now);
		read_all(stage);
		framer_flush(&stage->framer, false);
	} else if (word[1] == '=') {
		/* The timer would have come before. */
		framer_expire(&stage->framer, stage->now);
		configure(stage, word[0], strtoul(word + 2, NULL, 10));
	} else {
		come(stage, manner, bytes, parse_bytes(word, bytes));
	}
	if (!manner->slow)
		read_all(stage);
}

static void play(struct stage *stage, const struct row *row, const struct manner *manner)
{
	const struct framer_config config = {
		.gap_ns = row->gap_ms * CORE_NSEC_PER_MSEC,
		.length = row->length,
		.escape = row->length >= 4,
	};
	char script[1000], *rest = script, *word;

	memset(stage, 0, sizeof(*stage));
	stage->now = 1000 * CORE_NSEC_PER_SEC;
	framer_init(&stage->framer, &config, stage->records_memory, RECORDS_SIZE, stage->log_memory, LOG_SIZE);
	snprintf(script, sizeof(script), "%s", row->script);
	while ((word = strsep(&rest, " ")))
		play_word(stage, manner, word);
	framer_expire(&stage->framer, stage->now);
	read_all(stage);
}

static void test_rows(void)
{
	static struct stage stage;
	char name[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < sizeof(manners) / sizeof(manners[0]); k++) {
			/* a flush throws away what a slow reader would have had */
			if (manners[k].slow && strchr(rows[i].script, '!'))
				continue;
			play(&stage, &rows[i], &manners[k]);
			snprintf(name, sizeof(name), "%s%s", rows[i].name, manners[k].name);
			tap_same(stage.got, stage.length, rows[i].expected, strlen(rows[i].expected), name);
		}
	}
}

/* Records full, then the log, then a push comes back short; nothing is lost on the way out. */
static void test_full(void)
{
	static struct stage stage;
	const struct framer_config config = { .gap_ns = CORE_NSEC_PER_MSEC, .length = 100 };
	u32 sent = 0, taken = 1, received = 0, frames = 0;
	bool in_order = true, short_push = false;
	struct dtu_record head;
	u8 byte, payload[DTU_PAYLOAD_MAX];

	framer_init(&stage.framer, &config, stage.records_memory, RECORDS_SIZE, stage.log_memory, LOG_SIZE);
	while (taken) {
		struct framer_chunk chunk = { .ns = 1000 + sent, .span = 1, .length = 1 };

		byte = (u8)sent;
		taken = framer_push(&stage.framer, &chunk, &byte);
		sent += taken;
	}
	tap_ok(sent > (RECORDS_SIZE / 148 - 3) * 100, "the records and the log fill (%u bytes)", sent);
	tap_ok(!framer_has_room(&stage.framer), "then there is no room");
	tap_ok(framer_deadline(&stage.framer) == FRAMER_NEVER, "and no deadline while input waits");
	for (;;) {
		if (!records_peek(&stage.framer.records, &head)) {
			framer_expire(&stage.framer, U64_MAX - 1);
			if (!records_peek(&stage.framer.records, &head))
				break;
		}
		records_copy(&stage.framer.records, sizeof(head), payload, head.length - (u32)sizeof(head));
		for (u32 i = 0; i < head.length - sizeof(head); i++)
			in_order &= payload[i] == (u8)received++;
		in_order &= head.sequence == frames++;
		in_order &= head.length - sizeof(head) == 100 || received == sent;
		records_consume(&stage.framer.records);
		framer_pump(&stage.framer);
	}
	tap_is(received, sent, "everything comes out");
	tap_ok(in_order, "in order, in frames of 100");
	tap_ok(stage.framer.counters.bytes == sent, "and is counted");

	/* A chunk larger than all room. */
	memset(&stage, 0, sizeof(stage));
	framer_init(&stage.framer, &config, stage.records_memory, RECORDS_SIZE, stage.log_memory, LOG_SIZE);
	{
		static u8 much[65536];
		struct framer_chunk chunk = { .ns = 1, .span = sizeof(much), .length = sizeof(much) };

		taken = framer_push(&stage.framer, &chunk, much);
		short_push = taken > 0 && taken < sizeof(much);
		tap_ok(short_push, "a chunk larger than all room is taken in part (%u)", taken);
		tap_is(framer_push(&stage.framer, &chunk, much), 0, "and then nothing more");
		framer_flush(&stage.framer, false);
		tap_is((long)stage.framer.counters.flushed, taken, "a flush counts all of it");
		tap_ok(framer_has_room(&stage.framer), "and makes room");
	}
}

static void test_marks(void)
{
	static struct stage stage;
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

	framer_init(&stage.framer, &config, stage.records_memory, RECORDS_SIZE, stage.log_memory, LOG_SIZE);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct framer_chunk chunk = {
			.ns = steps[i].ns,
			.flags = steps[i].flags,
			.span = (u32)strlen(steps[i].bytes),
			.length = (u32)strlen(steps[i].bytes),
		};

		framer_expire(&stage.framer, steps[i].ns);
		if (steps[i].mark)
			framer_mark(&stage.framer, steps[i].mark);
		framer_push(&stage.framer, &chunk, (const u8 *)steps[i].bytes);
	}
	framer_expire(&stage.framer, U64_MAX - 1);
	for (; records_peek(&stage.framer.records, &head); frames++) {
		tap_ok(frames < sizeof(want) && head.flags == want[frames], "flags of frame %u", frames);
		records_consume(&stage.framer.records);
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

static void test_random(void)
{
	const char *seed_text = getenv("DTU_SEED"), *tier = getenv("DTU_TIER");
	u64 seed = seed_text && *seed_text ? strtoull(seed_text, NULL, 0) : (u64)time(NULL) * 1000003;
	double end = seconds() + (tier && !strcmp(tier, "soak") ? 300 : 8);
	unsigned long rounds = 0;
	char why[300] = "";
	bool ok = true;

	printf("# DTU_SEED=%" PRIu64 "\n", seed);
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
	test_rows();
	test_full();
	test_marks();
	test_random();
	return tap_done();
}
