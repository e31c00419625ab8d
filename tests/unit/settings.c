// SPDX-License-Identifier: MIT
/* The store: whatever happens to the folder, the settings in force are whole, and nobody is fooled about it. */
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fixture.h"
#include "tap.h"

#include "base/crc32.h"
#include "base/log.h"
#include "settings/store.h"
#include "settings/value.h"

static void path_of(const struct fixture *fixture, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", fixture->folder, name);
}

static size_t read_file(const struct fixture *fixture, const char *name, char *bytes, size_t size)
{
	char path[512];
	FILE *file;
	size_t n;

	path_of(fixture, name, path);
	file = fopen(path, "re");
	if (!file)
		return 0;
	n = fread(bytes, 1, size, file);
	fclose(file);
	return n;
}

static void write_file(const struct fixture *fixture, const char *name, const void *bytes, size_t n)
{
	char path[512];
	FILE *file;

	path_of(fixture, name, path);
	file = fopen(path, "we");
	if (!file || fwrite(bytes, 1, n, file) != n || fclose(file))
		perror(path);
}

/* With the checksum that belongs to it. */
static void write_text(const struct fixture *fixture, const char *name, const char *text)
{
	char whole[4096];

	snprintf(whole, sizeof(whole), "%s# crc32 %08x\n", text, crc32_of(text, strlen(text)));
	write_file(fixture, name, whole, strlen(whole));
}

static bool exists(const struct fixture *fixture, const char *name)
{
	char path[512];

	path_of(fixture, name, path);
	return access(path, F_OK) == 0;
}

static int set(struct fixture *fixture, enum setting_id id, const char *text)
{
	struct value values[SETTING_PARAMS] = { 0 };
	int n = values_parse(settings_table[id].params, text, strlen(text), values), r;

	if (n < 0)
		return n;
	r = settings_set(fixture->settings, id, values, (size_t)n);
	values_free(values, (size_t)n);
	return r;
}

static void again(struct fixture *fixture)
{
	settings_free(fixture->settings);
	fixture_load(fixture);
}

/* 60 in settings.last, 70 in settings, and nobody has them open. */
static void two_saves(struct fixture *fixture)
{
	fixture_open(fixture);
	set(fixture, SETTING_UARTFT, "60");
	set(fixture, SETTING_UARTFT, "70");
	settings_free(fixture->settings);
}

static long uartft(const struct fixture *fixture)
{
	return settings_int(fixture->settings, SETTING_UARTFT, 0);
}

static void test_new(void)
{
	static const char want[] = "# dtu settings, NAME=value as AT commands have them\n"
				   "E=ON\n"
				   "WKMOD=NET\n"
				   "CMDPW=usr.cn\n"
				   "STMSG=[WH-LTE-7S4 V2]\n"
				   "UART=115200,8,1,NONE,NFC\n"
				   "UARTFT=60\n"
				   "UARTFL=1024\n"
				   "SOCKA=TCP,test.usr.cn,2317\n"
				   "SOCKB=TCP,test.usr.cn,2317\n"
				   "SOCKAEN=ON\n"
				   "SOCKBEN=OFF\n"
				   "SOCKATO=5\n"
				   "SOCKBTO=5\n"
				   "# crc32 ";
	struct fixture fixture;
	struct stat st;
	char text[4096], path[512];
	size_t n;

	fixture_open(&fixture);
	tap_is(settings_state(fixture.settings), STORE_NEW, "an empty folder is new");
	tap_ok(!settings_aside(fixture.settings), "nothing kept aside");
	tap_is(uartft(&fixture), 50, "factory values");
	tap_ok(!strcmp(settings_text(fixture.settings, SETTING_SOCKA, 1), "test.usr.cn"), "texts");
	tap_is(settings_int(fixture.settings, SETTING_SOCKA, 2), 2317, "numbers");
	tap_is(settings_int(fixture.settings, SETTING_UART, 0), 9, "enums are their index");
	tap_ok(!strcmp(settings_text(fixture.settings, SETTING_UART, 0), "115200"), "and their text");
	tap_is(set(&fixture, SETTING_UARTFT, "60"), 0, "a set is stored");
	tap_is(settings_error(fixture.settings), 0, "no error");
	n = read_file(&fixture, "settings", text, sizeof(text));
	tap_same(text, MIN(n, sizeof(want) - 1), want, sizeof(want) - 1, "the file is in AT syntax");
	path_of(&fixture, "settings", path);
	stat(path, &st);
	tap_is(st.st_mode & 07777, 0600, "for its owner only: it holds a password");
	tap_ok(!exists(&fixture, "settings.new"), "no temporary file is left");
	again(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "loaded again: good");
	tap_is(uartft(&fixture), 60, "the value is kept");
	fixture_close(&fixture);
}

