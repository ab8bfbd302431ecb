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

# swallowing WORD: a Redis that answers until somebody tells it WORD; its URL is
# in DEAF, and once it has been told there is a file WORD.
swallowing() {
	spawn "no-$1" python3 "$TOP/tests/cli/swallow.py" \
	    "${REDIS_PORTS[redis]}" "$1" "$1.ready" "$1"
	await_file "$1.ready"
	DEAF=redis://127.0.0.1:$(cat "$1.ready")
}

# its_log CLIENT: what was published of it.
its_log() {
	redis xrange sse:log:presence - + | grep -B 2 -F "{\"client\":\"$1\"}" |
	    grep -x -e joined -e left | tr '\n' ' '
}

is_in_log() {
	[ "$(its_log "$1")" = "$2" ]
}

hlen() {
	[ "$(redis hlen "sse:clients:$1")" = "$2" ]
}

# dead NAME: it is killed, and its time is over at once.
dead() {
	stop "$1" KILL
	redis zadd sse:instances 1 "$2"
}

# instance CLIENT: where it is.
instance() {
	redis hkeys "sse:clients:$1" | sed 's/-.*//'
}

@test "joined and left are said though who told it never hears the answer" {
	start_redis
	here two -r "$SSE_REDIS_URL"
	# It is killed once Redis has been told, before it could say anything.
	swallowing join
	here one -r "$DEAF" --redis-timeout 1m
	comes anna anna one
	await test -e join
	await hlen anna 1
	dead one "$(instance anna)"
	AWAIT=20 await is_in_log anna 'joined left '
	swallowing leave
	here one -r "$DEAF" --redis-timeout 1m
	comes bert bert one
	await hlen bert 1
	it=$(instance bert)
	stop bert
	await test -e leave
	await hlen bert 0
	dead one "$it"
	AWAIT=20 await is_in_log bert 'joined left '
	# One that lives tells it again, which says nothing again.
	rm join.ready join
	stop no-join
	swallowing join
	here one -r "$DEAF" --redis-timeout 1m
	comes carl carl one
	await test -e join
	await hlen carl 1
	redis client kill type normal
	comes dora dora one
	AWAIT=20 await hlen dora 1
	stop carl
	AWAIT=20 await hlen carl 0
	is_in_log carl 'joined left '
	is_in_log dora 'joined '
}

@test "who goes while Redis takes nothing has left, and is no ghost" {
	start_redis
	here one -r "$SSE_REDIS_URL"
	comes anna anna one
	comes bert bert one
	await hlen anna 1
	await hlen bert 1
	redis config set maxmemory 1
	refused() { redis info errorstats | grep -q errorstat_OOM; }
	await refused
	stop anna
	gone() { [ "$(curl -s --unix-socket one.sock http://localhost/connections |
	    grep -o '"client":"[a-z]*"')" = '"client":"bert"' ]; }
	await gone
	redis config set maxmemory 0
	AWAIT=20 await hlen anna 0
	is_in_log anna 'joined left '
	is_in_log bert 'joined '
}

# visit SERVER: a client that nobody else is; its name is in NAME.
visit() {
	NAME=c$((++NEXT))
	comes "$NAME" "$NAME" "$1"
	CAME+=("$NAME")
}

# known: Redis knows of it, so that all are to be told.
known() {
	AWAIT=20 await hlen "$NAME" 1
	KNOWN+=("$NAME")
}

# begin SERVER: it is known by its first client which instance it is.
begin() {
	here "$1" -r "$SSE_REDIS_URL"
	visit "$1"
	known
	INSTANCES[$1]=$(instance "$NAME")
}

# goes CLIENT: if it is still there.
goes() {
	[ -n "${PIDS[$1]:-}" ] || return 0
	kill "${PIDS[$1]}" 2>/dev/null || :
	await_exit "$1"
}

# happen: somebody comes or goes, links are cut, or a server is killed and another
# one started in its place; by RANDOM alone.
happen() {
	local s=s$((RANDOM % 3)) c=${CAME[RANDOM % ${#CAME[@]}]}

	case $((RANDOM % 6)) in
	0 | 1 | 2)
		visit $s
		[ $((RANDOM % 3)) = 0 ] || known
		;;
	3)
		goes "$c"
		;;
	4)
		redis client kill type normal
		;;
	5)
		dead $s "${INSTANCES[$s]}"
		begin $s
		;;
	esac
}

@test "whatever dies, each client has joined once and left once, in this order" {
	seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
	echo "seed $seed"
	RANDOM=$seed
	declare -gA INSTANCES=()
	CAME=() KNOWN=() NEXT=0
	start_redis
	for s in s0 s1 s2; do begin $s; done
	for ((i = 0; i < 40; i++)); do happen; done
	for c in "${CAME[@]}"; do goes "$c"; done
	# One that comes now finds the others dead.
	for s in s0 s1 s2; do dead $s "${INSTANCES[$s]}"; done
	begin last
	stop "$NAME"
	nobody() { [ -z "$(redis --scan --pattern 'sse:clients:*')" ]; }
	AWAIT=20 await nobody
	for c in "${KNOWN[@]}"; do is_in_log "$c" 'joined left '; done
	for c in "${CAME[@]}"; do
		is_in_log "$c" 'joined left ' || is_in_log "$c" ''
	done
}
