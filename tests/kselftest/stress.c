// SPDX-License-Identifier: MIT
/*
 * Everything against everything: while one line is attached, detached and hung up over and over,
 * partners read, write, flush, ask, set and listen on it from threads and processes. What counts is
 * that the kernel has no complaint, that each call ends as it may, that no reader sees bytes that
 * nobody sent, and that the partners really were inside their calls when the line changed.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "stress_partners.h"
#include "tap.h"

#define STUCK_S 150

static atomic_bool stopping;

static void open_again(struct task *task)
{
	unsigned int tty = atomic_load(&task->line->tty);
	int fd;

	if (task->fd >= 0 && task->tty == tty)
		return;
	if (task->fd >= 0)
		close(task->fd);
	fd = open_line(task->line);
	count_error(&task->line->opening, fd < 0 ? fd : 0);
	task->fd = fd < 0 ? -1 : fd;
	task->tty = tty;
}

static bool disturbs(const struct task *task)
{
	enum calm disturbs = task->partner->disturbs;

	return disturbs != CALM_NONE && atomic_load(&task->line->calm) >= (int)disturbs;
}

static void *work(void *argument)
{
	struct task *task = argument;

	prctl(PR_SET_TIMERSLACK, 1);
	if (task->partner->begin)
		task->partner->begin(task);
	while (!atomic_load(&stopping)) {
		long ret;

		open_again(task);
		if (task->fd < 0 || disturbs(task)) {
			pause_us(500);
			continue;
		}
		atomic_fetch_add(&task->tally->step, 1);
		ret = task->partner->call(task);
		atomic_fetch_add(&task->tally->step, 1);
		count_error(task->tally, ret);
		if (task->partner->rest_us)
			usleep(some(task, task->partner->rest_us));
	}
	if (task->fd >= 0)
		close(task->fd);
	return NULL;
}

/* --- the cycler: what happens to the line ---------------------------------------------------- */

struct cycler {
	struct line *line;
	struct task tasks[PARTNERS];
	pthread_t threads[PARTNERS];
	pid_t pids[PARTNERS];
	struct nl nl;
	int slave;
	bool attached; /* as far as this end knows */
	int fresh_master;
	unsigned int counts[4];
};

static long attach(struct cycler *cycler)
{
	return port_attach(cycler->slave);
}

static long detach(struct cycler *cycler)
{
	return port_detach(cycler->slave);
}

static long hang_up(struct cycler *cycler)
{
	return result(ioctl(cycler->slave, TIOCVHANGUP));
}

static long close_master(struct cycler *cycler)
{
	return dup2(cycler->fresh_master, MASTER_FD) < 0 ? -errno : 0;
}

