// SPDX-License-Identifier: MIT
/* Attach, detach, load and unload. DTU_KO is the module's file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "port.h"
#include "tap.h"

#define MANY 100

static int ldisc_of(int tty)
{
	int number = -1;

	return ioctl(tty, TIOCGETD, &number) ? -errno : number;
}

static void drop_capability(int capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		die("capget");
	data[0].effective &= ~(1u << capability);
	data[0].permitted &= ~(1u << capability);
	if (syscall(SYS_capset, &head, data))
		die("capset");
}

static void test_attach(void)
{
	struct port port;
	uint32_t id;
	struct nl nl;
	pid_t pid;
	int status;

	tap_ok(ldisc_number() > 0, "n_dtu is in /proc/tty/ldiscs with number %d", ldisc_number());
	pty_open(&port);
	tap_is(nl_open(&nl), 0, "the family dtu is there");
	tap_is(nl_get(&nl, port.slave), -ENODEV, "a tty without n_dtu is no port");

	pid = fork();
	if (!pid) {
		drop_capability(CAP_NET_ADMIN);
		_exit(-port_attach(port.slave));
	}
	waitpid(pid, &status, 0);
	tap_is(WEXITSTATUS(status), EPERM, "attaching needs CAP_NET_ADMIN");
	tap_is(ldisc_of(port.slave), 0, "and leaves n_tty where it was");

	tap_is(port_attach(port.slave), 0, "attach");
	tap_is(ldisc_of(port.slave), ldisc_number(), "the tty has n_dtu");
	tap_is(nl_get(&nl, port.slave), 0, "the tty is a port");
	id = nl.ports[0].number[DTU_A_PORT_ID];
	tap_is(port_attach(port.slave), 0, "attach once more");
	nl_get(&nl, port.slave);
	tap_is(nl.ports[0].number[DTU_A_PORT_ID], id, "changes nothing");
	tap_is(port_detach(port.slave), 0, "detach");
	tap_is(nl_get(&nl, port.slave), -ENODEV, "and it is no port");
	tap_is(port_attach(port.slave), 0, "attach again");
	nl_get(&nl, port.slave);
	tap_ok(nl.ports[0].number[DTU_A_PORT_ID] > id, "the port has a new id");
	tap_is(port_attach(port.master), 0, "the other end can be a port too");
	nl_dump(&nl);
	tap_is(nl.ports_count, 2, "then there are two");
	close(port.slave);
	close(port.master);
	nl_dump(&nl);
	tap_is(nl.ports_count, 0, "closed: no port is left");
	nl_close(&nl);
}

static void test_many(void)
{
	static struct port ports[MANY];
	unsigned char buffer[100];
	unsigned int right = 0, steps = 0;
	struct nl nl;

	nl_open(&nl);
	for (unsigned int i = 0; i < MANY; i++) {
		pty_open(&ports[i]);
		if (port_attach(ports[i].slave))
			die("attach");
	}
	tap_is(nl_dump(&nl), 0, "dump of many ports");
	tap_is(nl.ports_count, MANY, "has all of them");
	for (unsigned int i = 0; i < nl.ports_count; i++)
		steps += !i || nl.ports[i].number[DTU_A_PORT_ID] == nl.ports[i - 1].number[DTU_A_PORT_ID] + 1;
	tap_is(steps, MANY, "in the order of their ids, each once");
	tap_ok(nl.receives > 1, "over several messages (%u)", nl.receives);
	for (unsigned int i = 0; i < MANY; i++)
		host_write(&ports[i], &i, sizeof(i));
	pause_us(60000);
	for (unsigned int i = 0; i < MANY; i++)
		right += port_read(ports[i].slave, buffer, sizeof(buffer)) == sizeof(i) &&
			 !memcmp(buffer, &i, sizeof(i));
	tap_is(right, MANY, "each has its own frame");
	for (unsigned int i = 0; i < MANY; i++)
		port_close(&ports[i]);
	nl_dump(&nl);
	tap_is(nl.ports_count, 0, "and all are gone");
	nl_close(&nl);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "n_dtu", O_NONBLOCK) ? -errno : 0;
}

static int load(const char *parameters)
{
	const char *path = getenv("DTU_KO");
	int fd = open(path ? path : "", O_RDONLY), ret;

	if (fd < 0)
		die("DTU_KO");
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* Whether the kernel has said @text since @log was opened. */
static bool kernel_said(int log, const char *text)
{
	char line[2000];
	bool said = false;
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		said |= strstr(line, text) != NULL;
	}
	return said;
}

static int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (log < 0)
		die("/dev/kmsg");
	lseek(log, 0, SEEK_END);
	return log;
}

static void test_module(void)
{
	struct port port;
	int log, ret;

	pty_open(&port);
	port_attach(port.slave);
	ret = unload();
	tap_ok(ret == -EWOULDBLOCK || ret == -EBUSY, "unloading while attached is refused (%s)", strerror(-ret));
	tap_is(ldisc_of(port.slave), ldisc_number(), "and the port stays");
	port_close(&port);
	tap_is(unload(), 0, "unload when nobody is attached");
	tap_is(ldisc_number(), -1, "the name is gone from /proc/tty/ldiscs");

	log = open_log();
	tap_is(load("ldisc=0"), -EBUSY, "the number of n_tty is refused");
	tap_ok(kernel_said(log, "taken by n_tty"), "and the kernel says who has it");
	tap_is(load("ldisc=27"), -EBUSY, "the number of n_null too");
	tap_ok(kernel_said(log, "taken by n_null"), "with its name");
	tap_is(load("ldisc=31"), -EINVAL, "a number that is too high is refused");
	tap_is(load("ldisc=-1"), -EINVAL, "so is one that is too low");
	tap_is(ldisc_number(), -1, "and nothing stays behind");
	tap_is(load("ldisc=30"), 0, "another free number is fine");
	tap_is(ldisc_number(), 30, "and is found by name");
	pty_open(&port);
	tap_is(port_attach(port.slave), 0, "attach by that number");
	port_close(&port);
	tap_is(unload(), 0, "unload");
	close(log);
	tap_is(load(""), 0, "load as always");
	for (int i = 0; i < 5; i++)
		if (unload() || load(""))
			die("unload and load");
	tap_ok(true, "unload and load over and over");
}

int main(void)
{
	test_attach();
	test_many();
	if (getenv("DTU_KO"))
		test_module();
	return tap_done();
}
