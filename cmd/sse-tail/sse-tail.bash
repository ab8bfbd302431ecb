# bash completion for sse-tail(1)

_sse_tail() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	case $prev in
	-f | --format)
		mapfile -t COMPREPLY < <(compgen -W \
		    'line nul sse json {data} {json}' -- "$cur")
		return
		;;
	--gap)
		mapfile -t COMPREPLY < <(compgen -W 'warn fail ignore' -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	-o | --output | -K | --config | -b | --cookie | --cacert | \
	    --capath | --capture | --cert | --key | --netrc-file | --state | \
	    --unix-socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-[cndeHimxUXuA] | --channel | --connect-timeout | --connect-to | \
	    --count | --data | --data-binary | --data-raw | --event | \
	    --exec-retries | --exec-timeout | --grep | --header | --id | \
	    --idle-exit | --idle-timeout | --interface | --json | --last | \
	    --max-event | --max-time | --noproxy | --oauth2-bearer | --proxy | \
	    --proxy-user | --request | --resolve | --retry | --retry-max | \
	    --show | --until | --url | --user | --user-agent)
		return
		;;
	esac
	[[ $cur != -* ]] || mapfile -t COMPREPLY < <(compgen -W '
	    --cacert --capath --capture --cert --channel --color
	    --compressed --config --connect-timeout --connect-to
	    --cookie --count --data --data-binary --data-raw --digest
	    --event --exec --exec-retries --exec-timeout --fail-early
	    --format --gap --grep --header --help --http1.1 --http2
	    --http2-prior-knowledge --id --idle-exit --idle-timeout
	    --insecure --interface --ipv4 --ipv6 --json --json-data
	    --key --last --location --max-event --max-time --netrc
	    --netrc-file --no-buffer --no-reconnect --noproxy
	    --oauth2-bearer --output --proxy --proxy-user --quiet
	    --request --resolve --retry --retry-first --retry-max
	    --retry-post --show --show-error --silent --state --stats
	    --unix-socket --until --url --user --user-agent --verbose
	    --version' -- "$cur")
}

complete -F _sse_tail sse-tail
