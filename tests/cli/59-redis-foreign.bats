# Others write into our names in Redis: what is none of ours is passed over and
# counted, and nobody waits for it.

bats_require_minimum_version 1.5.0
load helper

foreign() {
	curl -s "$ADMIN/metrics" | sed -n 's/^[a-z_]*redis_foreign_total //p'
}

@test "huge, binary and broken messages, wrong keys: passed over, counted, said" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -a 127.0.0.1:0 --max-event 100k
	ADMIN=$(tail -n 1 serve.ready)
	spawn one curl -sN "$URL/events/news,prices,odd"
	redis SET sse:log:odd 'not a stream'
	await synced
	head -c 200000 /dev/zero | tr '\0' x >huge
	redis -x PUBLISH sse:news <huge
	printf '\377\376\200 binary \0' >binary
	redis -x PUBLISH sse:news <binary
	printf 'id: 9-9\nprev: 0-0\ndata: a block\n\nid: oops\n\ndata: none\n\n' >broken
	redis -x PUBLISH sse:prices <broken
	redis PUBLISH sse:news ''
	redis PUBLISH sse:no-one-reads hello
	redis PUBLISH sse: hello
	redis PUBLISH sse:marker,other hello
	redis PUBLISH sse:odd hello
	sse-pub news 'after all that'
	await_grep 'after all that' one.out
	await_grep '^data: hello' one.out
	not grep -q 'xxx\|binary\|none' one.out
	[ "$(foreign)" -ge 3 ]
	grep -q 'channel news: a message larger than --max-event; passed over' serve.err
	grep -q 'channel news: a message that is not UTF-8; passed over' serve.err
	grep -q 'channel prices: a message with broken blocks, or of the far future; passed over' serve.err
	# A key of another kind holds up nobody, whenever it is found.
	redis DEL sse:log:prices
	redis LPUSH sse:log:prices 1
	run limit curl -sN -m 0.5 "$URL/events/news?last=1"
	[[ $output == *'after all that'* ]]
	SERVE=other start_serve -r "$SSE_REDIS_URL"
	run limit curl -sN -m 0.5 "$URL/events/news,prices,odd?last=1"
	[[ $output == *'after all that'* ]]
	grep -q "channel odd: what lies in its log's place is none; passed over" other.err
	run limit sse-pub prices cheap
	[ "$status" -eq 76 ]
	[[ $output == *'sse:log:prices is not a Redis stream'* ]]
	# However many come, what is said of them is bounded.
	for n in {1..100}; do redis -x PUBLISH sse:news <binary; done >/dev/null
	sse-pub news end
	await_grep '^data: end' one.out
	[ "$(grep -c 'not UTF-8' serve.err)" -le 40 ]
}

@test "a place of the far future: passed over, and what is ours goes on" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -a 127.0.0.1:0
	ADMIN=$(tail -n 1 serve.ready)
	spawn one sse-tail --gap fail "$URL/events/news"
	spawn relay sse-relay -v -f json redis:news -
	await synced
	await_grep open relay.err
	sse-pub news one
	await_grep one one.out
	await_grep one relay.out
	# In microseconds, where milliseconds are due.
	printf 'id: %s000-0\nprev: %s\ndata: far\n\n' "$(date +%s%3N)" \
	    "$(redis GET sse:last)" >far
	redis -x PUBLISH sse:news <far
	seq 3 | sse-pub news
	await_grep 3 one.out
	await_grep '"3"' relay.out
	[ "$(grep -v sync one.out | paste -sd' ')" = 'one 1 2 3' ]
	[ "$(jq -r .data relay.out | grep -v sync | paste -sd' ')" = 'one 1 2 3' ]
	[ "$(foreign)" -eq 1 ]
	grep -q 'channel news: a message with broken blocks, or of the far' serve.err
}

@test "the clock of Redis has leapt forth: nothing is taken for foreign in the end" {
	start_redis
	start_serve -r "$SSE_REDIS_URL"
	spawn one sse-tail --gap fail "$URL/events/news,other"
	spawn relay sse-relay -v -f json redis:news -
	await synced
	await_grep open relay.err
	redis SET sse:last 9000000000000-0
	sse-pub news leapt
	await_grep leapt one.out
	await_grep leapt relay.out
	seq 3 | sse-pub other
	sse-pub news end
	await_grep end one.out
	await_grep end relay.out
	[ "$(grep -v sync one.out | paste -sd' ')" = 'leapt 1 2 3 end' ]
	[ "$(jq -r .data relay.out | grep -v sync | paste -sd' ')" = 'leapt end' ]
	not grep -q gap one.err
}

