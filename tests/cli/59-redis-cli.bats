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

synced() {
	sse-pub news sync
	grep -q sync browser.out
}
