# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Read by scripts/lab: how to start Debian's stock kernel in QEMU.

kmake_args=()

prepare()
{
	vm_dir=$("$top/scripts/vm-kernel") || die 125 "there is no kernel to run"
	kdir=$vm_dir/build
	flavour=stock
	memory_mb=1024
}

# boot batch|interactive
boot()
{
	local args=(-accel tcg -cpu max -smp 2 -m "$memory_mb" -nodefaults -no-user-config -no-reboot
		-display none -rtc clock=host
		-kernel "$vm_dir/vmlinuz" -initrd "$vm_dir/initramfs"
		-append "console=ttyS0,115200 oops=panic panic=-1 log_buf_len=1M lab_vm=x86 loglevel=$([ "$1" = batch ] && echo 5 || echo 1)"
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
