# SPDX-License-Identifier: ISC
# Gatehouse. `make help` lists the targets; `make V=1` shows the commands.

VERSION := 0.1.0

# ---- what may be set from outside ------------------------------------------------------------
VARIANT     ?= release
BUILD       ?= build/$(VARIANT)
PREFIX      ?= /usr/local
SYSCONFDIR  ?= /etc
RUNSTATEDIR ?= /run
LOGDIR      ?= /var/log/tinyproxyd
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man
COMPDIR     ?= $(PREFIX)/share/bash-completion/completions
UNITDIR     ?= $(PREFIX)/lib/systemd/system
FUZZ_SECONDS ?= 60
JOBS        ?= $(shell nproc)
PYTHON      ?= /usr/bin/python3
PKG_CONFIG  ?= pkg-config
PYTEST      ?= $(PYTHON) -m pytest -q -n $(JOBS) -p no:cacheprovider
INSTALL     ?= install

# Variants: release, debug, asan, clang, fuzz; each keeps its objects in its own build/<variant>/.
CC_release := gcc
CC_debug   := gcc
CC_asan    := gcc
CC_clang   := clang
CC_fuzz    := clang
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(or $(CC_$(VARIANT)),gcc)
endif
# Where a recipe builds another variant: beside this one, or under a BUILD from outside.
other = VARIANT=$(1) BUILD=$(if $(filter build/%,$(BUILD)),build,$(BUILD))/$(1)
ifeq ($(VARIANT),asan)
SANITIZE ?= address,undefined
endif
ifeq ($(VARIANT),fuzz)
SANITIZE ?= fuzzer-no-link,address,undefined
endif

# ---- flags -----------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wformat=2 -Wvla -Wundef -Wwrite-strings \
	-Wno-unused-parameter -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fvisibility=hidden
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
HARDEN += -fcf-protection
endif
OPTIMIZE := -O2 -g
ifeq ($(VARIANT),debug)
OPTIMIZE := -O0 -g3 -DGATEHOUSE_DEBUG -DGATEHOUSE_TEST_STEPS
else ifdef SANITIZE
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -DGATEHOUSE_DEBUG -DGATEHOUSE_TEST_STEPS
else
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
ifdef SANITIZE
SANFLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif

INCLUDES := -D_GNU_SOURCE -I. -include base/banned.h -DGATEHOUSE_VERSION='"$(VERSION)"' \
	-DGATEHOUSE_SYSCONFDIR='"$(SYSCONFDIR)"' -DGATEHOUSE_RUNSTATEDIR='"$(RUNSTATEDIR)"' \
	-DGATEHOUSE_LOGDIR='"$(LOGDIR)"'
ALL_CFLAGS := -std=gnu11 $(OPTIMIZE) $(INCLUDES) $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

LIBS_base  := $(shell $(PKG_CONFIG) --libs libcrypto) -lpthread
LIBS_cert  := $(shell $(PKG_CONFIG) --libs libssl libcjson libidn2) $(LIBS_base)
LIBS_acme  := $(shell $(PKG_CONFIG) --libs libcurl libcares) -lresolv $(LIBS_cert)
LIBS_proxy := $(shell $(PKG_CONFIG) --libs libnghttp2 libpcre2-8 libcares libseccomp) $(LIBS_cert)
LIBS_test  := $(shell $(PKG_CONFIG) --libs cmocka)

