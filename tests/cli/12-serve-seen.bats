# sse-serve, seen from outside: its figures, its health, its connections.

bats_require_minimum_version 1.5.0
load helper

# start_seen [OPTION ...]: a server with an administration listener: ADMIN.
start_seen() {
	start_serve -a 127.0.0.1:0 -w 2 "$@"
	ADMIN=$(sed -n 2p serve.ready)
}

# metric NAME: its value now, with its labels as they are written.
metric() {
	curl -sS "$ADMIN/metrics" | awk -v n="$1" '$1 == n { print $2; found++ }
	    END { exit found != 1 }'
}

metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

# watch_streams N PATH: as many readers, each into a file of its own.
watch_streams() {
	local i

	for ((i = 0; i < $1; i++)); do
		spawn "reader$i" curl -sN "$URL$2"
	done
	for ((i = 0; i < $1; i++)); do
		await_grep retry "reader$i.out"
	done
}

@test "promtool finds nothing to say of the figures, with Redis and without" {
	start_seen </dev/null
	curl -sS -D head "$ADMIN/metrics" >metrics
	grep -qi '^Content-Type: text/plain; version=0.0.4' head
	promtool check metrics <metrics
	not grep redis_ metrics
	# The kernel's own are there.
	awk '/^process_/ { n += $2 > 0 } END { exit n != 5 }' metrics
	stop serve
	start_redis
	start_seen -r "$SSE_REDIS_URL" </dev/null
	curl -sS "$ADMIN/metrics" >metrics
	promtool check metrics <metrics
	grep -qx 'sse_serve_redis_up 1' metrics
	# The same lines, whatever happened: no label grows by what comes in.
	sed 's/ [^ ]*$//' metrics >before
	curl -s "$URL/events/x%0a" "$URL/nowhere%22" "$URL/events?last=x" \
	    "$ADMIN/events/a" --max-time 0.1 >/dev/null || :
	curl -sS "$ADMIN/metrics" | sed 's/ [^ ]*$//' | diff before -
}

@test "the figures are what happened" {
	feed_open
	start_seen --open-publish -f sse --max-body 100 <feed
	watch_streams 3 /events/a,b
	spawn other curl -sN "$URL/events/c"
	await_grep retry other.out
	feed 'channel: a' 'data: one' '' 'channel: c' 'data: two' ''
	curl -sS -d three "$URL/events/b" "$URL/events/nobody" >/dev/null
	curl -s "$URL/nowhere" >/dev/null
	curl -s -d "$(printf '%0101d' 0)" "$URL/events/b" >/dev/null
	printf 'GET / HTTP/9\r\n\r\n' | limit python3 -c '
import socket, sys
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(sys.stdin.buffer.read())
while s.recv(4096): pass' "${URL#http://}"
	for i in 0 1 2; do
		await_grep three "reader$i.out"
	done
	await_grep two other.out
	stop reader0
	stop other
	# Back, for both events: a gap has no place here, a replay has.
	id=$(sed -n 's/^id: //p' reader1.out | head -n 1)
	limit sse-tail -n 1 "$URL/events/a,b?lastEventId=$id" >/dev/null
	limit sse-tail -n 1 "$URL/events/a,b?lastEventId=1-1" >/dev/null
	# The server hears of a peer that left when it left.
	await metric_is 'sse_serve_streams_closed_total{reason="peer"}' 4
	curl -sS "$ADMIN/metrics" >metrics
	for want in 'sse_serve_streams 2' \
	    'sse_serve_streams_opened_total 6' \
	    'sse_serve_streams_stalled 0' \
	    'sse_serve_connections 3' \
	    'sse_serve_events_total{source="stdin"} 2' \
	    'sse_serve_events_total{source="post"} 2' \
	    'sse_serve_gaps_total 1' \
	    'sse_serve_log_events 4' \
	    'sse_serve_refusals_total{reason="not_found"} 1' \
	    'sse_serve_refusals_total{reason="body"} 1' \
	    'sse_serve_refusals_total{reason="malformed"} 1' \
	    'sse_serve_lag_largest_seconds 0' \
	    'sse_serve_connections_closed_total{outcome="stream"} 4'; do
		grep -qxF "$want" metrics || {
			echo "no $want"
			return 1
		}
	done
	# 2 to each of three, 1 to the other, 1 or 2 at each return.
	deliveries=$(sed -n 's/^sse_serve_deliveries_total //p' metrics)
	[ "$deliveries" -ge 9 ]
	[ "$deliveries" -le 11 ]
	# A block of each of the four, with its ID, in less than 60 bytes.
	bytes=$(sed -n 's/^sse_serve_event_bytes_total //p' metrics)
	[ "$bytes" -ge 100 ]
	[ "$bytes" -le 240 ]
	# What came while they had all before is not late, what came again is
	# not looked at.
	grep -qx 'sse_serve_lag_seconds_count 7' metrics
	await metric_is 'sse_serve_connections' 3
}

