# sse-relay: what it promises when it, its source or its sink dies.

bats_require_minimum_version 1.5.0
load helper

EVENTS=10000

# start_source: a server of the events 1 to $EVENTS, each with its number as ID
# and data, behind the last event ID; URL is where.  Its own parameters: pause,
# after each 50 events; cut, a connection ends after so many; end, 204 at the end.
# A file named gate holds it at the number in there.
start_source() {
	[ -s source.py ] || cat >source.py <<-'END'
	import http.server, os, sys, time, urllib.parse

	class Source(http.server.BaseHTTPRequestHandler):
	    protocol_version = 'HTTP/1.1'

	    def log_message(self, *args):
	        pass

	    def do_GET(self):
	        try:
	            self.stream()
	        except OSError:
	            pass

	    def stream(self):
	        query = urllib.parse.urlsplit(self.path).query
	        q = dict(urllib.parse.parse_qsl(query))
	        n = int(sys.argv[2])
	        first = at = int(self.headers.get('Last-Event-ID') or 0)
	        if at >= n and 'end' in q:
	            self.send_response(204)
	            self.end_headers()
	            return
	        self.send_response(200)
	        self.send_header('Content-Type', 'text/event-stream')
	        self.send_header('Connection', 'close')
	        self.end_headers()
	        self.wfile.write(b'retry: 20\nid: %d\n\n' % at)
	        while at < n and at < first + int(q.get('cut', n)):
	            while os.path.exists('gate') and at >= int(open('gate').read()):
	                time.sleep(0.002)
	            to = min(n, at + 50)
	            self.wfile.write(b''.join(b'id: %d\ndata: %d\n\n' % (i, i)
	                for i in range(at + 1, to + 1)))
	            at = to
	            time.sleep(float(q.get('pause', 0)))
	        while at >= n and 'end' not in q:
	            time.sleep(0.1)
	            self.wfile.write(b':\n')

	server = http.server.ThreadingHTTPServer(
	    ('127.0.0.1', int(sys.argv[1])), Source)
	server.daemon_threads = True
	with open('source.new', 'w') as f:
	    print(server.server_port, file=f)
	os.rename('source.new', 'source.port')
	server.serve_forever()
	END
	local port=0
	[ ! -s source.port ] || port=$(<source.port)
	rm -f source.port
	spawn source python3 source.py "$port" $EVENTS
	await_file source.port
	URL=http://127.0.0.1:$(<source.port)/events
}

# start_relay NAME ARGUMENT ...: one that keeps all of the events.
start_relay() {
	local name=$1

	shift
	spawn "$name" sse-relay -n $((2 * EVENTS)) "$@"
}

count() {
	redis XLEN "sse:log:$1"
}

reaches() {
	[ "$(count "$1")" -ge "$2" ]
}

# once CHANNEL: it holds the data 1 to $EVENTS, each once, in order.
once() {
	AWAIT=60 await reaches "$1" $EVENTS
	redis XRANGE "sse:log:$1" - + |
	    awk 'data { print } { data = $0 == "data" }' >published
	seq $EVENTS | diff published - | head -n 5 >&2
	seq $EVENTS | cmp published -
}

# fill CHANNEL FROM TO: publish these numbers.
fill() {
	seq "$2" "$3" | limit sse-relay -n $((2 * EVENTS)) -f line \
	    -r "$SOURCE" - "redis:$1"
}

# Two servers, SOURCE and SSE_REDIS_URL; redis asks the second.
start_both() {
	REDIS=from start_redis "$@"
	SOURCE=$SSE_REDIS_URL
	start_redis 'appendonly yes' 'appendfsync always'
}

# gate NUMBER: the source goes on up to there.
gate() {
	echo "$1" >gate.new
	mv gate.new gate
}

# killed ARGUMENT ...: run it to its end, killed ten times on the way, each time
# with more to come.
killed() {
	local i

	for i in {1..10}; do
		gate $((i * EVENTS / 11 + 500))
		start_relay relay "$@"
		AWAIT=30 await reaches copy $((i * EVENTS / 11))
		stop relay KILL
		[ "$status" = 137 ]
	done
	[ "$(count copy)" -lt $EVENTS ]
	gate $EVENTS
	start_relay relay "$@"
	once copy
}