@test "wrong keys of clients: said once, and nobody waits for them" {
	start_redis
	redis RPUSH sse:ack:anna x
	redis SET sse:ack:bert 'no place'
	redis SET sse:clients:carl text
	start_serve -r "$SSE_REDIS_URL" -a 127.0.0.1:0 --identity-header X-User \
	    --trust-proxy 127.0.0.1
	ADMIN=$(tail -n 1 serve.ready)
	for c in anna bert carl; do sse-pub "client:$c" "to $c"; done
	for c in anna bert carl; do
		spawn $c curl -sN -H "X-User: $c" "$URL/events/news"
		await_grep "^data: to $c" $c.out
	done
	sse-pub news hello
	for c in anna bert carl; do await_grep '^data: hello' $c.out; done
	[ "$(foreign)" = 1 ]
	grep -q 'mark of client anna is none; passed over' serve.err
	is_here() { [ "$(redis HLEN "sse:clients:$1")" = 1 ]; }
	await is_here anna
	await is_here bert
	# A mark that is a text is set, one that is something else stays.
	id=$(sed -n 's/^id: //p' anna.out | head -n 1)
	for c in anna=409 bert=200; do
		[ "$(limit curl -s -o answer -w '%{http_code}' -X POST \
		    -H "X-User: ${c%=*}" "$URL/ack?id=$id")" = "${c#*=}" ]
	done
	[ "$(redis GET sse:ack:bert)" = "$id" ]
	redis LRANGE sse:ack:anna 0 -1 | grep -qx x
	# Who is here cannot be told: said, and told once it can be.
	redis SET sse:instances text
	await_grep 'does not take who is here: WRONGTYPE' serve.err
	spawn dora curl -sN -H 'X-User: dora' "$URL/events/news?last=1"
	await_grep '^data: hello' dora.out
	not is_here dora
	redis DEL sse:instances
	await is_here dora
	[ "$(grep -c 'does not take who is here' serve.err)" = 1 ]
}

@test "messages so huge that Redis cuts the link: other channels are caught up" {
	start_redis 'client-output-buffer-limit pubsub 1mb 0 0'
	start_serve -r "$SSE_REDIS_URL" -n 20000 -a unix:admin
	spawn one curl -sN "$URL/events/news,numbers"
	await synced
	spawn pub sh -c 'seq 6000 | while read -r n; do
		echo $n
		[ $((n % 20)) -ne 0 ] || sleep 0.01
	done | sse-pub --timeout 60s --history 20000 numbers'
	head -c 20000000 /dev/zero | tr '\0' x >huge
	for n in {1..5}; do
		await is_up
		redis -x PUBLISH sse:news <huge
		await losses $n
	done
	await_exit pub
	[ "$status" -eq 0 ]
	sse-pub news end
	await_grep '^data: end$' one.out
	await_grep '^data: 6000$' one.out
	sed -n 's/^data: \([0-9]*\)$/\1/p' one.out | diff <(seq 6000) -
	not grep -q 'xxx\|sse:gap' one.out
}

metric() {
	limit curl -s --unix-socket admin http://localhost/metrics |
	    sed -n "s/^sse_serve_$1 //p"
}

is_up() {
	[ "$(metric redis_up)" = 1 ]
}

losses() {
	[ "$(metric redis_losses_total)" -ge "$1" ]
}

data_of() {
	redis XRANGE "sse:log:$1" - + | grep -A 1 -x data | grep -vx -e data -e --
}

