/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Interface of the n_dtu line discipline: what read() returns and the generic netlink
 * family "dtu".
 *
 * A tty with n_dtu attached is a "port". read() returns one record a call: by default the bytes
 * of one frame and nothing else, so that `cat` works; with the port option "header" each record
 * begins with struct dtu_record, and escape events travel in the same stream, so that their
 * order against the data is never in doubt.
 */
#ifndef _UAPI_LINUX_N_DTU_H
#define _UAPI_LINUX_N_DTU_H

#include <linux/types.h>

#define DTU_LDISC_NAME		"n_dtu"		/* in /proc/tty/ldiscs */

#define DTU_RECORD_VERSION	1

/* The longest payload of a record: the longest command line (frames are at most 2048). */
#define DTU_PAYLOAD_MAX		2304

/**
 * enum dtu_record_type - what a record is
 * @DTU_RECORD_DATA: a frame; the payload is its bytes
 * @DTU_RECORD_SEEN: an isolated +++ was seen; no payload. The next byte decides.
 * @DTU_RECORD_CONFIRMED: "a" came in time; no payload. The port is in line mode.
 * @DTU_RECORD_ABORTED: anything else came, or nothing for 3 s; no payload. The +++ and what
 *	followed it come as data. Also when TCFLSH ended line mode.
 * @DTU_RECORD_LINE: a command line without its line end. The port holds whatever comes behind it
 *	until DTU_CMD_PORT_RESUME says how to read that.
 * @DTU_RECORD_LINE_TOO_LONG: a line of over DTU_PAYLOAD_MAX bytes was dropped whole; no payload.
 *	Holds the port like DTU_RECORD_LINE.
 */
enum dtu_record_type {
	DTU_RECORD_DATA = 1,
	DTU_RECORD_SEEN,
	DTU_RECORD_CONFIRMED,
	DTU_RECORD_ABORTED,
	DTU_RECORD_LINE,
	DTU_RECORD_LINE_TOO_LONG,
};

/**
 * enum dtu_record_reason - why a record ended where it did
 * @DTU_REASON_NONE: an event, not a frame
 * @DTU_REASON_GAP: the line was silent for the gap
 * @DTU_REASON_LENGTH: the frame was full
 * @DTU_REASON_LINE_END: CR or LF
 * @DTU_REASON_MODE: the port changed its mode
 */
enum dtu_record_reason {
	DTU_REASON_NONE,
	DTU_REASON_GAP,
	DTU_REASON_LENGTH,
	DTU_REASON_LINE_END,
	DTU_REASON_MODE,
};

/* Flags of a record. */
#define DTU_FLAG_LINE_ERROR	0x01	/* parity or framing error, or break, at a byte of it */
#define DTU_FLAG_OVERRUN	0x02	/* the UART or its driver dropped bytes in or before it */
#define DTU_FLAG_LATE		0x04	/* it had to wait in the tty: its boundaries are not sure */
#define DTU_FLAG_PAUSE		0x08	/* Modbus: a silence of over 1.5 characters inside */

/**
 * struct dtu_record - head of a record, in the machine's byte order
 * @version: DTU_RECORD_VERSION
 * @type: enum dtu_record_type
 * @reason: enum dtu_record_reason
 * @flags: DTU_FLAG_*
 * @length: of the whole record, this head included, in bytes
 * @sequence: counts the port's records from 0
 * @first_ns: CLOCK_MONOTONIC when the chunk with the first byte reached the line discipline
 * @last_ns: the same of the last byte
 * @gap_min_ns: lower bound of the silence before the first byte, from the end of the stop bit
 *	before it to its start bit; U64_MAX in the first record after attaching
 * @gap_max_ns: upper bound of it, likewise. Bytes that the driver or the tty's worker hand over
 *	late make it look longer.
 */
struct dtu_record {
	__u8	version;
	__u8	type;
	__u8	reason;
	__u8	flags;
	__u32	length;
	__u64	sequence;
	__u64	first_ns;
	__u64	last_ns;
	__u64	gap_min_ns;
	__u64	gap_max_ns;
};

/**
 * enum dtu_mode - how a port reads its bytes
 * @DTU_MODE_DATA: frames by time and length; escape detection if it is on
 * @DTU_MODE_LINE: command lines
 */
enum dtu_mode {
	DTU_MODE_DATA,
	DTU_MODE_LINE,
};

#define DTU_GENL_NAME		"dtu"
#define DTU_GENL_VERSION	1
#define DTU_GENL_MCGRP_MONITOR	"monitor"

/* Limits of the settings. */
#define DTU_GAP_US_MIN		1
#define DTU_GAP_US_MAX		60000000
#define DTU_LENGTH_MIN		1
#define DTU_LENGTH_MAX		2048
#define DTU_HOLDOFF_US_MAX	1000000
#define DTU_TRIGGER_MIN		1
#define DTU_TRIGGER_MAX		4096
/* Hold-off worked out from the line's speed and the FIFO's trigger. */
#define DTU_HOLDOFF_AUTO	0xffffffff

