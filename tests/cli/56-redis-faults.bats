# Redis is killed, cut off, frozen, full: every event at every subscriber is
# counted, and nobody is told that something was published which was not.

bats_require_minimum_version 1.5.0
load helper

# start_all [SERVE-OPTION ...]: two servers, two readers at each.
start_all() {
	local s

	for s in one two; do
		SERVE=$s start_serve -r "$SSE_REDIS_URL" --retry 10 -n 20000 "$@"
		spawn "$s-a" sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
		spawn "$s-b" sse-tail -f '{id}\t{data}\n' "$URL/events/numbers,single,posted,fed"
	done
	readers='one-a one-b two-a two-b'
	await synced
}

synced() {
	local r

	sse-pub --history 20000 numbers sync
	for r in $readers; do
		grep -q sync "$r.out" || return
	done
}

# Whoever loads Redis beside a test that has failed ends, too.
teardown() {
	touch stop
	sse_teardown
}

# publish_slowly COUNT: numbers, through one sse-pub that has to get through.
publish_slowly() {
	spawn pub sh -c "seq $1 | while read -r n; do
		echo \$n
		[ \$((n % 20)) -ne 0 ] || sleep 0.01
	done | sse-pub --timeout 60s --history 20000 numbers"
}

# publish_singly: one by one, none of them waited for; ok has those that were
# said to be published, until the file stop is there.
publish_singly() {
	local n=0

	: >ok
	until [ -e stop ]; do
		n=$((n + 1))
		if sse-pub --timeout 300ms --history 20000 single "single $n" 2>>single.err; then
			echo "single $n" >>ok
		else
			case $? in 69 | 75) ;; *) echo "status $?" >>false ;; esac
		fi
	done
}

# publish_by_post: likewise, by the server one; ok.post has what was answered 200.
publish_by_post() {
	local n=0 code

	: >ok.post
	until [ -e stop ]; do
		n=$((n + 1))
		code=$(limit curl -s -o post.answer -w '%{http_code}' -d "post $n" \
		    "$POST/events/posted") || :
		case $code in
		200) echo "post $n" >>ok.post ;;
		503) ;;
		*) echo "POST $code" >>false ;;
		esac
	done
}

# feed_on: lines by standard input of a server, as fast as it takes them; fed is
# how many.
feed_on() {
	local n=0

	until [ -e stop ]; do
		n=$((n + 1))
		feed "fed $n"
		echo $n >fed.new
		mv fed.new fed
		sleep 0.002
	done
}

# every_one COUNT: each reader has each number once, in order.
every_one() {
	local r

	await_exit pub || return
	cat pub.err
	[ "$status" -eq 0 ] || return
	for r in $readers; do
		AWAIT=20 await_grep "	$1\$" "$r.out" || return
		cut -f 2 "$r.out" | grep -x '[0-9]*' | diff <(seq "$1") - || return
		[ "$(cut -f 1 "$r.out" | sort | uniq -d | wc -l)" -eq 0 ] || return
		cut -f 1 "$r.out" | sort -t - -k 1,1n -k 2,2n -C || return
	done
}

# begin_load COUNT: numbers, and beside them in each other way.
begin_load() {
	local how

	POST=$(cat one.ready)
	feed_open
	SERVE=fed start_serve -r "$SSE_REDIS_URL" -c fed -n 20000 <feed
	LOAD=()
	for how in publish_singly publish_by_post feed_on; do
		$how 3>&- &
		LOAD+=($!)
	done
	publish_slowly "$1"
}

# end_load COUNT: what was acknowledged has come, and what was fed, each once.
end_load() {
	local r

	touch stop
	wait "${LOAD[@]}"
	every_one "$1" || return
	echo "$(wc -l <ok) singly, $(wc -l <ok.post) by POST, $(cat fed) fed"
	[ ! -e false ] || return
	[ -s ok ] || return
	[ -s ok.post ] || return
	for r in one-b two-b; do
		await_grep "	$(tail -n 1 ok)\$" $r.out || return
		await_grep "	$(tail -n 1 ok.post)\$" $r.out || return
		AWAIT=20 await_grep "	fed $(cat fed)\$" $r.out || return
		cut -f 2 $r.out | grep '^fed' |
		    diff <(seq -f 'fed %g' "$(cat fed)") - || return
		cut -f 2 $r.out | grep 'single\|post' | sort >got
		[ "$(uniq -d got | wc -l)" -eq 0 ] || return
		[ "$(sort ok ok.post | comm -23 - got | wc -l)" -eq 0 ] || return
	done
}

