# sse-serve: requests, hostile ones too, and what answers them.

load helper

# code CURL-OPTION ...: the status of the answer; its body is in body.
code() {
	limit curl -s -o body -w '%{http_code}' "$@"
}

# raw TEXT: send it (escapes undone), print all until the server closes.
raw() {
	local fd

	exec {fd}<>"/dev/tcp/127.0.0.1/${URL##*:}"
	# printf writes line by line, cat all at once.
	printf '%b' "$1" >raw.bytes
	cat raw.bytes >&"$fd"
	limit cat <&"$fd"
	eval "exec $fd>&-"
}

# It still serves.
alive() {
	[ "$(code "$URL/")" = 200 ]
}

@test "every request has its answer" {
	start_serve </dev/null
	while read -r want method path words; do
		got=$(code -g -X "$method" --max-time 5 "$URL$path")
		[ "$got" = "$want" ] && grep -q -e "$words" body || {
			echo "$method $path: $got $(cat body)"
			return 1
		}
	done <<-'END'
		200 GET / <!DOCTYPE
		404 GET /x /events/CHANNEL
		404 GET /favicon.ico /events
		404 GET //events /events
		404 GET /../etc/passwd /events
		400 GET /events/ 200.bytes
		400 GET /events/a%20b 200.bytes
		400 GET /events/a%zz hexadecimal
		400 GET /events?last=x last=
		400 GET /events?show=all show=
		400 GET /events?lastEventId=%00 NUL
		403 GET /events/client:7 client:
		403 GET /events/presence presence
		403 GET /events?show=routing routing
		403 POST /events/a --open-publish
		404 DELETE /x /events
		405 DELETE /events method
		405 PUT /events/a method
		405 POST / method
		405 TRACE /events method
		405 PATCH /events/a method
		501 BREW /events method
		501 get /events method
		404 GET /%65vents /events
	END
	[ "$(code -H 'Accept: text/html' "$URL/events")" = 406 ]
	[ "$(code -I "$URL/")" = 200 ]
	[ "$(code -I "$URL/events")" = 200 ]
	curl -si -X PUT "$URL/events" | tr -d '\r' |
	    grep -qx 'Allow: GET, HEAD, POST, OPTIONS'
}

@test "a stream's head keeps caches and proxies from spoiling it" {
	start_serve </dev/null
	raw 'GET /events HTTP/1.0\r\n\r\n' >got &
	pid=$!
	await_grep '^retry:' got
	kill "$pid"
	tr -d '\r' <got >head
	for line in 'HTTP/1.1 200 OK' 'Content-Type: text/event-stream' \
	    'Cache-Control: no-cache, no-transform' 'X-Accel-Buffering: no' \
	    'Connection: close'; do
		grep -qx "$line" head
	done
	grep -q '^Date: [A-Z][a-z][a-z], [0-9][0-9] .* GMT$' head
	not grep -q -e '^Content-Length' -e '^Transfer-Encoding' head
}

@test "what is no HTTP is answered and closed, and nothing else suffers" {
	start_serve </dev/null
	while read -r want request; do
		raw "$request" >got
		head -n 1 got | grep -q "^HTTP/1.1 $want " || {
			echo "$request: $(head -n 1 got)"
			return 1
		}
		tr -d '\r' <got | grep -qx 'Connection: close'
	done <<-'END'
		400 \x00
		400 \x16\x03\x01\x02\x00\x01\x00
		400 GET /\n
		400 GET / HTTP/1.1\r\n\r\n
		400 GET / HTTP/1.1\nHost: a\n\n
		400 GET / HTTP/1.1\r\nHost : a\r\n\r\n
		400 GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n
		400 GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n
		400 POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n
		400 POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n
		501 CONNECT a:80 HTTP/1.1\r\n
		501 POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n
		505 PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
		417 POST / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n
	END
	head -c 100000 /dev/urandom >garbage
	for i in 1 2 3; do
		exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
		limit cat garbage >&7 2>/dev/null || :
		exec 7>&-
	done
	not limit curl -sk "https://${URL#http://}/"
	alive
}

