# sse-pub to an sse-serve behind TLS, and to servers that it cannot trust.

bats_require_minimum_version 1.5.0
load helper
load proxy

# certificate NAME SUBJECT-ALT-NAME: NAME.pem and NAME.key, signed by itself.
certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" \
	    -addext "subjectAltName=$2" -keyout "$1.key" -out "$1.pem" \
	    2>/dev/null
}

# An sse-serve behind nginx; the lines on standard input are of its server.
start_tls() {
	start_serve --open-publish -n 20000 </dev/null
	PLAIN=$URL
	certificate server "${1:-IP:127.0.0.1}"
	{
		echo 'ssl_certificate @DIR@/server.pem;'
		echo 'ssl_certificate_key @DIR@/server.key;'
		echo 'location / { proxy_pass http://@SERVE@; }'
		cat
	} >lines
	SCHEME=https start_nginx ssl "${@:2}" <lines
}

# pub STATUS PATTERN OPTION...: a message by TLS ends so, and says so.
pub() {
	local want=$1 pattern=$2

	shift 2
	run --separate-stderr limit sse-pub -u "$URL" "$@" news hello
	if [ "$status" -ne "$want" ] || ! grep -qx -e "$pattern" <<<"$stderr"; then
		echo "status $status, not $want: $stderr"
		return 1
	fi
}

# How many there are.
published() {
	sse-pub -u "$PLAIN" news end
	limit sse-tail --until end "$PLAIN/events/news?last=10" | grep -cx hello
}

@test "a certificate that nobody vouches for is refused, the remedy named" {
	start_tls
	SECONDS=0
	pub 69 'sse-pub: https://127.0.0.1:[0-9]*: .*certificate.*; --cacert FILE names authorities to trust'
	# At once, and sure that nothing has arrived.
	[ $SECONDS -lt $((8 * SLOW)) ]
	pub 0 '' --cacert server.pem
	pub 0 '' -k
	pub 0 '' --insecure
	[ "$(published)" -eq 3 ]
}

@test "a certificate of another name is refused, even from who is trusted" {
	start_tls DNS:elsewhere.invalid
	pub 69 '.*does not match.*\|.*no alternative certificate.*' \
	    --cacert server.pem
	[[ "$stderr" != *--cacert* ]]
	pub 0 '' -k
}

@test "files that are no certificates end it with 78, whatever is spooled" {
	start_tls
	pub 78 '.*absent.*' --cacert absent
	pub 78 '.*' -k --cert absent
	pub 78 '.*' -k --cert server.pem --key absent
	pub 78 '.*absent.*' --cacert absent --spool spool
	[ ! -s spool/events ]
	pub 64 '.*--cert.*' --key server.key
	run --separate-stderr sse-pub --cacert server.pem news hello
	[ "$status" -eq 64 ]
	[[ "$stderr" = *'--cacert is for --url'* ]]
}

@test "a server that asks for the client's certificate gets it" {
	certificate client IP:127.0.0.1
	start_tls IP:127.0.0.1 <<-'END'
		ssl_verify_client on;
		ssl_client_certificate @DIR@/client.pem;
	END
	pub 76 '.*HTTP status 400.*' -k
	# What a proxy answers says nothing of the event, which is not dropped.
	sse-pub --spool-ok --spool spool -u unix:nowhere news hello
	run -76 sse-pub -k -u "$URL" --spool spool --flush
	sse-pub -u "$URL" --spool spool --flush --cacert server.pem \
	    --cert client.pem --key client.key
	pub 0 '' --cacert server.pem --cert client.pem --key client.key
	chmod 640 client.key
	pub 0 '.*client.key: others can read the secret in it: chmod 600' \
	    --cacert server.pem --cert client.pem --key client.key
	cat client.pem client.key >both.pem
	pub 0 '' --cacert server.pem --cert both.pem
	[ "$(published)" -eq 4 ]
}

@test "a pipe by TLS and HTTP/2: every line once and in order" {
	start_tls IP:127.0.0.1 http2
	seq 20000 | limit sse-pub -u "$URL" --cacert server.pem numbers
	limit sse-tail -n 20000 "$PLAIN/events/numbers?last=20000" |
	    cmp - <(seq 20000)
}

@test "what waits in a spool stays there until the server is trusted" {
	start_tls
	pub 75 '.*--cacert FILE.*; 1 event waits in the spool spool' \
	    --spool spool
	limit sse-pub --flush --spool spool -u "$URL" --cacert server.pem
	[ "$(published)" -eq 1 ]
	[ ! -s spool/events ]
}

@test "plain HTTP where TLS is awaited, and TLS where plain HTTP is" {
	start_tls
	run --separate-stderr limit sse-pub -u "http${URL#https}" news hello
	[ "$status" -eq 76 ]
	[[ "$stderr" = *'HTTP status 400'* ]]
	URL=https${PLAIN#http}
	pub 69 '.*SSL.*' -k
}
