// SPDX-License-Identifier: MIT
#include "ctl/client.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "control/path.h"

/* Longer than any command takes. */
#define PATIENCE_S 60

static const char *run_dir(void)
{
	const char *dir = getenv("DTU_RUN");

	return dir && *dir ? dir : CONTROL_FOLDER;
}

static int is_socket(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), suffix = strlen(CONTROL_SUFFIX);

	return entry->d_name[0] != '.' && n > suffix && !strcmp(entry->d_name + n - suffix, CONTROL_SUFFIX);
}

static char *choose(struct dirent **entries, int n)
{
	char *path = NULL;

	if (n == 1) {
		if (asprintf(&path, "%s/%s", run_dir(), entries[0]->d_name) >= 0)
			return path;
		(void)fprintf(stderr, "dtuctl: out of memory\n");
		return NULL;
	}
	if (!n) {
		(void)fprintf(stderr,
			      "dtuctl: no dtud is running (nothing in %s): start it, or name its socket with --socket\n",
			      run_dir());
		return NULL;
	}
	(void)fprintf(stderr, "dtuctl: several ports, choose one with --port:");
	for (int i = 0; i < n; i++)
		(void)fprintf(stderr, " %.*s", (int)(strlen(entries[i]->d_name) - strlen(CONTROL_SUFFIX)),
			      entries[i]->d_name);
	(void)fprintf(stderr, "\n");
	return NULL;
}

static char *path_of_only_one(void)
{
	struct dirent **entries = NULL;
	char *path;
	int n;

	n = scandir(run_dir(), &entries, is_socket, alphasort);
	if (n < 0 && errno != ENOENT) {
		(void)fprintf(stderr, "dtuctl: %s: %s\n", run_dir(), strerror(errno));
		return NULL;
	}
	path = choose(entries, MAX(n, 0));
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return path;
}

char *client_path(const struct target *target)
{
	char *path;

	if (!target->socket && !target->port)
		return path_of_only_one();
	path = target->socket ? strdup(target->socket) : control_path(run_dir(), target->port);
	if (!path)
		(void)fprintf(stderr, "dtuctl: out of memory\n");
	return path;
}

static int fail(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		(void)fprintf(stderr, "dtuctl: no dtud is running at %s: start it, or name another with --port\n",
			      path);
		break;
	case EACCES:
		(void)fprintf(stderr, "dtuctl: %s: no permission: run as root or as a member of the socket's group\n",
			      path);
		break;
	case EAGAIN:
		(void)fprintf(stderr, "dtuctl: %s: no answer within %d s\n", path, PATIENCE_S);
		break;
	default:
		(void)fprintf(stderr, "dtuctl: %s: %s\n", path, strerror(error));
		break;
	}
	return EXIT_NO_AGENT;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int send_line(int fd, const char *line)
{
	size_t n = strlen(line);

	while (n) {
		ssize_t sent = send(fd, line, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		line += sent;
		n -= (size_t)sent;
	}
	if (send(fd, "\n", 1, MSG_NOSIGNAL) < 0 || shutdown(fd, SHUT_WR) < 0)
		return -errno;
	return 0;
}

static int read_all(int fd, struct buf *answer)
{
	ssize_t n;

	do {
		uint8_t *to = buf_reserve(answer, 4096);

		if (!to)
			return -ENOBUFS;
		n = recv(fd, to, 4096, 0);
		if (n > 0)
			buf_commit(answer, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	/* An agent that turns us away has not read what we sent: its last words come before this. */
	if (n < 0 && errno == ECONNRESET && answer->length)
		return 0;
	return n < 0 ? -errno : 0;
}

/* What an agent says that executes nothing. */
static bool is_refusal(const struct buf *answer)
{
	static const char head[] = "error: ";

	return answer->length >= strlen(head) && !memcmp(buf_bytes(answer), head, strlen(head));
}

int client_ask(const char *path, const char *line, struct buf *answer)
{
	_cleanup_close_ int fd = connect_to(path);
	int r;

	if (fd < 0)
		return fail(path, -fd);
	r = send_line(fd, line);
	if (!r || r == -EPIPE)
		r = read_all(fd, answer);
	if (r < 0)
		return fail(path, -r);
	if (!answer->length) {
		(void)fprintf(stderr, "dtuctl: %s: the agent gave no reply\n", line);
		return EXIT_NO_AGENT;
	}
	if (!is_refusal(answer))
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "dtuctl: %s: %.*s", line, (int)answer->length, (const char *)buf_bytes(answer));
	return EXIT_REFUSED;
}
