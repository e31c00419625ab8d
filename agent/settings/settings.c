// SPDX-License-Identifier: MIT
#include "settings/settings.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "settings/store.h"
#include "settings/value.h"

/* One value a parameter; optional ones left out have no bytes. */
struct set {
	struct value values[SETTING_COUNT][SETTING_PARAMS];
	size_t counts[SETTING_COUNT];
};

struct settings {
	struct store *store;
	struct set set;
	enum store_state state;
	bool stored; /* the file holds what is in force */
	int error;
};

static void set_free(struct set *set)
{
	for (size_t id = 0; id < SETTING_COUNT; id++)
		values_free(set->values[id], SETTING_PARAMS);
}

/* Replace one row by the values that @text holds. */
static int set_row(struct set *set, size_t id, const char *text, size_t length)
{
	struct value values[SETTING_PARAMS] = { 0 };
	int n = values_parse(settings_table[id].params, text, length, values);

	if (n < 0)
		return n;
	values_free(set->values[id], SETTING_PARAMS);
	memcpy(set->values[id], values, sizeof(values));
	set->counts[id] = (size_t)n;
	return 0;
}

static int set_factory(struct set *set, size_t id)
{
	const char *text = settings_table[id].factory;

	return set_row(set, id, text, strlen(text));
}

