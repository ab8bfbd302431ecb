# Redis comes back without its last events, as after a failover to a replica
# that lacked them.  Everyone is told of a gap, and what is published from then
# on is delivered, each event once, whatever places Redis mints for it.

bats_require_minimum_version 1.5.0
load helper
load redis_sets

# What follows is done to one Redis that starts again from an older dump, and
# to a master whose replica, promoted by sentinels, lacks what it was not sent.
# KIND: dump or replica.

start_kind() {
	KIND=$1
	if [ "$KIND" = dump ]; then
		start_redis
	else
		start_sentinels
		REDIS=one
	fi
}

# What is published from here on is to be lost.
lose_from_here() {
	if [ "$KIND" = dump ]; then
		[ "$(redis SAVE)" = OK ]
		return
	fi
	lag_replica
}

fall_back() {
	kill_redis
	if [ "$KIND" = dump ]; then
		restart_redis
		return
	fi
	promote_replica
	REDIS=two
}

ahead_ms() {
	echo $(($(date +%s%3N) + 40000))
}

# data FILE: of the events, one a line, GAP where a gap was told.
data() {
	awk '/^event: sse:gap/ { print "GAP"; gap = 1 }
	    /^data: / { if (!gap) print substr($0, 7); gap = 0 }' "$1"
}

start_all() {
	start_kind "$1"
	start_serve -r "$SSE_REDIS_URL" --retry 20
	for c in a b a,b; do
		spawn "read-$c" curl -sN "$URL/events/$c"
	done
	spawn relay sse-relay -f line redis:a -
	await synced
	sse-pub a <<<$'one\ntwo'
	sse-pub b three
	await_grep three read-b.out
	await_grep two read-a.out
	await_grep two relay.out
	lose_from_here
}

synced() {
	sse-pub a sync
	sse-pub b sync
	grep -q sync read-a.out && grep -q sync read-b.out &&
	    grep -q sync read-a,b.out && grep -q sync relay.out
}

has_lost() {
	redis XRANGE sse:log:a - + | grep -qx lost
}

gap_told() {
	data "$1" | grep -qx GAP
}

check_all() {
	data read-a.out | grep -v sync | diff <(printf '%s\n' one two "$@") -
	data read-b.out | grep -v sync | diff <(printf '%s\n' three GAP last) -
	data read-a,b.out | grep -v sync | grep -vx 'three\|last' |
	    diff <(printf '%s\n' one two "$@") -
	grep -v sync relay.out | diff <(printf '%s\n' one two "$@" | grep -v GAP) -
	grep -q 'gap: events behind' relay.err
	grep -q 'has lost events that it had told' serve.err
}

before_anyone_is_back() {
	start_all "$1"
	# They stand in the future, so that what comes after the loss stands
	# before them.
	at=$(ahead_ms)
	sse-pub -i "$at-7" a lost
	sse-pub a 'lost as well'
	await_grep 'lost as well' read-a.out
	await_grep 'lost as well' relay.out
	lost=$(sed -n 's/^id: //p' read-a.out | tail -n 1)
	kill -STOP "${PIDS[serve]}" "${PIDS[relay]}"
	fall_back
	not has_lost
	sse-pub a <<<$'new\nnewer'
	[ "$(redis GET sse:last | cut -d - -f 1)" -lt "$at" ]
	kill -CONT "${PIDS[serve]}" "${PIDS[relay]}"
	for c in a b a,b; do
		await gap_told "read-$c.out"
	done
	await_grep reconnecting serve.err
	await_grep 'gap: events' relay.err
	sse-pub a newest
	sse-pub b last
	await_grep newest read-a.out
	await_grep newest read-a,b.out
	await_grep last read-b.out
	await_grep newest relay.out
	for c in a a,b; do
		data "read-$c.out" | grep -vx 'sync\|three\|last' | diff <(
			printf '%s\n' one two lost 'lost as well' GAP new newer newest
		) -
	done
	data read-b.out | grep -v sync | diff <(printf '%s\n' three GAP last) -
	# A relay keeps no log to compare with: unless a server has found out
	# before, what stands before its mark is within its gap.
	grep -v sync relay.out | grep -vx 'new\|newer' |
	    diff <(printf '%s\n' one two lost 'lost as well' newest) -
	grep -q 'has lost events that it had told' serve.err
	# Who comes back with what is lost is told, by any server.
	for server in serve other; do
		[ $server = serve ] || SERVE=other start_serve -r "$SSE_REDIS_URL"
		spawn "back-$server" curl -sN -H "Last-Event-ID: $lost" "$URL/events/a"
		await_grep newest "back-$server.out"
		data "back-$server.out" | diff <(printf '%s\n' GAP new newer newest) -
	done
}

@test "an older dump, events published before anyone is back: a gap, and then all of them" {
	before_anyone_is_back dump
}

@test "a replica that lags is promoted, events published before anyone is back: the same" {
	before_anyone_is_back replica
}

after_the_server_is_back() {
	start_all "$1"
	at=$(ahead_ms)
	sse-pub -i "$at-0" a lost
	await_grep lost read-a,b.out
	await_grep lost relay.out
	fall_back
	not has_lost
	for c in a b a,b; do
		await gap_told "read-$c.out"
	done
	await_grep 'gap: events' relay.err
	sse-pub a new
	sse-pub b last
	for c in a a,b; do
		await_grep new "read-$c.out"
	done
	await_grep new relay.out
	await_grep last read-b.out
	[ "$(redis GET sse:last | cut -d - -f 1)" -eq "$at" ]
	check_all lost GAP new
}

@test "an older dump, events published after the server is back: behind all that was lost" {
	after_the_server_is_back dump
}

@test "a replica that lags is promoted, events published after the server is back: the same" {
	after_the_server_is_back replica
}

@test "a log that is deleted under the server: a gap, told once" {
	start_all dump
	redis DEL sse:log:a
	sse-pub a new
	await_grep new read-a.out
	await gap_told read-b.out
	sse-pub b last
	await_grep last read-b.out
	data read-a.out | grep -v sync | diff <(printf '%s\n' one two GAP new) -
	data read-b.out | grep -v sync | diff <(printf '%s\n' three GAP last) -
}
