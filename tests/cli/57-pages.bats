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
	# 2000 events are 32 pages, for ten nearly as for one; but whom a busy
	# machine holds up goes on by pages of its own.
	pages=$(($(commands xrange) - before))
	echo "$pages pages"
	[ $pages -lt 160 ]
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

# small_serve: a server whose memory holds but some of the events.
small_serve() {
	start_serve -r "$SSE_REDIS_URL" -n 20000 --history-bytes 100k -w 1 "$@"
	# It has the logs, and what of them is too much has gone.
	spawn keeper curl -sN "$URL/events/numbers,other?last=1"
	await_grep '^data:' keeper.out
}

# last QUERY LAST: what that begins with, up to the event LAST.
last() {
	rm -f last.out
	spawn last curl -sN "$URL/events/$1"
	await_grep "^data: $2" last.out || return
	stop last
	numbers last.out
}

@test "the newest N are those that Redis has, filtered and of all channels" {
	start_redis
	fill 1500
	sse-pub --history 20000 -e rare other 'rare 1'
	seq 1501 1600 | awk '{ printf "%06d %493s\n", $1, "x" }' | tr ' ' . |
	    sse-pub --history 20000 numbers
	sse-pub --history 20000 -e rare numbers '001601 last'
	small_serve
	last 'numbers?last=50' 001601 | diff <(seq 1552 1601) -
	last 'numbers?last=1000' 001601 | diff <(seq 602 1601) -
	last 'numbers?last=99999999999' 001601 | diff <(seq 1601) -
	# By type, deep in the log, where nothing else in memory is of it.
	last 'numbers,other?last=2&event=rare' 001601 | diff <(echo 1601) -
	grep -qx 'data: rare 1' last.out
	# The one of the other channel is among the newest of both.
	last 'numbers,other?last=102' 001601 | diff <(seq 1501 1601) -
	[ "$(grep -c '^data: rare 1$' last.out)" = 1 ]
	last 'numbers,other?last=101' 001601 | diff <(seq 1501 1601) -
	[ "$(grep -c '^data: rare 1$' last.out)" = 0 ]
	# One that does not ask for more than there is in memory asks nothing.
	before=$(commands xrevrange)
	last 'numbers?last=5' 001601 | diff <(seq 1597 1601) -
	[ "$(commands xrevrange)" = "$before" ]
}

@test "an ID of a publisher's own is found in Redis, and what follows is told" {
	start_redis
	seq 1500 | awk '{ printf "{\"channel\":\"numbers\",\"id\":\"own %d\",\"data\":\"%06d %493s\"}\n",
	    $1, $1, "x" }' | sse-pub --history 20000 -f json
	small_serve
	curl_after() {
		rm -f last.out
		spawn last curl -sN -H "Last-Event-ID: $1" "$URL/events/numbers,other"
		await_grep '^data: 001500' last.out
		stop last
		numbers last.out
	}
	curl_after 'own 7' | diff <(seq 8 1500) -
	curl_after 'own 1490' | diff <(seq 1491 1500) -
	# Nobody knows it: a gap, and all that is kept.
	curl_after 'own 0' | diff <(echo GAP; seq 1500) -
	# It is not kept any more.
	redis XTRIM sse:log:numbers MAXLEN = 1000
	curl_after 'own 7' | diff <(echo GAP; seq 501 1500) -
	curl_after 'own 501' | diff <(seq 502 1500) -
}

@test "many that look back share what is read, and wait for a Redis that stands still" {
	start_redis
	fill 1500
	small_serve --redis-timeout 1m -a unix:admin
	before=$(commands xrevrange)
	kill -STOP "${PIDS[redis]}"
	for n in {1..10}; do
		spawn "back$n" curl -sN "$URL/events/numbers?last=1400&show=hello"
	done
	# These, the first one, and the one that asks.
	asked() {
		curl -s --unix-socket admin http://localhost/metrics |
		    grep -qx 'sse_serve_connections 12'
	}
	await asked
	kill -CONT "${PIDS[redis]}"
	for n in {1..10}; do
		await_grep '^data: 001500' "back$n.out"
		numbers "back$n.out" | diff <(seq 101 1500) -
	done
	# 1300 events are 21 pages, for one as for ten.
	[ $(($(commands xrevrange) - before)) -le 45 ]
}

