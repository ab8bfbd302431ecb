# A namespace lives on one shard of a Redis Cluster; links follow its slot.

bats_require_minimum_version 1.5.0
load helper
load redis_sets

# move_slot FROM TO KEY ERROR: the keys of {sse}:, as an administrator does it;
# KEY first, and the others once somebody has been answered by ERROR.
move_slot() {
	local slot from to key

	slot=$(REDIS=node1 redis CLUSTER KEYSLOT '{sse}:last')
	from=$(REDIS=$1 redis CLUSTER MYID)
	to=$(REDIS=$2 redis CLUSTER MYID)
	REDIS=$2 redis CLUSTER SETSLOT "$slot" IMPORTING "$from"
	REDIS=$1 redis CLUSTER SETSLOT "$slot" MIGRATING "$to"
	REDIS=$1 redis MIGRATE 127.0.0.1 "$(port "$2")" "$3" 0 5000
	await has_answered "$1" "$4"
	# Between the two, some of the keys are here and some are there.
	while key=$(REDIS=$1 redis CLUSTER GETKEYSINSLOT "$slot" 1) && [ -n "$key" ]; do
		REDIS=$1 redis MIGRATE 127.0.0.1 "$(port "$2")" "$key" 0 5000
		sleep 0.05
	done
	# All of them are there, and it is not told yet.
	await has_answered "$1" ASK
	REDIS=$2 redis CLUSTER SETSLOT "$slot" NODE "$to"
	REDIS=$1 redis CLUSTER SETSLOT "$slot" NODE "$to"
}

# has_answered NODE ERROR: some command.
has_answered() {
	REDIS=$1 redis INFO errorstats | grep -q "^errorstat_$2:"
}

# listened_to NODE: both who listen do so there, and nobody elsewhere.
listened_to() {
	local n

	for n in node1 node2 node3; do
		[ "$(REDIS=$n redis CLIENT LIST TYPE pubsub | grep -c addr=)" -eq \
		    "$([ $n = "$1" ] && echo 2 || echo 0)" ] || return
	done
}

@test "a cluster: found from any node, and followed when the slot moves under load" {
	start_cluster
	home=$(owner)
	away=$([ "$home" = node1 ] && echo node2 || echo node1)
	export SSE_PREFIX='{sse}:' SSE_REDIS_URL=redis://127.0.0.1:$(port "$away")
	start_serve -r '' --retry 20 -n 20000
	spawn tail sse-tail -f '{id}\t{data}\n' "$URL/events/numbers"
	spawn relay sse-relay --history 20000 redis:numbers redis:copy
	await synced
	listened_to "$home"
	spawn pub sh -c 'seq 4000 | while read -r n; do
		echo $n
		[ $((n % 50)) -ne 0 ] || sleep 0.02
	done | sse-pub --timeout 30s --history 20000 numbers'
	await_grep '	500$' tail.out
	move_slot "$home" "$away" '{sse}:last' TRYAGAIN
	await_grep '	1500$' tail.out
	await listened_to "$away"
	move_slot "$away" "$home" '{sse}:last' TRYAGAIN
	await_exit pub
	cat pub.err
	[ "$status" -eq 0 ]
	AWAIT=20 await_grep '	4000$' tail.out
	grep -v sync tail.out | cut -f 2 | diff <(seq 4000) -
	[ "$(cut -f 1 tail.out | sort | uniq -d | wc -l)" -eq 0 ]
	cut -f 1 tail.out | sort -t - -k 1,1n -k 2,2n -C
	AWAIT=20 REDIS=$home await copied 4000
	await listened_to "$home"
	not grep spublish <(REDIS=$home redis INFO commandstats)
	REDIS=$home redis XRANGE '{sse}:log:copy' - + | grep -A 1 -x data |
	    grep -E '^[0-9]+$' | diff <(seq 4000) -
}

synced() {
	sse-pub --history 20000 numbers sync
	grep -q sync tail.out &&
	    [ "$(REDIS=$home redis XLEN '{sse}:log:copy')" -gt 0 ]
}

copied() {
	redis XREVRANGE '{sse}:log:copy' + - COUNT 1 | grep -qx "$1"
}

# presence TYPE CLIENT: it is in the log of presence, wherever that is.
presence() {
	REDIS=$(owner) redis XRANGE '{sse}:log:presence' - + |
	    grep -A 2 -x "$1" | grep -qF "{\"client\":\"$2\"}"
}

@test "a cluster: who is here, though the slot moves meanwhile" {
	start_cluster
	home=$(owner)
	away=$([ "$home" = node1 ] && echo node2 || echo node1)
	export SSE_PREFIX='{sse}:' SSE_REDIS_URL=redis://127.0.0.1:$(port "$away")
	start_serve -r '' -a unix:admin --presence-events --identity-header X-User \
	    --trust-proxy 127.0.0.1
	for c in anna bert carl dora; do
		spawn $c curl -sN -H "X-User: $c" "$URL/events"
	done
	for c in anna bert carl dora; do await presence joined $c; done
	# One leaves while what is known of it is there, and the rest still here.
	not has_answered "$home" ERR
	stop anna
	stop bert
	move_slot "$home" "$away" '{sse}:clients:anna' ERR
	stop carl
	for c in anna bert carl; do AWAIT=30 await presence left $c; done
	listed() {
		curl -sS --unix-socket admin 'http://localhost/connections?all=1' |
		    grep -o '"client":"[a-z]*"' | grep -qx "\"client\":\"$1\""
	}
	await listed dora
	not listed anna
	[ "$(REDIS=$away redis KEYS '{sse}:clients:*')" = '{sse}:clients:dora' ]
	[ "$(REDIS=$away redis XLEN '{sse}:log:presence')" = 7 ]
}

@test "a cluster and a prefix without a hash tag: 78, and what to do" {
	start_node node1 0 16383
	run limit sse-pub news hello
	[ "$status" -eq 78 ]
	[[ $output == *"--prefix '{sse}:'"* ]]
	run limit sse-serve -l 127.0.0.1:0 -r ''
	[ "$status" -eq 78 ]
	run limit sse-relay redis:news -
	[ "$status" -eq 78 ]
	limit sse-pub --prefix '{sse}:' news hello
}
