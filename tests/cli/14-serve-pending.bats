# sse-serve: what waits for a client that was away, and its mark.

bats_require_minimum_version 1.5.0
load helper
load streams

token() {
	python3 "$TOP/tests/cli/jwt.py" HS256 secret "$1"
}

setup() {
	sse_setup
	(umask 077 && openssl rand -hex 32 >secret)
	ANNA="Authorization: Bearer $(token '{"sub":"anna","groups":["staff"]}')"
	BERT="Authorization: Bearer $(token '{"sub":"bert","groups":["staff"]}')"
}

# with redis|nothing [OPTION ...]: a server, URL; say CHANNEL DATA publishes.
with() {
	local how=$1

	shift
	case $how in
	redis)
		[ -n "${SSE_REDIS_URL:-}" ] || start_redis
		quick_serve --jwt-key secret -a unix:"${SERVE:-serve}.sock" \
		    -r "$SSE_REDIS_URL" "$@" </dev/null
		;;
	nothing)
		quick_serve --jwt-key secret -a unix:"${SERVE:-serve}.sock" "$@" </dev/null
		;;
	esac
}

say() {
	limit curl -sS --unix-socket "${SERVE:-serve}.sock" -d "$2" \
	    "http://localhost/events/$1"
}

# due WHO [QUERY [CURL-OPTION ...]]: the data that comes.
due() {
	local who=$1 query=${2:-}

	shift $(($# > 2 ? 2 : $#))
	stream "/events$query" -H "$who" "$@" | sed -n 's/^data: //p' | tr '\n' ' '
}

ack() { # WHO ID: the status; the answer is in answer
	limit curl -s -o answer -w '%{http_code}' -X POST -H "$1" "$URL/ack?id=$2"
}

everything() { # redis|nothing
	with "$1"
	one=$(say client:anna 1)
	say group:staff 2
	say client:bert x
	say broadcast x
	say news x
	three=$(say client:anna 3)
	# Without a mark all that is kept, of one's own and one's groups.
	[ "$(due "$ANNA" /news)" = '1 2 3 ' ]
	# Reading it does not move the mark.
	[ "$(due "$ANNA")" = '1 2 3 ' ]
	[ "$(ack "$ANNA" "$one")" = 200 ]
	[ "$(cat answer)" = "$one" ]
	[ "$(due "$ANNA")" = '2 3 ' ]
	[ "$(ack "$ANNA" "$three")" = 200 ]
	[ -z "$(due "$ANNA")" ]
	# Only forwards.
	[ "$(ack "$ANNA" "$one")" = 200 ]
	[ "$(cat answer)" = "$three" ]
	[ -z "$(due "$ANNA")" ]
	# Others have marks of their own.
	[ "$(due "$BERT")" = '2 x ' ]
	say client:anna 4
	[ "$(due "$ANNA")" = '4 ' ]
	# What is said of where it was goes first.
	[ "$(due "$ANNA" "?lastEventId=$one")" = '2 x 3 4 ' ]
	[ "$(due "$ANNA" '' -H "Last-Event-ID: $three")" = '4 ' ]
	[ "$(due "$ANNA" '?last=1')" = '4 ' ]
	# What was not minted yet, or is nobody's, is not taken.
	[ "$(ack "$ANNA" 99999999999999-0)" = 409 ]
	[ "$(ack "$ANNA" nonsense)" = 404 ]
	[ "$(ack "$ANNA" '')" = 400 ]
	[ "$(ack 'X-No: token' "$one")" = 401 ]
	[ "$(due "$ANNA")" = '4 ' ]
}

@test "what was sent to a client and its groups waits for it behind its mark" {
	everything nothing
}

@test "through Redis too" {
	everything redis
	[ "$(redis get sse:ack:anna)" = "$three" ]
	ttl=$(redis pttl sse:ack:anna)
	[ "$ttl" -gt 3500000 ]
	[ "$ttl" -le 3600000 ]
}

@test "a mark is kept for as long as anything that it is about" {
	with redis --history 'client:*=100,2h' --history 'group:staff=100,2d'
	id=$(say client:anna 1)
	ack "$ANNA" "$id"
	CARL="Authorization: Bearer $(token '{"sub":"carl"}')"
	ack "$CARL" "$id"
	for mark in anna=172800 carl=7200; do
		ttl=$(redis ttl "sse:ack:${mark%=*}")
		[ "$ttl" -le "${mark#*=}" ]
		[ "$ttl" -gt $((${mark#*=} - 60)) ]
	done
}

@test "a mark holds on every server, and for every tab" {
	SERVE=one with redis
	one=$URL
	SERVE=two with redis
	two=$URL
	first=$(SERVE=one say client:anna 1)
	SERVE=one say client:anna 2
	URL=$one ack "$ANNA" "$first"
	for URL in "$one" "$two" "$two"; do
		[ "$(due "$ANNA")" = '2 ' ]
	done
	stop two KILL
	SERVE=two with redis
	[ "$(due "$ANNA")" = '2 ' ]
}

@test "an ID of one's own is a mark as well" {
	with nothing
	limit curl -s --unix-socket serve.sock -d 1 'http://localhost/events/client:anna?id=own-1'
	say client:anna 2
	# It is looked for in what is kept here.
	[ "$(ack "$ANNA" own-1)" = 200 ]
	[ "$(due "$ANNA")" = '2 ' ]
}

# own CHANNEL ID: an event of that ID, said to Redis past any server.
own() {
	sse-pub -i "$2" "$1" "$2"
}

# marks ID WANT: the status of its ack; then the mark is that of the event WANT.
marks() {
	[ "$(ack "$ANNA" "$1")" = 200 ]
	[ "$(redis --raw XRANGE sse:log:client:anna "$(cat answer)" \
	    "$(cat answer)" | tail -n 1)" = "$2" ]
}

@test "an ID of one's own is found in Redis, where memory does not hold it" {
	start_redis
	for n in {1..200}; do
		echo "{\"channel\":\"client:anna\",\"id\":\"own-$n\",\"data\":\"own-$n\"}"
	done | sse-pub -f json
	# Nobody has asked for the channel here.
	with redis
	marks own-3 own-3
	marks own-200 own-200
	[ "$(ack "$ANNA" own-0)" = 404 ]
	[ "$(ack "$BERT" own-3)" = 404 ]
	stop serve
	# Its log is held in part.
	redis DEL sse:ack:anna
	with redis --history-bytes 16k
	spawn anna curl -sN "$URL/events?last=1" -H "$ANNA"
	await_grep '^data: own-200$' anna.out
	marks own-3 own-3
	marks own-199 own-199
	[ "$(due "$ANNA")" = 'own-200 ' ]
	[ "$(ack "$ANNA" own-0)" = 404 ]
	# No further back than is kept, though Redis has more.
	stop anna
	stop serve
	redis DEL sse:ack:anna
	with redis -n 100
	[ "$(ack "$ANNA" own-3)" = 404 ]
	marks own-150 own-150
}

@test "an ID of one's own: of several channels the first counts, wherever it lies" {
	start_redis
	own client:anna both
	own client:anna between
	own group:staff both
	own group:staff only
	with redis
	marks both both
	[ "$(due "$ANNA")" = 'between both only ' ]
	# What is no log holds none, and nobody up.
	redis DEL sse:log:client:anna
	redis SET sse:log:client:anna x
	[ "$(ack "$ANNA" only)" = 200 ]
	[ "$(ack "$ANNA" none)" = 404 ]
}

@test "an ID of one's own that this server has not heard of yet is found" {
	start_redis
	own client:anna first
	# Live messages do not reach it: what is new is in the log alone.
	with redis
	spawn anna curl -sN "$URL/events" -H "$ANNA"
	await_grep '^data: first$' anna.out
	redis XADD sse:log:client:anna '*' prev 0-1 id second data second
	redis SET sse:last 99999999999999-0
	marks second second
	[ "$(ack "$ANNA" third)" = 404 ]
}

@test "an ID of one's own that only Redis knows is refused while it is away" {
	start_redis 'appendonly yes'
	own client:anna one
	with redis
	answers() { [ "$(ack "$ANNA" one)" = "$1" ]; }
	await answers 200
	kill_redis
	await answers 503
	[ "$(cat answer)" = 'Redis is awaited, try again later' ]
	restart_redis
	await answers 200
}

@test "a Redis that goes while it is asked for an ID refuses it" {
	start_redis
	own client:anna one
	spawn steal python3 "$TOP/tests/cli/steal.py" "${SSE_REDIS_URL##*:}" \
	    XREVRANGE port
	await_file port
	SSE_REDIS_URL=redis://127.0.0.1:$(cat port) with redis
	[ "$(ack "$ANNA" one)" = 503 ]
	grep -q stolen steal.out
	answers() { [ "$(ack "$ANNA" one)" = "$1" ]; }
	await answers 200
}

@test "--pending says what waits" {
	with nothing --pending off
	say client:anna 1
	say group:staff 2
	[ -z "$(due "$ANNA")" ]
	stop serve
	with nothing --pending client
	say client:anna 1
	say group:staff 2
	[ "$(due "$ANNA")" = '1 ' ]
	run -64 limit sse-serve -l 0 --pending some
}

@test "what waits comes before what is live, each once, whatever happens between" {
	with redis
	for i in {1..20}; do say client:anna "$i" >/dev/null; done
	spawn reader curl -sN -H "$ANNA" "$URL/events/news"
	for i in {21..40}; do
		say client:anna "$i" >/dev/null
		say news "n$i" >/dev/null
	done
	await_grep '^data: n40$' reader.out
	sed -n 's/^data: \([0-9]*\)$/\1/p' reader.out | diff - <(seq 40)
}

@test "what the mark stands before but is dropped is said to be lost" {
	with nothing -n 2
	first=$(say client:anna 1)
	ack "$ANNA" "$first"
	for i in 2 3 4; do say client:anna $i; done
	stream /events -H "$ANNA" >got
	[ "$(sed -n 's/^data: \([0-9]\)$/\1/p' got | tr -d '\n')" = 34 ]
	grep -A1 'event: sse:gap' got | grep -q "\"after\":\"$first\""
	# Without a mark nothing is lost: one begins with what is kept.
	T="Authorization: Bearer $(token '{"sub":"carl"}')"
	for i in 2 3 4; do say client:carl $i; done
	stream /events -H "$T" >got
	not grep -q sse:gap got
}

@test "without Redis' answer a mark is refused for the time being" {
	with redis
	answers() { [ "$(ack "$ANNA" 1-0)" = "$1" ]; }
	await answers 409
	stop_redis
	await answers 503
	restart_redis
	await answers 409
}

@test "without a mark it begins with the oldest that Redis keeps, not memory" {
	start_redis
	seq 300 | awk '{ printf "{\"channel\":\"%s\",\"data\":\"%d %500s\"}\n",
	    $1 % 3 ? "client:anna" : "group:staff", $1, "x" }' | sse-pub -f json
	with redis --history-bytes 64k
	spawn anna curl -sN "$URL/events" -H "$ANNA"
	await_grep '^data: 300 ' anna.out
	awk '/^event: sse:gap/ { print "GAP" } /^data: / { print $2 }' anna.out |
	    diff <(seq 300) -
	# What Redis does not keep any more is not missed either.
	redis XTRIM sse:log:client:anna MAXLEN = 100
	redis XTRIM sse:log:group:staff MAXLEN = 50
	stop anna
	spawn again curl -sN "$URL/events" -H "$ANNA"
	await_grep '^data: 300 ' again.out
	awk '/^event: sse:gap/ { print "GAP" } /^data: / { print $2 }' again.out |
	    diff <(seq 151 300) -
}
