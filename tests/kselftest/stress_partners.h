/* SPDX-License-Identifier: MIT */
/* What the partners of the stress program do to the line, each with the errors it may get. */
#ifndef STRESS_PARTNERS_H
#define STRESS_PARTNERS_H

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

#include "stress_line.h"

#define MASTER_FD 100 /* the host's end, whichever pty it is: dup2() replaces it at once */

static void on_alarm(int signal)
{
	(void)signal;
}

static void begin_alarms(struct task *task)
{
	struct itimerval every = { .it_interval.tv_usec = 3000, .it_value.tv_usec = 3000 };
	struct sigaction action = { .sa_handler = on_alarm };

	(void)task;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static long read_blocking(struct task *task)
{
	set_nonblocking(task->fd, false);
	return read_and_check(task);
}

static long read_nonblocking(struct task *task)
{
	return read_and_check(task);
}

static long poll_then_read(struct task *task)
{
	struct pollfd wait = { .fd = task->fd, .events = POLLIN };
	int ready = poll(&wait, 1, 20);

	return ready > 0 ? read_and_check(task) : result(ready);
}

static long write_line(struct task *task)
{
	set_nonblocking(task->fd, some(task, 4) == 0);
	return result(write(task->fd, "xxxxxxxxxxxxxxxx", 1 + some(task, 16)));
}

/* Letters, and what an escape is made of. */
static long host_writes(struct task *task)
{
	static const char *const tokens[] = { "+++", "a", "\r", "+++a\r" };
	unsigned char bytes[200];
	size_t n = 1 + some(task, sizeof(bytes));
	ssize_t written;

	if (!some(task, 6)) {
		const char *token = tokens[some(task, 4)];

		return result(write(MASTER_FD, token, strlen(token)));
	}
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)('A' + (task->next - 'A' + i) % 26);
	written = write(MASTER_FD, bytes, n);
	if (written > 0)
		task->next = (unsigned char)('A' + ((size_t)(task->next - 'A') + (size_t)written) % 26);
	return result(written);
}

static long host_reads(struct task *task)
{
	struct pollfd wait = { .fd = MASTER_FD, .events = POLLIN };
	char bytes[4096];

	(void)task;
	if (poll(&wait, 1, 2) != 1)
		return 0;
	return result(read(MASTER_FD, bytes, sizeof(bytes)));
}

static void begin_netlink(struct task *task)
{
	errno = -nl_open(&task->nl);
	if (errno)
		die("netlink family");
}

static void begin_monitor(struct task *task)
{
	begin_netlink(task);
	errno = -nl_monitor(&task->nl);
	if (errno)
		die("monitor");
}

static long netlink_dump(struct task *task)
{
	return nl_dump(&task->nl);
}

static long netlink_get(struct task *task)
{
	return nl_get(&task->nl, task->fd);
}

static void name_tty(struct nl *nl, int fd)
{
	struct stat st;

	fstat(fd, &st);
	nl_u32(nl, DTU_A_PORT_DEV, (uint32_t)st.st_rdev);
}

static int set_header(struct nl *nl, int fd, uint32_t gap_us, uint32_t length, bool escape)
{
	nl_begin(nl, DTU_CMD_PORT_SET);
	name_tty(nl, fd);
	nl_u8(nl, DTU_A_PORT_HEADER, 1);
	nl_u32(nl, DTU_A_PORT_GAP_US, gap_us);
	nl_u32(nl, DTU_A_PORT_LENGTH, length);
	nl_u8(nl, DTU_A_PORT_ESCAPE, escape);
	return nl_do(nl);
}

/* Now and then a new reader begins, who may be given again what was not acknowledged. */
static long netlink_set(struct task *task)
{
	struct nl *nl = &task->nl;
	long ret;

	if (some(task, 16))
		return set_header(nl, task->fd, 1 + some(task, 2000), 4 + some(task, 500), some(task, 2));
	change_begins(task->line);
	nl_begin(nl, DTU_CMD_PORT_SET);
	name_tty(nl, task->fd);
	nl_u8(nl, DTU_A_PORT_HEADER, 1);
	nl_u8(nl, DTU_A_PORT_ACK, (uint8_t)some(task, 2));
	ret = nl_do(nl);
	change_ends(task->line);
	return ret;
}

static long netlink_resume(struct task *task)
{
	return nl_resume(&task->nl, task->fd, some(task, 2) ? DTU_MODE_DATA : DTU_MODE_LINE);
}

