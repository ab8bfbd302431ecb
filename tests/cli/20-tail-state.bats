# sse-tail keeps its place, runs commands, records and counts.

bats_require_minimum_version 1.5.0
load helper
load tail

@test "--state: the next run goes on where the last one was" {
	tail_says 0 '1
2
3' --state st -n 3 /count
	[ "$(cat st)" = "{\"url\":\"$BAD/count\",\"id\":\"3\"}" ]
	[ "$(stat -c %a st)" = 600 ]
	tail_says 0 '4
5' --state st -i 1 --last 7 -n 2 /count
	[ "$(asked '^GET /count?last=7 3$')" -eq 1 ]
	# What is not wanted is done with, too.
	tail_says 0 '' --state st -e none --until 9 /count
	tail_says 0 10 --state st -n 1 /count
	[ "$(ls st*)" = st ]
	ln -s st link
	tail_says 0 '' --state link -m 300ms /count
	[ -L link ]
}

@test "--state: of others 78, no state 65, in use 75, not to be made 73" {
	tail_says 0 1 --state st -n 1 /count
	tail_says 78 '' --state st -n 1 /one
	[ "$(cat said)" = "sse-tail: $PWD/st: it is the state of $BAD/count" ]
	run -64 limit sse-tail --state st -
	echo nonsense >bad
	tail_says 65 '' --state bad -n 1 /one
	tail_says 73 '' --state no/such -n 1 /one
	tail_says 65 '' --state . -n 1 /one || [ "$(cat out)" = '' ]
	spawn tail sse-tail --state st "$BAD/count"
	await_lines 9 tail.out
	await_grep '"10"' st
	tail_says 75 '' --state st -n 1 /count
	[ "$(cat said)" = "sse-tail: $PWD/st: another sse-tail uses it" ]
	stop tail
	[ "$status" -eq 143 ]
	tail_says 0 '' --state st -m 300ms /count
}

@test "--state keeps each of several URLs, and those of other runs" {
	limit sse-tail --state st -n 25 "$BAD/count?20" "$BAD/count?5" >out
	tail_says 0 '' --idle-exit 300ms --state st '/count?5'
	grep -qF "{\"url\":\"$BAD/count?20\",\"id\":\"20\"}" st
	grep -qF "{\"url\":\"$BAD/count?5\",\"id\":\"5\"}" st
}

@test "--state: at the end it is the last event that was written, no other" {
	# What came within the second that is left between two saves.
	feed_open
	start_serve <feed
	spawn tail bash -c "sse-tail --state st '$URL/events?last=9' |
		for i in 1 2 3; do read -r line; echo \"\$line\"; done"
	for i in 1 2 3; do
		feed $i
		await_lines $i tail.out
	done
	await_exit tail
	limit sse-tail -n 3 --last 3 -f '{id}\n' "$URL/events" >ids
	await place_is "$(tail -n 1 ids)"
	# What stands in the way of a reader that stalls was not written.
	rm st
	mkfifo stalled
	exec {stalled}<>stalled
	spawn tail sh -c "exec sse-tail --state st '$BAD/count?200000' >stalled"
	await is_full stalled
	stop tail
	[ "$status" -eq 143 ]
	dd if=stalled iflag=nonblock bs=1M >printed 2>/dev/null || :
	exec {stalled}>&-
	[ "$(wc -l <printed)" -gt 1000 ]
	[ ! -s st ] || [ "$(place)" -le "$(wc -l <printed)" ]
}

has_printed_or_ended() {
	[ -s tail.out ] || is_gone "${PIDS[tail]}"
}

place() {
	sed -E 's/.*"id":"(.*)".*/\1/' st
}

@test "--state is written at most once a second" {
	local start=${EPOCHREALTIME/./} inode='' i n=0

	feed_open
	start_serve <feed
	spawn tail sse-tail --state st "$URL/events?last=100"
	for i in {1..20}; do
		feed "$i"
		await_lines "$i" tail.out
		[ "$(stat -c %i st)" = "$inode" ] || n=$((n + 1))
		inode=$(stat -c %i st)
	done
	echo "$n files in $((${EPOCHREALTIME/./} - start)) us"
	[ "$n" -le $(((${EPOCHREALTIME/./} - start) / 1000000 + 3)) ]
	# The last one is there a second later, though nothing comes.
	await place_is "$(limit sse-tail -n 1 --last 1 -f '{id}' "$URL/events")"
	stop tail
	[ "$status" -eq 143 ]
}

