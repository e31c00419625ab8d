# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Read by scripts/lab: how to start User Mode Linux.

kmake_args=(ARCH=um SUBARCH=x86_64)

prepare()
{
	kdir=$("$top/scripts/lab-kernel" "$flavour") || die 125 "there is no kernel to run"
}

# boot batch|interactive
boot()
{
	local args=(mem="${memory_mb}M" root=/dev/root rootfstype=hostfs rootflags=/ ro
		init="$run/init" lab_run="$run" uml_dir="$run" umid=uml con=null "con0=fd:0,fd:1"
		oops=panic panic=-1 kunit.enable=1 log_buf_len=1M)
	[ "$time" = real ] || args+=(time-travel=inf-cpu)
	export TMPDIR=$base # where UML keeps the guest's memory
	if [ "$1" = interactive ]; then
		"$kdir/linux" "${args[@]}" loglevel=1
		return
	fi
	exec timeout --foreground -k 5 "$timeout" "$kdir/linux" "${args[@]}" loglevel=8 > "$run/console"
}

# What runs in the guest are processes of UML's own group, and outlive it when it is killed.
clean_up()
{
	local group
	group=$(cat "$run/uml/pid" 2> /dev/null) || return 0
	kill -KILL -- "-$group" 2> /dev/null || true
}
