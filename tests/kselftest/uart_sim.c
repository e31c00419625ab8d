// SPDX-License-Identifier: MIT
/*
 * The simulated UART, looked at through the plain tty: what it promises is what the tests of n_dtu
 * take for the truth. In simulated time all times are checked: those on the wire to the nanosecond,
 * those at which somebody acts as far as the clock goes. In real time only the rest is looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/serial.h>

#include "port.h"
#include "sim.h"
#include "tap.h"

#define LOG_MAX 70000

/* UML's clock counts in 256 ns, and reading it takes as long: a timer fires up to two counts late. */
#define CLOCK_NS 1000

static struct uart_sim_log entries[LOG_MAX];
static unsigned char received[LOG_MAX];

static bool exact(void)
{
	const char *time = getenv("DTU_TIME");

	return time && !strcmp(time, "fast");
}

/* All that the tty has, without waiting. */
static size_t take(int tty)
{
	size_t count = 0;
	ssize_t n;

	set_nonblocking(tty, true);
	while ((n = read(tty, received + count, sizeof(received) - count)) > 0)
		count += (size_t)n;
	set_nonblocking(tty, false);
	return count;
}

static bool differs(size_t i, const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return false;
	printf("#   byte %zu: %s: got %llu, want %llu\n", i, what, (unsigned long long)got, (unsigned long long)want);
	return true;
}

/* Not before @want, and after it by no more than the clock makes it. */
static bool late(size_t i, const char *what, uint64_t got, uint64_t want)
{
	return (got < want || got - want >= CLOCK_NS) && differs(i, what, got, want);
}

static void tap_time(uint64_t got, uint64_t want, const char *name)
{
	tap_ok(!late(0, name, got, want), "%s", name);
}

/* Begins and ends follow from the script, after the first begin. */
static bool wire_is(const struct uart_sim_byte *script, size_t count, uint64_t char_ns)
{
	for (size_t i = 0; i < count; i++) {
		const struct uart_sim_log *entry = &entries[i];

		if (differs(i, "value", entry->byte, script[i].byte) ||
		    differs(i, "kind", entry->kind, script[i].kind) ||
		    differs(i, "length", entry->end_ns - entry->start_ns, char_ns))
			return false;
		if (i && differs(i, "begin", entry->start_ns, entries[i - 1].end_ns + script[i].idle_ns))
			return false;
	}
	return true;
}

/* Hand over [first, next) at @ns: is that what the log says? */
static bool handed_is(size_t first, size_t next, uint64_t ns)
{
	for (size_t i = first; i < next; i++)
		if (late(i, "handed", entries[i].handed_ns, ns) || differs(i, "fate", entries[i].fate, 0) ||
		    differs(i, "handed as the first", entries[i].handed_ns, entries[first].handed_ns))
			return false;
	return true;
}

static bool interrupts_are(size_t count, uint32_t trigger, uint64_t timeout_ns)
{
	size_t first = 0;

	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count;

		if (i + 1 - first == trigger) {
			if (!handed_is(first, i + 1, entries[i].end_ns))
				return false;
			first = i + 1;
		} else if (last || entries[i + 1].end_ns > entries[i].end_ns + timeout_ns) {
			if (!handed_is(first, i + 1, entries[i].end_ns + timeout_ns))
				return false;
			first = i + 1;
		}
	}
	return true;
}

/* Some contiguous, some with pauses on both sides of the time-out, and on it. */
static void compose(struct sim_script *script, size_t count, uint64_t char_ns)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t pauses[] = { 0,
					    0,
					    0,
					    1 + pick((uint32_t)char_ns),
					    3 * char_ns - CLOCK_NS,
					    3 * char_ns,
					    3 * char_ns + CLOCK_NS,
					    50000000ULL };

		sim_add(script, pauses[pick(8)], (uint8_t)pick(256), UART_SIM_NORMAL);
	}
}

