#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: host
# alone: yes
# timeout: 300
# The x86 lab: Debian's stock kernel with two processors and serial ports that are joined.
set -u
cd "$(dirname "$0")/../.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0
failures=0

check()
{
	local what=$1
	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests - $what"
	else
		echo "not ok $tests - $what"
		tail -n 5 "$work/out" "$work/err" | cut -c1-200 | sed 's/^/# /'
		failures=$((failures + 1))
	fi
}

lab()
{
	status=0
	scripts/lab --vm=x86 "$@" > "$work/out" 2> "$work/err" || status=$?
}

out_has() { grep -qx -e "$1" "$work/out"; }
err_has() { grep -q -e "$1" "$work/err"; }

cat > "$work/cable" <<'END'
echo err >&2
echo "processors $(nproc)"
stty -F /dev/ttyS1 115200 raw -echo
stty -F /dev/ttyS2 115200 raw -echo
exec 3<> /dev/ttyS1 4<> /dev/ttyS2
timeout 20 head -c 20000 <&4 | cmp - /dev/shm/there && echo "there exact" &
timeout 20 head -c 20000 <&3 | cmp - /dev/shm/back && echo "back exact" &
sleep 0.5
cat /dev/shm/there >&3 &
cat /dev/shm/back >&4 &
wait
exit 7
END
lab --no-module -- sh -c "head -c 20000 /dev/urandom > /dev/shm/there
	head -c 20000 /dev/urandom > /dev/shm/back
	$(cat "$work/cable")"
check "the command's status comes through" test "$status" = 7
check "two processors" out_has 'processors 2'
check "stderr comes through alone" err_has '^err$'
check "ttyS1 to ttyS2 is exact" out_has 'there exact'
check "ttyS2 to ttyS1 is exact" out_has 'back exact'

# The guest's port drops what comes before it is open: so it speaks first.
(
	for ((i = 0; i < 600; i++)); do
		[ -S "$work/socket" ] && break
		sleep 0.1
	done
	exec socat -t 60 "UNIX-CONNECT:$work/socket" SYSTEM:'read -r word; echo "you said $word"'
) &
lab --no-module --serial="$work/socket" -- bash -c '
	stty -F /dev/ttyS1 115200 raw -echo
	exec 3<> /dev/ttyS1
	echo hello >&3
	IFS= read -r -t 20 reply <&3
	echo "$reply"'
check "--serial: ttyS1 is a socket of the host" out_has 'you said hello'
wait

mapfile -t faults < <(scripts/module --from=tests/lab/faults "$(scripts/vm-kernel)/build")
for ko in "${faults[@]}"; do
	case $ko in
	*/fault_warn.ko)
		lab --no-module -- insmod "$ko"
		check "a warning fails the run" eval '[ "$status" = 125 ] && err_has WARNING:'
		;;
	*/fault_oops.ko)
		lab --no-module -- insmod "$ko"
		check "an oops fails the run" eval '[ "$status" = 125 ] && err_has "Kernel panic"'
		;;
	esac
done
lab --no-module --timeout=20 -- sleep 60
check "--timeout: status 124" test "$status" = 124
lab -- grep -w n_dtu /proc/tty/ldiscs
check "n_dtu loads, and unloads" test "$status" = 0

echo "1..$tests"
[ $failures -eq 0 ]
