// SPDX-License-Identifier: GPL-2.0
/*
 * The line discipline: carries bytes from the tty to the framer and records from the framer to
 * read(). What a record is, is the framer's business; settings and statistics are genl.c's.
 *
 * The tty core serialises close() against every other operation, and receive_buf2() against itself.
 * All others, the timer and netlink may run at the same time: port->lock.
 */

#include <linux/capability.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
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

static int ldisc = N_DEVELOPMENT;
module_param(ldisc, int, 0444);
MODULE_PARM_DESC(ldisc, "line discipline number to register (default 29, N_DEVELOPMENT)");

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

void dtu_port_lock(struct dtu_port *port)
	__acquires(&port->lock)
{
	spin_lock_bh(&port->lock);
}

void dtu_port_unlock(struct dtu_port *port)
	__releases(&port->lock)
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

static u32 dtu_port_char_ns(struct tty_struct *tty)
{
	speed_t baud = tty_get_baud_rate(tty);

	/* Bytes take no time on a pty, whatever speed it has been told. */
	if (dtu_port_is_pty(tty) || !baud)
		return 0;
	return DIV_ROUND_CLOSEST_ULL((u64)tty_get_frame_size(tty->termios.c_cflag) * NSEC_PER_SEC,
				     baud);
}

static bool dtu_port_bytes_coming(const struct dtu_port *port)
{
	struct tty_port *tport = port->tty->port;

	return tport && work_busy(&tport->buf.work);
}

static enum hrtimer_restart dtu_timer(struct hrtimer *timer)
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

static void dtu_change_work(struct work_struct *work)
{
	dtu_genl_change(container_of(work, struct dtu_port, change));
}

