/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the pure core (ring, records, framer) needs of its surroundings. The core is compiled by
 * the module, its tests and the agent's fallback alike: no tty, no timer, no allocation.
 */
#ifndef DTU_CORE_H
#define DTU_CORE_H

#ifdef __KERNEL__
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define U64_MAX UINT64_MAX
#define fallthrough __attribute__((__fallthrough__))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#endif

#include <linux/n_dtu.h>

#define CORE_NSEC_PER_USEC	1000ULL
#define CORE_NSEC_PER_MSEC	1000000ULL
#define CORE_NSEC_PER_SEC	1000000000ULL

#endif /* DTU_CORE_H */
