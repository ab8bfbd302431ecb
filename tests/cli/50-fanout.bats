# One event, every reader: the same lines with the same IDs for all, from a
# pipe and from Redis.

bats_require_minimum_version 1.5.0
load helper

# decode FILE: "ID<tab>DATA" of a raw event stream, by other means than ours.
# For streams of sse-serve, whose data is one line here.
decode() {
	awk '
		/^id: / { id = substr($0, 5) }
		/^data: / { data = substr($0, 7); has = 1 }
		/^data:?$/ { data = ""; has = 1 }
		/^$/ { if (has) print id "\t" data; has = 0 }
	' "$1"
}

# Lines of every shape.
lines() {
	seq -f 'line %g' "$1" "$2"
	printf '%s\n' '' ' leading space' ':colon first' 'data: a field' \
	    'id: 7' 'ünïcödé 🐦 ' 'tab	inside' 'trailing space ' '"{}\\'
	head -c 5000 /dev/zero | tr '\0' x
	echo
}

# follow_all URL COUNT: start each kind of reader; NAME.out is what it reads.
follow_all() {
	spawn curl curl -sN "$1"
	spawn tail sse-tail -f '{id}\t{data}\n' "$1"
	spawn node node "$TOP/tests/browser/eventsource.js" "$1" "$2"
	spawn chromium "$TOP/tests/browser/eventsource.py" "$URL/" "$1" "$2"
}

@test "every kind of reader gets the same lines with the same IDs" {
	lines 1 100 >first
	lines 101 300 >second
	cat first second >all
	n1=$(wc -l <first)
	n=$(wc -l <all)
	feed_open
	start_serve <feed
	feed "$(cat first)"
	await caught_up

	# The first lines come from the log, the others live.
	follow_all "$URL/events?last=$n1" "$n"
	AWAIT=60 await_lines "$n1" chromium.out
	await_lines "$n1" node.out
	await_lines "$n1" tail.out
	feed "$(cat second)"
	AWAIT=60 await_lines "$n" chromium.out
	await_lines "$n" node.out
	await_lines "$n" tail.out
	await_grep '^data' curl.out "$n"

	decode curl.out >curl.got
	cut -f 2- curl.got | diff all -
	diff curl.got tail.out
	diff curl.got node.out
	diff curl.got chromium.out
	# IDs are places: each one's own, and growing.
	cut -f 1 curl.got >ids
	[ "$(grep -cE '^[0-9]{13}-[0-9]+$' ids)" -eq "$n" ]
	sort -u ids | wc -l | grep -qx "$n"
	sort -t - -k 1,1n -k 2,2n -c ids
}

# The lines fed are in the log.
caught_up() {
	[ "$(limit curl -sN -m 1 "$URL/events?last=1000" | grep -c '^data')" -eq \
	    "$(wc -l <first)" ]
}

@test "what ends at the end of the input says so, and readers end with it" {
	spawn serve sse-serve -l 127.0.0.1:0 --ready-file ready \
	    --exit-on-eof --linger 2s < <(
		while ! [ -e go ]; do sleep 0.05; done
		seq 100
	)
	await_file ready
	URL=$(cat ready)
	spawn tail sse-tail "$URL/events?last=1000"
	spawn browser node "$TOP/tests/browser/eventsource.js" \
	    "$URL/events?last=1000" 100
	touch go
	await_exit tail
	[ "$status" -eq 0 ]
	seq 100 | diff - tail.out
	await_exit browser
	[ "$status" -eq 0 ]
	await_exit serve
	[ "$status" -eq 0 ]
}

# synced NAME...: each has seen an event of this publisher's, so it is attached.
synced() {
	sse-pub news sync
	for name; do
		grep -q sync "$name.out" || return
	done
}

@test "two servers on one Redis deliver an event to both, once, with one ID" {
	start_redis
	SERVE=a start_serve -r "$SSE_REDIS_URL"
	A=$URL
	SERVE=b start_serve -r "$SSE_REDIS_URL"
	B=$URL
	spawn one sse-tail -f '{id}\t{data}\n' "$A/events/news"
	spawn two sse-tail -f '{id}\t{data}\n' "$B/events/news"
	spawn other sse-tail -f '{id}\t{data}\n' "$B/events/weather"
	await synced one two

	sse-pub news hello
	[ "$(redis PUBLISH sse:news raw)" -eq 2 ]
	sse-pub weather rain
	sse-pub news done
	for name in one two; do
		await_grep done "$name.out"
		[ "$(grep -c '	hello$' $name.out)" -eq 1 ]
		[ "$(grep -c '	raw$' $name.out)" -eq 1 ]
		[ "$(grep -c '	rain$' $name.out)" -eq 0 ]
	done
	diff <(sed 's/.*raw/raw/' one.out | grep -v sync) \
	    <(sed 's/.*raw/raw/' two.out | grep -v sync)
	grep -qE '^[0-9]{13}-[0-9]+	hello$' one.out
	# The ID is the place in the log of Redis.
	redis XREVRANGE sse:log:news + - COUNT 5 |
	    grep -qxF "$(grep '	hello$' one.out | cut -f 1)"
	await_grep rain other.out
	[ "$(wc -l <other.out)" -eq 1 ]
}

@test "broadcast reaches who asked for something else" {
	start_redis
	start_serve -r "$SSE_REDIS_URL"
	spawn one sse-tail "$URL/events/news"
	spawn two sse-tail "$URL/events"
	await synced one
	await published_until broadcast everyone one two
}

published_until() {
	sse-pub "$1" "$2"
	grep -q "$2" "$3.out" && grep -q "$2" "$4.out"
}

@test "what is posted is delivered, and its ID is answered" {
	start_serve --open-publish
	spawn tail sse-tail -f '{id} {data}\n' "$URL/events/news?last=100"
	id=$(curl -fsS -d 'posted by curl' "$URL/events/news")
	await_grep 'posted by curl' tail.out
	[[ "$id" = *"$(cut -d ' ' -f 1 tail.out)"* ]]
	echo 'by sse-pub' | sse-pub -u "$URL" news
	await_grep 'by sse-pub' tail.out
	[ "$(wc -l <tail.out)" -eq 2 ]
}

@test "a web page of another origin cannot publish" {
	start_serve --open-publish
	run -0 curl -sS -o answer -w '%{http_code}' -H 'Origin: https://evil.test' \
	    -d x "$URL/events/news"
	[ "$output" = 403 ]
	run -0 curl -sS -o answer -w '%{http_code}' \
	    -H 'Sec-Fetch-Site: cross-site' -d x "$URL/events/news"
	[ "$output" = 403 ]
}
