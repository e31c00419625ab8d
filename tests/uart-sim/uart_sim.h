/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * A UART made for tests: /dev/ttySIM0, 1 ... are serial ports, /dev/uart-sim0, 1 ... the far ends
 * of their wires. What is written to the far end is a script of bytes and pauses, which comes in at
 * the port's real speed, through a FIFO like a 16550A's; the log tells when each bit of it was on
 * the wire.
 *
 * write()  struct uart_sim_byte [], whole ones; blocks (or -EAGAIN) while the script is full
 * read()   the bytes that the port has sent, when their last bit has left; poll() tells of both
 * close()  the rest of the script is forgotten
 */
#ifndef UART_SIM_H
#define UART_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What happens to a byte on the wire. */
enum uart_sim_kind {
	UART_SIM_NORMAL,
	UART_SIM_PARITY, /* arrives with a parity error */
	UART_SIM_FRAMING, /* arrives without a stop bit */
	UART_SIM_BREAK, /* no byte, but a break condition of a character's length */
	UART_SIM_LOST, /* lost in the UART: an overrun, which takes the byte's place in the FIFO */
};

/**
 * struct uart_sim_byte - one byte of the script
 * @idle_ns: silence of the wire before it, from the end of the stop bit before; up to 2^53. Where
 *	the script had run empty it counts from the moment of the write, unless the wire was silent
 *	for longer: then the byte begins at once.
 * @byte: what comes
 * @kind: enum uart_sim_kind
 */
struct uart_sim_byte {
	__u64 idle_ns;
	__u8 byte;
	__u8 kind;
	__u8 pad[6]; /* 0 */
};

/* What became of a byte. */
enum uart_sim_fate {
	UART_SIM_DELIVERED, /* handed to the tty */
	UART_SIM_OVERRUN, /* the FIFO was full, or the byte was UART_SIM_LOST */
	UART_SIM_NO_BUFFER, /* the tty's queue was full */
	UART_SIM_DEAF, /* the port was closed or hung up */
};

/**
 * struct uart_sim_log - the truth about a byte; all times CLOCK_MONOTONIC in ns
 * @start_ns: begin of the start bit
 * @end_ns: end of the stop bit
 * @handed_ns: when the interrupt handed it to the tty, 0 if it was lost
 * @byte: as in the script
 * @kind: as in the script
 * @fate: enum uart_sim_fate
 */
struct uart_sim_log {
	__u64 start_ns;
	__u64 end_ns;
	__u64 handed_ns;
	__u8 byte;
	__u8 kind;
	__u8 fate;
	__u8 pad[5];
};

/**
 * struct uart_sim_setup - the chip; takes effect with the next byte
 * @fifo: depth of the receive FIFO in bytes, 1..4096; at first 16
 * @trigger: bytes in it that cause an interrupt, 1..@fifo; at first 8. 1: no time-out is needed.
 * @timeout_chars: character times after the last byte came that an interrupt is caused by fewer; at
 *	first 4; up to 1000000
 * @pad: 0
 */
struct uart_sim_setup {
	__u32 fifo;
	__u32 trigger;
	__u32 timeout_chars;
	__u32 pad;
};

/**
 * struct uart_sim_take - fetch the oldest entries of the log, which are forgotten by it
 * @entries: address of struct uart_sim_log []
 * @count: room for so many; on return how many were written
 * @lost: on return how many were forgotten before, because the log was full
 */
struct uart_sim_take {
	__u64 entries;
	__u32 count;
	__u32 lost;
};

/**
 * struct uart_sim_state - where the port stands
 * @queued: bytes of the script that have not ended yet
 * @char_ns: time of a character as the port is set
 * @rts: the port asserts RTS; where the port has CRTSCTS the script waits while it does not
 * @open: the port is open
 * @interrupts: receive interrupts so far
 */
struct uart_sim_state {
	__u32 queued;
	__u32 char_ns;
	__u32 rts;
	__u32 open;
	__u64 interrupts;
};

#define UART_SIM_SETUP _IOW('U', 0xd0, struct uart_sim_setup)
#define UART_SIM_TAKE_LOG _IOWR('U', 0xd1, struct uart_sim_take)
#define UART_SIM_STATE _IOR('U', 0xd2, struct uart_sim_state)
/* Block until the script has ended, its last byte handed over or lost; -EINTR by a signal. */
#define UART_SIM_WAIT _IO('U', 0xd3)

#endif
