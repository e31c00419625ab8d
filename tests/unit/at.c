// SPDX-License-Identifier: MIT
/*
 * Replies byte for byte against SPEC 3. The expectations are written by hand, not made from the
 * tables of the agent: a mistake there must show here.
 */
#include "fixture.h"
#include "tap.h"

#include "at/version.h"

#define OK "\r\nOK\r\n\r\n"
#define ERR(n) "\r\n+ERR:" #n "\r\n\r\n"
#define R(text) "\r\n" text "\r\n\r\n"

#define A100 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define E100 E25 E25 E25 E25
#define E25 E5 E5 E5 E5 E5
#define E5 "[41][41][41][41][41]"

/* Every case begins with factory values. */
struct exchange {
	const char *before; /* executed first, or NULL */
	const char *line;
	const char *want;
};

static const struct exchange exchanges[] = {
	/* AT itself */
	{ NULL, "AT", OK },
	{ NULL, "at", OK },
	{ NULL, "AT?", OK },
	{ NULL, "AT ?", OK },
	{ NULL, "AT ", OK },
	{ NULL, "AT=?", ERR(3) },
	{ NULL, "AT=1", ERR(3) },
	{ NULL, "AT=", ERR(3) },
	/* errors 1 and 2 */
	{ NULL, "", ERR(1) },
	{ NULL, "A", ERR(1) },
	{ NULL, "+++", ERR(1) },
	{ NULL, "hello", ERR(1) },
	{ NULL, " AT", ERR(1) },
	{ NULL, "usr.cnAT+VER", ERR(1) },
	{ NULL, "ATI", ERR(2) },
	{ NULL, "ATE0", ERR(2) },
	{ NULL, "AT+", ERR(2) },
	{ NULL, "AT+?", ERR(2) },
	{ NULL, "AT+=1", ERR(2) },
	{ NULL, "AT+ ", ERR(2) },
	{ NULL, "AT+NOSUCH", ERR(2) },
	{ NULL, "AT+NOSUCH?", ERR(2) },
	{ NULL, "AT+NOSUCH=?", ERR(2) },
	{ NULL, "AT+NOSUCH=1", ERR(2) },
	{ NULL, "AT+VE", ERR(2) },
	{ NULL, "AT+VERS", ERR(2) },
	{ NULL, "AT+SOCK A", ERR(2) },
	{ NULL, "AT +VER", ERR(2) },
	{ NULL, "AT+AT+VER", ERR(2) },
	/* names, blanks, case */
	{ NULL, "at+uartft", R("+UARTFT:50") },
	{ NULL, "aT+UaRtFt?", R("+UARTFT:50") },
	{ NULL, "AT+ UARTFT", R("+UARTFT:50") },
	{ NULL, "AT+UARTFT ", R("+UARTFT:50") },
	{ NULL, "AT+UARTFT ? ", R("+UARTFT:50") },
	{ NULL, "AT+UARTFT = ?", R("+UARTFT:(50~60000)") },
	{ NULL, "AT+UARTFT=? ", R("+UARTFT:(50~60000)") },
	{ NULL, "AT+UARTFT??", ERR(3) },
	{ NULL, "AT+UARTFT?=60", ERR(3) },
	{ "AT+ UARTFT = 60 ", "AT+UARTFT", R("+UARTFT:60") },
	{ "AT+SOCKA = tcp , 10.0.0.1 , 80 ", "AT+SOCKA", R("+SOCKA:TCP,10.0.0.1,80") },
	{ "AT+STMSG=a b", "AT+STMSG", R("+STMSG:a b") },
	{ "AT+STMSG=  a b  ", "AT+STMSG", R("+STMSG:a b") },
	{ "AT+STMSG=[20]a b[20]", "AT+STMSG", R("+STMSG:[20]a b[20]") },
	{ "AT+STMSG=[20]", "AT+STMSG", R("+STMSG:[20]") },
	/* execution */
	{ NULL, "AT+Z", OK },
	{ NULL, "AT+Z?", ERR(3) },
	{ NULL, "AT+Z=?", ERR(3) },
	{ NULL, "AT+Z=1", ERR(3) },
	{ NULL, "AT+ENTM", OK },
	{ NULL, "AT+ENTM?", ERR(3) },
	{ NULL, "AT+ENTM=?", ERR(3) },
	{ NULL, "AT+ENTM=1", ERR(3) },
	{ NULL, "AT+RELD", OK },
	{ NULL, "AT+RELD?", ERR(3) },
	{ NULL, "AT+RELD=?", ERR(3) },
	{ NULL, "AT+RELD=1", ERR(3) },
	{ NULL, "AT+CLEAR", OK },
	{ NULL, "AT+CLEAR?", ERR(3) },
	{ NULL, "AT+CLEAR=?", ERR(3) },
	{ NULL, "AT+CLEAR=1", ERR(3) },
	{ NULL, "AT+H=?", ERR(3) },
	{ NULL, "AT+H=1", ERR(3) },
	/* queries without a setting */
	{ NULL, "AT+VER", R("+VER:V7.8.09.000000.0000") },
	{ NULL, "AT+VER?", R("+VER:V7.8.09.000000.0000") },
	{ NULL, "AT+VER=?", ERR(3) },
	{ NULL, "AT+VER=1", ERR(3) },
	{ NULL, "AT+SOCKALK", R("+SOCKALK:ON") },
	{ NULL, "AT+SOCKALK?", R("+SOCKALK:ON") },
	{ NULL, "AT+SOCKALK=?", ERR(3) },
	{ NULL, "AT+SOCKALK=ON", ERR(3) },
	{ NULL, "AT+SOCKBLK", R("+SOCKBLK:OFF") },
	{ NULL, "AT+SOCKBLK?", R("+SOCKBLK:OFF") },
	{ NULL, "AT+SOCKBLK=?", ERR(3) },
	{ NULL, "AT+SOCKBLK=ON", ERR(3) },
	/* E */
	{ NULL, "AT+E", R("+E:ON") },
	{ NULL, "AT+E?", R("+E:ON") },
	{ NULL, "AT+E=?", R("+E:(ON,OFF)") },
	{ NULL, "AT+E=OFF", OK },
	{ "AT+E=off", "AT+E", R("+E:OFF") },
	{ NULL, "AT+E=", ERR(4) },
	{ NULL, "AT+E=1", ERR(4) },
	{ NULL, "AT+E=ON,ON", ERR(4) },
	{ NULL, "AT+E=O", ERR(4) },
	{ NULL, "AT+E=[4F]N", ERR(4) },
	/* WKMOD */
	{ NULL, "AT+WKMOD", R("+WKMOD:NET") },
	{ NULL, "AT+WKMOD?", R("+WKMOD:NET") },
	{ NULL, "AT+WKMOD=?", R("+WKMOD:(NET,HTTPD,MQTT,UDC)") },
	{ "AT+WKMOD=httpd", "AT+WKMOD", R("+WKMOD:HTTPD") },
	{ "AT+WKMOD=Mqtt", "AT+WKMOD", R("+WKMOD:MQTT") },
	{ "AT+WKMOD=UDC", "AT+WKMOD", R("+WKMOD:UDC") },
	{ NULL, "AT+WKMOD=NET", OK },
	{ NULL, "AT+WKMOD=HTTP", ERR(4) },
	{ "AT+WKMOD=HTTP", "AT+WKMOD", R("+WKMOD:NET") },
	/* CMDPW */
	{ NULL, "AT+CMDPW", R("+CMDPW:usr.cn") },
	{ NULL, "AT+CMDPW?", R("+CMDPW:usr.cn") },
	{ NULL, "AT+CMDPW=?", R("+CMDPW:(1~10)") },
	{ NULL, "AT+CMDDPW", R("+CMDDPW:usr.cn") },
	{ NULL, "at+cmddpw=?", R("+CMDDPW:(1~10)") },
	{ "AT+CMDDPW=Secret", "AT+CMDPW", R("+CMDPW:Secret") },
	{ NULL, "AT+CMDPW=", ERR(4) },
	{ "AT+CMDPW=1", "AT+CMDPW", R("+CMDPW:1") },
	{ "AT+CMDPW=1234567890", "AT+CMDPW", R("+CMDPW:1234567890") },
	{ NULL, "AT+CMDPW=12345678901", ERR(4) },
	{ NULL, "AT+CMDPW=a[1F]", ERR(4) },
	{ NULL, "AT+CMDPW=a[7F]", ERR(4) },
	{ "AT+CMDPW=[20]~", "AT+CMDPW", R("+CMDPW:[20]~") },
	/* STMSG, and escapes */
	{ NULL, "AT+STMSG", R("+STMSG:[WH-LTE-7S4 V2]") },
	{ NULL, "AT+STMSG?", R("+STMSG:[WH-LTE-7S4 V2]") },
	{ NULL, "AT+STMSG=?", R("+STMSG:(1~20)") },
	{ NULL, "AT+STMSG=", ERR(4) },
	{ NULL, "AT+STMSG=   ", ERR(4) },
	{ "AT+STMSG=12345678901234567890", "AT+STMSG", R("+STMSG:12345678901234567890") },
	{ NULL, "AT+STMSG=123456789012345678901", ERR(4) },
	{ "AT+STMSG=" E5 E5 E5 E5, "AT+STMSG", R("+STMSG:AAAAAAAAAAAAAAAAAAAA") },
	{ NULL, "AT+STMSG=" E5 E5 E5 E5 "A", ERR(4) },
	{ "AT+STMSG=a[2C]b[2c]c", "AT+STMSG", R("+STMSG:a[2C]b[2C]c") },
	{ NULL, "AT+STMSG=a,b", ERR(4) },
	{ "AT+STMSG=a[3D]b[3F]", "AT+STMSG", R("+STMSG:a[3D]b[3F]") },
	{ "AT+STMSG=a=b?", "AT+STMSG", R("+STMSG:a[3D]b[3F]") },
	{ "AT+STMSG==", "AT+STMSG", R("+STMSG:[3D]") },
	{ "AT+STMSG=??", "AT+STMSG", R("+STMSG:[3F][3F]") },
	{ "AT+STMSG=[3F]", "AT+STMSG", R("+STMSG:[3F]") },
	{ "AT+STMSG=[", "AT+STMSG", R("+STMSG:[") },
	{ "AT+STMSG=[[]]", "AT+STMSG", R("+STMSG:[[]]") },
	{ "AT+STMSG=[4", "AT+STMSG", R("+STMSG:[4") },
	{ "AT+STMSG=[41", "AT+STMSG", R("+STMSG:[41") },
	{ "AT+STMSG=[41]", "AT+STMSG", R("+STMSG:A") },
	{ "AT+STMSG=[4G]", "AT+STMSG", R("+STMSG:[4G]") },
	{ "AT+STMSG=[ 41]", "AT+STMSG", R("+STMSG:[ 41]") },
	{ "AT+STMSG=[5B]41]", "AT+STMSG", R("+STMSG:[5B]41]") },
	{ "AT+STMSG=[[5B]41]", "AT+STMSG", R("+STMSG:[[5B]41]") },
	{ "AT+STMSG=[5b][3D]", "AT+STMSG", R("+STMSG:[[3D]") },
	{ NULL, "AT+STMSG=[0D][0A]", ERR(4) },
	{ NULL, "AT+STMSG=[00]", ERR(4) },
	{ NULL, "AT+STMSG=[80]", ERR(4) },
	{ "AT+STMSG=[WH-7S4 V2]", "AT+STMSG", R("+STMSG:[WH-7S4 V2]") },
	/* UART */
	{ NULL, "AT+UART", R("+UART:115200,8,1,NONE,NFC") },
	{ NULL, "AT+UART?", R("+UART:115200,8,1,NONE,NFC") },
	{ NULL, "AT+UART=?",
	  R("+UART:(300,600,1200,2400,4800,9600,19200,38400,57600,115200,230400,460800),(7,8),(1,2),(NONE,ODD,EVEN),"
	    "(NFC,FC)") },
	{ "AT+UART=300,7,2,even,fc", "AT+UART", R("+UART:300,7,2,EVEN,FC") },
	{ "AT+UART=460800,8,1,ODD,NFC", "AT+UART", R("+UART:460800,8,1,ODD,NFC") },
	{ NULL, "AT+UART=110,8,1,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=921600,8,1,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=09600,8,1,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=9600,6,1,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=9600,8,3,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=9600,8,1,MARK,NFC", ERR(4) },
	{ NULL, "AT+UART=9600,8,1,NONE,RS485", ERR(4) },
	{ NULL, "AT+UART=9600,8,1,NONE", ERR(4) },
	{ NULL, "AT+UART=9600,8,1,NONE,NFC,", ERR(4) },
	{ NULL, "AT+UART=9600,8,1,NONE,NFC,1", ERR(4) },
	{ NULL, "AT+UART=9600,,1,NONE,NFC", ERR(4) },
	{ NULL, "AT+UART=", ERR(4) },
	{ NULL, "AT+UART=,,,,", ERR(4) },
	{ "AT+UART=9600,8,1,NONE,RS485", "AT+UART", R("+UART:115200,8,1,NONE,NFC") },
	/* numbers */
	{ NULL, "AT+UARTFT", R("+UARTFT:50") },
	{ NULL, "AT+UARTFT=?", R("+UARTFT:(50~60000)") },
	{ NULL, "AT+UARTFT=49", ERR(4) },
	{ NULL, "AT+UARTFT=50", OK },
	{ "AT+UARTFT=60000", "AT+UARTFT", R("+UARTFT:60000") },
	{ NULL, "AT+UARTFT=60001", ERR(4) },
	{ NULL, "AT+UARTFT=", ERR(4) },
	{ NULL, "AT+UARTFT=abc", ERR(4) },
	{ NULL, "AT+UARTFT=5 0", ERR(4) },
	{ NULL, "AT+UARTFT=-50", ERR(4) },
	{ NULL, "AT+UARTFT=+50", ERR(4) },
	{ NULL, "AT+UARTFT=50.", ERR(4) },
	{ NULL, "AT+UARTFT=0x50", ERR(4) },
	{ NULL, "AT+UARTFT=99999999999999999999999999", ERR(4) },
	{ NULL, "AT+UARTFT=18446744073709551666", ERR(4) },
	{ NULL, "AT+UARTFT=4294967346", ERR(4) },
	{ "AT+UARTFT=0100", "AT+UARTFT", R("+UARTFT:100") },
	{ NULL, "AT+UARTFL", R("+UARTFL:1024") },
	{ NULL, "AT+UARTFL?", R("+UARTFL:1024") },
	{ NULL, "AT+UARTFL=?", R("+UARTFL:(5~2048)") },
	{ NULL, "AT+UARTFL=4", ERR(4) },
	{ "AT+UARTFL=5", "AT+UARTFL", R("+UARTFL:5") },
	{ "AT+UARTFL=2048", "AT+UARTFL", R("+UARTFL:2048") },
	{ NULL, "AT+UARTFL=2049", ERR(4) },
	{ NULL, "AT+SOCKATO", R("+SOCKATO:5") },
	{ NULL, "AT+SOCKATO?", R("+SOCKATO:5") },
	{ NULL, "AT+SOCKATO=?", R("+SOCKATO:(1~100)") },
	{ NULL, "AT+SOCKATO=0", ERR(4) },
	{ "AT+SOCKATO=1", "AT+SOCKATO", R("+SOCKATO:1") },
	{ "AT+SOCKATO=100", "AT+SOCKATO", R("+SOCKATO:100") },
	{ NULL, "AT+SOCKATO=101", ERR(4) },
	{ NULL, "AT+SOCKBTO", R("+SOCKBTO:5") },
	{ NULL, "AT+SOCKBTO?", R("+SOCKBTO:5") },
	{ NULL, "AT+SOCKBTO=?", R("+SOCKBTO:(1~100)") },
	{ NULL, "AT+SOCKBTO=0", ERR(4) },
	{ "AT+SOCKBTO=1", "AT+SOCKBTO", R("+SOCKBTO:1") },
	{ "AT+SOCKBTO=100", "AT+SOCKBTO", R("+SOCKBTO:100") },
	{ NULL, "AT+SOCKBTO=101", ERR(4) },
	/* sockets */
	{ NULL, "AT+SOCKA", R("+SOCKA:TCP,test.usr.cn,2317") },
	{ NULL, "AT+SOCKA?", R("+SOCKA:TCP,test.usr.cn,2317") },
	{ NULL, "AT+SOCKA=?", R("+SOCKA:(TCP,UDP),(1~100),(1~65535)") },
	{ NULL, "AT+SOCKB", R("+SOCKB:TCP,test.usr.cn,2317") },
	{ NULL, "AT+SOCKB?", R("+SOCKB:TCP,test.usr.cn,2317") },
	{ NULL, "AT+SOCKB=?", R("+SOCKB:(TCP,UDP),(1~100),(1~65535)") },
	{ "AT+SOCKA=udp,h,1", "AT+SOCKA", R("+SOCKA:UDP,h,1") },
	{ "AT+SOCKB=UDP,::1,65535", "AT+SOCKB", R("+SOCKB:UDP,::1,65535") },
	{ "AT+SOCKB=UDP,::1,65535", "AT+SOCKA", R("+SOCKA:TCP,test.usr.cn,2317") },
	{ "AT+SOCKA=TCP," A100 ",80", "AT+SOCKA", R("+SOCKA:TCP," A100 ",80") },
	{ NULL, "AT+SOCKA=TCP," A100 "a,80", ERR(4) },
	{ "AT+SOCKA=TCP," E100 ",80", "AT+SOCKA=TCP," E100 "[41],80", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,,80", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,h,0", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,h,65536", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,h", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,h,80,1", ERR(4) },
	{ NULL, "AT+SOCKA=SCTP,h,80", ERR(4) },
	{ NULL, "AT+SOCKA=TCP,[00],80", ERR(4) },
	{ "AT+SOCKA=UDP,10.0.0.1,65536", "AT+SOCKA", R("+SOCKA:TCP,test.usr.cn,2317") },
	{ "AT+SOCKA=TCP,[ff]\x80[0d]x,80", "AT+SOCKA", R("+SOCKA:TCP,[FF][80][0D]x,80") },
	{ "AT+SOCKA=TCP,\ta,80", "AT+SOCKA", R("+SOCKA:TCP,[09]a,80") },
	{ NULL, "AT+SOCKAEN", R("+SOCKAEN:ON") },
	{ NULL, "AT+SOCKAEN?", R("+SOCKAEN:ON") },
	{ NULL, "AT+SOCKAEN=?", R("+SOCKAEN:(ON,OFF)") },
	{ "AT+SOCKAEN=OFF", "AT+SOCKAEN", R("+SOCKAEN:OFF") },
	{ NULL, "AT+SOCKAEN=2", ERR(4) },
	{ NULL, "AT+SOCKBEN", R("+SOCKBEN:OFF") },
	{ NULL, "AT+SOCKBEN?", R("+SOCKBEN:OFF") },
	{ NULL, "AT+SOCKBEN=?", R("+SOCKBEN:(ON,OFF)") },
	{ "AT+SOCKBEN=on", "AT+SOCKBEN", R("+SOCKBEN:ON") },
	{ NULL, "AT+SOCKBEN=", ERR(4) },
	/* factory sets */
	{ "AT+RELD", "AT+UARTFT", R("+UARTFT:50") },
	{ "AT+CLEAR", "AT+SOCKBEN", R("+SOCKBEN:OFF") },
};

static enum at_after execute(struct fixture *fixture, enum at_way way, const char *line, struct buf *reply)
{
	return at_execute(&fixture->at, way, line, strlen(line), reply);
}

static void expect(struct fixture *fixture, enum at_way way, const char *line, const char *want, const char *name)
{
	_cleanup_buf_ struct buf reply = { 0 };

	execute(fixture, way, line, &reply);
	tap_same(reply.data, reply.length, want, strlen(want), name);
}

static void test_exchanges(void)
{
	struct fixture fixture;

	fixture_open(&fixture);
	fixture.connected[0] = true;
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		const struct exchange *exchange = &exchanges[i];
		char name[2600];

		settings_restore(fixture.settings, FACTORY_VENDOR);
		if (exchange->before) {
			_cleanup_buf_ struct buf reply = { 0 };

			execute(&fixture, AT_WAY_CONTROL, exchange->before, &reply);
		}
		snprintf(name, sizeof(name), "%.60s%s%.60s", exchange->before ? exchange->before : "",
			 exchange->before ? ", " : "", exchange->line);
		expect(&fixture, AT_WAY_CONTROL, exchange->line, exchange->want, name);
	}
	fixture_close(&fixture);
}

