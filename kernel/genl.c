// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of ports and the generic netlink family "dtu": settings, statistics and events.
 * See uapi/linux/n_dtu.h. Ttys are in no network namespace: the family answers in the
 * first one only.
 */

#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <net/genetlink.h>

#include "port.h"

/* Ports in the order of their ids. A port on the list is not closed while this is held. */
static LIST_HEAD(dtu_ports);
static DEFINE_MUTEX(dtu_ports_lock);
static u32 dtu_last_id;

static struct genl_family dtu_family;

static struct netlink_range_validation dtu_gap_range = {
	.min = DTU_GAP_US_MIN,
	.max = DTU_GAP_US_MAX,
};

static struct netlink_range_validation dtu_holdoff_range = {
	.min = 0,
	.max = DTU_HOLDOFF_AUTO,
};

static const struct nla_policy dtu_policy[DTU_A_PORT_MAX + 1] = {
	[DTU_A_PORT_ID] = { .type = NLA_U32 },
	[DTU_A_PORT_DEV] = { .type = NLA_U32 },
	[DTU_A_PORT_GAP_US] = NLA_POLICY_FULL_RANGE(NLA_U32, &dtu_gap_range),
	[DTU_A_PORT_LENGTH] = NLA_POLICY_RANGE(NLA_U32, DTU_LENGTH_MIN, DTU_LENGTH_MAX),
	[DTU_A_PORT_HOLDOFF_US] = NLA_POLICY_FULL_RANGE(NLA_U32, &dtu_holdoff_range),
	[DTU_A_PORT_ESCAPE] = NLA_POLICY_MAX(NLA_U8, 1),
	[DTU_A_PORT_HEADER] = NLA_POLICY_MAX(NLA_U8, 1),
	[DTU_A_PORT_MODE] = NLA_POLICY_MAX(NLA_U8, DTU_MODE_LINE),
	[DTU_A_PORT_TRIGGER] = NLA_POLICY_RANGE(NLA_U32, DTU_TRIGGER_MIN, DTU_TRIGGER_MAX),
	[DTU_A_PORT_MODBUS] = NLA_POLICY_MAX(NLA_U8, 1),
	[DTU_A_PORT_ACK] = NLA_POLICY_MAX(NLA_U8, 1),
	[DTU_A_PORT_SEQUENCE] = { .type = NLA_U64 },
};

enum dtu_group { DTU_GROUP_MONITOR };

static const struct genl_multicast_group dtu_groups[] = {
	[DTU_GROUP_MONITOR] = { .name = DTU_GENL_MCGRP_MONITOR },
};

/* All that a message says of a port, read under its lock at one time. */
struct dtu_snapshot {
	struct dtu_settings settings;
	struct framer_config config;
	struct framer_counters framer;
	struct dtu_counters counters;
	enum dtu_mode mode;
	u32 char_ns;
	u32 dropped;
};

static void dtu_take_snapshot(struct dtu_port *port, struct dtu_snapshot *snapshot)
{
	snapshot->dropped = dtu_port_dropped(port);
	dtu_port_lock(port);
	snapshot->settings = port->settings;
	snapshot->config = port->framer.config;
	snapshot->framer = port->framer.counters;
	snapshot->counters = port->counters;
	snapshot->mode = framer_mode(&port->framer);
	snapshot->char_ns = port->char_ns;
	dtu_port_unlock(port);
}

