# What sse-tail prints, and which events.

bats_require_minimum_version 1.5.0
load helper
load tail

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

		channel: not ours
		unknown: x
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

@test "on a terminal what does not print is shown, in a pipe it is as it came" {
	tail_says 0 $'\x1b[2J\xe2\x80\xaex' /terminal
	limit script -qec "sse-tail $BAD/terminal" /dev/null >out
	[ "$(tr -d '\r' <out)" = '\u001b[2J\u202ex' ]
}

@test "on a terminal no part of an event moves the cursor, in any format" {
	local esc=$'\x1b' bidi=$'\xe2\x80\xae' c1=$'\xc2\x9b' format

	printf ': c%s%s\nx%s: u%s\nevent: e%s\nid: i%s\ndata: d%s%s%s\n\n' \
	    "$esc" "$bidi" "$esc" "$bidi" "$bidi" "$esc" "$esc" "$bidi" "$c1" >in
	for format in line nul sse json '{event}{id}{data}{json}\n'; do
		NO_COLOR=1 limit script -qec "sse-tail -v -f '$format' - <in" \
		    /dev/null >out
		grep -qF 'd\u001b\u202e\u009b' out
		not grep -q -e "$esc" -e "$bidi" -e "$c1" out
		limit sse-tail -f "$format" - <in >out
		grep -q -e "$bidi$c1" out
	done
}
