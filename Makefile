# SPDX-License-Identifier: GPL-2.0
#
# vpt: an x86-64 page table behind /dev/vpt. `make help` lists the targets.
#
# This is the user's Makefile; the kernel's build reads Kbuild. Everything that
# is built or downloaded is below build/, or with VPT_BUILD=FOLDER there: the tree may be
# another user's, or read-only.
#
# V=1, W=1 and C=2 mean what they mean to the kernel's build.

ifneq ($(words $(CURDIR))$(findstring :,$(CURDIR)),1)
$(error Nothing can be built in "$(CURDIR)": make and the kernel's build take no path with a \
	space or a colon in it. Move this folder to another)
endif

ifneq ($(VPT_BUILD),)

.DEFAULT_GOAL := module
$(or $(MAKECMDGOALS),module): elsewhere ;
elsewhere:
	+@tools/elsewhere "$(VPT_BUILD)" $(or $(MAKECMDGOALS),module)
.PHONY: elsewhere $(MAKECMDGOALS)

else

KDIR ?= /lib/modules/$(shell uname -r)/build
# The kernels are listed in tools/kernels. KERNEL is for make run: one of these, host or
# the path of an image, whose build folder KDIR is then.
KERNELS ?= $(shell tools/list-kernels main)
KERNEL ?=

# Of the programs that run on this machine; the module has the kernel's flags, and what
# runs in a guest or is measured has its own.
CFLAGS ?= -O2 -g

B := build
Q := $(if $(filter 1,$(V)),,@)

# For what runs make itself: hand the job server on, but do nothing under make -n.
J := $(if $(findstring n,$(firstword -$(MAKEFLAGS))),,+)

# Before each command that compiles: what it reads becomes a prerequisite of the target.
TRACK = tools/with-deps $@

.DEFAULT_GOAL := module
.DELETE_ON_ERROR:

## module: build build/vpt.ko for the running kernel, or for KDIR=... (the default)
module:
	$(Q)if ! [ -e "$(KDIR)/Makefile" ]; then \
		echo "There is no kernel build folder at $(KDIR)." >&2; \
		echo "Install the running kernel's headers (linux-headers-$$(uname -r)), or set KDIR." >&2; \
		echo "To try vpt without them, in a virtual machine: make run" >&2; \
		exit 1; \
	fi
	$(J)$(Q)module=$$(tools/build-module --kdir "$(KDIR)" \
			"$$(cat "$(KDIR)/include/config/kernel.release" 2>/dev/null || uname -r)") && \
		ln -sf "$$module" $(B)/vpt.ko && echo $(B)/vpt.ko

## module-K: build vpt.ko for kernel K of tools/kernels
module-%:
	$(J)$(Q)tools/build-module "$*"

# The parts' own makefiles add their programs and suites:
#   kernel.mk defines KERNEL_SUITES, which host-suite runs
#   host.mk   defines host-suite (builds and runs, prints TAP)
#   guest.mk  defines guest-programs (builds what runs in the guest)
#   bench.mk  defines bench and bench-core
#   preload.mk  defines preload and preload-suite (TAP)
#   mc.mk     defines check-model (the model checker's quick suite, TAP) and model
#   prove.mk  defines prove and prove-check (TAP), and what else concerns the proof
#   litmus.mk defines check-litmus (litmus tests, TAP) and litmus
#   install.mk defines install, uninstall and deb, and what is installed
# What these need is installed first.
host-suite: | deps-check
guest-programs: | deps-$(if $(filter 1,$(HOST)),host,guest)
include tests/kernel/kernel.mk
include tests/host/host.mk
include tests/guest/guest.mk
include tests/fuzz/fuzz.mk
include tests/lines/lines.mk
include bench/bench.mk
include tools/mc/mc.mk
include tools/prove/prove.mk
include tools/preload/preload.mk
include tests/mutants/mutants.mk
include tools/litmus/litmus.mk
include tools/vptctl/vptctl.mk
include tools/install/install.mk

# What is compiled for this machine, or is a part of that, by whatever target.
build/model/mc $(CTL_BUILD)/vptctl $(PRELOAD_LIB) $(PRELOAD_TESTS) $(PRELOAD_BUILD)/sanitized \
	$(PRELOAD_BUILD)/fork_cost $(GUEST_OBJECTS) $(LIT_DIR)/test_parse $(LIT_DIR)/vpt-litmus \
	$(SPEC_BUILD)/vpt-trace-check $(SPEC_BUILD)/invariants_table $(USER_PROGRAMS) \
	$(USER_LIBRARY): | deps-tools

# Suites that compile much do so on all processors, unless make was told how many (-j).
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(shell nproc))

host-suite = $(MAKE) -s --no-print-directory $(PARALLEL) host-suite
guest-suite := tests/guest/matrix
boots-suite := tests/guest/boots $(KERNELS)
model-suite = $(MAKE) -s --no-print-directory $(PARALLEL) check-model
litmus-suite := $(MAKE) -s --no-print-directory check-litmus
litmus-model-suite := $(MAKE) -s --no-print-directory check-litmus-model
preload-suite := $(MAKE) -s --no-print-directory preload-suite

tools-suite := tests/tools/suite
packages-suite := tests/packages/run $(SUITES)

