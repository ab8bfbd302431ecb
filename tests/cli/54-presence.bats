# Presence: which clients are here, over all servers, and who comes and goes.

bats_require_minimum_version 1.5.0
load helper
load streams

setup() {
	sse_setup
	declare -gA URLS=()
	(umask 077 && openssl rand -hex 32 >secret)
}

as() { # CLIENT
	echo "Authorization: Bearer $(python3 "$TOP/tests/cli/jwt.py" HS256 secret \
	    "{\"sub\":\"$1\",\"sse.read\":[\"presence\",\"*\"]}")"
}

# here NAME [OPTION ...]: a server with presence; its URL in URLS[NAME].
here() {
	SERVE=$1 start_serve --jwt-key secret --presence-events -a unix:"$1.sock" \
	    "${@:2}" </dev/null
	URLS[$1]=$URL
}

# comes NAME CLIENT SERVER
comes() {
	spawn "$1" curl -sN -H "$(as "$2")" "${URLS[$3]}/events?show=hello"
	await_grep sse:hello "$1.out"
}

# watch SERVER: events of presence come to watch.out, all that are kept.
watch() {
	spawn watch curl -sN --unix-socket "$1.sock" \
	    'http://localhost/events/presence?last=100&show=hello'
	await_grep sse:hello watch.out
}

told() { # how many of TYPE CLIENT
	grep -A2 "^event: $1" watch.out | grep -c "\"client\":\"$2\"" || :
}

is_told() { [ "$(told "$1" "$2")" -ge "${3:-1}" ]; }

@test "a client joins with its first connection and has left after its last" {
	here one
	watch one
	comes tab1 anna one
	await is_told joined anna
	comes tab2 anna one
	comes other bert one
	await is_told joined bert
	stop tab1
	stop tab2
	# A page that is loaded anew has not left.
	comes tab3 anna one
	stop other
	await is_told left bert
	[ "$(told left anna)" = 0 ]
	[ "$(told joined anna)" = 1 ]
	stop tab3
	AWAIT=20 await is_told left anna
	[ "$(told joined anna)" = 1 ]
}

@test "all servers know of all, and a dead one's clients leave exactly once" {
	start_redis
	for s in one two three dead; do here $s -r "$SSE_REDIS_URL"; done
	watch one
	comes a1 anna one
	comes a2 anna dead
	for c in bert carl dora; do comes $c $c dead; done
	for c in anna bert carl dora; do await is_told joined $c; done
	redis_has() { [ "$(redis hlen sse:clients:anna)" = 2 ]; }
	await redis_has
	[ "$(redis zcard sse:instances)" = 4 ]
	id=$(redis hkeys sse:clients:bert)
	redis hget sse:clients:bert "$id" | grep -q '"address":"127.0.0.1"'
	[ "$(redis smembers "sse:conns:${id%%-*}" | wc -l)" = 4 ]
	stop dead KILL
	# Nobody waits for its time to be over: all find it so at once.
	redis zadd sse:instances 1 "${id%%-*}"
	for c in bert carl dora; do AWAIT=20 await is_told left $c; done
	gone() { [ "$(redis zcard sse:instances)" = 3 ]; }
	await gone
	[ "$(redis exists sse:clients:bert "sse:conns:${id%%-*}")" = 0 ]
	[ "$(redis hlen sse:clients:anna)" = 1 ]
	sse-pub news end
	for c in bert carl dora; do [ "$(told left $c)" = 1 ]; done
	[ "$(told left anna)" = 0 ]
}

@test "what Redis has forgotten it is told again" {
	start_redis
	here one -r "$SSE_REDIS_URL"
	comes anna anna one
	known() { [ "$(redis hlen sse:clients:anna)" = 1 ]; }
	await known
	redis flushall
	AWAIT=20 await known
	redis del sse:clients:anna
	redis client kill type normal
	AWAIT=20 await known
}
