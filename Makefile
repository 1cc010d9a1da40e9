# The one menu of commands; .ci/run uses the same ones.
#
# Every build takes the whole workspace: cargo chooses the features of a dependency by the packages that are built, so
# another choice of packages would compile the same dependencies again.

# The scratch folder of `make demo`; made anew each time.
DEMO_DIR ?= .demo
ARGS ?=
# How long `make fuzz` works on each reader.
SECONDS ?= 60

# The protos as last released, for the check of changes that break them.
RELEASED_PROTOS = proto/released/protos.binpb

.PHONY: help demo demo-site test test-long protocols fuzz check format lint docs source proto proto-release errors-page bench \
    bench-scale bench-rivals bench-site bench-transactions

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## a synthetic site of 200,000 members, served and asked; ARGS=--once stops after printing
	cargo build --release --workspace --bins --examples
	target/release/examples/demo --loader target/release/loader --server target/release/graph-server \
	    --dir $(DEMO_DIR) $(ARGS)

demo-site: ## PostgreSQL with the tables of a community, served by one command; ARGS=--once ends after one round
	tests/postgres-installed
	cargo build --release --workspace --bins --examples
	target/release/examples/demo_site $(ARGS)

test: target/python/ready target/node/ready ## everything that the tests need, and the tests
	tests/strace-installed
	tests/postgres-installed 18
	cargo build --workspace --bins --tests
	tests/run

test-long: target/python/ready target/node/ready target/java/ready ## the same with longer random histories, a client in Java and PostgreSQL 14 to 18, then the fuzzing (a quarter of an hour)
	tests/strace-installed
	tests/postgres-installed 14 16 17 18
	cargo build --workspace --bins --tests
	CLOUD_TEST_LONG=1 tests/run
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

proto: target/python/ready ## the rules of the protos, and no change that breaks a released one
	target/python/bin/buf lint
	target/python/bin/buf breaking --against $(RELEASED_PROTOS)

proto-release: target/python/ready ## the image of the protos that later changes must not break, made again
	mkdir -p $(dir $(RELEASED_PROTOS))
	target/python/bin/buf build --exclude-source-info -o $(RELEASED_PROTOS)

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

bench-site: ## PostgreSQL as the core database: bootstrap, capture, its delay and its cost (minutes)
	tests/postgres-installed
	cargo build --release --workspace --bins
	target/release/bench --only core-database $(ARGS)

bench-transactions: ## the memory of capture and server while one transaction changes 22 million rows (30 minutes, 30 GB of disk)
	tests/postgres-installed
	cargo build --release --workspace --bins
	target/release/bench --members 22000000 --graph-only --only large-transactions $(ARGS)

errors-page: ## docs/errors.md made again from the answers of a server
	CLOUD_WRITE_DOCS=1 cargo test -q --workspace --test in_process -- errors_page

# What the clients in other languages need, and buf for the protos. A setup that finds no runtime says so, and leaves no
# ready file; in CI it fails.
target/python/ready: $(wildcard tests/clients/python/*)
	tests/clients/python/setup target/python

target/node/ready: $(wildcard tests/clients/node/*)
	tests/clients/node/setup target/node

target/java/ready: $(wildcard tests/clients/java/* tests/clients/java/src/main/java/cloud/*) $(wildcard proto/*/v1/*.proto)
	tests/clients/java/setup target/java
