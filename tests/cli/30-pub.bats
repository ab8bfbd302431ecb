# sse-pub to Redis: what it publishes, when, and how it ends.

bats_require_minimum_version 1.5.0
load helper

# fields CHANNEL FIELD: that field of every event kept, in order.
fields() {
	redis XRANGE "sse:log:$1" - + | awk -v f="$2" 'was == f; { was = $0 }'
}

# count CHANNEL: how many events are kept.
count() {
	redis XLEN "sse:log:$1"
}

kept() {
	[ "$(count "$1")" -ge "$2" ]
}

# ends STATUS PATTERN COMMAND...: with that status, and a message that matches.
ends() {
	local want=$1 pattern=$2

	shift 2
	run --separate-stderr "$@"
	if [ "$status" -ne "$want" ] || ! grep -q -e "$pattern" <<<"$stderr"; then
		echo "status $status, not $want: $stderr"
		return 1
	fi
}

@test "a message is one event, silently" {
	start_redis
	run sse-pub news 'hello, world'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(count news)" = 1 ]
	[ "$(fields news data)" = 'hello, world' ]
}

@test "it arrives live, as an event stream" {
	start_redis
	spawn sub redis-cli -s redis/sock SUBSCRIBE sse:news
	await_grep subscribe sub.out
	id=$(sse-pub -v -e alert news 'hello')
	await_grep '^data: hello' sub.out
	grep -q '^event: alert' sub.out
	grep -q "id: $id$" sub.out
}

@test "an empty message is an event" {
	start_redis
	sse-pub news ''
	[ "$(count news)" = 1 ]
}

@test "a message that begins with a minus sign is a message" {
	start_redis
	sse-pub news -5
	sse-pub news --help
	sse-pub -- news --
	[ "$(fields news data)" = $'-5\n--help\n--' ]
}

@test "a message's line breaks arrive as line breaks" {
	start_redis
	sse-pub news $'one\ntwo'
	[ "$(fields news data)" = 'one' ]
	[ "$(redis --csv XRANGE sse:log:news - + | grep -c 'one\\ntwo')" = 1 ]
}

@test "what is not UTF-8 arrives as U+FFFD" {
	start_redis
	sse-pub news $'a\xffb'
	printf 'c\xe2\x82d\n' | sse-pub news
	[ "$(fields news data)" = $'a\ufffdb\nc\ufffdd' ]
}

@test "options become fields" {
	start_redis
	before=$(date +%s)
	sse-pub -e alert -i my-id --retry 5s --match 'region=eu' \
	    --match 'role=admin' --priority high --expires 1m news hello
	[ "$(fields news event)" = alert ]
	[ "$(fields news id)" = my-id ]
	[ "$(fields news retry)" = 5000 ]
	[ "$(fields news match)" = 'region=eu role=admin' ]
	[ "$(fields news priority)" = high ]
	expires=$(fields news expires)
	[ "${expires%.*}" -ge $((before + 59)) ]
	[ "${expires%.*}" -le $((before + 70 * SLOW)) ]
}

@test "-v prints each ID, an own one too" {
	start_redis
	run sse-pub -v -i my-id news hello
	[ "$output" = my-id ]
	run sse-pub -v news <<<$'a\nb\nc'
	[ "${#lines[@]}" = 3 ]
	redis XRANGE sse:log:news - + | grep -Ex '[0-9]+-[0-9]+' | sort -u >ids
	for id in "${lines[@]}"; do
		grep -qx "$id" ids
	done
	[ "$(sort -u <<<"$output")" = "$(sort <<<"$output")" ]
}

@test "--replicas: with too few it is published, and 75 says so" {
	start_redis
	ends 75 ': 0 replicas of 1 that --replicas wants have answered in time; ' \
	    sse-pub --replicas 1 --timeout 2s news hello
	run ! grep -q published, <<<"$stderr"
	[ "$(count news)" = 1 ]
}

@test "--replicas: a user who may not wait is told so, with 77" {
	start_redis
	redis ACL SETUSER default -wait
	ends 77 'NOPERM' sse-pub --replicas 1 --timeout 2s news hello
	[ "$(count news)" = 1 ]
}

@test "--once publishes once, and says the same ID" {
	start_redis
	first=$(sse-pub -v --once key news hello)
	second=$(sse-pub -v --once key news hello)
	sse-pub --once other news hello
	sse-pub --once key sport hello
	[ "$first" = "$second" ]
	[ "$(count news)" = 2 ]
	[ "$(count sport)" = 1 ]
}

