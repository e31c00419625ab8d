/* SPDX-License-Identifier: MIT */
/* What the integrator's file says about the port beyond AT commands; 0 and false: nothing. */
#ifndef PORT_TUNING_H
#define PORT_TUNING_H

#include <stdbool.h>
#include <stdint.h>

#include "port/hold.h"

struct tuning {
	uint32_t gap_us;  /* in place of UARTFT, which begins at 50 ms */
	bool modbus;	  /* frame by Modbus RTU's t3.5 for the line's speed, whatever the gap */
	struct hold hold; /* in place of what sysfs says */
};

#endif
