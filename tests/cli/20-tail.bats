# sse-tail against a server that misbehaves, and its ends.

bats_require_minimum_version 1.5.0
load helper

# misbehave [CERTIFICATE KEY [CLIENT-CA]]: start the server; BAD is its URL.
misbehave() {
	spawn bad /usr/bin/python3 "$TOP/tests/cli/misbehave.py" bad.ready \
	    bad.log "$@"
	await_file bad.ready
	BAD=$(cat bad.ready)
}

setup() {
	sse_setup
	misbehave
}

# tail_says STATUS OUTPUT [OPTION ...] PATH: run it and compare; standard error is
# left in said.
tail_says() {
	local want=$1 lines=$2 got=0

	shift 2
	limit sse-tail "${@:1:$#-1}" "$BAD${*: -1}" >out 2>said || got=$?
	if [ "$got" -ne "$want" ] || [ "$(cat out)" != "$lines" ]; then
		echo "sse-tail $*: status $got, not $want; output:"
		cat out said
		return 1
	fi
}

# The message is one line that names the URL and this cause.
because() {
	[ "$(wc -l <said)" -eq 1 ] && grep -q "^sse-tail: $BAD/.*: $1" said
}

silent() {
	[ ! -s said ]
}

@test "a stream ends with sse:end, 204 or -n" {
	tail_says 0 a /ended
	silent
	tail_says 0 '' /no-more
	silent
	tail_says 0 one -n 1 /one
	silent
}

@test "an answer that is no event stream: 76" {
	tail_says 76 '' /not-found
	because 'HTTP status 404$'
	tail_says 76 '' /nowhere
	because 'HTTP status 404$'
	tail_says 76 '' /type
	because 'the answer is text/html, not text/event-stream$'
	tail_says 76 '' /busy-first
	because 'HTTP status 503$'
	tail_says 76 '' /not-http
	because ''
	tail_says 76 '' /huge-head
	because 'the head of the answer is too large$'
	tail_says 76 '' /huge-line
	because 'the head of the answer is too large$'
	tail_says 76 '' /loop
	because '.*redirect'
	tail_says 76 '' /to-file
	because '.*file'
	tail_says 76 '' /to-not-found
	because "HTTP status 404, redirected to $BAD/not-found$"
}

@test "not allowed: 77" {
	tail_says 77 '' /unauthorized
	because 'HTTP status 401$'
	tail_says 77 '' /forbidden
	because 'HTTP status 403$'
	tail_says 77 '' -u u:wrong /password
	because 'HTTP status 401$'
	tail_says 0 welcome -u u:p /password
}

@test "a password is in no message and not in the list of processes" {
	run -69 --separate-stderr limit sse-tail \
	    http://user:hidden@127.0.0.1:9/x
	[ "$stderr" = 'sse-tail: http://127.0.0.1:9/x: Connection refused' ]
	spawn tail sse-tail -u user:hidden "$BAD/one"
	await_lines 1 tail.out
	tr '\0' ' ' <"/proc/${PIDS[tail]}/cmdline" >seen
	grep -q 'sse-tail -u' seen
	run -1 grep hidden seen
}

@test "no password and no terminal to ask for one on: 64" {
	run -64 --separate-stderr limit setsid -w sse-tail -u user "$BAD/one"
	[[ "$stderr" = *"needs a password"* ]]
}

@test "a password that is left out is asked for on the terminal" {
	# Typed once it is asked for: what is typed before is thrown away.
	mkfifo typed
	exec {typed}<>typed
	spawn tail script -qefc "sse-tail -u u $BAD/password" asked <typed
	await_grep 'Password of u: ' asked
	echo p >&"$typed"
	exec {typed}>&-
	await_exit tail
	[ "$status" -eq 0 ]
	grep -q welcome asked
	run -1 grep 'of u: p' asked
}

@test "it cannot be reached: 69" {
	run -69 --separate-stderr limit sse-tail http://127.0.0.1:9/
	[ "$stderr" = 'sse-tail: http://127.0.0.1:9/: Connection refused' ]
	run -69 --separate-stderr limit sse-tail http://nowhere.invalid/
	[[ "$stderr" = 'sse-tail: http://nowhere.invalid/: '* ]]
	tail_says 69 one --retry 0 --idle 1s /one
	because 'nothing came for 1 s$'
	tail_says 69 '' --retry 0 --connect-timeout 100ms --idle 1s /mute
	tail_says 69 'a
b' --retry 0 /half
	because '.*transfer closed'
}

