# The tests' own tools: what they start is up, and ends.

bats_require_minimum_version 1.5.0
load helper

@test "a Redis of the test's own answers on its port and its socket" {
	start_redis
	[ "$(redis PING)" = PONG ]
	[ "$(redis-cli -u "$SSE_REDIS_URL" PING)" = PONG ]
	[ -S "${REDIS_UNIX_URL#redis+unix://}" ]
}

@test "what a Redis with appendonly was given survives SIGKILL" {
	start_redis 'appendonly yes' 'appendfsync always'
	redis SET kept yes
	kill_redis
	[ "$status" -eq 137 ]
	run ! redis PING
	restart_redis
	[ "$(redis GET kept)" = yes ]
	[ "$(redis-cli -u "$SSE_REDIS_URL" GET kept)" = yes ]
}

@test "a Redis killed amid a transaction has none of it, and all that follows" {
	start_redis 'appendonly yes' 'appendfsync always'
	redis SET before yes
	redis EVAL "redis.call('SET', KEYS[1], '') redis.call('SET', KEYS[2], '')" \
	    2 half other
	kill_redis
	file=$(echo redis/appendonlydir/*.incr.aof)
	at=$(grep -abo other "$file")
	truncate -s "${at%%:*}" "$file"
	for i in 1 2; do
		restart_redis
		[ "$(redis EXISTS before half other)" = 1 ]
		redis SET "after$i" yes
		kill_redis
	done
	restart_redis
	[ "$(redis EXISTS before after1 after2)" = 3 ]
}

@test "two Redis servers are apart" {
	start_redis
	one=$SSE_REDIS_URL
	REDIS=other start_redis 'requirepass secret'
	[ "$one" != "$SSE_REDIS_URL" ]
	[[ "$(REDIS=other redis PING)" = NOAUTH* ]]
	REDIS=other stop_redis
	[ "$(redis PING)" = PONG ]
}

@test "a configuration that Redis refuses fails at once, not in vain" {
	run start_redis 'no-such-directive yes'
	[ "$status" -ne 0 ]
	[[ "$output" = *no-such-directive* ]]
}

@test "a spawned program has the input of the call, and its status is known" {
	spawn cat cat <<<'a line'
	await_exit cat
	[ "$status" -eq 0 ]
	[ "$(cat cat.out)" = 'a line' ]
	spawn false sh -c 'echo why >&2; exit 3'
	await_exit false
	[ "$status" -eq 3 ]
	[ "$(cat false.err)" = why ]
	spawn sleep sleep 1000
	stop sleep
	[ "$status" -eq 143 ]
}

@test "the name of what still runs is taken, and of what has ended free" {
	spawn sleep sleep 1000
	pid=${PIDS[sleep]}
	run spawn sleep true
	[ "$status" -ne 0 ]
	[ "$output" = "sleep still runs, as process $pid" ]
	spawn cat cat </dev/null
	await not is_running "${PIDS[cat]}"
	spawn cat cat <<<again
	await_exit cat
	[ "$(cat cat.out)" = again ]
	# One for which its parent does not wait is a zombie.
	spawn parent python3 -c 'import os, signal
pid = os.fork()
if pid == 0:
    os._exit(0)
print(pid, flush=True)
signal.pause()'
	await_lines 1 parent.out
	PIDS[zombie]=$(cat parent.out)
	await not is_running "${PIDS[zombie]}"
	kill -0 "${PIDS[zombie]}"
	spawn zombie true
	await_exit zombie
}

@test "a fed program reads each line as it comes, and the end" {
	feed_open
	spawn cat cat <feed
	feed one two
	await_lines 2 cat.out
	await_grep '^two$' cat.out
	feed_close
	await_exit cat
	[ "$status" -eq 0 ]
}

@test "waiting in vain fails" {
	AWAIT=0 run await_file nothing
	[ "$status" -eq 1 ]
	LIMIT=1 SLOW=1 run limit sleep 100
	[ "$status" -eq 124 ]
}

@test "what is stopped is woken and ended" {
	spawn sleep sleep 1000
	kill -STOP "${PIDS[sleep]}"
	await is_stopped "${PIDS[sleep]}"
	pid=${PIDS[sleep]}
	end_all
	is_gone "$pid"
}

@test "no two checks are joined by &&, for bats would see the last alone" {
	run grep -nE '^\s+\[.*\]\]? && [^|{]*[^&|{]$' "$TOP"/tests/cli/*.bats
	echo "$output"
	[ "$status" -eq 1 ]
}