@test "a head that is too long is refused, one at the bound is not" {
	start_serve --max-head 1k </dev/null
	# "GET /?" ... " HTTP/1.1" and Host make 6 + 11 + 9 + 2 bytes besides.
	raw "GET /?$(printf '%0996d' 0) HTTP/1.1\r\nHost: a\r\n\r\n" >got &
	kept=$!
	await_grep '^HTTP' got
	grep -q '^HTTP/1.1 200 ' got
	raw "GET /?$(printf '%0997d' 0) HTTP/1.1\r\nHost: a\r\n\r\n" |
	    grep -q '^HTTP/1.1 431 '
	raw "GET /?$(printf '%02000d' 0)" | grep -q '^HTTP/1.1 414 '
	raw "GET / HTTP/1.1\r\nA: $(printf '%02000d' 0)" |
	    grep -q '^HTTP/1.1 431 '
	raw "GET / HTTP/1.1\r\n$(yes 'A: b\r\n' | head -n 65 | tr -d '\n')" |
	    grep -q '^HTTP/1.1 431 '
	kill "$kept" 2>/dev/null || :
	alive
}

@test "a request may come byte by byte" {
	start_serve </dev/null
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	request=$'GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
	for ((i = 0; i < ${#request}; i++)); do
		printf '%s' "${request:i:1}" >&7
	done
	limit cat <&7 | grep -q '^HTTP/1.1 404 '
	exec 7>&-
}

@test "a request that never ends is ended" {
	start_serve --header-timeout 0.5s --open-publish </dev/null
	for request in '' 'G' 'GET /events HTTP/1.1\r\nHost: a\r\n' \
	    'POST /events/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx' \
	    'POST /events/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx'; do
		start=$SECONDS
		raw "$request" >got
		[ $((SECONDS - start)) -lt $((5 * SLOW)) ]
		# It had not asked for anything yet: or it is told.
		[ ! -s got ] || grep -q '^HTTP/1.1 408 ' got
	done
	# Nothing of half a body was published.
	limit curl -s -m 1 "$URL/events/a?last=9" >got || :
	not grep -q data: got
	# One drop each time does not buy more time.
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	(
		while printf x >&7; do sleep 0.1; done
	) 2>/dev/null &
	pid=$!
	start=$SECONDS
	limit cat <&7 >/dev/null || :
	[ $((SECONDS - start)) -lt $((5 * SLOW)) ]
	kill "$pid" 2>/dev/null || :
	exec 7>&-
	alive
}

@test "clients that vanish take nothing with them" {
	feed_open
	start_serve --open-publish <feed
	for i in {1..20}; do
		exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
		case $((i % 4)) in
		0) printf 'GET /ev' >&7 ;;
		1) printf 'POST /events/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx' >&7 ;;
		2) printf 'GET /events HTTP/1.0\r\n\r\n' >&7 ;;
		esac
		exec 7>&-
	done
	for i in {1..10}; do
		curl -sN "$URL/events" >/dev/null &
		pid=$!
		feed "$i"
		kill -KILL "$pid"
		wait "$pid" || :
	done
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	feed last
	await_grep '^data: last$' reader.out
	# Nothing is left of them.
	await none_open
}

