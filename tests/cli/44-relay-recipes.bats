# Bridges of sse-tools(7), run as they are typed there.

bats_require_minimum_version 1.5.0
load helper

setup() {
	sse_setup
	GROUPS_OF=()
}

teardown() {
	local pid

	# The whole of a pipeline, whatever waits for whom.
	for pid in "${GROUPS_OF[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null || :
	done
	sse_teardown
}

# recipe NAME: the command below that mark, as one would type it.
recipe() {
	awk -v mark=".\\\\\" recipe: $1" '
	index($0, "recipe: '"$1"'") { found = 1 }
	found && /^\.Bd/ { inside = 1; next }
	inside && /^\.Ed/ { exit }
	inside { gsub(/\\e/, "\\"); sub(/^\$ /, ""); print }
	' "$TOP/man/sse-tools.7"
}

# type_in NAME: run it, as long as it lasts.
type_in() {
	recipe "$1" >"$1.sh"
	[ -s "$1.sh" ]
	sed -i "s|redis://localhost|$SSE_REDIS_URL|" "$1.sh"
	spawn "$1" setsid bash "$1.sh"
	GROUPS_OF+=("${PIDS[$1]}")
}

start_broker() {
	local port try

	for try in {1..20}; do
		port=$((10000 + RANDOM % 20000))
		printf 'listener %s 127.0.0.1\nallow_anonymous true\n' $port \
		    >broker.conf
		spawn broker mosquitto -c broker.conf
		await broker_answers $port
		! is_gone "${PIDS[broker]}" || continue
		mkdir -p .config
		printf -- '-p %s\n' $port | tee .config/mosquitto_sub \
		    >.config/mosquitto_pub
		return
	done
	return 1
}

broker_answers() {
	is_gone "${PIDS[broker]}" || (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

redis_has() {
	[ "$(redis XLEN "sse:log:$1")" -ge "$2" ]
}

@test "MQTT into channels" {
	start_redis
	start_broker
	# Retained, so that it does not matter who comes first.
	mosquitto_pub -r -t sensors/hall -m '21.5 "C"'
	type_in mqtt
	await redis_has sensors/hall 1
	mosquitto_pub -t sensors/yard/north -m $'two\nlines'
	await redis_has sensors/yard/north 1
	start_serve -r "$SSE_REDIS_URL"
	[ "$(limit sse-tail -n 1 "$URL/events/sensors%2Fhall?last=1")" = \
	    '21.5 "C"' ]
	[ "$(limit sse-tail -n 1 "$URL/events/sensors%2Fyard%2Fnorth?last=1")" = \
	    $'two\nlines' ]
}

@test "what PostgreSQL notifies of, as its psql prints it" {
	start_redis
	# The server is no light one; its words are as they were seen.
	mkdir -p bin
	cat >bin/psql <<-'END'
	#!/bin/sh
	read -r listen && [ "$listen" = 'LISTEN news;' ] || exit
	read -r nothing && [ "$nothing" = ';' ] || exit
	echo 'Asynchronous notification "news" with payload "hello "x" y" received from server process with PID 23902.'
	echo 'Asynchronous notification "other" with payload "" received from server process with PID 1.'
	exec cat >/dev/null
	END
	chmod +x bin/psql
	PATH=$PWD/bin:$PATH type_in psql
	await redis_has news 1
	await redis_has other 1
	redis XRANGE sse:log:news - + | grep -qx 'hello "x" y'
}