@test "usage: 64, and the message says what is wrong" {
	try() {
		run -64 --separate-stderr limit sse-tail "${@:2}"
		[[ "$stderr" = *"$1"*$'\n'"Try: sse-tail --help" ]] || {
			echo "$stderr"
			return 1
		}
		[ -z "$output" ]
	}
	try 'there is no url'
	try 'unknown option --nope' --nope "$BAD/ended"
	try '-h stands alone' -h localhost
	try '2 operands' "$BAD/ended" "$BAD/one"
	try 'braces hold none of' -f '{dat}' "$BAD/ended"
	try 'it is none of line' -f lines "$BAD/ended"
	try 'not closed' -f '{data' "$BAD/ended"
	try 'channel "a b"' -c 'a b' "$BAD/"
	try 'channel ""' -c '' "$BAD/"
	try 'neither http nor https' ftp://127.0.0.1/x
	try 'neither http nor https' file:///etc/passwd
	try 'it has no host' :8080/events
	try 'it is no URL' 'http://127.0.0.1:99999/'
	try 'invalid' -n x "$BAD/ended"
	try 'too small' -n 0 "$BAD/ended"
	try 'invalid' -m soon "$BAD/ended"
	try 'neither warn nor fail' --gap maybe "$BAD/ended"
	try 'it is no header' -H nonsense "$BAD/ended"
	try 'it has a line break' -H $'a: b\r\nc: d' "$BAD/ended"
	try 'no line break' -i $'a\nb' "$BAD/ended"
	try 'there is none behind standard input' -c news -
}

@test "files: 66 when they cannot be read, 73 when they cannot be made" {
	run -66 --separate-stderr limit sse-tail -H @absent "$BAD/ended"
	[ "$stderr" = 'sse-tail: absent: No such file or directory' ]
	run -66 limit sse-tail -d @absent "$BAD/ended"
	truncate -s 17M large
	run -66 --separate-stderr limit sse-tail -d @large "$BAD/ended"
	[[ "$stderr" = *'larger than 16m' ]]
	run -73 --separate-stderr limit sse-tail -o no/such "$BAD/ended"
	[ "$stderr" = 'sse-tail: no/such: No such file or directory' ]
}

@test "-o writes a file that only its owner can read" {
	tail_says 0 '' -o file /ended
	[ "$(cat file)" = a ]
	[ "$(stat -c %a file)" = 600 ]
}

@test "a full disk, or no standard output at all: 74" {
	run -74 --separate-stderr limit sh -c "sse-tail $BAD/ended >/dev/full"
	[ "$stderr" = 'sse-tail: standard output: No space left on device' ]
	run -74 --separate-stderr limit sh -c "sse-tail $BAD/flood >/dev/full"
	[ "$stderr" = 'sse-tail: standard output: No space left on device' ]
	run -74 --separate-stderr limit sh -c "sse-tail $BAD/ended >&-"
	[ "$stderr" = 'sse-tail: standard output: Bad file descriptor' ]
	run -74 --separate-stderr limit sh -c 'sse-tail - <.'
	[ "$stderr" = 'sse-tail: standard input: Is a directory' ]
}

@test "memory that runs out: 70" {
	local bound='ulimit -v 300000'

	# Sanitizers need more address space than that, and have their own bound.
	[ "$SLOW" -eq 1 ] || bound="export ASAN_OPTIONS=$ASAN_OPTIONS:log_path=stderr:allocator_may_return_null=1:max_allocation_size_mb=200"
	run -70 --separate-stderr limit sh -c \
	    "$bound; sse-tail --max-event 1g '$BAD/large?500000000'"
	[[ "$stderr" = *'memory'* ]]
}

