# Running the examples of a manual: each block below a comment
#
#	.\" try: SETUP [ARGUMENT ...]
#
# is a terminal as one would see it: after "$ " what is typed (continued on
# lines that begin with white space), else what is answered.  A setup makes the
# ground that the example stands on; the ports that it names, 8080 for sse-serve
# and 6379 for Redis, stand for those that were free.  A place in the answer
# stands for any.

# The setups.

try_none() {
	:
}

try_redis() {
	start_redis
	# redis-cli without options asks this one.
	mkdir -p bin
	printf '#!/bin/sh\nexec %s -s %s "$@"\n' "$(command -v redis-cli)" \
	    "$PWD/redis/sock" >bin/redis-cli
	chmod +x bin/redis-cli
	# The scripts lie where an example is typed.
	cp "$TOP"/lib/tool/*.lua .
}

# serve [CHANNEL [LINE ...]]: an sse-serve into whose channel LINEs (12:00) come,
# again and again.
try_serve() {
	mkfifo lines
	if [ $# -gt 0 ]; then
		spawn clock sh -c 'exec >lines
			while printf "%s\n" "$@"; do sleep 0.1; done' \
		    - "${@:2}" "${2-12:00}"
	else
		spawn clock sh -c 'exec sleep 1000 >lines'
	fi
	start_serve --open-publish -c "${1:-broadcast}" "${SERVE_OPTIONS[@]}" \
	    <lines
}

# identity: an sse-serve that checks tokens with the secret in key.
try_identity() {
	(umask 077 && openssl rand -hex 32 >key)
	SERVE_OPTIONS=(--jwt-key key)
	try_serve
}

# printed LINE ...: an sse-serve whose input was these lines, and has not ended.
try_printed() {
	mkfifo lines
	spawn printed sh -c 'exec >lines
		printf "%s\n" "$@"
		exec sleep 1000' - "$@"
	start_serve <lines
	await input_is_kept "${@: -1}"
}

input_is_kept() {
	limit curl -sN -m 1 "$URL/events?last=1" | grep -qFx "data: $1"
}

# serve-redis [CHANNEL [LINE ...]]: the same with a Redis behind it.
try_serve_redis() {
	try_redis
	SERVE_OPTIONS=(-r "$SSE_REDIS_URL")
	try_serve "$@"
}

# blocks PAGE: for each block a directory NUMBER with setup, typed and answered.
blocks() {
	awk '
	function plain(s) {
		gsub(/\\&/, "", s)
		gsub(/\\-/, "-", s)
		gsub(/\\e/, "\\", s)
		gsub(/\\\(aq/, "\047", s)
		return s
	}
	/^\.\\" try: / {
		n++
		system("mkdir -p " n)
		setup = substr($0, 9)
		sub(/^ */, "", setup)
		print setup >(n "/setup")
		printf "" >(n "/typed")
		printf "" >(n "/answered")
		waiting = 1
		next
	}
	waiting && /^\.Bd -literal/ { waiting = 0; inside = 1; next }
	waiting && !/^\./ { waiting = 0; print "no block: " NR >"/dev/stderr"; exit 1 }
	/^\.Ed/ { inside = 0 }
	!inside { next }
	{ $0 = plain($0) }
	/^\$ / { print substr($0, 3) >(n "/typed"); typed = 1; next }
	typed && /^[ \t]/ { print >(n "/typed"); next }
	{ typed = 0; print >(n "/answered") }
	' "$1"
}

# One answer is as good as another.
same_answer() {
	sed -E 's/[0-9]{13}-[0-9]+/PLACE/g' "$1"
}

# Put the ports that are for those that the manual names, and back.
to_ours() {
	sed -e "s#\(localhost\|127\.0\.0\.1\):8080#${URL#http://}#g" \
	    -e "s#redis://\(localhost\|127\.0\.0\.1\)\(:6379\)\?#${SSE_REDIS_URL:-&}#g"
}

to_theirs() {
	sed -e "s#${URL#http://}#localhost:8080#g" \
	    -e "s#${SSE_REDIS_URL:-redis:none}#redis://127.0.0.1:6379#g"
}

# try_block NUMBER: run one in its directory; the difference is the complaint.
try_block() {
	local setup words

	cd "$1" || return
	URL=http://localhost:8080
	unset SSE_REDIS_URL
	SERVE_OPTIONS=()
	# As at a terminal.
	echo no-progress-meter >~/.curlrc
	read -r setup <setup
	read -r -a words <<<"$setup"
	"try_${words[0]//-/_}" "${words[@]:1}" || return
	to_ours <typed >script
	PATH=$PWD/bin:$PATH limit bash script >said 2>&1 ||
	    [ $? -ne 124 ] || echo '(it did not end)' >>said
	to_theirs <said >got
	diff -u <(same_answer answered) <(same_answer got) || {
		echo "The manual's example with setup \"$setup\" differs:"
		cat typed
		return 1
	}
	end_all
	cd ..
}

# try_examples PAGE: all of them; there has to be one.
try_examples() {
	local i=0

	blocks "$1" || return
	while [ -d $((i + 1)) ]; do
		i=$((i + 1))
		try_block $i || return
	done
	echo "$i examples of $1"
	[ $i -gt 0 ]
}
