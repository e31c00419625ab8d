// SPDX-License-Identifier: MIT
/*
 * The framer against its model, the choices made by libFuzzer. They are small numbers: tracing what
 * is compared with what finds none of them and costs most of the time.
 *
 * sources: tests/unit/framer_model.c kernel/framer.c kernel/records.c kernel/ring.c
 * flags: -O2 -fno-sanitize-coverage=trace-cmp
 * length: 1024
 * covers: 80 kernel/framer.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/framer_model.h"

struct input {
	const uint8_t *bytes;
	size_t left;
};

/* What was not given is 0. */
static u32 pick(void *state, u32 n)
{
	struct input *input = state;
	u32 value = 0;

	for (u32 range = n; range > 1 && input->left; range >>= 8) {
		value = value << 8 | *input->bytes++;
		input->left--;
	}
	return value % n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input input = { bytes, n };
	char why[300];

	if (!model_check(pick, &input, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return 0;
}
