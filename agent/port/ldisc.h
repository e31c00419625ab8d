/* SPDX-License-Identifier: MIT */
/* Line disciplines by name, as /proc/tty/ldiscs lists them: numbers differ from system to system. */
#ifndef PORT_LDISC_H
#define PORT_LDISC_H

/* The number of the line discipline @name; -ENOENT: not loaded. */
int ldisc_find(const char *name);

#endif