# ---- sources: one wildcard per layer, one program per cmd/NAME.c ------------------------------
SRC_base  := $(sort $(wildcard base/*.c))
SRC_cert  := $(sort $(wildcard libcert/*.c))
SRC_acme  := $(sort $(wildcard libacme/*.c))
SRC_proxy := $(sort $(wildcard proxy/*.c proxy/*/*.c))
SRC_cmd   := $(sort $(wildcard cmd/*.c))
SRC_unit  := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
SRC_fuzz  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
SOURCES   := $(SRC_base) $(SRC_cert) $(SRC_acme) $(SRC_proxy) $(SRC_cmd) $(SRC_unit) $(SRC_fuzz) \
	$(sort $(wildcard tests/fuzz/main_replay.c tests/fault/*.c))
HEADERS   := $(sort $(wildcard base/*.h libcert/*.h libacme/*.h proxy/*.h proxy/*/*.h tests/*/*.h tests/*/*/*.h))

obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROGRAMS := $(patsubst cmd/%.c,$(BUILD)/%,$(SRC_cmd))
UNITS    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(SRC_unit))
REPLAYS  := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/replay/%,$(SRC_fuzz))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(SRC_fuzz))
SRC_driver := $(wildcard tests/fault/*_driver.c)
DRIVERS  := $(patsubst tests/fault/%.c,$(BUILD)/tests/fault/%,$(SRC_driver))
SHIMS    := $(patsubst tests/fault/%.c,$(BUILD)/tests/fault/%.so,$(filter-out $(SRC_driver),$(wildcard tests/fault/*.c)))
AR_base  := $(BUILD)/libbase.a
AR_cert  := $(BUILD)/libcert.a $(AR_base)
AR_acme  := $(BUILD)/libacme.a $(AR_cert)
AR_proxy := $(BUILD)/libproxy.a $(AR_cert)
AR_all   := $(BUILD)/libproxy.a $(BUILD)/libacme.a $(AR_cert)

# The layer a program or unit test stands on: by its name, or by its directory under tests/unit/.
layer_of = $(strip $(if $(findstring /unit/libacme/,$(1))$(filter acme-% cert-info,$(notdir $(1))),acme,\
	$(if $(findstring /unit/proxy/,$(1))$(filter tinyproxy%,$(notdir $(1))),proxy,\
	$(if $(findstring /unit/base/,$(1)),base,cert))))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
MAKEFLAGS += --no-print-directory
endif

# ---- build -----------------------------------------------------------------------------------
.PHONY: all programs check check-fast asan unit golden e2e fault soak fuzz fuzz-run fuzz-replay bench \
	lint format install uninstall clean help test-programs
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:

all: programs
programs: $(PROGRAMS)
test-programs: $(PROGRAMS) $(UNITS) $(DRIVERS) $(SHIMS) $(if $(SANITIZE),$(REPLAYS))

$(BUILD)/libbase.a:  $(call obj,$(SRC_base))
$(BUILD)/libcert.a:  $(call obj,$(SRC_cert))
$(BUILD)/libacme.a:  $(call obj,$(SRC_acme))
$(BUILD)/libproxy.a: $(call obj,$(SRC_proxy))
$(BUILD)/lib%.a: $(BUILD)/.sources
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(or $(AR),ar) rcsD $@ $(filter %.o,$^)

$(BUILD)/obj/%.o: %.c $(BUILD)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(PROGRAMS): $(BUILD)/%: $(BUILD)/obj/cmd/%.o $$(AR_$$(call layer_of,$$@))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$(call layer_of,$@))

$(UNITS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $$(AR_$$(call layer_of,$$@))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_test) $(LIBS_$(call layer_of,$@))

# A program of libcert's that a fault test kills, starves and interrupts.
$(DRIVERS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(AR_cert)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_cert)

$(REPLAYS): $(BUILD)/tests/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/main_replay.o $(AR_all)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_test) $(LIBS_acme) $(LIBS_proxy)

$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(AR_all)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_test) $(LIBS_acme) $(LIBS_proxy)

$(SHIMS): $(BUILD)/tests/fault/%.so: tests/fault/%.c $(BUILD)/.flags
	$(call say,SO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -g $(INCLUDES) $(WARN) -fPIC -shared -MMD -MP -o $@ $< -ldl

# Other flags mean other objects, other sources other archives: a stamp is rewritten when its text changes.
STAMP_flags   := $(CC) $(ALL_CFLAGS) | $(ALL_LDFLAGS)
STAMP_sources := $(SOURCES)
quote = '$(subst ','\'',$(1))'
$(BUILD)/.flags $(BUILD)/.sources: $(BUILD)/.%: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(call quote,$(STAMP_$*)) | cmp -s - $@ || printf '%s\n' $(call quote,$(STAMP_$*)) > $@
FORCE:

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(SOURCES)) $(SHIMS:.so=.d)

# ---- tests: those that a tree does not have yet are passed over in silence -------------------
export BIN_DIR = $(abspath $(BUILD))
export ASAN_OPTIONS ?= abort_on_error=1:detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
has_tests = $(firstword $(wildcard $(1)))

# Tests that kill a program at a step need a build that has steps; memory is measured on this one.
ifneq ($(filter release clang,$(VARIANT)),)
check: all
	$(Q)$(MAKE) $(call other,debug) check
else
check: all unit golden fuzz-replay e2e fault
endif
check-fast: all unit golden
asan:
	$(Q)$(MAKE) $(call other,asan) check

unit: $(UNITS)
	$(Q)$(PYTHON) scripts/run-unit $(UNITS)
golden: programs
	$(Q)$(if $(call has_tests,tests/golden/*/*/cmd),$(PYTEST) tests/golden,:)
e2e: programs
	$(Q)$(if $(call has_tests,tests/e2e/test_*.py),$(PYTEST) tests/e2e,:)