/**
 * enum dtu_a_port - attributes of a port
 * @DTU_A_PORT_UNSPEC: never sent
 * @DTU_A_PORT_PAD: aligns 64-bit attributes where that is needed
 * @DTU_A_PORT_ID: u32, the port's number, from 1; not used again while the module is loaded
 * @DTU_A_PORT_DEV: u32, device number of the tty as stat() gives it; in requests instead of ID
 * @DTU_A_PORT_NAME: string, the tty's name as the kernel has it: ttyS1, but pts3
 * @DTU_A_PORT_GAP_US: u32, DTU_GAP_US_MIN..DTU_GAP_US_MAX; silence that ends a frame. 50000 at
 *	first.
 * @DTU_A_PORT_LENGTH: u32, DTU_LENGTH_MIN..DTU_LENGTH_MAX; bytes that fill a frame. 1024 at
 *	first.
 * @DTU_A_PORT_HOLDOFF_US: u32, 0..DTU_HOLDOFF_US_MAX or DTU_HOLDOFF_AUTO; how long the hardware may
 *	keep a byte to itself. 0 on a pty, DTU_HOLDOFF_AUTO elsewhere at first.
 * @DTU_A_PORT_ESCAPE: u8, 0 or 1: look for +++. 0 at first.
 * @DTU_A_PORT_HEADER: u8, 0 or 1: records begin with struct dtu_record. 0 at first.
 * @DTU_A_PORT_MODE: u8, enum dtu_mode
 * @DTU_A_PORT_CHAR_NS: u32, time of one character on the line as its settings say; 0 on a pty
 * @DTU_A_PORT_STATS: nest of DTU_A_STATS_*
 * @DTU_A_PORT_TRIGGER: u32, DTU_TRIGGER_MIN..DTU_TRIGGER_MAX; bytes at which the UART's FIFO
 *	interrupts; fewer it hands over when four character times have passed. Counts while the
 *	hold-off is DTU_HOLDOFF_AUTO. 8 at first.
 * @DTU_A_PORT_MODBUS: u8, 0 or 1: the gap is Modbus RTU's t3.5 for the line as it is set (3.5
 *	characters up to 19200 baud, 1750 us above), whatever GAP_US says, and a frame with a
 *	silence of over t1.5 (1.5 characters, 750 us) inside has DTU_FLAG_PAUSE. 0 at first.
 * @DTU_A_PORT_ACK: u8, 0 or 1: a record that was read stays until DTU_CMD_PORT_ACK. Setting it to 1
 *	has the records that stayed read again, oldest first: a new reader begins so. Needs HEADER.
 *	0 at first.
 * @DTU_A_PORT_SEQUENCE: u64, with DTU_CMD_PORT_ACK: struct dtu_record's sequence
 * @DTU_A_PORT_GAP_NS: u64, the gap in force
 * @DTU_A_PORT_HEAD_NS: u64, how long the hardware may keep the first byte of what it hands over
 *	together. Silence below GAP_NS never ends a frame.
 * @DTU_A_PORT_TAIL_NS: u64, how long it may keep the last one. Silence of GAP_NS + HEAD_NS +
 *	TAIL_NS always ends a frame.
 * @__DTU_A_PORT_MAX: one more than the last
 * @DTU_A_PORT_MAX: the last
 */
enum dtu_a_port {
	DTU_A_PORT_UNSPEC,
	DTU_A_PORT_PAD = DTU_A_PORT_UNSPEC,
	DTU_A_PORT_ID,
	DTU_A_PORT_DEV,
	DTU_A_PORT_NAME,
	DTU_A_PORT_GAP_US,
	DTU_A_PORT_LENGTH,
	DTU_A_PORT_HOLDOFF_US,
	DTU_A_PORT_ESCAPE,
	DTU_A_PORT_HEADER,
	DTU_A_PORT_MODE,
	DTU_A_PORT_CHAR_NS,
	DTU_A_PORT_STATS,
	DTU_A_PORT_TRIGGER,
	DTU_A_PORT_MODBUS,
	DTU_A_PORT_ACK,
	DTU_A_PORT_SEQUENCE,
	DTU_A_PORT_GAP_NS,
	DTU_A_PORT_HEAD_NS,
	DTU_A_PORT_TAIL_NS,

	__DTU_A_PORT_MAX,
	DTU_A_PORT_MAX = __DTU_A_PORT_MAX - 1
};

