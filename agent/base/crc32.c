// SPDX-License-Identifier: MIT
#include "base/crc32.h"

/* Bit by bit: a few kilobytes at a time, and no table to get wrong. */
uint32_t crc32_of(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	uint32_t crc = UINT32_MAX;

	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}
