#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lab: host
# timeout: 300
# The lab tells the truth: output, exit status, simulated time, and what the kernel complains about.
set -u
cd "$(dirname "$0")/../.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0
failures=0

# check WHAT COMMAND...
check()
{
	local what=$1
	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests - $what"
	else
		echo "not ok $tests - $what"
		echo "# lab's exit status was $status"
		tail -n 5 "$work/out" "$work/err" | cut -c1-200 | sed 's/^/# /'
		failures=$((failures + 1))
	fi
}

# lab ARGUMENT...: sets status and leaves $work/out and $work/err.
lab()
{
	status=0
	scripts/lab "$@" > "$work/out" 2> "$work/err" || status=$?
}

status_is() { [ "$status" = "$1" ]; }
out_is() { [ "$(cat "$work/out")" = "$1" ]; }
err_is() { [ "$(cat "$work/err")" = "$1" ]; }
err_has() { grep -q -e "$1" "$work/err"; }
reported() { status_is 125 && err_has "$1"; }

fast=(--time=fast --flavour=lean --no-module)
lab "${fast[@]}" -- true
check "true: status 0" status_is 0
lab "${fast[@]}" -- false
check "false: status 1" status_is 1
lab "${fast[@]}" -- sh -c 'exit 7'
check "exit 7: status 7" status_is 7
lab "${fast[@]}" -- there-is-no-such-command
check "a command that is not there: status 127" status_is 127
lab "${fast[@]}" -- sh -c 'kill -9 $$'
check "a killed command: status 128 + signal" status_is 137

lab "${fast[@]}" -- sh -c 'echo out; echo err >&2'
check "stdout comes through alone" out_is out
check "stderr comes through alone" err_is err
lab "${fast[@]}" -- printf '%s|' 'a b' "it's" '$HOME' ''
check "arguments come through as they are" out_is "a b|it's|\$HOME||"
lab "${fast[@]}" -- pwd
check "the command runs in the caller's folder" out_is "$PWD"

mkdir -p build
head -c 1048576 /dev/urandom > build/test-lab.random
lab "${fast[@]}" -- cat build/test-lab.random
check "1 MiB of any bytes is exact" cmp -s "$work/out" build/test-lab.random
rm -f build/test-lab.random

# A clone in /tmp must be seen although the lab's /tmp is empty.
top=$PWD
mkdir "$work/folder"
echo there > "$work/folder/file"
status=0
(cd "$work/folder" && "$top/scripts/lab" "${fast[@]}" -- cat file) > "$work/out" 2> "$work/err" || status=$?
check "a caller's folder in /tmp is there" out_is there

lab "${fast[@]}" --out "$work/results" -- sh -c "echo kept > '$work/results/file'; echo gone > /etc/dtu-lab-test"
check "--out: what is written there stays" grep -qx kept "$work/results/file"
check "what is written elsewhere is gone" test ! -e /etc/dtu-lab-test
lab "${fast[@]}" -- sh -c 'sleep 1000000 & echo left'
check "a process left behind does not hold the lab" out_is left

start=$SECONDS
lab --time=fast -- sh -c 'a=$(date +%s); sleep 300; b=$(date +%s); echo $((b - a))'
check "300 simulated seconds are 300 seconds inside" out_is 300
check "and take less than 20 outside" test $((SECONDS - start)) -lt 20
check "n_dtu is loaded, and unloads" status_is 0
lab --time=fast -- grep -w n_dtu /proc/tty/ldiscs
check "n_dtu is a line discipline" status_is 0

lab "${fast[@]}" --timeout=3 --time=real -- sleep 60
check "--timeout: status 124, and it says so" eval 'status_is 124 && err_has "killed after 3 s"'
lab --time=never -- true
check "a wrong option: status 2 and one line" eval 'status_is 2 && [ "$(wc -l < "$work/err")" = 1 ]'
lab --vm=vax -- true
check "a machine that is not there: status 2" status_is 2

mapfile -t faults < <(scripts/module --from=tests/lab/faults "$(scripts/lab-kernel debug)" ARCH=um SUBARCH=x86_64)
fault()
{
	local ko
	for ko in "${faults[@]}"; do
		[[ $ko != */fault_$1.ko ]] || lab --no-module --time=fast -- insmod "$ko" "${@:2}"
	done
}
fault warn
check "a warning fails the run" reported 'WARNING: '
fault overrun
check "an access out of bounds fails the run" reported 'KASAN: slab-out-of-bounds'
fault lock
check "a wrong order of locks fails the run" reported 'possible circular locking'
fault oops
check "an oops fails the run" reported 'Kernel panic'
fault leak leak=now
check "a leak fails the run" reported 'memory leaked (before'
fault leak leak=exit
check "a leak of the module's exit fails the run" reported 'memory leaked (after'
fault stuck
check "a module that cannot be unloaded fails the run" reported 'cannot be unloaded'

echo "1..$tests"
[ $failures -eq 0 ]