@test "--once -v says when nothing is published" {
	start_redis
	run -0 --separate-stderr sse-pub -v --once 'a key' -i mine news hello
	[ "$output" = mine ]
	[ -z "$stderr" ]
	for spool in '' '--spool dir'; do
		# shellcheck disable=SC2086
		ends 0 'nothing is published: the key a key is known; the ID is' \
		    sse-pub $spool -v --once 'a key' news again
		[ "$output" = mine ]
		# shellcheck disable=SC2086
		ends 0 'nothing is published: the key a key is known' \
		    sse-pub $spool -v --once 'a key' -f whole news <<<again
		[ "$output" = mine ]
		# shellcheck disable=SC2086
		run -0 sse-pub $spool --once 'a key' news again
		[ -z "$output" ]
	done
	ends 0 'the key ä\\u001b is known' bash -c \
	    'sse-pub -v --once "$0" news x && sse-pub -v --once "$0" news x' $'ä\e'
	[ "$(count news)" = 2 ]
}

@test "--once -v takes no answer that was lost for a key that was known" {
	start_redis
	sse-pub news 'the script is known'
	for key in one two; do
		rm -f ready
		spawn "steal$key" python3 "$TOP/tests/cli/steal.py" \
		    "${SSE_REDIS_URL##*:}" ":$key" ready
		await_file ready
		[ "$key" = one ] || sse-pub --once two news 'known before'
		run -0 --separate-stderr sse-pub -v --once $key \
		    -r "redis://127.0.0.1:$(cat ready)" news hello
		grep -Eqx '[0-9]+-[0-9]+' <<<"$output"
		grep -q stolen "steal$key.out"
		case $key in
		one) [ -z "$stderr" ] ;;
		two) [[ $stderr == *'nothing is published: the key two '* ]] ;;
		esac
	done
	[ "$(count news)" = 3 ]
}

@test "what Redis remembers of a run is soon forgotten" {
	start_redis
	sse-pub --timeout 10s news hello
	left=$(redis PTTL "$(redis KEYS 'sse:pub:*')")
	[ "$left" -gt 10000 ]
	[ "$left" -le 70000 ]
}

@test "-n bounds the log, and 0 keeps none" {
	start_redis
	seq 3000 | sse-pub -n 100 news
	kept=$(count news)
	[ "$kept" -ge 100 ]
	[ "$kept" -le 300 ]
	sse-pub -n 0 silent hello
	[ "$(count silent)" = 0 ]
}

@test "--prefix and SSE_PREFIX name another namespace" {
	start_redis
	sse-pub --prefix one: news hello
	SSE_PREFIX=two: sse-pub news hello
	[ "$(redis XLEN one:log:news)" = 1 ]
	[ "$(redis XLEN two:log:news)" = 1 ]
	[ "$(count news)" = 0 ]
}

@test "a Unix socket will do" {
	start_redis
	sse-pub -r "$REDIS_UNIX_URL" news hello
	[ "$(count news)" = 1 ]
}

@test "-f line: lines, the last one without LF, empty ones too" {
	start_redis
	printf 'a\r\n\nb' | sse-pub news
	redis --csv XRANGE sse:log:news - + >csv
	[ "$(count news)" = 3 ]
	[ "$(fields news data | head -n 1 | od -An -c | tr -d ' ')" = 'a\n' ]
	[ "$(fields news data | tail -n 1)" = b ]
}

@test "-f nul: records, with line breaks in them" {
	start_redis
	printf 'a\nb\0c\0' | sse-pub -f nul news
	[ "$(count news)" = 2 ]
	[ "$(fields news data)" = $'a\nc' ]
}

@test "-f whole: all of it is one event" {
	start_redis
	seq 50000 >numbers
	sse-pub -f whole -i all news <numbers
	[ "$(count news)" = 1 ]
	redis XRANGE sse:log:news - + | grep -Fxc 50000
	[ "$(fields news id)" = all ]
}

@test "-f sse: an event stream, its fields kept" {
	start_redis
	printf '%s\n' ': comment' 'channel: sport' 'event: goal' 'id: 7' \
	    'data: 1:0' 'data: at last' '' 'data: plain' '' |
	    sse-pub -f sse -e other news
	[ "$(fields sport event)" = goal ]
	[ "$(fields sport id)" = 7 ]
	[ "$(fields sport data)" = '1:0' ]
	[ "$(fields news data)" = plain ]
	[ "$(fields news event)" = other ]
}

