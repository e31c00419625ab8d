# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Read by scripts/lab: how to start a board in QEMU, arm64 with a device tree. It cannot run the
# host's programs, so its files are Debian's for arm64, with the caller's folder and the project at
# their places. ttyAMA0 is the console; ttyS0 to ttyS3 are 8250 ports, ttyS1 and ttyS2 joined.

kmake_args=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)

prepare()
{
	vm_dir=${kernel:-$("$top/scripts/kernels" --prepare arm64-6.12)} || die 125 "there is no kernel to run"
	kdir=$vm_dir/build
	memory_mb=1024
}

# The host's tools cannot build for each suite's kernel.
build_module()
{
	"$top/scripts/kernels" --module "$(basename "$vm_dir")"
}

# The machine's own device tree with a name for its port, as a board's has.
device_tree()
{
	qemu-system-aarch64 "${machine[@]}" -machine dumpdtb="$run/board.dtb" > /dev/null 2>&1 &&
		fdtput -p -t s "$run/board.dtb" /aliases serial0 /pl011@9000000
}

# with_folders COMMAND...: in a mount name space of its own, where the guest's files hold the host's folders.
with_folders()
{
	local folder folders=("$vm_dir" "$top") guest
	guest=$(realpath "$vm_dir/guest")
	for folder in "$PWD" ${out:+"$out"}; do
		[[ $folder = / || $folder/ = "$top"/* ]] || folders+=("$folder")
	done
	for folder in "${folders[@]}"; do
		mkdir -p "$guest$folder"
	done
	exec timeout --foreground -k 5 "$timeout" unshare -m sh -c '
		guest=$1 n=$2
		shift 2
		while [ "$n" -gt 0 ]; do
			mount --bind "$1" "$guest$1" || exit 1
			shift
			n=$((n - 1))
		done
		exec "$@"' sh "$guest" "${#folders[@]}" "${folders[@]}" "$@"
}

# boot batch|interactive
boot()
{
	local machine=(-M virt -cpu cortex-a53 -smp 2 -m "$memory_mb" -accel "tcg,thread=multi" -nodefaults
		-no-user-config -no-reboot -display none)
	device_tree || return
	local args=("${machine[@]}" -dtb "$run/board.dtb" -rtc clock=host
		-kernel "$vm_dir/vmlinuz" -initrd "$vm_dir/initramfs"
		-append "console=ttyAMA0 oops=panic panic=-1 log_buf_len=1M lab_vm=arm64 loglevel=$([ "$1" = batch ] && echo 5 || echo 1)"
		-virtfs "local,path=$(realpath "$vm_dir/guest"),mount_tag=root,security_model=none,readonly=on,multidevs=remap"
		-virtfs "local,path=$run,mount_tag=run,security_model=none"
		-device virtio-rng-pci)
	if [ -n "$out" ]; then
		args+=(-virtfs "local,path=$out,mount_tag=out,security_model=none")
	fi

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
	args+=(-serial chardev:console -chardev "null,id=s0" -chardev "null,id=s3"
		-device "pci-serial-4x,chardev1=s0,chardev2=s1,chardev3=s2,chardev4=s3")
	with_folders qemu-system-aarch64 "${args[@]}"
}

clean_up()
{
	:
}
