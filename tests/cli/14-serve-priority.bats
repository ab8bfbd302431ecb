# sse-serve: what goes ahead, what expires, who is left out.

load helper
load streams

# lag_behind PARAMETERS: a reader of channel a who has stopped, with more
# waiting for it than any buffer holds, and an urgent event at the very end; then
# all of its stream is in the file got.
lag_behind() {
	local fd pid

	feed_open
	start_serve -f json -n 100000 --history-bytes 100m --keepalive 1s \
	    --stall-timeout 0 <feed
	exec {fd}< <(exec curl -sN "$URL/events/a?$1")
	pid=$!
	head -c 10 <&"$fd" >got
	seq -f "{\"channel\":\"a\",\"data\":\"%.0f $(printf '%02000d' 0)\"}" \
	    10000 >&"$FEED"
	feed '{"channel":"a","data":"urgent","priority":"high"}' \
	    '{"channel":"a","data":"last"}'
	await has_all
	sed '/^data: last/q' <&"$fd" >>got
	kill "$pid" 2>/dev/null || :
	eval "exec $fd<&-"
}

has_all() {
	limit curl -s "$URL/events/a?last=1" --max-time 0.3 |
	    grep -q '^data: last'
}

@test "to who is behind, what is urgent comes first, once, without an ID" {
	lag_behind ''
	[ "$(grep -c '^data: urgent' got)" -eq 1 ]
	# Long before its turn, with its ID, which is none to resume from.
	grep -n '^data: ' got >lines
	[ "$(grep -n urgent lines | cut -d : -f 1)" -lt 9000 ]
	grep -B 1 '^data: urgent' got | grep -qE '^ahead: [0-9]+-[0-9]+$'
	[ "$(grep -c '^ahead: ' got)" -eq 1 ]
	# The others come each once, in their order.
	sed -n 's/^data: \([0-9]*\) .*/\1/p' got >numbers
	seq 10000 | diff -q - numbers
	sed -n 's/^id: //p' got | sort -t - -k 1,1n -k 2,2n -u -c
}

@test "order=strict keeps to the order of places" {
	lag_behind order=strict
	not grep -q '^ahead' got
	grep '^data: ' got | tail -n 2 >lines
	printf 'data: %s\n' urgent last | diff - lines
}

@test "an event that has expired is sent to nobody: live, again, late" {
	now=$(date +%s)
	feed_open
	quick_serve -f json -c a <feed
	spawn tail sse-tail -n 3 "$URL/events/a?last=100"
	feed "{\"data\":\"gone\",\"expires\":$((now - 1))}" \
	    '{"data":"one"}' "{\"data\":\"two\",\"expires\":$((now + 1000))}" \
	    "{\"data\":\"soon gone\",\"expires\":$((now + 2))}" '{"data":"end"}'
	await_exit tail
	grep -v 'soon gone' tail.out | head -n 2 >got
	printf '%s\n' one two | diff - got
	await past $((now + 2))
	stream '/events/a?last=100' | grep ^data >got
	printf 'data: %s\n' one two end | diff - got
	# It is no gap, either, to who comes back before it.
	id=$(stream '/events/a?last=2' | sed -n 's/^id: //p' | head -n 1)
	stream /events/a -H "Last-Event-ID: $id" >got
	not grep -q sse:gap got
	[ "$(grep -c ^data got)" -eq 1 ]
}

past() {
	[ "$(date +%s)" -gt "$1" ]
}

@test "event= chooses types, live and again" {
	feed_open
	quick_serve -f json -c a <feed
	spawn tail sse-tail -n 4 "$URL/events/a?event=x&event=message&last=10"
	for i in 1 2; do
		feed "{\"data\":\"$i\"}" "{\"event\":\"x\",\"data\":\"x$i\"}" \
		    "{\"event\":\"y\",\"data\":\"y$i\"}"
	done
	await_exit tail
	printf '%s\n' 1 x1 2 x2 | diff - tail.out
	stream '/events/a?event=y&last=1' | grep ^data | grep -qx 'data: y2'
}
