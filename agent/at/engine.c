// SPDX-License-Identifier: MIT
#include "at/at.h"

#include <errno.h>

#include "at/grammar.h"
#include "at/reply.h"
#include "at/table.h"
#include "settings/value.h"

static unsigned int needed(const struct command *command, enum at_form form)
{
	switch (form) {
	case AT_FORM_PLAIN:
		return command->forms & AT_DO ? AT_DO : AT_QUERY;
	case AT_FORM_ASK:
		return command->forms & AT_DO ? AT_ASK : AT_QUERY;
	case AT_FORM_SET:
		return AT_SET;
	case AT_FORM_RANGE:
		return AT_RANGE;
	default:
		return 0;
	}
}

static const struct param *params_of(const struct command *command)
{
	return command->setting ? settings_table[command->id].params : command->params;
}

/* Secrets in full only where whoever asks stands at the device (SPEC 4). */
static bool masks_secrets(enum at_way way)
{
	return way != AT_WAY_COMMAND && way != AT_WAY_SERIAL && way != AT_WAY_CONTROL;
}

static int query(const struct command *command, struct call *call, const char *spelling)
{
	const struct settings *settings = call->at->settings;
	int r;

	reply_head(call->reply, spelling, command->blank);
	if (command->setting)
		r = values_print(call->reply, params_of(command), settings_value(settings, command->id, 0),
				 settings_count(settings, command->id), masks_secrets(call->way));
	else
		r = command->run(call);
	if (r < 0)
		return r;
	reply_end(call->reply);
	call->replied = true;
	return 0;
}

static int range(const struct command *command, struct call *call, const char *spelling)
{
	int r;

	reply_head(call->reply, spelling, false);
	r = ranges_print(call->reply, params_of(command));
	reply_end(call->reply);
	call->replied = true;
	return r;
}

static int store(const struct command *command, const struct call *call)
{
	const struct at_device *device = call->at->device;
	int r;

	if (device->check(device->data, command->id, call->values, call->count) < 0)
		return -EINVAL;
	r = settings_set(call->at->settings, command->id, call->values, call->count);
	if (r < 0)
		/* The values are in order: whatever the disk said is a failure, not a wrong parameter. */
		return -EIO;
	if (settings_table[command->id].effect == EFFECT_NOW)
		device->changed(device->data, command->id);
	return 0;
}

static int set(const struct command *command, struct call *call, const struct at_line *line)
{
	struct value values[SETTING_PARAMS] = { 0 };
	int r;

	r = values_parse(params_of(command), line->text, line->length, values);
	if (r < 0)
		return r;
	call->values = values;
	call->count = (size_t)r;
	r = command->setting ? store(command, call) : command->run(call);
	call->values = NULL;
	values_free(values, call->count);
	return r;
}

/* 0 or the number of the error. */
static int execute(struct call *call, const void *text, size_t length)
{
	const struct command *command;
	const char *spelling;
	struct at_line line;
	int r;

	r = at_split(&line, text, length);
	if (r)
		return r;
	command = command_find(line.name, line.name_length, &spelling);
	if (!command)
		return AT_ERROR_NO_COMMAND;
	switch (command->forms & needed(command, line.form)) {
	case AT_QUERY:
		r = query(command, call, spelling);
		break;
	case AT_RANGE:
		r = range(command, call, spelling);
		break;
	case AT_SET:
		r = set(command, call, &line);
		break;
	case AT_DO:
	case AT_ASK:
		r = command->run(call);
		break;
	default:
		return AT_ERROR_FORM;
	}
	if (!r)
		return 0;
	return r == -EINVAL ? AT_ERROR_RANGE : AT_ERROR_FAILED;
}

enum at_after at_execute(const struct at *at, enum at_way way, const void *line, size_t length, struct buf *reply)
{
	struct call call = { .at = at, .way = way, .reply = reply };
	size_t begin;
	int error;

	if (length > AT_LINE_MAX) {
		at_too_long(reply);
		return AT_AFTER_NOTHING;
	}
	if (way == AT_WAY_COMMAND && settings_int(at->settings, SETTING_E, 0) == STATE_ON)
		reply_echo(reply, line, length);
	begin = reply->length;
	error = execute(&call, line, length);
	if (error) {
		/* Nothing of a reply that broke off half-way. */
		buf_cut(reply, begin);
		reply_error(reply, (enum at_error)error);
		return AT_AFTER_NOTHING;
	}
	if (!call.replied)
		reply_ok(reply);
	return call.after;
}

void at_too_long(struct buf *reply)
{
	reply_error(reply, AT_ERROR_RANGE);
}
