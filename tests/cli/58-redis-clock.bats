# The clock of Redis is set back by an hour, and forth, while it is in use: IDs
# go up over all channels as before, and every event arrives once.

bats_require_minimum_version 1.5.0
load helper

# set_clock BY: from now on the clock of Redis is by so much from ours.
set_clock() {
	echo "$1" >clock.new
	mv clock.new clock
}

# Its hour is seen by Redis alone.  The monotonic clock is not set by anyone.
# The allocator is libc's, for jemalloc asks for the time when it starts, and
# libfaketime for memory when it is asked.
start_redis_by_clock() {
	set_clock +0
	LD_PRELOAD=$(faketime -f +0 printenv LD_PRELOAD):libc.so.6 \
	FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 \
	FAKETIME_DONT_FAKE_MONOTONIC=1 \
	    start_redis "$@"
}

# behind: by how many seconds Redis is.
behind() {
	echo $(($(date +%s) - $(redis TIME | head -n 1)))
}

# is_above ID ID: the first one.
is_above() {
	[ "${1%-*}" -gt "${2%-*}" ] || {
		[ "${1%-*}" -eq "${2%-*}" ] && [ "${1#*-}" -gt "${2#*-}" ]
	}
}

# What is kept is kept for longer than the hour by which the clock goes forth.
# turn BY: set the clock within all that is published, and see that the next ID
# is above those before.
turn() {
	before=$(sse-pub -v --history 5000 --history-age 1d other before)
	set_clock "$1"
	after=$(sse-pub -v --history 5000 --history-age 1d another after)
	is_above "$after" "$before"
}

@test "20 publishers, 50 readers at two servers, the clock an hour back and forth: all once" {
	start_redis_by_clock
	for s in one two; do
		SERVE=$s start_serve -r "$SSE_REDIS_URL" --retry 10 -n 5000 --history-age 1d
		mkdir "at-$s"
		spawn "readers-$s" sh -c "cd at-$s && exec python3 \
		    '$TOP/tests/cli/order.py' ${URL#http://} 25 20 200"
	done
	for c in {0..19}; do sse-pub --history 5000 --history-age 1d "c$c" start; done
	for s in one two; do
		AWAIT=30 await_grep '^ready' "readers-$s.out"
	done
	for c in {0..19}; do
		spawn "pub$c" sh -c "seq 200 | while read -r n; do
			echo \$n
			[ \$((n % 10)) -ne 0 ] || sleep 0.05
		done | sse-pub -v --history 5000 --history-age 1d c$c"
	done
	await_lines 20 pub0.out
	turn -1h
	[ "$(behind)" -ge 3590 ]
	await_lines 60 pub0.out
	turn +0
	[ "$(behind)" -le 10 ]
	await_lines 100 pub0.out
	turn -1h
	for c in {0..19}; do
		AWAIT=40 await_exit "pub$c"
		[ "$status" -eq 0 ]
		[ "$(wc -l <"pub$c.out")" -eq 200 ]
		sort -t - -k 1,1n -k 2,2n -C "pub$c.out"
	done
	[ "$(cat pub*.out | sort -u | wc -l)" -eq 4000 ]
	for s in one two; do
		AWAIT=40 await_exit "readers-$s"
		[ "$status" -eq 0 ]
	done
	for c in {0..19}; do
		paste -d ' ' "pub$c.out" <(seq 200) | sed "s/ / c$c /"
	done | sort -t - -k 1,1n -k 2,2n >all
	for reader in at-*/reader.*; do
		# In the one order of all places, no gap, nothing twice.
		cut -d ' ' -f 2 "$reader" | sort -u >channels
		awk 'NR == FNR { mine[$1]; next } $2 in mine' channels all |
		    diff - "$reader" >differs || {
			head -n 20 differs
			return 1
		}
	done
	# The clock is an hour back still: what is kept is there for a new
	# server, and for whoever comes back with a place of before.
	SERVE=new start_serve -r "$SSE_REDIS_URL" -n 5000 --history-age 1d
	run limit curl -sN -m 2 -H "Last-Event-ID: $(sed -n 10p pub3.out)" "$URL/events/c3"
	[ "$(grep -c '^data:' <<<"$output")" -eq 190 ]
	[[ $output != *sse:gap* ]]
}
