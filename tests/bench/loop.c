// SPDX-License-Identifier: MIT
/*
 * Executes twice as many instructions as its argument says, between the marks: what the count of
 * instructions is checked with. The processor is asked to do nothing else meanwhile.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "insns_mark.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t turns = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t before;

	if (!turns)
		return 2;
	before = now_ns();
	insns_begin();
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(turns));
	insns_end();
	printf("elapsed_ns=%llu\n", (unsigned long long)(now_ns() - before));
	return 0;
}
