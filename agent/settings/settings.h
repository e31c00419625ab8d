/* SPDX-License-Identifier: MIT */
/*
 * The settings in force: one value per row of the table (settings/table.h), read by whoever needs
 * them, changed by AT commands, kept by the store. A set is stored before it is in force; if it
 * cannot be stored the old value stays (SPEC 5).
 */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/table.h"

struct settings;

/* How the store was found when it was loaded, for `dtuctl status`. */
enum store_state {
	STORE_GOOD,
	STORE_NEW,	 /* there was none: factory values */
	STORE_RECOVERED, /* damaged and kept aside; the last good copy is in use */
	STORE_RESET,	 /* damaged and kept aside; no good copy either: factory values */
};

/*
 * Load from the folder @state, which is created (mode 0700) if missing and locked against a second
 * agent. -EBUSY: another agent has it. Free with settings_free.
 */
int settings_load(struct settings **settings, const char *state);
void settings_free(struct settings *settings);

enum store_state settings_state(const struct settings *settings);
/* The path of the damaged file that was kept aside, or NULL. */
const char *settings_aside(const struct settings *settings);
/* Why the last attempt to store failed, as a negative errno; 0 if it did not. */
int settings_error(const struct settings *settings);

/* One parameter of a setting. Integers and enums (their index) by _int; any type's bytes by _text. */
long settings_int(const struct settings *settings, enum setting_id id, size_t param);
const struct value *settings_value(const struct settings *settings, enum setting_id id, size_t param);
/* NUL-terminated; valid until the setting changes. */
const char *settings_text(const struct settings *settings, enum setting_id id, size_t param);
/* How many parameters the value has: optional ones may have been left out. */
size_t settings_count(const struct settings *settings, enum setting_id id);

/*
 * Put @n checked values in force and on disk, all or none; the values are copied. Negative errno
 * of the store if it failed: nothing has changed then.
 */
int settings_set(struct settings *settings, enum setting_id id, const struct value *values, size_t n);

/* Which factory set settings_restore goes back to. */
enum factory { FACTORY_USER, FACTORY_VENDOR };

/* Back to factory values, keeping rows marked so; stored as a whole. */
int settings_restore(struct settings *settings, enum factory factory);

#endif
