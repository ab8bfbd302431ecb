# sse-serve: the journal of a server without Redis.

load helper
load streams

bats_require_minimum_version 1.5.0

# journal_serve [OPTION ...]: one with the journal "journal".
journal_serve() {
	quick_serve --open-publish --journal journal "$@"
}

# post DATA [PATH]: published; the ID is printed.
post() {
	limit curl -sf --data-binary "$1" "$URL${2:-/events/a}"
}

# kept PATH: the data of all events that are kept.
kept() {
	stream "$1?last=1000000" | sed -n 's/^data: //p'
}

@test "events, their IDs and the order of places survive a restart" {
	journal_serve -a unix:admin </dev/null
	first=$(post one)
	post two '/events/a?id=own&event=t'
	limit curl -sf --unix-socket admin -H 'Content-Type: application/x-ndjson' \
	    --data-binary '{"channel":"b","data":"x\ny","retry":7,"match":["k=v"],"priority":"high","origin":"o","via":["r"]}' \
	    http://localhost/events
	stop serve KILL
	journal_serve -a unix:admin </dev/null
	# Who was away is given the rest, and no gap is told.
	stream /events/a -H "Last-Event-ID: $first" >got
	grep -v -e '^retry' -e '^$' got >lines
	printf '%s\n' 'event: t' 'id: own' 'data: two' | diff - lines
	stream /events/a -H 'Last-Event-ID: own' >got
	not grep -q data got
	# All fields are there.
	URL=http://localhost stream '/events/b?last=1&show=routing' \
	    --unix-socket admin >got
	for field in 'match: k=v' 'priority: high' 'origin: o' 'via: r' \
	    'channel: b' 'retry: 7' 'data: x' 'data: y'; do
		grep -qx "$field" got
	done
	# What came before its birth is not known.
	stream /events/a -H 'Last-Event-ID: 1000-0' | grep -q sse:gap
	# No place comes again.
	last=$(sed -n 's/^id: //p' got)
	next=$(post three)
	printf '%s\n' "$first" "$last" "$next" | sort -t - -k 1,1n -k 2,2n -c
	[ "$next" != "$last" ]
}

@test "places do not step back with the clock" {
	id=$(($(date +%s) + 50))000-7
	journal_serve </dev/null
	[ "$(post x "/events/a?id=$id")" = "$id" ]
	stop serve
	journal_serve </dev/null
	[ "$(post y)" = "${id%-7}-8" ]
}

