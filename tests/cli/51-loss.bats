# Nothing is lost and nothing doubled, whatever is cut or killed meanwhile.

bats_require_minimum_version 1.5.0
load helper

# A subscriber of its own making: curl into a file, the last event ID taken
# from what came in whole, as the standard says.
whole() {
	awk '
		/^id: / { id = substr($0, 5) }
		/^data: / { data = substr($0, 7); has = 1 }
		/^$/ { if (has) print id "\t" data; has = 0; id = "" }
	' "$1"
}

@test "a subscriber cut off in the middle of 10,000 events misses none" {
	feed_open
	start_serve -n 20000 <feed
	feed "$(seq 5000)"
	: >all
	query='?last=20000'
	cuts=0
	# Wherever head has had enough, in the middle of a line or not, curl
	# is cut off; while it reads what is kept, and what comes.
	until [ "$(wc -l <all)" -ge 10000 ]; do
		[ $cuts -ne 5 ] || seq 5001 10000 >&"$FEED" &
		limit curl -sN -m 3 ${last:+-H "Last-Event-ID: $last"} \
		    "$URL/events$query" | head -c $((RANDOM + 1)) >some
		whole some >>all
		last=$(tail -n 1 all | cut -f 1)
		[ -z "$last" ] || query=
		cuts=$((cuts + 1))
		[ $cuts -lt 300 ]
	done
	[ $cuts -gt 10 ]
	cut -f 2 all | diff <(seq 10000) -
	[ "$(cut -f 1 all | sort -u | wc -l)" -eq 10000 ]
}

@test "through a proxy that cuts wherever it likes, readers miss nothing" {
	feed_open
	start_serve -n 20000 --retry 5 --allow-origin '*' <feed
	for name in cut-a cut-b; do
		seed=$RANDOM
		echo "$name: seed $seed"
		spawn $name "$TOP/tests/cli/cut.py" "${URL#http://}" $seed $name.ready
		await_file $name.ready
	done
	spawn tail sse-tail -f '{id}\t{data}\n' "$(cat cut-a.ready)/events"
	spawn chromium "$TOP/tests/browser/eventsource.py" "$URL/no-such-page" \
	    "$(cat cut-b.ready)/events" 5000
	# Both are there when both have seen a first event.
	AWAIT=60 await fed_both
	seq -f 'event %g' 5000 >&"$FEED"
	AWAIT=60 await_grep 'event 5000$' tail.out
	AWAIT=60 await_lines 5000 chromium.out
	for name in tail chromium; do
		grep event $name.out | cut -f 2 >got
		[ "$(wc -l <got)" -gt 4000 ]
		diff <(seq -f 'event %g' "$(wc -l <got)") got
		[ "$(cut -f 1 $name.out | sort | uniq -d | wc -l)" -eq 0 ]
	done
}

fed_both() {
	feed sync
	grep -q sync tail.out && grep -q sync chromium.out
}

@test "sse-serve killed with SIGKILL and started again, Redis behind it: no loss" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" --retry 20 -n 20000
	spawn tail sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
	await synced numbers tail
	spawn pub sh -c 'seq 10000 | while read -r n; do
		echo $n
		[ $((n % 100)) -ne 0 ] || sleep 0.02
	done | sse-pub --history 20000 numbers'
	for at in 2000 5000 8000; do
		await_grep "	$at\$" tail.out
		stop serve KILL
		[ "$status" -eq 137 ]
		LISTEN=${URL#http://} start_serve -r "$SSE_REDIS_URL" \
		    --retry 20 -n 20000
	done
	await_exit pub
	[ "$status" -eq 0 ]
	AWAIT=30 await_grep '	10000$' tail.out
	grep -v sync tail.out | cut -f 2 | diff <(seq 10000) -
	[ "$(cut -f 1 tail.out | sort | uniq -d | wc -l)" -eq 0 ]
}

# synced CHANNEL NAME...: publish until each of the readers has seen one.
synced() {
	local channel=$1 name

	sse-pub --history 20000 "$channel" sync
	for name in "${@:2}"; do
		grep -q sync "$name.out" || return
	done
}

