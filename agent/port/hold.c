// SPDX-License-Identifier: MIT
#include "port/hold.h"

#include <linux/n_dtu.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* What an adapter has collected waits for the next frame of the USB. */
#define USB_FRAME_US 1000

/* The number in @folder/@name; false if there is none, or it is out of bounds. */
static bool read_number(const char *folder, const char *name, unsigned int most, unsigned int *number)
{
	char path[256];
	FILE *file;
	bool found;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%u", number) == 1 && *number <= most;
	(void)fclose(file);
	return found;
}

void hold_read(const char *folder, struct hold *hold)
{
	unsigned int number;

	*hold = (struct hold){ 0 };
	if (read_number(folder, "rx_trig_bytes", DTU_TRIGGER_MAX, &number))
		hold->trigger = number;
	if (read_number(folder, "device/latency_timer", 255, &number))
		hold->holdoff_us = number * 1000 + USB_FRAME_US;
}

void hold_find(dev_t device, struct hold *hold)
{
	char folder[64];

	(void)snprintf(folder, sizeof(folder), "/sys/dev/char/%u:%u", major(device), minor(device));
	hold_read(folder, hold);
}
