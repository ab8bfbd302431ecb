# Many readers and many channels: what Redis is asked for does not grow with
# those who read the same.

bats_require_minimum_version 1.5.0
load helper

# commands NAME: how often Redis has run it.
commands() {
	redis INFO commandstats |
	    sed -n "s/^cmdstat_$1:calls=\([0-9]*\).*/\1/p" | grep . || echo 0
}

subscribers() {
	redis PUBSUB NUMSUB "sse:$1" | tail -n 1
}

not_subscribed() {
	[ "$(subscribers "$1")" -eq 0 ]
}

@test "only what is read is subscribed to, and left with a little patience" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" -w 3
	# By one link, whoever reads.
	[ "$(redis CLIENT LIST TYPE pubsub | grep -c addr=)" -eq 1 ]
	for n in {1..5}; do
		run limit curl -sN -m 0.3 "$URL/events/coming-and-going"
		[ "$(subscribers coming-and-going)" -eq 1 ]
		# What comes meanwhile is there for who comes back.
		sse-pub coming-and-going "event $n"
		run limit curl -sN -m 0.3 "$URL/events/coming-and-going?last=1"
		[[ $output == *"data: event $n"* ]]
	done
	# The channel, broadcast, and the server's marker.
	[ "$(commands subscribe)" -eq 3 ]
	[ "$(subscribers another)" -eq 0 ]
	await not_subscribed coming-and-going
	sse-pub coming-and-going 'nobody listens'
	run limit curl -sN -m 0.5 "$URL/events/coming-and-going?last=2"
	[[ $output == *'data: event 5'*'data: nobody listens'* ]]
}

# held NAME WORD: a server, to which Redis answers no more once it has been told
# WORD, until there is a file NAME.go.
held() {
	spawn "hold-$1" python3 "$TOP/tests/cli/swallow.py" \
	    "${REDIS_PORTS[redis]}" "$2" "$1.port" "$1.said" "$1.go"
	await_file "$1.port"
	SERVE=serve-$1 start_serve -r "redis://127.0.0.1:$(cat "$1.port")" \
	    --redis-timeout 1m -a unix:"$1.sock"
}

# reads NAME COUNT: so many streams are open, or wait for their channel.
reads() {
	limit curl -s --unix-socket "$1.sock" http://localhost/metrics |
	    grep -qx "sse_serve_connections $(($2 + 1))"
}

@test "a channel that is wanted again before Redis has confirmed that it is left" {
	start_redis
	held leave UNSUBSCRIBE
	spawn first curl -sN "$URL/events/odd"
	await_grep '^retry' first.out
	stop first
	await test -e leave.said
	await not_subscribed odd
	spawn again curl -sN "$URL/events/odd?last=1"
	await reads leave 1
	sse-pub odd one
	touch leave.go
	await_grep '^data: one' again.out
	sse-pub odd two
	await_grep '^data: two' again.out
	[ "$(grep -c '^data' again.out)" -eq 2 ]
}

@test "a channel that is left, and wanted or not, before Redis has confirmed it" {
	start_redis
	for comes in '' back; do
		held "sub$comes" "sse:odd$comes"
		spawn first curl -sN "$URL/events/odd$comes"
		await test -e "sub$comes.said"
		[ "$(subscribers "odd$comes")" -eq 1 ]
		stop first
		await reads "sub$comes" 0
		if [ -n "$comes" ]; then
			spawn again curl -sN "$URL/events/odd$comes?last=1"
			await reads "sub$comes" 1
		fi
		touch "sub$comes.go"
	done
	await not_subscribed odd
	sse-pub oddback one
	await_grep '^data: one' again.out
	sse-pub oddback two
	await_grep '^data: two' again.out
	[ "$(grep -c '^data' again.out)" -eq 2 ]
	[ "$(subscribers oddback)" -eq 1 ]
	[ "$(subscribers odd)" -eq 0 ]
}

# Beside the server's marker and broadcast.
is_subscribed() {
	redis INFO stats | grep -q "^pubsub_channels:$(($1 + 2))"$'\r'
}

is_left() {
	[ -z "$(redis PUBSUB CHANNELS 'sse:c*')" ]
}