@test "killed ten times while 10,000 events pass from HTTP to Redis" {
	start_both
	start_source
	killed "$URL?pause=0.005" redis:copy
}

@test "killed ten times while 10,000 events pass from Redis to Redis" {
	start_both
	# The first of them wait, the others are published meanwhile.
	fill news 1 $((EVENTS / 2))
	start_relay relay -N k --from start "$SOURCE?channel=news" redis:copy
	await reaches copy 1
	stop relay KILL
	feed_open
	spawn pub sse-relay -n $((2 * EVENTS)) -f line -r "$SOURCE" - \
	    redis:news <feed
	gate $((EVENTS / 2))
	for ((i = EVENTS / 2; i < EVENTS; i += 50)); do
		until [ $i -lt "$(<gate)" ]; do
			sleep 0.005
		done
		seq $((i + 1)) $((i + 50))
	done >&"$FEED" 3>&- 4>&- &
	PIDS[writer]=$!
	killed -N k "$SOURCE?channel=news" redis:copy
}

# A generator that gives the same numbers after the same seed anywhere.
seed() {
	SEED=${RELAY_SEED:-$1}
	echo "seed $SEED"
}

# below N: a number under it, in R.
below() {
	SEED=$(((SEED * 1103515245 + 12345) & 0x7fffffff))
	R=$(((SEED >> 8) % $1))
}

# pause: up to 60 ms, by which it is to be killed; the seed says how long.
pause() {
	below 60
	sleep "$(printf '0.%03d' "$R")"
}

# killed_at_random TIMES COMMAND ...: run it again and again, killed each time.
killed_at_random() {
	local times=$1 i

	shift
	for ((i = 0; i < times; i++)); do
		"$@" <"/dev/null" >>killed.out 2>>killed.err &
		local pid=$!
		pause
		kill -KILL $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
	done
}

@test "killed 100 times at random on the way from HTTP to Redis" {
	start_redis
	start_source
	seed 20261121
	killed_at_random 100 sse-relay -q -N h -n $((2 * EVENTS)) \
	    "$URL?pause=0.002" redis:copy
	start_relay relay -N h "$URL" redis:copy
	once copy
}

@test "killed 60 times at random on the way from Redis to Redis" {
	start_both
	fill news 1 $EVENTS
	seed 20261122
	killed_at_random 60 sse-relay -q -n $((2 * EVENTS)) -N k --from start \
	    "$SOURCE?channel=news" redis:copy
	start_relay relay -N k --from start "$SOURCE?channel=news" redis:copy
	once copy
}

@test "three relays of one name at once, 60 kills among them" {
	start_redis
	start_source
	seed 20261123
	local i name
	for ((i = 0; i < 60; i++)); do
		for name in one two three; do
			[ -n "${PIDS[$name]:-}" ] || spawn $name sse-relay -q \
			    -n $((2 * EVENTS)) -N three "$URL?pause=0.004" \
			    redis:copy
		done
		pause
		below 3
		name=(one two three)
		name=${name[$R]}
		stop "$name" KILL
	done
	start_relay last -N three "$URL" redis:copy
	once copy
	[ "$(redis GET sse:relay:three)" = $EVENTS ]
}

# stream_copied KEY: the data of its entries.
stream_copied() {
	redis XRANGE "$1" - + | awk 'd { print } { d = $0 == "data" }'
}

@test "killed 40 times from one plain Redis stream to another" {
	start_redis
	seq $EVENTS | limit sse-relay -f line - stream:jobs
	seed 20261124
	killed_at_random 40 sse-relay -q -N s --from start stream:jobs \
	    stream:copy
	start_relay relay -N s --from start stream:jobs stream:copy
	AWAIT=60 await stream_is_long copy $EVENTS
	seq $EVENTS | cmp - <(stream_copied copy)
}

stream_is_long() {
	[ "$(redis XLEN "$1")" -ge "$2" ]
}

