/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The framer: bytes and their times in, records out. It cuts frames by silence and length, follows
 * the +++ sequence and collects command lines. Everything about time is decided here, and only from
 * the times given: what comes out is a function of what went in, however late it is asked.
 *
 * Input that cannot be decided yet (behind a command line, or because the records are full) waits
 * in a log together with its times and is read on as if it had only just come.
 *
 * No locking: the caller has it. Times are nanoseconds on CLOCK_MONOTONIC and never go back.
 */
#ifndef DTU_FRAMER_H
#define DTU_FRAMER_H

#include "records.h"

/* Silence behind +++ is this long at most, however long the gap. */
#define FRAMER_GUARD_NS (300 * CORE_NSEC_PER_MSEC)
/* "a" has to come within this time. */
#define FRAMER_CONFIRM_NS (3 * CORE_NSEC_PER_SEC)
/* Bytes that are late by this much and more leave doubt about the silence between them. */
#define FRAMER_LATE_NS CORE_NSEC_PER_MSEC
/* No deadline. */
#define FRAMER_NEVER U64_MAX

/**
 * struct framer_config - how to frame
 * @gap_ns: silence that ends a frame
 * @pause_ns: silence inside a frame that earns it DTU_FLAG_PAUSE; 0: none does
 * @head_ns: how long the UART may keep the first byte of what it hands over together
 * @tail_ns: how long it may keep the last one
 * @batch_ns: time on the line of as many bytes as it hands over together
 * @char_ns: time of one character on the line; 0 where bytes take no time
 * @length: bytes that fill a frame, 1..DTU_LENGTH_MAX
 * @escape: look for +++
 */
struct framer_config {
	u64 gap_ns;
	u64 pause_ns;
	u64 head_ns;
	u64 tail_ns;
	u64 batch_ns;
	u32 char_ns;
	u32 length;
	bool escape;
};

/**
 * struct framer_chunk - bytes that arrived together
 * @ns: when the last of them was delivered
 * @span: how many were delivered at that time: their wire time lies before @ns
 * @length: how many of these this chunk is
 * @flags: DTU_FLAG_* of the frame they fall in
 * @joined: nobody can tell how long the line was silent before; as far as frames go, it was not
 */
struct framer_chunk {
	u64 ns;
	u32 span;
	u32 length;
	u8 flags;
	bool joined;
};

enum framer_state {
	FRAMER_DATA, /* in a frame, or between two */
	FRAMER_PLUS, /* in a frame that is nothing but + so far, at most three, after silence */
	FRAMER_SEEN, /* +++ seen: the next byte decides */
	FRAMER_LINE, /* in a command line */
	FRAMER_HELD, /* a command line is out: wait for framer_resume() */
};

struct framer_counters {
	u64 bytes;
	u64 frames;
	u64 cut_gap;
	u64 cut_length;
	u64 lines;
	u64 lines_too_long;
	u64 seen;
	u64 confirmed;
	u64 aborted;
	u64 flushed;
	u64 gap_ambiguous;    /* silences taken for shorter than the gap that may not be */
	u64 boundary_unknown; /* frames with DTU_FLAG_LATE */
};

struct framer {
	struct framer_config config;
	struct records records;
	struct framer_counters counters;

	enum framer_state state;
	bool started; /* a byte has come since the beginning */
	bool quiet;   /* the line was silent for the gap: a +++ may begin */
	u64 last_ns;  /* time of the last byte */
	u64 late_ns;  /* it was brought late by so much at least */
	bool doubt;   /* a gap may lie in or before the present delivery, unseen */

	struct { /* the open frame or line */
		u32 length;
		u64 first_ns;
		u64 gap_min_ns;
		u64 gap_max_ns;
		u8 flags;
	} open;
	u64 silence_min_ns; /* bounds of the silence before the present chunk */
	u64 silence_max_ns;
	u8 missed; /* flags of the next chunk that is taken: their mark found no room in the log */

	unsigned int plus; /* + kept aside in FRAMER_PLUS and FRAMER_SEEN */
	u64 plus_ns[3];
	u64 seen_ns;

	bool swallow;	 /* CR and LF behind it belong to it */
	bool overlong;	 /* the line has outgrown its record */
	bool restarting; /* the host began anew with +++ in command mode */
	u8 line_head[4];

	struct ring log; /* input that waits, each chunk behind its struct framer_chunk */
	struct framer_chunk waiting; /* the first chunk of the log, head taken out */
};

/*
 * Set in @config how long a FIFO keeps bytes that interrupts when it holds @trigger of them, or
 * when nothing has come for four character times (a 16550A and its like). @char_ns is set before.
 */
void framer_set_fifo(struct framer_config *config, u32 trigger);

/* The same for hardware that may keep any byte for @holdoff_ns. */
void framer_set_holdoff(struct framer_config *config, u64 holdoff_ns);

/*
 * Set in @config Modbus RTU's silences for a line whose characters take @char_ns: 3.5 characters
 * end a frame and 1.5 should not be in one, but no less than 1750 and 750 us, which is what holds
 * above 19200 baud (Modbus over serial line, 2.5.1.1).
 */
void framer_set_modbus(struct framer_config *config);

/*
 * @records and @log are memory for records and for input that waits; the sizes are powers of two,
 * 8192 bytes at least.
 */
void framer_init(struct framer *framer, const struct framer_config *config, void *records,
		 u32 records_size, void *log, u32 log_size);

/* Take the bytes of @chunk; returns how many were taken, less than all only if the log is full. */
u32 framer_push(struct framer *framer, const struct framer_chunk *chunk, const u8 *bytes);

/* Bytes are missing, or were bad, before the next byte or in the open frame. */
void framer_mark(struct framer *framer, u8 flags);

/* How long after a byte it is sure that silence has lasted for the gap. */
static inline u64 framer_patience(const struct framer *framer)
{
	return framer->config.gap_ns + framer->config.head_ns + framer->config.char_ns;
}

/* When framer_expire() has something to do, or FRAMER_NEVER. */
u64 framer_deadline(const struct framer *framer);

/* Time has come to @now and nothing more has been received. */
void framer_expire(struct framer *framer, u64 now);

/* Records were taken: read on in the log. What has become due since is framer_expire()'s. */
void framer_pump(struct framer *framer);

/*
 * Read on in @mode behind the line that was handed out, with the time of each byte that has come
 * since. Without such a line only DTU_MODE_DATA is possible, and a line begun becomes a frame;
 * returns false otherwise.
 */
bool framer_resume(struct framer *framer, enum dtu_mode mode);

/* Another way to frame, from now on; the open frame goes on. */
void framer_configure(struct framer *framer, const struct framer_config *config);

/*
 * Forget everything received, but the oldest record if @keep_first; back to data mode, with
 * DTU_RECORD_ABORTED if it was left: whoever has read of a +++ waits for what became of it.
 */
void framer_flush(struct framer *framer, bool keep_first);

static inline enum dtu_mode framer_mode(const struct framer *framer)
{
	return framer->state >= FRAMER_LINE ? DTU_MODE_LINE : DTU_MODE_DATA;
}

/* Whether there is room in the log, so that framer_push() takes something. */
bool framer_has_room(const struct framer *framer);

#endif /* DTU_FRAMER_H */
