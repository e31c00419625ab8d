// SPDX-License-Identifier: MIT
#include "dtu_netlink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

static void put_attribute(struct nl *nl, uint16_t type, const void *bytes, uint16_t n)
{
	struct nlattr head = { .nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type };

	memcpy(nl->buffer + nl->length, &head, sizeof(head));
	memcpy(nl->buffer + nl->length + NLA_HDRLEN, bytes, n);
	nl->length += NLA_ALIGN(NLA_HDRLEN + n);
}

static void begin(struct nl *nl, uint16_t type, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr head = { .nlmsg_type = type, .nlmsg_seq = ++nl->seq };
	struct genlmsghdr generic = { .cmd = cmd, .version = version };

	memset(nl->buffer, 0, sizeof(nl->buffer));
	memcpy(nl->buffer, &head, sizeof(head));
	memcpy(nl->buffer + NLMSG_HDRLEN, &generic, sizeof(generic));
	nl->length = NLMSG_HDRLEN + GENL_HDRLEN;
}

void nl_begin(struct nl *nl, uint8_t cmd)
{
	begin(nl, nl->family, cmd, DTU_GENL_VERSION);
}

void nl_u8(struct nl *nl, uint16_t type, uint8_t value)
{
	put_attribute(nl, type, &value, sizeof(value));
}

void nl_u32(struct nl *nl, uint16_t type, uint32_t value)
{
	put_attribute(nl, type, &value, sizeof(value));
}

void nl_bytes(struct nl *nl, uint16_t type, const void *bytes, uint16_t n)
{
	put_attribute(nl, type, bytes, n);
}

typedef void attribute_reader(void *to, uint16_t type, const unsigned char *bytes, size_t n);

static void each_attribute(const unsigned char *bytes, size_t n, attribute_reader *reader, void *to)
{
	struct nlattr head;

	while (n >= sizeof(head)) {
		memcpy(&head, bytes, sizeof(head));
		if (head.nla_len < NLA_HDRLEN || head.nla_len > n)
			return;
		reader(to, head.nla_type & NLA_TYPE_MASK, bytes + NLA_HDRLEN, head.nla_len - NLA_HDRLEN);
		if ((size_t)NLA_ALIGN(head.nla_len) >= n)
			return;
		n -= (size_t)NLA_ALIGN(head.nla_len);
		bytes += NLA_ALIGN(head.nla_len);
	}
}

static void read_stats(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	struct nl_port *port = to;

	if (type > DTU_A_STATS_MAX || n != sizeof(uint64_t))
		return;
	memcpy(&port->stats[type], bytes, n);
	port->stats_have |= 1u << type;
}

static void read_port(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	struct nl_port *port = to;

	if (type > DTU_A_PORT_MAX)
		return;
	port->have |= 1u << type;
	if (type == DTU_A_PORT_STATS)
		each_attribute(bytes, n, read_stats, port);
	else if (type == DTU_A_PORT_NAME && n <= sizeof(port->name))
		memcpy(port->name, bytes, n);
	else if (n == sizeof(uint32_t))
		memcpy(&port->number[type], bytes, n);
	else if (n == sizeof(port->ns[type]))
		memcpy(&port->ns[type], bytes, n);
	else if (n == 1)
		port->number[type] = bytes[0];
}

static void read_ack(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	struct nl *nl = to;

	if (type == NLMSGERR_ATTR_MSG && n <= sizeof(nl->message))
		memcpy(nl->message, bytes, n);
}

static void read_group(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	struct nl *nl = to;

	if (type == CTRL_ATTR_MCAST_GRP_ID && n == sizeof(nl->group))
		memcpy(&nl->group, bytes, n);
}

static void read_groups(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	(void)type;
	each_attribute(bytes, n, read_group, to);
}

static void read_family(void *to, uint16_t type, const unsigned char *bytes, size_t n)
{
	struct nl *nl = to;

	if (type == CTRL_ATTR_FAMILY_ID && n == sizeof(nl->family))
		memcpy(&nl->family, bytes, n);
	else if (type == CTRL_ATTR_MCAST_GROUPS)
		each_attribute(bytes, n, read_groups, nl);
}

static void read_error(struct nl *nl, const struct nlmsghdr *head, const unsigned char *bytes, size_t n)
{
	struct nlmsgerr error;
	size_t skip = sizeof(int);

	memcpy(&error.error, bytes, sizeof(error.error));
	nl->error = error.error;
	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS) || n < sizeof(error))
		return;
	if (head->nlmsg_type == NLMSG_ERROR) {
		memcpy(&error, bytes, sizeof(error));
		skip = sizeof(error);
		if (!(head->nlmsg_flags & NLM_F_CAPPED))
			skip += error.msg.nlmsg_len - sizeof(error.msg);
	}
	if (skip < n)
		each_attribute(bytes + skip, n - skip, read_ack, nl);
}

