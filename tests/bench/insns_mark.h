/* SPDX-License-Identifier: MIT */
/*
 * Two functions that do nothing, at addresses which tests/bench/insns.c knows: it counts the
 * instructions that the machine executes between them. The linker puts them there.
 */
#ifndef BENCH_INSNS_MARK_H
#define BENCH_INSNS_MARK_H

#define INSNS_BEGIN 0x5bee0000UL
#define INSNS_END 0x5bef0000UL

void insns_begin(void);
void insns_end(void);

#endif