@test "Redis killed 20 times under load: all that was acknowledged, once, in order" {
	start_redis 'appendonly yes' 'appendfsync always'
	start_all --open-publish
	begin_load 6000
	for at in {1..20}; do
		await_grep "	$((at * 250))\$" one-a.out
		kill_redis
		restart_redis
	done
	end_load 6000
}

@test "Redis' connections cut every 100 ms: each event once, in order" {
	start_redis
	start_all --open-publish
	begin_load 4000
	cuts=0
	# The numbers may be through early where all else takes its time.
	until is_gone "${PIDS[pub]}" && [ $cuts -ge 20 ]; do
		for type in pubsub normal; do
			redis CLIENT KILL TYPE $type >/dev/null
		done
		cuts=$((cuts + 1))
		sleep 0.1
	done
	end_load 4000
}

# see_signs: by which Redis shows that it is alive.
see_signs() {
	spawn markers redis-cli -s redis/sock PSUBSCRIBE 'sse:marker,*'
	await_grep psubscribe markers.out
	await_grep '^pmessage' markers.out
}

# freeze NAME: right behind a sign of life, when the next one is farthest.
freeze() {
	await_grep '^pmessage' markers.out \
	    $(($(grep -c '^pmessage' markers.out) + 1)) || return
	kill -STOP "${PIDS[$1]}"
	FROZEN=$(date +%s%3N)
}

# frozen_ms: for how long it has been.
frozen_ms() {
	echo $(($(date +%s%3N) - FROZEN))
}

frozen_for() {
	[ "$(frozen_ms)" -ge "$1" ]
}

# await_comment FILE: one more.
await_comment() {
	await_grep '^:' "$1" $(($(grep -c '^:' "$1") + 1))
}

@test "Redis frozen for 10 s: noticed within --redis-timeout, streams stay, all is caught up" {
	start_redis
	start_all --redis-timeout 6s --keepalive 200ms -a 127.0.0.1:0
	ADMIN=$(tail -n 1 two.ready)
	spawn raw curl -sN "$URL/events/numbers"
	await_grep '^:' raw.out
	see_signs
	publish_slowly 6000
	freeze redis
	await_grep 'it does not answer; reconnecting' one.err
	await_grep 'it does not answer; reconnecting' two.err
	[ "$(frozen_ms)" -lt $((7000 * SLOW)) ]
	run limit curl -s -o answer "$ADMIN/readyz" -w '%{http_code}'
	[ "$output" = 503 ]
	run limit curl -si -d refused "$ADMIN/events/numbers"
	[[ $output == *' 503 '* ]]
	[[ $output == *$'\nRetry-After: '* ]]
	await frozen_for 10000
	await_comment raw.out
	not grep -q '	6000$' one-a.out
	kill -CONT "${PIDS[redis]}"
	AWAIT=20 every_one 6000
	# It has been the same stream all the time.
	not is_gone "${PIDS[raw]}"
	await_grep '^data: 6000$' raw.out
	sed -n 's/^data: \([0-9]*\)$/\1/p' raw.out | diff <(seq 6000) -
}