/* Whoever polls the tty wakes when the interrupt comes, and finds what it handed over. */
static bool wakes_are(const struct sim *sim, const struct uart_sim_byte *script, size_t count, uint64_t *wakes)
{
	size_t done = 0;

	while (done < count) {
		uint64_t ns;
		size_t n;

		if (!readable(sim->tty, 5000))
			return differs(done, "missing", 1, 0);
		ns = now_ns();
		n = take(sim->tty);
		for (size_t i = 0; i < n && done < count; i++, done++) {
			if (differs(done, "read", received[i], script[done].byte))
				return false;
			wakes[done] = ns;
		}
	}
	return true;
}

static void test_trigger(const struct sim *sim, uint32_t trigger, size_t count)
{
	static uint64_t wakes[LOG_MAX];
	struct sim_script script = { 0 };
	const uint64_t char_ns = 86806;
	bool in_time = true;

	sim_setup(sim, 16, trigger, 4);
	compose(&script, count, char_ns);
	sim_play(sim, &script);
	tap_ok(wakes_are(sim, script.bytes, count, wakes), "trigger %u: %zu bytes, as they were sent", trigger, count);
	sim_wait(sim);
	tap_is((long)sim_log(sim, entries, LOG_MAX), (long)count, "the log has them all");
	tap_ok(wire_is(script.bytes, count, char_ns), "trigger %u: begins and ends", trigger);
	tap_ok(interrupts_are(count, trigger, 4 * char_ns), "trigger %u: interrupts", trigger);
	for (size_t i = 0; i < count && in_time; i++)
		in_time = !late(i, "woken", wakes[i], entries[i].handed_ns);
	tap_ok(in_time, "trigger %u: a reader wakes with the interrupt", trigger);
	sim_free(&script);
}

static void test_contiguous(const struct sim *sim)
{
	struct sim_script script = { 0 };
	struct uart_sim_state before = sim_state(sim), after;

	sim_setup(sim, 16, 8, 4);
	sim_add_bytes(&script, 0, "twenty bytes at once", 20);
	sim_play(sim, &script);
	sim_wait(sim);
	after = sim_state(sim);
	sim_log(sim, entries, LOG_MAX);
	tap_same(received, take(sim->tty), "twenty bytes at once", 20, "contiguous bytes");
	tap_is((long)(after.interrupts - before.interrupts), 3, "8 + 8 + 4: three interrupts");
	tap_time(entries[19].handed_ns - entries[0].start_ns, (20 + 4) * 86806, "the last by time-out");
	sim_free(&script);
}

static void test_speeds(const struct sim *sim)
{
	static const struct {
		const char *name;
		speed_t speed;
		tcflag_t cflag;
		uint64_t char_ns;
	} lines[] = {
		{ "9600 8N1", B9600, CS8, 1041667 },
		{ "2400 7E2", B2400, CS7 | PARENB | CSTOPB, 4583333 },
		{ "460800 8O1", B460800, CS8 | PARENB | PARODD, 23872 },
		{ "921600 8N1", B921600, CS8, 10851 },
		{ "300 5N1", B300, CS5, 23333333 },
	};
	struct sim_script script = { 0 };

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		sim_line(sim, lines[i].speed, lines[i].cflag, 0);
		tap_is(sim_state(sim).char_ns, (long)lines[i].char_ns, lines[i].name);
		sim_add_bytes(&script, 0, "abc", 3);
		sim_play(sim, &script);
		sim_wait(sim);
		tap_is((long)sim_log(sim, entries, LOG_MAX), 3, "bytes in the log");
		tap_ok(wire_is(script.bytes, 3, lines[i].char_ns), "%s: on the wire", lines[i].name);
	}
	take(sim->tty);
	sim_free(&script);
}

/* The byte on the wire keeps its speed, the next has the new one. */
static void test_speed_changes(const struct sim *sim)
{
	struct sim_script script = { 0 };

	sim_line(sim, B9600, CS8, 0);
	sim_add_bytes(&script, 0, "abcd", 4);
	sim_play(sim, &script);
	pause_us(1500);
	sim_line(sim, B4800, CS8, 0);
	sim_wait(sim);
	sim_log(sim, entries, LOG_MAX);
	tap_is((long)(entries[1].end_ns - entries[1].start_ns), 1041667, "the byte on the wire keeps its speed");
	tap_is((long)(entries[2].end_ns - entries[2].start_ns), 2083333, "the next has the new one");
	tap_same(received, take(sim->tty), "abcd", 4, "and all arrive");
	tap_is(system("stty -F /dev/ttySIM0 19200 && test \"$(stty -F /dev/ttySIM0 speed)\" = 19200"), 0,
	       "stty sets the speed and shows it");
	tap_is(sim_state(sim).char_ns, 520833, "and it is set");
	sim_free(&script);
}

