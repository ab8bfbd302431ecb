# POST to sse-serve: what comes again is published once.

bats_require_minimum_version 1.5.0
load helper

# post CHANNEL BODY [CURL-OPTION ...]: the answer, and its status.
post() {
	local channel=$1 body=$2

	shift 2
	curl -s -w '%{http_code}\n' --data-binary "$body" "$@" \
	    "$URL/events/$channel"
}

key() {
	local key=$1

	shift
	post "$@" -H "Idempotency-Key: $key"
}

# numbered NAME/NUMBER CHANNEL LINE...: these lines as a batch.
numbered() {
	local batch=$1 channel=$2

	shift 2
	post "$channel" "$(printf '{"data":"%s"}\n' "$@")" \
	    -H "Sse-Producer: $batch" -H 'Content-Type: application/x-ndjson'
}

published() {
	limit sse-tail -n "$2" "$URL/events/$1?last=1000" >got
	# Nothing more than that is there.
	curl -s -d end "$URL/events/$1" >/dev/null
	[ "$(limit sse-tail -n $(($2 + 1)) "$URL/events/$1?last=1000" |
	    tail -n 1)" = end ]
}

once() {
	first=$(key one news hello)
	[ "$(tail -n 1 <<<"$first")" = 200 ]
	[ "$(key one news again)" = "$first" ]
	[ "$(key '"one"' news again)" = "$first" ]
	[ "$(key one sport other)" != "$first" ]
	[ "$(key two news more)" != "$first" ]
	published news 2
	[ "$(cat got)" = $'hello\nmore' ]
}

batches() {
	first=$(numbered a.b-c_1/1 news 1 2 3)
	[ "$(wc -l <<<"$first")" = 4 ]
	[ "$(numbered a.b-c_1/1 news 1 2 3)" = "$first" ]
	second=$(numbered a.b-c_1/2 news 4)
	[ "$(numbered a.b-c_1/2 news 4)" = "$second" ]
	# Neither an older one nor one too far.
	[ "$(numbered a.b-c_1/1 news x | tail -n 1)" = 409 ]
	[ "$(numbered a.b-c_1/4 news x | tail -n 1)" = 409 ]
	# Another producer counts for itself, from where it likes.
	[ "$(numbered other/7 news 5 | tail -n 1)" = 200 ]
	published news 5
	[ "$(cat got)" = $'1\n2\n3\n4\n5' ]
}

# replayed KEY CHANNEL BODY: does the answer say that the key was known?
replayed() {
	answer=$(key "$@" -D head)
	grep -Eiqx $'Idempotent-Replayed: true\r' head
}

says_so() {
	not replayed said news hello
	replayed said news again
	replayed said news again
	not replayed said sport other
	# A batch is no key.
	for try in 1 2; do
		post news x -H 'Sse-Producer: said/1' -D head
		not grep -qi replayed head
	done
}

@test "a key is published once" {
	start_serve --open-publish
	once
}

@test "a key is published once, through Redis" {
	start_redis
	start_serve --open-publish -r "$SSE_REDIS_URL"
	once
	# It is the key of sse-pub, and known to all.
	[ "$(sse-pub -v --once one news again)" = "$(head -n 1 <<<"$first")" ]
}

@test "the answer says that a key was known" {
	start_serve --open-publish
	says_so
}

@test "the answer says that a key was known, through Redis and another server" {
	start_redis
	start_serve --open-publish -r "$SSE_REDIS_URL"
	says_so
	SERVE=other start_serve --open-publish -r "$SSE_REDIS_URL"
	replayed said news once-more
	sse-pub --once tool news hello
	replayed tool news again
}

@test "the answer says that a key was known, with a journal" {
	start_serve --open-publish --journal journal
	says_so
}

@test "a numbered batch is published once" {
	start_serve --open-publish
	batches
}

@test "a numbered batch is published once, through Redis and another server" {
	start_redis
	start_serve --open-publish -r "$SSE_REDIS_URL"
	batches
	SERVE=other start_serve --open-publish -r "$SSE_REDIS_URL"
	[ "$(numbered other/7 news 5 | tail -n 1)" = 200 ]
	published news 6
}

@test "keys and numbers that are none are refused" {
	start_serve --open-publish
	for header in 'Idempotency-Key;' 'Idempotency-Key: ""' \
	    "Idempotency-Key: $(printf 'x%.0s' {1..201})" 'Sse-Producer;' \
	    'Sse-Producer: a' 'Sse-Producer: a/' 'Sse-Producer: /1' \
	    'Sse-Producer: a/0' 'Sse-Producer: a/x' 'Sse-Producer: a b/1' \
	    "Sse-Producer: $(printf 'x%.0s' {1..65})/1" \
	    'Sse-Producer: a/1000000000000000000'; do
		[ "$(post news x -H "$header" | tail -n 1)" = 400 ] || {
			echo "$header"
			return 1
		}
	done
	[ "$(post news x -H 'Sse-Producer: a/1' -H 'Idempotency-Key: a' |
	    tail -n 1)" = 400 ]
	[ "$(post news $'data: a\n\ndata: b\n\n' -H 'Idempotency-Key: a' \
	    -H 'Content-Type: text/event-stream' | tail -n 1)" = 400 ]
	# shellcheck disable=SC2046
	[ "$(numbered a/1 news $(seq 1001) | tail -n 1)" = 413 ]
}

@test "a key is forgotten when its time is up" {
	start_serve --open-publish --once-for 1s
	first=$(key one news hello)
	await again
	published news 2
}

