// SPDX-License-Identifier: MIT
#include "port/line.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"

/* Major numbers of the slaves of UNIX 98 ptys. */
#define PTY_MAJOR_FIRST 136
#define PTY_MAJOR_LAST 143

static const struct {
	unsigned int baud;
	speed_t speed;
} speeds[] = {
	{ 300, B300 },	   { 600, B600 },	{ 1200, B1200 },     { 2400, B2400 },
	{ 4800, B4800 },   { 9600, B9600 },	{ 19200, B19200 },   { 38400, B38400 },
	{ 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
};

static int find_speed(unsigned int baud, speed_t *speed)
{
	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
		if (speeds[i].baud != baud)
			continue;
		*speed = speeds[i].speed;
		return 0;
	}
	return -EINVAL;
}

static tcflag_t control_flags(const struct port_config *config)
{
	tcflag_t flags = CREAD | CLOCAL;

	flags |= config->data_bits == 7 ? CS7 : CS8;
	if (config->stop_bits == 2)
		flags |= CSTOPB;
	if (config->parity != 'N')
		flags |= PARENB;
	if (config->parity == 'O')
		flags |= PARODD;
	if (config->flow)
		flags |= CRTSCTS;
	return flags;
}

int line_apply(int fd, const struct port_config *config, tcflag_t iflag)
{
	const tcflag_t mask = CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS;
	tcflag_t flags = control_flags(config);
	struct termios wanted, got;
	speed_t speed;

	if (find_speed(config->baud, &speed) < 0)
		return -EINVAL;
	if (tcgetattr(fd, &wanted) < 0)
		return -errno;
	cfmakeraw(&wanted);
	wanted.c_iflag = iflag;
	wanted.c_cflag = (wanted.c_cflag & ~mask) | flags;
	wanted.c_cc[VMIN] = 1;
	wanted.c_cc[VTIME] = 0;
	cfsetspeed(&wanted, speed);
	if (tcsetattr(fd, TCSANOW, &wanted) < 0 || tcgetattr(fd, &got) < 0)
		return -errno;
	/* tcsetattr succeeds if it could do anything at all; a pty has neither 7 bits nor parity */
	if (cfgetospeed(&got) != speed)
		return -EINVAL;
	if (line_char_ns(fd, config) && (got.c_cflag & mask) != (flags & mask))
		return -EINVAL;
	return 0;
}

static bool is_pty(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && major(status.st_rdev) >= PTY_MAJOR_FIRST &&
	       major(status.st_rdev) <= PTY_MAJOR_LAST;
}

uint32_t line_char_ns(int fd, const struct port_config *config)
{
	unsigned int bits = 1 + config->data_bits + (config->parity != 'N') + config->stop_bits;

	if (is_pty(fd) || !config->baud)
		return 0;
	return (uint32_t)(bits * 1000000000ULL / config->baud);
}

bool line_sending(int fd)
{
	int pending = 0;
	unsigned int status = 0;

	if (ioctl(fd, TIOCOUTQ, &pending) == 0 && pending)
		return true;
	/* The driver's count ends at the UART, whose FIFO may hold a whole OK. */
	return ioctl(fd, TIOCSERGETLSR, &status) == 0 && !(status & TIOCSER_TEMT);
}

bool line_has_flow_control(int fd)
{
	int lines;

	return ioctl(fd, TIOCMGET, &lines) == 0;
}
