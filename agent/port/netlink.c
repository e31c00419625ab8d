// SPDX-License-Identifier: MIT
#include "port/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "base/util.h"

struct netlink {
	struct nl_sock *socket;
	int family;
	uint32_t dev;
};

/* libnl's own error numbers for what can happen here. */
static int to_errno(int error)
{
	switch (-error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_INVAL:
	case NLE_RANGE:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static void free_message(struct nl_msg **message)
{
	nlmsg_free(*message);
}

int netlink_open(struct netlink **netlink, uint32_t dev)
{
	struct netlink *made = calloc(1, sizeof(*made));
	int ret;

	if (!made)
		return -ENOMEM;
	made->dev = dev;
	made->socket = nl_socket_alloc();
	if (!made->socket) {
		free(made);
		return -ENOMEM;
	}
	ret = to_errno(genl_connect(made->socket));
	if (ret < 0)
		goto out;
	ret = genl_ctrl_resolve(made->socket, DTU_GENL_NAME);
	if (ret < 0) {
		ret = to_errno(ret);
		goto out;
	}
	made->family = ret;
	*netlink = made;
	return 0;
out:
	netlink_close(made);
	return ret;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	nl_socket_free(netlink->socket);
	free(netlink);
}

/* A request about our port. */
static struct nl_msg *request(const struct netlink *netlink, uint8_t command)
{
	struct nl_msg *message = nlmsg_alloc();

	if (!message)
		return NULL;
	if (genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, netlink->family, 0, 0, command, DTU_GENL_VERSION) &&
	    !nla_put_u32(message, DTU_A_PORT_DEV, netlink->dev))
		return message;
	nlmsg_free(message);
	return NULL;
}

static int note_ack(struct nl_msg *message, void *data)
{
	(void)message;
	*(bool *)data = true;
	return NL_STOP;
}

/* Send and wait for the kernel's answer, which comes at once: the reply if there is one, then the ACK. */
static int exchange(struct netlink *netlink, struct nl_msg *message)
{
	bool acknowledged = false;
	int ret = nl_send_auto(netlink->socket, message);

	nl_socket_modify_cb(netlink->socket, NL_CB_ACK, NL_CB_CUSTOM, note_ack, &acknowledged);
	while (ret >= 0 && !acknowledged)
		ret = nl_recvmsgs_default(netlink->socket);
	return ret < 0 ? to_errno(ret) : 0;
}

/* An adapter's collecting counts for more than the FIFO behind it. */
static int put_hold(struct nl_msg *message, const struct hold *hold)
{
	if (hold->holdoff_us)
		return nla_put_u32(message, DTU_A_PORT_HOLDOFF_US, hold->holdoff_us);
	if (!hold->trigger)
		return 0;
	return nla_put_u32(message, DTU_A_PORT_HOLDOFF_US, DTU_HOLDOFF_AUTO) ||
	       nla_put_u32(message, DTU_A_PORT_TRIGGER, hold->trigger);
}

int netlink_configure(struct netlink *netlink, const struct framing_config *config)
{
	_cleanup_(free_message) struct nl_msg *message = request(netlink, DTU_CMD_PORT_SET);

	if (!message || nla_put_u32(message, DTU_A_PORT_GAP_US, config->gap_us) ||
	    nla_put_u32(message, DTU_A_PORT_LENGTH, config->length) || nla_put_u8(message, DTU_A_PORT_HEADER, 1) ||
	    nla_put_u8(message, DTU_A_PORT_ESCAPE, 1) || nla_put_u8(message, DTU_A_PORT_MODBUS, config->modbus) ||
	    put_hold(message, &config->hold))
		return -ENOMEM;
	return exchange(netlink, message);
}

int netlink_resume(struct netlink *netlink, enum dtu_mode mode)
{
	_cleanup_(free_message) struct nl_msg *message = request(netlink, DTU_CMD_PORT_RESUME);

	if (!message || nla_put_u8(message, DTU_A_PORT_MODE, mode))
		return -ENOMEM;
	return exchange(netlink, message);
}

static int read_reply(struct nl_msg *message, void *data)
{
	struct framing_stats *reply = data;
	const struct {
		int attribute;
		uint64_t *value;
	} times[] = {
		{ DTU_A_PORT_GAP_NS, &reply->gap_ns },
		{ DTU_A_PORT_HEAD_NS, &reply->head_ns },
		{ DTU_A_PORT_TAIL_NS, &reply->tail_ns },
	};
	struct nlattr *attrs[DTU_A_PORT_MAX + 1];
	struct nlattr *stats[DTU_A_STATS_MAX + 1];

	if (genlmsg_parse(nlmsg_hdr(message), 0, attrs, DTU_A_PORT_MAX, NULL) < 0)
		return NL_SKIP;
	if (attrs[DTU_A_PORT_MODE])
		reply->mode = nla_get_u8(attrs[DTU_A_PORT_MODE]);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (attrs[times[i].attribute] && nla_len(attrs[times[i].attribute]) == sizeof(uint64_t))
			*times[i].value = nla_get_u64(attrs[times[i].attribute]);
	if (!attrs[DTU_A_PORT_STATS] || nla_parse_nested(stats, DTU_A_STATS_MAX, attrs[DTU_A_PORT_STATS], NULL) < 0)
		return NL_OK;
	for (size_t i = 1; i <= DTU_A_STATS_MAX; i++)
		if (stats[i] && nla_len(stats[i]) == sizeof(uint64_t))
			reply->counters[i] = nla_get_u64(stats[i]);
	return NL_OK;
}

int netlink_stats(struct netlink *netlink, struct framing_stats *stats)
{
	_cleanup_(free_message) struct nl_msg *message = request(netlink, DTU_CMD_PORT_GET);
	int ret;

	if (!message)
		return -ENOMEM;
	nl_socket_modify_cb(netlink->socket, NL_CB_VALID, NL_CB_CUSTOM, read_reply, stats);
	ret = exchange(netlink, message);
	/* Nothing may be read into this call's variables later. */
	nl_socket_modify_cb(netlink->socket, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return ret;
}