static void test_help(void)
{
	static const char want[] = "\r\n"
				   "AT: test\r\n"
				   "AT+H: this help\r\n"
				   "AT+Z: restart the module\r\n"
				   "AT+E: echo of commands\r\n"
				   "AT+ENTM: leave command mode\r\n"
				   "AT+WKMOD: working mode\r\n"
				   "AT+CMDPW: password of commands in data\r\n"
				   "AT+STMSG: message at start\r\n"
				   "AT+RELD: back to the user's factory settings, restart\r\n"
				   "AT+CLEAR: back to the vendor's factory settings, restart\r\n"
				   "AT+VER: version\r\n"
				   "AT+UART: serial port: baud, data bits, stop bits, parity, flow control\r\n"
				   "AT+UARTFT: silence that ends a frame, in milliseconds\r\n"
				   "AT+UARTFL: length that ends a frame, in bytes\r\n"
				   "AT+SOCKA: socket A: protocol, host, port\r\n"
				   "AT+SOCKB: socket B: protocol, host, port\r\n"
				   "AT+SOCKAEN: socket A enabled\r\n"
				   "AT+SOCKBEN: socket B enabled\r\n"
				   "AT+SOCKALK: whether socket A is connected\r\n"
				   "AT+SOCKBLK: whether socket B is connected\r\n"
				   "AT+SOCKATO: pause before socket A connects again, in seconds\r\n"
				   "AT+SOCKBTO: pause before socket B connects again, in seconds\r\n"
				   "\r\n";
	static const char *const spellings[] = { "AT+H", "AT+H?", "AT+HELP", "at+help?" };
	struct fixture fixture;

	fixture_open(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
		expect(&fixture, AT_WAY_CONTROL, spellings[i], want, spellings[i]);
	fixture_close(&fixture);
}

static void test_echo(void)
{
	static const enum at_way silent[] = { AT_WAY_SERIAL, AT_WAY_NETWORK, AT_WAY_SMS, AT_WAY_TOPIC, AT_WAY_CONTROL };
	struct fixture fixture;

	fixture_open(&fixture);
	expect(&fixture, AT_WAY_COMMAND, "AT", "AT\r\n" OK, "echo: the line and CR LF precede OK");
	expect(&fixture, AT_WAY_COMMAND, "at+ uartft ?", "at+ uartft ?\r\n" R("+UARTFT:50"), "echo: as typed");
	expect(&fixture, AT_WAY_COMMAND, "xyz", "xyz\r\n" ERR(1), "echo: before an error too");
	expect(&fixture, AT_WAY_COMMAND, "AT+E=OFF", "AT+E=OFF\r\n" OK, "echo: E=OFF itself is echoed");
	expect(&fixture, AT_WAY_COMMAND, "AT+E", R("+E:OFF"), "echo: off from the next command on");
	expect(&fixture, AT_WAY_COMMAND, "AT+E=ON", OK, "echo: E=ON itself is not echoed");
	expect(&fixture, AT_WAY_COMMAND, "AT", "AT\r\n" OK, "echo: on again");
	expect(&fixture, AT_WAY_COMMAND, "AT+ENTM", "AT+ENTM\r\n" OK, "echo: ENTM");
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		expect(&fixture, silent[i], "AT", OK, "echo: none outside command mode");
	fixture_close(&fixture);
}

static void test_after(void)
{
	static const struct {
		const char *line;
		enum at_after want;
	} cases[] = {
		{ "AT", AT_AFTER_NOTHING },	   { "AT+Z", AT_AFTER_RESTART },
		{ "AT+ENTM", AT_AFTER_DATA_MODE }, { "AT+RELD", AT_AFTER_RESTART },
		{ "AT+CLEAR", AT_AFTER_RESTART },  { "AT+Z?", AT_AFTER_NOTHING },
		{ "AT+ENTM=1", AT_AFTER_NOTHING }, { "AT+UARTFT=60", AT_AFTER_NOTHING },
	};
	struct fixture fixture;

	fixture_open(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf reply = { 0 };
		char name[64];

		snprintf(name, sizeof(name), "%s: what the channel does next", cases[i].line);
		tap_is(execute(&fixture, AT_WAY_COMMAND, cases[i].line, &reply), cases[i].want, name);
	}
	fixture_close(&fixture);
}

static void test_changed(void)
{
	static const struct {
		const char *line;
		unsigned int changes;
		enum setting_id id;
	} cases[] = {
		{ "AT+SOCKAEN=OFF", 1, SETTING_SOCKAEN },
		{ "AT+SOCKAEN=OFF", 1, SETTING_SOCKAEN },
		{ "AT+SOCKBEN=ON", 1, SETTING_SOCKBEN },
		{ "AT+E=OFF", 1, SETTING_E },
		{ "AT+UARTFT=60", 0, 0 },
		{ "AT+CMDPW=x", 0, 0 },
		{ "AT+SOCKBEN=2", 0, 0 },
		{ "AT+SOCKBEN", 0, 0 },
	};
	struct fixture fixture;

	fixture_open(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf reply = { 0 };

		fixture.changes = 0;
		execute(&fixture, AT_WAY_CONTROL, cases[i].line, &reply);
		tap_ok(fixture.changes == cases[i].changes && (!fixture.changes || fixture.changed == cases[i].id),
		       "%s: the device is told of changes that act at once", cases[i].line);
	}
	fixture.refused = -EINVAL;
	fixture.changes = 0;
	expect(&fixture, AT_WAY_CONTROL, "AT+UART=9600,8,1,NONE,FC", ERR(4), "what the port cannot do is error 4");
	expect(&fixture, AT_WAY_CONTROL, "AT+UART", R("+UART:115200,8,1,NONE,NFC"), "and changes nothing");
	expect(&fixture, AT_WAY_CONTROL, "AT+SOCKBEN=OFF", ERR(4), "refused by the device");
	tap_is(fixture.changes, 0, "the device is not told of what it refused");
	fixture_close(&fixture);
}

static void test_secrets(void)
{
	static const enum at_way open_ways[] = { AT_WAY_COMMAND, AT_WAY_SERIAL, AT_WAY_CONTROL };
	static const enum at_way masked[] = { AT_WAY_NETWORK, AT_WAY_SMS, AT_WAY_TOPIC };
	struct fixture fixture;

	fixture_open(&fixture);
	expect(&fixture, AT_WAY_CONTROL, "AT+E=OFF", OK, "echo off");
	for (size_t i = 0; i < ARRAY_SIZE(open_ways); i++)
		expect(&fixture, open_ways[i], "AT+CMDPW", R("+CMDPW:usr.cn"), "CMDPW in full at the device");
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
		expect(&fixture, masked[i], "AT+CMDPW", R("+CMDPW:********"), "CMDPW masked elsewhere");
		expect(&fixture, masked[i], "AT+CMDDPW?", R("+CMDDPW:********"), "CMDDPW masked elsewhere");
	}
	expect(&fixture, AT_WAY_NETWORK, "AT+CMDPW=abc", OK, "CMDPW set from the network");
	expect(&fixture, AT_WAY_SERIAL, "AT+CMDPW", R("+CMDPW:abc"), "and stored");
	fixture_close(&fixture);
}