@test "-f json: lines, their members kept" {
	start_redis
	sse-pub -f json <<-'END'
	{"channel":"sport","event":"goal","data":"1:0","match":["a=b"]}

	{"channel":"news","data":"plain","retry":10}
	END
	[ "$(fields sport event)" = goal ]
	[ "$(fields sport match)" = a=b ]
	[ "$(fields news retry)" = 10 ]
}

@test "-K: each line goes to the channel that it names" {
	start_redis
	printf '%s\n' 'news:' plain 'sport:2:1' 'news:a:b' | sse-pub -K : other
	[ "$(fields news data)" = $'\na:b' ]
	[ "$(fields sport data)" = 2:1 ]
	[ "$(fields other data)" = plain ]
	printf 'a\tb c\0' | sse-pub -f nul -K '\t'
	[ "$(fields a data)" = 'b c' ]
	ends 65 'line 2: the event names no channel' sse-pub -K : <<<$'a:1\nb'
	ends 65 'line 1: there is no channel before the separator' \
	    sse-pub -K : other <<<':c'
	ends 65 'line 1: .*name' sse-pub -K : other <<<'a b:c'
	[ "$(count other)" = 1 ]
}

@test "usage errors say what is wrong, and end with 64" {
	ends 64 'unknown option' sse-pub --frobnicate news hello
	ends 64 'stands alone' sse-pub -h localhost news hello
	ends 64 'needs an argument' sse-pub -e
	ends 64 'which channel' sse-pub
	ends 64 'operands, not 2' sse-pub news much too cold
	ends 64 'operands, not 2' sse-pub news -e alert hello
	ends 64 'not the name of a channel' sse-pub '' hello
	ends 64 'only sse-serve itself' sse-pub presence hello
	ends 64 'want a name' sse-pub client: hello
	ends 64 'not the name of a channel' sse-pub 'two words' hello
	ends 64 'not the name of a channel' sse-pub 'a,b' hello
	ends 64 'not the name of a channel' sse-pub 'a*' hello
	ends 64 'not the name of a channel' sse-pub $'\xff' hello
	ends 64 'not the name of a channel' \
	    sse-pub "$(printf 'x%.0s' {1..201})" hello
	ends 64 'sse:' sse-pub -e sse:gap news hello
	ends 64 '' sse-pub -e $'a\nb' news hello
	ends 64 '' sse-pub -i $'a\nb' news hello
	ends 64 'is empty' sse-pub -i '' news hello
	ends 64 'not UTF-8' sse-pub -e $'\xff' news hello
	ends 64 'one event' sse-pub -i x news
	ends 64 'one event' sse-pub --once x news
	ends 64 'is a message' sse-pub -f json news hello
	ends 64 'none of line' sse-pub -f xml news
	ends 64 'form' sse-pub --match eu news hello
	ends 64 'neither high' sse-pub --priority low news hello
	ends 64 'invalid' sse-pub --timeout soon news hello
	ends 64 'two places' sse-pub -r redis://h -u http://h news hello
	ends 64 'Redis' sse-pub -u http://h --once-for 1h news hello
	ends 64 'Redis' sse-pub -u http://h --raw news hello
	ends 64 'for --url' sse-pub -H 'X: y' news hello
	ends 64 'needs --spool' sse-pub --spool-ok news hello
	ends 64 'needs --spool' sse-pub --flush
	ends 64 'operands' sse-pub --flush --spool dir news
	ends 64 'spool reaches nobody' sse-pub --spool dir --wait 1 news hello
	ends 64 'channel and a command' sse-pub -x news
	ends 64 'of its own' sse-pub -x -e alert news true
	ends 64 'for --exec' sse-pub -q news hello
	ends 64 'would mix' sse-pub -v -x news true
	ends 64 'there is a command' sse-pub -x -f json news true
	ends 64 'there is a message' sse-pub -K : news hello
	ends 64 'is empty' sse-pub -K '' news
	ends 64 'escapes' sse-pub -K '\q' news
	ends 64 'line and nul' sse-pub -K : -f whole news
	ends 64 'plain PUBLISH' sse-pub --raw -e alert news hello
	ends 64 'plain PUBLISH' sse-pub --raw -f json news
	ends 64 'no ID' sse-pub --raw -v news hello
	ends 64 'small' sse-pub --max-batch 0 news
	ends 64 'large' sse-pub --max-batch 10001 news
	ends 64 'small' sse-pub --wait 0 news
	ends 64 'it is not http' sse-pub -u localhost:8080 news hello
	ends 64 'names a channel' sse-pub -u http://h/events/news hello
	ends 64 '--redis names a channel' sse-pub -r redis:news news hello
	SSE_REDIS_URL=redis:news ends 64 'SSE_REDIS_URL names' sse-pub news hello
	ends 64 '--redis: ' sse-pub -r redis://h:port news hello
	ends 64 'it is none of redis://HOST, redis+unix://PATH, sentinel://HOST/MASTER' \
	    sse-pub -r localhost:6379 news hello
}

