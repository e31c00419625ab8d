// SPDX-License-Identifier: MIT
/*
 * Many ports at once in real time, while two busy processes a processor want it too: no frame may be
 * cut, and frames that are merged have to say that their boundaries are not sure, but for the few that
 * nothing tells from one frame (docs/framing.md). The truth is the
 * simulated UART's log. A cut where the UART's own interrupt came too late is counted apart: what is
 * still inside the UART nobody can see.
 *
 * Frames have 40 bytes and more: what the tty's worker hands over late shows by its size, two tiny
 * frames handed over at once do not (docs/framing.md).
 *
 * usage: load [PORTS [BUSY [FRAMES [GAP_US [TRIGGER [SPEED]]]]]]
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port.h"
#include "sim.h"
#include "tap.h"

#define PORTS_MAX 32
#define ROUND 20      /* frames a port in one round */
#define LENGTH_MIN 40 /* of a frame */
#define LENGTH_MAX 80
#define BYTES_MAX (ROUND * LENGTH_MAX)

struct line {
	struct sim sim;
	struct port port;
	uint64_t gap_ns, patience_ns; /* the port ends a frame when it has waited for so long */
	uint64_t always_ns;
	uint32_t ends[ROUND]; /* bytes of the round up to the end of each frame */
	uint32_t sent;
	/* what was read: the end of each record, and whether it was flagged */
	uint32_t got_ends[BYTES_MAX];
	bool got_late[BYTES_MAX];
	bool got_full[BYTES_MAX]; /* merged until no more went in */
	uint32_t got, got_bytes;
	struct uart_sim_log log[BYTES_MAX];
};

struct result {
	uint64_t frames, cut, cut_by_uart, merged, unflagged, flagged;
};

static struct line lines[PORTS_MAX];
static unsigned int ports = PORTS_MAX;
static uint32_t trigger = 8;
static bool fast; /* 115200 baud, else 38400 */

static void open_line(struct line *line, unsigned int number)
{
	sim_open_port(&line->sim, &line->port, number);
	/* A FIFO so deep that nothing is lost when the machine as a whole stands still. */
	sim_setup(&line->sim, 4096, trigger, 4);
	sim_line(&line->sim, fast ? B115200 : B38400, CS8, INPCK | BRKINT);
	port_settings(&line->port, 50000, DTU_LENGTH_MAX, false);
	nl_set(line->port.nl, line->port.slave, DTU_A_PORT_TRIGGER, trigger);
	set_nonblocking(line->port.slave, true);
}

static void set_gap(struct line *line, uint32_t gap_us)
{
	const struct nl_port *got = line->port.nl->ports;

	if (nl_set(line->port.nl, line->port.slave, DTU_A_PORT_GAP_US, gap_us) ||
	    nl_get(line->port.nl, line->port.slave))
		die(line->port.nl->message);
	line->gap_ns = got->ns[DTU_A_PORT_GAP_NS];
	line->patience_ns = line->gap_ns + got->ns[DTU_A_PORT_HEAD_NS] + got->number[DTU_A_PORT_CHAR_NS];
	line->always_ns = line->gap_ns + got->ns[DTU_A_PORT_HEAD_NS] + got->ns[DTU_A_PORT_TAIL_NS];
}

/* Frames with a pause of 0.6 gap in them, and half as much again as ends one for sure between. */
static void play_round(struct line *line)
{
	struct sim_script script = { 0 };

	line->sent = line->got = line->got_bytes = 0;
	for (unsigned int i = 0; i < ROUND; i++) {
		uint32_t length = LENGTH_MIN + pick(LENGTH_MAX - LENGTH_MIN + 1), pause = 1 + pick(length - 1);

		for (uint32_t k = 0; k < length; k++)
			sim_add(&script,
				!k	     ? line->always_ns * 3 / 2
				: k == pause ? line->gap_ns * 6 / 10
					     : 0,
				(uint8_t)k, UART_SIM_NORMAL);
		line->sent += length;
		line->ends[i] = line->sent;
	}
	sim_play(&line->sim, &script);
	sim_free(&script);
}

static void read_line(struct line *line)
{
	struct record record;

	while (line->got_bytes < line->sent && port_record(&line->port, &record, 0)) {
		line->got_bytes += record.length;
		line->got_full[line->got] = record.head.reason == DTU_REASON_LENGTH;
		line->got_late[line->got] = record.head.flags & DTU_FLAG_LATE;
		line->got_ends[line->got++] = line->got_bytes;
	}
}

