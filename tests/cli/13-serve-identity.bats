# sse-serve: who a client is, and what that lets it read, publish and get.

bats_require_minimum_version 1.5.0
load helper
load streams

# token CLAIMS [ALG KEYFILE [HEADER]]: one; by default HS256 with secret.
token() {
	python3 "$TOP/tests/cli/jwt.py" "${2:-HS256}" "${3:-secret}" "$1" ${4:+"$4"}
}

new_secret() {
	(umask 077 && openssl rand -hex 32 >"${1:-secret}")
}

# bearer CLAIMS...: curl's option for such a token, in BEARER.
bearer() {
	BEARER="Authorization: Bearer $(token "$@")"
}

# code CURL-OPTION ... URL: the status; the body is in answer.
code() {
	limit curl -s -m 5 -D head -o answer -w '%{http_code}' "$@" || :
}

# data CURL-OPTION ...: the data of all that is kept in channels of one's own.
data() {
	stream "/events?last=100" "$@" | sed -n 's/^data: //p'
}

@test "a token of each algorithm says who a client is, and no other does" {
	new_secret
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa 2>/dev/null
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec
	openssl pkey -in rsa -pubout -out rsa.pub
	openssl pkey -in ec -pubout -out ec.pub
	try() { # KEY-OF-THE-SERVER then ALG KEY of tokens that are good, the rest bad
		local key=$1 good=$2 alg with

		SERVE=$key quick_serve --jwt-key "$key" -a unix:"$key.sock" </dev/null
		curl -s --unix-socket "$key.sock" -d hello http://localhost/events/client:7
		while read -r alg with; do
			bearer '{"sub":"7","exp":"+60"}' "$alg" "$with"
			if [ "$alg $with" = "$good" ]; then
				[ "$(data -H "$BEARER")" = hello ]
			else
				[ "$(code -H "$BEARER" "$URL/events")" = 401 ]
			fi
		done <<-END
			HS256 secret
			RS256 rsa
			ES256 ec
			HS256 rsa.pub
			HS256 ec.pub
		END
		bearer '{"sub":"7"}' none secret
		[ "$(code -H "${BEARER%.*}." "$URL/events")" = 401 ]
		[ "$(code -H "$BEARER" "$URL/events")" = 401 ]
		stop "$key"
	}
	try secret 'HS256 secret'
	try rsa.pub 'RS256 rsa'
	try ec.pub 'ES256 ec'
}

@test "a key that cannot be used is said at the start" {
	bad() {
		run -78 limit sse-serve -l 0 --jwt-key "$1"
		[[ "$output" == *"key $1: "*"$2"* ]]
	}
	bad none 'No such file'
	echo short >short
	bad short '32 bytes'
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa 2>/dev/null
	bad rsa 'private'
	openssl pkey -in rsa -pubout -out rsa.pub
	bad rsa.pub '2048'
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 |
	    openssl pkey -pubout -out ec.pub
	bad ec.pub 'P-256'
	openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out ed.pub
	bad ed.pub 'neither'
}

@test "a secret that others can read is warned of, a public key is not" {
	new_secret
	chmod 644 secret
	start_serve --jwt-key secret </dev/null
	grep -qx 'sse-serve: secret: others can read the secret in it: chmod 600' serve.err
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 |
	    openssl pkey -pubout -out ec.pub
	chmod 644 ec.pub
	SERVE=other start_serve --jwt-key ec.pub </dev/null
	not grep -q chmod other.err
}