@test "killed 40 times out of a consumer group, shared by two" {
	start_redis
	redis XGROUP CREATE jobs g 0 MKSTREAM
	seq $EVENTS | limit sse-relay -f line - stream:jobs
	seed 20261125
	local from="$SSE_REDIS_URL?stream=jobs&group=g"
	killed_at_random 20 sse-relay -q -N a -n $((2 * EVENTS)) "$from" \
	    redis:copy
	killed_at_random 20 sse-relay -q -N b -n $((2 * EVENTS)) "$from" \
	    redis:copy
	start_relay a -N a "$from" redis:copy
	start_relay b -N b "$from" redis:copy
	AWAIT=60 await reaches copy $EVENTS
	await group_is_done
	[ "$(count copy)" = $EVENTS ]
	redis XRANGE sse:log:copy - + |
	    awk 'd { print } { d = $0 == "data" }' | sort -n |
	    cmp - <(seq $EVENTS)
}

@test "killed under ten names out of a consumer group: the next takes all over" {
	start_redis
	redis XGROUP CREATE jobs g 0 MKSTREAM
	seq $EVENTS | limit sse-relay -f line - stream:jobs
	seed 20261128
	local from="$SSE_REDIS_URL?stream=jobs&group=g" i
	# More than one command takes over.
	redis XREADGROUP GROUP g gone COUNT 300 STREAMS jobs '>' | grep -q data
	for i in {0..9}; do
		killed_at_random 2 sse-relay -q -N "n$i" -n $((2 * EVENTS)) \
		    "$from" redis:copy
	done
	redis EVAL "
		for _, p in ipairs(redis.call('XPENDING', 'jobs', 'g', '-', '+',
		    100000)) do
			redis.call('XCLAIM', 'jobs', 'g', p[2], 0, p[1], 'IDLE',
			    120000, 'JUSTID')
		end" 0
	start_relay last -N last -n $((2 * EVENTS)) "$from" redis:copy
	AWAIT=60 await reaches copy $EVENTS
	await group_is_done
	[ "$(count copy)" = $EVENTS ]
	redis XRANGE sse:log:copy - + |
	    awk 'd { print } { d = $0 == "data" }' | sort -n |
	    cmp - <(seq $EVENTS)
}

group_is_done() {
	[ "$(redis XPENDING jobs g | head -n 1)" = 0 ]
}

@test "killed 40 times into an sse-serve, each event once there" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -n $((2 * EVENTS)) -a 127.0.0.1:0
	local admin=$(sed -n 2p serve.ready)
	start_source
	seed 20261126
	killed_at_random 40 sse-relay -q -N s --state st --from 0 "$URL?pause=0.002" \
	    "$admin/events/copy"
	start_relay relay -N s --state st --from 0 "$URL" "$admin/events/copy"
	once copy
}

@test "killed 20 times into standard output: nothing is lost" {
	start_source
	seed 20261127
	killed_at_random 20 sse-relay -q -N o --state st --from 0 -f line \
	    "$URL?pause=0.002" -
	limit sse-relay -q -N o --state st --from 0 -f line "$URL?end=1" - \
	    >>killed.out
	# What came twice follows on what it repeats.
	seq $EVENTS | cmp - <(sort -nu killed.out)
}

