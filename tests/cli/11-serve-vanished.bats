# sse-serve: peers that vanish without a word, behind a network cable that is
# pulled.  The network is the test's own and ends with its processes.

load helper

# on HERE|FAR COMMAND...: at this end of the cable or the other.
on() {
	nsenter ${USERS:+--preserve-credentials -U} -n -t "${PIDS[$1]}" "${@:2}"
}

# lay_cable: two network namespaces; sse-serve is run in the one named here.
lay_cable() {
	# Whoever is not root is root in a user namespace.
	[ "$(id -u)" -eq 0 ] || USERS=r
	unshare ${USERS:+-r} -n true 2>why || skip "no network of one's own: $(cat why)"
	spawn here unshare ${USERS:+-r} -n sleep 1000
	await apart here $$
	spawn far nsenter ${USERS:+--preserve-credentials -U} -n \
	    -t "${PIDS[here]}" unshare -n sleep 1000
	await apart far "${PIDS[here]}"
	await apart far $$
	on here ip link set lo up
	on here ip link add cable type veth peer name far netns "${PIDS[far]}"
	on here ip address add 10.99.0.1/24 dev cable
	on here ip link set cable up
	on far ip address add 10.99.0.2/24 dev far
	on far ip link set far up
	mkdir bin
	printf '#!/bin/sh\nexec nsenter %s -n -t %d "%s" "$@"\n' \
	    "${USERS:+--preserve-credentials -U}" "${PIDS[here]}" \
	    "$BIN/sse-serve" >bin/sse-serve
	chmod +x bin/sse-serve
	PATH=$PWD/bin:$PATH
}

# apart NAME PID: it has a network of its own, and is past what made it.
apart() {
	[ "$(cat "/proc/${PIDS[$1]}/comm")" = sleep ] &&
	    ! [ "/proc/${PIDS[$1]}/ns/net" -ef "/proc/$2/ns/net" ]
}

pull_cable() {
	on far ip link set far down
}

# probed N: so many probes have been sent.
probed() {
	on here nstat -asz TcpExtTCPKeepAlive | awk -v n="$1" \
	    '/KeepAlive/ && $2 >= n { f = 1 } END { exit !f }'
}

# closed N: so many streams have been ended, for the peer has gone.
closed() {
	limit curl -s --unix-socket admin http://localhost/metrics |
	    grep -qx "sse_serve_streams_closed_total{reason=\"peer\"} $1"
}

# reader NAME PATH: a stream to the far end, open.
reader() {
	spawn "$1" nsenter ${USERS:+--preserve-credentials -U} -n \
	    -t "${PIDS[far]}" curl -sN "$URL$2"
	await_grep '^retry:' "$1.out"
}

@test "a peer that vanishes while nothing is said is found by probes, and counted" {
	lay_cable
	LISTEN=10.99.0.1:0 start_serve --stall-timeout 2s --keepalive 0 \
	    -a "unix:$PWD/admin"
	reader quiet /events
	# It lives, and answers more probes than would be sent in vain.
	AWAIT=40 await probed 5
	closed 0
	pull_cable
	AWAIT=30 await closed 1
	kill -0 "${PIDS[quiet]}"
}

@test "a peer that vanishes amid events is found though the kernel takes them" {
	feed_open
	lay_cable
	LISTEN=10.99.0.1:0 start_serve --stall-timeout 2s --keepalive 0 \
	    -a "unix:$PWD/admin" <feed
	reader amid /events
	feed one
	await_grep '^data: one$' amid.out
	pull_cable
	feed two
	AWAIT=30 await closed 1
	not grep -q two amid.out
}

@test "a peer whose cable is mended in time has lost nothing" {
	feed_open
	lay_cable
	LISTEN=10.99.0.1:0 start_serve --stall-timeout 1m \
	    -a "unix:$PWD/admin" <feed
	reader back /events
	pull_cable
	feed one
	on far ip link set far up
	AWAIT=30 await_grep '^data: one$' back.out
	closed 0
}
