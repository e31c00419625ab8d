// SPDX-License-Identifier: GPL-2.0
/*
 * The far end of a port's wire, /dev/uart-simN: a script in, sent bytes out, the log and the chip's
 * setup by ioctl(). One descriptor at a time, which several threads may use: one may feed while
 * another reads and a third takes the log.
 */

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "sim.h"

/* User memory is copied a page at a time, without the lock. */
#define FAR_CHUNK (4096 / sizeof(struct uart_sim_log))

static struct sim *far_sim(const struct file *file)
{
	return file->private_data;
}

static int far_open(struct inode *inode, struct file *file)
{
	struct sim *sim = container_of(file->private_data, struct sim, far);
	struct sim_memory *memory = NULL;
	bool busy;

	if (!READ_ONCE(sim->rx.memory)) {
		memory = vzalloc(sizeof(*memory));
		if (!memory)
			return -ENOMEM;
	}
	spin_lock_irq(&sim->lock);
	busy = sim->far_open;
	/* What was on its way reached nobody. */
	if (!busy)
		sim_tx_advance(sim, ktime_get_ns());
	sim->far_open = true;
	if (!sim->rx.memory)
		swap(sim->rx.memory, memory);
	spin_unlock_irq(&sim->lock);
	vfree(memory);
	if (busy)
		return -EBUSY;
	file->private_data = sim;
	return stream_open(inode, file);
}

static int far_release(struct inode *inode, struct file *file)
{
	struct sim *sim = far_sim(file);
	u64 now;

	spin_lock_irq(&sim->lock);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	sim_rx_cut(sim, now);
	sim_rx_arm(sim);
	sim->far_open = false;
	kfifo_reset(&sim->tx.sent);
	sim_tx_start(sim, now);
	spin_unlock_irq(&sim->lock);
	return 0;
}

static bool script_valid(const struct uart_sim_byte *bytes, size_t count)
{
	for (; count; bytes++, count--)
		if (bytes->idle_ns > SIM_IDLE_MAX_NS || bytes->kind > UART_SIM_LOST ||
		    memchr_inv(bytes->pad, 0, sizeof(bytes->pad)))
			return false;
	return true;
}

/* Returns how many there was room for. */
static size_t script_append(struct sim *sim, const struct uart_sim_byte *bytes, size_t count)
{
	size_t done;
	u64 now;

	spin_lock_irq(&sim->lock);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	for (done = 0; done < count && sim_rx_queued(sim) < SIM_SCRIPT; done++)
		sim_rx_append(sim, now, &bytes[done]);
	sim_rx_arm(sim);
	spin_unlock_irq(&sim->lock);
	return done;
}

static bool script_has_room(struct sim *sim)
{
	bool room;

	spin_lock_irq(&sim->lock);
	sim_rx_advance(sim, ktime_get_ns());
	room = sim_rx_queued(sim) < SIM_SCRIPT;
	spin_unlock_irq(&sim->lock);
	return room;
}

/* One chunk, as a whole unless a signal comes; returns the bytes of the script that were taken. */
static ssize_t script_feed(struct file *file, const struct uart_sim_byte *bytes, size_t count)
{
	struct sim *sim = far_sim(file);
	size_t done = script_append(sim, bytes, count);

	while (done < count) {
		if (file->f_flags & O_NONBLOCK)
			return done ?: -EAGAIN;
		if (wait_event_interruptible(sim->space, script_has_room(sim)))
			return done ?: -ERESTARTSYS;
		done += script_append(sim, bytes + done, count - done);
	}
	return done;
}

static ssize_t far_write(struct file *file, const char __user *from, size_t size, loff_t *ppos)
{
	const size_t unit = sizeof(struct uart_sim_byte);
	struct uart_sim_byte *bytes;
	size_t done = 0;
	ssize_t ret = 0;

	if (size % unit)
		return -EINVAL;
	bytes = kmalloc_array(FAR_CHUNK, unit, GFP_KERNEL);
	if (!bytes)
		return -ENOMEM;
	while (done < size) {
		size_t count = min_t(size_t, (size - done) / unit, FAR_CHUNK);

		ret = -EFAULT;
		if (copy_from_user(bytes, from + done, count * unit))
			break;
		ret = -EINVAL;
		if (!script_valid(bytes, count))
			break;
		ret = script_feed(file, bytes, count);
		if (ret < 0)
			break;
		done += ret * unit;
		if (ret < count)
			break;
	}
	kfree(bytes);
	return done ?: ret;
}

static size_t sent_take(struct sim *sim, u8 *bytes, size_t size)
{
	size_t count;
	u64 now;

	spin_lock_irq(&sim->lock);
	now = ktime_get_ns();
	sim_tx_advance(sim, now);
	count = kfifo_out(&sim->tx.sent, bytes, size);
	/* The transmitter may have waited for room. */
	sim_tx_start(sim, now);
	spin_unlock_irq(&sim->lock);
	return count;
}

static bool sent_any(struct sim *sim)
{
	bool any;

	spin_lock_irq(&sim->lock);
	sim_tx_advance(sim, ktime_get_ns());
	any = !kfifo_is_empty(&sim->tx.sent);
	spin_unlock_irq(&sim->lock);
	return any;
}

