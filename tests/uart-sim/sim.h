/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A port, and what its three parts ask of each other: main.c is the tty, far_end.c the other end of
 * the wire, wire.c what lies between and takes time.
 *
 * The wire does not tick: it is brought up to a time (advance), and a timer is set for the next
 * time at which somebody has to be told. Whoever changes something brings it up to now before and
 * sets the timer after (arm).
 */
#ifndef UART_SIM_SIM_H
#define UART_SIM_SIM_H

#include <linux/hrtimer.h>
#include <linux/kfifo.h>
#include <linux/miscdevice.h>
#include <linux/serial.h>
#include <linux/spinlock.h>
#include <linux/tty.h>
#include <linux/tty_port.h>
#include <linux/wait.h>

#include "uart_sim.h"

#define SIM_NEVER U64_MAX

/* All powers of two. */
#define SIM_SCRIPT 65536
#define SIM_LOG 262144
#define SIM_FIFO_MAX 4096
#define SIM_SENT 65536
#define SIM_QUEUE 4096

/* Keep the wire's arithmetic, of up to SIM_FIFO_MAX bytes in advance, within 64 bits. */
#define SIM_IDLE_MAX_NS BIT_ULL(53)
#define SIM_TIMEOUT_MAX 1000000

/* What a transmitter's FIFO holds. */
#define SIM_SHIFT 16

/* In the log as long as the byte is in the FIFO; user space does not see it. */
#define SIM_PENDING 0xff

/**
 * struct sim_held - a byte in the FIFO
 * @log: number of its log entry
 * @byte: as in the script
 * @kind: as in the script
 * @overrun: bytes behind it were lost
 */
struct sim_held {
	u64 log;
	u8 byte;
	u8 kind;
	bool overrun;
};

/* What is too large for ports that nobody feeds. */
struct sim_memory {
	struct uart_sim_byte script[SIM_SCRIPT];
	struct sim_held fifo[SIM_FIFO_MAX];
	struct uart_sim_log log[SIM_LOG];
};

/**
 * struct sim_rx - the wire to the port
 * @memory: NULL until the far end is opened for the first time
 * @setup: the chip
 * @script_first: number of the first byte that has not ended
 * @script_next: number of the next byte to be written
 * @start_ns: begin of the first byte, if there is one
 * @end_ns: end of it
 * @last_ns: end of the byte before it
 * @hold_ns: bytes that have not begun before it wait for RTS; SIM_NEVER: they need not
 * @fifo_first: number of the FIFO's oldest byte
 * @level: bytes in the FIFO
 * @pending: the interrupt is due, and stays so until it is served
 * @log_first: number of the log's oldest entry
 * @log_next: number of the next one
 * @lost: entries forgotten since somebody looked
 * @interrupts: served so far
 * @armed_ns: when the timer fires
 * @timer: for the next interrupt, or for the script's end if the port is closed
 */
struct sim_rx {
	struct sim_memory *memory;
	struct uart_sim_setup setup;
	u32 script_first;
	u32 script_next;
	u64 start_ns;
	u64 end_ns;
	u64 last_ns;
	u64 hold_ns;
	u32 fifo_first;
	u32 level;
	bool pending;
	u64 log_first;
	u64 log_next;
	u32 lost;
	u64 interrupts;
	u64 armed_ns;
	struct hrtimer timer;
};

/**
 * struct sim_tx - the wire from the port
 * @queue: what the tty has written
 * @sent: what has arrived and is not read
 * @shift: what is on its way, at one speed and without pauses
 * @length: so many bytes; 0: the transmitter is idle
 * @done: so many of them have arrived
 * @start_ns: begin of the first
 * @char_ns: time of each
 * @stopped: send no more, as flow control told
 * @timer: for the end of @shift
 */
struct sim_tx {
	DECLARE_KFIFO_PTR(queue, u8);
	DECLARE_KFIFO_PTR(sent, u8);
	u8 shift[SIM_SHIFT];
	unsigned int length;
	unsigned int done;
	u64 start_ns;
	u32 char_ns;
	bool stopped;
	struct hrtimer timer;
};

/**
 * struct sim - a port
 * @port: the tty's side
 * @far: the other end's
 * @lock: for all below, taken with interrupts off
 * @char_ns: time of a character as the port is set
 * @noticed: kinds of errors that are told from a normal byte, BIT(enum uart_sim_kind)
 * @ignored: kinds that the driver drops
 * @modem: TIOCM_RTS and TIOCM_DTR as the port asserts them
 * @crtscts: RTS holds the script
 * @open: somebody has the tty open
 * @far_open: somebody has the far end open
 * @icount: for TIOCGICOUNT
 * @rx: to the port
 * @tx: from the port
 * @space: wakes writers of the script
 * @ended: wakes who waits for its end
 * @arrived: wakes readers of what was sent
 * @drained: wakes who waits for the transmitter
 */
struct sim {
	struct tty_port port;
	struct miscdevice far;
	spinlock_t lock; /* see above */
	u32 char_ns;
	unsigned long noticed;
	unsigned long ignored;
	unsigned int modem;
	bool crtscts;
	bool open;
	bool far_open;
	struct async_icount icount;
	struct sim_rx rx;
	struct sim_tx tx;
	wait_queue_head_t space;
	wait_queue_head_t ended;
	wait_queue_head_t arrived;
	wait_queue_head_t drained;
};

int sim_wire_init(struct sim *sim);
void sim_wire_destroy(struct sim *sim);

/* All of these under the lock; @now is read under it, so that time does not go back. */

void sim_rx_advance(struct sim *sim, u64 now);
void sim_rx_arm(struct sim *sim);
bool sim_rx_ended(const struct sim *sim);
u32 sim_rx_queued(const struct sim *sim);
/* @byte is behind all others; there is room. */
void sim_rx_append(struct sim *sim, u64 now, const struct uart_sim_byte *byte);
/* Forget the bytes that have not begun. */
void sim_rx_cut(struct sim *sim, u64 now);
/* The port closes: nobody will fetch what the FIFO holds. */
void sim_rx_abandon(struct sim *sim);
/* After any change of RTS and CRTSCTS. */
void sim_rx_flow(struct sim *sim, u64 now);
/* After a change of @char_ns: it is the next byte's. */
void sim_rx_retime(struct sim *sim, u64 now);
/* Take the log's oldest entry; false if there is none that is settled. */
bool sim_log_take(struct sim *sim, struct uart_sim_log *entry);

void sim_tx_advance(struct sim *sim, u64 now);
/* Begin to send if that is possible. */
void sim_tx_start(struct sim *sim, u64 now);
/* Forget what has not begun; with @all also what is on its way. */
void sim_tx_drop(struct sim *sim, bool all);
bool sim_tx_idle(const struct sim *sim);
bool sim_tx_blocked(const struct sim *sim);
unsigned int sim_tx_left(const struct sim *sim);

int sim_far_register(struct sim *sim, unsigned int index);
void sim_far_unregister(struct sim *sim);

#endif