@test "certificates: 69 when the server's is unknown, 78 when ours is unusable" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 \
	    -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2>/dev/null
	rm bad.ready
	stop bad
	misbehave cert key
	tail_says 69 '' /ended
	because '.*certificate'
	tail_says 0 a -k /ended
	tail_says 0 a --cacert cert /ended
	tail_says 78 '' --cacert absent /ended
	tail_says 78 '' -k --cert absent /ended
	rm bad.ready
	stop bad
	misbehave cert key cert
	tail_says 69 '' --cacert cert /ended
	tail_says 0 a --cacert cert --cert cert --key key /ended
}

@test "time is up: 0, or 1 when -n is unmet" {
	tail_says 0 one -m 300ms /one
	silent
	tail_says 1 one -m 300ms -n 2 /one
	[ "$(cat said)" = 'sse-tail: time is up: 1 of 2 events came' ]
	tail_says 1 '' -m 300ms -n 1 /mute
	# While it waits to connect again, and with more than it can print.
	tail_says 1 a -q -m 300ms -n 2 /close
	silent
	limit sse-tail -m 300ms "$BAD/flood" >out
	[ -s out ]
}

@test "a gap is warned of, or ends it with 80" {
	tail_says 0 b /gap
	because 'gap: events after 1-0 and before 5\\u001b are lost$'
	tail_says 0 b -q /gap
	silent
	tail_says 80 '' --gap fail /gap
	because 'gap:'
	tail_says 0 '{"after":"1-0","oldest":"5\u001b"}' -e sse:gap /gap
}

@test "it connects again with the last event ID, and each event comes once" {
	tail_says 0 "$(seq 20)" /reset
	silent
	grep -c 'GET /reset' bad.log >n
	[ "$(cat n)" -gt 5 ]
	grep -q '^GET /reset 18$' bad.log
	tail_says 0 "$(seq 5 20)" -i 4 /reset
}

@test "busy is borne after a success, or with --retry from the first" {
	tail_says 0 'first
then' /busy-later
	because 'HTTP status 503; trying again$'
	grep -q '^GET /busy-later 1$' bad.log
	tail_says 0 'at last' --retry 2 /busy-first
	silent
	tail_says 76 '' --retry 0 /not-found
	tail_says 0 a --retry 0 /close
	silent
}

@test "why the server sends us away is said" {
	tail_says 1 '' -m 3s -n 1 /soft
	[ "$(wc -l <said)" -eq 2 ]
	grep -q "the server ended the stream: too many .u001bconnections; trying again$" said
}

@test "retry: 0 does not make it spin" {
	local start=${EPOCHREALTIME/./}

	tail_says 0 '' -q /retry-zero
	[ "$(grep -c retry-zero bad.log)" -eq 6 ]
	# 100 + 200 + 400 + 800 + 1600 ms.
	[ $((${EPOCHREALTIME/./} - start)) -gt 3000000 ]
}

@test "slow bytes, a redirection, gzip and what is not UTF-8" {
	tail_says 0 'x 7 café' -f '{event} {id} {data}\n' /slow
	tail_says 0 a /redirect
	tail_says 0 plain /gzip
	tail_says 0 zipped --compressed /gzip
	tail_says 0 $'a\xef\xbf\xbd\xef\xbf\xbdb' /utf8
}

@test "formats" {
	tail_says 0 $'1\n2' /fields
	limit sse-tail -f nul "$BAD/fields" | od -An -c | tr -d ' ' >got
	[ "$(cat got)" = '1\n2\0\0' ]
	limit sse-tail -f sse "$BAD/fields" >got
	diff -u - got <<-'WANT'
		channel: c
		match: a=b c=d
		priority: high
		expires: 17.5
		origin: o
		via: v w
		event: t
		id: 5
		retry: 9
		data: 1
		data: 2

		data:

	WANT
	limit sse-tail -f json "$BAD/fields" >got
	diff -u - got <<-'WANT'
		{"channel":"c","id":"5","event":"t","data":"1\n2","retry":9,"match":["a=b","c=d"],"priority":"high","expires":17.5,"origin":"o","via":["v","w"]}
		{"data":""}
	WANT
	TZ=UTC limit sse-tail -f '{count}{{{event}}:{id}\x41\t{url} {time:%Y}\n' \
	    "$BAD/fields" >got
	printf '1{t}:5A\t%s %s\n2{message}:A\t%s %s\n' "$BAD/fields" \
	    "$(date -u +%Y)" "$BAD/fields" "$(date -u +%Y)" >want
	diff -u want got
}