@test "standard input without an event ends with 66" {
	start_redis
	for format in line nul whole sse json; do
		ends 66 'no event' sse-pub -f $format news </dev/null
	done
	ends 66 'no event' sse-pub -f sse news <<<': a comment'
	[ "$(redis EXISTS sse:last)" = 0 ]
}

@test "standard input that cannot be read ends with 74" {
	start_redis
	ends 74 'standard input: Is a directory' sse-pub news </
	ends 74 'standard input is closed' sh -c 'exec sse-pub news <&-'
}

@test "a malformed line is named, what came before is published: 65" {
	start_redis
	{
		echo '{"data":"one"}'
		echo '{"data":"two"}'
		echo 'three'
		echo '{"data":"four"}'
	} >in
	ends 65 'line 3: ' sse-pub -f json news <in
	[ "$(fields news data)" = $'one\ntwo' ]
	ends 65 'line 1: ' sse-pub -f json news <<<'{"data":1}'
	ends 65 'line 1: ' sse-pub -f json news <<<'{"dta":"x"}'
	ends 65 'line 1: ' sse-pub -f json news <<<'{"channel":"a b","data":"x"}'
	ends 65 'line 1: .*no channel' sse-pub -f json <<<'{"data":"x"}'
	printf '%s\n' 'data: a' '' 'expires: soon' 'data: b' '' >in
	ends 65 'line 3: ' sse-pub -f sse sport <in
	ends 65 'line 1: .*no channel' sse-pub -f sse <<<$'data: x\n'
	ends 65 'within an event' sse-pub -f sse sport <<<'data: cut'
	[ "$(fields sport data)" = a ]
	[ "$(count news)" = 2 ]
}

@test "an event over the limit is refused: 65" {
	start_redis
	ends 65 'line 2: .*100 bytes' \
	    sse-pub --max-event 100 news < <(echo a; printf '%0200d\n' 0; echo b)
	[ "$(fields news data)" = a ]
	ends 65 '100 bytes' \
	    sse-pub --max-event 100 news "$(printf '%0200d' 0)"
	ends 65 '' sse-pub --max-event 100 -f whole news < <(seq 100)
	# A line that never ends does not fill the memory.
	ends 65 'line 1: ' limit sse-pub news < <(yes | tr -d '\n')
	[ "$(count news)" = 1 ]
}

@test "no Redis ends with 69, at once" {
	start_redis
	stop_redis
	SECONDS=0
	ends 69 'Connection refused' sse-pub news hello
	ends 69 '' sse-pub -r redis+unix:///nowhere news hello
	ends 69 '' sse-pub -r redis://no-such-host.invalid news hello
	[ $SECONDS -lt $((10 * SLOW)) ]
}

@test "what answers, but not as Redis, ends with 76" {
	start_serve
	ends 76 '' sse-pub -r "redis://${URL#http://}" news hello
}

@test "a Redis that asks for a password ends with 77, and the remedy" {
	start_redis 'requirepass secret'
	ends 77 'SSE_REDIS_PASSWORD' sse-pub news hello
	SSE_REDIS_PASSWORD=wrong ends 77 '' sse-pub news hello
	SSE_REDIS_PASSWORD=secret sse-pub news one
	echo secret >password
	chmod 600 password
	SSE_REDIS_PASSWORD_FILE=password sse-pub news two
	sse-pub -r "redis://:secret@${SSE_REDIS_URL#redis://}" news three
	chmod 644 password
	SSE_REDIS_PASSWORD_FILE=password ends 0 \
	    '^sse-pub: password: others can read the secret in it: chmod 600$' sse-pub news four
	SSE_REDIS_PASSWORD_FILE=nowhere ends 78 'nowhere' sse-pub news five
	redis -a secret --no-auth-warning XLEN sse:log:news | grep -qx 4
	# The password is in no message.
	stop_redis
	run sse-pub -r "redis://:secret@${SSE_REDIS_URL#redis://}" news hello
	[ "$status" -eq 69 ]
	[[ "$output" != *secret* ]]
}

