// SPDX-License-Identifier: GPL-2.0
/* Reads one byte behind what it allocated. */
#include <linux/module.h>
#include <linux/slab.h>

static size_t size = 100;

static int __init fault_init(void)
{
	char *p = kzalloc(size, GFP_KERNEL);
	int c;

	if (!p)
		return -ENOMEM;
	c = READ_ONCE(p[size]);
	kfree(p);
	return c == 256 ? -EINVAL : 0;
}
module_init(fault_init);

static void __exit fault_exit(void)
{
}
module_exit(fault_exit);

module_param(size, ulong, 0444);
MODULE_DESCRIPTION("dtu lab self-test: an access out of bounds");
MODULE_LICENSE("GPL");