static void test_length(void)
{
	_cleanup_buf_ struct buf reply = { 0 };
	char line[AT_LINE_MAX + 2];
	struct fixture fixture;

	fixture_open(&fixture);
	memset(line, ' ', sizeof(line));
	memcpy(line, "AT+E", 4);
	at_execute(&fixture.at, AT_WAY_CONTROL, line, AT_LINE_MAX, &reply);
	tap_same(reply.data, reply.length, R("+E:ON"), strlen(R("+E:ON")), "a line of 2304 bytes is executed");
	buf_clear(&reply);
	at_execute(&fixture.at, AT_WAY_COMMAND, line, AT_LINE_MAX + 1, &reply);
	tap_same(reply.data, reply.length, ERR(4), strlen(ERR(4)), "a line of 2305 bytes is error 4");
	buf_clear(&reply);
	at_execute(&fixture.at, AT_WAY_CONTROL, "AT+STMSG=[41]", 12, &reply);
	tap_ok(!strcmp(settings_text(fixture.settings, SETTING_STMSG, 0), "[41"),
	       "nothing behind the line is looked at");
	buf_clear(&reply);
	at_too_long(&reply);
	tap_same(reply.data, reply.length, ERR(4), strlen(ERR(4)), "at_too_long is error 4");
	fixture_close(&fixture);
}

