# sse-tail and its ends: statuses, messages, usage, files.

bats_require_minimum_version 1.5.0
load helper
load tail

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

@test "a server that refuses may say why" {
	tail_says 77 '' /denied
	because 'HTTP status 403: not yours \\u001b\[2J%s$'
	tail_says 77 '' /denied-at-length
	because 'HTTP status 403: x\{197\}\.\.\.$'
	tail_says 77 '' /denied-in-html
	because 'HTTP status 403$'
	tail_says 77 '' /denied-in-json
	because 'HTTP status 401: bad key$'
	tail_says 77 '' /to-denied
	because "HTTP status 401, redirected to $BAD/denied-in-json: bad key$"
}

@test "sse-serve says why it refuses" {
	start_serve </dev/null
	run -76 --separate-stderr limit sse-tail "$URL/events/a%20b"
	[[ "$stderr" = "sse-tail: $URL/events/a%20b: HTTP status 400: "?* ]]
}

@test "it cannot be reached: 69" {
	run -69 --separate-stderr limit sse-tail http://127.0.0.1:9/
	[ "$stderr" = 'sse-tail: http://127.0.0.1:9/: Connection refused' ]
	# A proxy, from the environment perhaps, is named.
	http_proxy=http://127.0.0.1:9 run -69 --separate-stderr limit sse-tail \
	    http://nowhere.invalid/
	[ "$stderr" = 'sse-tail: http://nowhere.invalid/: 127.0.0.1 port 9: Connection refused' ]
	run -69 --separate-stderr limit sse-tail http://nowhere.invalid/
	[[ "$stderr" = 'sse-tail: http://nowhere.invalid/: '* ]]
	tail_says 69 one --retry 0 --idle-timeout 1s /one
	because 'nothing came for 1 s$'
	tail_says 69 '' --retry 0 --idle-timeout 1s /mute
	because 'nothing came for 1 s$'
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
	try 'standard input (-) is read alone' "$BAD/ended" -
	try 'braces hold none of' -f '{dat}' "$BAD/ended"
	try 'it is none of line' -f lines "$BAD/ended"
	try 'not closed' -f '{data' "$BAD/ended"
	try 'channel "a b"' -c 'a b' "$BAD/"
	try 'of type message' -e '' "$BAD/ended"
	try 'channel ""' -c '' "$BAD/"
	try 'neither http nor https' ftp://127.0.0.1/x
	try 'neither http nor https' file:///etc/passwd
	try 'it has no host' :8080/events
	try 'it is no URL' 'http://127.0.0.1:99999/'
	try 'invalid' -n x "$BAD/ended"
	try 'too small' -n 0 "$BAD/ended"
	try 'invalid' -m soon "$BAD/ended"
	try 'none of warn, fail, ignore' --gap maybe "$BAD/ended"
	try 'none of auto, always, never' --color red "$BAD/ended"
	try '--grep (a: ' --grep '(a' "$BAD/ended"
	try 'one of them will do' -u a:b --oauth2-bearer t "$BAD/ended"
	try '--capture is for one' --capture x "$BAD/ended" "$BAD/one"
	try 'are for --exec' --exec-retries 3 "$BAD/ended"
	try 'nothing to be tried again' --retry-first --no-reconnect "$BAD/one"
	try 'none behind standard input' --state x -
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
	run -74 --separate-stderr limit sse-tail -o /dev/full "$BAD/ended"
	[ "$stderr" = 'sse-tail: /dev/full: No space left on device' ]
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
	because '.*certificate.*; --cacert FILE names authorities to trust'
	tail_says 0 a -k /ended
	tail_says 0 a --cacert cert /ended
	mkdir authorities
	cp cert "authorities/$(openssl x509 -hash -noout -in cert).0"
	tail_says 0 a --capath authorities /ended
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
	limit sse-tail - 2>said <<-'GAP'
		event: sse:gap
		data: {"after":"1-0","oldest":null}

	GAP
	grep -q 'gap: events after 1-0 are lost$' said
	tail_says 80 '' --gap fail /gap
	because 'gap:'
	tail_says 0 b --gap ignore /gap
	silent
	tail_says 0 '{"after":"1-0","oldest":"5\u001b"}' -e sse:gap /gap
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
	sed -E 's/ [0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z / NOW /; s/port [0-9]+/port N/' \
	    said >life
	diff -u - life <<-WANT
		sse-tail: NOW $BAD/ended: connected to 127.0.0.1 port N, HTTP/1.1
		sse-tail: NOW $BAD/ended: there is no more
	WANT
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
