// SPDX-License-Identifier: GPL-2.0
/*
 * Who sits on a line discipline number? The tty core does not tell modules, but it tells everybody
 * else in /proc/tty/ldiscs.
 */

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "port.h"

/* One line: a name padded with blanks, and the number. */
static bool dtu_slot_line(char *line, int number, char *name, size_t size)
{
	char *owner = strsep(&line, " \t");
	int found;

	if (!owner || !line || kstrtoint(strim(line), 10, &found) || found != number)
		return false;
	strscpy(name, owner, size);
	return true;
}

bool dtu_slot_taken(int number, char *name, size_t size)
{
	char *text, *rest, *line;
	bool taken = false;
	struct file *file;
	loff_t pos = 0;
	ssize_t n;

	file = filp_open("/proc/tty/ldiscs", O_RDONLY, 0);
	if (IS_ERR(file))
		return false; /* no /proc: there is nobody to ask */
	text = kzalloc(PAGE_SIZE, GFP_KERNEL);
	n = text ? kernel_read(file, text, PAGE_SIZE - 1, &pos) : -ENOMEM;
	rest = text;
	while (n > 0 && !taken && (line = strsep(&rest, "\n")))
		taken = dtu_slot_line(line, number, name, size);
	kfree(text);
	filp_close(file, NULL);
	return taken;
}