@test "health and readiness, while Redis is here and while it is not" {
	start_redis
	start_seen -r "$SSE_REDIS_URL" </dev/null
	[ "$(curl -sS "$ADMIN/healthz")" = ok ]
	[ "$(curl -sS -w '%{http_code}' "$ADMIN/readyz")" = "ready
200" ]
	kill_redis
	await_readyz 'Redis is awaited
503'
	[ "$(curl -sS "$ADMIN/healthz")" = ok ]
	metric_is sse_serve_redis_up 0
	metric_is sse_serve_redis_losses_total 1
	restart_redis
	AWAIT=20 await_readyz 'ready
200'
	metric_is sse_serve_redis_up 1
}

await_readyz() {
	await readyz_is "$1"
}

readyz_is() {
	[ "$(curl -sS -w '%{http_code}' "$ADMIN/readyz")" = "$1" ]
}

# page QUERY: one page, its IDs one a line; NEXT is where the next begins.
page() {
	curl -sS "$ADMIN/connections?$1" >page.json
	python3 - <<'END'
import json
page = json.load(open("page.json"))
for c in page["connections"]:
    print(c["id"])
open("next", "w").write(page["next"] or "")
END
}

@test "connections are listed page by page, and ended by their ID" {
	start_seen </dev/null
	watch_streams 7 "/events/a?show=hello"
	spawn slow curl -sN "$URL/events/b"
	await_grep retry slow.out
	page limit=3 >ids
	for i in 1 2 3; do
		[ -s next ] || break
		page "limit=3&after=$(cat next)" >>ids
	done
	[ "$(wc -l <ids)" -eq 8 ]
	[ "$(sort -u ids | wc -l)" -eq 8 ]
	[ ! -s next ]
	page limit=8 | diff ids -
	[ ! -s next ]
	page "limit=7" >/dev/null
	[ -s next ]
	# What each is.
	curl -sS "$ADMIN/connections" | python3 -c '
import json, sys
all = json.load(sys.stdin)["connections"]
for c in all:
    assert c["address"] == "127.0.0.1" and c["client"] is None, c
    assert c["channels"][0] == "broadcast" and c["lag"] == 0, c
    assert c["since"].endswith("Z") and c["bytes"] > 100, c
print(sum("b" in c["channels"] for c in all))' >count
	[ "$(cat count)" -eq 1 ]
	# A stream knows its own, and ends by it, and no other does.
	id=$(sed -n 's/.*"connection":"\([^"]*\)".*/\1/p' reader3.out)
	grep -qx -- "$id" ids
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -X DELETE \
	    "$URL/connections/$id")" = 403 ]
	not is_gone "${PIDS[reader3]}"
	curl -sSf -X DELETE "$ADMIN/connections/$id"
	await_exit reader3
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -X DELETE \
	    "$ADMIN/connections/$id")" = 404 ]
	metric_is sse_serve_streams 7
	metric_is 'sse_serve_streams_closed_total{reason="dismissed"}' 1
	page "" | grep -v -- "$id" >rest
	[ "$(wc -l <rest)" -eq 7 ]
}

# delete_as WHO ID: the status that this is answered by.
delete_as() {
	curl -sS -o /dev/null -w '%{http_code}' -H "X-User: $1" -X DELETE \
	    "$URL/connections/$2"
}

@test "a client ends connections of its own, and no others" {
	start_seen --trust-proxy 127.0.0.1 --identity-header X-User \
	    --access-log log </dev/null
	for who in ann bob; do
		spawn $who curl -sN -H "X-User: $who" "$URL/events/a?show=hello"
		await_grep retry $who.out
	done
	await_grep connection bob.out
	id=$(sed -n 's/.*"connection":"\([^"]*\)".*/\1/p' bob.out)
	[ "$(curl -sS "$ADMIN/connections" | grep -o '"client":"[a-z]*"' |
	    sort | tr '\n' ' ')" = '"client":"ann" "client":"bob" ' ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -X DELETE \
	    "$URL/connections/$id")" = 403 ]
	[ "$(delete_as ann "$id")" = 404 ]
	[ "$(delete_as bob "${id%-*}-999")" = 404 ]
	not is_gone "${PIDS[bob]}"
	[ "$(delete_as bob "$id")" = 204 ]
	await_exit bob
	not is_gone "${PIDS[ann]}"
	await_grep ' end dismissed ' log
	grep -q '^127\.0\.0\.1 - bob .* end dismissed ' log
}

@test "who does not take what is due is seen to lag" {
	start_seen --open-publish -n 100000 </dev/null
	spawn stuck sse-tail "$URL/events/a"
	await metric_is sse_serve_streams 1
	kill -STOP "${PIDS[stuck]}"
	head -c 900000 /dev/zero | tr '\0' x >big
	for i in {1..12}; do
		curl -sS --data-binary @big "$URL/events/a" >/dev/null
	done
	await metric_is sse_serve_streams_stalled 1
	await lags
	curl -sS "$ADMIN/connections" | grep -q '"lag":[0-9.]*[1-9]'
	kill -CONT "${PIDS[stuck]}"
	await metric_is sse_serve_streams_stalled 0
	metric_is sse_serve_lag_largest_seconds 0
	metric_is sse_serve_deliveries_total 12
}

lags() {
	! metric_is sse_serve_lag_largest_seconds 0
}

