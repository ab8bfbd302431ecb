# sse-relay: every kind of source into every kind of sink, and what each of them
# is particular about.

bats_require_minimum_version 1.5.0
load helper
load streams

# start_all: a Redis and an sse-serve of its own memory; ADMIN is where that one
# trusts everybody.
start_all() {
	start_redis
	start_serve -a 127.0.0.1:0
	ADMIN=$(sed -n 2p serve.ready)
}

# posted CHANNEL COUNT: what that sse-serve has, as JSON lines.
posted() {
	limit sse-tail -q -f json -n "$2" --show routing,channel \
	    "$ADMIN/events/$1?last=1000"
}

redis_has() {
	[ "$(redis XLEN "sse:log:$1")" -ge "$2" ]
}

stream_has() {
	[ "$(redis XLEN "$1")" -ge "$2" ]
}

# Three events; their IDs are such as any sink keeps.
INPUT='{"id":"a","data":"1"}
{"id":"b","event":"t","data":"2\n3","retry":50}
{"id":"c","data":"4"}'
KEPT='a - 1
b t 2\n3
c - 4'

# brief: JSON lines as "ID TYPE DATA".
brief() {
	jq -r '[.id, .event // "-", (.data | tojson[1:-1])] | join(" ")'
}

# fill KIND NAME: the three into a source of that kind; FROM is where to read
# them, ARGS what else that takes.
fill() {
	ARGS=()
	case $1 in
	redis)
		limit sse-relay -f json - "redis:$2" <<<"$INPUT"
		FROM=redis:$2 ARGS=(--from start) ;;
	stream)
		limit sse-relay -f json - "stream:$2" <<<"$INPUT"
		FROM=stream:$2 ARGS=(--from start) ;;
	group)
		limit sse-relay -f json - "stream:$2" <<<"$INPUT"
		FROM="$SSE_REDIS_URL?stream=$2&group=g" ARGS=(--from start) ;;
	http)
		limit sse-relay -f json - "$ADMIN/events/$2" <<<"$INPUT"
		FROM="$ADMIN/events/$2?last=10" ;;
	input)
		FROM=- ARGS=(-f json) ;;
	esac
}

# into KIND NAME: relay from FROM into a sink of that kind until it has three;
# then they are, as brief() has them, in got.
into() {
	case $1 in
	redis)
		spawn "r$2" sse-relay "${ARGS[@]}" "$FROM" "redis:$2" <<<"$INPUT"
		await redis_has "$2" 3
		limit sse-relay -q --from start -f json "redis:$2" - |
		    head -n 3 | brief >got ;;
	stream)
		spawn "r$2" sse-relay "${ARGS[@]}" "$FROM" "stream:$2" <<<"$INPUT"
		await stream_has "$2" 3
		limit sse-relay -q --from start -f json "stream:$2" - |
		    head -n 3 | brief >got ;;
	http)
		spawn "r$2" sse-relay "${ARGS[@]}" "$FROM" "$ADMIN/events/$2" \
		    <<<"$INPUT"
		posted "$2" 3 | brief >got ;;
	output)
		limit sse-relay -q "${ARGS[@]}" -f json "$FROM" - |
		    head -n 3 | brief >got ;;
	esac
}

@test "every source into every sink: ID, type, data as they were" {
	start_all
	local from to n=0
	for from in redis stream group http input; do
		for to in redis stream http output; do
			[ "$from $to" != 'input output' ] || continue
			n=$((n + 1))
			fill $from from$n
			into $to to$n
			diff got - <<<"$KEPT" || {
				echo "from $from to $to"
				return 1
			}
		done
	done
}

@test "what routes an event passes by HTTP, where that is granted" {
	start_all
	local all='{"channel":"a","data":"x","retry":7,"match":["l=1"],"priority":"high","expires":99999999999}'
	limit sse-relay -N one -f json - "$ADMIN" <<<"$all"
	spawn two sse-relay -v -N two "$ADMIN/events/a?last=1" "$ADMIN/events/b"
	posted b 1 >got
	grep -q '"via":\["one","two"\]' got
	diff <(jq -c 'del(.id, .via, .channel, .origin)' got) <(jq -c 'del(.channel)' <<<"$all")
	# Nobody who asks below bears the labels.
	limit sse-relay -f line - "$ADMIN/events/a" <<<'plain'
	spawn three sse-relay -f json "$URL/events/a?last=1" -
	await_grep plain three.out
	[ "$(grep -c 'routing is not granted' three.err)" = 1 ]
	run -1 grep granted two.err
}

