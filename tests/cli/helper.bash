# Shared by the scenarios: a fresh directory for each test, a Redis of its own,
# and programs that are ended by their process ID whatever becomes of the test.
#
#	load helper
#	@test "..." {
#		start_redis
#		start_serve -r "$SSE_REDIS_URL"
#		...
#	}
#
# Where the programs are is said by BIN, how slow they run by SLOW (1, more
# under sanitizers).  A file that has a setup() or teardown() of its own calls
# sse_setup and sse_teardown in it.

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=$(realpath "${BIN:-$TOP/build}")
SLOW=${SLOW:-1}
PATH=$BIN:$PATH
export PATH TOP BIN SLOW
# Before the tests are read, for it says what $'\u00e9' in them is.
export LC_ALL=C.UTF-8
# What scripts share is not left behind compiled.
export PYTHONDONTWRITEBYTECODE=1
# A file that hangs is ended by tests/run.  Not by BATS_TEST_TIMEOUT: the sleep
# that it starts for each test may outlive a short one, and bats waits for it.
unset BATS_TEST_TIMEOUT

sse_setup() {
	declare -gA PIDS=() REDIS_PORTS=()
	FEED=
	cd "$BATS_TEST_TMPDIR" || return
	exec </dev/null
	unset SSE_REDIS_URL SSE_PREFIX SSE_REDIS_PASSWORD \
	    SSE_REDIS_PASSWORD_FILE http_proxy https_proxy all_proxy \
	    HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy NO_PROXY
	export HOME=$PWD
	# A fault found by a sanitizer in any process fails the test, also in
	# one whose exit status nobody looks at.
	mkdir san
	export ASAN_OPTIONS=exitcode=99:log_path=$PWD/san/log
	export TSAN_OPTIONS=exitcode=99:log_path=$PWD/san/log
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
	export UBSAN_OPTIONS=$UBSAN_OPTIONS:log_path=$PWD/san/log
}

# End whatever was started; a failure when it has to be killed.
end_all() {
	local name fault=0

	feed_close
	for name in "${!PIDS[@]}"; do
		# One that was stopped cannot end.  No other is woken, for that
		# would undo the stop by which LeakSanitizer looks for leaks.
		! is_stopped "${PIDS[$name]}" || kill -CONT "${PIDS[$name]}"
		kill -TERM "${PIDS[$name]}" 2>/dev/null || :
	done
	for name in "${!PIDS[@]}"; do
		await_gone "${PIDS[$name]}" || {
			echo "$name had to be killed"
			kill -KILL "${PIDS[$name]}" || :
			fault=1
		}
		wait "${PIDS[$name]}" 2>/dev/null || :
	done
	PIDS=() REDIS_PORTS=()
	return $fault
}

# A zombie has ended, even if nobody has waited for it.
is_running() {
	[ -n "$1" ] && grep -q '^State:	[^XZ]' "/proc/$1/status" 2>/dev/null
}

is_stopped() {
	grep -q '^State:	T ' "/proc/$1/status" 2>/dev/null
}

# The search for leaks finds it so when the process is killed meanwhile.
what_sanitizers_said() {
	find "$BATS_TEST_TMPDIR/san" -type f -exec cat {} + | grep -Evx \
	    '==[0-9]+==Unable to get registers from thread [0-9]+\.'
}

