# bash completion of sse-pub(1)

_sse_pub()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}

	# A URL is several words for bash, which parts them at the colon.
	case $before in
	-f|--format)
		COMPREPLY=($(compgen -W 'line nul whole sse json' -- "$word"))
		return ;;
	--priority)
		COMPREPLY=($(compgen -W 'high normal' -- "$word"))
		return ;;
	-r|--redis)
		COMPREPLY=($(compgen -W 'redis:// redis+unix:// sentinel://' -- "$word"))
		compopt -o nospace
		return ;;
	--cacert|--cert|--key|--redis-auth-file)
		COMPREPLY=($(compgen -f -- "$word"))
		return ;;
	-u|--url)
		COMPREPLY=($(compgen -W 'http:// https:// unix:' -- "$word"))
		compopt -o nospace
		return ;;
	--spool)
		COMPREPLY=($(compgen -d -- "$word"))
		return ;;
	-[einHK]|--event|--expires|--header|--history|--history-age|--id|\
	--match|--max-batch|--max-event|--oauth2-bearer|--once|--once-for|\
	--prefix|--replicas|--retry|--split|--spool-max|--timeout|--wait)
		return ;;
	esac
	if [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W '--cacert --cert --event --exec
		    --expires --flush --format --header --help --history
		    --history-age --id --insecure --key --match --max-batch
		    --max-event --oauth2-bearer --once --once-for --prefix
		    --priority --quiet --raw --redis --redis-auth-file
		    --replicas --retry --split --spool --spool-max --spool-ok
		    --timeout --url --verbose --version --wait' -- "$word"))
	fi
} &&
complete -F _sse_pub sse-pub
