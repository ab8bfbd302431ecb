# Reading a stream of sse-serve up to where there is no more.

# Keep-alive comments come when all that was due has been written: by the first
# a reader knows that it has everything.
quick_serve() {
	start_serve --keepalive 0.2s "$@"
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
