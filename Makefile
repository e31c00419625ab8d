# SPDX-License-Identifier: MIT
# For people: `make help`. The kernel's make reads Kbuild instead.

PREFIX ?= /usr/local
CC ?= gcc
PKG_CONFIG ?= pkg-config
KDIR ?= /lib/modules/$(shell uname -r)/build
OUT := build$(if $(SAN),/san)
Q := $(if $(V),,@)

packages := libsystemd libnl-3.0 libnl-genl-3.0 libcares
# The framer and its parts are one source for the kernel and the agent.
core := kernel/framer.c kernel/records.c kernel/ring.c
ctl := $(wildcard agent/ctl/*.c)
common := $(filter-out $(ctl) agent/main.c,$(sort $(wildcard agent/*.c agent/*/*.c))) $(core)

warnings := -Wall -Wextra -Werror
sanitizers := -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
cppflags = -D_GNU_SOURCE -DDTU_VERSION='"$(file < VERSION)"' -Iagent -Ikernel -Ikernel/uapi \
	$(shell $(PKG_CONFIG) --cflags $(packages)) $(CPPFLAGS)
cflags := -std=gnu11 -O2 -g $(warnings) $(if $(SAN),$(sanitizers)) $(CFLAGS)
libs = -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(packages))

objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

.PHONY: all modules tests check soak lint fuzz bench install clean help

all: $(OUT)/dtud $(OUT)/dtuctl ## build the agent and dtuctl into build/ (SAN=1: with ASan and UBSan, into build/san/)

$(OUT)/dtud: $(call objects,agent/main.c) $(OUT)/agent.a
$(OUT)/dtuctl: $(call objects,$(ctl)) $(OUT)/agent.a
$(OUT)/dtud $(OUT)/dtuctl:
	$(if $(Q),@echo '  LD   $@')
	$(Q)$(CC) $(cflags) $(LDFLAGS) -o $@ $^ $(libs)

$(OUT)/agent.a: $(call objects,$(common))
	$(if $(Q),@echo '  AR   $@')
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c Makefile VERSION
	$(if $(Q),@echo '  CC   $<')
	@mkdir -p $(@D)
	$(Q)$(CC) $(cppflags) $(cflags) -MMD -MP -c -o $@ $<

modules: ## build n_dtu.ko for KDIR=/path/to/a/kernel's/build (default: the running kernel)
	@scripts/module $(KDIR)

tests: ## build the test programs that run inside the lab
	@$(MAKE) -s -C tests/kselftest
	@tests/uart-sim/build > /dev/null
	@tests/kunit/build

check: ## first tier of all tests; last line: N passed, N failed
	@scripts/check

soak: ## all tests with their full counts; the result is kept in docs/results/
	@scripts/check --tier=soak

lint: ## sparse, checkpatch, clang-tidy, clang-format, shellcheck, licence lines
	@scripts/lint

fuzz: ## run each fuzz target for SECONDS=60
	@scripts/fuzz --seconds=$(or $(SECONDS),60)

bench: ## n_dtu and dtud beside ser2net and socat, in QEMU; tables, CSV and plots in docs/results/
	@scripts/bench

install: all ## install the agent below DESTDIR=, in PREFIX=/usr/local; what systemd and udev read in /usr/lib
	install -D -m 755 $(OUT)/dtud $(DESTDIR)$(PREFIX)/sbin/dtud
	install -D -m 755 $(OUT)/dtuctl $(DESTDIR)$(PREFIX)/bin/dtuctl
	install -D -m 644 systemd/dtu.modules-load.conf $(DESTDIR)/usr/lib/modules-load.d/dtu.conf
	install -D -m 644 systemd/dtu.sysusers.conf $(DESTDIR)/usr/lib/sysusers.d/dtu.conf
	install -d $(DESTDIR)/usr/lib/systemd/system
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' 'systemd/dtud@.service.in' > '$(DESTDIR)/usr/lib/systemd/system/dtud@.service'
	install -D -m 644 udev/60-dtu.rules $(DESTDIR)$(PREFIX)/share/doc/dtu/examples/60-dtu.rules

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  V=1 shows whole commands'

-include $(patsubst %.o,%.d,$(call objects,agent/main.c $(ctl) $(common)))
