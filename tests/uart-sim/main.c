// SPDX-License-Identifier: GPL-2.0
/*
 * uart_sim: serial ports for tests, whose wires end in this machine. This file is the module and
 * the tty's side: to user space and to line disciplines a port like any other.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tty_driver.h>

#include "compat.h"
#include "sim.h"

#define SIM_PORTS_MAX 64

static unsigned int ports = 2;
module_param(ports, uint, 0444);
MODULE_PARM_DESC(ports, "number of ports, up to 64");

static struct tty_driver *sim_driver;
static struct sim *sims[SIM_PORTS_MAX];

static struct sim *port_sim(struct tty_port *port)
{
	return container_of(port, struct sim, port);
}

static struct sim *tty_sim(const struct tty_struct *tty)
{
	return port_sim(tty->port);
}

/* Which error bits a serial driver looks at. */
static void sim_set_masks(struct sim *sim, const struct tty_struct *tty)
{
	const unsigned long errors = BIT(UART_SIM_PARITY) | BIT(UART_SIM_FRAMING);

	sim->noticed = I_INPCK(tty) ? errors : 0;
	if (I_IGNBRK(tty) || I_BRKINT(tty) || I_PARMRK(tty))
		sim->noticed |= BIT(UART_SIM_BREAK);
	sim->ignored = I_IGNPAR(tty) ? errors : 0;
	if (I_IGNBRK(tty))
		sim->ignored |= BIT(UART_SIM_BREAK);
	if (!C_CREAD(tty))
		sim->ignored = ~0UL;
}

static void sim_set_line(struct sim *sim, struct tty_struct *tty, u64 now)
{
	u64 bits_ns = (u64)tty_get_frame_size(tty->termios.c_cflag) * NSEC_PER_SEC;
	speed_t baud = tty_get_baud_rate(tty);

	/* B0 hangs up and leaves the speed as it was. */
	if (baud)
		sim->char_ns = DIV_ROUND_CLOSEST_ULL(bits_ns, baud);
	sim->crtscts = C_CRTSCTS(tty);
	sim_set_masks(sim, tty);
	sim_rx_retime(sim, now);
	sim_rx_flow(sim, now);
}

/* Changes of RTS and DTR. */
static void sim_set_modem(struct sim *sim, unsigned int set, unsigned int clear)
{
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&sim->lock, flags);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	sim->modem = (sim->modem & ~clear) | set;
	sim_rx_flow(sim, now);
	sim_rx_arm(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
}

static void sim_dtr_rts(struct tty_port *port, sim_bool_t raise)
{
	const unsigned int lines = TIOCM_DTR | TIOCM_RTS;

	sim_set_modem(port_sim(port), raise ? lines : 0, raise ? 0 : lines);
}

static int sim_activate(struct tty_port *port, struct tty_struct *tty)
{
	struct sim *sim = port_sim(port);
	u64 now;

	spin_lock_irq(&sim->lock);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	sim->open = true;
	sim->tx.stopped = false;
	sim_set_line(sim, tty, now);
	sim_rx_arm(sim);
	spin_unlock_irq(&sim->lock);
	return 0;
}

static void sim_shutdown(struct tty_port *port)
{
	struct sim *sim = port_sim(port);
	u64 now;

	spin_lock_irq(&sim->lock);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	sim->open = false;
	sim_rx_abandon(sim);
	sim_rx_arm(sim);
	sim_tx_advance(sim, now);
	sim_tx_drop(sim, true);
	spin_unlock_irq(&sim->lock);
}

static const struct tty_port_operations sim_port_ops = {
	.dtr_rts = sim_dtr_rts,
	.activate = sim_activate,
	.shutdown = sim_shutdown,
};

static int sim_open(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(tty->port, tty, file);
}

static void sim_close(struct tty_struct *tty, struct file *file)
{
	tty_port_close(tty->port, tty, file);
}

static void sim_hangup(struct tty_struct *tty)
{
	tty_port_hangup(tty->port);
}

static sim_result_t sim_write(struct tty_struct *tty, const unsigned char *bytes, sim_count_t count)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&sim->lock, flags);
	now = ktime_get_ns();
	sim_tx_advance(sim, now);
	count = sim->open ? kfifo_in(&sim->tx.queue, bytes, count) : 0;
	sim_tx_start(sim, now);
	spin_unlock_irqrestore(&sim->lock, flags);
	return count;
}

