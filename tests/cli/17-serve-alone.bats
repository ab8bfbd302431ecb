# sse-serve: one worker, which shares the thread of whoever takes events in.

bats_require_minimum_version 1.5.0

load helper
load streams

# workers_of NAME: which threads of its own are workers.
workers_of() {
	cat "/proc/${PIDS[$1]}"/task/*/comm | grep '^worker' | sort | tr '\n' ,
}

@test "a lone worker takes no thread of its own" {
	SERVE=one start_serve -w 1 </dev/null
	SERVE=two start_serve -w 2 </dev/null
	[ "$(workers_of one)" = '' ]
	[ "$(workers_of two)" = 'worker 0,worker 1,' ]
}

@test "-w 1 --lag wait: the input is held for the slow, and goes on to its end" {
	feed_open
	quick_serve -w 1 --lag wait --history-bytes 1m --exit-on-eof --linger 0 \
	    <feed
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET /events HTTP/1.0\r\n\r\n' >&7
	IFS= read -r line <&7
	[[ "$line" = 'HTTP/1.1 200'* ]]
	# More than is kept and what sockets hold, so that it has to wait.
	limit seq -f '%01000.0f' 20000 >&"$FEED" &
	input=$!
	[ "$(limit curl -sN -o /dev/null -w '%{http_code}' "$URL/nowhere")" = 404 ]
	(
		eval "exec $FEED>&-"
		limit sed -n 's/^data: 0*\([1-9][0-9]*\).*/\1/p' <&7 >got
	) &
	reader=$!
	wait "$input"
	feed_close
	wait "$reader"
	exec 7>&-
	await_exit serve
	[ "$status" -eq 0 ]
	seq 20000 | diff -q - got
}

@test "-w 1: who is stopped drains, and writes down how each stream ended" {
	start_serve -w 1 --drain 1s --access-log log --open-publish </dev/null
	spawn reader curl -sN "$URL/events/a"
	await_grep '^retry:' reader.out
	curl -sS -d one "$URL/events/a" >id
	await_grep '^data: one$' reader.out
	# It asks for more than it reads.
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET /events/a HTTP/1.0\r\n\r\n' >&7
	IFS= read -r line <&7
	head -c 1000000 /dev/zero | tr '\0' x >body
	for i in {1..12}; do
		curl -sS -o /dev/null --data-binary @body "$URL/events/a"
	done
	stop serve
	[ "$status" -eq 0 ]
	await_exit reader
	[ "$(grep -c '^retry: ' reader.out)" -eq 2 ]
	exec 7>&-
	[ "$(grep -c 'GET /events/a .*stopped' log)" -eq 1 ]
	[ "$(grep -c 'GET /events/a .*cut' log)" -eq 1 ]
}
