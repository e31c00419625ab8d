// SPDX-License-Identifier: MIT
#include "settings/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ESCAPE_LENGTH 4 /* [HH] */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_escape(const uint8_t *p, size_t n)
{
	return n >= ESCAPE_LENGTH && p[0] == '[' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0 && p[3] == ']';
}

/* @to has room for @n bytes: the result is never longer. */
static size_t unescape(uint8_t *to, const uint8_t *from, size_t n)
{
	size_t length = 0;

	while (n) {
		size_t used = 1;

		to[length] = *from;
		if (is_escape(from, n)) {
			to[length] = (uint8_t)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
			used = ESCAPE_LENGTH;
		}
		length++;
		from += used;
		n -= used;
	}
	return length;
}

static int keep(struct value *value, const void *bytes, size_t n)
{
	value->bytes = malloc(n + 1);
	if (!value->bytes)
		return -ENOMEM;
	if (n)
		memcpy(value->bytes, bytes, n);
	value->bytes[n] = 0;
	value->length = n;
	return 0;
}

static bool length_allowed(const struct param *param, size_t n)
{
	return n >= (size_t)param->ranges[0].lo && n <= (size_t)param->ranges[0].hi;
}

static int parse_enum(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	for (size_t i = 0; param->names[i]; i++) {
		if (strlen(param->names[i]) != n || strncasecmp(param->names[i], (const char *)p, n) != 0)
			continue;
		value->number = (long)i;
		return keep(value, param->names[i], n);
	}
	return -EINVAL;
}

/* ranges ends at {0, 0}, but for the first, which may be just that. */
static bool range_ends(const struct param *param, size_t i)
{
	return i == ARRAY_SIZE(param->ranges) || (i && !param->ranges[i].lo && !param->ranges[i].hi);
}

static int parse_int(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	char text[24];
	long number = 0;

	/* Nothing at all is 0, which is in order where the range begins there. */
	for (size_t i = 0; i < n; i++) {
		if (!isdigit(p[i]) || number >= INT32_MAX / 10)
			return -EINVAL;
		number = number * 10 + (p[i] - '0');
	}
	for (size_t i = 0; !range_ends(param, i); i++) {
		if (number < param->ranges[i].lo || number > param->ranges[i].hi)
			continue;
		value->number = number;
		return keep(value, text, (size_t)snprintf(text, sizeof(text), "%ld", number));
	}
	return -EINVAL;
}

static int parse_digits(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	if (!length_allowed(param, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isdigit(p[i]))
			return -EINVAL;
	return keep(value, p, n);
}

static int parse_hex(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	if (n % 2 || !length_allowed(param, n / 2))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (hex_digit(p[i]) < 0)
			return -EINVAL;
	return keep(value, p, n);
}

static bool bytes_allowed(const struct param *param, const uint8_t *p, size_t n)
{
	if (param->type != PARAM_ASCII)
		return !memchr(p, 0, n);
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

static int parse_text(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	int r = keep(value, p, n);

	if (r < 0)
		return r;
	if (!param->raw)
		value->length = unescape(value->bytes, p, n);
	value->bytes[value->length] = 0;
	if (length_allowed(param, value->length) && bytes_allowed(param, value->bytes, value->length))
		return 0;
	values_free(value, 1);
	return -EINVAL;
}

typedef int (*parse_fn)(const struct param *param, const uint8_t *p, size_t n, struct value *value);

static const parse_fn parsers[] = {
	[PARAM_ENUM] = parse_enum, [PARAM_INT] = parse_int,   [PARAM_DIGITS] = parse_digits, [PARAM_ASCII] = parse_text,
	[PARAM_TEXT] = parse_text, [PARAM_REST] = parse_text, [PARAM_HEX] = parse_hex,
};

/* Blanks around = and commas do not count. */
static int parse_trimmed(const struct param *param, const uint8_t *p, size_t n, struct value *value)
{
	for (; n && *p == ' '; p++)
		n--;
	while (n && p[n - 1] == ' ')
		n--;
	return parsers[param->type](param, p, n, value);
}

int values_parse(const struct param *params, const void *text, size_t length, struct value *values)
{
	const uint8_t *p = text, *end = p + length, *comma = NULL;
	size_t n = 0;
	int r = 0;

	do {
		if (!params[n].name) {
			r = -EINVAL;
			break;
		}
		values[n] = (struct value){ 0 };
		comma = params[n].type == PARAM_REST ? NULL : memchr(p, ',', (size_t)(end - p));
		r = parse_trimmed(&params[n], p, (size_t)((comma ? comma : end) - p), &values[n]);
		if (r < 0)
			break;
		n++;
		if (comma)
			p = comma + 1;
	} while (comma);
	if (!r && params[n].name && !params[n].optional)
		r = -EINVAL;
	if (r < 0) {
		values_free(values, n);
		return r;
	}
	return (int)n;
}

static bool prints_raw(const struct value *value, size_t i)
{
	const uint8_t *p = value->bytes + i;

	if (*p < 0x20 || *p > 0x7e || strchr("=,?", *p))
		return false;
	if (*p == ' ')
		return i > 0 && i < value->length - 1;
	return !is_escape(p, value->length - i);
}

static int print_value(struct buf *out, const struct value *value)
{
	int r = 0;

	for (size_t i = 0; i < value->length && !r; i++) {
		if (prints_raw(value, i))
			r = buf_add(out, value->bytes + i, 1);
		else
			r = buf_printf(out, "[%02X]", value->bytes[i]);
	}
	return r;
}

int values_print(struct buf *out, const struct param *params, const struct value *values, size_t n, bool mask)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		if (i)
			r = buf_add(out, ",", 1);
		if (!r && mask && params[i].secret)
			r = buf_printf(out, "********");
		else if (!r)
			r = print_value(out, &values[i]);
	}
	return r;
}

static int print_names(struct buf *out, const struct param *param)
{
	int r = 0;

	for (size_t i = 0; param->names[i] && !r; i++)
		r = buf_printf(out, "%s%s", i ? "," : "", param->names[i]);
	return r;
}

static int print_ranges(struct buf *out, const struct param *param)
{
	int r = 0;

	for (size_t i = 0; !range_ends(param, i) && !r; i++) {
		const struct range *range = &param->ranges[i];

		if (i && param->type != PARAM_INT)
			break;
		r = buf_printf(out, "%s%ld", i ? "," : "", range->lo);
		if (!r && range->hi != range->lo)
			r = buf_printf(out, "~%ld", range->hi);
	}
	return r;
}

int ranges_print(struct buf *out, const struct param *params)
{
	int r = 0;

	for (size_t i = 0; params[i].name && !r; i++) {
		r = buf_printf(out, "%s(", i ? "," : "");
		if (!r)
			r = params[i].type == PARAM_ENUM ? print_names(out, &params[i]) : print_ranges(out, &params[i]);
		if (!r)
			r = buf_add(out, ")", 1);
	}
	return r;
}

int value_copy(struct value *to, const struct value *from)
{
	to->number = from->number;
	return keep(to, from->bytes, from->length);
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->number != b->number || a->length != b->length)
		return false;
	return !a->length || !memcmp(a->bytes, b->bytes, a->length);
}

void values_free(struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(values[i].bytes);
		values[i] = (struct value){ 0 };
	}
}
