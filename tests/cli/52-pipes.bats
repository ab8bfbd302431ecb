# The programs at the ends of pipes: what passes is unchanged, and what has no
# reader ends.

bats_require_minimum_version 1.5.0
load helper

# An event stream with everything that an event can bear.
events() {
	printf '%s\n' \
	    'data: plain' '' \
	    'event: alert' 'data: typed' '' \
	    'id: own-1' 'data: its own ID' '' \
	    'retry: 1234' 'data: a reconnection time' '' \
	    'data: two' 'data: lines' '' \
	    'data' '' \
	    'data:' 'data:' '' \
	    'data:  space' '' \
	    'data: :colon' '' \
	    'data: ünïcödé 🐦' '' \
	    'channel: news' 'data: of a channel' '' \
	    'channel: news' 'event: all' 'id: own-2' 'retry: 99' 'data: of' \
	    'data: everything' ''
}

# What subscribers of A and B see, whoever serves it.
see() {
	limit sse-tail -n 12 -f json "$1/events/news?last=12&show=channel"
}

@test "sse-tail -f sse | sse-serve -f sse changes nothing of any event" {
	feed_open
	SERVE=a start_serve -f sse <feed
	A=$URL
	mkfifo pipe
	spawn pipe sh -c 'exec sse-tail -f sse "$1" >pipe' - "$A/events/news"
	SERVE=b start_serve -f sse <pipe
	B=$URL
	spawn end sse-tail "$B/events/news"
	await passes
	events >&"$FEED"
	await_grep everything end.out
	see "$A" >a.seen
	see "$B" >b.seen
	[ "$(wc -l <a.seen)" -eq 12 ]
	diff a.seen b.seen
	grep -q '"data":"two\\nlines"' a.seen
	grep -q '"id":"own-2"' a.seen
}

@test "what was there before the pipe passes unchanged, too" {
	feed_open
	SERVE=a start_serve -f sse <feed
	A=$URL
	events >&"$FEED"
	mkfifo pipe
	spawn pipe sh -c 'exec sse-tail -f sse "$1" >pipe' - \
	    "$A/events/news?last=100"
	SERVE=b start_serve -f sse <pipe
	see "$A" >a.seen
	see "$URL" >b.seen
	[ "$(wc -l <a.seen)" -eq 12 ]
	diff a.seen b.seen
}

passes() {
	feed 'data: sync' ''
	grep -q sync end.out
}

@test "a reader that takes one line ends the program, also when nothing more comes" {
	feed_open
	start_serve <feed
	feed one two three
	# Nothing comes after what is in the log.
	start=$SECONDS
	[ "$(limit sse-tail "$URL/events?last=3" | head -n 1)" = one ]
	limit sse-tail "$URL/events?last=3" | grep -q two
	[ $((SECONDS - start)) -le $((5 * SLOW)) ]
}

@test "a program whose reader has gone ends with 0, SIGPIPE ignored or not" {
	feed_open
	start_serve <feed
	feed one
	for trap in "trap '' PIPE" :; do
		run -0 limit bash -c "$trap; set -o pipefail
			sse-tail '$URL/events?last=1' | head -n 1"
		[ "$output" = one ]
	done
}

@test "a single event leaves sse-tail at once, into a pipe" {
	feed_open
	start_serve <feed
	mkfifo out
	spawn tail sh -c 'exec sse-tail "$1" >out' - "$URL/events?last=10"
	exec {out}<out
	feed first
	read -r -t $((10 * SLOW)) -u "$out" line
	[ "$line" = first ]
	feed second
	read -r -t $((10 * SLOW)) -u "$out" line
	[ "$line" = second ]
	exec {out}<&-
}

@test "a full disk under standard output is said, and ends with 74" {
	feed_open
	start_serve <feed
	feed one
	run limit sh -c "sse-tail '$URL/events?last=1' >/dev/full"
	[ "$status" -eq 74 ]
	[[ "$output" = 'sse-tail: '*'No space left on device'* ]]
	for p in sse-serve sse-pub sse-tail sse-relay; do
		run limit sh -c "$p --help >/dev/full"
		[ "$status" -eq 74 ]
	done
}

@test "a subscriber that vanishes without a word disturbs nobody" {
	feed_open
	start_serve <feed
	spawn tail sse-tail "$URL/events"
	for i in {1..20}; do
		spawn gone curl -sN "$URL/events"
		[ $((i % 2)) -eq 0 ] || sleep 0.05
		stop gone KILL
	done
	await fed tail
	kill -0 "${PIDS[serve]}"
}

fed() {
	feed sync
	grep -q sync "$1.out"
}

@test "a producer that is faster than anyone reads is read at full speed" {
	mkfifo done
	start_serve < <(
		seq 1000000
		echo done >done
	)
	# A reader that reads nothing at all.
	spawn stalled curl -sN "$URL/events?last=1"
	await_file stalled.out
	kill -STOP "${PIDS[stalled]}"
	limit cat done
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/${PIDS[serve]}/status")
	# Far less than the 8 MB of text times what an event costs.
	[[ "$BIN" = *san ]] || [ "$rss" -lt 65536 ]
}

@test "SIGTERM ends sse-serve when all is delivered, sse-tail by that signal" {
	feed_open
	start_serve <feed
	spawn tail sse-tail "$URL/events?last=10"
	feed first
	await_grep first tail.out
	spawn other sse-tail "$URL/events"
	kill -STOP "${PIDS[tail]}"
	await fed other
	feed words
	await_grep words other.out
	stop serve
	[ "$status" -eq 0 ]
	kill -CONT "${PIDS[tail]}"
	await_grep words tail.out
	stop tail
	[ "$status" -eq 143 ]
}
