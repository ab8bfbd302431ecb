# sse-tail reads several URLs at once.

bats_require_minimum_version 1.5.0
load helper
load tail

@test "events of several URLs come whole, and tell where from" {
	limit sse-tail -f '{url} {data}\n' "$BAD/ended" "$BAD/types" | sort >out
	diff -u - out <<-WANT
		$BAD/ended a
		$BAD/types 1
		$BAD/types 2
		$BAD/types 3
		$BAD/types 5
	WANT
	limit sse-tail -f json "$BAD/ended" --url "$BAD/gzip" | sort >out
	diff -u - out <<-WANT
		{"data":"a","url":"$BAD/ended"}
		{"data":"plain","url":"$BAD/gzip"}
	WANT
	# One alone is not told apart, and what is made of several can be read.
	run -0 limit sse-tail -f json "$BAD/ended"
	[ "$output" = '{"data":"a"}' ]
	start_redis
	run -0 limit sse-pub -f json x <out
	limit sse-tail -f nul "$BAD/reset" "$BAD/flood" | head -zn 2000 >out
	run -1 grep -zvxE '[0-9]+' out
}

@test "one that fails does not stop the others, and gives the status" {
	run -76 --separate-stderr limit sse-tail "$BAD/not-found" "$BAD/slow"
	[ "$output" = café ]
	[ "$stderr" = "sse-tail: $BAD/not-found: HTTP status 404" ]
	run -77 --separate-stderr limit sse-tail "$BAD/slow" "$BAD/forbidden"
	[ "$output" = café ]
	run -77 limit sse-tail --fail-early "$BAD/mute" "$BAD/forbidden"
	# Also when those that are left end for want of time or events.
	run -77 --separate-stderr limit sse-tail -m $((2 * SLOW)) "$BAD/one" "$BAD/forbidden"
	[ "$output" = one ]
	run -77 limit sse-tail --idle-exit $((300 * SLOW))ms "$BAD/one" "$BAD/forbidden"
	run -1 limit sse-tail -q -m $((2 * SLOW)) -n 2 "$BAD/one" "$BAD/forbidden"
	run -0 limit sse-tail -n 1 "$BAD/one" "$BAD/mute"
	# What has succeeded is no reason to end the rest.
	run -0 limit sse-tail --fail-early "$BAD/no-more" "$BAD/slow"
	[ "$output" = café ]
	run -0 limit sse-tail -n 2 "$BAD/one" "$BAD/mute" "$BAD/ended"
}

@test "--exec: one that floods leaves the others their turn" {
	spawn tail sse-tail --exec cat "$BAD/flood" "$BAD/one" "$BAD/slow"
	await_grep '^one$' tail.out
	await_grep '^café$' tail.out
	stop tail
	[ "$status" -eq 143 ]
	grep -v '[^0-9]' tail.out | cmp - <(seq 0 $(($(grep -vc '[^0-9]' tail.out) - 1)))
}

@test "1,000 URLs at once in one process" {
	local urls=() i

	feed_open
	start_serve <feed
	feed one
	for i in {1..1000}; do
		urls+=("$URL/events?last=1&i=$i")
	done
	LIMIT=60 limit sse-tail -n 1000 -f '{url}\n' "${urls[@]}" >out
	[ "$(sort -u out | wc -l)" -eq 1000 ]
	printf 'url = "%s"\n' "${urls[@]}" >urls
	LIMIT=60 limit sse-tail -K urls -n 1000 >out
	[ "$(wc -l <out)" -eq 1000 ]
}

@test "too few open files for so many URLs are told of" {
	local urls=()

	for _ in {1..40}; do
		urls+=("$BAD/one")
	done
	run -69 --separate-stderr bash -c 'ulimit -n 40 && exec "$@"' - \
	    timeout $((20 * SLOW)) sse-tail --fail-early "${urls[@]}"
	[ "${stderr_lines[0]}" = \
	    'sse-tail: 40 urls may need 104 open files, and ulimit -n is 40' ]
	limit sse-tail -n 40 "${urls[@]}" >out 2>said
	silent
}