static void test_folder(void)
{
	struct fixture fixture;
	struct settings *other = NULL;
	char path[512], cwd[512];
	struct stat st;

	fixture_open(&fixture);
	tap_is(settings_load(&other, fixture.folder), -EBUSY, "a second agent is refused");
	path_of(&fixture, "made", path);
	tap_is(settings_load(&other, path), 0, "a missing folder is made");
	stat(path, &st);
	tap_is(st.st_mode & 07777, 0700, "with mode 0700");
	settings_free(other);
	path_of(&fixture, "no/parent", path);
	tap_is(settings_load(&other, path), -ENOENT, "but not its parents");
	path_of(&fixture, "lock", path);
	tap_is(settings_load(&other, path), -ENOTDIR, "a file is no folder");
	/* A relative path is looked up once. */
	if (!getcwd(cwd, sizeof(cwd)) || chdir(fixture.folder) < 0)
		perror("chdir");
	tap_is(settings_load(&other, "made"), 0, "a relative path");
	if (chdir("/") < 0)
		perror("/");
	{
		struct fixture moved = { .settings = other };

		tap_is(set(&moved, SETTING_UARTFT, "60"), 0, "holds after the working folder has changed");
	}
	settings_free(other);
	tap_ok(exists(&fixture, "made/settings"), "and the file is where it belongs");
	if (chdir(cwd) < 0)
		perror(cwd);
	fixture_close(&fixture);
}

static void test_restore(void)
{
	struct fixture fixture;

	fixture_open(&fixture);
	set(&fixture, SETTING_UARTFT, "60");
	set(&fixture, SETTING_SOCKA, "UDP,10.0.0.1,99");
	tap_is(settings_restore(fixture.settings, FACTORY_USER), 0, "restored to the user's factory set");
	tap_ok(uartft(&fixture) == 50 && settings_int(fixture.settings, SETTING_SOCKA, 2) == 2317, "factory values");
	set(&fixture, SETTING_UARTFT, "60");
	tap_is(settings_restore(fixture.settings, FACTORY_VENDOR), 0, "restored to the vendor's");
	again(&fixture);
	tap_is(uartft(&fixture), 50, "and stored");
	fixture_close(&fixture);
}

static void test_last(void)
{
	struct fixture fixture;
	struct stat before, after;
	char path[512];

	two_saves(&fixture);
	fixture_load(&fixture);
	tap_is(uartft(&fixture), 70, "the newest value");
	path_of(&fixture, "settings", path);
	stat(path, &before);
	tap_is(set(&fixture, SETTING_UARTFT, "70"), 0, "the value that is in force already");
	stat(path, &after);
	tap_ok(before.st_ino == after.st_ino, "is not written again");
	settings_free(fixture.settings);
	path_of(&fixture, "settings", path);
	unlink(path);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "the file is missing, its last copy is there");
	tap_is(uartft(&fixture), 60, "the last good copy is in use");
	again(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "it shouts until something is stored");
	set(&fixture, SETTING_UARTFT, "60");
	again(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "even the same value");
	tap_is(uartft(&fixture), 60, "which holds");
	fixture_close(&fixture);
}

