/* SPDX-License-Identifier: MIT */
/* A folder of settings that is thrown away, and an AT engine upon it. */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "at/at.h"
#include "settings/settings.h"

struct fixture {
	char folder[256];
	struct settings *settings;
	struct at_device device;
	struct at at;
	bool connected[2];
	int refused;		 /* what device.check answers */
	unsigned int changes;	 /* calls of device.changed */
	enum setting_id changed; /* the last one */
};

static inline bool fixture_connected(void *data, unsigned int socket)
{
	return ((struct fixture *)data)->connected[socket];
}

static inline void fixture_changed(void *data, enum setting_id id)
{
	struct fixture *fixture = data;

	fixture->changes++;
	fixture->changed = id;
}

static inline int fixture_check(void *data, enum setting_id id, const struct value *values, size_t n)
{
	(void)id;
	(void)values;
	(void)n;
	return ((struct fixture *)data)->refused;
}

static inline void fixture_folder(char folder[256])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, 256, "%s/dtu-unit-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
}

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void fixture_remove(const char *folder)
{
	nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void fixture_load(struct fixture *fixture)
{
	int r = settings_load(&fixture->settings, fixture->folder);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", fixture->folder, strerror(-r));
		exit(1);
	}
	fixture->at = (struct at){ fixture->settings, &fixture->device };
}

static inline void fixture_open(struct fixture *fixture)
{
	*fixture = (struct fixture){ 0 };
	fixture->device = (struct at_device){ fixture, fixture_connected, fixture_changed, fixture_check };
	fixture_folder(fixture->folder);
	fixture_load(fixture);
}

static inline void fixture_close(struct fixture *fixture)
{
	settings_free(fixture->settings);
	fixture_remove(fixture->folder);
}

#endif
