// SPDX-License-Identifier: MIT
/*
 * A plugin for QEMU that counts the instructions which the machine executes, in the kernel and in
 * every process, between insns_begin() and insns_end() of a program in it; a processor that waits
 * executes none. Each such pair makes one line of FILE.
 *
 *	qemu-system-x86_64 -smp 1 -plugin insns.so,out=FILE
 *
 * QEMU's header for plugins is in no package of Debian 12, so what is used of it is declared here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "insns_mark.h"

#define VISIBLE __attribute__((visibility("default")))
#define NO_REGISTERS 0

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* QEMU's, under its names. */
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id id, struct qemu_plugin_tb *block));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*call)(unsigned int cpu, void *data),
					  int registers, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*call)(unsigned int cpu, void *data),
					    int registers, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/* Ours, which it looks for. */
VISIBLE extern int qemu_plugin_version;
VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

int qemu_plugin_version = PLUGIN_VERSION;

static FILE *out;
static uint64_t executed;
static uint64_t began;

static void on_block(unsigned int cpu, void *data)
{
	(void)cpu;
	executed += (uintptr_t)data;
}

static void on_begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	began = executed;
}

static void on_end(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	(void)fprintf(out, "%" PRIu64 "\n", executed - began);
	(void)fflush(out);
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, NO_REGISTERS, (void *)(uintptr_t)count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
		uint64_t where = qemu_plugin_insn_vaddr(insn);

		if (where == INSNS_BEGIN)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin, NO_REGISTERS, NULL);
		if (where == INSNS_END)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, NO_REGISTERS, NULL);
	}
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
		(void)fprintf(stderr, "insns.so: out=FILE is missing\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "we");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