static void test_nul(void)
{
	static const struct {
		const char *line;
		size_t length;
		const char *want;
	} cases[] = {
		{ "AT+E\0", 5, ERR(2) },
		{ "AT+\0", 4, ERR(2) },
		{ "AT\0", 3, ERR(2) },
		{ "\0AT", 3, ERR(1) },
		{ "AT+E=O\0", 7, ERR(4) },
		{ "AT+STMSG=a\0b", 12, ERR(4) },
		{ "AT+SOCKA=TCP,a\0,1", 17, ERR(4) },
		{ "AT+E=ON\0", 8, ERR(4) },
		{ "AT+UARTFT=60\0", 13, ERR(4) },
	};
	struct fixture fixture;

	fixture_open(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf reply = { 0 };

		at_execute(&fixture.at, AT_WAY_CONTROL, cases[i].line, cases[i].length, &reply);
		tap_same(reply.data, reply.length, cases[i].want, strlen(cases[i].want), "a NUL byte is never ignored");
	}
	fixture_close(&fixture);
}

/* What could not be stored is error 5, and the old value holds. */
static void test_store_fails(void)
{
	struct fixture fixture;

	fixture_open(&fixture);
	fixture_remove(fixture.folder);
	expect(&fixture, AT_WAY_CONTROL, "AT+UARTFT=60", ERR(5), "a set that cannot be stored is error 5");
	expect(&fixture, AT_WAY_CONTROL, "AT+UARTFT", R("+UARTFT:50"), "the old value holds");
	expect(&fixture, AT_WAY_CONTROL, "AT+SOCKAEN=OFF", ERR(5), "also where it would act at once");
	tap_is(fixture.changes, 0, "and the device is not told");
	expect(&fixture, AT_WAY_CONTROL, "AT+RELD", ERR(5), "RELD that cannot be stored is error 5");
	settings_free(fixture.settings);
}

