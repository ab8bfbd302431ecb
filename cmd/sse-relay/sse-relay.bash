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
	-[Nnr] | --history | --history-age | --max-event | --name | --prefix | \
	    --redis | --timeout)
		return
		;;
	esac
	if [[ $cur = -?* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '
		    --format --from --gap --help --history --history-age
		    --max-event --name --prefix --quiet --redis --timeout
		    --verbose --version' -- "$cur")
	else
		# A URL is several words for bash, which parts them at the colon.
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W \
		    'http:// https:// redis: redis:// redis+unix:// -' -- "$cur")
	fi
}

complete -F _sse_relay sse-relay
