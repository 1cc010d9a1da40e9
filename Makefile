# The one menu of commands; .ci/run uses the same ones.
#
# Every build takes the whole workspace: cargo chooses the features of a dependency by the packages that are built, so
# another choice of packages would compile the same dependencies again.

# The scratch folder of `make demo`; made anew each time.
DEMO_DIR ?= .demo
ARGS ?=
# How long `make fuzz` works on each reader.
SECONDS ?= 60

.PHONY: help demo test test-long protocols fuzz check format lint docs source proto bench bench-scale bench-rivals

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## a synthetic site of 200,000 members, served and asked; ARGS=--once stops after printing
	cargo build --release --workspace --bins --examples
	target/release/examples/demo --loader target/release/loader --server target/release/graph-server \
	    --dir $(DEMO_DIR) $(ARGS)

test: target/python/ready ## everything that the tests need, and the tests
	tests/strace-installed
	cargo build --workspace --bins --tests
	CLOUD_PYTHON=$(CURDIR)/target/python/bin/python tests/run

test-long: target/python/ready ## the same tests with longer random histories, then the fuzzing (a quarter of an hour)
	tests/strace-installed
	cargo build --workspace --bins --tests
	CLOUD_TEST_LONG=1 CLOUD_PYTHON=$(CURDIR)/target/python/bin/python tests/run
	cargo test --manifest-path graph-server/engine/protocols/Cargo.toml --target-dir target/protocols
	fuzz/run $(SECONDS)

protocols: ## how the engine publishes, under every order of steps that the memory model allows (loom; seconds)
	cargo test --manifest-path graph-server/engine/protocols/Cargo.toml --target-dir target/protocols

fuzz: ## every reader of bytes from outside under libFuzzer; SECONDS=60 each, needs a C++ compiler
	fuzz/run $(SECONDS)

check: format lint docs source proto ## formatting, clippy, documentation, arrows and prose of the source, protos

format:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

source:
	cargo test -q -p cloud-source -- --nocapture

proto: target/python/ready
	target/python/bin/buf lint

bench: ## first figures at 2 million members (minutes; prints a table), then small ones of the engine alone
	cargo build --release --workspace --bins
	target/release/bench $(ARGS)
	cargo bench --workspace --bench engine

bench-scale: ## the figures at 22 million members and 120 million connections (30 minutes, 15 GB of disk)
	cargo build --release --workspace --bins
	target/release/bench --members 22000000 --mean-connections 10.91 --graph-only --remove-dumps $(ARGS)

bench-rivals: ## PostgreSQL 15 and Redis asked the same on the same graph of 2 million members (minutes)
	benches/rivals-installed
	cargo build --release --workspace --bins
	target/release/bench --graph-only --only rivals $(ARGS)

# Python for the foreign client's test, and buf for the protos.
target/python/ready: tests/python/setup tests/python/requirements.txt
	tests/python/setup target/python
	touch $@
