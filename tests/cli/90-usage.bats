# What all programs refuse, and how.

bats_require_minimum_version 1.5.0
load helper

PROGRAMS='sse-serve sse-pub sse-tail sse-relay'

@test "an unknown option is named, with the remedy, and ends with 64" {
	for p in $PROGRAMS; do
		for option in --no-such -Z --no-such=1; do
			run limit "$p" "$option"
			[ "$status" -eq 64 ]
			[[ "$output" = "$p: "*"${option%=*}"* ]]
			[[ "$output" = *"Try: $p --help"* ]]
		done
	done
}

@test "-h host and -V beside anything are no success" {
	for p in $PROGRAMS; do
		for args in '-h localhost' '-h -v' '-V x' '--help x' '--version x'; do
			# shellcheck disable=SC2086
			run limit "$p" $args
			[ "$status" -eq 64 ]
		done
	done
}

@test "long names are never abbreviated" {
	for p in $PROGRAMS; do
		run limit "$p" --hel
		[ "$status" -eq 64 ]
		run limit "$p" --versio
		[ "$status" -eq 64 ]
	done
}

@test "-h and -V print on standard output and end with 0" {
	for p in $PROGRAMS; do
		for o in -h --help; do
			"$p" $o >out 2>err
			head -n 1 out | grep -q "^usage: $p "
			[ ! -s err ]
			run -0 awk 'length > 80' out
			[ -z "$output" ]
		done
		for o in -V --version; do
			"$p" $o >out 2>err
			grep -qE "^$p \(sse-tools\) [0-9.]+$" out
			[ ! -s err ]
		done
	done
}

@test "what names a file or a URL that is not there says so with its status" {
	run limit sse-tail http://127.0.0.1:9/events
	[ "$status" -eq 69 ]
	[[ "$output" = *127.0.0.1:9* ]]
	run limit sse-pub -r redis+unix:///nonexistent/sock news x
	[ "$status" -eq 69 ]
	[[ "$output" = *nonexistent* ]]
	run limit sse-relay redis+unix:///nonexistent/sock?channel=a -
	[ "$status" -eq 69 ]
	run limit sse-tail ftp://127.0.0.1/events
	[ "$status" -eq 64 ]
}

@test "a name out of bounds for a channel is refused before anything is sent" {
	long=$(printf '%201s' '' | tr ' ' x)
	for name in 'a b' 'a,b' 'a*' '' "$long" $'a\tb'; do
		run limit sse-pub -r redis+unix:///nonexistent/sock "$name" x
		[ "$status" -eq 64 ]
	done
}
