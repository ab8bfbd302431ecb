# Completion of sse-serve for bash.

_sse_serve() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	case $prev in
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W 'line nul whole sse json' -- "$cur")
		;;
	--lag)
		mapfile -t COMPREPLY < <(compgen -W 'gap wait' -- "$cur")
		;;
	--ready-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	-[aclnrw] | --admin | --allow-origin | --channel | --drain | \
	    --header-timeout | --history | --history-age | --history-bytes | \
	    --keepalive | --linger | --listen | --max-body | \
	    --max-connections | --max-event | --max-head | --prefix | \
	    --redis | --retry | --socket-mode | --workers) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--exit-on-eof --help
			--open-publish --quiet --verbose --version --admin
			--allow-origin --channel --drain --format
			--header-timeout --history --history-age
			--history-bytes --keepalive --lag --linger --listen
			--max-body --max-connections --max-event --max-head
			--prefix --ready-file --redis --retry --socket-mode
			--workers' -- "$cur")
		;;
	esac
}

complete -F _sse_serve sse-serve
