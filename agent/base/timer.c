// SPDX-License-Identifier: MIT
#include "base/timer.h"

#include <errno.h>
#include <systemd/sd-event.h>
#include <time.h>

#define ACCURACY_US 1

static int on_time(sd_event_source *source, uint64_t us, void *data)
{
	struct timer *timer = data;

	(void)source;
	(void)us;
	timer->fire(timer->data);
	return 0;
}

int timer_arm_at(struct timer *timer, sd_event *loop, uint64_t us)
{
	int r;

	if (!timer->source)
		return sd_event_add_time(loop, &timer->source, CLOCK_MONOTONIC, us, ACCURACY_US, on_time, timer);
	r = sd_event_source_set_time(timer->source, us);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
}

int timer_arm(struct timer *timer, sd_event *loop, uint64_t us)
{
	struct timespec ts;
	uint64_t now;

	/* Not the time of the wake-up: what was done since then would shorten the wait. */
	if (clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		return -errno;
	now = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	return timer_arm_at(timer, loop, us < UINT64_MAX - now ? now + us : UINT64_MAX - 1);
}

bool timer_armed(const struct timer *timer)
{
	int enabled;

	if (!timer->source || sd_event_source_get_enabled(timer->source, &enabled) < 0)
		return false;
	return enabled != SD_EVENT_OFF;
}

void timer_disarm(struct timer *timer)
{
	if (timer->source)
		sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
}

void timer_free(struct timer *timer)
{
	timer->source = sd_event_source_disable_unref(timer->source);
}