@test "100,000 channels at one server: each is read, and all are left again" {
	n=$((100000 / SLOW))
	ulimit -n 8192
	start_redis
	start_serve -r "$SSE_REDIS_URL" -n 10
	spawn readers python3 "$TOP/tests/cli/channels.py" "${URL#http://}" $n 64
	AWAIT=60 await_grep '^ready' readers.out
	AWAIT=60 await is_subscribed $n
	seq 0 $((n - 1)) | sed 's/.*/{"channel":"c&","data":"c&"}/' |
	    limit sse-pub -n 10 -f json
	AWAIT=60 await_grep '^all' readers.out
	# A log is read when its channel is, and never again.
	[ $(($(commands xrevrange) + $(commands xrange))) -le $((n + 10)) ]
	stop readers
	AWAIT=60 await is_left
	# It is of use as before.
	run limit curl -sN -m 2 "$URL/events/c7?last=1"
	[[ $output == *'data: c7'* ]]
	not grep -q 'reconnecting\|does not answer' serve.err
}

@test "1,000 readers of 10 channels come back to a server that was killed: all once" {
	start_redis 'appendonly yes' 'appendfsync always'
	ulimit -n 4096
	start_serve -r "$SSE_REDIS_URL" --retry 300 -n 5000
	for c in {0..9}; do sse-pub --history 5000 "c$c" start; done
	spawn readers python3 "$TOP/tests/cli/readers.py" "${URL#http://}" 1000 10 'event 299'
	AWAIT=30 await_grep '^ready' readers.out
	spawn pub sh -c 'seq 0 299 | while read -r n; do
		for c in 0 1 2 3 4 5 6 7 8 9; do
			echo "{\"channel\":\"c$c\",\"data\":\"event $n\"}"
		done
		sleep 0.005
	done | sse-pub -f json --history 5000'
	await log_has 100
	stop serve KILL
	before=$(($(commands xrevrange) + $(commands xrange)))
	LISTEN=${URL#http://} start_serve -r "$SSE_REDIS_URL" --retry 300 -n 5000
	await_exit pub
	[ "$status" -eq 0 ]
	AWAIT=40 await_exit readers
	cat readers.out
	[ "$status" -eq 0 ]
	# Ten logs and that of broadcast were read, each once, though 1,000 asked.
	[ $(($(commands xrevrange) + $(commands xrange) - before)) -eq 11 ]
}

log_has() {
	[ "$(redis XLEN sse:log:c9)" -ge "$1" ]
}

@test "20 publishers on 20 channels, 50 readers of random sets, cut at random: as in the logs" {
	start_redis
	start_serve -r "$SSE_REDIS_URL" --retry 10 -n 5000
	for c in {0..19}; do sse-pub --history 5000 "c$c" start; done
	spawn readers python3 "$TOP/tests/cli/order.py" "${URL#http://}" 50 20 200
	AWAIT=30 await_grep '^ready' readers.out
	for c in {0..19}; do
		spawn "pub$c" sh -c "seq 200 | while read -r n; do
			echo \$n
			[ \$((n % 10)) -ne 0 ] || sleep 0.02
		done | sse-pub --history 5000 c$c"
	done
	for cut in {1..5}; do
		redis CLIENT KILL TYPE pubsub
		sleep 0.1
	done
	AWAIT=40 await_exit readers
	[ "$status" -eq 0 ]
	for c in {0..19}; do
		redis XRANGE "sse:log:c$c" - + | awk -v c="c$c" '
			/^[0-9]+-[0-9]+$/ && !id { id = $0; next }
			$0 == "data" { getline; if ($0 != "start") print id, c, $0; id = "" }'
	done | sort -t - -k 1,1n -k 2,2n >logs
	[ "$(wc -l <logs)" -eq 4000 ]
	for n in {0..49}; do
		# Each of its channels' events, in the one order of all places.
		cut -d ' ' -f 2 "reader.$n" | sort -u >channels
		awk 'NR == FNR { mine[$1]; next } $2 in mine' channels logs |
		    diff - "reader.$n" >differs || {
			head -n 20 differs
			return 1
		}
	done
}
