/* SPDX-License-Identifier: MIT */
/*
 * Values in AT syntax (SPEC 3): `p1,p2,...` is checked against the parameters of a row and taken
 * apart, values and ranges are printed. What values_print prints, values_parse reads back to the
 * same bytes; the store relies on it. Used by the AT engine and the store alike.
 */
#ifndef SETTINGS_VALUE_H
#define SETTINGS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "settings/table.h"

/*
 * Take @text apart into @values, which has room for every one of @params (ended by name == NULL).
 * Returns how many there are; -EINVAL: number or range of parameters. On failure nothing is left
 * to be freed.
 */
int values_parse(const struct param *params, const void *text, size_t length, struct value *values);

/* As a query prints them: escaped, commas between. @mask: secrets as asterisks. */
int values_print(struct buf *out, const struct param *params, const struct value *values, size_t n, bool mask);

/* As `=?` prints them: one pair of brackets a parameter, commas between. */
int ranges_print(struct buf *out, const struct param *params);

int value_copy(struct value *to, const struct value *from);
bool value_equal(const struct value *a, const struct value *b);
/* Frees the bytes of @n values and empties them. */
void values_free(struct value *values, size_t n);

#endif
