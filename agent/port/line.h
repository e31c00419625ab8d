/* SPDX-License-Identifier: MIT */
/* The serial line's settings: AT+UART's values to termios and back (SPEC 1). */
#ifndef PORT_LINE_H
#define PORT_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "port/port.h"

/*
 * Put @config on the tty @fd, raw, with the input flags @iflag, and make sure that the driver took
 * it. -EINVAL: it did not.
 */
int line_apply(int fd, const struct port_config *config, tcflag_t iflag);

/* Time of one character in ns as @config says; 0 on a pty, where bytes take no time. */
uint32_t line_char_ns(int fd, const struct port_config *config);

/* Whether bytes are still on their way out: in the driver, or in the UART itself where it tells. */
bool line_sending(int fd);

/* Whether the tty has RTS and CTS. */
bool line_has_flow_control(int fd);

#endif
