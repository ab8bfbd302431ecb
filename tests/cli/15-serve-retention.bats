# sse-serve: what is kept, for how long, and what that costs.

load helper
load streams

# figure NAME: of /metrics.
figure() {
	limit curl -s --unix-socket admin http://localhost/metrics |
	    sed -n "s/^sse_serve_$1 //p"
}

figure_is() {
	[ "$(figure "$1")" = "$2" ]
}

# kept PATH: how many events of it are kept.
kept() {
	stream "$1?last=100000" -H 'Sse-Show: routing' \
	    --unix-socket admin | grep -c '^data'
}

@test "families of channels have a count, an age and bytes of their own" {
	feed_open
	quick_serve -a unix:admin -f json -n 20 --history 'client:*=5' \
	    --history 'short=100,2s' --history 'log/*=100,1h,4k' <feed
	for channel in client:7 other short log/a; do
		seq -f "{\"channel\":\"$channel\",\"data\":\"%.0f $(printf '%050d' 0)\"}" \
		    50 >&"$FEED"
	done
	await figure_is 'events_total{source="stdin"}' 200
	URL=http://localhost
	[ "$(kept /events/client:7)" -eq 5 ]
	[ "$(kept /events/other)" -eq 20 ]
	n=$(kept /events/log/a)
	[ "$n" -ge 10 ]
	[ "$n" -le 30 ]
	await figure_is log_events $((5 + 20 + n))
	[ "$(kept /events/short || :)" -eq 0 ]
	for wrong in 'x=a' '=1' 'a=1,2s,3k,4' 0 'a=1,0'; do
		run limit sse-serve -l 0 --history "$wrong" </dev/null
		[ "$status" -eq 64 ]
	done
}

@test "idle channels vanish by themselves" {
	feed_open
	quick_serve -a unix:admin -f json --history-age 2s <feed
	seq -f '{"channel":"c%.0f","data":"x"}' 5000 >&"$FEED"
	spawn tail sse-tail -n 1 "$URL/events/read,c1?last=1"
	await_exit tail
	await figure_is channels 0 || {
		limit curl -s --unix-socket admin http://localhost/metrics |
		    grep -v '^#'
		return 1
	}
	[ "$(figure log_bytes)" -eq 0 ]
}

# resident NAME: bytes of it that are in memory.
resident() {
	awk '/^RssAnon/ { print $2 * 1024 }' "/proc/${PIDS[$1]}/status"
}

@test "100,000 channels cost what is said" {
	feed_open
	quick_serve -a unix:admin -f json -w 1 --history-bytes 1g <feed
	feed '{"channel":"c","data":"x"}'
	await figure_is log_events 1
	before=$(resident serve)
	seq -f "{\"channel\":\"c%.0f\",\"data\":\"$(printf '%0100d' 0)\"}" \
	    100000 >&"$FEED"
	await figure_is log_events 100001
	used=$(($(resident serve) - before))
	said=$(figure log_bytes | awk '{ printf "%.0f", $1 }')
	echo "$said bytes said, $used used"
	# Sanitizers have allocators of their own.
	[[ "$BIN" = *san ]] || [ $((used * 10)) -ge $((said * 9)) ]
	[[ "$BIN" = *san ]] || [ $((used * 10)) -le $((said * 12)) ]
}

@test "the bytes of all channels are a bound" {
	feed_open
	quick_serve -a unix:admin -f json --history-bytes 2m <feed
	seq -f "{\"channel\":\"c%.0f\",\"data\":\"$(printf '%0100d' 0)\"}" \
	    50000 >&"$FEED"
	await figure_is 'events_total{source="stdin"}' 50000
	[ "$(figure log_bytes)" -le 2097152 ]
	[ "$(figure log_bytes)" -gt 2000000 ]
	# The newest are there, and who had seen the first is told of a gap.
	URL=http://localhost
	[ "$(kept /events/c50000)" -eq 1 ]
	stream /events/c1 --unix-socket admin -H 'Last-Event-ID: 1-0' |
	    grep -q sse:gap
}

@test "what is published to Redis is kept there by its family" {
	start_redis
	feed_open
	start_serve -r "" -f json -n 200 --history 'client:*=5,2d' <feed
	for channel in client:7 other; do
		seq -f "{\"channel\":\"$channel\",\"data\":\"%.0f\"}" \
		    500 >&"$FEED"
	done
	await published_to_redis
	n=$(redis XLEN sse:log:client:7)
	[ "$n" -ge 5 ]
	[ "$n" -le 105 ]
	n=$(redis XLEN sse:log:other)
	[ "$n" -ge 200 ]
	[ "$n" -le 300 ]
	[ "$(redis TTL sse:log:client:7)" -gt 172000 ]
	[ "$(redis TTL sse:log:other)" -le 3600 ]
}

published_to_redis() {
	[ "$(redis XINFO STREAM sse:log:other |
	    grep -A 1 entries-added | tail -n 1 | tr -dc 0-9)" = 500 ]
}

used() {
	redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p'
}

# takes BYTES COUNT WORDS: what has been put into Redis since BEFORE, each; the
# manual says so in these words.
takes() {
	local each=$((($(used) - BEFORE) / $2))

	echo "$3: $each bytes"
	tr '\n' ' ' <"$TOP/man/sse-redis.7" | grep -qF "$3" || return
	[ $((each * 100)) -ge $(($1 * 85)) ] || return
	[ $((each * 100)) -le $(($1 * 115)) ]
}

@test "events, channels and marks take in Redis what sse-redis(7) says" {
	start_redis
	line=$(printf '%0100d' 0)
	sse-pub -n 20000 news "$line"
	BEFORE=$(used)
	yes "$line" | head -n 10000 | sse-pub -n 20000 news
	takes 134 10000 'an event of 100 bytes of data takes 134 bytes'
	BEFORE=$(used)
	seq -f "{\"channel\":\"c%.0f\",\"data\":\"$line\"}" 10000 | sse-pub -f json
	takes 4400 10000 'a channel takes 4.4 kB with its first event'
	sha=$(redis -x SCRIPT LOAD <"$TOP/lib/tool/ack.lua")
	place=$(redis GET sse:last)
	BEFORE=$(used)
	seq -f "EVALSHA $sha 2 sse:ack:client-%.0f sse:last $place 3600000" 10000 |
	    redis >answers
	[ "$(grep -cx -e "$place" answers)" -eq 10000 ]
	takes 170 10000 'A mark takes 170 bytes'
}
