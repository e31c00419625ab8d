// SPDX-License-Identifier: MIT
/*
 * No memory: each allocation that an operation of n_dtu makes fails once, the first, the second and so
 * on until the operation needs no more. It then either succeeds all the same or gives a clean error,
 * and the next attempt works. Leaks are the lab's to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "port.h"
#include "tap.h"

#define FAULTS "/sys/kernel/debug/"
#define N_TTY_LDISC 0
/* More allocations than any operation makes. */
#define NTH_MAX 20000
#define GAP_US 2000

struct bench {
	struct port port;
	struct nl monitor; /* so that there are notifications to be made */
	struct nl nl;
	int ldisc;
	int module; /* n_dtu.ko */
	uint32_t dev;
	uint32_t old_gap, new_gap;
};

struct operation {
	const char *name;
	void (*prepare)(struct bench *bench);
	long (*call)(struct bench *bench); /* 0 or negative errno */
	/* Whether all is well after @ret; then without a fault, the call has to work. */
	bool (*check)(struct bench *bench, long ret);
};

static int fail_nth_file;

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Any allocation may fail, also those that could wait, and the log is spared the stacks. */
static bool allow_faults(void)
{
	static const char *const settings[][2] = {
		{ FAULTS "failslab/ignore-gfp-wait", "N" },	   { FAULTS "failslab/verbose", "0" },
		{ FAULTS "fail_page_alloc/ignore-gfp-wait", "N" }, { FAULTS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULTS "fail_page_alloc/min-order", "0" },	   { FAULTS "fail_page_alloc/verbose", "0" },
	};

	for (unsigned int i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (write_text(settings[i][0], settings[i][1]))
			continue;
		printf("# %s: %s\n", settings[i][0], strerror(errno));
		return false;
	}
	fail_nth_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_nth_file >= 0;
}

static void arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_nth_file, text, (size_t)n, 0) != n)
		die("fail-nth");
}

/* Whether the fault that was armed has come to pass. */
static bool disarm(void)
{
	char text[16] = "";

	if (pread(fail_nth_file, text, sizeof(text) - 1, 0) < 1)
		die("fail-nth");
	if (pwrite(fail_nth_file, "0", 1, 0) != 1)
		die("fail-nth");
	return !strtoul(text, NULL, 10);
}

static int ldisc_of(int tty)
{
	int number = -1;

	return ioctl(tty, TIOCGETD, &number) ? -errno : number;
}

/* --- attach and detach ----------------------------------------------------------------------- */

static long set_ldisc(struct bench *bench, int number)
{
	return ioctl(bench->port.slave, TIOCSETD, &number) ? -errno : 0;
}

static void prepare_attach(struct bench *bench)
{
	port_detach(bench->port.slave);
}

static long attach(struct bench *bench)
{
	return set_ldisc(bench, bench->ldisc);
}

/* What the host writes can be read, whichever line discipline is attached. */
static bool tty_works(struct bench *bench)
{
	unsigned char byte = 0;
	bool good;

	host_say(&bench->port, "T");
	good = readable(bench->port.slave, 5000) && port_read(bench->port.slave, &byte, 1) == 1;
	return good && byte == 'T';
}

static bool check_attach(struct bench *bench, long ret)
{
	return ldisc_of(bench->port.slave) == (ret ? N_TTY_LDISC : bench->ldisc) && tty_works(bench);
}

static void prepare_detach(struct bench *bench)
{
	if (port_attach(bench->port.slave))
		die("attach");
}

static long detach(struct bench *bench)
{
	return set_ldisc(bench, N_TTY_LDISC);
}

/* If there is no memory for n_tty, the core goes back to n_dtu. */
static bool check_detach(struct bench *bench, long ret)
{
	return ldisc_of(bench->port.slave) == (ret ? bench->ldisc : N_TTY_LDISC) && tty_works(bench);
}

/* --- netlink --------------------------------------------------------------------------------- */