static void expect_damaged(const char *bytes, size_t n, const char *what)
{
	struct fixture fixture;
	char kept[8192], name[512];
	size_t length;

	two_saves(&fixture);
	write_file(&fixture, "settings", bytes, n);
	fixture_load(&fixture);
	snprintf(name, sizeof(name), "%s: the last good copy is in use", what);
	tap_ok(settings_state(fixture.settings) == STORE_RECOVERED && uartft(&fixture) == 60, "%s", name);
	length = read_file(&fixture, "settings.damaged", kept, sizeof(kept));
	snprintf(name, sizeof(name), "%s: the damaged file is kept aside as it was", what);
	tap_same(kept, length, bytes, MIN(n, sizeof(kept)), name);
	snprintf(name, sizeof(name), "%s/settings.damaged", fixture.folder);
	tap_ok(settings_aside(fixture.settings) && !strcmp(settings_aside(fixture.settings), name), "%s: and named",
	       what);
	set(&fixture, SETTING_UARTFT, "80");
	again(&fixture);
	tap_ok(settings_state(fixture.settings) == STORE_GOOD && uartft(&fixture) == 80, "%s: sets are stored again",
	       what);
	fixture_close(&fixture);
}

static void expect_damaged_text(const char *text, const char *what)
{
	char whole[4096];

	snprintf(whole, sizeof(whole), "%s# crc32 %08x\n", text, crc32_of(text, strlen(text)));
	expect_damaged(whole, strlen(whole), what);
}

static void test_damaged(void)
{
	static const char nuls[600];
	static char big[100000];
	struct fixture fixture;
	char good[4096];
	size_t n;

	two_saves(&fixture);
	n = read_file(&fixture, "settings", good, sizeof(good));
	fixture_remove(fixture.folder);

	expect_damaged("", 0, "empty");
	expect_damaged(good, n / 2, "torn in the middle");
	expect_damaged(good, n - 1, "torn before the last byte");
	expect_damaged(nuls, sizeof(nuls), "NUL bytes");
	memset(big, '#', sizeof(big));
	expect_damaged(big, sizeof(big), "too big");
	/* Whole, with the right checksum, one byte beyond the limit. */
	memset(big, 'x', sizeof(big));
	big[0] = '#';
	big[STORE_SIZE_MAX - 17] = '\n';
	(void)sprintf(big + STORE_SIZE_MAX - 16, "# crc32 %08x\n", crc32_of(big, STORE_SIZE_MAX - 16));
	expect_damaged(big, STORE_SIZE_MAX + 1, "one byte too big");
	good[n / 2] ^= 1;
	expect_damaged(good, n, "one bit changed");
	good[n / 2] ^= 1;
	good[n - 2] ^= 1;
	expect_damaged(good, n, "the checksum itself changed");
	expect_damaged_text("", "a checksum of nothing");
	expect_damaged_text("UARTFT=49\n", "out of range");
	expect_damaged_text("E=ON\nNOSUCH=1\n", "unknown name");
	expect_damaged_text("E=ON\nE=ON\n", "a name twice");
	expect_damaged_text("E\n", "no value");
	expect_damaged_text("E=ON,ON\n", "too many parameters");
	expect_damaged_text("AT+E=ON\n", "not a name");
	expect_damaged_text("CMDPW=a[00]\n", "an escaped NUL");
	{
		static const char text[] = "E=ON\n#\0\n";
		char whole[64];

		memcpy(whole, text, sizeof(text) - 1);
		n = sizeof(text) - 1 +
		    (size_t)sprintf(whole + sizeof(text) - 1, "# crc32 %08x\n", crc32_of(text, sizeof(text) - 1));
		expect_damaged(whole, n, "a NUL byte with the right checksum");
	}
}

static void test_every_cut(void)
{
	struct fixture fixture;
	char good[4096], path[512];
	bool ok = true;
	size_t n, i;

	two_saves(&fixture);
	n = read_file(&fixture, "settings", good, sizeof(good));
	for (i = 0; i < n && ok; i++) {
		path_of(&fixture, "settings.damaged", path);
		unlink(path);
		write_file(&fixture, "settings", good, i);
		fixture_load(&fixture);
		ok = settings_state(fixture.settings) == STORE_RECOVERED && uartft(&fixture) == 60;
		settings_free(fixture.settings);
	}
	tap_ok(ok, "a file torn at any byte is noticed");
	fixture_remove(fixture.folder);
}

