// SPDX-License-Identifier: MIT
/*
 * Loaded into QEMU (LD_PRELOAD): when did the emulated UART get each byte? QEMU takes from a serial
 * port's socket what the UART has room for and puts it there in the same breath, so the time of each
 * recvmsg() is that of the byte on the emulated line, however late QEMU ran. It has no other socket
 * here. Appends a line to the file FIFO_TAP for each: CLOCK_REALTIME in ns, and the bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static ssize_t (*next_recvmsg)(int, struct msghdr *, int);
static int log_fd = -1;

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("FIFO_TAP");

	next_recvmsg = (ssize_t(*)(int, struct msghdr *, int))dlsym(RTLD_NEXT, "recvmsg");
	/* The shell that starts QEMU has us loaded too. */
	if (path && !strncmp(program_invocation_short_name, "qemu-system", 11))
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void note(const struct msghdr *message, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = message->msg_iov[0].iov_base;
	struct timespec now;
	char line[1024];
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	length = snprintf(line, sizeof(line), "%llu ",
			  (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec);
	for (size_t i = 0; i < n && length < (int)sizeof(line) - 3; i++) {
		line[length++] = digits[bytes[i] >> 4];
		line[length++] = digits[bytes[i] & 15];
	}
	line[length++] = '\n';
	if (write(log_fd, line, (size_t)length) != length)
		abort();
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n = next_recvmsg(fd, message, flags);

	if (n > 0 && log_fd >= 0 && message->msg_iovlen > 0)
		note(message, (size_t)n);
	return n;
}
