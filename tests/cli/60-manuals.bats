# The manuals are held against the programs.

bats_require_minimum_version 1.5.0
load helper
load examples

PROGRAMS='sse-serve sse-pub sse-tail sse-relay'

# Options as "-f --format ARG", "- --exit-on-eof": by --help ...
options_of_help() {
	"$1" --help | sed -nE '
		s/^  -(.), --([a-z0-9.-]+) [^ ].*/-\1 --\2 ARG/p
		s/^  -(.), --([a-z0-9.-]+)(  .*)?$/-\1 --\2/p
		s/^      --([a-z0-9.-]+) [^ ].*/- --\1 ARG/p
		s/^      --([a-z0-9.-]+)(  .*)?$/- --\1/p' | sort
}

# ... and by the manual's list.
options_of_manual() {
	sed -nE '/^\.It Fl /{
		s/^\.It //
		s/Fl Fl /--/g
		s/Fl -/--/g
		s/Fl /-/g
		s/ , / /
		s/ Ns / /g
		s/ (Ar|Cm) .*/ ARG/
		s/^--/- --/
		p
	}' "$TOP/man/$1.1" | sort
}

@test "--help and the manual list the same options, with arguments or without" {
	for p in $PROGRAMS; do
		options_of_help "$p" >help
		options_of_manual "$p" >manual
		[ "$(wc -l <help)" -gt 4 ]
		diff -u help manual || {
			echo "$p: --help and manual differ"
			return 1
		}
	done
}

@test "options are sorted by long name, in --help and in the manual" {
	for p in $PROGRAMS; do
		"$p" --help |
		    sed -nE 's/^  (-.,|   ) --([a-z0-9.-]+).*/\2/p' >order
		LC_ALL=C sort -c order
		sed -nE '/^\.It Fl /s/.*Fl (Fl |-)([a-z0-9.-]+).*/\2/p' \
		    "$TOP/man/$p.1" >order
		LC_ALL=C sort -c order
	done
}

@test "every option that --help lists is taken, and needs what it says" {
	for p in $PROGRAMS; do
		options_of_help "$p" >help
		[ -s help ]
		while read -r letter name argument; do
			if [ -n "$argument" ]; then
				run limit "$p" "$name"
				[ "$status" -eq 64 ]
				[[ "$output" = *"$name needs an argument"* ]]
				[ "$letter" != - ] || continue
				run limit "$p" "$letter"
				[ "$status" -eq 64 ]
				[[ "$output" = *"$letter needs an argument"* ]]
			else
				run limit "$p" "$name=x"
				[ "$status" -eq 64 ]
				[[ "$output" = *"takes no argument"* ]]
			fi
		done <help
	done
}

@test "the completions of bash and zsh know the same options" {
	for p in $PROGRAMS; do
		options_of_help "$p" | grep -oE -- '--[a-z0-9.-]+' | sort -u >help
		for c in "$TOP/cmd/$p/$p.bash" "$TOP/cmd/$p/_$p"; do
			grep -oE -- '--[a-z0-9.-]+' "$c" | sort -u >completion
			diff -u help completion
		done
	done
}

# What the sources ask the environment for.
variables() {
	cat "$TOP"/lib/tool/*.[ch] "$TOP"/cmd/*/*.[ch] |
	    grep -oE 'getenv\("[A-Za-z_]+"\)' | grep -oE '[A-Za-z_]{2,}"' |
	    tr -d '"' | sort -u
}

@test "every variable that a program asks for is in its manual" {
	variables >asked
	grep -q SSE_REDIS_URL asked
	for p in $PROGRAMS; do
		while read -r name; do
			grep -aq "$name" "$BIN/$p" || continue
			sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh EXIT/p' \
			    "$TOP/man/$p.1" | grep -qE "Ev.* $name( |$)" || {
				echo "$p: $name is not in its manual"
				return 1
			}
		done <asked
	done
}

@test "every SSE_ variable in a manual is one the program asks for" {
	for p in $PROGRAMS; do
		sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh EXIT/p' "$TOP/man/$p.1" |
		    grep -oE '^\.It Ev.*' | grep -oE 'SSE_[A-Z_]+' >documented ||
		    continue
		while read -r name; do
			grep -aq "$name" "$BIN/$p" || {
				echo "$p: knows nothing of $name"
				return 1
			}
		done <documented
	done
}

