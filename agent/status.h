/* SPDX-License-Identifier: MIT */
/* What `dtuctl status` shows: how each part of the device stands, in words or as JSON. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "device.h"

void status_print(const struct device *device, bool json, struct buf *out);

#endif
