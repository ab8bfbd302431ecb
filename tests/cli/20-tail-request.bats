# The request of sse-tail: curl's options.

bats_require_minimum_version 1.5.0
load helper
load tail

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
	limit sse-tail -x "$BAD" -U u:p -H 'X-One: 1' http://no.invalid/echo >out
	grep -qx 'Proxy-Authorization: Basic dTpw' out
	run -77 --separate-stderr limit sse-tail -x "$BAD" https://refused.invalid/
	[[ "$stderr" = *407* ]]
	run -69 --separate-stderr limit sse-tail -x "$BAD" https://other.invalid/
	[[ "$stderr" = *404* ]]
	http_proxy=http://127.0.0.1:9 tail_says 69 '' /ended
	http_proxy=http://127.0.0.1:9 tail_says 0 a --noproxy 127.0.0.1 /ended
	tail_says 0 a --interface 127.0.0.1 /ended
	tail_says 69 '' --interface nosuch0 /ended
}

@test "--digest, and HTTP/2 that is asked for" {
	tail_says 77 '' -u u:p /digest
	tail_says 77 '' --digest -u u:wrong /digest
	tail_says 0 welcome --digest -u u:p /digest
	limit sse-tail --http2 "$BAD/echo" | grep -qx 'Upgrade: h2c'
	limit sse-tail --http2-prior-knowledge "$BAD/echo" >out && return 1
	[ "$(asked '^PRI \* ')" -eq 1 ]
}

@test "--connect-timeout: a host that says nothing" {
	# Two fit into what waits to be accepted; who comes next is not heard.
	spawn deaf /usr/bin/python3 -uc 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(0)
c = [socket.socket() for _ in range(3)]
for one in c:
	one.setblocking(False)
	one.connect_ex(s.getsockname())
print(s.getsockname()[1])
time.sleep(1000)'
	await_lines 1 deaf.out
	run -69 --separate-stderr limit sse-tail --connect-timeout 300ms \
	    "http://127.0.0.1:$(cat deaf.out)/"
	[[ "$stderr" = *[Tt]imeout* ]]
}

@test "channels: -c is put into the path, percent-encoded" {
	tail_says 76 '' -c news -c 'a/é' /app
	grep -qi '^GET /app/events/news,a%2f%c3%a9 $' bad.log
}

@test "-K reads options as curl does" {
	cat >conf <<-WANT
		# A comment, and what the file is for.
		user = "u:p"
		--header "X-One: a \"b\" \\\\ c"   # behind it, too
		header: X-Two:2
		-A me
		data-raw	=	@x
		request=PATCH
		silent
		url = "$BAD/echo"
	WANT
	limit sse-tail -K conf >out
	for line in 'PATCH /echo HTTP/1.1' 'X-One: a "b" \ c' 'X-Two:2' \
	    'User-Agent: me' 'Authorization: Basic dTpw' '@x'; do
		grep -qxF "$line" out
	done
	printf 'count = 1\nconfig = "more"\n' >conf
	printf 'url="%s"\r\n' "$BAD/one" >more
	run -0 limit sse-tail --config conf -q
	[ "$output" = one ]
	run -0 limit sse-tail -n 1 "$BAD/ended" --config - <<<'-e message'
	[ "$output" = a ]
	try() {
		printf '%s\n' '' "$2" >conf
		run -64 --separate-stderr limit sse-tail -K conf "$BAD/one"
		[[ "$stderr" = *"$1"* ]] || {
			echo "$stderr"
			return 1
		}
	}
	try 'conf, line 2: a quote is not closed' 'header = "x: y'
	try 'conf, line 2: there is more behind its value' 'header = x: y'
	try 'conf, line 2: it begins with no option' '= x'
	# A value may be a password.
	try $'sse-tail: conf: unknown option --nope\n' 'nope = x'
	try $'conf: option --silent takes no argument\n' 'silent = true'
	try 'conf: -n 0 is too small' 'count = 0'
	try 'given more than 16 times' 'config = conf'
	run -66 limit sse-tail -K absent
}

@test "--json and the kin of -d: what is sent is what was meant" {
	printf 'li\nne' >body
	tail_says 0 '{"a":1}{"b":2}' -e body --json '{"a":1}' --json '{"b":2}' /echo
	limit sse-tail --json '{}' "$BAD/echo" >out
	grep -qx 'Content-Type: application/json' out
	grep -qx 'Accept: text/event-stream' out
	limit sse-tail --json '{}' -H 'content-type: x/y' "$BAD/echo" >out
	[ "$(grep -ic '^content-type' out)" -eq 1 ]
	tail_says 0 'line&@body' -e body -d @body --data-raw @body /echo
	limit sse-tail -n 1 -d "" -X POST "$BAD/echo" | grep -q '^POST'
	limit sse-tail -e body -f sse --data-binary @body "$BAD/echo" >out
	grep -q '^data: li$' out
}

