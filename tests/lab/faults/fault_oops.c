// SPDX-License-Identifier: GPL-2.0
/* Writes where nothing is. */
#include <linux/module.h>

static unsigned long where = 8;
module_param(where, ulong, 0444);

static int __init fault_init(void)
{
	WRITE_ONCE(*(int *)where, 1);
	return 0;
}
module_init(fault_init);

static void __exit fault_exit(void)
{
}
module_exit(fault_exit);

MODULE_DESCRIPTION("dtu lab self-test: an oops");
MODULE_LICENSE("GPL");
