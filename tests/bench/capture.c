// SPDX-License-Identifier: MIT
#include "capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../kselftest/port.h"

#define HEADERS_MAX 128
#define BUFFER_BYTES (64 << 20)

/* Where an IPv4 header names the protocol. */
#define IP_PROTOCOL 9

/* TCP only, and its headers only: what is kept is not copied whole. */
static void filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, HEADERS_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		die("SO_ATTACH_FILTER");
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Packets carry CLOCK_REALTIME, which nobody sets here. The closest of many tries is the best. */
static int64_t realtime_to_monotonic(void)
{
	int64_t best = INT64_MAX, offset = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t before = read_clock(CLOCK_MONOTONIC);
		int64_t real = read_clock(CLOCK_REALTIME);
		int64_t after = read_clock(CLOCK_MONOTONIC);

		if (after - before >= best)
			continue;
		best = after - before;
		offset = before + best / 2 - real;
	}
	return offset;
}

void capture_open(struct capture *capture)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int on = 1, size = BUFFER_BYTES;

	capture->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	address.sll_ifindex = (int)if_nametoindex("lo");
	if (capture->fd < 0 || !address.sll_ifindex)
		die("a packet socket on lo");
	filter(capture->fd);
	if (setsockopt(capture->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(capture->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(capture->fd, (struct sockaddr *)&address, sizeof(address)))
		die("a packet socket on lo");
	capture->to_monotonic_ns = realtime_to_monotonic();
}

static uint64_t packet_ns(const struct capture *capture, struct msghdr *message)
{
	struct timespec time = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&time, CMSG_DATA(c), sizeof(time));
	return (uint64_t)(time.tv_sec * 1000000000LL + time.tv_nsec + capture->to_monotonic_ns);
}

/* False: it has no data. */
static bool parse(const uint8_t *packet, size_t size, struct segment *segment)
{
	struct iphdr ip;
	struct tcphdr tcp;
	uint32_t headers;

	if (size < sizeof(ip))
		return false;
	memcpy(&ip, packet, sizeof(ip));
	if (size < ip.ihl * 4 + sizeof(tcp))
		return false;
	memcpy(&tcp, packet + ip.ihl * 4, sizeof(tcp));
	headers = ip.ihl * 4U + tcp.doff * 4U;
	segment->from = ntohs(tcp.source);
	segment->to = ntohs(tcp.dest);
	segment->sequence = ntohl(tcp.seq);
	segment->length = ntohs(ip.tot_len) - headers;
	return ntohs(ip.tot_len) > headers;
}

bool capture_next(struct capture *capture, struct segment *segment)
{
	uint8_t packet[HEADERS_MAX], control[64];

	for (;;) {
		struct iovec part = { packet, sizeof(packet) };
		struct msghdr message = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(capture->fd, &message, 0);

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			die("the packet socket");
		if (!parse(packet, (size_t)n, segment))
			continue;
		segment->ns = packet_ns(capture, &message);
		return true;
	}
}

uint32_t capture_lost(struct capture *capture)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		die("PACKET_STATISTICS");
	return stats.tp_drops;
}
