# Reading a stream of sse-serve up to where there is no more.

# Keep-alive comments come when all that was due has been written: by the first
# a reader knows that it has everything.  Unless what is due takes longer to be
# fetched than that, so Redis, on a busy machine, is given more time.
quick_serve() {
	local ms=300

	[ -z "${SSE_REDIS_URL:-}" ] || ms=800
	start_serve --keepalive $((ms * SLOW))ms "$@"
}

# stream PATH [CURL-OPTION ...]: all that comes until then.
stream() {
	local path=$1 fd pid

	shift
	exec {fd}< <(exec timeout $((20 * SLOW)) curl -sN "$@" "$URL$path")
	pid=$!
	sed -n '/^:/q; p' <&"$fd"
	kill "$pid" 2>/dev/null || :
	eval "exec $fd<&-"
}
