# sse-relay from and to an sse-serve behind TLS.

bats_require_minimum_version 1.5.0
load helper
load proxy

# An sse-serve of which TLS is the name; the words belong to the listening.
start_tls() {
	start_serve --open-publish -a 127.0.0.1:0 </dev/null
	PLAIN=$URL
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=server \
	    -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert \
	    2>/dev/null
	SCHEME=https start_nginx ssl "$@" <<-'END'
		ssl_certificate @DIR@/cert;
		ssl_certificate_key @DIR@/key;
		location / {
			proxy_pass http://@SERVE@;
			proxy_buffering off;
			proxy_read_timeout 1h;
		}
	END
	TLS=$URL
}

# relay STATUS PATTERN ARG...: it ends so, and says so.
relay() {
	local want=$1 pattern=$2

	shift 2
	run --separate-stderr limit sse-relay "$@" <<<one
	if [ "$status" -ne "$want" ] || ! grep -qx -e "$pattern" <<<"$stderr"; then
		echo "status $status, not $want: $stderr"
		return 1
	fi
}

@test "a certificate that nobody vouches for is refused by both sides" {
	start_tls
	local said='sse-relay: https://127.0.0.1:[0-9]*[a-z/]*: .*certificate.*; --cacert FILE names authorities to trust'
	relay 69 "$said" -f line - "$TLS/events/a"
	relay 69 "$said" "$TLS/events/a" -
	relay 78 '.*absent.*' --cacert absent -f line - "$TLS/events/a"
	relay 78 '.*absent.*' --cacert absent "$TLS/events/a" -
	relay 0 '' --cacert cert -f line - "$TLS/events/a"
	relay 0 '' -k -f line - "$TLS/events/a"
}

# Both HTTP/1.1 and HTTP/2.
carried() {
	start_tls "$@"
	spawn relay sse-relay -v -N t --state st --cacert cert "$TLS/events/a" \
	    "$TLS/events/b"
	await_grep ': open' relay.err
	seq 1000 | limit sse-pub -u "$PLAIN" a
	limit sse-tail -q -n 1000 "$PLAIN/events/b?last=1000" |
	    cmp - <(seq 1000)
}

@test "from TLS to TLS" {
	carried
}

@test "from TLS to TLS by HTTP/2" {
	carried http2
}
