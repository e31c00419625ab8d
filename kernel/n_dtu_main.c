// SPDX-License-Identifier: GPL-2.0
/*
 * The line discipline's operations: bytes from the tty go to the port, records from the port to
 * read(). What a record is, is the framer's business; settings and statistics are genl.c's.
 *
 * The tty core serialises close() against every other operation, and receive_buf2() against itself.
 * All others, the timer and netlink may run at the same time: port->lock.
 */

#include <linux/capability.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/tty.h>
#include <linux/tty_ldisc.h>

#include "port.h"

static int ldisc = N_DEVELOPMENT;
module_param(ldisc, int, 0444);
MODULE_PARM_DESC(ldisc, "line discipline number to register (default 29, N_DEVELOPMENT)");

/* Called by the worker of the tty's queue, one call at a time. */
static dtu_count_t dtu_receive_buf2(struct tty_struct *tty, const u8 *bytes,
				    const dtu_kind_t *kinds, dtu_count_t count)
{
	u64 now = ktime_get_ns();
	size_t taken = dtu_port_take(tty->disc_data, now, bytes, kinds, count);

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
	dtu_port_measure(port);
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

static void dtu_change_work(struct work_struct *work)
{
	dtu_genl_change(container_of(work, struct dtu_port, change));
}

static int dtu_open(struct tty_struct *tty)
{
	struct dtu_port *port;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!tty->ops->write)
		return -EOPNOTSUPP;
	port = dtu_port_new(tty, dtu_change_work);
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

	dtu_port_stop(port);
	/* Nobody finds the port any more, and its end is the last that is heard of it, */
	dtu_genl_del(port);
	/* and the core has seen to it that no other operation runs. */
	tty->disc_data = NULL;
	dtu_port_free(port);
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