static unsigned int sim_write_room(struct tty_struct *tty)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;
	unsigned int room;

	spin_lock_irqsave(&sim->lock, flags);
	sim_tx_advance(sim, ktime_get_ns());
	room = kfifo_avail(&sim->tx.queue);
	spin_unlock_irqrestore(&sim->lock, flags);
	return room;
}

static unsigned int sim_chars_in_buffer(struct tty_struct *tty)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;
	unsigned int left;

	spin_lock_irqsave(&sim->lock, flags);
	sim_tx_advance(sim, ktime_get_ns());
	left = sim_tx_left(sim);
	spin_unlock_irqrestore(&sim->lock, flags);
	return left;
}

static void sim_flush_buffer(struct tty_struct *tty)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	sim_tx_advance(sim, ktime_get_ns());
	sim_tx_drop(sim, false);
	spin_unlock_irqrestore(&sim->lock, flags);
	tty_port_tty_wakeup(&sim->port);
}

static void sim_wait_until_sent(struct tty_struct *tty, int timeout)
{
	struct sim *sim = tty_sim(tty);

	wait_event_interruptible_timeout(sim->drained, !sim_chars_in_buffer(tty),
					 timeout ?: MAX_SCHEDULE_TIMEOUT);
}

static void sim_set_termios(struct tty_struct *tty, const struct ktermios *old)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&sim->lock, flags);
	now = ktime_get_ns();
	sim_rx_advance(sim, now);
	sim_tx_advance(sim, now);
	sim_set_line(sim, tty, now);
	sim_rx_arm(sim);
	spin_unlock_irqrestore(&sim->lock, flags);

	if ((old->c_cflag & CBAUD) && !C_BAUD(tty))
		sim_dtr_rts(tty->port, false);
	else if (!(old->c_cflag & CBAUD) && C_BAUD(tty))
		sim_set_modem(sim, TIOCM_DTR | (tty_throttled(tty) ? 0 : TIOCM_RTS), 0);
}

static void sim_throttle(struct tty_struct *tty)
{
	if (C_CRTSCTS(tty))
		sim_set_modem(tty_sim(tty), 0, TIOCM_RTS);
}

static void sim_unthrottle(struct tty_struct *tty)
{
	if (C_CRTSCTS(tty))
		sim_set_modem(tty_sim(tty), TIOCM_RTS, 0);
}

static void sim_set_stopped(struct tty_struct *tty, bool stopped)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	sim->tx.stopped = stopped;
	sim_tx_start(sim, ktime_get_ns());
	spin_unlock_irqrestore(&sim->lock, flags);
}

static void sim_stop(struct tty_struct *tty)
{
	sim_set_stopped(tty, true);
}

static void sim_start(struct tty_struct *tty)
{
	sim_set_stopped(tty, false);
}

static int sim_tiocmget(struct tty_struct *tty)
{
	struct sim *sim = tty_sim(tty);
	unsigned long flags;
	int lines;

	spin_lock_irqsave(&sim->lock, flags);
	lines = sim->modem | TIOCM_CAR | TIOCM_DSR | (sim_tx_blocked(sim) ? 0 : TIOCM_CTS);
	spin_unlock_irqrestore(&sim->lock, flags);
	return lines;
}

static int sim_tiocmset(struct tty_struct *tty, unsigned int set, unsigned int clear)
{
	const unsigned int ours = TIOCM_RTS | TIOCM_DTR;

	sim_set_modem(tty_sim(tty), set & ours, clear & ours);
	return 0;
}

static int sim_get_icount(struct tty_struct *tty, struct serial_icounter_struct *icount)
{
	struct sim *sim = tty_sim(tty);
	struct async_icount now;
	unsigned long flags;

	spin_lock_irqsave(&sim->lock, flags);
	sim_tx_advance(sim, ktime_get_ns());
	now = sim->icount;
	spin_unlock_irqrestore(&sim->lock, flags);
	icount->rx = now.rx;
	icount->tx = now.tx;
	icount->frame = now.frame;
	icount->parity = now.parity;
	icount->overrun = now.overrun;
	icount->brk = now.brk;
	icount->buf_overrun = now.buf_overrun;
	return 0;
}

