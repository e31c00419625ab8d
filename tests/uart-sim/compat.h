/* SPDX-License-Identifier: GPL-2.0 */
/* The differences between kernels, from 6.1 on. */
#ifndef UART_SIM_COMPAT_H
#define UART_SIM_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/types.h>
#include <linux/version.h>

/* Since 6.6 the tty's write() takes a size_t and returns a ssize_t. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
typedef int sim_count_t;
typedef int sim_result_t;
#else
typedef size_t sim_count_t;
typedef ssize_t sim_result_t;
#endif

/* Since 6.3 dtr_rts() takes a bool. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
typedef int sim_bool_t;
#else
typedef bool sim_bool_t;
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#endif
