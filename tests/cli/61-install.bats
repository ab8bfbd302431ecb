# What "make install" puts where, and that it can be used from there.

bats_require_minimum_version 1.5.0
load helper

PROGRAMS='sse-serve sse-pub sse-tail sse-relay'

# Into a directory of this test; what is built stays as it is.
install_here() {
	local sanitized=()

	[[ "$BIN" != *san ]] || sanitized=(SAN=1)
	make -s -C "$TOP" "$@" DESTDIR="$PWD/root" PREFIX=/opt/sse \
	    "${sanitized[@]}" </dev/null
}

@test "everything is where PREFIX says, and uninstall takes it away" {
	install_here install
	(cd root && find . -type f -o -type l) | sort >got
	grep -qx ./opt/sse/include/sse.h got
	grep -qx ./opt/sse/lib/libsse.a got
	grep -qx ./opt/sse/lib/libsse.so got
	grep -qx ./opt/sse/lib/libsse.so.0 got
	grep -qx ./opt/sse/lib/pkgconfig/libsse.pc got
	for p in $PROGRAMS; do
		[ -x "root/opt/sse/bin/$p" ]
		[ -f "root/opt/sse/share/man/man1/$p.1" ]
		cmp "$TOP/cmd/$p/$p.bash" \
		    "root/opt/sse/share/bash-completion/completions/$p"
		cmp "$TOP/cmd/$p/_$p" \
		    "root/opt/sse/share/zsh/site-functions/_$p"
	done
	for page in "$TOP"/man/*.[1-8]; do
		cmp "$page" "root/opt/sse/share/man/man${page##*.}/${page##*/}"
	done
	for unit in "$TOP"/cmd/*/*.service "$TOP"/cmd/*/*.socket; do
		sed 's|/usr/bin|/opt/sse/bin|' "$unit" |
		    cmp - "root/opt/sse/lib/systemd/system/${unit##*/}"
	done
	# Nothing elsewhere, and sse.h is the only header.
	run ! grep -v '^\./opt/sse/' got
	[ "$(grep -c '\.h$' got)" -eq 1 ]

	install_here uninstall
	[ -z "$(find root -type f -o -type l)" ]
}

