# A master that fails is replaced by its replica, and all follow; what the
# replica lacked is said to be lost.

bats_require_minimum_version 1.5.0
load helper
load redis_sets

@test "sentinel://: the master is found, and followed when it is killed under load" {
	start_sentinels
	# Of four one is not there and one does not answer.
	kill -STOP "${PIDS[s1]}"
	SSE_REDIS_URL=${SSE_REDIS_URL/:\/\//:\/\/127.0.0.1:1,}
	start_serve -r '' --redis-timeout 2s --retry 20 -n 20000
	spawn tail sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
	spawn relay sse-relay -q redis:numbers redis:copy
	await synced
	feed_open
	spawn pub sse-pub --timeout 20s --history 20000 numbers <feed
	feed $(seq 500)
	await_grep '	500$' tail.out
	await same_log
	REDIS=one kill_redis
	feed $(seq 501 1000)
	AWAIT=20 await is_master two
	AWAIT=20 await_grep '	1000$' tail.out
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
	# The replica had everything: nothing is lost, nothing comes twice.
	grep -v sync tail.out | cut -f 2 | diff <(seq 1000) -
	not grep -q 'lost events' serve.err
	REDIS=two AWAIT=20 await copied 1000
	REDIS=two redis XRANGE sse:log:copy - + | grep -A 1 -x data |
	    grep -E '^[0-9]+$' | diff <(seq 1000) -
}

synced() {
	sse-pub --history 20000 numbers sync
	grep -q sync tail.out &&
	    [ "$(REDIS=one redis XLEN sse:log:copy)" -gt 0 ]
}

copied() {
	redis XREVRANGE sse:log:copy + - COUNT 1 | grep -qx "$1"
}

@test "sentinel://: nobody there is 69, no such master too; sse-serve does not start" {
	export SSE_REDIS_URL=sentinel://127.0.0.1:1,127.0.0.1:2/ours
	run limit sse-pub news hello
	[ "$status" -eq 69 ]
	[[ $output == *'sentinel 127.0.0.1:2: Connection refused'* ]]
	run limit sse-serve -l 127.0.0.1:0 -r ''
	[ "$status" -eq 69 ]
	other_redis one
	start_sentinel s1
	export SSE_REDIS_URL=sentinel://127.0.0.1:$(port s1)/theirs
	run limit sse-pub news hello
	[ "$status" -eq 69 ]
	[[ $output == *'knows no master of this name'* ]]
}

@test "--replicas: done once a replica has it, too, and 75 when that takes too long" {
	other_redis one 'repl-diskless-sync-delay 0'
	other_redis two 'repl-diskless-sync-delay 0' "replicaof 127.0.0.1 $(port one)"
	export SSE_REDIS_URL=redis://127.0.0.1:$(port one)
	await replica_is_there two
	# It is there as soon as this has ended, of each event.
	for n in {1..20}; do
		limit sse-pub --replicas 1 numbers "$n"
		[ "$(REDIS=two redis XREVRANGE sse:log:numbers + - COUNT 1 | tail -n 1)" = "$n" ]
	done
	seq 21 1000 | limit sse-pub --replicas 1 --history 2000 numbers
	[ "$(REDIS=two redis XLEN sse:log:numbers)" -eq 1000 ]
	run limit sse-pub --replicas 2 --timeout 2s numbers 1001
	[ "$status" -eq 75 ]
	[[ $output == *'1 replicas of 2 that --replicas wants have answered in time'* ]]
	# Published it is, and a replica that is back has it.
	kill -STOP "${PIDS[two]}"
	run limit sse-pub --replicas 1 --timeout 2s numbers 1002
	[ "$status" -eq 75 ]
	kill -CONT "${PIDS[two]}"
	await has_entries two 1002
}

has_entries() {
	[ "$(REDIS=$1 redis XLEN sse:log:numbers)" -eq "$2" ]
}