static const struct change {
	const char *name;
	long (*call)(struct cycler *cycler);
	bool new_tty;
} changes[] = {
	{ "attach", attach, false },
	{ "detach", detach, false },
	{ "vhangup", hang_up, true },
	{ "close of the master", close_master, true },
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

static int new_master(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (master < 0 || grantpt(master) || unlockpt(master))
		die("a pty");
	return master;
}

/* The ends of the line that are gone, new; partners find them by themselves. */
static void new_tty(struct cycler *cycler)
{
	struct line *line = cycler->line;
	int number;

	if (cycler->fresh_master >= 0) {
		if (ioctl(cycler->fresh_master, TIOCGPTN, &number))
			die("TIOCGPTN");
		atomic_store(&line->pts, number);
		close(cycler->fresh_master);
		cycler->fresh_master = -1;
	}
	close(cycler->slave);
	atomic_fetch_add(&line->tty, 1);
	cycler->slave = open_line(line);
	errno = cycler->slave < 0 ? -cycler->slave : 0;
	if (errno)
		die("the line after a hangup");
	cycler->attached = false;
}

static const struct change *choose_change(const struct cycler *cycler)
{
	bool pty = atomic_load(&cycler->line->pts) >= 0;
	uint32_t n = pick(8);

	if (!cycler->attached)
		return &changes[n ? 0 : 2];
	if (n < 3)
		return &changes[1];
	return &changes[n < 6 || !pty ? 2 : 3];
}

/* Make a change, and see who was inside a call meanwhile. */
static long change_line(struct cycler *cycler, const struct change *change)
{
	unsigned int steps[PARTNERS];
	long ret;

	for (unsigned int i = 0; i < PARTNERS; i++)
		steps[i] = atomic_load(&cycler->line->tallies[i].step);
	ret = change->call(cycler);
	for (unsigned int i = 0; i < PARTNERS; i++) {
		struct tally *tally = &cycler->line->tallies[i];

		tally->overlapped += (steps[i] & 1) || atomic_load(&tally->step) != steps[i];
	}
	return ret;
}

/* What comes next finds the port in line mode: a hangup then has something to tell and to cancel. */
static void enter_line_mode(struct cycler *cycler)
{
	static const char *const steps[] = { "+++", "a" };

	set_header(&cycler->nl, cycler->slave, 500, 1024, true);
	for (unsigned int i = 0; i < 2; i++) {
		pause_us(10000);
		if (write(MASTER_FD, steps[i], strlen(steps[i])) < 0)
			return;
	}
}

/* The line stays attached until a reader has had two records, but not for long. */
static void keep_calm(struct cycler *cycler)
{
	struct line *line = cycler->line;
	unsigned int compared = atomic_load(&line->compared);
	uint64_t end = now_ns() + 200000000;
	bool escape = pick(2);

	atomic_store(&line->calm, escape ? CALM_ESCAPE : CALM_ATTACHED);
	if (escape)
		enter_line_mode(cycler);
	while (atomic_load(&line->compared) == compared && now_ns() < end)
		pause_us(1000);
	atomic_store(&line->calm, CALM_NONE);
}

static void cycle(struct cycler *cycler)
{
	const struct change *change = choose_change(cycler);
	long ret;

	if (change->call == close_master)
		cycler->fresh_master = new_master();
	change_begins(cycler->line);
	ret = change_line(cycler, change);
	if (ret) {
		errno = (int)-ret;
		die(change->name);
	}
	cycler->counts[change - changes]++;
	if (change->new_tty)
		new_tty(cycler);
	else
		cycler->attached = change->call == attach;
	change_ends(cycler->line);
	if (cycler->attached)
		set_header(&cycler->nl, cycler->slave, 1 + pick(1000), 4 + pick(500), true);
	if (cycler->attached && !pick(4))
		keep_calm(cycler);
	else
		pause_us(pick(1000));
}

static void start_partner(struct cycler *cycler, unsigned int i)
{
	struct task *task = &cycler->tasks[i];

	*task = (struct task){
		.partner = &partners[i],
		.line = cycler->line,
		.tally = &cycler->line->tallies[i],
		.fd = -1,
		.random = pick(UINT32_MAX) + 1ULL,
		.next = 'A',
	};
	if (!task->partner->process) {
		errno = pthread_create(&cycler->threads[i], NULL, work, task);
		if (errno)
			die("pthread_create");
		return;
	}
	cycler->pids[i] = fork();
	if (cycler->pids[i])
		return;
	/* With the master open here, closing it there would end nothing. */
	close(MASTER_FD);
	close(cycler->slave);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(task);
	_exit(1);
}

static void start_partners(struct cycler *cycler)
{
	fflush(stdout);
	for (unsigned int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < PARTNERS; i++)
			if (partners[i].process == !pass)
				start_partner(cycler, i);
	/* Against so many it would hardly get to run. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -15);
}

static void stop_partners(struct cycler *cycler)
{
	int status;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 0);
	atomic_store(&stopping, true);
	for (unsigned int i = 0; i < PARTNERS; i++) {
		if (!partners[i].process) {
			pthread_join(cycler->threads[i], NULL);
			continue;
		}
		kill(cycler->pids[i], SIGKILL);
		waitpid(cycler->pids[i], &status, 0);
		if (!WIFSIGNALED(status))
			wrong(&cycler->tasks[i], "ended by itself", status);
	}
	atomic_store(&stopping, false);
}

/* --- what is told of it ---------------------------------------------------------------------- */

static bool is_expected(const int *expected, int error)
{
	for (unsigned int i = 0; expected[i]; i++)
		if (expected[i] == error)
			return true;
	return false;
}

static void report_errors(const struct tally *tally, const int *expected, const char *line, const char *name)
{
	bool good = true;

	for (int error = 0; error < ERRNO_COUNT; error++) {
		unsigned int count = atomic_load(&tally->errors[error]);

		if (!count || is_expected(expected, error))
			continue;
		good = false;
		printf("# %s: %s: %u times %s\n", line, name, count, strerror(error));
	}
	tap_ok(good, "%s: %s: no errors but those expected", line, name);
}

static void report(const struct cycler *cycler, const char *name, unsigned int cycles)
{
	/* EAGAIN: a signal came while the core waited for the last close to be over. */
	static const int opening_expected[] = { EIO, ENOENT, EINTR, EAGAIN, 0 };
	const struct line *line = cycler->line;
	bool alone = sysconf(_SC_NPROCESSORS_ONLN) == 1;

	for (unsigned int i = 0; i < CHANGES; i++)
		printf("# %s: %-20s %u times\n", name, changes[i].name, cycler->counts[i]);
	for (unsigned int i = 0; i < PARTNERS; i++)
		printf("# %s: %-20s overlapped in %u of %u cycles, %u calls\n", name, partners[i].name,
		       line->tallies[i].overlapped, cycles, atomic_load(&line->tallies[i].step) / 2);
	for (unsigned int i = 0; i < PARTNERS; i++) {
		report_errors(&line->tallies[i], partners[i].expected, name, partners[i].name);
		if (alone)
			continue;
		tap_ok(line->tallies[i].overlapped >= cycles / 10, "%s: %s was inside in a tenth of the cycles", name,
		       partners[i].name);
	}
	report_errors(&line->opening, opening_expected, name, "opening again");
	if (!tap_ok(!atomic_load(&line->wrong), "%s: nothing wrong was read", name))
		printf("# %u times; first: %s\n", atomic_load(&line->wrong), line->wrong_how);
	tap_ok(atomic_load(&line->confirmed) > cycles / 500, "%s: line mode was entered, %u times at least", name,
	       atomic_load(&line->confirmed));
	tap_ok(atomic_load(&line->records) > cycles / 10 && atomic_load(&line->compared) > cycles / 500,
	       "%s: %u records were read, and %u had one before them to compare with", name,
	       atomic_load(&line->records), atomic_load(&line->compared));
}

static void stuck(int signal)
{
	static const char text[] = "Bail out! a cycle hangs\n";

	(void)signal;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static void run_cycles(struct cycler *cycler, const char *name, unsigned int cycles)
{
	uint64_t told = now_ns();

	for (unsigned int i = 0; i < cycles; i++) {
		alarm(STUCK_S);
		cycle(cycler);
		if (now_ns() - told < 10000000000)
			continue;
		told = now_ns();
		fprintf(stderr, "stress: %s: %u of %u cycles\n", name, i + 1, cycles);
	}
	alarm(0);
}

/* @host: the host's end; negative: the line is a pty, whose ends come and go. */
static void stress(const char *name, int host, unsigned int cycles)
{
	struct cycler *cycler = calloc(1, sizeof(*cycler));
	struct line *line = mmap(NULL, sizeof(*line), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (!cycler || line == MAP_FAILED || nl_open(&cycler->nl))
		die("stress");
	cycler->line = line;
	cycler->slave = -1;
	cycler->fresh_master = host < 0 ? new_master() : -1;
	atomic_store(&line->pts, -1);
	if (dup2(host < 0 ? cycler->fresh_master : host, MASTER_FD) < 0)
		die("dup2");
	new_tty(cycler);
	start_partners(cycler);
	run_cycles(cycler, name, cycles);
	stop_partners(cycler);
	report(cycler, name, cycles);
	close(cycler->slave);
	close(MASTER_FD);
	nl_close(&cycler->nl);
	munmap(line, sizeof(*line));
	free(cycler);
}

static int open_host_port(void)
{
	struct termios termios;
	int fd = open("/dev/ttyS2", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &termios))
		return -1;
	cfmakeraw(&termios);
	termios.c_cflag |= CLOCAL;
	cfsetspeed(&termios, B115200);
	return tcsetattr(fd, TCSANOW, &termios) ? -1 : fd;
}

static void test_after(void)
{
	struct record record;
	struct port port;

	port_open(&port);
	port_settings(&port, 50000, 1024, true);
	host_say(&port, "after all that");
	tap_ok(port_record(&port, &record, 5000) && record.length == 14 &&
		       !memcmp(record.payload, "after all that", 14),
	       "a new port works");
	nl_get(port.nl, port.slave);
	printf("# %u attachments in all\n", (unsigned int)port.nl->ports[0].number[DTU_A_PORT_ID]);
	port_close(&port);
}

int main(int argc, char **argv)
{
	unsigned int cycles = soak() ? 100000 : 5000;
	struct port anchor;
	int host;

	if (argc > 1)
		cycles = (unsigned int)strtoul(argv[1], NULL, 0);
	seed_from_environment();
	signal(SIGALRM, stuck);
	port_open(&anchor);
	host = open_host_port();
	stress("pty", -1, host < 0 ? cycles : cycles - cycles / 5);
	if (host >= 0)
		stress("ttyS1", host, cycles / 5);
	test_after();
	port_close(&anchor);
	return tap_done();
}
