/* SPDX-License-Identifier: MIT */
/*
 * Who cuts the bytes of the port into records: n_dtu in the kernel, or the same core in this
 * process. Each is one ops table; port.c knows only this header.
 */
#ifndef PORT_FRAMING_H
#define PORT_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>
#include <linux/n_dtu.h>

#include "port/hold.h"

typedef struct sd_event sd_event;

struct framing;

/* What a framing works with; outlives it. */
struct framing_env {
	int fd;		  /* the tty, raw and non-blocking */
	const char *path; /* for messages */
	sd_event *loop;
	/* There may be records although the tty has nothing to read. */
	void (*ready)(void *data);
	void *data;
};

struct framing_config {
	uint32_t gap_us;
	bool modbus; /* t3.5 takes the gap's place */
	unsigned int length;
	uint32_t char_ns; /* time of a character as the line is set */
	struct hold hold; /* of the hardware, where it is known better than from sysfs */
};

/* What a framing does not know it leaves alone. */
struct framing_stats {
	enum dtu_mode mode;
	uint64_t gap_ns;  /* in force */
	uint64_t head_ns; /* how long the hardware may keep the first and the last byte */
	uint64_t tail_ns;
	uint64_t counters[DTU_A_STATS_MAX + 1]; /* by enum dtu_a_stats */
};

struct framing_ops {
	const char *name;
	tcflag_t iflag; /* input flags of termios that it needs */
	/* On failure the reason is logged and a negative errno returned. */
	int (*attach)(struct framing **framing, const struct framing_env *env);
	void (*detach)(struct framing *framing);
	int (*configure)(struct framing *framing, const struct framing_config *config);
	/*
	 * The next record: 1 with @head and @payload, valid until the next call; 0 none now;
	 * negative errno, -EPIPE if the tty is gone.
	 */
	int (*next)(struct framing *framing, struct dtu_record *head, const uint8_t **payload);
	int (*resume)(struct framing *framing, enum dtu_mode mode);
	int (*stats)(struct framing *framing, struct framing_stats *stats);
};

extern const struct framing_ops framing_kernel;
extern const struct framing_ops framing_fallback;

#endif