static int dtu_put_stats(struct sk_buff *skb, const struct dtu_snapshot *snapshot)
{
	const struct framer_counters *framer = &snapshot->framer;
	const struct dtu_counters *counters = &snapshot->counters;
	const struct {
		int attribute;
		u64 value;
	} stats[] = {
		{ DTU_A_STATS_RX_BYTES, framer->bytes },
		{ DTU_A_STATS_TX_BYTES, counters->tx_bytes },
		{ DTU_A_STATS_FRAMES, framer->frames },
		{ DTU_A_STATS_CUT_GAP, framer->cut_gap },
		{ DTU_A_STATS_CUT_LENGTH, framer->cut_length },
		{ DTU_A_STATS_LINES, framer->lines },
		{ DTU_A_STATS_LINES_TOO_LONG, framer->lines_too_long },
		{ DTU_A_STATS_ESCAPES_SEEN, framer->seen },
		{ DTU_A_STATS_ESCAPES_CONFIRMED, framer->confirmed },
		{ DTU_A_STATS_ESCAPES_ABORTED, framer->aborted },
		{ DTU_A_STATS_PARITY, counters->parity },
		{ DTU_A_STATS_FRAMING, counters->framing },
		{ DTU_A_STATS_BREAK, counters->breaks },
		{ DTU_A_STATS_OVERRUN, counters->overrun },
		{ DTU_A_STATS_HELD, counters->held },
		{ DTU_A_STATS_TIMER_DEFERRED, counters->timer_deferred },
		{ DTU_A_STATS_FLUSHED, framer->flushed },
		{ DTU_A_STATS_GAP_AMBIGUOUS, framer->gap_ambiguous },
		{ DTU_A_STATS_BOUNDARY_UNKNOWN, framer->boundary_unknown },
		{ DTU_A_STATS_TIMER_LATE, counters->timer_late },
		{ DTU_A_STATS_TIMER_LATE_MAX_NS, counters->timer_late_max_ns },
		{ DTU_A_STATS_BUFFER, snapshot->dropped },
		{ DTU_A_STATS_THROTTLED, counters->throttled },
	};
	struct nlattr *nest = nla_nest_start(skb, DTU_A_PORT_STATS);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(stats); i++)
		if (nla_put_u64_64bit(skb, stats[i].attribute, stats[i].value, DTU_A_STATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int dtu_put_settings(struct sk_buff *skb, const struct dtu_settings *settings)
{
	if (nla_put_u32(skb, DTU_A_PORT_GAP_US, settings->gap_us) ||
	    nla_put_u32(skb, DTU_A_PORT_LENGTH, settings->length) ||
	    nla_put_u32(skb, DTU_A_PORT_HOLDOFF_US, settings->holdoff_us) ||
	    nla_put_u32(skb, DTU_A_PORT_TRIGGER, settings->trigger) ||
	    nla_put_u8(skb, DTU_A_PORT_MODBUS, settings->modbus) ||
	    nla_put_u8(skb, DTU_A_PORT_ESCAPE, settings->escape) ||
	    nla_put_u8(skb, DTU_A_PORT_HEADER, settings->header) ||
	    nla_put_u8(skb, DTU_A_PORT_ACK, settings->ack))
		return -EMSGSIZE;
	return 0;
}

/* What the settings and the line's speed come to. */
static int dtu_put_times(struct sk_buff *skb, const struct framer_config *config)
{
	if (nla_put_u32(skb, DTU_A_PORT_CHAR_NS, config->char_ns) ||
	    nla_put_u64_64bit(skb, DTU_A_PORT_GAP_NS, config->gap_ns, DTU_A_PORT_PAD) ||
	    nla_put_u64_64bit(skb, DTU_A_PORT_HEAD_NS, config->head_ns, DTU_A_PORT_PAD) ||
	    nla_put_u64_64bit(skb, DTU_A_PORT_TAIL_NS, config->tail_ns, DTU_A_PORT_PAD))
		return -EMSGSIZE;
	return 0;
}

static int dtu_put_port(struct sk_buff *skb, struct dtu_port *port)
{
	struct dtu_snapshot snapshot;

	dtu_take_snapshot(port, &snapshot);
	if (nla_put_u32(skb, DTU_A_PORT_ID, port->id) ||
	    nla_put_u32(skb, DTU_A_PORT_DEV, new_encode_dev(tty_devnum(port->tty))) ||
	    nla_put_string(skb, DTU_A_PORT_NAME, tty_name(port->tty)) ||
	    nla_put_u8(skb, DTU_A_PORT_MODE, snapshot.mode) ||
	    dtu_put_settings(skb, &snapshot.settings) || dtu_put_times(skb, &snapshot.config))
		return -EMSGSIZE;
	return dtu_put_stats(skb, &snapshot);
}

static int dtu_put_message(struct sk_buff *skb, struct dtu_port *port, u32 portid, u32 seq,
			   int flags, u8 cmd)
{
	void *message = genlmsg_put(skb, portid, seq, &dtu_family, flags, cmd);
	int ret;

	if (!message)
		return -EMSGSIZE;
	ret = dtu_put_port(skb, port);
	if (ret) {
		genlmsg_cancel(skb, message);
		return ret;
	}
	genlmsg_end(skb, message);
	return 0;
}

/* Tell whoever listens; a listener that loses it sees -ENOBUFS and dumps. */
static void dtu_notify(struct dtu_port *port, u8 cmd)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&dtu_family, &init_net, DTU_GROUP_MONITOR))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	if (dtu_put_message(skb, port, 0, 0, 0, cmd)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_multicast(&dtu_family, skb, 0, DTU_GROUP_MONITOR, GFP_KERNEL);
}