static struct serial_icounter_struct counts(const struct sim *sim)
{
	struct serial_icounter_struct icount;

	if (ioctl(sim->tty, TIOCGICOUNT, &icount))
		die("TIOCGICOUNT");
	return icount;
}

static void test_errors(const struct sim *sim)
{
	static const struct {
		const char *name;
		tcflag_t iflag;
		const char *bytes;
		size_t count;
	} cases[] = {
		/* A driver for real reports an overrun in a byte of its own, which raw mode takes for data. */
		{ "unmarked", 0, "abc\0\0\377d", 7 },
		{ "PARMRK", INPCK | PARMRK, "a\377\0b\377\0c\377\0\0\377\377d", 13 },
		{ "INPCK", INPCK, "a\0\0\0\377d", 6 },
		{ "PARMRK without INPCK", PARMRK, "abc\377\0\0\377\377d", 9 },
		{ "IGNPAR", INPCK | PARMRK | IGNPAR, "a\377\0\0\377\377d", 7 },
		{ "IGNBRK", INPCK | PARMRK | IGNBRK, "a\377\0b\377\0c\377\377d", 10 },
	};
	struct sim_script script = { 0 };
	struct serial_icounter_struct before, after;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		sim_line(sim, B115200, CS8, cases[i].iflag);
		sim_add(&script, 0, 'a', UART_SIM_NORMAL);
		sim_add(&script, 0, 'b', UART_SIM_PARITY);
		sim_add(&script, 0, 'c', UART_SIM_FRAMING);
		sim_add(&script, 0, 'x', UART_SIM_BREAK);
		sim_add(&script, 0, 'y', UART_SIM_LOST);
		sim_add(&script, 0, 255, UART_SIM_NORMAL);
		sim_add(&script, 0, 'd', UART_SIM_NORMAL);
		before = counts(sim);
		sim_play(sim, &script);
		sim_wait(sim);
		settle_us(1000);
		after = counts(sim);
		tap_same(received, take(sim->tty), cases[i].bytes, cases[i].count, cases[i].name);
		tap_ok(after.rx - before.rx == 6 && after.parity - before.parity == 1 &&
			       after.frame - before.frame == 1 && after.brk - before.brk == 1 &&
			       after.overrun - before.overrun == 1 && after.buf_overrun == before.buf_overrun,
		       "%s: counted", cases[i].name);
		tap_is((long)sim_log(sim, entries, LOG_MAX), 7, "all in the log");
		tap_ok(entries[4].fate == UART_SIM_OVERRUN && !entries[4].handed_ns, "%s: the lost byte is lost",
		       cases[i].name);
	}
	sim_free(&script);
}

static void set_rts(const struct sim *sim, bool on)
{
	int rts = TIOCM_RTS;

	if (ioctl(sim->tty, on ? TIOCMBIS : TIOCMBIC, &rts))
		die("RTS");
}

static void test_rts(const struct sim *sim)
{
	struct sim_script script = { 0 };
	uint64_t release_ns;

	sim_setup(sim, 16, 1, 4);
	sim_line(sim, B9600, CS8 | CRTSCTS, 0);
	sim_add_bytes(&script, 0, "0123456789", 10);
	script.bytes[5].idle_ns = 7000;
	sim_play(sim, &script);
	pause_us(4700);
	set_rts(sim, false);
	tap_is(sim_state(sim).rts, 0, "RTS is off");
	settle_us(20000);
	tap_same(received, take(sim->tty), "01234", 5, "the byte on the wire ends, the next waits");
	tap_is(sim_state(sim).queued, 5, "as do the others");
	release_ns = now_ns();
	set_rts(sim, true);
	sim_wait(sim);
	tap_is((long)sim_log(sim, entries, LOG_MAX), 10, "all in the log");
	tap_same(received, take(sim->tty), "56789", 5, "the others, after RTS is back");
	tap_time(entries[5].start_ns - release_ns, 7000, "the pause begins with RTS");

	set_rts(sim, false);
	sim_add_bytes(&script, 0, "now", 3);
	sim_play(sim, &script);
	settle_us(20000);
	tap_is((long)take(sim->tty), 0, "nothing begins without RTS");
	sim_line(sim, B9600, CS8, 0);
	sim_wait(sim);
	settle_us(0);
	tap_same(received, take(sim->tty), "now", 3, "without CRTSCTS it does");
	set_rts(sim, true);
	sim_log(sim, entries, LOG_MAX);
	sim_free(&script);
}