static ssize_t far_read(struct file *file, char __user *to, size_t size, loff_t *ppos)
{
	struct sim *sim = far_sim(file);
	size_t count, done = 0;
	u8 bytes[256];

	while (done < size) {
		count = sent_take(sim, bytes, min(size - done, sizeof(bytes)));
		if (count && copy_to_user(to + done, bytes, count))
			return -EFAULT;
		done += count;
		if (count)
			continue;
		if (done)
			break;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(sim->arrived, sent_any(sim)))
			return -ERESTARTSYS;
	}
	return done;
}

static __poll_t far_poll(struct file *file, poll_table *wait)
{
	struct sim *sim = far_sim(file);
	__poll_t mask = 0;

	poll_wait(file, &sim->arrived, wait);
	poll_wait(file, &sim->space, wait);
	if (sent_any(sim))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (script_has_room(sim))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static long far_setup(struct sim *sim, void __user *arg)
{
	struct uart_sim_setup setup;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	if (!setup.fifo || setup.fifo > SIM_FIFO_MAX || !setup.trigger ||
	    setup.trigger > setup.fifo || setup.timeout_chars > SIM_TIMEOUT_MAX || setup.pad)
		return -EINVAL;
	spin_lock_irq(&sim->lock);
	sim_rx_advance(sim, ktime_get_ns());
	sim->rx.setup = setup;
	/* The FIFO may be above the new trigger. */
	sim_rx_advance(sim, ktime_get_ns());
	sim_rx_arm(sim);
	spin_unlock_irq(&sim->lock);
	return 0;
}

static size_t log_take(struct sim *sim, struct uart_sim_log *entries, size_t room)
{
	size_t count = 0;

	spin_lock_irq(&sim->lock);
	while (count < room && sim_log_take(sim, &entries[count]))
		count++;
	spin_unlock_irq(&sim->lock);
	return count;
}

/* How many were forgotten, which is told once. */
static u32 log_lost(struct sim *sim)
{
	u32 lost = 0;

	spin_lock_irq(&sim->lock);
	swap(lost, sim->rx.lost);
	spin_unlock_irq(&sim->lock);
	return lost;
}

static long far_take_log(struct sim *sim, void __user *arg)
{
	const size_t unit = sizeof(struct uart_sim_log);
	struct uart_sim_log *entries;
	struct uart_sim_take take;
	size_t count, done = 0;
	long ret = 0;

	if (copy_from_user(&take, arg, sizeof(take)))
		return -EFAULT;
	entries = kmalloc_array(FAR_CHUNK, unit, GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	take.lost = log_lost(sim);
	while (done < take.count) {
		count = log_take(sim, entries, min_t(size_t, take.count - done, FAR_CHUNK));
		if (!count)
			break;
		if (copy_to_user(u64_to_user_ptr(take.entries) + done * unit, entries,
				 count * unit)) {
			ret = -EFAULT;
			break;
		}
		done += count;
	}
	kfree(entries);
	take.count = done;
	if (!ret && copy_to_user(arg, &take, sizeof(take)))
		ret = -EFAULT;
	return ret;
}

static long far_state(struct sim *sim, void __user *arg)
{
	struct uart_sim_state state;

	spin_lock_irq(&sim->lock);
	sim_rx_advance(sim, ktime_get_ns());
	state = (struct uart_sim_state){
		.queued = sim_rx_queued(sim),
		.char_ns = sim->char_ns,
		.rts = !!(sim->modem & TIOCM_RTS),
		.open = sim->open,
		.interrupts = sim->rx.interrupts,
	};
	spin_unlock_irq(&sim->lock);
	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static bool script_ended(struct sim *sim)
{
	bool ended;

	spin_lock_irq(&sim->lock);
	sim_rx_advance(sim, ktime_get_ns());
	ended = sim_rx_ended(sim);
	spin_unlock_irq(&sim->lock);
	return ended;
}

static long far_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	void __user *where = (void __user *)arg;
	struct sim *sim = far_sim(file);

	switch (command) {
	case UART_SIM_SETUP:
		return far_setup(sim, where);
	case UART_SIM_TAKE_LOG:
		return far_take_log(sim, where);
	case UART_SIM_STATE:
		return far_state(sim, where);
	case UART_SIM_WAIT:
		return wait_event_interruptible(sim->ended, script_ended(sim)) ? -EINTR : 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations far_fops = {
	.owner = THIS_MODULE,
	.open = far_open,
	.release = far_release,
	.read = far_read,
	.write = far_write,
	.poll = far_poll,
	.unlocked_ioctl = far_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int sim_far_register(struct sim *sim, unsigned int index)
{
	int ret;

	sim->far.minor = MISC_DYNAMIC_MINOR;
	sim->far.fops = &far_fops;
	sim->far.name = kasprintf(GFP_KERNEL, "uart-sim%u", index);
	if (!sim->far.name)
		return -ENOMEM;
	ret = misc_register(&sim->far);
	if (ret)
		kfree(sim->far.name);
	return ret;
}

void sim_far_unregister(struct sim *sim)
{
	misc_deregister(&sim->far);
	kfree(sim->far.name);
}