again() {
	[ "$(key one news hello)" != "$first" ]
}

@test "what is remembered is bounded, the oldest forgotten" {
	start_serve --open-publish --once-memory 8k
	first=$(key one news hello)
	for n in {1..40}; do
		key "k$n" news x >/dev/null
	done
	[ "$(key one news hello)" != "$first" ]
	last=$(key k40 news x)
	[ "$(key k40 news x)" = "$last" ]
	numbered a/1 news 1 >/dev/null
	# shellcheck disable=SC2046
	numbered b/1 news $(seq 1000) >/dev/null
	[ "$(numbered a/7 news 1 | tail -n 1)" = 200 ]
}

@test "sse-pub --once by POST publishes once" {
	start_serve --open-publish
	first=$(sse-pub -v --once 'a "key" of ä%' -u "$URL" news hello)
	[ "$(sse-pub -v --once 'a "key" of ä%' -u "$URL" news again)" = "$first" ]
	[ "$(sse-pub -v --once 'a key' -u "$URL" news other)" != "$first" ]
	published news 2
}

# told_once: by POST to URL, -v says in words what was not published.
told_once() {
	run -0 --separate-stderr sse-pub -v --once told -u "$URL" news hello
	first=$output
	[ -z "$stderr" ]
	for spool in '' '--spool dir'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr sse-pub $spool -v --once told \
		    -u "$URL" -f whole news <<<again
		[ "$output" = "$first" ]
		[ "$stderr" = 'sse-pub: nothing is published: the key told is known; the ID is that of then' ]
		# shellcheck disable=SC2086
		run -0 sse-pub $spool --once told -u "$URL" news again
		[ -z "$output" ]
	done
}

@test "sse-pub --once -v by POST says when nothing is published" {
	start_serve --open-publish
	told_once
	published news 1
	start_redis
	SERVE=other start_serve --open-publish -r "$SSE_REDIS_URL"
	told_once
	SERVE=third start_serve --open-publish -r "$SSE_REDIS_URL"
	run -0 --separate-stderr sse-pub -v --once told -u "$URL" news hello
	[ "$output" = "$first" ]
	[[ $stderr == *'nothing is published: the key told '* ]]
}

@test "sse-pub --once -v by POST is careful after an answer that was lost" {
	start_serve --open-publish
	spawn steal python3 "$TOP/tests/cli/steal.py" "${URL##*:}" POST ready
	await_file ready
	run -0 --separate-stderr sse-pub -v --once told \
	    -u "http://127.0.0.1:$(cat ready)" news hello
	grep -q stolen steal.out
	grep -Eqx '[0-9]+-[0-9]+' <<<"$output"
	[ "$stderr" = 'sse-pub: the key told is known, perhaps by a try whose answer was lost; the ID is that of then' ]
	published news 1
}

@test "a server's own repeat after a lost answer of Redis is no key's" {
	start_redis
	sse-pub news 'the script is known'
	spawn steal python3 "$TOP/tests/cli/steal.py" \
	    "${SSE_REDIS_URL##*:}" :told ready
	await_file ready
	start_serve --open-publish -r "redis://127.0.0.1:$(cat ready)"
	not replayed told news hello
	grep -q 200 <<<"$answer"
	grep -q stolen steal.out
	# Until the server has both its links again it says 503.
	await replayed told news again
	published news 2
}

# wait_is N STATUS [OPTION ...]: with --wait N it ends so.
wait_is() {
	local n=$1 want=$2

	shift 2
	run sse-pub --wait "$n" "$@" news hello
	[ "$status" -eq "$want" ] || {
		echo "$n: status $status, not $want: $output"
		return 1
	}
}

@test "--wait by POST: who is reached is counted" {
	start_serve --open-publish -w 2
	wait_is 1 1 -u "$URL"
	[[ "$output" = *'reached 0 subscribers, not 1'* ]]
	for n in 1 2 3; do
		spawn "sub$n" sse-tail -S "$URL/events/news,sport"
	done
	spawn alert sse-tail "$URL/events/news?event=alert"
	spawn other sse-tail "$URL/events/sport"
	await reached 3
	wait_is 3 0 -u "$URL"
	wait_is 4 1 -u "$URL"
	await reached 4 -e alert
	wait_is 5 1 -u "$URL" -e alert
	# The least of all events counts.
	run -1 sse-pub --wait 4 -u "$URL" -K : <<<$'news:a\nsport:b'
	run -0 sse-pub --wait 3 -u "$URL" -K : <<<$'news:a\nsport:b'
	wait_is 9 1 -u "$URL" --once key
	# What had been published reaches nobody now, and is success.
	wait_is 9 0 -u "$URL" --once key
}

reached() {
	local n=$1

	shift
	sse-pub --wait "$n" "$@" -u "$URL" news hello 2>/dev/null
}

@test "--wait by Redis: servers are counted, and by POST its subscribers" {
	start_redis
	wait_is 1 1
	[[ "$output" = *'reached 0 servers, not 1'* ]]
	wait_is 1 1 --raw
	for n in 1 2; do
		SERVE=serve$n start_serve --open-publish -r "$SSE_REDIS_URL"
		spawn "sub$n" sse-tail "$URL/events/news"
	done
	await two_servers
	wait_is 2 0 --raw
	wait_is 3 1
	await reached 1
	wait_is 2 1 -u "$URL"
}

two_servers() {
	sse-pub --wait 2 news hello 2>/dev/null
}
