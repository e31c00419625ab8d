// SPDX-License-Identifier: MIT
#include "status.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "at/version.h"
#include "base/report.h"

static uint64_t seconds_since(const struct device *device, uint64_t us)
{
	uint64_t now = 0;

	sd_event_now(device->loop, CLOCK_MONOTONIC, &now);
	return now > us ? (now - us) / 1000000 : 0;
}

static void put_settings(struct report *report, const struct device *device)
{
	static const char *const states[] = {
		[STORE_GOOD] = "good",
		[STORE_NEW] = "new: factory values",
		[STORE_RECOVERED] = "DAMAGED: the last good copy is in use",
		[STORE_RESET] = "DAMAGED, and no good copy: factory values are in use",
	};
	int error = settings_error(device->settings);

	report_open(report, "settings");
	report_text(report, "folder", device->state);
	report_text(report, "state", states[settings_state(device->settings)]);
	report_text(report, "damaged_file", settings_aside(device->settings));
	report_text(report, "store_error", error ? strerror(-error) : NULL);
	report_close(report);
}

static void put_port(struct report *report, const struct device *device)
{
	static const char *const names[DTU_A_STATS_MAX + 1] = {
		[DTU_A_STATS_RX_BYTES] = "rx_bytes",
		[DTU_A_STATS_TX_BYTES] = "tx_bytes",
		[DTU_A_STATS_FRAMES] = "frames",
		[DTU_A_STATS_CUT_GAP] = "cut_gap",
		[DTU_A_STATS_CUT_LENGTH] = "cut_length",
		[DTU_A_STATS_LINES] = "lines",
		[DTU_A_STATS_LINES_TOO_LONG] = "lines_too_long",
		[DTU_A_STATS_ESCAPES_SEEN] = "escapes_seen",
		[DTU_A_STATS_ESCAPES_CONFIRMED] = "escapes_confirmed",
		[DTU_A_STATS_ESCAPES_ABORTED] = "escapes_aborted",
		[DTU_A_STATS_PARITY] = "parity_errors",
		[DTU_A_STATS_FRAMING] = "framing_errors",
		[DTU_A_STATS_BREAK] = "breaks",
		[DTU_A_STATS_OVERRUN] = "overruns",
		[DTU_A_STATS_HELD] = "held",
		[DTU_A_STATS_TIMER_DEFERRED] = "timer_deferred",
		[DTU_A_STATS_FLUSHED] = "flushed_bytes",
		[DTU_A_STATS_GAP_AMBIGUOUS] = "gap_ambiguous",
		[DTU_A_STATS_BOUNDARY_UNKNOWN] = "boundary_unknown",
		[DTU_A_STATS_TIMER_LATE] = "timer_late",
		[DTU_A_STATS_TIMER_LATE_MAX_NS] = "timer_late_max_ns",
		[DTU_A_STATS_BUFFER] = "buffer_overrun_bytes",
		[DTU_A_STATS_THROTTLED] = "throttled",
	};
	_Static_assert(DTU_A_STATS_MAX == DTU_A_STATS_THROTTLED, "a new counter needs a name here");
	struct port_stats stats;
	int ret = port_stats(device->port, &stats);

	report_open(report, "port");
	report_text(report, "name", stats.name);
	report_text(report, "framing", stats.framing);
	report_text(report, "error", ret < 0 ? strerror(-ret) : NULL);
	report_text(report, "line_error", device->line_error < 0 ? strerror(-device->line_error) : NULL);
	report_text(report, "mode", stats.line.mode == DTU_MODE_LINE ? "command" : "data");
	report_number(report, "gap_us", stats.line.gap_ns / 1000);
	report_number(report, "uart_keeps_first_byte_us", stats.line.head_ns / 1000);
	report_number(report, "uart_keeps_last_byte_us", stats.line.tail_ns / 1000);
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		report_number(report, names[i], stats.line.counters[i]);
	report_number(report, "queued_bytes", stats.queued);
	report_number(report, "frames_lost", device->frames_lost);
	report_number(report, "replies_lost", device->replies_lost);
	report_close(report);
}

static void put_address(struct report *report, const struct mode_socket *status)
{
	char address[320];

	(void)snprintf(address, sizeof(address), "%s,%s,%u", status->protocol, status->host, status->port);
	report_text(report, "address", address);
}

static void put_socket(struct report *report, const struct device *device, unsigned int socket, const char *name)
{
	struct mode_socket status;

	if (!device->mode || !device->mode_ops || !device->mode_ops->socket(device->mode, socket, &status))
		return;
	report_open(report, name);
	report_flag(report, "enabled", status.enabled);
	put_address(report, &status);
	report_text(report, "blocked", status.blocked);
	report_text(report, "state", link_state_name(status.link.state));
	report_number(report, "since_s", seconds_since(device, status.link.since_us));
	report_text(report, "peer", status.link.peer[0] ? status.link.peer : NULL);
	report_text(report, "last_error", status.link.error);
	report_number(report, "connects", status.link.connects);
	report_number(report, "failures", status.link.failures);
	report_number(report, "tx_frames", status.link.tx_frames);
	report_number(report, "tx_bytes", status.link.tx_bytes);
	report_number(report, "rx_reads", status.link.rx_reads);
	report_number(report, "rx_bytes", status.link.rx_bytes);
	report_number(report, "queued_frames", status.link.queued);
	report_number(report, "dropped_queue_full", status.link.dropped_full);
	report_number(report, "dropped_send_error", status.link.dropped_error);
	report_number(report, "unreachable", status.link.unreachable);
	report_number(report, "downlink_bytes", status.downlink);
	report_number(report, "downlink_dropped", status.downlink_dropped);
	report_number(report, "dropped_unread_bytes", status.link.dropped_rx);
	report_number(report, "cut_datagrams", status.link.cut_rx);
	report_close(report);
}

void status_print(const struct device *device, bool json, struct buf *out)
{
	const char *mode = settings_text(device->settings, SETTING_WKMOD, 0);
	struct report report;

	report_begin(&report, out, json);
	report_text(&report, "version", version_text());
	report_number(&report, "up_s", seconds_since(device, device->started_us));
	report_number(&report, "restarts", device->restarts);
	report_text(&report, "mode", device->mode_ops ? device->mode_ops->name : NULL);
	report_text(&report, "mode_error", device->mode ? NULL : "does not run: serial data is dropped");
	report_text(&report, "mode_setting", mode);
	put_settings(&report, device);
	put_port(&report, device);
	put_socket(&report, device, 0, "socket_a");
	put_socket(&report, device, 1, "socket_b");
	report_end(&report);
}