@test "one server's link frozen for 10 s: it alone waits, and then has all" {
	start_redis
	spawn link python3 "$TOP/tests/cli/swallow.py" \
	    "${REDIS_PORTS[redis]}" never link.ready never
	await_file link.ready
	# This one is not asked for signs of life.
	SERVE=serve-near start_serve -r "$SSE_REDIS_URL" -n 20000 --redis-timeout 1h
	spawn near sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
	SERVE=serve-far start_serve -r "redis://127.0.0.1:$(cat link.ready)" -n 20000 \
	    --redis-timeout 6s --keepalive 200ms -a 127.0.0.1:0
	ADMIN=$(tail -n 1 serve-far.ready)
	URL=$(head -n 1 serve-far.ready)
	spawn far sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
	spawn raw curl -sN "$URL/events/numbers"
	readers='near far'
	await synced
	see_signs
	publish_slowly 6000
	freeze link
	await_grep 'it does not answer; reconnecting' serve-far.err
	[ "$(frozen_ms)" -lt $((7000 * SLOW)) ]
	[ "$(curl -s -o answer "$ADMIN/readyz" -w '%{http_code}')" = 503 ]
	await_grep '	6000$' near.out
	await frozen_for 10000
	await_comment raw.out
	not grep -q '	6000$' far.out
	kill -CONT "${PIDS[link]}"
	AWAIT=20 every_one 6000
	not is_gone "${PIDS[raw]}"
	await_grep '^data: 6000$' raw.out
	sed -n 's/^data: \([0-9]*\)$/\1/p' raw.out | diff <(seq 6000) -
}

@test "a link that dies before it has subscribed is given up as well" {
	start_redis
	for word in SUBSCRIBE sse:fork; do
		spawn "no-$word" python3 "$TOP/tests/cli/swallow.py" \
		    "${REDIS_PORTS[redis]}" "$word" "$word.ready" "$word"
		await_file "$word.ready"
		SERVE=$word start_serve -r "redis://127.0.0.1:$(cat "$word.ready")" \
		    --redis-timeout 500ms --open-publish
		[ -e "$word" ]
		grep -q 'it does not answer; trying again' "$word.err"
		run -0 limit curl -fsS -d hello "$URL/events/numbers"
		run limit curl -sN -m 1 "$URL/events/numbers?last=1"
		[[ $output == *'data: hello'* ]]
	done
}

@test "a subscription that Redis kills for its output buffer: caught up" {
	start_redis 'client-output-buffer-limit pubsub 20kb 0 0'
	start_all
	# A reader of Redis that cannot keep up with what comes at once.
	head -c 30000 /dev/zero | tr '\0' x >large
	spawn pub sse-pub --timeout 60s --history 20000 numbers < <(
		seq 10
		for n in {1..10}; do cat large; echo; done
		seq 11 20
	)
	await_exit pub
	[ "$status" -eq 0 ]
	grep -q 'closed the connection; reconnecting' one.err
	grep -q 'closed the connection; reconnecting' two.err
	await_grep "^sse-serve: $SSE_REDIS_URL: back\$" one.err
	for r in $readers; do
		await_grep '	20$' $r.out
		grep -v sync $r.out | cut -f 2 | grep -v xxx | diff <(seq 20) -
		[ "$(grep -c xxx $r.out)" -eq 10 ]
	done
}

@test "out of memory, a script cache flushed, a replica: said, waited out, 503" {
	start_redis
	feed_open
	start_serve -r "$SSE_REDIS_URL" -a 127.0.0.1:0 --open-publish -c numbers <feed
	spawn one curl -sN "$URL/events/numbers"
	await served one
	redis SCRIPT FLUSH
	feed flushed
	await_grep flushed one.out

	redis CONFIG SET maxmemory 1
	feed kept
	await_grep 'Redis takes no events: OOM' serve.err
	run limit curl -si -d posted "$URL/events/numbers"
	[[ $output == *' 503 '* ]]
	[[ $output == *$'\nRetry-After: '* ]]
	refused numbers
	[[ $output == *OOM* ]]
	redis CONFIG SET maxmemory 0
	await_grep kept one.out
	await_grep 'takes events again' serve.err

	REDIS=other start_redis
	REDIS=redis redis REPLICAOF 127.0.0.1 "${REDIS_PORTS[other]}"
	run limit curl -si -d posted "$URL/events/numbers"
	[[ $output == *' 503 '* ]]
	refused -r "redis://127.0.0.1:${REDIS_PORTS[redis]}" numbers
	[[ $output == *READONLY* ]]
	REDIS=redis redis REPLICAOF NO ONE
	feed again
	await_grep again one.out
	not grep -q posted one.out
	not grep -q hello one.out
}