@test "a URL without a path reads and fills the channels of the other side" {
	start_all
	spawn mirror sse-relay -v "$ADMIN" redis:a,b
	await_grep 'open' mirror.err
	limit sse-relay -f json - "$ADMIN" \
	    <<<$'{"channel":"a","data":"1"}\n{"channel":"b","data":"2"}'
	await redis_has a 1
	await redis_has b 1
	spawn back sse-relay --from start --map '*=new.*' redis:a,b "$ADMIN"
	[ "$(posted new.a,new.b 2 | jq -r .channel | sort)" = $'new.a\nnew.b' ]
}

@test "--map: the first that matches, the sink's channel for the rest" {
	start_redis
	printf '%s\n' '{"channel":"a.x","data":"1"}' \
	    '{"channel":"b.y.c","data":"2"}' '{"channel":"z","data":"3"}' |
	    limit sse-relay --map 'a.*=one.*' --map 'b*c=<*>' --map 'a*=no' \
	    -f json - redis:rest
	redis_has one.x 1
	redis_has '<.y.>' 1
	redis_has rest 1
	[ "$(redis KEYS 'sse:log:*' | wc -l)" = 3 ]
}

@test "--keep-id off: Redis mints, and the ID becomes the origin" {
	start_redis
	limit sse-relay --keep-id off -f json - redis:a <<<'{"id":"x","data":"1"}'
	limit sse-relay -q --from start -f json redis:a - | head -n 1 >got
	[ "$(jq -r .origin got)" = x ]
	jq -e '.id | test("^[0-9]+-[0-9]+$")' got
}

@test "a plain Redis stream of others: a field data, or all fields as JSON" {
	start_redis
	redis XADD jobs 5-1 data 'a
b' event job id own retry 9 match 'k=v' more x
	redis XADD jobs 5-2 name $'q"\\' n 1
	redis XADD jobs 5-3 data $'\xff' retry soon
	limit sse-relay -q --from start -f json stream:jobs - | head -n 3 |
	    jq -c 'del(.via)' >got
	diff got - <<-'END'
	{"id":"own","event":"job","data":"a\nb","retry":9,"match":["k=v"]}
	{"id":"5-2","data":"{\"name\":\"q\\\"\\\\\",\"n\":\"1\"}"}
	{"id":"5-3","data":"�"}
	END
	redis SET text x
	run -76 limit sse-relay -f line - stream:text <<<a
	[[ $output == *'text is not a Redis stream'* ]]
	run -76 limit sse-relay stream:text -
}

@test "a plain Redis stream: what is read behind the mark, what was trimmed" {
	start_redis
	# As of now: what is old is not kept.
	local t=$(date +%s%3N)
	redis XADD jobs $t-1 data old
	spawn relay sse-relay -v -N j stream:jobs redis:out
	await_grep open relay.err
	redis XADD jobs $t-2 data new
	await redis_has out 1
	[ "$(redis GET sse:relay:j)" = $t-2 ]
	stop relay KILL
	# The relay's place is the oldest that is kept: nothing is lost.
	redis XADD jobs $t-3 data later
	redis XTRIM jobs MAXLEN 2
	spawn relay sse-relay -v -N j stream:jobs redis:out
	await redis_has out 2
	run -1 grep gap relay.err
	stop relay KILL
	for i in 4 5 6; do redis XADD jobs $t-$i data $i; done
	redis XTRIM jobs MAXLEN 1
	run -80 limit sse-relay --gap fail -N j stream:jobs redis:out
	[[ $output == *"behind $t-3 are lost, the oldest kept is $t-6"* ]]
	spawn relay sse-relay -N j stream:jobs redis:out
	await redis_has out 4
	redis XRANGE sse:log:out - + | grep -A 3 sse:gap |
	    grep -F "{\"after\":\"$t-3\",\"oldest\":\"$t-6\"}"
}

# unacknowledged COUNT: so many entries of the group are.
unacknowledged() {
	[ "$(redis XPENDING jobs g | head -n 1)" = "$1" ]
}

@test "a consumer group: two relays share it, each entry once, all acknowledged" {
	start_redis
	local from="$SSE_REDIS_URL?stream=jobs&group=g" i
	redis XGROUP CREATE jobs g 0 MKSTREAM
	spawn one sse-relay -N one -n 100000 "$from" redis:out
	spawn two sse-relay -N two -n 100000 "$from" redis:out
	seq 5000 | limit sse-relay -f line - stream:jobs
	await redis_has out 5000
	await unacknowledged 0
	redis XRANGE sse:log:out - + | awk 'd { print } { d = $0 == "data" }' |
	    sort -n | cmp - <(seq 5000)
}