prove-ranges-suite := $(MAKE) -s --no-print-directory prove-ranges
prove-pages-suite := $(MAKE) -s --no-print-directory prove-pages
prove-check-suite := $(MAKE) -s --no-print-directory prove-check
prove-binary-quick-suite := $(MAKE) -s --no-print-directory prove-binary-quick
prove-binary-suite := $(MAKE) -s --no-print-directory prove-binary
fuzz-suite := $(MAKE) -s --no-print-directory fuzz-suite
lines-suite = $(MAKE) -s --no-print-directory lines-suite KERNELS=\"$(lines-kernels)\"
lines-kernels = $(shell tools/list-kernels middle)
check-all: lines-kernels = $(KERNELS)

quick-suites = 'host=$(host-suite)' 'model=$(model-suite)' 'litmus-model=$(litmus-model-suite)' \
	'prove-pages=$(prove-pages-suite)'
more-suites = 'litmus=$(litmus-suite)' 'prove-check=$(prove-check-suite)' 'prove-ranges=$(prove-ranges-suite)' \
	$(binary-suites) 'boots=$(boots-suite)' 'mixed=$(mixed-suite)'

# Each of these keeps one processor busy, most of the time.
mixed-suite = tests/host/run-suites -j guests "preload=$(preload-suite)" "lines=$(lines-suite)" \
	"tools=$(tools-suite)" "fuzz=$(fuzz-suite)" vpt-run=tests/guest/run-options as-host=tests/guest/as-host

# Of the machine code a part, or the modules' whole cores.
binary-suites = 'prove-binary-quick=$(prove-binary-quick-suite)'
check-all: binary-suites = $(foreach kernel,$(PROVED_KERNELS), \
	'prove-binary-$(kernel)=$(prove-binary-suite) KERNEL=$(kernel)')

# These targets bring what they lack from the machine's package sources; the others say
# what is missing, and stop.
run check check-more check-all check-ci deps: export INSTALL_MISSING := 1

# What the compiler warns of fails a test, though not a user's build.
check check-more check-all check-ci check-guest table: export KCFLAGS := -Werror

## run: boot a guest with vpt inserted and run the three example programs
run: guest-programs
	$(Q)tests/guest/run-demo $(if $(KERNEL),--kernel "$(KERNEL)" \
		$(if $(findstring /,$(KERNEL))$(filter host,$(KERNEL)),--kdir "$(KDIR)"))

## check: the quick suites, the proof of single pages, two boots (HOST=1: on this machine's own module)
ifeq ($(HOST),1)
check: guest-programs
	$(J)$(Q)tools/tally 'host=$(guest-suite) --host $(PROGRAMS)'
else
check: deps-check deps-prove guest-programs
	$(J)$(Q)tools/tally $(quick-suites) 'guest=$(guest-suite)'
endif

## report: the last runs' results as a table in README.md (HOST=1: run all on this machine, pack one file)
report: $(if $(filter 1,$(HOST)),guest-programs litmus-programs deps-bench)
ifeq ($(HOST),1)
	$(J)$(Q)tests/guest/report
else
	$(Q)tools/report --readme
endif

## check-more: what is not in check: the rest of the proof, a part of the machine code's, the preload library, five more boots, the fuzzer, cache lines in common
check-more: deps-check deps-prove guest-programs
	$(J)$(Q)tools/tally $(more-suites) 'guest=$(guest-suite) --more'

## check-all: everything, over the guest's whole matrix and every kernel of tools/kernels, the machine code's proofs, and packages
check-all: deps-check deps-prove guest-programs
	$(J)$(Q)tools/tally $(quick-suites) $(more-suites) 'guest=$(guest-suite) --all' \
		'packages=$(packages-suite)'

## check-ci: check and check-more, counted together
check-ci: deps-check deps-prove guest-programs
	$(J)$(Q)tools/tally $(quick-suites) $(more-suites) 'guest=$(guest-suite) --both'

## table: each kernel of tools/kernels: does vpt build, load, pass its suite there
table: guest-programs
	$(Q)tests/guest/kernels

## check-host: only the core's tests, on this machine, without a guest
check-host: deps-check
	$(J)$(Q)tools/tally 'host=$(host-suite)'

## check-guest: only the tests in the guest
check-guest: guest-programs
	$(J)$(Q)tools/tally 'guest=$(guest-suite)' 'boots=$(boots-suite)'

## check-debug: the guest's tests on kernels with KASAN, lockdep and KCSAN, built here
check-debug: deps-kernel guest-programs
	$(J)$(Q)tools/tally 'debug=$(guest-suite) --debug --jobs 1 --timeout 7200'

## lint: the kernel's checkers, shellcheck, Python, spelling, licences: all silent
lint: deps-lint
	$(Q)tools/help --check $(MAKEFILE_LIST)
	$(Q)tools/lint $(KERNELS)

## deps: install what most targets need from Debian's packages (DEPS="check lint": these; tools/deps --help)
DEPS ?= module kernel guest tools check litmus lint bench bench-apps prove prove-stats prove-again \
	prove-lemmas
deps:
	$(Q)tools/deps $(DEPS)

deps-%:
	$(Q)tools/deps $(if $(filter guest,$*),module guest,$*)

## clean: remove everything built or downloaded (VPT_BUILD=FOLDER: there)
clean:
	$(Q)rm -rf $(B)

## help: this list
help:
	@tools/help $(MAKEFILE_LIST)

.PHONY: module run check report check-more check-all check-ci check-debug table check-host check-guest lint deps \
	clean help guest-programs host-suite

-include $(wildcard $(foreach folder,host guest guest/lib spec model litmus preload bench \
	bench/guest bench/runner/* fuzz lines kernel-units install,build/$(folder)/*.d))

endif