/* N_TTY throttles a port whose reader does not read. */
static void test_throttle(const struct sim *sim)
{
	struct sim_script script = { 0 };
	struct uart_sim_state state;
	size_t done = 0, n;
	bool same = true;

	sim_setup(sim, 16, 8, 4);
	sim_line(sim, B115200, CS8 | CRTSCTS, 0);
	for (unsigned int i = 0; i < 6000; i++)
		sim_add(&script, 0, (uint8_t)(i * 7), UART_SIM_NORMAL);
	sim_play(sim, &script);
	pause_us(1000000);
	state = sim_state(sim);
	tap_ok(!state.rts && state.queued > 1800 && state.queued < 2200, "a full tty holds the script: %u left",
	       state.queued);
	while (done < 6000 && readable(sim->tty, 1000)) {
		n = take(sim->tty);
		for (size_t i = 0; i < n; i++, done++)
			same = same && received[i] == (uint8_t)(done * 7);
	}
	tap_ok(same && done == 6000, "reading releases it: %zu of 6000 bytes, in order", done);
	sim_wait(sim);
	tap_is(sim_state(sim).rts, 1, "RTS is back");
	sim_log(sim, entries, LOG_MAX);
	sim_free(&script);
}

static size_t read_far(const struct sim *sim, size_t size)
{
	ssize_t n = read(sim->far, received, size);

	return n < 0 ? 0 : (size_t)n;
}

static void fill(unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 11 + i / 256);
}

