// SPDX-License-Identifier: MIT
/* Framing by n_dtu: attach it to the tty, tell it how to frame, read its records. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "port/framing.h"
#include "port/ldisc.h"
#include "port/netlink.h"

/* How to frame until configured: the factory values of UARTFT and UARTFL. */
static const struct framing_config first_config = { .gap_us = 50000, .length = 1024 };

struct framing {
	const struct framing_env *env;
	struct netlink *netlink;
	int former; /* line discipline to go back to */
	dev_t device;
	struct dtu_record head;
	uint8_t record[sizeof(struct dtu_record) + DTU_PAYLOAD_MAX];
};

static int attach_ldisc(const struct framing_env *env, int *former)
{
	int number = ldisc_find(DTU_LDISC_NAME);

	if (number < 0) {
		log_error("%s: the kernel has no line discipline n_dtu: load it (modprobe n_dtu), or run with --fallback",
			  env->path);
		return number;
	}
	if (ioctl(env->fd, TIOCGETD, former) < 0) {
		number = -errno;
		log_error("%s: cannot ask for its line discipline: %s", env->path, strerror(-number));
		return number;
	}
	if (*former == number) {
		log_error("%s: n_dtu is attached already: another program uses the port; stop it first", env->path);
		return -EBUSY;
	}
	if (ioctl(env->fd, TIOCSETD, &number) == 0)
		return 0;
	number = -errno;
	if (number == -EPERM)
		log_error("%s: no permission to attach n_dtu: run as root or give dtud CAP_NET_ADMIN", env->path);
	else
		log_error("%s: cannot attach n_dtu: %s", env->path, strerror(-number));
	return number;
}

static int open_netlink(struct framing *framing)
{
	struct stat status;
	int ret;

	if (fstat(framing->env->fd, &status) < 0)
		return -errno;
	framing->device = status.st_rdev;
	ret = netlink_open(&framing->netlink, (uint32_t)status.st_rdev);
	if (ret < 0)
		log_error("%s: cannot talk to n_dtu over generic netlink: %s (is dtud in the first network namespace?)",
			  framing->env->path, strerror(-ret));
	return ret;
}

static int configure(struct framing *framing, const struct framing_config *config)
{
	struct framing_config known = *config;

	/* What sysfs says may have been changed since the last time. */
	if (!known.hold.trigger && !known.hold.holdoff_us)
		hold_find(framing->device, &known.hold);
	return netlink_configure(framing->netlink, &known);
}

static void detach(struct framing *framing)
{
	netlink_close(framing->netlink);
	(void)ioctl(framing->env->fd, TIOCSETD, &framing->former);
	free(framing);
}

static int attach(struct framing **framing, const struct framing_env *env)
{
	struct framing *made = calloc(1, sizeof(*made));
	int ret;

	if (!made)
		return -ENOMEM;
	made->env = env;
	ret = attach_ldisc(env, &made->former);
	if (ret < 0) {
		free(made);
		return ret;
	}
	ret = open_netlink(made);
	if (ret == 0)
		ret = configure(made, &first_config);
	if (ret < 0) {
		detach(made);
		return ret;
	}
	*framing = made;
	return 0;
}

static int next(struct framing *framing, struct dtu_record *head, const uint8_t **payload)
{
	ssize_t n = read(framing->env->fd, framing->record, sizeof(framing->record));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n < 0 && errno != EIO ? -errno : -EPIPE;
	memcpy(head, framing->record, MIN((size_t)n, sizeof(*head)));
	if ((size_t)n < sizeof(*head) || head->version != DTU_RECORD_VERSION || head->length != (size_t)n)
		return -EPROTO;
	*payload = framing->record + sizeof(*head);
	return 1;
}

static int resume(struct framing *framing, enum dtu_mode mode)
{
	return netlink_resume(framing->netlink, mode);
}

static int stats(struct framing *framing, struct framing_stats *stats)
{
	return netlink_stats(framing->netlink, stats);
}

const struct framing_ops framing_kernel = {
	.name = "n_dtu",
	/* so that the driver tells of errors and breaks; n_dtu keeps the bytes and counts */
	.iflag = INPCK | BRKINT,
	.attach = attach,
	.detach = detach,
	.configure = configure,
	.next = next,
	.resume = resume,
	.stats = stats,
};
