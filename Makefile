# sse-tools.  "make help" lists what can be made.

VERSION := $(shell sed -n 's/^.define SSE_VERSION "\(.*\)"/\1/p' lib/sse.h)
ABI := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig

CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
BUILD := build

# Ours, added to the builder's.
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
HARDEN_LD := -Wl,-z,relro,-z,now

ifdef SAN
BUILD := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer
HARDEN := -fstack-protector-strong
endif

ifndef V
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

# Needed libraries: what pkg-config calls them, and Debian's package.
NEEDS := libbsd-overlay=libbsd-dev hiredis=libhiredis-dev \
    jansson=libjansson-dev libcurl=libcurl4-openssl-dev
pkgs := $(foreach n,$(NEEDS),$(firstword $(subst =, ,$n)))

# The library needs none of them; neither do goals that build nothing.
quiet_goals := clean help deps test-deps bench-deps dist
ifneq ($(filter-out $(quiet_goals),$(or $(MAKECMDGOALS),all)),)
missing := $(shell command -v $(PKG_CONFIG) >/dev/null || echo pkg-config; \
    for n in $(NEEDS); do \
	$(PKG_CONFIG) --exists $${n%%=*} 2>/dev/null || echo $${n\#*=}; done; \
    printf '\043include <ev.h>\n' | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || \
	echo libev-dev)
ifneq ($(strip $(missing)),)
$(error Missing Debian packages: $(strip $(missing)).  "make deps" installs \
    them)
endif
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(pkgs))
lib_of = $(shell $(PKG_CONFIG) --libs $(1))
BSD_LIBS := $(call lib_of,libbsd-overlay)
endif

ALL_CPPFLAGS = -D_GNU_SOURCE -iquote lib -iquote lib/tool -iquote $(BUILD)/embed \
    $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN) $(SANFLAGS) -fPIE -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -pthread $(HARDEN_LD) -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

PROGRAMS := sse-serve sse-pub sse-tail sse-relay
LIBS_sse-serve = -lev $(call lib_of,hiredis jansson) $(BSD_LIBS)
LIBS_sse-pub = $(call lib_of,hiredis jansson) $(BSD_LIBS) -ldl
LIBS_sse-tail = $(call lib_of,libcurl jansson) $(BSD_LIBS)
LIBS_sse-relay = $(call lib_of,libcurl hiredis jansson) $(BSD_LIBS)
ALL_LIBS = -lev -ldl $(call lib_of,libcurl hiredis jansson) $(BSD_LIBS)

SONAME := libsse.so.$(ABI)
SHARED := $(BUILD)/libsse.so.$(VERSION)

lib_src := $(wildcard lib/*.c)
tool_src := $(wildcard lib/tool/*.c)
embedded := $(wildcard lib/tool/*.lua cmd/*/*.html)
lib_obj := $(lib_src:%.c=$(BUILD)/%.o)
tool_obj := $(tool_src:%.c=$(BUILD)/%.o)
embed_inc := $(embedded:%=$(BUILD)/embed/%.inc)

all: lib programs
lib: $(BUILD)/libsse.so $(BUILD)/libsse.a $(BUILD)/libsse.pc
programs: $(patsubst cmd/%/main.c,$(BUILD)/%,$(wildcard cmd/*/main.c))

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -MMD -MP \
	    -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Text that a program carries within it, as the bytes of an array.
$(BUILD)/embed/%.inc: %
	@mkdir -p $(@D)
	$(call say,EMBED,$<)od -An -v -tx1 $< | \
	    sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' >$@

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

$(BUILD)/libsse.pc: lib/libsse.pc.in lib/sse.h
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
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
$$(BUILD)/install/$(1): $$(BUILD)/$(1)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ \
	    $$(BUILD)/cmd/$(1)/main.o $$(BUILD)/$(1).a $$(BUILD)/tool.a \
	    -L$$(BUILD) -lsse $$(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(tool_obj): | $(embed_inc)

# Unit tests: tests/unit/NOUN.c links libsse and the tools' library,
# tests/unit/PROGRAM/NOUN.c that program's nouns as well.
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

clean:
	rm -rf build

.PHONY: all lib programs units clean
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
