# Shared by scenarios with a proxy before sse-serve.

# up NAME: who listens at URL answers, or it is gone.
up() {
	limit curl -sk -o /dev/null --max-time 1 "$URL/" || is_gone "${PIDS[$1]}"
}

# behind NAME COMMAND...: start a proxy with NAME.conf, which is NAME.in with
# @PORT@, @DIR@ and @SERVE@ (host:port of sse-serve) filled in.  URL is then it,
# of SCHEME (http).
behind() {
	local name=$1 try

	shift
	SERVER=${URL#http://}
	for try in {1..20}; do
		PORT=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
		sed "s|@PORT@|$PORT|g; s|@SERVE@|$SERVER|g; s|@DIR@|$PWD|g" \
		    "$name.in" >"$name.conf"
		spawn "$name" "$@"
		URL=${SCHEME:-http}://127.0.0.1:$PORT
		await up "$name"
		is_gone "${PIDS[$name]}" || return 0
		# Another has the port; or it is something else.
		wait "${PIDS[$name]}" || :
	done
	cat "$name.err"
	return 1
}

# start_nginx [WORD ...]: the lines of its server are the standard input, the
# words belong to its listening: ssl.
start_nginx() {
	{
		cat <<-'END'
			daemon off;
			master_process off;
			pid @DIR@/nginx.pid;
			error_log stderr;
			events { }
			http {
			access_log off;
			client_body_temp_path @DIR@/body;
			proxy_temp_path @DIR@/proxy;
			fastcgi_temp_path @DIR@/fastcgi;
			uwsgi_temp_path @DIR@/uwsgi;
			scgi_temp_path @DIR@/scgi;
			server {
		END
		echo "listen 127.0.0.1:@PORT@ $*;"
		cat
		echo '} }'
	} >nginx.in
	behind nginx nginx -p "$PWD" -c "$PWD/nginx.conf" -e stderr
}