static void test_no_room(void)
{
	_cleanup_buf_ struct buf reply = { .limit = 100 };
	struct fixture fixture;

	fixture_open(&fixture);
	execute(&fixture, AT_WAY_CONTROL, "AT+H", &reply);
	tap_same(reply.data, reply.length, ERR(5), strlen(ERR(5)), "a reply without room is error 5, not half of it");
	fixture_close(&fixture);
}

/* Any byte but NUL, escaped by this test in its own way. */
static size_t random_set(char *line, const char *before, const char *after, uint8_t *bytes, size_t n, bool ascii)
{
	size_t length = (size_t)sprintf(line, "%s", before);

	for (size_t i = 0; i < n; i++) {
		static const char special[] = "[[]] =,?0aF";

		bytes[i] = (uint8_t)(1 + random() % 255);
		if (ascii)
			bytes[i] = (uint8_t)(0x20 + random() % 95);
		if (random() % 2)
			bytes[i] = (uint8_t)special[(size_t)random() % (sizeof(special) - 1)];
		length += (size_t)sprintf(line + length, "[%02x]", bytes[i]);
	}
	return length + (size_t)sprintf(line + length, "%s", after);
}

static bool round_trip(struct fixture *fixture, const char *name, size_t param, enum setting_id id, size_t most)
{
	_cleanup_buf_ struct buf reply = { 0 }, again = { 0 };
	const struct value *value;
	size_t n = 1 + (size_t)random() % most;
	char line[1024], query[32];
	uint8_t bytes[128];
	int length;

	snprintf(line, sizeof(line), "AT+%s=%s", name, param ? "UDP," : "");
	snprintf(query, sizeof(query), "AT+%s", name);
	{
		char before[64];

		memcpy(before, line, sizeof(before));
		random_set(line, before, param ? ",9" : "", bytes, n, !param);
	}
	execute(fixture, AT_WAY_CONTROL, line, &reply);
	value = settings_value(fixture->settings, id, param);
	if (reply.length != strlen(OK) || value->length != n || memcmp(value->bytes, bytes, n) != 0)
		return false;
	buf_clear(&reply);
	execute(fixture, AT_WAY_CONTROL, query, &reply);
	/* "\r\n+NAME:value\r\n\r\n" becomes "AT+NAME=value" */
	length = snprintf(line, sizeof(line), "AT%.*s", (int)reply.length - 6, (const char *)reply.data + 2);
	*strchr(line, ':') = '=';
	execute(fixture, AT_WAY_CONTROL, line, &again);
	if (length < 0 || again.length != strlen(OK))
		return false;
	value = settings_value(fixture->settings, id, param);
	if (value->length != n || memcmp(value->bytes, bytes, n) != 0)
		return false;
	for (size_t i = 2; i < reply.length - 4; i++)
		if (reply.data[i] < 0x20 || reply.data[i] > 0x7e)
			return false;
	buf_clear(&again);
	execute(fixture, AT_WAY_CONTROL, query, &again);
	return again.length == reply.length && !memcmp(again.data, reply.data, reply.length);
}