static long netlink_acknowledge(struct task *task)
{
	uint64_t sequence = atomic_load(&task->line->sequence);

	nl_begin(&task->nl, DTU_CMD_PORT_ACK);
	name_tty(&task->nl, task->fd);
	nl_bytes(&task->nl, DTU_A_PORT_SEQUENCE, &sequence, sizeof(sequence));
	return nl_do(&task->nl);
}

static long netlink_listen(struct task *task)
{
	struct nl_port event;

	task->nl.error = 0;
	nl_event(&task->nl, &event, 20);
	return task->nl.error;
}

static long flush(struct task *task)
{
	static const int queues[] = { TCIFLUSH, TCOFLUSH, TCIOFLUSH };

	return result(tcflush(task->fd, queues[some(task, 3)]));
}

static long change_speed(struct task *task)
{
	static const speed_t speeds[] = { B57600, B115200, B230400 };
	struct termios termios;

	if (tcgetattr(task->fd, &termios))
		return -errno;
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL;
	cfsetspeed(&termios, speeds[some(task, 3)]);
	return result(tcsetattr(task->fd, some(task, 4) ? TCSANOW : TCSAFLUSH, &termios));
}

static long ask_readable(struct task *task)
{
	int n = 0;

	if (ioctl(task->fd, some(task, 4) ? FIONREAD : TIOCOUTQ, &n))
		return -errno;
	if (n < 0 || n > 1 << 20)
		wrong(task, "FIONREAD or TIOCOUTQ", n);
	return 0;
}

/* Another port is attached all the time: EAGAIN is the only right answer, and 0 the worst. */
static long unload(struct task *task)
{
	long ret = result(syscall(SYS_delete_module, "n_dtu", O_NONBLOCK));

	if (!ret)
		wrong(task, "the module was unloaded", 0);
	return ret;
}

static long open_and_close(struct task *task)
{
	int fd = open_line(task->line);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static long rival_attach(struct task *task)
{
	long ret;

	change_begins(task->line);
	ret = some(task, 3) ? port_attach(task->fd) : port_detach(task->fd);
	change_ends(task->line);
	return ret;
}

/* EIO: hung up, or the other end is closed. EAGAIN of a blocking call: another line discipline comes. */
static const struct partner partners[] = {
	{ "read, with signals", read_blocking, begin_alarms, true, 600, CALM_NONE, { EIO, EAGAIN, EINTR } },
	{ "read, not blocking", read_nonblocking, NULL, false, 900, CALM_NONE, { EIO, EAGAIN } },
	{ "poll and read", poll_then_read, NULL, true, 600, CALM_NONE, { EIO, EAGAIN } },
	{ "write", write_line, NULL, true, 1500, CALM_NONE, { EIO, EAGAIN } },
	{ "the host writes", host_writes, NULL, false, 1500, CALM_ESCAPE, { EIO, EAGAIN } },
	{ "the host reads", host_reads, NULL, false, 600, CALM_NONE, { EIO, EAGAIN } },
	{ "netlink dump", netlink_dump, begin_netlink, true, 1500, CALM_NONE, { 0 } },
	{ "netlink GET", netlink_get, begin_netlink, true, 1500, CALM_NONE, { ENODEV } },
	{ "netlink SET", netlink_set, begin_netlink, true, 1500, CALM_ESCAPE, { ENODEV, EBUSY } },
	{ "netlink RESUME", netlink_resume, begin_netlink, true, 1500, CALM_ESCAPE, { ENODEV, EINVAL } },
	{ "netlink ACK", netlink_acknowledge, begin_netlink, true, 1500, CALM_NONE, { ENODEV, EINVAL } },
	{ "monitor", netlink_listen, begin_monitor, true, 0, CALM_NONE, { ENOBUFS } },
	{ "TCFLSH", flush, NULL, false, 2000, CALM_ESCAPE, { EIO } },
	{ "speed", change_speed, NULL, true, 3000, CALM_NONE, { EIO } },
	{ "FIONREAD", ask_readable, NULL, false, 900, CALM_NONE, { EIO } },
	{ "rmmod", unload, NULL, true, 3000, CALM_NONE, { EAGAIN } },
	{ "open and close", open_and_close, NULL, true, 1500, CALM_NONE, { EIO, ENOENT } },
	{ "TIOCSETD elsewhere", rival_attach, NULL, false, 10000, CALM_ATTACHED, { EIO } },
};
#define PARTNERS (sizeof(partners) / sizeof(partners[0]))

#endif
