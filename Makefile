# Hashpost: every command a person types. `make` alone prints the list below.
# Settings are environment variables (docs/settings.md); `make up HASHPOST_PORT=5001 HASHPOST_HOME=/tmp/two` works
# too, because make hands variables of its command line on to everything that it starts.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

VARIANT ?= release
JOBS ?= $(shell nproc)
OUT := build/$(VARIANT)

VARIANTS := release debug asan tsan fuzz arm64
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error There is no VARIANT=$(VARIANT): use one of $(VARIANTS))
endif

# As Debian's packages are built (dpkg-buildflags): tests/e2e/hardening.bats reads it back.
FLAGS_release := -O2 -g -fPIE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LINK_FLAGS_release := -pie -Wl,-z,relro,-z,now
FLAGS_debug := -O0 -g
FLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
FLAGS_tsan := -fsanitize=thread -O1 -g
# libFuzzer is clang's. Its warnings are not those that the other variants are held to. The list of exceptions is for RapidJSON.
FUZZ_CXX ?= clang++
FLAGS_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g -Wno-error \
	-fsanitize-ignorelist=tests/fuzz/ubsan-ignorelist.txt
ifeq ($(VARIANT),fuzz)
override CXX := $(FUZZ_CXX)
endif
# For the other architecture; tests/os/arm64.bats knows what it needs.
FLAGS_arm64 := $(FLAGS_release)
ifeq ($(VARIANT),arm64)
override CXX := aarch64-linux-gnu-g++
endif
# WERROR=yes, as in continuous integration and make lint: a warning is an error. By default it is not, since each newer compiler
# has warnings of its own, which must not keep anybody from make up.
WERROR ?= no
LANGUAGE_FLAGS := -std=c++20 -Wall -Wextra -Wpedantic $(if $(filter yes,$(WERROR)),-Werror) -Wshadow -I. -I$(OUT)/generated -isystem /usr/include/libxml2 -pthread
# Not required, and used where they are installed: a compiler cache (only if it can write to its folder) and a fast linker. An empty
# value of either variable does without, as Debian's package does.
COMPILER_CACHE ?= $(shell folder=$$(ccache --get-config cache_dir 2>/dev/null) && mkdir -p "$$folder" 2>/dev/null && [[ -w $$folder ]] && command -v ccache)
FAST_LINK ?= $(if $(filter-out arm64,$(VARIANT)),$(if $(shell command -v mold),-fuse-ld=mold))
COMPILER_CACHE := $(COMPILER_CACHE)
FAST_LINK := $(FAST_LINK)
COMPILE = $(CXX) $(LANGUAGE_FLAGS) $(FLAGS_$(VARIANT)) $(CPPFLAGS) $(CXXFLAGS)
LINK = $(CXX) -pthread $(FLAGS_$(VARIANT)) $(LINK_FLAGS_$(VARIANT)) $(FAST_LINK) $(LDFLAGS)
LIBRARIES := -lfcgi -llmdb -lcrypto
SENDER_LIBRARIES := -lxml2 -lcurl

# --------------------------------------------------------------------------------------------------
##@ Running the service

.PHONY: up
up: deps-run build ## start in the background; returns when /readyz says 200 and prints a curl line
	@exec service/hashpost up

.PHONY: run
run: deps-run build ## the same in the foreground, until Ctrl-C
	@exec service/hashpost run

.PHONY: down
down: ## stop: Apache first and gracefully, then the workers; leaves no process
	@exec service/hashpost down

.PHONY: reload
reload: ## replace the workers one at a time; a new certificate or httpd-conf is read
	@exec service/hashpost reload

.PHONY: restart
restart: deps-run build ## check the settings, then down and up: nothing is stopped that could not start again
	@exec service/hashpost restart

.PHONY: status
status: ## processes, crashes of the last minute, readiness
	@exec service/hashpost status

.PHONY: logs
logs: ## follow every log (Ctrl-C ends it)
	@exec service/hashpost logs

# --------------------------------------------------------------------------------------------------
##@ Building

# $(call unless_all_there,COMMAND…,GROUP): installs the group of packages if one of the commands is missing. (They may come from
# another vendor's packages, which Debian's would replace.)
unless_all_there = for command in $(1); do command -v $$command >/dev/null || { service/deps.sh $(2); break; }; done

