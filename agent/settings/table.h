/* SPDX-License-Identifier: MIT */
/*
 * The typed table of settings: name, parameters with their ranges, factory value, when it acts.
 * Query, set, =?, store and factory sets are all made from it (SPEC 3, 5; at-commands.tsv).
 */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_id {
	SETTING_E,
	SETTING_WKMOD,
	SETTING_CMDPW,
	SETTING_STMSG,
	SETTING_UART,
	SETTING_UARTFT,
	SETTING_UARTFL,
	SETTING_SOCKA,
	SETTING_SOCKB,
	SETTING_SOCKAEN,
	SETTING_SOCKBEN,
	SETTING_SOCKATO,
	SETTING_SOCKBTO,
	SETTING_COUNT
};

enum param_type {
	PARAM_ENUM,   /* one of names; stored as its index, printed as the table has it */
	PARAM_INT,    /* decimal, one of ranges */
	PARAM_DIGITS, /* lo..hi decimal digits */
	PARAM_ASCII,  /* lo..hi bytes 20..7E */
	PARAM_TEXT,   /* lo..hi bytes, any but NUL */
	PARAM_REST,   /* PARAM_TEXT to the end of the line, commas included */
	PARAM_HEX,    /* lo..hi bytes as pairs of hex digits, stored as typed */
};

struct range {
	long lo, hi;
};

struct param {
	const char *name;
	enum param_type type;
	/* PARAM_INT: allowed ranges, ended by {0, 0} after the first; else ranges[0] is the length. */
	struct range ranges[4];
	const char *const *names; /* PARAM_ENUM: NULL-terminated */
	bool optional;		  /* may be left out, with all that follow */
	bool secret;		  /* SPEC 4: masked but on serial and the control socket */
	bool raw;		  /* [HH] is not an escape in it (SHELL) */
};

#define SETTING_PARAMS 5

/* The numbers of the enum (ON,OFF), the same in every row. */
enum state { STATE_ON, STATE_OFF };

enum effect { EFFECT_NOW, EFFECT_RESTART, EFFECT_REBOOT };

struct setting {
	const char *name;
	const char *factory; /* the value as a query prints it */
	enum effect effect;
	bool kept;				 /* by RELD, CLEAR and Reload */
	struct param params[SETTING_PARAMS + 1]; /* ended by name == NULL */
};

/* A value of one parameter: its bytes, unescaped, and for PARAM_INT and PARAM_ENUM the number. */
struct value {
	long number;
	uint8_t *bytes; /* NUL-terminated for convenience, the NUL not counted */
	size_t length;
};

extern const struct setting settings_table[SETTING_COUNT];

size_t setting_param_count(const struct setting *setting);

#endif
