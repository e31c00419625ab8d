// SPDX-License-Identifier: MIT
#include "events.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest/port.h"

#define PROCESSORS_MAX 64

enum { SWITCHES, WAKEUPS, KINDS };

static int counters[KINDS][PROCESSORS_MAX];
static int processors;

static uint64_t tracepoint(const char *name)
{
	char path[128];
	unsigned long long id;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/tracing/events/sched/%s/id", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &id) != 1)
		die(path);
	fclose(file);
	return id;
}

static int count(uint64_t id, int processor)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		die("perf_event_open");
	return fd;
}

void events_begin(void)
{
	static const char *const names[KINDS] = { "sched_switch", "sched_wakeup" };

	processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (processors > PROCESSORS_MAX)
		processors = PROCESSORS_MAX;
	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t id = tracepoint(names[kind]);

		for (int i = 0; i < processors; i++)
			counters[kind][i] = count(id, i);
	}
}

static uint64_t sum(int kind)
{
	uint64_t total = 0, value;

	for (int i = 0; i < processors; i++) {
		if (read(counters[kind][i], &value, sizeof(value)) != sizeof(value))
			die("a counter");
		close(counters[kind][i]);
		total += value;
	}
	return total;
}

struct events events_end(void)
{
	return (struct events){ .switches = sum(SWITCHES), .wakeups = sum(WAKEUPS) };
}
