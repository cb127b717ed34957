# One command list for people and for CI. `make` alone prints it.
.DEFAULT_GOAL := help
.PHONY: bounds dashboard prices help run setup setup-dev setup-clients test quick check lint format types imports recordings drill-kill \
	drill-input drill-clone drill-rotation drill-agents crash race chaos soak failover drill-restore bench bench-accounting bench-catalogue costs load build synth deploy deploy-local sbom catalogue lock

# The interpreter that starts the bootstrap. It is tried, not looked up: a version manager's shim may exist and not run.
STARTER = $(shell for p in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1; then echo $$p; break; fi; done)
BOOTSTRAP = starter="$(STARTER)"; \
	if [ -z "$$starter" ]; then echo "sluice: Python 3.11 or newer is needed, and no python3 runs here." >&2; exit 1; fi; \
	PYTHON="$(PYTHON)" exec $$starter -I layers/sluice/python/sluice/local/bootstrap.py
VENV := .venv/bin
# The CDK library says at length that Node 20 is old; it works.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Start the whole gateway on this machine: http://127.0.0.1:8787 (PORT=... for another port)
	@exec $(VENV)/python -m sluice.local

setup: ## Install what `make run` needs into .venv and .venv-ministack
	@$(BOOTSTRAP) local

setup-dev: ## Install that and the development tools
	@$(BOOTSTRAP) dev

setup-clients: tests/clients/node/node_modules ## Install the clients that the tests run against the gateway
	@$(BOOTSTRAP) clients

test: setup-clients node_modules ## Set up everything and run all tests
	@$(VENV)/pytest $(PYTEST)

quick: setup-dev ## Run the tests that need no local stack and no deployment
	@$(VENV)/pytest -m "not stack and not deploy" $(PYTEST)

check: lint types imports ## Run every static check

lint: setup-dev ## Check style
	@$(VENV)/ruff check . && $(VENV)/ruff format --check .

format: setup-dev ## Rewrite the code in the project's style
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format .

types: setup-dev ## Check types
	@$(VENV)/mypy

imports: setup-dev ## Check who imports whom
	@$(VENV)/lint-imports --no-cache

recordings: setup-dev ## Drill: replay recorded provider traffic through dialects and the whole gateway
	@$(VENV)/python -m tests.drills.recordings

bounds: setup-dev ## Drill: the bound of input tokens against every recorded count
	@$(VENV)/python -m tests.drills.bounds

prices: setup-dev ## Drill: the cost of every recorded answer against an independent calculation
	@$(VENV)/python -m tests.drills.prices

drill-kill: setup-dev ## Drill: hanging, cut and garbled providers, leaving callers, killed environments
	@$(VENV)/python -m tests.drills.kill

drill-input: setup-dev ## Drill: bad input of every kind gets a clear 4xx in the caller's dialect
	@$(VENV)/python -m tests.drills.bad_input

drill-clone: setup-dev ## Drill: fresh clone, scrubbed environment, make run, curl, the README's snippets
	@$(VENV)/python -m tests.drills.clone

drill-agents: setup-dev ## Drill: Claude Code and Codex against the local stack (downloads 800 MB)
	@$(VENV)/python -m tests.drills.agents

drill-rotation: setup-dev ## Drill: provider keys rotate, are deleted, put back and staged under traffic; nobody notices
	@$(VENV)/python -m tests.drills.rotation $(ROTATION)

race: setup-dev ## Drill: many processes race for budgets and rate limits, 20 seeds, kills and lost answers in between
	@$(VENV)/python -m tests.drills.race $(RACE)

crash: setup-dev ## Drill: kill -9 of environments, roll-up and reconcile job; ledger, usage and counters agree
	@$(VENV)/python -m tests.drills.crash $(CRASH)

chaos: setup-dev ## Drill: 5,000 requests while the first of two providers has every fault there is
	@$(VENV)/python -m tests.drills.chaos $(CHAOS)

failover: setup-dev ## Drill: two regions, one of which loses tables, secrets or functions, under load (4 minutes)
	@$(VENV)/python -m tests.drills.failover $(FAILOVER)

soak: setup-dev ## Drill: 20,000 requests through the local stack; nothing may grow but ledger and logs
	@$(VENV)/python -m tests.drills.soak $(SOAK)

drill-restore: setup-dev ## Drill: all tables of a running gateway are emptied, and come back whole
	@$(VENV)/python -m tests.drills.restore $(RESTORE)

bench: setup-dev ## Measure added latency, CPU, cold start and memory (PEERS=litellm,portkey for comparison)
	@PEERS="$(PEERS)" $(VENV)/python -m benchmarks

bench-accounting: setup-dev ## Measure what budgets and limits add to a request: calls to DynamoDB, and CPU
	@$(VENV)/python -m benchmarks.accounting $(ACCOUNTING)

bench-catalogue: setup-dev ## Measure a cold look-up against the number of providers
	@$(VENV)/python -m benchmarks.catalogue_size

load: setup-dev ## Load a deployed gateway in steps: make load LOAD="--url https://... --callers 1,8,32"
	@$(VENV)/python -m benchmarks.deployed $(LOAD)

costs: setup-dev ## Reckon what the gateway itself costs: idle from the templates, and a million requests
	@$(VENV)/python -m benchmarks.costs $(COSTS)

build: setup-dev ## Build the Lambda layers into .build
	@$(VENV)/python -m infra.build

synth: setup-dev ## Write the CloudFormation templates to cdk.out
	@$(VENV)/python -m infra.app --build

deploy: setup-dev node_modules ## Deploy STAGE=... region by region; stops at the first that fails (REGIONS= FROM= BAKE=)
	@$(VENV)/python -m infra.deploy $(STAGE) $(if $(REGIONS),--regions $(REGIONS)) $(if $(FROM),--from $(FROM)) \
		$(if $(BAKE),--bake $(BAKE))

deploy-local: setup-dev node_modules ## Drill: deploy to a fresh emulator, use all of it, destroy it (REGIONS=a,b)
	@$(VENV)/python -m infra.deploy_local $(if $(REGIONS),--regions $(REGIONS))

dashboard: setup-dev ## Draw the dashboard's picture and the tables of alarms into docs
	@$(VENV)/python -m infra.observability.pages

sbom: setup-dev ## Write the bills of materials (CycloneDX 1.6): docs/sbom.json of what is deployed
	@$(VENV)/python -m infra.sbom

catalogue: setup-dev ## Refresh models and prices in the provider files
	@$(VENV)/python -m sluice.local.catalogue

tests/clients/node/node_modules: tests/clients/node/package.json tests/clients/node/package-lock.json
	@cd tests/clients/node && npm ci --no-audit --no-fund --loglevel=error --cache ../../../.cache/npm
	@touch tests/clients/node/node_modules

node_modules: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error --cache .cache/npm && touch node_modules

LOCK = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock: setup-dev ## Pin every dependency with its hashes
	@$(LOCK) pyproject.toml -o requirements.txt
	@$(LOCK) pyproject.toml --extra local -o requirements-local.txt
	@$(LOCK) pyproject.toml --extra local --extra dev -o requirements-dev.txt
	@$(LOCK) tests/clients/requirements.in -o tests/clients/requirements.txt
	@$(LOCK) tests/clients/requirements-litellm.in -o tests/clients/requirements-litellm.txt
