// SPDX-License-Identifier: GPL-2.0
/*
 * The port: the framer with what moves it, which are chunks from the tty, a timer and readers that
 * make room. dtu_port_unlock() sees to it that whoever has to do something next is told.
 */

#include <linux/poll.h>
#include <linux/serial.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <linux/tty_flip.h>
#include <linux/tty_ldisc.h>
#include <linux/vmalloc.h>

#include "port.h"

/* How long the timer waits when bytes are on their way from the driver to us. */
#define DTU_DEFER_NS (100 * NSEC_PER_USEC)

/* How long it may take from here until the worker of the tty's queue is on its way. */
#define DTU_FEED_NS NSEC_PER_MSEC

/* A timer that is later than this is counted. */
#define DTU_LATE_NS DTU_DEFER_NS

/* An 8250's FIFO as it comes out of reset. */
#define DTU_FIFO_TRIGGER 8

/* The other end is told to stop when this much waits in the log, and to go on when nothing does. */
#define DTU_LOG_HIGH (DTU_LOG_SIZE / 4)

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

static void dtu_port_watch_level(struct dtu_port *port)
{
	u32 waiting = ring_used(&port->framer.log);

	if (!(C_CRTSCTS(port->tty) || I_IXOFF(port->tty)))
		port->full = false;
	else if (port->starved || waiting >= DTU_LOG_HIGH)
		port->full = true;
	else if (!waiting)
		port->full = false;
	if (port->full != port->throttled && !port->dead)
		schedule_work(&port->flow);
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
	dtu_port_watch_level(port);
	port->told_sequence = sequence;
	port->told_mode = mode;
	dtu_port_arm(port);
	spin_unlock_bh(&port->lock);

	if (!wake)
		return;
	wake_up_interruptible_poll(&port->tty->read_wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&port->tty->fasync, SIGIO, POLL_IN);
}

/* How long the hardware may keep a byte. */
static void dtu_port_set_hold(const struct dtu_port *port, struct framer_config *config)
{
	if (port->settings.holdoff_us == DTU_HOLDOFF_AUTO)
		framer_set_fifo(config, port->settings.trigger);
	else
		framer_set_holdoff(config, (u64)port->settings.holdoff_us * NSEC_PER_USEC);
}

void dtu_port_configure(struct dtu_port *port)
{
	struct framer_config config = {
		.gap_ns = (u64)port->settings.gap_us * NSEC_PER_USEC,
		.char_ns = port->char_ns,
		.length = port->settings.length,
		.escape = port->settings.escape,
	};

	dtu_port_set_hold(port, &config);
	if (port->settings.modbus)
		framer_set_modbus(&config);
	framer_configure(&port->framer, &config);
}

u32 dtu_port_dropped(struct dtu_port *port)
{
	struct tty_struct *tty = port->tty;
	struct serial_icounter_struct count = {};
	bool known = tty->ops->get_icount && !tty->ops->get_icount(tty, &count);
	u32 dropped;

	dtu_port_lock(port);
	/* They would have come behind what waits in the tty's queue. */
	if (known && port->dropped != (u32)count.buf_overrun && port->late)
		framer_mark(&port->framer, DTU_FLAG_OVERRUN);
	if (known)
		port->dropped = count.buf_overrun;
	dropped = port->dropped - port->dropped_before;
	dtu_port_unlock(port);
	return dropped;
}

/* As tty_throttle_safe(), which modules cannot call: the other way is exported. */
static void dtu_port_throttle(struct tty_struct *tty)
{
	down_write(&tty->termios_rwsem);
	if (!test_and_set_bit(TTY_THROTTLED, &tty->flags) && tty->ops->throttle)
		tty->ops->throttle(tty);
	up_write(&tty->termios_rwsem);
}

static void dtu_port_flow_work(struct work_struct *work)
{
	struct dtu_port *port = container_of(work, struct dtu_port, flow);
	bool full;

	dtu_port_lock(port);
	full = port->full;
	port->counters.throttled += full && !port->throttled;
	/*
	 * The silence that we ask for says nothing about frames. That of the other end begins when
	 * it may speak again.
	 */
	if (full)
		port->defer_ns = FRAMER_NEVER;
	else if (port->throttled)
		port->defer_ns = ktime_get_ns() + framer_patience(&port->framer);
	port->throttled = full;
	dtu_port_unlock(port);
	if (full)
		dtu_port_throttle(port->tty);
	else
		tty_unthrottle(port->tty);
}

