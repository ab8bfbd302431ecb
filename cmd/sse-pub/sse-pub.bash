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
		COMPREPLY=($(compgen -W 'redis:// redis+unix://' -- "$word"))
		compopt -o nospace
		return ;;
	-u|--url)
		COMPREPLY=($(compgen -W 'http:// https:// unix:' -- "$word"))
		compopt -o nospace
		return ;;
	-[ein]|--event|--expires|--history|--history-age|--id|--match|\
	--max-event|--once|--prefix|--retry|--timeout)
		return ;;
	esac
	if [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W '--event --expires --format --help
		    --history --history-age --id --match --max-event --once
		    --prefix --priority --redis --retry --timeout --url
		    --verbose --version' -- "$word"))
	fi
} &&
complete -F _sse_pub sse-pub
