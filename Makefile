# sse-tools.  "make help" lists what can be made.

VERSION := $(shell sed -n 's/^.define SSE_VERSION "\(.*\)"/\1/p' lib/sse.h)
ABI := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DATADIR ?= $(PREFIX)/share/sse-tools
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
UNITDIR ?= $(PREFIX)/lib/systemd/system

CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
BUILD := build

# Ours, added to the builder's.
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
# Without optimization _FORTIFY_SOURCE is but a warning.
HARDEN := $(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
    -fstack-protector-strong
HARDEN_LD := -Wl,-z,relro,-z,now

# SAN=thread looks for races where threads are, SAN=1 for everything else.
ifeq ($(SAN),thread)
BUILD := build/tsan
SANFLAGS := -fsanitize=thread
HARDEN := -fstack-protector-strong
SLOW := 4
T ?= $(patsubst tests/%.bats,%,$(wildcard tests/cli/1?-*.bats \
    tests/cli/5?-*.bats)) $(patsubst tests/unit/%.c,unit/%,$(wildcard \
    tests/unit/sse-serve/*.c))
else ifdef SAN
BUILD := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer
HARDEN := -fstack-protector-strong
# By how much everything may take longer.
SLOW := 4
endif

# How many tests run at once, and for how many seconds each fuzzer.
JOBS ?= 2
FUZZ_SECONDS ?= 60

ifndef V
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

# Needed libraries: what pkg-config calls them, and Debian's package.
NEEDS := libbsd-overlay=libbsd-dev hiredis=libhiredis-dev \
    jansson=libjansson-dev libjwt=libjwt-dev libcrypto=libssl-dev \
    libcurl=libcurl4-openssl-dev
NEEDS_TEST := cmocka=libcmocka-dev
pkgs := $(foreach n,$(NEEDS),$(firstword $(subst =, ,$n)))

# pkg-config is asked when something is built, once, so that "make deps all"
# finds what deps has brought.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $$(PKG_CONFIG) --cflags \
    $$(pkgs)))$(PKG_CFLAGS)
lib_of = $(shell $(PKG_CONFIG) --libs $(1))
BSD_LIBS = $(call lib_of,libbsd-overlay)

# Name what is missing before a compiler does.
define check_needs
@missing=$$(command -v $(firstword $(CC)) >/dev/null || echo gcc; \
    command -v $(PKG_CONFIG) >/dev/null || echo pkg-config; \
    for n in $(1); do \
	$(PKG_CONFIG) --exists $${n%%=*} 2>/dev/null || echo $${n#*=}; done; \
    printf '\043include <ev.h>\n' | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || \
	echo libev-dev); \
    [ -z "$$missing" ] || { echo "Missing Debian packages:" $$missing; \
	echo '"make $(2)" installs them.'; exit 1; } >&2
endef

ALL_CPPFLAGS = -D_GNU_SOURCE -iquote lib -iquote lib/tool -iquote $(BUILD)/embed \
    $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN) $(SANFLAGS) -fPIE -fno-plt -pthread \
    $(CFLAGS)
ALL_LDFLAGS = -pie -pthread $(HARDEN_LD) -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

PROGRAMS := sse-serve sse-pub sse-tail sse-relay
MAINS := $(patsubst cmd/%/main.c,%,$(wildcard cmd/*/main.c))
LIBS_sse-serve = -lev $(call lib_of,hiredis jansson libjwt libcrypto) $(BSD_LIBS)
LIBS_sse-pub = $(call lib_of,hiredis jansson) $(BSD_LIBS) -ldl
LIBS_sse-tail = $(call lib_of,libcurl jansson) $(BSD_LIBS)
LIBS_sse-relay = $(call lib_of,libcurl hiredis jansson) $(BSD_LIBS)
ALL_LIBS = -lev -ldl $(call lib_of,libcurl hiredis jansson libjwt libcrypto) \
    $(BSD_LIBS)

SONAME := libsse.so.$(ABI)
SHARED := $(BUILD)/libsse.so.$(VERSION)

lib_src := $(wildcard lib/*.c)
tool_src := $(wildcard lib/tool/*.c)
# For clients in other languages; the programs carry them within.
scripts := $(wildcard lib/tool/*.lua)
embedded := $(scripts) $(wildcard cmd/*/*.html)
lib_obj := $(lib_src:%.c=$(BUILD)/%.o)
tool_obj := $(tool_src:%.c=$(BUILD)/%.o)
embed_inc := $(embedded:%=$(BUILD)/embed/%.inc)

all: lib programs
lib: $(BUILD)/libsse.so $(BUILD)/libsse.a $(BUILD)/libsse.pc
programs: $(MAINS:%=$(BUILD)/%)

needs: | $(filter deps,$(MAKECMDGOALS))
	$(call check_needs,$(NEEDS),deps)
needs-test: | $(filter deps test-deps,$(MAKECMDGOALS))
	$(call check_needs,$(NEEDS) $(NEEDS_TEST),deps test-deps)

$(BUILD)/lib/%.o: lib/%.c | needs
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -MMD -MP \
	    -c -o $@ $<

$(BUILD)/%.o: %.c | needs
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A script as Redis gets it: one that publishes does so by the one that does it
# for everyone.
$(scripts:%=$(BUILD)/whole/%): $(BUILD)/whole/%: % lib/tool/publish.lua
	@mkdir -p $(@D)
	@sed -e '/^-- Here stands publish\.lua\.$$/{r lib/tool/publish.lua' -e 'd}' \
	    $< >$@

# Text that a program carries within it, as the bytes of an array; and the
# digest by which Redis knows a script.
$(BUILD)/embed/%.lua.inc: $(BUILD)/whole/%.lua
	$(embed)
$(BUILD)/embed/%.inc: %
	$(embed)
define embed
	@mkdir -p $(@D)
	$(call say,EMBED,$<)od -An -v -tx1 $< | \
	    sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' >$@ && \
	    sha1sum $< | sed 's/\([0-9a-f]*\).*/"\1"/' >$(@:.inc=.sha1)
endef

$(SHARED): $(lib_obj) lib/sse.map
	$(call say,LD,$@)$(CC) -shared -pthread $(HARDEN_LD) $(SANFLAGS) \
	    $(LDFLAGS) -Wl,-soname,$(SONAME) \
	    -Wl,--version-script,lib/sse.map -o $@ $(lib_obj)

$(BUILD)/libsse.so: $(SHARED)
	$(Q)ln -sf $(<F) $(BUILD)/$(SONAME) && ln -sf $(SONAME) $@

$(BUILD)/libsse.a: $(lib_obj)
$(BUILD)/tool.a: $(tool_obj)
%.a:
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# Made anew each time, for the next may be for another PREFIX.
$(BUILD)/libsse.pc: lib/libsse.pc.in lib/sse.h FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	    -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    $< >$@

# A program is main.c and the archive of its nouns, so that unit tests link
# the nouns without main().  In the tree it finds libsse beside itself;
# what is installed is linked again, without that path.
define program
src_$(1) := $$(filter-out cmd/$(1)/main.c,$$(wildcard cmd/$(1)/*.c))
obj_$(1) := $$(src_$(1):%.c=$$(BUILD)/%.o)
$$(BUILD)/$(1).a: $$(obj_$(1))
$$(obj_$(1)) $$(BUILD)/cmd/$(1)/main.o: | $$(embed_inc)
$$(BUILD)/$(1): $$(BUILD)/cmd/$(1)/main.o $$(BUILD)/$(1).a $$(BUILD)/tool.a \
    $$(BUILD)/libsse.so
	$$(call say,LD,$$@)$$(CC) $$(ALL_LDFLAGS) -Wl,-rpath,'$$$$ORIGIN' -o $$@ \
	    $$(filter-out %.so,$$^) -L$$(BUILD) -lsse $$(LIBS_$(1))
$$(BUILD)/stage/$(1): $$(BUILD)/$(1)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ \
	    $$(BUILD)/cmd/$(1)/main.o $$(BUILD)/$(1).a $$(BUILD)/tool.a \
	    -L$$(BUILD) -lsse $$(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(tool_obj): | $(embed_inc)

# Tests in C link libsse and the tools' library.  tests/unit/NOUN.c stands
# alone, tests/unit/PROGRAM/NOUN.c links that program's nouns as well.
unit_src := $(wildcard tests/unit/*.c tests/unit/*/*.c)
unit_bin := $(unit_src:tests/unit/%.c=$(BUILD)/unit/%)

units: $(unit_bin)

.SECONDEXPANSION:
$(unit_bin): $(BUILD)/unit/%: $(BUILD)/tests/unit/%.o \
    $$(addprefix $$(BUILD)/,$$(addsuffix .a,$$(filter $$(PROGRAMS),$$(firstword $$(subst /, ,$$*))))) \
    $(BUILD)/tool.a $(BUILD)/libsse.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $(UNIT_LDFLAGS) -o $@ $^ \
	    $(call lib_of,cmocka) $(ALL_LIBS)

$(unit_bin:$(BUILD)/unit/%=$(BUILD)/tests/unit/%.o): | needs-test

# Allocations that fail when the test says so.
$(BUILD)/unit/alloc: UNIT_LDFLAGS = \
    -Wl,--wrap=calloc,--wrap=realloc,--wrap=malloc,--wrap=free
$(BUILD)/unit/sse-serve/no_memory: UNIT_LDFLAGS = \
    -Wl,--wrap=calloc,--wrap=realloc,--wrap=malloc

# A fuzzer, tests/fuzz/NAME.c, is linked with main() of tests/fuzz/replay to
# replay its corpus, and with libFuzzer's to look for more.
fuzz_src := $(wildcard tests/fuzz/*.c)
fuzz_names := $(fuzz_src:tests/fuzz/%.c=%)
fuzz_libs := $(PROGRAMS:%=$(BUILD)/%.a) $(BUILD)/tool.a $(BUILD)/libsse.a

replays: $(fuzz_names:%=$(BUILD)/replay/%)
$(BUILD)/replay/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay/main.o \
    $(fuzz_libs)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

fuzzers: $(fuzz_names:%=$(BUILD)/fuzzer/%)
$(BUILD)/fuzzer/%: $(BUILD)/tests/fuzz/%.o $(fuzz_libs)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(ALL_LIBS)

# Programs that measure.
bench_src := $(wildcard tests/bench/*.c)
$(BUILD)/bench-kit.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/kit/*.c))
bench-programs: $(bench_src:tests/%.c=$(BUILD)/%)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/bench-kit.a \
    $(BUILD)/tool.a $(BUILD)/libsse.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

# What "make install" copies, linked without a path into the tree.
installable: lib $(MAINS:%=$(BUILD)/stage/%) $(scripts:%=$(BUILD)/whole/%)

check: all installable units replays
	@BUILD=$(BUILD) JOBS=$(JOBS) SLOW=$(SLOW) tests/run $(T)

fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang \
	    HARDEN=-fstack-protector-strong SANFLAGS="-fsanitize=address,undefined \
	    -fsanitize=fuzzer-no-link -fno-sanitize-recover=all" fuzzers
	@BUILD=build/fuzz JOBS=$(JOBS) tests/fuzz/run $(FUZZ_SECONDS)

bench: all bench-programs
	@BUILD=$(BUILD) tests/bench/run $(T)

demo: all
	@BUILD=$(BUILD) exec cmd/sse-serve/demo.sh

deps:
	tests/deps build
test-deps:
	tests/deps build test
lint-deps:
	tests/deps build lint
bench-deps:
	tests/deps build bench
	npm install --no-save --no-fund --no-audit --prefix $(BUILD)/bench-data \
	    eventsource-parser@3

# Every C file that is ours; each check names what it finds and fails.
c_files = $(shell find lib cmd tests -name '*.[ch]')
LINTS := lint-man lint-format lint-header lint-cppcheck lint-tidy

lint: $(LINTS)
lint-man:
	$(call say,LINT,man)mandoc -T lint -W warning $(man_pages)
lint-format:
	$(call say,LINT,clang-format)clang-format --dry-run -Werror $(c_files)
lint-header:
	$(call say,LINT,sse.h)clang -x c++ -std=c++11 -Wall -Wextra -Wpedantic \
	    -Werror -Wno-pragma-once-outside-header -fsyntax-only lib/sse.h
# The macros of lists and trees, which it does not find by itself.
BSD_SYS = $(shell $(PKG_CONFIG) --variable=includedir libbsd)/bsd/sys
lint-cppcheck: $(embed_inc)
	$(call say,LINT,cppcheck)cppcheck --quiet --error-exitcode=1 -j $(JOBS) \
	    --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem -D__GNUC__ \
	    --library=bsd --include=$(BSD_SYS)/queue.h \
	    --include=$(BSD_SYS)/tree.h \
	    -D_GNU_SOURCE -Ilib -Ilib/tool $(filter %.c,$(c_files))
# One file a run: clang-tidy 14 carries faults from one to the next.
lint-tidy: needs-test $(embed_inc)
	$(call say,LINT,clang-tidy)printf '%s\n' $(filter %.c,$(c_files)) | \
	    xargs -P $(JOBS) -n 1 sh -c 'out=$$(clang-tidy --quiet "$$@" -- \
		-std=c11 $(ALL_CPPFLAGS) 2>&1); status=$$?; \
		printf "%s" "$$out" | grep -v "warnings generated"; \
		exit $$status' clang-tidy

man_pages := $(wildcard man/*.[1-8])
# Further names of pages, as "man/sse_decoder.3:sse_decoder_new".
man_names = $(shell awk '/^\.Sh/ { name = $$2 == "NAME" } name && \
    /^\.Nm/ && FILENAME !~ "/" $$2 "\\." { print FILENAME ":" $$2 }' $(man_pages))
# For systemd, which is told where the programs are.
service_units := $(wildcard cmd/*/*.service cmd/*/*.socket)
put = $(Q)install -D -m $(1) $(2) $(DESTDIR)$(3)

install: installable
	$(Q)for p in $(MAINS); do \
	    install -D -m 755 $(BUILD)/stage/$$p $(DESTDIR)$(BINDIR)/$$p || exit; \
	done
	$(call put,644,$(SHARED),$(LIBDIR)/$(notdir $(SHARED)))
	$(Q)ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsse.so
	$(call put,644,$(BUILD)/libsse.a,$(LIBDIR)/libsse.a)
	$(call put,644,lib/sse.h,$(INCLUDEDIR)/sse.h)
	$(call put,644,$(BUILD)/libsse.pc,$(PKGCONFIGDIR)/libsse.pc)
	$(Q)for s in $(scripts); do \
	    install -D -m 644 $(BUILD)/whole/$$s $(DESTDIR)$(DATADIR)/$${s##*/} || \
	    exit; \
	done
	$(Q)for m in $(man_pages); do \
	    install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit; \
	done
	$(Q)for n in $(man_names); do \
	    page=$${n%%:*}; s=$${page##*.}; \
	    ln -sf $${page##*/} $(DESTDIR)$(MANDIR)/man$$s/$${n#*:}.$$s || exit; \
	done
	$(Q)for p in $(PROGRAMS); do \
	    [ ! -f cmd/$$p/$$p.bash ] || install -D -m 644 cmd/$$p/$$p.bash \
		$(DESTDIR)$(BASHDIR)/$$p || exit; \
	    [ ! -f cmd/$$p/_$$p ] || install -D -m 644 cmd/$$p/_$$p \
		$(DESTDIR)$(ZSHDIR)/_$$p || exit; \
	done
	$(Q)for u in $(service_units); do \
	    install -D -m 644 $$u $(DESTDIR)$(UNITDIR)/$${u##*/} && \
	    sed -i 's|=/usr/bin/sse-|=$(BINDIR)/sse-|' \
		$(DESTDIR)$(UNITDIR)/$${u##*/} || exit; \
	done
	$(Q)[ -n "$(DESTDIR)" ] || PATH=$$PATH:/usr/sbin:/sbin ldconfig || \
	    echo "The loader has yet to be told of $(LIBDIR): run ldconfig as root" >&2

installed = $(PROGRAMS:%=$(BINDIR)/%) $(LIBDIR)/$(notdir $(SHARED)) \
    $(LIBDIR)/$(SONAME) $(LIBDIR)/libsse.so $(LIBDIR)/libsse.a \
    $(INCLUDEDIR)/sse.h $(PKGCONFIGDIR)/libsse.pc \
    $(scripts:lib/tool/%=$(DATADIR)/%) \
    $(addprefix $(UNITDIR)/,$(notdir $(service_units))) \
    $(foreach m,$(man_pages),$(MANDIR)/man$(patsubst .%,%,$(suffix $m))/$(notdir $m)) \
    $(foreach n,$(man_names),$(MANDIR)/man$(lastword $(subst ., ,$(firstword \
    $(subst :, ,$n))))/$(lastword $(subst :, ,$n))$(suffix $(firstword $(subst :, ,$n)))) \
    $(PROGRAMS:%=$(BASHDIR)/%) $(PROGRAMS:%=$(ZSHDIR)/_%)

uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR),$(installed))
	$(Q)[ -n "$(DESTDIR)" ] || PATH=$$PATH:/usr/sbin:/sbin ldconfig || :

DIST := sse-tools-$(VERSION)
dist:
	$(Q)git archive --prefix=$(DIST)/ HEAD | gzip -n9 >$(DIST).tar.gz

define HELP
make              build the library and the programs into build/
make demo         a clock as an event stream on this machine, until Ctrl-C
make check        all tests; T="unit/place cli/50-end-to-end": some of them
make check SAN=1  the same under the address and undefined-behaviour sanitizers
make check SAN=thread  sse-serve's tests under the thread sanitizer
make fuzz         look for bad input, FUZZ_SECONDS=60 for each fuzzer
make lint         manuals, layout and the static checkers
make bench        measure
make install      into PREFIX=/usr/local, below DESTDIR when that is set
make uninstall    remove what that installed
make dist         a tarball of what is committed
make clean        remove build/
make deps         install the Debian packages that building needs,
make test-deps    ... that check needs, lint-deps: lint and fuzz,
make bench-deps   ... that only bench needs
V=1 shows commands.  CC, CFLAGS, CPPFLAGS, LDFLAGS are yours to set.
endef
help:
	$(info $(HELP))@:

clean:
	rm -rf build

FORCE:
.PHONY: all lib programs needs needs-test units replays fuzzers bench-programs \
    installable check fuzz bench demo deps test-deps lint-deps bench-deps lint \
    $(LINTS) install uninstall dist help clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
