# A publisher and a reader by sse-redis(7) alone, in redis-cli: they meet those
# of the programs.

bats_require_minimum_version 1.5.0
load helper

script() {
	redis --eval "$TOP/lib/tool/$1.lua" "${@:2}"
}

@test "redis-cli publishes and reads as sse-redis(7) says" {
	start_redis
	start_serve -r "$SSE_REDIS_URL"
	spawn browser curl -sN "$URL/events/news"
	await synced
	seen=$(redis GET sse:last)
	# READING, 1: subscribe, and await the confirmations.
	spawn reader redis-cli -s redis/sock SUBSCRIBE sse:news sse:marker,mine
	await_grep 'sse:marker,mine' reader.out
	# What has been there before connects two lives of Redis.
	script raise sse:last sse:fork , "$seen" '' >raised
	diff raised <(printf '%s\n\n' "$seen")
	sse-pub news 'before the logs are read'
	await_grep 'data: before the logs are read' reader.out
	# 2: the logs, behind the place up to which all is known.
	script attach sse:last sse:birth sse:log:news , sse:marker,mine "$seen" 100 3600000 >log
	grep -qx 'before the logs are read' log
	last=$(head -n 1 log)
	# 3: live events up to there are known; the marker says from when on not.
	await_grep 'sse:marker,mine' reader.out 2
	[ "$(tail -n 1 reader.out)" = "$last" ]
	# PUBLISHING, with a number, twice.
	for try in 1 2; do
		script publish sse:last sse:birth sse:log:news sse:pub:cli , \
		    1000 3600000 1 0 86400000 1 3600000 '' '' \
		    1 0 '' 2 event alert data 'by hand' >answer
	done
	[[ $(head -n 1 answer) == repeat* ]]
	place=$(tail -n 1 answer)
	place=${place#=}
	await_grep '^data: by hand' browser.out
	grep -qx "id: $place" browser.out
	[ "$(grep -c 'by hand' browser.out)" -eq 1 ]
	await_grep '^data: by hand' reader.out
	# Its block, with the place of the event before it.
	grep -A 1 -x "id: $place" reader.out | grep -qx "prev: $last"
	[ "$(grep -c 'by hand' reader.out)" -eq 1 ]
}

# block TEXT: the whole block of the stream with this line.
block() {
	awk -v RS= -v t="$1" '("\n" $0 "\n") ~ ("\n" t "\n")' browser.out
}

# contents: all that Redis holds.
contents() {
	redis --scan | sort | while read -r key; do
		echo "$key $(redis --no-raw DUMP "$key")"
	done
}

@test "PUBLISH alone reaches who is here, without an ID, and leaves nothing" {
	start_redis
	start_serve -r "$SSE_REDIS_URL"
	spawn browser curl -sN "$URL/events/news"
	await synced
	id=$(sed -n 's/^id: //p' browser.out | tail -n 1)
	contents >before
	[ -s before ]
	[ "$(redis PUBLISH sse:news hello)" = 1 ]
	redis PUBLISH sse:news $'of two\nlines'
	redis PUBLISH sse:news $'event: alert\ndata: no block of ours'
	contents | diff before -
	sse-pub news end
	await_grep '^data: end' browser.out
	block 'data: hello' | diff <(echo 'data: hello') -
	block 'data: of two' | diff <(printf 'data: of two\ndata: lines\n') -
	block 'data: event: alert' |
	    diff <(printf 'data: event: alert\ndata: data: no block of ours\n') -
	# Who comes back has missed nothing that there is, and none is told again.
	spawn again curl -sN -H "Last-Event-ID: $id" "$URL/events/news"
	await_grep '^data: end' again.out
	not grep -e sse:gap -e hello -e two again.out
	redis XREVRANGE sse:log:news + - COUNT 1 | grep -A 1 prev | grep -qx "$id"
}

synced() {
	sse-pub news sync
	grep -q sync browser.out
}