static int set_copy_row(struct set *to, const struct set *from, size_t id)
{
	values_free(to->values[id], SETTING_PARAMS);
	to->counts[id] = from->counts[id];
	for (size_t i = 0; i < from->counts[id]; i++) {
		int r = value_copy(&to->values[id][i], &from->values[id][i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int set_print(const struct set *set, struct buf *text)
{
	int r = buf_printf(text, "# dtu settings, NAME=value as AT commands have them\n");

	for (size_t id = 0; id < SETTING_COUNT && !r; id++) {
		r = buf_printf(text, "%s=", settings_table[id].name);
		if (!r)
			r = values_print(text, settings_table[id].params, set->values[id], set->counts[id], false);
		if (!r)
			r = buf_add(text, "\n", 1);
	}
	return r;
}

/* One line of the file; -EINVAL: it does not hold, or its setting has been seen before. */
static int set_read_line(struct set *set, bool seen[SETTING_COUNT], const char *line, size_t length)
{
	const char *equals;
	size_t name;

	if (memchr(line, 0, length))
		return -EINVAL;
	if (!length || *line == '#')
		return 0;
	equals = memchr(line, '=', length);
	if (!equals)
		return -EINVAL;
	name = (size_t)(equals - line);
	for (size_t id = 0; id < SETTING_COUNT; id++) {
		if (strlen(settings_table[id].name) != name || strncmp(settings_table[id].name, line, name) != 0)
			continue;
		if (seen[id])
			return -EINVAL;
		seen[id] = true;
		return set_row(set, id, equals + 1, length - name - 1);
	}
	return -EINVAL;
}

static int set_read(struct set *set, const char *text, size_t length)
{
	bool seen[SETTING_COUNT] = { false };
	const char *end = text + length;
	int r;

	/* What the file does not name has its factory value. */
	for (size_t id = 0; id < SETTING_COUNT; id++) {
		r = set_factory(set, id);
		if (r < 0)
			return r;
	}
	for (int number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		r = set_read_line(set, seen, text, (size_t)(stop - text));
		if (r < 0)
			return r == -EINVAL ? number : r;
		text = stop + 1;
	}
	return 0;
}

static int take(void *data, const char *text, size_t length)
{
	_cleanup_(set_free) struct set fresh = { 0 };
	struct settings *settings = data;
	struct set old;
	int r;

	r = set_read(&fresh, text, length);
	if (r)
		return r;
	old = settings->set;
	settings->set = fresh;
	fresh = old;
	return 0;
}

static int load(struct settings *settings, const char *state)
{
	int r;

	for (size_t id = 0; id < SETTING_COUNT; id++) {
		r = set_factory(&settings->set, id);
		if (r < 0)
			return r;
	}
	r = store_open(&settings->store, state);
	if (r < 0)
		return r;
	r = store_load(settings->store, take, settings);
	if (r < 0)
		return r;
	settings->state = (enum store_state)r;
	settings->stored = r == STORE_GOOD;
	if (r == STORE_RECOVERED)
		log_warning("%s: the last good copy of the settings is in use", state);
	if (r == STORE_RESET)
		log_error("%s: no good copy of the settings: factory values are in use", state);
	return 0;
}

int settings_load(struct settings **settings, const char *state)
{
	struct settings *loaded = calloc(1, sizeof(*loaded));
	int r;

	if (!loaded)
		return -ENOMEM;
	r = load(loaded, state);
	if (r < 0) {
		settings_free(loaded);
		return r;
	}
	*settings = loaded;
	return 0;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	set_free(&settings->set);
	store_close(settings->store);
	free(settings);
}

enum store_state settings_state(const struct settings *settings)
{
	return settings->state;
}

const char *settings_aside(const struct settings *settings)
{
	return store_aside(settings->store);
}

int settings_error(const struct settings *settings)
{
	return settings->error;
}

const struct value *settings_value(const struct settings *settings, enum setting_id id, size_t param)
{
	return &settings->set.values[id][param];
}

long settings_int(const struct settings *settings, enum setting_id id, size_t param)
{
	return settings->set.values[id][param].number;
}

const char *settings_text(const struct settings *settings, enum setting_id id, size_t param)
{
	const struct value *value = settings_value(settings, id, param);

	return value->bytes ? (const char *)value->bytes : "";
}

size_t settings_count(const struct settings *settings, enum setting_id id)
{
	return settings->set.counts[id];
}

/* Store @fresh, then swap it with what is in force; the caller frees what @fresh is left with. */
static int put_in_force(struct settings *settings, struct set *fresh)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct set old;
	int r;

	r = set_print(fresh, &text);
	if (!r)
		r = store_save(settings->store, buf_bytes(&text), text.length);
	settings->error = r;
	/* A save that failed late may have switched the files all the same. */
	settings->stored = !r;
	if (r < 0)
		return r;
	if (settings->state == STORE_NEW)
		settings->state = STORE_GOOD;
	old = settings->set;
	settings->set = *fresh;
	*fresh = old;
	return 0;
}

static bool same(const struct settings *settings, enum setting_id id, const struct value *values, size_t n)
{
	if (settings->set.counts[id] != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!value_equal(&settings->set.values[id][i], &values[i]))
			return false;
	return true;
}

int settings_set(struct settings *settings, enum setting_id id, const struct value *values, size_t n)
{
	_cleanup_(set_free) struct set fresh = { 0 };
	int r;

	if (n > setting_param_count(&settings_table[id]))
		return -EINVAL;
	/* Hosts set the same values at every start: spare the flash. */
	if (settings->stored && same(settings, id, values, n))
		return 0;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		r = set_copy_row(&fresh, &settings->set, i);
		if (r < 0)
			return r;
	}
	values_free(fresh.values[id], SETTING_PARAMS);
	for (size_t i = 0; i < n; i++) {
		r = value_copy(&fresh.values[id][i], &values[i]);
		if (r < 0)
			return r;
	}
	fresh.counts[id] = n;
	return put_in_force(settings, &fresh);
}

/* Without a user's own factory set both are the table's. */
int settings_restore(struct settings *settings, enum factory factory)
{
	_cleanup_(set_free) struct set fresh = { 0 };
	int r;

	(void)factory;
	for (size_t id = 0; id < SETTING_COUNT; id++) {
		if (settings_table[id].kept)
			r = set_copy_row(&fresh, &settings->set, id);
		else
			r = set_factory(&fresh, id);
		if (r < 0)
			return r;
	}
	return put_in_force(settings, &fresh);
}
