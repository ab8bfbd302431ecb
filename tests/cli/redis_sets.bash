# More than one Redis: a master with a replica and sentinels, and a cluster.
# Loaded behind helper.

# other_redis NAME [CONF-LINE ...]: as start_redis.
other_redis() {
	local name=$1

	shift
	REDIS=$name start_redis "$@"
}

# port NAME: of a Redis that was started.
port() {
	echo "${REDIS_PORTS[$1]}"
}

# start_sentinels [CONF-LINE ...]: redis "one", its replica "two", three
# sentinels who notice within a second; SSE_REDIS_URL is theirs.
start_sentinels() {
	local n hosts=

	other_redis one 'repl-diskless-sync-delay 0' "$@" || return
	other_redis two 'repl-diskless-sync-delay 0' \
	    "replicaof 127.0.0.1 $(port one)" "$@" || return
	await replica_is_there two
	for n in 1 2 3; do
		start_sentinel "s$n" || return
		hosts=$hosts,127.0.0.1:$(port "s$n")
	done
	for n in 1 2 3; do
		await sentinel_sees "s$n"
	done
	export SSE_REDIS_URL=sentinel://${hosts#,}/ours
}

replica_is_there() {
	REDIS=$1 redis INFO replication | grep -q 'master_link_status:up'
}

start_sentinel() {
	local name=$1 port try

	mkdir "$name"
	for try in {1..20}; do
		port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		cat >"$name/conf" <<-EOF
			unixsocket $PWD/$name/sock
			bind 127.0.0.1
			port $port
			dir $PWD/$name
			sentinel monitor ours 127.0.0.1 $(port one) 2
			sentinel down-after-milliseconds ours 600
			sentinel failover-timeout ours 4000
		EOF
		spawn "$name" redis-server "$name/conf" --sentinel || return
		REDIS=$name await redis_answers "$name"
		if ! is_gone "${PIDS[$name]}"; then
			REDIS_PORTS[$name]=$port
			return
		fi
	done
	cat "$name.out"
	return 1
}

# It knows the replica and the two other sentinels.
sentinel_sees() {
	REDIS=$1 redis SENTINEL MASTER ours >"$1.sees"
	has_pair num-slaves 1 "$1.sees" && has_pair num-other-sentinels 2 "$1.sees"
}

has_pair() {
	grep -A 1 -x "$1" "$3" | grep -qx "$2"
}

# is_master NAME: it says so itself.
is_master() {
	REDIS=$1 redis ROLE | head -n 1 | grep -qx master
}

# What is published from here on the replica lacks.
lag_replica() {
	await same_log || return
	kill -STOP "${PIDS[two]}"
	# What was sent to it already would be read once it goes on.
	[ "$(REDIS=one redis CLIENT KILL TYPE replica)" -eq 1 ] &&
	    REDIS=one redis INFO replication | grep -q 'connected_slaves:0'
}

same_log() {
	[ "$(REDIS=one redis GET sse:last)" = "$(REDIS=two redis GET sse:last)" ]
}

# The master is gone: it goes on, and takes its place.
promote_replica() {
	kill -CONT "${PIDS[two]}"
	AWAIT=40 await is_master two && AWAIT=20 await all_say two
}

# all_say NAME: to whoever asks for the master.
all_say() {
	local s

	for s in s1 s2 s3; do
		REDIS=$s redis SENTINEL GET-MASTER-ADDR-BY-NAME ours |
		    grep -qx "$(port "$1")" || return
	done
}

# start_cluster: three masters, "node1" to "node3", on loopback.
start_cluster() {
	local n

	for n in 1 2 3; do
		start_node "node$n" $(((n - 1) * 5461)) \
		    $((n == 3 ? 16383 : n * 5461 - 1)) || return
		REDIS=node$n redis CLUSTER SET-CONFIG-EPOCH "$n" >/dev/null
	done
	for n in 2 3; do
		REDIS=node1 redis CLUSTER MEET 127.0.0.1 "$(port "node$n")" >/dev/null
	done
	for n in 1 2 3; do
		await cluster_is_up "node$n"
	done
}

# start_node NAME FROM TO: one that has these slots.
start_node() {
	other_redis "$1" 'cluster-enabled yes' 'cluster-node-timeout 2000' &&
	    [ "$(REDIS=$1 redis CLUSTER ADDSLOTSRANGE "$2" "$3")" = OK ]
}

cluster_is_up() {
	REDIS=$1 redis CLUSTER INFO >"$1.info"
	grep -q 'cluster_state:ok' "$1.info" &&
	    grep -q "cluster_slots_ok:16384" "$1.info"
}

# owner: the name of the node that has the keys of {sse}:
owner() {
	local n

	for n in node1 node2 node3; do
		if ! REDIS=$n redis GET '{sse}:last' | grep -q MOVED; then
			echo $n
			return
		fi
	done
	return 1
}
