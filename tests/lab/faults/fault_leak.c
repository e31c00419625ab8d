// SPDX-License-Identifier: GPL-2.0
/* Forgets memory: at once, or with leak=exit when it is unloaded. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *leak = "now";
module_param(leak, charp, 0444);
MODULE_PARM_DESC(leak, "when memory is forgotten: now or exit");

static void *kept;

static int __init fault_init(void)
{
	WRITE_ONCE(kept, kmalloc(123, GFP_KERNEL));
	if (!READ_ONCE(kept))
		return -ENOMEM;
	if (!strcmp(leak, "now"))
		WRITE_ONCE(kept, NULL);
	return 0;
}
module_init(fault_init);

static void __exit fault_exit(void)
{
}
module_exit(fault_exit);

MODULE_DESCRIPTION("dtu lab self-test: a leak");
MODULE_LICENSE("GPL");
