/* SPDX-License-Identifier: MIT */
/* A pty with n_dtu at its slave end, and what the tests do with it. */
#ifndef KSELFTEST_PORT_H
#define KSELFTEST_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "dtu_netlink.h"

struct port {
	int master; /* the host's end of the line */
	int slave;  /* n_dtu's */
	struct nl *nl;
};

struct record {
	struct dtu_record head;
	unsigned char payload[DTU_PAYLOAD_MAX];
	uint32_t length; /* of the payload */
};

/* The line discipline's number from /proc/tty/ldiscs, or -1. */
int ldisc_number(void);

/* A raw pty, both ends open; ends the program if there is none. */
void pty_open(struct port *port);

/* Attach and detach: 0 or negative errno. */
int port_attach(int tty);
int port_detach(int tty);

/*
 * pty_open(), port_attach(), and a socket to the family. With settings, records begin with a
 * header. Ends the program on failure.
 */
void port_open(struct port *port);
void port_settings(struct port *port, uint32_t gap_us, uint32_t length, bool escape);
void port_close(struct port *port);

/* The host writes; ends the program unless all is written. */
void host_write(const struct port *port, const void *bytes, size_t n);
void host_say(const struct port *port, const char *text);

/* Read a record with header within @ms: false if none comes. */
bool port_record(const struct port *port, struct record *record, int ms);

/* Read without header; the same as read(), but a negative errno. */
long port_read(int tty, void *buffer, size_t size);

bool readable(int fd, int ms);
void set_nonblocking(int fd, bool on);
void pause_us(uint64_t us);
/* Long enough for what was written to arrive and @us to pass: exact in simulated time, ample in real. */
void settle_us(uint64_t us);
uint64_t now_ns(void);

bool soak(void);

/* Random numbers; the seed is DTU_SEED or new, and is printed. */
void seed_from_environment(void);
void seed_from(uint64_t seed);
uint32_t pick(uint32_t n);

__attribute__((noreturn)) void die(const char *what);

#endif
