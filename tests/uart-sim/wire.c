// SPDX-License-Identifier: GPL-2.0
/*
 * The wire: in one direction a script of bytes, each with a begin and an end, a FIFO that they end
 * in and the interrupts it causes; in the other what the tty writes, at the port's speed.
 *
 * Times follow from the script alone. A timer that fires late makes an interrupt late, as on a busy
 * processor: meanwhile the FIFO fills, and runs over.
 */

#include <linux/tty_flip.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "sim.h"

/* Of a script that nobody listens to, so many bytes are done at a time. */
#define SIM_DEAF_CHUNK 256

/* Writers are woken when so few bytes are left to send, as serial drivers do. */
#define SIM_WAKEUP_CHARS 256

u32 sim_rx_queued(const struct sim *sim)
{
	return sim->rx.script_next - sim->rx.script_first;
}

bool sim_rx_ended(const struct sim *sim)
{
	return !sim_rx_queued(sim) && !sim->rx.level;
}

static struct uart_sim_byte *script_at(const struct sim_rx *rx, u32 number)
{
	return &rx->memory->script[number % SIM_SCRIPT];
}

static struct sim_held *fifo_at(const struct sim_rx *rx, u32 position)
{
	return &rx->memory->fifo[(rx->fifo_first + position) % SIM_FIFO_MAX];
}

static struct uart_sim_log *log_at(const struct sim_rx *rx, u64 number)
{
	return &rx->memory->log[number % SIM_LOG];
}

static void log_add(struct sim_rx *rx, const struct uart_sim_byte *byte, u8 fate)
{
	if (rx->log_next - rx->log_first == SIM_LOG) {
		rx->log_first++;
		rx->lost++;
	}
	*log_at(rx, rx->log_next++) = (struct uart_sim_log){
		.start_ns = rx->start_ns,
		.end_ns = rx->end_ns,
		.byte = byte->byte,
		.kind = byte->kind,
		.fate = fate,
	};
}

static void log_settle(struct sim_rx *rx, u64 number, u8 fate, u64 now)
{
	struct uart_sim_log *entry = log_at(rx, number);

	if (number < rx->log_first)
		return;
	entry->fate = fate;
	entry->handed_ns = fate == UART_SIM_DELIVERED ? now : 0;
}

bool sim_log_take(struct sim *sim, struct uart_sim_log *entry)
{
	struct sim_rx *rx = &sim->rx;

	if (rx->log_first == rx->log_next || log_at(rx, rx->log_first)->fate == SIM_PENDING)
		return false;
	*entry = *log_at(rx, rx->log_first++);
	return true;
}

/* What RTS has to hold back is what would begin when it is gone, or later. */
static bool rx_may_begin(const struct sim_rx *rx, u64 start_ns)
{
	return start_ns < rx->hold_ns;
}

static bool rx_begun(const struct sim *sim, u64 now)
{
	return sim->rx.start_ns <= now && rx_may_begin(&sim->rx, sim->rx.start_ns);
}

static void rx_begin(struct sim *sim, u64 start_ns)
{
	sim->rx.start_ns = start_ns;
	sim->rx.end_ns = start_ns + sim->char_ns;
}

static u64 rx_timeout_after(const struct sim *sim, u64 ns)
{
	return ns + (u64)sim->rx.setup.timeout_chars * sim->char_ns;
}

/* What a byte that has come finds: its fate, as far as it is known. */
static u8 rx_store(struct sim *sim, const struct uart_sim_byte *byte)
{
	struct sim_rx *rx = &sim->rx;

	if (!sim->open)
		return UART_SIM_DEAF;
	if (rx->level >= rx->setup.fifo) {
		fifo_at(rx, rx->level - 1)->overrun = true;
		return UART_SIM_OVERRUN;
	}
	*fifo_at(rx, rx->level++) = (struct sim_held){
		.log = rx->log_next,
		.byte = byte->byte,
		.kind = byte->kind,
	};
	return SIM_PENDING;
}