@test "killed ten times, and the sse-serve that it reads, too" {
	start_both 'appendonly yes' 'appendfsync always'
	start_serve -n $((2 * EVENTS)) -r "$SOURCE" </dev/null
	LISTEN=${URL#http://}
	start_relay relay -v -N serve "$URL/events/news" redis:copy
	await_grep open relay.err
	for i in {1..10}; do
		fill news $(((i - 1) * EVENTS / 10 + 1)) $((i * EVENTS / 10))
		AWAIT=30 await reaches copy $(((i - 1) * EVENTS / 10 + 1))
		stop relay KILL
		stop serve KILL
		LISTEN=$LISTEN start_serve -n $((2 * EVENTS)) -r "$SOURCE" \
		    </dev/null
		start_relay relay -v -N serve "$URL/events/news" redis:copy
	done
	once copy
	run -1 grep gap relay.err
}

@test "killed before the source's Redis held anything" {
	start_both
	start_relay relay -N first "$SOURCE?channel=news" redis:copy
	await has_mark first
	stop relay KILL
	# What came since into another channel makes no gap; into ours, is read.
	seq 3 | limit sse-relay -f line -r "$SOURCE" - redis:other
	start_relay relay -v -N first "$SOURCE?channel=news" redis:copy
	await_grep open relay.err
	stop relay KILL
	fill news 1 10
	start_relay later -v -N first "$SOURCE?channel=news" redis:copy
	await redis_has copy 10
	run -1 grep gap relay.err later.err
}

has_mark() {
	[ "$(redis EXISTS "sse:relay:$1")" = 1 ]
}

@test "the source ends connections" {
	start_both
	start_source
	run -0 limit sse-relay -n $((2 * EVENTS)) "$URL?cut=700&end=1" redis:copy
	[ -z "$output" ]
	once copy
}

@test "two relays of one name at once, one killed now and then" {
	start_both
	start_source
	start_relay first -N two "$URL?pause=0.005" redis:copy
	for i in 1 2 3 4 5; do
		start_relay second -N two "$URL?pause=0.003" redis:copy
		AWAIT=30 await reaches copy $((i * EVENTS / 6))
		stop second KILL
	done
	start_relay second -N two "$URL?pause=0.003" redis:copy
	once copy
	# Both are there, and what they think is one.
	stop first
	[ "$status" = 143 ]
	stop second
	[ "$status" = 143 ]
	once copy
	[ "$(redis GET sse:relay:two)" = $EVENTS ]
}

@test "two relays of one name from one Redis to another" {
	start_both
	fill news 1 $((EVENTS / 2))
	start_relay first -N two --from start "$SOURCE?channel=news" redis:copy
	start_relay second -N two --from start "$SOURCE?channel=news" redis:copy
	for ((i = EVENTS / 2; i < EVENTS; i += 500)); do
		fill news $((i + 1)) $((i + 500))
	done
	once copy
}

@test "the sink is killed and started again" {
	start_both
	start_source
	start_relay relay "$URL?pause=0.005" redis:copy
	for i in 1 2 3; do
		await reaches copy $((i * EVENTS / 5))
		kill_redis
		await_grep 'trying again, the source waits' relay.err "$i"
		restart_redis
		await_grep 'back after' relay.err "$i"
	done
	once copy
	# Each outage is two lines, however many attempts it took.
	[ "$(wc -l <relay.err)" = 6 ]
}

# tear FILE: what it holds ends within the transaction that was written last.
tear() {
	local last

	last=$(grep -abo XADD "$1" | tail -n 1)
	truncate -s "${last%%:*}" "$1"
}

@test "the sink's file ends within a batch" {
	start_both
	start_source
	gate 100
	start_relay relay -N torn "$URL" redis:copy
	await mark_is torn 100
	gate 500
	await mark_is torn 500
	# As a kill amid the write does, now and then.
	kill_redis
	tear redis/appendonlydir/*.incr.aof
	restart_redis
	await_grep 'the mark of torn went from 500 to' relay.err
	await mark_is torn 500
	# What is left of it in the file would come back now.
	kill_redis
	restart_redis
	gate $EVENTS
	once copy
}

@test "the source over HTTP is killed and started again" {
	start_both
	start_source
	start_relay relay "$URL?pause=0.005" redis:copy
	for i in 1 2 3; do
		await reaches copy $((i * EVENTS / 5))
		stop source KILL
		await_grep 'trying again' relay.err "$i"
		start_source
		await_grep 'back$' relay.err "$i"
	done
	once copy
}

@test "the source's Redis is killed and started again" {
	start_both 'appendonly yes' 'appendfsync always'
	spawn relay sse-relay -v -n $((2 * EVENTS)) "$SOURCE?channel=news" \
	    redis:copy
	await_grep open relay.err
	for ((i = 0; i < EVENTS; i += EVENTS / 4)); do
		fill news $((i + 1)) $((i + EVENTS / 4))
		REDIS=from kill_redis
		REDIS=from restart_redis
	done
	once copy
	run -1 grep gap relay.err
}

@test "connections are killed all the time" {
	start_both
	fill news 1 $EVENTS
	start_relay relay --from start "$SOURCE?channel=news" redis:copy
	# Its very first connections may not fail.
	await reaches copy 1
	for i in {1..20}; do
		redis CLIENT KILL TYPE normal
		REDIS=from redis CLIENT KILL TYPE normal
		REDIS=from redis CLIENT KILL TYPE pubsub
		sleep 0.02
	done
	once copy
}

@test "a Redis that comes back with less is given the rest again" {
	start_both
	start_source
	start_relay relay -v -N less "$URL" redis:copy
	AWAIT=30 await reaches copy $EVENTS
	await mark_is less $EVENTS
	# As after a crash without appendfsync always; and nothing more comes.
	redis EVAL "redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
	    redis.call('SET', KEYS[2], '4000')" 2 sse:log:copy sse:relay:less
	redis CLIENT KILL TYPE normal
	await_grep 'went from 10000 to 4000' relay.err
	AWAIT=30 await reaches copy $((EVENTS - 4000))
	await mark_is less $EVENTS
	redis_has copy $((EVENTS - 4000))
}

mark_is() {
	[ "$(redis GET "sse:relay:$1")" = "$2" ]
}

redis_has() {
	[ "$(count "$1")" = "$2" ]
}

@test "a Redis that comes back empty is said, and what follows goes on" {
	start_redis
	start_source
	start_relay relay -N empty "$URL?pause=0.005" redis:copy
	await reaches copy 1000
	redis FLUSHALL
	await_grep 'the mark of empty is gone' relay.err
	await reaches copy 1000
	await mark_is empty $EVENTS
}

@test "while Redis says nothing the source waits, in bounded memory" {
	start_redis
	mkfifo lines
	# 50 MB, of which all but a little stays where it is.
	{ yes "$(head -c 9999 /dev/zero | tr '\0' x)" | head -n 5000; } \
	    >lines 3>&- 4>&- &
	redis CLIENT PAUSE 60000 WRITE
	spawn relay sse-relay --metrics unix:metrics -n 10 -f line - \
	    redis:copy <lines
	await holds_the_source
	[ "$(redis DBSIZE)" = 0 ]
	[ "$(field VmRSS "/proc/${PIDS[relay]}/status")" -lt \
	    $((24 * 1024 * SLOW)) ]
	[ "$(field rchar "/proc/${PIDS[relay]}/io")" -lt $((16 << 20)) ]
	redis CLIENT UNPAUSE
	AWAIT=60 await_exit relay
	[ "$status" = 0 ]
	redis XINFO STREAM sse:log:copy | grep -A 1 entries-added |
	    grep -qx 5000
	[ ! -s relay.err ]
}

# It says itself that it reads no more for now.
holds_the_source() {
	curl -sS --unix-socket metrics http://relay/metrics 2>/dev/null |
	    grep -q '^sse_relay_source_held.* 1$'
}

field() {
	awk -v name="$1:" '$1 == name { print $2 }' "$2"
}

@test "--timeout: a sink that is away for so long is given up with 69" {
	start_redis
	start_source
	start_relay relay --timeout 1s "$URL" redis:copy
	await reaches copy 1
	kill_redis
	await_exit relay
	[ "$status" = 69 ]
	grep -q "$SSE_REDIS_URL" relay.err
}

@test "a script cache that is flushed, and a Redis that is out of memory" {
	start_redis 'maxmemory-policy noeviction'
	start_source
	start_relay relay "$URL?pause=0.005" redis:copy
	await reaches copy 1000
	redis SCRIPT FLUSH
	await reaches copy 3000
	redis CONFIG SET maxmemory 1
	await_grep 'trying again, the source waits' relay.err
	redis CONFIG SET maxmemory 0
	await_grep 'back after' relay.err
	once copy
}

@test "lines while the sink is killed and started again" {
	start_both
	feed_open
	spawn relay sse-relay -n $((2 * EVENTS)) -f line - redis:copy <feed
	feed 1
	await reaches copy 1
	for i in 1 2 3 4; do
		seq $(((i - 1) * EVENTS / 4 + 1)) $((i * EVENTS / 4)) |
		    grep -vx 1 >&"$FEED" 3>&- 4>&- &
		local pid=$!
		kill_redis
		restart_redis
		await_grep 'back after' relay.err "$i"
		wait $pid
	done
	feed_close
	await_exit relay
	[ "$status" = 0 ]
	once copy
}
