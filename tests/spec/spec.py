# SPDX-License-Identifier: MIT
"""
kernel/dtu.yaml as names and numbers. Numbers follow from the order of the lists as the schema has it:
each is one more than the one before, unless it says otherwise.
"""

import os
import struct

import yaml

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
path = os.path.join(top, "kernel/dtu.yaml")

# How a scalar of the schema is packed.
SCALARS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s8": "b", "s16": "h", "s32": "i", "s64": "q"}


def c_name(*parts):
    return "-".join(parts).replace("-", "_").upper()


def _number(entries, first):
    """{name: entry}, each entry a dictionary with its value."""
    numbered = {}
    value = first
    for entry in entries:
        entry = dict(entry) if isinstance(entry, dict) else {"name": entry}
        entry["value"] = value = entry.get("value", value)
        numbered[entry["name"]] = entry
        value += 1
    return numbered


class Spec:
    """`sets`, `enums`, `operations`: {name: {...}} of what the file has, with their values."""

    def __init__(self, text):
        self.tree = yaml.safe_load(text)
        self.name = self.tree["name"]
        self.version = self.tree.get("version", 1)
        definitions = self.tree["definitions"]
        self.constants = {d["name"]: d["value"] for d in definitions if d["type"] == "const"}
        self.structs = {d["name"]: d["members"] for d in definitions if d["type"] == "struct"}
        self.definitions = {d["name"]: d for d in definitions}
        self.enums = {d["name"]: self._enum(d) for d in definitions if d["type"] in ("enum", "flags")}
        self.sets = {s["name"]: _number(s["attributes"], 1) for s in self.tree["attribute-sets"]}
        self.operations = _number(self.tree["operations"]["list"], 1)
        self.groups = {g["name"]: g for g in self.tree["mcast-groups"]["list"]}

    @staticmethod
    def _enum(definition):
        entries = _number(definition["entries"], definition.get("value-start", 0))
        if definition["type"] == "flags":
            for entry in entries.values():
                entry["value"] = 1 << entry["value"]
        return entries

    def carried(self, name):
        """Attributes of a set that a message can carry."""
        return {n: a for n, a in self.sets[name].items() if a["type"] not in ("unused", "pad")}

    def requests(self):
        """{operation: names of its request's attributes} of all that answer a do."""
        return {n: o["do"]["request"]["attributes"] for n, o in self.operations.items() if "do" in o}

    def layout(self, name):
        """A struct as this machine's C has it."""
        return struct.Struct("@" + "".join(SCALARS[m["type"]] for m in self.structs[name]))

    def unpack(self, name, data):
        """The members of a struct at the head of data, and what is behind it."""
        layout = self.layout(name)
        pairs = zip(self.structs[name], layout.unpack_from(data))
        return {m["name"]: self.enum_name(m, value) for m, value in pairs}, data[layout.size :]

    def enum_name(self, element, value):
        """A value by its enum's name for it: flags become a set, what is no enum stays."""
        if "enum" not in element:
            return value
        entries = self.enums[element["enum"]].values()
        if self.definitions[element["enum"]]["type"] == "flags":
            return {e["name"] for e in entries if e["value"] & value}
        return next((e["name"] for e in entries if e["value"] == value), value)

    def c_values(self):
        """{name in C: number} of everything that linux/n_dtu.h has a number for."""
        family = self.name
        values = {c_name(family, name): value for name, value in self.constants.items()}
        for name, entries in self.enums.items():
            prefix = self.definitions[name].get("name-prefix", f"{family}-{name}-")
            values.update({c_name(prefix.rstrip("-"), n): e["value"] for n, e in entries.items()})
        for name, attributes in self.sets.items():
            values.update({c_name(family, "a", name, n): a["value"] for n, a in attributes.items()})
            values[c_name(family, "a", name, "max")] = max(a["value"] for a in attributes.values())
        values.update({c_name(family, "cmd", n): o["value"] for n, o in self.operations.items()})
        values[c_name(family, "cmd-max")] = max(o["value"] for o in self.operations.values())
        values[c_name(self.tree["c-version-name"])] = self.version
        return values

    def c_strings(self):
        """{name in C: text} of the family and its groups."""
        strings = {c_name(self.tree["c-family-name"]): self.name}
        strings.update({c_name(group["c-define-name"]): name for name, group in self.groups.items()})
        return strings


def load():
    with open(path, encoding="utf-8") as file:
        return Spec(file.read())
