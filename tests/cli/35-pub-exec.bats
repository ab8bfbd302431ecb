# sse-pub -x: before a command it changes nothing for it, and publishes.

bats_require_minimum_version 1.5.0
load helper

# published TYPE: the data of the events of this type.
published() {
	redis XRANGE sse:log:job - + | awk -v t="$1" '
		was == "event" { type = $0 }
		was == "data" && type == t
		{ was = $0 }'
}

# exit_is MEMBER VALUE: of the last exit event.
exit_is() {
	published exit | tail -n 1 | python3 -c '
import json, sys
member, value = sys.argv[1:]
got = json.load(sys.stdin)
assert set(got) == {"status", "signal", "seconds", "cpu", "memory"}, got
assert got[member] == json.loads(value), got' "$1" "$2"
}

@test "its lines are events as they come, then how it ended" {
	start_redis
	feed_open
	spawn pub sse-pub -x job sh -c 'while read -r l; do echo "$l"; done;
	    echo oops >&2; exit 3' <feed
	feed one
	await lines 1
	feed two
	await lines 2
	feed_close
	await_exit pub
	[ "$status" -eq 3 ]
	[ "$(published stdout)" = $'one\ntwo' ]
	[ "$(published stderr)" = oops ]
	exit_is status 3
	exit_is signal 0
	[ "$(cat pub.out)" = $'one\ntwo' ]
	[ "$(cat pub.err)" = oops ]
}

lines() {
	[ "$(published stdout | wc -l)" = "$1" ]
}

@test "the output passes through byte for byte, and not with -q" {
	start_redis
	printf 'a\0b\r\nc\xff\n\nhalf' >want
	run -0 --separate-stderr true
	sse-pub -x job cat want >got
	cmp want got
	sse-pub -q -x job sh -c 'cat want; echo oops >&2' >got 2>&1
	[ ! -s got ]
	redis --csv XRANGE sse:log:job - + | grep -q '"a\\x00b"'
	[ "$(published stdout | grep -c '^half$')" = 2 ]
}

@test "the exit status is the command's" {
	start_redis
	run -7 sse-pub -x job sh -c 'exit 7'
	exit_is status 7
	run -137 sse-pub -x job sh -c 'kill -9 $$'
	exit_is status 137
	exit_is signal 9
	run -127 sse-pub -x job /no/such/command
	exit_is status 127
	[[ "$output" = *'/no/such/command: No such file'* ]]
	: >plain
	run -126 sse-pub -x job ./plain
	exit_is status 126
	run -0 sse-pub -x job true
	stop_redis
	run -9 sse-pub -x job sh -c 'exit 9'
	[[ "$output" = *refused* ]]
}

@test "it tells what the command has used" {
	start_redis
	sse-pub -x job python3 -c 'x = b"x" * 50000000
for i in range(3000000): pass' 
	published exit | python3 -c '
import json, sys
got = json.load(sys.stdin)
assert got["memory"] > 50e6 and got["cpu"] > 0.01, got
assert got["seconds"] >= got["cpu"] / 4, got'
}

@test "signals go to the command" {
	start_redis
	for signal in TERM INT HUP USR1; do
		rm -f ready
		# A shell's background process ignores SIGINT.
		spawn pub env --default-signal=INT,HUP sse-pub -x job sh -c \
		    "trap 'echo got $signal; exit 5' $signal; : >ready
		    while :; do sleep 0.02; done"
		await test -e ready
		stop pub $signal
		[ "$status" -eq 5 ]
		published stdout | grep -qx "got $signal"
	done
	spawn pub sse-pub -x job sleep 1000
	await started
	stop pub TERM
	[ "$status" -eq 143 ]
	exit_is signal 15
}

started() {
	pgrep -P "${PIDS[pub]}" sleep >/dev/null
}

@test "a grandchild that holds the output is not waited for" {
	start_redis
	SECONDS=0
	sse-pub -x job sh -c 'sleep 1000 & echo $! >grandchild; echo done' >out
	[ $SECONDS -lt $((10 * SLOW)) ]
	kill "$(cat grandchild)"
	[ "$(cat out)" = done ]
	exit_is status 0
}

@test "a Redis that hangs is not waited for: without a spool it is counted" {
	start_redis
	kill -STOP "${PIDS[redis]}"
	# Far more than pipes and buffers hold.
	run --separate-stderr limit sse-pub --timeout 2s -q -x job \
	    sh -c 'yes 0123456789 | head -n 2000000; date +%s >done; exit 3'
	kill -CONT "${PIDS[redis]}"
	[ "$status" -eq 3 ]
	[[ "$stderr" = *' lines were not published'* ]]
	[ -s done ]
}

@test "when the command has ended, a signal ends the wait for Redis" {
	start_redis
	kill -STOP "${PIDS[redis]}"
	for signal in TERM INT HUP; do
		spawn pub env --default-signal=INT,HUP sse-pub --timeout 600s \
		    -x job sh -c 'echo $$ >ran; echo hello; exit 3'
		await_grep hello pub.out
		await_gone "$(cat ran)"
		stop pub $signal
		[ "$status" -eq 3 ]
		grep -q interrupted pub.err
	done
	kill -CONT "${PIDS[redis]}"
}

@test "a Redis that hangs is not waited for: with a spool all of it is there" {
	start_redis
	sse-pub news before
	kill -STOP "${PIDS[redis]}"
	run -3 --separate-stderr limit sse-pub --timeout 60s --spool spool -q \
	    -x job sh -c 'seq 200000; : >done; exit 3'
	[ -e done ]
	grep -q 'wait in the spool' <<<"$stderr"
	kill -CONT "${PIDS[redis]}"
	sse-pub --flush --spool spool -n 1000000
	published stdout | cmp - <(seq 200000)
	exit_is status 3
}

@test "lines that never end are cut, and memory stays flat" {
	start_redis
	spawn pub sse-pub -q --max-event 64k -x job sh -c \
	    'tr "\0" x </dev/zero | head -c 20000000; echo; read -r x' \
	    < <(sleep 5)
	await_grep VmHWM "/proc/${PIDS[pub]}/status"
	await all_cut
	memory=$(awk '/^VmHWM/ { print $2 }' "/proc/${PIDS[pub]}/status")
	echo "$memory kB"
	[ "$SLOW" -gt 1 ] || [ "$memory" -le 10240 ]
	stop pub TERM
}

all_cut() {
	[ "$(redis XLEN sse:log:job)" -ge 306 ]
}

@test "nothing of it is left behind" {
	start_redis
	sse-pub -x job ls /proc/self/fd >fds
	ls /proc/self/fd | cmp - fds
	# Whatever the tests were started by.
	local default='env --default-signal=PIPE'
	$default sse-pub -x job cat /proc/self/status >status
	grep -E '^Sig(Blk|Ign|Cgt)' status >got
	grep -E '^Sig(Blk|Ign|Cgt)' <($default cat /proc/self/status) >want
	diff want got
	# Nor is what was ignored before it, by systemd for one.
	env --ignore-signal=PIPE,HUP sse-pub -x job cat /proc/self/status |
	    grep -E '^Sig(Blk|Ign|Cgt)' >got
	env --ignore-signal=PIPE,HUP cat /proc/self/status |
	    grep -E '^Sig(Blk|Ign|Cgt)' >want
	diff want got
}