# refused OPTION ... CHANNEL: sse-pub hears why in time, and gives up with 75.
refused() {
	run limit sse-pub --timeout $((2 * SLOW))s "$@" hello
	echo "$output"
	[ "$status" -eq 75 ]
}

served() {
	feed sync
	grep -q sync "$1.out"
}

@test "a password that is changed: said, and recovered from without a restart" {
	start_redis 'requirepass sesame'
	export SSE_REDIS_PASSWORD=sesame REDISCLI_AUTH=sesame
	start_serve -r "$SSE_REDIS_URL" --open-publish
	spawn one curl -sN "$URL/events/numbers"
	await published one
	redis CONFIG SET requirepass tahini
	REDISCLI_AUTH=tahini redis CLIENT KILL TYPE normal
	REDISCLI_AUTH=tahini redis CLIENT KILL TYPE pubsub
	await_grep 'WRONGPASS' serve.err
	run limit curl -si -d posted "$URL/events/numbers"
	[[ $output == *' 503 '* ]]
	[[ $output == *$'\nRetry-After: '* ]]
	run limit sse-pub numbers hello
	[ "$status" -eq 77 ]
	REDISCLI_AUTH=tahini redis CONFIG SET requirepass sesame
	await published one 2
	not grep -q posted one.out
	[ "$(grep -c WRONGPASS serve.err)" -le 2 ]
	run limit sse-serve -l 127.0.0.1:0 -r "redis://:wrong@${SSE_REDIS_URL#redis://}"
	[ "$status" -eq 77 ]
	not grep -q 'sesame\|tahini' serve.err
}

published() {
	sse-pub numbers "sync ${2:-1}" 2>/dev/null && grep -q "sync ${2:-1}" "$1.out"
}

@test "while Redis loads its file it is waited for" {
	start_redis 'appendonly yes' 'appendfsync no' 'key-load-delay 300'
	start_serve -r "$SSE_REDIS_URL" --open-publish
	# It looks at its connections once in 1024 commands.
	seq 16000 | sse-pub --history 20000 numbers
	kill_redis
	spawn redis redis-server redis/conf --port "${REDIS_PORTS[redis]}"
	await is_loading
	await_grep 'LOADING .*; trying again' serve.err
	run limit sse-pub --timeout 1s --history 20000 numbers hello
	[ "$status" -eq 75 ]
	[[ $output == *LOADING* ]]
	run limit curl -si -d posted "$URL/events/numbers"
	[[ $output == *' 503 '* ]]
	[[ $output == *$'\nRetry-After: '* ]]
	is_loading
	limit sse-pub --timeout 20s --history 20000 numbers last
	run limit curl -sN -m 2 "$URL/events/numbers?last=1"
	[[ $output == *'data: last'* ]]
	redis XRANGE sse:log:numbers - + | grep -A 1 -x data | grep -vx -e data -e -- |
	    diff <(seq 16000; echo last) -
}

is_loading() {
	redis GET sse:last | grep -q LOADING
}

# stall_redis: it runs a script without end, until SCRIPT KILL.
stall_redis() {
	redis EVAL 'while true do end' 0 >/dev/null 3>&- &
	await is_stalled
}

is_stalled() {
	redis PING | grep -q BUSY
}

# busy COMMAND ...: it ends with 75, and says why.
busy() {
	run limit "$@" </dev/null
	echo "$*: $status: $output"
	[ "$status" -eq 75 ]
	[[ $output = *BUSY* ]]
}

@test "a Redis that is busy when they start: each of them ends with 75" {
	start_redis 'busy-reply-threshold 50'
	redis XADD stream '*' data hello
	stall_redis
	busy sse-serve -l 127.0.0.1:0 -r ''
	busy sse-pub --timeout 100ms numbers hello
	busy sse-pub --timeout 100ms --raw numbers hello
	busy sse-relay - redis:numbers
	busy sse-relay - stream:copy
	busy sse-relay redis:numbers -
	busy sse-relay --from start stream:stream -
	redis SCRIPT KILL
}