/**
 * enum dtu_a_stats - counters of a port since it was attached, each a u64
 * @DTU_A_STATS_UNSPEC: never sent
 * @DTU_A_STATS_PAD: aligns 64-bit attributes where that is needed
 * @DTU_A_STATS_RX_BYTES: bytes taken from the tty
 * @DTU_A_STATS_TX_BYTES: bytes handed to the driver
 * @DTU_A_STATS_FRAMES: data frames made
 * @DTU_A_STATS_CUT_GAP: of these, ended by silence
 * @DTU_A_STATS_CUT_LENGTH: of these, ended by their length
 * @DTU_A_STATS_LINES: command lines made
 * @DTU_A_STATS_LINES_TOO_LONG: command lines dropped
 * @DTU_A_STATS_ESCAPES_SEEN: isolated +++
 * @DTU_A_STATS_ESCAPES_CONFIRMED: of these, confirmed
 * @DTU_A_STATS_ESCAPES_ABORTED: of these, given back as data
 * @DTU_A_STATS_PARITY: bytes with a parity error
 * @DTU_A_STATS_FRAMING: bytes with a framing error
 * @DTU_A_STATS_BREAK: break conditions
 * @DTU_A_STATS_OVERRUN: overruns that the driver reported
 * @DTU_A_STATS_HELD: times that input was left in the tty's queue for want of room
 * @DTU_A_STATS_TIMER_DEFERRED: times that the gap timer found bytes on their way and waited
 * @DTU_A_STATS_FLUSHED: bytes dropped by TCFLSH
 * @DTU_A_STATS_GAP_AMBIGUOUS: silences that may have been as long as the gap, or not, for all that
 *	can be told from when the UART handed its bytes over; they did not end a frame
 * @DTU_A_STATS_BOUNDARY_UNKNOWN: frames with DTU_FLAG_LATE
 * @DTU_A_STATS_TIMER_LATE: times that the gap timer ran over 100 us late
 * @DTU_A_STATS_TIMER_LATE_MAX_NS: the worst of these
 * @DTU_A_STATS_BUFFER: bytes that the driver had to drop because the tty's queue was full, as the
 *	driver counts
 * @DTU_A_STATS_THROTTLED: times that the other end was told to stop sending
 * @__DTU_A_STATS_MAX: one more than the last
 * @DTU_A_STATS_MAX: the last
 */
enum dtu_a_stats {
	DTU_A_STATS_UNSPEC,
	DTU_A_STATS_PAD = DTU_A_STATS_UNSPEC,
	DTU_A_STATS_RX_BYTES,
	DTU_A_STATS_TX_BYTES,
	DTU_A_STATS_FRAMES,
	DTU_A_STATS_CUT_GAP,
	DTU_A_STATS_CUT_LENGTH,
	DTU_A_STATS_LINES,
	DTU_A_STATS_LINES_TOO_LONG,
	DTU_A_STATS_ESCAPES_SEEN,
	DTU_A_STATS_ESCAPES_CONFIRMED,
	DTU_A_STATS_ESCAPES_ABORTED,
	DTU_A_STATS_PARITY,
	DTU_A_STATS_FRAMING,
	DTU_A_STATS_BREAK,
	DTU_A_STATS_OVERRUN,
	DTU_A_STATS_HELD,
	DTU_A_STATS_TIMER_DEFERRED,
	DTU_A_STATS_FLUSHED,
	DTU_A_STATS_GAP_AMBIGUOUS,
	DTU_A_STATS_BOUNDARY_UNKNOWN,
	DTU_A_STATS_TIMER_LATE,
	DTU_A_STATS_TIMER_LATE_MAX_NS,
	DTU_A_STATS_BUFFER,
	DTU_A_STATS_THROTTLED,

	__DTU_A_STATS_MAX,
	DTU_A_STATS_MAX = __DTU_A_STATS_MAX - 1
};

/**
 * enum dtu_cmd - commands of the family
 * @DTU_CMD_UNSPEC: never sent
 * @DTU_CMD_PORT_GET: do: one port, by ID or DEV; dump: all
 * @DTU_CMD_PORT_SET: change the settings given, all or none; CAP_NET_ADMIN
 * @DTU_CMD_PORT_RESUME: read on behind the last line, in the MODE given; CAP_NET_ADMIN. In line
 *	mode with no line handed out, MODE data releases the port and a line begun comes as data.
 * @DTU_CMD_PORT_ADD_NTF: a port was attached
 * @DTU_CMD_PORT_DEL_NTF: a port went
 * @DTU_CMD_PORT_CHANGE_NTF: settings or mode of a port changed
 * @DTU_CMD_PORT_ACK: the reader is done with the records up to SEQUENCE; CAP_NET_ADMIN
 * @__DTU_CMD_MAX: one more than the last
 * @DTU_CMD_MAX: the last
 */
enum dtu_cmd {
	DTU_CMD_UNSPEC,
	DTU_CMD_PORT_GET,
	DTU_CMD_PORT_SET,
	DTU_CMD_PORT_RESUME,
	DTU_CMD_PORT_ADD_NTF,
	DTU_CMD_PORT_DEL_NTF,
	DTU_CMD_PORT_CHANGE_NTF,
	DTU_CMD_PORT_ACK,

	__DTU_CMD_MAX,
	DTU_CMD_MAX = __DTU_CMD_MAX - 1
};

#endif /* _UAPI_LINUX_N_DTU_H */
