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
	grep -q 'channel prices: a message with broken blocks; passed over' serve.err
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

synced() {
	sse-pub news sync
	grep -q sync one.out
}
