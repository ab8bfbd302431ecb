# What our programs publish comes in messages of at most 1 MiB: a batch is
# parted, and an event that fits none is refused by whoever was given it.

bats_require_minimum_version 1.5.0
load helper

FITS=1048000
TOO_LARGE=1048576

# of BYTES: a line.
of() {
	head -c "$1" /dev/zero | tr '\0' x
	echo
}

listen_to_all() {
	spawn messages redis-cli -s redis/sock PSUBSCRIBE 'sse:*'
	await_grep psubscribe messages.out
}

# The longest line of what redis-cli shows: a message is one, but for its
# line breaks, which are fewer than the bytes of its fields' names.
longest() {
	awk '{ if (length($0) > n) n = length($0) } END { print n }' messages.out
}

@test "sse-pub: one event larger than a message is 65 and named, also before a spool" {
	start_redis
	listen_to_all
	{ echo a; of $FITS; echo b; of $TOO_LARGE; echo c; } >in
	run -65 limit sse-pub --max-event 4m news <in
	[[ $output == *'line 4: larger than a message of Redis may be'* ]]
	[[ $output == *'nothing from there on is published'* ]]
	[ "$(redis XLEN sse:log:news)" -eq 3 ]
	run -65 limit sse-pub --max-event 4m --spool spool news <in
	[[ $output == *'line 4: larger than a message of Redis may be'* ]]
	# Line breaks count as they are sent, each with the name of its field.
	yes '' | head -n 200000 >breaks
	run -65 limit sse-pub -f whole news <breaks
	[[ $output == *'larger than a message of Redis may be'* ]]
	run -65 limit sse-pub --raw --max-event 4m news <in
	[[ $output == *'line 4: larger than a message of Redis may be'* ]]
	# A batch of many is parted.
	for n in {1..50}; do of 100000; done | limit sse-pub many
	[ "$(redis XLEN sse:log:many)" -eq 50 ]
	redis PUBLISH sse:over all
	await_grep '^all$' messages.out
	[ "$(longest)" -le 1048576 ]
	[ "$(grep -c '^sse:many$' messages.out)" -ge 5 ]
	# What a command prints is parted, too.
	of 3000000 >line
	limit sse-pub --max-event 4m -x job cat line >/dev/null
	[ "$(redis XLEN sse:log:job)" -ge 4 ]
}

@test "sse-serve: a POST that is larger is 413, standard input names its line" {
	start_redis
	{ echo one; of $TOO_LARGE; of $FITS; echo two; } >in
	start_serve -r "$SSE_REDIS_URL" --open-publish --max-event 4m \
	    --max-body 8m -c news <in
	await_grep 'standard input, line 2: larger than a message of Redis' serve.err
	await has_entries news 3
	of $TOO_LARGE >body
	for query in '' '?id=8'; do
		run curl -s -o answer -w '%{http_code}' --data-binary @body \
		    "$URL/events/news$query"
		[ "$output" = 413 ]
		grep -q 'larger than a message of Redis may be' answer
	done
	# All of a POST or nothing.
	{ echo '{"data":"small"}'; echo "{\"data\":\"$(cat body)\"}"; } >body.json
	for header in 'X-None: x' 'Sse-Producer: p/1'; do
		run curl -s -o answer -w '%{http_code}' --data-binary @body.json \
		    -H 'Content-Type: application/x-ndjson' \
		    -H "$header" "$URL/events/news"
		[ "$output" = 413 ]
	done
	[ "$(redis XLEN sse:log:news)" -eq 3 ]
	of $FITS >body
	curl -s -o answer --data-binary @body "$URL/events/news"
	await has_entries news 4
	# Without Redis it is a server's own affair.
	SERVE=alone start_serve --open-publish --max-event 4m --max-body 8m
	of $TOO_LARGE >body
	run curl -s -o answer -w '%{http_code}' --data-binary @body "$URL/events/news"
	[ "$output" = 200 ]
}

@test "sse-relay: what fits no message is passed over and counted, and the rest goes on" {
	start_redis
	feed_open
	start_serve --max-event 4m -c news <feed
	spawn relay sse-relay --max-event 4m "$URL/events/news" redis:copy
	await relayed
	feed one
	of $TOO_LARGE >&"$FEED"
	feed two
	await_grep 'passed over: larger than a message of Redis may be' relay.err
	await copied two
	redis XRANGE sse:log:copy - + | grep -qx one
	not grep -q xxx <(redis XRANGE sse:log:copy - +)
}

relayed() {
	feed sync
	[ "$(redis XLEN sse:log:copy)" -gt 0 ]
}

has_entries() {
	[ "$(redis XLEN "sse:log:$1")" -eq "$2" ]
}

copied() {
	redis XREVRANGE sse:log:copy + - COUNT 1 | grep -qx "$1"
}
