/* SPDX-License-Identifier: MIT */
/*
 * The table of commands: one row each. A row that names a setting is answered in full by the
 * engine from the settings table; behaviour is one function a row. Help is made from it too.
 */
#ifndef AT_TABLE_H
#define AT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "at/at.h"

enum {
	AT_QUERY = 1, /* AT+X, AT+X? */
	AT_SET = 2,   /* AT+X=... */
	AT_RANGE = 4, /* AT+X=? */
	AT_DO = 8,    /* AT+X executes */
	AT_ASK = 16,  /* AT+X? executes too */
};

/* What a function of a row works with. */
struct call {
	const struct at *at;
	enum at_way way;
	const struct value *values; /* of a set */
	size_t count;
	struct buf *reply;
	bool replied; /* the function has written the whole reply: no OK behind it */
	enum at_after after;
};

struct command {
	const char *name;
	const char *aliases[2]; /* NULL at the end or full */
	unsigned int forms;
	bool blank;   /* a blank behind the head of a query's reply */
	bool setting; /* @id is valid: a row of the settings table */
	enum setting_id id;
	const struct param *params; /* of a set that is no setting */
	/*
	 * A query that is no setting: append the value to call->reply. To execute or set: do it.
	 * 0 or a negative errno: -EINVAL is error 4, any other error 5.
	 */
	int (*run)(struct call *call);
	const char *help;
};

/* Ended by name == NULL. */
extern const struct command commands[];

/* By name or alias, in any case; @spelling is the one asked for, in capitals. NULL: no such command. */
const struct command *command_find(const char *name, size_t length, const char **spelling);

#endif
