/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A port: a tty with n_dtu attached. Made by the line discipline's open(), gone with its close();
 * netlink reaches it through the registry only.
 *
 * Locks: tty locks -> dtu_ports_lock -> port->lock, and the tty queue's lock -> port->lock.
 */
#ifndef DTU_PORT_H
#define DTU_PORT_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/tty.h>
#include <linux/tty_ldisc.h>
#include <linux/workqueue.h>

#include "framer.h"

#define DTU_RECORDS_SIZE SZ_128K
#define DTU_LOG_SIZE	 SZ_64K

/**
 * struct dtu_settings - what netlink may set, in its own units
 * @gap_us: DTU_A_PORT_GAP_US
 * @length: DTU_A_PORT_LENGTH
 * @holdoff_us: DTU_A_PORT_HOLDOFF_US
 * @trigger: DTU_A_PORT_TRIGGER
 * @modbus: DTU_A_PORT_MODBUS
 * @escape: DTU_A_PORT_ESCAPE
 * @header: DTU_A_PORT_HEADER
 * @ack: DTU_A_PORT_ACK
 */
struct dtu_settings {
	u32 gap_us;
	u32 length;
	u32 holdoff_us;
	u32 trigger;
	bool modbus;
	bool escape;
	bool header;
	bool ack;
};

/* Counters that are not the framer's. */
struct dtu_counters {
	u64 tx_bytes;
	u64 parity;
	u64 framing;
	u64 breaks;
	u64 overrun;
	u64 held;
	u64 timer_deferred;
	u64 timer_late;
	u64 timer_late_max_ns;
	u64 throttled;
};

struct dtu_port {
	struct list_head list; /* dtu_ports_lock */
	u32 id;
	struct tty_struct *tty;

	spinlock_t lock; /* all that follows, up to the next comment */
	struct framer framer;
	struct dtu_settings settings;
	struct dtu_counters counters;
	u32 char_ns;
	bool dead;		 /* no timer, no work any more */
	bool starved;		 /* the tty's queue holds what we had no room for */
	bool late;		 /* and its bytes have lost their times, until it has run empty */
	bool pinned;		 /* a read is in the middle of the first record */
	bool full;		 /* the other end should stop sending */
	bool throttled;		 /* and has been told */
	u64 defer_ns;		 /* until then, bytes may be on their way for all we know */
	u32 dropped;		 /* bytes that the driver has dropped, as it counts them */
	u32 dropped_before;	 /* of these, before we came */
	u64 timer_ns;		 /* what the timer is armed for, or FRAMER_NEVER */
	u64 told_sequence;	 /* records that readers were woken for */
	enum dtu_mode told_mode; /* mode that listeners were told of */

	struct mutex read_lock; /* one reader at a time, held over the pieces of a read */
	u32 read_offset;	/* where in the record the payload that is read begins */
	u32 read_length;
	struct hrtimer timer;
	struct work_struct change; /* tells listeners of a change */
	struct work_struct flow;   /* tells the other end to stop or go on */
	u8 *memory;
};

/* Take the port's lock; let go of it, with the timer armed and whoever waits told. */
void dtu_port_lock(struct dtu_port *port) __acquires(&port->lock);
void dtu_port_unlock(struct dtu_port *port) __releases(&port->lock);

/* @change is run as a work when the mode has changed. */
struct dtu_port *dtu_port_new(struct tty_struct *tty, work_func_t change);
void dtu_port_free(struct dtu_port *port);

/*
 * Take what has come at @now, with the kind of each byte (TTY_NORMAL, TTY_PARITY ...) unless
 * @kinds is NULL. Returns how much; the rest waits in the tty's queue for dtu_port_feed().
 */
size_t dtu_port_take(struct dtu_port *port, u64 now, const u8 *bytes, const dtu_kind_t *kinds,
		     size_t count);

/* Work out the time of a character from the line's settings. Under the lock. */
void dtu_port_measure(struct dtu_port *port);

/* Put port->settings and the line's speed in force. Under the lock. */
void dtu_port_configure(struct dtu_port *port);

/* Take up what waits in the tty's queue, if there is room again. Not under the lock; may sleep. */
void dtu_port_feed(struct dtu_port *port);

/* Bytes that the driver dropped since the port was made. Not under the lock; may sleep. */
u32 dtu_port_dropped(struct dtu_port *port);

/* Nothing is started any more for @port, and what was started has ended. */
void dtu_port_stop(struct dtu_port *port);

/* The registry and the netlink family. */
int dtu_genl_init(void);
void dtu_genl_exit(void);
void dtu_genl_add(struct dtu_port *port);
void dtu_genl_del(struct dtu_port *port);
void dtu_genl_change(struct dtu_port *port);

/* Whether another line discipline sits on @number: its name is put in @name. */
bool dtu_slot_taken(int number, char *name, size_t size);

#endif /* DTU_PORT_H */