/* Returns how many of @count bytes, all of one kind, were taken. */
static size_t dtu_take(struct dtu_port *port, u64 now, const u8 *bytes, size_t count, size_t span,
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
static bool dtu_take_fault(struct dtu_port *port, u8 kind)
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

/* As dtu_take() for bytes with a kind each: TTY_NORMAL, TTY_PARITY ... */
static size_t dtu_take_kinds(struct dtu_port *port, u64 now, const u8 *bytes,
			     const dtu_kind_t *kinds, size_t count)
{
	size_t done = 0;

	while (done < count) {
		u8 kind = kinds[done];
		size_t run = 1, taken;

		if (dtu_take_fault(port, kind)) {
			done++;
			continue;
		}
		while (done + run < count && (u8)kinds[done + run] == kind)
			run++;
		taken = dtu_take(port, now, bytes + done, run, count,
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

/* Called by the worker of the tty's queue, one call at a time. */
static dtu_count_t dtu_receive_buf2(struct tty_struct *tty, const u8 *bytes,
				    const dtu_kind_t *kinds, dtu_count_t count)
{
	u64 now = ktime_get_ns();
	struct dtu_port *port = tty->disc_data;
	size_t taken;

	dtu_port_lock(port);
	/* These were on their way when the time was up: in time, whenever the worker got to run. */
	if (port->overdue)
		now = min(now, framer_deadline(&port->framer) - 1);
	port->overdue = false;
	if (!kinds || !memchr_inv(kinds, TTY_NORMAL, count))
		taken = dtu_take(port, now, bytes, count, count, 0);
	else
		taken = dtu_take_kinds(port, now, bytes, kinds, count);
	if (taken < count) {
		/* What we return 0 for stays where it is until dtu_port_feed(). */
		if (!port->starved)
			port->counters.held++;
		port->starved = true;
		port->late = true;
	}
	dtu_port_unlock(port);
	/* A pty's other end sleeps while the queue is full, and only we know that it is not. */
	if (taken && tty->link)
		tty_wakeup(tty->link);
	return taken;
}

/* The first record that a reader may see. Events are for those who asked for the header. */
static bool dtu_first_record(struct dtu_port *port, struct dtu_record *head)
{
	while (records_peek(&port->framer.records, head)) {
		if (port->settings.header || head->length > sizeof(*head))
			return true;
		records_consume(&port->framer.records);
	}
	return false;
}

static bool dtu_pin_record(struct dtu_port *port)
{
	struct dtu_record head;
	bool found;

	dtu_port_lock(port);
	found = dtu_first_record(port, &head);
	if (found) {
		port->pinned = true;
		port->read_offset = port->settings.header ? 0 : sizeof(head);
		port->read_length = head.length - port->read_offset;
	}
	dtu_port_unlock(port);
	return found;
}

/* The read is over: the record leaves the queue if the reader has all of it. */
static void dtu_unpin_record(struct dtu_port *port, bool consume)
{
	dtu_port_lock(port);
	port->pinned = false;
	if (consume) {
		records_consume(&port->framer.records);
		framer_pump(&port->framer);
	}
	dtu_port_unlock(port);
	mutex_unlock(&port->read_lock);
	if (consume)
		dtu_port_feed(port);
}

/* Why a reader without a record must not sleep: 0 if it may, 1 for end of file. */
static int dtu_read_refused(struct tty_struct *tty, struct file *file)
{
	if (test_bit(TTY_OTHER_CLOSED, &tty->flags))
		return -EIO;
	if (tty_hung_up_p(file))
		return 1;
	if (tty_io_nonblock(tty, file))
		return -EAGAIN;
	if (signal_pending(current))
		return -ERESTARTSYS;
	return 0;
}

static int dtu_wait_record(struct dtu_port *port, struct file *file)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret = 0;

	add_wait_queue(&port->tty->read_wait, &wait);
	while (!dtu_pin_record(port)) {
		ret = dtu_read_refused(port->tty, file);
		if (ret)
			break;
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	}
	remove_wait_queue(&port->tty->read_wait, &wait);
	return ret;
}

static int dtu_read_begin(struct dtu_port *port, struct file *file)
{
	int ret;

	if (tty_io_nonblock(port->tty, file)) {
		if (!mutex_trylock(&port->read_lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&port->read_lock)) {
		return -ERESTARTSYS;
	}
	ret = dtu_wait_record(port, file);
	if (ret)
		mutex_unlock(&port->read_lock);
	return ret;
}

/*
 * One read() of the user is a row of calls of 64 bytes each, told apart by the cookie. The record
 * stays in the queue until a last call finds that the user has all of it: a buffer that is too
 * short, or bad, costs nothing.
 */
static ssize_t dtu_read(struct tty_struct *tty, struct file *file, u8 *buf, size_t size,
			void **cookie, unsigned long offset)
{
	struct dtu_port *port = tty->disc_data;
	size_t n;
	int ret;

	if (!*cookie) {
		if (!size)
			return 0;
		ret = dtu_read_begin(port, file);
		if (ret)
			return ret < 0 ? ret : 0;
		*cookie = port;
	}

	n = min_t(size_t, size, port->read_length - offset);
	if (!n) {
		bool whole = offset == port->read_length;

		*cookie = NULL;
		dtu_unpin_record(port, whole);
		return whole ? 0 : -EOVERFLOW;
	}
	dtu_port_lock(port);
	records_copy(&port->framer.records, port->read_offset + offset, buf, n);
	dtu_port_unlock(port);
	return n;
}

static ssize_t dtu_write_some(struct dtu_port *port, const u8 *buf, size_t size)
{
	struct tty_struct *tty = port->tty;
	ssize_t n = tty->ops->write(tty, buf, size);

	if (n > 0) {
		dtu_port_lock(port);
		port->counters.tx_bytes += n;
		dtu_port_unlock(port);
	}
	return n;
}

static int dtu_write_refused(struct tty_struct *tty, struct file *file)
{
	if (signal_pending(current))
		return -ERESTARTSYS;
	if (tty_hung_up_p(file) || (tty->link && !tty->link->count))
		return -EIO;
	return 0;
}

/* Bytes go out as they are. The core lets one writer in at a time. */
static ssize_t dtu_write(struct tty_struct *tty, struct file *file, const u8 *buf, size_t size)
{
	struct dtu_port *port = tty->disc_data;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	size_t done = 0;
	ssize_t ret;

	add_wait_queue(&tty->write_wait, &wait);
	for (;;) {
		ret = dtu_write_refused(tty, file);
		if (ret)
			break;
		ret = dtu_write_some(port, buf + done, size - done);
		if (ret < 0)
			break;
		done += ret;
		if (done == size)
			break;
		if (tty_io_nonblock(tty, file)) {
			ret = -EAGAIN;
			break;
		}
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	}
	remove_wait_queue(&tty->write_wait, &wait);
	return done ? done : ret;
}

static __poll_t dtu_poll(struct tty_struct *tty, struct file *file, poll_table *wait)
{
	struct dtu_port *port = tty->disc_data;
	struct dtu_record head;
	__poll_t mask = 0;

	poll_wait(file, &tty->read_wait, wait);
	poll_wait(file, &tty->write_wait, wait);

	dtu_port_lock(port);
	if (port->pinned || dtu_first_record(port, &head))
		mask |= EPOLLIN | EPOLLRDNORM;
	dtu_port_unlock(port);
	if (test_bit(TTY_OTHER_CLOSED, &tty->flags) || tty_hung_up_p(file))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	if (tty_write_room(tty) > 0)
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* What a read() would return now. */
static unsigned int dtu_readable(struct dtu_port *port)
{
	struct dtu_record head;
	unsigned int n = 0;

	dtu_port_lock(port);
	if (port->pinned)
		n = port->read_length;
	else if (dtu_first_record(port, &head))
		n = head.length - (port->settings.header ? 0 : sizeof(head));
	dtu_port_unlock(port);
	return n;
}

/* The core drops what the driver holds and has us drop what we hold, but not what waits between. */
static int dtu_flush(struct tty_struct *tty, unsigned int cmd, unsigned long arg)
{
	int ret = n_tty_ioctl_helper(tty, cmd, arg);

	if (ret || arg == TCOFLUSH)
		return ret;
	tty_ldisc_flush(tty);
	if (tty->link)
		tty_wakeup(tty->link);
	return 0;
}

static int dtu_ioctl(struct tty_struct *tty, unsigned int cmd, unsigned long arg)
{
	struct dtu_port *port = tty->disc_data;

	switch (cmd) {
	case FIONREAD:
		return put_user(dtu_readable(port), (int __user *)arg);
	case TIOCOUTQ:
		return put_user(tty_chars_in_buffer(tty), (int __user *)arg);
	case TCFLSH:
		return dtu_flush(tty, cmd, arg);
	default:
		return n_tty_ioctl_helper(tty, cmd, arg);
	}
}

static void dtu_set_termios(struct tty_struct *tty, const struct ktermios *old)
{
	struct dtu_port *port = tty->disc_data;

	dtu_port_lock(port);
	port->char_ns = dtu_port_char_ns(tty);
	dtu_port_configure(port);
	dtu_port_unlock(port);
}

static void dtu_flush_buffer(struct tty_struct *tty)
{
	struct dtu_port *port = tty->disc_data;

	dtu_port_lock(port);
	framer_flush(&port->framer, port->pinned);
	dtu_port_unlock(port);
	dtu_port_feed(port);
}

static struct dtu_port *dtu_port_new(struct tty_struct *tty)
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
	INIT_WORK(&port->change, dtu_change_work);
	hrtimer_setup(&port->timer, dtu_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	port->tty = tty;
	port->timer_ns = FRAMER_NEVER;
	port->char_ns = dtu_port_char_ns(tty);
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

static int dtu_open(struct tty_struct *tty)
{
	struct dtu_port *port;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!tty->ops->write)
		return -EOPNOTSUPP;
	port = dtu_port_new(tty);
	if (!port)
		return -ENOMEM;
	tty->disc_data = port;
	tty->receive_room = 65536;
	dtu_genl_add(port);
	return 0;
}

/* Bytes may still come, but time stands still: close() follows. */
static void dtu_hangup(struct tty_struct *tty)
{
	struct dtu_port *port = tty->disc_data;

	hrtimer_cancel(&port->timer);
}

static void dtu_close(struct tty_struct *tty)
{
	struct dtu_port *port = tty->disc_data;

	/* Nothing is started any more, */
	dtu_port_lock(port);
	port->dead = true;
	dtu_port_unlock(port);
	/* what was started ends: the timer first, since it schedules the work, */
	hrtimer_cancel(&port->timer);
	cancel_work_sync(&port->change);
	/* nobody finds the port any more, and its end is the last that is heard of it, */
	dtu_genl_del(port);
	/* and the core has seen to it that no other operation runs. */
	tty->disc_data = NULL;
	vfree(port->memory);
	kfree(port);
}

static struct tty_ldisc_ops dtu_ldisc = {
	.owner = THIS_MODULE,
	.name = DTU_LDISC_NAME,
	.open = dtu_open,
	.close = dtu_close,
	.flush_buffer = dtu_flush_buffer,
	.read = dtu_read,
	.write = dtu_write,
	.ioctl = dtu_ioctl,
	.compat_ioctl = dtu_ioctl,
	.set_termios = dtu_set_termios,
	.poll = dtu_poll,
	.hangup = dtu_hangup,
	.receive_buf2 = dtu_receive_buf2,
};

static int __init dtu_init(void)
{
	char name[16];
	int ret;

	/* Registering on a number that is in use would throw its owner out without a word. */
	if (dtu_slot_taken(ldisc, name, sizeof(name))) {
		pr_err("n_dtu: line discipline %d is taken by %s: load with ldisc=N for another number\n",
		       ldisc, name);
		return -EBUSY;
	}
	ret = dtu_genl_init();
	if (ret)
		return ret;
	dtu_ldisc.num = ldisc;
	ret = tty_register_ldisc(&dtu_ldisc);
	if (ret) {
		pr_err("n_dtu: line discipline number %d is refused (%d)\n", ldisc, ret);
		dtu_genl_exit();
	}
	return ret;
}

static void __exit dtu_exit(void)
{
	tty_unregister_ldisc(&dtu_ldisc);
	dtu_genl_exit();
}

module_init(dtu_init);
module_exit(dtu_exit);

MODULE_DESCRIPTION("Line discipline that frames serial data by time and length");
MODULE_AUTHOR("The dtu authors");
MODULE_LICENSE("GPL");
