/* SPDX-License-Identifier: MIT */
/*
 * How long the hardware behind a tty may keep a byte that it has received, as far as its driver tells
 * in sysfs (docs/framing.md).
 */
#ifndef PORT_HOLD_H
#define PORT_HOLD_H

#include <stdint.h>
#include <sys/types.h>

struct hold {
	uint32_t trigger;    /* bytes at which the UART's FIFO interrupts; 0: not known */
	uint32_t holdoff_us; /* how long an adapter collects bytes; 0: not known */
};

/* What the tty's folder in sysfs says. */
void hold_read(const char *folder, struct hold *hold);

/* The same for the tty with device number @device. */
void hold_find(dev_t device, struct hold *hold);

#endif
