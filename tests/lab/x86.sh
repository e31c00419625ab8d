# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Read by scripts/lab: how to start a kernel in QEMU.

kmake_args=()

prepare()
{
	vm_dir=${kernel:-$("$top/scripts/vm-kernel" "$flavour")} || die 125 "there is no kernel to run"
	kdir=$vm_dir/build
	# The search for leaks looks at all of it, at the pace of an emulated processor.
	[ "$flavour" = debug ] || memory_mb=1024
}

# boot batch|interactive
boot()
{
	local words=("console=ttyS0,115200" oops=panic panic=-1 log_buf_len=1M lab_vm=x86
		loglevel="$([ "$1" = batch ] && echo 5 || echo 1)")
	local machine=pc
	if [ "$flavour" = debug ]; then
		# A pc's interrupts are a program of the firmware, which takes this kernel minutes to run; q35 has a table.
		machine=q35
		words+=(kunit.enable=1 tsc=reliable no_timer_check)
	fi
	local args=(-machine "$machine" -accel "${DTU_ACCEL:-tcg,thread=multi}" -cpu max -smp 2 -m "$memory_mb"
		-nodefaults -no-user-config -no-reboot -display none -rtc clock=host
		-kernel "$vm_dir/vmlinuz" -initrd "$vm_dir/initramfs" -append "${words[*]}"
		-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"
		-virtfs "local,path=$run,mount_tag=run,security_model=none"
		-device virtio-rng-pci)
	if [ -n "$out" ]; then
		args+=(-virtfs "local,path=$out,mount_tag=out,security_model=none")
	fi

	# ttyS0 is the console. A null-modem cable is a socket whose two ends are both ours.
	if [ "$1" = interactive ]; then
		args+=(-chardev "stdio,id=console,signal=off")
	else
		args+=(-chardev "file,id=console,path=$run/console")
	fi
	args+=(-chardev "socket,id=s1,path=${serial:-$run/cable},server=on,wait=off")
	if [ -z "$serial" ]; then
		args+=(-chardev "socket,id=s2,path=$run/cable,reconnect=1")
	else
		args+=(-chardev "null,id=s2")
	fi
	args+=(-serial chardev:console -serial chardev:s1 -serial chardev:s2)
	# Who measures changes the machine: arguments that win over those above, one a line.
	[ -z "${DTU_QEMU-}" ] || mapfile -t -O "${#args[@]}" args <<< "$DTU_QEMU"

	if [ "$1" = interactive ]; then
		qemu-system-x86_64 "${args[@]}"
		return
	fi
	exec timeout --foreground -k 5 "$timeout" qemu-system-x86_64 "${args[@]}"
}

clean_up()
{
	:
}