static const struct tty_operations sim_ops = {
	.open = sim_open,
	.close = sim_close,
	.hangup = sim_hangup,
	.write = sim_write,
	.write_room = sim_write_room,
	.chars_in_buffer = sim_chars_in_buffer,
	.flush_buffer = sim_flush_buffer,
	.wait_until_sent = sim_wait_until_sent,
	.set_termios = sim_set_termios,
	.throttle = sim_throttle,
	.unthrottle = sim_unthrottle,
	.stop = sim_stop,
	.start = sim_start,
	.tiocmget = sim_tiocmget,
	.tiocmset = sim_tiocmset,
	.get_icount = sim_get_icount,
};

static struct sim *sim_new(unsigned int index)
{
	struct sim *sim = kzalloc(sizeof(*sim), GFP_KERNEL);
	struct device *device;
	int ret;

	if (!sim)
		return ERR_PTR(-ENOMEM);
	sim->char_ns = DIV_ROUND_CLOSEST_ULL(10ULL * NSEC_PER_SEC, 115200);
	ret = sim_wire_init(sim);
	if (ret)
		goto free;
	tty_port_init(&sim->port);
	sim->port.ops = &sim_port_ops;
	device = tty_port_register_device(&sim->port, sim_driver, index, NULL);
	ret = PTR_ERR_OR_ZERO(device);
	if (ret)
		goto destroy;
	ret = sim_far_register(sim, index);
	if (ret)
		goto unregister;
	return sim;

unregister:
	tty_unregister_device(sim_driver, index);
destroy:
	sim_wire_destroy(sim);
	tty_port_destroy(&sim->port);
free:
	kfree(sim);
	return ERR_PTR(ret);
}

static void sim_free(struct sim *sim, unsigned int index)
{
	sim_far_unregister(sim);
	tty_unregister_device(sim_driver, index);
	/* The timers first, which hand bytes to the port. */
	sim_wire_destroy(sim);
	tty_port_destroy(&sim->port);
	kfree(sim);
}

static void sim_free_all(void)
{
	unsigned int i;

	for (i = 0; i < ports && sims[i]; i++)
		sim_free(sims[i], i);
	tty_unregister_driver(sim_driver);
	tty_driver_kref_put(sim_driver);
}

static int __init sim_add_driver(void)
{
	int ret;

	sim_driver = tty_alloc_driver(ports, TTY_DRIVER_REAL_RAW | TTY_DRIVER_DYNAMIC_DEV);
	if (IS_ERR(sim_driver))
		return PTR_ERR(sim_driver);
	sim_driver->driver_name = "uart_sim";
	sim_driver->name = "ttySIM";
	sim_driver->type = TTY_DRIVER_TYPE_SERIAL;
	sim_driver->subtype = SERIAL_TYPE_NORMAL;
	/* As serial drivers have it, but for the speed. */
	sim_driver->init_termios = tty_std_termios;
	sim_driver->init_termios.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
	sim_driver->init_termios.c_ispeed = 115200;
	sim_driver->init_termios.c_ospeed = 115200;
	tty_set_operations(sim_driver, &sim_ops);
	ret = tty_register_driver(sim_driver);
	if (ret)
		tty_driver_kref_put(sim_driver);
	return ret;
}

static int __init sim_init(void)
{
	unsigned int i;
	int ret;

	if (!ports || ports > SIM_PORTS_MAX) {
		pr_err("uart_sim: ports=%u: must be 1 to %u\n", ports, SIM_PORTS_MAX);
		return -EINVAL;
	}
	ret = sim_add_driver();
	if (ret)
		return ret;
	for (i = 0; i < ports; i++) {
		struct sim *sim = sim_new(i);

		if (IS_ERR(sim)) {
			sim_free_all();
			return PTR_ERR(sim);
		}
		sims[i] = sim;
	}
	return 0;
}

static void __exit sim_exit(void)
{
	sim_free_all();
}

module_init(sim_init);
module_exit(sim_exit);

MODULE_DESCRIPTION("Simulated UARTs with exact times, for tests");
MODULE_LICENSE("GPL");
