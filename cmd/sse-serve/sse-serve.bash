# Completion of sse-serve for bash.

_sse_serve() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	case $prev in
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W 'line nul whole sse json' -- "$cur")
		;;
	--log-format)
		mapfile -t COMPREPLY < <(compgen -W 'combined json' -- "$cur")
		;;
	--lag)
		mapfile -t COMPREPLY < <(compgen -W 'gap close wait' -- "$cur")
		;;
	--fsync)
		mapfile -t COMPREPLY < <(compgen -W 'always 1s never' -- "$cur")
		;;
	--pending)
		mapfile -t COMPREPLY < <(compgen -W 'off client all' -- "$cur")
		;;
	--refuse)
		mapfile -t COMPREPLY < <(compgen -W 'soft hard' -- "$cur")
		;;
	--access-log | --journal | --jwt-key | --ready-file | --redis-auth-file | --replay)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	-[aclnrw] | --admin | --allow-origin | --channel | --drain | \
	    --groups-header | --header-timeout | --history | --history-age | --history-bytes | \
	    --identity-header | --jwt-cookie | --labels-header | \
	    --keepalive | --linger | --listen | --max-body | \
	    --max-channels | --max-connections | --max-event | --max-head | \
	    --max-lifetime | --max-per-address | --max-per-client | --max-rate | --once-for | --once-memory | \
	    --prefix | \
	    --redis | --redis-timeout | --retry | --send-buffer | --socket-mode | --speed | \
	    --stall-timeout | --trust-proxy | \
	    --workers) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--exit-on-eof --help
			--once-for --once-memory
			--open-publish --proxy-protocol --quiet --require-identity --presence-events
			--share-port --verbose --version --admin
			--access-log --log-format
			--allow-origin --channel --drain --format
			--fsync --header-timeout --history --history-age
			--history-bytes --journal --keepalive --groups-header
			--identity-header --jwt-cookie --jwt-key --labels-header --lag --linger --listen
			--max-body --max-channels --max-connections
			--max-event --max-head --max-lifetime
			--max-per-address --max-per-client
			--max-rate
			--pending --prefix --ready-file --redis --redis-auth-file
			--redis-timeout --refuse --replay --retry
			--send-buffer --socket-mode --speed --stall-timeout
			--trust-proxy --workers' -- "$cur")
		;;
	esac
}

complete -F _sse_serve sse-serve
