# sse-relay: each pair of source and sink, what becomes of events, bad input
# and every exit status.  What crashes do is in 41-relay-crash.

bats_require_minimum_version 1.5.0
load helper

# answer TEXT: a server that answers one request with TEXT; URL is where.
answer() {
	printf "$1" >answer
	cat >once.py <<-'END'
	import os, socket
	s = socket.create_server(('127.0.0.1', 0))
	with open('once.new', 'w') as f:
	    print(s.getsockname()[1], file=f)
	os.rename('once.new', 'once.port')
	c, _ = s.accept()
	while b'\n' not in c.recv(65536):
	    pass
	with open('answer', 'rb') as f:
	    c.sendall(f.read())
	c.shutdown(socket.SHUT_WR)
	while c.recv(65536):
	    pass
	c, _ = s.accept()
	c.sendall(b'HTTP/1.1 204 No Content\r\n\r\n')
	c.shutdown(socket.SHUT_WR)
	while c.recv(65536):
	    pass
	END
	rm -f once.port
	spawn once python3 once.py
	await_file once.port
	URL=http://127.0.0.1:$(<once.port)/events
}

STREAM='HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1\n\n'

# events CHANNEL: its log as event streams have it, without what differs each time.
events() {
	limit sse-relay -f json -q --from start "redis:$1" - |
	    head -n "$(redis XLEN "sse:log:$1")" >"$1.json"
	sed -E 's/"id":"[0-9]+-[0-9]+",?//; s/,?"via":\[[^]]*\]//' "$1.json"
}

@test "standard input into Redis: fields are kept, the ID, too" {
	start_redis
	printf '%s\n' 'event: alert' 'id: 7' 'data: a' 'data: b' 'retry: 50' \
	    'match: region=eu' 'priority: high' '' 'data: plain' '' |
	    limit sse-relay - redis:news
	run -0 events news
	[ "${lines[0]}" = '{"channel":"news","id":"7","event":"alert","data":"a\nb","retry":50,"match":["region=eu"],"priority":"high"}' ]
	[ "${lines[1]}" = '{"channel":"news","data":"plain"}' ]
}

@test "each format of standard input" {
	start_redis
	printf 'one\ntwo' | limit sse-relay -f line - redis:line
	printf 'one\0two\0' | limit sse-relay -f nul - redis:nul
	printf 'one\ntwo\n' | limit sse-relay -f whole - redis:whole
	printf '%s\n' '{"data":"one"}' '{"data":"two","channel":"x"}' |
	    limit sse-relay -f json - redis:json
	[ "$(events line | grep -c -e '"data":"one"' -e '"data":"two"')" = 2 ]
	[ "$(events nul | grep -c -e '"data":"one"' -e '"data":"two"')" = 2 ]
	[ "$(events whole)" = '{"channel":"whole","data":"one\ntwo\n"}' ]
	[ "$(redis XLEN sse:log:json)" = 2 ]
	[ "$(redis EXISTS sse:log:x)" = 0 ]
}

@test "a slow line is published at once" {
	start_redis
	feed_open
	spawn relay sse-relay -f line - redis:news <feed
	for i in 1 2 3; do
		feed $i
		await redis_has news $i
	done
	feed_close
	await_exit relay
	[ "$status" = 0 ]
}

redis_has() {
	[ "$(redis XLEN "sse:log:$1")" = "$2" ]
}

@test "100,000 lines come through in order" {
	start_redis
	seq 100000 | limit sse-relay -n 200000 -f line - redis:news
	redis_has news 100000
	limit sse-relay --from start -f line redis:news - |
	    head -n 100000 | cmp - <(seq 100000)
}

@test "Redis to standard output, and its reader goes" {
	start_redis
	feed_open
	spawn relay sse-relay -v -f line redis:news - <feed
	await_grep 'open' relay.err
	printf 'hello\n' | limit sse-relay -f line - redis:news
	await_grep hello relay.out
	stop relay
	[ "$status" = 143 ]
	seq 10 | limit sse-relay -f line - redis:news
	# The relay ends though nothing more comes.
	run -0 limit bash -c \
	    'sse-relay --from start -f line redis:news - | head -n 1'
	[ "$output" = hello ]
}