place_is() {
	[ "$(place)" = "$1" ]
}

@test "--state: killed again and again, no event is left out" {
	local i

	for i in {1..15}; do
		spawn tail sse-tail --state st "$BAD/reset"
		await has_printed_or_ended
		# It may be at the end before it is killed.
		kill -KILL "${PIDS[tail]}" 2>/dev/null || :
		await_exit tail
		cat tail.out >>all
	done
	limit sse-tail --state st "$BAD/reset" >>all
	sort -nu all | diff - <(seq 20)
}

@test "--state is saved when a signal comes, when the reader goes, the disk is full" {
	spawn tail sse-tail --state st "$BAD/count"
	await_lines 10 tail.out
	stop tail
	[ "$status" -eq 143 ]
	grep -q '"10"' st
	limit bash -c "set -o pipefail
	    sse-tail --state st2 $BAD/reset | head -n 6 >/dev/null"
	id=$(sed -E 's/.*"id":"([0-9]+)".*/\1/' st2)
	[ "$id" -ge 2 ]
	[ "$id" -le 20 ]
	run -74 limit sh -c "sse-tail --state st3 -n 3 $BAD/count >/dev/full"
	[ ! -s st3 ]
	mkdir d
	run -74 limit sh -c "sse-tail --state d/st --exec 'rm -r d' $BAD/count"
}

@test "--exec runs a command for each event, and the place moves behind it" {
	tail_says 0 'message 1 1
message 2 2' --exec 'read -r line; echo "$SSE_EVENT $SSE_ID $line"' \
	    --state st -n 2 /count
	grep -q '"2"' st
	tail_says 75 3 --exec 'cat; [ "$SSE_ID" != 4 ] && [ "$SSE_ID" != 3 ]' \
	    --state st /count
	because 'event 3: --exec: exit status 1$'
	grep -q '"2"' st
	tail_says 75 '' --exec 'kill -9 $$' --state st /count
	because 'event 3: --exec: signal 9$'
	# Data is what the format makes of it, or not read at all.
	tail_says 0 '{"id":"3","data":"3"}' --exec cat -f json --state st -n 1 /count
	tail_says 0 '' --exec true -n 1 '/large?500000'
	tail_says 0 500001 --exec 'wc -c' -n 1 '/large?500000'
}

@test "--exec: the place is kept behind each command, not only at the end" {
	tail_says 0 "$(printf '%s\n' '' 1 2 3)" --state st -n 4 --exec \
	    'sed -E "s/.*\"id\":\"(.*)\".*/\1/;\$!d" st; [ -s st ] || echo' \
	    /count
}

