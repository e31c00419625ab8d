/* SPDX-License-Identifier: MIT */
/*
 * The generic netlink family "dtu" over a plain socket: a second reading of the interface, apart
 * from the agent's.
 */
#ifndef DTU_NETLINK_H
#define DTU_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/n_dtu.h>

#define NL_PORTS_MAX 600

struct nl_port {
	uint8_t cmd;
	uint32_t have; /* bit of each DTU_A_PORT_* that was there */
	uint32_t number[DTU_A_PORT_MAX + 1];
	uint64_t ns[DTU_A_PORT_MAX + 1]; /* those with 64 bits */
	char name[64];
	uint32_t stats_have;
	uint64_t stats[DTU_A_STATS_MAX + 1];
};

struct nl {
	int fd;
	uint16_t family;
	uint32_t group; /* of the monitor */
	uint32_t seq;
	uint32_t length;
	unsigned char buffer[1024];

	/* the last answer */
	int error;	       /* 0 or negative errno */
	char message[200];     /* extended ACK */
	unsigned int receives; /* recv() calls it took */
	unsigned int ports_count;
	struct nl_port ports[NL_PORTS_MAX];
};

/* Find the family: 0 or negative errno. */
int nl_open(struct nl *nl);
void nl_close(struct nl *nl);

/* Build a request, then send it and wait for its end; returns nl->error. */
void nl_begin(struct nl *nl, uint8_t cmd);
void nl_u8(struct nl *nl, uint16_t type, uint8_t value);
void nl_u32(struct nl *nl, uint16_t type, uint32_t value);
void nl_bytes(struct nl *nl, uint16_t type, const void *bytes, uint16_t n);
int nl_do(struct nl *nl);
int nl_dump(struct nl *nl);

/* Join the monitor's group; then wait for an event: false after @ms without. */
int nl_monitor(struct nl *nl);
bool nl_event(struct nl *nl, struct nl_port *port, int ms);

/* Frequent requests: of the port whose tty is open as @tty. */
int nl_get(struct nl *nl, int tty);
int nl_set(struct nl *nl, int tty, uint16_t type, uint32_t value);
int nl_resume(struct nl *nl, int tty, enum dtu_mode mode);
int nl_ack(struct nl *nl, int tty, uint64_t sequence);
uint64_t nl_stat(struct nl *nl, int tty, enum dtu_a_stats which);

#endif
