# Every target is a line; the work is in scripts/.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench bench-link soak fuzz lib dist install install-sandbox uninstall deb examples header fmt lint mutants docs size abi abi-baseline deny sbom reproducible kotlin aar clean

help: ## list these
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: ## upload a photo to the sandbox and fetch it back, then once more over a connection that breaks; FILE=... another file, LIVE=1 to Linq itself
	@scripts/demo

test: ## see in minutes whether all that matters works; installs no more than make demo
	@scripts/test quick

test-all: ## run every test; installs what that needs
	@scripts/test all

bench: ## compare with curl, libcurl, Go and requests; BENCH_RUNS=... how often. benches/README.md
	@benches/run

bench-link: ## the same over an emulated link, as root; BENCH_LINK=all or "100/10/0 300/50/1" (ms/Mbit/%): not only a selection
	@benches/run-link

soak: ## 32 threads, then queues, against a network that fails at random; SECONDS=... how long each
	LINQ_SOAK_SECONDS=$(or $(SECONDS),600) cargo test --locked -p linq --test soak -- --ignored --nocapture

fuzz: ## look for inputs that break it; TARGET=... one of fuzz/fuzz_targets, or hostile; SECONDS=60 for each; SEED=... for hostile
	@scripts/fuzz $(if $(filter hostile,$(TARGET)),hostile "$(SEED)" "$(SECONDS)",run "$(TARGET)" "$(SECONDS)")

lib: ## build liblinq.so and liblinq.a as they ship, into target/release
	scripts/lib

dist: ## release archives for Linux, Android, macOS and iOS, the source, and the sandbox, in target/dist; TARGETS="linux-x86_64 android-x86_64" some of them
	@scripts/dist $(strip $(TARGETS))

install: ## linq-upload, headers, libraries, linq.pc, CMake package, manual; PREFIX=/usr/local LIBDIR=... INCLUDEDIR=... DESTDIR=...
	@scripts/install

install-sandbox: ## linq-sandbox, which stands in for Linq in tests of your own; PREFIX=/usr/local DESTDIR=...
	@scripts/install --sandbox

uninstall: ## remove exactly what install put there; with the same PREFIX and DESTDIR
	@scripts/install --uninstall

deb: ## make Debian packages, liblinq0 and liblinq-dev, in target/debian
	@scripts/deb

kotlin: ## build the jar for Kotlin and Java into target/dist/maven; needs a JDK and Maven; TARGETS="linux-x86_64 linux-aarch64" for other machines too
	@scripts/kotlin $(strip $(TARGETS))

aar: ## build the library for Android apps into target/dist/maven; needs a JDK and Maven; TARGETS="android-arm64-v8a ..." some of them
	@scripts/aar $(strip $(TARGETS))

examples: ## build the library, the sandbox and the examples in C, into target/release
	@scripts/examples

header: ## write include/linq.h anew from src/ffi
	cargo build --locked -p linq

fmt: ## format the Rust sources
	cargo fmt --all

lint: ## what must be clean: rustfmt, clippy
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

mutants: ## break each promise of linq.h on purpose and see its test fail
	scripts/mutants

docs: ## make the reference and its pages, as HTML, in target/docs
	@scripts/docs

size: ## build the library as small as it gets, and show what takes the room
	@scripts/size

abi: ## compare the binary interface with abi/liblinq.so.0.xml; docs/ABI.md says what may change
	@scripts/abi

abi-baseline: ## accept what the binary interface has grown; refuses anything else
	@scripts/abi --baseline

deny: ## cargo-deny over deny.toml: licences, sources, versions, and what is known to be dangerous
	@scripts/deny

sbom: ## write a bill of materials (CycloneDX) to target/sbom
	@scripts/supply sbom

reproducible: ## build the library again as somebody else would, and compare the bytes
	@scripts/reproducible

clean: ## remove everything that was built
	cargo clean