@test "a user who may not write ends with 77" {
	start_redis
	redis ACL SETUSER reader on '>pass' '~*' '&*' +@read +@connection
	ends 77 '' sse-pub -r "redis://reader:pass@${SSE_REDIS_URL#redis://}" news hello
}

@test "a Redis without memory is busy: 75, within the time" {
	start_redis 'maxmemory 1'
	ends 75 '' sse-pub --timeout 1s news hello
}

@test "a Redis that runs a script is waited for" {
	start_redis 'busy-reply-threshold 50'
	redis EVAL 'while true do end' 0 >/dev/null &
	await busy
	ends 75 'BUSY' sse-pub --timeout 1s news one
	sse-pub --timeout 60s news two &
	redis SCRIPT KILL
	wait $!
	[ "$(fields news data)" = two ]
}

busy() {
	redis PING | grep -q BUSY
}

@test "a Redis that does not answer is waited for until the time is up" {
	start_redis
	sse-pub news one
	kill -STOP "${PIDS[redis]}"
	SECONDS=0
	ends 69 '' sse-pub --timeout 1s news two
	[ $SECONDS -lt $((8 * SLOW)) ]
	kill -CONT "${PIDS[redis]}"
}

@test "a line leaves as soon as it has come, and a half line at the end" {
	start_redis
	feed_open
	spawn pub sse-pub -v news <feed
	for n in 1 2 3; do
		feed "line $n"
		await kept news "$n"
		await_lines "$n" pub.out
	done
	printf 'half' >&"$FEED"
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
	[ "$(fields news data)" = $'line 1\nline 2\nline 3\nhalf' ]
}

@test "answers that come together are all looked at" {
	start_redis
	# One that was overlooked would be waited for until the time is up.
	for n in {1..20}; do
		seq $n | limit sse-pub --timeout 1h --max-batch 1 news
		seq $n | limit sse-pub --timeout 1h --max-batch 1 --raw news
		seq $((3 * n)) | limit sse-pub --timeout 1h --max-batch 2 news
	done
	[ "$(count news)" = 840 ]
}

@test "when its reader has gone, the publishing goes on" {
	start_redis
	feed_open
	spawn pub sh -c 'sse-pub -v news | head -n 1' <feed
	feed one
	await_lines 1 pub.out
	feed two
	await kept news 2
	feed three
	await kept news 3
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
}

@test "IDs that cannot be written end it with 74, and the line" {
	start_redis
	seq 5000 >in
	ends 74 'standard output: No space' \
	    sh -c 'exec sse-pub -v -n 9999 news <in >/dev/full'
	published=$(count news)
	[ "$published" -lt 5000 ]
	[[ "$stderr" = *"what follows line $published is not published"* ]]
	ends 74 'message is published, but standard output: No space' \
	    sh -c 'sse-pub -v news hello >/dev/full'
}

@test "descriptors that are closed are said before anything is published" {
	start_redis
	ends 74 'standard output is closed.*--verbose.*nothing is published$' \
	    sh -c 'sse-pub -v news hello >&-'
	ends 74 'standard output is closed' \
	    sh -c 'seq 3 | sse-pub -v news >&-'
	[ "$(count news)" = 0 ]
	sh -c 'sse-pub news hello <&- >&- 2>&-'
	sh -c 'seq 2 | sse-pub news >&- 2>&-'
	[ "$(count news)" = 3 ]
}

@test "a signal: whole lines are published, then it dies by it" {
	start_redis
	for signal in TERM INT; do
		redis FLUSHALL
		FEED=
		rm -f feed
		feed_open
		# A shell's background process ignores SIGINT.
		spawn pub env --default-signal=INT sse-pub news <feed
		feed one two
		await kept news 2
		printf half >&"$FEED"
		stop pub $signal
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ "$(fields news data)" = $'one\ntwo' ]
		feed_close
	done
}