static void rx_end_byte(struct sim *sim)
{
	struct sim_rx *rx = &sim->rx;
	const struct uart_sim_byte *byte = script_at(rx, rx->script_first);

	/* An interrupt that was due before stays due, however late it is served. */
	if (rx->level && rx_timeout_after(sim, rx->last_ns) < rx->end_ns)
		rx->pending = true;
	log_add(rx, byte, rx_store(sim, byte));
	rx->last_ns = rx->end_ns;
	rx->script_first++;
	if (sim_rx_queued(sim))
		rx_begin(sim, rx->last_ns + script_at(rx, rx->script_first)->idle_ns);
}

void sim_rx_advance(struct sim *sim, u64 now)
{
	struct sim_rx *rx = &sim->rx;

	while (sim_rx_queued(sim) && rx_may_begin(rx, rx->start_ns) && rx->end_ns <= now) {
		rx_end_byte(sim);
		if (rx->level >= rx->setup.trigger)
			rx->pending = true;
	}
	if (!rx->level)
		return;
	if (rx->level >= rx->setup.trigger || rx_timeout_after(sim, rx->last_ns) <= now)
		rx->pending = true;
}

/* When the next interrupt comes if nothing changes: at the trigger, or after a time-out. */
static u64 rx_due(const struct sim *sim)
{
	const struct sim_rx *rx = &sim->rx;
	u32 count = sim_rx_queued(sim), level = rx->level, i;
	u64 start = rx->start_ns, end = rx->end_ns, last = rx->last_ns;

	if (rx->pending)
		return 0;
	for (i = 0; i < count && rx_may_begin(rx, start); i++) {
		if (level && rx_timeout_after(sim, last) < end)
			break;
		last = end;
		if (sim->open && ++level >= rx->setup.trigger)
			return last;
		if (!sim->open && i == SIM_DEAF_CHUNK)
			return last;
		if (i + 1 == count)
			continue;
		start = end + script_at(rx, rx->script_first + i + 1)->idle_ns;
		end = start + sim->char_ns;
	}
	if (level)
		return rx_timeout_after(sim, last);
	return i ? last : SIM_NEVER;
}

void sim_rx_arm(struct sim *sim)
{
	struct sim_rx *rx = &sim->rx;
	u64 due = rx_due(sim);

	if (due == SIM_NEVER || due == rx->armed_ns)
		return;
	rx->armed_ns = due;
	hrtimer_start(&rx->timer, ns_to_ktime(due), HRTIMER_MODE_ABS);
}

void sim_rx_append(struct sim *sim, u64 now, const struct uart_sim_byte *byte)
{
	struct sim_rx *rx = &sim->rx;
	bool first = !sim_rx_queued(sim);

	*script_at(rx, rx->script_next++) = *byte;
	if (!first)
		return;
	if (now - rx->last_ns >= byte->idle_ns)
		rx_begin(sim, now);
	else
		rx_begin(sim, now + byte->idle_ns);
}

void sim_rx_cut(struct sim *sim, u64 now)
{
	struct sim_rx *rx = &sim->rx;
	bool begun = sim_rx_queued(sim) && rx_begun(sim, now);

	rx->script_next = rx->script_first + begun;
}

void sim_rx_abandon(struct sim *sim)
{
	struct sim_rx *rx = &sim->rx;
	u32 i;

	for (i = 0; i < rx->level; i++)
		log_settle(rx, fifo_at(rx, i)->log, UART_SIM_DEAF, 0);
	rx->level = 0;
	rx->pending = false;
	if (sim_rx_ended(sim))
		wake_up_interruptible(&sim->ended);
}

void sim_rx_flow(struct sim *sim, u64 now)
{
	struct sim_rx *rx = &sim->rx;
	bool hold = sim->crtscts && !(sim->modem & TIOCM_RTS);
	u64 held_ns = rx->hold_ns;
	bool held = held_ns != SIM_NEVER;

	if (hold == held)
		return;
	rx->hold_ns = hold ? now : SIM_NEVER;
	/* A byte whose time came meanwhile had to wait: its pause begins anew. */
	if (!hold && sim_rx_queued(sim) && rx->start_ns >= held_ns && rx->start_ns <= now)
		rx_begin(sim, now + script_at(rx, rx->script_first)->idle_ns);
}

