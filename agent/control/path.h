/* SPDX-License-Identifier: MIT */
/* Where the agent of a serial port listens: dtud and dtuctl must agree on it. */
#ifndef CONTROL_PATH_H
#define CONTROL_PATH_H

#define CONTROL_FOLDER "/run/dtu"
#define CONTROL_SUFFIX ".sock"

/* ttyS1.sock of /dev/ttyS1, pts-3.sock of /dev/pts/3, in @folder; to be freed. NULL: no memory. */
char *control_path(const char *folder, const char *port);

#endif
