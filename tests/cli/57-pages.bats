# What --history-bytes dropped from memory is read from Redis, in pages.

bats_require_minimum_version 1.5.0
load helper

# commands NAME: how often Redis has run it.
commands() {
	redis INFO commandstats | sed -n "s/^cmdstat_$1:calls=\([0-9]*\).*/\1/p"
}

# fill COUNT: events of 500 bytes, numbered.
fill() {
	seq "$1" | awk '{ printf "%06d %493s\n", $1, "x" }' | tr ' ' . |
	    sse-pub --history 20000 numbers
}

# numbers FILE: of the events, GAP where one was told.
numbers() {
	awk '/^event: sse:gap/ { print "GAP" }
	    /^data: [0-9]/ { print substr($0, 7, 6) + 0 }' "$1"
}

@test "what memory has dropped comes from Redis, in pages that all share" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -n 20000 --history-bytes 100k -w 1 \
	    --redis-timeout 1m
	spawn first curl -sN "$URL/events/numbers"
	await synced
	id=$(sed -n 's/^id: //p' first.out | tail -n 1)
	fill 2000
	await_grep '^data: 002000' first.out
	before=$(commands xrange)
	# They all wait for the first page before it can come.
	kill -STOP "${PIDS[redis]}"
	for n in {1..10}; do
		spawn "back$n" curl -sN -H "Last-Event-ID: $id" "$URL/events/numbers"
		await_grep '^retry:' "back$n.out"
	done
	kill -CONT "${PIDS[redis]}"
	for n in {1..10}; do
		await_grep '^data: 002000' "back$n.out"
		numbers "back$n.out" | diff <(seq 2000) -
	done
	# 2000 events are 32 pages, for one as for ten.
	[ $(($(commands xrange) - before)) -le 40 ]
	# One that reads two channels, and one that comes from nowhere.
	spawn both curl -sN -H "Last-Event-ID: $id" "$URL/events/numbers,other"
	spawn nowhere curl -sN -H 'Last-Event-ID: unheard' "$URL/events/numbers"
	sse-pub other beside
	await_grep beside both.out
	numbers both.out | diff <(seq 2000) -
	[ "$(tail -n 2 both.out | head -n 1)" = 'data: beside' ]
	await_grep '^data: 002000' nowhere.out
	numbers nowhere.out | diff <(echo GAP; seq 2000) -
	# What Redis does not have any more is a gap, from the oldest on.
	redis XTRIM sse:log:numbers MAXLEN = 1000
	spawn late curl -sN -H "Last-Event-ID: $id" "$URL/events/numbers"
	await_grep '^data: 002000' late.out
	numbers late.out | diff <(echo GAP; seq 1001 2000) -
}

synced() {
	sse-pub --history 20000 numbers sync
	grep -q sync first.out
}

@test "a reader that stalls goes on from Redis, and Redis may be away meanwhile" {
	start_redis 'appendonly yes' 'appendfsync always'
	start_serve -r "$SSE_REDIS_URL" -n 20000 --history-bytes 100k --stall-timeout 0 \
	    --keepalive 200ms
	spawn first curl -sN "$URL/events/numbers"
	await synced
	spawn slow curl -sN "$URL/events/numbers"
	await_grep '^:' slow.out
	kill -STOP "${PIDS[slow]}"
	fill 12000
	AWAIT=30 await_grep '^data: 012000' first.out
	kill_redis
	kill -CONT "${PIDS[slow]}"
	: >first.out
	await_grep '^:' first.out
	restart_redis
	AWAIT=30 await_grep '^data: 012000' slow.out
	numbers slow.out | diff <(seq 12000) -
}
