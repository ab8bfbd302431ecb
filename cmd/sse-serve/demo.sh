#!/bin/sh
# What "make demo" runs: a clock through a pipe into sse-serve, until Ctrl-C.
# DEMO_LISTEN says where instead of port 8080, 0 being any that is free.

set -u
bin=$(cd "$(dirname "$0")/../.." && cd "${BUILD:-build}" && pwd) || exit
dir=$(mktemp -d) || exit
clock='' serve=''

# shellcheck disable=SC2317
finish() {
	trap '' HUP INT TERM
	# shellcheck disable=SC2086
	kill $clock $serve 2>/dev/null
	wait
	rm -rf "$dir"
}
trap finish EXIT
# However it is ended, that is no error: make would say so.
trap 'exit 0' HUP INT TERM

# The pipe has a name so that both its ends are known by process ID, and the
# clock ends its sleep along with itself; or finds that it has been ended, which
# is nothing to speak of.
mkfifo "$dir/pipe"
# Held open here too: a server that finds its port taken must not end the clock.
exec 3<>"$dir/pipe"
(
	trap 'kill $!; exit' TERM
	while date; do
		sleep 1 &
		wait $!
	done
) >"$dir/pipe" 2>/dev/null 3<&- &
clock=$!

start() {
	"$bin/sse-serve" -l "$1" --ready-file "$dir/ready" <"$dir/pipe" 3<&- &
	serve=$!
	while [ ! -s "$dir/ready" ]; do
		kill -0 $serve 2>/dev/null || return 1
		sleep 0.05
	done
}

start "${DEMO_LISTEN:-8080}" || {
	echo 'Trying another port.' >&2
	start 0
} || exit 69
url=$(head -n 1 "$dir/ready")
cat <<END

    while date; do sleep 1; done | sse-serve

is running.  Open

    $url/

in a browser, or paste into another terminal

    $bin/sse-tail $url/events

Ctrl-C ends it.
END
wait $serve
