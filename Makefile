# `make` lists the targets. CI runs the same recipes (.ci/run).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Many tests wait for a proxy, a process or a time limit, so more of them run at the same time than the machine has processors.
export RUST_TEST_THREADS ?= $(shell echo $$((4 * $$(nproc))))

.PHONY: help demo test oracle check docs bench fuzz sanitize soak run image image-test release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show five requests through a real Envoy, then keep running until Ctrl-C (ONCE=1: end after the five; FORM=module: accredit inside Envoy)
	@command -v python3 >/dev/null || { echo "The demo needs Python 3.10 or newer, and 'python3' was not found; install it (Debian and Ubuntu: apt-get install python3 python3-venv)." >&2; exit 1; }
	@exec python3 demo/demo.py $(if $(FORM),--form $(FORM)) $(if $(filter-out 0,$(ONCE)),--once)

test: ## Run every test, including those with a real Envoy and other clients and issuers (downloaded once)
	@scripts/envoy.sh >/dev/null
	@scripts/envoys.sh
	@scripts/foreign.sh
	@scripts/promtool.sh >/dev/null
	@scripts/redis.sh >/dev/null
	@scripts/deploy.sh
	cargo test --locked --workspace
	@.tools/deploy/bin/python -B tests/deploy/run.py

oracle: ## Judge 20,000 generated tokens with accredit, npm jose and PyPI joserfc (about three minutes)
	@scripts/foreign.sh
	ORACLE_TOKENS=20000 cargo test --locked --test foreign oracle -- --nocapture

check: ## Check format, lints, documentation and dependencies
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	scripts/deny.sh

docs: ## Build the documents as one website with search, into target/book
	@scripts/docs.py

bench: ## Measure the cost of a check against a server that looks at nothing, and write docs/performance.md (needs valgrind)
	@scripts/bench.sh

fuzz: ## Fuzz each target for FUZZ_SECONDS, 60 by default (needs a nightly toolchain)
	@scripts/fuzz.sh

sanitize: ## Run the tests of the module's hooks under AddressSanitizer (needs a nightly toolchain)
	@scripts/sanitize.sh

soak: ## Load a release build for about seven minutes with junk, rotations, reloads and slow peers; report in target/soak (SOAK_SCALE=0.1: 2 minutes; FORM=module: three minutes inside Envoy)
	$(if $(filter module,$(FORM)),envoy=$$(scripts/envoy.sh); module=$$(scripts/module.sh); SOAK_FORM=module SOAK_ENVOY=$$envoy SOAK_MODULE=$$module )cargo bench --locked --bench soak

run: ## Run the service with its embedded development issuer (accredit dev)
	cargo run --locked -- dev

image: ## Build the container image and its software bill of materials into target/image (needs buildah; FORM=module: the image that carries the module)
	@deploy/$(if $(filter module,$(FORM)),module,docker)/image.sh

image-test: image ## Inspect the image, start it, and send it a check
	@scripts/deploy.sh
	@.tools/deploy/bin/python -B tests/deploy/image.py

release: ## Build a release into target/release-VERSION: archive, symbols, Debian package, chart, bill of materials, checksums
	@scripts/release.sh

clean: ## Remove everything built or downloaded: target, fuzz/target, .venv, .tools, node_modules
	rm -rf target fuzz/target .venv .tools tests/foreign/node/node_modules tests/deploy/node/node_modules
