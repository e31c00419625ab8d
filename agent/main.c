// SPDX-License-Identifier: MIT
/* dtud: options, start order, the loop, and the end in reverse order. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "at/version.h"
#include "base/log.h"
#include "config/config.h"
#include "control/control.h"
#include "control/path.h"
#include "daemon.h"
#include "device.h"
#include "status.h"

#define DEFAULT_CONFIG "/etc/dtu/dtud.conf"

enum exit_status { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct agent {
	struct config config;
	bool foreground;
	bool check_config;
	const char *config_path;
	sd_event *loop;
	struct device device;
	struct control *control;
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "state", required_argument, NULL, 's' },
	{ "config", required_argument, NULL, 'c' },
	{ "socket", required_argument, NULL, 'S' },
	{ "fallback", no_argument, NULL, 'F' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "check-config", optional_argument, NULL, 'C' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
	"usage: dtud --port TTY --state DIR [OPTION...]\n"
	"       dtud --check-config [FILE]\n"
	"\n"
	"Carries what comes in at the serial port TTY to the network and back, as the settings in the\n"
	"folder DIR say.\n"
	"\n"
	"  -p, --port TTY        the serial port, like /dev/ttyS1\n"
	"  -s, --state DIR       folder of the settings; made if missing\n"
	"  -c, --config FILE     the integrator's file (default " DEFAULT_CONFIG ", if there is one)\n"
	"  -S, --socket PATH     control socket for dtuctl (default " CONTROL_FOLDER "/NAME-OF-TTY.sock)\n"
	"  -F, --fallback        frame in this process instead of the kernel's n_dtu: for containers\n"
	"                        and trials; boundaries then depend on the scheduler\n"
	"  -f, --foreground      stay on the terminal; a service manager needs no option\n"
	"      --check-config    check the integrator's file and end\n"
	"  -v, --verbose         log more\n"
	"  -h, --help            this text\n"
	"  -V, --version         the version\n"
	"\n"
	"Exit status: 0 ended as asked; 1 failed, the reason is in the log; 2 wrong usage.\n";

static int usage_error(const char *text, const char *what)
{
	(void)fprintf(stderr, "dtud: %s%s (see dtud --help)\n", what, text);
	return EXIT_USAGE;
}

static int set_path(char *path, const char *value, const char *option)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return usage_error(" needs a path", option);
	memcpy(path, value, strlen(value) + 1);
	return EXIT_OK;
}

/* One option, which was given as @name; a negative number if the program goes on, else its exit status. */
static int take_option(struct agent *agent, struct config *given, int option, const char *name)
{
	int ret = EXIT_OK;

	switch (option) {
	case 'p':
		ret = set_path(given->port, optarg, "--port");
		break;
	case 's':
		ret = set_path(given->state, optarg, "--state");
		break;
	case 'S':
		ret = set_path(given->socket, optarg, "--socket");
		break;
	case 'c':
		agent->config_path = optarg;
		break;
	case 'F':
		given->fallback = true;
		break;
	case 'f':
		agent->foreground = true;
		break;
	case 'C':
		agent->check_config = true;
		if (optarg)
			agent->config_path = optarg;
		break;
	case 'v':
		log_set_level(LOG_LEVEL_DEBUG);
		break;
	case 'h':
		(void)fputs(usage_text, stdout);
		return EXIT_OK;
	case 'V':
		(void)printf("dtud %s\n", version_text());
		return EXIT_OK;
	case ':':
		return usage_error(" needs a value", name);
	default:
		return usage_error(": unknown option", name);
	}
	return ret == EXIT_OK ? -1 : ret;
}

/* What the command line says wins over the file. */
static void merge(struct config *config, const struct config *given)
{
	if (*given->port)
		memcpy(config->port, given->port, PATH_MAX);
	if (*given->state)
		memcpy(config->state, given->state, PATH_MAX);
	if (*given->socket)
		memcpy(config->socket, given->socket, PATH_MAX);
	config->fallback |= given->fallback;
}

