// SPDX-License-Identifier: GPL-2.0
/* Has no exit and so cannot be unloaded. */
#include <linux/module.h>

static int __init fault_init(void)
{
	return 0;
}
module_init(fault_init);

MODULE_DESCRIPTION("dtu lab self-test: a module that stays");
MODULE_LICENSE("GPL");
