# sse-serve: what a stream begins with, holds, skips, says and ends with.

load helper
load streams

# numbers [OPTION ...]: an sse-serve with the lines 1 to 30 in the channel a.
numbers() {
	seq 30 >lines
	quick_serve -c a "$@" <lines
	await there 30
}

there() {
	stream '/events/a?last=1' >there
	grep -qx "data: $1" there
}

# data FILE: what it has of data, in one line.
data() {
	sed -n 's/^data: //p' "$1" | xargs
}

@test "every stream opens with retry, and live events follow" {
	feed_open
	quick_serve --retry 1234 <feed
	spawn reader curl -sN "$URL/events"
	await_grep '^retry: 1234$' reader.out
	feed hello
	await_grep '^data: hello$' reader.out
	grep -vE '^(:|id: [0-9]{13}-[0-9]+|data: hello|retry: 1234|)$' \
	    reader.out && return 1
	# By its Accept the root is a stream as well.
	spawn root curl -sN -H 'Accept: text/event-stream' "$URL/"
	await_grep '^retry: 1234$' root.out
}

@test "last=N is the newest N of all the channels together, by type if asked" {
	for i in 1 2 3 4; do
		printf '{"channel":"a","data":"a%s","event":"odd%s"}\n' $i \
		    $((i % 2))
		printf '{"channel":"b","data":"b%s"}\n' $i
		printf '{"data":"c%s"}\n' $i
	done >lines
	quick_serve -f json -c c <lines
	await_last c4
	stream '/events/a,b,c?last=5' >got
	[ "$(data got)" = 'c3 a4 b4 c4' ] || [ "$(data got)" = 'b3 c3 a4 b4 c4' ]
	[ "$(data got | wc -w)" -eq 5 ]
	stream '/events?channel=a&last=2' >got
	[ "$(data got)" = 'a3 a4' ]
	stream '/events/a,b?last=3&event=odd1' >got
	[ "$(data got)" = 'a1 a3' ]
	stream '/events/a,b?last=3&event=odd1&event=message' >got
	[ "$(data got)" = 'b2 a3 b3 b4' ] || [ "$(data got)" = 'a3 b3 b4' ]
	stream '/events/a?last=0' >got
	[ "$(data got)" = '' ]
	stream '/events/a?last=1000' >got
	[ "$(data got)" = 'a1 a2 a3 a4' ]
	# IDs grow over the channels.
	stream '/events/a,b,c?last=100' | sed -n 's/^id: //p' >ids
	[ "$(wc -l <ids)" -eq 12 ]
	sort -t - -k 1,1n -k 2,2n -c ids
}

await_last() {
	await last_is "$1"
}

last_is() {
	stream '/events/a,b,c?last=1' >last
	[ "$(data last)" = "$1" ]
}

@test "a last event ID goes on behind it, by header or parameter" {
	numbers
	stream '/events/a?last=30' >all
	[ "$(data all)" = "$(seq 30 | xargs)" ]
	id=$(grep -B 1 -x 'data: 20' all | sed -n 's/^id: //p')
	stream /events/a -H "Last-Event-ID: $id" >got
	[ "$(data got)" = "$(seq 21 30 | xargs)" ]
	stream "/events/a?lastEventId=$id&last=2" >got
	[ "$(data got)" = "$(seq 21 30 | xargs)" ]
	newest=$(sed -n 's/^id: //p' all | tail -n 1)
	stream "/events/a?lastEventId=$id" -H "Last-Event-ID: $newest" >got
	[ "$(data got)" = '' ]
	stream "/events/a?last=3" -H 'Last-Event-ID;' >got
	[ "$(data got)" = '28 29 30' ]
	not grep -q sse:gap got
}

@test "an own ID is found again" {
	for i in 1 2 3 4; do
		printf '{"id":"own-%s","data":"%s"}\n' $i $i
	done >lines
	quick_serve -f json -c a <lines
	await there 4
	stream /events/a -H 'Last-Event-ID: own-2' >got
	[ "$(data got)" = '3 4' ]
	grep -qx 'id: own-3' got
	stream /events/a -H 'Last-Event-ID: own-9' >got
	grep -qx 'event: sse:gap' got
}

@test "what is not kept any more is said: by count" {
	numbers -n 10
	stream '/events/a?last=100' >got
	[ "$(data got)" = "$(seq 21 30 | xargs)" ]
	not grep -q sse:gap got
	oldest=$(grep -B 1 -x 'data: 21' got | sed -n 's/^id: //p')
	stream /events/a -H 'Last-Event-ID: 1000000000000-0' >got
	grep -qx 'event: sse:gap' got
	grep -qxF "data: {\"after\":\"1000000000000-0\",\"oldest\":\"$oldest\"}" got
	[ "$(grep -cx 'event: sse:gap' got)" -eq 1 ]
	# All that is kept follows, and the gap itself bears no ID.
	[ "$(grep -c '^id: ' got)" -eq 10 ]
	grep '^data: [0-9]' got | cut -c 7- | xargs >numbers
	[ "$(cat numbers)" = "$(seq 21 30 | xargs)" ]
	# Nothing is missing behind the oldest that is kept.
	stream /events/a -H "Last-Event-ID: $oldest" >got
	[ "$(data got)" = "$(seq 22 30 | xargs)" ]
	not grep -q sse:gap got
}

