# sse-tail beside EventSource, case by case: conform.py has the cases.

bats_require_minimum_version 1.5.0
load helper

setup() {
	sse_setup
}

conform() {
	run timeout -k 5 $((120 * SLOW)) \
	    /usr/bin/python3 "$TOP/tests/cli/conform.py" "$1"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" = *', 0 failed' ]]
}

@test "a stream means what the standard says" {
	conform format
}

@test "the reconnection time is the server's, within bounds" {
	conform retry
}

@test "the last event ID goes from connection to connection" {
	conform id
}

@test "an answer is an event stream, or none" {
	conform http
}

@test "a body is whole, or its connection is lost" {
	conform body
}

@test "what comes later is tried again, or is the end" {
	conform later
}

@test "there are over three hundred cases, and one that fails is told" {
	[ "$(/usr/bin/python3 "$TOP/tests/cli/conform.py" --count)" -ge 300 ]
	mkdir bin
	printf '#!/bin/sh\nexit 0\n' >bin/sse-tail
	chmod +x bin/sse-tail
	PATH=$PWD/bin:$PATH run /usr/bin/python3 "$TOP/tests/cli/conform.py" id
	[ "$status" -eq 1 ]
	[[ "$output" = *', 16 failed' ]]
}