@test "systemd finds nothing wrong with the units" {
	cp "$TOP"/cmd/*/*.service "$TOP"/cmd/*/*.socket .
	sed -i "s|/usr/bin/sse-|$BIN/sse-|" ./*.service
	run -0 limit systemd-analyze verify --man=no ./*.service ./*.socket
	[ -z "$output" ]
}

@test "modes do not depend on the umask" {
	(umask 077 && install_here install)
	[ "$(stat -c %a root/opt/sse/bin/sse-serve)" = 755 ]
	[ "$(stat -c %a root/opt/sse/include/sse.h)" = 644 ]
	[ "$(stat -c %a root/opt/sse/share/man/man1)" = 755 ]
}

@test "installed programs have no path in them, and find what LD_LIBRARY_PATH says" {
	install_here install
	for p in $PROGRAMS; do
		run -0 readelf -d "root/opt/sse/bin/$p"
		[[ "$output" = *'[libsse.so.0]'* ]]
		[[ "$output" != *R*PATH* ]]
		LD_LIBRARY_PATH=root/opt/sse/lib run -0 "root/opt/sse/bin/$p" -V
		[[ "$output" = "$p (sse-tools) "* ]]
	done
}

@test "programs in the tree run without LD_LIBRARY_PATH, from anywhere" {
	cd /
	for p in $PROGRAMS; do
		run -0 env -u LD_LIBRARY_PATH "$BIN/$p" -V
		ln -s "$BIN/$p" "$BATS_TEST_TMPDIR/link"
		run -0 env -u LD_LIBRARY_PATH "$BATS_TEST_TMPDIR/link" -V
		rm "$BATS_TEST_TMPDIR/link"
	done
	cd "$BATS_TEST_TMPDIR"
}

@test "programs and library are hardened" {
	for f in sse-serve sse-pub sse-tail sse-relay libsse.so; do
		run -0 readelf -lW "$BIN/$f"
		[[ "$output" = *GNU_RELRO* ]]
		grep -q 'GNU_STACK.* RW ' <<<"$output"
		run -0 readelf -dW "$BIN/$f"
		[[ "$output" = *BIND_NOW* ]]
		[[ "$f" = *.so || "$output" = *PIE* ]]
	done
	readelf -sW --dyn-syms "$BIN/sse-tail" "$BIN/sse-serve" >symbols
	grep -q __stack_chk_fail symbols
}

@test "the soname is that of the first ABI" {
	run -0 readelf -d "$BIN/libsse.so"
	[[ "$output" = *'SONAME'*'[libsse.so.0]'* ]]
	# It needs libc alone.
	[[ "$BIN" = *san ]] ||
	    [ "$(grep -c NEEDED <<<"$output")" -eq "$(grep -c 'NEEDED.*libc\.so' <<<"$output")" ]
}

@test "a stranger's program is built by what pkg-config says, and runs" {
	install_here install
	cat >count.c <<-'END'
		#include <stdio.h>
		#include <string.h>
		#include <sse.h>

		int
		main(void)
		{
			static const char in[] = "data: a\n\ndata: b\n\n";
			const struct sse_event *ev;
			struct sse_decoder *d = sse_decoder_new(0);
			size_t at = 0, used;
			int n = 0;

			while (sse_decoder_feed(d, in + at, strlen(in) - at,
			    &used, &ev) == 1) {
				at += used;
				n++;
			}
			sse_decoder_free(d);
			printf("%d %s %d\n", n, sse_version(),
			    strcmp(sse_version(), SSE_VERSION));
			return 0;
		}
	END
	export PKG_CONFIG_PATH=$PWD/root/opt/sse/lib/pkgconfig
	export PKG_CONFIG_SYSROOT_DIR=$PWD/root
	[[ "$(pkg-config --cflags libsse) " = "-I$PWD/root/opt/sse/include "* ]]
	flags=$(pkg-config --cflags --libs libsse)
	[[ "$BIN" != *san ]] || flags="$flags -fsanitize=address,undefined"
	version=$(pkg-config --modversion libsse)
	# shellcheck disable=SC2086
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror count.c $flags -o count
	[ "$(LD_LIBRARY_PATH=root/opt/sse/lib ./count)" = "2 $version 0" ]
	# And without the shared library.
	# shellcheck disable=SC2086
	${CC:-cc} -std=c11 count.c ${flags/-lsse/-l:libsse.a} -o static
	[ "$(./static)" = "2 $version 0" ]
}

@test "a missing package is named, with the remedy" {
	# A pkg-config that does not know hiredis.
	mkdir bin
	cat >bin/pkg-config <<-'END'
		#!/bin/sh
		case "$*" in *hiredis*) exit 1 ;; esac
		exit 0
	END
	chmod +x bin/pkg-config
	run make -s -C "$TOP" PKG_CONFIG="$PWD/bin/pkg-config" \
	    BUILD="$PWD/elsewhere"
	[ "$status" -ne 0 ]
	[[ "$output" = *'Missing Debian packages: libhiredis-dev'* ]]
	[[ "$output" = *'make deps'* ]]
}

@test "a tarball holds what is committed, below a directory of its name" {
	mkdir tree
	tar c -C "$TOP" --exclude=./build --exclude=./.git . | tar x -C tree
	cd tree
	git init -q
	git add -A
	git -c user.name=x -c user.email=x@localhost commit -qm x
	echo not committed >stray
	make -s dist
	run -0 tar tf sse-tools-*.tar.gz
	run ! grep -Ev '^sse-tools-[0-9.]+/' <<<"$output"
	run ! grep -E 'stray|\.(o|so|a)$' <<<"$output"
	tar xf sse-tools-*.tar.gz
	make -s -C sse-tools-*/ lib
}
