// SPDX-License-Identifier: MIT
#include "insns_mark.h"

__attribute__((noinline, section(".insns_begin"))) void insns_begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline, section(".insns_end"))) void insns_end(void)
{
	__asm__ volatile("");
}