sse_teardown() {
	local fault=0

	end_all || fault=1
	if what_sanitizers_said; then
		fault=1
	fi
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		tail -n 20 ./*.err 2>/dev/null || :
	fi
	cd /
	return $fault
}

setup() {
	sse_setup
}

teardown() {
	sse_teardown
}

# await COMMAND...: until it succeeds, for 10 s times SLOW (AWAIT: other seconds).
await() {
	local end=$((SECONDS + ${AWAIT:-10} * SLOW))

	until "$@"; do
		if [ $SECONDS -gt $end ]; then
			echo "waited in vain: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

await_file() {
	await test -s "$1"
}

# await_grep PATTERN FILE [COUNT]: until as many lines match.
await_grep() {
	await has_matches "${3:-1}" "$1" "$2"
}

has_matches() {
	[ "$(grep -c -e "$2" -- "$3" 2>/dev/null)" -ge "$1" ]
}

# await_lines COUNT FILE: until it has as many lines.
await_lines() {
	await has_lines "$1" "$2"
}

has_lines() {
	[ "$(wc -l <"$2" 2>/dev/null || echo 0)" -ge "$1" ]
}

# await_gone PID: until a child has ended.
await_gone() {
	await is_gone "$1"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# spawn NAME COMMAND...: start it behind, with the standard input of the call,
# its output in NAME.out and NAME.err, its process ID in PIDS[NAME].  The name of
# one that still runs is taken: else nobody would end that one.
spawn() {
	local name=$1

	shift
	if is_running "${PIDS[$name]:-}"; then
		echo "$name still runs, as process ${PIDS[$name]}" >&2
		return 1
	fi
	# What one of that name has written before is nothing to wait for.
	: >"$name.out" 2>"$name.err"
	{
		# An & alone makes standard input /dev/null.
		(
			# Until it is the program it is no test either.
			trap - EXIT ERR DEBUG RETURN
			set +eET
			[ -z "$FEED" ] || eval "exec $FEED>&-"
			exec "$@" <&9 9<&- 3>&- 4>&- \
			    >"$name.out" 2>"$name.err"
		) &
	} 9<&0
	PIDS[$name]=$!
}

# await_exit NAME: until it ends of itself; its exit status is in status.
await_exit() {
	await_gone "${PIDS[$1]}" || return
	status=0
	wait "${PIDS[$1]}" || status=$?
	unset "PIDS[$1]"
}

# stop NAME [SIGNAL]: end it by TERM or SIGNAL; its exit status is in status.
stop() {
	kill "-${2:-TERM}" "${PIDS[$1]}" && await_exit "$1"
}

# feed_open: a pipe named feed, held open: start_serve <feed; feed LINE ...
feed_open() {
	mkfifo feed
	exec {FEED}<>feed
}

feed() {
	printf '%s\n' "$@" >&"$FEED"
}

# The reader of the pipe comes to its end.
feed_close() {
	[ -n "$FEED" ] || return 0
	eval "exec $FEED>&-"
	FEED=
}

# start_redis [CONF-LINE ...]: a Redis of this test alone, by a port and by a
# Unix socket: SSE_REDIS_URL and REDIS_UNIX_URL.  A second one: REDIS=other
# start_redis.  With 'appendonly yes' it keeps its data across restart_redis.
start_redis() {
	local name=${REDIS:-redis}

	mkdir "$name"
	{
		echo "unixsocket $PWD/$name/sock"
		echo "dir $PWD/$name"
		echo 'bind 127.0.0.1'
		echo 'save ""'
		echo 'daemonize no'
		printf '%s\n' "$@"
	} >"$name/conf"
	restart_redis || return
	export SSE_REDIS_URL=redis://127.0.0.1:${REDIS_PORTS[$name]}
	export REDIS_UNIX_URL=redis+unix://$PWD/$name/sock
}

# mend_redis NAME: what it was writing when it was killed is cut off as a whole.
# Redis would leave the beginning of a transaction in the file, write behind it,
# and run it or lose what follows when it starts once more: sse-redis(7).
mend_redis() {
	local manifest=$1/appendonlydir/appendonly.aof.manifest

	[ ! -e "$manifest" ] ||
	    redis-check-aof --fix "$manifest" <<<y >"$1.mend" 2>&1 || {
		cat "$1.mend"
		return 1
	}
}

# restart_redis: start it again where it was, after stop_redis or kill_redis.
restart_redis() {
	local name=${REDIS:-redis} port=${REDIS_PORTS[${REDIS:-redis}]:-} try

	mend_redis "$name" || return
	for try in {1..50}; do
		[ -n "${REDIS_PORTS[$name]:-}" ] ||
		    port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		rm -f "$name/sock"
		spawn "$name" redis-server "$name/conf" --port "$port" ||
		    return
		AWAIT=30 await redis_answers "$name" || return
		if ! is_gone "${PIDS[$name]}"; then
			REDIS_PORTS[$name]=$port
			return
		fi
		grep -q 'Address already in use' "$name.out" || break
	done
	cat "$name.out" "$name.err"
	return 1
}

# Ready, with or without a password; or gone, which the caller looks for.
redis_answers() {
	is_gone "${PIDS[$1]}" ||
	    timeout 10 redis-cli -s "$1/sock" PING 2>/dev/null | grep -Eq 'PONG|NOAUTH'
}

stop_redis() {
	stop "${REDIS:-redis}"
}

kill_redis() {
	stop "${REDIS:-redis}" KILL
}

# redis COMMAND...: ask it as redis-cli does.
redis() {
	redis-cli -s "${REDIS:-redis}/sock" "$@"
}

# start_serve [OPTION ...]: an sse-serve on a free port, awaited; URL is where.
# Its standard input is that of the call.  A second one: SERVE=other start_serve;
# again where it was: LISTEN=${URL#http://} start_serve.
start_serve() {
	local name=${SERVE:-serve}

	rm -f "$name.ready"
	spawn "$name" sse-serve -l "${LISTEN:-127.0.0.1:0}" \
	    --ready-file "$name.ready" "$@" || return
	await serve_is_up "$name"
	if is_gone "${PIDS[$name]}"; then
		cat "$name.err"
		return 1
	fi
	URL=$(head -n 1 "$name.ready")
}

serve_is_up() {
	[ -s "$1.ready" ] || is_gone "${PIDS[$1]}"
}

# not COMMAND...: it fails.  What "!" alone stands before never fails a test.
not() {
	! "$@"
}

# limit COMMAND...: in the foreground, for a bounded time; 124 when it is up.
limit() {
	timeout -k 5 $((${LIMIT:-20} * SLOW)) "$@"
}