@test "something else in a log's place: its events are refused, no other channel's" {
	start_redis
	redis SET sse:log:odd 'not a stream'
	for n in {1..3}; do
		printf '{"channel":"%s","data":"%d"}\n' news $n odd $n prices $n
	done >in.json
	run limit sse-pub -v -f json <in.json
	[ "$status" -eq 76 ]
	[[ $output == *'sse:log:odd is not a Redis stream: 3 events for it are not published'* ]]
	# With -v there is a line for each event.
	[ "$(grep -c -e '-[0-9]*$' <<<"$output")" -eq 6 ]
	[ "$(data_of news | paste -sd,)" = 1,2,3 ]
	[ "$(data_of prices | paste -sd,)" = 1,2,3 ]
	# The same out of a spool, which they leave.
	stop_redis
	run limit sse-pub --spool spool -f json <in.json
	[ "$status" -eq 75 ]
	restart_redis
	redis SET sse:log:odd 'not a stream'
	run limit sse-pub --spool spool --flush
	[ "$status" -eq 76 ]
	[[ $output == *'3 events for it are not published'* ]]
	[ "$(data_of news | paste -sd,)" = 1,2,3 ]
	run -0 limit sse-pub --spool spool --flush
	# Each channel is told of for itself.
	redis SET sse:log:bad 'neither'
	run limit sse-pub -f json < <(cat in.json; echo '{"channel":"bad","data":"x"}')
	[ "$status" -eq 76 ]
	[[ $output == *'sse:log:odd is not a Redis stream: 3 events for it are not published'* ]]
	[[ $output == *'sse:log:bad is not a Redis stream: 1 event for it is not published'* ]]
	# By POST, whole or with a number, and again after a lost answer.
	start_serve -r "$SSE_REDIS_URL" --open-publish -f json --exit-on-eof <in.json
	echo '{"channel":"bad","data":"x"}' >>in.json
	for header in 'X-None: x' 'Sse-Producer: p/1' 'Sse-Producer: p/1'; do
		run limit curl -s -o answer -w '%{http_code}' -H "$header" \
		    -H 'Content-Type: application/x-ndjson' \
		    --data-binary @in.json "$URL/events"
		[ "$output" = 422 ]
		# Which, and how many; then the IDs of the others.
		[ "$(head -n 2 answer)" = "$(
			echo '3 of 10 events are not published: channel odd: sse:log:odd is not a Redis stream'
			echo '1 of 10 events are not published: channel bad: sse:log:bad is not a Redis stream'
		)" ]
		[ "$(tail -n +3 answer | sed 's/^[0-9]*-[0-9]*$/ID/' |
		    paste -sd,)" = ID,,ID,ID,,ID,ID,,ID, ]
	done
	# What comes behind such a batch is published.
	sed 's/news/late/' in.json >late.json
	run limit sse-pub -v -u "$URL" -f json --max-batch 10 \
	    < <(cat in.json late.json)
	[ "$status" -eq 76 ]
	[ "$(grep -c "^sse-pub: $URL: 3 of 10 events are not published: channel odd: sse:log:odd is not a Redis stream$" <<<"$output")" -eq 2 ]
	[ "$(grep -c '^[0-9]*-[0-9]*$' <<<"$output")" -eq 12 ]
	[ "$(data_of late | paste -sd,)" = 1,2,3 ]
	# A spool is not stuck at such an event.
	run limit sse-pub -u "http://127.0.0.1:1/events" --spool far -f json <in.json
	[ "$status" -eq 75 ]
	run limit sse-pub -u "$URL/events" --spool far --flush
	[ "$status" -eq 76 ]
	[ "$(grep -c ' of 1 event is not published: channel ' <<<"$output")" -eq 4 ]
	run -0 limit sse-pub -u "$URL/events" --spool far --flush
	await_grep 'sse:log:odd is not a Redis stream: an event for it is not published' serve.err
	# The first one and its spool, two bad channels, standard input, two of
	# three posts, that of sse-pub, the second spool.
	[ "$(data_of news | paste -sd,)" = 1,2,3,1,2,3,1,2,3,1,2,3,1,2,3,1,2,3,1,2,3 ]
	await_exit serve
	[ "$status" -eq 65 ]
}

@test "sse-relay passes over what goes where no log is, and counts it" {
	start_redis
	redis SET sse:log:odd 'not a stream'
	for n in {1..3}; do
		printf '{"channel":"%s","data":"%d"}\n' news $n odd $n
	done >in.json
	run limit sse-relay -f json --stats - "$SSE_REDIS_URL" <in.json
	[ "$status" -eq 76 ]
	[[ $output == *'sse:log:odd is not a Redis stream: 3 events for it are passed over'* ]]
	[ "$(data_of news | paste -sd,)" = 1,2,3 ]
	# By way of a server, too.
	SERVE=sink start_serve -r "$SSE_REDIS_URL" --open-publish
	run limit sse-relay -f json --stats - "$URL/events" <in.json
	[ "$status" -eq 76 ]
	[[ $output == *'3 of 6 events are not published: channel odd: sse:log:odd is not a Redis stream; its events are passed over'* ]]
	[[ $output == *'3 refused'* ]]
	[ "$(data_of news | paste -sd,)" = 1,2,3,1,2,3 ]
	# One that keeps a mark goes on with it.
	feed_open
	start_serve -f json <feed
	spawn relay sse-relay "$URL/events/news,odd?show=channel" "$SSE_REDIS_URL"
	await relayed
	feed '{"channel":"odd","data":"x"}' '{"channel":"news","data":"last"}'
	await_grep 'passed over' relay.err
	await_data last
	not is_gone "${PIDS[relay]}"
}

relayed() {
	feed '{"channel":"news","data":"sync"}'
	data_of news | grep -qx sync
}

await_data() {
	await has_data "$1"
}

has_data() {
	data_of news | grep -qx "$1"
}

synced() {
	sse-pub news sync
	grep -q sync one.out
}
