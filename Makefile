# iHaNoi gateway. `make help` lists the targets.
#
# Two commands make everything: `make run` and `make test`. Steps longer than
# a line are programs in bin/, so that this file stays a table of contents.

BUILD ?= debug
LINK  ?= dynamic
ifeq ($(origin CC),default)
CC    := gcc
endif

ifneq ($(words $(CURDIR)),1)
$(error nginx's configure takes no path with a space in it: $(CURDIR))
endif

OUT   := build/$(BUILD)
WARN  := -Wall -Wextra -Wno-unused-parameter -Werror

CFLAGS_debug    := -O1 -g -fno-omit-frame-pointer
CFLAGS_release  := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
CFLAGS_sanitize := -O1 -g -fno-omit-frame-pointer -DNGX_DEBUG_PALLOC=1 \
                   -fsanitize=address
ifneq ($(findstring clang,$(CC)),)
# nginx and the module each have an ngx_modules: without this clang checks the
# longer against the end of the shorter.
CFLAGS_sanitize += -fsanitize-address-use-odr-indicator
endif
# libpq stays loaded when a worker unloads the module at its end: what it has
# made once for the process is not a leak.
LDFLAGS_sanitize := -fsanitize=address,undefined \
                    -Wl,--push-state,--no-as-needed,-lpq,--pop-state

# Our own code is checked for undefined behaviour too.
OWN_sanitize := -fsanitize=undefined -fno-sanitize-recover=undefined

# What the module's files have beyond nginx's. As one unit, and without stubs for
# what they call, they need 8 % less of a worker's time for a read.
MODULE_sanitize := $(OWN_sanitize)
ifneq ($(findstring gcc,$(CC)),)
MODULE_release  := -flto -fno-plt
LDFLAGS_release := -flto=auto
endif

CFLAGS  := $(CFLAGS_$(BUILD))
OWN     := $(CFLAGS) $(OWN_$(BUILD)) $(WARN)
LDFLAGS := $(LDFLAGS_$(BUILD))

ifeq ($(CFLAGS),)
$(error BUILD=$(BUILD) is not one of debug, release, sanitize)
endif

# The distribution's nginx for debug and release. The sanitize build needs all
# of nginx with the same flags, hence its source.
ifeq ($(BUILD),sanitize)
NGINX_SRC ?= $(CURDIR)/build/nginx-source/nginx
else
NGINX_SRC ?= /usr/share/nginx/src
endif

LIB_SRC   := $(wildcard ngx_ihanoi_module/ihanoi_*.c)
LIB_OBJ   := $(LIB_SRC:ngx_ihanoi_module/%.c=$(OUT)/lib/%.o)
INCS      := -Ingx_ihanoi_module -I/usr/include/luajit-2.1
LIBS      := -ljansson -lpcre2-8 -lcrypto -lluajit-5.1 -lutf8proc -lm
FUZZ_TARGETS := $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_TESTS := $(patsubst tests/fuzz/%.t,%,$(wildcard tests/fuzz/*.t))
FUZZ      ?= $(FUZZ_TARGETS) $(FUZZ_TESTS)
UNIT_SRC  := $(wildcard tests/unit/*.c)
UNIT      := $(UNIT_SRC:tests/unit/%.c=$(OUT)/unit/%) \
             $(FUZZ_TARGETS:%=$(OUT)/unit/fuzz_%)
HEADERS   := $(wildcard ngx_ihanoi_module/*.h tests/unit/*.h tests/fuzz/*.h)
MODULE_SRC := $(wildcard ngx_ihanoi_module/*.[ch])

export BUILD CC LINK


# Debian packages: to run, and more to test. nginx-dev brings nginx, gcc is
# for a machine with nothing but make.
PACKAGES_RUN := gcc libc6-dev perl openssl nginx nginx-dev libjansson-dev \
    libjwt-dev libluajit-5.1-dev libpcre2-dev libpq-dev libssl-dev \
    libutf8proc-dev zlib1g-dev curl jq ca-certificates postgresql-15 \
    postgresql-client-15 postgresql-15-postgis-3 libtext-csv-xs-perl
PACKAGES_TEST := libtap-parser-sourcehandler-pgtap-perl postgresql-15-pgtap \
    nghttp2-client lua-check
PACKAGES_sanitize := dpkg-dev
PACKAGES_clang := clang libclang-rt-14-dev
PACKAGES_fuzz := $(PACKAGES_clang)
PACKAGES_bench := wrk

# Another maker's timetable, for the tests of plugins/bus. They do without it.
SAMPLE := sample-gtfs-feed-0.13.0.tgz
FETCH_SAMPLE := mkdir -p build; [ -f build/$(SAMPLE) ] || ! command -v npm > /dev/null \
    || npm pack --silent --fetch-retries=0 --fetch-timeout=20000 \
           --pack-destination build sample-gtfs-feed@0.13.0 > /dev/null 2>&1 || :

DEPS := bin/install-packages $(PACKAGES_RUN) $(PACKAGES_$(BUILD)) $(PACKAGES_$(CC))

# `make install` puts things where Debian's nginx looks for them.
DESTDIR     ?=
prefix      ?= /usr
nginxconf   ?= /etc/nginx
nginxmods   ?= /usr/lib/nginx/modules
nginxshare  ?= /usr/share/nginx


.PHONY: all module command unit test schema reference deps run stop install matrix fuzz bench clean help
.DEFAULT_GOAL := all

all: module command $(OUT)/nouns ## build the module and the command's programs

run:                       ## install packages, build, start everything: PORT=8080 DATA_DIR=
	@$(DEPS)
	@[ -f $(OUT)/module.built ] || echo "Building the module into $(OUT), a minute or two"
	@$(MAKE) --no-print-directory -s all BUILD=$(BUILD)
	@bin/ihanoi run

stop:                      ## stop what `make run` started; data stays
	@bin/ihanoi stop

test:                      ## build and run all tests: TESTS="tests/http/a.t ..." runs some
	@$(DEPS) $(PACKAGES_TEST)
	@$(FETCH_SAMPLE)
	@$(MAKE) --no-print-directory -s all unit BUILD=$(BUILD)
	@tests/run $(TESTS)

schema:                    ## renew sql/schema.sql after a new migration
	@$(DEPS) $(PACKAGES_TEST)
	@mkdir -p build && tests/tools/schema > build/schema.sql
	@mv build/schema.sql sql/schema.sql

reference: $(OUT)/nouns    ## renew docs/host-functions.md and conf/lua/ihanoi.lua
	@tests/tools/reference $(OUT)/nouns .

deps:                      ## only install the Debian packages for run and test
	@$(DEPS) $(PACKAGES_TEST)

module: $(OUT)/module.built ## build the module into build/$(BUILD)/

command: $(OUT)/ihanoi-token $(OUT)/ihanoi-plugin ## build the C programs of bin/ihanoi

unit: $(UNIT) $(OUT)/contract $(OUT)/mint $(OUT)/sent.so $(OUT)/scarce.so $(OUT)/clock.so ## build the unit tests and what tests use

matrix:                    ## build with gcc and clang, dynamic and static: NGINX_SRC=dir
	@NGINX_SRC="$(NGINX_SRC)" tests/tools/matrix

fuzz:                      ## fuzz each target: SECONDS=60 FUZZ="token body ..."
	@$(DEPS) $(PACKAGES_fuzz)
	@$(MAKE) --no-print-directory -s command \
	    $(patsubst %,build/fuzz/%,$(filter-out $(FUZZ_TESTS),$(FUZZ)))
	@tests/fuzz/run $(or $(SECONDS),60) $(FUZZ)

bench:                     ## speed beside PostgreSQL and plain nginx: ROWS=1000000 ONLY=
	@$(DEPS) $(PACKAGES_bench)
	@$(MAKE) --no-print-directory -s all BUILD=release
	@BUILD=release bench/run

install:                   ## build for production and install all, enable nothing: DESTDIR=
	@$(DEPS)
	@$(MAKE) --no-print-directory -s all BUILD=release
	@bin/install-files build/release "$(DESTDIR)" $(prefix) $(nginxconf) \
	    $(nginxmods) $(nginxshare)

clean:                     ## forget everything: build, private databases, keys
	@if [ -d build ] || [ -d .run ]; then bin/ihanoi stop --forget; fi
	rm -rf build .run

help:                      ## print this list
	@echo 'make TARGET [BUILD=debug|release|sanitize] [CC=gcc|clang]'
	@echo '            [NGINX_SRC=dir] [NGINX_BINARY=file] [LINK=dynamic|static]'
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## */  \1\t/p' $(MAKEFILE_LIST) \
	    | expand -t 14


# A file whose text is the settings of the build folder: rewritten, and thereby
# newer than what was built, only when one of them changes.
SETTINGS := CC=$(CC) LINK=$(LINK) NGINX_SRC=$(NGINX_SRC) \
            NGINX_BINARY=$(NGINX_BINARY) CFLAGS=$(CFLAGS) \
            MODULE=$(MODULE_$(BUILD)) LDFLAGS=$(LDFLAGS)
$(OUT)/settings: .FORCE
	@mkdir -p $(OUT)
	@echo '$(SETTINGS)' | cmp -s - $@ || echo '$(SETTINGS)' > $@
.PHONY: .FORCE

$(CURDIR)/build/nginx-source/nginx:
	bin/fetch-nginx-source build/nginx-source

$(OUT)/nginx/objs/Makefile: config ngx_ihanoi_module/exports.map bin/configure-nginx $(OUT)/settings | $(NGINX_SRC)
	@NGINX_SRC="$(NGINX_SRC)" bin/configure-nginx $(OUT) '$(CFLAGS) $(WARN)' '$(MODULE_$(BUILD))' '$(LDFLAGS)'

$(OUT)/module.built: $(OUT)/nginx/objs/Makefile $(MODULE_SRC)
	@bin/make-nginx $(OUT)
	@touch $@

$(OUT)/lib/%.o: ngx_ihanoi_module/%.c $(HEADERS) $(OUT)/settings
	@mkdir -p $(@D)
	$(CC) $(OWN) $(INCS) -fPIC -c -o $@ $<

$(OUT)/libihanoi.a: $(LIB_OBJ)
	@mkdir -p $(@D)
	rm -f $@ && ar rcs $@ $(LIB_OBJ)

$(OUT)/unit/%: tests/unit/%.c $(OUT)/libihanoi.a $(HEADERS) $(OUT)/settings
	@mkdir -p $(@D)
	$(CC) $(OWN) $(LDFLAGS) $(INCS) -o $@ $< \
	    $(OUT)/libihanoi.a -ljwt $(LIBS)

$(OUT)/contract: tests/tools/contract.c $(OUT)/libihanoi.a $(HEADERS) $(OUT)/settings
	$(CC) $(OWN) $(LDFLAGS) $(INCS) -o $@ $< \
	    $(OUT)/libihanoi.a $(LIBS)

# The rows of host functions: what the module's objects miss of nginx is left
# out, because nothing of them is called.
HOST_OBJ = $(HOST_SRC:ngx_ihanoi_module/%.c=$(OUT)/nginx/objs/addon/ngx_ihanoi_module/%.o)
$(OUT)/nouns: tests/tools/nouns.c $(OUT)/module.built $(OUT)/libihanoi.a $(HEADERS) $(OUT)/settings
	$(CC) $(OWN) $(LDFLAGS) $(INCS) -no-pie \
	    -Wl,--unresolved-symbols=ignore-all -o $@ $< $(HOST_OBJ) \
	    $(OUT)/libihanoi.a $(LIBS)

# A fuzz target linked with a small main that only replays its corpus: a unit
# test in every build.
$(OUT)/unit/fuzz_%: tests/fuzz/%.c tests/fuzz/replay.c $(OUT)/libihanoi.a $(HEADERS) $(OUT)/settings
	@mkdir -p $(@D)
	$(CC) $(OWN) $(LDFLAGS) $(INCS) -DCORPUS='"tests/fuzz/corpus/$*"' \
	    -o $@ $< tests/fuzz/replay.c $(OUT)/libihanoi.a $(LIBS)

# For fuzzing the library is built by clang, with coverage.
FUZZ_CFLAGS := -O1 -g -fno-omit-frame-pointer $(WARN) $(INCS) \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined

build/fuzz/lib/%.o: ngx_ihanoi_module/%.c $(HEADERS)
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/%: tests/fuzz/%.c $(LIB_SRC:ngx_ihanoi_module/%.c=build/fuzz/lib/%.o) $(HEADERS)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) $(LIBS)

$(OUT)/mint: tests/tools/mint.c $(HEADERS) $(OUT)/settings
	@mkdir -p $(@D)
	$(CC) $(OWN) $(LDFLAGS) -o $@ $< -lcrypto

$(OUT)/sent.so $(OUT)/scarce.so $(OUT)/clock.so: $(OUT)/%.so: tests/tools/%.c $(OUT)/settings
	$(CC) $(CFLAGS) $(WARN) -fPIC -shared -o $@ $<

$(OUT)/ihanoi-token: bin/ihanoi-token.c $(OUT)/settings
	@mkdir -p $(@D)
	$(CC) $(OWN) $(LDFLAGS) -o $@ $< -ljwt -ljansson -lcrypto

# The names of what a plugin finds that needs nginx: the command has none.
HOST_SRC  := $(wildcard ngx_ihanoi_module/ngx_http_ihanoi_host*.c)
$(OUT)/host-names.h: bin/host-names $(HOST_SRC) $(OUT)/settings
	@bin/host-names $(HOST_SRC) > $@.new && mv $@.new $@

# And the codes that are the gateway's own.
PROBLEMS  := ngx_ihanoi_module/ngx_http_ihanoi_problem_document.c
$(OUT)/problem-codes.h: $(PROBLEMS) Makefile $(OUT)/settings
	@sed -n 's/^    \(NGX_HTTP_IHANOI_PROBLEM(\|{ ngx_string(\)\("[a-z-]*"\).*/    \2,/p' \
	    $(PROBLEMS) | grep . > $@.new && mv $@.new $@

$(OUT)/ihanoi-plugin: bin/ihanoi-plugin.c $(OUT)/host-names.h $(OUT)/problem-codes.h $(OUT)/libihanoi.a $(HEADERS) $(OUT)/settings
	$(CC) $(OWN) $(LDFLAGS) $(INCS) -I$(OUT) -o $@ $< \
	    $(OUT)/libihanoi.a $(LIBS)
