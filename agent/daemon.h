/* SPDX-License-Identifier: MIT */
/*
 * Leaving the terminal: the process that was started stays until the daemon has come up, and ends
 * with its verdict, so that whoever started it sees an error as an error.
 */
#ifndef DAEMON_H
#define DAEMON_H

/*
 * Make sure that descriptors 0 to 2 are open, whatever whoever started us has closed: the port must
 * not become one of them. Before anything is opened. 0 or a negative errno.
 */
int daemon_keep_standard(void);

/*
 * Go into the background. Returns in the daemon with a descriptor to report to, in the process
 * that was started never; a negative errno if that fails.
 */
int daemon_begin(void);

/* The daemon is up: let the process that was started end with 0. From now on the log goes to syslog. */
void daemon_ready(int report);

#endif