@test "a raw PUBLISH passes, too" {
	start_redis
	spawn relay sse-relay -v -f line redis:news -
	await_grep open relay.err
	redis PUBLISH sse:news 'from anywhere'
	await_grep '^from anywhere$' relay.out
}

@test "several channels, each into its namesake or all into one" {
	start_redis
	REDIS=other start_redis
	local a=redis://127.0.0.1:${REDIS_PORTS[redis]}
	local b=redis://127.0.0.1:${REDIS_PORTS[other]}
	for channel in x y z; do
		echo "$channel" | limit sse-relay -r "$a" -f line - redis:$channel
	done
	spawn mirror sse-relay --from start "$a?channel=x,y" "$b"
	spawn same sse-relay --from start "$a" "$b?channel=z"
	spawn one sse-relay --from start "$a?channel=x,y,z" "$b?channel=all"
	REDIS=other await redis_has all 3
	for channel in x y z; do
		REDIS=other await redis_has $channel 1
	done
}

@test "a circle of relays ends where it began" {
	start_redis
	spawn ab sse-relay -v -N ab redis:a redis:b
	spawn ba sse-relay -v -N ba redis:b redis:a
	await_grep open ab.err
	await_grep open ba.err
	echo hello | limit sse-relay -N pub -f line - redis:a
	await redis_has a 2
	redis_has b 1
	echo again | limit sse-relay -N pub -f line - redis:b
	await redis_has b 3
	await redis_has a 3
	run -0 redis XRANGE sse:log:a - +
	[[ $output == *'pub ab ba'* ]]
	[[ $output != *'ba ab ba'* ]]
}

@test "an expired event and types of the source's own are not carried" {
	start_redis
	answer "${STREAM}id: 1\nevent: sse:hello\ndata: x\n\nexpires: 1\ndata: old\n\nid: 2\ndata: new\n\n"
	limit sse-relay -f line "$URL" - >out
	[ "$(<out)" = new ]
}

@test "a stream over HTTP into Redis; 204 ends it" {
	start_redis
	answer "${STREAM}id: a\ndata: 1\n\ndata: 2\n\nid: c\nevent: t\ndata: 3\n\n"
	limit sse-relay -N one "$URL" redis:copy
	[ "$(redis GET sse:relay:one)" = c ]
	run -0 events copy
	[ "${lines[0]}" = '{"channel":"copy","id":"a","data":"1"}' ]
	[ "${lines[1]}" = '{"channel":"copy","data":"2"}' ]
	[ "${lines[2]}" = '{"channel":"copy","id":"c","event":"t","data":"3"}' ]
}

@test "a mark is stored before there is an event" {
	start_redis
	answer "${STREAM}id: here\n\n"
	limit sse-relay -N http "$URL" redis:copy
	[ "$(redis GET sse:relay:http)" = here ]
	REDIS=other start_redis
	spawn relay sse-relay -N redis \
	    "redis://127.0.0.1:${REDIS_PORTS[redis]}?channel=a" redis:b
	REDIS=other await has_mark redis
	stop relay KILL
	# What comes now is behind the mark.
	echo meanwhile | limit sse-relay -f line \
	    -r "redis://127.0.0.1:${REDIS_PORTS[redis]}" - redis:a
	spawn relay sse-relay -N redis \
	    "redis://127.0.0.1:${REDIS_PORTS[redis]}?channel=a" redis:b
	REDIS=other await redis_has b 1
}

has_mark() {
	[ "$(redis EXISTS "sse:relay:$1")" = 1 ]
}

@test "the name is made without passwords and told" {
	start_redis
	echo a | limit sse-relay -v -f line - redis:x 2>plain
	local url=redis://:secret@${SSE_REDIS_URL#redis://}
	echo a | run -77 limit sse-relay -v -f line - "$url?channel=x"
	redis CONFIG SET requirepass secret
	echo a | limit sse-relay -v -f line - "$url?channel=x" 2>secret
	diff plain secret
	run -1 grep secret secret
}

# relay WANTED [ARGUMENT ...]: its exit status, and one line that tells why.
relay() {
	local wanted=$1

	shift
	run --separate-stderr "-$wanted" limit sse-relay "$@"
	[ -z "$output" ]
	[ -n "$stderr" ]
	[[ $stderr == sse-relay:* ]]
}