void dtu_genl_add(struct dtu_port *port)
{
	mutex_lock(&dtu_ports_lock);
	port->id = ++dtu_last_id;
	list_add_tail(&port->list, &dtu_ports);
	mutex_unlock(&dtu_ports_lock);
	dtu_notify(port, DTU_CMD_PORT_ADD_NTF);
}

void dtu_genl_del(struct dtu_port *port)
{
	mutex_lock(&dtu_ports_lock);
	list_del(&port->list);
	mutex_unlock(&dtu_ports_lock);
	dtu_notify(port, DTU_CMD_PORT_DEL_NTF);
}

void dtu_genl_change(struct dtu_port *port)
{
	dtu_notify(port, DTU_CMD_PORT_CHANGE_NTF);
}

/* Whether @port is the one that the request names; each name given has to fit. */
static bool dtu_port_matches(const struct dtu_port *port, struct nlattr **attrs)
{
	const struct nlattr *id = attrs[DTU_A_PORT_ID];
	const struct nlattr *dev = attrs[DTU_A_PORT_DEV];

	if (id && nla_get_u32(id) != port->id)
		return false;
	return !dev || nla_get_u32(dev) == new_encode_dev(tty_devnum(port->tty));
}

/* The port that a request names, or an error with its reason. Under dtu_ports_lock. */
static struct dtu_port *dtu_find(struct genl_info *info)
{
	struct dtu_port *port, *found = NULL;

	if (!info->attrs[DTU_A_PORT_ID] && !info->attrs[DTU_A_PORT_DEV]) {
		NL_SET_ERR_MSG(info->extack, "neither ID nor DEV names a port");
		return ERR_PTR(-EINVAL);
	}
	list_for_each_entry(port, &dtu_ports, list) {
		if (!dtu_port_matches(port, info->attrs))
			continue;
		if (found) {
			/* ptys of two devpts instances can have the same number */
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DTU_A_PORT_DEV],
					    "several ports fit: give the ID");
			return ERR_PTR(-ENOTUNIQ);
		}
		found = port;
	}
	if (!found) {
		NL_SET_ERR_MSG(info->extack, "no such port: is n_dtu attached to the tty?");
		return ERR_PTR(-ENODEV);
	}
	return found;
}

#define DTU_NAMES    (BIT(DTU_A_PORT_ID) | BIT(DTU_A_PORT_DEV))
#define DTU_SETTINGS (BIT(DTU_A_PORT_GAP_US) | BIT(DTU_A_PORT_LENGTH) | \
		      BIT(DTU_A_PORT_HOLDOFF_US) | BIT(DTU_A_PORT_TRIGGER) | \
		      BIT(DTU_A_PORT_MODBUS) | BIT(DTU_A_PORT_ESCAPE) | \
		      BIT(DTU_A_PORT_HEADER) | BIT(DTU_A_PORT_ACK))

/* What a command has no use for is refused: silence would look like success. */
static int dtu_take_only(struct genl_info *info, unsigned long attributes)
{
	int attribute;

	for (attribute = 1; attribute <= DTU_A_PORT_MAX; attribute++) {
		if (!info->attrs[attribute] || (attributes & BIT(attribute)))
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attribute],
				    "this command does not take that attribute");
		return -EINVAL;
	}
	return 0;
}

static int dtu_port_get(struct sk_buff *request, struct genl_info *info)
{
	struct dtu_port *port;
	struct sk_buff *skb;
	int ret;

	ret = dtu_take_only(info, DTU_NAMES);
	if (ret)
		return ret;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb) {
		NL_SET_ERR_MSG(info->extack, "no memory for the reply");
		return -ENOMEM;
	}
	mutex_lock(&dtu_ports_lock);
	port = dtu_find(info);
	ret = PTR_ERR_OR_ZERO(port);
	if (!ret)
		ret = dtu_put_message(skb, port, info->snd_portid, info->snd_seq, 0,
				      DTU_CMD_PORT_GET);
	mutex_unlock(&dtu_ports_lock);
	if (ret) {
		nlmsg_free(skb);
		return ret;
	}
	return genlmsg_reply(skb, info);
}

