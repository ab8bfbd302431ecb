# A failover that loses events, as relays see it that read them from Redis:
# each of them is told, whatever it does with them and however it gets there.

bats_require_minimum_version 1.5.0
load helper
load redis_sets

RELAYS='line another far posted same http'

# start_relay NAME: what it carries of channel a, and where to.
start_relay() {
	local from=redis:a to

	case $1 in
	line | another) to=(--state "$1.state" -f json -) ;;
	far) to=("$FAR?channel=far") ;;
	posted) to=(--state posted.state "$THERE/events/posted") ;;
	same) to=(redis:same) ;;
	http)
		from=$HERE/events/a
		to=(--state http.state -f json -)
		;;
	esac
	[ "${to[-1]}" != - ] || to[-1]=">>$1.json"
	start_to "$1" "$from" "${to[@]}"
}

# start_to NAME SOURCE OPTION ...: with the sink last; ">>FILE" is appended to.
start_to() {
	local name=$1 from=$2 to=${*: -1}

	shift 2
	set -- "${@:1:$#-1}"
	case $to in
	'>>'*) spawn "$name" sh -c 'exec sse-relay "$@" - >>"$0"' "${to#>>}" \
	    "$@" "$from" ;;
	*) spawn "$name" sse-relay "$@" "$from" "$to" ;;
	esac
}

# All of them, until the events one and two, and lost, which will be.
start_all() {
	local r

	other_redis elsewhere
	FAR=redis://127.0.0.1:$(port elsewhere)
	start_sentinels
	SERVE=here start_serve -r "$SSE_REDIS_URL" --retry 20 </dev/null
	HERE=$URL
	SERVE=there start_serve --open-publish </dev/null
	THERE=$URL
	spawn reader curl -sN "$THERE/events/posted"
	for r in $RELAYS; do start_relay "$r"; done
	await all_have sync sse-pub a sync
	sse-pub a <<<$'one\ntwo'
	await all_have two
	lag_replica
	sse-pub "$@" a lost
	await all_have lost
}

# all_have DATA [COMMAND ...]: it has come by each; else that is done.
all_have() {
	local r data=$1

	shift
	for r in $RELAYS; do
		came "$r" | grep -qx "$data" || {
			"$@"
			return 1
		}
	done
}

# came NAME: what has come by that relay, a line each, a gap as GAP.
came() {
	case $1 in
	far) REDIS=elsewhere logged far ;;
	same) REDIS=$MASTER logged same ;;
	posted) awk '/^event: sse:gap/ { print "GAP"; gap = 1 }
	    /^data: / { if (!gap) print substr($0, 7); gap = 0 }' reader.out ;;
	*) jq -r 'if .event == "sse:gap" then "GAP" else .data end' "$1.json" ;;
	esac
}

logged() {
	redis XRANGE "sse:log:$1" - + |
	    awk 'was == "data" { print /^{"after"/ ? "GAP" : $0 } { was = $0 }'
}

# Each was told, and has passed it on.  What went into the same Redis was lost
# there together with the mark, so what is read on from there lacks nothing.
all_told() {
	local r

	for r in $RELAYS; do
		[ "$r" != same ] || continue
		grep -q 'gap: events behind' "$r.err" || return
		came "$r" | grep -qx GAP || return
	done
}

mark_went_back() {
	grep -q 'the mark of .* went from .*; reading on from there' same.err
}

# check DATA ...: what has come behind the gap.
check() {
	local r

	for r in $RELAYS; do
		if [ "$r" = same ]; then
			diff <(came same | grep -vx sync) \
			    <(printf '%s\n' one two "$@")
		else
			diff <(came "$r" | grep -vx sync) \
			    <(printf '%s\n' one two lost GAP "$@")
		fi || {
			echo "$r"
			return 1
		}
	done
}

MASTER=one

@test "the master is killed: each relay is told what its replica lacked" {
	start_all
	REDIS=one kill_redis
	MASTER=two
	promote_replica
	# They are told though nothing comes any more.
	AWAIT=20 await all_told
	sse-pub a new
	await all_have new
	check new
	mark_went_back
}

@test "the master is frozen and demoted: each relay is told" {
	start_all
	kill -STOP "${PIDS[one]}"
	MASTER=two
	promote_replica
	kill -CONT "${PIDS[one]}"
	AWAIT=40 await is_replica one
	AWAIT=40 await all_told
	sse-pub a new
	await all_have new
	check new
	mark_went_back
}

is_replica() {
	REDIS=$1 redis ROLE | head -n 1 | grep -qx slave
}

@test "all are frozen until more has been published: each relay is told" {
	start_all
	for r in here $RELAYS; do kill -STOP "${PIDS[$r]}"; done
	REDIS=one kill_redis
	MASTER=two
	promote_replica
	sse-pub a <<<$'new\nnewer'
	for r in here $RELAYS; do kill -CONT "${PIDS[$r]}"; done
	AWAIT=20 await all_have newer
	AWAIT=20 await all_told
	check new newer
	mark_went_back
}

@test "relays that start again with marks of what is lost: each is told" {
	# It stands in the future, so that what comes next stands before it.
	start_all -i "$(($(date +%s%3N) + 40000))-0"
	for r in here $RELAYS; do stop "$r"; done
	REDIS=one kill_redis
	MASTER=two
	promote_replica
	sse-pub a before
	LISTEN=${HERE#http://} SERVE=here start_serve -r "$SSE_REDIS_URL" </dev/null
	for r in $RELAYS; do start_relay "$r"; done
	AWAIT=20 await all_told
	sse-pub a new
	await all_have new
	for r in $RELAYS; do
		[ "$r" != same ] || continue
		# Behind a gap a server may tell all that is kept once more.
		came "$r" | grep -vx 'sync\|before' | sed -n '1,4p; $p' |
		    diff - <(printf '%s\n' one two lost GAP new)
	done
	came same | grep -vx sync | diff - <(printf '%s\n' one two before new)
}