static void drop_answers(const struct nl *nl)
{
	static unsigned char junk[65536];

	/* An error that waits is told before what waits in the queue. */
	while (recv(nl->fd, junk, sizeof(junk), MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		;
}

static void prepare_netlink(struct bench *bench)
{
	if (ldisc_of(bench->port.slave) != bench->ldisc && port_attach(bench->port.slave))
		die("attach");
	drop_answers(&bench->nl);
	drop_answers(&bench->monitor);
}

/* The request is ready before anything may fail. */
static void begin_request(struct bench *bench, enum dtu_cmd command)
{
	nl_begin(&bench->nl, command);
	nl_u32(&bench->nl, DTU_A_PORT_DEV, bench->dev);
}

static void prepare_get(struct bench *bench)
{
	prepare_netlink(bench);
	begin_request(bench, DTU_CMD_PORT_GET);
}

static long request(struct bench *bench)
{
	return nl_do(&bench->nl);
}

static long get(struct bench *bench)
{
	long ret = request(bench);

	return ret ? ret : bench->nl.ports_count == 1 ? 0 : -ENOMSG;
}

static bool check_get(struct bench *bench, long ret)
{
	(void)ret;
	prepare_get(bench);
	return !get(bench);
}

static long dump(struct bench *bench)
{
	long ret = nl_dump(&bench->nl);

	return ret ? ret : bench->nl.ports_count ? 0 : -ENOMSG;
}

static bool check_dump(struct bench *bench, long ret)
{
	(void)ret;
	drop_answers(&bench->nl);
	return !dump(bench);
}

static uint32_t gap_us(struct bench *bench)
{
	prepare_get(bench);
	return get(bench) ? 0 : (uint32_t)bench->nl.ports[0].number[DTU_A_PORT_GAP_US];
}

static void prepare_set(struct bench *bench)
{
	bench->old_gap = gap_us(bench);
	bench->new_gap = bench->old_gap == GAP_US ? GAP_US + 1 : GAP_US;
	begin_request(bench, DTU_CMD_PORT_SET);
	nl_u32(&bench->nl, DTU_A_PORT_GAP_US, bench->new_gap);
}

/* An error may be about the answer alone: then the setting has changed, but never to anything else. */
static bool check_set(struct bench *bench, long ret)
{
	uint32_t gap = gap_us(bench);

	return gap == bench->new_gap || (ret && gap == bench->old_gap);
}

static enum dtu_mode mode(struct bench *bench)
{
	prepare_get(bench);
	if (get(bench))
		die("get");
	return (enum dtu_mode)bench->nl.ports[0].number[DTU_A_PORT_MODE];
}

static void wait_for_record(struct bench *bench, enum dtu_record_type type)
{
	struct record record;

	while (port_record(&bench->port, &record, 5000))
		if (record.head.type == type)
			return;
	die("no record of the escape");
}

static void enter_line_mode(struct bench *bench)
{
	bench->port.nl = &bench->nl;
	port_settings(&bench->port, GAP_US, 1024, true);
	settle_us(10 * GAP_US);
	host_say(&bench->port, "+++");
	wait_for_record(bench, DTU_RECORD_SEEN);
	host_say(&bench->port, "a");
	wait_for_record(bench, DTU_RECORD_CONFIRMED);
	if (mode(bench) != DTU_MODE_LINE)
		die("line mode");
}

static void prepare_resume(struct bench *bench)
{
	if (mode(bench) != DTU_MODE_LINE)
		enter_line_mode(bench);
	begin_request(bench, DTU_CMD_PORT_RESUME);
	nl_u8(&bench->nl, DTU_A_PORT_MODE, DTU_MODE_DATA);
}

static bool check_resume(struct bench *bench, long ret)
{
	enum dtu_mode now = mode(bench);

	return ret ? now == DTU_MODE_LINE || ret == -ENOBUFS : now == DTU_MODE_DATA;
}

static void prepare_join(struct bench *bench)
{
	prepare_netlink(bench);
	nl_close(&bench->monitor);
	if (nl_open(&bench->monitor))
		die("netlink family");
}

static long join(struct bench *bench)
{
	return nl_monitor(&bench->monitor);
}

static bool check_join(struct bench *bench, long ret)
{
	struct nl_port event;

	if (ret && nl_monitor(&bench->monitor))
		return false;
	prepare_set(bench);
	return !request(bench) && nl_event(&bench->monitor, &event, 5000) && event.cmd == DTU_CMD_PORT_CHANGE_NTF;
}

/* --- the module ------------------------------------------------------------------------------ */

static void prepare_load(struct bench *bench)
{
	port_detach(bench->port.slave);
	if (ldisc_number() >= 0 && syscall(SYS_delete_module, "n_dtu", O_NONBLOCK))
		die("delete_module");
	if (lseek(bench->module, 0, SEEK_SET))
		die("n_dtu.ko");
}

static long load(struct bench *bench)
{
	return syscall(SYS_finit_module, bench->module, "", 0) ? -errno : 0;
}

/* All of it is there, or nothing. */
static bool check_load(struct bench *bench, long ret)
{
	struct nl *nl = malloc(sizeof(*nl));
	int family;

	if (!nl)
		die("malloc");
	family = nl_open(nl);
	if (!family)
		nl_close(nl);
	free(nl);
	if (ret)
		return ldisc_number() < 0 && family == -ENOENT;
	return !family && ldisc_number() == bench->ldisc;
}

static const struct operation operations[] = {
	{ "attach", prepare_attach, attach, check_attach },
	{ "detach", prepare_detach, detach, check_detach },
	{ "netlink GET", prepare_get, get, check_get },
	{ "netlink dump", prepare_netlink, dump, check_dump },
	{ "netlink SET", prepare_set, request, check_set },
	{ "netlink RESUME", prepare_resume, request, check_resume },
	{ "joining the monitor", prepare_join, join, check_join },
	{ "loading the module", prepare_load, load, check_load },
};

/* What the core makes of a lack of memory. */
static bool clean_error(long ret)
{
	return ret == 0 || ret == -ENOMEM || ret == -ENOBUFS;
}

static void fail_each(struct bench *bench, const struct operation *operation)
{
	unsigned int failed = 0, unnoticed = 0, unclean = 0, broken = 0, nth;
	bool last = false;
	long ret = 0;

	for (nth = 1; nth < NTH_MAX && !last; nth++) {
		operation->prepare(bench);
		arm(nth);
		ret = operation->call(bench);
		last = !disarm();
		failed += !last;
		unnoticed += !last && !ret;
		if (!clean_error(ret) && !unclean++)
			printf("# %s: without allocation %u: %s\n", operation->name, nth, strerror((int)-ret));
		if (!operation->check(bench, ret) && !broken++)
			printf("# %s: not well after allocation %u failed (%ld)\n", operation->name, nth, ret);
	}
	printf("# %s: %u allocations failed, %u of them without harm\n", operation->name, failed, unnoticed);
	tap_ok(failed && last && !ret, "%s: works once nothing fails any more", operation->name);
	tap_ok(!unclean, "%s: each error is ENOMEM or ENOBUFS", operation->name);
	tap_ok(!broken, "%s: all is well after each failure", operation->name);
}

static void open_bench(struct bench *bench)
{
	struct timeval patience = { .tv_sec = 5 };
	const char *ko = getenv("DTU_KO");
	struct stat st;

	bench->ldisc = ldisc_number();
	bench->module = ko ? open(ko, O_RDONLY | O_CLOEXEC) : -1;
	if (bench->module < 0)
		die("DTU_KO");
	pty_open(&bench->port);
	if (fstat(bench->port.slave, &st))
		die("fstat");
	bench->dev = (uint32_t)st.st_rdev;
	if (nl_open(&bench->nl) || nl_open(&bench->monitor) || nl_monitor(&bench->monitor))
		die("netlink family");
	/* An answer that never comes is an error like others. */
	setsockopt(bench->nl.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

int main(void)
{
	static struct bench bench;

	if (!allow_faults()) {
		printf("1..0 # SKIP this kernel has no fault injection\n");
		return 0;
	}
	open_bench(&bench);
	/* The program's own pages shall not be among what fails. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		fail_each(&bench, &operations[i]);
	nl_close(&bench.nl);
	nl_close(&bench.monitor);
	bench.port.nl = NULL;
	port_close(&bench.port);
	return tap_done();
}
