// SPDX-License-Identifier: MIT
/* How long the hardware keeps a byte, as the files of sysfs say. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tap.h"

#include "port/hold.h"

static char folder[] = "/tmp/dtu-unit-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!text) {
		unlink(path);
		return;
	}
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

int main(void)
{
	static const struct {
		const char *name, *trigger, *latency;
		uint32_t want_trigger, want_us;
	} rows[] = {
		{ "neither file", NULL, NULL, 0, 0 },
		{ "an 8250", "8\n", NULL, 8, 0 },
		{ "an 8250 at each byte", "1\n", NULL, 1, 0 },
		{ "an FTDI adapter as it comes", NULL, "16\n", 0, 17000 },
		{ "an FTDI adapter at its fastest", NULL, "1\n", 0, 2000 },
		{ "both", "14\n", "4\n", 14, 5000 },
		{ "no number", "many\n", "\n", 0, 0 },
		{ "out of bounds", "5000\n", "256\n", 0, 0 },
		{ "empty files", "", "", 0, 0 },
	};
	char path[PATH_MAX];
	struct hold hold;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/device", folder);
	mkdir(path, 0700);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("rx_trig_bytes", rows[i].trigger);
		put("device/latency_timer", rows[i].latency);
		hold = (struct hold){ 99, 99 };
		hold_read(folder, &hold);
		tap_ok(hold.trigger == rows[i].want_trigger && hold.holdoff_us == rows[i].want_us, "%s", rows[i].name);
	}
	hold = (struct hold){ 99, 99 };
	hold_find(makedev(1, 3), &hold);
	tap_ok(!hold.trigger && !hold.holdoff_us, "/dev/null keeps nothing");
	put("rx_trig_bytes", NULL);
	put("device/latency_timer", NULL);
	rmdir(path);
	rmdir(folder);
	return tap_done();
}
