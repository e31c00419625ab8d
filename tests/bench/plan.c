// SPDX-License-Identifier: MIT
#include "plan.h"

#include <stdbool.h>

/* Time for the scripts of all ports to get ahead. */
#define FIRST_IDLE_NS 3000000000ULL

static uint32_t pick(struct plan *plan, uint32_t n)
{
	plan->random ^= plan->random << 13;
	plan->random ^= plan->random >> 7;
	plan->random ^= plan->random << 17;
	return n ? (uint32_t)((plan->random >> 32) % n) : 0;
}

void plan_begin(struct plan *plan, const struct plan_settings *settings, uint64_t seed)
{
	*plan = (struct plan){ .settings = settings, .random = (seed + 1) * 0x9e3779b97f4a7c15ULL };
	for (int i = 0; i < 8; i++)
		pick(plan, 1);
}

static uint64_t percent(uint64_t ns, uint32_t percent)
{
	return ns / 100 * percent;
}

static bool begin_frame(struct plan *plan)
{
	const struct plan_settings *settings = plan->settings;

	if (plan->frame == settings->frames)
		return false;
	plan->frame++;
	plan->position = 0;
	plan->length = settings->shortest + pick(plan, settings->longest - settings->shortest + 1);
	plan->pause_at = plan->length > 1 ? 1 + pick(plan, plan->length - 1) : 0;
	return true;
}

/* The silence before the byte that comes now; several ports do not begin at once. */
static uint64_t idle_ns(struct plan *plan)
{
	const struct plan_settings *settings = plan->settings;
	uint32_t spread = settings->most - settings->between;

	if (plan->position)
		return plan->position == plan->pause_at ? percent(settings->gap_ns, settings->inside) : 0;
	if (plan->frame == 1)
		return FIRST_IDLE_NS + percent(settings->gap_ns, pick(plan, 300));
	return percent(settings->gap_ns, settings->between + (spread ? pick(plan, spread + 1) : 0));
}

/* Never a plus sign: those have a meaning of their own. */
static uint8_t content(struct plan *plan)
{
	uint8_t byte = (uint8_t)pick(plan, 256);

	return byte == '+' ? '-' : byte;
}

uint32_t plan_next(struct plan *plan, struct uart_sim_byte *bytes, uint32_t room)
{
	uint32_t count = 0;

	while (count < room) {
		if (plan->position == plan->length && !begin_frame(plan))
			break;
		bytes[count++] = (struct uart_sim_byte){ .idle_ns = idle_ns(plan), .byte = content(plan) };
		plan->position++;
	}
	return count;
}
