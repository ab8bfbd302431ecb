# sse-serve: its command line, where it listens, how it begins and ends.

bats_require_minimum_version 1.5.0
load helper

# refused STATUS WORDS OPTION ...: it ends with STATUS, its message has WORDS.
refused() {
	local want=$1 words=$2

	shift 2
	run limit sse-serve "$@" </dev/null
	[ "$status" -eq "$want" ] && [[ "$output" = *"$words"* ]] || {
		echo "$*: $status"
		return 1
	}
}

@test "an option that is unknown or wrong is named, with the remedy" {
	refused 64 'unknown option --no-such' --no-such
	refused 64 'sse-serve --help' --no-such
	refused 64 'unknown option -z' -z
	refused 64 '-h' -h localhost
	refused 64 '-V' -V -l 0
	refused 64 'unknown option --open' --open
	refused 64 'operand news' news
	refused 64 'needs an argument' -l
	refused 64 '/dev/stdin' -f line /dev/stdin
}

@test "a value out of bounds is named with its option" {
	refused 64 '--history 0' -n 0
	refused 64 '--history x' -n x
	refused 64 '--history 1k' -n 1k
	refused 64 '--history-age 0' --history-age 0
	refused 64 '--history-bytes 1x' --history-bytes 1x
	refused 64 '--format xml' -f xml
	refused 64 '--format {data}' -f '{data}'
	refused 64 '--lag now' --lag now
	refused 64 '--keepalive -1' --keepalive -1
	refused 64 '--retry -1' --retry -1
	refused 64 '--retry 2d is too large' --retry 2d
	refused 64 'a bare number is milliseconds' --retry x
	refused 64 '--workers 0' -w 0
	refused 64 '--workers 1000' -w 1000
	refused 64 '--socket-mode 888' --socket-mode 888
	refused 64 '--max-head 1' --max-head 1
	refused 64 '--channel "a b"' -c 'a b'
	refused 64 '--channel ""' -c ''
	refused 64 '--channel' -c "$(printf '%0201d' 0)"
	refused 64 '--allow-origin x' --allow-origin x
	refused 64 '--allow-origin http://a/' --allow-origin http://a/
}

@test "the reconnection time is in milliseconds, or has a unit" {
	for t in 3000 3s 3000ms; do
		start_serve --retry "$t" </dev/null
		spawn got curl -sN "$URL/events/a"
		await_grep '^retry: 3000$' got.out
		stop got
		stop serve
	done
}

@test "an address that is none is named, with what it may be" {
	for a in 65536 x a:b '[::1]' '::1:80' ':80' 'http://a:80' ''; do
		refused 64 "listen address $a: " -l "$a"
	done
	refused 64 'unix:' -l "unix:$(printf '%0108d' 0)"
	refused 69 'no-such-host.invalid' -l no-such-host.invalid:0
	refused 69 '192.0.2.1' -l 192.0.2.1:0
	refused 73 'none/sock' -l unix:none/sock
	touch file
	refused 73 'unix:file' -l unix:file
	[ -e file ]
}

@test "the administration listener is for this machine alone" {
	refused 64 loopback -a '*:0' -l 0
	refused 64 loopback -a 0.0.0.0:0 -l 0
	start_serve -a 127.0.0.1:0 -a unix:admin </dev/null
	[ "$(wc -l <serve.ready)" -eq 3 ]
	# Who asks where it is not hears where it is.
	for path in metrics healthz readyz connections; do
		run limit curl -s -w ' %{http_code}' "$URL/$path"
		[[ "$output" = *'on the administration listener (sse-serve --admin)'*404 ]]
	done
}

@test "a port in use is named; who has it goes on" {
	start_serve </dev/null
	port=${URL##*:}
	refused 69 "127.0.0.1:$port is in use" -l "$port"
	refused 69 "127.0.0.1:$port is in use" -l "127.0.0.1:$port"
	refused 69 "0.0.0.0:$port is in use" -l "*:$port"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/")" = 200 ]
	# At once when it has ended, though connections of it linger.
	stop serve
	spawn again sse-serve -l "$port" --ready-file again.ready </dev/null
	await_file again.ready
}

