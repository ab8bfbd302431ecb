# sse-pub --spool: what cannot be published now is not lost.

bats_require_minimum_version 1.5.0
load helper

ends() {
	local want=$1 pattern=$2

	shift 2
	run --separate-stderr "$@"
	if [ "$status" -ne "$want" ] || ! grep -q -e "$pattern" <<<"$stderr"; then
		echo "status $status, not $want: $stderr"
		return 1
	fi
}

kept() {
	redis XRANGE "sse:log:$1" - + | awk 'was == "data"; { was = $0 }'
}

AWAY=redis+unix:///nowhere

@test "what cannot be published waits, and is published first, once, in order" {
	start_redis
	ends 75 'refused.*; 1 event waits in the spool' \
	    sse-pub --spool spool -r redis://127.0.0.1:1 news one
	ends 75 '; 2 events wait' sse-pub --spool spool -r "$AWAY" news <<<$'two\nthree'
	ends 0 '^$' sse-pub --spool-ok --spool spool -r "$AWAY" -e alert sport 'fo
ur'
	[ "$(stat -c %a spool spool/events spool/lock)" = $'700\n600\n600' ]
	sse-pub --spool spool news five
	[ "$(kept news)" = $'one\ntwo\nthree\nfive' ]
	[ "$(redis XLEN sse:log:sport)" = 1 ]
	redis XRANGE sse:log:sport - + | grep -qx alert
	[ ! -s spool/events ]
	sse-pub --flush --spool spool
	sse-pub --spool spool news six
	[ "$(kept news | wc -l)" = 5 ]
}

@test "--flush publishes it, or says why not" {
	start_redis
	sse-pub --flush --spool spool
	sse-pub --spool-ok --spool spool -r "$AWAY" news one
	ends 69 'No such file' sse-pub --flush --spool spool -r "$AWAY"
	[ -s spool/events ]
	sse-pub --flush --spool spool
	[ "$(kept news)" = one ]
	[ ! -s spool/events ]
}

@test "by POST as well, each event once" {
	start_serve --open-publish
	seq 3 | sse-pub --spool-ok --spool spool -u http://127.0.0.1:1 news
	cp spool/events again
	sse-pub --spool spool -v -u "$URL" news 4 >ids
	[ "$(wc -l <ids)" = 1 ]
	# As if it had been killed before it could take them out.
	cp again spool/events
	sse-pub --spool spool -u "$URL" --flush
	sse-pub -u "$URL" news end
	[ "$(limit sse-tail -n 5 "$URL/events/news?last=9")" = $'1\n2\n3\n4\nend' ]
}

@test "what was published without an answer is not published again" {
	start_redis
	sse-pub --spool spool news <<<one
	# What the script has done, whatever became of its answer.
	key=$(redis KEYS 'sse:dedup:news:*')
	mkdir -p spool
	printf '%s\n' "once: ${key##*:}" 'channel: news' 'data: one' '' \
	    >spool/events
	sse-pub --flush --spool spool
	[ "$(kept news)" = one ]
}

@test "a half written event is none, and harms none" {
	start_redis
	seq 2 | sse-pub --spool-ok --spool spool -r "$AWAY" news
	printf 'once: x-1\nchannel: news\ndata: ha' >>spool/events
	sse-pub --spool-ok --spool spool -r "$AWAY" news 3
	[ "$(grep -c 'data: ha' spool/events)" = 0 ]
	printf 'once: x-2\nchannel: news\ndata: ha' >>spool/events
	sse-pub --spool spool news 4
	[ "$(kept news)" = $'1\n2\n3\n4' ]
	printf 'what: ever\n\ndata: x\n\n' >spool/events
	ends 0 'passed over' sse-pub --flush --spool spool
	[ ! -s spool/events ]
}

@test "it is bounded, and says so" {
	start_redis
	seq 2000 >in
	ends 69 'it is full (--spool-max)' \
	    sse-pub --spool spool --spool-max 8k -r "$AWAY" news <in
	grep -q 'line .* and what follows it are not published' <<<"$stderr"
	[ "$(stat -c %s spool/events)" -le 8192 ]
	sse-pub --flush --spool spool
	n=$(kept news | wc -l)
	[ "$(kept news)" = "$(seq "$n")" ]
}