void dtu_port_feed(struct dtu_port *port)
{
	bool feed;

	dtu_port_lock(port);
	feed = port->starved && framer_has_room(&port->framer);
	if (feed) {
		port->starved = false;
		port->defer_ns = max(port->defer_ns, ktime_get_ns() + DTU_FEED_NS);
	}
	dtu_port_unlock(port);
	if (!feed)
		return;
	dtu_port_dropped(port);
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

static void dtu_port_note_late(struct dtu_port *port, u64 late)
{
	if (late <= DTU_LATE_NS)
		return;
	port->counters.timer_late++;
	port->counters.timer_late_max_ns = max(port->counters.timer_late_max_ns, late);
}

static enum hrtimer_restart dtu_port_timer(struct hrtimer *timer)
{
	struct dtu_port *port = container_of(timer, struct dtu_port, timer);
	u64 now = ktime_get_ns();
	u64 due;

	dtu_port_lock(port);
	port->timer_ns = FRAMER_NEVER;
	due = framer_deadline(&port->framer);
	if (due <= now && port->defer_ns <= due)
		dtu_port_note_late(port, now - due);
	if (due > now || port->defer_ns > now) {
		/* a chunk came meanwhile, or we have to wait */
	} else if (dtu_port_bytes_coming(port)) {
		/*
		 * Bytes that the driver has already handed over belong to the frame: a late
		 * worker must not cut it. The chunk they come in re-arms; this is in case it
		 * turns out to be empty.
		 */
		port->counters.timer_deferred++;
		port->defer_ns = now + max_t(u64, port->char_ns, DTU_DEFER_NS);
	} else {
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
		.flags = flags,
		.joined = flags & DTU_FLAG_LATE,
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
			 size_t count, u8 flags)
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
				 flags | (kind == TTY_NORMAL ? 0 : DTU_FLAG_LINE_ERROR));
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
	u8 flags;
	u64 due;

	dtu_port_lock(port);
	due = framer_deadline(&port->framer);
	if (due <= now && port->defer_ns <= due)
		dtu_port_note_late(port, now - due);
	/*
	 * The time was up, but the timer found these on their way, or has not even got to run: they
	 * may have been in time, whenever the worker got to run. Or they had to wait for us, in the
	 * tty's queue or at the other end. A frame is not cut on a guess.
	 */
	flags = due <= now || port->late ? DTU_FLAG_LATE : 0;
	if (!kinds || !memchr_inv(kinds, TTY_NORMAL, count))
		taken = take_run(port, now, bytes, count, count, flags);
	else
		taken = take_kinds(port, now, bytes, kinds, count, flags);
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
	INIT_WORK(&port->flow, dtu_port_flow_work);
	hrtimer_setup(&port->timer, dtu_port_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	port->tty = tty;
	port->timer_ns = FRAMER_NEVER;
	dtu_port_measure(port);
	port->settings = (struct dtu_settings){
		.gap_us = 50 * USEC_PER_MSEC,
		.length = 1024,
		.holdoff_us = dtu_port_is_pty(tty) ? 0 : DTU_HOLDOFF_AUTO,
		.trigger = DTU_FIFO_TRIGGER,
	};
	framer_init(&port->framer, &no_config, port->memory, DTU_RECORDS_SIZE,
		    port->memory + DTU_RECORDS_SIZE, DTU_LOG_SIZE);
	dtu_port_configure(port);
	port->dropped_before = dtu_port_dropped(port);
	return port;
}

void dtu_port_stop(struct dtu_port *port)
{
	dtu_port_lock(port);
	port->dead = true;
	dtu_port_unlock(port);
	/* The timer first: it schedules the works. */
	hrtimer_cancel(&port->timer);
	cancel_work_sync(&port->change);
	cancel_work_sync(&port->flow);
	if (port->throttled)
		tty_unthrottle(port->tty);
}

void dtu_port_free(struct dtu_port *port)
{
	vfree(port->memory);
	kfree(port);
}
