# The runner counts what the tests say, and what they fail to say.

bats_require_minimum_version 1.5.0
load helper

setup() {
	sse_setup
	mkdir -p build/unit
	export BUILD=$PWD/build
	unset CI
}

# unit NAME STATUS LINE...: a test program that says so.
unit() {
	{
		echo '#!/bin/sh'
		printf "echo '%s'\n" "${@:3}"
		echo "exit $2"
	} >"build/unit/$1"
	chmod +x "build/unit/$1"
}

@test "what passes is counted" {
	unit good 0 1..2 'ok 1 - a' 'ok 2 - b'
	unit fine 0 1..1 'ok 1 - c'
	run "$TOP/tests/run" unit/good unit/fine
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "3 passed, 0 failed" ]
}

@test "what fails is counted, and all it said is shown" {
	unit good 0 1..1 'ok 1 - a'
	unit bad 1 1..2 'not ok 1 - a' '# the reason' 'ok 2 - b'
	run "$TOP/tests/run" unit/good unit/bad
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "2 passed, 1 failed" ]
	[[ "$output" = *'# the reason'* ]]
}

@test "a program that stops half way has failed" {
	unit half 0 1..3 'ok 1 - a'
	run "$TOP/tests/run" unit/half
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
}

@test "a program that says all is well and then fails has failed" {
	unit leak 99 1..1 'ok 1 - a'
	run "$TOP/tests/run" unit/leak
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 1 failed" ]
	[[ "$output" = *'exit status 99'* ]]
}

@test "a program that tests nothing, and one that is not there, have failed" {
	unit empty 0 1..0
	run "$TOP/tests/run" unit/empty unit/absent
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "0 passed, 2 failed" ]
}

@test "what is skipped is named, and has failed in CI" {
	unit some 0 1..3 'ok 1 - a' 'ok 2 - b # skip no network here' \
	    'not ok 3 # SKIP c'
	run "$TOP/tests/run" unit/some
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed" ]
	[[ "$output" = *'no network here'* ]]
	CI=true run "$TOP/tests/run" unit/some
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "1 passed, 2 failed" ]
}

@test "a corpus without inputs has failed" {
	mkdir build/replay
	cp /bin/true build/replay/nothing-of-that-name
	run "$TOP/tests/run" fuzz/nothing-of-that-name
	[ "$status" -eq 1 ]
}