@test "a signal while Redis is away: what is not published is said" {
	start_redis
	feed_open
	spawn pub sse-pub --timeout 2s news <feed
	feed one
	await kept news 1
	kill -STOP "${PIDS[redis]}"
	feed two
	# It has been taken in, and will be sent before the signal is looked at.
	await fed
	stop pub TERM
	[ "$status" -eq 143 ]
	grep -q 'line 2 may have been published' pub.err
	kill -CONT "${PIDS[redis]}"
}

# Something lies unread in a socket of the Redis that is stopped.
fed() {
	local port

	printf -v port '%04X' "${REDIS_PORTS[redis]}"
	awk -v p=":$port" 'index($2, p) && $4 == "01" && $5 !~ /:0+$/ { f = 1 }
	    END { exit !f }' /proc/net/tcp
}

@test "on a terminal it says that it reads" {
	start_redis
	cat >typist.py <<-'END'
	import os, pty, sys
	pid, terminal = pty.fork()
	if pid == 0:
	    os.execvp("sse-pub", ["sse-pub", "news"])
	seen = b""
	while b"reading standard input" not in seen:
	    seen += os.read(terminal, 1000)
	os.write(terminal, b"typed\n\4")
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	limit python3 typist.py
	[ "$(fields news data)" = typed ]
}

# The lines 1 to N must each be kept once, in order.
all_once() {
	fields news data >got
	seq "$1" | cmp - got
}

logged() {
	[ "$(redis EXISTS sse:log:news)" = 1 ]
}

@test "connections cut off again and again double and lose nothing" {
	start_redis
	spawn pub sse-pub -n 1000000 news < <(seq 200000)
	# A first connection that fails is the end.
	await logged
	cuts=0
	until is_gone "${PIDS[pub]}"; do
		redis CLIENT KILL TYPE normal >/dev/null
		cuts=$((cuts + 1))
	done
	await_exit pub
	cat pub.err
	[ "$status" -eq 0 ]
	[ "$cuts" -ge 10 ]
	all_once 200000
}

@test "a Redis killed in the middle and back doubles and loses nothing" {
	start_redis 'appendonly yes' 'appendfsync always'
	feed_open
	spawn pub sse-pub --timeout 60s -n 1000000 news <feed
	{ seq 100000 >&"$FEED"; } &
	producer=$!
	for part in 1 2 3; do
		await kept news $((part * 10000))
		kill_redis
		restart_redis
	done
	wait $producer
	feed_close
	await_exit pub
	cat pub.err
	[ "$status" -eq 0 ]
	all_once 100000
}

@test "a Redis that has lost batches it had answered: said, and gone on" {
	start_redis
	feed_open
	spawn pub sse-pub news <feed
	for n in 1 2 3; do
		feed "$n"
		await kept news "$n"
	done
	# As a replica would have it that had seen no more than the first.
	redis HSET "$(redis KEYS 'sse:pub:*')" number 1
	feed 4
	await kept news 4
	feed 5
	await kept news 5
	feed_close
	await_exit pub
	[ "$status" -eq 0 ]
	grep -q 'are lost; going on' pub.err
	[ "$(wc -l <pub.err)" = 1 ]
	all_once 5
}

@test "a Redis that stays away: the first line not published is said" {
	start_redis
	feed_open
	spawn pub sse-pub --timeout 500ms news <feed
	feed one two
	await kept news 2
	stop_redis
	feed three four
	await_exit pub
	[ "$status" -eq 69 ]
	grep -Eq 'lines? 3 (to 4 )?may have been published, what follows' pub.err
}

@test "a million lines, in flat memory, without libcurl" {
	start_redis
	feed_open
	spawn pub sse-pub -n 1000 news <feed
	seq 1000000 >&"$FEED"
	await_grep VmHWM "/proc/${PIDS[pub]}/status"
	memory=$(awk '/^VmHWM/ { print $2 }' "/proc/${PIDS[pub]}/status")
	echo "$memory kB"
	[ "$SLOW" -gt 1 ] || [ "$memory" -le 10240 ]
	! grep -q libcurl "/proc/${PIDS[pub]}/maps"
	grep -q libhiredis "/proc/${PIDS[pub]}/maps"
	feed_close
	AWAIT=60 await_exit pub
	[ "$status" -eq 0 ]
	[ "$(fields news data | tail -n 1)" = 1000000 ]
}