static int dtu_port_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dtu_port *port;
	int ret = 0;

	if (nlmsg_attrlen(cb->nlh, GENL_HDRLEN)) {
		NL_SET_ERR_MSG(cb->extack, "a dump is of all ports and takes no attributes");
		return -EINVAL;
	}
	mutex_lock(&dtu_ports_lock);
	list_for_each_entry(port, &dtu_ports, list) {
		if (port->id <= cb->args[0])
			continue;
		ret = dtu_put_message(skb, port, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				      NLM_F_MULTI, DTU_CMD_PORT_GET);
		if (ret)
			break;
		cb->args[0] = port->id;
	}
	mutex_unlock(&dtu_ports_lock);
	return skb->len ? skb->len : ret;
}

static void dtu_read_settings(struct dtu_settings *settings, struct nlattr **attrs)
{
	if (attrs[DTU_A_PORT_GAP_US])
		settings->gap_us = nla_get_u32(attrs[DTU_A_PORT_GAP_US]);
	if (attrs[DTU_A_PORT_LENGTH])
		settings->length = nla_get_u32(attrs[DTU_A_PORT_LENGTH]);
	if (attrs[DTU_A_PORT_HOLDOFF_US])
		settings->holdoff_us = nla_get_u32(attrs[DTU_A_PORT_HOLDOFF_US]);
	if (attrs[DTU_A_PORT_TRIGGER])
		settings->trigger = nla_get_u32(attrs[DTU_A_PORT_TRIGGER]);
	if (attrs[DTU_A_PORT_MODBUS])
		settings->modbus = nla_get_u8(attrs[DTU_A_PORT_MODBUS]);
	if (attrs[DTU_A_PORT_ACK])
		settings->ack = nla_get_u8(attrs[DTU_A_PORT_ACK]);
	if (attrs[DTU_A_PORT_ESCAPE])
		settings->escape = nla_get_u8(attrs[DTU_A_PORT_ESCAPE]);
	if (attrs[DTU_A_PORT_HEADER])
		settings->header = nla_get_u8(attrs[DTU_A_PORT_HEADER]);
}

static int dtu_check_settings(const struct dtu_settings *settings, struct netlink_ext_ack *extack)
{
	if (settings->holdoff_us > DTU_HOLDOFF_US_MAX && settings->holdoff_us != DTU_HOLDOFF_AUTO) {
		NL_SET_ERR_MSG(extack, "hold-off is over a second");
		return -ERANGE;
	}
	if (settings->escape && !settings->header) {
		NL_SET_ERR_MSG(extack,
			       "escape detection needs the record header, which carries its events");
		return -EINVAL;
	}
	if (settings->ack && !settings->header) {
		NL_SET_ERR_MSG(extack,
			       "the option ACK needs the record header, which carries the sequence");
		return -EINVAL;
	}
	if (settings->escape && settings->length < 4) {
		NL_SET_ERR_MSG(extack, "with escape detection a frame holds 4 bytes at least");
		return -EINVAL;
	}
	return 0;
}

static int dtu_acknowledge(struct dtu_port *port, u64 sequence, struct netlink_ext_ack *extack)
{
	int ret = 0;

	dtu_port_lock(port);
	if (!port->settings.ack) {
		NL_SET_ERR_MSG(extack, "nothing to acknowledge: the option ACK is off");
		ret = -EINVAL;
	} else if (!records_acknowledge(&port->framer.records, sequence)) {
		NL_SET_ERR_MSG(extack, "that record was not read yet");
		ret = -EINVAL;
	} else {
		framer_pump(&port->framer);
	}
	dtu_port_unlock(port);
	if (!ret)
		dtu_port_feed(port);
	return ret;
}

/* Under the port's lock. */
static void dtu_apply_settings(struct dtu_port *port, const struct dtu_settings *settings,
			       bool new_reader)
{
	port->settings = *settings;
	if (new_reader) {
		records_keep(&port->framer.records, settings->ack);
		records_rewind(&port->framer.records);
	}
	dtu_port_configure(port);
}