@test "usage: 64, with the remedy" {
	local args
	while read -ra args; do
		relay 64 "${args[@]}"
		[[ ${stderr_lines[-1]} == 'Try: sse-relay --help' ]]
	done <<-'END'

		-
		- -
		- redis:a b
		- redis:
		- redis:a,b
		- redis:a*b
		- redis://127.0.0.1?stream=a&group=g
		- redis://127.0.0.1?group=g
		stream:key stream:key
		redis:a redis:a
		redis:a file
		--nonsense - redis:a
		-x - redis:a
		-h host - redis:a
		--name a:b - redis:a
		-f xml - redis:a
		-f {data} - redis:a
		-f whole redis:a -
		-f {nothing} redis:a -
		-f sse redis:a redis:b
		--from start - redis:a
		--from start http://127.0.0.1/ redis:a
		--from nowhere redis:a redis:b
		--gap ignore redis:a redis:b
		--keep-id maybe redis:a redis:b
		--map a redis:a redis:b
		--map **=b redis:a redis:b
		--metrics 192.0.2.1:80 redis:a redis:b
		--metrics unix: redis:a redis:b
		--state x redis:a redis:b
		--state x - http://127.0.0.1:1/
		--state x redis://h?stream=s&group=g -
		--prefix a,b - redis:a
		--timeout never - redis:a
		--max-event 0 - redis:a
		-n -1 - redis:a
		--verb - redis:a
	END
}

@test "usage: what is wrong is said, a password is not" {
	relay 64 redis://u:secret@h/x -
	[[ $stderr != *secret* && $stderr == *database* ]]
	relay 64 - redis:a -f line
	[[ $stderr == *'options stand before'* ]]
	relay 64 - redis:
	[[ $stderr == *'no channel'* ]]
}

@test "malformed input: 65, the line is named, what came before is published" {
	start_redis
	printf '%s\n' '{"data":"one"}' '{"data":2}' '{"data":"three"}' >in
	relay 65 -f json - redis:a <in
	[[ $stderr == *'line 2'* ]]
	redis_has a 1
	printf 'data: one\n\ndata: half' >in
	relay 65 - redis:b <in
	redis_has b 1
	printf 'data: one\n\ndata: two\n\n' >in
	relay 65 - "$SSE_REDIS_URL" <in
	[[ $stderr == *channel* ]]
	{ printf 'data: one\n\ndata: '; head -c 2000 /dev/zero | tr '\0' x
	    printf '\n\n'; } >in
	relay 65 --max-event 1k - redis:c <in
	redis_has c 1
}

@test "a mark that another kind of source left is no place: 65" {
	start_redis
	redis SET sse:relay:mine 'an ID'
	relay 65 -N mine redis:a redis:b
	[[ $stderr == *mine* ]]
}

@test "an event over HTTP that is too large is said and passed over" {
	start_redis
	answer "${STREAM}id: 1\ndata: $(head -c 2000 /dev/zero | tr '\0' x)\n\nid: 2\ndata: b\n\n"
	limit sse-relay --max-event 1k "$URL" redis:a 2>err
	grep -q dropped err
	# The gap is passed on, in front of the other.
	redis_has a 2
}