@test "what is wrong with a token is answered by 401, with its claims by 403" {
	new_secret
	quick_serve --jwt-key secret --jwt-cookie session -a unix:admin </dev/null
	is() { # STATUS PATTERN CLAIMS
		bearer "$3"
		[ "$(code -H "$BEARER" "$URL/events")" = "$1" ]
		grep -q -e "$2" answer
	}
	is 401 'has expired' '{"sub":"7","exp":"-10"}'
	grep -qi '^WWW-Authenticate: Bearer' head
	is 401 'not valid yet' '{"sub":"7","nbf":"+60"}'
	is 403 'sub of' '{"sub":7}'
	is 403 'out of bounds' '{"sub":"a b"}'
	is 403 'group' '{"sub":"7","groups":["*"]}'
	is 403 'label' '{"sub":"7","labels":{"a":"b c"}}'
	[ "$(code -H 'Authorization: Bearer x' "$URL/events")" = 401 ]
	grep -q 'no JSON Web Token' answer
	[ "$(code -b session=x "$URL/events")" = 401 ]
	# A page and what needs nobody are served all the same.
	[ "$(code -b session=x "$URL/")" = 200 ]
	[ "$(code -b other=x "$URL/events" -H 'Accept: text/html')" = 406 ]
	curl -s --unix-socket admin -d 'to 7' http://localhost/events/client:7
	[ "$(data -b "other=x; session=$(token '{"sub":"7"}')")" = 'to 7' ]
	[ -z "$(data -b "other=$(token '{"sub":"7"}')")" ]
}