static int dtu_port_set(struct sk_buff *request, struct genl_info *info)
{
	struct dtu_settings settings;
	struct dtu_port *port;
	int ret;

	ret = dtu_take_only(info, DTU_NAMES | DTU_SETTINGS);
	if (ret)
		return ret;
	mutex_lock(&dtu_ports_lock);
	port = dtu_find(info);
	ret = PTR_ERR_OR_ZERO(port);
	if (ret)
		goto out;
	dtu_port_lock(port);
	settings = port->settings;
	dtu_read_settings(&settings, info->attrs);
	ret = dtu_check_settings(&settings, info->extack);
	if (!ret && port->pinned && info->attrs[DTU_A_PORT_ACK]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[DTU_A_PORT_ACK],
				    "a record is being read at this moment: try again");
		ret = -EBUSY;
	}
	if (!ret)
		dtu_apply_settings(port, &settings, info->attrs[DTU_A_PORT_ACK]);
	dtu_port_unlock(port);
	if (!ret)
		dtu_notify(port, DTU_CMD_PORT_CHANGE_NTF);
out:
	mutex_unlock(&dtu_ports_lock);
	return ret;
}

static int dtu_port_resume(struct sk_buff *request, struct genl_info *info)
{
	struct dtu_port *port;
	bool resumed;
	int ret;

	if (!info->attrs[DTU_A_PORT_MODE]) {
		NL_SET_ERR_MSG(info->extack, "MODE is missing");
		return -EINVAL;
	}
	ret = dtu_take_only(info, DTU_NAMES | BIT(DTU_A_PORT_MODE));
	if (ret)
		return ret;
	mutex_lock(&dtu_ports_lock);
	port = dtu_find(info);
	ret = PTR_ERR_OR_ZERO(port);
	if (ret)
		goto out;
	dtu_port_lock(port);
	resumed = framer_resume(&port->framer, nla_get_u8(info->attrs[DTU_A_PORT_MODE]));
	dtu_port_unlock(port);
	if (resumed) {
		dtu_port_feed(port);
	} else {
		NL_SET_ERR_MSG(info->extack,
			       "the port is in data mode: only +++ and a lead out of it");
		ret = -EINVAL;
	}
out:
	mutex_unlock(&dtu_ports_lock);
	return ret;
}

static int dtu_port_ack(struct sk_buff *request, struct genl_info *info)
{
	struct dtu_port *port;
	int ret;

	if (!info->attrs[DTU_A_PORT_SEQUENCE]) {
		NL_SET_ERR_MSG(info->extack, "SEQUENCE is missing");
		return -EINVAL;
	}
	ret = dtu_take_only(info, DTU_NAMES | BIT(DTU_A_PORT_SEQUENCE));
	if (ret)
		return ret;
	mutex_lock(&dtu_ports_lock);
	port = dtu_find(info);
	ret = PTR_ERR_OR_ZERO(port);
	if (!ret)
		ret = dtu_acknowledge(port, nla_get_u64(info->attrs[DTU_A_PORT_SEQUENCE]),
				      info->extack);
	mutex_unlock(&dtu_ports_lock);
	return ret;
}

static const struct genl_small_ops dtu_ops[] = {
	{
		.cmd = DTU_CMD_PORT_GET,
		.doit = dtu_port_get,
		.dumpit = dtu_port_dump,
	},
	{
		.cmd = DTU_CMD_PORT_SET,
		.flags = GENL_ADMIN_PERM,
		.doit = dtu_port_set,
	},
	{
		.cmd = DTU_CMD_PORT_RESUME,
		.flags = GENL_ADMIN_PERM,
		.doit = dtu_port_resume,
	},
	{
		.cmd = DTU_CMD_PORT_ACK,
		.flags = GENL_ADMIN_PERM,
		.doit = dtu_port_ack,
	},
};

static struct genl_family dtu_family __ro_after_init = {
	.name = DTU_GENL_NAME,
	.version = DTU_GENL_VERSION,
	.maxattr = DTU_A_PORT_MAX,
	.policy = dtu_policy,
	.module = THIS_MODULE,
	.small_ops = dtu_ops,
	.n_small_ops = ARRAY_SIZE(dtu_ops),
	.resv_start_op = DTU_CMD_PORT_ACK + 1,
	.mcgrps = dtu_groups,
	.n_mcgrps = ARRAY_SIZE(dtu_groups),
};

int __init dtu_genl_init(void)
{
	return genl_register_family(&dtu_family);
}

void dtu_genl_exit(void)
{
	genl_unregister_family(&dtu_family);
}
