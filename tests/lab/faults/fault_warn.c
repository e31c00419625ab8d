// SPDX-License-Identifier: GPL-2.0
/* Warns while it is loaded. */
#include <linux/bug.h>
#include <linux/module.h>

static int __init fault_init(void)
{
	WARN_ON(1);
	return 0;
}
module_init(fault_init);

static void __exit fault_exit(void)
{
}
module_exit(fault_exit);

MODULE_DESCRIPTION("dtu lab self-test: a warning");
MODULE_LICENSE("GPL");
