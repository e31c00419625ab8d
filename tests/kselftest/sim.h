/* SPDX-License-Identifier: MIT */
/*
 * A simulated UART (tests/uart-sim) with both of its ends open, and what the tests do with it. The
 * module is loaded before, by tests/uart-sim/load. All end the program on failure.
 */
#ifndef KSELFTEST_SIM_H
#define KSELFTEST_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "../uart-sim/uart_sim.h"

struct port;

struct sim {
	unsigned int number;
	int far; /* /dev/uart-simN, the host's end of the wire */
	int tty; /* /dev/ttySIMN */
};

/* Bytes and pauses to come; {0} is an empty one. */
struct sim_script {
	struct uart_sim_byte *bytes;
	size_t count;
	size_t room;
};

/* Both ends, the tty raw with 115200 8N1 and its input empty; chip as after reset, log empty. */
void sim_open(struct sim *sim, unsigned int number);
void sim_close(struct sim *sim);

/* One end only; the other is left alone. */
void sim_open_far(struct sim *sim);
void sim_open_tty(struct sim *sim);

/* sim_open(), and n_dtu at the tty's end: @port is then for everything but its master. */
void sim_open_port(struct sim *sim, struct port *port, unsigned int number);
/* Ends both, for port_close() alone leaves the far end open. */
void sim_close_port(struct sim *sim, struct port *port);

void sim_setup(const struct sim *sim, uint32_t fifo, uint32_t trigger, uint32_t timeout_chars);
/* Raw with this speed and these bits of c_cflag (CS8, PARENB, CRTSCTS ...) and c_iflag. */
void sim_line(const struct sim *sim, speed_t speed, tcflag_t cflag, tcflag_t iflag);

/* Append a byte, or @n contiguous ones with a pause before the first. */
void sim_add(struct sim_script *script, uint64_t idle_ns, uint8_t byte, enum uart_sim_kind kind);
void sim_add_bytes(struct sim_script *script, uint64_t idle_ns, const void *bytes, size_t n);

/* Write all of it, which begins at once, and empty it. */
void sim_play(const struct sim *sim, struct sim_script *script);
void sim_free(struct sim_script *script);

/* Until the last byte has been handed to the tty, or lost. */
void sim_wait(const struct sim *sim);

/* Take up to @max of the log's oldest entries; none may have been forgotten. */
size_t sim_log(const struct sim *sim, struct uart_sim_log *log, size_t max);
struct uart_sim_state sim_state(const struct sim *sim);

#endif
