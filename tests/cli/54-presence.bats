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
	# It is alive for 15 s, and again while it is.
	until=$(redis zscore sse:instances "${id%%-*}")
	[ "$until" -gt "$(date +%s%3N)" ]
	[ "$until" -le $(($(date +%s%3N) + 15000)) ]
	renewed() { [ "$(redis zscore sse:instances "${id%%-*}")" -gt "$until" ]; }
	await renewed
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

@test "without --presence-events it is written down who is here, and not told" {
	start_redis
	SERVE=one start_serve --jwt-key secret -a unix:one.sock -r "$SSE_REDIS_URL"
	URLS[one]=$URL
	for c in anna bert; do comes $c $c one; done
	await hlen anna 1
	await hlen bert 1
	stop anna
	AWAIT=20 await hlen anna 0
	hlen bert 1
	[ "$(redis exists sse:log:presence sse:last)" = 0 ]
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

# crowd NAME COUNT: as many clients, NAME-0 and so on, of the server NAME.
crowd() {
	here "$1" -r "$SSE_REDIS_URL" --identity-header X-User --trust-proxy 127.0.0.1
	spawn "crowd-$1" python3 -c '
import socket, sys, time
name, count, address = sys.argv[1:]
host, port = address.rsplit(":", 1)
readers = []
for i in range(int(count)):
    readers.append(socket.create_connection((host, int(port))))
    readers[-1].sendall(b"GET /events HTTP/1.1\r\nHost: x\r\nX-User: %s-%d\r\n\r\n"
                        % (name.encode(), i))
for reader in readers:
    reader.recv(1)
print("ready", flush=True)
time.sleep(10000)' "$1" "$2" "${URL#http://}"
	await_grep ready "crowd-$1.out"
}

# pages QUERY: the clients on all pages, one a line, as the server one lists them;
# SIZE is how many the largest page has, PAGES how many there are.
pages() {
	local after=

	SIZE=0 PAGES=0
	while :; do
		curl -sS --fail-with-body --unix-socket one.sock \
		    "http://localhost/connections?all=1&$1$after" >page || return
		python3 -c '
import json, sys
page = json.load(open("page"))
for c in page["connections"]:
    assert c["address"] == "127.0.0.1" and c["since"].endswith("Z"), c
    assert c["id"].startswith(c["instance"] + "-"), c
    print(c["client"])
open("next", "w").write(page["next"] or "")
open("size", "w").write(str(len(page["connections"])))' || return
		PAGES=$((PAGES + 1))
		[ "$(cat size)" -le $SIZE ] || SIZE=$(cat size)
		[ -s next ] || return 0
		after="&after=$(cat next)"
	done
}

lists() { # how many clients there are on all pages
	pages limit=1000 | sort -u | wc -l
}

lists_are() {
	[ "$(lists)" = "$1" ]
}

@test "any server lists the connections of all, page by page" {
	start_redis
	here one -r "$SSE_REDIS_URL"
	[ "$(lists)" = 0 ]
	crowd two 300
	crowd three 250
	comes anna anna one
	# Who is nobody in particular is not told to Redis.
	spawn nobody curl -sN "${URLS[one]}/events"
	await_grep retry nobody.out
	AWAIT=20 await lists_are 551
	pages limit=50 >all
	[ "$(sort -u all | wc -l)" = 551 ]
	[ "$(grep -c two- all)" -ge 300 ]
	[ "$PAGES" -ge 8 ]
	[ "$SIZE" -le 70 ]
	pages limit=10000 >all
	[ "$PAGES" = 1 ]
	sort -u all | diff - <({
		echo anna
		seq -f 'two-%g' 0 299
		seq -f 'three-%g' 0 249
	} | sort)
	# Of this one alone, and whoever it is.
	[ "$(curl -sS --unix-socket one.sock http://localhost/connections |
	    grep -o '"client":[^,]*' | sort | tr '\n' ' ')" = \
	    '"client":"anna" "client":null ' ]
	# One that is killed is listed until its time is over.
	it=$(instance two-0)
	stop two KILL
	[ "$(lists)" = 551 ]
	redis zadd sse:instances 1 "$it"
	AWAIT=20 await lists_are 251
	spent() { [ "$(redis exists "sse:conns:$it")" = 0 ]; }
	AWAIT=20 await spent
	# A page that was to go on where it was goes on behind it.
	after=$it-0-77
	[ "$(curl -sS --unix-socket one.sock \
	    "http://localhost/connections?all=1&limit=1000&after=$after" |
	    grep -c '"client":"two')" = 0 ]
}

used() {
	redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p'
}

@test "a client takes in Redis what sse-redis(7) says" {
	start_redis
	here one -r "$SSE_REDIS_URL"
	crowd two 10
	AWAIT=20 await lists_are 10
	before=$(used)
	crowd three 2000
	AWAIT=20 await lists_are 2010
	each=$((($(used) - before) / 2000))
	echo "$each bytes"
	tr '\n' ' ' <"$TOP/man/sse-redis.7" | grep -qF \
	    'one connection takes 400 bytes, and while it is here 210 more'
	[ $each -ge 490 ]
	[ $each -le 760 ]
}

@test "what is no list of connections is passed over, and no Redis is a 503" {
	start_redis
	here one -r "$SSE_REDIS_URL"
	comes anna anna one
	AWAIT=20 await lists_are 1
	redis zadd sse:instances 99999999999999 a 99999999999999 b 99999999999999 zzzzzzzzzzzz
	redis set sse:conns:a text
	redis sadd sse:conns:b nonsense 'id missing'
	redis set sse:clients:odd text
	redis sadd sse:conns:zzzzzzzzzzzz 'id odd'
	redis hset sse:clients:carl zzzzzzzzzzzz-0-1 'no JSON'
	[ "$(lists)" = 1 ]
	[ "$(pages limit=1)" = anna ]
	redis sadd sse:conns:zzzzzzzzzzzz 'zzzzzzzzzzzz-0-1 carl'
	curl -sS --unix-socket one.sock 'http://localhost/connections?all=1' |
	    grep -q '"client":"carl","address":null'
	kill_redis
	answers() {
		[ "$(curl -sS -o body -D head -w '%{http_code}' --unix-socket one.sock \
		    "http://localhost/connections$2")" = "$1" ]
	}
	await answers 503 '?all=1'
	grep -q '^Redis is awaited$' body
	grep -qi '^Retry-After: [0-9]' head
	# It knows its own.
	answers 200 ''
	grep -q '"client":"anna"' body
	restart_redis
	AWAIT=20 await answers 200 '?all=1'
}

@test "without Redis all connections are those of the one server" {
	here one
	comes anna anna one
	spawn nobody curl -sN "${URLS[one]}/events"
	await_grep retry nobody.out
	for all in '' '?all=1'; do
		curl -sS --unix-socket one.sock "http://localhost/connections$all" >list
		[ "$(grep -o '"client":[^,]*' list | sort | tr '\n' ' ')" = \
		    '"client":"anna" "client":null ' ]
		grep -q '"instance":"[0-9a-f]\{12\}"' list
	done
}
