# sse-serve: how it is stopped, told to reload, and started anew.

bats_require_minimum_version 1.5.0
load helper

setup() {
	sse_setup
	SERVICE=$TOP/tests/cli/service.py
}

# readers N: as many streams of /events/a.
readers() {
	local i

	for ((i = 0; i < $1; i++)); do
		spawn "reader$i" curl -sN "$URL/events/a"
	done
	for ((i = 0; i < $1; i++)); do
		await_grep retry "reader$i.out"
	done
}

# retry_of FILE: what it was told last.
retry_of() {
	sed -n 's/^retry: //p' "$1" | tail -n 1
}

@test "closings are spread, and each is told a time of its own to come back" {
	start_serve -a 127.0.0.1:0 -w 2 --drain 20s --retry 500 </dev/null
	admin=$(sed -n 2p serve.ready)
	readers 24
	kill -TERM "${PIDS[serve]}"
	await any_is_gone reader
	# Those who are still there are served meanwhile, those who are not
	# will find it when they come back.
	curl -sS -d late "$admin/events/a" >id
	[ "$(curl -sS "$admin/readyz")" = 'it is being stopped' ]
	await_exit serve
	[ "$status" -eq 0 ]
	late=0
	for i in {0..23}; do
		await_exit "reader$i"
		[ "$status" -eq 0 ]
		[ "$(grep -c '^data: late$' "reader$i.out")" -le 1 ]
		! grep -q '^data: late$' "reader$i.out" || late=$((late + 1))
		retry=$(retry_of "reader$i.out")
		[ "$retry" -ge 500 ]
		[ "$retry" -le 1000 ]
		echo "$retry" >>retries
	done
	[ "$late" -ge 1 ]
	[ "$late" -lt 24 ]
	[ "$(sort -u retries | wc -l)" -ge 12 ]
}

any_is_gone() {
	local name

	for name in "${!PIDS[@]}"; do
		[[ "$name" != "$1"* ]] || ! is_gone "${PIDS[$name]}" || return 0
	done
	return 1
}

@test "without time to drain all is closed at once" {
	start_serve --drain 0 </dev/null
	readers 5
	stop serve
	[ "$status" -eq 0 ]
	for i in {0..4}; do
		await_exit "reader$i"
	done
}

@test "a request on its way when it is stopped is still answered" {
	start_serve --drain 20s --open-publish </dev/null
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}" 8<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'POST /events/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\non' >&8
	# It is accepted, for one that came later is answered.
	curl -sS -o /dev/null "$URL/"
	kill -TERM "${PIDS[serve]}"
	await refuses "$URL"
	printf 'GET /events/a HTTP/1.1\r\nHost: x\r\n\r\n' >&7
	printf 'ce' >&8
	limit cat <&7 >stream
	limit cat <&8 >answer
	head -n 1 stream | grep -q '200 OK'
	grep -q '^retry: ' stream
	head -n 1 answer | grep -q '200 OK'
	grep -q '^[0-9]*-[0-9]*$' answer
	exec 7>&- 8>&-
	await_exit serve
	[ "$status" -eq 0 ]
}

refuses() {
	local status=0

	curl -s -o /dev/null "$1" || status=$?
	[ $status -eq 7 ]
}

@test "a second signal ends it at once" {
	feed_open
	start_serve --drain 1h <feed
	exec 7<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET /events HTTP/1.0\r\n\r\n' >&7
	spawn fast curl -sN "$URL/events"
	await_grep '^retry:' fast.out
	head -c 20000000 /dev/zero | tr '\0' x | fold -w 10000 >&"$FEED"
	feed '' last
	await_grep '^data: last$' fast.out
	kill -TERM "${PIDS[serve]}"
	await_exit fast
	not is_gone "${PIDS[serve]}"
	stop serve INT
	[ "$status" -eq 130 ]
	exec 7>&-
}

@test "SIGHUP loses no connection, and a manager hears of all" {
	spawn manager python3 "$SERVICE" notify "$PWD/notify"
	await_grep bound manager.out
	NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=100000 start_serve -w 3 </dev/null
	await_grep '^READY=1$' manager.out
	readers 2
	kill -HUP "${PIDS[serve]}"
	await_grep '^RELOADING=1 MONOTONIC_USEC=[1-9][0-9]*$' manager.out
	await_grep '^READY=1$' manager.out 2
	# As often as every loop turns.
	await_grep '^WATCHDOG=1$' manager.out 3
	not any_is_gone reader
	stop serve
	[ "$status" -eq 0 ]
	await_grep '^STOPPING=1 EXTEND_TIMEOUT_USEC=15000000$' manager.out
}

