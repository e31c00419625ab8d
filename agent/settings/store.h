/* SPDX-License-Identifier: MIT */
/*
 * The settings file on disk: one text file whose last line is the CRC-32 of what precedes it. A
 * save is atomic: whenever the power is cut, the folder holds the old text or the new one, whole.
 * The file before that stays as settings.last. What is damaged is kept aside, never overwritten,
 * and the last good copy takes its place. Everything is done relative to the folder's descriptor.
 */
#ifndef SETTINGS_STORE_H
#define SETTINGS_STORE_H

#include <stddef.h>

#include "settings/settings.h"

/* A file beyond this is damaged. */
#define STORE_SIZE_MAX 65536

struct store;

/* Make the folder @path if it is missing and lock it. -EBUSY: another process has it. */
int store_open(struct store **store, const char *path);
void store_close(struct store *store);

/*
 * Take in a text whose checksum is right: 0, the number of the first line that does not hold, or a
 * negative errno.
 */
typedef int (*store_take)(void *data, const char *text, size_t length);

/*
 * Hand the settings file, or else the last good copy, to @take. A store_state, or a negative errno
 * if the folder could not be read. For STORE_NEW and STORE_RESET @take has accepted nothing.
 */
int store_load(struct store *store, store_take take, void *data);

/* Replace the settings file. On failure the old one is still there. */
int store_save(struct store *store, const void *text, size_t length);

/* Path of the file that was kept aside last, or NULL. */
const char *store_aside(const struct store *store);

#endif