@test "five channels, five publishers at once, a server killed: each once, in one order" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" --retry 20 -n 20000
	spawn tail sse-tail -f '{id}\t{channel}\t{data}\n' \
	    "$URL/events/a,b,c,d,e?show=channel"
	await synced a tail
	for c in a b c d e; do
		spawn "pub-$c" sh -c "seq -f '$c %g' 2000 | while read -r line; do
			echo \"\$line\"
			case \$line in *[05]0) sleep 0.02 ;; esac
		done | sse-pub --history 20000 $c"
	done
	await_grep '	c 700$' tail.out
	stop serve KILL
	LISTEN=${URL#http://} start_serve -r "$SSE_REDIS_URL" --retry 20 -n 20000
	for c in a b c d e; do
		await_exit "pub-$c"
		[ "$status" -eq 0 ]
	done
	await all_there
	grep -v sync tail.out >got
	[ "$(wc -l <got)" -eq 10000 ]
	for c in a b c d e; do
		awk -F '\t' -v c=$c '$2 == c { print $3 }' got |
		    diff <(seq -f "$c %g" 2000) -
	done
	# One order over all of them: that of the places.
	cut -f 1 tail.out | sort -t - -k 1,1n -k 2,2n -C
	[ "$(cut -f 1 tail.out | sort | uniq -d | wc -l)" -eq 0 ]
}

all_there() {
	[ "$(grep -c ' 2000$' tail.out)" -eq 5 ]
}

@test "Redis killed and started again with its file: no acknowledged event is lost" {
	start_redis 'appendonly yes' 'appendfsync always'
	start_serve -r "$SSE_REDIS_URL" --retry 20 -n 20000
	spawn tail sse-tail "$URL/events/numbers"
	await synced numbers tail
	spawn pub sh -c 'seq 3000 | while read -r n; do
		echo $n
		[ $((n % 50)) -ne 0 ] || sleep 0.02
	done | sse-pub --timeout 30s --history 20000 numbers'
	await_grep '^1000$' tail.out
	kill_redis
	restart_redis
	await_exit pub
	[ "$status" -eq 0 ]
	AWAIT=30 await_grep '^3000$' tail.out
	grep -v sync tail.out | diff <(seq 3000) -
}

newest_is() {
	[ "$(limit sse-tail -n 1 -m 1s "$URL/events?last=1")" = "$1" ]
}

@test "a last event ID that is no longer kept is answered with a gap, aloud" {
	start_serve -n 10 < <(
		seq 5
		until [ -e go ]; do sleep 0.02; done
		seq 6 100
	)
	curl -sN -m 2 "$URL/events?last=5" >first || :
	id=$(sed -n 's/^id: //p' first | head -n 1)
	[ -n "$id" ]
	touch go
	await newest_is 100
	spawn curl curl -sN -H "Last-Event-ID: $id" "$URL/events"
	await_grep '^data: 100$' curl.out
	grep -qx 'event: sse:gap' curl.out
	grep -qF "\"after\":\"$id\"" curl.out
	[ "$(grep -c '^data: [0-9]' curl.out)" -eq 10 ]
	run limit sse-tail --gap fail -i "$id" "$URL/events"
	[ "$status" -eq 80 ]
}

@test "what was read and Redis would not take is counted aloud at the end" {
	start_redis
	feed_open
	start_serve -r "$SSE_REDIS_URL" --drain 1s <feed
	feed one
	await log_holds broadcast 1
	kill_redis
	await_grep reconnecting serve.err
	feed two
	feed three
	# Both are read before the signal: the pipe is empty.
	await drained
	stop serve
	[ "$status" -eq 75 ]
	grep -q '2 events were read and not published' serve.err
}

log_holds() {
	[ "$(redis XLEN "sse:log:$1")" -eq "$2" ]
}

drained() {
	[ "$(python3 -c 'import fcntl, struct, sys, termios
n = fcntl.ioctl(int(sys.argv[1]), termios.FIONREAD, b"\0" * 4)
print(struct.unpack("i", n)[0])' "$FEED")" -eq 0 ]
}

@test "a line that is malformed is named, what follows is served, 65 tells" {
	printf '%s\n' '{"data":"a"}' '{bad' '{"data":"b"}' >in
	spawn serve sse-serve -l 127.0.0.1:0 -f json --exit-on-eof --linger 2s \
	    --ready-file ready <in
	await_file ready
	curl -sN "$(head -n 1 ready)/events?last=9" >out
	grep -qx 'data: a' out
	grep -qx 'data: b' out
	grep -qx 'event: sse:end' out
	await_exit serve
	[ "$status" -eq 65 ]
	grep -q 'standard input, line 2: not a JSON object' serve.err
}
