/* SPDX-License-Identifier: MIT */
/*
 * What the framer should do, said a second time and in another way: not as a machine that is fed,
 * but by looking at the whole list of bytes and their times. Slow, and meant to be obvious.
 */
#ifndef FRAMER_MODEL_H
#define FRAMER_MODEL_H

#include "framer.h"

/* A byte as it was delivered. */
struct model_byte {
	u64 ns;
	u32 span; /* bytes delivered at that time */
	u8 byte;
	bool joined; /* no silence before it is known of */
};

struct model_record {
	u8 type;
	u8 reason;
	u8 flags;
	u64 first_ns;
	u64 last_ns;
	u64 gap_min_ns;
	u64 gap_max_ns;
	u32 length;
	u8 *payload;
};

struct model {
	struct framer_config config;
	u64 end_ns; /* time has come to this */
	struct model_byte *bytes;
	u32 count;
	u32 room;
	u8 *answers; /* enum dtu_mode for each line handed out */
	u32 answers_count;

	struct model_record *records; /* what should have come out */
	u32 records_count;
};

/* Work out model->records. */
void model_run(struct model *model);

void model_free(struct model *model);

/*
 * Drive the framer with what @pick gives (pick(state, n) is a number below n), against the model.
 * Returns false, and says why in @why, if they differ.
 */
bool model_check(u32 (*pick)(void *state, u32 n), void *state, char *why, size_t size);

#endif
