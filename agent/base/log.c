// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

static enum log_level most = LOG_LEVEL_NOTICE;
static bool syslogging;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_to_syslog(void)
{
	openlog(program_invocation_short_name, LOG_PID, LOG_DAEMON);
	syslogging = true;
}

/* systemd says in JOURNAL_STREAM which stream it reads; a child's own standard error may be another one. */
static bool read_by_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char *end;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	return strtoull(stream, &end, 10) == (unsigned long long)st.st_dev && *end == ':' &&
	       strtoull(end + 1, NULL, 10) == (unsigned long long)st.st_ino;
}

static const char *word_for(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	default:
		return "";
	}
}

/* A name from outside may hold anything; the log stays one line a message. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void log_line(enum log_level level, const char *format, ...)
{
	static int journal = -1;
	char text[1024];
	va_list args;
	int saved = errno;

	if (level > most)
		return;
	if (journal < 0)
		journal = read_by_journal();
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_printable(text);
	if (syslogging)
		syslog((int)level, "%s", text);
	else if (journal)
		(void)dprintf(STDERR_FILENO, "<%d>%s\n", (int)level, text);
	else
		(void)dprintf(STDERR_FILENO, "%s: %s%s\n", program_invocation_short_name, word_for(level), text);
	errno = saved;
}
