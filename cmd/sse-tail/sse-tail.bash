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
		mapfile -t COMPREPLY < <(compgen -W 'warn fail' -- "$cur")
		return
		;;
	-o | --output | --cacert | --cert | --key | --unix-socket | -b | --cookie)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-[cneHimxXuAd] | --channel | --connect-timeout | --count | --data | \
	    --event | --header | --id | --idle | --max-event | --max-time | \
	    --proxy | --request | --resolve | --retry | --show | --user | \
	    --user-agent)
		return
		;;
	esac
	[[ $cur != -* ]] || mapfile -t COMPREPLY < <(compgen -W '
	    --cacert --cert --channel --compressed --connect-timeout --cookie
	    --count --data --event --format --gap --header --help --id --idle
	    --insecure --ipv4 --ipv6 --key --location --max-event --max-time
	    --netrc --no-buffer --output --proxy --quiet --request --resolve
	    --retry --show --show-error --silent --unix-socket --user
	    --user-agent --verbose --version' -- "$cur")
}

complete -F _sse_tail sse-tail
