# anod - one Makefile for everything; no recursion.
#
#   make            build/anod, build/anodctl, build/anod-guardian and all shared objects
#   make demo       a lab router that repairs itself, in under two minutes
#   make check      unit, reference, lab and fuzz-corpus tests
#   make help       the rest

CC	?= gcc
ifeq ($(origin CC),default)
CC	:= gcc
endif
VERSION	:= 0.2.0
PREFIX	?= /usr
SANITIZE ?=
V	?= 0

ifeq ($(SANITIZE),)
BUILD	?= build
else
BUILD	?= build/san
endif
O	:= $(BUILD)/obj

ifeq ($(V),0)
Q	:= @
SAY	= @printf '  %-7s %s\n' '$(1)' '$(2)'
else
Q	:=
SAY	= @:
endif

# ---- flags -----------------------------------------------------------------------------------

WARN	:= -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	   -Wpointer-arith -Wcast-qual -Wundef -Wno-missing-field-initializers
# Conversions are checked where values cross borders: the pure core and the public headers.
WARN_PURE := -Wconversion -Wno-sign-conversion
HARDEN	:= -fstack-protector-strong -fno-strict-aliasing -fno-common
LDHARD	:= -Wl,-z,relro,-z,now -Wl,--as-needed
ifeq ($(SANITIZE),)
OPT	?= -O2 -g
HARDEN	+= -D_FORTIFY_SOURCE=2
LDDEFS	:= -Wl,-z,defs
else
OPT	?= -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
LDDEFS	:=
LDSAN	:= -fsanitize=$(SANITIZE)
endif

PKG	= $(shell pkg-config --cflags $(1) 2>/dev/null)
LIB	= $(shell pkg-config --libs $(1) 2>/dev/null)
LIBS_CORE := $(call LIB,libnl-3.0 libsystemd libcjson libsodium libseccomp libcap) -lm -ldl
LIBS_INFER := $(call LIB,libcurl libcjson libsystemd)
LIBS_CTL := $(call LIB,libcjson libsodium) -lm
CFLAGS_LIBS := $(call PKG,libnl-3.0 libsystemd libcjson libsodium libseccomp)
# Third-party headers are not ours to warn about.
CFLAGS_LIBS := $(patsubst -I%,-isystem %,$(CFLAGS_LIBS))

CSTD	:= -std=gnu11 -D_GNU_SOURCE -DANOD_VERSION='"$(VERSION)"' -DANOD_INSTALL_PREFIX='"$(PREFIX)"'
CFLAGS_ALL := $(CSTD) $(OPT) $(WARN) $(HARDEN) -fPIC -MMD -MP $(CFLAGS)

# ---- what is built from what -----------------------------------------------------------------

MAIN_SRC   := core/host/main.c core/exec/guardian_main.c
CLI_SRC	   := $(sort $(wildcard core/cli/*.c))
INFER_SRC  := $(sort $(wildcard core/infer/*.c))
# The auditor's program: no part of libanod-core, and nothing of libanod-core is a part of it.
VERIFY_SRC := $(sort $(wildcard core/verify/*.c))
CORE_SRC   := $(sort $(filter-out $(MAIN_SRC) $(CLI_SRC) $(INFER_SRC) $(VERIFY_SRC),$(wildcard core/*/*.c)))
RTNL_SRC   := $(sort $(wildcard core/rtnl/*.c))
GUARD_SRC  := $(sort $(wildcard core/exec/guardian*.c)) \
	      $(sort $(wildcard core/exec/kernel*.c)) core/exec/step.c core/base/util.c \
	      core/base/clock.c core/base/log.c $(wildcard core/txn/slot.c) core/txn/journal.c core/txn/fence.c $(RTNL_SRC)
PLUGIN_DIRS := $(sort $(patsubst plugins/%/,%,$(dir $(wildcard plugins/*/*.c))))
AGENT_DIRS := $(sort $(patsubst agents/%/,%,$(dir $(wildcard agents/*/*.c))))
EXAMPLE_DIRS := $(sort $(patsubst examples/%/,%,$(dir $(wildcard examples/hello-*/*.c))))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))