# told AFTER FILE: the one gap in it, and the first event behind it.
told() {
	local oldest

	oldest=$(sed '1,/^event: sse:gap/d' "$2" | sed -n 's/^id: //p' | head -n 1)
	grep -qxF "data: {\"after\":\"$1\",\"oldest\":\"$oldest\"}" "$2" || return
	[ "$(grep -c '^event: sse:gap' "$2")" = 1 ]
}

@test "a gap names the first event that Redis keeps, where memory has dropped it" {
	start_redis
	sse-pub --history 20000 -i own other first
	fill 1500
	small_serve
	# after ID CHANNELS: what one who comes with it is told.
	after() {
		rm -f last.out
		spawn last curl -sN -H "Last-Event-ID: $1" "$URL/events/$2"
		await_grep '^data: 001500' last.out || return
		stop last
		told "$1" last.out
	}
	after 1-0 numbers
	numbers last.out | diff <(echo GAP; seq 1500) -
	after unheard numbers
	numbers last.out | diff <(echo GAP; seq 1500) -
	# It waits for the pages of all its channels; own IDs are IDs, too.
	after 1-0 numbers,other
	numbers last.out | diff <(echo GAP; seq 1500) -
	grep -qxF 'data: {"after":"1-0","oldest":"own"}' last.out
	redis XTRIM sse:log:numbers MAXLEN = 20
	after 1-0 numbers
	numbers last.out | diff <(echo GAP; seq 1481 1500) -
	# Where Redis has nothing, it is the first that memory holds.
	redis XTRIM sse:log:numbers MAXLEN = 0
	after 1-0 numbers
	[ "$(numbers last.out | wc -l)" -gt 21 ]
}

# newest_200 HOW...: of 290 these are told, behind a gap or not.
newest_200() {
	rm -f last.out
	spawn last curl -sN "$@"
	await_grep '^data: 000290' last.out || return
	stop last
	numbers last.out | grep -v GAP | diff <(seq 91 290) -
}

@test "of what Redis keeps, no more is told than is to be kept" {
	start_redis
	# Events so small are trimmed by the hundred.
	seq -f %06.0f 290 | sse-pub --history 200 numbers
	over=$(($(redis XLEN sse:log:numbers) - 200))
	echo "$over too many"
	[ $over -ge 64 ]
	for memory in 12k 64m; do
		start_serve -r "$SSE_REDIS_URL" -n 200 --history-bytes $memory
		newest_200 -H 'Last-Event-ID: 1-0' "$URL/events/numbers"
		newest_200 -H 'Last-Event-ID: unheard' "$URL/events/numbers"
		told unheard last.out
		newest_200 "$URL/events/numbers?last=1000"
		stop serve
	done
}

@test "who reads while Redis loses events is told the first that is kept, too" {
	start_redis
	fill 10
	redis SAVE
	start_serve -r "$SSE_REDIS_URL" -n 20000 --history-bytes 100k -w 1 \
	    --keepalive 200ms
	spawn first curl -sN "$URL/events/numbers?last=1&show=place"
	await_grep '^data: 000010' first.out
	lines 11 20
	await_grep '^data: 000020' first.out
	seen=$(redis GET sse:last)
	# These are lost, and much is new when it looks again.
	kill -STOP "${PIDS[serve]}"
	kill_redis
	restart_redis
	lines 21 1500
	kill -CONT "${PIDS[serve]}"
	AWAIT=30 await_grep '^data: 001500' first.out
	numbers first.out | diff <(seq 10 20; echo GAP; seq 21 1500) -
	told "$seen" first.out
}

# refused softly|hard PATH...: each of these is for the time being, within the
# time that the server has for a request.
refused() {
	local how=$1 path n=0

	shift
	for path; do
		spawn "refused$((++n))" curl -si "$URL/events/$path"
	done
	for (( ; n > 0; n--)); do
		await_exit "refused$n" || return
		tr -d '\r' <"refused$n.out" >answer
		is_refused "$how" || {
			cat answer
			return 1
		}
	done
}

is_refused() {
	not grep -q '^data:' answer || return
	case $1 in
	softly)
		head -n 1 answer | grep -q ' 200 ' &&
		    grep -qix 'content-type: text/event-stream' answer &&
		    grep -qx ': *the channels cannot be read at this time' answer &&
		    grep -Eqx 'retry: ?[2-4][0-9]{3}' answer
		;;
	hard)
		head -n 1 answer | grep -q ' 503 ' &&
		    grep -Eqix 'retry-after: [2-5]' answer &&
		    grep -qx 'the channels cannot be read at this time' answer
		;;
	esac
}

