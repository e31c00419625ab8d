// SPDX-License-Identifier: GPL-2.0
/*
 * The port: the framer with what moves it, which are chunks from the tty, a timer and readers that
 * make room. dtu_port_unlock() sees to it that whoever has to do something next is told.
 */

#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <linux/tty_flip.h>
#include <linux/tty_ldisc.h>
#include <linux/vmalloc.h>

#include "port.h"

/* How long the timer waits when bytes are on their way from the driver to us. */
#define DTU_DEFER_NS (100 * NSEC_PER_USEC)

/* An 8250 interrupts at 8 bytes as it comes out of reset, and 4 character times after the last. */
#define DTU_FIFO_CHARS (8 + 4)

static void dtu_port_arm(struct dtu_port *port)
{
	u64 ns = framer_deadline(&port->framer);

	/*
	 * Chunks move the deadline on all the time; the timer is not moved with it, but finds when
	 * it fires that there is time left.
	 */
	if (ns != FRAMER_NEVER)
		ns = max(ns, port->defer_ns);
	if (port->dead || ns >= port->timer_ns)
		return;
	port->timer_ns = ns;
	hrtimer_start(&port->timer, ns_to_ktime(ns), HRTIMER_MODE_ABS_SOFT);
}

void dtu_port_lock(struct dtu_port *port) __acquires(&port->lock)
{
	spin_lock_bh(&port->lock);
}

void dtu_port_unlock(struct dtu_port *port) __releases(&port->lock)
{
	u64 sequence = port->framer.records.sequence;
	enum dtu_mode mode = framer_mode(&port->framer);
	bool wake = port->told_sequence != sequence;

	if (port->told_mode != mode && !port->dead)
		schedule_work(&port->change);
	port->told_sequence = sequence;
	port->told_mode = mode;
	dtu_port_arm(port);
	spin_unlock_bh(&port->lock);

	if (!wake)
		return;
	wake_up_interruptible_poll(&port->tty->read_wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&port->tty->fasync, SIGIO, POLL_IN);
}

static u64 dtu_port_holdoff_ns(const struct dtu_port *port)
{
	if (port->settings.holdoff_us != DTU_HOLDOFF_AUTO)
		return (u64)port->settings.holdoff_us * NSEC_PER_USEC;
	return (u64)DTU_FIFO_CHARS * port->char_ns;
}

void dtu_port_configure(struct dtu_port *port)
{
	const struct framer_config config = {
		.gap_ns = (u64)port->settings.gap_us * NSEC_PER_USEC,
		.holdoff_ns = dtu_port_holdoff_ns(port),
		.char_ns = port->char_ns,
		.length = port->settings.length,
		.escape = port->settings.escape,
	};

	framer_configure(&port->framer, &config);
}

void dtu_port_feed(struct dtu_port *port)
{
	bool feed;

	dtu_port_lock(port);
	feed = port->starved && framer_has_room(&port->framer);
	if (feed)
		port->starved = false;
	dtu_port_unlock(port);
	if (!feed)
		return;
	/*
	 * What tty_buffer_restart_work() does, which modules cannot call. Locking the queue and
	 * unlocking it would look at the first buffer only, and stall if that is empty and others
	 * follow.
	 */
	if (port->tty->port)
		queue_work(system_unbound_wq, &port->tty->port->buf.work);
}

static bool dtu_port_is_pty(const struct tty_struct *tty)
{
	return tty->driver->type == TTY_DRIVER_TYPE_PTY;
}

void dtu_port_measure(struct dtu_port *port)
{
	struct tty_struct *tty = port->tty;
	u64 bits_ns = (u64)tty_get_frame_size(tty->termios.c_cflag) * NSEC_PER_SEC;
	speed_t baud = tty_get_baud_rate(tty);

	/* Bytes take no time on a pty, whatever speed it has been told. */
	port->char_ns = dtu_port_is_pty(tty) || !baud ? 0 : DIV_ROUND_CLOSEST_ULL(bits_ns, baud);
}

static bool dtu_port_bytes_coming(const struct dtu_port *port)
{
	struct tty_port *tport = port->tty->port;

	return tport && work_busy(&tport->buf.work);
}

static enum hrtimer_restart dtu_port_timer(struct hrtimer *timer)
{
	struct dtu_port *port = container_of(timer, struct dtu_port, timer);
	u64 now = ktime_get_ns();

