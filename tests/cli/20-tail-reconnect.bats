# sse-tail connects again.

bats_require_minimum_version 1.5.0
load helper
load tail

@test "it connects again with the last event ID, and each event comes once" {
	tail_says 0 "$(seq 20)" /reset
	silent
	grep -c 'GET /reset' bad.log >n
	[ "$(cat n)" -gt 5 ]
	grep -q '^GET /reset 18$' bad.log
	tail_says 0 "$(seq 5 20)" -i 4 /reset
}

@test "busy is borne after a success, or with --retry from the first" {
	tail_says 0 'first
then' /busy-later
	because 'HTTP status 503; trying again$'
	grep -q '^GET /busy-later 1$' bad.log
	tail_says 0 'at last' --retry 2 /busy-first
	silent
	tail_says 76 '' --retry 0 /not-found
	tail_says 0 a --retry 0 /close
	silent
}

@test "why the server sends us away is said" {
	tail_says 1 '' -m 3s -n 1 /soft
	[ "$(wc -l <said)" -eq 2 ]
	grep -q "the server ended the stream: too many .u001bconnections; trying again$" said
}

@test "retry: 0 does not make it spin" {
	local start=${EPOCHREALTIME/./}

	tail_says 0 '' -q /retry-zero
	[ "$(grep -c retry-zero bad.log)" -eq 6 ]
	# 100 + 200 + 400 + 800 + 1600 ms.
	[ $((${EPOCHREALTIME/./} - start)) -gt 3000000 ]
}

@test "Retry-After is heeded" {
	local start=${EPOCHREALTIME/./}

	tail_says 0 'first
then' -q /later
	[ "$(asked 'GET /later')" -eq 3 ]
	[ $((${EPOCHREALTIME/./} - start)) -gt 1000000 ]
}

@test "another method than GET is made once, unless --retry-post" {
	tail_says 0 'POST x' -d x /twice
	silent
	[ "$(asked 'POST /twice')" -eq 1 ]
	tail_says 69 'a
b' -d x /half
	because '.*transfer closed'
	[ "$(asked 'POST /half')" -eq 1 ]
	tail_says 0 'PUT y' --retry-post -X PUT -d y /twice
	[ "$(asked 'PUT /twice')" -eq 2 ]
	tail_says 0 '' -X GET -d x /twice
}

@test "--retry-first bears a server that is not there yet" {
	tail_says 0 'at last' --retry-first -q /busy-first
	# A port that nobody listens at, until it is the server's.
	local port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
	spawn tail sse-tail -v -n 1 --retry-first --retry-max 100ms \
	    "http://127.0.0.1:$port/events?last=1"
	await_grep 'Connection refused; trying again in 0.1 s' tail.err
	LISTEN=127.0.0.1:$port start_serve < <(echo here)
	await_exit tail
	[ "$status" -eq 0 ]
	[ "$(cat tail.out)" = here ]
	# What would be the same again is the end all the same.
	tail_says 76 '' --retry-first /not-found
}

@test "--no-reconnect: the end is the end" {
	tail_says 0 a --no-reconnect /close
	[ "$(asked '/close')" -eq 1 ]
	tail_says 69 'a
b' --no-reconnect /half
	[ "$(asked '/half')" -eq 1 ]
}

@test "--retry counts failures in a row, --retry-max bounds each wait" {
	rm bad.ready
	stop bad
	tail_says 69 '' --retry 3 --retry-max 100ms -v /one
	[ "$(grep -c 'trying again in 0.1 s' said)" -eq 3 ]
	grep -q ': Connection refused$' said
}

# A timer of TCP that is neither for data nor none: it is that of keep-alive.
probes() {
	awk -v port=":$(printf %04X "${BAD##*:}")" '
		$3 ~ port "$" && $4 == "01" { print substr($6, 1, 2) }
	' /proc/net/tcp | grep -qx 02
}

@test "TCP keep-alive is on" {
	spawn tail sse-tail "$BAD/one"
	await_lines 1 tail.out
	await probes
}
