/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DTU_COMPAT_TTY_LDISC_H
#define DTU_COMPAT_TTY_LDISC_H

#include_next <linux/tty_ldisc.h>
#include <linux/version.h>

/* Since 6.6 the kinds of received bytes are u8 and counts are size_t. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
typedef char dtu_kind_t;
typedef int dtu_count_t;
#else
typedef u8 dtu_kind_t;
typedef size_t dtu_count_t;
#endif

#endif /* DTU_COMPAT_TTY_LDISC_H */