@test "what one sse-tail prints as a stream, another reads" {
	limit sse-tail -f sse "$BAD/fields" >first
	limit sse-tail -f sse - <first >second
	cmp first second
}

@test "-e selects types, those of sse: only by name" {
	tail_says 0 '1
2
3
5' /types
	tail_says 0 '1
5' -e a /types
	tail_says 0 '2
3' -e message -e b /types
	tail_says 0 4 -e sse:hello /types
}

@test "curl's letters are in the request" {
	tail_says 0 'POST /echo?q HTTP/1.1' -n 1 -d x '/echo?q'
	tail_says 0 'PUT /echo HTTP/1.1' -n 1 -X PUT /echo
	printf 'X-Two: 2\r\n\nX-Three: 3\n' >headers
	printf 'li\nne' >body
	tail_says 0 'a=1&line' -e body -d a=1 -d @body /echo
	echo from stdin >in
	limit sse-tail -e body -d @- "$BAD/echo" <in >out
	[ "$(cat out)" = 'from stdin' ]
	limit sse-tail -H 'X-One: 1' -H @headers -H 'Accept:' -A me -b k=v \
	    --show routing -f sse "$BAD/echo" >out
	for line in 'X-One: 1' 'X-Two: 2' 'X-Three: 3' 'User-Agent: me' \
	    'Cookie: k=v' 'Cache-Control: no-store' \
	    'Sse-Show: channel,routing,place'; do
		grep -qx "data: $line" out
	done
	run -1 grep '^data: Accept:' out
	limit sse-tail "$BAD/echo" >out
	grep -qx 'Accept: text/event-stream' out
	grep -qx 'Sse-Show: place' out
	grep -qx 'User-Agent: sse-tail/.*' out
	printf '# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tf\t1\n' \
	    >cookies
	limit sse-tail -b cookies "$BAD/echo" | grep -qx 'Cookie: f=1'
}

