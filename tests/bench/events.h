/* SPDX-License-Identifier: MIT */
/* How often the whole system switched tasks and woke one, counted by the kernel's tracepoints. */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include <stdint.h>

struct events {
	uint64_t switches, wakeups;
};

/* Count from now on. Ends the program on failure. */
void events_begin(void);
struct events events_end(void);

#endif
