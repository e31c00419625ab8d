/* SPDX-License-Identifier: MIT */
/* The client of the generic netlink family "dtu" (linux/n_dtu.h): settings, mode, statistics. */
#ifndef PORT_NETLINK_H
#define PORT_NETLINK_H

#include <stdint.h>
#include <linux/n_dtu.h>

#include "port/framing.h"

struct netlink;

/* Talk about the attached tty with device number @dev. -ENOENT: the module is not loaded. */
int netlink_open(struct netlink **netlink, uint32_t dev);
void netlink_close(struct netlink *netlink);

/* Turn on the record header and escape detection, frame as @config says. */
int netlink_configure(struct netlink *netlink, const struct framing_config *config);

int netlink_resume(struct netlink *netlink, enum dtu_mode mode);

int netlink_stats(struct netlink *netlink, struct framing_stats *stats);

#endif
