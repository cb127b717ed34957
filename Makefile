# One command list for people and for CI. `make` alone prints it.
.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev

# The interpreter that starts the bootstrap. It is tried, not looked up: a version manager's shim may exist and not run.
STARTER = $(shell for p in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1; then echo $$p; break; fi; done)
BOOTSTRAP = starter="$(STARTER)"; \
	if [ -z "$$starter" ]; then echo "sluice: Python 3.11 or newer is needed, and no python3 runs here." >&2; exit 1; fi; \
	PYTHON="$(PYTHON)" exec $$starter -I layers/sluice/python/sluice/local/bootstrap.py
VENV := .venv/bin

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Start the whole gateway on this machine: http://127.0.0.1:8787 (PORT=... for another port)
	@exec $(VENV)/python -m sluice.local

setup: ## Install what `make run` needs into .venv and .venv-ministack
	@$(BOOTSTRAP) local

setup-dev: ## Install that and the development tools
	@$(BOOTSTRAP) dev