/* Until all that was sent has come, on all ports. */
static bool read_round(void)
{
	struct pollfd waits[PORTS_MAX];
	unsigned int left = ports;

	while (left) {
		for (unsigned int i = 0; i < ports; i++)
			waits[i] = (struct pollfd){ .fd = lines[i].got_bytes < lines[i].sent ? lines[i].port.slave : -1,
						    .events = POLLIN };
		if (poll(waits, ports, 60000) <= 0)
			return false;
		left = 0;
		for (unsigned int i = 0; i < ports; i++) {
			if (waits[i].revents)
				read_line(&lines[i]);
			left += lines[i].got_bytes < lines[i].sent;
		}
	}
	return true;
}

static void judge_line(struct line *line, struct result *result)
{
	size_t n = sim_log(&line->sim, line->log, BYTES_MAX);
	uint32_t frame = 0;

	result->frames += ROUND;
	for (uint32_t i = 0; i < line->got; i++) {
		uint32_t end = line->got_ends[i];

		result->flagged += line->got_late[i];
		for (; frame < ROUND && line->ends[frame] < end; frame++) {
			result->merged++;
			result->unflagged += !line->got_late[i];
		}
		if (frame < ROUND && line->ends[frame] == end)
			frame++;
		else if (line->got_full[i])
			continue;
		else if (end < n && line->log[end].handed_ns - line->log[end - 1].handed_ns >= line->patience_ns)
			result->cut_by_uart++;
		else
			result->cut++;
	}
}

static pid_t make_busy(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (volatile bool on = true; on;)
		;
	return 0;
}

static void run(uint32_t gap_us, uint64_t frames)
{
	struct result result = { 0 };
	bool complete = true;

	for (unsigned int i = 0; i < ports; i++)
		set_gap(&lines[i], gap_us);
	while (complete && result.frames < frames) {
		for (unsigned int i = 0; i < ports; i++)
			play_round(&lines[i]);
		complete = read_round();
		for (unsigned int i = 0; i < ports; i++)
			judge_line(&lines[i], &result);
		fprintf(stderr, "load: gap %u us: %llu of %llu frames, %llu cut, %llu merged\n", gap_us,
			(unsigned long long)result.frames, (unsigned long long)frames, (unsigned long long)result.cut,
			(unsigned long long)result.merged);
	}
	tap_ok(complete, "gap %u us, %u ports: all bytes of %llu frames came", gap_us, ports,
	       (unsigned long long)result.frames);
	tap_ok(!result.cut, "  %llu were cut", (unsigned long long)result.cut);
	printf("# and %llu where the UART's interrupt came after the gap\n", (unsigned long long)result.cut_by_uart);
	/* A worker that stops before a frame's last few bytes, too few to give it away, leaves no trace. */
	tap_ok(result.unflagged <= 2 + result.merged / 50,
	       "  %llu were merged with the next, %llu of them without a flag: not more than 2 and 2 in a hundred",
	       (unsigned long long)result.merged, (unsigned long long)result.unflagged);
	printf("# %llu records were flagged\n", (unsigned long long)result.flagged);
}

int main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	long busy = argc > 2 ? atol(argv[2]) : 2 * processors;
	uint64_t frames = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	pid_t pids[64];

	seed_from_environment();
	if (argc > 1)
		ports = (unsigned int)atoi(argv[1]);
	if (argc > 5)
		trigger = (uint32_t)atoi(argv[5]);
	fast = argc > 6 && atoi(argv[6]) == 115200;
	for (unsigned int i = 0; i < ports; i++)
		open_line(&lines[i], i);
	fflush(stdout);
	for (long i = 0; i < busy && i < 64; i++)
		pids[i] = make_busy();
	if (argc > 4) {
		run((uint32_t)atoi(argv[4]), frames);
	} else {
		run(50000, frames ? frames : soak() ? 20000 : 640);
		run(5000, frames ? frames : soak() ? 100000 : 1920);
	}
	for (long i = 0; i < busy && i < 64; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	for (unsigned int i = 0; i < ports; i++)
		sim_close_port(&lines[i].sim, &lines[i].port);
	return tap_done();
}