void sim_rx_retime(struct sim *sim, u64 now)
{
	if (sim_rx_queued(sim) && !rx_begun(sim, now))
		rx_begin(sim, sim->rx.start_ns);
}

static void rx_insert(struct sim *sim, u8 byte, char flag, u8 *fate)
{
	if (tty_insert_flip_char(&sim->port, byte, flag))
		return;
	sim->icount.buf_overrun++;
	*fate = UART_SIM_NO_BUFFER;
}

static void rx_overrun(struct sim *sim)
{
	u8 fate;

	sim->icount.overrun++;
	rx_insert(sim, 0, TTY_OVERRUN, &fate);
}

static void rx_count(struct sim *sim, u8 kind)
{
	sim->icount.rx++;
	sim->icount.parity += kind == UART_SIM_PARITY;
	sim->icount.frame += kind == UART_SIM_FRAMING;
	sim->icount.brk += kind == UART_SIM_BREAK;
}

/* What a serial driver does with a byte and its error bits; returns the byte's fate. */
static u8 rx_hand(struct sim *sim, const struct sim_held *held)
{
	static const char flags[] = {
		[UART_SIM_NORMAL] = TTY_NORMAL,
		[UART_SIM_PARITY] = TTY_PARITY,
		[UART_SIM_FRAMING] = TTY_FRAME,
		[UART_SIM_BREAK] = TTY_BREAK,
	};
	u8 kind = sim->noticed & BIT(held->kind) ? held->kind : UART_SIM_NORMAL;
	u8 byte = held->kind == UART_SIM_BREAK ? 0 : held->byte;
	u8 fate = UART_SIM_DELIVERED;

	if (held->kind == UART_SIM_LOST) {
		rx_overrun(sim);
		return UART_SIM_OVERRUN;
	}
	rx_count(sim, held->kind);
	if (!(sim->ignored & BIT(kind)))
		rx_insert(sim, byte, flags[kind], &fate);
	return fate;
}

static void rx_interrupt(struct sim *sim, u64 now)
{
	struct sim_rx *rx = &sim->rx;

	rx->pending = false;
	rx->interrupts++;
	while (rx->level) {
		const struct sim_held *held = fifo_at(rx, 0);

		log_settle(rx, held->log, rx_hand(sim, held), now);
		if (held->overrun)
			rx_overrun(sim);
		rx->fifo_first++;
		rx->level--;
	}
	tty_flip_buffer_push(&sim->port);
}

static enum hrtimer_restart rx_timer(struct hrtimer *timer)
{
	struct sim *sim = container_of(timer, struct sim, rx.timer);
	unsigned long flags;
	u64 now;

	spin_lock_irqsave(&sim->lock, flags);
	now = ktime_get_ns();
	sim->rx.armed_ns = SIM_NEVER;
	sim_rx_advance(sim, now);
	if (sim->rx.pending)
		rx_interrupt(sim, now);
	sim_rx_arm(sim);
	if (sim_rx_queued(sim) <= SIM_SCRIPT / 2)
		wake_up_interruptible(&sim->space);
	if (sim_rx_ended(sim))
		wake_up_interruptible(&sim->ended);
	spin_unlock_irqrestore(&sim->lock, flags);
	return HRTIMER_NORESTART;
}

bool sim_tx_idle(const struct sim *sim)
{
	return !sim->tx.length && kfifo_is_empty(&sim->tx.queue);
}

unsigned int sim_tx_left(const struct sim *sim)
{
	return kfifo_len(&sim->tx.queue) + (sim->tx.length ? sim->tx.length - sim->tx.done : 0);
}

bool sim_tx_blocked(const struct sim *sim)
{
	return sim->far_open && kfifo_is_full(&sim->tx.sent);
}

static u64 tx_end(const struct sim_tx *tx, unsigned int count)
{
	return tx->start_ns + (u64)count * tx->char_ns;
}

