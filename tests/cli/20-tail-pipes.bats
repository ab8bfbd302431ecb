# sse-tail in a pipeline: signals, readers that stall or go.

bats_require_minimum_version 1.5.0
load helper
load tail

@test "each event is printed when it comes, none is held back" {
	mkfifo in
	exec {in}<>in
	spawn tail sse-tail - <in
	for i in 1 2 3; do
		printf 'data: %s\n\n' $i >&"$in"
		await_lines $i tail.out
	done
	exec {in}>&-
	stop tail
	[ "$status" -eq 143 ]
}

# Some of it is held back while the reader sleeps, and goes on afterwards.
@test "a stream goes on however much has passed" {
	limit sse-tail "$BAD/flood" | { sleep 1; head -n 300000; } |
	    cmp - <(seq 0 299999)
	limit sse-tail -n 100000 "$BAD/drip" | cmp - <(seq 0 99999)
	limit sse-tail -n 100000 -f 'so {data}\n' "$BAD/drip" |
	    cmp - <(seq -f 'so %.0f' 0 99999)
}

@test "a reader that has gone ends it at once with 0, also when nothing comes" {
	for reader in 'head -n 1' 'grep -q one' 'true'; do
		for signal in --default-signal --ignore-signal; do
			limit env "$signal=PIPE" bash -c "
				set -o pipefail
				sse-tail $BAD/one 2>said | $reader"
			silent
		done
	done
	limit bash -c "set -o pipefail; sse-tail $BAD/mute 2>said | true"
	limit bash -c "set -o pipefail; sse-tail $BAD/flood 2>said | head -n 3" |
	    diff - <(seq 0 2)
	silent
	# While it waits to connect again.
	limit bash -c "set -o pipefail; sse-tail $BAD/close | head -n 1"
	mkfifo in
	exec {in}<>in
	limit bash -c 'set -o pipefail; sse-tail - | true' <in
	exec {in}>&-
}

@test "SIGTERM and SIGINT: it dies by them, whole events printed" {
	for signal in TERM INT; do
		spawn tail env --default-signal=INT sse-tail "$BAD/flood"
		await_lines 1000 tail.out
		stop tail $signal
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ ! -s tail.err ]
		# The last line is whole: numbers without a gap up to it.
		[ "$(tail -n 1 tail.out)" -eq $(($(wc -l <tail.out) - 1)) ]
	done
	# Ignored from the start, as under nohup, they stay so.
	spawn tail env --ignore-signal=INT sse-tail "$BAD/one"
	await_lines 1 tail.out
	kill -INT "${PIDS[tail]}"
	stop tail TERM
	[ "$status" -eq 143 ]
}

@test "a reader that stalls: memory is bounded, and a signal still ends it" {
	local kb

	mkfifo stalled
	exec {stalled}<>stalled
	spawn tail sh -c "exec sse-tail $BAD/flood >stalled"
	# Once the pipe is full it is in write(), and reads no more.
	await is_full stalled
	kb=$(awk '/^VmRSS/ { print $2 }' "/proc/${PIDS[tail]}/status")
	echo "resident: $kb KB"
	[ "$SLOW" -gt 1 ] || [ "$kb" -lt 40000 ]
	stop tail
	[ "$status" -eq 143 ]
	exec {stalled}>&-
}

@test "what it inherits is never made non-blocking" {
	# The file description is shared with the shell, which looks afterwards.
	limit bash -c "sse-tail -n 1 $BAD/one <&0 >&1
		grep flags: /proc/self/fdinfo/1" | cat >out
	grep -q one out
	flags=$((0$(awk '/flags/ { print $2 }' out)))
	[ $((flags & 04000)) -eq 0 ]
}
