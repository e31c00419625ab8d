// SPDX-License-Identifier: MIT
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/n_dtu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"

#define FILE_LIMIT 65536

/* Where a line stands, for messages. */
struct place {
	const char *name;
	unsigned int line;
};

struct key {
	const char *name;
	int (*set)(struct config *config, const struct key *key, const char *value, const struct place *place);
	size_t offset;
	uint32_t most; /* of a number, which begins at 1 */
};

static int set_path(struct config *config, const struct key *key, const char *value, const struct place *place)
{
	char *path = (char *)config + key->offset;

	if (!*value || strlen(value) >= PATH_MAX) {
		log_error("%s:%u: %s needs a path", place->name, place->line, key->name);
		return -EINVAL;
	}
	memcpy(path, value, strlen(value) + 1);
	return 0;
}

static int set_framing(struct config *config, const struct key *key, const char *value, const struct place *place)
{
	if (strcmp(value, "kernel") != 0 && strcmp(value, "fallback") != 0) {
		log_error("%s:%u: %s is kernel or fallback, not \"%s\"", place->name, place->line, key->name, value);
		return -EINVAL;
	}
	config->fallback = !strcmp(value, "fallback");
	return 0;
}

static int set_number(struct config *config, const struct key *key, const char *value, const struct place *place)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || !number || number > key->most) {
		log_error("%s:%u: %s is a number from 1 to %" PRIu32 ", not \"%s\"", place->name, place->line,
			  key->name, key->most, value);
		return -EINVAL;
	}
	*(uint32_t *)(void *)((char *)config + key->offset) = (uint32_t)number;
	return 0;
}

static int set_flag(struct config *config, const struct key *key, const char *value, const struct place *place)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
		log_error("%s:%u: %s is yes or no, not \"%s\"", place->name, place->line, key->name, value);
		return -EINVAL;
	}
	*(bool *)((char *)config + key->offset) = !strcmp(value, "yes");
	return 0;
}

static const struct key keys[] = {
	{ "port", set_path, offsetof(struct config, port), 0 },
	{ "state", set_path, offsetof(struct config, state), 0 },
	{ "socket", set_path, offsetof(struct config, socket), 0 },
	{ "framing", set_framing, 0, 0 },
	{ "gap_us", set_number, offsetof(struct config, tuning.gap_us), DTU_GAP_US_MAX },
	{ "modbus", set_flag, offsetof(struct config, tuning.modbus), 0 },
	{ "uart_trigger", set_number, offsetof(struct config, tuning.hold.trigger), DTU_TRIGGER_MAX },
	{ "holdoff_us", set_number, offsetof(struct config, tuning.hold.holdoff_us), DTU_HOLDOFF_US_MAX },
};

static const char *known_keys(void)
{
	static char names[256];
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s %s", i ? "," : "", keys[i].name);
	return names;
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static int parse_line(struct config *config, char *line, const struct place *place)
{
	char *value = strchr(line, '=');
	const char *name;

	if (!*line || *line == '#' || *line == ';' || !strcmp(line, "[dtud]"))
		return 0;
	if (*line == '[') {
		log_error("%s:%u: unknown section %s: there is only [dtud]", place->name, place->line, line);
		return -EINVAL;
	}
	if (!value) {
		log_error("%s:%u: neither \"key = value\" nor a section: \"%s\"", place->name, place->line, line);
		return -EINVAL;
	}
	*value = '\0';
	name = trim(line);
	value = trim(value + 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return keys[i].set(config, &keys[i], value, place);
	log_error("%s:%u: unknown key \"%s\" (known:%s)", place->name, place->line, name, known_keys());
	return -EINVAL;
}

int config_parse(struct config *config, const char *name, const char *text, size_t length)
{
	struct place place = { .name = name, .line = 0 };
	const char *end = text + length;
	int ret = 0;

	if (memchr(text, '\0', length)) {
		log_error("%s: has NUL bytes: not a configuration file", name);
		return -EINVAL;
	}
	/* All lines are looked at, so that one run shows every error. */
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = stop ? (size_t)(stop - text) : (size_t)(end - text);
		_cleanup_free_ char *line = strndup(text, n);

		if (!line)
			return -ENOMEM;
		place.line++;
		if (parse_line(config, trim(line), &place) < 0)
			ret = -EINVAL;
		text += n + (stop ? 1 : 0);
	}
	return ret;
}

static int read_whole(int fd, struct buf *text)
{
	for (;;) {
		uint8_t *room = buf_reserve(text, 4096);
		ssize_t n;

		if (!room)
			return -EFBIG;
		n = read(fd, room, 4096);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		buf_commit(text, (size_t)n);
	}
}

int config_read(struct config *config, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_buf_ struct buf text = { .limit = FILE_LIMIT };
	int ret = fd < 0 ? -errno : read_whole(fd, &text);

	if (ret < 0) {
		log_error("%s: cannot read: %s", path, strerror(-ret));
		return ret;
	}
	if (!text.length)
		return 0;
	return config_parse(config, path, (const char *)buf_bytes(&text), text.length);
}
