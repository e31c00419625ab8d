/* SPDX-License-Identifier: MIT */
/*
 * One-shot timers on CLOCK_MONOTONIC, accurate to 1 us. The only place that may call
 * sd_event_add_time: its accuracy of 0 means 250 ms. Zero-initialise, set @fire and @data.
 */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sd_event sd_event;
typedef struct sd_event_source sd_event_source;

struct timer {
	sd_event_source *source;
	void (*fire)(void *data);
	void *data;
};

/* Fires once @us from now; armed anew if it was armed. Negative errno on failure. */
int timer_arm(struct timer *timer, sd_event *loop, uint64_t us);

/* Same, at the absolute time @us. */
int timer_arm_at(struct timer *timer, sd_event *loop, uint64_t us);

bool timer_armed(const struct timer *timer);
void timer_disarm(struct timer *timer);

/* Disarms and frees. The struct may be used again. */
void timer_free(struct timer *timer);

#endif
