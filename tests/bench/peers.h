/* SPDX-License-Identifier: MIT */
/* The network's side of the ports: one TCP connection each, on 127.0.0.1, at consecutive numbers. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdint.h>

/* A socket that listens. All of these end the program on failure. */
int peer_listen(uint16_t port);
/* The connection that comes to it, which is not listened to any longer. */
int peer_accept(int listener);
/* A connection to who listens there, who may need @seconds until then. */
int peer_dial(uint16_t port, unsigned int seconds);

/* Forget what has come so far. */
void peer_drain(int connection);

#endif
