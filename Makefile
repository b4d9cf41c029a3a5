# One command each; every one installs what it needs by itself, quickly the second time. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
READY := .venv/.ready
TOOLS := oathtool openssl strace chromium npm ssh-agent=openssh-client \
  /usr/share/gocode/src/golang.org/x/mod=golang-golang-x-mod-dev

.PHONY: help demo test lint types contracts unit bench soak gate lock clean
help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements/all.txt pyproject.toml scripts/environment.sh
	@bash scripts/environment.sh
	@touch $@

demo: $(READY) ## Stepwarden and a small bank behind it, with traffic; ATTACK=stuffing lets an attacker in
	@$(PY) -m demo $(if $(ATTACK),--attack $(ATTACK)) $(DEMO_ARGS)

test: lint types contracts unit ## lint, strict types, import contracts, all tests

lint: $(READY) ## ruff: style and suspicious code
	@$(PY) -m ruff check -q . && $(PY) -m ruff format -q --check .

types: $(READY) ## mypy --strict
	@$(PY) -m mypy

contracts: $(READY) ## import-linter: who may import whom
	@.venv/bin/lint-imports

unit: $(READY) ## the tests
	@bash scripts/tools.sh $(TOOLS)
	@$(PY) -m pytest -q -m "not soak" -n auto --dist loadfile

soak: $(READY) ## long runs
	@bash scripts/tools.sh $(TOOLS)
	@$(PY) -m pytest -q -m soak

bench: $(READY) ## one table of speed and memory, each figure beside a peer or a physical limit
	@bash scripts/tools.sh wrk
	@$(PY) -m bench

gate: $(READY) ## is CANDIDATE=policy.yaml a worse policy than the one that ships?
	@.venv/bin/stepwarden lab gate --candidate $(CANDIDATE) $(GATE_ARGS)

lock: $(READY) ## write requirements/all.txt anew: names, versions, hashes, no address
	@bash scripts/lock.sh

clean: ## remove the environment and everything made
	@rm -rf .venv .venv-soft tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-data var