static void test_partial(void)
{
	struct fixture fixture;

	fixture_open(&fixture);
	settings_free(fixture.settings);
	write_text(&fixture, "settings", "# by hand\n\nSOCKA=udp, 10.0.0.1 ,99\n");
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "comments, empty lines and blanks are allowed");
	tap_ok(!strcmp(settings_text(fixture.settings, SETTING_SOCKA, 1), "10.0.0.1"), "the file's value");
	tap_is(uartft(&fixture), 50, "what the file does not name has its factory value");
	fixture_close(&fixture);
}

static void test_both_bad(void)
{
	struct fixture fixture;

	two_saves(&fixture);
	write_file(&fixture, "settings", "x", 1);
	write_file(&fixture, "settings.last", "yy", 2);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RESET, "both copies damaged: reset");
	tap_is(uartft(&fixture), 50, "to factory values");
	tap_ok(exists(&fixture, "settings.damaged") && exists(&fixture, "settings.damaged.1"), "both are kept aside");
	again(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RESET, "it shouts until something is stored");
	tap_ok(settings_aside(fixture.settings) != NULL, "and still names what was kept");
	set(&fixture, SETTING_UARTFT, "80");
	again(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "then all is well");
	fixture_close(&fixture);
}

/* However often it happens: the first ones stay, the folder does not fill. */
static void test_many_damaged(void)
{
	struct fixture fixture;
	char text[64];

	fixture_open(&fixture);
	settings_free(fixture.settings);
	for (int i = 0; i < 8; i++) {
		write_text(&fixture, "settings.last", "UARTFT=60\n");
		write_file(&fixture, "settings", &"01234567"[i], 1);
		fixture_load(&fixture);
		settings_free(fixture.settings);
	}
	tap_ok(read_file(&fixture, "settings.damaged", text, sizeof(text)) == 1 && text[0] == '0', "the first is kept");
	tap_ok(read_file(&fixture, "settings.damaged.3", text, sizeof(text)) == 1 && text[0] == '3', "a few more");
	tap_ok(!exists(&fixture, "settings.damaged.4"), "and not all");
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "the last good copy is in use all the same");
	tap_is(set(&fixture, SETTING_UARTFT, "80"), 0, "a set is stored");
	settings_free(fixture.settings);
	write_file(&fixture, "settings", "x", 1);
	fixture_load(&fixture);
	tap_is(uartft(&fixture), 60, "a damaged file never becomes the last good copy");
	fixture_close(&fixture);
}

/* Things in the place of the file that must not be followed, waited for or read. */
static void test_odd_files(void)
{
	struct fixture fixture;
	char path[512];

	two_saves(&fixture);
	path_of(&fixture, "settings", path);
	unlink(path);
	mkfifo(path, 0600);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "a FIFO is no settings file");
	settings_free(fixture.settings);
	if (symlink("/dev/zero", path) < 0)
		perror(path);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "nor is a link");
	settings_free(fixture.settings);
	write_text(&fixture, "elsewhere", "UARTFT=75\n");
	if (symlink("elsewhere", path) < 0)
		perror(path);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "not even one to a good file");
	settings_free(fixture.settings);
	mkdir(path, 0700);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_RECOVERED, "nor is a folder");
	fixture_close(&fixture);
}

static void expect_refused(struct fixture *fixture, int error, const char *what)
{
	tap_is(set(fixture, SETTING_UARTFT, "90"), error, what);
	tap_is(settings_error(fixture->settings), error, "and told by settings_error");
	tap_is(uartft(fixture), 60, "the old value holds");
}

static void test_full_disk(void)
{
	struct rlimit limit = { 100, RLIM_INFINITY }, old;
	struct fixture fixture;

	signal(SIGXFSZ, SIG_IGN);
	fixture_open(&fixture);
	set(&fixture, SETTING_UARTFT, "60");
	getrlimit(RLIMIT_FSIZE, &old);
	limit.rlim_max = old.rlim_max;
	fflush(stdout);
	setrlimit(RLIMIT_FSIZE, &limit);
	{
		int r = set(&fixture, SETTING_UARTFT, "90");

		setrlimit(RLIMIT_FSIZE, &old);
		tap_is(r, -EFBIG, "a file that cannot grow: the set fails");
	}
	tap_is(uartft(&fixture), 60, "the old value holds");
	tap_is(settings_error(fixture.settings), -EFBIG, "and settings_error tells");
	tap_ok(!exists(&fixture, "settings.new"), "no half file is left");
	again(&fixture);
	tap_ok(settings_state(fixture.settings) == STORE_GOOD && uartft(&fixture) == 60, "on disk too");
	tap_is(set(&fixture, SETTING_UARTFT, "70"), 0, "later sets are stored");
	fixture_close(&fixture);
}