@test "peers out of reach: 69" {
	start_redis
	relay 69 http://127.0.0.1:1/events redis:a
	[[ $stderr == *127.0.0.1:1* ]]
	relay 69 - redis://127.0.0.1:1?channel=a </dev/null
	[[ $stderr == *redis://127.0.0.1:1* && $stderr == *SSE_REDIS_URL* ]]
	relay 69 redis://127.0.0.1:1?channel=a redis:b
	relay 69 - redis+unix:///nowhere?channel=a </dev/null
}

@test "an answer that is no event stream: 76, 404 too; 401: 77" {
	start_redis
	answer 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>'
	relay 76 "$URL" redis:a
	stop once
	answer 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
	relay 76 "$URL" redis:a
	stop once
	answer 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'
	relay 77 "$URL" redis:a
	stop once
	answer "$STREAM"
	relay 76 - "redis://127.0.0.1:$(<once.port)?channel=a" </dev/null
}

@test "a POST that is refused ends it as sse-pub: what is at fault, and for how long" {
	local pair

	echo a >in
	for pair in 403:77 404:76 408:75 413:65 429:75 500:76 502:69 503:75 504:69; do
		answer "HTTP/1.1 ${pair%:*} Because\r\nContent-Length: 0\r\n\r\n"
		relay "${pair#*:}" -f line - "$URL/a" <in
		[[ $stderr == *"HTTP status ${pair%:*}"* ]]
		stop once
	done
}

@test "Redis asks a password: 77; one that refuses the events: 76" {
	start_redis 'requirepass secret'
	relay 77 - redis:a </dev/null
	[[ $stderr == *SSE_REDIS_PASSWORD* ]]
	relay 77 redis:a -
	echo wrong >password
	SSE_REDIS_PASSWORD_FILE=password relay 77 - redis:a </dev/null
	echo secret >password
	echo a | SSE_REDIS_PASSWORD_FILE=password limit sse-relay -f line - redis:a
	SSE_REDIS_PASSWORD_FILE=nowhere relay 78 - redis:a </dev/null
	redis-cli -s redis/sock -a secret SET sse:log:b text
	echo a >in
	SSE_REDIS_PASSWORD=secret relay 76 -f line - redis:b <in
	[[ $stderr == *sse:log:b* ]]
}

@test "a gap is said, and ends it with 80 when asked to" {
	start_redis
	gap='event: sse:gap\ndata: {"after":"1","oldest":"5"}\n\n'
	answer "${STREAM}id: 1\ndata: a\n\n${gap}id: 5\ndata: b\n\n"
	relay 80 -N gap --gap fail "$URL" redis:a
	[[ $stderr == *'behind 1 '*'5'* ]]
	redis_has a 1
	[ "$(redis GET sse:relay:gap)" = 1 ]
	stop once
	answer "${STREAM}${gap}id: 5\ndata: b\n\n"
	limit sse-relay -q -N gap "$URL" redis:a 2>err
	grep -q 'behind 1 ' err
	redis_has a 3
	[ "$(redis GET sse:relay:gap)" = 5 ]
}

@test "a gap of a Redis source" {
	start_redis
	REDIS=other start_redis
	local from=redis://127.0.0.1:${REDIS_PORTS[redis]}
	echo a | limit sse-relay -f line -r "$from" - redis:a
	spawn relay sse-relay -N gap --from start "$from?channel=a" redis:b
	REDIS=other await redis_has b 1
	stop relay
	# The log keeps so much less that what came first is gone.
	seq 1000 | limit sse-relay -n 1 -f line -r "$from" - redis:a
	run -80 limit sse-relay -N gap --gap fail "$from?channel=a" redis:b
	[[ $output == *gap* ]]
	REDIS=other redis_has b 1
	spawn relay sse-relay -N gap "$from?channel=a" redis:b
	await_grep gap relay.err
	redis XRANGE sse:log:a - + COUNT 1
	# And the gap itself.
	REDIS=other await redis_has b $((2 + $(redis XLEN sse:log:a)))
}

@test "a full disk under standard output: 74" {
	start_redis
	echo a | limit sse-relay -f line - redis:a
	run -74 limit bash -c 'sse-relay --from start redis:a - >/dev/full'
}

@test "help and version stand alone" {
	run -0 --separate-stderr sse-relay --help
	[[ $output == 'usage: sse-relay [options] source sink'* ]]
	[ -z "$stderr" ]
	run -0 sse-relay -V
	run -74 bash -c 'sse-relay -h >/dev/full'
}

# What it sent waits in Redis.
relay_is_held() {
	redis INFO clients | grep -q 'blocked_clients:1'
}

@test "SIGTERM: what was read is delivered before it dies" {
	start_redis
	feed_open
	spawn relay sse-relay -f line - redis:a <feed
	feed 1 2 3
	await redis_has a 3
	redis CLIENT PAUSE 2000 WRITE
	feed 4 5
	await relay_is_held
	stop relay
	[ "$status" = 143 ]
	redis_has a 5
	[ ! -s relay.err ]
}

@test "SIGINT while Redis is silent: it says what is not delivered, in time" {
	start_redis
	feed_open
	spawn relay sse-relay -f line - redis:a <feed
	feed 1
	await redis_has a 1
	redis CLIENT PAUSE 60000 WRITE
	feed 2 3
	await relay_is_held
	local begun=$SECONDS
	stop relay INT
	[ "$status" = 130 ]
	[ $((SECONDS - begun)) -lt $((8 * SLOW)) ]
	grep -q '2 events .*not delivered' relay.err
}
