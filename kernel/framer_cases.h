/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the rules of framing say, as a table of scripts and the records that come of them, and a
 * player for such scripts. One source for the tests in user space and in the kernel.
 *
 * Scripts are words with blanks between:
 *   50       50 ms pass (49.999 too)
 *   >D >L    the agent has read the line and resumes in data or line mode
 *   !        everything received is flushed
 *   L=8      frames hold 8 bytes from now on;  G=100: the gap is 100 ms;  E=0: no escape detection
 *   M=2      bytes are missing or bad: framer_mark(2)
 *   other    bytes that come now, with \r \n, and x*30 for thirty x
 * What comes of them:
 *   G: L: M: DATA with its reason;  LINE:, LONG, SEEN, CONF, ABORT
 */
#ifndef DTU_FRAMER_CASES_H
#define DTU_FRAMER_CASES_H

#include "framer.h"

#ifndef __KERNEL__
#include <stdio.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

struct framer_case {
	const char *name;
	u32 gap_ms;
	u32 length;
	const char *script;
	const char *expected;
};

extern const struct framer_case framer_cases[];
extern const u32 framer_cases_count;

/**
 * struct framer_setting - the framer's settings and the line before it
 * @config: the framer's
 * @depth: bytes that the line hands over at once at most; 0: any number
 */
struct framer_setting {
	struct framer_config config;
	u32 depth;
};

/* When the caller of the framer asks what has become due. */
enum framer_timer {
	FRAMER_TIMER_PROMPT, /* at each deadline */
	FRAMER_TIMER_LATE,   /* never before the next bytes */
	FRAMER_TIMER_ODD,    /* at odd times, too early or too late */
};

/**
 * struct framer_manner - how a script is handed over
 * @name: says it
 * @timer: when the framer is asked
 * @piece: most bytes in a chunk; 0: any number
 * @odd: chunks hold an odd number of bytes, up to @piece
 * @slow: nobody reads before the end, or where the script or a full framer wants it
 *
 * None of it may show in the records, their times, bounds and flags included. What is invariant:
 *
 * A delivery is the bytes that came at one time. It can be cut into chunks in any way, on any line:
 * each chunk carries the delivery's time and span, not its own length, so that the second one finds
 * no time passed since the first, and no silence. (Two deliveries made of one are another matter
 * where char_ns > 0: less wire time is taken off the second one's silence.)
 *
 * The timer can come at any time or not at all between two deliveries, if a delivery never holds
 * more than the line could keep back: span * char_ns <= head_ns + char_ns. Then what was due before
 * it is silence for sure. A longer one, which the tty handed over late, joins what the timer has
 * not cut yet, on purpose. The player keeps to that: it lets the wire time of each delivery pass
 * and makes none longer than the setting's depth.
 *
 * How much input can wait is not: each chunk that waits needs room for its head.
 */
struct framer_manner {
	const char *name;
	enum framer_timer timer;
	u32 piece;
	bool odd;
	bool slow;
};

/* The first one hands over as it comes; the others are compared with it. */
extern const struct framer_manner framer_manners[];
extern const u32 framer_manners_count;

/* Too large for a stack: the caller gives it. */
struct framer_stage {
	char got[24000];	/* the records as text */
	u32 length;		/* of the text; it was cut if more than fits */
	u32 digest;		/* of the records, times, bounds and flags included */

	struct framer framer;
	u64 now;
	u64 random;
	u32 depth;
	u8 records_memory[16384];
	u8 log_memory[524288];
	u8 bytes[16384];
	u8 payload[DTU_PAYLOAD_MAX];
};

struct framer_setting framer_case_setting(const struct framer_case *row);

/* Play @script to its end; @random is what a manner's odd choices come of. */
void framer_play(struct framer_stage *stage, const struct framer_setting *setting,
		 const char *script, const struct framer_manner *manner, u64 random);

/* A setting and a script that are as good as random, the same ones for the same @seed. */
void framer_random(u64 seed, struct framer_setting *setting, char *script, u32 size);

#endif /* DTU_FRAMER_CASES_H */
