# SPDX-License-Identifier: MIT
"""
A generic netlink client that knows of a family only what its spec says. It has the methods of the
client in the kernel's tree that test-ynl uses, so that both can be put through the same tests.
"""

import errno
import os
import socket
import struct

from spec import SCALARS

SOL_NETLINK = 270
NETLINK_GENERIC = 16
NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 1, 10, 11, 12
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NLMSGERR_ATTR_MSG = 1
NLA_TYPE_MASK = 0x3FFF
NLA_F_NESTED = 0x8000
HEAD = struct.Struct("=IHHII")
GENERIC = struct.Struct("=BBH")
ATTRIBUTE = struct.Struct("=HH")

# The controller, which knows the number of each family: linux/genetlink.h.
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_VERSION, CTRL_ATTR_MCAST_GROUPS = 1, 2, 3, 7
CTRL_ATTR_MCAST_GRP_NAME, CTRL_ATTR_MCAST_GRP_ID = 1, 2


def align(length):
    return (length + 3) & ~3


def pack(kind, payload):
    head = ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), kind)
    return (head + payload).ljust(align(len(head + payload)), b"\0")


def attributes(data):
    """(type, payload) of each attribute."""
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if not ATTRIBUTE.size <= length <= len(data) - at:
            raise ValueError(f"an attribute of {length} bytes where {len(data) - at} are left")
        yield kind & NLA_TYPE_MASK, data[at + ATTRIBUTE.size : at + length]
        at += align(length)


def messages(data):
    """(type, flags, sequence, payload) of each netlink message."""
    at = 0
    while at + HEAD.size <= len(data):
        length, kind, flags, sequence, _ = HEAD.unpack_from(data, at)
        yield kind, flags, sequence, data[at + HEAD.size : at + length]
        at += align(length)


class NlError(OSError):
    """A refusal. `text` is the kernel's own explanation, or empty."""

    def __init__(self, number, text):
        super().__init__(number, f"{os.strerror(number)}: {text}")
        self.text = text


def raise_error(kind, flags, payload):
    """What an NLMSG_ERROR or NLMSG_DONE says, unless it says that all is well."""
    (number,) = struct.unpack_from("=i", payload)
    if number >= 0:
        return
    at = 4
    if kind == NLMSG_ERROR:
        length = HEAD.unpack_from(payload, 4)[0]
        at += HEAD.size if flags & NLM_F_CAPPED else align(length)
    told = dict(attributes(payload[at:])) if flags & NLM_F_ACK_TLVS else {}
    raise NlError(-number, told.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode())


class YnlFamily:
    """The family of a spec.Spec. Notifications gather in async_msg_queue."""

    def __init__(self, spec):
        self.spec = spec
        self.async_msg_queue = []
        self.sequence = 0
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            self.sock.setsockopt(SOL_NETLINK, option, 1)
        self.sock.bind((0, 0))
        self._resolve()

    def _resolve(self):
        name = pack(CTRL_ATTR_FAMILY_NAME, self.spec.name.encode() + b"\0")
        (answer,) = self._exchange(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, name, 0)
        found = dict(attributes(answer[GENERIC.size :]))
        (self.family,) = struct.unpack("=H", found[CTRL_ATTR_FAMILY_ID])
        (self.kernel_version,) = struct.unpack("=I", found[CTRL_ATTR_VERSION])
        self.groups = {}
        for _, nest in attributes(found.get(CTRL_ATTR_MCAST_GROUPS, b"")):
            group = dict(attributes(nest))
            number = struct.unpack("=I", group[CTRL_ATTR_MCAST_GRP_ID])[0]
            self.groups[group[CTRL_ATTR_MCAST_GRP_NAME].rstrip(b"\0").decode()] = number

    def _exchange(self, kind, command, version, payload, flags):
        """Send a request; the payloads of its answers, up to the ACK or the end of the dump."""
        self.sequence += 1
        payload = GENERIC.pack(command, version, 0) + payload
        flags |= NLM_F_REQUEST | NLM_F_ACK
        self.sock.send(HEAD.pack(HEAD.size + len(payload), kind, flags, self.sequence, 0) + payload)
        answers = []
        while True:
            for got, got_flags, sequence, data in messages(self.sock.recv(1 << 17)):
                if sequence != self.sequence:
                    self._notified(data)
                elif got in (NLMSG_ERROR, NLMSG_DONE):
                    raise_error(got, got_flags, data)
                    return answers
                else:
                    answers.append(data)

    def _encode(self, space, values):
        data = b""
        for name, value in values.items():
            element = self.spec.sets[space][name]
            number = element["value"]
            if element["type"] == "nest":
                data += pack(number | NLA_F_NESTED, self._encode(element["nested-attributes"], value))
            elif element["type"] == "string":
                data += pack(number, value.encode() + b"\0")
            else:
                if "enum" in element and isinstance(value, str):
                    value = self.spec.enums[element["enum"]][value]["value"]
                data += pack(number, struct.pack("=" + SCALARS[element["type"]], value))
        return data

    def _decode(self, space, data):
        by_number = {a["value"]: a for a in self.spec.sets[space].values()}
        values = {}
        for number, payload in attributes(data):
            element = by_number[number]
            if element["type"] == "nest":
                values[element["name"]] = self._decode(element["nested-attributes"], payload)
            elif element["type"] == "string":
                values[element["name"]] = payload.rstrip(b"\0").decode()
            elif element["type"] in SCALARS:
                (value,) = struct.unpack("=" + SCALARS[element["type"]], payload)
                values[element["name"]] = self.spec.enum_name(element, value)
            elif element["type"] != "pad":
                raise ValueError(f"{element['name']} of type {element['type']} in a message")
        return values

    def _notified(self, data):
        command = GENERIC.unpack_from(data)[0]
        for name, operation in self.spec.operations.items():
            if operation["value"] == command and "notify" in operation:
                space = self.spec.operations[operation["notify"]]["attribute-set"]
                values = self._decode(space, data[GENERIC.size :])
                self.async_msg_queue.append({"name": name, "msg": values})

    def _request(self, name, values, flags):
        operation = self.spec.operations[name]
        space = operation["attribute-set"]
        payload = self._encode(space, values)
        answers = self._exchange(self.family, operation["value"], self.spec.version, payload, flags)
        return [self._decode(space, answer[GENERIC.size :]) for answer in answers]

    def do(self, name, values):
        """The reply, or None for an operation that only says that it was done."""
        answers = self._request(name, values, 0)
        return answers[0] if answers else None

    def dump(self, name, values):
        return self._request(name, values, NLM_F_DUMP)

    def ntf_subscribe(self, group):
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.groups[group])

    def check_ntf(self):
        """Take what notifications there are, without waiting."""
        while True:
            try:
                data = self.sock.recv(1 << 17, socket.MSG_DONTWAIT)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return
                raise
            for _, _, _, payload in messages(data):
                self._notified(payload)