@test "a full disk: whole events or none, and what is on it stays good" {
	start_redis
	mkdir disk
	mount -t tmpfs -o size=64k,mode=700 tmpfs disk 2>/dev/null ||
	    skip "needs to mount a tmpfs"
	seq 1 100000 >in
	run --separate-stderr sse-pub --max-batch 50 --spool disk/spool -r "$AWAY" \
	    news <in
	first=$(sed -n 's/.*line \([0-9]*\) and what follows.*/\1/p' <<<"$stderr")
	run -0 --separate-stderr sse-pub --flush --spool disk/spool
	umount disk
	[ "$first" -gt 50 ]
	[ "$(kept news)" = "$(seq $((first - 1)))" ]
}

@test "who else may look into it, or owns it, is not trusted" {
	mkdir -m 755 spool
	ends 78 'chmod 700 spool' sse-pub --spool spool news one
	ends 73 'No such file' sse-pub --spool no/such/dir news one
	: >file
	ends 73 'Not a directory\|File exists' sse-pub --spool file news one
}

@test "several at once share it: each event once, each run's in order" {
	start_redis
	for n in 1 2 3 4; do
		spawn "away$n" sse-pub --spool-ok --spool spool -r "$AWAY" news \
		    < <(seq -f "a$n-%05g" 500)
		spawn "here$n" sse-pub --spool spool --timeout 60s -n 100000 news \
		    < <(seq -f "h$n-%05g" 500)
	done
	for n in 1 2 3 4; do
		AWAIT=60 await_exit "away$n"
		[ "$status" -eq 0 ]
		AWAIT=60 await_exit "here$n"
		[ "$status" -eq 0 ]
	done
	sse-pub --flush --spool spool -n 100000
	kept news >got
	[ "$(sort got | uniq -d | wc -l)" = 0 ]
	[ "$(wc -l <got)" = 4000 ]
	for n in 1 2 3 4; do
		grep "^a$n" got | sort -c
		grep "^h$n" got | sort -c
	done
}

@test "who finds another at it waits, and then appends" {
	start_redis
	sse-pub --spool-ok --spool spool -r "$AWAY" news one
	cat >hold.py <<-'END'
	import fcntl, os, struct, sys
	f = os.open("spool/lock", os.O_RDWR)
	F_OFD_SETLK = 37
	fcntl.fcntl(f, F_OFD_SETLK,
	    struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 1, 0))
	print("held", flush=True)
	sys.stdin.read()
	END
	feed_open
	spawn hold python3 hold.py <feed
	await_file hold.out
	ends 75 'somebody else' sse-pub --timeout 300ms --spool spool news two
	spawn late sse-pub --timeout 60s --spool spool news three
	await test "$(redis EXISTS sse:log:news)" = 0
	feed_close
	await_exit hold
	await_exit late
	[ "$status" -eq 0 ]
	[ "$(kept news)" = $'one\ntwo\nthree' ]
}

@test "an event that is refused for what it is holds up no other" {
	start_serve --open-publish --max-event 100
	{
		echo one
		printf '%0200d\n' 0
		echo three
	} | sse-pub --spool-ok --spool spool -u http://127.0.0.1:1 news
	ends 0 'refused, and dropped' sse-pub --flush --spool spool -u "$URL"
	[ "$(limit sse-tail -n 2 "$URL/events/news?last=9")" = $'one\nthree' ]
	[ ! -s spool/events ]
	# It may be the last one, too.
	printf '%0200d\n' 0 |
	    sse-pub --spool-ok --spool spool -u http://127.0.0.1:1 news
	ends 0 'refused, and dropped' sse-pub --spool spool -u "$URL" news four
	[ "$(limit sse-tail -n 1 "$URL/events/news?last=1")" = four ]
	[ ! -s spool/events ]
}

@test "a destination that goes in the middle: the rest waits, and goes later" {
	start_redis
	feed_open
	spawn pub sse-pub --timeout 1s --spool spool news <feed
	feed 1
	await one
	stop_redis
	feed 2 3
	await_grep 'data: 3' spool/events
	feed_close
	await_exit pub
	[ "$status" -eq 75 ]
	grep -q '2 events wait' pub.err
	restart_redis
	sse-pub --flush --spool spool
	[ "$(kept news)" = $'2\n3' ]
}

one() {
	[ "$(redis EXISTS sse:log:news)" = 1 ]
}