none_open() {
	[ "$(ss -Htn "sport = :${URL##*:}" | grep -vc TIME-WAIT)" -le 1 ]
}

@test "requests on one connection are answered in their order" {
	start_serve --open-publish </dev/null
	p='POST /events/a HTTP/1.1\r\nHost: a\r\n'
	raw "GET /x HTTP/1.1\r\nHost: a\r\n\r\n${p}Content-Length: 2\r\n\r\nhi\r\n${p}Transfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\n\r\nPUT /events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never" >got
	[ "$(grep -o '^HTTP/1.1 [0-9]*' got | cut -d' ' -f2 | xargs)" = \
	    '404 200 200 405' ]
	# curl uses its connection again.
	curl -sv -d a "$URL/events/a" "$URL/x" "$URL/" 2>&1 >/dev/null |
	    grep -q 'Re-using existing connection'
}

# statuses: those in got, in their order; and what it says of the connection.
statuses() {
	tr -d '\r' <got | sed -n 's|^HTTP/1.1 \([0-9]*\) .*|\1|p
	    s/^Connection: //p; s/^Allow: /allow /p' | xargs
}

@test "each form of a request is answered to the letter" {
	start_serve --open-publish </dev/null
	h='HTTP/1.1\r\nHost: a\r\n'
	while IFS='|' read -r request want; do
		raw "$request" >got
		[ "$(statuses)" = "$want" ] || {
			echo "$request: $(statuses), not $want"
			return 1
		}
	done <<-END
		OPTIONS * ${h}Connection: close\r\n\r\n|204 close allow GET, HEAD, OPTIONS
		OPTIONS /events/a ${h}Connection: close\r\n\r\n|204 close allow GET, HEAD, POST, OPTIONS
		HEAD / $h\r\nHEAD /x $h\r\nHEAD /events $h\r\n|200 keep-alive 404 keep-alive 200 close
		GET http://b/x ${h}Connection: close\r\n\r\n|404 close
		GET /x HTTP/1.0\r\n\r\n|404 close
		GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /x HTTP/1.0\r\n\r\n|404 keep-alive 404 close
		POST /events/a HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi|200 close
		POST /events/a ${h}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n|413 close
		POST /events/presence ${h}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n|403 close
		POST /events/a ${h}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi|200 close
		GET /x ${h}Content-Length: 5\r\n\r\nhelloGET /x $h\r\n|404 close
		\r\nGET /x ${h}Connection: close\r\n\r\n|404 close
	END
	# No answer to HEAD has a body, and no stream a length.
	raw "HEAD /x $h\r\nHEAD /events $h\r\n" | tr -d '\r' >got
	not grep -q 'here are' got
	[ "$(grep -c '^Content-Length' got)" -eq 1 ]
}

@test "a body that is not wanted is not read as requests" {
	start_serve </dev/null
	inner='GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
	for fields in 'Transfer-Encoding: chunked\r\n\r\n' \
	    'Transfer-Encoding: chunked\r\n\r\n26\r\n' \
	    'Content-Length: 38\r\n\r\n'; do
		for path in /x /events/a /; do
			raw "POST $path HTTP/1.1\r\nHost: a\r\n$fields$inner" >got
			[ "$(grep -c '^HTTP/1.1 ' got)" -eq 1 ]
			grep -q '^Connection: close' got
		done
	done
	# A stream's answer to HEAD says that it closes, and does.
	start=$SECONDS
	raw 'HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n' >got
	grep -q '^Connection: close' got
	[ $((SECONDS - start)) -lt $((5 * SLOW)) ]
}

@test "an old client, and one that waits for 100, are served" {
	start_serve --open-publish </dev/null
	[ "$(code -0 "$URL/")" = 200 ]
	[ "$(code -0 -d a "$URL/events/a")" = 200 ]
	head -c 500000 /dev/zero | tr '\0' x >large
	curl -sv -H 'Expect: 100-continue' --data-binary @large "$URL/events/a" \
	    >got 2>trace
	grep -q '^< HTTP/1.1 100 Continue' trace
	[ "$(wc -l <got)" -eq 1 ]
	limit curl -sN "$URL/events/a?last=1" | head -n 4 >stream
	[ "$(grep '^data: ' stream | wc -c)" -eq 500007 ]
}

@test "a limit on connections turns away softly, and no longer than it must" {
	start_serve --max-connections 2 --retry 100 </dev/null
	spawn one curl -sN "$URL/events"
	spawn two curl -sN "$URL/events"
	await_grep '^retry:' one.out
	await_grep '^retry:' two.out
	# An EventSource gives up for good at anything but 200.
	[ "$(code -H 'Accept: text/event-stream' "$URL/events")" = 200 ]
	grep -q '^: too many connections' body
	grep -q '^retry: ' body
	stop one KILL
	await again
}

# A stream that is not turned away.
again() {
	limit curl -s -m 0.5 "$URL/events" >got || :
	grep -q '^retry: 100$' got && ! grep -q '^:' got
}

@test "-v says what was refused and why, -vv what was asked, all visibly" {
	start_serve -v </dev/null
	raw 'GET /x\xff\xe2\x80\xae HTTP/1.0\r\n\r\n' >/dev/null
	raw 'GET\n' >/dev/null
	await_grep '^sse-serve: refused: GET /x' serve.err
	grep -q 'refused: .*: 404 here are' serve.err
	await_grep '^sse-serve: refused: 400 the method' serve.err
	grep -qF 'GET /x\xff\u202e: 404' serve.err
	not grep -q 'GET /$' serve.err
	SERVE=more start_serve -vv </dev/null
	code "$URL/" >/dev/null
	await_grep '^sse-serve: GET /$' more.err
	SERVE=none start_serve </dev/null
	code "$URL/x" >/dev/null
	[ "$(grep -vc listening none.err)" -eq 0 ]
}

@test "pages of other origins may read nothing and change nothing" {
	start_serve --open-publish -a unix:admin -a 127.0.0.1:0 </dev/null
	admin=$(sed -n 3p serve.ready)
	for where in "$URL" "$admin"; do
		for h in 'Origin: http://evil.example' 'Origin: null' \
		    'Sec-Fetch-Site: cross-site' 'Sec-Fetch-Site: same-site'; do
			[ "$(code -H "$h" -d x "$where/events/a")" = 403 ]
			[ "$(code -H "$h" -X DELETE "$where/events/a")" = 403 ]
		done
		[ "$(code -H 'Sec-Fetch-Site: same-origin' -d x \
		    "$where/events/a")" = 200 ]
		[ "$(code -H "Origin: $where" -d x "$where/events/a")" = 200 ]
		[ "$(code -d x "$where/events/a")" = 200 ]
		curl -si -H 'Origin: http://evil.example' "$where/x" >got
		not grep -qi '^access-control' got
	done
	[ "$(code --unix-socket admin -H 'Origin: http://evil.example' -d x \
	    http://localhost/events/a)" = 403 ]
	# Nothing of it was published but the six that may be.
	limit curl -s -m 1 "$URL/events/a?last=100" >got || :
	[ "$(grep -c '^data: x' got)" -eq 6 ]
}

@test "an allowed origin may read, and publish when it is named" {
	start_serve --open-publish --allow-origin https://a.example </dev/null
	SERVE=any start_serve --open-publish --allow-origin '*' </dev/null
	any=$URL
	URL=$(head -n 1 serve.ready)
	origin='Origin: https://a.example'
	curl -si -H "$origin" -d x "$URL/events/a" | tr -d '\r' >got
	grep -q '^HTTP/1.1 200' got
	grep -qx 'Access-Control-Allow-Origin: https://a.example' got
	# Its script may read what the answer says beside the IDs.
	grep -qx 'Access-Control-Expose-Headers: Idempotent-Replayed, Sse-Reached' got
	curl -si -d x "$URL/events/a" >got
	not grep -q '^Access-Control' got
	curl -si -X OPTIONS -H "$origin" "$URL/events/a" | tr -d '\r' >got
	grep -q '^HTTP/1.1 204' got
	grep -q '^Access-Control-Allow-Headers: .*Last-Event-ID' got
	limit curl -si -m 1 -H "$origin" "$URL/events" >got || :
	grep -q '^Access-Control-Allow-Origin: https://a.example' got
	[ "$(code -H 'Origin: https://b.example' -d x "$URL/events/a")" = 403 ]
	limit curl -si -m 1 -H "$origin" "$any/events" >got || :
	grep -q '^Access-Control-Allow-Origin: https://a.example' got
	[ "$(code -H "$origin" -d x "$any/events/a")" = 403 ]
}

@test "the administration listener goes by the names of this machine" {
	start_serve -a 127.0.0.1:0 -a unix:admin </dev/null
	admin=$(sed -n 2p serve.ready)
	[ "$(code -H 'Host: evil.example' "$admin/")" = 421 ]
	[ "$(code -H 'Host: 127.0.0.1.evil.example' "$admin/")" = 421 ]
	[ "$(code "http://localhost:${admin##*:}/")" = 200 ]
	[ "$(code -H 'Host: any.example' --unix-socket admin \
	    http://any.example/)" = 200 ]
	[ "$(code -H 'Host: any.example' "$URL/")" = 200 ]
	# There everything may be read and seen.
	limit curl -s -m 1 "$admin/events/client:7?show=routing" >got || :
	grep -q '^retry:' got
}
