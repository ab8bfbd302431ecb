# sse-serve: readers that are slow, stalled or gone, and what they cost.

load helper

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/${PIDS[serve]}/status"
}

# stalled COUNT PATH: so many streams that are not read from, awaited.
stalled() {
	mkfifo orders
	exec {ORDERS}<>orders
	spawn stalled "$BATS_TEST_DIRNAME/stall.py" stalled.ready "$URL" \
	    "$1" "$2" <orders
	AWAIT=60 await_file stalled.ready
	[ "$(cat stalled.ready)" -eq "$1" ]
}

order() {
	printf '%s\n' "$*" >&"$ORDERS"
}

# gone COUNT: so many of them have been closed.
gone() {
	local n

	n=$(grep -ac '^closed' stalled.out)
	order count
	await_grep '^closed' stalled.out $((n + 1)) &&
	    [ "$(grep -a '^closed' stalled.out | tail -n 1)" = "closed $1" ]
}

teardown() {
	[ -z "${ORDERS:-}" ] || eval "exec $ORDERS>&-"
	sse_teardown
}

@test "thousands who do not read cost nothing, and the others get all" {
	local n=3000

	[[ "$BIN" != *san ]] || n=300
	feed_open
	# Neither are they closed, nor is what is kept more than a little.
	start_serve -n 1000 --history-bytes 4m --stall-timeout 0 <feed
	stalled $n /events
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	before=$(rss)
	# The buffers of all of them are full long before the end.
	LIMIT=60 limit seq -f '%01000.0f' 1000 >&"$FEED"
	AWAIT=60 await_grep '^data: 0*1000$' reader.out
	middle=$(rss)
	# No faster than the reader, which may not miss any either.
	for i in {1..6}; do
		LIMIT=60 limit seq -f '%01000.0f' $((500 + i * 500 + 1)) \
		    $((1000 + i * 500)) >&"$FEED"
		AWAIT=60 await_grep "^data: 0*$((1000 + i * 500))\$" reader.out
	done
	after=$(rss)
	echo "$n stalled: $before kB, then $middle, in the end $after"
	# Sanitizers keep what was freed.
	[[ "$BIN" = *san ]] || [ $((after - middle)) -lt 4000 ]
	[[ "$BIN" = *san ]] || [ $((after - before)) -lt 16000 ]
	# The reader had every event once, in order.
	grep '^data: ' reader.out >got
	LC_ALL=C sort -c -u got
	[ "$(wc -l <got)" -eq 4000 ]
	# And those who stalled are told what they have missed.
	order read 3
	await_grep '^event: sse:gap' stalled.out 3
	await_grep 4000$ stalled.out 3
}

@test "--lag close ends the stream of who falls behind; it is told on return" {
	feed_open
	start_serve -n 100 --lag close <feed
	stalled 1 '/events?show=place'
	LIMIT=60 limit seq -f '%01000.0f' 10000 >&"$FEED"
	feed last
	await last_seen
	order read 1
	await gone 1
	not grep -q sse:gap stalled.out
	id=$(grep -a '^id: ' stalled.out | tail -n 1 | cut -c 5-)
	[ -n "$id" ]
	limit curl -sN -m 1 -H "Last-Event-ID: $id" "$URL/events" >back || :
	grep -q '^event: sse:gap' back
	grep -q '^data: last$' back
}

last_seen() {
	limit curl -sN -m 0.3 "$URL/events?last=1" >seen
	grep -qx 'data: last' seen
}

@test "--stall-timeout closes who takes nothing, and nobody else" {
	feed_open
	start_serve --stall-timeout 1s --keepalive 0.3s -a unix:admin <feed
	stalled 20 /events
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	spawn idle curl -sN "$URL/events/none"
	# As long as they take what comes they are not stalled.
	await_grep '^:' idle.out 6
	order count
	await_grep '^closed 0$' stalled.out
	LIMIT=60 limit seq -f '%01000.0f' 2000 >&"$FEED"
	await gone 20
	feed last
	await_grep '^data: last$' reader.out
	limit curl -s --unix-socket admin http://localhost/metrics >metrics
	grep -qx 'sse_serve_streams_closed_total{reason="stalled"} 20' metrics
	n=$(grep -c '^:' idle.out)
	await_grep '^:' idle.out $((n + 3))
}

@test "comments go only to streams that are idle" {
	feed_open
	start_serve --keepalive 2s -c busy <feed
	spawn busy curl -sN "$URL/events/busy"
	spawn idle curl -sN "$URL/events/idle"
	await_grep '^retry:' busy.out
	await_grep '^retry:' idle.out
	# Events come until the idle one has had two comments.
	(
		until has_matches 2 "^:" idle.out; do
			feed event
			sleep 0.05
		done
	)
	not grep -q '^:' busy.out
	grep -q '^data: event' busy.out
}

@test "--max-lifetime ends streams, each whole" {
	feed_open
	start_serve --max-lifetime 2s --keepalive 0 <feed
	for i in {1..8}; do
		spawn "reader$i" curl -sN "$URL/events"
	done
	for i in {1..8}; do
		await_grep '^retry:' "reader$i.out"
	done
	feed one
	for i in {1..8}; do
		await_exit "reader$i"
		[ "$status" -eq 0 ]
		grep -qx 'data: one' "reader$i.out"
		[ -z "$(tail -n 1 "reader$i.out")" ]
	done
}

@test "connections have bounded buffers, and probes to peers that vanish" {
	start_serve --send-buffer 32k </dev/null
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	# What the kernel says of our side of it: it doubles the buffer.
	ss -Htnom state established "sport = :${URL##*:}" >sockets
	cat sockets
	grep -q 'timer:(keepalive' sockets
	grep -q 'tb65536' sockets
}
