# "make demo": a clock to be seen, and nothing left of it.

bats_require_minimum_version 1.5.0
load helper

# demo: "make demo" in a process group of its own, until it says where it is.
demo() {
	local sanitized=

	[[ "$BIN" != *san ]] || sanitized=SAN=1
	export DEMO_LISTEN=${DEMO_LISTEN:-0} TMPDIR=$PWD/tmp
	mkdir tmp
	spawn demo setsid make -C "$TOP" demo $sanitized
	await_grep 'Ctrl-C ends it' demo.out
	URL=$(grep -oE 'http://[^ ]+:[0-9]+/$' demo.out)
}

# The demo's process group has nobody in it any more, its files are gone, and
# nothing was said that looks like a fault, but by make itself: one whose child
# ends while it is told to end waits for it twice, now and then.
all_gone() {
	await no_group "$1"
	[ -z "$(ls tmp)" ]
	! cat demo.out demo.err |
	    grep -Ev 'wait: No child processes|Waiting for unfinished jobs' |
	    grep -E '\*\*\*|[Ee]rror|Terminated|kill'
}

no_group() {
	# Not counting the dead whom nobody has buried yet.
	! ps -e -o pgid=,stat= | awk -v g="$1" '$1 == g && $2 !~ /^Z/ { f = 1 }
	    END { exit !f }'
}

@test "the demo says what to open and what to paste, and both show the clock" {
	demo
	tail=$(grep -oE '/[^ ]*/sse-tail http[^ ]*' demo.out)
	# shellcheck disable=SC2086
	limit $tail -n 2 >got
	[ "$(grep -cE ':[0-5][0-9]:' got)" -eq 2 ]
	limit curl -fsS "$URL" | grep -qi '<html'
	pid=${PIDS[demo]}
	kill -TERM -- "-$pid"
	await_exit demo
	all_gone "$pid"
}

@test "Ctrl-C ends all of the demo" {
	demo
	pid=${PIDS[demo]}
	kill -INT -- "-$pid"
	await_exit demo
	all_gone "$pid"
}

@test "SIGTERM to make alone ends all of the demo" {
	demo
	pid=${PIDS[demo]}
	stop demo
	all_gone "$pid"
}

@test "where its port is taken the demo says so and takes another" {
	start_serve
	DEMO_LISTEN=${URL#http://} demo
	grep -q 'Trying another port' demo.err
	curl -fsS "$URL" >page
	pid=${PIDS[demo]}
	stop demo
	all_gone "$pid"
}
