# sse-serve: a capture as the source.

bats_require_minimum_version 1.5.0

load helper
load streams

@test "each event comes when its time has come, and not before" {
	cat >capture <<-'END'
		: +0.000s
		retry: 5

		: +0.010s
		id: 7
		data: one

		: +0.020s
		:
		: +3000.000s
		data: two

	END
	quick_serve --replay capture
	spawn tail sse-tail "$URL/events?last=10"
	await_lines 1 tail.out
	stream '/events?last=10' >got
	grep -qx 'id: 7' got
	not grep -q two got
	stop serve
	# At a higher speed that is soon.
	LISTEN=${URL#http://} quick_serve --replay capture --speed 10000
	await_lines 3 tail.out
	printf '%s\n' one one two | diff - tail.out
}

@test "at its end it is like standard input, and no earlier" {
	printf ': +0.1s\ndata: one\n\n: +1.5s\ndata: two\n\n' >capture
	begun=$(date +%s%N)
	quick_serve --replay capture --exit-on-eof --linger 0
	spawn tail sse-tail "$URL/events?last=10"
	await_exit tail
	await_exit serve
	[ "$status" -eq 0 ]
	[ $(($(date +%s%N) - begun)) -ge 1500000000 ]
	printf '%s\n' one two | diff - tail.out
}

@test "an event stream without times is there at once, its own types left out" {
	{
		printf '\xef\xbb\xbfevent: sse:hello\ndata: {}\n\n'
		printf ': comment\r\nchannel: a\r\nevent: t\r\nid: k1\r\ndata: x\r\n\r\n'
		seq -f 'data: %.0f' 20000 | sed G
		printf 'channel: a b\ndata: bad\n\npriority: no\ndata: bad\n\ndata: cut'
	} >capture
	quick_serve --replay capture -c b -n 30000 --exit-on-eof --linger 30s
	limit sse-tail "$URL/events/b?last=30000" >got
	seq 20000 | diff -q - got
	limit sse-tail -f '{event} {id} {data}\n' "$URL/events/a?last=9" >got
	[ "$(cat got)" = 't k1 x' ]
	[ "$(grep -c 'passed over' serve.err)" -eq 2 ]
}

@test "what sse-tail captured is what sse-serve plays" {
	printf '{"data":"%s","event":"e","id":"%s"}\n' one 1 'two\nthree' 2 >input
	SERVE=first quick_serve -f json --exit-on-eof --linger 30s <input
	limit sse-tail -f sse --capture capture "$URL/events?last=9" >want
	quick_serve --replay capture --exit-on-eof --linger 30s
	limit sse-tail -f sse "$URL/events?last=9" >got
	diff want got
}

@test "what cannot be played is said before anything is served" {
	run -66 limit sse-serve -l 0 --replay missing
	[[ $output != *listening* ]]
	run -66 limit sse-serve -l 0 --replay .
	run -66 limit sse-serve -l 0 --replay /dev/null
	for speed in 0 -1 x 1x '' 1e9 nan; do
		run -64 limit sse-serve -l 0 --replay missing --speed "$speed"
	done
	echo 'root:x:0:0' >notes
	run -0 limit sse-serve -q -l 0 --replay notes --exit-on-eof --linger 0
	[[ $output = *'notes: there is no event in it' ]]
	run -64 limit sse-serve -l 0 --speed 2 </dev/null
	[[ $output = *'--speed goes with --replay'* ]]
}
