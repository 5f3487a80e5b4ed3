# What people do here. `make demo` to look, `make test` before a commit.

CARGO  ?= cargo
NPM    ?= npm
CLIPPY ?= $(CARGO) clippy --workspace --all-targets -- --deny warnings

.PHONY: demo test soak bench bench-store lint web web-test e2e agent agent-test agent-budget dist fuzz

# A hub with a page, this computer's sensors and a simulated fleet, on loopback. Prints one link.
demo: web
	$(CARGO) build --release --package telemetry-hub --package device-agent
	target/release/telemetry-hub demo $(DEMO_FLAGS)

# Everything CI checks: formatting, lints, Rust tests, web tests, browser journeys. Each test has a bound, and nothing is left
# running, whatever fails and also after Ctrl-C (.ci/bounded.py).
test: lint web-test web
	# Makes the programs too, with the features that tests bring along: `cargo build` would compile them another time.
	$(CARGO) test --workspace --no-run
	# The agent's budget is two minutes of waiting after a build: beside the tests.
	.ci/tests --beside .ci/agent-budget
	$(JOURNEYS)

# The long forms of the tests that break things: two thousand seeds of the simulation, kills, power cuts, failing and full
# disks, damage, chaos, and all floods at once. An hour or two.
soak:
	$(CARGO) build --workspace
	SIM_SEEDS=2000 $(CARGO) test --package telemetry-hub --test sim -- --nocapture
	CRASH_KILLS=200 $(CARGO) test --package telemetry-hub --test crash -- --nocapture
	SOAK=1 $(CARGO) test --package telemetry-hub --test faults -- --nocapture --test-threads 1
	SOAK=1 $(CARGO) test --package telemetry-hub --test floods -- --nocapture --test-threads 1
	$(CARGO) test --package telemetry-hub --lib every_zigbee_device -- --ignored

lint: web/node_modules/.installed
	$(CARGO) fmt --all --check
	cd web && $(NPM) run lint --silent
	$(CLIPPY)

# The page, into web/dist, from where the hub embeds it.
web: web/node_modules/.installed
	cd web && $(NPM) run build --silent && $(NPM) run size --silent

web-test: web/node_modules/.installed
	cd web && $(NPM) run check --silent && $(NPM) run gen:check --silent && ../.ci/bounded.py 600 $(NPM) test --silent

web/node_modules/.installed: web/package.json web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund --silent
	touch $@

# Journeys in a real Chromium against a real hub and a real agent.
JOURNEYS = .ci/chromium && cd web && ../.ci/bounded.py 1200 $(NPM) run e2e --silent
e2e: web/node_modules/.installed
	$(CARGO) build --workspace
	$(JOURNEYS)

# Figures: pure parts, then by the programs that ship the whole path, a fleet that loses its hub, and a flood (root).
bench:
	$(CARGO) bench --package telemetry-wire
	$(CARGO) bench --package telemetry-hub --bench silence
	$(CARGO) build --profile dist --package telemetry-hub --package device-agent
	$(CARGO) bench --package telemetry-hub --bench path
	$(CARGO) bench --package telemetry-hub --bench fleet
	$(CARGO) bench --package telemetry-hub --bench flood
	$(CARGO) bench --package telemetry-hub --bench told

# The table of the store, beside one row a reading: ingest by the programs that ship, a day of 10,000 series, queries.
# BENCH_FLAGS="--hours 2 --only day" for a part of it. Then queries over HTTP; QUERY_FLAGS="--hours 2" for a quick look.
bench-store:
	$(CARGO) build --profile dist --package telemetry-hub --package device-agent
	$(CARGO) bench --package telemetry-hub --bench store -- $(BENCH_FLAGS)
	$(CARGO) bench --package telemetry-hub --bench queries -- --year $(QUERY_FLAGS)

# What ships, in target/dist: hub and agent for this machine, small and fast, slow to build; and in agents/ beside the hub the
# agents that devices get from it. AGENT_TARGETS narrows those.
dist: web agent
	$(CARGO) build --profile dist --package telemetry-hub --package device-agent
	mkdir -p target/dist/agents
	cp target/agent/device-agent-* target/dist/agents/

# One static agent each for x86_64, aarch64 and armhf, at most 4 MB, in target/agent. AGENT_TARGETS narrows it.
agent:
	.ci/agent-targets $(AGENT_TARGETS)

# The aarch64 agent under qemu against a real hub.
agent-test:
	.ci/agent-targets aarch64
	.ci/agent-targets qemu
	# Of the workspace, as everywhere else: one package alone would have other features, and compile everything again.
	AGENT_TEST_CROSS=1 $(CARGO) test --workspace --test cross

# Size, memory and processor time of the agent as it ships, over the ten minutes that are promised.
agent-budget:
	$(CARGO) build --package telemetry-hub
	.ci/agent-budget 600 0.003

# Random bytes at every decoder, a minute each. Needs `cargo install cargo-fuzz`; see device-agent/wire/fuzz/README.md.
FUZZ_SECONDS ?= 60
fuzz:
	cd device-agent/wire && for target in packet message batch segment handshake_read; do \
	  mkdir -p fuzz/corpus/$$target && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target \
	    fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
