# sse-serve: events from standard input and by POST.

load helper
load streams

# post STATUS PATH CURL-OPTION ...: publish; the answer is in answer.
post() {
	local want=$1 path=$2 got

	shift 2
	got=$(limit curl -s -o answer -w '%{http_code}' "$@" "$URL$path")
	[ "$got" = "$want" ] || {
		echo "$path: $got $(cat answer)"
		return 1
	}
}

# newest N PATH: the newest N events, without the IDs that were minted and what
# the stream opens with.
newest() {
	stream "$2?last=$1" |
	    sed -E -e 1,2d -e '/^id: [0-9]{13}-[0-9]+$/d'
}

@test "what a body is, its type says" {
	quick_serve --open-publish </dev/null
	post 200 /events/a -d hello
	grep -Eqx '[0-9]{13}-[0-9]+' answer
	[ "$(newest 1 /events/a)" = 'data: hello' ]
	printf 'one\ntwo\r\nthree\rfour\n' >lines
	post 200 /events/a --data-binary @lines -H 'Content-Type: text/plain'
	newest 1 /events/a >got
	printf '%s\n' 'data: one' 'data: two' 'data: three' 'data: four' \
	    'data:' '' | diff - got
	post 200 '/events/a?event=greet&id=own' -d '{"a":1}' \
	    -H 'Content-Type: application/json'
	[ "$(cat answer)" = own ]
	newest 1 /events/a >got
	printf '%s\n' 'event: greet' 'id: own' 'data: {"a":1}' '' |
	    diff <(sort) <(sort got)
	printf 'event: x\ndata: 1\ndata: 2\n\n: no event\n\ndata: 3\n\n' >body
	post 200 /events/b --data-binary @body \
	    -H 'Content-Type: text/event-stream'
	[ "$(wc -l <answer)" -eq 2 ]
	printf '%s\n' '{"data":"4","event":"y"}' '' '{"channel":"a","data":"5"}' \
	    >body
	post 200 /events/b --data-binary @body \
	    -H 'Content-Type: application/x-ndjson; charset=utf-8'
	[ "$(wc -l <answer)" -eq 2 ]
	newest 3 /events/b | grep -v '^$' >got
	printf '%s\n' 'event: x' 'data: 1' 'data: 2' 'data: 3' 'event: y' \
	    'data: 4' | diff - got
	[ "$(newest 1 /events/a)" = 'data: 5' ]
	# Events that name their channels need none in the path.
	post 200 /events --data-binary '{"channel":"c","data":"6"}' \
	    -H 'Content-Type: application/x-ndjson'
	[ "$(newest 1 /events/c)" = 'data: 6' ]
	# But then all of them have to.
	printf '%s\n' '{"channel":"c","data":"7"}' '{"data":"8"}' >body
	post 400 /events --data-binary @body \
	    -H 'Content-Type: application/x-ndjson'
	grep -q 'names no channel' answer
	post 400 /events --data-binary $'channel:\ndata: 9\n\n' \
	    -H 'Content-Type: text/event-stream'
	[ "$(newest 1 /events/c)" = 'data: 6' ]
}

@test "an empty body is an event with empty data, chunked or not" {
	quick_serve --open-publish </dev/null
	post 200 /events/a -d ''
	post 200 /events/a -X POST
	post 200 /events/a -H 'Transfer-Encoding: chunked' -d ''
	newest 3 /events/a | grep -c '^data' | grep -qx 3
	post 200 /events/a -H 'Transfer-Encoding: chunked' -d in-pieces
	[ "$(newest 1 /events/a)" = 'data: in-pieces' ]
	# But no events are not published by mistake.
	post 400 /events/a -d '' -H 'Content-Type: application/x-ndjson'
}

@test "a body is published whole or not at all, and why not is said" {
	quick_serve --open-publish --max-event 100 --max-body 1k </dev/null
	printf '%s\n' '{"data":"1"}' '{"data":2}' '{"data":"3"}' >body
	post 400 /events/a --data-binary @body \
	    -H 'Content-Type: application/x-ndjson'
	grep -q 'line 2' answer
	printf 'data: 1\n\nevent: sse:gap\ndata: 2\n\n' >body
	post 400 /events/a --data-binary @body \
	    -H 'Content-Type: text/event-stream'
	grep -q 'sse:' answer
	printf 'data: 1\n\ndata: 2\n' >body
	post 400 /events/a --data-binary @body \
	    -H 'Content-Type: text/event-stream'
	printf '%s\n' '{"data":"1"}' '{"channel":"client:7","data":"2"}' >body
	post 403 /events/a --data-binary @body \
	    -H 'Content-Type: application/x-ndjson'
	post 400 '/events/a?event=sse:end' -d x
	post 400 '/events/a?id=a%0Ab' -d x
	post 400 /events -d x
	post 400 /events/a,b -d x
	post 403 /events/group:a -d x
	post 403 /events/presence -d x
	post 415 /events/a -F a=b
	head -c 1025 /dev/zero | tr '\0' x >body
	post 413 /events/a --data-binary @body
	post 413 /events/a --data-binary @body -H 'Transfer-Encoding: chunked'
	head -c 101 body >large
	post 413 /events/a --data-binary @large
	head -c 100 body >fits
	post 200 /events/a --data-binary @fits
	# That one alone is there.
	stream '/events/a?last=100' >got
	[ "$(grep -c '^data: ' got)" -eq 1 ]
}