@test "client, group and broadcast reach whom they are for, and nobody else" {
	new_secret
	start_redis
	here() {
		SERVE=$1 quick_serve --jwt-key secret "${@:2}"
		URLS[$1]=$URL
	}
	declare -A URLS=()
	feed_open
	here one -r "$SSE_REDIS_URL" -a unix:one.sock </dev/null
	here two -r "$SSE_REDIS_URL" -f json <feed
	# Each on either server, that is one connection each.
	for s in one two; do
		for c in anna bert; do
			[ "$c" = anna ] && groups='["staff","all"]' || groups='["all"]'
			spawn "$s-$c" curl -sN "${URLS[$s]}/events?show=hello,channel" -H \
			    "Authorization: Bearer $(token '{"sub":"'$c'","groups":'"$groups"'}')"
		done
		spawn "$s-nobody" curl -sN "${URLS[$s]}/events?show=hello,channel"
	done
	for f in {one,two}-{anna,bert,nobody}; do await_grep sse:hello "$f.out"; done
	# Every way of publishing.
	sse-pub client:anna 1
	curl -s --unix-socket one.sock -d 2 http://localhost/events/group:staff
	sse-pub group:all 3
	redis publish sse:client:bert 4
	echo '{"channel":"client:bert","data":"5"}' | sse-pub -f json broadcast
	sse-pub group:nobody 6
	feed '{"channel":"client:anna","data":"7"}' '{"channel":"group:staff","data":"8"}' \
	    '{"data":"9"}'
	redis publish sse:group:all a
	redis publish sse:broadcast b
	sse-pub broadcast c
	curl -s --unix-socket one.sock -d d http://localhost/events/broadcast
	for f in {one,two}-{anna,bert,nobody}; do await_grep '^data: 9' "$f.out"; done
	sse-pub broadcast end
	for f in {one,two}-{anna,bert,nobody}; do
		await_grep '^data: end' "$f.out"
		grep '^data: [^{]' "$f.out" | sort | tr -d '\n' >"$f.got"
	done
	for s in one two; do
		for who in 'anna 1 2 3 7 8 9 a b c d end' 'bert 3 4 5 9 a b c d end' \
		    'nobody 9 b c d end'; do
			[ "$(cat "$s-${who%% *}.got")" = "$(sed 's/ /data: /g' <<<" ${who#* }")" ]
		done
	done
}

@test "without Redis they do as well, from standard input and by POST" {
	new_secret
	feed_open
	quick_serve --jwt-key secret -f json -a unix:admin <feed
	bearer '{"sub":"anna","groups":["staff"]}'
	feed '{"channel":"client:anna","data":"1"}' '{"channel":"client:bert","data":"x"}'
	feed '{"channel":"group:staff","data":"2"}' '{"channel":"group:staffs","data":"x"}'
	feed '{"data":"3"}'
	await test "$(data -H "$BEARER" | wc -l)" = 3
	curl -s --unix-socket admin -d 4 http://localhost/events/client:anna
	[ "$(data -H "$BEARER" | tr '\n' ' ')" = '1 2 3 4 ' ]
	[ "$(data)" = 3 ]
}

@test "events with match reach those who bear all its labels, on every server" {
	new_secret
	start_redis
	SERVE=one quick_serve --jwt-key secret -r "$SSE_REDIS_URL" </dev/null
	one=$URL
	SERVE=two quick_serve --jwt-key secret -r "$SSE_REDIS_URL" -a unix:admin </dev/null
	two=$URL
	eu=$(token '{"sub":"7","labels":{"region":["eu","us"]}}')
	both=$(token '{"sub":"7","labels":["region=eu","role=admin"]}')
	for s in one two; do
		spawn "$s-eu" curl -sN -H "Authorization: Bearer $eu" "${!s}/events/news?show=hello"
		spawn "$s-both" curl -sN -H "Authorization: Bearer $both" "${!s}/events/news?show=hello"
		spawn "$s-none" curl -sN "${!s}/events/news?show=hello"
	done
	for f in {one,two}-{eu,both,none}; do await_grep sse:hello "$f.out"; done
	for m in region=eu role=admin 'region=eu role=admin' region=us; do
		printf '{"match":["%s"],"data":"%s"}\n' "${m// /\",\"}" "$m"
	done | sse-pub -f json news
	sse-pub news all
	# Live, and to who comes later.
	for f in {one,two}-{eu,both,none}; do
		await_grep '^data: all' "$f.out"
		sed -n 's/^data: \([^{]\)/\1/p' "$f.out" | tr '\n' ',' >"$f.got"
	done
	for s in one two; do
		[ "$(cat $s-eu.got)" = 'region=eu,region=us,all,' ]
		[ "$(cat $s-both.got)" = 'region=eu,role=admin,region=eu role=admin,all,' ]
		[ "$(cat $s-none.got)" = 'all,' ]
	done
	for URL in "$one" "$two"; do
		seen() {
			stream '/events/news?last=100' "$@" | sed -n 's/^data: //p' | tr '\n' ','
		}
		bearer '{"sub":"7","labels":{"region":["eu","us"]}}'
		[ "$(seen -H "$BEARER")" = 'region=eu,region=us,all,' ]
		bearer '{"sub":"7","labels":["region=eu","role=admin"]}'
		[ "$(seen -H "$BEARER")" = 'region=eu,role=admin,region=eu role=admin,all,' ]
		bearer '{"sub":"7"}'
		[ "$(seen -H "$BEARER")" = 'all,' ]
		[ "$(seen)" = 'all,' ]
	done
	# Who may see all routing sees all of them.
	bearer '{"sse.routing":true}'
	[ "$(stream '/events/news?last=100&show=routing' -H "$BEARER" | grep -c ^match)" = 4 ]
	[ "$(code "$URL/events/news?show=routing")" = 403 ]
}

@test "sse.read and sse.write are patterns of what may be read and published" {
	new_secret
	quick_serve --jwt-key secret </dev/null
	bearer '{"sub":"7","sse.read":["news.*","client:8"],"sse.write":["news.?","client:*"]}'
	[ "$(code -H "$BEARER" -d 1 "$URL/events/news.a")" = 200 ]
	[ "$(code -H "$BEARER" -d 2 "$URL/events/client:8")" = 200 ]
	for ch in news.ab sport broadcast group:a presence; do
		[ "$(code -H "$BEARER" -d x "$URL/events/$ch")" = 403 ]
	done
	printf '%s\n' '{"channel":"news.b","data":"x"}' '{"channel":"sport","data":"x"}' >two
	[ "$(code -H "$BEARER" --data-binary @two "$URL/events" \
	    -H 'Content-Type: application/x-ndjson')" = 403 ]
	[ "$(stream '/events/news.a,client:8?last=9' -H "$BEARER" | grep -c ^data)" = 2 ]
	for ch in sport client:9 group:a presence; do
		[ "$(code -H "$BEARER" "$URL/events/$ch")" = 403 ]
	done
	[ "$(code -d x "$URL/events/news.a")" = 403 ]
	[ "$(code "$URL/events/client:8")" = 403 ]
}

@test "a stream ends when its token does, and one with a new token goes on" {
	new_secret
	feed_open
	quick_serve --jwt-key secret -a unix:admin <feed
	bearer '{"sub":"7","exp":"+1"}'
	limit curl -sN -H "$BEARER" "$URL/events" >got
	grep -q '^retry:' got
	curl -s --unix-socket admin http://localhost/metrics >metrics
	grep -q 'reason="expired"} 1$' metrics
	bearer '{"sub":"7","exp":"+60"}'
	[ "$(code -H "$BEARER" -m 1 "$URL/events")" = 200 ]
}

@test "SIGHUP reads the key again, and a bad one leaves the old in force" {
	new_secret
	new_secret other
	start_serve --jwt-key secret </dev/null
	bearer '{"sub":"7"}' HS256 other
	[ "$(code -H "$BEARER" "$URL/events?show=x")" = 401 ]
	good=$BEARER
	bearer '{"sub":"7"}'
	[ "$(code -H "$BEARER" "$URL/events?show=x")" = 400 ]
	echo short >secret
	kill -HUP "${PIDS[serve]}"
	await_grep 'the one before it stays' serve.err
	[ "$(code -H "$BEARER" "$URL/events?show=x")" = 400 ]
	cat other >secret
	kill -HUP "${PIDS[serve]}"
	now_other() { [ "$(code -H "$good" "$URL/events?show=x")" = 400 ]; }
	await now_other
	[ "$(code -H "$BEARER" "$URL/events?show=x")" = 401 ]
}

@test "a trusted proxy names the client, and nobody else does" {
	local H=(-H 'X-User: anna' -H 'X-Groups: staff, all' -H 'X-Labels: a=b')

	start_serve --identity-header X-User --groups-header X-Groups \
	    --labels-header X-Labels --trust-proxy unix -l unix:proxy -a unix:admin </dev/null
	for ch in client:anna group:staff group:all; do
		curl -s --unix-socket admin -d "$ch" "http://localhost/events/$ch"
	done
	curl -s --unix-socket admin http://localhost/events/news \
	    -H 'Content-Type: application/x-ndjson' -d '{"match":["a=b"],"data":"match"}'
	seen() { limit curl -sN -m 1 "$@" | sed -n 's/^data: //p' | tr '\n' ' '; }
	[ "$(seen --unix-socket proxy "${H[@]}" 'http://localhost/events/news?last=9')" = \
	    'client:anna group:staff group:all match ' ]
	[ -z "$(seen "${H[@]}" "$URL/events/news?last=9")" ]
	[ "$(code --unix-socket proxy "${H[@]}" -H 'x-user: bert' http://localhost/events)" = 400 ]
	run -64 limit sse-serve -l 0 --identity-header X-User
	[[ "$output" == *--trust-proxy* ]]
}

@test "with --require-identity there are no streams for anybody" {
	new_secret
	quick_serve --jwt-key secret --require-identity -a unix:admin </dev/null
	[ "$(code "$URL/events")" = 401 ]
	[ "$(code -X OPTIONS "$URL/events")" = 204 ]
	bearer '{"sub":"7"}'
	[ -z "$(data -H "$BEARER")" ]
	[ "$(code -m 1 --unix-socket admin http://localhost/events)" = 200 ]
	run -64 limit sse-serve -l 0 --require-identity
}

@test "pages of listed origins send cookies, those of any other do not" {
	new_secret
	start_serve --jwt-key secret --jwt-cookie c --allow-origin https://a.example \
	    --allow-origin '*' </dev/null
	allows() {
		code -m 0.3 "$URL/events" -H "Origin: $1" -b "c=$(token '{"sub":"7"}')"
		grep -qi '^Access-Control-Allow-Credentials: true' head
	}
	allows https://a.example
	grep -qi '^Access-Control-Allow-Origin: https://a.example' head
	not allows https://b.example
	grep -qi '^Access-Control-Allow-Origin: https://b.example' head
	code -X OPTIONS "$URL/events" -H 'Origin: https://a.example'
	grep -qi '^Access-Control-Allow-Headers:.*Authorization' head
}
