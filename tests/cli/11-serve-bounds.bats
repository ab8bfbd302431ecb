# sse-serve: what is bounded, what is answered beyond, and that others go on.

load helper

# code CURL-OPTION ...: the status of the answer; its body is in body, its
# head in head.
code() {
	limit curl -s -D head -o body -w '%{http_code}' "$@"
}

# hold NAME CURL-OPTION ...: a stream that stays open, awaited.
hold() {
	local name=$1

	shift
	spawn "$name" curl -sN "$@" "$URL/events"
	await_grep '^retry:' "$name.out"
}

# refused WORDS CURL-OPTION ...: a stream is refused softly, with these words.
refused() {
	local words=$1

	shift
	[ "$(code "$@" "$URL/events")" = 200 ] && grep -q "^: $words" body &&
	    grep -q '^retry: [1-9]' body
}

# turned STATUS WORDS CURL-OPTION ...: by this status, and told when to return.
turned() {
	local status=$1 words=$2

	shift 2
	[ "$(code "$@")" = "$status" ] && grep -q "$words" body &&
	    tr -d '\r' <head | grep -qx 'Retry-After: [1-9][0-9]*'
}

# Streams are served, and nothing else is said.
welcome() {
	limit curl -sN -m 0.3 "$@" "$URL/events" >got || [ $? -eq 28 ] &&
	    grep -q '^retry:' got && not grep -q '^:' got
}

@test "connections in all are bounded: softly for streams, or by status" {
	start_serve --max-connections 2 </dev/null
	hold one
	hold two
	refused 'too many connections$'
	# What is no stream is served, for it does not stay.
	[ "$(code "$URL/")" = 200 ]
	stop one KILL
	await welcome
	SERVE=hard start_serve --max-connections 1 --refuse hard </dev/null
	hold three
	turned 503 'too many connections$' "$URL/events"
}

@test "connections of an address are bounded, and others do not notice" {
	start_serve -l '[::1]:0' --max-per-address 2 -a 127.0.0.1:0 </dev/null
	admin=$(sed -n 3p serve.ready)
	hold one --interface 127.0.0.1
	hold two --interface 127.0.0.1
	refused 'too many connections from this address' --interface 127.0.0.1
	turned 429 'from this address' --interface 127.0.0.1 "$URL/"
	welcome --interface 127.0.0.2
	# Administrators are not counted.
	[ "$(code "$admin/metrics")" = 200 ]
	grep -q '^sse_serve_refusals_total{reason="address"} 2$' body
	stop one KILL
	await welcome --interface 127.0.0.1
}

@test "behind a trusted proxy it is the client's streams that are counted" {
	start_serve --max-per-address 1 --trust-proxy 127.0.0.1 \
	    --refuse hard </dev/null
	hold one -H 'X-Forwarded-For: 192.0.2.1'
	turned 429 'from this address' -H 'X-Forwarded-For: 192.0.2.1' \
	    "$URL/events"
	# Its own word before the proxy's changes nothing.
	turned 429 'from this address' \
	    -H 'X-Forwarded-For: 192.0.2.7, 192.0.2.1' "$URL/events"
	turned 429 'from this address' \
	    -H 'Forwarded: for=192.0.2.7' -H 'X-Forwarded-For: 192.0.2.1' \
	    "$URL/events"
	welcome -H 'X-Forwarded-For: 192.0.2.2'
	welcome -H 'Forwarded: for="[2001:db8::1]:77"'
	# Who is no proxy cannot be someone else.
	hold two --interface 127.0.0.2 -H 'X-Forwarded-For: 192.0.2.3'
	turned 429 'from this address' --interface 127.0.0.2 \
	    -H 'X-Forwarded-For: 192.0.2.4' "$URL/events"
	stop one KILL
	await welcome -H 'X-Forwarded-For: 192.0.2.1'
}