fault: programs $(DRIVERS) $(SHIMS)
	$(Q)$(if $(call has_tests,tests/fault/test_*.py),$(PYTEST) tests/fault,:)
# Long versions of tests that have a short one in e2e; no check runs them.
soak: programs
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/soak
# Beside other proxies, those that are installed (scripts/install-deps bench); BENCH= options for the run.
bench: programs
	$(Q)$(PYTHON) tests/bench/run $(BENCH)

ifdef SANITIZE
fuzz-replay: $(REPLAYS)
	$(Q)$(PYTHON) scripts/run-fuzz replay $(REPLAYS)
else
fuzz-replay:
	$(Q)$(MAKE) $(call other,asan) fuzz-replay
endif
fuzz:
	$(Q)$(MAKE) $(call other,fuzz) fuzz-run
fuzz-run: $(FUZZERS)
	$(Q)$(PYTHON) scripts/run-fuzz search --seconds $(FUZZ_SECONDS) --jobs $(JOBS) --state $(BUILD) $(FUZZERS)

lint:
	$(Q)JOBS=$(JOBS) LINT_STATE=$(BUILD)/lint LINT_CFLAGS=$(call quote,-std=gnu11 $(INCLUDES)) scripts/lint $(CHECK)
format:
	$(Q)clang-format -i $(SOURCES) $(HEADERS)

# ---- install ---------------------------------------------------------------------------------
MANPAGES := $(sort $(wildcard man/*.[1-8]))
UNITFILES := $(sort $(wildcard scripts/*.service scripts/*.timer))
COMPLETION := scripts/completions/gatehouse
program_dir = $(if $(filter tinyproxyd,$(notdir $(1))),$(SBINDIR),$(BINDIR))
page_dir = $(MANDIR)/man$(patsubst .%,%,$(suffix $(1)))
SUBSTITUTE = sed $(foreach d,BINDIR SBINDIR SYSCONFDIR RUNSTATEDIR LOGDIR,-e 's|@$d@|$($d)|g')
EXAMPLE := $(DESTDIR)$(SYSCONFDIR)/tinyproxyd/tinyproxyd.conf

install: all
	$(Q)$(foreach p,$(PROGRAMS),$(INSTALL) -D -m 755 $p $(DESTDIR)$(call program_dir,$p)/$(notdir $p) &&) :
	$(Q)$(foreach m,$(MANPAGES),$(INSTALL) -D -m 644 $m $(DESTDIR)$(call page_dir,$m)/$(notdir $m) &&) :
	$(Q)$(foreach p,$(notdir $(PROGRAMS)),$(INSTALL) -D -m 644 $(COMPLETION) $(DESTDIR)$(COMPDIR)/$p && \
		echo "complete -o default -F _gatehouse $p" >> $(DESTDIR)$(COMPDIR)/$p &&) :
	$(Q)$(INSTALL) -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(LOGDIR) $(dir $(EXAMPLE))
	$(Q)$(foreach u,$(UNITFILES),$(SUBSTITUTE) $u | $(INSTALL) -m 644 /dev/stdin $(DESTDIR)$(UNITDIR)/$(notdir $u) &&) :
	$(Q)[ -e $(EXAMPLE) ] || $(SUBSTITUTE) scripts/tinyproxyd.conf | $(INSTALL) -m 644 /dev/stdin $(EXAMPLE)
	$(call say,DONE,"installed under $(DESTDIR)$(PREFIX)")

uninstall:
	$(Q)rm -f $(foreach p,$(PROGRAMS),$(DESTDIR)$(call program_dir,$p)/$(notdir $p)) \
		$(foreach m,$(MANPAGES),$(DESTDIR)$(call page_dir,$m)/$(notdir $m)) \
		$(addprefix $(DESTDIR)$(COMPDIR)/,$(notdir $(PROGRAMS))) \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITFILES)))

clean:
	$(Q)rm -rf build

help:
	@printf '%s\n' \
	 'all (default)  build every program into $$BUILD (VARIANT=release|debug|asan|clang; CC=, V=1)' \
	 'check          unit, golden, corpus replay, end to end and fault tests' \
	 'check-fast     unit and golden tests: the inner loop' \
	 'asan           check, built with AddressSanitizer and UBSan' \
	 'unit golden e2e fault fuzz-replay soak bench   one kind of test' \
	 'fuzz           libFuzzer on every target, FUZZ_SECONDS=60 each' \
	 'lint format    every static check (CHECK="tidy layers" for some); clang-format in place' \
	 'install uninstall   PREFIX= DESTDIR= SYSCONFDIR= RUNSTATEDIR=' \
	 'clean          remove build/'