@test "other ways to the server: proxy, socket, address, netrc" {
	local port=${BAD##*:}

	run -0 limit sse-tail -n 1 -x "$BAD" http://no.invalid/echo
	[ "$output" = 'GET http://no.invalid/echo HTTP/1.1' ]
	run -0 limit sse-tail --unix-socket bad.ready.sock http://any/ended
	[ "$output" = a ]
	run -0 limit sse-tail --resolve "h.invalid:$port:127.0.0.1" \
	    "h.invalid:$port/ended"
	[ "$output" = a ]
	tail_says 0 a -4 /ended
	tail_says 69 '' -6 /ended
	printf 'machine 127.0.0.1 login u password p\n' >.netrc
	chmod 600 .netrc
	tail_says 0 welcome --netrc /password
	http_proxy=$BAD run -0 limit sse-tail -n 1 http://no.invalid/echo
	[ "$output" = 'GET http://no.invalid/echo HTTP/1.1' ]
}

@test "curl's habits: -sSNL, options behind the URL, -s -S and -q" {
	run -0 --separate-stderr limit sse-tail "$BAD/ended" -sSNL
	[ "$output" = a ]
	tail_says 76 '' -s /type
	silent
	tail_says 76 '' -s -S /type
	because 'the answer is text/html'
	tail_says 76 '' -q /type
	because 'the answer is text/html'
	tail_says 0 a -v /ended
	because 'connected$'
}

@test "channels: -c is put into the path, percent-encoded" {
	tail_says 76 '' -c news -c 'a/é' /app
	grep -qi '^GET /app/events/news,a%2f%c3%a9 $' bad.log
}

@test "an event over the limit is dropped with a word, the next one comes" {
	tail_says 0 after --max-event 1k '/large?5000'
	because 'an event of more than 1024 bytes is dropped$'
	tail_says 0 after --max-event 1k -q '/large?5000'
	silent
	limit sse-tail "$BAD/large?5000000" >out
	[ "$(head -n 1 out | wc -c)" -eq 5000001 ]
	printf 'data: %5000s\n\ndata: b\n\n' x >in
	run -0 --separate-stderr limit sse-tail --max-event 1k - <in
	[ "$output" = b ]
	[[ "$stderr" = *'an event of more than 1024 bytes is dropped' ]]
}

@test "standard input is an event stream, cut short or not" {
	run -0 --separate-stderr limit sse-tail - \
	    < <(printf '\xef\xbb\xbfdata: a\r\ndata: b\r\rdata: c\n\ndata: d\n')
	[ "$output" = $'a\nb\nc' ]
	[ "$stderr" = 'sse-tail: the input ends within an event, which is dropped' ]
	run -0 --separate-stderr limit sse-tail - </dev/null
	[ -z "$output$stderr" ]
	run -0 limit sse-tail -n 1 - < <(printf 'data: a\n\ndata: b\n\n')
	[ "$output" = a ]
	run -0 limit sse-tail - \
	    < <(printf 'data: a\n\nevent: sse:end\ndata\n\ndata: b\n\n')
	[ "$output" = a ]
}

@test "each event is printed when it comes, none is held back" {
	mkfifo in
	exec {in}<>in
	spawn tail sse-tail - <in
	for i in 1 2 3; do
		printf 'data: %s\n\n' $i >&"$in"
		await_lines $i tail.out
	done
	exec {in}>&-
	stop tail
	[ "$status" -eq 143 ]
}

@test "a reader that has gone ends it at once with 0, also when nothing comes" {
	for reader in 'head -n 1' 'grep -q one' 'true'; do
		for signal in --default-signal --ignore-signal; do
			limit env "$signal=PIPE" bash -c "
				set -o pipefail
				sse-tail $BAD/one 2>said | $reader"
			silent
		done
	done
	limit bash -c "set -o pipefail; sse-tail $BAD/mute 2>said | true"
	limit bash -c "set -o pipefail; sse-tail $BAD/flood 2>said | head -n 3" |
	    diff - <(seq 0 2)
	silent
	# While it waits to connect again.
	limit bash -c "set -o pipefail; sse-tail $BAD/close | head -n 1"
	mkfifo in
	exec {in}<>in
	limit bash -c 'set -o pipefail; sse-tail - | true' <in
	exec {in}>&-
}

@test "SIGTERM and SIGINT: it dies by them, whole events printed" {
	for signal in TERM INT; do
		spawn tail env --default-signal=INT sse-tail "$BAD/flood"
		await_lines 1000 tail.out
		stop tail $signal
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ ! -s tail.err ]
		# The last line is whole: numbers without a gap up to it.
		[ "$(tail -n 1 tail.out)" -eq $(($(wc -l <tail.out) - 1)) ]
	done
	# Ignored from the start, as under nohup, they stay so.
	spawn tail env --ignore-signal=INT sse-tail "$BAD/one"
	await_lines 1 tail.out
	kill -INT "${PIDS[tail]}"
	stop tail TERM
	[ "$status" -eq 143 ]
}

@test "a reader that stalls: memory is bounded, and a signal still ends it" {
	local kb

	mkfifo stalled
	exec {stalled}<>stalled
	spawn tail sh -c "exec sse-tail $BAD/flood >stalled"
	# Once it sleeps in write() no more is read.
	await in_state S "${PIDS[tail]}"
	sleep 1
	kb=$(awk '/^VmRSS/ { print $2 }' "/proc/${PIDS[tail]}/status")
	echo "resident: $kb KB"
	[ "$SLOW" -gt 1 ] || [ "$kb" -lt 40000 ]
	stop tail
	[ "$status" -eq 143 ]
	exec {stalled}>&-
}

in_state() {
	grep -q "^State:.*$1" "/proc/$2/status"
}

@test "what it inherits is never made non-blocking" {
	# The file description is shared with the shell, which looks afterwards.
	limit bash -c "sse-tail -n 1 $BAD/one <&0 >&1
		grep flags: /proc/self/fdinfo/1" | cat >out
	grep -q one out
	flags=$((0$(awk '/flags/ { print $2 }' out)))
	[ $((flags & 04000)) -eq 0 ]
}

@test "on a terminal what does not print is shown, in a pipe it is as it came" {
	tail_says 0 $'\x1b[2J\xe2\x80\xaex' /terminal
	limit script -qec "sse-tail $BAD/terminal" /dev/null >out
	[ "$(tr -d '\r' <out)" = '\u001b[2J\u202ex' ]
}
