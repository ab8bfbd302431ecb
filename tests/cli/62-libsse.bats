# libsse as strangers use it: installed, found by pkg-config, linked.

bats_require_minimum_version 1.5.0
load helper

# Into a directory of this test, without a sanitizer: strangers have none.
install_here() {
	env -u MAKEFLAGS -u SAN make -C "$TOP" PREFIX="$PWD/usr" \
	    BUILD="$PWD/build" "$PWD/build/libsse.so" "$PWD/build/libsse.a" \
	    "$PWD/build/libsse.pc" >make.log 2>&1 </dev/null || {
		cat make.log
		return 1
	}
	mkdir -p usr/include usr/lib
	cp "$TOP/lib/sse.h" usr/include
	cp -P build/libsse.* usr/lib
	export PKG_CONFIG_PATH=$PWD/build
	export LD_LIBRARY_PATH=$PWD/usr/lib
}

# The program that libsse.3 shows under the name $1.
example() {
	awk -v name="$1" '
		$0 == ".\\\" file: " name { found = 1 }
		found && /^\.Ed/ { exit }
		body { gsub(/\\e/, "\\"); print }
		found && /^\.Bd/ { body = 1 }' "$TOP/man/libsse.3" >"$1"
	[ -s "$1" ]
}

# Built as the manual says, with warnings.
build() {
	# shellcheck disable=SC2046
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE \
	    -Wall -Wextra -Wpedantic -Werror -o "$1" "$1.c" \
	    $(pkg-config --cflags --libs libsse)
}

@test "the programs that libsse.3 shows build as it says, and work" {
	install_here
	for p in events greet; do
		example "$p.c"
		build "$p"
	done
	printf 'event: greeting\ndata: hello\n\n' >stream
	[ "$(./events <stream)" = "greeting: hello" ]
	./greet | cmp - stream
	# What it does when an event is too large.
	{
		printf 'data: '
		head -c $((17 << 20)) /dev/zero | tr '\0' a
		printf '\n\ndata: small\n\n'
	} >stream
	run -0 --separate-stderr ./events <stream
	[ "$output" = "message: small" ]
	[ "$stderr" = "events: an event is too large" ]
}

@test "a program needs nothing but libsse and libc, and finds it by its soname" {
	install_here
	example greet.c
	build greet
	readelf -d greet | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort >needed
	printf '%s\n' libc.so.6 libsse.so.0 | diff -u - needed
	readelf -d usr/lib/libsse.so | grep -q 'SONAME.*\[libsse.so.0\]'
	readelf -d usr/lib/libsse.so |
	    sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' >needed
	printf '%s\n' libc.so.6 | diff -u - needed
}

@test "nothing global in the library, shared or static, is without sse_" {
	install_here
	nm -D --defined-only usr/lib/libsse.so | awk '$2 != "A" { print $3 }' >names
	nm -g --defined-only usr/lib/libsse.a | awk 'NF == 3 { print $3 }' >>names
	[ "$(grep -c '^sse_' names)" -gt 40 ]
	run ! grep -v '^sse_' names
	# Nor has it variables: no state outside its objects.
	nm usr/lib/libsse.a | awk '$2 ~ /^[BbDdCGgSs]$/' >variables
	[ ! -s variables ]
}

@test "the library calls nothing that prints, exits, or does input or output" {
	install_here
	nm -D --undefined-only usr/lib/libsse.so |
	    awk '$1 == "U" { sub(/@.*/, "", $2); print $2 }' | sort >used
	printf '%s\n' __errno_location __memcpy_chk __stack_chk_fail calloc \
	    free memchr memcmp memcpy memset realloc >fit
	run ! grep -vxFf fit used
}

@test "the header stands alone, and does so in C++" {
	echo '#include <sse.h>' >alone.c
	cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I "$TOP/lib" -c alone.c
	# C++ without a compiler of it: what the header says to one.
	cc -E -D__cplusplus=201103L -I "$TOP/lib" alone.c 2>/dev/null |
	    grep -q 'extern "C" {'
}
