# sse-serve behind proxies, which must neither hold events back nor be believed
# when nobody said so.

load helper
load proxy

start_haproxy() {
	{
		cat <<-'END'
			defaults
			mode http
			timeout connect 5s
			timeout client 1m
			timeout server 1m
		END
		cat
	} >haproxy.in
	behind haproxy haproxy -f haproxy.conf
}

# Each event is there before the next is published: nothing is held back.
immediate() {
	spawn "$1" curl -sN "$URL/events/news"
	await_grep '^retry:' "$1.out"
	for i in {1..5}; do
		feed "event $i for $1"
		await_grep "^data: event $i for $1\$" "$1.out"
	done
	# And the client that goes is let go of.
	stop "$1" TERM
}

# one_each ADDRESS: a client there has one stream, the next is refused, whatever
# it says that it is; and one at the next address is not.
one_each() {
	spawn held curl -sN --interface "$1" "$URL/events/news"
	await_grep '^retry:' held.out
	not grep -q '^:' held.out
	refused --interface "$1"
	refused --interface "$1" -H 'X-Forwarded-For: 192.0.2.77'
	refused --interface "$1" -H 'Forwarded: for=192.0.2.77'
	spawn beside curl -sN --interface "${1%.*}.$((${1##*.} + 1))" \
	    "$URL/events/news"
	await_grep '^retry:' beside.out
	not grep -q '^:' beside.out
	stop beside TERM
	stop held TERM
}

refused() {
	limit curl -s "$@" "$URL/events/news" >second
	grep -q '^retry:' second || return 2
	grep -q '^: too many connections from this address' second
}

@test "behind nginx as in the manual, events arrive at once" {
	feed_open
	start_serve -c news --trust-proxy 127.0.0.1 <feed
	# The very lines that the manual shows.
	sed -n '/^location /,/^}/p' "$TOP/man/sse-serve.1" |
	    sed 's|127.0.0.1:8080|@SERVE@|' >location
	grep -q proxy_pass location
	start_nginx <location
	immediate reader
	# HTTP/1.0 towards the server, nginx's default, and its buffering, too.
	stop nginx
	URL=http://$SERVER
	start_nginx <<<'location / { proxy_pass http://@SERVE@; }'
	immediate again
}

@test "behind HAProxy as in the manual, events arrive at once" {
	feed_open
	start_serve -c news --trust-proxy 127.0.0.1 <feed
	sed -n '/^frontend events/,/^\.Ed/p' "$TOP/man/sse-serve.1" |
	    sed 's|bind :80|bind 127.0.0.1:@PORT@|; /^\.Ed/d
		s|127.0.0.1:8080|@SERVE@|' >sections
	grep -q 'server' sections
	start_haproxy <sections
	immediate reader
}

@test "nginx and HAProxy say who the client is, and are believed" {
	start_serve --max-per-address 1 --trust-proxy 127.0.0.1 </dev/null
	direct=$URL
	start_nginx <<-'END'
		location / {
			proxy_pass http://@SERVE@;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	END
	# It trusts itself; the client here is another address of this machine.
	one_each 127.0.1.1
	URL=$direct
	start_haproxy <<-'END'
		listen events
		bind 127.0.0.1:@PORT@
		option forwardfor
		server sse @SERVE@
	END
	one_each 127.0.2.1
}

@test "the PROXY protocol says who the client is, in both versions" {
	feed_open
	start_serve -c news --max-per-address 1 --trust-proxy 127.0.0.1 \
	    --proxy-protocol <feed
	direct=$URL
	n=0
	for send in send-proxy send-proxy-v2; do
		URL=$direct
		start_haproxy <<-END
			listen events
			bind 127.0.0.1:@PORT@
			mode tcp
			server sse @SERVE@ $send check inter 100ms
		END
		immediate "reader-$send"
		one_each "127.0.$((++n)).1"
		stop haproxy
	done
	# Without it there is no answer, but to those who are no proxies.
	limit curl -s "$direct/" >got || [ $? -eq 52 ]
	[ ! -s got ]
	[ "$(limit curl -s -o got -w '%{http_code}' --interface 127.0.0.5 \
	    "$direct/")" = 200 ]
}

@test "a header of the PROXY protocol may come byte by byte, or never" {
	start_serve --trust-proxy 127.0.0.1 --proxy-protocol \
	    --header-timeout 0.5s </dev/null
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	request=$'PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nGET /none HTTP/1.0\r\n\r\n'
	for ((i = 0; i < ${#request}; i++)); do
		printf '%s' "${request:i:1}" >&7
	done
	limit cat <&7 | grep -q '^HTTP/1.1 404 '
	exec 7>&-
	for request in '' 'PROXY' '\r\n\r\n\0\r\nQUIT' 'PROXY TCP4 a\r\n'; do
		exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
		printf '%b' "$request" >&7
		limit cat <&7 >got || :
		exec 7>&-
		not grep -q '^HTTP/1.1 [2345]0[0-79]' got
	done
}