# What is said while Redis is away, by the signal given; and that it passes.
without_redis() {
	local how=$1 signal=$2

	kill "-$signal" "${PIDS[redis]}"
	refused "$how" 'numbers?last=1400' 'numbers?lastEventId=own' \
	    'numbers?lastEventId=1-0' 'numbers,other?last=1400' \
	    'another?last=1' || return
	# What memory knows is told all the same.
	last 'numbers?last=5' 001500 | diff <(seq 1496 1500) - || return
	spawn patient sse-tail -q -n 1400 "$URL/events/numbers?last=1400"
	case $signal in
	STOP) kill -CONT "${PIDS[redis]}" ;;
	KILL) await_exit redis && restart_redis || return ;;
	esac
	AWAIT=40 await_exit patient || return
	cut -c 1-6 patient.out | diff <(seq -f %06g 101 1500) -
}

@test "what memory does not hold is refused while Redis is away, softly or hard" {
	start_redis 'appendonly yes'
	fill 1500
	sse-pub --history 20000 other one
	for how in softly hard; do
		option=(--refuse hard)
		[ $how = hard ] || option=()
		small_serve "${option[@]}" --header-timeout $((2 * SLOW))s \
		    --redis-timeout 1m
		without_redis $how STOP
		without_redis $how KILL
		stop keeper
		stop serve
	done
}

# add N FIELD VALUE ...: entries of others, in the log.
add() {
	local i

	for ((i = 0; i < $1; i++)); do
		redis XADD sse:log:numbers '*' prev 0-0 "${@:2}" >/dev/null
	done
}

@test "entries of others amid those of a page are passed over, one by one" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -n 20000 --history-bytes 100k -w 1 -a unix:admin
	spawn first curl -sN "$URL/events/numbers"
	await synced
	id=$(sed -n 's/^id: //p' first.out | tail -n 1)
	lines 1 100
	add 1 event sse:end data over
	lines 101 200
	# More than a page of them.
	add 70 event $'a\nb' data broken
	lines 201 800
	await_grep '^data: 000800' first.out
	spawn back curl -sN -H "Last-Event-ID: $id" "$URL/events/numbers"
	await_grep '^data: 000800' back.out
	numbers back.out | grep -v GAP | diff <(seq 800) -
	# Those that follow them cannot know that nothing is missing.
	[ "$(numbers back.out | grep -c GAP)" -le 4 ]
	# Backwards, too.
	spawn last curl -sN "$URL/events/numbers?last=750"
	await_grep '^data: 000800' last.out
	numbers last.out | grep -v GAP | diff <(seq 51 800) -
	not grep -q 'sse:end\|over\|broken' back.out last.out first.out
	[ "$(limit curl -s --unix-socket admin http://localhost/metrics |
	    sed -n 's/^sse_serve_redis_foreign_total //p')" -ge 71 ]
	grep -q 'channel numbers: an event of a type that is ours alone; passed over' serve.err
}

# lines FROM TO: as fill.
lines() {
	seq "$1" "$2" | awk '{ printf "%06d %493s\n", $1, "x" }' | tr ' ' . |
	    sse-pub --history 20000 numbers
}

@test "a page for which Redis is too busy is asked for again, and nothing is lost" {
	start_redis 'busy-reply-threshold 50'
	fill 1500
	small_serve -a unix:admin
	id=$(redis XRANGE sse:log:numbers - + COUNT 1 | head -n 1)
	spawn spin redis-cli -s redis/sock EVAL 'while true do end' 0
	await busy
	spawn back curl -sN -H "Last-Event-ID: $id" "$URL/events/numbers"
	await_grep 'BUSY .*; reconnecting' serve.err
	redis SCRIPT KILL
	await_exit spin
	await_grep '^data: 001500' back.out
	numbers back.out | diff <(seq 2 1500) -
	[ "$(redis INFO commandstats | grep cmdstat_eval: |
	    grep -c 'rejected_calls=0')" -eq 0 ]
}

busy() {
	redis PING | grep -q BUSY
}
