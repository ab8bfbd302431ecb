# sse-pub to an sse-serve, and to servers that misbehave.

bats_require_minimum_version 1.5.0
load helper

setup() {
	sse_setup
	cat >peer.py <<-'END'
	# An HTTP server that does to its n-th request what the n-th argument
	# says, and the last to all further ones: a status, "text" for 200 with
	# as many IDs as there are events, "known" for the same of a key that
	# was known, "html", "close" for no answer.
	import http.server, sys, time
	todo = sys.argv[1:]
	class Peer(http.server.BaseHTTPRequestHandler):
	    def do_POST(self):
	        body = self.rfile.read(int(self.headers["Content-Length"]))
	        print(self.path, body.count(b"\n\n"),
	            self.headers["Sse-Producer"], flush=True)
	        what = todo.pop(0) if len(todo) > 1 else todo[0]
	        if what == "close":
	            return
	        if what == "hang":
	            time.sleep(1000)
	        status = int(what) if what.isdigit() else 200
	        self.send_response(status)
	        self.send_header("Content-Type",
	            "text/html" if what == "html" else "text/plain")
	        if what == "known":
	            self.send_header("idempotent-replayed", "true")
	        if status == 503:
	            self.send_header("Retry-After", "1")
	        self.end_headers()
	        if status != 200:
	            self.wfile.write(b"because\x1b[1m of this\nand that\n")
	        elif what == "few":
	            self.wfile.write(b"1-0\n")
	        else:
	            self.wfile.write(b"1-0\n" * body.count(b"\n\n"))
	    def log_message(self, *args):
	        pass
	server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
	server.daemon_threads = True
	print("http://127.0.0.1:%d" % server.server_port, flush=True)
	server.serve_forever()
	END
}

# start_peer ACTION...: PEER is where it is.
start_peer() {
	spawn peer python3 peer.py "$@"
	await_file peer.out
	PEER=$(head -n 1 peer.out)
}

ends() {
	local want=$1 pattern=$2

	shift 2
	run --separate-stderr "$@"
	if [ "$status" -ne "$want" ] || ! grep -q -e "$pattern" <<<"$stderr"; then
		echo "status $status, not $want: $stderr"
		return 1
	fi
}

# What a subscriber of the channels sees: all that is kept, as -f FORMAT.
kept() {
	limit sse-tail -n "$2" -f "${3:-line}" "$URL/events/$1?last=1000"
}

@test "a message and lines are published, their IDs told" {
	start_serve --open-publish
	run sse-pub -u "$URL" news hello
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	sse-pub -v -u "$URL/" news <<<$'one\ntwo' >ids
	kept news 3 '{data} {id}\n' >got
	[ "$(cut -d ' ' -f 1 got)" = $'hello\none\ntwo' ]
	tail -n 2 got | cut -d ' ' -f 2 | cmp - ids
}

@test "by a Unix socket; and who may not publish ends with 77" {
	start_serve --admin "unix:$PWD/admin"
	sse-pub -u "unix:$PWD/admin" news hello
	[ "$(kept news 1)" = hello ]
	ends 77 '403' sse-pub -u "$URL" news hello
	ends 69 '' sse-pub -u "unix:$PWD/nowhere" news hello
}

@test "every format, channels of their own, and fields" {
	start_serve --open-publish
	printf '%s\n' 'channel: sport' 'event: goal' 'id: 7' 'data: 1:0' '' \
	    'data: plain' '' | sse-pub -f sse -u "$URL" -e other news
	echo '{"channel":"a:b","data":"x\ny"}' | sse-pub -f json -u "$URL"
	printf 'a\nb\0' | sse-pub -f nul -u "$URL" nul
	seq 3 | sse-pub -f whole -i mine -u "$URL" --retry 5s whole
	[ "$(kept sport 1 '{event} {id} {data}')" = 'goal 7 1:0' ]
	[ "$(kept news 1 '{event} {data}')" = 'other plain' ]
	[ "$(kept a:b 1)" = $'x\ny' ]
	[ "$(kept nul 1)" = $'a\nb' ]
	kept whole 1 sse >got
	grep -qx 'id: mine' got
	grep -qx 'retry: 5000' got
	[ "$(grep -c '^data: ' got)" = 3 ]
}

@test "an empty message and one that begins with a minus sign" {
	start_serve --open-publish
	sse-pub -u "$URL" news ''
	sse-pub -u "$URL" news -5
	[ "$(kept news 2 '<{data}>')" = '<><-5>' ]
}

