# bash completion for sse-relay(1)

_sse_relay() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	case $prev in
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W \
		    'sse json line nul whole {data} {json}' -- "$cur")
		return
		;;
	--from)
		mapfile -t COMPREPLY < <(compgen -W 'now start' -- "$cur")
		return
		;;
	--gap)
		mapfile -t COMPREPLY < <(compgen -W 'warn fail' -- "$cur")
		return
		;;
	--redis-auth-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--keep-id)
		mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		return
		;;
	--filter)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	--cacert | --cert | --key | --state | --unix-socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-[HNnr] | --connect-timeout | --header | --history | \
	    --history-age | --map | --max-event | --metrics | --name | \
	    --oauth2-bearer | --prefix | --proxy | --redis | --resolve | \
	    --sink-header | --sink-oauth2-bearer | --timeout | --user)
		return
		;;
	esac
	if [[ $cur = -?* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '
		    --cacert --cert --connect-timeout --filter --format
		    --from --gap --header --help --history --history-age
		    --insecure --keep-id --key --map --max-event --metrics
		    --name --netrc --oauth2-bearer --prefix --proxy --quiet
		    --redis --resolve --sink-header --sink-oauth2-bearer
		    --state --stats --timeout --unix-socket --user --verbose
		    --version' -- "$cur")
	else
		# A URL is several words for bash, which parts them at the colon.
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W \
		    'http:// https:// redis: redis:// redis+unix:// sentinel:// stream: -' -- "$cur")
	fi
}

complete -F _sse_relay sse-relay
