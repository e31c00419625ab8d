/* SPDX-License-Identifier: MIT */
/*
 * The line that the stress program works on, in memory that threads and processes share, and the
 * judgement of what was read from it.
 */
#ifndef STRESS_LINE_H
#define STRESS_LINE_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "port.h"

#define ERRNO_COUNT 134
#define PARTNERS_MAX 20
#define LONGEST_RECORD (sizeof(struct dtu_record) + DTU_PAYLOAD_MAX)

/* What a partner has done so far. */
struct tally {
	atomic_uint step; /* odd while the partner is inside its call */
	atomic_uint errors[ERRNO_COUNT];
	unsigned int overlapped; /* cycles; counted by the cycler */
};

/* The line under stress, in memory that threads and processes share. */
struct line {
	atomic_int pts;				  /* /dev/pts/N; negative: /dev/ttyS1 */
	atomic_uint tty;			  /* counts ttys and hangups: what was opened before is of no use */
	atomic_uint changes_begun, changes_ended; /* of the line discipline */
	atomic_ullong sequence;			  /* of the last record that was read */
	atomic_int calm;			  /* enum calm: who would disturb holds still */
	atomic_uint records, compared, confirmed, wrong;
	char wrong_how[160];
	struct tally opening, tallies[PARTNERS_MAX];
};

/* One partner at work. */
struct task {
	const struct partner *partner;
	struct line *line;
	struct tally *tally;
	int fd;
	unsigned int tty;
	uint64_t random;
	unsigned char next; /* letter that the host sends next */
	unsigned int quiet; /* change during which @sequence was read, 0 for none */
	uint64_t sequence;
	struct nl nl;
};

/* For a moment the line stays attached, or is led into line mode as well. */
enum calm { CALM_NONE, CALM_ATTACHED, CALM_ESCAPE };

struct partner {
	const char *name;
	long (*call)(struct task *task);
	void (*begin)(struct task *task);
	bool process;	      /* otherwise a thread */
	unsigned int rest_us; /* between two calls, at most */
	enum calm disturbs;
	int expected[8];
};

static uint32_t some(struct task *task, uint32_t n)
{
	task->random ^= task->random << 13;
	task->random ^= task->random >> 7;
	task->random ^= task->random << 17;
	return (uint32_t)((task->random >> 32) % n);
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static void change_begins(struct line *line)
{
	atomic_fetch_add(&line->changes_begun, 1);
}

static void change_ends(struct line *line)
{
	atomic_fetch_add(&line->changes_ended, 1);
}

/* The number of the last change if none is under way, otherwise 0. */
static unsigned int no_change(struct line *line)
{
	unsigned int ended = atomic_load(&line->changes_ended);

	return atomic_load(&line->changes_begun) == ended ? ended : 0;
}

static int open_line(struct line *line)
{
	char path[32] = "/dev/ttyS1";
	int fd, pts = atomic_load(&line->pts);

	if (pts >= 0)
		snprintf(path, sizeof(path), "/dev/pts/%d", pts);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void count_error(struct tally *tally, long ret)
{
	if (ret < 0)
		atomic_fetch_add(&tally->errors[-ret < ERRNO_COUNT ? -ret : 0], 1);
}

static void wrong(struct task *task, const char *how, long n)
{
	if (!atomic_fetch_add(&task->line->wrong, 1))
		snprintf(task->line->wrong_how, sizeof(task->line->wrong_how), "%s: %s (%ld)", task->partner->name, how,
			 n);
}

static bool sent_by_host(unsigned char byte)
{
	return (byte >= 'A' && byte <= 'Z') || strchr("+a\r\n", byte);
}

/* The host's letters follow one another: nothing in a frame is lost, doubled or out of place. */
static bool letters_in_order(const unsigned char *bytes, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		bool letters = bytes[i - 1] >= 'A' && bytes[i - 1] <= 'Z' && bytes[i] >= 'A' && bytes[i] <= 'Z';

		if (letters && bytes[i] != (bytes[i - 1] == 'Z' ? 'A' : bytes[i - 1] + 1))
			return false;
	}
	return true;
}

static const char *record_fault(const struct task *task, const struct dtu_record *head, const unsigned char *payload,
				size_t n)
{
	bool line_lost_bytes = atomic_load(&task->line->pts) < 0;

	if (head->type < DTU_RECORD_DATA || head->type > DTU_RECORD_LINE_TOO_LONG)
		return "type";
	if (head->reason > DTU_REASON_MODE)
		return "reason";
	if (head->first_ns > head->last_ns)
		return "times";
	if (head->type == DTU_RECORD_DATA && (!n || n > DTU_LENGTH_MAX))
		return "length of a frame";
	if (head->type != DTU_RECORD_DATA && head->type != DTU_RECORD_LINE && n)
		return "payload of an event";
	for (size_t i = 0; i < n; i++)
		if (!sent_by_host(payload[i]))
			return "a byte that nobody sent";
	if (head->type == DTU_RECORD_DATA && !line_lost_bytes && !letters_in_order(payload, n))
		return "bytes out of order";
	return NULL;
}

static void check_sequence(struct task *task, uint64_t sequence, unsigned int quiet)
{
	if (quiet && quiet != atomic_load(&task->line->changes_begun))
		quiet = 0;
	if (quiet && task->quiet == quiet) {
		atomic_fetch_add(&task->line->compared, 1);
		if (sequence <= task->sequence)
			wrong(task, "sequence did not grow", (long)sequence);
	}
	task->quiet = quiet;
	task->sequence = sequence;
	atomic_store(&task->line->sequence, sequence);
}

/*
 * A record begins with its version, which the host never sends. Anything else is what n_tty or a
 * port without header gives: bytes of the host.
 */
static void check_read(struct task *task, const unsigned char *bytes, long n, unsigned int quiet)
{
	const char *fault;
	struct dtu_record head;

	if (n <= 0)
		return;
	if (bytes[0] != DTU_RECORD_VERSION) {
		for (long i = 0; i < n; i++)
			if (!sent_by_host(bytes[i]))
				return wrong(task, "a bare byte that nobody sent", bytes[i]);
		return;
	}
	if (n < (long)sizeof(head))
		return wrong(task, "a piece of a record", n);
	memcpy(&head, bytes, sizeof(head));
	if (head.length != n)
		return wrong(task, "length of a record", n);
	fault = record_fault(task, &head, bytes + sizeof(head), (size_t)n - sizeof(head));
	if (fault)
		return wrong(task, fault, n);
	atomic_fetch_add(&task->line->records, 1);
	atomic_fetch_add(&task->line->confirmed, head.type == DTU_RECORD_CONFIRMED);
	check_sequence(task, head.sequence, quiet);
}

static long read_and_check(struct task *task)
{
	unsigned int quiet = no_change(task->line);
	unsigned char bytes[LONGEST_RECORD];
	long n = port_read(task->fd, bytes, sizeof(bytes));

	check_read(task, bytes, n, quiet);
	return n;
}

#endif