@test "100000 lines arrive once, in order, and libcurl is there" {
	start_serve --open-publish -n 200000
	feed_open
	spawn pub sse-pub -u "$URL" news <feed
	seq 100000 >&"$FEED"
	grep -q libcurl "/proc/${PIDS[pub]}/maps"
	memory=$(awk '/^VmHWM/ { print $2 }' "/proc/${PIDS[pub]}/status")
	echo "$memory kB"
	[ "$SLOW" -gt 1 ] || [ "$memory" -le 10240 ]
	feed_close
	AWAIT=60 await_exit pub
	[ "$status" -eq 0 ]
	limit sse-tail -n 100000 "$URL/events/news?last=200000" | cmp - <(seq 100000)
}

@test "a line leaves as soon as it has come" {
	start_serve --open-publish
	feed_open
	spawn pub sse-pub -v -u "$URL" news <feed
	for n in 1 2 3; do
		feed "line $n"
		await_lines "$n" pub.out
	done
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
}

@test "no server ends with 69, at once" {
	start_peer text
	stop peer
	SECONDS=0
	ends 69 'refused\|connect' sse-pub -u "$PEER" news hello
	[ $SECONDS -lt $((8 * SLOW)) ]
}

@test "statuses of HTTP have their exit statuses, and their reason is shown" {
	for pair in 401:77 403:77 400:65 413:65 404:76 405:76 301:76 500:76; do
		start_peer "${pair%:*}"
		ends "${pair#*:}" "status ${pair%:*}: because" \
		    sse-pub -u "$PEER" news hello
		# What a server says does not reach the terminal raw.
		[[ "$stderr" != *$'\e'* ]]
		[[ "$stderr" != *'and that'* ]]
		stop peer
		rm peer.out
	done
}

@test "a server that is busy is tried again, then 75" {
	for busy in 408 503; do
		start_peer $busy text
		sse-pub -u "$PEER" news hello
		[ "$(grep -c /events/news peer.out)" = 2 ]
		stop peer
		rm peer.out
	done
	start_peer 429
	ends 75 'status 429' sse-pub --timeout 1s -u "$PEER" news hello
}

@test "what is no sse-serve ends with 76, and is not believed" {
	start_peer html
	ends 76 'not that of an sse-serve' sse-pub -u "$PEER" news hello
	stop peer
	rm peer.out
	start_peer few
	ends 76 'may have been published' sse-pub -u "$PEER" news <<<$'a\nb'
}

@test "a batch whose answer was lost is sent again, by its number" {
	start_peer text close 502 close text
	feed_open
	spawn pub sse-pub -v -u "$PEER" news <feed
	feed one
	await_lines 1 pub.out
	feed two
	await_lines 2 pub.out
	feed three
	await_lines 3 pub.out
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
	awk '/news/ { print $2 " " $3 }' peer.out | sed 's/ .*\// /' >numbers
	[ "$(cat numbers)" = $'1 1\n1 2\n1 2\n1 2\n1 2\n1 3' ]
	[ "$(awk '/news/ { sub("/.*", "", $3); print $3 }' peer.out | sort -u |
	    wc -l)" = 1 ]
}

@test "--once -v: a key that was known is said, unless a try may have been it" {
	for try in 'known 0' '503,known 0' '502,known 1' 'close,known 1' \
	    'text none'; do
		read -r actions perhaps <<<"$try"
		# shellcheck disable=SC2086
		start_peer ${actions//,/ }
		ends 0 '' sse-pub -v --once key -u "$PEER" news hello
		[ "$output" = 1-0 ]
		case $perhaps in
		0) [[ $stderr = 'sse-pub: nothing is published: the key key is known; '* ]] ;;
		1) [[ $stderr = 'sse-pub: the key key is known, perhaps by a try'* ]] ;;
		none) [ -z "$stderr" ] ;;
		esac
		stop peer
		rm peer.out
	done
}

@test "an answer that stays away is said" {
	start_peer close
	ends 69 'may have been published' \
	    sse-pub --timeout 1s -u "$PEER" news hello
	[ "$(grep -c /events/news peer.out)" -gt 1 ]
}

@test "a server that does not answer is waited for until the time is up" {
	start_peer hang
	SECONDS=0
	ends 69 'may have been published' \
	    sse-pub --timeout 1s -u "$PEER" news hello
	[ $SECONDS -lt $((8 * SLOW)) ]
	stop peer KILL
}

