// SPDX-License-Identifier: MIT
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "port.h"

static int open_node(const char *prefix, unsigned int number)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s%u", prefix, number);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

void sim_open_far(struct sim *sim)
{
	sim->far = open_node("uart-sim", sim->number);
}

void sim_open_tty(struct sim *sim)
{
	sim->tty = open_node("ttySIM", sim->number);
}

static void forget_log(const struct sim *sim)
{
	struct uart_sim_log log[64];
	struct uart_sim_take take;

	do {
		take = (struct uart_sim_take){ .entries = (uintptr_t)log, .count = 64 };
		if (ioctl(sim->far, UART_SIM_TAKE_LOG, &take))
			die("UART_SIM_TAKE_LOG");
	} while (take.count);
}

void sim_open(struct sim *sim, unsigned int number)
{
	prctl(PR_SET_TIMERSLACK, 1);
	sim->number = number;
	sim_open_far(sim);
	sim_open_tty(sim);
	sim_line(sim, B115200, CS8, 0);
	tcflush(sim->tty, TCIOFLUSH);
	sim_setup(sim, 16, 8, 4);
	forget_log(sim);
}

void sim_close(struct sim *sim)
{
	if (sim->tty >= 0)
		close(sim->tty);
	if (sim->far >= 0)
		close(sim->far);
}

void sim_open_port(struct sim *sim, struct port *port, unsigned int number)
{
	sim_open(sim, number);
	port->master = -1;
	port->slave = sim->tty;
	errno = -port_attach(port->slave);
	if (errno)
		die("attach");
	port->nl = malloc(sizeof(*port->nl));
	errno = -nl_open(port->nl);
	if (errno)
		die("netlink family");
}

void sim_close_port(struct sim *sim, struct port *port)
{
	port_close(port);
	sim->tty = -1;
	sim_close(sim);
}

void sim_setup(const struct sim *sim, uint32_t fifo, uint32_t trigger, uint32_t timeout_chars)
{
	struct uart_sim_setup setup = { .fifo = fifo, .trigger = trigger, .timeout_chars = timeout_chars };

	if (ioctl(sim->far, UART_SIM_SETUP, &setup))
		die("UART_SIM_SETUP");
}

void sim_line(const struct sim *sim, speed_t speed, tcflag_t cflag, tcflag_t iflag)
{
	struct termios termios;

	if (tcgetattr(sim->tty, &termios))
		die("tcgetattr");
	cfmakeraw(&termios);
	termios.c_cflag = CREAD | CLOCAL | HUPCL | cflag;
	termios.c_iflag = iflag;
	cfsetspeed(&termios, speed);
	if (tcsetattr(sim->tty, TCSANOW, &termios))
		die("tcsetattr");
}

void sim_add(struct sim_script *script, uint64_t idle_ns, uint8_t byte, enum uart_sim_kind kind)
{
	if (script->count == script->room) {
		script->room = script->room ? 2 * script->room : 256;
		script->bytes = realloc(script->bytes, script->room * sizeof(*script->bytes));
		if (!script->bytes)
			die("a script");
	}
	script->bytes[script->count++] =
		(struct uart_sim_byte){ .idle_ns = idle_ns, .byte = byte, .kind = (uint8_t)kind };
}

void sim_add_bytes(struct sim_script *script, uint64_t idle_ns, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sim_add(script, i ? 0 : idle_ns, ((const uint8_t *)bytes)[i], UART_SIM_NORMAL);
}

void sim_play(const struct sim *sim, struct sim_script *script)
{
	size_t size = script->count * sizeof(*script->bytes);

	if (write(sim->far, script->bytes, size) != (ssize_t)size)
		die("a script");
	script->count = 0;
}

void sim_free(struct sim_script *script)
{
	free(script->bytes);
	*script = (struct sim_script){ 0 };
}

void sim_wait(const struct sim *sim)
{
	if (ioctl(sim->far, UART_SIM_WAIT))
		die("UART_SIM_WAIT");
}

size_t sim_log(const struct sim *sim, struct uart_sim_log *log, size_t max)
{
	struct uart_sim_take take = { .entries = (uintptr_t)log, .count = (uint32_t)max };

	if (ioctl(sim->far, UART_SIM_TAKE_LOG, &take))
		die("UART_SIM_TAKE_LOG");
	if (take.lost) {
		errno = EOVERFLOW;
		die("entries of the log were forgotten");
	}
	return take.count;
}

struct uart_sim_state sim_state(const struct sim *sim)
{
	struct uart_sim_state state;

	if (ioctl(sim->far, UART_SIM_STATE, &state))
		die("UART_SIM_STATE");
	return state;
}
