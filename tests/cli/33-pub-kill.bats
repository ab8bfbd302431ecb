# sse-pub killed at random moments: what has arrived is counted.

bats_require_minimum_version 1.5.0
load helper

kill_it() {
	LIMIT=120 limit python3 "$TOP/tests/cli/kill.py" "$@"
}

@test "killed 200 times in a pipe to Redis, nothing is doubled or left out" {
	start_redis
	kill_it redis 200 1
}

@test "killed 200 times in a pipe to sse-serve, nothing is doubled or left out" {
	start_serve --open-publish -n 200000 --history-bytes 1g
	export URL
	kill_it post 200 2
}

@test "killed 200 times with a spool, what was acknowledged arrives once" {
	start_redis
	kill_it spool 200 3
}