.PHONY: deps deps-run
deps: ## install the Debian packages for everything here; starts and enables no service
	@exec service/deps.sh run test fronts lint

deps-run:
	@exec service/deps.sh run

.PHONY: build
build: deps-run ## compile the worker and the sender into build/release (VARIANT=debug: unoptimised, into build/debug)
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT) $(OUT)/hashpost-worker $(OUT)/hashpost-sender

.PHONY: compile-commands
compile-commands: ## write compile_commands.json, for editors and clang's tools
	@printf '%s\n' $(filter %.cc,$(ALL_CODE)) | sed 's|"|\\"|g; s|.*|  {"directory": "$(CURDIR)", "file": "&", "command": "$(COMPILE) -c &"}|; $$!s|$$|,|; 1s|^|[\n|; $$s|$$|\n]|' >compile_commands.json

# Needs nothing but what compiles: packages come from make deps, or from wherever the machine takes them.
PREFIX ?= /usr/local
TREE = $(DESTDIR)$(PREFIX)/lib/hashpost
.PHONY: install
install: $(OUT)/hashpost-worker $(OUT)/hashpost-sender ## install below PREFIX (/usr/local), or DESTDIR/PREFIX; docs/install.md
	@install -d $(TREE)/service $(TREE)/certs $(TREE)/httpd-conf/errors $(TREE)/httpd-conf/lighttpd $(TREE)/httpd-conf/nginx $(TREE)/httpd-conf/access \
		$(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/man/man8 share/doc/hashpost)
	@install -t $(TREE) $(OUT)/hashpost-worker
	@install -t $(DESTDIR)$(PREFIX)/bin $(OUT)/hashpost-sender
	@install -t $(TREE)/service $(filter-out %.py %.table service/deps.sh,$(wildcard service/*))
	@install -m 0644 -t $(TREE)/service $(wildcard service/*.py service/*.table)
	@install -t $(TREE)/certs certs/make-dev-certs.sh
	@install -m 0644 -t $(TREE) supervisord.conf packaging/installed.sh
	@install -m 0644 -t $(TREE)/httpd-conf httpd-conf/*.conf
	@install -m 0644 -t $(TREE)/httpd-conf/lighttpd httpd-conf/lighttpd/*
	@install -m 0644 -t $(TREE)/httpd-conf/nginx httpd-conf/nginx/*
	@install -m 0644 -t $(TREE)/httpd-conf/access httpd-conf/access/*
	@install -m 0644 -t $(TREE)/httpd-conf/errors httpd-conf/errors/*
	@install -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 packaging/man/*.1
	@install -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 packaging/man/*.8
	@install -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/hashpost LICENSE README.md CHANGELOG.md docs/*.md
	@ln -sfn ../lib/hashpost/service/hashpost $(DESTDIR)$(PREFIX)/bin/hashpost

.PHONY: uninstall
uninstall: ## remove what make install put below PREFIX; messages and settings stay
	@[[ -z $$(find /proc/[0-9]*/exe -maxdepth 0 -lname '$(TREE)/*' 2>/dev/null) ]] || \
		{ echo "Hashpost runs from $(TREE); type $(PREFIX)/bin/hashpost down first." >&2; exit 1; }
	@rm -rf $(TREE) $(DESTDIR)$(PREFIX)/share/doc/hashpost
	@rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/hashpost bin/hashpost-sender) \
		$(patsubst packaging/man/%.1,$(DESTDIR)$(PREFIX)/share/man/man1/%.1,$(wildcard packaging/man/*.1)) \
		$(patsubst packaging/man/%.8,$(DESTDIR)$(PREFIX)/share/man/man8/%.8,$(wildcard packaging/man/*.8))
	@echo "Removed. /var/lib/hashpost and /etc/hashpost.conf stay, if they are there (docs/install.md)."

.PHONY: deb
deb: ## build/deb/hashpost_<version>_<architecture>.deb, with no complaint of lintian
	@service/deps.sh deb
	@exec packaging/make-deb

.PHONY: clean
clean: ## remove everything that was built (no data, no certificate, no log)
	rm -rf build

# --------------------------------------------------------------------------------------------------
##@ Measuring

.PHONY: bench bench-quick bench-parts
bench: bench-parts ## measure against Apache's static file and against others; under 20 minutes
	@exec bench/run

bench-quick: bench-parts ## the main ratios only, in under 2 minutes
	@exec bench/run --matrix quick

bench-parts:
	@service/deps.sh run bench
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/hashpost-worker \
		build/bench/hashpost-probe build/bench/open-loop

.PHONY: bench-growth
bench-growth: ## the same service on stores of 10 thousand to 10 million messages; under 15 minutes
	@service/deps.sh run bench
	@$(MAKE) --no-print-directory build bench-native
	@exec bench/growth

.PHONY: bench-drop
bench-drop: ## the file drop: small files, a big one, sealing against openssl and Python; under 3 minutes
	@service/deps.sh run test bench
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/hashpost-worker build/release/hashpost-sender \
		build/release/fernet-probe
	@exec bench/drop

.PHONY: bench-native
bench-native: ## compile build/bench/hashpost-probe: what disk and LMDB by themselves can do
	@service/deps.sh run
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/bench/hashpost-probe

# --------------------------------------------------------------------------------------------------
##@ Checking

.PHONY: test
test: ## unit, interop, fuzz, end-to-end and fault tests; ends with "N passed, N failed, N skipped"
	@service/deps.sh run test fronts fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/hashpost-worker build/release/hashpost-sender \
		build/release/unit-tests build/release/fernet-probe build/release/json-to-xml-probe
	@exec tests/run.sh release unit interop fuzz e2e faults

.PHONY: unit
unit: ## unit tests only
	@service/deps.sh run test fronts
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$(VARIANT) $(OUT)/unit-tests
	@exec tests/run.sh $(VARIANT) unit

.PHONY: test-one
test-one: ## NAME=…: one unit test, file of bats or test in one, by a part of its name (in the variant debug)
	@exec tests/one.sh $(if $(filter file default,$(origin VARIANT)),debug,$(VARIANT)) '$(NAME)'

.PHONY: apache-test
apache-test: ## end-to-end tests behind Apache only
	@service/deps.sh run test fronts
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release build/release/hashpost-worker build/release/hashpost-sender \
		build/release/fernet-probe build/release/json-to-xml-probe
	@exec tests/run.sh release e2e-apache

.PHONY: asan tsan
asan tsan: ## unit, interop and end-to-end tests under Address+UndefinedBehaviour, or Thread, sanitizer
	@service/deps.sh run test fronts
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=$@ build/$@/hashpost-worker build/$@/hashpost-sender \
		build/$@/unit-tests build/$@/fernet-probe build/$@/json-to-xml-probe
	@exec tests/run.sh $@ unit interop e2e

.PHONY: container-test
container-test: ## build and run the images on a Docker engine of its own (as root; some ten minutes)
	@$(call unless_all_there,dockerd docker-compose debootstrap bats,container)
	@exec timeout --kill-after=60 2400 bats --formatter tap tests/container

.PHONY: deb-test
deb-test: deb ## install, upgrade and purge the package on a Debian machine of its own (as root; some five minutes)
	@$(call unless_all_there,debootstrap bats,deb-test)
	@exec tests/run.sh release package

.PHONY: os-test os-test-quick
os-test: ## all of it on bare machines of Debian 12 and 13, as root and as a user (as root; hours)
	@$(call unless_all_there,debootstrap bats slirp4netns,os-test)
	@exec tests/os/run

os-test-quick: ## make up, unit tests and Apache's end-to-end tests on the Debian that this machine is not (as root)
	@$(call unless_all_there,debootstrap bats slirp4netns,os-test)
	@exec tests/os/run --quick

.PHONY: fuzz fuzz-harnesses
fuzz: fuzz-harnesses ## fuzz every parser, FUZZ_SECONDS (60) each, under Address+UndefinedBehaviour sanitizer
	@exec tests/fuzz/run

fuzz-harnesses:
	@service/deps.sh run fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=fuzz $(FUZZ_HARNESSES)

.PHONY: settings
settings: ## write what documents and manual pages say of settings, after a change of service/settings.table
	@exec packaging/write-settings-docs

.PHONY: layers
layers: ## do the includes respect the floors and rooms of the house?
	@exec tests/layers.sh

.PHONY: lint
lint: style ## style, clang-tidy and the web servers' configurations
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=release WERROR=yes tidy
	@service/hashpost check-fronts
	@echo 'lint: nothing to say'

.PHONY: style
style: deps ## clang-format, shellcheck, codespell, type names, language and settings of documents, the catalogue of mutants
	@packaging/write-settings-docs --check
	@tests/prose.py $(PROSE)
	@clang-format --dry-run -Werror $(ALL_CODE)
	@printf '%s\n' $(SHELL_SCRIPTS) | xargs -P $(JOBS) -n 16 shellcheck -x -e SC2030,SC2031 # (bats runs each test in a subshell, as meant)
	@python3 tests/type_names.py
	@tests/mutants/run --check

.PHONY: mutants
mutants: ## make each wrong change of tests/mutants and see whether a test notices; over an hour
	@service/deps.sh run test fronts
	@exec tests/mutants/run $(NAME)

.PHONY: help
help:
	@printf 'Hashpost: a SHA-256 message service.  make <target> [HASHPOST_…=value]\n'
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} \
		/^[a-z][a-z -]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --------------------------------------------------------------------------------------------------
# The rules behind build and test. Each run of make below works on one VARIANT.

# What only the sender of the file drop needs stays out of the worker, with its libraries.
LIBRARY_SOURCES := $(shell find lib store fcgi-worker -name '*.cc' ! -path fcgi-worker/main.cc ! -path 'lib/xml/*' | sort)
SENDER_SOURCES := $(shell find lib/xml file-sender -name '*.cc' ! -path file-sender/main.cc | sort)
UNIT_SOURCES := $(shell find tests/unit -name '*.cc' | sort)
PROBE_SOURCES := $(shell find bench/native -name '*.cc' | sort)
ALL_CODE = $(shell find lib store fcgi-worker file-sender bench tests -name '*.cc' -o -name '*.h' | sort)
SHELL_SCRIPTS = $(shell git ls-files --cached --others --exclude-standard | while read -r f; do \
	[[ -f $$f ]] && { [[ $$f == *.sh || $$f == *.bats || $$f == *.bash ]] || head -c 30 "$$f" | grep -qaE '^\#!.*\b(bash|sh)$$'; } && echo "$$f"; done)

# (Not what is random, foreign or measured.)
PROSE = $(shell git ls-files --cached --others --exclude-standard | \
	grep -vE '^(bench/results|tests/fuzz/corpus|tests/interop/vectors|docs/images)/')

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cc=$(OUT)/obj/%.o)
SENDER_OBJECTS := $(SENDER_SOURCES:%.cc=$(OUT)/obj/%.o)
MAIN_OBJECT := $(OUT)/obj/fcgi-worker/main.o
SENDER_MAIN_OBJECT := $(OUT)/obj/file-sender/main.o
UNIT_OBJECTS := $(UNIT_SOURCES:%.cc=$(OUT)/obj/%.o)
PROBE_OBJECTS := $(PROBE_SOURCES:%.cc=$(OUT)/obj/%.o)

$(OUT)/hashpost-worker: $(LIBRARY_OBJECTS) $(MAIN_OBJECT) $(OUT)/inputs
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) $(LIBRARIES)

$(OUT)/hashpost-sender: $(filter $(OUT)/obj/lib/%,$(LIBRARY_OBJECTS)) $(SENDER_OBJECTS) $(SENDER_MAIN_OBJECT) $(OUT)/inputs
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) -llmdb -lcrypto $(SENDER_LIBRARIES)

$(OUT)/unit-tests: $(LIBRARY_OBJECTS) $(SENDER_OBJECTS) $(UNIT_OBJECTS) $(OUT)/inputs
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) $(LIBRARIES) $(SENDER_LIBRARIES) -lcppunit

# For tests/interop: lib/fernet on the command line.
$(OUT)/fernet-probe: $(filter $(OUT)/obj/lib/crypto/% $(OUT)/obj/lib/fernet/% $(OUT)/obj/lib/base64/% $(OUT)/obj/lib/io/%,$(LIBRARY_OBJECTS)) \
		$(OUT)/obj/tests/interop/fernet_probe.o $(OUT)/inputs
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) -lcrypto

# The same for the sender's conversion.
$(OUT)/json-to-xml-probe: $(filter $(OUT)/obj/lib/%,$(LIBRARY_OBJECTS)) $(SENDER_OBJECTS) \
		$(OUT)/obj/tests/interop/json_to_xml_probe.o $(OUT)/inputs
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) $(LIBRARIES) $(SENDER_LIBRARIES)

build/bench/hashpost-probe: $(filter $(OUT)/obj/lib/% $(OUT)/obj/store/%,$(LIBRARY_OBJECTS)) $(PROBE_OBJECTS) $(OUT)/inputs
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(LINK) -o $@ $(filter %.o,$^) $(LIBRARIES)

OPEN_LOOP_SOURCES := $(shell find bench/open_loop -name '*.cc' | sort)
build/bench/open-loop: $(OPEN_LOOP_SOURCES:%.cc=$(OUT)/obj/%.o)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ -lssl -lcrypto

# (The tests themselves need no speed, and are half of what make test compiles.)
build/release/obj/tests/unit/%.o: private CXXFLAGS += -O1

# The structs of the settings, made from their table. (What includes them is compiled after them, and again when they change;
# a table that changes nothing in a program compiles nothing there.)
GENERATED := $(OUT)/generated/fcgi-worker/worker_settings.h $(OUT)/generated/file-sender/sender_settings.h
$(OUT)/generated/fcgi-worker/worker_settings.h: private STRUCT := -v reader=worker -v struct=WorkerSettings -v namespace=hashpost
$(OUT)/generated/file-sender/sender_settings.h: private STRUCT := -v reader=sender -v struct=SenderSettings -v namespace=hashpost::sender
$(GENERATED): service/settings.table lib/config/settings_struct.awk
	@mkdir -p $(@D)
	@new=$@.$$$$; awk $(STRUCT) -f lib/config/settings_struct.awk $< >$$new && { cmp -s $$new $@ && rm $$new || mv $$new $@; }

$(OUT)/obj/%.o: %.cc $(OUT)/flags | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CXX  $<"
	@$(if $(findstring ccache,$(CXX)),,$(COMPILER_CACHE)) $(COMPILE) -MMD -MP -c -o $@ $<

# Each tests/fuzz/NAME_fuzz.cc is a harness. It links against an archive of everything, of which it takes what it needs: a new
# source or a new include never asks for a change here.
FUZZ_HARNESSES := $(patsubst tests/fuzz/%.cc,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.cc))
build/fuzz/house.a: $(filter build/fuzz/%,$(LIBRARY_OBJECTS) $(SENDER_OBJECTS)) $(OUT)/inputs
	@rm -f $@
	@ar rc $@ $(filter %.o,$^)

.SECONDARY: $(FUZZ_HARNESSES:build/fuzz/%=build/fuzz/obj/tests/fuzz/%.o)
build/fuzz/%_fuzz: build/fuzz/obj/tests/fuzz/%_fuzz.o build/fuzz/house.a
	@echo "  LINK $@"
	@$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBRARIES) $(SENDER_LIBRARIES)

# Two files that change only when what they record changes: other flags compile everything again, and a
# source that came or went links again.
# (Warnings that are errors change no object, nor does the cache.)
$(OUT)/flags: RECORD = $(filter-out -Werror ccache,$(COMPILE))
$(OUT)/inputs: RECORD = $(LINK) $(LIBRARY_OBJECTS) $(SENDER_OBJECTS) $(UNIT_OBJECTS) $(PROBE_OBJECTS)
$(OUT)/flags $(OUT)/inputs: always
	@mkdir -p $(@D)
	@echo '$(RECORD)' | cmp -s - $@ || echo '$(RECORD)' > $@

.PHONY: always
always:

# clang-tidy again only for what was compiled again (the object knows its headers).
TIDY_SOURCES := $(LIBRARY_SOURCES) $(SENDER_SOURCES) $(PROBE_SOURCES) $(OPEN_LOOP_SOURCES) $(wildcard fcgi-worker/main.cc file-sender/main.cc)
.PHONY: tidy
tidy: $(TIDY_SOURCES:%.cc=build/tidy/%.ok)

build/tidy/%.ok: $(OUT)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $*.cc"
	@clang-tidy --quiet --warnings-as-errors='*' $*.cc -- $(LANGUAGE_FLAGS) -Wno-unknown-warning-option 2> $@.log || { cat $@.log; exit 1; }
	@rm -f $@.log; touch $@

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