@test "every exit status in the sources is in the manual, and in the one table" {
	declare -A number=([OK]=0 [USAGE]=64 [DATAERR]=65 [NOINPUT]=66
	    [UNAVAILABLE]=69 [SOFTWARE]=70 [OSERR]=71 [CANTCREAT]=73 [IOERR]=74
	    [TEMPFAIL]=75 [PROTOCOL]=76 [NOPERM]=77 [CONFIG]=78)
	for p in $PROGRAMS; do
		sed -n '/^\.Sh EXIT STATUS/,/^\.Sh [^E]/p' "$TOP/man/$p.1" |
		    sed -nE 's/^\.It (Li )?([0-9].*)/\2/p' |
		    tr -cs '0-9' '\n' | grep . | sort -n >documented
		grep -qx 0 documented
		grep -qx 64 documented
		for s in $(cat documented); do
			[[ " 0 1 64 65 66 69 70 73 74 75 76 77 78 80 " = *" $s "* ]] || {
				echo "$p: $s is in no table"
				return 1
			}
		done
		sources=("$TOP/cmd/$p"/*.[ch])
		! grep -q redis_link_status "${sources[@]}" ||
		    sources+=("$TOP/lib/tool/redis_status.c")
		for name in $(cat "${sources[@]}" |
		    grep -oE '\bEX_[A-Z]+' | sort -u); do
			s=${number[${name#EX_}]}
			grep -qx "$s" documented || {
				echo "$p: $name ($s) is not in its manual"
				return 1
			}
		done
	done
}

@test "the manuals are clean mdoc, with sections in order" {
	mandoc -T lint -W warning "$TOP"/man/*.[1-8]
	for page in "$TOP"/man/*.1; do
		grep -E '^\.Sh (ENVIRONMENT|FILES|EXIT STATUS|EXAMPLES|DIAGNOSTICS|SEE ALSO|STANDARDS|HISTORY|AUTHORS|CAVEATS|BUGS|SECURITY CONSIDERATIONS)$' \
		    "$page" | sed 's/^.Sh //' >got
		printf '%s\n' ENVIRONMENT FILES 'EXIT STATUS' EXAMPLES \
		    DIAGNOSTICS 'SEE ALSO' STANDARDS HISTORY AUTHORS CAVEATS \
		    BUGS 'SECURITY CONSIDERATIONS' | grep -Fxf got >want
		diff -u want got
		for section in 'EXIT STATUS' EXAMPLES DIAGNOSTICS; do
			grep -qx "$section" got
		done
	done
}

@test "every page of ours that a manual names is there" {
	grep -hE '^\.Xr (lib)?sse' "$TOP"/man/*.[1-8] |
	    awk '{ print $2 "." $3 }' | sort -u >named
	[ -s named ]
	while read -r page; do
		[ -e "$TOP/man/$page" ] ||
		    grep -lq "^\.Nm ${page%.*}\( ,\)\?$" "$TOP"/man/*."${page##*.}" || {
			echo "no such page: $page"
			return 1
		}
	done <named
}

@test "what sse.h declares is what is exported and what has a page" {
	grep -oE '\bsse_[a-z0-9_]+\(' "$TOP/lib/sse.h" | tr -d '(' |
	    sort -u >declared
	nm -D --defined-only "$BIN/libsse.so" |
	    awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u >exported
	diff -u declared exported
	cat "$TOP"/man/*.3 | awk '/^\.Sh SYNOPSIS/ { s = 1; next } /^\.Sh/ { s = 0 }
	    s && $1 ~ /^\.F[no]$/ { for (i = 2; i <= NF; i++) if ($i ~ /^"?sse_/) {
		gsub(/"/, "", $i); print $i; break } }' | sort -u >documented
	diff -u declared documented
	# And there is nothing global beside them.
	[ -z "$(nm -D --defined-only "$BIN/libsse.so" |
	    awk '$3 !~ /^sse_/ && $2 != "A"')" ]
}

@test "every page that has an example is tried here" {
	for page in $(grep -l '^\.\\" try: ' "$TOP"/man/*.[1-8]); do
		grep -q "try_examples .*/${page##*/}\"" \
		    "$BATS_TEST_DIRNAME"/*.bats || {
			echo "no test tries ${page##*/}"
			return 1
		}
	done
}

@test "the examples of sse-serve(1) do what it says" {
	try_examples "$TOP/man/sse-serve.1"
}

@test "the examples of sse-pub(1) do what it says" {
	try_examples "$TOP/man/sse-pub.1"
}

@test "the examples of sse-tail(1) do what it says" {
	try_examples "$TOP/man/sse-tail.1"
}

@test "the examples of sse-relay(1) do what it says" {
	try_examples "$TOP/man/sse-relay.1"
}

@test "the examples of sse-redis(7) do what it says" {
	try_examples "$TOP/man/sse-redis.7"
}

@test "the examples of sse-tools(7) do what it says" {
	try_examples "$TOP/man/sse-tools.7"
}