static void test_transmit(const struct sim *sim)
{
	static unsigned char bytes[20000];
	struct serial_icounter_struct before = counts(sim);
	uint64_t start_ns;

	sim_line(sim, B9600, CS8, 0);
	fill(bytes, sizeof(bytes));
	start_ns = now_ns();
	if (write(sim->tty, bytes, 100) != 100)
		die("write to the tty");
	pause_us(50 * 1041667 / 1000 + 1);
	tap_same(received, read_far(sim, 1000), bytes, 50, "half the time, half of the bytes");
	tcdrain(sim->tty);
	tap_time(now_ns() - start_ns, 100 * 1041667, "tcdrain() returns with the last bit");
	tap_same(received, read_far(sim, 1000), bytes + 50, 50, "and all have arrived");

	sim_line(sim, B115200, CS8, 0);
	start_ns = now_ns();
	if (write(sim->tty, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		die("write to the tty");
	tcdrain(sim->tty);
	tap_time(now_ns() - start_ns, sizeof(bytes) * 86806, "20000 bytes without a pause");
	tap_same(received, read_far(sim, sizeof(received)), bytes, sizeof(bytes), "20000 bytes, as they were written");
	tap_is(counts(sim).tx - before.tx, 100 + (long)sizeof(bytes), "TIOCGICOUNT has them");
}

static int modem_lines(const struct sim *sim)
{
	int lines;

	if (ioctl(sim->tty, TIOCMGET, &lines))
		die("TIOCMGET");
	return lines;
}

/* A far end that does not read, and takes away CTS. */
static void test_transmit_full(const struct sim *sim)
{
	static unsigned char bytes[65636];
	size_t n = 0, got = 0;
	ssize_t ret;
	int left;

	sim_line(sim, B921600, CS8, 0);
	fill(bytes, sizeof(bytes));
	while (n < sizeof(bytes) && (ret = write(sim->tty, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)ret;
	pause_us(1000000);
	ioctl(sim->tty, TIOCOUTQ, &left);
	tap_is(left, 100, "what the far end has no room for stays in the port");
	tap_ok(!(modem_lines(sim) & TIOCM_CTS), "without CTS");
	while (got < sizeof(bytes) && readable(sim->far, 1000)) {
		ret = read(sim->far, received + got, sizeof(received) - got);
		got += ret > 0 ? (size_t)ret : 0;
	}
	tap_same(received, got, bytes, sizeof(bytes), "and comes when it reads");
	tap_ok(modem_lines(sim) & TIOCM_CTS, "with CTS");
	tap_is(write(sim->tty, bytes, 1000), 1000, "1000 bytes more");
	tcflush(sim->tty, TCOFLUSH);
	tcdrain(sim->tty);
	ret = (ssize_t)read_far(sim, 1000);
	tap_ok(ret > 0 && ret <= 32, "tcflush() leaves what is in the FIFO: %zd bytes", ret);
}

/* How many entries of the log have this fate. */
static size_t with_fate(size_t count, unsigned int fate)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += entries[i].fate == fate;
	return n;
}

static void end_by_hangup(struct sim *sim)
{
	if (ioctl(sim->tty, TIOCVHANGUP))
		die("TIOCVHANGUP");
	close(sim->tty);
}

static void end_by_close(struct sim *sim)
{
	close(sim->tty);
}

static void test_end(struct sim *sim, void (*end)(struct sim *), const char *name)
{
	struct sim_script script = { 0 };
	unsigned char bytes[1000];
	size_t n, heard;

	sim_setup(sim, 16, 8, 4);
	sim_line(sim, B115200, CS8, 0);
	fill(bytes, sizeof(bytes));
	sim_add_bytes(&script, 0, bytes, sizeof(bytes));
	sim_play(sim, &script);
	pause_us(40000);
	heard = take(sim->tty);
	end(sim);
	tap_is(sim_state(sim).open, 0, name);
	sim_wait(sim);
	n = sim_log(sim, entries, LOG_MAX);
	tap_is((long)n, 1000, "the script goes on to its end");
	tap_ok(with_fate(n, UART_SIM_DELIVERED) >= heard && heard > 300, "%zu bytes were heard before", heard);
	tap_is((long)(with_fate(n, UART_SIM_DELIVERED) + with_fate(n, UART_SIM_DEAF)), 1000, "the others by nobody");
	tap_is((long)with_fate(n, UART_SIM_DEAF), 1000 - 40000000 / 86806 / 8 * 8, "as many as there were");
	sim_open_tty(sim);
	sim_line(sim, B115200, CS8, 0);
	sim_add_bytes(&script, 0, "back", 4);
	sim_play(sim, &script);
	sim_wait(sim);
	settle_us(0);
	tap_same(received, take(sim->tty), "back", 4, "opened again, it hears");
	sim_log(sim, entries, LOG_MAX);
	sim_free(&script);
}

/* The far end goes while bytes are in the FIFO, and others have not begun. */
static void test_cut(struct sim *sim)
{
	struct sim_script script = { 0 };
	int flags;
	long n;

	sim_line(sim, B9600, CS8, 0);
	sim_add_bytes(&script, 0, "abc", 3);
	sim_add(&script, 1000000, 'd', UART_SIM_NORMAL);
	sim_add_bytes(&script, 500000000, "forgotten", 9);
	sim_play(sim, &script);
	errno = 0;
	flags = open("/dev/uart-sim0", O_RDWR);
	tap_ok(flags < 0 && errno == EBUSY, "the far end can be opened once only");
	pause_us(4200);
	close(sim->far);
	tap_ok(readable(sim->tty, 1000), "closed, it leaves what has begun");
	settle_us(0);
	tap_same(received, take(sim->tty), "abcd", 4, "which comes by time-out");
	settle_us(600000);
	tap_is((long)take(sim->tty), 0, "and nothing else");
	sim_open_far(sim);
	n = (long)sim_log(sim, entries, LOG_MAX);
	tap_is(n, 4, "the log is kept");
	tap_time(entries[3].handed_ns - entries[3].end_ns, 4 * 1041667, "the time-out was exact");
	sim_free(&script);
}

/* Where a script begins that is written to a silent wire. */
static void test_begin(const struct sim *sim)
{
	struct sim_script script = { 0 };
	uint64_t written_ns[2];

	sim_setup(sim, 16, 1, 4);
	sim_line(sim, B115200, CS8, 0);
	pause_us(300000);
	for (unsigned int i = 0; i < 2; i++) {
		sim_add(&script, 200000000, 'x', UART_SIM_NORMAL);
		written_ns[i] = now_ns();
		sim_play(sim, &script);
		sim_wait(sim);
		pause_us(1000);
	}
	tap_is((long)sim_log(sim, entries, LOG_MAX), 2, "two bytes");
	tap_time(entries[0].start_ns - written_ns[0], 0, "at once if it was silent for long enough");
	tap_time(entries[1].start_ns - written_ns[1], 200000000, "else the pause counts from the write");
	take(sim->tty);
	sim_free(&script);
}

static void test_full_script(struct sim *sim)
{
	static struct uart_sim_byte bytes[65540];
	struct pollfd wait = { .fd = sim->far, .events = POLLOUT };

	sim_setup(sim, 16, 8, 4);
	sim_line(sim, B115200, CS8, 0);
	for (unsigned int i = 0; i < 65540; i++)
		bytes[i].byte = (uint8_t)i;
	set_nonblocking(sim->far, true);
	tap_is(write(sim->far, bytes, sizeof(bytes)), 65536 * sizeof(*bytes), "a script has 65536 bytes");
	tap_is(write(sim->far, bytes, sizeof(*bytes)) < 0 ? errno : 0, EAGAIN, "and no more");
	tap_is(poll(&wait, 1, 0), 0, "and poll() knows");
	tap_is(poll(&wait, 1, 10000), 1, "it takes more later");
	close(sim->far);
	settle_us(1000);
	sim_open_far(sim);
	tap_is(sim_state(sim).queued, 0, "closing it forgets the rest");
	tcflush(sim->tty, TCIFLUSH);
	sim_log(sim, entries, LOG_MAX);
}

static void test_refusals(const struct sim *sim)
{
	struct uart_sim_byte byte = { .byte = 1 };
	struct uart_sim_setup setup = { .fifo = 16, .trigger = 17, .timeout_chars = 4 };

	tap_is(write(sim->far, &byte, 15) < 0 ? errno : 0, EINVAL, "half a byte of a script");
	byte.kind = UART_SIM_LOST + 1;
	tap_is(write(sim->far, &byte, sizeof(byte)) < 0 ? errno : 0, EINVAL, "an unknown kind");
	tap_is(ioctl(sim->far, UART_SIM_SETUP, &setup) ? errno : 0, EINVAL, "a trigger above the FIFO");
}

/*
 * As fast as it goes. A machine that cannot keep up, in real time, loses bytes: then what is read, the
 * log and the counters have to agree, and an overrun stands where bytes are missing.
 */
static void test_rush(const struct sim *sim)
{
	struct serial_icounter_struct before = counts(sim), after;
	struct sim_script script = { 0 };
	size_t n, got, at = 0, marks = 0;
	bool same = true;

	sim_setup(sim, 16, 1, 4);
	sim_line(sim, B4000000, CS8, 0);
	for (unsigned int i = 0; i < 3000; i++)
		sim_add(&script, 0, (uint8_t)(1 + i % 255), UART_SIM_NORMAL);
	sim_play(sim, &script);
	sim_wait(sim);
	settle_us(1000);
	got = take(sim->tty);
	n = sim_log(sim, entries, LOG_MAX);
	after = counts(sim);
	for (size_t i = 0; i < n; i++) {
		if (entries[i].fate == UART_SIM_DELIVERED) {
			same = same && at < got && received[at++] == entries[i].byte;
		} else if (entries[i - 1].fate == UART_SIM_DELIVERED) {
			same = same && at < got && received[at++] == 0;
			marks++;
		}
	}
	tap_ok(same && at == got && n == 3000, "4000000 baud: what is read is what the log says");
	tap_is(after.overrun - before.overrun, (long)marks, "every overrun is counted");
	tap_ok(!exact() || !marks, "4000000 baud: %zu bytes lost, %zu times", n - with_fate(n, UART_SIM_DELIVERED),
	       marks);
	sim_free(&script);
}

/* One of these over and over, at both ends of the port; all of them may fail when another gets there first. */
static void act(unsigned int who, unsigned int times)
{
	static struct uart_sim_byte junk[300];
	const char *path = who ? "/dev/ttySIM1" : "/dev/uart-sim1";
	struct sim sim = { .number = 1 };
	unsigned char bytes[500];
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);

	sim.far = sim.tty = fd;
	if (fd < 0)
		return;
	for (; times; times--, pause_us(pick(2000))) {
		switch (4 * who + pick(4)) {
		case 0:
			for (unsigned int i = 0; i < 300; i++)
				junk[i].kind = (uint8_t)pick(5);
			(void)!write(fd, junk, sizeof(junk));
			break;
		case 1:
			sim_setup(&sim, 16 + pick(64), 1 + pick(16), pick(8));
			break;
		case 2:
			(void)!read(fd, bytes, sizeof(bytes));
			break;
		case 3:
			sim_log(&sim, entries, 100);
			break;
		case 4:
			(void)!write(fd, bytes, sizeof(bytes));
			break;
		case 5:
			(void)!read(fd, bytes, sizeof(bytes));
			break;
		case 6:
			tcflush(fd, TCIOFLUSH);
			break;
		case 7:
			ioctl(fd, pick(2) ? TIOCMBIS : TIOCMBIC, &(int){ TIOCM_RTS });
			break;
		}
		if (who && !pick(20))
			ioctl(fd, TIOCVHANGUP);
	}
	close(fd);
}

/* Both ends opened, used, hung up and closed at once: what counts is what the kernel says of it. */
static void test_races(void)
{
	unsigned int rounds = soak() ? 1000 : 40;

	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int who = 0; who < 3; who++) {
			unsigned int times = 1 + pick(30), turn = pick(1000);

			if (fork())
				continue;
			while (turn--)
				pick(2);
			act(who != 0, times);
			_exit(0);
		}
		for (unsigned int who = 0; who < 3; who++)
			wait(NULL);
	}
	tap_ok(true, "%u rounds of script, setup, log, reads, writes, RTS and hangup at once", rounds);
}