/* There will be room at the far end for all that is begun. */
static bool tx_load(struct sim *sim, u64 start_ns)
{
	struct sim_tx *tx = &sim->tx;
	unsigned int room = sim->far_open ? kfifo_avail(&tx->sent) : SIM_SHIFT;

	tx->done = 0;
	tx->length = 0;
	if (tx->stopped)
		return false;
	tx->length = kfifo_out(&tx->queue, tx->shift, min_t(unsigned int, room, SIM_SHIFT));
	tx->start_ns = start_ns;
	tx->char_ns = sim->char_ns;
	return tx->length;
}

static void tx_end_byte(struct sim *sim)
{
	struct sim_tx *tx = &sim->tx;

	if (sim->far_open)
		kfifo_put(&tx->sent, tx->shift[tx->done]);
	sim->icount.tx++;
	tx->done++;
}

void sim_tx_advance(struct sim *sim, u64 now)
{
	struct sim_tx *tx = &sim->tx;
	u32 before = sim->icount.tx;

	while (tx->length) {
		while (tx->done < tx->length && tx_end(tx, tx->done + 1) <= now)
			tx_end_byte(sim);
		if (tx->done < tx->length || !tx_load(sim, tx_end(tx, tx->length)))
			break;
	}
	if (sim->icount.tx == before)
		return;
	/* Here and not in the timer, which may be moved on before it has fired. */
	wake_up_interruptible(&sim->arrived);
	if (sim_tx_idle(sim))
		wake_up_interruptible(&sim->drained);
}

static void tx_arm(struct sim *sim)
{
	struct sim_tx *tx = &sim->tx;

	if (tx->length)
		hrtimer_start(&tx->timer, ns_to_ktime(tx_end(tx, tx->length)), HRTIMER_MODE_ABS);
}

void sim_tx_start(struct sim *sim, u64 now)
{
	sim_tx_advance(sim, now);
	if (!sim->tx.length && tx_load(sim, now))
		tx_arm(sim);
}

void sim_tx_drop(struct sim *sim, bool all)
{
	kfifo_reset(&sim->tx.queue);
	if (all)
		sim->tx.length = 0;
	if (sim_tx_idle(sim))
		wake_up_interruptible(&sim->drained);
}

static enum hrtimer_restart tx_timer(struct hrtimer *timer)
{
	struct sim *sim = container_of(timer, struct sim, tx.timer);
	unsigned long flags;
	bool wake;

	spin_lock_irqsave(&sim->lock, flags);
	sim_tx_advance(sim, ktime_get_ns());
	tx_arm(sim);
	wake = sim_tx_left(sim) < SIM_WAKEUP_CHARS;
	spin_unlock_irqrestore(&sim->lock, flags);

	/* Without the lock: line disciplines may want to write. */
	if (wake)
		tty_port_tty_wakeup(&sim->port);
	return HRTIMER_NORESTART;
}

int sim_wire_init(struct sim *sim)
{
	spin_lock_init(&sim->lock);
	init_waitqueue_head(&sim->space);
	init_waitqueue_head(&sim->ended);
	init_waitqueue_head(&sim->arrived);
	init_waitqueue_head(&sim->drained);
	sim->rx.setup = (struct uart_sim_setup){ .fifo = 16, .trigger = 8, .timeout_chars = 4 };
	sim->rx.hold_ns = SIM_NEVER;
	sim->rx.armed_ns = SIM_NEVER;
	/* In interrupts, where serial drivers are; a preemptible kernel moves both to threads. */
	hrtimer_setup(&sim->rx.timer, rx_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	hrtimer_setup(&sim->tx.timer, tx_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	INIT_KFIFO(sim->tx.queue);
	INIT_KFIFO(sim->tx.sent);
	if (kfifo_alloc(&sim->tx.queue, SIM_QUEUE, GFP_KERNEL) ||
	    kfifo_alloc(&sim->tx.sent, SIM_SENT, GFP_KERNEL)) {
		sim_wire_destroy(sim);
		return -ENOMEM;
	}
	return 0;
}

void sim_wire_destroy(struct sim *sim)
{
	hrtimer_cancel(&sim->rx.timer);
	hrtimer_cancel(&sim->tx.timer);
	kfifo_free(&sim->tx.queue);
	kfifo_free(&sim->tx.sent);
	vfree(sim->rx.memory);
}