@test "--exec: nothing of an event is a command, its URL has no password" {
	printf 'event: $(touch a);`touch b`\nid: ;touch c\nchannel: x\ndata: touch d\n\n' |
	    limit sse-tail --exec 'cat; printf "%s|%s|%s|%s\n" "$SSE_EVENT" \
		"$SSE_ID" "$SSE_CHANNEL" "$SSE_URL"' - >out
	[ "$(cat out)" = 'touch d
$(touch a);`touch b`|;touch c|x|-' ]
	[ -z "$(ls a b c d 2>/dev/null)" ]
	printf 'event: a\0b\ndata\n\n' |
	    limit sse-tail --exec 'echo "$SSE_EVENT"' - >out
	[ "$(cat out)" = $'a\xef\xbf\xbdb' ]
	SSE_REDIS_URL=redis://me:hidden@h:1/2 SSE_REDIS_PASSWORD=hidden \
	    http_proxy=http://:hid@den@p:1 no_proxy='*' TOKEN=hidden SSE_ID=old \
	    limit sse-tail --oauth2-bearer env:TOKEN --exec env -n 1 \
	    "http://u:hidden@${BAD#http://}/echo" >out
	run -1 grep hid out
	grep -qx 'SSE_REDIS_URL=redis://me@h:1/2' out
	grep -qx 'http_proxy=http://p:1' out
	grep -qx "SSE_URL=$BAD/echo" out
	grep -qx 'SSE_ID=' out
}

@test "--exec-retries runs it again, --exec-timeout ends all of its group" {
	tail_says 0 'x
x
x' --exec 'echo x | tee -a tries; [ "$(wc -l <tries)" -ge 3 ]' \
	    --exec-retries 2 -n 1 /one
	tail_says 75 '' --exec 'exit 3' --exec-retries 1 /one
	because '.*exit status 3$'
	tail_says 75 '' --exec 'sleep 100 & echo $! >child; wait' \
	    --exec-timeout 300ms --state st /one
	because 'event 1: --exec: it took longer than 300 ms$'
	await_gone "$(cat child)"
	[ ! -s st ]
}

# sleeps_beside CHILD PID: the child has ended, and the process waits.
sleeps_beside() {
	grep -q '^State:	Z' "/proc/$1/status" &&
	    grep -q '^State:	S' "/proc/$2/status"
}

@test "--exec: a child that is not its own is no reason to wake for ever" {
	mkfifo in
	exec {in}<>in
	spawn tail sh -c "head -n 1 <in >/dev/null & echo \$! >child
		exec sse-tail --exec cat $BAD/one"
	await_lines 1 tail.out
	echo >&"$in"
	await sleeps_beside "$(cat child)" "${PIDS[tail]}"
	stop tail
	[ "$status" -eq 143 ]
	exec {in}>&-
}

@test "--exec: a signal is passed on, and what succeeds is done with" {
	spawn tail sse-tail --state st --exec \
	    'trap "exit 0" TERM; echo ready; sleep 100 & wait' "$BAD/one"
	await_lines 1 tail.out
	stop tail
	[ "$status" -eq 143 ]
	grep -q '"1"' st
	spawn tail sse-tail --state st2 --exec 'echo ready; sleep 100' "$BAD/one"
	await_lines 1 tail.out
	stop tail
	[ "$status" -eq 143 ]
	[ ! -s st2 ]
}

@test "--exec: other streams and the connection live on meanwhile" {
	tail_says 0 "$(seq 10)" --idle-timeout 1s \
	    --exec 'cat; [ "$SSE_ID" != 2 ] || sleep 1.5' -n 10 /count
	[ "$(asked 'GET /count')" -eq 1 ]
}

@test "--capture writes what came, whole and with times" {
	tail_says 0 'first
then' --capture cap -q /later
	sed -E 's/^: \+[0-9]+\.[0-9]{3}s$/TIME/' cap | grep -v '^TIME$' >got
	diff -u - got <<-'WANT'
		retry: 1
		data: first

		data: then

	WANT
	[ "$(stat -c %a cap)" = 600 ]
	# It waited a second as Retry-After asks.
	[ "$(sed -nE 's/^: \+([0-9]+)\..*/\1/p' cap | tail -n 1)" -ge 1 ]
	# It is a stream again, nothing cut off by lost connections in it.
	limit sse-tail --capture cap "$BAD/reset" >out
	limit sse-tail - <cap | cmp - out
	limit sse-tail --capture cap "$BAD/slow" >out
	limit sse-tail - <cap | cmp - out
	run -73 limit sse-tail --capture no/such "$BAD/one"
	run -74 limit sse-tail --capture /dev/full "$BAD/ended"
}

@test "--stats tells on SIGUSR1 and at the end" {
	tail_says 0 "$(seq 20)" --stats /reset
	[[ "$(cat said)" = "sse-tail: 20 events, "*" bytes, 10 reconnections in "*" s, "*" events/s" ]]
	spawn tail sse-tail --stats "$BAD/one"
	await_lines 1 tail.out
	kill -USR1 "${PIDS[tail]}"
	await_grep '1 events, 17 bytes, 0 reconnections' tail.err
	stop tail
	[ "$status" -eq 143 ]
	[ "$(wc -l <tail.err)" -eq 2 ]
	start_serve < <(echo x)
	limit sse-tail --stats -n 1 --last 1 "$URL/events" >out 2>said
	grep -q ', lag [0-9]*\.[0-9]* s$' said
}