@test "publishing is for the administration listener, or for all when opened" {
	quick_serve -a unix:admin </dev/null
	post 403 /events/a -d x
	grep -q -e --open-publish answer
	URL=http://localhost post 200 /events/a --unix-socket admin -d x
	URL=http://localhost post 200 /events/client:7 --unix-socket admin -d x
	URL=http://localhost post 403 /events/presence --unix-socket admin -d x
	[ "$(newest 1 /events/a)" = 'data: x' ]
}

@test "bytes that are no UTF-8 become U+FFFD, all others stay" {
	quick_serve --open-publish -f nul < <(printf 'a\xffb\0')
	await published 1 /events
	[ "$(newest 1 /events)" = $'data: a\xef\xbf\xbdb' ]
	printf 'x\xc3\xa9\xf0\x9f\x90\xa6\xed\xa0\x80\x01\x7f' >body
	post 200 /events/a --data-binary @body
	[ "$(newest 1 /events/a)" = $'data: x\xc3\xa9\xf0\x9f\x90\xa6\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x01\x7f' ]
}

# published COUNT PATH: as many events are there.
published() {
	stream "$2?last=1000" >published
	[ "$(grep -c '^data' published)" -ge "$1" ]
}

@test "standard input is read in every format" {
	while read -r format input want; do
		printf '%b' "$input" >input
		SERVE=$format quick_serve -f "$format" -c a <input
		n=$(grep -o '||' <<<"$want" | wc -l)
		await published "$n" /events/a
		newest "$n" /events/a | tr '\n' '|' >got
		[ "$(cat got)" = "$want" ] || {
			echo "$format: $(cat got)"
			return 1
		}
		stop "$format"
	done <<-'END'
		line one\r\n\n\x20\x20two data: one||data:||data:   two||
		nul one\ntwo\0\0three data: one|data: two||data:||data: three||
		whole one\n\ntwo\n data: one|data:|data: two|data:||
		sse \xef\xbb\xbfdata:one\n\n:x\nevent:e\rdata:\r\rid:7\n\n data: one||event: e|data:||
		json {"data":"one\\ntwo"}\n\n{"event":"e","data":"three"} data: one|data: two||event: e|data: three||
	END
}

@test "input that is malformed is passed over, and its line said" {
	printf '%s\n' '{"data":"one"}' '{"data":1}' 'no' '{"data":"two"}' \
	    '{"data":"x","event":"sse:end"}' '{"data":"x","channel":"a b"}' \
	    '{"data":"three"}' >input
	quick_serve -f json <input
	await published 3 /events
	newest 3 /events | grep data >got
	printf 'data: %s\n' one two three | diff - got
	for line in 2 3 5 6; do
		grep -q "line $line: " serve.err
	done
	[ "$(grep -c 'line ' serve.err)" -eq 4 ]
}

@test "an event over the limit is passed over, and its line said" {
	{
		echo one
		head -c 200000 /dev/zero | tr '\0' x
		printf '\ntwo\n'
	} >input
	quick_serve --max-event 100k <input
	await published 2 /events
	newest 2 /events | grep data >got
	printf 'data: %s\n' one two | diff - got
	grep -q 'line 2: ' serve.err
}

@test "an ID like a place is adopted when it fits, else replaced" {
	quick_serve --open-publish </dev/null
	now=$(date +%s)
	ahead=$((now + 30))000-7 far=$((now + 3600))000-0 old=1000000000000-0
	for id in "$ahead" "$far" "$old" "$ahead"; do
		post 200 "/events/a?id=$id" -d "$id"
		cat answer >>answers
	done
	[ "$(sed -n 1p answers)" = "$ahead" ]
	[ "$(sort -u answers | wc -l)" -eq 4 ]
	sort -t - -k 1,1n -k 2,2n -c answers
	# What it had is not lost.
	origin_is "$far"
}

origin_is() {
	SERVE=shows quick_serve -a unix:admin -f json \
	    < <(printf '{"id":"%s","data":"x"}\n' "$1")
	await published 1 /events
	URL=http://localhost stream '/events?last=1&show=routing' \
	    --unix-socket admin >got
	grep -qx "origin: $1" got
}