@test "a token comes from a file or a variable, and is in no list of processes" {
	echo secret-token >token
	limit sse-tail --oauth2-bearer @token "$BAD/echo" |
	    grep -qx 'Authorization: Bearer secret-token'
	# Who else can read it is told of.
	chmod 640 token
	tail_says 0 'GET /echo HTTP/1.1' -n 1 --oauth2-bearer @token /echo
	[ "$(cat said)" = 'sse-tail: token: others can read the secret in it: chmod 600' ]
	tail_says 0 'GET /echo HTTP/1.1' -n 1 --oauth2-bearer @token -q /echo
	silent
	printf 'user = "u:p"\n' >conf
	chmod 644 conf
	tail_says 0 welcome -K conf /password
	[ "$(cat said)" = 'sse-tail: conf: others can read the secret in it: chmod 600' ]
	chmod 600 token conf
	tail_says 0 welcome -K conf /password
	silent
	tail_says 0 'GET /echo HTTP/1.1' -n 1 --oauth2-bearer @token /echo
	silent
	printf 'silent\n' >conf
	chmod 644 conf
	tail_says 0 a -K conf /ended
	silent
	tail_says 0 'GET /echo HTTP/1.1' -n 1 --oauth2-bearer @<(echo x) /echo
	silent
	T=secret-token limit sse-tail --oauth2-bearer env:T "$BAD/echo" |
	    grep -qx 'Authorization: Bearer secret-token'
	run -66 limit sse-tail --oauth2-bearer env:UNSET_ONE "$BAD/echo"
	run -66 limit sse-tail --oauth2-bearer @absent "$BAD/echo"
	run -66 limit sse-tail --oauth2-bearer @/dev/null "$BAD/echo"
	spawn tail sse-tail --oauth2-bearer hidden -U a:hidden \
	    -H 'X-Key: hidden' -b a=hidden "$BAD/one"
	await_lines 1 tail.out
	run -1 grep -a hidden "/proc/${PIDS[tail]}/cmdline"
	printf 'machine 127.0.0.1 login u password p\n' >net
	tail_says 0 welcome --netrc-file net /password
	for what in '-H @' '-b ' '--netrc-file ' '--cert absent --key '; do
		printf 'X-A: 1\n' >secret
		[ "$what" != '--netrc-file ' ] || cp net secret
		chmod 640 secret
		tail_says 0 a ${what}secret /ended
		[ "$(cat said)" = 'sse-tail: secret: others can read the secret in it: chmod 600' ]
		tail_says 0 a -q ${what}secret /ended
		silent
		chmod 600 secret
		tail_says 0 a ${what}secret /ended
		silent
	done
	# Nothing of it goes to another host.
	limit sse-tail --oauth2-bearer hidden -b a=hidden -H 'Cookie: hidden' \
	    --connect-to "other.invalid:80:127.0.0.1:${BAD##*:}" "$BAD/away" >out
	grep -qx 'Host: other.invalid' out
	run -1 grep hidden out
}

@test "HTTP/2 over TLS: streams that are reset go on, several share a connection" {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 \
	    -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert 2>/dev/null
	spawn h2 node "$TOP/tests/cli/h2.mjs" h2.ready cert key
	await_file h2.ready
	BAD=$(cat h2.ready)
	tail_says 0 "$(seq 9)" --cacert cert /count
	limit sse-tail -v --cacert cert "$BAD/count" 2>&1 |
	    grep -q 'connected to 127.0.0.1 port [0-9]*, HTTP/2$'
	tail_says 0 'POST https hello 3' -k -d hello /echo
	# What is reset is lost, not complete.
	tail_says 69 "$(seq 3)" -k --no-reconnect /count
	because '.*not closed cleanly'
	tail_says 69 "$(seq 3)" -k -d x /count
	tail_says 69 a -k -d x /gone
	# No HTTP/1.1 is spoken there.
	limit sse-tail -k --http1.1 "$BAD/echo" >out && return 1
	limit sse-tail -k -f '{url} {data}\n' "$BAD/count?5" "$BAD/count?7" \
	    "$BAD/count?30" >out
	[ "$(wc -l <out)" -eq 42 ]
	[ "$(grep -F 'count?30 ' out | cut -d ' ' -f 2)" = "$(seq 30)" ]
}

@test "-vv says the headers, but no secret" {
	printf 'X-Api-Key: hush-key\n' >headers
	tail_says 0 a -vv -u me:hush -b c=hush-c -H @headers -H 'X-Team: news' \
	    /redirect
	sed -n 's/^sse-tail: [^ ]* [^ ]*: \([<>] \)/\1/p' said >heads
	[ "$(grep -c '^> GET /redirect HTTP/1.1$' heads)" -eq 1 ]
	grep -qx '< HTTP/1.1 302 On' heads
	grep -qx '> GET /ended HTTP/1.1' heads
	grep -qx '< Content-Type: text/event-stream' heads
	grep -qx '> X-Team: news' heads
	grep -qx '> Authorization: ...' heads
	grep -qx '> Cookie: ...' heads
	grep -qx '> X-Api-Key: ...' heads
	not grep -q -e hush -e bWU6aHVzaA said
	tail_says 0 a -v /ended
	not grep -q ': [<>] ' said
}
