// SPDX-License-Identifier: MIT
#include "settings/table.h"

static const char *const on_off[] = { "ON", "OFF", NULL };
static const char *const modes[] = { "NET", "HTTPD", "MQTT", "UDC", NULL };
static const char *const protocols[] = { "TCP", "UDP", NULL };
static const char *const bauds[] = { "300",   "600",   "1200",	 "2400",   "4800",   "9600", "19200",
				     "38400", "57600", "115200", "230400", "460800", NULL };
static const char *const data_bits[] = { "7", "8", NULL };
static const char *const stop_bits[] = { "1", "2", NULL };
static const char *const parities[] = { "NONE", "ODD", "EVEN", NULL };
static const char *const flows[] = { "NFC", "FC", NULL };

#define ENUM(n, values) .name = (n), .type = PARAM_ENUM, .names = (values)
#define INT(n, from, to) .name = (n), .type = PARAM_INT, .ranges = { { (from), (to) } }
#define ASCII(n, from, to) .name = (n), .type = PARAM_ASCII, .ranges = { { (from), (to) } }
#define TEXT(n, from, to) .name = (n), .type = PARAM_TEXT, .ranges = { { (from), (to) } }

const struct setting settings_table[SETTING_COUNT] = {
	[SETTING_E] = { "E", "ON", EFFECT_NOW, .params = { { ENUM("state", on_off) } } },
	[SETTING_WKMOD] = { "WKMOD", "NET", EFFECT_RESTART, .params = { { ENUM("mode", modes) } } },
	[SETTING_CMDPW] = {
		"CMDPW", "usr.cn", EFFECT_RESTART,
		.params = { { ASCII("password", 1, 10), .secret = true } },
	},
	[SETTING_STMSG] = { "STMSG", "[WH-LTE-7S4 V2]", EFFECT_RESTART, .params = { { ASCII("text", 1, 20) } } },
	[SETTING_UART] = {
		"UART", "115200,8,1,NONE,NFC", EFFECT_RESTART,
		.params = {
			{ ENUM("baud", bauds) },
			{ ENUM("data", data_bits) },
			{ ENUM("stop", stop_bits) },
			{ ENUM("parity", parities) },
			{ ENUM("flow", flows) },
		},
	},
	[SETTING_UARTFT] = { "UARTFT", "50", EFFECT_RESTART, .params = { { INT("milliseconds", 50, 60000) } } },
	[SETTING_UARTFL] = { "UARTFL", "1024", EFFECT_RESTART, .params = { { INT("bytes", 5, 2048) } } },
	[SETTING_SOCKA] = {
		"SOCKA", "TCP,test.usr.cn,2317", EFFECT_RESTART,
		.params = { { ENUM("protocol", protocols) }, { TEXT("host", 1, 100) }, { INT("port", 1, 65535) } },
	},
	[SETTING_SOCKB] = {
		"SOCKB", "TCP,test.usr.cn,2317", EFFECT_RESTART,
		.params = { { ENUM("protocol", protocols) }, { TEXT("host", 1, 100) }, { INT("port", 1, 65535) } },
	},
	[SETTING_SOCKAEN] = { "SOCKAEN", "ON", EFFECT_NOW, .params = { { ENUM("state", on_off) } } },
	[SETTING_SOCKBEN] = { "SOCKBEN", "OFF", EFFECT_NOW, .params = { { ENUM("state", on_off) } } },
	[SETTING_SOCKATO] = { "SOCKATO", "5", EFFECT_RESTART, .params = { { INT("seconds", 1, 100) } } },
	[SETTING_SOCKBTO] = { "SOCKBTO", "5", EFFECT_RESTART, .params = { { INT("seconds", 1, 100) } } },
};

size_t setting_param_count(const struct setting *setting)
{
	size_t n = 0;

	while (setting->params[n].name)
		n++;
	return n;
}