@test "streams of a client are bounded, wherever it comes from" {
	start_serve --max-per-client 1 --refuse hard \
	    --trust-proxy 127.0.0.1 --identity-header X-User </dev/null
	hold one -H 'X-User: anna'
	turned 429 'too many connections of this client' -H 'X-User: anna' \
	    -H 'X-Forwarded-For: 192.0.2.7' "$URL/events/news"
	# Others, and who is nobody in particular, do not notice.
	welcome -H 'X-User: bert'
	hold two
	hold three
	# What is no stream is not counted.
	[ "$(code -H 'X-User: anna' "$URL/")" = 200 ]
	stop one KILL
	await welcome -H 'X-User: anna'
}

@test "new connections of an address are bounded in their pace" {
	start_serve --max-rate 2 </dev/null
	for i in {1..10}; do
		code --interface 127.0.0.3 "$URL/"
		echo
	done >codes
	grep -qx 200 codes
	grep -qx 429 codes
	turned_away=$(grep -c 429 codes)
	[ "$turned_away" -ge 4 ]
	welcome --interface 127.0.0.4
	# And later it is welcome again.
	await welcome --interface 127.0.0.3
}

@test "channels of a stream are bounded" {
	start_serve --max-channels 2 </dev/null
	[ "$(code "$URL/events/a,b,c")" = 400 ]
	grep -q 'too many channels' body
	spawn reader curl -sN "$URL/events/a,b?channel=a"
	await_grep '^retry:' reader.out
	not grep -q '^:' reader.out
}

@test "a publication that is refused for now is told when to come again" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" --open-publish </dev/null
	[ "$(code -d one "$URL/events/a")" = 200 ]
	not grep -qi '^retry-after' head
	stop_redis
	await turned 503 'try again later' -d two "$URL/events/a"
}

# cpu: what the server has taken so far, in hundredths of a second.
cpu() {
	awk '{ print $14 + $15 }' "/proc/${PIDS[serve]}/stat"
}

# open_fds: how many descriptors the server has open.
open_fds() {
	ls "/proc/${PIDS[serve]}/fd" | wc -l
}

full() {
	[ "$(open_fds)" -ge 47 ]
}

@test "out of descriptors it waits for one, and those connected do not notice" {
	feed_open
	cat >sse-serve.few <<-END
		#!/bin/sh
		ulimit -n 48 && exec sse-serve "\$@"
	END
	chmod +x sse-serve.few
	# As start_serve, but with few descriptors.
	spawn serve ./sse-serve.few -l 127.0.0.1:0 -w 2 --keepalive 0.1s \
	    -a unix:admin --ready-file serve.ready <feed
	await_file serve.ready
	URL=$(head -n 1 serve.ready)
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	# More than there are descriptors for; they wait for their turn.
	spawn many python3 - "$URL" <<-'END'
		import socket, sys
		host, port = sys.argv[1].split("://")[1].split(":")
		waiting = []
		for i in range(60):
		    s = socket.create_connection((host, int(port)))
		    s.sendall(b"GET /events HTTP/1.0\r\n\r\n")
		    waiting.append(s)
		print("all sent", flush=True)
		for i, s in enumerate(waiting):
		    while b"data: two" not in s.recv(65536):
		        pass
		    s.close()
		    print("served", flush=True)
	END
	await_grep 'all sent' many.out
	await full
	feed one
	await_grep '^data: one$' reader.out
	# It does not spin: little is done while others wait.
	before=$(cpu)
	n=$(grep -c '^:' reader.out)
	await_grep '^:' reader.out $((n + 20))
	[ $(($(cpu) - before)) -lt $((20 * SLOW)) ]
	# One who goes makes room for another, until all have been served.
	for i in {1..100}; do
		feed two
		[ "$(grep -c served many.out)" -lt 60 ] || break
		sleep 0.1
	done
	await_exit many
	[ "$(grep -c served many.out)" -eq 60 ]
	[ "$(grep -c '^data: one$' reader.out)" -eq 1 ]
	limit curl -s --unix-socket admin http://localhost/metrics >metrics
	grep -q '^sse_serve_accept_pauses_total [1-9]' metrics
}