@test "killed at any moment, no event whose POST was answered is lost" {
	journal_serve --history 1000000 --fsync always </dev/null
	for round in {1..12}; do
		timeout 60 "$BATS_TEST_DIRNAME/post.py" "$URL/events/a" "$round" 4 \
		    >"answered.$round" 3>&- 4>&- &
		PIDS[post]=$!
		await published_some "$round"
		stop serve KILL
		await_exit post
		LISTEN=${URL#http://} journal_serve --history 1000000 </dev/null
	done
	cat answered.* >answered
	stream '/events/a?last=1000000' | awk '
		/^id: / { id = substr($0, 5) }
		/^data: / { print substr($0, 7) " " id }' >got
	# Each that was answered is there, by the ID that was told.
	sort answered | comm -23 - <(sort got) >lost
	not test -s lost
	# None is there twice, and places only rise, over all the lives.
	[ "$(cut -d ' ' -f 1 got | sort | uniq -d | wc -l)" -eq 0 ]
	cut -d ' ' -f 2 got | sort -t - -k 1,1n -k 2,2n -c
	[ "$(wc -l <answered)" -ge 100 ]
}

# The journal holds something of this round, beyond its very beginning.
published_some() {
	[ "$(grep -c "^data: $1-" journal)" -gt $((RANDOM % 40 + 4)) ]
}

@test "who stands behind what a crash has left is told of no gap, and misses nothing" {
	feed_open
	journal_serve -c a -n 100000 <feed
	spawn tail sse-tail -f '{id} {data}\n' "$URL/events/a?last=1000"
	i=0
	for round in {1..5}; do
		for _ in {1..200}; do
			feed $((i += 1))
		done
		await has_lines $((i - 100)) tail.out
		stop serve KILL
		LISTEN=${URL#http://} journal_serve -c a -n 100000 <feed
	done
	feed end
	await_grep ' end$' tail.out
	not grep -q sse:gap tail.err
	# Each that the journal has, once, in its order.
	kept /events/a >want
	cut -d ' ' -f 2 tail.out | diff want -
}

@test "one process at a time, and only on a journal" {
	journal_serve </dev/null
	run -75 limit sse-serve -l 0 --journal journal </dev/null
	[[ $output == *"another process has it"* ]]
	stop serve
	echo precious >notes
	run -65 limit sse-serve -l 0 --journal notes </dev/null
	[ "$(cat notes)" = precious ]
	run -73 limit sse-serve -l 0 --journal missing/journal </dev/null
	run -73 limit sse-serve -l 0 --journal . </dev/null
	run -64 limit sse-serve -l 0 --fsync often </dev/null
	run -64 limit sse-serve -l 0 --fsync 1s </dev/null
	[[ $output = *'--fsync goes with --journal'* ]]
	run -64 limit sse-serve -l 0 --journal journal -r redis://localhost
	[ "$(stat -c %a journal)" = 600 ]
}

@test "it is compacted to what is kept, and events go on meanwhile" {
	feed_open
	journal_serve -n 500 -v --fsync 1s <feed
	spawn tail sse-tail "$URL/events?last=1"
	for round in {1..4}; do
		seq -f "$round %.0f $(printf '%0100d' 0)" 10000 >&"$FEED"
		await compacted "$round"
	done
	feed end
	await_grep '^end$' tail.out
	kept /events >want
	[ "$(wc -l <want)" -eq 500 ]
	stop serve KILL
	journal_serve -n 500 </dev/null
	kept /events | diff want -
	[ "$(stat -c %s journal)" -lt 4000000 ]
	not test -e journal.new
	# What is gone is told to those who had not read it.
	stream /events -H "Last-Event-ID: $(sed -n 's/^birth: //p' journal)" |
	    grep -q sse:gap
}

compacted() {
	[ "$(grep -c 'compacted to' serve.err)" -ge "$1" ]
}

@test "killed while it is compacted, it has lost nothing" {
	for round in 1 2 3 4; do
		rm -f journal
		feed_open
		journal_serve -n 5000 --fsync never <feed
		spawn seq sh -c "exec seq -f '%.0f $(printf '%0200d' 0)' 100000000 >feed"
		await_compaction
		stop serve KILL
		feed_close
		await_exit seq
		rm feed
		quick_serve --journal journal -n 5000 </dev/null
		kept /events | cut -d ' ' -f 1 >got
		# All that is kept, without a hole, up to the last that was
		# written whole.
		[ "$(wc -l <got)" -eq 5000 ]
		seq "$(head -n 1 got)" "$(tail -n 1 got)" | diff -q - got
		stop serve
		not test -e journal.new
	done
}

await_compaction() {
	local end=$((SECONDS + 10 * SLOW))

	until test -e journal.new; do
		[ $SECONDS -le $end ] || return 1
	done
}

@test "of posts with one key that come together one is published" {
	journal_serve </dev/null
	for key in 1 2 3; do
		seq 12 | limit xargs -P 12 -I {} curl -sf -d "$key" \
		    -H "Idempotency-Key: $key" "$URL/events/a" >ids
		[ "$(sort -u ids | wc -l)" -eq 1 ]
	done
	kept /events/a >got
	printf '%s\n' 1 2 3 | diff - got
}

# small_disk: a directory with 64k of room, in "disk"; or skip.
small_disk() {
	mkdir disk
	mount -t tmpfs -o size=64k none disk 2>mount.err ||
	    skip "mount: $(cat mount.err)"
}

teardown() {
	local fault=0

	sse_teardown || fault=1
	! mountpoint -q "$BATS_TEST_TMPDIR/disk" ||
	    umount "$BATS_TEST_TMPDIR/disk"
	return $fault
}

# status DATA: what a POST is answered.
status() {
	limit curl -s -o answer -w '%{http_code}' --data-binary "$1" \
	    "$URL/events/a"
}

ready() {
	limit curl -s --unix-socket admin http://localhost/readyz >readyz
	[ "$(cat readyz)" = "$1" ]
}

@test "a full disk refuses posts by 507, says so in /readyz, and recovers" {
	small_disk
	quick_serve --open-publish --journal disk/journal -a unix:admin \
	    </dev/null
	ready ready
	head -c 9000 /dev/zero | tr '\0' x >page
	for ((n = 0; n < 20; n++)); do
		got=$(status @page)
		[ "$got" = 200 ] || break
	done
	[ "$got" = 507 ]
	[ "$n" -ge 4 ]
	grep -q 'no room for the journal' answer
	ready 'there is no room for the journal'
	# What is smaller than what is left is taken, and all that was refused
	# is in no log.
	mount -o remount,size=256k disk
	await ready ready
	[ "$(status last)" = 200 ]
	[ "$(kept /events/a | wc -l)" -eq $((n + 1)) ]
	[ "$(grep -c 'no room\|No space' serve.err)" -eq 1 ]
	stop serve KILL
	quick_serve --journal disk/journal </dev/null
	[ "$(kept /events/a | wc -l)" -eq $((n + 1)) ]
	[ "$(kept /events/a | tail -n 1)" = last ]
}

@test "a full disk holds standard input, and nothing of it is lost" {
	small_disk
	seq -f "%.0f $(printf '%0100d' 0)" 3000 >lines
	quick_serve --exit-on-eof --linger 0 --journal disk/journal \
	    -a unix:admin -n 10000 <lines
	spawn tail sse-tail "$URL/events?last=10000"
	await ready 'there is no room for the journal'
	[ "$(limit curl -s -o answer -w '%{http_code}' --unix-socket admin \
	    -d x http://localhost/events/a)" = 507 ]
	mount -o remount,size=4m disk
	await_exit serve
	[ "$status" -eq 0 ]
	await_exit tail
	diff lines tail.out
}

@test "what a full disk has not let in by the end is said" {
	small_disk
	seq -f "%.0f $(printf '%0100d' 0)" 3000 >lines
	quick_serve --journal disk/journal -a unix:admin <lines
	await ready 'there is no room for the journal'
	stop serve
	[ "$status" -eq 74 ]
	grep -q 'events were read and not published' serve.err
}

@test "a limit on the size of files is a full disk, too" {
	limited() (
		ulimit -f 40
		journal_serve </dev/null
		declare -p PIDS URL >started
	)
	limited
	eval "$(sed 's/^declare /&-g /' started)"
	head -c 9000 /dev/zero | tr '\0' x >page
	for ((n = 0; n < 20; n++)); do
		got=$(status @page)
		[ "$got" = 200 ] || break
	done
	[ "$got" = 507 ]
	[ "$(kept /events/a | wc -l)" -eq "$n" ]
}