@test "a consumer group: what was not acknowledged comes again, and is known" {
	start_redis
	local from="$SSE_REDIS_URL?stream=jobs&group=g" t=$(date +%s%3N)
	redis XGROUP CREATE jobs g 0 MKSTREAM
	redis XADD jobs $t-1 data a
	redis XADD jobs $t-2 data b
	# One has gone through, and the relay died before it could say so.
	redis XREADGROUP GROUP g me COUNT 2 STREAMS jobs '>'
	redis SET sse:dedup:out:jobs/g/$t-1 $t-1
	spawn relay sse-relay -N me "$from" redis:out
	await unacknowledged 0
	[ "$(redis XLEN sse:log:out)" = 1 ]
	redis XRANGE sse:log:out - + | grep -qx b
	# The sink is away: nothing is acknowledged meanwhile.
	stop relay
	redis XADD jobs $t-3 data c
	REDIS=other start_redis
	spawn relay sse-relay -N me "$from" redis:out
	REDIS=other await redis_has out 1
	await unacknowledged 0
	REDIS=other stop_redis
	await_grep 'trying again' relay.err
	redis XADD jobs $t-4 data d
	await unacknowledged 1
	REDIS=other restart_redis
	REDIS=other await redis_has out 1
	await unacknowledged 0
}

# aged SEQ...: what was given of these entries was so two minutes ago.
aged() {
	local i

	for i; do
		redis XCLAIM jobs g gone 0 "$t-$i" IDLE 120000 JUSTID
	done
}

@test "a consumer group: what a consumer that is gone left is taken over" {
	start_redis
	local from="$SSE_REDIS_URL?stream=jobs&group=g" t=$(date +%s%3N) i
	redis XGROUP CREATE jobs g 0 MKSTREAM
	for i in 1 2 3; do
		redis XADD jobs "$t-$i" data "d$i"
	done
	redis XREADGROUP GROUP g gone COUNT 3 STREAMS jobs '>'
	aged 1 2
	redis XDEL jobs "$t-2"
	spawn relay sse-relay -N new "$from" redis:out
	await redis_has out 2
	# The second was deleted meanwhile, which is said.
	redis XRANGE sse:log:out - + | grep -A 9 -x d1 | grep -q sse:gap
	await_grep "behind $t-2 are lost" relay.err
	# The third may be on its way still.
	await unacknowledged 1
	redis XPENDING jobs g - + 9 gone | grep -qx "$t-3"
	[ "$(redis XLEN sse:log:out)" = 2 ]
}

@test "a consumer group: that others' entries cannot be taken over is said" {
	start_redis
	redis ACL SETUSER default -xautoclaim
	redis XGROUP CREATE jobs g 0 MKSTREAM
	spawn relay sse-relay -N new "$SSE_REDIS_URL?stream=jobs&group=g" redis:out
	await_grep 'is not taken over: .*xautoclaim' relay.err
	redis XADD jobs '*' data a
	await redis_has out 1
	await unacknowledged 0
}

@test "--state: standard output goes on where it stopped" {
	start_redis
	seq 3 | limit sse-relay -f line - redis:a
	limit sse-relay -q --state st --from start -f line redis:a - | head -n 1
	feed_open
	spawn relay sse-relay --state st2 --from start -f line redis:a -
	await_lines 3 relay.out
	# Another one may not use it meanwhile.
	run -75 limit sse-relay --state st2 redis:a -
	[[ $output == *st2* ]]
	stop relay
	[ "$(stat -c %a st2)" = 600 ]
	echo 4 | limit sse-relay -f line - redis:a
	spawn relay sse-relay --state st2 --from start -f line redis:a -
	await_lines 1 relay.out
	[ "$(<relay.out)" = 4 ]
	stop relay
	# The name is made from both sides, so this is another's.
	run -65 limit sse-relay --state st2 redis:b -
	run -73 limit sse-relay --state nowhere/st redis:a -
	echo text >st2
	run -65 limit sse-relay --state st2 redis:a -
}

