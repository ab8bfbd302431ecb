# The password of Redis: out of a file or the environment for each program, and
# in no message, no list of processes and nothing that is served.

bats_require_minimum_version 1.5.0
load helper

# Each program, as it begins with the Redis of the environment.
REACH=('sse-serve -l 127.0.0.1:0 --redis=' 'sse-pub news x' 'sse-relay redis:a -')

setup() {
	sse_setup
	start_redis 'requirepass sesame'
	export REDISCLI_AUTH=sesame
	(umask 077 && echo sesame >auth)
	feed_open
}

# start_all [OPTION ...]: each program, into the same Redis.
start_all() {
	start_serve -vv -r "$SSE_REDIS_URL" -a unix:admin --access-log log "$@"
	spawn tail sse-tail "$URL/events/copy?last=9"
	spawn relay sse-relay -v --stats "$@" redis:news redis:copy
	spawn pub sse-pub -v --timeout 20s "$@" news <feed
	await copied sync
}

copied() {
	feed "$1"
	grep -qx "$1" tail.out
}

# shows_none: whatever can be seen of them.
shows_none() {
	local p path

	for p in serve relay pub; do
		tr '\0' ' ' <"/proc/${PIDS[$p]}/cmdline" >>seen || return
	done
	for path in metrics connections readyz 'connections?all=1'; do
		limit curl -s --unix-socket admin "http://localhost/$path" >>seen || return
	done
	cat ./*.out ./*.err log seen >all || return
	not grep sesame all
}

# disturb: links are lost, nobody is let in, and then they are again.
disturb() {
	redis CONFIG SET requirepass tahini
	export REDISCLI_AUTH=tahini
	redis CLIENT KILL TYPE pubsub
	redis CLIENT KILL TYPE normal
	await_grep WRONGPASS serve.err
	redis CONFIG SET requirepass sesame
	export REDISCLI_AUTH=sesame
	shows_none
	stop relay
	stop pub
	limit sse-pub "$@" copy again
	await_grep '^again$' tail.out
}

@test "out of a file that an option names, and shown by nobody" {
	start_all --redis-auth-file auth
	shows_none
	disturb --redis-auth-file auth
	(umask 077 && echo tahini >other)
	for p in "${REACH[@]}"; do
		run limit ${p/ / --redis-auth-file nowhere }
		[ "$status" -eq 78 ]
		run limit ${p/ / --redis-auth-file other }
		[ "$status" -eq 77 ]
		[[ $output != *tahini* ]]
	done
}

@test "out of the environment, and shown by nobody" {
	export SSE_REDIS_PASSWORD=sesame
	start_all
	shows_none
	disturb
}

@test "out of the URL in the environment, and shown by nobody" {
	export SSE_REDIS_URL=redis://:sesame@${SSE_REDIS_URL#redis://}
	start_serve -vv -r '' -a unix:admin --access-log log
	spawn tail sse-tail "$URL/events/copy?last=9"
	spawn relay sse-relay -v --stats redis:news redis:copy
	spawn pub sse-pub -v --timeout 20s news <feed
	await copied sync
	shows_none
	disturb
	stop_redis
	await_grep reconnecting serve.err
	for p in "${REACH[@]}"; do
		run limit $p
		[ "$status" -eq 69 ]
		[[ $output == *redis://127.0.0.1:* ]]
		[[ $output != *sesame* ]]
	done
	# Nor when it cannot be understood.
	export SSE_REDIS_URL=redis://:sesame@here:x
	for p in "${REACH[@]}"; do
		run limit $p
		[ "$status" -eq 64 ]
		[[ $output == *'the port is no number'* ]]
		[[ $output != *sesame* ]]
	done
}

@test "as the user that sse-redis(7) has for sse-serve it can do all that it does" {
	user=$(sed -n 's/^\.Dl redis-cli acl setuser serve //p' "$TOP/man/sse-redis.7")
	[ -n "$user" ]
	eval "redis ACL SETUSER serve $user"
	export SSE_REDIS_URL=redis://serve:jam@${SSE_REDIS_URL#redis://}
	start_serve -r '' -a unix:admin --identity-header X-User --presence-events \
	    --trust-proxy 127.0.0.1 -n 20000 --history-bytes 100k
	spawn anna curl -sN -H 'X-User: anna' "$URL/events/news"
	await_grep '^retry' anna.out
	# All it does: minted, kept, paged, marked, listed, told who is here.
	for n in {1..300}; do echo "{\"data\":\"$n $(printf '%01000d' 0)\"}"; done >in.json
	limit curl -fsS -H 'Content-Type: application/x-ndjson' --data-binary @in.json \
	    --unix-socket admin http://localhost/events/client:anna >ids
	await_grep '^data: 300 ' anna.out
	[ "$(limit curl -fsS -X POST -H 'X-User: anna' \
	    "$URL/ack?id=$(sed -n 10p ids)")" = "$(sed -n 10p ids)" ]
	spawn tab curl -sN -H 'X-User: anna' "$URL/events/news"
	await_grep '^data: 300 ' tab.out
	sed -n 's/^data: \([0-9]*\) .*/\1/p' tab.out | diff <(seq 11 300) -
	listed() {
		limit curl -fsS --unix-socket admin 'http://localhost/connections?all=1' |
		    grep -q '"client":"anna"'
	}
	await listed
	joined() { redis XRANGE sse:log:presence - + | grep -qx joined; }
	await joined
	limit sse-pub --once key news hello
	await_grep '^data: hello' anna.out
	not grep NOPERM serve.err
}
