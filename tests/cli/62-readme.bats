# What the README says to type is typed, at a terminal, in both shells.

bats_require_minimum_version 1.5.0
load helper
load examples

# block N: the README's Nth block of commands.
block() {
	awk -v want="$1" '
		/^```/ { inside = !inside; n += inside; next }
		inside && n == want { print }' "$TOP/README.md"
}

# The tour, with free ports and a Redis of the test's own for those it names.
tour() {
	local one=$1 two=$2

	block 3 | sed \
	    -e "s#| sse-serve &#| sse-serve -l 127.0.0.1:$one \&#" \
	    -e "s#-l 8081#-l 127.0.0.1:$two#" \
	    -e "s#localhost:8080#127.0.0.1:$one#; s#localhost:8081#127.0.0.1:$two#" \
	    -e "s#redis://localhost#$SSE_REDIS_URL#"
}

# Two ports nobody listens on.
free_ports() {
	python3 -c '
import random, socket
found = []
while len(found) < 2:
	port = random.randrange(10000, 32000)
	try:
		socket.create_server(("127.0.0.1", port)).close()
		found.append(port)
	except OSError:
		pass
print(*found)'
}

take_tour() {
	try_redis
	PATH=$PWD/bin:$PATH
	tour $(free_ports) >lines
	[ "$(wc -l <lines)" -eq 10 ]
	"$TOP/tests/cli/type.py" $((30 * SLOW)) "$@" <lines >seen || {
		cat seen
		return 1
	}
	cat seen
	# Three events of the clock; the bytes; a format of one's own.
	answer 2 | tee two
	[ "$(grep -cE ':[0-5][0-9]:' two)" -eq 3 ]
	answer 3 | grep -q '^data: .*:[0-5][0-9]:'
	answer 4 | grep -qE '^[0-2][0-9]:[0-5][0-9] message .*:[0-5][0-9]:'
	# The last three of a thousand, with IDs.
	answer 7 | sed -nE 's/.*"id":"[0-9]+-[0-9]+".*/has an ID/p' >ids
	[ "$(wc -l <ids)" -eq 3 ]
	[ "$(answer 7 | grep -oE '"data":"[0-9]+"' | tr -d '\n')" = \
	    '"data":"998""data":"999""data":"1000"' ]
	answer 9 | grep -q ':[0-5][0-9]:'
	answer 10 | grep -qE '^(\(integer\) )?[0-9]+$'
}

# answer N: what was seen after the Nth line.
answer() {
	awk -v want="$1" '/^\$ / { n++; next } n == want' seen
}

@test "the README names two commands, each one line, and a tour of ten" {
	[ "$(block 1 | wc -l)" -eq 1 ]
	[ "$(block 2 | wc -l)" -eq 1 ]
	[ "$(block 3 | wc -l)" -eq 10 ]
	[[ "$(block 1)" = *'make demo' ]]
	[[ "$(block 2)" = *'make check' ]]
}

@test "the README's tour can be typed into bash" {
	take_tour bash --norc --noediting -i
}

@test "the README's tour can be typed into zsh" {
	take_tour zsh -f -i +Z +o prompt_sp +o prompt_cr
}

@test "every library that the README names is one that is linked, and the reverse" {
	for p in sse-serve sse-pub sse-tail sse-relay; do
		readelf -d "$BIN/$p"
	done | sed -nE 's/.*NEEDED.*\[lib(.*)\.so.*/\1/p' |
	    grep -vE '^(c|m|asan|ubsan|sse)$' | sort -u >linked
	for l in $(cat linked); do
		grep -q "^| .*| \(lib\)\?$l\b" "$TOP/README.md" || {
			echo "$l is linked and not in the README"
			return 1
		}
	done
	for l in bsd curl ev hiredis jansson; do
		grep -qx "$l" linked || {
			echo "$l is in the README and not linked"
			return 1
		}
	done
}