@test "POST: refusals and their status; one that passes is waited for" {
	start_redis
	echo a >in
	run -69 limit sse-relay -f line - http://127.0.0.1:1/events/a <in
	start_serve -a 127.0.0.1:0
	run -77 limit sse-relay -f line - "$URL/events/a" <in
	[[ $output == *'HTTP status 403'* ]]
	run -76 limit sse-relay -f line - "$URL/nothing/here" <in
	ADMIN=$(sed -n 2p serve.ready)
	feed_open
	spawn relay sse-relay -f line - "$ADMIN/events/a" <feed
	feed one
	[ "$(posted a 1 | jq -r .data)" = one ]
	local listen=${ADMIN#http://}
	stop serve
	feed two
	await_grep 'trying again, the source waits' relay.err
	start_serve -a "$listen"
	[ "$(posted a 1 | jq -r .data)" = two ]
	await_grep 'back after' relay.err
	feed_close
	await_exit relay
	[ "$status" = 0 ]
	stop serve
	run -69 limit sse-relay --timeout 1s -f line - "$ADMIN/events/a" <in
}

# A peer to read from and to POST to, at $at, and a token for it; what it was told
# is in seen.
start_peer() {
	cat >peer.py <<-'END'
	import http.server, os, time
	class Peer(http.server.BaseHTTPRequestHandler):
	    def log_message(self, *a):
	        pass
	    def note(self, what):
	        with open('seen', 'a') as f:
	            for name in 'Authorization', 'X-A', 'X-B', 'User-Agent':
	                print(what, name, self.headers.get(name), file=f)
	    def do_GET(self):
	        self.note('GET')
	        if self.headers.get('Last-Event-ID'):
	            self.send_response(204)
	            self.end_headers()
	            return
	        self.send_response(200)
	        self.send_header('Content-Type', 'text/event-stream')
	        self.end_headers()
	        self.wfile.write(b'retry: 1\nid: 1\ndata: x\n\n')
	        if self.path == '/waits':
	            self.wfile.flush()
	            time.sleep(1000)
	    def do_POST(self):
	        self.note('POST')
	        self.rfile.read(int(self.headers['Content-Length']))
	        self.send_response(204)
	        self.end_headers()
	s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Peer)
	with open('port.new', 'w') as f:
	    print(s.server_port, file=f)
	os.rename('port.new', 'port')
	s.serve_forever()
	END
	spawn peer python3 peer.py
	await_file port
	at=http://127.0.0.1:$(<port)
	echo token >token
	chmod 600 token
}

@test "headers, tokens and sockets for the side they are meant for" {
	start_peer
	limit sse-relay --oauth2-bearer @token -H 'X-A: 1' --sink-header 'X-B: 2' \
	    "$at/x" "$at/y" 2>said
	not grep 'others can read' said
	grep -qx 'GET Authorization Bearer token' seen
	grep -qx 'GET X-A 1' seen
	grep -qx 'GET X-B None' seen
	grep -qx 'POST Authorization None' seen
	grep -qx 'POST X-A None' seen
	grep -qx 'POST X-B 2' seen
	grep -q 'POST User-Agent sse-relay/' seen
	rm seen
	echo a | limit sse-relay --user u:p -f line - "$at/y"
	grep -q 'POST Authorization Basic dTpw' seen
	run -64 limit sse-relay -H 'A: 1' redis:a redis:b
	run -64 limit sse-relay --sink-header 'A: 1' "$at" redis:b
	run -66 limit sse-relay --oauth2-bearer @nowhere "$at" redis:b
}

@test "headers and tokens do not stay on the command line" {
	start_peer
	feed_open
	spawn relay sse-relay -H 'X-A: hidden' --oauth2-bearer hidden -f line - \
	    "$at/y" <feed
	feed a
	await_grep 'POST X-A hidden' seen
	run -1 grep -a hidden "/proc/${PIDS[relay]}/cmdline"
	feed_close
	await_exit relay
	spawn relay sse-relay --user u:hidden --header='X-A: hidden' \
	    --sink-header 'X-B: hidden' --sink-oauth2-bearer hidden \
	    "$at/waits" "$at/y"
	await_grep 'POST X-B hidden' seen
	run -1 grep -a hidden "/proc/${PIDS[relay]}/cmdline"
	stop relay
}

@test "files of headers, tokens and keys that others can read are told of" {
	start_peer
	echo 'X-A: 1' >header
	cp header key
	for what in '--oauth2-bearer @token' '--sink-oauth2-bearer @token' \
	    '-H @header' '--sink-header @header' '--cert absent --key key'; do
		file=${what##*[@ ]}
		chmod 640 "$file"
		limit sse-relay $what "$at/x" "$at/y" 2>said
		grep -qx "sse-relay: $file: others can read the secret in it: chmod 600" said
		limit sse-relay -q $what "$at/x" "$at/y" 2>said
		not grep 'others can read' said
		chmod 600 "$file"
		limit sse-relay $what "$at/x" "$at/y" 2>said
		not grep 'others can read' said
	done
	limit sse-relay -H @<(echo 'X-A: 1') "$at/x" "$at/y" 2>said
	not grep 'others can read' said
}