@test "a sink that is busy for --timeout: 75; a source is waited for" {
	start_redis 'busy-reply-threshold 50'
	feed_open
	spawn sink sse-relay --timeout 1s -f line - redis:numbers <feed
	spawn source sse-relay redis:numbers -
	spawn stream sse-relay --from start 'stream:sse:log:numbers' -
	await synced_relays
	stall_redis
	feed lost
	await_exit sink
	cat sink.err
	[ "$status" -eq 75 ]
	grep -q 'BUSY.*trying again, the source waits' sink.err
	redis SCRIPT KILL
	sse-pub --timeout 20s numbers last
	await_grep '^data: last$' source.out
	await_grep '^data: last$' stream.out
}

synced_relays() {
	feed sync
	grep -q sync source.out && grep -q sync stream.out
}

@test "memory that runs out is told from a Redis that is none: 70" {
	local bound='ulimit -v 1000000' more p

	# Sanitizers need more address space than that, and have their own bound.
	more=log_path=stderr:allocator_may_return_null=1:max_allocation_size_mb=200
	[ "$SLOW" -eq 1 ] ||
	    bound="export ASAN_OPTIONS=$ASAN_OPTIONS:$more TSAN_OPTIONS=$TSAN_OPTIONS:$more"
	cat >peer.py <<-'END'
	import os, socket
	s = socket.create_server(('127.0.0.1', 0))
	with open('peer.new', 'w') as f:
	    print(s.getsockname()[1], file=f)
	os.rename('peer.new', 'peer.port')
	while True:
	    c, _ = s.accept()
	    c.recv(65536)
	    c.sendall(b'*2000000000\r\n')
	    while c.recv(65536):
	        pass
	END
	spawn peer python3 peer.py
	await_file peer.port
	export SSE_REDIS_URL=redis://127.0.0.1:$(<peer.port)
	for p in "sse-serve -l 127.0.0.1:0 -r ''" 'sse-pub numbers hello' \
	    'sse-pub --raw numbers hello' 'sse-relay - redis:numbers' \
	    'sse-relay redis:numbers -' 'sse-relay stream:numbers -'; do
		run limit sh -c "$bound; $p" </dev/null
		echo "$p: $status: $output"
		[ "$status" -eq 70 ]
		[[ $output == *memory* ]]
	done
}

@test "it is ready once Redis takes events, and not before" {
	start_redis
	redis ACL SETUSER default -subscribe
	spawn serve sse-serve -r "$SSE_REDIS_URL" -l 127.0.0.1:0 -a unix:admin \
	    --open-publish --ready-file serve.ready
	await_grep administration serve.err
	[ "$(limit curl -s -o answer -w '%{http_code}' --unix-socket admin \
	    http://localhost/readyz)" = 503 ]
	[ ! -e serve.ready ]
	redis ACL SETUSER default +subscribe
	AWAIT=20 await_file serve.ready
	[ "$(limit curl -s -o answer -w '%{http_code}' --unix-socket admin \
	    http://localhost/readyz)" = 200 ]
	[ "$(limit curl -s -o answer -w '%{http_code}' -d hello \
	    "$(head -n 1 serve.ready)/events/news")" = 200 ]
}

@test "what Redis is set up to lose is said once at the start" {
	start_redis 'appendonly yes' 'appendfsync always'
	start_serve -r "$SSE_REDIS_URL"
	not grep -q 'may be lost' serve.err
	stop serve
	redis CONFIG SET appendfsync everysec maxmemory-policy allkeys-lru
	start_serve -r "$SSE_REDIS_URL"
	grep -q 'lost in a crash, for appendfsync is everysec, maxmemory-policy is allkeys-lru (sse-redis(7))' serve.err
	stop serve
	start_serve -q -r "$SSE_REDIS_URL"
	[ ! -s serve.err ]
	stop serve
	redis CONFIG SET appendonly no appendfsync always maxmemory-policy noeviction
	start_serve -r "$SSE_REDIS_URL"
	grep -q 'lost in a crash, for appendonly is no (sse-redis(7))' serve.err
	stop serve
	redis CONFIG SET maxmemory-policy allkeys-lru
	# INFO knows most of it where CONFIG is forbidden.
	redis ACL SETUSER default -config
	start_serve -r "$SSE_REDIS_URL"
	grep -q 'for aof_enabled is 0, maxmemory_policy is allkeys-lru' serve.err
}