@test "the access log has a line for each request, and two for each stream" {
	feed_open
	start_seen --open-publish --access-log log <feed
	spawn reader curl -sN -A 'reader "1"' -e http://r/ "$URL/events/a"
	await_grep retry reader.out
	curl -sS -A x -d one "$URL/events/a" >/dev/null
	curl -sS -A x "$URL/nowhere" >/dev/null
	printf 'GET /\x1b[2J" HTTP/9\r\n\r\n' >"/dev/tcp/127.0.0.1/${URL##*:}"
	await_grep one reader.out
	stop reader
	await_lines 5 log
	sed 's/ \[[^]]*\]/ [T]/; s/[0-9a-f]\{12\}-/INSTANCE-/' log |
	    sed 's/ peer [0-9.]* 1$/ peer N 1/; s/ 200 [1-9][0-9]* / 200 N /' |
	    sed 's/-[0-9]-1 /-W-1 /; s/ \([45]0[0-9]\) [1-9][0-9]* / \1 N /' >got
	sort >want <<'END'
127.0.0.1 - - [T] "GET /events/a HTTP/1.1" 200 0 "http://r/" "reader \x221\x22" INSTANCE-W-1 begin
127.0.0.1 - - [T] "POST /events/a HTTP/1.1" 200 N "-" "x"
127.0.0.1 - - [T] "GET /nowhere HTTP/1.1" 404 N "-" "x"
127.0.0.1 - - [T] "GET /\u001b[2J\x22 HTTP/9" 400 N "-" "-"
127.0.0.1 - - [T] "GET /events/a HTTP/1.1" 200 N "http://r/" "reader \x221\x22" INSTANCE-W-1 end peer N 1
END
	sort got | diff - want
	# The end says what the reader had, its head included.
	curl -sN -o /dev/null -D head --max-time 0.2 "$URL/events/a" || :
	[ "$(awk '/ end peer / { print $10; exit }' log)" -eq \
	    "$(cat head reader.out | wc -c)" ]
}

@test "SIGHUP opens the access log anew, nothing of it lost" {
	start_seen --access-log log --log-format json </dev/null
	for i in {1..20}; do
		curl -sS -o /dev/null "$URL/?$i"
	done
	await_lines 20 log
	mv log log.1
	kill -HUP "${PIDS[serve]}"
	await test -e log
	for i in {21..40}; do
		curl -sS -o /dev/null "$URL/?$i"
	done
	await_lines 20 log
	[ "$(stat -c %a log)" = 600 ]
	cat log.1 log | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert sorted(int(l["target"][2:]) for l in lines) == list(range(1, 41))
assert all(l["what"] == "request" and l["status"] == 200 for l in lines)'
	# One that cannot be opened: it goes on with the old one.
	mv log log.2
	mkdir log
	kill -HUP "${PIDS[serve]}"
	await_grep 'access log log: Is a directory' serve.err
	curl -sS -o /dev/null "$URL/?41"
	await_grep '/?41' log.2
	run -73 limit sse-serve -l 0 --access-log none/log
	[[ "$output" = *'access log none/log'* ]]
}

@test "a log that nobody reads holds up nobody, and what is lost is counted" {
	mkfifo pipe
	exec 7<>pipe
	spawn serve sse-serve -l 127.0.0.1:0 -a 127.0.0.1:0 -w 1 \
	    --access-log pipe --ready-file serve.ready </dev/null
	await_file serve.ready
	URL=$(sed -n 1p serve.ready) ADMIN=$(sed -n 2p serve.ready)
	long=$(printf '%01000d' 0)
	python3 - "${URL#http://}" "$long" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
for i in range(600):
    s.sendall(b"OPTIONS /?%s HTTP/1.1\r\nHost: x\r\n\r\n" % sys.argv[2].encode())
    assert s.recv(4096).startswith(b"HTTP/1.1 204 ")
END
	lost=$(metric sse_serve_access_log_lost_total)
	[ "$lost" -gt 0 ]
	# Whoever reads at last finds whole lines.
	spawn drain cat pipe
	await_grep OPTIONS drain.out $((600 - lost))
	[ "$(grep -c OPTIONS drain.out)" -eq $((600 - lost)) ]
	stop drain
	not grep -qv '^127\.0\.0\.1 - - .*"$' drain.out
	exec 7>&-
}

@test "messages that clients cause are said no faster than one reads" {
	start_seen -v -w 1 </dev/null
	for i in {1..60}; do
		echo "url = $URL/nowhere/$i"
		echo 'output = /dev/null'
	done | curl -sS -K -
	await metric_is 'sse_serve_refusals_total{reason="not_found"}' 60
	[ "$(grep -c 'refused: ' serve.err)" -eq 20 ]
	stop serve
	grep -qx 'sse-serve: 40 more suppressed' serve.err
	# So is what the input can cause.
	yes x | head -n 100 >faults
	start_serve -f json <faults
	await_grep 'line 20: ' serve.err
	stop serve
	[ "$(grep -c 'passed over' serve.err)" -eq 20 ]
	grep -qx 'sse-serve: 80 more suppressed' serve.err
}
