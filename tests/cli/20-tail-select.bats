# Which events sse-tail takes, and when it is enough.

bats_require_minimum_version 1.5.0
load helper
load tail

@test "--grep takes events whose data matches, line by line, NULs and all" {
	tail_says 0 '[DONE]' --grep '^\[' -n 1 /done
	limit sse-tail --grep 'b$' -n 1 "$BAD/done" | od -An -c | tr -d ' ' >out
	[ "$(cat out)" = 'a\0b\n' ]
	tail_says 0 '{"a": 1,
"b": 12345678901234567890}' --grep '^"b": [0-9]+\}$' -n 1 /done
	# One of them is enough; letters beyond ASCII are letters.
	tail_says 0 '[DONE]' --grep no --grep D --until '[DONE]' /done
	tail_says 0 1 --grep '^[[:alpha:]]$' -f '{count}\n' /ended
	printf 'data: \xc3\xa9\n\ndata: b\n\n' |
	    limit sse-tail --grep '^[[:alpha:]]$' --grep nothing - >out
	[ "$(cat out)" = $'\xc3\xa9\nb' ]
	tail_says 0 '' --grep nothing /ended
}

@test "--until ends it after its event, printed or not" {
	limit sse-tail --until '[DONE]' "$BAD/done" | tail -n 1 >out
	[ "$(cat out)" = '[DONE]' ]
	limit sse-tail --until '[DONE]' --grep '^[{]' -f json "$BAD/done" >out
	[ "$(wc -l <out)" -eq 1 ]
	tail_says 0 '' -e none --until '[DONE]' /done
}

@test "-m is a barrier: 1 when --until is unmet" {
	tail_says 1 one -m 300ms --until never /one
	[ "$(cat said)" = 'sse-tail: time is up: the event of --until did not come' ]
	tail_says 0 one -m 10s --until one /one
	tail_says 1 '' -q -m 300ms -n 1 --grep ready /one
	silent
}

@test "--idle-exit ends it once nothing comes, but not while it connects" {
	tail_says 0 "$(seq 10)" --idle-exit 300ms /count
	silent
	tail_says 0 one --idle-exit 300ms /one
	tail_says 1 '' --idle-exit 100ms -m 500ms -n 1 /mute
}

@test "--last asks for the newest, a last event ID goes before" {
	tail_says 76 '' --last 5 '/none?a=b'
	[ "$(asked '^GET /none?a=b&last=5 $')" -eq 1 ]
	start_serve < <(seq 20)
	await serves 20
	run -0 limit sse-tail --last 3 -n 3 "$URL/events"
	[ "$output" = $'18\n19\n20' ]
}

serves() {
	limit curl -sN -m 1 "$URL/events?last=1" | grep -qFx "data: $1"
}

@test "--json-data puts in what is JSON as it is, on one line" {
	limit sse-tail -n 3 -f json --json-data "$BAD/done" >out
	diff -u - out <<-'WANT'
		{"data":{"a": 1, "b": 12345678901234567890}}
		{"data":"a\u0000b"}
		{"data":"[DONE]"}
	WANT
	printf 'data: %s\n\n' 12 '"x"' null '[1' '{"a":"\ud800"}' '' 'tru' |
	    limit sse-tail -f '{json}\n' --json-data - >out
	diff -u - out <<-'WANT'
		{"data":12}
		{"data":"x"}
		{"data":null}
		{"data":"[1"}
		{"data":"{\"a\":\"\\ud800\"}"}
		{"data":""}
		{"data":"tru"}
	WANT
}

@test "-f sse passes comments and unknown fields on, -v tells of them" {
	limit sse-tail -f sse "$BAD/comments" >out
	diff -u - out <<-'WANT'
		: keep

		: two
		x: y

		: of a
		z: 1
		data: a

	WANT
	limit sse-tail -f sse - <out | cmp - out
	tail_says 0 a -v /comments
	sed 's/.*comment: //;t;d' said >comments
	[ "$(cat comments)" = $'keep\ntwo\nof a' ]
}

@test "colours: on a terminal, or when asked for" {
	tail_says 0 $'\e[36mmessage\e[0m a' --color always -f '{event} {data}\n' /ended
	tail_says 0 'message a' -f '{event} {data}\n' /ended
	limit sse-tail --color always -n 1 -f sse "$BAD/fields" >out
	grep -qFx $'event: \e[36mt\e[0m' out
	grep -qFx $'id: \e[33m5\e[0m' out
	grep -qFx 'data: 1' out
	on_terminal() {
		limit env "$@" TERM=xterm script -qec \
		    "sse-tail -f '{event}{data}\n' $COLOR $BAD/terminal" \
		    /dev/null | tr -d '\r' >out
	}
	COLOR='' on_terminal -u NO_COLOR
	[ "$(cat out)" = $'\e[36mmessage\e[0m\\u001b[2J\\u202ex' ]
	COLOR='' on_terminal NO_COLOR=1
	[ "$(cat out)" = 'message\u001b[2J\u202ex' ]
	COLOR='--color never' on_terminal -u NO_COLOR
	[ "$(cat out)" = 'message\u001b[2J\u202ex' ]
}