static int read_config(struct agent *agent)
{
	bool named = agent->config_path;

	if (!named)
		agent->config_path = DEFAULT_CONFIG;
	if (!named && access(agent->config_path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return config_read(&agent->config, agent->config_path);
}

static int check_config(struct agent *agent)
{
	if (!agent->config_path)
		agent->config_path = DEFAULT_CONFIG;
	if (config_read(&agent->config, agent->config_path) < 0)
		return EXIT_FAILED;
	(void)printf("%s: no errors\n", agent->config_path);
	return EXIT_OK;
}

static void default_socket(struct config *config)
{
	_cleanup_free_ char *path = control_path(CONTROL_FOLDER, config->port);

	/* What is cut here is too long for a socket anyway, and refused. */
	(void)snprintf(config->socket, sizeof(config->socket), "%s", path ? path : "");
	if (mkdir(CONTROL_FOLDER, 0755) < 0 && errno != EEXIST)
		log_warning(CONTROL_FOLDER ": cannot make the folder: %s", strerror(errno));
}

/* A negative number if the program goes on, else its exit status. */
static int read_arguments(struct agent *agent, int argc, char **argv)
{
	static struct config given;
	int option;

	/* ":": a missing value is told apart, and we say so ourselves, in one line */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":p:s:c:S:FfvhV", long_options, NULL)) >= 0) {
		int ret = take_option(agent, &given, option, argv[optind - 1]);

		if (ret >= 0)
			return ret;
	}
	if (agent->check_config && optind < argc)
		agent->config_path = argv[optind++];
	if (optind < argc)
		return usage_error(": unexpected argument", argv[optind]);
	if (agent->check_config)
		return check_config(agent);
	if (read_config(agent) < 0)
		return EXIT_FAILED;
	merge(&agent->config, &given);
	if (!*agent->config.port)
		return usage_error("--port TTY is missing", "");
	if (!*agent->config.state)
		return usage_error("--state DIR is missing", "");
	return -1;
}

static void control_at(void *data, const uint8_t *line, size_t length, struct buf *reply)
{
	struct agent *agent = data;

	device_control(&agent->device, line, length, reply);
}

static void control_status(void *data, bool json, struct buf *out)
{
	struct agent *agent = data;

	status_print(&agent->device, json, out);
}

static int open_control(struct agent *agent)
{
	static const struct control_calls calls = { .at = control_at, .status = control_status };
	int ret;

	if (!*agent->config.socket)
		default_socket(&agent->config);
	ret = control_open(&agent->control, agent->loop, agent->config.socket, &calls, agent);
	if (ret < 0)
		log_error("%s: cannot listen there: %s (choose another with --socket)", agent->config.socket,
			  strerror(-ret));
	return ret;
}

/* SIGTERM and SIGINT end the loop; a watchdog is fed if the service manager asks for it. */
static int make_loop(struct agent *agent)
{
	sigset_t signals;
	int ret = sd_event_default(&agent->loop);

	if (ret < 0)
		return ret;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	ret = sd_event_add_signal(agent->loop, NULL, SIGTERM, NULL, NULL);
	if (ret >= 0)
		ret = sd_event_add_signal(agent->loop, NULL, SIGINT, NULL, NULL);
	if (ret >= 0)
		ret = sd_event_set_watchdog(agent->loop, true);
	return ret;
}

static int run(struct agent *agent, int report)
{
	const struct device_options options = {
		.port = agent->config.port,
		.state = agent->config.state,
		.fallback = agent->config.fallback,
		.tuning = &agent->config.tuning,
	};
	int ret = make_loop(agent);

	if (ret < 0) {
		log_error("cannot set up the event loop: %s", strerror(-ret));
		return ret;
	}
	/* The control socket first: nothing is said to the host if we cannot stay. */
	ret = open_control(agent);
	if (ret < 0)
		return ret;
	ret = device_start(&agent->device, agent->loop, &options);
	if (ret == 0) {
		(void)sd_notifyf(0, "READY=1\nSTATUS=%s", agent->config.port);
		if (report >= 0)
			daemon_ready(report);
		ret = sd_event_loop(agent->loop);
		(void)sd_notify(0, "STOPPING=1");
		device_stop(&agent->device);
	}
	control_close(agent->control);
	return ret;
}

/* Relative paths are the caller's, whatever folder we go to. */
static int make_absolute(char *path)
{
	char folder[PATH_MAX];
	char whole[2 * PATH_MAX];

	if (!*path || *path == '/')
		return 0;
	if (!getcwd(folder, sizeof(folder)) || snprintf(whole, sizeof(whole), "%s/%s", folder, path) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, whole, strlen(whole) + 1);
	return 0;
}

int main(int argc, char **argv)
{
	static struct agent agent;
	int report = -1;
	int ret = daemon_keep_standard();

	if (ret < 0) {
		log_error("/dev/null: cannot open: %s", strerror(-ret));
		return EXIT_FAILED;
	}
	ret = read_arguments(&agent, argc, argv);
	if (ret >= 0)
		return ret;
	if (make_absolute(agent.config.port) < 0 || make_absolute(agent.config.state) < 0 ||
	    make_absolute(agent.config.socket) < 0)
		return usage_error("path too long", "");
	(void)signal(SIGPIPE, SIG_IGN);
	if (!agent.foreground && !getenv("NOTIFY_SOCKET")) {
		report = daemon_begin();
		if (report < 0) {
			log_error("cannot go into the background: %s (try --foreground)", strerror(-report));
			return EXIT_FAILED;
		}
	}
	ret = run(&agent, report);
	sd_event_unref(agent.loop);
	return ret < 0 ? EXIT_FAILED : EXIT_OK;
}
