# Shared by the scenarios of sse-tail: a server that misbehaves, and what is
# said of it.
#
#	load helper
#	load tail

# misbehave [CERTIFICATE KEY [CLIENT-CA]]: start the server; BAD is its URL.
misbehave() {
	spawn bad /usr/bin/python3 "$TOP/tests/cli/misbehave.py" bad.ready \
	    bad.log "$@"
	await_file bad.ready
	BAD=$(cat bad.ready)
}

setup() {
	sse_setup
	misbehave
}

# tail_says STATUS OUTPUT [OPTION ...] PATH: run it and compare; standard error is
# left in said.
tail_says() {
	local want=$1 lines=$2 got=0

	shift 2
	limit sse-tail "${@:1:$#-1}" "$BAD${*: -1}" >out 2>said || got=$?
	if [ "$got" -ne "$want" ] || [ "$(cat out)" != "$lines" ]; then
		echo "sse-tail $*: status $got, not $want; output:"
		cat out said
		return 1
	fi
}

# The message is one line that names the URL and this cause.
because() {
	[ "$(wc -l <said)" -eq 1 ] && grep -q "^sse-tail: $BAD/.*: $1" said
}

silent() {
	[ ! -s said ]
}

# asked PATTERN: how many requests match.
asked() {
	grep -c -e "$1" bad.log || :
}

# is_full FIFO: nothing more fits into it.
is_full() {
	/usr/bin/python3 -c 'import os, select, sys
fd = os.open(sys.argv[1], os.O_RDWR)
sys.exit(select.select([], [fd], [], 0)[1] != [])' "$1"
}
