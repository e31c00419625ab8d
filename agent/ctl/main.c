// SPDX-License-Identifier: MIT
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "at/version.h"
#include "control/path.h"
#include "ctl/commands.h"

static const struct subcommand {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(const struct target *target, char *const *arguments);
} subcommands[] = {
	{ "at", "COMMAND...", "execute AT commands, print their replies; status 1 if one was refused", ctl_at },
	{ "status", "[--json]", "print how the agent stands", ctl_status },
};

static void print_usage(FILE *to)
{
	(void)fprintf(to, "usage: dtuctl [--port NAME | --socket PATH] SUBCOMMAND ...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		(void)fprintf(to, "  %s %-*s %s\n", subcommands[i].name, 18 - (int)strlen(subcommands[i].name),
			      subcommands[i].arguments, subcommands[i].help);
	(void)fprintf(to, "\n  --port NAME     the agent of this serial port (ttyS1, /dev/ttyS1)\n"
			  "  --socket PATH   the agent that listens there\n"
			  "  --help, --version\n"
			  "\nSockets are looked for in " CONTROL_FOLDER ", or in $DTU_RUN.\n"
			  "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no answer from an agent.\n");
}

static int run(const struct target *target, char *const *arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++) {
		int status;

		if (strcmp(subcommands[i].name, *arguments) != 0)
			continue;
		status = subcommands[i].run(target, arguments + 1);
		if (status >= 0)
			return status;
		(void)fprintf(stderr, "usage: dtuctl %s %s\n", subcommands[i].name, subcommands[i].arguments);
		return EXIT_USAGE;
	}
	(void)fprintf(stderr, "dtuctl: no subcommand '%s': see dtuctl --help\n", *arguments);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct target target = { 0 };
	int option;

	/* "+": options behind the subcommand are its own; ":": a missing value is told apart */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:p:s:hV", options, NULL)) >= 0) {
		switch (option) {
		case 'p':
			target.port = optarg;
			break;
		case 's':
			target.socket = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			(void)printf("dtuctl %s\n", version_text());
			return EXIT_SUCCESS;
		default:
			(void)fprintf(stderr, "dtuctl: %s%s (see dtuctl --help)\n", argv[optind - 1],
				      option == ':' ? " needs a value" : ": unknown option");
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return run(&target, argv + optind);
}