/* A file system with 2 blocks, the second of them filled by somebody else. */
static void test_full_filesystem(void)
{
	static char block[4096];
	struct fixture fixture;
	char path[512];

	fixture_folder(fixture.folder);
	if (mount("none", fixture.folder, "tmpfs", 0, "size=8k") < 0) {
		tap_ok(true, "a full file system SKIP: cannot mount");
		fixture_remove(fixture.folder);
		return;
	}
	fixture_load(&fixture);
	set(&fixture, SETTING_UARTFT, "60");
	write_file(&fixture, "filler", block, sizeof(block));
	expect_refused(&fixture, -ENOSPC, "a full file system: the set fails");
	again(&fixture);
	tap_ok(settings_state(fixture.settings) == STORE_GOOD && uartft(&fixture) == 60, "on disk too");
	path_of(&fixture, "filler", path);
	unlink(path);
	tap_is(set(&fixture, SETTING_UARTFT, "70"), 0, "with room again it is stored");
	settings_free(fixture.settings);

	mount("none", fixture.folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL);
	fixture_load(&fixture);
	tap_ok(settings_state(fixture.settings) == STORE_GOOD && uartft(&fixture) == 70,
	       "a read-only file system: settings are read");
	tap_is(set(&fixture, SETTING_UARTFT, "90"), -EROFS, "and a set fails");
	settings_free(fixture.settings);
	umount2(fixture.folder, MNT_DETACH);
	fixture_remove(fixture.folder);
}

/* As somebody whom permissions bind. */
static void test_read_only_folder(void)
{
	struct fixture fixture;
	struct settings *other;
	uid_t uid = geteuid();

	fixture_folder(fixture.folder);
	if (!uid && (chown(fixture.folder, 65534, (gid_t)-1) < 0 || seteuid(65534) < 0))
		perror("nobody");
	fixture_load(&fixture);
	set(&fixture, SETTING_UARTFT, "60");
	settings_free(fixture.settings);
	chmod(fixture.folder, 0500);
	fixture_load(&fixture);
	tap_is(settings_state(fixture.settings), STORE_GOOD, "a read-only folder: settings are read");
	expect_refused(&fixture, -EACCES, "and a set fails");
	tap_is(settings_load(&other, fixture.folder), -EBUSY, "it is locked all the same");
	settings_free(fixture.settings);
	chmod(fixture.folder, 0700);
	{
		char path[512];

		path_of(&fixture, "lock", path);
		unlink(path);
		chmod(fixture.folder, 0500);
	}
	fixture_load(&fixture);
	tap_is(settings_load(&other, fixture.folder), -EBUSY, "also without a lock file");
	settings_free(fixture.settings);
	chmod(fixture.folder, 0700);
	if (seteuid(uid) < 0)
		perror("seteuid");
	fixture_remove(fixture.folder);
}