@test "a socket without a file is told as well, another's watchdog is not fed" {
	spawn manager python3 "$SERVICE" notify "@sse-$$-$BATS_TEST_NUMBER"
	await_grep bound manager.out
	NOTIFY_SOCKET=@sse-$$-$BATS_TEST_NUMBER WATCHDOG_USEC=1000 \
	    WATCHDOG_PID=1 start_serve </dev/null
	await_grep '^READY=1$' manager.out
	curl -sS -o /dev/null "$URL/"
	stop serve
	await_grep '^STOPPING=1' manager.out
	not grep -q WATCHDOG manager.out
	NOTIFY_SOCKET=nowhere start_serve </dev/null
	stop serve
	[ "$status" -eq 0 ]
}

# A terminal of its own, where keys make signals.
terminal() {
	python3 - "$@" <<'END'
import os, pty, sys, signal
signal.alarm(20 * int(os.environ["SLOW"]))
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = b""
while b"listening" not in said:
    said += os.read(fd, 4096)
if sys.argv[1] == "key":
    os.write(fd, b"\x03")
else:
    os.close(fd)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

@test "on a terminal SIGINT and SIGHUP end it at once, and it dies by them" {
	[ "$(terminal key sse-serve -l unix:sock --drain 1h \
	    --ready-file ready)" = -2 ]
	[ ! -e sock ]
	[ ! -e ready ]
	[ "$(terminal close sse-serve -l unix:sock --drain 1h)" = -1 ]
	[ ! -e sock ]
}

# manage NAME=ADDRESS... -- OPTION...: sse-serve under a manager that holds its
# sockets; URL is the first.
manage() {
	feed_open
	spawn manager python3 "$SERVICE" listen "${@/#--/--}" <feed
	await_grep . manager.out
	URL=$(head -n 1 manager.out)
}

@test "sockets that are passed are listened on, by their names" {
	mkdir other
	manage public=0 admin="$PWD/other/admin" -- \
	    sse-serve -w 2 --ready-file ready
	await_file ready
	[ "$(sed -n 1p ready)" = "$URL" ]
	[ "$(sed -n 2p ready)" = "unix:$PWD/other/admin" ]
	[ "$(wc -l <ready)" -eq 2 ]
	spawn reader curl -sN "$URL/events/a"
	await_grep retry reader.out
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -d x "$URL/events/a")" = 403 ]
	curl -sSf --unix-socket other/admin -d x http://localhost/events/a
	await_grep '^data: x$' reader.out
	feed stop
	await_exit manager
	[ "$status" -eq 0 ]
	# It was not ours to remove.
	[ -S other/admin ]
}

@test "systemd's own way of passing sockets works" {
	spawn manager systemd-socket-activate -l "$PWD/public" -l "$PWD/admin" \
	    --fdname=public:admin "$BIN/sse-serve" --ready-file ready </dev/null
	await_grep "$PWD/admin as 4" manager.err
	# It is started by the first who comes.
	spawn reader curl -sN --unix-socket public http://localhost/events
	await_grep retry reader.out
	[ "$(curl -sS --unix-socket admin http://localhost/readyz)" = ready ]
	stop manager
	[ "$status" -eq 0 ]
}

@test "sockets that cannot be listened on are named" {
	for name in public=udp:0 'admin=*:0'; do
		spawn manager python3 "$SERVICE" listen "$name" -- \
		    sse-serve <<<await
		await_exit manager
		[ "$status" -eq 64 ]
		grep -q 'descriptor 3' manager.err
	done
	LISTEN_PID=1 LISTEN_FDS=1 start_serve </dev/null
	stop serve
	# The names of those that were opened by name come on top.
	manage public=0 -- sse-serve -l unix:sock --ready-file ready
	await_file ready
	[ "$(wc -l <ready)" -eq 2 ]
}

@test "who connects throughout restarts is never refused" {
	local i

	manage public=0 -- sse-serve --ready-file ready --drain 2s
	await_file ready
	mkfifo until
	exec 6<>until
	for i in 1 2; do
		spawn "comer$i" python3 "$SERVICE" come "${URL#http://}" /events \
		    <until
	done
	spawn tail sse-tail -v "$URL/events/a"
	await_lines 5 comer1.out
	for i in 2 3 4; do
		feed restart
		await_grep "started $i" manager.out
		await_lines $((i * 20)) comer1.out
		await_lines $((i * 20)) comer2.out
	done
	# Both at a time: the new one serves before the old one has gone.
	feed start
	await_grep "started 5" manager.out
	await_lines 100 comer1.out
	exec 6>&-
	echo >until
	await_exit comer1
	await_exit comer2
	feed stop
	await_exit manager
	[ "$status" -eq 0 ]
	sort comer1.out comer2.out | uniq -c
	[ "$(sort -u comer1.out comer2.out)" = well ]
}
