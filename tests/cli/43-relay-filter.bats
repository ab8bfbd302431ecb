# sse-relay: another program between source and sink; and what it tells of
# itself: gaps, circles, numbers, the service manager.

bats_require_minimum_version 1.5.0
load helper

redis_has() {
	[ "$(redis XLEN "sse:log:$1")" -ge "$2" ]
}

# out CHANNEL COUNT: data of that many events in its log.
out() {
	limit sse-relay -q --from start -f line "redis:$1" - | head -n "$2"
}

@test "--filter: one, several or no events for each" {
	start_redis
	seq 6 | limit sse-relay --stats -f line --filter \
	    "jq -c --unbuffered 'if .data == \"1\" then [] elif .data == \"2\"
	    then [., (.data = \"two\")] else . end'" - redis:a 2>err
	[ "$(out a 6 | tr '\n' ' ')" = '2 two 3 4 5 6 ' ]
	redis_has a 6
	grep -q ' 1 filtered,' err
	# An empty line is none, whatever drops the line.
	seq 6 | limit sse-relay -f line --filter \
	    "sed -u '/\"[246]\"/s/.*//'" - redis:b
	[ "$(out b 3 | tr '\n' ' ')" = '1 3 5 ' ]
	redis_has b 3
}

@test "--filter: what it leaves out is not there, but channel and via" {
	start_redis
	limit sse-relay -N one -f json --filter \
	    "jq -c --unbuffered '{data: .data, event: \"new\"}'" - "$SSE_REDIS_URL" \
	    <<<'{"channel":"c","id":"x","data":"d","via":["zero"]}'
	limit sse-relay -q --from start -f json redis:c - | head -n 1 >got
	[ "$(jq -c '[.event, .data, .via]' got)" = '["new","d",["zero","one","'"$(jq -r '.via[2]' got)"'"]]' ]
	jq -e '.id != "x"' got
}

@test "--filter: large lines both ways, more than any pipe holds" {
	start_redis
	head -c 700000 /dev/zero | tr '\0' x >large
	for i in {1..40}; do
		cat large
		echo " $i"
	done | limit sse-relay -n 100 -f line --filter \
	    "jq -c --unbuffered '[., .]'" - redis:a
	redis_has a 80
	out a 80 | sed 's/x* //' | cmp - <(seq 40 | sed p)
}

@test "--filter: a hundred thousand events under load, each once, in order" {
	start_redis
	seq 100000 | LIMIT=60 limit sse-relay -n 200000 -f line \
	    --filter 'jq -c --unbuffered .' - redis:a
	redis_has a 100000
	LIMIT=60 out a 100000 | cmp - <(seq 100000)
}

@test "--filter: one that dies, one that answers garbage or too much" {
	start_redis
	seq 3 >in
	run -69 limit sse-relay -f line --filter 'head -n 1; exit 3' - redis:a <in
	[[ $output == *'filter: it ended with status 3, owing 2 answers'* ]]
	redis_has a 1
	run -69 limit sse-relay -f line --filter 'no-such-program' - redis:a <in
	[[ $output == *'ended with status 127'* ]]
	run -69 limit sse-relay -f line --filter 'kill -9 $$' - redis:a <in
	[[ $output == *'signal 9'* ]]
	run -69 limit sse-relay -f line --filter 'exec >&-; sleep 3' - redis:a <in
	[[ $output == *'it closed its output'* ]]
	run -76 limit sse-relay -f line --filter 'read -r x; echo garbage; cat' - redis:a <in
	[[ $output == *'its answer is no event: not a JSON object'* ]]
	run -76 limit sse-relay -f line --filter "read -r x; echo '[3]'; cat" - redis:a <in
	run -76 limit sse-relay -f line --filter "read -r x; echo '[{]'; cat" - redis:a <in
	run -76 limit sse-relay -f line --filter 'sed -u p' - redis:b <in
	[[ $output == *'more lines than it was given'* ]]
	run -76 limit sse-relay -f line --filter 'printf "{"; cat >&2' - redis:b <in
	[[ $output == *'ended within a line'* ]]
	run -76 limit sse-relay -f line --max-event 1k \
	    --filter 'tr "\n" " "' - redis:b < <(seq 20000)
	[[ $output == *'too large'* ]]
	redis_has a 1
}

@test "--filter: one that answers nothing is complained of, and waited for" {
	start_redis
	feed_open
	spawn relay sse-relay -f line --filter 'read a; read b; cat >&2' \
	    - redis:a <feed
	feed 1 2 3
	await_grep 'no answer for 5 s' relay.err
	grep -q '"data":"3"' relay.err
	stop relay KILL
}

@test "--filter: killed ten times, each event of every answer once" {
	REDIS=from start_redis
	local from=$SSE_REDIS_URL i
	start_redis 'appendonly yes' 'appendfsync always'
	seq 2000 | limit sse-relay -n 5000 -r "$from" -f line - redis:news
	for i in 200 600 1000 1400 1800 2200 2600 3000 3400 3800 4000; do
		spawn relay sse-relay -n 5000 -N f --from start --filter \
		    "jq -c --unbuffered '[., .]'" "$from?channel=news" redis:a
		AWAIT=30 await redis_has a "$i"
		stop relay KILL
	done
	[ "$(redis XLEN sse:log:a)" = 4000 ]
	redis XRANGE sse:log:a - + | awk 'd { print } { d = $0 == "data" }' |
	    cmp - <(seq 2000 | sed p)
}

@test "a gap is passed on and logged, and said once more downstream" {
	start_redis
	cat >source <<-'END'
	id: 1
	data: a

	event: sse:gap
	data: {"after":"1","oldest":"5"}

	id: 5
	data: b

	END
	limit sse-relay -N one - redis:news <source 2>err
	grep -q 'gap: events behind 1 are lost, the oldest kept is 5' err
	redis_has news 3
	limit sse-relay -q --from start -f json redis:news - | head -n 3 >got
	[ "$(jq -r '.event // .data' got)" = $'a\nsse:gap\nb' ]
	grep sse:gap got | jq -e '.id and .via[0] == "one"'
	# The next relay says and passes it on, formats of data alone do not.
	spawn two sse-relay -N two --from start redis:news redis:copy
	await redis_has copy 3
	grep -q 'gap: events behind 1 are lost' two.err
	[ "$(limit sse-relay -q --from start -f line redis:news - | head -n 2)" = \
	    $'a\nb' ]
	run -80 limit sse-relay --gap fail --from start redis:news redis:other
	# Whom it comes to by a stream sees it, too.
	start_serve -r "$SSE_REDIS_URL"
	run -80 limit sse-tail --gap fail "$URL/events/news?last=5"
	# Nobody else may say so.
	run -65 limit sse-pub -f json <<<'{"channel":"x","event":"sse:gap","data":"{}"}'
}

@test "a circle is told of once, and counted" {
	start_redis
	spawn ab sse-relay -v --stats -N ab redis:a redis:b
	spawn ba sse-relay -v --stats -N ba redis:b redis:a
	await_grep open ab.err
	await_grep open ba.err
	seq 5 | limit sse-relay -N pub -f line - redis:a
	await redis_has a 10
	await_grep 'been through ab before' ab.err
	echo last | limit sse-relay -N pub -f line - redis:a
	await redis_has a 12
	stop ab
	stop ba
	[ "$(grep -c 'been through' ab.err)" = 1 ]
	# One of them may have been on its way when it was told to end.
	grep -qE ', [56] looped,' ab.err
}

@test "--stats at the end, and at SIGUSR1" {
	start_redis
	seq 10 | limit sse-relay --stats -f line - redis:a 2>err
	grep -q '^sse-relay: 10 events read (11 bytes), 10 taken, 0 waiting' err
	feed_open
	spawn relay sse-relay -f line - redis:b <feed
	feed 1 2 3
	await redis_has b 3
	kill -USR1 "${PIDS[relay]}"
	await_grep '3 events read (3 bytes), 3 taken' relay.err
	feed_close
	await_exit relay
	[ "$status" = 0 ]
	[ "$(wc -l <relay.err)" = 1 ]
}

@test "--metrics: on the loopback and a Unix socket, also while Redis is away" {
	start_redis
	feed_open
	spawn relay sse-relay -v -N met --metrics 0 -f line - redis:a <feed
	await_grep 'metrics at' relay.err
	local at=$(sed -n 's/.*metrics at //p' relay.err)
	feed 1 2
	await redis_has a 2
	curl -sS "$at" >page
	grep -qx 'sse_relay_events_read_total{relay="met"} 2' page
	grep -qx '# TYPE sse_relay_events_read_total counter' page
	promtool check metrics <page
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${at%metrics}")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -d x "$at")" = 405 ]
	curl -sI "$at" | grep -q 'Content-Length: [1-9]'
	stop_redis
	feed 3
	await_grep 'trying again' relay.err
	curl -sS "$at" | grep -q 'events_taken_total{relay="met"} 2'
	local port=${at%/metrics}
	run -69 limit sse-relay --metrics "${port##*:}" redis:a -
	run -64 limit sse-relay --metrics 10.0.0.1:80 redis:a -
	restart_redis
	spawn socket sse-relay --metrics "unix:$PWD/sock" redis:a -
	await test -S sock
	await curl -sS --unix-socket sock http://x/metrics >page
	grep -q sse_relay_source_up page
	[ "$(stat -c %a sock)" = 660 ]
	stop socket
	[ ! -e sock ]
}

@test "a service manager is told when it is ready and when it ends" {
	start_redis
	cat >manager.py <<-'END'
	import os, socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind('notify.new')
	os.rename('notify.new', 'notify')
	while True:
	    with open('told', 'a') as f:
	        print(s.recv(4096).decode(), file=f)
	END
	spawn manager python3 manager.py
	await test -S notify
	WATCHDOG_USEC=100000 NOTIFY_SOCKET=$PWD/notify spawn relay \
	    sse-relay redis:a redis:b
	await_grep READY=1 told
	await_grep WATCHDOG=1 told 3
	stop relay
	await_grep STOPPING=1 told
	[ "$(grep -c READY=1 told)" = 1 ]
	[ "$(grep -c STOPPING=1 told)" = 1 ]
}