@test "what is not kept any more is said: by bytes, by age, of another life" {
	SERVE=bytes quick_serve -c a --history-bytes 100k \
	    < <(yes "$(printf '%0999d' 0)" | head -n 1000)
	await kept_some
	stream '/events/a?last=10000' >got
	n=$(grep -c '^data' got)
	[ "$n" -gt 20 ]
	[ "$n" -le 100 ]
	stream '/events/a' -H 'Last-Event-ID: 1000000000000-0' >got
	grep -qx 'event: sse:gap' got
	stop bytes

	feed_open
	SERVE=age quick_serve -c a --history-age 1s <feed
	feed one
	await there one
	id=$(sed -n 's/^id: //p' there)
	feed two
	await expired
	stream '/events/a' -H "Last-Event-ID: $id" >got
	grep -qx 'event: sse:gap' got
	grep -qx "data: {\"after\":\"$id\",\"oldest\":null}" got
	newest=$(date +%s)999-0
	stream '/events/a' -H "Last-Event-ID: $(($(date +%s) + 600))000-0" >got
	grep -qx 'event: sse:gap' got
	not grep -q "$newest" got
}

kept_some() {
	stream '/events/a?last=1' >some
	grep -q '^data: 0' some
}

expired() {
	stream '/events/a?last=10' >kept
	not grep -q '^data' kept
}

@test "an idle stream is kept alive by comments" {
	start_serve --keepalive 0.2s </dev/null
	limit curl -sN -m 2 "$URL/events" >got || [ $? -eq 28 ]
	[ "$(grep -c '^:' got)" -ge 3 ]
	[ "$(grep -c '^:' got)" -le 12 ]
	not grep -qE '^(id|data|event)' got
	SERVE=never start_serve --keepalive 0 </dev/null
	limit curl -sN -m 1 "$URL/events" >got || [ $? -eq 28 ]
	not grep -q '^:' got
}

# How often the hub and the workers have waited for something, all together.  A
# sanitizer has a thread of its own, which wakes ten times a second.
waits() {
	local pid=${PIDS[serve]}

	cat "/proc/$pid/task/"*/status | awk -v hub="$pid" '
		/^Name:/ { counts = $2 == "worker" }
		/^Pid:/ { counts = counts || $2 == hub }
		/^voluntary/ && counts { n += $2 }
		END { print n }'
}

@test "while nothing is due it sleeps, with an idle stream too" {
	local before

	start_serve -w 2 </dev/null
	before=$(waits)
	sleep 2
	[ $(($(waits) - before)) -le 5 ]
	spawn reader curl -sN "$URL/events" -o got
	await_grep '^retry' got
	before=$(waits)
	sleep 2
	[ $(($(waits) - before)) -le 10 ]
}

@test "show= shows what is asked for" {
	printf '%s\n' '{"channel":"a","data":"1","priority":"high","match":["x=1"]}' \
	    >lines
	printf '%s\n' '{"channel":"a","data":"2","priority":"high"}' >>lines
	feed_open
	cat lines >&"$FEED"
	quick_serve -f json -a unix:admin <feed
	await there 2
	stream '/events/a?last=1' >got
	not grep -qE '^(channel|priority|event)' got
	stream '/events/a?last=1&show=channel' >got
	grep -qx 'channel: a' got
	not grep -q '^priority' got
	stream '/events/a?last=1' -H 'Sse-Show: channel, hello' >got
	grep -qx 'channel: a' got
	grep -A 1 -x 'event: sse:hello' got | grep -q '"channels":\["broadcast","a"\]'
	URL=http://localhost stream '/events/a?last=1&show=routing' \
	    --unix-socket admin >got
	grep -qx 'priority: high' got
	grep -qx 'channel: a' got
	# Its place: on opening, and when it moves without an event to deliver.
	spawn place curl -sN "$URL/events/b?show=place"
	await_grep '^id: ' place.out
	before=$(grep -c '^id: ' place.out)
	feed '{"channel":"a","data":"3"}'
	await_grep '^id: ' place.out $((before + 1))
	not grep -q '^data' place.out
}

@test "--exit-on-eof ends streams with sse:end, answers 204, then exits" {
	feed_open
	quick_serve --exit-on-eof --linger 3s <feed
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	feed one two
	feed_close
	await_exit reader
	[ "$status" -eq 0 ]
	[ "$(grep '^data: ' reader.out | head -n 2 | cut -c 7- | xargs)" = 'one two' ]
	grep -qx 'event: sse:end' reader.out
	# Nothing follows it, and it bears no ID.
	[ "$(tail -n 3 reader.out | head -n 1)" = 'event: sse:end' ]
	id=$(sed -n 's/^id: //p' reader.out | tail -n 1)
	[ "$(limit curl -s -o got -w '%{http_code}' -H "Last-Event-ID: $id" \
	    "$URL/events")" = 204 ]
	[ ! -s got ]
	# Who has not had all of it gets the rest.
	first=$(sed -n 's/^id: //p' reader.out | head -n 1)
	limit curl -sN -H "Last-Event-ID: $first" "$URL/events" >rest
	grep -qx 'data: two' rest
	not grep -qx 'data: one' rest
	grep -qx 'event: sse:end' rest
	await_exit serve
	[ "$status" -eq 0 ]
}