@test "processes that all say so share a port, and nobody else has it" {
	start_redis
	SERVE=one start_serve -r '' --share-port </dev/null
	port=${URL##*:}
	refused 69 "127.0.0.1:$port is in use" -l "$port"
	SERVE=two LISTEN=127.0.0.1:$port start_serve -r '' --share-port \
	    </dev/null
	stop one
	for _ in 1 2 3 4 5 6 7 8; do
		[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/")" = 200 ]
	done
	stop two
	# One that does not share has it alone.
	LISTEN=127.0.0.1:$port start_serve </dev/null
	refused 69 "127.0.0.1:$port is in use" -r '' --share-port \
	    -l "127.0.0.1:$port"
}

@test "a port alone is both loopbacks, and 0 the same number on both" {
	spawn serve sse-serve -l 0 --ready-file ready </dev/null
	await_file ready
	port=$(sed -n '1s/^http:\/\/127\.0\.0\.1:\([0-9]*\)$/\1/p' ready)
	[ -n "$port" ]
	if grep -q '00000001 01 80 10 80' /proc/net/if_inet6; then
		[ "$(sed -n 2p ready)" = "http://[::1]:$port" ]
	fi
	[ "$(grep -c . ready)" -le 2 ]
	for url in $(cat ready); do
		[ "$(curl -g -s -o /dev/null -w '%{http_code}' "$url/")" = 200 ]
	done
}

@test "the ready file comes whole and goes at the end" {
	start_serve -l unix:sock -a 127.0.0.1:0 </dev/null
	[ "$(grep -c '^http://127\.0\.0\.1:[1-9][0-9]*$' serve.ready)" -eq 2 ]
	[ "$(sed -n 2p serve.ready)" = "unix:$PWD/sock" ]
	stop serve
	[ ! -e serve.ready ]
	[ ! -e sock ]
	refused 73 none/ready -l 127.0.0.1:0 --ready-file none/ready
	[ "$(ls)" = "$(ls | grep -v '^serve\.ready')" ]
}

@test "a Unix socket has its mode, replaces a stale one, spares one in use" {
	start_serve -l unix:sock </dev/null
	[ "$(stat -c %a sock)" = 660 ]
	[ "$(curl -s --unix-socket sock -o /dev/null -w '%{http_code}' \
	    http://localhost/)" = 200 ]
	refused 69 'unix:sock' -l unix:sock
	[ "$(curl -s --unix-socket sock -o /dev/null -w '%{http_code}' \
	    http://localhost/)" = 200 ]
	stop serve KILL
	[ -S sock ]
	start_serve -l unix:sock --socket-mode 600 </dev/null
	[ "$(stat -c %a sock)" = 600 ]
	[ "$(curl -s --unix-socket sock -o /dev/null -w '%{http_code}' \
	    http://localhost/)" = 200 ]
}

@test "without input it stays, and says where it listens unless quiet" {
	start_serve </dev/null
	grep -q "listening on $URL" serve.err
	curl -s "$URL/" | grep -q '<!DOCTYPE html>'
	SERVE=other start_serve -q </dev/null
	[ ! -s other.err ]
	not is_gone "${PIDS[serve]}"
}

@test "SIGTERM writes what is due, says no end, and exits with 0" {
	feed_open
	start_serve -n 10000 <feed
	spawn reader curl -sN --limit-rate 400k "$URL/events"
	await_grep '^retry:' reader.out
	seq -f '%08.0f-0123456789-0123456789-0123456789-0123456789' 8000 \
	    >&"$FEED"
	feed last
	spawn fast curl -sN "$URL/events?last=1"
	await_grep '^data: last$' fast.out
	stop serve
	[ "$status" -eq 0 ]
	await_exit reader
	[ "$status" -eq 0 ]
	[ "$(grep -c '^data: ' reader.out)" -eq 8001 ]
	# Everything, and then when to come back.
	tail -n 4 reader.out | head -n 1 | grep -qx 'data: last'
	tail -n 2 reader.out | head -n 1 | grep -qx 'retry: [234][0-9]*'
	not grep -q sse:end reader.out
}

@test "SIGINT ends it as well, idle connections and half requests or not" {
	start_serve </dev/null
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET /events HTTP' >&7
	exec 8<>"/dev/tcp/127.0.0.1/${URL##*:}"
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	# A program in the background has it ignored; python3 gives it back.
	start=$SECONDS
	stop serve INT
	[ "$status" -eq 0 ]
	[ $((SECONDS - start)) -lt $((8 * SLOW)) ]
	exec 7>&- 8>&-
}

@test "who does not read is waited for no longer than --drain" {
	feed_open
	start_serve --drain 0.3s <feed
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET /events HTTP/1.0\r\n\r\n' >&7
	spawn fast curl -sN "$URL/events"
	await_grep '^retry:' fast.out
	# More than the buffers of the two sockets take.
	head -c 20000000 /dev/zero | tr '\0' x | fold -w 10000 >&"$FEED"
	feed '' last
	await_grep '^data: last$' fast.out
	stop serve
	[ "$status" -eq 0 ]
	exec 7>&-
}

@test "input that has ended does not end it" {
	printf 'one\ntwo\n' >lines
	start_serve <lines
	spawn reader curl -sN "$URL/events?last=2"
	await_grep '^data: two$' reader.out
	not is_gone "${PIDS[serve]}"
	not is_gone "${PIDS[reader]}"
}

@test "a Redis that is absent, locked or none is said at the start" {
	refused 69 'redis://127.0.0.1:1' -l 127.0.0.1:0 -r redis://127.0.0.1:1
	refused 64 'name none' -l 127.0.0.1:0 -r redis:news
	refused 64 SSE_REDIS_URL -l 127.0.0.1:0 -r ''
	refused 64 'lag wait' -r redis://127.0.0.1:1 --lag wait
	refused 64 '--share-port goes with --redis' -l 0 --share-port
	start_redis 'requirepass secret'
	refused 77 "$SSE_REDIS_URL" -l 127.0.0.1:0 -r ''
	export SSE_REDIS_PASSWORD_FILE=$PWD/password
	refused 78 "$PWD/password" -l 127.0.0.1:0 -r ''
	echo wrong >password
	refused 77 "$SSE_REDIS_URL" -l 127.0.0.1:0 -r ''
	echo secret >password
	chmod 644 password
	start_serve -r '' </dev/null
	grep -qx "sse-serve: $PWD/password: others can read the secret in it: chmod 600" serve.err
	chmod 600 password
	SERVE=other start_serve -r "$REDIS_UNIX_URL" </dev/null
	not grep -q 'others can read' other.err
	SERVE=http start_serve </dev/null
	# What answers is no Redis.
	refused 76 "${URL#http://}" -l 127.0.0.1:0 -r "redis://${URL#http://}"
}