objs	= $(patsubst %.c,$(O)/%.o,$(1))
# What tests link of the auditor's program.
VERIFY_LIB := $(call objs,$(filter-out core/verify/main.c,$(VERIFY_SRC)))
SO	:= $(patsubst %,$(BUILD)/plugins/%.so,$(PLUGIN_DIRS) $(AGENT_DIRS))
AGENT_FILES := $(sort $(wildcard agents/*/*.agent))
AGENTS	:= $(addprefix $(BUILD)/agents/,$(notdir $(AGENT_FILES)))
EXAMPLE_SO := $(patsubst %,$(BUILD)/examples/%.so,$(EXAMPLE_DIRS))
PROGRAMS := $(BUILD)/anod $(BUILD)/anodctl $(BUILD)/anod-guardian $(BUILD)/anod-verify
INFER_SO := $(BUILD)/anod-infer.so

.DELETE_ON_ERROR:
.PHONY: all clean install lint check check-unit check-lab check-fuzz check-san check-valgrind \
	check-long check-vm check-model policy-tests lab docs demo bench bench-detect fuzz deps help tests

all: $(PROGRAMS) $(INFER_SO) $(SO) $(AGENTS) $(EXAMPLE_SO)

help:
	@sed -n 's/^#   //p' Makefile | head -4
	@echo 'make lint            style, layering, sizes, cppcheck, clang-tidy'
	@echo 'make check-san       unit tests, corpora and the whole daemon under ASan and UBSan'
	@echo 'make check-valgrind  the unit tests and the whole daemon under valgrind'
	@echo 'make check-long      500 rounds of kill -9 (ROUNDS=10000 JOBS=4: more), the whole model'
	@echo 'make check-vm        tests that need a full kernel (qemu)'
	@echo 'make lab [U=32]      use cases played from end to end, and their table in docs/'
	@echo 'make policy-tests    the policies of examples/: tests, coverage, mutation score'
	@echo 'make check-model     the triage agent against a real small model'
	@echo 'make fuzz [TIME=60]  every fuzz target for TIME seconds'
	@echo 'make bench [WORK=failover] [PEERS=1]'
	@echo 'make bench-detect [DATA=folder]  the detectors on labelled series'
	@echo 'make docs            docs/reference.md, from the manifests'
	@echo 'make install DESTDIR=... PREFIX=/usr'
	@echo 'SANITIZE=address,undefined, CC=clang and V=1 go with any of them'

# ---- rules -----------------------------------------------------------------------------------

# Loops over 64 rows, written to be vectorised.
$(O)/core/facts/code_vec%.o: OPT += $(if $(SANITIZE),,-O3)
PURE	:= core/agent core/detect core/facts core/history core/model core/policy core/rtnl
$(O)/core/%.o: core/%.c | stamp
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(if $(filter $(addsuffix /%,$(PURE)),core/$*),$(WARN_PURE)) \
		$(if $(filter core/infer/%,core/$*),-fvisibility=hidden) \
		-Icore/include -Icore $(CFLAGS_LIBS) -c -o $@ $<

# Sees its own folder only.
$(O)/core/verify/%.o: core/verify/%.c
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(WARN_PURE) $(CFLAGS_LIBS) -c -o $@ $<

# Plugins and agents see the public headers only.
$(O)/plugins/%.o: plugins/%.c
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fvisibility=hidden -Icore/include $(CFLAGS_LIBS) -c -o $@ $<
$(O)/agents/%.o: agents/%.c
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fvisibility=hidden -Icore/include -c -o $@ $<
$(O)/examples/%.o: examples/%.c
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fvisibility=hidden -Icore/include -c -o $@ $<
$(O)/tests/%.o: tests/%.c
	$(call SAY,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) -Icore/include -Icore -Itests -I. \
		-DBUILD_DIR='"$(abspath $(BUILD))"' -DSOURCE_DIR='"$(CURDIR)"' $(CFLAGS_LIBS) -c -o $@ $<

.PHONY: stamp
stamp: ; @:

$(BUILD)/libanod-core.a: $(call objs,$(CORE_SRC))
	$(call SAY,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/anod: $(O)/core/host/main.o $(BUILD)/libanod-core.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LDDEFS) $(LIBS_CORE)

$(BUILD)/anodctl: $(call objs,$(CLI_SRC)) $(BUILD)/libanod-core.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LDDEFS) $(LIBS_CTL)

$(BUILD)/anod-verify: $(call objs,$(VERIFY_SRC))
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LDDEFS) $(call LIB,libsodium)

# Static, so that it needs nothing that could change under it.  Sanitizers do not link static.
# libnl's attribute layer names the rest of libnl in functions that nobody calls here; were those
# names not cut off, the program would hold all of it and the resolver of libc as well.
comma	:= ,
GUARD_CUT := nl_addr_get_binary_addr nl_addr_get_len nl_data_get nl_data_get_size nlmsg_data \
	     nlmsg_datalen nlmsg_reserve nlmsg_tail nl_debug
$(BUILD)/anod-guardian: $(call objs,$(GUARD_SRC))
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDSAN) $(if $(SANITIZE),,-static \
		$(patsubst %,-Wl$(comma)--defsym=%=abort,$(GUARD_CUT))) -o $@ $^ -Wl,-z,relro,-z,now -lnl-3

# Its copies of core files stay inside: it exports anod_infer_main and anod_infer_open.
$(INFER_SO): $(call objs,$(INFER_SRC)) $(BUILD)/libanod-core.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDSAN) -shared -o $@ $^ -Wl,--exclude-libs,ALL $(LDHARD) $(LDDEFS) $(LIBS_INFER) $(LIBS_CORE)

# A plugin has no constructors and nothing to be run at its end; the start files would only give it a
# variable, which costs every process that loads it a page.
SO_START := $(if $(SANITIZE),,-nostartfiles)
define so_rule
$(BUILD)/plugins/$(notdir $(1)).so: $$(call objs,$$(sort $$(wildcard $(1)/*.c))) $(2)
	$$(call SAY,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDSAN) -shared $$(SO_START) -o $$@ $$^ $$(LDHARD) $$(LDDEFS) $(3)
endef
# What the public headers beside plugin.h declare; a plugin gets of it what it calls.
$(BUILD)/libanod-plug.a: $(call objs,$(wildcard core/plug/*.c) $(RTNL_SRC))
	$(call SAY,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^
LIBS_PLUGIN := $(call LIB,libnl-3.0 libsystemd libcjson) -lm -pthread
$(foreach p,$(PLUGIN_DIRS),$(eval $(call so_rule,plugins/$(p),$(BUILD)/libanod-plug.a,\
	$(LIBS_PLUGIN))))
$(foreach a,$(AGENT_DIRS),$(eval $(call so_rule,agents/$(a),,-lm)))
# Declarative agents are found beside the programs, as they are beside the installed ones.
define agent_rule
$(BUILD)/agents/$(notdir $(1)): $(1)
	$$(call SAY,CP,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)cp $$< $$@
endef
$(foreach a,$(AGENT_FILES),$(eval $(call agent_rule,$(a))))
define example_rule
$(BUILD)/examples/$(1).so: $$(call objs,$$(sort $$(wildcard examples/$(1)/*.c)))
	$$(call SAY,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDSAN) -shared -o $$@ $$^ $$(LDHARD) $$(LDDEFS) -lm
endef
$(foreach e,$(EXAMPLE_DIRS),$(eval $(call example_rule,$(e))))

# ---- tests -----------------------------------------------------------------------------------

# Tests load plugins as the daemon does.
$(BUILD)/tests/unit: $(call objs,$(UNIT_SRC) $(INFER_SRC) $(filter-out core/cli/main.c,$(CLI_SRC))) $(VERIFY_LIB) $(BUILD)/libanod-core.a | $(SO) $(AGENTS) $(INFER_SO)
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -rdynamic -o $@ $^ $(LDHARD) $(call LIB,criterion) $(LIBS_INFER) $(LIBS_CORE)

$(BUILD)/tests/replay_verify: $(VERIFY_LIB)
$(BUILD)/tests/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(call objs,$(INFER_SRC)) \
		$(BUILD)/libanod-core.a
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LIBS_INFER) $(LIBS_CORE)

$(BUILD)/tests/bench_%: $(O)/tests/bench/bench_%.o $(call objs,$(INFER_SRC)) \
		$(BUILD)/libanod-core.a | $(SO) $(INFER_SO)
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LIBS_INFER) $(LIBS_CORE) $(call LIB,libnl-route-3.0)

# Asks the inference process one question from the command line; used by tests/model.
$(BUILD)/tests/ask: $(O)/tests/model/ask.o $(BUILD)/libanod-core.a | $(INFER_SO) $(SO)
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -rdynamic -o $@ $^ $(LDHARD) $(LIBS_CORE)

# Decides what lines of JSON describe; used by tests/reference.
$(BUILD)/tests/decide_cases: $(O)/tests/reference/decide_cases.o $(BUILD)/libanod-core.a | $(SO)
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -rdynamic -o $@ $^ $(LDHARD) $(LIBS_CORE)

# An agent that does what a lab test says.
# Loaded before libc, so it cannot be built for a sanitizer that wants to be first itself.
FAULT	:= $(BUILD)/tests/fault.so
$(FAULT): tests/lab/fault/fault.c
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) -O2 -g $(WARN) -fPIC -shared -fvisibility=hidden -o $@ $< -ldl

PUPPET	:= $(BUILD)/tests/plugins/puppet.so
$(PUPPET): $(O)/tests/lab/puppet/puppet.o
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -shared -o $@ $^ $(LDHARD) $(LDDEFS)

# A storm of route events, for the lab tests.
STORM	:= $(BUILD)/tests/storm
$(STORM): $(O)/tests/lab/storm/storm.o
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD)

# The model beside the kernel, for the lab tests.
TWIN	:= $(BUILD)/tests/twin
$(TWIN): $(call objs,$(sort $(wildcard tests/lab/twin/*.c))) $(BUILD)/libanod-core.a
	$(call SAY,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDSAN) -o $@ $^ $(LDHARD) $(LIBS_CORE)

FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
tests: all $(BUILD)/tests/unit $(BUILD)/tests/decide_cases $(PUPPET) $(FAULT) $(STORM) $(TWIN) \
	$(addprefix $(BUILD)/tests/replay_,$(FUZZERS)) \
	$(patsubst tests/bench/bench_%.c,$(BUILD)/tests/bench_%,$(wildcard tests/bench/bench_*.c))

deps:
	$(Q)tests/deps $(DEPS)

check:
	$(Q)tests/deps nftables python3-z3 spin strace $(DEPS)
	$(Q)$(MAKE) --no-print-directory -j2 tests
	$(Q)BUILD=$(BUILD) tests/check unit fuzz policy reference spin lab
check-unit: tests
	$(Q)BUILD=$(BUILD) tests/check unit
check-lab: tests
	$(Q)BUILD=$(BUILD) tests/check lab
check-fuzz: tests
	$(Q)BUILD=$(BUILD) tests/check fuzz
check-san: deps
	$(Q)$(MAKE) --no-print-directory -j2 SANITIZE=address,undefined tests
	$(Q)BUILD=build/san tests/check unit fuzz daemon
check-valgrind: DEPS := valgrind
check-valgrind: deps tests
	$(Q)BUILD=$(BUILD) tests/check valgrind
check-long: deps tests
	$(Q)tests/deps nftables strace spin
	$(Q)BUILD=$(BUILD) tests/check long
check-vm: deps tests
	$(Q)BUILD=$(BUILD) tests/check vm
check-model: all $(BUILD)/tests/ask
	$(Q)tests/deps python3-venv curl
	$(Q)BUILD=$(BUILD) tests/check model
# The unit tests ask for the same, so "make check" does.
policy-tests: all
	$(Q)$(BUILD)/anod policy test --plugins $(BUILD)/plugins --table --min-coverage 90 \
		--min-mutation 95 examples/policies/tests/*.test
lint:
	$(Q)tests/deps clang-format clang-tidy cppcheck universal-ctags
	$(Q)tests/lint $(PARTS)
# All of them write the table; some only say what came of them.
lab: deps tests
	$(Q)tests/deps nftables
	$(Q)BUILD=$(abspath $(BUILD)) tests/usecases/run --json $(BUILD)/use-cases.json \
		$(if $(U),$(U),--table docs/use-cases.md)
demo:
	$(Q)tests/deps nftables $(if $(MODEL),python3-venv)
	$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)BUILD=$(BUILD) MODEL=$(MODEL) examples/demo/run
bench: deps tests
	$(Q)BUILD=$(BUILD) WORK='$(WORK)' PEERS='$(PEERS)' tests/bench/run
# The detectors on labelled series; DATA= is described in tests/bench/data/README.md.
DETECT_BENCHES := $(patsubst %,$(BUILD)/tests/bench_%,nab rtt kddi delay)
bench-detect: deps $(DETECT_BENCHES)
	$(Q)BUILD=$(BUILD) DATA='$(DATA)' MILLIONS='$(MILLIONS)' tests/bench/detectors
fuzz: deps
	$(Q)TIME='$(or $(TIME),60)' tests/fuzz/run

# From the manifests of what was built; "make check" holds it to them.
docs: all
	$(Q)$(BUILD)/anod reference --plugins $(BUILD)/plugins --agents $(BUILD)/agents > $(BUILD)/reference.md
	$(Q)cmp -s $(BUILD)/reference.md docs/reference.md || cp $(BUILD)/reference.md docs/reference.md

# ---- install ---------------------------------------------------------------------------------

LIBDIR	:= $(DESTDIR)$(PREFIX)/lib/anod
DOCDIR	:= $(DESTDIR)$(PREFIX)/share/doc/anod
install: all
	install -Dm755 $(BUILD)/anod $(DESTDIR)$(PREFIX)/sbin/anod
	install -Dm755 $(BUILD)/anodctl $(DESTDIR)$(PREFIX)/bin/anodctl
	install -Dm755 $(BUILD)/anod-verify $(DESTDIR)$(PREFIX)/bin/anod-verify
	install -Dm755 $(BUILD)/anod-guardian $(LIBDIR)/anod-guardian
	install -Dm644 $(INFER_SO) $(LIBDIR)/anod-infer.so
	install -d $(LIBDIR)/plugins $(DESTDIR)$(PREFIX)/include/anod
	install -m644 $(SO) $(LIBDIR)/plugins/
	install -d $(LIBDIR)/agents
	$(if $(AGENTS),install -m644 $(AGENTS) $(LIBDIR)/agents/)
	install -m644 core/include/anod/*.h $(DESTDIR)$(PREFIX)/include/anod/
	for m in docs/man/*.[1-8]; do \
		install -Dm644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$(basename $$m); done
	install -d $(DESTDIR)/lib/systemd/system
	sed 's|/usr/sbin/|$(PREFIX)/sbin/|' docs/anod.service > $(DESTDIR)/lib/systemd/system/anod.service
	chmod 644 $(DESTDIR)/lib/systemd/system/anod.service
	install -Dm644 docs/rt_protos.d/anod.conf $(DESTDIR)/etc/iproute2/rt_protos.d/anod.conf
	install -Dm644 docs/completion/anodctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/anodctl
	install -d $(DOCDIR)/examples/hello-agent $(DOCDIR)/examples/hello-sensor
	install -m644 README.md NEWS.md docs/*.md $(DOCDIR)/
	install -m644 examples/README.md examples/policies/*.conf $(DOCDIR)/examples/
	install -d $(DOCDIR)/examples/tests
	install -m644 examples/policies/tests/* $(DOCDIR)/examples/tests/
	install -m644 examples/hello-agent/* $(DOCDIR)/examples/hello-agent/
	install -m644 examples/hello-sensor/* $(DOCDIR)/examples/hello-sensor/

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