@test "--exit-on-eof --linger 0 exits when all is delivered" {
	feed_open
	quick_serve --exit-on-eof --linger 0 <feed
	spawn reader curl -sN "$URL/events"
	await_grep '^retry:' reader.out
	seq 5000 >&"$FEED"
	feed_close
	await_exit serve
	[ "$status" -eq 0 ]
	await_exit reader
	[ "$(grep '^data: [0-9]' reader.out | cut -c 7- | cksum)" = \
	    "$(seq 5000 | cksum)" ]
}

# slow ...: a stream opened on descriptor 7, of which nothing is read yet.
slow() {
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&7
	IFS= read -r line <&7
	[[ "$line" = 'HTTP/1.1 200'* ]]
}

@test "--lag gap: the producer is never held, the slow one is told of a gap" {
	feed_open
	quick_serve -n 100 <feed
	slow /events
	# Far more than the buffers of the sockets hold.
	limit seq -f '%01000.0f' 40000 >&"$FEED"
	feed last
	await last_seen
	limit cat <&7 >got &
	pid=$!
	await_grep '^data: last$' got
	kill "$pid" 2>/dev/null || :
	exec 7>&-
	grep -qx 'event: sse:gap' got
	[ "$(grep -c '^data: 0' got)" -lt 40000 ]
	# No event twice or out of order.
	grep '^data: 0' got | cut -c 7- | sort -c -u
}

last_seen() {
	stream '/events?last=1' >seen
	grep -qx 'data: last' seen
}

@test "--lag wait: the producer is held until the slow one has it all" {
	mkfifo lines
	(
		seq -f '%01000.0f' 40000 >lines
		echo done >produced
	) &
	pid=$!
	exec 6<lines
	quick_serve -n 100 --lag wait <&6
	exec 6<&-
	slow '/events?last=1000'
	# It stops although it could write on.
	await held
	[ ! -e produced ]
	limit cat <&7 >got &
	cat=$!
	await_file produced
	await_grep 00040000$ got
	wait "$pid"
	kill "$cat" 2>/dev/null || :
	exec 7>&-
	grep '^data: 0' got | cut -c 7- >numbers
	sort -c -u numbers
	not grep -q sse:gap got
	first=$(head -n 1 numbers | sed 's/^0*//')
	[ "$(wc -l <numbers)" -eq $((40000 - first + 1)) ]
}

# The newest event stays the same.
held() {
	stream '/events?last=1' | sed -n 's/^data: //p' >one
	stream '/events?last=1' | sed -n 's/^data: //p' >two
	cmp -s one two && [ -s one ]
}

@test "a hundred thousand lines and no reader: bounded memory" {
	quick_serve -c a < <(seq 100000)
	await there 100000
	stream '/events/a?last=100000' >got
	[ "$(grep -c '^data' got)" -eq 1000 ]
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/${PIDS[serve]}/status")
	# Sanitizers keep what was freed.
	[[ "$BIN" = *san ]] || [ "$rss" -lt 40000 ]
}

@test "the page shows what comes, and never as markup" {
	printf '%s\n' 'first' '<img src=x onerror=alert(1)>' \
	    '<script>document.title="x"</script>' >lines
	quick_serve -c a <lines
	await there '<script>document.title="x"</script>'
	LIMIT=60 limit "$TOP/tests/browser/page.py" "$URL/?channel=a&last=3" \
	    'document.querySelectorAll("td.data").length >= 3' >dom
	grep -q '<td class="data">first</td>' dom
	grep -qF '&lt;img src=x onerror=alert(1)&gt;' dom
	grep -q '<title>sse-serve</title>' dom
	grep -q 'class="live">live' dom
	[ "$(grep -o '<td class="id">[0-9]*-[0-9]*</td>' dom | sort -u | wc -l)" \
	    -eq 3 ]
}

@test "what is for bearers of labels reaches nobody who bears none" {
	start_serve -a 127.0.0.1:0 -f sse < <(
		printf '%s\n' 'match: role=admin' 'data: secret' '' 'data: open' ''
		until [ -e done ]; do sleep 0.02; done
	)
	admin=$(sed -n '$p' serve.ready)
	await seen_open
	[ "$(curl -sN -m 1 "$URL/events?last=9" | grep '^data')" = 'data: open' ]
	curl -sN -m 1 "$admin/events?last=9&show=routing" |
	    grep -A 3 '^match: role=admin$' | grep -qx 'data: secret'
	touch done
}

seen_open() {
	curl -sN -m 1 "$URL/events?last=9" | grep -q '^data: open'
}
