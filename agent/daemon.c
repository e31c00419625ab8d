// SPDX-License-Identifier: MIT
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

int daemon_keep_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* 0 if the daemon has said so; 1 if it ended without. */
static _Noreturn void wait_for_verdict(int report)
{
	char byte;
	ssize_t n;

	do {
		n = read(report, &byte, 1);
	} while (n < 0 && errno == EINTR);
	_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int daemon_begin(void)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return -error;
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_verdict(ends[0]);
	}
	close(ends[0]);
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return ends[1];
}

void daemon_ready(int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_to_syslog();
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(report, "", 1) < 0) {
		/* the process that was started is gone: nobody waits */
	}
	close(report);
}