/* The other port is another port. */
static void test_second(void)
{
	struct sim_script script = { 0 };
	struct sim sim;

	sim_open(&sim, 1);
	sim_add_bytes(&script, 0, "second", 6);
	sim_play(&sim, &script);
	sim_wait(&sim);
	settle_us(0);
	tap_same(received, take(sim.tty), "second", 6, "the second port");
	sim_close(&sim);
	sim_free(&script);
}

/* What needs everybody to be in time. */
static void test_exactly(struct sim *sim)
{
	static const uint32_t triggers[] = { 1, 4, 8, 14 };

	test_contiguous(sim);
	for (unsigned int i = 0; i < 4; i++)
		test_trigger(sim, triggers[i], soak() ? 20000 : 1000);
	test_begin(sim);
	test_speeds(sim);
	test_speed_changes(sim);
	test_errors(sim);
	test_rts(sim);
	test_throttle(sim);
	test_transmit(sim);
	test_transmit_full(sim);
	test_end(sim, end_by_hangup, "vhangup closes the port");
	test_end(sim, end_by_close, "close() closes the port");
	test_cut(sim);
	test_full_script(sim);
	test_refusals(sim);
}

int main(void)
{
	struct sim_script script = { 0 };
	struct sim sim;

	seed_from_environment();
	sim_open(&sim, 0);
	/* The first exchange after boot is never exact. */
	sim_add_bytes(&script, 0, "first", 5);
	sim_play(&sim, &script);
	sim_wait(&sim);
	settle_us(10000);
	tap_same(received, take(sim.tty), "first", 5, "the first exchange");
	sim_log(&sim, entries, LOG_MAX);
	sim_free(&script);

	if (exact())
		test_exactly(&sim);
	test_rush(&sim);
	test_races();
	test_second();
	sim_close(&sim);
	return tap_done();
}
