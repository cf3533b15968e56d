# Thin over the CMake presets; see CONTRIBUTING.md. Everything a target needs is installed or made the
# first time and found again after that.
PREFIX ?= /usr/local
DESTDIR ?=
JOBS := $(shell nproc)
# The cache holds kernel bundles and test images: outside the tree, shared by all clones.
export MSB_CACHE_DIR ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/microsandbox

# Clones of the tree share what they have compiled.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

build := build
msb := $(build)/bin/msb
# The first build shows its steps; later ones only what goes wrong. V=1 shows commands.
quiet = $(if $(V),-v,$(if $(wildcard $(build)/.built),--quiet))

.PHONY: all run build-run build build-all test test-kvm bench kernel fmt lint install dist clean kernel-any kernel-uml kernel-kvm
.NOTPARALLEL:

all: build

# Runs a command in a virtual machine booted from the built-in image.
run: build-run
	@$(msb) run -- sh -c 'echo "Hello from Linux $$(uname -r) in a virtual machine"'

# Builds what a run needs and what is installed, without the tests (and without what only they need).
build-run: target := runnable
build: target := product
build-run build: packages-build kernel-any
	@[ -f $(build)/build.ninja ] || cmake --preset release -DMSB_TESTS=OFF
	@cmake --build $(build) --target $(target) -j $(JOBS) -- $(quiet)
	@touch $(build)/.built

build-all: packages-build packages-test packages-sdk kernel-any
	@grep -qs '^MSB_BENCH:BOOL=ON' $(build)/CMakeCache.txt || cmake --preset release -DMSB_TESTS=ON -DMSB_BENCH=ON
	@cmake --build $(build) -j $(JOBS) -- $(quiet)
	@touch $(build)/.built

packages-%:
	@scripts/packages.sh $*

# The kernel bundle that is made fastest, unless the tuned one is there already.
kernel-any: packages-build
	@guest/kernel/have.sh uml-tuned uml-debian || guest/kernel/debian.sh || $(MAKE) kernel

# The tuned kernel, compiled from Debian's kernel source: minutes, once. ENGINE=kvm: that engine's, which is
# Debian's own: seconds.
kernel: kernel-$(or $(ENGINE),uml)
kernel-uml: packages-build packages-kernel
	@guest/kernel/have.sh uml-tuned || guest/kernel/tuned.sh
kernel-kvm: packages-build
	@guest/kernel/have.sh kvm-debian || guest/kernel/kvm_debian.sh

test: build-all
	@scripts/run_tests.sh $(build)

# In an emulated machine, as most machines on which this is developed have no KVM.
test-kvm: packages-kvm kernel-kvm build
	@tests/kvm/nested/run.sh $(build) tests/kvm/nested/boot.sh
	@tests/kvm/nested/run.sh $(build) tests/kvm/nested/ends.sh

bench: packages-bench kernel build
	@bench/run.sh $(build)

fmt: packages-check
	@scripts/format.sh --fix

lint: packages-check build-all
	@scripts/format.sh --check
	@scripts/check_layers.py $(build)
	@scripts/lint.sh $(build)

install: kernel build
	@cmake --install $(build) --prefix $(PREFIX) --strip

# A release in build/dist: archive, Debian package, installer, checksums.
dist: packages-dist kernel build
	@scripts/dist.sh $(build) $(build)/dist
	@ls -l $(build)/dist

clean:
	rm -rf build build-fuzz
