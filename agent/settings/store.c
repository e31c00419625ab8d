// SPDX-License-Identifier: MIT
#include "settings/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/crc32.h"
#include "base/log.h"

#define CURRENT "settings"
#define LAST "settings.last"
#define NEW "settings.new"
#define DAMAGED "settings.damaged"

#define ASIDE_MAX 4
#define TRAILER "# crc32 %08x\n"
#define TRAILER_LENGTH (sizeof("# crc32 12345678\n") - 1)

struct store {
	int folder;
	int lock;
	char *path;
	char *aside;
	bool unkept; /* the present file is damaged and could not be kept aside: no good copy to be */
};

/*
 * A folder that can be read and not written still serves its settings. Then the folder itself is
 * locked: nobody who sees it so can make the lock file either.
 */
static int lock_folder(struct store *store)
{
	store->lock = openat(store->folder, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (store->lock < 0 && errno != EROFS && errno != EACCES)
		return -errno;
	if (flock(store->lock < 0 ? store->folder : store->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int open_folder(struct store *store, const char *path)
{
	store->path = strdup(path);
	if (!store->path)
		return -ENOMEM;
	if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EROFS)
		return -errno;
	store->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->folder < 0)
		return -errno;
	return lock_folder(store);
}

int store_open(struct store **store, const char *path)
{
	struct store *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	opened->folder = -1;
	opened->lock = -1;
	r = open_folder(opened, path);
	if (r < 0) {
		store_close(opened);
		return r;
	}
	*store = opened;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	close_fd(&store->lock);
	close_fd(&store->folder);
	free(store->path);
	free(store->aside);
	free(store);
}

const char *store_aside(const struct store *store)
{
	return store->aside;
}

/* Reading: */

/* -ENOENT: not there. -EBADMSG: not a file of ours. */
static int read_whole(const struct store *store, const char *name, struct buf *text)
{
	_cleanup_close_ int fd = openat(store->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	do {
		uint8_t *to = buf_reserve(text, 4096);

		if (!to)
			return text->length >= STORE_SIZE_MAX ? -EBADMSG : -ENOMEM;
		n = read(fd, to, 4096);
		if (n > 0)
			buf_commit(text, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	/* A sector that cannot be read any more is damage, and no reason to give up. */
	if (n < 0)
		return errno == EIO ? -EBADMSG : -errno;
	return 0;
}

/* The length of what the last line vouches for, or 0. */
static size_t checked_length(const struct buf *text)
{
	char expected[TRAILER_LENGTH + 1];
	size_t length;

	if (text->length < TRAILER_LENGTH)
		return 0;
	length = text->length - TRAILER_LENGTH;
	(void)snprintf(expected, sizeof(expected), TRAILER, crc32_of(buf_bytes(text), length));
	return memcmp(buf_bytes(text) + length, expected, TRAILER_LENGTH) ? 0 : length;
}

/* Read one copy. -EBADMSG: damaged, and the log says how. */
static int load_copy(const struct store *store, const char *name, store_take take, void *data)
{
	_cleanup_buf_ struct buf text = { .limit = STORE_SIZE_MAX + 4096 };
	size_t length;
	int r;

	r = read_whole(store, name, &text);
	if (r == -EBADMSG)
		log_warning("%s/%s: not readable, not a file or larger than %d bytes", store->path, name,
			    STORE_SIZE_MAX);
	if (r < 0)
		return r;
	length = checked_length(&text);
	if (!length) {
		log_warning("%s/%s: torn or changed: the checksum in its last line is not right", store->path, name);
		return -EBADMSG;
	}
	r = take(data, (const char *)buf_bytes(&text), length);
	if (r <= 0)
		return r;
	log_warning("%s/%s: line %d is no valid setting", store->path, name, r);
	return -EBADMSG;
}

static void aside_name(char name[sizeof(DAMAGED) + 12], int i)
{
	(void)snprintf(name, sizeof(DAMAGED) + 12, i ? "%s.%d" : "%s", DAMAGED, i);
}

static bool exists(const struct store *store, const char *name)
{
	struct stat st;

	return fstatat(store->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void remember_aside(struct store *store, const char *name)
{
	free(store->aside);
	if (asprintf(&store->aside, "%s/%s", store->path, name) < 0)
		store->aside = NULL;
}

/* The files kept aside before; true if there is one. */
static bool find_aside(struct store *store)
{
	char name[sizeof(DAMAGED) + 12];

	for (int i = ASIDE_MAX - 1; i >= 0; i--) {
		aside_name(name, i);
		if (!exists(store, name))
			continue;
		remember_aside(store, name);
		return true;
	}
	return false;
}

/* We hold the lock: nobody takes the free name meanwhile. */
static int keep_aside(struct store *store, const char *damaged)
{
	char name[sizeof(DAMAGED) + 12];

	for (int i = 0; i < ASIDE_MAX; i++) {
		aside_name(name, i);
		if (exists(store, name))
			continue;
		if (renameat(store->folder, damaged, store->folder, name) < 0) {
			int r = -errno;

			log_warning("%s/%s: cannot be kept aside: %s", store->path, damaged, strerror(-r));
			return r;
		}
		remember_aside(store, name);
		log_warning("%s/%s: kept aside as %s", store->path, damaged, name);
		return 0;
	}
	log_warning("%s/%s: not kept aside: there are %d such files already, remove them", store->path, damaged,
		    ASIDE_MAX);
	return -EEXIST;
}

int store_load(struct store *store, store_take take, void *data)
{
	int current, last;

	current = load_copy(store, CURRENT, take, data);
	if (!current)
		return STORE_GOOD;
	if (current == -EBADMSG)
		store->unkept = keep_aside(store, CURRENT) < 0;
	else if (current != -ENOENT)
		return current;
	last = load_copy(store, LAST, take, data);
	if (last == -EBADMSG)
		(void)keep_aside(store, LAST);
	else if (last && last != -ENOENT)
		return last;
	/* Until something is saved, what was kept aside in an earlier run is the reason why there is none. */
	if (!store->aside)
		find_aside(store);
	if (!last)
		return STORE_RECOVERED;
	return current == -ENOENT && last == -ENOENT && !store->aside ? STORE_NEW : STORE_RESET;
}

/* Writing: */

static int write_whole(int fd, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n) {
		ssize_t written = write(fd, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		p += written;
		n -= (size_t)written;
	}
	return 0;
}

static int write_new(const struct store *store, const void *text, size_t length)
{
	_cleanup_close_ int fd = -1;
	char trailer[TRAILER_LENGTH + 1];
	int r;

	/* Left behind by a power cut. */
	if (unlinkat(store->folder, NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(store->folder, NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	(void)snprintf(trailer, sizeof(trailer), TRAILER, crc32_of(text, length));
	r = write_whole(fd, text, length);
	if (!r)
		r = write_whole(fd, trailer, TRAILER_LENGTH);
	if (!r && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* A second name for the present file, so that at no time there is none. */
static int keep_last(const struct store *store)
{
	if (unlinkat(store->folder, LAST ".new", 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(store->folder, CURRENT, store->folder, LAST ".new", 0) < 0) {
		/* Nothing to keep, or a file system without links, where the switch alone must do. */
		if (errno == ENOENT || errno == EPERM || errno == EOPNOTSUPP)
			return 0;
		return -errno;
	}
	if (renameat(store->folder, LAST ".new", store->folder, LAST) < 0)
		return -errno;
	/* If both names were one file already, rename did nothing and left the new name. */
	(void)unlinkat(store->folder, LAST ".new", 0);
	return 0;
}

static int save(const struct store *store, const void *text, size_t length)
{
	int r;

	r = write_new(store, text, length);
	if (!r && !store->unkept)
		r = keep_last(store);
	if (!r && renameat(store->folder, NEW, store->folder, CURRENT) < 0)
		r = -errno;
	/* Some file systems cannot sync a folder, and say so. */
	if (!r && fsync(store->folder) < 0 && errno != EINVAL)
		r = -errno;
	return r;
}

int store_save(struct store *store, const void *text, size_t length)
{
	int r;

	if (length + TRAILER_LENGTH > STORE_SIZE_MAX)
		return -EFBIG;
	r = save(store, text, length);
	if (r < 0)
		(void)unlinkat(store->folder, NEW, 0);
	else
		store->unkept = false;
	return r;
}