@test "a server that was there and is back is awaited" {
	start_serve --open-publish
	port=${URL##*:}
	feed_open
	spawn pub sse-pub -v --timeout 30s -u "$URL" news <feed
	feed one
	await_lines 1 pub.out
	stop serve
	feed two
	spawn again sse-serve -l "127.0.0.1:$port" --open-publish
	await_lines 2 pub.out
	[ "$(kept news 1)" = two ]
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
}

@test "a secret in the URL is in no message" {
	start_peer 403
	run sse-pub -u "http://user:secret@${PEER#http://}" news hello
	[ "$status" -eq 77 ]
	[[ "$output" != *secret* ]]
}

@test "an event over the server's limit is refused whole, and said" {
	start_serve --open-publish --max-body 64k
	ends 65 '413' sse-pub -u "$URL" -f whole news < <(seq 50000)
}

@test "the server's answers cut off at random double and lose nothing" {
	start_serve --open-publish -n 100000
	# A proxy that lets so many bytes pass and then resets, again and again.
	cat >cut.py <<-'END'
	import random, socket, struct, sys, threading
	target = int(sys.argv[1])
	random.seed(7)
	def pump(a, b, left):
	    try:
	        while left > 0:
	            data = a.recv(min(left, 65536))
	            if not data:
	                break
	            b.sendall(data)
	            left -= len(data)
	    except OSError:
	        pass
	    for s in a, b:
	        try:
	            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
	                struct.pack("ii", 1, 0))
	            s.shutdown(socket.SHUT_RDWR)
	        except OSError:
	            pass
	listener = socket.create_server(("127.0.0.1", 0))
	print("http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
	while True:
	    a, _ = listener.accept()
	    b = socket.create_connection(("127.0.0.1", target))
	    print("cut", flush=True)
	    threading.Thread(target=pump, args=(a, b, random.randrange(1, 60000)),
	        daemon=True).start()
	    threading.Thread(target=pump, args=(b, a, random.randrange(1, 30000)),
	        daemon=True).start()
	END
	spawn cut python3 cut.py "${URL##*:}"
	await_file cut.out
	LIMIT=60 limit sse-pub --timeout 30s -u "$(head -n 1 cut.out)" news \
	    < <(seq 20000)
	[ "$(grep -c cut cut.out)" -ge 20 ]
	limit sse-tail -n 20000 "$URL/events/news?last=100000" | cmp - <(seq 20000)
}

@test "an answer whose headers break off is asked for again" {
	cat >broken.py <<-'END'
	import socket
	whole = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    b"Content-Length: 4\r\n\r\n1-1\n")
	listener = socket.create_server(("127.0.0.1", 0))
	print("http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
	for n in 17, 30, len(whole):
	    peer, _ = listener.accept()
	    peer.recv(65536)
	    peer.sendall(whole[:n])
	    peer.close()
	END
	spawn broken python3 broken.py
	await_file broken.out
	LIMIT=60 limit sse-pub --timeout 30s -u "$(head -n 1 broken.out)" news hi
	await_exit broken
	[ "$status" -eq 0 ]
}

@test "headers and a token, from the command line and from a file" {
	start_peer text
	sed -i 's/self.headers\["Sse-Producer"\]/self.headers["X-One"], self.headers["X-Two"], self.headers["Authorization"]/' peer.py
	stop peer
	rm peer.out
	start_peer text
	printf 'X-One: 1\r\nX-Two: 2\n' >headers
	echo ' secret.token' | tr -d ' ' >token
	chmod 600 headers token
	sse-pub -u "$PEER" -H @headers --oauth2-bearer @token news hello
	grep -q '1 2 Bearer secret.token$' peer.out
	sse-pub -u "$PEER" -H 'X-One: a' --oauth2-bearer abc news hello
	grep -q ' a None Bearer abc$' peer.out
	ends 66 nowhere sse-pub -u "$PEER" -H @nowhere news hello
	ends 66 nowhere sse-pub -u "$PEER" --oauth2-bearer @nowhere news hello
	ends 64 'Name: value' sse-pub -u "$PEER" -H 'no header' news hello
	: >empty
	chmod 600 empty
	ends 66 'no token' sse-pub -u "$PEER" --oauth2-bearer @empty news hello
	chmod 644 token
	ends 0 '^sse-pub: token: others can read the secret in it: chmod 600$' \
	    sse-pub -u "$PEER" --oauth2-bearer @token news hello
	# On the command line they are seen no longer than it starts.
	feed_open
	spawn pub sse-pub -u "$PEER" -H 'X-One: hidden' --header='X-Two: hidden' \
	    --oauth2-bearer hidden news <feed
	feed a
	await_grep ' hidden hidden Bearer hidden$' peer.out
	run -1 grep -a hidden "/proc/${PIDS[pub]}/cmdline"
	feed_close
	await_exit pub
}

@test "libcurl is loaded for -u alone" {
	! ldd "$BIN/sse-pub" | grep -q libcurl
	start_redis
	LD_DEBUG=files sse-pub news hello 2>trace
	grep -q libhiredis trace
	! grep -q libcurl trace
}
