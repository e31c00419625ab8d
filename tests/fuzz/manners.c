// SPDX-License-Identifier: MIT
/*
 * Any script gives the same records in whatever manner it is handed over: each byte is a setting,
 * the manner, a word or a pause. This has what the framer's model leaves out: flushes, releases of a line
 * begun, and settings that change on the way.
 *
 * sources: kernel/framer_cases.c kernel/framer.c kernel/records.c kernel/ring.c
 * flags: -O2 -fno-sanitize-coverage=trace-cmp
 * length: 64
 * covers: 95 kernel/framer.c
 */
#include <stdlib.h>

#include "framer_cases.h"

#define WORDS_MAX 64

static struct framer_setting choose_setting(u8 gap, u8 line)
{
	static const u32 gaps_ms[] = { 50, 1, 300, 301, 1000, 60000 };
	static const u32 lengths[] = { 1024, 5, 4, 2048 };
	struct framer_setting setting = { 0 };
	struct framer_config *config = &setting.config;

	config->gap_ns = gaps_ms[gap % ARRAY_SIZE(gaps_ms)] * CORE_NSEC_PER_MSEC;
	config->length = lengths[gap / 8 % ARRAY_SIZE(lengths)];
	config->pause_ns = gap & 32 ? config->gap_ns / 2 : 0;
	config->escape = !(gap & 64) || !(gap & 128);
	if (!(line & 15))
		return setting;
	config->char_ns = 1000 * (1 + 100 * (u32)line);
	framer_set_fifo(config, line & 15);
	if (line & 64)
		framer_set_modbus(config);
	/* No more than it can keep back. */
	setting.depth = 1 + (u32)(config->head_ns / config->char_ns);
	return setting;
}

/* Pauses at the rules' edges and 1 us off them; the line's own time comes on top in some. */
static u32 pause_us(const struct framer_setting *setting, u8 choice)
{
	const u32 gap_us = (u32)(setting->config.gap_ns / 1000), guard_us = min_t(u32, gap_us, 300000);
	const u32 edges_us[] = { gap_us, guard_us, 3000000, 3000000 + guard_us, gap_us / 2, gap_us - guard_us, 1, 2000 };
	u32 us = edges_us[choice & 7];

	if (choice & 8)
		us += setting->depth * setting->config.char_ns / 1000;
	if (choice & 16)
		us += 1;
	if (choice & 32)
		us -= us > 0;
	return us;
}

static const char *word(u8 choice, u32 *large)
{
	static const char *const words[] = {
		"+++", "a",   "+",   "++",   "+++a", "AT\\r", "\\r",   "\\n",	     ">D",
		">L",  "!",   "b",   "x*30", "+++x", "x+++",  "hello", "AT+Z\\r+++", "aAT\\r\\n",
		"E=0", "E=1", "L=5", "L=99", "G=50", "G=400", "M=2",
	};
	static const char *const large_words[] = { "x*999", "x*2300", "x*2304\\r", "x*2305" };

	if (choice < ARRAY_SIZE(large_words) && *large) {
		--*large;
		return large_words[choice];
	}
	return words[choice % ARRAY_SIZE(words)];
}

static void write_script(const u8 *bytes, size_t n, const struct framer_setting *setting, char *script, size_t size)
{
	u32 large = 4;
	size_t at = 0;

	script[0] = '\0';
	for (size_t i = 0; i < n && i < WORDS_MAX; i++) {
		u32 us = pause_us(setting, bytes[i]);

		if (bytes[i] & 128)
			at += (size_t)snprintf(script + at, size - at, "%u.%03u ", us / 1000, us % 1000);
		else
			at += (size_t)snprintf(script + at, size - at, "%s ", word(bytes[i], &large));
	}
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n);

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t n)
{
	static struct framer_stage first, other;
	const struct framer_manner *manner;
	struct framer_setting setting;
	char script[16 * WORDS_MAX];

	if (n < 3)
		return 0;
	setting = choose_setting(bytes[0], bytes[1]);
	manner = &framer_manners[1 + bytes[2] % (framer_manners_count - 1)];
	write_script(bytes + 3, n - 3, &setting, script, sizeof(script));
	framer_play(&first, &setting, script, &framer_manners[0], bytes[2]);
	framer_play(&other, &setting, script, manner, bytes[2]);
	if (first.digest != other.digest) {
		fprintf(stderr, "%s: %s\nfirst: %s\nother: %s\n", manner->name, script, first.got, other.got);
		abort();
	}
	return 0;
}
