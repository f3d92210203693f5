# Every target is a line; the work is in scripts/.
export PATH := $(HOME)/.cargo/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help demo test examples header fmt lint mutants clean

help: ## list these
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

demo: ## upload a photo to the sandbox and fetch it back; FILE=... another file, LIVE=1 to Linq itself
	@scripts/demo

test: ## run every test; installs what that needs
	@scripts/test

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

clean: ## remove everything that was built
	cargo clean