static void read_answer(struct nl *nl, const unsigned char *bytes, size_t n)
{
	struct genlmsghdr generic;
	struct nl_port *port;

	if (n < GENL_HDRLEN)
		return;
	memcpy(&generic, bytes, sizeof(generic));
	bytes += GENL_HDRLEN;
	n -= GENL_HDRLEN;
	if (nl->family == GENL_ID_CTRL) {
		each_attribute(bytes, n, read_family, nl);
		return;
	}
	if (nl->ports_count == NL_PORTS_MAX)
		return;
	port = &nl->ports[nl->ports_count++];
	memset(port, 0, sizeof(*port));
	port->cmd = generic.cmd;
	each_attribute(bytes, n, read_port, port);
}

/* Take all messages of one recv(); true when the answer is complete. */
static bool receive(struct nl *nl)
{
	static unsigned char buffer[65536];
	ssize_t n = recv(nl->fd, buffer, sizeof(buffer), 0);
	size_t at = 0;
	bool done = false;

	nl->receives++;
	if (n < 0) {
		nl->error = -errno;
		return true;
	}
	while ((size_t)n - at >= NLMSG_HDRLEN) {
		struct nlmsghdr head;

		memcpy(&head, buffer + at, sizeof(head));
		if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > (size_t)n - at)
			break;
		if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE) {
			read_error(nl, &head, buffer + at + NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN);
			done = true;
		} else {
			read_answer(nl, buffer + at + NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN);
		}
		if ((size_t)NLMSG_ALIGN(head.nlmsg_len) >= (size_t)n - at)
			break;
		at += NLMSG_ALIGN(head.nlmsg_len);
	}
	return done;
}

static int transact(struct nl *nl, uint16_t flags)
{
	struct nlmsghdr head;

	memcpy(&head, nl->buffer, sizeof(head));
	head.nlmsg_len = nl->length;
	head.nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(nl->buffer, &head, sizeof(head));
	nl->error = 0;
	nl->message[0] = 0;
	nl->receives = 0;
	nl->ports_count = 0;
	if (send(nl->fd, nl->buffer, nl->length, 0) < 0)
		return nl->error = -errno;
	while (!receive(nl))
		;
	return nl->error;
}

int nl_do(struct nl *nl)
{
	return transact(nl, NLM_F_ACK);
}

int nl_dump(struct nl *nl)
{
	nl_begin(nl, DTU_CMD_PORT_GET);
	return transact(nl, NLM_F_DUMP);
}

int nl_open(struct nl *nl)
{
	static const char name[] = DTU_GENL_NAME;
	int one = 1, ret;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	nl->family = GENL_ID_CTRL;
	begin(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put_attribute(nl, CTRL_ATTR_FAMILY_NAME, name, sizeof(name));
	ret = nl_do(nl);
	if (ret)
		nl_close(nl);
	return ret;
}

void nl_close(struct nl *nl)
{
	close(nl->fd);
	nl->fd = -1;
}

int nl_monitor(struct nl *nl)
{
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->group, sizeof(nl->group)))
		return -errno;
	nl->ports_count = 0;
	return 0;
}

bool nl_event(struct nl *nl, struct nl_port *port, int ms)
{
	struct pollfd wait = { .fd = nl->fd, .events = POLLIN };

	nl->ports_count = 0;
	if (poll(&wait, 1, ms) != 1)
		return false;
	receive(nl);
	if (!nl->ports_count)
		return false;
	*port = nl->ports[0];
	return true;
}

/* The tty as DTU_A_PORT_DEV says it; read by nobody else's macro. */
static void put_tty(struct nl *nl, int tty)
{
	struct stat st;

	fstat(tty, &st);
	nl_u32(nl, DTU_A_PORT_DEV, (uint32_t)st.st_rdev);
}

int nl_get(struct nl *nl, int tty)
{
	nl_begin(nl, DTU_CMD_PORT_GET);
	put_tty(nl, tty);
	return nl_do(nl);
}

int nl_set(struct nl *nl, int tty, uint16_t type, uint32_t value)
{
	nl_begin(nl, DTU_CMD_PORT_SET);
	put_tty(nl, tty);
	if (type == DTU_A_PORT_ESCAPE || type == DTU_A_PORT_HEADER || type == DTU_A_PORT_MODBUS ||
	    type == DTU_A_PORT_ACK)
		nl_u8(nl, type, (uint8_t)value);
	else
		nl_u32(nl, type, value);
	return nl_do(nl);
}

int nl_resume(struct nl *nl, int tty, enum dtu_mode mode)
{
	nl_begin(nl, DTU_CMD_PORT_RESUME);
	put_tty(nl, tty);
	nl_u8(nl, DTU_A_PORT_MODE, mode);
	return nl_do(nl);
}

int nl_ack(struct nl *nl, int tty, uint64_t sequence)
{
	nl_begin(nl, DTU_CMD_PORT_ACK);
	put_tty(nl, tty);
	nl_bytes(nl, DTU_A_PORT_SEQUENCE, &sequence, sizeof(sequence));
	return nl_do(nl);
}

uint64_t nl_stat(struct nl *nl, int tty, enum dtu_a_stats which)
{
	if (nl_get(nl, tty) || nl->ports_count != 1)
		return UINT64_MAX;
	return nl->ports[0].stats[which];
}