static void test_round_trip(void)
{
	unsigned int seed = getenv("SEED") ? (unsigned int)strtoul(getenv("SEED"), NULL, 10) : 1;
	struct fixture fixture;
	bool ok = true;
	int i;

	srandom(seed);
	fixture_open(&fixture);
	for (i = 0; i < 500 && ok; i++)
		ok = round_trip(&fixture, "STMSG", 0, SETTING_STMSG, 20);
	tap_ok(ok, "setting what a query printed changes nothing: STMSG, 500 random texts, seed %u", seed);
	ok = true;
	for (i = 0; i < 500 && ok; i++)
		ok = round_trip(&fixture, "SOCKA", 1, SETTING_SOCKA, 100);
	tap_ok(ok, "setting what a query printed changes nothing: SOCKA, 500 random hosts, seed %u", seed);
	/* The file speaks the same language. */
	settings_free(fixture.settings);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "a file of random values loads");
	fixture_close(&fixture);
}

static void test_version(void)
{
	static const struct {
		const char *version, *want;
	} cases[] = {
		{ "0.1.0", "V0.1.00.000000.0000" },
		{ "1.2.34", "V1.2.34.000000.0000" },
		{ "2.0", "V2.0.00.000000.0000" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = { 0 };

		version_print(&out, cases[i].version);
		tap_same(out.data, out.length, cases[i].want, strlen(cases[i].want), cases[i].version);
	}
}

int main(void)
{
	test_exchanges();
	test_help();
	test_echo();
	test_after();
	test_changed();
	test_secrets();
	test_length();
	test_nul();
	test_store_fails();
	test_no_room();
	test_round_trip();
	test_version();
	return tap_done();
}