/* SIGKILL at random moments: every load finds a whole file, never an older value than was confirmed. */
static void test_killed(void)
{
	struct fixture fixture;
	bool ok = true;
	int round;

	fixture_open(&fixture);
	set(&fixture, SETTING_UARTFT, "1000");
	settings_free(fixture.settings);
	for (round = 0; round < 40 && ok; round++) {
		int confirmed[2];
		long last = 1000, value = 0;
		pid_t child;

		if (pipe(confirmed) < 0)
			break;
		child = fork();
		if (!child) {
			fixture_load(&fixture);
			for (long i = 1001; i < 60000; i++) {
				char text[24];

				snprintf(text, sizeof(text), "%ld", i);
				if (set(&fixture, SETTING_UARTFT, text) < 0 ||
				    write(confirmed[1], &i, sizeof(i)) != sizeof(i))
					_exit(1);
			}
			_exit(0);
		}
		close(confirmed[1]);
		usleep((useconds_t)(random() % 20000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(confirmed[0], &value, sizeof(value)) == sizeof(value))
			last = value;
		close(confirmed[0]);
		fixture_load(&fixture);
		value = uartft(&fixture);
		ok = settings_state(fixture.settings) == STORE_GOOD &&
		     (last == 1000 || value == last || value == last + 1);
		if (!ok)
			printf("# round %d: state %d, confirmed %ld, found %ld\n", round,
			       (int)settings_state(fixture.settings), last, value);
		settings_free(fixture.settings);
	}
	tap_ok(ok, "killed %d times while it stored: always the confirmed value or the next", round);
	fixture_remove(fixture.folder);
}

/* Rows that this table does not have yet: the types are complete. */
static void test_types(void)
{
	static const struct param params[] = {
		{ .name = "n", .type = PARAM_INT, .ranges = { { 0, 0 }, { 60, 65535 } } },
		{ .name = "d", .type = PARAM_DIGITS, .ranges = { { 3, 20 } } },
		{ .name = "h", .type = PARAM_HEX, .ranges = { { 0, 4 } } },
		{ .name = "e", .type = PARAM_ASCII, .ranges = { { 8, 8 } } },
		{ .name = "r", .type = PARAM_REST, .ranges = { { 0, 256 } }, .optional = true },
		{ 0 },
	};
	static const struct param raw[] = { { .name = "c", .type = PARAM_REST, .ranges = { { 1, 2000 } }, .raw = true },
					    { 0 } };
	static const struct {
		const char *text;
		int want;
		const char *printed;
	} cases[] = {
		{ "0,123,,12345678,", 5, "0,123,,12345678," },
		{ ",123,,12345678", 4, "0,123,,12345678" },
		{ "60,123,0aFF,12345678,a,b=c", 5, "60,123,0aFF,12345678,a[2C]b[3D]c" },
		{ "65535,12345678901234567890,01020304,12345678, x [2C] ", 5,
		  "65535,12345678901234567890,01020304,12345678,x [2C]" },
		{ "1,123,,12345678", -EINVAL, NULL },
		{ "59,123,,12345678", -EINVAL, NULL },
		{ "65536,123,,12345678", -EINVAL, NULL },
		{ "0,12,,12345678", -EINVAL, NULL },
		{ "0,123456789012345678901,,12345678", -EINVAL, NULL },
		{ "0,12a,,12345678", -EINVAL, NULL },
		{ "0,123,0,12345678", -EINVAL, NULL },
		{ "0,123,0g,12345678", -EINVAL, NULL },
		{ "0,123,0102030405,12345678", -EINVAL, NULL },
		{ "0,123,,1234567", -EINVAL, NULL },
		{ "0,123,,123456789", -EINVAL, NULL },
		{ "0,123,", -EINVAL, NULL },
	};
	_cleanup_buf_ struct buf out = { 0 };
	struct value values[SETTING_PARAMS];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = values_parse(params, cases[i].text, strlen(cases[i].text), values);

		tap_is(n, cases[i].want, cases[i].text);
		if (n < 0)
			continue;
		buf_clear(&out);
		values_print(&out, params, values, (size_t)n, false);
		tap_same(buf_bytes(&out), out.length, cases[i].printed, strlen(cases[i].printed), "and is printed so");
		values_free(values, (size_t)n);
	}
	buf_clear(&out);
	ranges_print(&out, params);
	tap_same(buf_bytes(&out), out.length, "(0,60~65535),(3~20),(0~4),(8),(0~256)", 37, "ranges");
	tap_is(values_parse(raw, "ls [2C],x", 9, values), 1, "a raw parameter");
	tap_same(values[0].bytes, values[0].length, "ls [2C],x", 9, "is not unescaped");
	values_free(values, 1);
}

int main(void)
{
	/* Nothing here may wait: not for a lock, not for the other end of a FIFO. */
	alarm(60);
	/* The messages are part of what is meant to happen. */
	log_set_level((enum log_level)0);
	test_new();
	test_folder();
	test_restore();
	test_last();
	test_damaged();
	test_every_cut();
	test_partial();
	test_both_bad();
	test_many_damaged();
	test_odd_files();
	test_full_disk();
	test_full_filesystem();
	test_read_only_folder();
	test_killed();
	test_types();
	return tap_done();
}
