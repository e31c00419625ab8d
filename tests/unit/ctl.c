// SPDX-License-Identifier: MIT
/* dtuctl against a control socket with a real AT engine behind it: what it prints and its exit status. */
#include <libgen.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "fixture.h"
#include "tap.h"

#include "control/control.h"

static char dtuctl[512];

static void on_at(void *data, const uint8_t *line, size_t length, struct buf *reply)
{
	struct fixture *fixture = data;

	at_execute(&fixture->at, AT_WAY_CONTROL, line, length, reply);
}

static void on_status(void *data, bool json, struct buf *out)
{
	(void)data;
	(void)buf_printf(out, json ? "{\"framing\":\"n_dtu\"}\n" : "framing n_dtu\n");
}

static const struct control_calls control_calls = { on_at, on_status };

/* An agent in a process of its own, until it is killed. */
static pid_t agent(const char *socket)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		struct control *control;
		struct fixture fixture;
		sd_event *loop;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fixture_open(&fixture);
		sd_event_new(&loop);
		if (control_open(&control, loop, socket, &control_calls, &fixture) < 0)
			_exit(1);
		/* Everything is open: its folder need not outlive this test. */
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		sd_event_loop(loop);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		printf("# no agent at %s\n", socket);
	close(ready[0]);
	return pid;
}

static void expect(const char *arguments, int status, const char *want)
{
	char command[1024], got[8192];
	FILE *output;
	size_t n;
	int r;

	snprintf(command, sizeof(command), "%s %s 2>&1", dtuctl, arguments);
	fflush(stdout);
	output = popen(command, "re");
	n = fread(got, 1, sizeof(got), output);
	r = pclose(output);
	tap_is(WIFEXITED(r) ? WEXITSTATUS(r) : -1, status, arguments);
	if (want)
		tap_same(got, n, want, strlen(want), "and prints");
}

static const char *format(char text[600], const char *pattern, const char *argument)
{
	snprintf(text, 600, "%s", pattern);
	if (argument) {
		const char *at = strchr(pattern, '@');

		snprintf(text, 600, "%.*s%s%s", (int)(at - pattern), pattern, argument, at + 1);
	}
	return text;
}

static void test_one(const char *run)
{
	char text[600];

	expect("at AT", 0, "OK\n");
	expect("at AT+VER AT+UARTFT", 0, "+VER:V7.8.09.000000.0000\n+UARTFT:50\n");
	expect("at AT+NOSUCH", 1, "+ERR:2\n");
	expect("at AT+UARTFT=49 AT+UARTFT=51 AT+UARTFT", 1, "+ERR:4\nOK\n+UARTFT:51\n");
	expect("at 'AT+SOCKA=TCP, 10.0.0.1, 80' at+socka", 0, "OK\n+SOCKA:TCP,10.0.0.1,80\n");
	expect("at hello", 1, "dtuctl: hello: error: unknown request: AT..., status and status json are known\n");
	expect("status", 0, "framing n_dtu\n");
	expect("status --json", 0, "{\"framing\":\"n_dtu\"}\n");
	expect("--port ttyS0 at AT", 0, "OK\n");
	expect("--port /dev/ttyS0 at AT", 0, "OK\n");
	snprintf(text, sizeof(text), "--socket %s/ttyS0.sock at AT", run);
	expect(text, 0, "OK\n");
	expect("--port pts/3 at AT", 3,
	       format((char[600]){ 0 },
		      "dtuctl: no dtud is running at @/pts-3.sock: start it, or name another with --port\n", run));
	expect("--port /srv/a/tty at AT", 3,
	       format((char[600]){ 0 },
		      "dtuctl: no dtud is running at @/srv-a-tty.sock: start it, or name another with --port\n", run));
}

/* Its places are taken: it says so and hangs up, whatever has been sent to it. */
static void test_too_many(const char *path)
{
	static const char refusal[] = "dtuctl: %s: error: too many clients\n";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[CONTROL_CLIENTS];
	char text[100];

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fds[i], (const struct sockaddr *)&address, sizeof(address)) < 0)
			perror(path);
	}
	snprintf(text, sizeof(text), refusal, "AT");
	expect("--port ttyS0 at AT", 1, text);
	snprintf(text, sizeof(text), refusal, "status");
	expect("--port ttyS0 status", 1, text);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
}

static void test_usage(void)
{
	expect("--version", 0, "dtuctl 7.8.9\n");
	expect("--help", 0, NULL);
	expect("", 2, NULL);
	expect("nonsense", 2, "dtuctl: no subcommand 'nonsense': see dtuctl --help\n");
	expect("--nonsense", 2, NULL);
	expect("at", 2, "usage: dtuctl at COMMAND...\n");
	expect("at ''", 2, "usage: dtuctl at COMMAND...\n");
	expect("at \"$(printf 'AT\\nAT')\"", 2, "usage: dtuctl at COMMAND...\n");
	expect("status --xml", 2, "usage: dtuctl status [--json]\n");
}

int main(int argc, char **argv)
{
	char run[256], path[600], text[600];
	pid_t first, second;

	(void)argc;
	snprintf(path, sizeof(path), "%s", argv[0]);
	snprintf(dtuctl, sizeof(dtuctl), "%.400s/dtuctl", dirname(path));
	fixture_folder(run);
	setenv("DTU_RUN", run, 1);
	setenv("TMPDIR", run, 1); /* the agents' folders go with it */

	expect("status", 3,
	       format(text, "dtuctl: no dtud is running (nothing in @): start it, or name its socket with --socket\n",
		      run));
	snprintf(path, sizeof(path), "%s/ttyS0.sock", run);
	first = agent(path);
	test_one(run);
	test_too_many(path);
	test_usage();
	snprintf(path, sizeof(path), "%s/pts-3.sock", run);
	second = agent(path);
	expect("at AT", 3, "dtuctl: several ports, choose one with --port: pts-3 ttyS0\n");
	expect("--port /dev/pts/3 at AT", 0, "OK\n");
	kill(second, SIGKILL);
	waitpid(second, NULL, 0);
	expect("--port pts/3 at AT", 3, NULL);
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	fixture_remove(run);
	return tap_done();
}