	dtu_port_lock(port);
	port->timer_ns = FRAMER_NEVER;
	if (framer_deadline(&port->framer) > now) {
		/* a chunk came meanwhile */
	} else if (dtu_port_bytes_coming(port)) {
		/*
		 * Bytes that the driver has already handed over belong to the frame: a late
		 * worker must not cut it. The chunk they come in re-arms; this is in case it
		 * turns out to be empty.
		 */
		port->counters.timer_deferred++;
		port->overdue = true;
		port->defer_ns = now + max_t(u64, port->char_ns, DTU_DEFER_NS);
	} else {
		port->overdue = false;
		/* Silence, and nothing on its way: the queue has run empty. */
		if (!port->starved)
			port->late = false;
		framer_expire(&port->framer, now);
	}
	dtu_port_unlock(port);
	return HRTIMER_NORESTART;
}

/* Returns how many of @count bytes, all of one kind, were taken. */
static size_t take_run(struct dtu_port *port, u64 now, const u8 *bytes, size_t count, size_t span,
		       u8 flags)
{
	const struct framer_chunk chunk = {
		.ns = now,
		.span = span,
		.length = count,
		.flags = flags | (port->late ? DTU_FLAG_LATE : 0),
	};

	return framer_push(&port->framer, &chunk, bytes);
}

/* A byte that is no data but says that something went wrong on the line. */
static bool take_fault(struct dtu_port *port, u8 kind)
{
	switch (kind) {
	case TTY_OVERRUN:
		port->counters.overrun++;
		framer_mark(&port->framer, DTU_FLAG_OVERRUN);
		return true;
	case TTY_BREAK:
		port->counters.breaks++;
		framer_mark(&port->framer, DTU_FLAG_LINE_ERROR);
		return true;
	default:
		return false;
	}
}

/* As take_run() for bytes with a kind each: TTY_NORMAL, TTY_PARITY ... */
static size_t take_kinds(struct dtu_port *port, u64 now, const u8 *bytes, const dtu_kind_t *kinds,
			 size_t count)
{
	size_t done = 0;

	while (done < count) {
		u8 kind = kinds[done];
		size_t run = 1, taken;

		if (take_fault(port, kind)) {
			done++;
			continue;
		}
		while (done + run < count && (u8)kinds[done + run] == kind)
			run++;
		taken = take_run(port, now, bytes + done, run, count,
				 kind == TTY_NORMAL ? 0 : DTU_FLAG_LINE_ERROR);
		if (kind == TTY_PARITY)
			port->counters.parity += taken;
		else if (kind == TTY_FRAME)
			port->counters.framing += taken;
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

size_t dtu_port_take(struct dtu_port *port, u64 now, const u8 *bytes, const dtu_kind_t *kinds,
		     size_t count)
{
	size_t taken;

	dtu_port_lock(port);
	/* These were on their way when the time was up: in time, whenever the worker got to run. */
	if (port->overdue)
		now = min(now, framer_deadline(&port->framer) - 1);
	port->overdue = false;
	if (!kinds || !memchr_inv(kinds, TTY_NORMAL, count))
		taken = take_run(port, now, bytes, count, count, 0);
	else
		taken = take_kinds(port, now, bytes, kinds, count);
	if (taken < count) {
		/* What we return 0 for stays where it is until dtu_port_feed(). */
		if (!port->starved)
			port->counters.held++;
		port->starved = true;
		port->late = true;
	}
	dtu_port_unlock(port);
	return taken;
}

struct dtu_port *dtu_port_new(struct tty_struct *tty, work_func_t change)
{
	static const struct framer_config no_config = { .gap_ns = 1, .length = 1 };
	struct dtu_port *port = kzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return NULL;
	port->memory = vzalloc(DTU_RECORDS_SIZE + DTU_LOG_SIZE);
	if (!port->memory) {
		kfree(port);
		return NULL;
	}
	spin_lock_init(&port->lock);
	mutex_init(&port->read_lock);
	INIT_WORK(&port->change, change);
	hrtimer_setup(&port->timer, dtu_port_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	port->tty = tty;
	port->timer_ns = FRAMER_NEVER;
	dtu_port_measure(port);
	port->settings = (struct dtu_settings){
		.gap_us = 50 * USEC_PER_MSEC,
		.length = 1024,
		.holdoff_us = dtu_port_is_pty(tty) ? 0 : DTU_HOLDOFF_AUTO,
	};
	framer_init(&port->framer, &no_config, port->memory, DTU_RECORDS_SIZE,
		    port->memory + DTU_RECORDS_SIZE, DTU_LOG_SIZE);
	dtu_port_configure(port);
	return port;
}

void dtu_port_free(struct dtu_port *port)
{
	vfree(port->memory);
	kfree(port);
}
