/* SPDX-License-Identifier: MIT */
/*
 * One line a message to standard error, with the priority prefix of sd-daemon(3) when systemd
 * reads it. Modules return a negative errno; whoever stands at the edge logs once and names the
 * file, line, port or value.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/util.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_DEBUG = 7 };

/* Messages above @level are not printed. Notice at first. */
void log_set_level(enum log_level level);

/* From now on to syslog, for a daemon that has left its terminal. */
void log_to_syslog(void);

void log_line(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
